/**
 * What this device says in the media room, sealed: nothing else can be sent there.
 *
 * A `SealedRecord` is made here alone, and the carrier takes nothing that is none.
 */
import { encodeHeader } from "../../../protocol/calls/media.ts";
import { sealRecord } from "../frames.ts";
import type { Sealer } from "../keys.ts";

declare const sealed: unique symbol;
/** Header and SFrame ciphertext of one frame. */
export type SealedRecord = Uint8Array & { readonly [sealed]: true };
/** What rung C carries: sound, and the reports of how it arrives. */
export type RecordKind = "audio" | "control";

const U16 = 2 ** 16;
const U32 = 2 ** 32;

/** Numbers frames by kind over the life of a call, whatever they are sealed with. */
export class Records {
  readonly #seq = { audio: 0, control: 0 };

  /** Give a number away: a frame that was not sent leaves a hole where it was. */
  skip(kind: RecordKind): number {
    const seq = this.#seq[kind];
    this.#seq[kind] = (seq + 1) % U16;
    return seq;
  }

  /** ts: ms of any clock. The numbers are taken before anything is awaited. Throws FrameRefused without a key. */
  async seal(
    sealer: Sealer,
    frame: { readonly kind: RecordKind; readonly ts: number; readonly payload: Uint8Array },
    nowMs: number,
  ): Promise<SealedRecord> {
    const { kind, ts, payload } = frame;
    const header = encodeHeader({ kind, key: false, seq: this.skip(kind), ts: ((ts % U32) + U32) % U32 });
    // The only place where the name is given.
    return (await sealRecord(sealer, header, payload, nowMs)) as SealedRecord;
  }
}
