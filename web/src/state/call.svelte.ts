/** The one call of this tab: what the call worker says of it, who is in it, and what may be done. Holds no key. */
import type { ChatView } from "../core/api.ts";
import type { CallAct, CallKind, CallView } from "../core/calls/view.ts";
import { codeOf } from "../i18n/errors.ts";
import { isAddressHidden } from "./callprivacy.svelte.ts";
import { LIVE, callStart } from "./callstart.svelte.ts";
import { type CallDevice, type CallVideos, type Calls, browser, call, openCalls } from "./host.ts";
import { session } from "./session.svelte.ts";

/** Why there is no call at all: nothing was sent. */
export interface CallProblem {
  readonly code: "permission-denied" | "no-device" | "unsupported" | "following" | "failed";
  readonly chat: string;
  readonly kind: CallKind;
}

const PROBLEMS: readonly string[] = ["permission-denied", "no-device", "unsupported"];
const REST_MS = 60_000;
const NOTHING: CallVideos = { peers: new Map() };

class Calling {
  /** Undefined while there is no call; stays after its end until it is dismissed. */
  view = $state.raw<CallView>();
  problem = $state.raw<CallProblem>();
  /** Pressed, and nothing heard of it yet: the browser may be asking for the microphone. */
  starting = $state.raw<{ readonly chat: string; readonly kind: CallKind }>();
  videos = $state.raw<CallVideos>(NOTHING);
  devices = $state.raw<readonly CallDevice[]>([]);
  /** The chat of the call, for the names of its people. */
  chat = $state.raw<ChatView>();
  /** This page takes part; false after a reload until somebody returns. */
  joined = $state(false);
  /** It is known whether there is a call. */
  settled = $state(false);
  /** The ring was silenced here. */
  hushed = $state(false);
  #now = $state(0);
  /** When the first link came up, and when the call ended. */
  #talkedFrom = $state<number>();
  #endedAt = $state<number>();
  #opened: Promise<Calls> | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #reopening: ReturnType<typeof setTimeout> | undefined;
  #diedAt = -Infinity;

  /** A call goes on or rings. */
  readonly live = $derived(this.view !== undefined && this.view.phase !== "idle" && this.view.phase !== "ended");
  readonly incoming = $derived(this.view?.phase === "ringing" && this.view.direction === "incoming");
  /** A call that this page left by being reloaded. */
  readonly offered = $derived(this.live && !this.joined && this.view?.phase !== "ringing");
  /** Seconds of talk so far; undefined before the first link. */
  readonly elapsed_s = $derived(
    this.#talkedFrom === undefined
      ? undefined
      : Math.max(0, Math.floor(((this.#endedAt ?? this.#now) - this.#talkedFrom) / 1000)),
  );
  /** The network switched our picture off. */
  readonly paused = $derived(this.live && this.view?.why === "video-paused");
  readonly chatId = $derived(this.view?.chat ?? this.problem?.chat ?? this.starting?.chat);

  /** Calls of this tab; asked for again where they could not be opened. */
  open(): Promise<Calls> {
    clearTimeout(this.#reopening);
    this.#opened ??= openCalls({ hideAddress: isAddressHidden, died: () => this.#reopen() }).then(
      (calls) => {
        calls.onView((view) => this.#take(view));
        calls.onVideos(() => (this.videos = calls.videos()));
        this.videos = calls.videos();
        return calls;
      },
      (error: unknown) => {
        this.settled = true;
        this.#opened = undefined;
        throw error;
      },
    );
    return this.#opened;
  }

  /** Their worker is gone: others hear the next ring. What dies at once again is left alone for a while. */
  #reopen(): void {
    const { starting } = this;
    this.#opened = this.starting = undefined;
    if (starting) {
      this.joined = false;
      this.problem = { code: "failed", ...starting };
    }
    const again = Date.now() - this.#diedAt < REST_MS;
    this.#diedAt = Date.now();
    this.#reopening = setTimeout(() => void this.open().catch(() => undefined), again ? REST_MS : 0);
  }

  /** Another tab leads now: calls are its business, and what is open here hears nothing any more. */
  leave(): void {
    clearTimeout(this.#reopening);
    void this.#opened?.then((calls) => calls.close()).catch(() => undefined);
    this.#opened = undefined;
    if (this.live && this.view) this.#take({ ...this.view, phase: "ended", ended: "lost", encrypted: false });
  }

  #take(view: CallView): void {
    const before = this.view;
    this.settled = true;
    // A worker that comes after one that died knows nothing of the call that ended with it.
    if (view.phase === "idle" && before?.phase === "ended") return;
    if (view.call !== before?.call) {
      this.#talkedFrom = this.#endedAt = undefined;
      this.hushed = false;
      // What rings, and what a reload cut off, is not what was begun here.
      if ((view.phase === "ringing" && view.direction === "incoming") || view.phase === "recovering")
        this.joined = false;
    }
    this.view = view.phase === "idle" ? undefined : view;
    if (this.view) this.starting = undefined;
    browser().writePreference(LIVE, this.live ? "yes" : "no");
    if (view.phase === "active") this.#talkedFrom ??= view.since;
    if (view.phase === "ended" && before?.phase !== "ended") this.#finish(view);
    if (this.view && this.chat?.id !== view.chat) void this.#learnChat(view.chat);
    this.#tick();
  }

  /** What we did ourselves needs no word. */
  #finish(view: CallView): void {
    this.#endedAt = Date.now();
    this.joined = false;
    const own = { outgoing: "cancelled", incoming: "declined" }[view.direction];
    if (view.ended === "hangup" || view.ended === own) this.dismiss();
  }

  #tick(): void {
    this.#now = Date.now();
    const wanted = this.live && this.#talkedFrom !== undefined;
    if (wanted) this.#timer ??= setInterval(() => (this.#now = Date.now()), 1000);
    else this.#timer = void clearInterval(this.#timer);
  }

  async #learnChat(id: string): Promise<void> {
    try {
      const chat = await call("chat", { id });
      if (this.chatId === id) this.chat = chat;
    } catch {
      // The call goes on without names.
    }
  }

  /** Somebody of the call by account; empty while it is not known. */
  nameOf(account: string): string {
    return this.chat?.members.find((member) => member.account === account)?.name ?? "";
  }

  async start(chat: string, kind: CallKind): Promise<void> {
    callStart.ask = undefined;
    if (this.live || this.starting) return;
    this.view = this.problem = undefined;
    if (session.status?.lead.phase !== "leading") {
      this.problem = { code: "following", chat, kind };
      await this.#learnChat(chat);
      return;
    }
    this.joined = true;
    this.starting = { chat, kind };
    void this.#learnChat(chat);
    if (await this.#act({ act: "start", chat, kind }, { chat, kind })) await this.learnDevices();
  }

  /** Not after all: nobody has heard of it. */
  cancelStart(): void {
    if (!this.starting) return;
    this.starting = undefined;
    this.joined = false;
    void this.hangUp();
  }

  async answer(kind: CallKind): Promise<void> {
    if (!this.view) return;
    const { chat, call } = this.view;
    this.joined = true;
    if (await this.#act({ act: "answer", call, kind }, { chat, kind })) await this.learnDevices();
  }

  async returnTo(): Promise<void> {
    if (!this.view) return;
    this.joined = true;
    if (await this.#act({ act: "return" }, this.view)) await this.learnDevices();
  }

  async decline(): Promise<void> {
    if (this.view) await this.#act({ act: "decline", call: this.view.call });
  }

  hangUp(): Promise<unknown> {
    return this.#act({ act: "hang_up" });
  }

  mute(on: boolean): Promise<unknown> {
    return this.#act({ act: "mute", on });
  }

  camera(on: boolean): Promise<unknown> {
    return this.#act({ act: "camera", on });
  }

  /** about: what could not begin, where it fails. */
  async #act(act: CallAct, about?: { readonly chat: string; readonly kind: CallKind }): Promise<boolean> {
    try {
      await (await this.open()).act(act);
      return true;
    } catch (error) {
      // Taken back meanwhile.
      if (!about || (act.act === "start" && !this.starting)) return false;
      this.joined = false;
      this.starting = undefined;
      const code = codeOf(error);
      const known = PROBLEMS.includes(code) ? (code as CallProblem["code"]) : "failed";
      this.problem = { code: known, chat: about.chat, kind: about.kind };
      return false;
    }
  }

  /** The ring stops here; the call can still be answered from the bar. */
  hush(): void {
    this.hushed = true;
  }

  /** Away with the words about a call that is over, or never was. */
  dismiss(): void {
    if (this.live) return;
    this.view = this.problem = undefined;
  }

  async learnDevices(): Promise<void> {
    try {
      this.devices = await (await this.open()).devices();
    } catch {
      this.devices = [];
    }
  }

  async switchDevice(device: CallDevice): Promise<void> {
    try {
      await (await this.open()).choose(device);
    } finally {
      await this.learnDevices();
    }
  }
}

export const calling = new Calling();
