/** Members for tests: each with a device key in WebCrypto, all known to one directory. Time and randomness are real. */
import {
  Group,
  type Env,
  type KeyPackage,
  type Staged,
  SUITE_XWING,
  makeKeyPackage,
  parseKeyPackage,
  Rejected,
} from "../mls.ts";

/** ts-mls asks the clock about lifetimes where it adds a client. */
export const NOW_S = Math.floor(Date.now() / 1000);
export const CAPABILITIES = { cipherSuites: [0x0053, 0x0001], extensions: [0xf0a0, 0xf0a1] };

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function text(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}

export function hex(data: Uint8Array): string {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function fromHex(digits: string): Uint8Array {
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

export interface Client {
  readonly name: string;
  readonly signatureKey: Uint8Array;
  readonly env: Env;
}

/** Who holds which key; answers `authenticate`. Identity "account/device" is client "account/device". */
export class Directory {
  private readonly keys = new Map<string, string>();

  async client(name: string, now = NOW_S): Promise<Client> {
    const pair = (await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"])) as CryptoKeyPair;
    const signatureKey = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
    this.keys.set(name, hex(signatureKey));
    const env: Env = {
      authenticate: async (credential, key) => {
        if (this.keys.get(text(credential)) !== hex(key)) throw new Rejected("unknown");
        return credential;
      },
      sign: async (data) =>
        new Uint8Array(await crypto.subtle.sign("Ed25519", pair.privateKey, data as Uint8Array<ArrayBuffer>)),
      rng: (n) => crypto.getRandomValues(new Uint8Array(n)),
      now,
    };
    return { name, signatureKey, env };
  }

  trust(identity: string, key: Uint8Array): void {
    this.keys.set(identity, hex(key));
  }
}

export async function newGroup(
  client: Client,
  extensions = [{ type: 0xf0a0, data: bytes("settings") }],
): Promise<Group> {
  return Group.create(client.env, {
    groupId: bytes("group"),
    suite: SUITE_XWING,
    credential: bytes(client.name),
    signatureKey: client.signatureKey,
    capabilities: CAPABILITIES,
    required: [0xf0a0],
    extensions,
  });
}

export async function packageOf(
  client: Client,
  lastResort = false,
): Promise<{ keyPackage: KeyPackage; message: Uint8Array; secrets: Uint8Array; reference: Uint8Array }> {
  const made = await makeKeyPackage(client.env, {
    suite: SUITE_XWING,
    credential: bytes(client.name),
    signatureKey: client.signatureKey,
    capabilities: CAPABILITIES,
    lifetime: { notBefore: client.env.now - 3600, notAfter: client.env.now - 3600 + 89 * 86_400 },
    lastResort,
  });
  return {
    keyPackage: parseKeyPackage(made.keyPackage),
    message: made.keyPackage,
    secrets: made.secrets,
    reference: made.reference,
  };
}

export function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("missing");
  return value;
}

/** The foreign Commit in a message. */
export async function stagedOf(group: Group, client: Client, message: Uint8Array): Promise<Staged> {
  const { event } = await group.receive(client.env, message);
  if (event.kind !== "staged") throw new Error(`no Commit: ${event.kind}`);
  return event;
}

/** A whole group in one process: every Commit reaches everybody, and all reach the same epoch. */
export class Cast {
  readonly directory = new Directory();
  readonly clients = new Map<string, Client>();
  readonly groups = new Map<string, Group>();

  static async start(first: string): Promise<Cast> {
    const cast = new Cast();
    const client = await cast.meet(first);
    cast.groups.set(first, await newGroup(client));
    return cast;
  }

  async meet(name: string): Promise<Client> {
    const client = await this.directory.client(name);
    this.clients.set(name, client);
    return client;
  }

  client(name: string): Client {
    return present(this.clients.get(name));
  }

  group(name: string): Group {
    return present(this.groups.get(name));
  }

  leafOf(name: string, seenBy: string): number {
    return present(
      this.group(seenBy)
        .members()
        .find(({ client }) => text(client) === name),
    ).leaf;
  }

  /** Adds, removes, and lets everybody follow. */
  async commit(
    by: string,
    {
      add = [],
      remove = [],
      ghosts = 0,
      extensions,
    }: { add?: string[]; remove?: string[]; ghosts?: number; extensions?: { type: number; data: Uint8Array }[] } = {},
  ): Promise<Staged> {
    const packages = await Promise.all(
      add.map(async (name) => packageOf(this.clients.get(name) ?? (await this.meet(name)))),
    );
    for (let ghost = 0; ghost < ghosts; ghost++) {
      packages.push(await packageOf(await this.meet(`ghost ${this.clients.size}/1`)));
    }
    const proposals = [
      ...remove.map((name) => ({ remove: this.leafOf(name, by) })),
      ...packages.map(({ keyPackage }) => ({ add: keyPackage })),
      ...(extensions === undefined ? [] : [{ extensions }]),
    ];
    const { group, staged } = await this.group(by).commit(this.client(by).env, proposals, { aad: bytes("aad") });
    for (const [name, held] of [...this.groups]) {
      if (name === by) continue;
      const foreign = await stagedOf(held, this.client(name), present(staged.message));
      this.groups.set(name, foreign.apply());
    }
    this.groups.set(by, staged.apply(group));
    for (const name of remove) this.groups.delete(name);
    for (const [at, name] of add.entries()) {
      const { keyPackage, secrets } = present(packages[at]);
      const joined = await Group.join(this.client(name).env, present(staged.welcome), keyPackage, secrets);
      this.groups.set(name, joined.group);
    }
    return staged;
  }

  async say(by: string, what: string): Promise<Uint8Array> {
    const { group, message } = await this.group(by).encrypt(this.client(by).env, bytes(what), { aad: bytes("tag") });
    this.groups.set(by, group);
    return message;
  }

  async hear(name: string, message: Uint8Array): Promise<string> {
    const { group, event } = await this.group(name).receive(this.client(name).env, message);
    if (event.kind !== "application") throw new Error(event.kind);
    this.groups.set(name, group);
    return text(event.data);
  }
}
