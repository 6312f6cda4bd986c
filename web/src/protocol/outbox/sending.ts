/**
 * The sending end: which sealed requests go out on S now, and what each answer means; twin of
 * zajil.protocol.outbox.sending.
 *
 * Volatile: begins `closed`. S is opened when there is something to send and closed after 60 s without. A request is
 * repeated verbatim, with the same mid, until it is answered; an answer belongs to the rid of its one transmission. A
 * session that begins anew holds nothing that was sent before, so everything goes again. `busy` and its like put one
 * request off: the server's `retry_ms` wins, else 1 2 4 .. 60 s with full jitter; what we guessed ourselves ends with
 * the next session. At most four requests are on the wire: since a chat has one, four chats in parallel.
 *
 *     closed --requests--> opening --up--> up --idle 60 s--> closed;  any --down--> lost --usable, up--> up
 *
 * `now` is in milliseconds of any clock that does not jump.
 */
import { delayMs } from "../backoff.ts";

export type Link = "closed" | "opening" | "up" | "lost";
export const LINKS: readonly Link[] = ["closed", "opening", "up", "lost"];
export const PARALLEL = 4;
export const IDLE_MS = 60_000;
/** A caller waits that long for an allowance to come back; beyond it, he is told. */
export const PATIENCE_MS = 5_000;
/** Above are the rids of ephemeral requests, whose answers say nothing. */
export const RID_MAX = 0x7fff_ffff;

/** A request that goes again at `at`. told: the server said when. tries: how often it was put off. */
export interface PutOff {
  readonly mid: string;
  readonly at: number;
  readonly told: boolean;
  readonly tries: number;
}

/** A request on the wire. */
export interface Flying {
  readonly rid: number;
  readonly mid: string;
}

export interface Sending {
  readonly link: Link;
  /** Mids (hex) of the sealed requests without an answer, in the order of the outbox. */
  readonly requests: readonly string[];
  readonly flying: readonly Flying[];
  readonly put_off: readonly PutOff[];
  /** The next one. */
  readonly rid: number;
  /** When there was something to send last. */
  readonly used_at: number;
  /** Attempts to connect in vain, and when to try again. */
  readonly failures: number;
  readonly retry_at: number | null;
}

export const CLOSED: Sending = {
  link: "closed",
  requests: [],
  flying: [],
  put_off: [],
  rid: 1,
  used_at: 0,
  failures: 0,
  retry_at: null,
};

/** The sealed requests without an answer, as the core has them now. */
interface Requests {
  readonly type: "requests";
  readonly mids: readonly string[];
}
/** The server answers on the carrier. resumed: the session goes on where it was; else `up` tells of a new one. */
interface Usable {
  readonly type: "usable";
  readonly resumed: boolean;
}
/** The carrier ended, or none could be had. jitter: 0 to 1. retry_ms: what the server asked for, else 0. */
interface Down {
  readonly type: "down";
  readonly jitter: number;
  readonly retry_ms: number;
}
interface Ok {
  readonly type: "ok";
  readonly rid: number;
}
/** ERR came. later: its code says that the same request may be accepted later (Limited, Unavailable). */
interface Err {
  readonly type: "err";
  readonly rid: number;
  readonly code: string;
  readonly later: boolean;
  readonly retry_ms: number;
  readonly jitter: number;
}
/**
 * up: a session began; it holds nothing sent before. whisper: an ephemeral request wants to go out, once or not at all.
 * stop: the worker stops sending.
 */
export type Event = Requests | Usable | Down | Ok | Err | { readonly type: "up" | "whisper" | "tick" | "stop" };

export type Action =
  /** Open S. */
  | { readonly type: "connect" }
  /** The pause is over: connect again. */
  | { readonly type: "dial" }
  /** Send this request, with this rid. */
  | { readonly type: "send"; readonly mid: string; readonly rid: number }
  /** Tell the core: OK. */
  | { readonly type: "accepted"; readonly mid: string }
  /** Tell the core: ERR with this code, which the same bytes will not outlive. */
  | { readonly type: "refused"; readonly mid: string; readonly code: string }
  /** Tell the caller: the server asks to wait longer than a caller should without knowing. */
  | { readonly type: "tell_limited"; readonly code: string; readonly retry_ms: number }
  /** Close S. */
  | { readonly type: "close" };

type Result = readonly [Sending, readonly Action[]];
type Rule = (state: Sending, event: never, now: number) => Result;

/** The state after an event, what to do in this order, and when a `tick` is due (null: never). */
export function step(state: Sending, event: Event, now: number): [Sending, readonly Action[], number | null] {
  const rule = TABLE[event.type][LINKS.indexOf(state.link)] as Rule;
  const [next, actions] = rule(state, event as never, now);
  return [next, actions, nextDeadline(next)];
}

/** When a `tick` has something to do, null for never. */
export function nextDeadline(state: Sending): number | null {
  if (state.link === "lost") return state.retry_at;
  if (state.link !== "up") return null;
  if (!state.requests.length && !state.flying.length) return state.used_at + IDLE_MS;
  if (state.flying.length >= PARALLEL) return null;
  const due = state.put_off.filter(({ mid }) => state.requests.includes(mid)).map(({ at }) => at);
  return due.length ? Math.min(...due) : null;
}

// -- rules
function open(state: Sending, event: Requests, now: number): Result {
  if (!event.mids.length) return [{ ...state, requests: [] }, []];
  return [{ ...state, link: "opening", requests: event.mids, used_at: now }, [{ type: "connect" }]];
}

function openForWhisper(state: Sending, _: Event, now: number): Result {
  return [{ ...state, link: "opening", used_at: now }, [{ type: "connect" }]];
}

const use = (state: Sending, _: Event, now: number): Result => [{ ...state, used_at: now }, []];

function note(state: Sending, event: Requests, now: number): Result {
  return [{ ...state, requests: event.mids, used_at: event.mids.length ? now : state.used_at }, []];
}

const send = (state: Sending, event: Requests, now: number): Result => fill(note(state, event, now)[0], now);

/** Put requests on the wire, in order, up to four; each but once, and none that is put off. */
function fill(state: Sending, now: number): Result {
  const later = state.put_off.filter(({ at }) => at > now);
  const busy = new Set([...state.flying, ...later].map(({ mid }) => mid));
  const flying = [...state.flying];
  const actions: Action[] = [];
  let rid = state.rid;
  for (const mid of state.requests) {
    if (flying.length >= PARALLEL) break;
    if (busy.has(mid)) continue;
    flying.push({ rid, mid });
    actions.push({ type: "send", mid, rid });
    rid = (rid % RID_MAX) + 1;
  }
  return [{ ...state, flying, rid }, actions];
}

/** Everything goes again; what was put off without the server's word starts over. */
function begin(state: Sending, _: Event, now: number): Result {
  const put_off = state.put_off.filter(({ told }) => told);
  return fill({ ...state, link: "up", flying: [], put_off, retry_at: null }, now);
}

const reset = (state: Sending): Result => [{ ...state, failures: 0 }, []];

/** An old session goes on: what it holds is on its way. */
function resume(state: Sending, event: Usable, now: number): Result {
  return event.resumed ? fill({ ...state, link: "up", failures: 0, retry_at: null }, now) : reset(state);
}

function lose(state: Sending, event: Down, now: number): Result {
  const retry_at = now + delayMs(state.failures, event.jitter, event.retry_ms);
  return [{ ...state, link: "lost", failures: state.failures + 1, retry_at }, []];
}

function ok(state: Sending, event: Ok, now: number): Result {
  const [mid, taken] = take(state, event.rid);
  if (mid === undefined) return [taken, []];
  const [next, sends] = fill(forget(taken, mid), now);
  return [next, [{ type: "accepted", mid }, ...sends]];
}

function err(state: Sending, event: Err, now: number): Result {
  const [mid, taken] = take(state, event.rid);
  if (mid === undefined) return [taken, []];
  if (!event.later) {
    const [next, sends] = fill(forget(taken, mid), now);
    return [next, [{ type: "refused", mid, code: event.code }, ...sends]];
  }
  const tries = taken.put_off.find((one) => one.mid === mid)?.tries ?? 0;
  const at = now + delayMs(tries, event.jitter, event.retry_ms);
  const again: PutOff = { mid, at, told: event.retry_ms > 0, tries: tries + 1 };
  const [next, sends] = fill({ ...taken, put_off: [...taken.put_off.filter((one) => one.mid !== mid), again] }, now);
  if (event.retry_ms <= PATIENCE_MS) return [next, sends];
  return [next, [{ type: "tell_limited", code: event.code, retry_ms: event.retry_ms }, ...sends]];
}

/** The mid behind an answer, undefined for one that nobody waits for; it is not on the wire any more. */
function take(state: Sending, rid: number): readonly [string | undefined, Sending] {
  const mid = state.flying.find((one) => one.rid === rid)?.mid;
  return [mid, { ...state, flying: state.flying.filter((one) => one.rid !== rid) }];
}

function forget(state: Sending, mid: string): Sending {
  const requests = state.requests.filter((one) => one !== mid);
  return { ...state, requests, put_off: state.put_off.filter((one) => one.mid !== mid) };
}

const ignore = (state: Sending): Result => [state, []];

function tick(state: Sending, _: Event, now: number): Result {
  if (state.requests.length || state.flying.length) return fill(state, now);
  return now - state.used_at < IDLE_MS ? [state, []] : stop(state);
}

/** Connect again, while there is anything to connect for. */
function dial(state: Sending, _: Event, now: number): Result {
  if (state.retry_at === null || now < state.retry_at) return [state, []];
  if (!state.requests.length && !state.flying.length) return stop(state);
  return [{ ...state, retry_at: null }, [{ type: "dial" }]];
}

function stop(state: Sending): Result {
  return [{ ...state, link: "closed", flying: [], failures: 0, retry_at: null }, [{ type: "close" }]];
}

// prettier-ignore
const TABLE: Readonly<Record<Event["type"], readonly [Rule, Rule, Rule, Rule]>> = {
  //         closed  opening up      lost
  requests: [open,   note,   send,   note],
  whisper:  [openForWhisper, use, use, use],
  up:       [ignore, begin,  begin,  begin],
  usable:   [ignore, reset,  reset,  resume],
  down:     [ignore, lose,   lose,   lose],
  ok:       [ignore, ignore, ok,     ignore],
  err:      [ignore, ignore, err,    ignore],
  tick:     [ignore, ignore, tick,   dial],
  stop:     [ignore, stop,   stop,   stop],
};
