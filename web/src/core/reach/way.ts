/** Everything between this client and its server: documents, dialer, control calls, and what is shown of them. */
import type { Connection } from "../api.ts";
import { error, ZajilError } from "../../protocol/errors.ts";
import type { LinkKind } from "../../protocol/calls/ladder.ts";
import type { Candidate } from "../../protocol/path/candidates.ts";
import { Dialer } from "../../protocol/path/dialer.ts";
import { encodeMemory, parseMemory } from "../../protocol/path/memory.ts";
import type { Endpoint } from "../../protocol/reach/endpoints.ts";
import { once } from "../lazy.ts";
import { Calls } from "../shell/calls.ts";
import type { Network } from "../shell/network.ts";
import type { SessionState } from "../shell/runner.ts";
import { loadNetworks, saveNetworks } from "../state/reach.ts";
import type { Store } from "../store/types.ts";
import { SessionCaller } from "../transports/calls.ts";
import { Dialing, ownEndpoint, type Sealed } from "../transports/dialing.ts";
import { DirectCaller } from "../transports/direct.ts";
import type { Seals } from "../transports/sealed.ts";
import type { OpenSocket } from "../transports/websocket.ts";
import { RouteCaller } from "./caller.ts";
import { candidatesOf } from "./candidates.ts";
import { CHANNEL } from "./channels.ts";
import { Clock } from "./clock.ts";
import { Reach } from "./dialer.ts";
import { Documents } from "./documents.ts";
import { MOVING_MS, shownOf } from "./view.ts";

const DAY_MS = 86_400_000;
/** When a server without TLS is dialled again: nobody blocks it, it was restarted. */
const LAPTOP_ROUNDS_S: readonly number[] = [0, 1, 3, 7, 15, 30, 60];
/** Documents that could not be fetched are asked for again so much later. */
const AGAIN_MS = 60_000;
/** What was learned is saved at once: the page may go the next moment. More of it follows at most so often. */
const SAVE_MS = 500;

export interface WayParts {
  readonly store: Store;
  readonly base: URL;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly network: Network;
  /** `shown` may answer something else. */
  readonly changed: () => void;
  readonly problem: (problem: unknown) => void;
  readonly openSocket?: OpenSocket;
}

/** The way to the server. Begin with `open`. */
export class Way {
  readonly carriers: Reach;
  readonly calls: Calls;
  readonly documents: Documents;
  readonly #parts: WayParts;
  readonly #dialer: Dialer;
  readonly #dialing: Dialing;
  readonly #sealed: () => Promise<Sealed>;
  /** Calls over sessions alone, where some are to stay apart from others. */
  readonly sessions: SessionCaller;
  readonly #clock = new Clock({ slept: () => this.#doubt(), beat: () => void this.#refreshIfDue() });
  readonly #ends: (() => void)[] = [];
  #session: SessionState = { connected: false, locked: false };
  #moving: ReturnType<typeof setTimeout> | undefined;
  /** Whether an account is here, whose documents are to be kept fresh. */
  #settled = false;
  #stale = false;
  #refreshing = false;
  #refreshAt = 0;
  #changes = 0;
  #saving: ReturnType<typeof setTimeout> | undefined;
  #unsaved = false;

  private constructor(parts: WayParts, documents: Documents, memory: Uint8Array) {
    const now = (): number => this.#clock.now();
    this.#parts = parts;
    this.documents = documents;
    this.#sealed = once(
      () => import("../transports/sealed.ts"),
      ({ Seals, fetchRootAnswer }) => ({
        fetchRootAnswer,
        seals: new Seals({
          key: () => documents.sessionKey(),
          now: parts.now,
          offset: (ms) => this.noteOffset(ms),
        }),
      }),
    );
    this.#dialing = new Dialing({
      base: parts.base,
      sealed: this.#sealed,
      serverNow: () => documents.serverNow() / 1000,
      needRoot: (fetch) => documents.needRoot(fetch),
      openSocket: parts.openSocket,
    });
    this.#dialer = new Dialer({
      ...{ random: Math.random, memory: parseMemory(memory), network: networkKey(), now: now() },
      roundsS: this.#isLaptop ? LAPTOP_ROUNDS_S : undefined,
    });
    this.carriers = new Reach({
      dialer: this.#dialer,
      now,
      dial: (candidate, wanted, listener, signal) => this.#dialing.dial(candidate, wanted, listener, signal),
      changed: () => this.#changed(),
      problem: parts.problem,
    });
    this.sessions = new SessionCaller(this.carriers);
    const direct = new DirectCaller(parts.base);
    const isOrigin = (): boolean => this.#own().kind === "origin";
    this.calls = new Calls(new RouteCaller(this.carriers, { direct, isOrigin, sessions: this.sessions }));
    this.setCandidates();
    this.#ends.push(parts.network.listen((online) => this.#setOnline(online)));
    if (!parts.network.online()) this.carriers.setOnline(false);
  }

  static async open(parts: WayParts): Promise<Way> {
    const { store, now } = parts;
    const documents = await Documents.load({ store, now, changed: () => way.setCandidates() });
    const way = new Way(parts, documents, await store.look(loadNetworks));
    return way;
  }

  /** An account is here: keep its documents fresh from now on. */
  settle(): void {
    this.#settled = true;
    void this.#refreshIfDue();
  }

  /**
   * Ask for the documents before there is an account: its first calls are to be sealed where they must be. Rejects with
   * `not-this-server` where the server is not the one that a link named; without any answer they come later.
   */
  async learn(): Promise<void> {
    try {
      await this.documents.refresh(this.calls);
    } catch (problem) {
      if (!(problem instanceof ZajilError) || problem.code === "not-this-server") throw problem;
    }
  }

  /** Control calls over sessions that no other word shares, on every route: fetch would choose a connection itself. */
  callsApart(apart: string): Calls {
    return new Calls({ call: (call) => this.sessions.call({ ...call, apart }) });
  }

  /** What tabs are shown. */
  shown(): Omit<Connection, "since" | "queued"> {
    const { connected, locked, round_trip_ms, last_ok_at } = this.#session;
    const sessions = {
      answers: connected || this.#moving !== undefined,
      offline: locked || (!connected && !this.#parts.network.online()),
      roundTripMs: round_trip_ms,
    };
    return {
      ...shownOf(this.carriers.view, sessions),
      server: this.#parts.base.host,
      bridges: this.documents.bridges?.bridges.length ?? 0,
      ...(round_trip_ms === undefined ? {} : { round_trip_ms }),
      ...(last_ok_at === undefined ? {} : { last_ok_at }),
    };
  }

  /** The receiving session connected, went silent, or stopped for good. */
  noteSession(state: SessionState): void {
    const wasConnected = this.#session.connected;
    this.#session = { ...this.#session, ...state };
    if (state.connected || wasConnected) clearTimeout(this.#moving);
    if (state.connected) this.#moving = undefined;
    else if (wasConnected) {
      this.#moving = setTimeout(() => {
        this.#moving = undefined;
        this.#parts.changed();
      }, MOVING_MS);
    }
    this.#parts.changed();
  }

  /** The server's clock minus ours, in milliseconds. */
  noteOffset(ms: number): void {
    this.documents.noteOffset(ms).catch(this.#parts.problem);
  }

  /** The documents or the private bridges changed. */
  setCandidates(): void {
    this.carriers.setCandidates(this.#candidates());
    this.carriers.setOnline(this.#online());
  }

  /** The answer to ROOT over the first of these endpoints that gives one. Rejects with DialError. */
  fetchRoots: Dialing["fetchRoots"] = (endpoint, signal) => this.#dialing.fetchRoots(endpoint, signal);

  /** The kind of attempt that carried a call last on this network. */
  get rung(): LinkKind | null {
    return this.#dialer.findRung(this.#clock.now());
  }

  /** It has carried for a while; "": nothing is to be remembered. */
  keepRung(kind: LinkKind | ""): void {
    this.#dialer.keepRung(kind, this.#clock.now());
    this.#changed();
  }

  /** Whether the route carries media: no segments, and more than POSTs. Without one nobody knows, and it is true. */
  get carriesMedia(): boolean {
    return !this.carriers.chosen || this.#socket() !== undefined;
  }

  /**
   * Where one connection of media goes now, and the turns of its seal (`Seals.agree`) where it needs one. r: four hex
   * digits of its room. Rejects with Unreachable where no route carries media. People wait for it: between two looks
   * for a way, another one begins at once.
   */
  async openMedia(r: string): Promise<{ url: string; turns: ReturnType<Seals["agree"]> | null }> {
    if (!this.carriers.route) this.carriers.tap();
    await this.carriers.settled();
    const endpoint = this.#socket()?.endpoint;
    if (!endpoint) throw error("unreachable");
    const sealed = endpoint.kind === "origin" ? null : await this.#sealed();
    const turns = sealed && sealed.seals.agree(CHANNEL.MEDIA, "");
    return { url: this.#dialing.mediaUrl(endpoint, r), turns };
  }

  /**
   * The WebSocket of the route; beside POSTs, which may have been quicker alone, one that did not fail here. What failed
   * before there was a route again, or without TLS, says only that the server was away.
   */
  #socket(): Candidate | undefined {
    const { chosen, route, view } = this.carriers;
    if (!chosen || route?.mode !== "stream") return undefined;
    if (chosen.strategy === "wss") return chosen;
    return view.tries.find(
      ({ candidate: { endpoint, strategy }, result, inOutage }) =>
        endpoint.id === chosen.endpoint.id &&
        strategy === "wss" &&
        (this.#isLaptop || inOutage || (result !== "failed" && result !== "frozen")),
    )?.candidate;
  }

  get #isLaptop(): boolean {
    return this.#parts.base.protocol === "http:";
  }

  close(): void {
    for (const end of this.#ends.splice(0)) end();
    this.sessions.close();
    this.carriers.close();
    this.#clock.close();
    clearTimeout(this.#moving);
    clearTimeout(this.#saving);
  }

  #own(): Endpoint {
    return ownEndpoint(this.#parts.base, (at) => this.documents.isOrigin(at));
  }

  #candidates(): Candidate[] {
    return candidatesOf(this.#own(), this.documents.endpoints());
  }

  /**
   * Whether there is a network, as far as a browser can say: `onLine` alone is no sign that anything answers, but where
   * several hosts do not, it is what tells a network that blocks from none.
   */
  #online(): boolean | null {
    if (!this.#parts.network.online()) return false;
    const hosts = new Set(this.#candidates().map(({ endpoint }) => endpoint.host));
    return hosts.size > 1 ? true : null;
  }

  #setOnline(online: boolean): void {
    if (!online) return this.carriers.setOnline(false);
    this.carriers.setOnline(true);
    this.carriers.setNetwork(networkKey());
    this.#doubt();
    this.carriers.setOnline(this.#online());
  }

  /** It may be another network, which a browser cannot tell: old proofs count no more, nor does what carried calls. */
  #doubt(): void {
    if (this.rung) this.keepRung("");
    this.carriers.doubt();
  }

  #changed(): void {
    if (this.#dialer.changes !== this.#changes) {
      this.#changes = this.#dialer.changes;
      this.#unsaved = true;
      if (this.#saving === undefined) void this.#save();
    }
    if (!this.carriers.route && this.carriers.wanted && this.carriers.view.state !== "trying") this.#stale = true;
    void this.#refreshIfDue();
    this.#parts.changed();
  }

  async #save(): Promise<void> {
    this.#unsaved = false;
    this.#saving = setTimeout(() => {
      this.#saving = undefined;
      if (this.#unsaved) void this.#save();
    }, SAVE_MS);
    const memory = encodeMemory(this.#dialer.memory);
    try {
      await this.#parts.store.step("networks", this.#parts.now(), (tx) => saveNetworks(tx, memory));
    } catch (problem) {
      this.#parts.problem(problem);
    }
  }

  /** Newer documents: once a day, and after a time without any way. */
  async #refreshIfDue(): Promise<void> {
    const now = this.#parts.now();
    const due = this.#stale || now >= this.documents.fetchedAt + DAY_MS;
    if (!this.#settled || this.#refreshing || !due || now < this.#refreshAt || !this.carriers.route) return;
    this.#refreshing = true;
    this.#refreshAt = now + AGAIN_MS;
    try {
      await this.documents.refresh(this.calls);
      this.#stale = false;
    } catch (problem) {
      // A server without documents, or one that cannot be asked now: what is held stays.
      if (!(problem instanceof ZajilError)) this.#parts.problem(problem);
    } finally {
      this.#refreshing = false;
    }
  }
}

/** What a browser can tell of the network it is on: whether it is mobile, on some devices. */
function networkKey(): string {
  const navigator = globalThis.navigator as (Navigator & { connection?: { readonly type?: string } }) | undefined;
  const type = navigator?.connection?.type;
  return type === undefined ? "web" : `web ${type}`;
}
