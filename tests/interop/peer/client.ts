/** One client of the peer, whatever it runs on: messages are MLSMessage bytes, extensions are rows of number and hex. */
import type { ExtensionRow, SuiteId } from "./wire.ts";

/** Which signature key (hex) each identity (hex) may use; nobody else is believed. */
export type Directory = Map<string, string>;

export interface Intent {
  readonly adds: readonly Uint8Array[];
  readonly removes: readonly number[];
  readonly extensions: readonly ExtensionRow[];
  readonly aad: Uint8Array;
}

export interface Received {
  readonly kind: "application" | "commit";
  readonly sender: number;
  readonly data: string;
  readonly aad: string;
}

export interface Standing {
  readonly active: string;
  readonly epoch: number;
  readonly leaf: number;
  readonly epoch_authenticator: string;
  readonly tree_hash: string;
  readonly confirmed_transcript_hash: string;
  readonly extensions: ExtensionRow[];
  readonly members: [leaf: number, identity: string][];
}

export interface Client {
  readonly signatureKey: Uint8Array;
  /** The same client with a copy of the same state: what a thief of the device, or a removed member, still holds. */
  fork(): Client;
  keyPackage(): Promise<Uint8Array>;
  create(
    groupId: Uint8Array,
    extensions: readonly ExtensionRow[],
  ): Promise<void>;
  /** Joins with whichever own KeyPackage the Welcome names; the used one is deleted. The GroupInfo's extensions. */
  join(welcome: Uint8Array): Promise<ExtensionRow[]>;
  commit(
    intent: Intent,
  ): Promise<{
    readonly message: Uint8Array;
    readonly welcome: Uint8Array | undefined;
  }>;
  /** The server accepted our Commit. */
  apply(): Promise<void>;
  encrypt(data: Uint8Array, aad: Uint8Array, pad: number): Promise<Uint8Array>;
  process(message: Uint8Array): Promise<Received>;
  export(
    label: string,
    context: Uint8Array,
    length: number,
  ): Promise<Uint8Array>;
  state(): Standing;
}

/** now: Unix seconds. */
export type MakeClient = (
  suite: SuiteId,
  identity: Uint8Array,
  directory: Directory,
  now: number,
) => Promise<Client>;
