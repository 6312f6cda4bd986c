/** A client on ts-mls alone, called as carefully as it allows: what is left over is what corrections and wrapper are for. */
import {
  type Capabilities,
  type CiphersuiteImpl,
  type ClientConfig,
  type ClientState,
  type KeyPackage,
  type PrivateKeyPackage,
  type Proposal,
  createApplicationMessage,
  createCommit,
  createGroup,
  emptyPskIndex,
  encodeMlsMessage,
  generateKeyPackageWithKey,
  getCiphersuiteFromName,
  getCiphersuiteImpl,
  joinGroupWithExtensions,
  mlsExporter,
  processPrivateMessage,
} from "ts-mls";
import { makeKeyPackageRef } from "ts-mls/keyPackage.js";
import { decryptSenderData } from "ts-mls/privateMessage.js";
import { consumeRatchet } from "ts-mls/secretTree.js";
import type {
  Client,
  Directory,
  Intent,
  Received,
  Standing,
} from "./client.ts";
import {
  type ExtensionRow,
  type SuiteId,
  SUITES,
  encodeExtensions,
  encodeHex,
  encodeMessage,
  parseExtensions,
  parseKeyPackage,
  parseMessage,
  parseWelcome,
} from "./wire.ts";

type Leaf = KeyPackage["leafNode"];

const EXTENSION_TYPES = [0xf0a0, 0xf0a1];

export class RawClient implements Client {
  private current: ClientState | undefined;
  private pending: { state: ClientState; removes: boolean } | undefined;
  private readonly packages = new Map<
    string,
    { publicPackage: KeyPackage; privatePackage: PrivateKeyPackage }
  >();

  private constructor(
    private readonly impl: CiphersuiteImpl,
    private readonly identity: Uint8Array,
    private readonly keys: { signKey: Uint8Array; publicKey: Uint8Array },
    private readonly directory: Directory,
    private readonly now: number,
  ) {}

  static async create(
    suite: SuiteId,
    identity: Uint8Array,
    directory: Directory,
    now: number,
  ): Promise<RawClient> {
    const impl = await getCiphersuiteImpl(
      getCiphersuiteFromName(SUITES[suite]),
    );
    return new RawClient(
      impl,
      identity,
      await impl.signature.keygen(),
      directory,
      now,
    );
  }

  /** The same client with a copy of the same state: what a thief of the device, or a removed member, still holds. */
  fork(): RawClient {
    const copy = new RawClient(
      this.impl,
      this.identity,
      this.keys,
      this.directory,
      this.now,
    );
    copy.current = this.current;
    return copy;
  }

  get signatureKey(): Uint8Array {
    return this.keys.publicKey;
  }

  get active(): ClientState {
    if (this.current === undefined) throw new Error("not in a group");
    return this.current;
  }

  private config(pad: number): ClientConfig {
    return {
      keyRetentionConfig: {
        retainKeysForGenerations: 32,
        retainKeysForEpochs: 3,
        maximumForwardRatchetSteps: 2048,
      },
      lifetimeConfig: {
        maximumTotalLifetime: 90n * 86400n,
        validateLifetimeOnReceive: false,
      },
      keyPackageEqualityConfig: {
        compareKeyPackages: (a, b) =>
          identityOf(a.leafNode) === identityOf(b.leafNode),
        compareKeyPackageToLeafNode: (a, b) =>
          identityOf(a.leafNode) === identityOf(b),
      },
      paddingConfig: { kind: "padUntilLength", padUntilLength: pad },
      authService: {
        validateCredential: async (credential, key) =>
          credential.credentialType === "basic" &&
          this.directory.get(encodeHex(credential.identity)) === encodeHex(key),
      },
    };
  }

  async keyPackage(): Promise<Uint8Array> {
    const keyPackage = await this.drawPackage();
    return parseBytes(
      encodeMessage({
        version: "mls10",
        wireformat: "mls_key_package",
        keyPackage,
      }),
    );
  }

  private async drawPackage(): Promise<KeyPackage> {
    const { now } = this;
    const capabilities: Capabilities = {
      versions: ["mls10"],
      ciphersuites: [SUITES[1], SUITES[83]],
      extensions: EXTENSION_TYPES,
      proposals: [],
      credentials: ["basic"],
    };
    const lifetime = {
      notBefore: BigInt(now - 3600),
      notAfter: BigInt(now + 89 * 86400),
    };
    const credential = {
      credentialType: "basic",
      identity: this.identity,
    } as const;
    const made = await generateKeyPackageWithKey(
      credential,
      capabilities,
      lifetime,
      [],
      this.keys,
      this.impl,
    );
    this.packages.set(
      encodeHex(await makeKeyPackageRef(made.publicPackage, this.impl.hash)),
      made,
    );
    return made.publicPackage;
  }

  async create(
    groupId: Uint8Array,
    rows: readonly ExtensionRow[],
  ): Promise<void> {
    await this.drawPackage();
    const own = [...this.packages.values()].at(-1);
    if (own === undefined) throw new Error("no KeyPackage");
    this.packages.clear();
    const extensions = parseExtensions(rows);
    this.current = await createGroup(
      groupId,
      own.publicPackage,
      own.privatePackage,
      extensions,
      this.impl,
      this.config(256),
    );
  }

  async join(message: Uint8Array): Promise<ExtensionRow[]> {
    const welcome = parseWelcome(encodeHex(message));
    const ref = welcome.secrets
      .map(({ newMember }) => encodeHex(newMember))
      .find((name) => this.packages.has(name));
    const own = ref === undefined ? undefined : this.packages.get(ref);
    if (ref === undefined || own === undefined)
      throw new Error("no own KeyPackage in this Welcome");
    const { publicPackage, privatePackage } = own;
    const [state, extensions] = await joinGroupWithExtensions(
      welcome,
      publicPackage,
      privatePackage,
      emptyPskIndex,
      this.impl,
      undefined,
      undefined,
      this.config(256),
    );
    this.packages.delete(ref);
    this.current = state;
    return encodeExtensions(extensions);
  }

  async commit({
    adds,
    removes,
    extensions,
    aad,
  }: Intent): Promise<{
    message: Uint8Array;
    welcome: Uint8Array | undefined;
  }> {
    const proposals: Proposal[] = [
      ...removes.map((removed): Proposal => ({
        proposalType: "remove",
        remove: { removed },
      })),
      ...adds.map((add): Proposal => ({
        proposalType: "add",
        add: { keyPackage: parseKeyPackage(encodeHex(add)) },
      })),
    ];
    if (extensions.length > 0) {
      const groupContextExtensions = {
        extensions: parseExtensions(extensions),
      };
      proposals.push({
        proposalType: "group_context_extensions",
        groupContextExtensions,
      });
    }
    const state = this.active;
    const made = await createCommit(
      { state, cipherSuite: this.impl, pskIndex: emptyPskIndex },
      {
        extraProposals: proposals,
        ratchetTreeExtension: true,
        authenticatedData: aad,
      },
    );
    // createCommit leaves the handshake ratchet where it was: a second Commit in this epoch would reuse the generation.
    const ratchet = await consumeRatchet(
      state.secretTree,
      2 * state.privatePath.leafIndex,
      "commit",
      this.impl,
    );
    this.current = { ...state, secretTree: ratchet.newTree };
    this.pending = {
      state: made.newState,
      removes: proposals.some(({ proposalType }) => proposalType === "remove"),
    };
    const { welcome } = made;
    return {
      message: parseBytes(encodeMessage(made.commit)),
      welcome:
        welcome &&
        parseBytes(
          encodeMessage({
            version: "mls10",
            wireformat: "mls_welcome",
            welcome,
          }),
        ),
    };
  }

  async apply(): Promise<void> {
    if (this.pending === undefined)
      throw new Error("no Commit of our own waits");
    this.keep(this.pending.state, this.pending.removes);
  }

  async encrypt(
    data: Uint8Array,
    aad: Uint8Array,
    pad: number,
  ): Promise<Uint8Array> {
    const state = { ...this.active, clientConfig: this.config(pad) };
    const { newState, privateMessage } = await createApplicationMessage(
      state,
      data,
      this.impl,
      aad,
    );
    this.current = newState;
    return encodeMlsMessage({
      version: "mls10",
      wireformat: "mls_private_message",
      privateMessage,
    });
  }

  async process(data: Uint8Array): Promise<Received> {
    const message = parseMessage(encodeHex(data));
    if (message.wireformat !== "mls_private_message")
      throw new Error("handshakes and messages are PrivateMessage");
    const { privateMessage } = message;
    const state = this.active;
    const past = state.historicalReceiverData.get(privateMessage.epoch);
    const secret =
      privateMessage.epoch < state.groupContext.epoch
        ? past?.senderDataSecret
        : state.keySchedule.senderDataSecret;
    if (secret === undefined) throw new Error("no keys for this epoch");
    const sender = await decryptSenderData(privateMessage, secret, this.impl);
    if (sender === undefined) throw new Error("sender data does not open");
    let removes = false;
    const result = await processPrivateMessage(
      state,
      privateMessage,
      emptyPskIndex,
      this.impl,
      (incoming) => {
        if (incoming.kind === "commit")
          removes = incoming.proposals.some(
            ({ proposal }) => proposal.proposalType === "remove",
          );
        return "accept";
      },
    );
    const aad = encodeHex(privateMessage.authenticatedData);
    if (result.kind === "applicationMessage") {
      this.current = result.newState;
      return {
        kind: "application",
        sender: sender.leafIndex,
        data: encodeHex(result.message),
        aad,
      };
    }
    checkMembers(state, result.newState, sender.leafIndex);
    this.keep(result.newState, removes);
    return { kind: "commit", sender: sender.leafIndex, data: "", aad };
  }

  async export(
    label: string,
    context: Uint8Array,
    length: number,
  ): Promise<Uint8Array> {
    return mlsExporter(
      this.active.keySchedule.exporterSecret,
      label,
      context,
      length,
      this.impl,
    );
  }

  state(): Standing {
    const state = this.active;
    return {
      active: state.groupActiveState.kind,
      epoch: Number(state.groupContext.epoch),
      leaf: state.privatePath.leafIndex,
      epoch_authenticator: encodeHex(state.keySchedule.epochAuthenticator),
      tree_hash: encodeHex(state.groupContext.treeHash),
      confirmed_transcript_hash: encodeHex(
        state.groupContext.confirmedTranscriptHash,
      ),
      extensions: encodeExtensions(state.groupContext.extensions),
      members: members(state).map(({ index, leaf }) => [
        index,
        identityOf(leaf),
      ]),
    };
  }

  private keep(state: ClientState, removes: boolean): void {
    this.pending = undefined;
    this.current = removes
      ? { ...state, historicalReceiverData: new Map() }
      : state;
  }
}

export function members(state: ClientState): { index: number; leaf: Leaf }[] {
  return state.ratchetTree.flatMap((node, index) =>
    node?.nodeType === "leaf"
      ? [{ index: index / 2, leaf: node.leaf as Leaf }]
      : [],
  );
}

export function identityOf(leaf: Pick<Leaf, "credential">): string {
  return leaf.credential.credentialType === "basic"
    ? encodeHex(leaf.credential.identity)
    : "";
}

/** Rules L6 and L7, which ts-mls lacks: run before a new state is kept. */
function checkMembers(
  before: ClientState,
  after: ClientState,
  committer: number,
): void {
  const now = members(after);
  for (const key of ["hpkePublicKey", "signaturePublicKey"] as const) {
    if (
      new Set(now.map(({ leaf }) => encodeHex(leaf[key]))).size !== now.length
    )
      throw new Error(`doubled ${key}`);
  }
  const [was, is] = [before, after].map(
    (state) => members(state).find(({ index }) => index === committer)?.leaf,
  );
  if (
    was !== undefined &&
    is !== undefined &&
    identityOf(was) !== identityOf(is)
  )
    throw new Error("committer changed client");
}

function parseBytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) =>
    Number.parseInt(pair, 16),
  );
}
