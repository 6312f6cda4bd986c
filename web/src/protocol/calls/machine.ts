/**
 * The life of the calls of one chat on one device; twin of zajil.protocol.calls.machine.
 *
 * One device rings, all devices of the chat hear it, the person answers on one of them: `accept`. In a chat of two the
 * caller says whom it takes (`taken`), and only those two open links; in a group every `accept` is a join, and
 * everybody inside opens a link to who joins. Media flowing both ways with one peer makes the call active; when the
 * last such peer is lost, 30 s are left to find it again. A chat has one live call: of two rings the lower call id
 * wins, and whoever rang the higher one answers the lower.
 *
 *     idle -> outgoing -> connecting -> active <-> reconnecting -> ended
 *     idle -> incoming -> connecting;  any -> ended, which to the next call is as good as idle
 *
 * What follows from the state alone, which links are open, whether it rings, what is kept for a reload and what is
 * shown, is not in the table: `step` compares the two states. Times are arguments; no clock is read.
 */
import { compare, encodeHex, equal } from "../bytes.ts";
import type { Action, Phase, Send, SendLog } from "./actions.ts";
import type { Event, Received, Roster } from "./events.ts";
import * as limits from "./limits.ts";
import * as moves from "./moves.ts";
import type { Signal } from "./signals.ts";
import {
  type CallState,
  findLive,
  findPeer,
  findRecord,
  IN_CALL,
  nextDeadline,
  REST,
  rings,
  show,
  sounds,
} from "./state.ts";

/** One row: in these phases, an event of this name and case moves the call so. */
type Row = readonly [event: string, phases: readonly Phase[], case_: string, rule: moves.Rule];

const OUT: readonly Phase[] = ["outgoing"];
const IN: readonly Phase[] = ["incoming"];
const CONNECTING: readonly Phase[] = ["connecting"];
const ACTIVE: readonly Phase[] = ["active"];
const OPEN: readonly Phase[] = [...OUT, ...IN_CALL];
const LIVE: readonly Phase[] = [...IN, ...OPEN];

const ROWS: readonly Row[] = [
  ["dial", REST, "new", moves.dial],
  ["dial", REST, "live", moves.join],
  ["accept_call", IN, "", moves.answer],
  ["decline_call", IN, "", moves.decline],
  ["hangup", IN, "", moves.decline],
  ["hangup", OUT, "", moves.cancel],
  ["hangup", IN_CALL, "", moves.hangUp],
  ["set_media", LIVE, "", moves.setMedia],
  ["restored", REST, "young", moves.restore],
  ["fail", REST, "", moves.failBefore],
  ["fail", OUT, "", moves.failRinging],
  ["fail", IN, "", moves.declineFailed],
  ["fail", IN_CALL, "", moves.fail],
  // signals
  ["ring", REST, "new", moves.ring],
  ["ring", REST, "busy", moves.refuseBusy],
  ["ring", OUT, "lower", moves.join],
  ["ring", OUT, "lower of a sibling", moves.endElsewhere],
  ["ring", IN, "lower", moves.ring],
  ["ring", IN, "lower of a sibling", moves.endElsewhere],
  ["ring", IN_CALL, "another", moves.sayBusy],
  ["ring", IN_CALL, "another in a group", moves.sayRunning],
  ["unsupported", REST, "new", moves.refuseUnsupported],
  ["beacon", OUT, "another", moves.joinRunning],
  ["accept", OUT, "first of two", moves.take],
  ["accept", OPEN, "joins", moves.add],
  ["accept", OPEN, "full", moves.sendAway],
  ["accept", IN, "sibling", moves.quieten],
  ["taken", CONNECTING, "mine", moves.add],
  ["taken", [...IN, ...CONNECTING], "another", moves.endElsewhere],
  ["decline", OUT, "of two", moves.endByDecline],
  ["decline", IN, "sibling", moves.endDeclinedElsewhere],
  ["cancel", IN, "host", moves.endMissed],
  ["cancel", CONNECTING, "host", moves.endRemote],
  ["end", IN, "host", moves.endMissed],
  ["end", IN_CALL, "of two", moves.endRemote],
  ["end", IN_CALL, "leaves", moves.drop],
  ["end", IN_CALL, "full", moves.endFull],
  ["offer", OPEN, "joins", moves.add],
  ["state", IN_CALL, "peer", moves.noteMedia],
  // media
  ["link_up", IN_CALL, "peer", moves.linkUp],
  ["link_down", IN_CALL, "peer", moves.linkDown],
  ["alarm", IN_CALL, "", moves.endAlarm],
  // roster
  ["roster", [...REST, ...LIVE], "", moves.updateRoster],
  ["roster", LIVE, "without me", moves.endRemoved],
  ["roster", IN_CALL, "without the other", moves.losePeer],
  ["roster", IN, "without the host", moves.endRingRemoved],
  // time
  ["tick", REST, "known", moves.forgetKnown],
  ["tick", OUT, "phase", moves.giveUpRinging],
  ["tick", IN, "phase", moves.endMissed],
  ["tick", IN, "phase, quiet", moves.endElsewhere],
  ["tick", CONNECTING, "phase", moves.failLate],
  ["tick", ["reconnecting"], "phase", moves.lose],
  ["tick", ACTIVE, "peer", moves.giveUpPeers],
  ["tick", ACTIVE, "alone", moves.leaveAlone],
  ["tick", ACTIVE, "beacon", moves.beacon],
];

const TABLE: ReadonlyMap<string, moves.Rule> = new Map(
  ROWS.flatMap(([event, phases, case_, rule]) => phases.map((phase) => [`${event} ${phase} ${case_}`, rule] as const)),
);
const TICK: Event = { t: "tick" };
const TICKS_AT_ONCE = 8;

/**
 * The state after an event, and what to do, in this order.
 *
 * now: ms of one clock that never goes back. What time alone decides by then is decided first, but a roster before
 * everything. An event that no row names changes nothing.
 */
export function step(state: CallState, event: Event, now: number): readonly [CallState, readonly Action[]] {
  let [after, out] = event.t === "roster" ? [state, []] : tick(state, now);
  if (event.t === "received") {
    if (!isForUs(after, event)) return [after, actions(state, after, out)];
    after = moves.noteKnown(after, event, now);
  }
  const rule = event.t === "tick" ? undefined : findRule(after, event, now);
  if (rule) {
    const [next, more] = rule(after, event as never, now);
    [after, out] = [next, [...out, ...more]];
  }
  return [after, actions(state, after, out)];
}

/** All that is due. */
function tick(state: CallState, now: number): moves.Move {
  let after = state;
  const out: (Send | SendLog)[] = [];
  for (let turn = 0; turn < TICKS_AT_ONCE; turn++) {
    const rule = findRule(after, TICK, now);
    if (!rule) break;
    const [next, more] = rule(after, TICK as never, now);
    after = next;
    out.push(...more);
  }
  return [after, out];
}

/** Meant for this leaf or all, from another one that is a member now. */
function isForUs({ members, me }: CallState, event: Received): boolean {
  const to = event.signal.t === "unsupported" ? null : event.signal.to;
  return moves.isAmong(members, event) && event.leaf !== me.leaf && (to === null || to === me.leaf);
}

/** Whether two values of plain data are the same. */
const same = (a: unknown, b: unknown): boolean => a === b || key(a) === key(b);
const key = (value: unknown): string =>
  JSON.stringify(value, (_, item: unknown) => (item instanceof Uint8Array ? encodeHex(item) : item));

/** What lies between two states: records first, closing before sending, sending before opening. */
function actions(before: CallState, after: CallState, out: readonly (Send | SendLog)[]): Action[] {
  if (before === after && out.length === 0) return [];
  const done: Action[] = [];
  const record = findRecord(after);
  const old = findRecord(before);
  if (record && !same(record, old)) done.push({ t: "persist", record });
  // Another call with the same leaf is another link, and another ring.
  const another = !equal(before.call, after.call);
  if (rings(before) && (another || !rings(after))) done.push({ t: "ring_off" });
  const had = before.peers.map(({ leaf }) => leaf);
  const has = after.peers.map(({ leaf }) => leaf);
  for (const leaf of had) if (another || !has.includes(leaf)) done.push({ t: "close_link", leaf });
  done.push(...out);
  for (const leaf of has) if (another || !had.includes(leaf)) done.push({ t: "open_link", leaf });
  if (rings(after) && (another || !rings(before))) done.push({ t: "ring_on", sound: sounds(after) });
  const view = show(after);
  if (!same(view, show(before))) done.push({ t: "show", view });
  if (old && !record) done.push({ t: "persist", record });
  const atMs = nextDeadline(after);
  if (atMs !== nextDeadline(before)) done.push({ t: "wake_at", atMs });
  return done;
}

// -- cases: what of an event decides, beside its name and the phase
function findRule(state: CallState, event: Event, now: number): moves.Rule | undefined {
  const [name, case_] = findCase(state, event, now);
  return TABLE.get(`${name} ${state.phase} ${case_}`);
}

type Case = readonly [name: string, case_: string];

function findCase(state: CallState, event: Event, now: number): Case {
  const { t } = event;
  switch (t) {
    case "dial":
      return [t, findLive(state, now) ? "live" : "new"];
    case "restored":
      return [t, event.ageMs <= limits.RECONNECT_MS ? "young" : "old"];
    case "link_up":
    case "link_down":
      return [t, findPeer(state, event.leaf) ? "peer" : "nobody"];
    case "roster":
      return [t, rosterCase(state, event)];
    case "tick":
      return [t, tickCase(state, now)];
    case "received":
      return signalCase(state, event);
    default:
      return [t, ""];
  }
}

function rosterCase({ phase, me, peers, group, host }: CallState, roster: Roster): string {
  if (REST.includes(phase)) return "";
  const { members } = roster;
  if (!roster.me || !moves.isAmong([me], roster.me) || !moves.isAmong(members, me)) return "without me";
  const gone = peers.some((peer) => !moves.isAmong(members, peer));
  if (gone && !group && IN_CALL.includes(phase)) return "without the other";
  return phase === "incoming" && members.every(({ leaf }) => leaf !== host) ? "without the host" : "";
}

function tickCase(state: CallState, now: number): string {
  const due = (at: number | null): boolean => at !== null && now >= at;
  if (due(state.until)) return state.quiet ? "phase, quiet" : "phase";
  if (state.phase === "active" && state.peers.some(({ until }) => due(until))) return "peer";
  if (due(state.aloneUntil)) return "alone";
  if (due(state.beaconAt)) return "beacon";
  return state.known && !findLive(state, now) ? "known" : "";
}

function signalCase(state: CallState, event: Received): Case {
  const { signal } = event;
  const { t } = signal;
  if (t === "ring" || t === "unsupported") return [t, ringCase(state, event)];
  const own = equal(signal.call, state.call);
  if (t === "beacon") return [t, state.group && event.heard && !own ? "another" : "same"];
  return own && !REST.includes(state.phase) ? ownCase(state, event, signal) : [t, "another call"];
}

/** A signal of the call this device is in. */
function ownCase(state: CallState, event: Received, signal: Signal): Case {
  const { leaf } = event;
  const { t } = signal;
  const { phase, group, host, me, peers } = state;
  const sibling = equal(event.account, me.account);
  switch (t) {
    case "accept":
      return [t, acceptCase(state, leaf, sibling)];
    case "decline":
      if (phase !== "incoming") return [t, group || sibling ? "others" : "of two"];
      return [t, sibling && (!group || signal.reason === "declined") ? "sibling" : "others"];
    case "taken":
      if (group || leaf !== host) return [t, "not the host"];
      return [t, signal.leaf === me.leaf ? "mine" : "another"];
    case "cancel":
      return [t, leaf === host && (phase === "incoming" || (!group && peers.length === 0)) ? "host" : "others"];
    case "end":
      return [t, endCase(state, leaf, signal)];
    case "state":
      return [t, findPeer(state, leaf) ? "peer" : "nobody"];
    case "room":
      return ["offer", offerCase(state, leaf)];
    case "desc":
      if (signal.role === "offer") return ["offer", offerCase(state, leaf)];
  }
  return [t, "for the links"];
}

function ringCase(state: CallState, { signal, leaf, account, ageMs, heard, busy }: Received): string {
  const { phase, call, known } = state;
  if (!heard) return "unheard";
  if (ageMs > limits.RING_MS) return "old";
  if ([...state.over, call].some((one) => equal(one, signal.call))) return "heard before";
  const sibling = equal(account, state.me.account);
  const rung = signal.t === "ring";
  if (REST.includes(phase)) {
    if (sibling || (rung && known && !equal(known.call, signal.call))) return "not the live call";
    return busy && rung ? "busy" : "new";
  }
  if (IN_CALL.includes(phase)) return sibling ? "sibling" : state.group ? "another in a group" : "another";
  // Who rings again has given up its ring before.
  const again = phase === "incoming" && leaf === state.host;
  if (!again && compare(signal.call, call) >= 0) return "higher";
  return sibling ? "lower of a sibling" : "lower";
}

function acceptCase(state: CallState, leaf: number, sibling: boolean): string {
  if (state.phase === "incoming") return sibling && !state.quiet ? "sibling" : "others";
  if (findPeer(state, leaf)) return "again";
  if (!state.group) return !sibling && state.phase === "outgoing" ? "first of two" : "too late";
  return state.peers.length + 1 < limits.PEOPLE ? "joins" : "full";
}

function endCase(
  state: CallState,
  leaf: number,
  { to, reason }: Signal & { readonly t: "end" | "cancel" | "decline" },
): string {
  const { phase, group, host, peers } = state;
  if (phase === "incoming") return leaf === host ? "host" : "others";
  const peer = findPeer(state, leaf) !== undefined;
  if (!group) return peer || (peers.length === 0 && leaf === host) ? "of two" : "others";
  if (to !== null) return reason === "full" && phase === "connecting" ? "full" : "others";
  return peer ? "leaves" : "others";
}

/** A link offer makes its sender a peer: in a group anybody, in a chat of two whom this device answered. */
function offerCase(state: CallState, leaf: number): string {
  if (findPeer(state, leaf)) return "for the links";
  if (state.group) return state.peers.length + 1 < limits.PEOPLE ? "joins" : "no room";
  return leaf === state.host && state.peers.length === 0 && state.phase === "connecting" ? "joins" : "not expected";
}
