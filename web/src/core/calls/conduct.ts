/**
 * A device's calls in the call worker: its session between the core worker, which seals and keeps, and the page, which
 * owns connections and the screen. Nothing of a call is decided here.
 */
import type { CallAct, CallView } from "./view.ts";
import type { ChatFacts, EpochKeys, MediaStart, Ports, Reports, CallMedia } from "./ports.ts";
import type { AboutChat, FromCallWorker, Order, Report } from "../callorders.ts";
import type { Transformer } from "./media/transforms.ts";
import type { Key, Parsed } from "../../protocol/cbor.ts";
import { encodeB64, parseB64 } from "../../protocol/ids.ts";
import * as limits from "../../protocol/calls/limits.ts";
import { MediaLinks } from "./media/links.ts";
import { type CorePort, type PortKeys, type Ways, within } from "./port.ts";
import { type Kept, parseKept } from "./record.ts";
import { askRelays, nextAskMs } from "./relays.ts";
import { deriveRoom } from "./room/name.ts";
import type { Codec } from "./room/opus.ts";
import type { RoomMeans } from "./room/room.ts";
import { CallSession } from "./session.ts";
import { mediaOpener } from "./way.ts";

/** What the worker's global scope gives. codec: undefined where this browser cannot code sound for the media room. */
export interface Around {
  readonly core: CorePort;
  readonly codec: Codec | undefined;
  post(message: FromCallWorker): void;
  /** Milliseconds that never go back; Unix ones where that can be. */
  nowMs(): number;
  random(size: number): Uint8Array;
  /** What no call survives: its worker must not go on with it. */
  fail(problem: unknown): void;
}

/** For a roster no call is named; the key that comes with it is of no use to anybody. */
const NO_CALL = new Uint8Array(limits.CALL_BYTES + limits.SECRET_BYTES);
const IDLE: CallView = {
  ...{ phase: "idle", chat: "", call: "", direction: "outgoing", kind: "audio", since: 0, silent: false, peers: [] },
  ...{ mic: true, camera: false, tried: [], encrypted: false, hidden_address: false },
};

const NO_WAYS: Ways = { carries: true, rung: null };
/** So long links wait for what is known of the network: before they begin, and in another one. */
const WAYS_MS = 1_000;
const MOVING_MS = 250;

type Start = Extract<CallAct, { act: "start" }>;
const isLive = ({ phase }: CallView): boolean => phase !== "idle" && phase !== "ended";

export class Conductor {
  readonly #around: Around;
  readonly #session: CallSession;
  #links: MediaLinks | undefined;
  #view: CallView = IDLE;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** A call of before a reload, while it may be returned to. */
  #offered: Kept | undefined;
  #leaving = false;
  #returning = false;
  /** What it knows of the call may be wrong: nothing more is shown, and the worker ends. */
  #broken = false;
  /** What was begun, while its chat is asked for. */
  #dialled: Start | undefined;
  readonly #chats = new Map<string, (about: AboutChat) => void>();

  constructor(around: Around) {
    this.#around = around;
    this.#session = new CallSession(this.#ports());
  }

  /** Until the core's end is closed. */
  async run(): Promise<void> {
    const { core } = this.#around;
    this.#offer(await core.ask("kept", {}));
    for await (const news of core.news()) {
      // What crosses a port is a copy of one's own, which is all that the two types differ in.
      this.#orEnd(() => {
        if (news.news === "signal") this.#session.hear(news.gid, news, news.fields as ReadonlyMap<Key, Parsed>);
        else this.#session.epoch(news.gid, news.removed);
      });
      if (this.#broken) return;
    }
    this.#end("lost");
  }

  /** Media never goes on where a removal or a key might not have been understood. */
  #orEnd(work: () => void): void {
    try {
      work();
    } catch (problem) {
      this.#end("failed");
      this.#broken = true;
      this.#around.fail(problem);
    }
  }

  #end(ended: "lost" | "failed"): void {
    this.#links?.close();
    if (isLive(this.#view)) this.#show({ ...this.#view, phase: "ended", ended, encrypted: false });
  }

  // -- the page
  hearPage(report: Report): void {
    if (report.report === "network") void this.#move();
    else this.#links?.hearPage(report);
  }

  /** Another network: what is known of it is asked for, and soon it goes on without. */
  async #move(): Promise<void> {
    this.#session.noteMoved();
    const links = this.#links;
    const ways = await within(this.#around.core.ask("ways", {}), MOVING_MS);
    links?.useWays(ways ?? NO_WAYS);
    this.#orEnd(() => links?.networkChanged());
  }

  attach(transformer: Transformer): void {
    this.#links?.attach(transformer);
  }

  tick(): void {
    this.#links?.tick();
  }

  tellChat(about: AboutChat): void {
    this.#chats.get(about.chat)?.(about);
    this.#chats.delete(about.chat);
  }

  act(act: CallAct, hideAddress: boolean): void {
    const { mic, camera } = this.#view;
    if ("call" in act && act.call !== this.#view.call) return;
    this.#session.hideAddress = hideAddress;
    if (act.act === "start") this.#dial(act);
    else if (act.act === "answer") this.#session.accept(act.kind);
    else if (act.act === "decline") this.#session.decline();
    else if (act.act === "mute") this.#session.setMedia(!act.on, camera);
    else if (act.act === "camera") {
      this.#session.setMedia(mic, act.on);
      if (act.on) this.#session.retryVideo();
    } else if (act.act === "hang_up") this.#hangUp();
    else {
      this.#returning = this.#offered !== undefined;
      this.#session.returnToCall();
    }
  }

  /** One call at a time: while there is another, it is shown again, and the page sees that its own did not begin. */
  #dial(act: Start): void {
    if (isLive(this.#view)) {
      this.#around.post({ view: this.#view });
      return;
    }
    this.#dialled = act;
    this.#session.dial(parseB64(act.chat), act.kind);
  }

  #hangUp(): void {
    this.#dialled = undefined;
    // Who leaves a call without returning to it returns for as long as it takes to say so.
    if (this.#offered) {
      this.#leaving = true;
      this.#session.returnToCall();
    } else this.#session.hangUp();
  }

  #show(view: CallView): void {
    if (this.#broken) return;
    this.#offered = undefined;
    this.#view = view;
    // Another call came first.
    if (isLive(view)) this.#dialled = undefined;
    this.#around.post({ view });
    // A reload closed the camera: the call says so until it is turned on again.
    if (this.#returning && view.camera) this.#session.setMedia(view.mic, false);
    this.#returning = false;
    if (!this.#leaving) return;
    this.#leaving = false;
    this.#session.hangUp();
  }

  /** A call that a reload cut off is shown until somebody returns, or it is too late. */
  #offer(record: Uint8Array | null): void {
    const kept = record && this.#session.restore(record) ? parseKept(record) : null;
    if (!kept) {
      this.#around.post({ view: this.#view });
      return;
    }
    const { call, kind, since, caller } = kept.record;
    const view: CallView = {
      ...IDLE,
      ...{ phase: "recovering", chat: encodeB64(kept.gid), call: encodeB64(call), kind },
      ...{ since: since ?? kept.lastSeen, direction: caller ? "outgoing" : "incoming" },
    };
    this.#show(view);
    this.#offered = kept;
    const left = limits.RECONNECT_MS - (this.#around.nowMs() - kept.lastSeen);
    setTimeout(() => this.#forget(kept, view), left);
  }

  /** Too late to return: the record of a call that nobody returned to is not kept, nor its secret. */
  #forget(kept: Kept, view: CallView): void {
    const offered = this.#offered === kept;
    if (!offered && this.#view.call === view.call) return;
    this.#session.restore(null);
    if (!offered && isLive(this.#view)) {
      // By now the record may be another call's, which drops it at its end; a ring that ends has written none.
      setTimeout(() => this.#forget(kept, view), limits.RECONNECT_MS);
      return;
    }
    void this.#around.core.ask("keep", { record: null }).catch(() => undefined);
    if (offered) this.#show({ ...view, phase: "ended", ended: "lost" });
  }

  // -- the core
  #ports(): Ports {
    const { core, nowMs, random } = this.#around;
    const ask = (work: Promise<unknown>): void => void work.catch(() => undefined);
    return {
      nowMs: () => nowMs(),
      random: (size) => random(size),
      wakeAt: (atMs) => this.#wakeAt(atMs),
      seal: (gid, fields, how) => ask(core.ask("send", { gid, fields, ...how })),
      askChat: (gid) => void this.#tellSession(gid),
      askKeys: (gid, context, removed) =>
        void core.ask("keys", { gid, context }).then(
          (keys) => this.#orEnd(() => this.#session.useKeys(gid, keys satisfies EpochKeys, removed, context)),
          () => this.#orEnd(() => this.#session.useKeys(gid, null, removed, context)),
        ),
      watch: (gid) => ask(core.ask("watch", { gids: gid ? [gid] : [] })),
      keep: (record, done) => ask(core.ask("keep", { record }).then(done)),
      log: (gid, { t: _, ...log }) => ask(core.ask("log", { gid, ...log })),
      show: (view) => this.#show(view),
      openMedia: (start, reports) => this.#openMedia(start, reports),
      countBad: () => undefined,
    };
  }

  #wakeAt(atMs: number | null): void {
    clearTimeout(this.#timer);
    if (atMs !== null)
      this.#timer = setTimeout(() => this.#orEnd(() => this.#session.tick()), Math.max(0, atMs - this.#around.nowMs()));
  }

  async #tellSession(gid: Uint8Array): Promise<void> {
    const asked = this.#dialled?.chat === encodeB64(gid) ? this.#dialled : undefined;
    const facts = await this.#learnChat(gid);
    const wanted = asked !== undefined && this.#dialled === asked;
    if (wanted) this.#dialled = undefined;
    // Without its chat, what was taken back meanwhile never begins.
    this.#orEnd(() => this.#session.useChat(gid, asked && !wanted ? null : facts));
    if (!wanted || facts || isLive(this.#view)) return;
    this.#show({ ...IDLE, chat: asked.chat, kind: asked.kind, phase: "ended", ended: "failed" });
  }

  /** The roster comes from the core, what the chat is to this person from the page. */
  async #learnChat(gid: Uint8Array): Promise<ChatFacts | null> {
    const chat = encodeB64(gid);
    const told = new Promise<AboutChat>((resolve) => this.#chats.set(chat, resolve));
    this.#around.post({ about: chat });
    try {
      const [keys, about] = await Promise.all([this.#around.core.ask("keys", { gid, context: NO_CALL }), told]);
      const me = findMe(keys);
      return about.known && me ? { ...about, epoch: keys.epoch, me, members: keys.members } : null;
    } catch {
      return null;
    }
  }

  // -- the media
  #roomMeans({ gid, call, secret }: MediaStart): RoomMeans | undefined {
    const { core, codec } = this.#around;
    if (!codec) return undefined;
    const room = deriveRoom(call, secret);
    return { codec, open: async () => await mediaOpener(core, { gid, room: await room })() };
  }

  /** Links wait for the answer about relays: an attempt that began without them would not use them. */
  #openMedia(start: MediaStart, reports: Reports): CallMedia {
    const means = this.#roomMeans(start);
    const links = new MediaLinks(start, {
      ...bound(reports),
      roomMeans: () => means,
      nowMs: () => this.#around.nowMs(),
      post: (order: Order) => this.#around.post(order),
      won: (kind) => void within(this.#around.core.ask("won", { kind }), WAYS_MS),
    });
    this.#links = links;
    links.setMedia(true, start.kind === "video");
    let [ready, closed] = [false, false];
    const waiting: (() => void)[] = [];
    const soon = (work: () => void): void => {
      if (ready) work();
      else waiting.push(work);
    };
    let renewal: ReturnType<typeof setTimeout> | undefined;
    // A credential ends while the call goes on: a later attempt needs one that holds.
    const learnRelays = async (): Promise<void> => {
      const { core } = this.#around;
      const asked = [askRelays(core, start.gid), within(core.ask("ways", {}), WAYS_MS)] as const;
      const [relays, ways] = await Promise.all(asked);
      if (closed) return;
      if (ways) links.useWays(ways);
      if (relays) links.useRelays(relays.servers);
      const nextMs = nextAskMs(relays);
      if (nextMs !== null) renewal = setTimeout(() => void learnRelays(), nextMs);
      ready = true;
      for (const work of waiting.splice(0)) work();
    };
    void learnRelays();
    return {
      openLink: (leaf, how) => soon(() => links.openLink(leaf, how)),
      closeLink: (leaf) => {
        soon(() => links.closeLink(leaf));
        links.closeLink(leaf);
      },
      hear: (leaf, signal) => soon(() => links.hear(leaf, signal)),
      useKey: (epoch, baseKey, removed) => links.useKey(epoch, baseKey, removed),
      setMedia: (mic, cam) => links.setMedia(mic, cam),
      setStep: (leaf, step) => links.setStep(leaf, step),
      close: () => {
        closed = true;
        clearTimeout(renewal);
        links.close();
        if (this.#links === links) this.#links = undefined;
      },
    };
  }
}

function findMe({ leaf, members }: PortKeys): { leaf: number; account: Uint8Array } | undefined {
  return members.find((member) => member.leaf === leaf);
}

/** The methods of one's reports as functions of their own. */
const bound = (reports: Reports): Reports => ({
  localSignal: (signal) => reports.localSignal(signal),
  linkUp: (leaf) => reports.linkUp(leaf),
  linkDown: (leaf) => reports.linkDown(leaf),
  noRoute: (leaf) => reports.noRoute(leaf),
  alarm: (leaf) => reports.alarm(leaf),
  unopened: (leaf) => reports.unopened(leaf),
  measured: (leaf, measure) => reports.measured(leaf, measure),
});
