/** One attempt of ours to reach a device in the media room: the stream that all such attempts share, and its signals. */
import { OFFER_AGAIN_MS, OFFERS_AGAIN } from "../../../protocol/calls/limits.ts";
import type { SendingSample } from "../../callorders.ts";
import { noSealCounts, type SealCounts } from "../media/transforms.ts";
import type { Shared } from "../media/shared.ts";
import type { Upload, User } from "./upload.ts";

export class Speaking implements User {
  readonly pc: number;
  /** Of the ladder. */
  readonly number: number;
  readonly counts: { readonly audio: SealCounts; readonly video: SealCounts };
  readonly #shared: Shared;
  readonly #leaf: number;
  readonly #upload: Upload;
  readonly #failed: () => void;
  #carries = false;
  #asked = 0;
  #askedAtMs = 0;

  /** Throws where this browser cannot encode. failed: it cannot go on. */
  constructor(
    from: { readonly leaf: number; readonly number: number; readonly failed: () => void },
    shared: Shared,
    upload: Upload,
  ) {
    this.#shared = shared;
    this.#leaf = from.leaf;
    this.number = from.number;
    this.#failed = from.failed;
    this.#upload = upload;
    const { pc, counts } = upload.join(this);
    this.pc = pc;
    this.counts = { audio: counts, video: noSealCounts() };
    this.#ask();
  }

  #ask(): void {
    this.#asked++;
    this.#askedAtMs = this.#shared.nowMs();
    this.#shared.signal(this.#leaf, { t: "room", pc: this.pc });
  }

  /** The peer has opened a frame of it. */
  carry(): void {
    this.#carries = true;
    this.#upload.carry(this);
  }

  /** An attempt that nothing answers is signalled again, as an offer is. */
  tick(nowMs: number): void {
    if (this.#carries || this.#asked > OFFERS_AGAIN || nowMs - this.#askedAtMs < OFFER_AGAIN_MS) return;
    this.#ask();
  }

  failed(): void {
    this.#failed();
  }

  sample(): SendingSample {
    const { sealed, bytes } = this.counts.audio;
    const route = { type: "server" } as const;
    const rttMs = this.#upload.roundTripMs(this.#leaf);
    const counted = { audioPackets: sealed, audioBytes: bytes, videoFrames: 0, bytes };
    return { side: "send", id: 0, ...counted, route, ...(rttMs !== undefined && { rttMs }) };
  }

  close(): void {
    this.#upload.leave(this);
  }
}
