/**
 * One item of the outbox: how events move it; twin of zajil.protocol.outbox.items.
 *
 * An item is sealed once: ratchet, ciphertext and mid in one transaction, and the whole request is repeated verbatim
 * while its outcome is unknown. The outcome is an OK, an ERR, or the item's echo in the mailbox, which counts as OK
 * whatever else happened. A refusal for the epoch puts a message back behind a drain, to be sealed anew with another
 * mid; its content is fixed, so receivers drop a double. A commit changes nothing before its echo. The hashes of all
 * sealings outlive them until the item is done.
 *
 *     queued -> sealed -> done                                 create, message
 *     queued -> sealed -> accepted -> done                     commit; done at its echo
 *               sealed -> waiting  -> sealed | queued          commit refused for its epoch, after the drain
 *               sealed -> refused  -> failed | done            commit refused otherwise
 *     queued <-> held;  any -> failed (create, commit) or done with a mark `failed` (message)
 *
 * `drain` in an event is the number of the HELLO whose DRAINED answers a wish of now. `now`: Unix milliseconds.
 */

const DAY_MS = 86_400_000;
/** So long the same bytes are repeated while the outcome is unknown: the server forgets a mid after that. */
export const UNKNOWN_MS = DAY_MS;
export const GIVE_UP_MS = 30 * DAY_MS;
export const EPOCH_REFUSALS: readonly string[] = ["stale-epoch", "bad-group-token", "bad-roster-key"];
export const TOKEN_REFUSALS: readonly string[] = ["bad-group-token", "bad-roster-key"];
/** Refusals in one epoch that does not move on, before we ask to be re-added. */
export const PATIENCE = 2;

export type Kind = "create" | "commit" | "message";
export type State = "queued" | "held" | "sealed" | "accepted" | "waiting" | "refused" | "failed" | "done";
/** A commit of these states has a Staged: its epoch may still become ours. */
export const STAGED: readonly State[] = ["sealed", "accepted", "waiting", "refused"];

export interface Item {
  readonly kind: Kind;
  readonly state: State;
  /** Submitted, Unix ms. */
  readonly at: number;
  /** Number of the drain that must end first, 0 for none. */
  readonly wait: number;
  /** Of the sealing. */
  readonly epoch: number;
  readonly sealed_at: number;
  /** Of the last refusal. */
  readonly reason: string;
  /** Refusals in a row within refused_epoch; -1 where there was none. */
  readonly refusals: number;
  readonly refused_epoch: number;
}

/** The server refused the request, and not for being busy or limited. */
export interface Err {
  readonly type: "err";
  readonly code: string;
  readonly drain: number;
}
/** A drain ended. active, epoch: of the chat now. staged: our own commit is still held beside it. */
export interface Drained {
  readonly type: "drained";
  readonly drained: number;
  readonly active: boolean;
  readonly epoch: number;
  readonly staged: boolean;
}
interface AtEpoch<T extends string> {
  readonly type: T;
  readonly epoch: number;
}
interface WithDrain<T extends string> {
  readonly type: T;
  readonly drain: number;
}
/** It came through our own mailbox. newest: these are the bytes of its last sealing. */
interface Echo {
  readonly type: "echo";
  readonly newest: boolean;
}
/** It cannot be sent. code: an error code. */
interface Fail {
  readonly type: "fail";
  readonly code: string;
}
/** It must wait for something of its own: an upload, a slow route, another tab that leads. */
interface HoldBack {
  readonly type: "hold";
  readonly why: "upload" | "slow" | "lead";
}
/**
 * seal: it was sealed in this epoch, within this transaction. ended: the chat left this epoch. joined: we joined the
 * chat anew, at this epoch. ok: the server holds the request durably, as of now or since before. lost: the chat's MLS
 * state is gone. await: we were removed and added in one commit. removed: we are no member any more. withdraw: the
 * person deleted it. release: what it waited for is there. sweep: once a day.
 */
export type Event =
  | AtEpoch<"seal" | "ended" | "joined">
  | WithDrain<"ok" | "tick">
  | Err
  | Echo
  | Drained
  | Fail
  | HoldBack
  | { readonly type: "lost" | "await" | "removed" | "withdraw" | "release" | "sweep" };

export type Action =
  /** Tell `marks` of an own message. */
  | { readonly type: "mark"; readonly event: "seal" | "accept" | "fail"; readonly reason: string }
  /** An answer to its mid means nothing any more; the next sealing takes another one. */
  | { readonly type: "forget_mid" }
  /** It is done: drop it with everything that knows it. */
  | { readonly type: "finish" }
  /** Ask for a drain that begins after now. */
  | { readonly type: "drain" }
  /** We have lost the group's thread: ask to be re-added. reason: of the request. */
  | { readonly type: "readd"; readonly reason: "gap" | "refused" }
  /** The chat exists at the server: it is active. */
  | { readonly type: "created" }
  /** Our own commit stands in the mailbox: apply its Staged, if that still follows our epoch. */
  | { readonly type: "apply_commit" }
  /** Fetch another pass before it is sealed again. */
  | { readonly type: "renew_pass" }
  /** The chat could not be created: nothing that waits for it will be sent. */
  | { readonly type: "abandon"; readonly code: string };

type Result = readonly [Item, readonly Action[]];
type Rule = (item: Item, event: never, now: number) => Result;

/**
 * The item after an event, what to do in this order, and when a `tick` is due (null: never). An event that no row of
 * the table names for the item changes nothing.
 */
export function step(item: Item, event: Event, now: number): [Item, readonly Action[], number | null] {
  const row = findRow(item, event, now);
  const [next, actions] = row ? row.rule(item, event as never, now) : [item, []];
  return [next, actions, nextDeadline(next)];
}

/** When a `tick` has something to do, null for never. */
export function nextDeadline(item: Item): number | null {
  if (item.kind !== "message" || item.state === "failed" || item.state === "done") return null;
  const giveUpAt = item.at + GIVE_UP_MS;
  return item.state === "sealed" ? Math.min(item.sealed_at + UNKNOWN_MS, giveUpAt) : giveUpAt;
}

// -- cases: what of an event decides, beside kind and state
/** The case of the table that an event is for this item; empty where it has only one. */
export function findCase(item: Item, event: Event, now: number): string {
  switch (event.type) {
    case "err":
      return refusalCase(item, event.code);
    case "echo":
      return event.newest && item.state !== "queued" && item.state !== "held" ? "newest" : "older";
    case "drained":
      return drainedCase(item, event);
    case "ended":
      return item.epoch === event.epoch ? "its" : "another";
    case "joined":
      return item.epoch < event.epoch ? "earlier" : "same";
    case "tick":
      if (now - item.at >= GIVE_UP_MS) return "30 days";
      return now - item.sealed_at >= UNKNOWN_MS ? "24 hours" : "early";
    case "sweep":
      return now - item.at >= DAY_MS ? "24 hours" : "early";
    default:
      return "";
  }
}

function refusalCase(item: Item, code: string): string {
  if (item.kind !== "create") return EPOCH_REFUSALS.includes(code) ? "epoch" : "other";
  if (code === "pass-spent" && item.refusals < PATIENCE) return "pass";
  // Nobody else knows this random id: our own CREATE was accepted, and its answer forgotten after 24 h.
  return code === "group-exists" ? "exists" : "other";
}

function drainedCase(item: Item, event: Drained): string {
  if (!item.wait || item.wait > event.drained) return "early";
  if (item.state !== "waiting") return "over";
  return event.active && event.staged && event.epoch === item.epoch ? "open" : "closed";
}

// -- rules
function seal(item: Item, event: AtEpoch<"seal">, now: number): Result {
  const sealed: Item = { ...item, state: "sealed", epoch: event.epoch, wait: 0, sealed_at: now };
  return [sealed, item.kind === "message" ? [{ type: "mark", event: "seal", reason: "" }] : []];
}

/** OK, OK with dup, or the echo: the message is durable at the server. */
function accept(item: Item): Result {
  return [{ ...item, state: "done" }, [{ type: "mark", event: "accept", reason: "" }, { type: "finish" }]];
}

function create(item: Item): Result {
  return [{ ...item, state: "done" }, [{ type: "created" }, { type: "finish" }]];
}

/** It stands in our mailbox already: a drain that begins after now and brings no echo means that it was lost. */
function acceptCommit(item: Item, event: WithDrain<"ok">): Result {
  return [{ ...item, state: "accepted", wait: event.drain }, []];
}

function applyCommit(item: Item): Result {
  return [{ ...item, state: "done" }, [{ type: "finish" }, { type: "apply_commit" }]];
}

/** One more refusal in a row within the epoch of the sealing. */
function refused(item: Item, code: string): Item {
  const refusals = item.refused_epoch === item.epoch ? item.refusals + 1 : 1;
  return { ...item, reason: code, refusals, refused_epoch: item.epoch };
}

/** Not accepted: the same content again, after a drain. */
function refuseMessage(item: Item, event: Err): Result {
  const queued: Item = { ...refused(item, event.code), state: "queued", wait: event.drain, epoch: 0 };
  return [queued, [{ type: "forget_mid" }, { type: "drain" }]];
}

/** The same bytes may still win: whether their epoch is open is known after a drain. */
function refuseCommit(item: Item, event: Err): Result {
  return [{ ...refused(item, event.code), state: "waiting", wait: event.drain }, [{ type: "drain" }]];
}

function refuseCreate(item: Item, event: Err): Result {
  const queued: Item = { ...refused(item, event.code), state: "queued", wait: 0, epoch: 0 };
  return [queued, [{ type: "forget_mid" }, { type: "renew_pass" }]];
}

/** Not resent, and kept with its Staged until the epoch ends: a late copy may still win. */
function keepRefused(item: Item, event: Err): Result {
  return [{ ...item, state: "refused", reason: event.code }, []];
}

/** To be sealed anew. */
function requeue(item: Item): Result {
  return [{ ...item, state: "queued", wait: 0, epoch: 0 }, [{ type: "forget_mid" }]];
}

/** The server has forgotten the mid by now; receivers drop a double. */
function forgetOutcome(item: Item, event: WithDrain<"tick">): Result {
  return [{ ...item, state: "queued", wait: event.drain, epoch: 0 }, [{ type: "forget_mid" }, { type: "drain" }]];
}

/** The epoch is open after all, so the same bytes go again. */
function openAgain(item: Item, event: Drained): Result {
  return [{ ...item, state: "sealed", wait: 0 }, losePatience(item, event)];
}

function dropWait(item: Item, event: Drained): Result {
  return [{ ...item, wait: 0 }, losePatience(item, event)];
}

/** The epoch did not move although the server refuses it. */
function losePatience(item: Item, event: Drained): readonly Action[] {
  if (!event.active || event.epoch !== item.refused_epoch) return [];
  const hopeless = TOKEN_REFUSALS.includes(item.reason) || item.refusals >= PATIENCE;
  return hopeless ? [{ type: "readd", reason: "refused" }] : [];
}

const missEcho = (item: Item): Result => [item, [{ type: "readd", reason: "gap" }]];

/** A message leaves its red mark; a create or commit stays until its caller saw it. */
function fail(item: Item, code: string): Result {
  if (item.kind === "message") {
    const done: Item = { ...item, state: "done", reason: code };
    return [done, [{ type: "mark", event: "fail", reason: code }, { type: "finish" }]];
  }
  const actions: Action[] = [{ type: "forget_mid" }];
  if (item.kind === "create") actions.push({ type: "abandon", code });
  return [{ ...item, state: "failed", reason: code }, actions];
}

const failByCode = (item: Item, event: Err | Fail): Result => fail(item, event.code);
const failByReason = (item: Item): Result => fail(item, item.reason);
const failStuck = (item: Item): Result => fail(item, "chat-stuck");
const failRemoved = (item: Item): Result => fail(item, "not-a-member");
const giveUp = (item: Item): Result => fail(item, "unreachable");
const finish = (item: Item): Result => [{ ...item, state: "done" }, [{ type: "finish" }]];
const hold = (item: Item, event: HoldBack): Result => [{ ...item, state: "held", reason: event.why }, []];
const release = (item: Item): Result => [{ ...item, state: "queued", reason: "" }, []];

/** One row of the table: for these kinds and states, an event of this case moves the item so. */
export interface Row {
  readonly event: Event["type"];
  readonly kinds: readonly Kind[];
  readonly states: readonly State[];
  readonly case: string;
  readonly rule: Rule;
}

const M: readonly Kind[] = ["message"];
const C: readonly Kind[] = ["commit"];
const N: readonly Kind[] = ["create"];
const NC: readonly Kind[] = ["create", "commit"];
const KINDS: readonly Kind[] = ["create", "commit", "message"];
const ALIVE: readonly State[] = ["queued", "held", "sealed", "accepted", "waiting", "refused"];
const row = (event: Row["event"], kinds: readonly Kind[], states: readonly State[], on: string, rule: Rule): Row => ({
  event,
  kinds,
  states,
  case: on,
  rule,
});

export const ROWS: readonly Row[] = [
  row("seal", KINDS, ["queued"], "", seal),
  row("ok", M, ["sealed"], "", accept),
  row("ok", N, ["sealed"], "", create),
  row("ok", C, ["sealed", "waiting"], "", acceptCommit),
  row("echo", M, ["sealed"], "newest", accept),
  row("echo", M, ["queued", "held", "sealed"], "older", accept),
  row("echo", C, ["sealed", "accepted", "waiting", "refused", "failed"], "newest", applyCommit),
  row("err", M, ["sealed"], "epoch", refuseMessage),
  row("err", C, ["sealed"], "epoch", refuseCommit),
  row("err", N, ["sealed"], "pass", refuseCreate),
  row("err", N, ["sealed"], "exists", create),
  row("err", C, ["sealed"], "other", keepRefused),
  row("err", ["create", "message"], ["sealed"], "other", failByCode),
  row("drained", C, ["waiting"], "open", openAgain),
  row("drained", C, ["waiting"], "closed", requeue),
  row("drained", C, ["accepted"], "over", missEcho),
  row("drained", KINDS, ["queued", "held"], "over", dropWait),
  row("ended", C, ["sealed", "accepted", "waiting"], "its", requeue),
  row("ended", C, ["refused"], "its", failByReason),
  row("joined", KINDS, STAGED, "earlier", requeue),
  row("lost", M, ["sealed"], "", requeue),
  row("lost", C, ALIVE, "", failStuck),
  row("await", M, ["sealed"], "", requeue),
  row("await", NC, ALIVE, "", failStuck),
  row("removed", KINDS, ALIVE, "", failRemoved),
  row("fail", KINDS, ALIVE, "", failByCode),
  row("withdraw", M, ["queued", "held"], "", finish),
  row("hold", M, ["queued"], "", hold),
  row("release", M, ["held"], "", release),
  row("tick", M, ["sealed"], "24 hours", forgetOutcome),
  row("tick", M, ["queued", "held", "sealed"], "30 days", giveUp),
  row("sweep", NC, ["failed"], "24 hours", finish),
];

const key = (event: string, kind: string, state: string, on: string): string => [event, kind, state, on].join("/");
const TABLE: ReadonlyMap<string, Row> = new Map(
  ROWS.flatMap((one) =>
    one.kinds.flatMap((kind) => one.states.map((state) => [key(one.event, kind, state, one.case), one] as const)),
  ),
);

/** The row of the table for an event, undefined where it changes nothing. */
export function findRow(item: Item, event: Event, now: number): Row | undefined {
  return TABLE.get(key(event.type, item.kind, item.state, findCase(item, event, now)));
}
