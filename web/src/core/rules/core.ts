/**
 * `Core`: the delivery rules of one device. Every method is one transaction or one read; nothing else happens.
 * Twin of zajil.client.core.core.
 *
 * The shell (or a test) moves bytes: it sends HELLO when `hello` says so, feeds what R delivers, sends `requests` on S
 * and reports each answer, and makes the control calls of `wants`. Any of it may be cut, doubled or repeated anywhere.
 */
import type { ClaimedKeyPackages } from "../../protocol/control.ts";
import type { CallLog } from "../../protocol/chat/forms.ts";
import { error } from "../../protocol/errors.ts";
import type { Eph, Err, Gap, Msg, Ok, Ready, Send } from "../../protocol/frames.ts";
import * as certificates from "../state/certificates.ts";
import * as deadlines from "../state/deadlines.ts";
import * as rows from "../state/rows.ts";
import { type CallNews, GroupCache, Look, type Signal, Step, type Surroundings, type Told } from "../state/step.ts";
import type { Store } from "../store/types.ts";
import * as chats from "./chats.ts";
import * as duties from "./duties.ts";
import { sweep } from "./expiry/sweep.ts";
import * as keypackages from "./keypackages.ts";
import * as messages from "./messages.ts";
import * as outbox from "./outbox.ts";
import * as sealing from "./sealing.ts";
import type { Request } from "./sealing.ts";
import * as sync from "./sync.ts";
import { noteTold } from "./talk/notices.ts";
import * as callkeys from "./talk/callkeys.ts";
import * as whispers from "./talk/whispers.ts";
import * as calls from "./wants.ts";
import type { Want, WantClaim, WantLists, WantMind } from "./wants.ts";

/** Told after each step that made events, once it is durable. */
export type Listener = (told: readonly Told[]) => void;

/** One device over one store. now: Unix milliseconds; asked once or more a step. */
export class Core {
  readonly store: Store;
  readonly now: () => number;
  /** Hears call signals and new epochs, after the step that brought them is durable. */
  onCall: ((news: CallNews) => void) | undefined;
  #clock: { readonly server: number; readonly now: number; readonly ticks: number } | undefined;
  #cache = new GroupCache();
  #openedAt: number;
  #listeners = new Set<Listener>();

  private constructor(store: Store, now: () => number, openedAt: number) {
    this.store = store;
    this.now = now;
    this.#openedAt = openedAt;
  }

  /** The core over a store whose profile is written, or is written by the first step. */
  static async open(store: Store, now: () => number): Promise<Core> {
    const openedAt = await store.look(async (tx) => (await rows.loadSession(tx)).hellos);
    const core = new Core(store, now, openedAt);
    await core.sweep();
    return core;
  }

  /** Remove the messages that are over; nothing is shown before that. */
  async sweep(): Promise<void> {
    if (await this.store.look((tx) => deadlines.isDue(tx, this.now()))) await this.step("sweep", sweep);
  }

  /** Hear of every durable step that had something to tell. Answers a function that ends it. */
  onTold(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #about(profile: rows.Profile | undefined): Surroundings {
    if (profile === undefined) throw error("no-home");
    const { authenticate } = certificates;
    return { secrets: this.store.secrets, profile, cache: this.#cache, authenticate };
  }

  /** One transaction. A step that throws leaves store and cache as they were. Steps do not nest. */
  async step<T>(name: string, work: (step: Step) => Promise<T>): Promise<T> {
    let told: readonly Told[] = [];
    let calls: readonly CallNews[] = [];
    let answer: T;
    try {
      answer = await this.store.step(name, this.now(), async (tx) => {
        const step = new Step(tx, this.#about(await rows.findProfile(tx)));
        const result = await work(step);
        await noteTold(step);
        ({ told, calls } = step);
        return result;
      });
    } catch (problem) {
      this.#cache.groups.clear();
      throw problem;
    }
    for (const one of calls) this.onCall?.(one);
    if (told.length > 0) for (const listener of [...this.#listeners]) listener(told);
    return answer;
  }

  /** A read-only view of what is durable. */
  look<T>(work: (look: Look) => Promise<T>): Promise<T> {
    return this.store.look(async (tx) => work(new Look(tx, this.now(), this.#about(await rows.findProfile(tx)))));
  }

  /** Whether this store must neither receive nor send: an old copy, or a revoked device. */
  isLocked(): Promise<boolean> {
    return this.look(async (look) => {
      const session = await look.session();
      return session.rolled_back || session.revoked;
    });
  }

  // -- receiving (the leader alone)
  /** A HELLO goes out now: the highest seq stored. One HELLO at a time until its DRAINED came. */
  hello(): Promise<number> {
    return this.step("hello", (step) => sync.beginHello(step));
  }

  /** The leader begins: a recovery that ended before its READY must alarm again. */
  start(): Promise<void> {
    return this.step("start", async (step) => {
      const session = await step.session();
      const adopt_ack = session.adopt_ack && this.#cache.recovering;
      await step.changeSession({ starts: session.starts + 1, adopt_ack });
    });
  }

  /** The server's answer to HELLO. */
  takeReady(ready: Ready): Promise<void> {
    this.#clock = { server: ready.now, now: this.now(), ticks: performance.now() };
    return this.step("ready", (step) => sync.takeReady(step, ready));
  }

  /** Up to 64 mailbox entries in seq order; the seq to acknowledge, as they are durable now. */
  takeMessages(batch: readonly Msg[]): Promise<number> {
    return this.step("receive", (step) => sync.takeMessages(step, batch));
  }

  /** DRAINED came for the HELLO sent last. */
  takeDrained(): Promise<void> {
    return this.step("drained", (step) => sync.takeDrained(step));
  }

  /** Where the mailbox stands: the highest seq stored, and whether messages of a later epoch are kept. */
  position(): Promise<{ readonly after: number; readonly holding: boolean }> {
    return this.look(async (look) => {
      const { last_seq: after } = await look.session();
      return { after, holding: (await look.tx.count("held")) > 0 };
    });
  }

  /** What is held waited too long on a standing connection. */
  takeWaited(): Promise<void> {
    return this.step("waited", (step) => sync.takeWaited(step));
  }

  /** EPH came, one or several in a row: somebody writes or calls, or it changes nothing. */
  takeEphemeral(came: readonly Eph[]): Promise<void> {
    return this.step("ephemeral", async (step) => {
      for (const eph of came) await whispers.takeEphemeral(step, eph);
    });
  }

  /** KEYS_LOW came. */
  wantKeyPackages(): Promise<void> {
    return this.step("keys-low", async (step) => {
      await step.changeSession({ keys_wanted: true });
    });
  }

  /** The server lost entries of our mailbox; groups that miss a commit of it will show at the drain. */
  takeGap(_gap: Gap): Promise<void> {
    return this.step("gap", (step) => Promise.resolve(step.event("gap")));
  }

  /** This device is no longer one of its account's. */
  takeRevoked(): Promise<void> {
    return this.step("revoked", async (step) => {
      await step.changeSession({ revoked: true });
    });
  }

  /** Whether something waits for a drain that no HELLO has begun yet. */
  drainWanted(): Promise<boolean> {
    return this.look(async (look) => {
      const session = await look.session();
      return session.wanted > session.hellos;
    });
  }

  // -- sending
  /** Ask for one drain, so that this worker may seal (mls.md 7.10). */
  wantDrain(): Promise<void> {
    return this.step("want-drain", async (step) => {
      await step.wantedDrain();
    });
  }

  /** Seal what may be sealed, then every sealed request without an answer. */
  async requests(): Promise<Request[]> {
    const mayNow = await this.look((look) => sealing.maySeal(look, this.#openedAt));
    if (!mayNow) return [];
    if (await this.look((look) => sealing.hasQueued(look))) await this.step("seal", (step) => sealing.sealDue(step));
    return this.look(async (look) => ((await sealing.maySeal(look, this.#openedAt)) ? sealing.openRequests(look) : []));
  }

  /** The request that tells a chat we write, sent once or not at all; undefined where it is off or not due. */
  sealTyping(gid: rows.Id): Promise<Send | undefined> {
    return this.#whisper("typing", (step) => whispers.sealTyping(step, gid));
  }

  async #whisper(name: string, seal: (step: Step) => Promise<Send | undefined>): Promise<Send | undefined> {
    return (await this.look((look) => sealing.maySeal(look, this.#openedAt))) ? this.step(name, seal) : undefined;
  }

  /** The server holds the request durably. */
  takeOk(mid: Uint8Array, _ok: Ok): Promise<void> {
    return this.step("ok", (step) => outbox.takeOk(step, mid));
  }

  /** The server refused the request, not for being busy or limited (then the same request goes again). */
  takeErr(mid: Uint8Array, err: Err): Promise<void> {
    return this.step("err", (step) => outbox.takeErr(step, mid, err.code));
  }

  /** Whether that drain is over and nothing is left that could be sent or asked for now. */
  isSettled(hello: number): Promise<boolean> {
    return this.look(async (look) => {
      const session = await look.session();
      if (session.rolled_back || session.revoked) return true;
      if (session.drained < Math.max(hello, this.#openedAt + 1) || session.wanted > session.drained) return false;
      for (const want of await calls.wants(look)) if (await calls.isPressing(look, want)) return false;
      const deadline = await duties.nextDeadline(look);
      if (deadline !== undefined && deadline <= this.now()) return false;
      return !(await sealing.hasSendable(look));
    });
  }

  // -- control calls and time
  /** Control calls needed now. */
  wants(): Promise<Want[]> {
    return this.look((look) => calls.wants(look));
  }

  /** The answer to a WantCreate. */
  takeCreate(n: number, groupPass: Uint8Array, ownRef: Uint8Array): Promise<void> {
    return this.step("create", (step) => calls.takeCreate(step, n, groupPass, ownRef));
  }

  /** The answer to a WantClaim. False: nothing to claim yet, ask again after a pause. */
  takeClaim(want: WantClaim, answer: ClaimedKeyPackages): Promise<boolean> {
    return this.step("claim", (step) => calls.takeClaim(step, want, answer));
  }

  /** The answer to a WantLists. Throws Malformed or HomeError for lists that do not verify. */
  takeLists(want: WantLists, lists: readonly Uint8Array[]): Promise<void> {
    return this.step("lists", (step) => calls.takeLists(step, want, lists));
  }

  /** The server did what it was to mind. */
  takeDoor(want: WantMind): Promise<void> {
    return this.step("door", (step) => calls.takeDoor(step, want));
  }

  /** Fresh packages for the server beside those it holds, secrets stored. */
  makeKeyPackages(
    held: readonly keypackages.Held[],
    pools = keypackages.POOLS,
  ): Promise<keypackages.PublishedPackage[]> {
    return this.step("key-packages", (step) => keypackages.make(step, held, pools));
  }

  /** Whether the server still hands out packages whose secrets this device forgot. */
  poolStale(): Promise<boolean> {
    return this.look(async (look) => (await look.session()).pool_stale);
  }

  /** The pool at the server is full again. */
  takePublished(): Promise<void> {
    return this.step("published", async (step) => {
      await step.changeSession({ keys_wanted: false, pool_stale: false });
    });
  }

  /** The server refused a wanted call for good. */
  takeRefusal(want: Want, code: string): Promise<void> {
    return this.step("refusal", (step) => calls.takeRefusal(step, want, code));
  }

  /** Unix ms at which `tick` has something to do. */
  nextDeadline(): Promise<number | undefined> {
    return this.look((look) => duties.nextDeadline(look));
  }

  /** Retention and upkeep, once a start and once a day. */
  daily(): Promise<void> {
    return this.step("daily", (step) => duties.daily(step));
  }

  /** Do what time made due. */
  tick(): Promise<void> {
    return this.step("tick", (step) => duties.tick(step));
  }

  // -- calls
  /**
   * How long ago the server took a signal, by the server's own clock, ms; no clock of this device is believed.
   *
   * READY said what that clock was. Since then the longer of what our two clocks counted has passed: one may stand still
   * while the machine sleeps, the other may be set back.
   */
  ageOf({ ts }: Signal): number {
    if (!this.#clock) return 0;
    const { server, now, ticks } = this.#clock;
    return Math.max(0, Math.round(server + Math.max(this.now() - now, performance.now() - ticks) - ts));
  }

  /** The request that carries a call signal, sent once or not at all; undefined where nothing may be said now. */
  sealSignal(gid: rows.Id, fields: Signal["fields"], course: whispers.Course): Promise<Send | undefined> {
    return this.#whisper("signal", (step) => whispers.sealSignal(step, gid, fields, course));
  }

  /** Keys and members of a call in the group's epoch. context: 48 bytes. Throws `not-a-member`, `chat-stuck`. */
  callKeys(gid: rows.Id, context: Uint8Array): Promise<callkeys.CallKeys> {
    return this.look((look) => callkeys.callKeys(look, gid, context));
  }

  /** The epoch and its send token. Throws `not-a-member`, `chat-stuck`. */
  sendToken(gid: rows.Id): Promise<callkeys.Token> {
    return this.look((look) => callkeys.sendToken(look, gid));
  }

  /** Keep the record of the call this device is in, durable on return; null forgets it. */
  keepCall(record: Uint8Array | null): Promise<void> {
    return this.step("call", (step) => rows.saveCall(step.tx, record));
  }

  /** The record kept last. */
  keptCall(): Promise<Uint8Array | undefined> {
    return this.look((look) => rows.findCall(look.tx));
  }

  /** Store and queue what became of a call; its message id. Throws `not-a-member`. */
  submitCallLog(gid: rows.Id, log: CallLog): Promise<rows.Id> {
    return this.step("call-log", async (step) =>
      messages.submitCallLog(step, (await chats.checkMember(step, gid)).gid, log),
    );
  }
}
