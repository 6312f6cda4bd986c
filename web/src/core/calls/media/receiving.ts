/** One attempt of a device to reach us: a connection whose frames are opened, and whose silence is noticed. */
import type { IcePolicy, MediaKind, Sample } from "../../callorders.ts";
import { candidatesIn, stripped, withConstantOpus, withRedApart, withRedInside } from "./dressing.ts";
import { CandidatesOut, worthATry } from "./candidates.ts";
import type { Opener } from "../keys.ts";
import { Proof, SILENCE_MS } from "./proof.ts";
import type { Shared } from "./shared.ts";
import { noOpenCounts, type OpenCounts, runOpening, type Transformer } from "./transforms.ts";
import { isBypassed, NothingOpens } from "./watchdog.ts";

export class ReceivingAttempt {
  readonly id: number;
  readonly pc: number;
  readonly counts: { readonly audio: OpenCounts; readonly video: OpenCounts } = {
    audio: noOpenCounts(),
    video: noOpenCounts(),
  };
  readonly proof: Proof;
  readonly #shared: Shared;
  readonly #leaf: number;
  readonly #policy: IcePolicy;
  readonly #openers: Readonly<Record<MediaKind, Opener>>;
  readonly #candidates: CandidatesOut;
  readonly #nothing = new NothingOpens();
  readonly #startedAtMs: number;
  #answer: string | undefined;

  constructor(
    from: { readonly leaf: number; readonly pc: number; readonly offer: string; readonly nowMs: number },
    policy: IcePolicy,
    shared: Shared,
  ) {
    const { leaf, pc } = from;
    this.#shared = shared;
    this.#leaf = leaf;
    this.#policy = policy;
    this.pc = pc;
    this.proof = new Proof({ leaf, pc }, shared);
    this.#startedAtMs = from.nowMs;
    this.id = shared.nextId();
    this.#openers = { audio: shared.ring.receiver(leaf, pc), video: shared.ring.receiver(leaf, pc + 1) };
    this.#candidates = new CandidatesOut({ leaf, pc, policy }, shared);
    const offer = withRedInside(stripped(from.offer));
    shared.post({ order: "receive", id: this.id, leaf, ice: { policy, servers: shared.servers() }, offer });
    this.addCandidates(candidatesIn(from.offer));
  }

  /** The counts as they are; gaps are measured anew from here. */
  takeCounts(): { readonly audio: OpenCounts; readonly video: OpenCounts } {
    const { audio, video } = this.counts;
    const taken = { audio: { ...audio }, video: { ...video } };
    audio.gapMs = video.gapMs = 0;
    return taken;
  }

  /** When a frame last opened, or when it began. */
  get heardAtMs(): number {
    return Math.max(this.#startedAtMs, this.counts.audio.openedAtMs ?? 0, this.counts.video.openedAtMs ?? 0);
  }

  described(sdp: string): void {
    this.#answer = withRedApart(withConstantOpus(stripped(sdp)));
    this.repeat();
  }

  /** Send the answer, and what candidates there are; the same ones whenever the offer comes again. */
  repeat(): void {
    if (this.#answer === undefined) return;
    this.#shared.signal(this.#leaf, { t: "desc", pc: this.pc, role: "answer", sdp: this.#answer });
    this.#candidates.begin();
  }

  found(candidates: readonly string[], done: boolean): void {
    this.#candidates.add(candidates, done);
  }

  addCandidates(candidates: readonly string[]): void {
    const tried = worthATry(candidates, this.#policy);
    if (tried.length > 0) this.#shared.post({ order: "candidates", id: this.id, candidates: tried });
  }

  async attach(transformer: Transformer, kind: MediaKind): Promise<void> {
    await runOpening(transformer, {
      ...{ kind, opener: this.#openers[kind], counts: this.counts[kind] },
      nowMs: () => this.#shared.nowMs(),
      opened: () => this.proof.opened(),
      unopened: () => this.#shared.unopened(this.#leaf),
    });
  }

  /** We have said `got`, and not `lost` since. */
  get alive(): boolean {
    return this.proof.alive;
  }

  /** Its sound stays away. */
  isSilent(nowMs: number): boolean {
    return nowMs - (this.counts.audio.openedAtMs ?? this.heardAtMs) >= SILENCE_MS;
  }

  /** others: whether another connection of the same device is heard; then this one's silence is nothing. */
  tick(nowMs: number, { others }: { readonly others: boolean }): void {
    this.#candidates.flush();
    this.proof.tick(nowMs, { silent: this.isSilent(nowMs), others });
  }

  judge(sample: Sample, nowMs: number): "plaintext" | "stuck" | "fine" {
    if (sample.side !== "receive") return "fine";
    if (isBypassed(sample, this.counts)) return "plaintext";
    return this.#nothing.isStuck(sample, this.counts.audio, nowMs) ? "stuck" : "fine";
  }

  close(): void {
    this.#shared.post({ order: "close", id: this.id });
  }
}
