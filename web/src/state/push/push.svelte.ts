/**
 * Being woken by push: a switch of this browser, and the subscription that follows it.
 *
 * The subscription stands while the switch is on, the browser allows it, the account lives here and not all chats are
 * muted: the service worker cannot know which chat a push is about. It is looked at with each start, and told to the
 * server where it is new, and once a day.
 */
import { codeOf } from "../../i18n/errors.ts";
import { wakeWords } from "../../i18n/push.ts";
import { type PushTools, pushTools } from "../../platform/push/pushtools.ts";
import { LANGUAGES } from "../../i18n/catalogue.ts";
import { browser, call, listen } from "../host.ts";

/** quiet: it is on, and all chats are muted. closed: the server sends no pushes. failed: see `code`. */
export type PushState = "absent" | "install" | "denied" | "off" | "on" | "quiet" | "closed" | "failed";

const WANTED = "push";
const TOLD = "push-told";
const DAY_MS = 86_400_000;
/** Saying goodbye to the server takes no longer. */
const GOODBYE_MS = 3_000;
const WORKS: readonly string[] = ["direct", "via", "slow"];

export class Push {
  readonly #tools: PushTools;
  readonly #now: () => number;
  state = $state<PushState>("off");
  /** The switch. */
  wanted = $state(false);
  /** Why it failed: of protocol/errors, or `push-service` where the browser's own service could not be used. */
  code = $state<string>();
  #started = false;
  #revoked = false;
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(tools: PushTools, now: () => number = Date.now) {
    this.#tools = tools;
    this.#now = now;
  }

  /** Never asked, it could be, and the person has come back: offer it. */
  get canOffer(): boolean {
    return (
      browser().readPreference(WANTED) === undefined &&
      this.#tools.support() === "yes" &&
      this.#tools.isKept() &&
      browser().notificationPermission() !== "denied"
    );
  }

  /** Look after the subscription from now on; more than once is harmless. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    listen((event) => {
      if (event.event === "status") {
        if (event.status.health.revoked && !this.#revoked) {
          this.#revoked = true;
          void this.settle();
        } else if (this.state === "failed" && WORKS.includes(event.status.connection.state)) void this.settle();
      } else if (event.event === "chats" || event.event === "chat") this.#soon();
      else if (event.event === "incoming") void this.#tools.clear();
    });
    browser().onVisibility((visible) => {
      if (visible) void this.#tools.clear();
    });
    if (this.#tools.support() === "yes") {
      this.#tools.onWord((word) => {
        if (word === "wake") void call("reconnect").catch(() => undefined);
        else void this.settle();
      });
      if (browser().visible()) void this.#tools.clear();
    }
    void this.settle();
  }

  async turn(on: boolean): Promise<void> {
    if (on && !(await browser().askNotifications())) {
      await this.settle();
      return;
    }
    browser().writePreference(WANTED, on ? "yes" : "no");
    await this.settle();
    this.start();
  }

  /** Not now; the switch stays in the settings. */
  decline(): void {
    browser().writePreference(WANTED, "no");
  }

  /** The account leaves this browser. */
  async leave(): Promise<void> {
    browser().writePreference(WANTED, "no");
    await this.settle();
  }

  #soon(): void {
    clearTimeout(this.#again);
    this.#again = setTimeout(() => void this.settle(), 1_000);
  }

  /** Bring the subscription to what it should be. Never rejects. */
  async settle(): Promise<void> {
    const support = this.#tools.support();
    if (support !== "yes") {
      this.state = support === "install" ? "install" : "absent";
      return;
    }
    try {
      await this.#tools.alone(() => this.#settle());
    } catch (problem) {
      this.code = problem instanceof DOMException ? "push-service" : codeOf(problem);
      this.state = "failed";
    }
  }

  async #settle(): Promise<void> {
    this.code = undefined;
    const wanted = (this.wanted = browser().readPreference(WANTED) === "yes") && !this.#revoked;
    const denied = browser().notificationPermission() === "denied";
    const quiet = wanted && (await areAllMuted());
    if (!wanted || denied || quiet) {
      await this.#end();
      this.state = denied ? "denied" : quiet ? "quiet" : "off";
      return;
    }
    const key = await call("push_key");
    let held = await this.#tools.current();
    if (held !== undefined && held.key !== key) {
      await this.#tools.unsubscribe();
      held = undefined;
    }
    if (key === "") {
      this.state = "closed";
      return;
    }
    held ??= await this.#tools.subscribe(key);
    await this.#tools.keepWords(wakeWords(LANGUAGES.find((one) => one === document.documentElement.lang) ?? "en"));
    const mark = `${held.endpoint} ${String(Math.floor(this.#now() / DAY_MS))}`;
    if (browser().readPreference(TOLD) !== mark) {
      await call("set_push", { endpoint: held.endpoint, p256dh: held.p256dh, auth: held.auth });
      browser().writePreference(TOLD, mark);
    }
    this.state = "on";
  }

  async #end(): Promise<void> {
    const held = await this.#tools.current();
    if (held === undefined && (browser().readPreference(TOLD) ?? "") === "") return;
    // The browser first: then nothing comes any more, whether or not the server can be reached.
    await this.#tools.unsubscribe();
    const patience = new Promise((done) => setTimeout(done, GOODBYE_MS));
    if (!this.#revoked) await Promise.race([call("drop_push").catch(() => undefined), patience]);
    browser().writePreference(TOLD, "");
  }
}

/** Whether there are chats with others, and every one of them is muted. */
async function areAllMuted(): Promise<boolean> {
  const others = (await call("chats")).filter(({ kind }) => kind !== "self");
  return others.length > 0 && others.every(({ muted }) => muted);
}

export const push = new Push(pushTools);
