/**
 * What this device says in the media room, sealed: nothing else can be sent there.
 *
 * A `SealedRecord` is made here alone, and the carrier takes nothing that is none.
 */
import { encodeHeader } from "../../../protocol/calls/media.ts";
import { sealRecord, SOCKET_HEADER_BYTES } from "../frames.ts";
import { parseKid, type Sealer } from "../keys.ts";
import { parseHeader, TAG_BYTES } from "../sframe.ts";

declare const sealed: unique symbol;
/** Header and SFrame ciphertext of one frame. */
export type SealedRecord = Uint8Array & { readonly [sealed]: true };
/** What rung C carries: sound, and the reports of how it arrives. */
export type RecordKind = "audio" | "control";

/** What would have left is not what SFrame makes of it. It did not leave. */
export class NotSealed extends Error {}

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

  /**
   * ts: ms of any clock. ours: what its KID says. The numbers are taken before anything is awaited. Throws FrameRefused
   * without a key, NotSealed.
   */
  async seal(
    sealer: Sealer,
    frame: { readonly kind: RecordKind; readonly ts: number; readonly payload: Uint8Array },
    { nowMs, ...ours }: Ours & { readonly nowMs: number },
  ): Promise<SealedRecord> {
    const { kind, ts, payload } = frame;
    const header = encodeHeader({ kind, key: false, seq: this.skip(kind), ts: ((ts % U32) + U32) % U32 });
    const record = await sealRecord(sealer, header, payload, nowMs);
    if (!looksSealed(record.subarray(SOCKET_HEADER_BYTES), payload, ours)) throw new NotSealed();
    // The only place where the name is given.
    return record as SealedRecord;
  }
}

interface Ours {
  readonly ctx: number;
  readonly leaf: number;
}

/** By the frame alone, whatever sealed it: our KID, a tag more than the plaintext, and not that plaintext. */
function looksSealed(frame: Uint8Array, plain: Uint8Array, ours: Ours): boolean {
  try {
    const { kid, size } = parseHeader(frame);
    const { ctx, leaf } = parseKid(kid);
    const body = frame.subarray(size);
    const fits = ctx === ours.ctx && leaf === ours.leaf && body.length === plain.length + TAG_BYTES;
    return fits && plain.some((byte, at) => byte !== body[at]);
  } catch {
    return false;
  }
}
