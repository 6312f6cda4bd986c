/** A client on the product's wrapper: what the browser runs, saved and loaded between any two calls. */
import {
  type Env,
  Group,
  Rejected,
  type Saved,
  loadGroup,
  loadStaged,
  makeKeyPackage,
  parseKeyPackage,
  saveGroup,
  saveStaged,
} from "../../../web/src/core/mls/mls.ts";
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
  encodeHex,
  parseHex,
} from "./wire.ts";

const CAPABILITIES = {
  cipherSuites: [0x0001, 0x0053],
  extensions: [0xf0a0, 0xf0a1],
};

interface OwnPackage {
  readonly message: Uint8Array;
  readonly secrets: Uint8Array;
}

export class ProductClient implements Client {
  private saved: Saved | undefined;
  private staged: Uint8Array | undefined;
  private packages: OwnPackage[] = [];

  private constructor(
    private readonly suite: SuiteId,
    private readonly identity: Uint8Array,
    readonly signatureKey: Uint8Array,
    private readonly env: Env,
  ) {}

  static async create(
    suite: SuiteId,
    identity: Uint8Array,
    directory: Directory,
    now: number,
  ): Promise<ProductClient> {
    const pair = (await crypto.subtle.generateKey("Ed25519", false, [
      "sign",
      "verify",
    ])) as CryptoKeyPair;
    const signatureKey = new Uint8Array(
      await crypto.subtle.exportKey("raw", pair.publicKey),
    );
    const env: Env = {
      authenticate: (credential, key) => {
        if (directory.get(encodeHex(credential)) !== encodeHex(key))
          return Promise.reject(new Rejected("credential"));
        return Promise.resolve(credential);
      },
      sign: async (data) =>
        new Uint8Array(
          await crypto.subtle.sign(
            "Ed25519",
            pair.privateKey,
            data as Uint8Array<ArrayBuffer>,
          ),
        ),
      rng: (n) => crypto.getRandomValues(new Uint8Array(n)),
      now,
    };
    return new ProductClient(suite, identity, signatureKey, env);
  }

  fork(): ProductClient {
    const copy = new ProductClient(
      this.suite,
      this.identity,
      this.signatureKey,
      this.env,
    );
    copy.saved = this.saved;
    return copy;
  }

  private get group(): Group {
    if (this.saved === undefined) throw new Error("not in a group");
    return loadGroup(this.saved);
  }

  private keep(group: Group): void {
    this.saved = saveGroup(group);
  }

  async keyPackage(): Promise<Uint8Array> {
    const { keyPackage, secrets } = await makeKeyPackage(this.env, {
      suite: this.suite,
      credential: this.identity,
      signatureKey: this.signatureKey,
      capabilities: CAPABILITIES,
      lifetime: {
        notBefore: this.env.now - 3600,
        notAfter: this.env.now - 3600 + 89 * 86_400,
      },
    });
    this.packages.push({ message: keyPackage, secrets });
    return keyPackage;
  }

  async create(
    groupId: Uint8Array,
    extensions: readonly ExtensionRow[],
  ): Promise<void> {
    const { suite, identity: credential, signatureKey } = this;
    const rows = extensionsOf(extensions);
    this.keep(
      await Group.create(this.env, {
        groupId,
        suite,
        credential,
        signatureKey,
        capabilities: CAPABILITIES,
        extensions: rows,
      }),
    );
  }

  async join(welcome: Uint8Array): Promise<ExtensionRow[]> {
    let refusal: unknown = new Error("no KeyPackage was made");
    for (const own of this.packages) {
      try {
        const { group, info } = await Group.join(
          this.env,
          welcome,
          parseKeyPackage(own.message),
          own.secrets,
        );
        this.packages = this.packages.filter((other) => other !== own);
        this.keep(group);
        return rowsOf(info.extensions);
      } catch (problem) {
        refusal = problem;
      }
    }
    throw refusal;
  }

  async commit({ adds, removes, extensions, aad }: Intent): Promise<{
    message: Uint8Array;
    welcome: Uint8Array | undefined;
  }> {
    const proposals = [
      ...removes.map((remove) => ({ remove })),
      ...adds.map((add) => ({ add: parseKeyPackage(add) })),
      ...(extensions.length === 0
        ? []
        : [{ extensions: extensionsOf(extensions) }]),
    ];
    const { group, staged } = await this.group.commit(this.env, proposals, {
      aad,
    });
    if (staged.message === undefined) throw new Error("no message");
    this.keep(group);
    this.staged = saveStaged(staged);
    return { message: staged.message, welcome: staged.welcome };
  }

  async apply(): Promise<void> {
    if (this.staged === undefined)
      throw new Error("no Commit of our own waits");
    this.keep(loadStaged(this.staged).apply(this.group));
    this.staged = undefined;
  }

  async encrypt(
    data: Uint8Array,
    aad: Uint8Array,
    padTo: number,
  ): Promise<Uint8Array> {
    const { group, message } = await this.group.encrypt(this.env, data, {
      aad,
      padTo,
    });
    this.keep(group);
    return message;
  }

  async process(message: Uint8Array): Promise<Received> {
    const { group, event } = await this.group.receive(this.env, message);
    if (event.kind === "proposed") throw new Error("a standalone proposal");
    if (event.kind === "application") {
      this.keep(group);
      return {
        kind: "application",
        sender: event.sender,
        data: encodeHex(event.data),
        aad: encodeHex(event.aad),
      };
    }
    this.keep(event.apply());
    this.staged = undefined;
    return {
      kind: "commit",
      sender: event.committer,
      data: "",
      aad: encodeHex(event.aad),
    };
  }

  export(
    label: string,
    context: Uint8Array,
    length: number,
  ): Promise<Uint8Array> {
    return this.group.export(label, context, length);
  }

  state(): Standing {
    const { group } = this;
    const { groupContext } = group.snapshot.state;
    return {
      active: group.status,
      epoch: group.epoch,
      leaf: group.ownLeaf,
      epoch_authenticator:
        group.status === "removed" ? "" : encodeHex(group.epochAuthenticator),
      tree_hash: encodeHex(groupContext.treeHash),
      confirmed_transcript_hash: encodeHex(
        groupContext.confirmedTranscriptHash,
      ),
      extensions: rowsOf(group.extensions),
      members: group
        .members()
        .map(({ leaf, credential }) => [leaf, encodeHex(credential)]),
    };
  }
}

function extensionsOf(rows: readonly ExtensionRow[]) {
  return rows.map(([type, data]) => ({ type, data: parseHex(data) }));
}

function rowsOf(
  extensions: readonly { readonly type: number; readonly data: Uint8Array }[],
): ExtensionRow[] {
  return extensions.map(({ type, data }) => [type, encodeHex(data)]);
}
