/** Our candidates of one attempt on their way to the peer: after the description, at most 20, none that a policy hides. */
import { CANDIDATES, CANDIDATES_A_SIGNAL } from "../../../protocol/calls/limits.ts";
import { findType, hideCandidate } from "../../../protocol/calls/sdp.ts";
import type { IcePolicy } from "../../callorders.ts";
import type { Shared } from "./shared.ts";

/** Chromium's own words: how many networks this device has, and of what kind. No peer needs them. */
const OF_NETWORK = / network-(?:id|cost) \S+/g;

/** From such one nobody can be reached: it only calls those who listen, and no browser does. */
const CALLS_ONLY = / tcptype active/;
/** That no more candidates follow is said alone only after so many turns: each signal takes those after it their time. */
const LAST_TURNS = 10;

/** Addresses of networks that no relay reaches for anybody, as `zajil.calls.relay.conf` denies them; and mDNS names. */
const PRIVATE =
  /^(?:10\.|127\.|169\.254\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|::1$|f[cd]|fe[89ab])|\.local$/i;

/**
 * Of a peer's candidates, those worth a try. From a relay alone a private address is none: the relay refuses it, and
 * where it is the first to come, so that nothing else is left to try, Chromium gives the whole connection up.
 */
export const worthATry = (candidates: readonly string[], policy: IcePolicy): readonly string[] =>
  policy === "all" ? candidates : candidates.filter((one) => !isPrivate(one));

function isPrivate(candidate: string): boolean {
  const address = candidate.split(" ")[4] ?? "";
  return !candidate.includes(" typ relay") && PRIVATE.test(address);
}

export class CandidatesOut {
  readonly #to: { readonly leaf: number; readonly pc: number; readonly policy: IcePolicy };
  readonly #shared: Pick<Shared, "signal">;
  readonly #found: string[] = [];
  #sent = 0;
  #begun = false;
  #done = false;
  #told = false;
  /** Turns since something was sent. */
  #idle = 0;

  constructor(
    to: { readonly leaf: number; readonly pc: number; readonly policy: IcePolicy },
    shared: Pick<Shared, "signal">,
  ) {
    this.#to = to;
    this.#shared = shared;
  }

  /** The description was sent, or sent again: all candidates follow it. */
  begin(): void {
    this.#begun = true;
    this.#sent = 0;
    this.flush();
  }

  /** They go out together at the next `flush`. */
  add(candidates: readonly string[], done: boolean): void {
    this.#done ||= done;
    const shown = candidates.flatMap((one) => this.#shown(one));
    this.#found.push(...shown.slice(0, CANDIDATES - this.#found.length));
  }

  /** Called every 100 ms. */
  flush(): void {
    if (!this.#begun) return;
    this.#idle++;
    while (this.#sent < this.#found.length || (this.#done && !this.#told && this.#idle >= LAST_TURNS)) {
      this.#idle = 0;
      const cands = this.#found.slice(this.#sent, this.#sent + CANDIDATES_A_SIGNAL);
      this.#sent += cands.length;
      this.#told = this.#done && this.#sent === this.#found.length;
      this.#shared.signal(this.#to.leaf, { t: "cand", pc: this.#to.pc, cands, done: this.#told });
    }
  }

  /** As the peer may see it; empty for what the policy hides, and for what no peer would take. */
  #shown(candidate: string): readonly string[] {
    if (CALLS_ONLY.test(candidate)) return [];
    try {
      const type = findType(candidate);
      const bare = candidate.replaceAll(OF_NETWORK, "");
      if (this.#to.policy === "all") return [bare];
      return type === "relay" ? [hideCandidate(bare)] : [];
    } catch {
      return [];
    }
  }
}
