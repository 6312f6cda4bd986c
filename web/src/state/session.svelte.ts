/** Who is here, which tab leads, how the server is reached, and what keeps this client from working normally. */
import type { HistoryProgress, InvitePreview, Notice, ServerInfo, Status } from "../core/api.ts";
import { codeOf } from "../i18n/errors.ts";
import { browser, call, listen } from "./host.ts";

const WORKS: readonly string[] = ["direct", "via", "slow"];
const WEEK_MS = 7 * 86_400_000;

class Session {
  /** Undefined until the worker has answered. */
  status = $state<Status>();
  server = $state<ServerInfo>();
  /** The server has channels, as far as this browser knows. */
  publicSpace = $state(false);
  #asked = false;
  /** Code of why the server's name and rules are not known. */
  serverError = $state<string>();
  /** A newer client waits for a press. */
  updateReady = $state(false);
  visible = $state(true);
  /** The worker could not be started or asked: its code. */
  broken = $state<string>();
  /** The last thing that concerns the whole account (a forked list, a bad welcome). */
  notice = $state<Notice>();
  /** How far the history is that comes from or goes to another device of ours, until its end was seen. */
  history = $state.raw<HistoryProgress>();
  /** Nobody signed up on this browser: the first screen need not wait for the worker, which is most of what loads. */
  newcomer = $state(false);

  /** Ask once and follow from then on. */
  start(): void {
    this.visible = browser().visible();
    this.newcomer = browser().readPreference("account") !== "yes";
    this.publicSpace = browser().readPreference("public") === "yes";
    this.persistAsked = browser().readPreference("persist-asked") === "yes";
    this.persistLeft = browser().readPreference("persist-left") === "yes";
    this.recoveryLeft = Number(browser().readPreference("recovery-left") ?? 0) > Date.now() - WEEK_MS;
    browser().onVisibility((visible) => (this.visible = visible));
    browser().onUpdate(() => (this.updateReady = true));
    listen((event) => {
      if (event.event === "status") this.#take(event.status);
      else if (event.event === "notice") this.notice = event.notice;
      else if (event.event === "recovery") void this.#ask();
      else if (event.event === "history") this.history = event.progress;
      else if (event.event === "work") this.work = event.share;
    });
    void this.#ask();
  }

  async #ask(): Promise<void> {
    try {
      this.#take(await call("status"));
    } catch (error) {
      this.broken = codeOf(error);
    }
  }

  /** The lock closed over what this page shows: nothing of it may stay. */
  closed = $state(false);

  #take(status: Status): void {
    if (status.lock === "closed" && this.status?.me !== undefined) this.closed = true;
    this.status = status;
    if (status.lead.phase === "stopped") return;
    browser().writePreference("lock", status.lock === undefined ? "no" : "yes");
    if (status.lock !== "closed") browser().writePreference("account", status.me === undefined ? "no" : "yes");
    if (status.me !== undefined && !this.#asked && WORKS.includes(status.connection.state)) {
      this.#asked = true;
      void this.learnServer();
    }
  }

  /** Name and rules of the server; stays undefined while it does not answer. */
  async learnServer(): Promise<void> {
    try {
      this.server = await call("server_info");
      this.publicSpace = this.server.public_space;
      browser().writePreference("public", this.publicSpace ? "yes" : "no");
      this.serverError = undefined;
    } catch (error) {
      this.serverError = codeOf(error);
    }
  }

  previewInvite(text: string): Promise<InvitePreview> {
    return call("preview_invite", { text });
  }

  /** The code of signing up is here, or did not come. */
  prepared = $state(false);

  /** Have it here while a name is thought of. What does not come is asked for again then. */
  async prepare(): Promise<void> {
    await call("prepare_account").catch(() => undefined);
    this.prepared = true;
  }

  /** How far the work is that the server asks for, 0 to 1; undefined while there is none. */
  work = $state<number>();

  async createAccount(name: string, invite?: string): Promise<void> {
    this.work = undefined;
    const me = await call("create_account", invite === undefined ? { name } : { name, invite });
    if (this.status) this.#take({ ...this.status, me });
  }

  stopWork(): void {
    void call("stop_work").catch(() => undefined);
  }

  reconnect(): void {
    void call("reconnect").catch(() => undefined);
  }

  /** Whether the browser was asked before, on this or an earlier visit. */
  persistAsked = $state(false);
  persistLeft = $state(false);

  /** The page asks, since workers cannot; the worker then looks again. */
  async persist(): Promise<boolean> {
    this.persistAsked = true;
    browser().writePreference("persist-asked", "yes");
    await browser().persist();
    const kept = await call("persist");
    await this.#ask();
    return kept;
  }

  /** The person does not want to hear of it again here. */
  leavePersist(): void {
    this.persistLeft = true;
    browser().writePreference("persist-left", "yes");
  }

  /** The person wants to hear of a recovery key later. */
  recoveryLeft = $state(false);

  leaveRecovery(): void {
    this.recoveryLeft = true;
    browser().writePreference("recovery-left", String(Date.now()));
  }

  /** Once, when there is something to lose: after the first message. */
  persistSoon(): void {
    if (this.persistAsked || this.status?.health.persisted !== false || this.status.health.memory_only) return;
    void this.persist().catch(() => undefined);
  }

  update(): void {
    browser().update();
  }

  reload(): void {
    browser().reload();
  }
}

export const session = new Session();
