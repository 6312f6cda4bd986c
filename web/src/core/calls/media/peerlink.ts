/**
 * Both links with one device: the one we send, up and down the ladder of `protocol/calls/ladder`, and those it sends us.
 *
 * Times are arguments. An attempt of ours is named by `pc`, the ctx of its audio; its video has the next one. Real sound
 * and pictures go out on what carries alone, and once it has sealed a frame. A link is up while the peer has told us
 * `got` and we have told it. Source: docs/protocol/calls.md, routes and fail-closed rules.
 */
import {
  flows,
  isRoomNear,
  type Ladder,
  type LadderAction,
  type LadderEvent,
  type LinkKind,
  newLadder,
  stepLadder,
  findCarrying,
} from "../../../protocol/calls/ladder.ts";
import { ATTEMPTS } from "../../../protocol/calls/limits.ts";
import { Winner } from "../../../protocol/calls/winner.ts";
import type { ConnectionState, IcePolicy, Report, Sample } from "../../callorders.ts";
import { Hearing } from "../room/hearing.ts";
import type { MediaRoom } from "../room/room.ts";
import { Speaking } from "../room/speaking.ts";
import { ReceivingAttempt } from "./receiving.ts";
import { planIce, SendingAttempt } from "./sending.ts";
import type { MediaSignal, Rung, Shared } from "./shared.ts";
import type { Transformer } from "./transforms.ts";

/** An attempt of which nothing opens is given up. */
const DEAF_MS = 10_000;
const RUNGS: readonly Rung[] = ["A", "B"];
/**
 * A connection that is heard for so long carries what the peer says, also where it was tried beside the media room:
 * such an attempt is silent for 3 s, and its `got` may take 2 s more.
 */
const SETTLED_MS = 6_000;

/** Over a connection of the page, or in the media room. */
export type Sending = SendingAttempt | Speaking;
export type Receiving = ReceivingAttempt | Hearing;

/** What the page says of one connection. */
export type ConnectionReport = Extract<Report, { id: number }>;

export class PeerLink {
  readonly leaf: number;
  readonly #policy: IcePolicy;
  readonly #shared: Shared;
  readonly #room: () => MediaRoom | undefined;
  /** By their numbers on the ladder. */
  readonly #sending = new Map<number, Sending>();
  /** By `pc`. */
  readonly #receiving = new Map<number, Receiving>();
  #ladder: Ladder = newLadder();
  readonly #winner = new Winner();
  #up = false;
  #shown: Receiving | undefined;

  /** room: the call's media room; undefined where this device cannot use one. */
  constructor(leaf: number, policy: IcePolicy, shared: Shared, room: () => MediaRoom | undefined) {
    this.#room = room;
    this.leaf = leaf;
    this.#policy = policy;
    this.#shared = shared;
  }

  /** Begin to send. */
  start(nowMs: number): void {
    this.#climb({ t: "open", ...this.#ways() }, nowMs);
  }

  /** All connections end; nothing is told to the peer. */
  close(nowMs: number): void {
    this.#climb({ t: "close" }, nowMs);
    for (const attempt of this.#receiving.values()) attempt.close();
    this.#receiving.clear();
  }

  /** A signal of the peer. */
  hear(signal: MediaSignal, nowMs: number): void {
    const own = [...this.#sending.values()].find(({ pc }) => pc === signal.pc);
    if (signal.t === "cand") {
      // Both ends number their own attempts: a candidate of the wrong one names another ufrag and is ignored by ICE.
      for (const attempt of [own, this.#receiving.get(signal.pc)])
        if (attempt && isOfPage(attempt)) attempt.addCandidates(signal.cands);
    } else if (signal.t === "desc" && signal.role === "offer") this.#hearOffer(signal.pc, signal.sdp, nowMs);
    else if (signal.t === "desc") {
      if (own instanceof SendingAttempt) own.hearAnswer(signal.sdp);
    } else if (signal.t === "room") this.#hearRoom(signal.pc);
    else if (signal.t === "got" && own) this.#climb({ t: "got", attempt: own.number }, nowMs);
    else if (signal.t === "lost") this.#lose(signal.pc === 0 ? this.winner : own, nowMs);
    this.#tell();
  }

  #hearOffer(pc: number, offer: string, nowMs: number): void {
    const known = this.#receiving.get(pc);
    if (known) known.repeat();
    else if (this.#receiving.size < ATTEMPTS)
      this.#receiving.set(pc, new ReceivingAttempt({ leaf: this.leaf, pc, offer, nowMs }, this.#policy, this.#shared));
  }

  #hearRoom(pc: number): void {
    const known = this.#receiving.get(pc);
    if (known) known.repeat();
    else if (this.#receiving.size < ATTEMPTS) {
      const hearing = this.#room()?.hear(this.leaf, pc);
      if (hearing) this.#receiving.set(pc, hearing);
    }
  }

  #lose(attempt: Sending | undefined, nowMs: number): void {
    if (attempt) this.#climb({ t: "lost", attempt: attempt.number }, nowMs);
  }

  /** The connection of this link with that number of the page's. */
  find(id: number): OfPage | Hearing | undefined {
    const sending = [...this.#sending.values()].filter((one) => one instanceof SendingAttempt);
    return [...sending, ...this.#receiving.values()].find((attempt) => attempt.id === id);
  }

  report(attempt: OfPage | Hearing, report: ConnectionReport): void {
    const nowMs = this.#shared.nowMs();
    if (!isOfPage(attempt)) {
      if (report.report === "failed") this.#give(attempt, nowMs);
    } else if (report.report === "described") attempt.described(report.sdp, nowMs);
    else if (report.report === "candidates") attempt.found(report.candidates, report.done);
    else if (report.report === "connection") this.#connection(attempt, report.state, nowMs);
    else this.#give(attempt, nowMs);
    this.#tell();
  }

  #connection(attempt: OfPage, state: ConnectionState, nowMs: number): void {
    if (state === "failed" || state === "closed") this.#give(attempt, nowMs);
    else if (state === "disconnected" && attempt instanceof SendingAttempt) this.#lose(attempt, nowMs);
  }

  /** Judge a sample, taken before the transforms' counts are read. Answers whether something went past them. */
  judge(attempt: OfPage, sample: Sample, nowMs: number): boolean {
    const verdict = attempt.judge(sample, nowMs);
    if (verdict === "stuck") this.#give(attempt, nowMs);
    return verdict === "plaintext";
  }

  /** A transform of the page has begun. */
  attach(attempt: OfPage, transformer: Transformer, kind: "audio" | "video"): void {
    void attempt.attach(transformer, kind).catch(() => undefined);
  }

  #ways(): { readonly available: readonly LinkKind[]; readonly remembered: LinkKind | null } {
    return { available: this.#available(), remembered: this.#shared.remembered() };
  }

  /** Called every 100 ms, and after what may have changed something. */
  tick(nowMs: number): void {
    this.#climb({ t: "tick" }, nowMs);
    if (isRoomNear(this.#ladder, nowMs)) this.#room()?.prepare();
    const won = this.#winner.watch(this.#ladder, nowMs);
    if (won) this.#shared.won(won);
    for (const attempt of [...this.#sending.values()]) {
      attempt.tick(nowMs);
      if (attempt instanceof SendingAttempt && attempt.isBarren(nowMs))
        this.#climb({ t: "barren", attempt: attempt.number }, nowMs);
    }
    const settled = this.#connections().some(({ proof }) => proof.alive && nowMs - proof.aliveAtMs >= SETTLED_MS);
    const receiving = [...this.#receiving.values()];
    // Two that fall silent together are no excuse for each other.
    const heard = receiving.filter((one) => one.alive && !one.isSilent(nowMs));
    const awaited = heard.length > 0 ? undefined : receiving.findLast((one) => one instanceof Hearing && one.hasHeard);
    for (const attempt of receiving) {
      if (attempt instanceof Hearing) attempt.hush(settled);
      const others = heard.some((one) => one !== attempt);
      attempt.tick(nowMs, { others });
      // In the room nothing but our `lost` tells a sender that it is not heard: without it, it goes on there.
      if (attempt !== awaited && nowMs - attempt.heardAtMs >= DEAF_MS) this.#give(attempt, nowMs);
    }
    this.#tell();
  }

  /** Another network: what ran may be gone, and what failed may work. */
  networkChanged(nowMs: number): void {
    this.#winner.move();
    this.#climb({ t: "moved", ...this.#ways() }, nowMs);
    this.#tell();
  }

  #climb(event: LadderEvent, nowMs: number): void {
    const [ladder, actions] = stepLadder(this.#ladder, event, nowMs);
    this.#ladder = ladder;
    for (const action of actions) this.#act(action, nowMs);
  }

  #act(action: LadderAction, nowMs: number): void {
    if (action.t === "no_route") this.#shared.noRoute(this.leaf);
    else if (action.t === "start") this.#begin(action.attempt, action.kind, nowMs);
    else if (action.t === "carry") this.#sending.get(action.attempt)?.carry();
    else {
      this.#sending.get(action.attempt)?.close();
      this.#sending.delete(action.attempt);
    }
  }

  #begin(number: number, kind: LinkKind, nowMs: number): void {
    if (kind === "C") {
      this.#speak(number, nowMs);
      return;
    }
    const rung = RUNGS.find((one) => one === kind);
    const ice = rung && planIce(rung, this.#policy, this.#shared.servers());
    if (!rung || !ice) {
      // Relays were taken away meanwhile.
      this.#climb({ t: "failed", attempt: number }, nowMs);
      return;
    }
    this.#sending.set(number, new SendingAttempt({ leaf: this.leaf, number, rung, ice }, this.#shared));
  }

  #speak(number: number, nowMs: number): void {
    const failed = (): void => {
      this.#climb({ t: "failed", attempt: number }, this.#shared.nowMs());
      this.#tell();
    };
    try {
      const speaking = this.#room()?.speak({ leaf: this.leaf, number, failed });
      if (speaking) {
        this.#sending.set(number, speaking);
        return;
      }
    } catch {
      // This browser cannot code sound like that.
    }
    this.#climb({ t: "failed", attempt: number }, nowMs);
  }

  #available(): readonly LinkKind[] {
    const rungs: LinkKind[] = RUNGS.filter((rung) => planIce(rung, this.#policy, this.#shared.servers()));
    return this.#shared.carries() && this.#room() ? [...rungs, "C"] : rungs;
  }

  #give(attempt: Sending | Receiving, nowMs: number): void {
    if (attempt instanceof SendingAttempt || attempt instanceof Speaking)
      this.#climb({ t: "failed", attempt: attempt.number }, nowMs);
    else {
      attempt.close();
      this.#receiving.delete(attempt.pc);
    }
  }

  /** Say what has changed: which connection to show, and whether the link is up. */
  #tell(): void {
    const heard = this.heard;
    if (heard && heard !== this.#shown) {
      this.#shown = heard;
      this.#shared.post({ order: "show", leaf: this.leaf, id: heard.id });
    }
    const up = flows(this.#ladder) && heard !== undefined;
    if (up === this.#up) return;
    this.#up = up;
    if (up) this.#shared.up(this.leaf);
    else this.#shared.down(this.leaf);
  }

  /** The attempt that carries real sound, also when it is doubted. */
  get winner(): Sending | undefined {
    const carrying = findCarrying(this.#ladder);
    return carrying && this.#sending.get(carrying.number);
  }

  /** How each kind of attempt went last, for the view. */
  get tries(): Ladder["tries"] {
    return this.#ladder.tries;
  }

  /** The newest attempt of the peer, heard or not. */
  get newest(): Receiving | undefined {
    return [...this.#receiving.values()].at(-1);
  }

  /** The attempt that we hear, and see if it has pictures. What comes in the media room is played beside it. */
  get heard(): Receiving | undefined {
    const alive = (attempt: Receiving): boolean => attempt.alive;
    return this.#connections().findLast(alive) ?? [...this.#receiving.values()].findLast(alive);
  }

  #connections(): ReceivingAttempt[] {
    return [...this.#receiving.values()].filter((one) => one instanceof ReceivingAttempt);
  }

  /** Ask all our senders for other rates. */
  applyRates(): void {
    for (const attempt of this.#sending.values()) if (attempt instanceof SendingAttempt) attempt.applyRate();
  }
}

/** Attempts over a connection of the page. */
type OfPage = SendingAttempt | ReceivingAttempt;
const isOfPage = (attempt: Sending | Receiving): attempt is OfPage =>
  attempt instanceof SendingAttempt || attempt instanceof ReceivingAttempt;
