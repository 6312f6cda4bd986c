/** The values that cross the engine's edge. Bytes are not copied: never write into what you passed or were given. */
import type { KeyPackage as RawKeyPackage } from "ts-mls/keyPackage.js";

/** Why a credential is judged: we add this client ourselves; somebody else brings it in; it stands in a joined tree. */
export type Use = "send" | "receive" | "tree";

/** (identity of a basic credential, signature key, use) -> client id. Throws Rejected. */
export type Authenticate = (credential: Uint8Array, signatureKey: Uint8Array, use: Use) => Promise<Uint8Array>;

/** What the engine needs from outside. There is no default for any of it. */
export interface Env {
  readonly authenticate: Authenticate;
  /** Ed25519 signature (64 bytes) by the device key, which the engine never sees. */
  readonly sign: (data: Uint8Array) => Promise<Uint8Array>;
  /** n random bytes. */
  readonly rng: (n: number) => Uint8Array;
  /** Unix seconds. */
  readonly now: number;
}

/** type: IANA or private number. */
export interface Extension {
  readonly type: number;
  readonly data: Uint8Array;
}

/** What a leaf says it supports, by IANA number. Version mls10 and basic credentials are always listed. */
export interface Capabilities {
  readonly cipherSuites: readonly number[];
  readonly extensions: readonly number[];
}

/** Both ends inclusive, Unix seconds. */
export interface Lifetime {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** A member as the tree has it. client: what `authenticate` made of its credential. */
export interface MemberLeaf {
  readonly leaf: number;
  readonly client: Uint8Array;
  /** Identity of the basic credential. */
  readonly credential: Uint8Array;
  /** 32 bytes. */
  readonly signatureKey: Uint8Array;
}

/** A parsed KeyPackage; nothing of it is verified before `checkKeyPackage` or a Commit. */
export interface KeyPackage {
  readonly credential: Uint8Array;
  readonly signatureKey: Uint8Array;
  readonly suite: number;
  /** Suites its leaf lists, by number. */
  readonly able: readonly number[];
  readonly lastResort: boolean;
  /** Unix seconds. */
  readonly lifetime: Lifetime;
  /** For the engine alone. */
  readonly raw: RawKeyPackage;
}

/** What to commit, by value. extensions: the whole new list of the GroupContext, never empty. */
export type Proposal =
  { readonly add: KeyPackage } | { readonly remove: number } | { readonly extensions: readonly Extension[] };

/** An application message that opened and verified. */
export interface Application {
  readonly kind: "application";
  /** Leaf index in that epoch. */
  readonly sender: number;
  /** Of the sender's leaf then: identity of its basic credential, and the key that signed. */
  readonly credential: Uint8Array;
  readonly signatureKey: Uint8Array;
  readonly epoch: number;
  readonly generation: number;
  readonly aad: Uint8Array;
  readonly data: Uint8Array;
  /** Its key pushed an older, unused one out of the window: an ephemeral message with this set is dropped (7.2). */
  readonly pushedOut: boolean;
}

/** A standalone proposal, kept until the epoch ends. */
export interface Proposed {
  readonly kind: "proposed";
  readonly sender: number;
  readonly aad: Uint8Array;
}

/** Limits of mls.md 2 and 7, the same as in Python's Policy. */
export const LIMITS = {
  leaves: 1000,
  xwingLeaves: 128,
  generations: 2000,
  pendingProposals: 256,
  skipped: 32,
  forward: 2048,
  pastEpochs: 3,
  pastAgeS: 7 * 86_400,
  maxLifetimeS: 90 * 86_400,
  messageBytes: 4 << 20,
  extensions: 32,
  proposals: 1024,
  /** Of one kind in a leaf's capabilities. */
  capabilities: 1024,
  /** Nodes of a path, and of a ratchet tree of 1,024 leaves. */
  pathNodes: 32,
  treeNodes: 2047,
} as const;
