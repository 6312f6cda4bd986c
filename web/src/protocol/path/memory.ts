/**
 * What a device remembers of the networks it was on: winners, proofs, freeze marks, private bridges tried, calls.
 *
 * 32 networks of 8 candidates each, for 30 days; the least recently used goes. Times are Unix seconds. The client keeps
 * the encoded form encrypted; what does not parse counts as nothing remembered.
 */
import { encodeText, parseText } from "../bytes.ts";
import { LINK_KINDS, type LinkKind } from "../calls/ladder.ts";

const NETWORKS = 32;
const CANDIDATES = 8;
const KEPT_S = 30 * 86_400;
/** A proof this young on this network needs no echo. */
export const PROOF_S = 86_400;
const SEGMENTED_S = 86_400;
/** Two marks within this time: segmented for a day. */
const MARK_S = 600;
export const PRIVATE_A_DAY = 3;

/**
 * One candidate on one network. won_at, proved_at: the last win and the last whole echo. last_ok: when it last carried.
 * marks, marked_at: signs that connections freeze after some kilobytes. segmented_until: until then it is used in
 * segments.
 */
export class Known {
  won_at = 0;
  proved_at = 0;
  last_ok = 0;
  marks = 0;
  marked_at = 0;
  segmented_until = 0;

  get usedAt(): number {
    return Math.max(this.won_at, this.last_ok, this.marked_at);
  }

  /** Whether its last echo still counts. */
  proved(now: number): boolean {
    return this.marks === 0 && this.proved_at > 0 && now < this.proved_at + PROOF_S;
  }

  segmented(now: number): boolean {
    return now < this.segmented_until;
  }

  /** A sign of freezing: 1 for a stall, 2 for an echo that stopped. Two in 10 minutes: segments for a day. */
  mark(weight: number, now: number): void {
    this.marks = weight + (now < this.marked_at + MARK_S ? this.marks : 0);
    this.marked_at = now;
    this.proved_at = 0;
    if (this.marks >= 2) this.segmented_until = now + SEGMENTED_S;
  }

  /** A whole echo came back: whatever was suspected is over. */
  prove(now: number): void {
    this.proved_at = now;
    this.marks = this.segmented_until = 0;
  }
}

const dayOf = (now: number): number => Math.floor(now / 86_400);

/**
 * One network. private: ids of the private endpoints tried on `private_day` (days since 1970). rung, rung_at: the kind of
 * attempt that carried a call last (see `protocol/calls/ladder`), and when.
 */
export class Network {
  used_at = 0;
  private_day = 0;
  private: string[] = [];
  known = new Map<string, Known>();
  rung = "";
  rung_at = 0;

  /** What is known of a candidate; a blank that is not kept where nothing is. */
  find(candidate: string): Known {
    return this.known.get(candidate) ?? new Known();
  }

  /** What is known of a candidate, kept from now on; the least recently used makes room. */
  keep(candidate: string): Known {
    const found = this.known.get(candidate);
    if (found) return found;
    if (this.known.size >= CANDIDATES) dropOldest(this.known, (one) => one.usedAt);
    const fresh = new Known();
    this.known.set(candidate, fresh);
    return fresh;
  }

  /** Candidates that won here, the last winner first. */
  winners(): string[] {
    const won = [...this.known].filter(([, known]) => known.won_at > 0);
    return won.sort(([, a], [, b]) => b.won_at - a.won_at).map(([id]) => id);
  }

  /** The private endpoints that were tried today. */
  privateTried(now: number): readonly string[] {
    return this.private_day === dayOf(now) ? this.private : [];
  }

  /** It is being tried. */
  notePrivate(endpoint: string, now: number): void {
    this.private = [...new Set([...this.privateTried(now), endpoint])];
    this.private_day = dayOf(now);
  }

  /** What carried a call here last, if that is not too long ago. */
  findRung(now: number): LinkKind | null {
    return LINK_KINDS.find((kind) => kind === this.rung && now < this.rung_at + KEPT_S) ?? null;
  }

  /** It carries a call; "" where nothing is to be remembered. */
  keepRung(kind: LinkKind | "", now: number): void {
    this.rung = kind;
    this.rung_at = now;
  }

  /** Proofs of this network count no more. */
  doubt(): void {
    for (const known of this.known.values()) known.proved_at = 0;
  }
}

function dropOldest<T>(all: Map<string, T>, usedAt: (one: T) => number, but?: string): void {
  const others = [...all].filter(([key]) => key !== but);
  const before = (a: [string, T], b: [string, T]): number => usedAt(a[1]) - usedAt(b[1]) || (a[0] < b[0] ? -1 : 1);
  const [oldest] = others.sort(before);
  if (oldest) all.delete(oldest[0]);
}

/** All networks by key. */
export class Memory {
  readonly networks = new Map<string, Network>();

  /** The network of this key, used now. What is too old or one too many is forgotten. */
  network(key: string, now: number): Network {
    for (const [other, network] of this.networks) {
      for (const [id, known] of network.known) if (now >= known.usedAt + KEPT_S) network.known.delete(id);
      if (now >= network.used_at + KEPT_S) this.networks.delete(other);
    }
    const found = this.networks.get(key) ?? new Network();
    this.networks.set(key, found);
    found.used_at = now;
    if (this.networks.size > NETWORKS) dropOldest(this.networks, (one) => one.used_at, key);
    return found;
  }
}

/** The form to store: JSON, the same in both languages. */
export function encodeMemory(memory: Memory): Uint8Array {
  return encodeText(
    JSON.stringify(memory, (_, value: unknown) => (value instanceof Map ? Object.fromEntries(value) : value)),
  );
}

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === "string";

/** Takes over the numbers of `from`; throws for anything else by a number's name. */
function numbers<T extends object>(blank: T, from: unknown): T {
  if (!isObject(from)) throw new TypeError();
  for (const [name, was] of Object.entries(blank)) {
    const value = from[name];
    if (typeof was !== "number" || value === undefined) continue;
    if (typeof value !== "number") throw new TypeError();
    Object.assign(blank, { [name]: value });
  }
  return blank;
}

const entries = (value: unknown): [string, unknown][] => {
  if (!isObject(value ?? {})) throw new TypeError();
  return Object.entries(value ?? {});
};

/** What was stored; an empty memory where it cannot be read. */
export function parseMemory(data: Uint8Array): Memory {
  const memory = new Memory();
  try {
    const found: unknown = JSON.parse(parseText(data));
    if (!isObject(found)) return memory;
    for (const [key, one] of entries(found["networks"])) {
      const network = numbers(new Network(), one);
      const { private: tried = [], known, rung = "" } = one as Json;
      if (!Array.isArray(tried) || !tried.every(isText) || !isText(rung)) throw new TypeError();
      network.private = tried;
      network.rung = rung;
      for (const [id, each] of entries(known)) network.known.set(id, numbers(new Known(), each));
      memory.networks.set(key, network);
    }
    return memory;
  } catch {
    return new Memory();
  }
}
