/**
 * The media room of one call: one connection, one stream of ours, and the streams of others that were signalled to us.
 *
 *     microphone -> Opus -> SFrame -> frame -> connection          upload
 *     connection -> KID -> SFrame -> jitter buffer -> Opus -> page    a hearing for each (leaf, pc)
 *
 * What somebody in the room writes with another KID than one we wait for is dropped. Runs in the call worker.
 * Source: docs/protocol/calls.md, "Media rooms"; docs/protocol/call-media.md.
 */
import { PEOPLE } from "../../../protocol/calls/limits.ts";
import { type Control, type Echo, parseRoom } from "../../../protocol/calls/media.ts";
import { Malformed } from "../../../protocol/errors.ts";
import { parseKid } from "../keys.ts";
import type { Shared } from "../media/shared.ts";
import { FrameRefused, parseHeader } from "../sframe.ts";
import type { OpenMedia } from "../way.ts";
import { Carrier, DOUBT_EACH_MS } from "./carrier.ts";
import { Hearing } from "./hearing.ts";
import type { Codec } from "./opus.ts";
import { Speaking } from "./speaking.ts";
import { Upload } from "./upload.ts";

/** How often what is due is played. */
const PLAY_MS = 10;
/** A connection that was prepared is kept so long for its first use. */
const KEPT_MS = 3_000;

export interface RoomMeans {
  readonly open: OpenMedia;
  readonly codec: Codec;
}

/** What came that nobody waited for, or that was no frame. */
export interface Strays {
  unknown: number;
  malformed: number;
}

export class MediaRoom {
  readonly strays: Strays = { unknown: 0, malformed: 0 };
  readonly #shared: Shared;
  readonly #means: RoomMeans;
  readonly #carrier: Carrier;
  readonly #upload: Upload;
  readonly #hearings = new Set<Hearing>();
  #keptUntilMs = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(shared: Shared, means: RoomMeans) {
    this.#shared = shared;
    this.#means = means;
    this.#carrier = new Carrier({
      open: means.open,
      nowMs: () => shared.nowMs(),
      record: (record) => this.#take(record),
      gone: () => this.#upload.fail(),
    });
    const { ring, me } = shared;
    this.#upload = new Upload({
      ...{ ring, me, codec: means.codec },
      post: (order) => shared.post(order),
      nextPc: () => shared.nextPc(),
      nextId: () => shared.nextId(),
      nowMs: () => shared.nowMs(),
      send: (record) => this.#carrier.send(record),
      alarm: () => shared.alarm(me),
    });
  }

  /** Begin to send to a device. Throws where this browser cannot encode. failed: it cannot go on. */
  speak(to: { readonly leaf: number; readonly number: number; readonly failed: () => void }): Speaking {
    // A connection that served another attempt may be dead without a word.
    if (this.#upload.isUsed) this.#carrier.doubt();
    const speaking = new Speaking(to, this.#shared, this.#upload);
    this.#carrier.start();
    this.#keepWhereSpent();
    return speaking;
  }

  /** Begin to receive what a device sends as `pc`. */
  hear(leaf: number, pc: number): Hearing {
    const { codec } = this.#means;
    const of = { leaf, pc, nowMs: this.#shared.nowMs() };
    const hearing = new Hearing(of, this.#shared, {
      codec,
      told: (from, { echoes }) => this.#upload.hearEchoes(from, echoes),
      left: (one) => void this.#hearings.delete(one),
    });
    this.#hearings.add(hearing);
    this.#carrier.start();
    this.#keepWhereSpent();
    this.#timer ??= setInterval(() => this.play(), PLAY_MS);
    return hearing;
  }

  /** It may be used soon: its connection is opened by then. */
  prepare(): void {
    if (!this.#carrier.prepare()) return;
    this.#keptUntilMs = this.#shared.nowMs() + KEPT_MS;
    this.#keepWhereSpent();
  }

  /** Else a peer that comes and goes would have it opened, for a ticket each time, as often as it likes. */
  #keepWhereSpent(): void {
    if (this.#carrier.isSpent) this.#keptUntilMs = this.#shared.nowMs() + DOUBT_EACH_MS;
  }

  /** The network changed, or something else makes the connection doubtful. */
  renew(): void {
    this.#carrier.renew();
  }

  /** Called every 100 ms. */
  tick(nowMs: number): void {
    if (this.#hearings.size === 0) this.#stopPlaying();
    const used = this.#hearings.size > 0 || this.#upload.isUsed;
    if (used) this.#keepWhereSpent();
    if (!used && nowMs >= this.#keptUntilMs) this.#carrier.stop();
    this.#carrier.tick(nowMs);
    if (used && this.#carrier.isOpen) this.#upload.report(nowMs, this.#worst(nowMs));
  }

  /** Play what is due. */
  play(): void {
    const nowMs = this.#shared.nowMs();
    for (const hearing of this.#hearings) hearing.play(nowMs);
  }

  /** The page could not open what was asked for under that number. Answers whether it was the stream of ours. */
  failedAt(id: number): boolean {
    return this.#upload.failedAt(id);
  }

  close(): void {
    this.#stopPlaying();
    this.#upload.close();
    this.#carrier.stop();
  }

  #stopPlaying(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #worst(nowMs: number): Omit<Control, "pli"> {
    const reports = [...this.#hearings].filter(({ alive }) => alive).map((one) => one.report(nowMs));
    return {
      late: Math.max(0, ...reports.map(({ late }) => late)),
      target: Math.max(0, ...reports.map(({ target }) => target)),
      echoes: this.#echoes(nowMs),
    };
  }

  /** One of each leaf that is heard: of its newest stream. */
  #echoes(nowMs: number): readonly Echo[] {
    const echoes = [...this.#hearings].flatMap((one) => one.echo(nowMs) ?? []);
    return [...new Map(echoes.map((one) => [one.leaf, one])).values()].slice(0, PEOPLE - 1);
  }

  #take(data: Uint8Array): void {
    try {
      const message = parseRoom(data);
      if (message.t !== "forwarded") return;
      const { leaf, ctx } = parseKid(parseHeader(message.frame.payload).kid);
      const hearing = [...this.#hearings].find((one) => one.leaf === leaf && one.pc === ctx);
      if (hearing) void hearing.take(message.frame, data.subarray(1), this.#shared.nowMs());
      else this.strays.unknown++;
    } catch (problem) {
      if (!(problem instanceof Malformed) && !(problem instanceof FrameRefused)) throw problem;
      this.strays.malformed++;
    }
  }
}
