/** One client on ts-mls under the rules that the browser's wrapper will follow (docs/protocol/mls.md): traps closed, nothing defaulted. */
import {
  type Capabilities,
  type CiphersuiteImpl,
  type ClientConfig,
  type ClientState,
  type Extension,
  type KeyPackage,
  type MlsPrivateMessage,
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
import { type SuiteId, SUITES, encodeHex } from "./wire.ts";

type Leaf = KeyPackage["leafNode"];

/** Which signature key each identity may use; `validateCredential` answers from it alone and never defaults to yes. */
export type Directory = Map<string, string>;

export interface Received {
  readonly kind: "application" | "commit";
  readonly sender: number;
  readonly data: string;
  readonly aad: string;
}

const EXTENSION_TYPES = [0xf0a0, 0xf0a1];

export class Member {
  state: ClientState | undefined;
  private pending: { state: ClientState; removes: boolean } | undefined;
  private readonly packages = new Map<string, { publicPackage: KeyPackage; privatePackage: PrivateKeyPackage }>();

  private constructor(
    private readonly impl: CiphersuiteImpl,
    private readonly identity: Uint8Array,
    private readonly keys: { signKey: Uint8Array; publicKey: Uint8Array },
    private readonly directory: Directory,
  ) {}

  static async create(suite: SuiteId, identity: Uint8Array, directory: Directory): Promise<Member> {
    const impl = await getCiphersuiteImpl(getCiphersuiteFromName(SUITES[suite]));
    return new Member(impl, identity, await impl.signature.keygen(), directory);
  }

  /** The same client with a copy of the same state: what a thief of the device, or a removed member, still holds. */
  fork(): Member {
    const copy = new Member(this.impl, this.identity, this.keys, this.directory);
    copy.state = this.state;
    return copy;
  }

  get signatureKey(): Uint8Array {
    return this.keys.publicKey;
  }

  get active(): ClientState {
    if (this.state === undefined) throw new Error("not in a group");
    return this.state;
  }

  private config(pad: number): ClientConfig {
    return {
      keyRetentionConfig: { retainKeysForGenerations: 32, retainKeysForEpochs: 3, maximumForwardRatchetSteps: 2048 },
      lifetimeConfig: { maximumTotalLifetime: 90n * 86400n, validateLifetimeOnReceive: false },
      keyPackageEqualityConfig: {
        compareKeyPackages: (a, b) => identityOf(a.leafNode) === identityOf(b.leafNode),
        compareKeyPackageToLeafNode: (a, b) => identityOf(a.leafNode) === identityOf(b),
      },
      paddingConfig: { kind: "padUntilLength", padUntilLength: pad },
      authService: {
        validateCredential: async (credential, key) =>
          credential.credentialType === "basic" && this.directory.get(encodeHex(credential.identity)) === encodeHex(key),
      },
    };
  }

  async keyPackage(now: number): Promise<KeyPackage> {
    const capabilities: Capabilities = {
      versions: ["mls10"],
      ciphersuites: [SUITES[1], SUITES[83]],
      extensions: EXTENSION_TYPES,
      proposals: [],
      credentials: ["basic"],
    };
    const lifetime = { notBefore: BigInt(now - 3600), notAfter: BigInt(now + 89 * 86400) };
    const credential = { credentialType: "basic", identity: this.identity } as const;
    const made = await generateKeyPackageWithKey(credential, capabilities, lifetime, [], this.keys, this.impl);
    this.packages.set(encodeHex(await makeKeyPackageRef(made.publicPackage, this.impl.hash)), made);
    return made.publicPackage;
  }

  async create(groupId: Uint8Array, extensions: Extension[], now: number): Promise<void> {
    await this.keyPackage(now);
    const own = [...this.packages.values()].at(-1)!;
    this.packages.clear();
    this.state = await createGroup(groupId, own.publicPackage, own.privatePackage, extensions, this.impl, this.config(256));
  }

  /** Joins with whichever own KeyPackage the Welcome names; the used one is deleted. Returns the GroupInfo extensions. */
  async join(welcome: Parameters<typeof joinGroupWithExtensions>[0]): Promise<Extension[]> {
    const ref = welcome.secrets.map(({ newMember }) => encodeHex(newMember)).find((name) => this.packages.has(name));
    const own = ref === undefined ? undefined : this.packages.get(ref);
    if (ref === undefined || own === undefined) throw new Error("no own KeyPackage in this Welcome");
    const { publicPackage, privatePackage } = own;
    const [state, extensions] = await joinGroupWithExtensions(
      welcome, publicPackage, privatePackage, emptyPskIndex, this.impl, undefined, undefined, this.config(256),
    );
    this.packages.delete(ref);
    this.state = state;
    return extensions;
  }

  async commit(proposals: Proposal[], aad: Uint8Array): Promise<Awaited<ReturnType<typeof createCommit>>> {
    const state = this.active;
    const made = await createCommit(
      { state, cipherSuite: this.impl, pskIndex: emptyPskIndex },
      { extraProposals: proposals, ratchetTreeExtension: true, authenticatedData: aad },
    );
    // createCommit leaves the handshake ratchet where it was: a second Commit in this epoch would reuse the generation.
    const ratchet = await consumeRatchet(state.secretTree, 2 * state.privatePath.leafIndex, "commit", this.impl);
    this.state = { ...state, secretTree: ratchet.newTree };
    this.pending = { state: made.newState, removes: proposals.some(({ proposalType }) => proposalType === "remove") };
    return made;
  }

  /** The server accepted our Commit. */
  apply(): void {
    if (this.pending === undefined) throw new Error("no Commit of our own waits");
    this.keep(this.pending.state, this.pending.removes);
  }

  async encrypt(data: Uint8Array, aad: Uint8Array, pad: number): Promise<Uint8Array> {
    const state = { ...this.active, clientConfig: this.config(pad) };
    const { newState, privateMessage } = await createApplicationMessage(state, data, this.impl, aad);
    this.state = newState;
    return encodeMlsMessage({ version: "mls10", wireformat: "mls_private_message", privateMessage });
  }

  async process({ privateMessage }: MlsPrivateMessage): Promise<Received> {
    const state = this.active;
    const past = state.historicalReceiverData.get(privateMessage.epoch);
    const secret = privateMessage.epoch < state.groupContext.epoch ? past?.senderDataSecret : state.keySchedule.senderDataSecret;
    if (secret === undefined) throw new Error("no keys for this epoch");
    const sender = await decryptSenderData(privateMessage, secret, this.impl);
    if (sender === undefined) throw new Error("sender data does not open");
    let removes = false;
    const result = await processPrivateMessage(state, privateMessage, emptyPskIndex, this.impl, (incoming) => {
      if (incoming.kind === "commit") removes = incoming.proposals.some(({ proposal }) => proposal.proposalType === "remove");
      return "accept";
    });
    const aad = encodeHex(privateMessage.authenticatedData);
    if (result.kind === "applicationMessage") {
      this.state = result.newState;
      return { kind: "application", sender: sender.leafIndex, data: encodeHex(result.message), aad };
    }
    checkMembers(state, result.newState, sender.leafIndex);
    this.keep(result.newState, removes);
    return { kind: "commit", sender: sender.leafIndex, data: "", aad };
  }

  async export(label: string, context: Uint8Array, length: number): Promise<Uint8Array> {
    return mlsExporter(this.active.keySchedule.exporterSecret, label, context, length, this.impl);
  }

  private keep(state: ClientState, removes: boolean): void {
    this.pending = undefined;
    this.state = removes ? { ...state, historicalReceiverData: new Map() } : state;
  }
}

export function members(state: ClientState): { index: number; leaf: Leaf }[] {
  return state.ratchetTree.flatMap((node, index) => (node?.nodeType === "leaf" ? [{ index: index / 2, leaf: node.leaf as Leaf }] : []));
}

export function identityOf(leaf: Pick<Leaf, "credential">): string {
  return leaf.credential.credentialType === "basic" ? encodeHex(leaf.credential.identity) : "";
}

/** Rules L6 and L7, which ts-mls lacks: run before a new state is kept. */
function checkMembers(before: ClientState, after: ClientState, committer: number): void {
  const now = members(after);
  for (const key of ["hpkePublicKey", "signaturePublicKey"] as const) {
    if (new Set(now.map(({ leaf }) => encodeHex(leaf[key]))).size !== now.length) throw new Error(`doubled ${key}`);
  }
  const [was, is] = [before, after].map((state) => members(state).find(({ index }) => index === committer)?.leaf);
  if (was !== undefined && is !== undefined && identityOf(was) !== identityOf(is)) throw new Error("committer changed client");
}

