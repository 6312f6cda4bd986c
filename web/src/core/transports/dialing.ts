/** From a candidate to a carrier: which address, which strategy, sealed or plain. */
import { type Role, ROLE_PATHS } from "../../protocol/frames.ts";
import type { Candidate } from "../../protocol/path/candidates.ts";
import { bridgePath } from "../../protocol/reach/bridgepath.ts";
import type { Endpoint } from "../../protocol/reach/endpoints.ts";
import { randomBytes } from "../crypto.ts";
import { once } from "../lazy.ts";
import { CHANNEL } from "../reach/channels.ts";
import { type Carrier, type CarrierListener, type OpenCarrier, USABLE_DEADLINE_MS } from "./base.ts";
import { reach } from "./direct.ts";
import type { fetchRootAnswer, Seals } from "./sealed.ts";
import { dialWebSocket, type OpenSocket } from "./websocket.ts";

/** What `sealed.ts` brings. */
export interface Sealed {
  readonly seals: Seals;
  readonly fetchRootAnswer: typeof fetchRootAnswer;
}

export interface DialingParts {
  /** The address below which the server's /v1 lies: that of the page. */
  readonly base: URL;
  /** What seals carriers: it loads when the first one is to be sealed. Rejects with Unreachable. */
  sealed(): Promise<Sealed>;
  /** Unix seconds by the server's clock, as far as it is known. */
  serverNow(): number;
  /** Returns once there is a root document for seals, or rejects. fetch: the answer to ROOT over this way. */
  needRoot(fetch: () => Promise<Uint8Array>): Promise<void>;
  readonly openSocket?: OpenSocket | undefined;
}

/** For whom a carrier is. r: four hex digits of the session. lane: whose seal it goes on with, as `Seals`. */
export interface For {
  readonly role: Role;
  readonly r: string;
  readonly lane: string;
}

/** Dials what the dialer chose. */
export class Dialing {
  readonly #parts: DialingParts;

  /** Loads where a network lets no WebSocket through. */
  readonly #poll = once(
    () => import("./poll.ts"),
    ({ openPoll }) => openPoll,
  );

  constructor(parts: DialingParts) {
    this.#parts = parts;
  }

  /** A carrier, ready for the OPEN record. Rejects with DialError after 10 s, or when `signal` gives it up. */
  async dial(
    { endpoint, strategy }: Candidate,
    wanted: For,
    listener: CarrierListener,
    signal: AbortSignal,
  ): Promise<Carrier> {
    const patience = AbortSignal.any([signal, AbortSignal.timeout(USABLE_DEADLINE_MS)]);
    if (endpoint.kind === "origin") {
      if (strategy === "wss") return this.#open(endpoint, wanted, false)(listener, patience);
      // A carrier of POSTs tells nothing before the first record: whether somebody is there is asked apart.
      await reach(new URL("v1/config", this.#baseOf(endpoint)), patience);
      return this.#open(endpoint, wanted, true)(listener, patience);
    }
    const open = this.#open(endpoint, wanted, strategy === "poll");
    const { seals, fetchRootAnswer } = await this.#parts.sealed();
    await this.#parts.needRoot(() => fetchRootAnswer(open, patience));
    return seals.dial(open, CHANNEL[wanted.role], wanted.lane, listener, patience);
  }

  /** The answer to ROOT over a bridge. Rejects with DialError. */
  async fetchRoots(endpoint: Endpoint, signal: AbortSignal): Promise<Uint8Array> {
    const { fetchRootAnswer } = await this.#parts.sealed();
    const patience = AbortSignal.any([signal, AbortSignal.timeout(USABLE_DEADLINE_MS)]);
    return fetchRootAnswer(this.#open(endpoint, { role: "S", r: "0000", lane: "" }, false), patience);
  }

  /** The address of one WebSocket for media, good once. r: four hex digits of the room. */
  mediaUrl(endpoint: Endpoint, r: string): string {
    return socketUrl(this.#url(endpoint, { role: "S", r, lane: "" }));
  }

  /** Opens a bare carrier there; a bridge gets a path of its own each time. */
  #open(endpoint: Endpoint, wanted: For, polls: boolean): OpenCarrier {
    return async (listener, signal) => {
      const url = this.#url(endpoint, wanted);
      if (polls) return (await this.#poll())(url.href, listener);
      return dialWebSocket(socketUrl(url), listener, { signal, open: this.#parts.openSocket });
    };
  }

  #url(endpoint: Endpoint, { role, r }: For): URL {
    const base = this.#baseOf(endpoint);
    const { host, dir, token } = endpoint;
    const path =
      endpoint.kind === "origin"
        ? ROLE_PATHS[role].slice(1)
        : token
          ? bridgePath(token, host, dir, { nowS: this.#parts.serverNow(), nonce: randomBytes(8) })
          : `${dir === "" ? "" : `${dir}/`}v1/sealed`;
    const url = new URL(path, base);
    url.search = `r=${r}`;
    return url;
  }

  /** The page's own server is known by its whole address: it may lie under a prefix, or speak plain HTTP on a laptop. */
  #baseOf({ kind, host, port }: Endpoint): URL {
    const { base } = this.#parts;
    if (kind === "origin" && host === base.hostname && port === portOf(base)) return base;
    return new URL(`https://${host}${port === 443 ? "" : `:${String(port)}`}/`);
  }
}

function socketUrl(url: URL): string {
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

/** Id of the page's own server among the endpoints, where TLS ends at the server. */
export const OWN = "own";

/** The port of an HTTP address, also where it is the usual one. */
export function portOf({ port, protocol }: URL): number {
  return port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
}

/** The page's own server as an endpoint: a front, unless TLS ends at the server or there is none, on a laptop. */
export function ownEndpoint(base: URL, isOrigin: (at: Pick<Endpoint, "host" | "port">) => boolean): Endpoint {
  const at = { host: base.hostname, port: portOf(base), token: null, weight: 10, private: false };
  if (base.protocol === "http:" || isOrigin(at)) return { ...at, id: OWN, kind: "origin", dir: "" };
  return { ...at, id: `${OWN}-front`, kind: "front", dir: base.pathname.slice(1, -1) };
}
