/**
 * The one call a device is in: its media, the numbers of its attempts, what its peers may send, and how its links are;
 * twin of zajil.client.calls.current.
 *
 * Links are opened once two things are there: a key to seal with, and numbers that are durably reserved. What a peer
 * signals for its link before that waits, a little.
 */
import type { CallRecord, Event } from "../../protocol/calls/events.ts";
import { NO_QUALITY, NO_VIDEO, noteSample, onNewWay, planStep, STEPS } from "../../protocol/calls/quality.ts";
import type { Signal, Unsupported } from "../../protocol/calls/signals.ts";
import type { CallState } from "../../protocol/calls/state.ts";
import { SignalBudget } from "./budget.ts";
import type { CallMedia, EpochKeys, LinkSignal, Ports, Reports } from "./ports.ts";
import { type CtxNumbers, encodeKept } from "./record.ts";
import type { LinkFacts, Measure } from "./showing.ts";

/** How often the record says that the call is alive. */
const TOUCH_MS = 10_000;
const WAITING_MOST = 32;
const MOVED_MS = 30_000;

/** What a call is made of. tell: the machine's ears. send: to seal a signal. */
export interface Parts {
  readonly ports: Ports;
  readonly gid: Uint8Array;
  readonly record: CallRecord;
  readonly state: CallState;
  readonly numbers: CtxNumbers;
  tell(event: Event): void;
  send(signal: Signal): void;
}

export class CurrentCall implements Reports {
  readonly gid: Uint8Array;
  record: CallRecord;
  readonly links = new Map<number, LinkFacts>();
  /** Devices of which nothing opened: no link to them is made again in this epoch. */
  readonly shut = new Set<number>();
  over = false;
  touchedAt: number;
  readonly #parts: Parts;
  readonly #media: CallMedia;
  readonly #open = new Set<number>();
  readonly #wanted = new Map<number, LinkSignal[]>();
  #keyed = false;
  #epoch: number | undefined;
  readonly #budget = new SignalBudget();
  #mediaSent: readonly [mic: boolean, cam: boolean];
  #movedAt = -Infinity;

  constructor(parts: Parts) {
    const { ports, gid, record, state } = parts;
    this.#parts = parts;
    this.gid = gid;
    this.record = record;
    this.#mediaSent = [true, record.kind === "video"];
    this.touchedAt = ports.nowMs();
    const { call, secret, kind } = record;
    const start = { gid, call, secret, kind, leaf: state.me.leaf, relayOnly: state.relayOnly };
    this.#media = ports.openMedia({ ...start, nextPc: () => this.#nextPc() }, this);
  }

  // -- the record
  /** The first number that was not reserved. */
  get reserved(): number {
    return this.#parts.numbers.reserved;
  }

  /** Write the record; what it reserves may be used once it is durable. */
  keep(): void {
    const { ports, numbers } = this.#parts;
    this.touchedAt = ports.nowMs();
    const { reserved } = numbers;
    const kept = { gid: this.gid, record: this.record, nextCtx: reserved, lastSeen: this.touchedAt };
    ports.keep(encodeKept(kept), () => {
      numbers.durable = Math.max(numbers.durable, reserved);
      this.#openWanted();
    });
  }

  /** When `touch` has something to do. */
  get dueAt(): number {
    return this.touchedAt + TOUCH_MS;
  }

  /** Now and then the record says that the call is alive. */
  touch(now: number): void {
    if (now >= this.dueAt) this.keep();
  }

  #nextPc(): number {
    const { numbers } = this.#parts;
    const number = numbers.take();
    if (numbers.low) {
      numbers.reserve();
      this.keep();
    }
    return number;
  }

  // -- what the machine asks for
  openLink(leaf: number): void {
    this.#wanted.set(leaf, []);
    this.#openWanted();
  }

  closeLink(leaf: number): void {
    this.#wanted.delete(leaf);
    this.links.delete(leaf);
    if (this.#open.delete(leaf)) this.#media.closeLink(leaf);
  }

  #openWanted(): void {
    if (this.over || !this.#keyed || !this.#parts.numbers.usable) return;
    for (const [leaf, signals] of [...this.#wanted]) {
      if (this.shut.has(leaf)) continue;
      this.#wanted.delete(leaf);
      this.#open.add(leaf);
      this.#media.openLink(leaf, { relayOnly: this.#parts.state.relayOnly });
      for (const signal of signals) this.#media.hear(leaf, signal);
    }
  }

  /** The key of a new epoch. Its roster was told before. */
  useKey({ epoch, baseKey }: EpochKeys, removed: boolean): void {
    this.#media.useKey(epoch, baseKey, removed);
    this.#keyed = true;
    // What did not open may now, and the leaf may be somebody else's.
    if (epoch !== this.#epoch) this.shut.clear();
    this.#epoch = epoch;
    this.#openWanted();
  }

  setMedia(mic: boolean, cam: boolean): void {
    if (mic === this.#mediaSent[0] && cam === this.#mediaSent[1]) return;
    this.#mediaSent = [mic, cam];
    this.#media.setMedia(mic, cam);
  }

  /** All media ends; reports that come later are nothing. */
  close(): void {
    if (this.over) return;
    this.over = true;
    this.#media.close();
  }

  // -- signals
  /** Whether one device said no more in this call than it may. */
  admits(leaf: number, signal: Signal | Unsupported): boolean {
    return this.#budget.admits(leaf, signal, this.#parts.ports.nowMs());
  }

  /** What passes by itself is not sent above the limit; what begins or ends a call always is. */
  maySend(signal: Signal): boolean {
    return this.#budget.maySend(signal, this.#parts.ports.nowMs());
  }

  /** A signal for the links with a device in the call. */
  hear(leaf: number, signal: LinkSignal): void {
    const waiting = this.#wanted.get(leaf);
    if (this.#open.has(leaf)) this.#media.hear(leaf, signal);
    else if (waiting && !this.shut.has(leaf) && waiting.length < WAITING_MOST) waiting.push(signal);
  }

  /** This device is in another network. */
  noteMoved(): void {
    this.#movedAt = this.#parts.ports.nowMs();
  }

  /** Whether the network changed lately. */
  get moved(): boolean {
    return this.#parts.ports.nowMs() < this.#movedAt + MOVED_MS;
  }

  // -- reports of the media
  #tell(event: Event): void {
    if (!this.over) this.#parts.tell(event);
  }

  localSignal(signal: LinkSignal): void {
    if (!this.over && this.#open.has(signal.to)) this.#parts.send(signal);
  }

  linkUp(leaf: number): void {
    this.#tell({ t: "link_up", leaf });
  }

  linkDown(leaf: number): void {
    this.#tell({ t: "link_down", leaf });
  }

  /** Without a way to its only peer a call cannot be; a group's goes on with the others. */
  noRoute(leaf: number): void {
    this.#tell(this.#open.size > 1 ? { t: "link_down", leaf } : { t: "fail", why: "no-route" });
  }

  alarm(leaf: number): void {
    this.#tell({ t: "alarm", leaf });
  }

  /** In a chat of two that ends the call. In a group the others go on, and this device stays out until a commit. */
  unopened(leaf: number): void {
    if (this.over || !this.#open.delete(leaf)) return;
    this.links.delete(leaf);
    if (this.#parts.state.group) {
      this.shut.add(leaf);
      this.#wanted.set(leaf, []);
      this.#tell({ t: "link_down", leaf });
    } else {
      this.#media.close();
      this.alarm(leaf);
    }
  }

  measured(leaf: number, measure: Measure): void {
    if (this.over || !this.#open.has(leaf)) return;
    const now = this.#parts.ports.nowMs();
    const before = this.links.get(leaf);
    let [quality, step] = [before?.quality ?? NO_QUALITY, before?.step ?? STEPS[0]];
    if (before && before.measure.rung !== measure.rung) quality = onNewWay(quality);
    if (measure.sample) [quality, step] = planStep(noteSample(quality, measure.sample, now), step, now);
    this.#note(leaf, { measure, quality, step });
    this.#tell({ t: "tick" });
  }

  /** What a link gives up it gives up alone; in Python, which sends one voice to all, the worst link decides. */
  #note(leaf: number, facts: LinkFacts): void {
    const before = this.links.get(leaf)?.step ?? STEPS[0];
    this.links.set(leaf, facts);
    if (facts.step !== before) this.#media.setStep(leaf, facts.step);
  }

  /** The person wants the picture back where the network took it; a link that is still too slow loses it again. */
  retryVideo(): void {
    const now = this.#parts.ports.nowMs();
    for (const [leaf, { measure, quality, step }] of this.links)
      if (NO_VIDEO.includes(step))
        this.#note(leaf, { measure, quality: { ...quality, wordSince: now }, step: "small" });
  }
}
