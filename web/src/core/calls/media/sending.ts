/** One attempt of ours to reach a device: a connection that sends dummies until the peer has opened a frame of it. */
import { OFFER_AGAIN_MS, OFFERS_AGAIN } from "../../../protocol/calls/limits.ts";
import { BARREN_MS } from "../../../protocol/calls/ladder.ts";
import { findRed, splitLines } from "../../../protocol/calls/sdp.ts";
import type { IcePlan, IcePolicy, IceServer, MediaKind, Sample } from "../../callorders.ts";
import {
  candidatesIn,
  reachable,
  stripped,
  withConstantOpus,
  withoutRed,
  withRedApart,
  withRedInside,
} from "./dressing.ts";
import { CandidatesOut, worthATry } from "./candidates.ts";
import type { Sealer } from "../keys.ts";
import type { Rung, Shared } from "./shared.ts";
import { noSealCounts, runSealing, type SealCounts, type Transformer } from "./transforms.ts";
import { SendingWatch } from "./watchdog.ts";

/** How a rung connects; undefined where it cannot. */
export function planIce(rung: Rung, policy: IcePolicy, servers: readonly IceServer[]): IcePlan | undefined {
  const fitting = reachable(servers, rung === "A" ? "udp" : "stream");
  if (rung === "A" && policy === "all") return { policy, servers: fitting };
  return fitting.length > 0 ? { policy: "relay", servers: fitting } : undefined;
}

export class SendingAttempt {
  readonly id: number;
  readonly pc: number;
  readonly rung: Rung;
  /** Of the ladder. */
  readonly number: number;
  readonly counts: { readonly audio: SealCounts; readonly video: SealCounts } = {
    audio: noSealCounts(),
    video: noSealCounts(),
  };
  readonly #shared: Shared;
  readonly #leaf: number;
  readonly #policy: IcePolicy;
  readonly #startedAtMs: number;
  /** Whether it goes by relays alone, and none has given it an address. */
  #barren: boolean;
  readonly #sealers: Readonly<Record<MediaKind, Sealer>>;
  readonly #candidates: CandidatesOut;
  readonly #watch = new SendingWatch();
  #offer: string | undefined;
  #offers = 0;
  #offeredAtMs = 0;
  #answered = false;
  #carries = false;
  #live = { audio: false, video: false };

  constructor(
    from: { readonly leaf: number; readonly number: number; readonly rung: Rung; readonly ice: IcePlan },
    shared: Shared,
  ) {
    const { leaf, rung, ice } = from;
    this.#shared = shared;
    this.#leaf = leaf;
    this.#policy = ice.policy;
    this.#barren = ice.policy === "relay";
    this.#startedAtMs = shared.nowMs();
    this.number = from.number;
    this.rung = rung;
    this.id = shared.nextId();
    this.pc = shared.nextPc();
    this.#sealers = {
      audio: shared.ring.sender(this.pc, shared.me),
      video: shared.ring.sender(this.pc + 1, shared.me),
    };
    this.#candidates = new CandidatesOut({ leaf, pc: this.pc, policy: ice.policy }, shared);
    shared.post({ order: "send", id: this.id, ice, video: shared.video(), rate: shared.rate(rung, leaf) });
  }

  described(sdp: string, nowMs: number): void {
    // What goes by TCP arrives; there, sound sent twice would only take longer.
    const withRed = this.rung === "A" ? withRedApart(sdp) : withoutRed(sdp);
    this.#offer = stripped(withRed);
    this.#sendOffer(nowMs);
  }

  #sendOffer(nowMs: number): void {
    if (this.#offer === undefined) return;
    this.#offers++;
    this.#offeredAtMs = nowMs;
    this.#shared.signal(this.#leaf, { t: "desc", pc: this.pc, role: "offer", sdp: this.#offer });
    this.#candidates.begin();
  }

  found(candidates: readonly string[], done: boolean): void {
    if (candidates.some((one) => one.includes(" typ relay"))) this.#barren = false;
    this.#candidates.add(candidates, done);
  }

  /** As the ladder's `barren`. */
  isBarren(nowMs: number): boolean {
    return this.#barren && nowMs - this.#startedAtMs >= BARREN_MS;
  }

  hearAnswer(sdp: string): void {
    if (this.#answered || this.#offer === undefined) return;
    this.#answered = true;
    // What an answer asks of Opus is ours to say: pauses, or sizes that change, would tell others when somebody speaks.
    const answer = withConstantOpus(stripped(sdp));
    const isOffered = findRed(splitLines(sdp)) === findRed(splitLines(this.#offer));
    this.#shared.post({ order: "answer", id: this.id, sdp: isOffered ? withRedInside(answer) : answer });
    this.addCandidates(candidatesIn(sdp));
  }

  addCandidates(candidates: readonly string[]): void {
    const tried = worthATry(candidates, this.#policy);
    if (tried.length > 0) this.#shared.post({ order: "candidates", id: this.id, candidates: tried });
  }

  /** The peer has opened a frame of it: it is the link from now on. */
  carry(): void {
    this.#carries = true;
    this.#goLive();
  }

  tick(nowMs: number): void {
    this.#goLive();
    this.#candidates.flush();
    const silent = !this.#answered && this.#offers > 0 && nowMs - this.#offeredAtMs >= OFFER_AGAIN_MS;
    if (silent && this.#offers <= OFFERS_AGAIN) this.#sendOffer(nowMs);
  }

  /** Both ends have proved encryption: the peer has opened a frame, and this sender's transform has sealed one. */
  #goLive(): void {
    if (!this.#carries) return;
    const [audio, video] = [this.counts.audio.sealed > 0, this.counts.video.sealed > 0];
    if (audio === this.#live.audio && video === this.#live.video) return;
    this.#live = { audio, video };
    this.#shared.post({ order: "live", id: this.id, audio, video });
  }

  applyRate(): void {
    this.#shared.post({ order: "rate", id: this.id, rate: this.#shared.rate(this.rung, this.#leaf) });
  }

  async attach(transformer: Transformer, kind: MediaKind): Promise<void> {
    const counts = this.counts[kind];
    const needsKeyFrame = (): void => this.#shared.post({ order: "key-frame", id: this.id });
    const nowMs = (): number => this.#shared.nowMs();
    await runSealing(transformer, { kind, sealer: this.#sealers[kind], counts, nowMs, needsKeyFrame });
  }

  judge(sample: Sample, nowMs: number): "plaintext" | "fine" {
    return sample.side === "send" && this.#watch.isPlaintext(sample, this.counts, nowMs) ? "plaintext" : "fine";
  }

  close(): void {
    this.#shared.post({ order: "close", id: this.id });
  }
}
