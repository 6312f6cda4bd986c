/**
 * The keys of one call by epoch: which one seals, which ones still open, and that no counter is ever used twice.
 *
 * Reads no clock; times are milliseconds of any steady clock, the same in all calls. Source: docs/protocol/calls.md.
 */
import { error } from "../../protocol/errors.ts";
import { FrameRefused, importBaseKey, parseHeader, SFrameKey, SUITE_4 } from "./sframe.ts";

/** After a commit without a Remove senders leave the others time to learn the key. */
export const SWITCH_AFTER_MS = 1_000;
/** How long an old key still opens, after a Remove and after any other commit. */
export const KEEP_AFTER_REMOVE_MS = 2_000;
export const KEEP_MS = 10_000;
export const REPLAY_WINDOW = 512;
/** Frames that one `ctx` seals; then the next one is taken. */
export const CTR_LIMIT = 2 ** 24;
/**
 * KIDs of one leaf and epoch whose windows are kept; the one that was used last the longest ago goes first. So that no
 * frame of a forgotten ctx comes again, an Opener hears one ctx alone: that of an attempt which its sender named in a
 * signal. Where none is named, a ctx below the lowest of a full set counts as replayed.
 */
export const WINDOWS_PER_LEAF = 32;
export const MAX_LEAF = 0xffff;
const MAX_CTX = 2 ** 40 - 1;

/** `ctx << 24 | leaf << 8 | epoch & 0xff`. Throws LocalProtocolError for a leaf or ctx that does not fit. */
export function encodeKid(ctx: number, leaf: number, epoch: number): bigint {
  const fits = (number: number, limit: number): boolean => Number.isInteger(number) && number >= 0 && number <= limit;
  if (!fits(ctx, MAX_CTX) || !fits(leaf, MAX_LEAF) || !fits(epoch, Number.MAX_SAFE_INTEGER))
    throw error("wrong-call", "ctx, leaf or epoch does not fit a KID");
  return (BigInt(ctx) << 24n) | (BigInt(leaf) << 8n) | BigInt(epoch % 256);
}

export interface KidParts {
  readonly ctx: number;
  readonly leaf: number;
  /** The low 8 bits. */
  readonly epoch: number;
}

/** The parts of a KID. kid: below 2^64. */
export function parseKid(kid: bigint): KidParts {
  return { ctx: Number(kid >> 24n), leaf: Number((kid >> 8n) & 0xffffn), epoch: Number(kid & 0xffn) };
}

/** Which counters of one KID were seen: the highest, and a bit for each of the 512 up to it. */
export class ReplayWindow {
  #top = -1n;
  #seen = 0n;

  /** Whether this counter may still be opened. */
  isFresh(ctr: bigint): boolean {
    if (ctr > this.#top) return true;
    const age = this.#top - ctr;
    return age < BigInt(REPLAY_WINDOW) && ((this.#seen >> age) & 1n) === 0n;
  }

  /** Call once the frame has proved its tag. */
  mark(ctr: bigint): void {
    if (ctr > this.#top) {
      const step = ctr - this.#top;
      const kept = step < BigInt(REPLAY_WINDOW) ? this.#seen << step : 0n;
      this.#seen = BigInt.asUintN(REPLAY_WINDOW, kept | 1n);
      this.#top = ctr;
    } else this.#seen |= 1n << (this.#top - ctr);
  }
}

/** What one KID has proved. */
interface Known {
  readonly key: SFrameKey;
  readonly window: ReplayWindow;
}

class EpochKeys {
  readonly epoch: number;
  sealsFrom: number;
  dropsAt = Number.POSITIVE_INFINITY;
  readonly #base: Promise<CryptoKey>;
  /** By leaf, then by ctx, last used last; of KIDs with at least one genuine frame, so that foreign ones cost no memory. */
  readonly #known = new Map<number, Map<number, Known>>();

  constructor(epoch: number, base: Promise<CryptoKey>, sealsFrom: number) {
    this.epoch = epoch;
    this.#base = base;
    this.sealsFrom = sealsFrom;
  }

  derive = async (kid: bigint): Promise<SFrameKey> => await SFrameKey.derive(SUITE_4, await this.#base, kid);

  /** What is known of a KID. Throws FrameRefused `replayed` for one that may have been forgotten, if it is not named. */
  find({ leaf, ctx }: KidParts, named: boolean): Known | undefined {
    const known = this.#known.get(leaf);
    const found = known?.get(ctx);
    if (!named && known && !found && known.size >= WINDOWS_PER_LEAF && ctx < Math.min(...known.keys()))
      throw new FrameRefused("replayed");
    return found;
  }

  /** What only a frame with a valid tag may do. */
  keep({ leaf, ctx }: KidParts, one: Known): void {
    const known = this.#known.get(leaf) ?? new Map<number, Known>();
    known.delete(ctx);
    this.#known.set(leaf, known.set(ctx, one));
    const [oldest] = known.keys();
    if (known.size > WINDOWS_PER_LEAF && oldest !== undefined) known.delete(oldest);
  }
}

/** The epochs whose keys this call holds. */
export class KeyRing {
  #epochs: EpochKeys[] = [];

  /**
   * A new epoch's base key, 16 bytes; they are zeroed. removed: its commit took a member out.
   *
   * An epoch that is not above the newest is ignored. Of the newest it may be told again that it began with a Remove,
   * where the key was asked for by an earlier commit: then that takes effect now. Receivers may use it at once. Throws LocalProtocolError.
   */
  add(epoch: number, baseKey: Uint8Array, options: { readonly removed: boolean; readonly nowMs: number }): void {
    if (baseKey.length !== SUITE_4.nk) throw error("wrong-call", "base key of 16 bytes");
    const newest = this.#epochs.at(-1);
    const { removed, nowMs } = options;
    const dropsAt = nowMs + (removed ? KEEP_AFTER_REMOVE_MS : KEEP_MS);
    if (newest && epoch <= newest.epoch) {
      baseKey.fill(0);
      if (epoch < newest.epoch || !removed) return;
      newest.sealsFrom = Math.min(nowMs, newest.sealsFrom);
      for (const old of this.#epochs) if (old !== newest) old.dropsAt = Math.min(old.dropsAt, dropsAt);
      return;
    }
    const base = importBaseKey(baseKey.slice());
    baseKey.fill(0);
    const sealsFrom = removed || !newest ? nowMs : nowMs + SWITCH_AFTER_MS;
    for (const old of this.#epochs) old.dropsAt = Math.min(old.dropsAt, dropsAt);
    this.#epochs = this.#epochs.filter((old) => old.epoch % 256 !== epoch % 256);
    this.#epochs.push(new EpochKeys(epoch, base, sealsFrom));
  }

  /** The epoch that seals now. Throws FrameRefused `unknown-key` while there is none. */
  sealing(nowMs: number): EpochKeys {
    this.#drop(nowMs);
    const chosen = this.#epochs.findLast((keys) => keys.sealsFrom <= nowMs) ?? this.#epochs.at(-1);
    if (!chosen) throw new FrameRefused("unknown-key");
    return chosen;
  }

  /** The epoch with these low 8 bits. Throws FrameRefused `unknown-key`. */
  opening(low: number, nowMs: number): EpochKeys {
    this.#drop(nowMs);
    const found = this.#epochs.find((keys) => keys.epoch % 256 === low);
    if (!found) throw new FrameRefused("unknown-key");
    return found;
  }

  /** Epochs that still open, oldest first. */
  epochs(nowMs: number): readonly number[] {
    this.#drop(nowMs);
    return this.#epochs.map((keys) => keys.epoch);
  }

  /** Forget everything: the call has ended. */
  clear(): void {
    this.#epochs = [];
  }

  /** What one sending transform seals with. ctx: never used before in this call. leaf: our own. */
  sender(ctx: number, leaf: number, nextCtx?: () => number): Sealer {
    return new Sealer(this, { ctx, leaf, ...(nextCtx && { nextCtx }) });
  }

  /**
   * What one receiving transform opens with. leaf: the peer's; a frame of any other is refused.
   *
   * ctx: where the transform's attempt names it; a frame of another one is refused as foreign, too.
   */
  receiver(leaf: number, ctx?: number): Opener {
    return new Opener(this, leaf, ctx);
  }

  #drop(nowMs: number): void {
    if (this.#epochs.some((keys) => keys.dropsAt <= nowMs))
      this.#epochs = this.#epochs.filter((keys) => keys.dropsAt > nowMs);
  }
}

/** Seals in one ctx with a counter that goes on over epochs. */
export class Sealer {
  readonly #ring: KeyRing;
  readonly #leaf: number;
  readonly #nextCtx: (() => number) | undefined;
  #ctx: number;
  #ctr = 0;
  #held: { readonly epoch: number; readonly key: Promise<SFrameKey> } | undefined;

  constructor(ring: KeyRing, from: { readonly ctx: number; readonly leaf: number; readonly nextCtx?: () => number }) {
    this.#ring = ring;
    this.#ctx = from.ctx;
    this.#leaf = from.leaf;
    this.#nextCtx = from.nextCtx;
    encodeKid(from.ctx, from.leaf, 0);
  }

  /** The epoch of the last frame, undefined before the first: a change asks for a key frame of video. */
  get epoch(): number | undefined {
    return this.#held?.epoch;
  }

  /** `header || ciphertext || tag`. Throws FrameRefused `unknown-key` without a key, or where all counters are used. */
  async seal(plaintext: Uint8Array, metadata: Uint8Array, nowMs: number): Promise<Uint8Array> {
    const keys = this.#ring.sealing(nowMs);
    if (this.#ctr >= CTR_LIMIT) {
      if (!this.#nextCtx) throw new FrameRefused("unknown-key");
      this.#ctx = this.#nextCtx();
      this.#ctr = 0;
      this.#held = undefined;
    }
    if (this.#held?.epoch !== keys.epoch)
      this.#held = { epoch: keys.epoch, key: keys.derive(encodeKid(this.#ctx, this.#leaf, keys.epoch)) };
    // Taken before anything is awaited: a second frame meanwhile gets the next one.
    const ctr = this.#ctr++;
    const key = await this.#held.key;
    return await key.seal(BigInt(ctr), plaintext, metadata);
  }
}

/** Opens the frames of one leaf. Its windows are the ring's: a frame is opened once in a call, on whatever route. */
export class Opener {
  readonly #ring: KeyRing;
  readonly #leaf: number;
  readonly #ctx: number | undefined;

  constructor(ring: KeyRing, leaf: number, ctx: number | undefined) {
    this.#ring = ring;
    this.#leaf = leaf;
    this.#ctx = ctx;
  }

  /** The plaintext of `header || ciphertext || tag`. Throws FrameRefused. */
  async open(frame: Uint8Array, metadata: Uint8Array, nowMs: number): Promise<Uint8Array> {
    const header = parseHeader(frame);
    const kid = parseKid(header.kid);
    if (kid.leaf !== this.#leaf || (this.#ctx !== undefined && kid.ctx !== this.#ctx))
      throw new FrameRefused("foreign-leaf");
    const keys = this.#ring.opening(kid.epoch, nowMs);
    const named = this.#ctx !== undefined;
    const before = keys.find(kid, named);
    if (before && !before.window.isFresh(header.ctr)) throw new FrameRefused("replayed");
    const key = before?.key ?? (await keys.derive(header.kid));
    const plaintext = await key.open(header, frame, metadata);
    // Another transform of the same peer may have opened the same frame meanwhile.
    const known = keys.find(kid, named) ?? { key, window: new ReplayWindow() };
    if (!known.window.isFresh(header.ctr)) throw new FrameRefused("replayed");
    known.window.mark(header.ctr);
    keys.keep(kid, known);
    return plaintext;
  }
}
