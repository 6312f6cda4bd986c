/**
 * How much one device may say in a call, and how much this one says to it: neither is drained by the other's repeats;
 * twin of zajil.client.calls.budget.
 *
 * 300 signals at once and one a second after that, for each peer on its own; 8 of them `lost`, and one a second; 20
 * candidates of an attempt; an attempt's answer and four repeats of it. What begins or ends a call, which the server
 * keeps for a minute, is always let through. All of it is forgotten with the session: who reloads takes as much again,
 * but a peer cannot make anybody reload.
 */
import * as limits from "../../protocol/calls/limits.ts";
import { DURABLE, type Signal, type Unsupported } from "../../protocol/calls/signals.ts";

const EACH_MS = 1_000;
/** Attempts of a device whose counts are kept; more than can be open. */
const ATTEMPTS_KEPT = 64;

/** How often each attempt of a device did something, of its latest attempts. */
class Counts {
  readonly #counts = new Map<number, Map<number, number>>();

  add(leaf: number, pc: number, more: number): number {
    const counts = this.#counts.get(leaf) ?? new Map<number, number>();
    this.#counts.set(leaf, counts);
    const count = (counts.get(pc) ?? 0) + more;
    counts.delete(pc);
    counts.set(pc, count);
    const [oldest] = counts.keys();
    if (oldest !== undefined && counts.size > ATTEMPTS_KEPT) counts.delete(oldest);
    return count;
  }
}

/** Of one call. Times are milliseconds that never go back. */
export class SignalBudget {
  readonly #heard = new Map<number | null, number>();
  readonly #lost = new Map<number | null, number>();
  readonly #sent = new Map<number | null, number>();
  readonly #candidates = new Counts();
  readonly #answers = new Counts();

  /** Whether this device said no more than it may. */
  admits(leaf: number, signal: Signal | Unsupported, nowMs: number): boolean {
    if (DURABLE.includes(signal.t)) return true;
    if (!spend(this.#heard, leaf, nowMs)) return false;
    if (signal.t === "lost") return spend(this.#lost, leaf, nowMs, limits.LOSSES);
    return signal.t !== "cand" || this.#candidates.add(leaf, signal.pc, signal.cands.length) <= limits.CANDIDATES;
  }

  /** Whether the device, or all, that it is meant for should hear this too. */
  maySend(signal: Signal, nowMs: number): boolean {
    if (DURABLE.includes(signal.t)) return true;
    const answers = signal.t === "desc" && signal.role === "answer";
    if (answers && this.#answers.add(signal.to, signal.pc, 1) > 1 + limits.ANSWERS_AGAIN) return false;
    return spend(this.#sent, signal.to, nowMs);
  }
}

/** One of what a bucket holds. spent: when a bucket is full again; one that is full is not in it, or is past. */
function spend(spent: Map<number | null, number>, key: number | null, nowMs: number, most = limits.SIGNALS): boolean {
  const fullAt = Math.max(spent.get(key) ?? 0, nowMs) + EACH_MS;
  if (fullAt > nowMs + most * EACH_MS) return false;
  spent.set(key, fullAt);
  return true;
}
