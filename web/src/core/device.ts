/** The leading device: store, core, shell and verbs of one profile, from taking the lead to its end. */
import type { CallName, Connection, CoreEvent, Health, Lead, Status } from "./api.ts";
import { DROP_TOKEN } from "../protocol/control.ts";
import { error, ZajilError } from "../protocol/errors.ts";
import type { Send } from "../protocol/frames.ts";
import { CLIENT_VERSION } from "../protocol/limits.ts";
import { CallDoor } from "./calls/door.ts";
import { isKeyDue, KeptDoor } from "./kept/door.ts";
import type { Files } from "./files/files.ts";
import { HistoryDoor } from "./history/door.ts";
import { JoinDoor } from "./joins/door.ts";
import type * as life from "./life.ts";
import type { Leading } from "./lead.ts";
import type { LockCalls } from "./lock/view.ts";
import { insist, once } from "./lazy.ts";
import { checkBrowser, loadSuite } from "./mls/suites.ts";
import type { Core } from "./rules/core.ts";
import type { Calls } from "./shell/calls.ts";
import type { Tokens } from "./shell/login.ts";
import type { Runner } from "./shell/runner.ts";
import * as rows from "./state/rows.ts";
import type { Told } from "./state/step.ts";
import { type Kek, openStore, type Store } from "./store/index.ts";
import { Way } from "./reach/way.ts";
import { browserNetwork } from "./shell/network.ts";
import { parseBase } from "./transports/direct.ts";
import { meOf } from "./verbs/account.ts";
import { FileDoor } from "./verbs/files.ts";
import type { Handlers, Host } from "./verbs/handlers.ts";
import { lazyPartsOf } from "./verbs/lazy/parts.ts";
import { newcomerVerbs } from "./verbs/newcomer.ts";
import type { TalkCalls } from "./verbs/talk.ts";

/** Calls of the lock are the gate's before it. */
type DeviceHandlers = Handlers<Exclude<CallName, keyof LockCalls>>;
type Emit = (event: CoreEvent) => void;
type Stopped = Extract<Lead, { phase: "stopped" }>["reason"];

const NO_HEALTH: Health = {
  memory_only: false,
  storage_full: false,
  persisted: false,
  revoked: false,
  rolled_back: false,
  update_required: false,
  recovery_due: false,
};

/** The calls about an account's lines: where there is none, they are refused without the code for them. */
const TALK: readonly (keyof TalkCalls)[] = [
  ...(["chats", "chat", "request_count", "messages", "message", "send", "retry", "mark_read"] as const),
  ...(["set_draft", "arrange", "delete_message", "edit", "react", "typing"] as const),
];
type Life = typeof life;
const loadLife = once(
  () => import("./life.ts"),
  (whole: Life) => whole,
);

/** Steps of one change are told together. */
const TELL_MS = 50;
const NO_ROUTES = { queued: 0, routes: [], bridges: 0 };

export interface DeviceParts {
  readonly profile: string;
  /** The address below which /v1 lies. */
  readonly server: string;
  readonly emit: Emit;
  /** This worker cannot go on. */
  readonly end: (reason: Stopped) => void;
  /** Unix milliseconds. */
  readonly now?: () => number;
  /** Opens a vault under app lock. */
  readonly kek?: Kek;
}

/** One profile's device, the only one of this browser that writes. */
export class Device implements Leading, Host {
  readonly store: Store;
  readonly server: string;
  readonly calls: Calls;
  readonly emit: Emit;
  readonly now: () => number;
  readonly way: Way;
  readonly #end: (reason: Stopped) => void;
  readonly #handlers: DeviceHandlers;
  readonly #door = new CallDoor(this);
  readonly #files = new FileDoor(this);
  readonly #joins = new JoinDoor(this);
  readonly #history = new HistoryDoor(this);
  readonly #kept: KeptDoor;
  #life: Life | undefined;
  #core: Core | undefined;
  #talk: TalkCalls | undefined;
  #tokens: Tokens | undefined;
  #runner: Runner | undefined;
  /** How the server is reached, as one text, and since when its state holds. */
  #told = "";
  #state: Connection["state"];
  #since: number;
  #telling: ReturnType<typeof setTimeout> | undefined;
  #storageFull = false;
  #updateRequired = false;

  private constructor(store: Store, way: Way, parts: DeviceParts) {
    this.store = store;
    this.way = way;
    this.calls = way.calls;
    this.server = parts.server.replace(/\/+$/, "");
    this.emit = parts.emit;
    this.now = parts.now ?? (() => Date.now());
    this.#end = parts.end;
    this.#state = way.shown().state;
    this.#since = this.now();
    const opening = {
      opened: () => this.#openCore(),
      recovered: () => this.#run(this.core(), this.tokens()),
      ended: () => this.#logOut(),
    };
    this.#kept = new KeptDoor(this, opening);
    this.#handlers = {
      status: () => this.#status(),
      log_out: () => this.#logOut(),
      reconnect: () => this.#reconnect(),
      open_calls: ({ port }) => Promise.resolve(this.#door.open(port)),
      ...this.#talkVerbs(),
      ...this.#files.verbs,
      ...this.#joins.verbs,
      ...this.#kept.verbs,
      ...newcomerVerbs(this, opening),
      ...lazyPartsOf(this, opening),
    };
  }

  /** Take the lead of a profile: open its store behind a new fence and begin. Throws what `openStore` throws. */
  static async lead(parts: DeviceParts): Promise<Device> {
    loadLife().catch(() => undefined); // who needs it asks again, and hears of it
    await checkBrowser();
    const store = await openStore(parts.profile, {
      onTaken: () => parts.end("lost-lead"),
      onLost: (erased) => parts.end(erased ? "erased" : "damaged"),
      ...(parts.kek === undefined ? {} : { kek: parts.kek }),
    });
    let device: Device | undefined;
    try {
      await store.takeLead();
      const way = await Way.open({
        store,
        base: parseBase(parts.server),
        now: parts.now ?? (() => Date.now()),
        network: browserNetwork,
        changed: () => device?.noteWay(),
        problem: (problem) => device?.noteProblem(problem),
      });
      device = new Device(store, way, parts);
      const profile = await store.look((tx) => rows.findProfile(tx));
      if (profile?.registered) await device.#openCore();
      return device;
    } catch (problem) {
      device?.way.close();
      store.close();
      throw problem;
    }
  }

  /** What a tab is told whose worker has stopped. */
  static stoppedStatus(lead: Lead, now: number): Status {
    return { lead, health: NO_HEALTH, connection: { state: "offline", since: now, server: "", ...NO_ROUTES } };
  }

  // -- Leading
  async call(name: CallName, args: unknown): Promise<unknown> {
    if (!Object.hasOwn(this.#handlers, name)) throw error("wrong-call", "unknown call");
    try {
      // The page's link is typed by api.ts, and so is the table: a name has its own arguments.
      return await (this.#handlers[name as keyof DeviceHandlers] as (args: unknown) => Promise<unknown>)(args);
    } catch (problem) {
      this.noteProblem(problem);
      throw problem;
    }
  }

  stop(): void {
    this.#door.close();
    this.#files.close();
    this.#joins.close();
    this.#history.close();
    this.#kept.close();
    void this.#runner?.close();
    this.#runner = undefined;
    this.#closeWay();
    this.store.close();
  }

  // -- Host
  core(): Core {
    if (this.#core === undefined) throw error("no-home");
    return this.#core;
  }

  tokens(): Tokens {
    if (this.#tokens === undefined) throw error("no-home");
    return this.#tokens;
  }

  files(): Promise<Files> {
    return this.#files.open();
  }

  wake(): void {
    this.#runner?.wake();
  }

  sendOnce(request: Send): void {
    this.#runner?.sendOnce(request);
  }

  // -- life
  #alive(): Life {
    if (this.#life === undefined) throw error("no-home");
    return this.#life;
  }

  /** Each once there is an account; before that `no-home`. */
  #talkVerbs(): TalkCalls {
    const verb = (name: keyof TalkCalls) => (args: never) => {
      if (this.#talk === undefined) throw error("no-home");
      return this.#talk[name](args);
    };
    // Each name has its own arguments, on both sides.
    return Object.fromEntries(TALK.map((name) => [name, verb(name)])) as unknown as TalkCalls;
  }

  async #openCore(): Promise<void> {
    const [life] = await Promise.all([insist("rules", loadLife), loadSuite()]);
    this.#life = life;
    const core = await life.Core.open(this.store, this.now);
    this.#core = core;
    this.#talk = life.talkVerbs(this);
    this.#tokens = new life.Tokens(core, this.calls);
    this.#door.listen(core);
    core.onTold((told) => void this.#tell(core, told));
    await this.#run(core, this.#tokens);
    this.way.settle();
    this.emit({ event: "chats" });
  }

  /** Begin to receive and send, anew where a runner had given up. */
  async #run(core: Core, tokens: Tokens): Promise<void> {
    await this.#runner?.close();
    this.#runner = new (this.#alive().Runner)(core, this.calls, tokens, {
      carriers: this.way.carriers,
      session: (state) => this.way.noteSession(state),
      minClient: (version) => this.#noteVersion(version),
      serverClock: (ms) => this.way.noteOffset(ms - this.now()),
      problem: (problem) => this.noteProblem(problem),
    });
    this.#runner.start();
    for (const work of [this.#files.begin(), this.#joins.begin(), this.#kept.begin(), this.#history.begin()])
      work.catch((problem: unknown) => this.noteProblem(problem));
    await this.#emitStatus();
  }

  async #tell(core: Core, told: readonly Told[]): Promise<void> {
    try {
      const { eventsOf } = this.#alive();
      for (const event of await core.look((look) => eventsOf(look, told))) this.emit(event);
      await this.#files.hear(told);
      await this.#joins.hear(told);
      // A line was written, so there is room again.
      const room = this.#storageFull && told.some(({ code }) => code === "message");
      if (room) this.#storageFull = false;
      if (room || told.some(({ code }) => code === "old-copy" || code === "state")) await this.#emitStatus();
    } catch (problem) {
      this.noteProblem(problem);
    }
  }

  async #status(): Promise<Status> {
    const health = await this.#health();
    const profile = await this.store.look((tx) => rows.findProfile(tx));
    const connection = { ...this.way.shown(), since: this.#since, queued: await this.#queued() };
    return { lead: { phase: "leading" }, health, connection, ...(profile?.registered ? { me: meOf(profile) } : {}) };
  }

  async #emitStatus(): Promise<void> {
    this.emit({ event: "status", status: await this.#status() });
  }

  async #health(): Promise<Health> {
    const storage = navigator.storage as StorageManager | undefined;
    const session = await this.store.look((tx) => rows.loadSession(tx));
    return {
      memory_only: !this.store.durable,
      storage_full: this.#storageFull,
      persisted: (await storage?.persisted()) ?? false,
      revoked: session.revoked,
      rolled_back: session.rolled_back,
      update_required: this.#updateRequired,
      recovery_due: await isKeyDue(this),
    };
  }

  async #queued(): Promise<number> {
    const waiting = ["queued", "sealed"];
    return this.store.look(async (tx) => {
      const all = await rows.items(tx);
      return all.filter(([, item]) => item.shown && waiting.includes(item.state)).length;
    });
  }

  /** The way to the server may look otherwise: tell the tabs what changed, and not every step of it. */
  noteWay(): void {
    const shown = this.way.shown();
    if (shown.state !== this.#state) this.#since = this.now();
    this.#state = shown.state;
    const text = JSON.stringify(shown);
    if (text === this.#told) return;
    this.#told = text;
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      this.#emitStatus().catch((problem: unknown) => this.noteProblem(problem));
    }, TELL_MS);
  }

  #closeWay(): void {
    clearTimeout(this.#telling);
    this.#telling = undefined;
    this.way.close();
  }

  #noteVersion(lowest: number): void {
    if (lowest <= CLIENT_VERSION || this.#updateRequired) return;
    this.#updateRequired = true;
    void this.#emitStatus();
  }

  /** A full disk keeps everything and takes nothing more in; a lost lead or a damaged store ends this worker. */
  noteProblem(problem: unknown): void {
    if (!(problem instanceof ZajilError)) return;
    // A step that meets cleared site data loses its lead before the browser has said that the data is gone.
    if (problem.code === "lost-lead")
      void this.store.isErased().then((erased) => this.#end(erased ? "erased" : "lost-lead"));
    else if (problem.code === "home-damaged") this.#end("damaged");
    else if (problem.code === "update-required") this.#noteVersion(CLIENT_VERSION + 1);
    else if (problem.code === "storage-full" && !this.#storageFull) {
      this.#storageFull = true;
      void this.#emitStatus();
    }
  }

  async #reconnect(): Promise<void> {
    if (this.#storageFull) {
      this.#storageFull = false;
      await this.#emitStatus();
    }
    this.way.carriers.tap();
    this.#runner?.reconnect();
  }

  /** Tell the server that the session is over, where it answers at once: leaving must not wait for it. */
  async #dropToken(): Promise<void> {
    try {
      const auth = await this.#tokens?.auth();
      if (auth !== undefined) await this.calls.call(DROP_TOKEN, { auth, signal: AbortSignal.timeout(2_000) });
    } catch (problem) {
      if (!(problem instanceof ZajilError || problem instanceof DOMException)) throw problem;
    }
  }

  async #logOut(): Promise<void> {
    this.#files.close();
    this.#history.close();
    this.#kept.close();
    await this.#runner?.close();
    this.#runner = undefined;
    await this.#dropToken();
    this.#closeWay();
    await this.store.erase();
    this.#end("erased");
  }
}
