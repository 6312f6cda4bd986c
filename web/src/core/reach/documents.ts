/**
 * The signed documents and private bridges of this client: verified, kept, refreshed (reach.md 10 to 13).
 *
 * The first root is pinned by the link by which the account was made, or trusted where the server itself hands it out.
 * A later link does not pin it: whoever had it pasted would be our server. Whatever does not verify leaves what is held
 * as it was.
 */
import * as control from "../../protocol/control.ts";
import { equal } from "../../protocol/bytes.ts";
import { AuthError, error, ZajilError } from "../../protocol/errors.ts";
import {
  type Endpoint,
  encodePrivateBridges,
  endpointsOf,
  parsePrivateBridges,
  type PrivateBridges,
} from "../../protocol/reach/endpoints.ts";
import { type Calls, tokenAuth } from "../shell/calls.ts";
import * as rows from "../state/reach.ts";
import type { Store } from "../store/types.ts";
import type { SessionKey } from "./seal.ts";
import {
  checkList,
  type EndpointList,
  followRoots,
  isOrigin,
  parseRootAnswer,
  type Root,
  sessionKeyOf,
  stepRoot,
} from "./signed.ts";

/** A clock that differs by less is right. */
const CLOCK_MS = 30_000;
/** So many root hashes are kept. */
const HASHES = 64;

export interface DocumentsParts {
  readonly store: Store;
  /** Unix milliseconds. */
  now(): number;
  /** Other endpoints than before. */
  changed(): void;
}

/** What is held. Begin with `load`. */
export class Documents {
  readonly #parts: DocumentsParts;
  #row: rows.ReachRow;
  #root: Root | null = null;
  #list: EndpointList | null = null;
  #bridges: PrivateBridges | null = null;

  private constructor(parts: DocumentsParts, row: rows.ReachRow) {
    this.#parts = parts;
    this.#row = row;
  }

  static async load(parts: DocumentsParts): Promise<Documents> {
    const row = await parts.store.look(rows.loadReach);
    const documents = new Documents(parts, row);
    const root = await orNull(() => stepRoot(null, row.root));
    documents.#root = root;
    documents.#list = root && (await orNull(() => checkList(root, row.list, null, parts.now() / 1000)));
    documents.#bridges = await orNull(() => parsePrivateBridges(row.bridges));
    return documents;
  }

  /** The private bridges held. */
  get bridges(): PrivateBridges | null {
    return this.#bridges;
  }

  /** Unix milliseconds of the last refresh, 0 for never. */
  get fetchedAt(): number {
    return this.#row.fetched_at;
  }

  /** Unix milliseconds by the server's clock, as far as it is known. */
  serverNow(): number {
    return this.#parts.now() + this.#row.offset_ms;
  }

  /** Public endpoints of the list, then private bridges. */
  endpoints(): readonly Endpoint[] {
    const own = this.#bridges ? endpointsOf(this.#bridges) : [];
    // Memory is kept by id: other bridges are not what the old ones were.
    const named = own.map((endpoint) => ({
      ...endpoint,
      id: `${endpoint.id}@${endpoint.host}:${String(endpoint.port)}`,
    }));
    return [...(this.#list?.endpoints ?? []), ...named];
  }

  /** The server's key for seals. Throws HomeError where no root is held. */
  sessionKey(): SessionKey {
    if (!this.#root) throw error("not-this-server", "no root yet");
    return sessionKeyOf(this.#root, this.serverNow() / 1000);
  }

  /** Returns once a root is held. fetch: the answer to ROOT. Rejects with HomeError where it is another server's. */
  async needRoot(fetch: () => Promise<Uint8Array>): Promise<void> {
    if (this.#root) return;
    if (!this.#pin) throw error("not-this-server", "nothing pins a root");
    await this.takeRoots(parseRootAnswer(await fetch()));
  }

  /** Whether TLS ends at the server itself there; before any root, at the page's own address. */
  isOrigin(at: Pick<Endpoint, "host" | "port">): boolean {
    return !this.#root || isOrigin(this.#root, at);
  }

  /** Before there is an account: pins the first root, null by nothing. One that another link led to is let go. */
  async pin(rootHash: Uint8Array | null): Promise<void> {
    if (this.#root && !this.#pin) return; // the server itself handed it out
    const ours = rootHash && this.isOurs(rootHash);
    const none = new Uint8Array();
    await this.#save({ pin: rootHash ?? none, ...(ours ? {} : { root: none, root_hashes: [], list: none }) });
    if (ours) return;
    this.#root = this.#list = null;
    this.#parts.changed();
  }

  get #pin(): Uint8Array | null {
    return this.#row.pin.length > 0 ? this.#row.pin : null;
  }

  /** Whether bridges with this root hash lead to our server; null: what we hold cannot tell. */
  isOurs(rootHash: Uint8Array): true | null {
    return this.#row.root_hashes.some((known) => equal(known, rootHash)) ? true : null;
  }

  /**
   * Learns whether bridges with this root hash lead to our server, from a chain of roots. envelopes: all of a server's.
   * Rejects with HomeError `not-this-server`.
   */
  async checkOurs(rootHash: Uint8Array, envelopes: readonly Uint8Array[]): Promise<void> {
    if (!this.#root && !this.#pin) return; // nothing is held that could tell
    try {
      const theirs = await followRoots(null, envelopes, { pinned: rootHash, nowS: 0 });
      const ours = await followRoots(this.#root, envelopes, { pinned: this.#pin, nowS: 0 });
      if (!equal(theirs.hash, ours.hash)) throw error("not-this-server");
    } catch (problem) {
      if (problem instanceof ZajilError) throw error("not-this-server");
      throw problem;
    }
    await this.takeRoots(envelopes);
    if (this.isOurs(rootHash) === null) await this.#save({ root_hashes: [...this.#row.root_hashes, rootHash] });
  }

  /** Keep these private bridges instead of those before. */
  async keepBridges(bridges: PrivateBridges): Promise<void> {
    await this.#save({ bridges: encodePrivateBridges(bridges) });
    this.#bridges = bridges;
    this.#parts.changed();
  }

  async forgetBridges(): Promise<void> {
    await this.#save({ bridges: new Uint8Array() });
    this.#bridges = null;
    this.#parts.changed();
  }

  /** The server's clock minus ours. */
  async noteOffset(ms: number): Promise<void> {
    if (Math.abs(ms - this.#row.offset_ms) >= CLOCK_MS) await this.#save({ offset_ms: ms });
  }

  /** Ask the server for newer documents, and where our private bridges are now. Rejects as `Calls.call`. */
  async refresh(calls: Calls): Promise<void> {
    const query = `?root=${String(this.#root?.version ?? 0)}`;
    const { roots, list } = await calls.call(control.REACH_DOCS, { query });
    if (roots.length > 0) await this.takeRoots(roots);
    await this.#takeList(list);
    await this.#refreshBridges(calls);
    await this.#save({ fetched_at: this.#parts.now() });
  }

  async #refreshBridges(calls: Calls): Promise<void> {
    const held = this.#bridges;
    if (!held) return;
    try {
      const { bridges } = await calls.call(control.BRIDGE_BUNDLE, { auth: tokenAuth(held.token) });
      const now = bridges.map(({ host, port, dir }) => [host, port, dir] as const);
      if (now.length > 0 && JSON.stringify(now) !== JSON.stringify(held.bridges))
        await this.keepBridges({ ...held, bridges: now });
    } catch (problem) {
      // A token that opens nothing any more is of no use.
      if (problem instanceof AuthError && this.#bridges === held) await this.forgetBridges();
      else if (!(problem instanceof ZajilError)) throw problem;
    }
  }

  /**
   * Follows the roots of a server's answer to a call. The first is trusted where nothing pins one: nothing can be sealed
   * before, so TLS to the page's own address brought it.
   */
  async takeRoots(envelopes: readonly Uint8Array[]): Promise<void> {
    const before = this.#root;
    const pinned = this.#pin;
    const root = await followRoots(before, envelopes, { pinned, nowS: this.serverNow() / 1000 });
    if (before && equal(root.hash, before.hash)) return;
    const hashes: Uint8Array[] = [];
    let newest = new Uint8Array();
    let step = before;
    for (const envelope of envelopes) {
      try {
        step = await stepRoot(step, envelope, step ? null : pinned);
      } catch (problem) {
        if (!(problem instanceof ZajilError)) throw problem;
        continue; // before the one that was pinned, or known
      }
      hashes.push(step.hash);
      if (equal(step.hash, root.hash)) newest = envelope.slice();
    }
    await this.#save({ root: newest, root_hashes: [...this.#row.root_hashes, ...hashes].slice(-HASHES) });
    this.#root = root;
    this.#parts.changed();
  }

  async #takeList(envelope: Uint8Array): Promise<void> {
    if (!this.#root) return;
    const list = await checkList(this.#root, envelope, this.#list, this.serverNow() / 1000);
    if (this.#list && equal(list.hash, this.#list.hash)) return;
    await this.#save({ list: envelope });
    this.#list = list;
    this.#parts.changed();
  }

  async #save(changes: Partial<rows.ReachRow>): Promise<void> {
    const { store, now } = this.#parts;
    this.#row = await store.step("reach", now(), (tx) => rows.changeReach(tx, changes));
  }
}

/** What is kept, null where it does not verify (any more): a newer root may have other keys for lists. */
async function orNull<T>(read: () => T | Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (problem) {
    if (!(problem instanceof ZajilError)) throw problem;
    return null;
  }
}
