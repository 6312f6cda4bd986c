/**
 * The receiving end of R: HELLO, batches, acknowledgements, back-off; twin of zajil.protocol.mailbox.receiving.
 *
 * Volatile: a worker that leads begins at `idle`. One HELLO is open at a time; the drain it begins ends with its
 * DRAINED. What arrives waits until the batch before it is durable; one batch is stored at a time. Nothing is
 * acknowledged before `stored`; an acknowledgement says everything up to a seq and goes out at 32 messages, after
 * 250 ms, or when a drain ends. A carrier that breaks leads to `lost`; if the session outlives it (`resumed`), all goes
 * on where it was, else `up` begins anew with HELLO, whose `after` stands for an acknowledgement.
 *
 *     idle --up--> opening --ready--> draining --drained--> live --want--> opening
 *     any --down--> lost --resumed--> where it was; lost --up--> opening; any --stop--> idle
 *
 * `now` is in milliseconds of any clock that does not jump. Tables: docs/protocol/delivery.md.
 */
import { delayMs } from "../backoff.ts";
import { error } from "../errors.ts";

export type Phase = "idle" | "opening" | "draining" | "live" | "lost";
export const PHASES: readonly Phase[] = ["idle", "opening", "draining", "live", "lost"];
export const BATCH_MESSAGES = 64;
export const BATCH_BYTES = 1 << 20;
export const ACK_MESSAGES = 32;
export const ACK_MS = 250;
/** So long may messages of a later epoch wait while nothing new is stored on a connection that stands. */
export const HELD_MS = 60_000;

/** A message that waits to be stored. size: bytes of its body. */
export interface Arrived {
  readonly seq: number;
  readonly size: number;
}

export interface Receiving {
  readonly phase: Phase;
  /** The phase a resumed session goes back to. */
  readonly before: Phase;
  /** Highest seq durable, and highest acknowledged on this session. */
  readonly stored: number;
  readonly acked: number;
  /** Messages stored since the last acknowledgement, and when the next one is due. */
  readonly unacked: number;
  readonly ack_at: number | null;
  readonly waiting: readonly Arrived[];
  /** Last seq of the `batch` messages being stored, 0 where none are. */
  readonly applying: number;
  readonly batch: number;
  /** DRAINED came and waits for what is not stored. */
  readonly drained: boolean;
  /** Another drain is needed. */
  readonly wanted: boolean;
  /** Messages of a later epoch are kept; since when nothing moved. */
  readonly holding: boolean;
  readonly held_at: number | null;
  /** Failed attempts to connect, and when to try again. */
  readonly tries: number;
  readonly retry_at: number | null;
  /** Frames and transitions that no honest server makes. */
  readonly malformed: number;
}

export const IDLE: Receiving = {
  phase: "idle",
  before: "idle",
  stored: 0,
  acked: 0,
  unacked: 0,
  ack_at: null,
  waiting: [],
  applying: 0,
  batch: 0,
  drained: false,
  wanted: false,
  holding: false,
  held_at: null,
  tries: 0,
  retry_at: null,
  malformed: 0,
};

/** A new session, and a token for it. after: highest seq durable. holding: messages of a later epoch are kept. */
export interface Up {
  readonly type: "up";
  readonly after: number;
  readonly holding: boolean;
}
/** MSG came. size: bytes of its body. */
export interface Message {
  readonly type: "message";
  readonly seq: number;
  readonly size: number;
}
/** The transaction of the last `apply` is durable. upto: highest seq durable now. */
export interface Stored {
  readonly type: "stored";
  readonly upto: number;
  readonly holding: boolean;
}
/** GAP came: the server dropped that many messages of an overflowing mailbox. */
export interface Gap {
  readonly type: "gap";
  readonly dropped: number;
}
/** The carrier ended, or none could be had. jitter: 0 to 1. retry_ms: what the server asked for, else 0. */
export interface Down {
  readonly type: "down";
  readonly jitter: number;
  readonly retry_ms: number;
}
/**
 * What needs no fields. resumed: a new carrier, and the session goes on. ready, drained: the frames. pause: everything
 * that arrived together was told. unstored: the last `apply` could not be stored (a full disk). malformed: a frame that
 * does not parse, or that the server never sends here. want: something waits for a drain that begins after now.
 * stop: the worker stops receiving.
 */
export interface Plain {
  readonly type: "resumed" | "ready" | "pause" | "unstored" | "drained" | "malformed" | "want" | "tick" | "stop";
}
export type Event = Up | Message | Stored | Gap | Down | Plain;

/** What to do, in this order. */
export type Action =
  /** Send HELLO with this position; a drain begins. */
  | { readonly type: "open"; readonly after: number }
  /** Store the next `count` messages, up to this seq, in one transaction; answer with `stored` or `unstored`. */
  | { readonly type: "apply"; readonly upto: number; readonly count: number }
  /** Send MACK. */
  | { readonly type: "ack"; readonly upto: number }
  /** The drain is over and everything before it durable: judge what waited for it. */
  | { readonly type: "settle" }
  /** Tell the person that messages were lost while this device was away. */
  | { readonly type: "tell_gap"; readonly dropped: number }
  /** What is held waited in vain: ask to be re-added to its groups. */
  | { readonly type: "readd" }
  /** Drop the carrier and dial again; the session goes on. */
  | { readonly type: "reopen" }
  /** Drop carrier and session: what was not stored must come again. */
  | { readonly type: "renew" }
  /** The pause is over: connect. */
  | { readonly type: "dial" };

type Result = readonly [Receiving, readonly Action[]];
type Rule = (state: Receiving, event: never, now: number) => Result;

/** The state after an event, what to do, and when a `tick` is due (null: never). Throws LocalProtocolError. */
export function step(state: Receiving, event: Event, now: number): [Receiving, readonly Action[], number | null] {
  const rule = TABLE[event.type][PHASES.indexOf(state.phase)] as Rule;
  const [next, actions] = rule(state, event as never, now);
  return [next, actions, nextDeadline(next)];
}

/** When a `tick` has something to do, null for never. */
export function nextDeadline(state: Receiving): number | null {
  const held = state.held_at === null ? null : state.held_at + HELD_MS;
  const due = [state.ack_at, state.retry_at, held].filter((at) => at !== null);
  return due.length ? Math.min(...due) : null;
}

const isApart = (state: Receiving): boolean => state.phase === "lost" || state.phase === "idle";

/** Into a phase; while the carrier is lost, that is where a resumed session will stand. */
function enter(state: Receiving, phase: Phase): Receiving {
  return isApart(state) ? { ...state, before: phase } : { ...state, phase, before: phase };
}

// -- rules: sessions and carriers
function open(state: Receiving, event: Up, now: number): Result {
  const opened: Receiving = {
    ...state,
    phase: "opening",
    before: "opening",
    stored: event.after,
    acked: event.after,
    unacked: 0,
    ack_at: null,
    waiting: [],
    drained: false,
    wanted: false,
    holding: event.holding,
    held_at: event.holding ? now : null,
    retry_at: null,
  };
  return [opened, [{ type: "open", after: event.after }]];
}

function resume(state: Receiving, _: Plain, now: number): Result {
  const back = { ...state, phase: state.before, tries: 0, retry_at: null, held_at: state.holding ? now : null };
  const [next, acks] = ackDue(back);
  if (!next.wanted || next.phase !== "live") return [next, acks];
  const [opening, opens] = again(next);
  return [opening, [...acks, ...opens]];
}

function lose(state: Receiving, event: Down, now: number): Result {
  const before = state.phase === "lost" ? state.before : state.phase;
  const retry_at = now + delayMs(state.tries, event.jitter, event.retry_ms);
  return [{ ...state, phase: "lost", before, tries: state.tries + 1, retry_at, ack_at: null, held_at: null }, []];
}

function stop(state: Receiving): Result {
  const [next, acks] = state.phase === "lost" ? [state, []] : ackDue(state);
  return [{ ...next, phase: "idle", before: "idle", ack_at: null, retry_at: null, held_at: null }, acks];
}

// -- rules: frames
const ready = (state: Receiving): Result => [{ ...enter(state, "draining"), tries: 0 }, []];

/** In line behind what waits. A duplicate is not: what is stored is acknowledged again, the rest comes anyway. */
function message(state: Receiving, event: Message, now: number): Result {
  const newest = Math.max(state.stored, state.applying, state.waiting.at(-1)?.seq ?? 0);
  if (event.seq <= newest) {
    return [event.seq > state.stored ? state : { ...state, ack_at: state.ack_at ?? now + ACK_MS }, []];
  }
  const waiting = [...state.waiting, { seq: event.seq, size: event.size }];
  const full = waiting.length >= BATCH_MESSAGES || waiting.reduce((sum, one) => sum + one.size, 0) >= BATCH_BYTES;
  return full ? apply({ ...state, waiting }) : [{ ...state, waiting }, []];
}

/** The drain ends, once everything before its DRAINED is stored. */
function drained(state: Receiving): Result {
  if (!state.applying && !state.waiting.length) return settle(state);
  return apply({ ...state, drained: true });
}

const gap = (state: Receiving, event: Gap): Result => [state, [{ type: "tell_gap", dropped: event.dropped }]];

/** No honest server does this (RemoteProtocolError): counted, the connection opened anew, all else as it was. */
const wrong = (state: Receiving): Result => [{ ...state, malformed: state.malformed + 1 }, [{ type: "reopen" }]];

/** What a session that is over, or a carrier that is gone, still brings. */
const late = (state: Receiving): Result => [state, []];

// -- rules: batches
/** Give out the next batch, unless one is being stored: at most 64 messages or 1 MiB, at least one message. */
function apply(state: Receiving): Result {
  if (state.applying || !state.waiting.length) return [state, []];
  let count = 0;
  let size = 0;
  for (const one of state.waiting.slice(0, BATCH_MESSAGES)) {
    if (count && size + one.size > BATCH_BYTES) break;
    count += 1;
    size += one.size;
  }
  const upto = state.waiting[count - 1]?.seq ?? 0;
  const rest = state.waiting.slice(count);
  return [{ ...state, waiting: rest, applying: upto, batch: count }, [{ type: "apply", upto, count }]];
}

/** Durable: acknowledge soon, store what came meanwhile, end a drain that waited for this. */
function stored(state: Receiving, event: Stored, now: number): Result {
  checkApplying(state);
  const moved = event.upto > state.stored;
  const connected = !isApart(state);
  let next: Receiving = {
    ...state,
    stored: Math.max(state.stored, event.upto),
    unacked: state.unacked + (moved ? state.batch : 0),
    applying: 0,
    batch: 0,
    holding: event.holding,
    held_at: event.holding && connected ? now : null,
  };
  let acks: readonly Action[] = [];
  if (connected && next.unacked >= ACK_MESSAGES) [next, acks] = ackDue(next);
  else if (connected && moved && next.ack_at === null) next = { ...next, ack_at: now + ACK_MS };
  if (next.waiting.length) {
    const [applying, applies] = apply(next);
    return [applying, [...acks, ...applies]];
  }
  if (!next.drained) return [next, acks];
  const [live, settles] = settle(next);
  return [live, [...acks, ...settles]];
}

/** What waits stands behind what was not stored: all of it must come again, on a session of its own. */
function unstored(state: Receiving): Result {
  checkApplying(state);
  return [{ ...state, applying: 0, batch: 0, waiting: [], drained: false }, [{ type: "renew" }]];
}

function checkApplying(state: Receiving): void {
  if (!state.applying) throw error("wrong-call", "no batch was given out");
}

/** An acknowledgement of everything stored, where the server does not know of all of it. */
function ackDue(state: Receiving): Result {
  if (state.ack_at === null && state.stored <= state.acked) return [state, []];
  return [{ ...state, acked: state.stored, unacked: 0, ack_at: null }, [{ type: "ack", upto: state.stored }]];
}

// -- rules: drains and time
/** The drain is over. What is still held after it waits in vain, which the core judges within `settle`. */
function settle(state: Receiving): Result {
  const [acked, acks] = isApart(state) ? [state, []] : ackDue(state);
  const next: Receiving = { ...enter(acked, "live"), drained: false, held_at: null };
  if (!next.wanted || next.phase !== "live") return [next, [...acks, { type: "settle" }]];
  const [opening, opens] = again(next);
  return [opening, [...acks, { type: "settle" }, ...opens]];
}

/** HELLO on the live session. */
function again(state: Receiving): Result {
  return [{ ...enter(state, "opening"), wanted: false }, [{ type: "open", after: state.stored }]];
}

/** The HELLO that is open began before: another one follows it. */
const later = (state: Receiving): Result => [{ ...state, wanted: true }, []];

function tick(state: Receiving, _: Plain, now: number): Result {
  let next = state;
  let actions: readonly Action[] = [];
  if (next.ack_at !== null && now >= next.ack_at) [next, actions] = ackDue(next);
  if (next.held_at !== null && now >= next.held_at + HELD_MS) {
    next = { ...next, held_at: null };
    actions = [...actions, { type: "readd" }];
  }
  if (next.retry_at !== null && now >= next.retry_at) {
    next = { ...next, retry_at: null };
    actions = [...actions, { type: "dial" }];
  }
  return [next, actions];
}

// prettier-ignore
const TABLE: Readonly<Record<Event["type"], readonly [Rule, Rule, Rule, Rule, Rule]>> = {
  //          idle      opening   draining  live      lost
  up:        [open,     open,     open,     open,     open],
  resumed:   [late,     late,     late,     late,     resume],
  ready:     [late,     ready,    wrong,    wrong,    late],
  message:   [late,     message,  message,  message,  late],
  pause:     [late,     apply,    apply,    apply,    apply],
  stored:    [stored,   stored,   stored,   stored,   stored],
  unstored:  [unstored, unstored, unstored, unstored, unstored],
  drained:   [late,     wrong,    drained,  wrong,    late],
  gap:       [late,     gap,      gap,      gap,      late],
  malformed: [late,     wrong,    wrong,    wrong,    late],
  want:      [later,    later,    later,    again,    later],
  down:      [lose,     lose,     lose,     lose,     lose],
  tick:      [tick,     tick,     tick,     tick,     tick],
  stop:      [stop,     stop,     stop,     stop,     stop],
};
