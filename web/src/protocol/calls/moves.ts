/**
 * How each row of the machine's table moves a call; twin of zajil.protocol.calls.moves. A move says nothing of links,
 * rings, records or views: `step` reads those off the two states.
 */
import { compare, equal } from "../bytes.ts";
import type { Outcome, Send, SendLog } from "./actions.ts";
import type { AcceptCall, Dial, Event, Fail, Member, OfLink, Received, Restored, Roster, SetMedia } from "./events.ts";
import * as limits from "./limits.ts";
import type { Beacon, Signal } from "./signals.ts";
import {
  atRest,
  type CallState,
  findLive,
  findPeer,
  hosts,
  type Peer,
  REMEMBERED,
  withoutPeer,
  withPeer,
} from "./state.ts";

export type Move = readonly [state: CallState, out: readonly (Send | SendLog)[]];
/** Each row's rule takes the event of its row. */
export type Rule = (state: CallState, event: never, now: number) => Move;

const OUTCOMES: Readonly<Record<string, Outcome>> = {
  "no-answer": "missed",
  cancelled: "missed",
  declined: "declined",
  busy: "busy",
};
const LOGLESS: readonly string[] = ["elsewhere", "removed"];

/** A signal to all that needs no more than a reason. */
const word = (state: CallState, t: "end" | "cancel" | "decline", reason: string): Signal => ({
  ...{ t, call: state.call, to: null, reason },
});
const send = (signal: Signal): Send => ({ t: "send", signal });
const sameMember = (a: Member | null, b: Member | null): boolean =>
  a !== null && b !== null && a.leaf === b.leaf && equal(a.account, b.account);
/** Whether the peer or member is one of these. */
export const isAmong = (members: readonly Member[], one: Member | null): boolean =>
  members.some((member) => sameMember(member, one));

// -- endings
/** The call is over on this device. The caller writes it into the chat, unless another of its devices will. */
function end(state: CallState, reason: string, now: number, signal?: Signal, fault = ""): Move {
  const { call, kind, caller, since } = state;
  const out: (Send | SendLog)[] = signal ? [send(signal)] : [];
  if (caller && !LOGLESS.includes(reason)) {
    const seconds = since === null ? 0 : Math.floor((now - since) / 1000);
    out.push({
      t: "send_log",
      call,
      kind,
      outcome: since === null ? (OUTCOMES[reason] ?? "failed") : "answered",
      seconds,
    });
  }
  const over = [...state.over.filter((one) => !equal(one, call)), call].slice(-REMEMBERED);
  // Of a chat of two nothing is left to join; a group goes on without this device.
  const known = state.group ? state.known : null;
  return [{ ...atRest(state), phase: "ended", known, over, reason, fault, call, kind, caller, since }, out];
}

/** An ending with nothing but its reason. */
const endAs =
  (reason: string): Rule =>
  (state, _, now) =>
    end(state, reason, now);
/** An ending that is told to the others. */
const endSaying =
  (reason: string, t: "end" | "cancel" | "decline", told = reason): Rule =>
  (state, _, now) =>
    end(state, reason, now, word(state, t, told));
/** This device cannot go on. */
const failSaying =
  (t: "end" | "cancel" | "decline", told = "failed") =>
  (state: CallState, event: Fail, now: number): Move =>
    end(state, "failed", now, word(state, t, told), event.why);

export const endMissed = endAs("missed");
/** Another device of the account is in it; its log tells the outcome. */
export const endElsewhere = endAs("elsewhere");
export const endDeclinedElsewhere = endAs("declined-elsewhere");
export const endRemote = endAs("remote");
export const endFull = endAs("full");
export const hangUp = endSaying("hangup", "end");
export const cancel = endSaying("cancelled", "cancel");
export const giveUpRinging = endSaying("no-answer", "cancel");
export const lose = endSaying("lost", "end");
export const decline = endSaying("declined", "decline");
export const leaveAlone = endSaying("alone", "end");
/** No link came up in time. */
export const failLate = endSaying("failed", "end");
export const fail = failSaying("end");
export const failRinging = failSaying("cancel");
export const declineFailed = failSaying("decline", "declined");

export const endAlarm: Rule = (state, _, now) =>
  end(state, "not-encrypted", now, word(state, "end", "alarm"), "not-encrypted");

/** Who is no member can write nothing into the chat. */
export const endRemoved = (state: CallState, event: Roster, now: number): Move =>
  end(updateRoster(state, event, now)[0], "removed", now);
/** The only other device of a chat of two was removed. */
export const losePeer = (state: CallState, event: Roster, now: number): Move =>
  end(updateRoster(state, event, now)[0], "remote", now);
export const endRingRemoved = (state: CallState, event: Roster, now: number): Move =>
  end(updateRoster(state, event, now)[0], "missed", now);

export const endByDecline = (state: CallState, { signal }: Received, now: number): Move =>
  end(state, signal.t === "decline" ? signal.reason : "", now);

/** Nothing was sent: the call never began. */
export const failBefore = (state: CallState, { why }: Fail): Move => [
  { ...atRest(state), phase: "ended", reason: "failed", fault: why },
  [],
];

// -- beginnings
export function dial(state: CallState, { kind, call, secret }: Dial, now: number): Move {
  const begun: CallState = { ...atRest(state), phase: "outgoing", call, secret, kind, caller: true };
  return [
    { ...begun, cam: kind === "video", until: now + limits.RING_MS },
    [send({ t: "ring", call, to: null, secret, kind })],
  ];
}

/** Answer the live call instead of beginning another; an own ring that nobody heard is dropped. */
export function join(state: CallState, event: Dial | Received, now: number): Move {
  const live = findLive(state, now);
  if (!live) return [state, []];
  const answered = event.t === "dial" ? event.kind : state.kind;
  const { call, secret, kind, leaf: host } = live;
  const begun: CallState = { ...atRest(state), phase: "connecting", call, secret, kind, host };
  // Who muted, or closed the camera, while the own ring went out, stays so.
  const cam = event.t === "dial" ? event.kind === "video" : state.cam;
  return [
    { ...begun, mic: state.mic, cam, until: now + limits.CONNECT_MS },
    [send({ t: "accept", call, to: null, kind: answered })],
  ];
}

/** A call of the group goes on already: the own ring is taken back. */
export function joinRunning(state: CallState, event: Received, now: number): Move {
  const [joined, out] = join(state, event, now);
  return [joined, [send(word(state, "cancel", "cancelled")), ...out]];
}

export function ring(state: CallState, { signal, leaf, ageMs }: Received, now: number): Move {
  if (signal.t !== "ring") return [state, []];
  const { call, secret, kind } = signal;
  const until = now + limits.RING_MS - ageMs;
  return [{ ...atRest(state), phase: "incoming", call, secret, kind, host: leaf, mic: state.mic, until }, []];
}

/** This device is in a call of another chat. */
export function refuseBusy(state: CallState, event: Received, now: number): Move {
  const [begun] = ring(state, event, now);
  return end(begun, "busy", now, word(begun, "decline", "busy"));
}

export function refuseUnsupported(state: CallState, { signal, leaf }: Received, now: number): Move {
  const begun: CallState = { ...atRest(state), phase: "incoming", call: signal.call, host: leaf };
  return end(begun, "unsupported", now, word(begun, "decline", "unsupported"), "unsupported");
}

/** This device is in another call of the same chat, which goes on. */
export const sayBusy = (state: CallState, { signal: { call } }: Received): Move => [
  state,
  [send({ t: "decline", call, to: null, reason: "busy" })],
];

/** Somebody rings in a group whose call goes on. */
export const sayRunning: Rule = (state, _, now) => [state, hosts(state) ? [send(makeBeacon(state, now))] : []];

export const answer = (state: CallState, { kind }: AcceptCall, now: number): Move => [
  { ...state, phase: "connecting", until: now + limits.CONNECT_MS, cam: kind === "video", quiet: false },
  [send({ t: "accept", call: state.call, to: null, kind })],
];

export function restore(state: CallState, event: Restored, now: number): Move {
  // The camera is off until the person turns it on.
  const { leaves, mic = false, ...record } = event.record;
  const until = now + limits.RECONNECT_MS;
  let begun: CallState = { ...atRest(state), phase: "reconnecting", ...record, mic, until };
  for (const { leaf, account } of state.members) {
    if (leaves.includes(leaf)) begun = withPeer(begun, newPeer(leaf, account, null));
  }
  if (begun.peers.length > 0) return [begun, []];
  // Nobody was in it yet: whom it rings is told.
  const rule = begun.caller ? cancel : lose;
  return rule(begun, event as never, now);
}

/** A sibling answered: silent at once; whether it was the first, the caller says. */
export const quieten: Rule = (state, _, now) => [{ ...state, quiet: true, until: now + limits.TAKEN_MS }, []];

// -- who takes part
const newPeer = (leaf: number, account: Uint8Array, until: number | null): Peer => ({
  ...{ leaf, account, up: false, mic: true, cam: false, until },
});

/** A leaf joins: a link to it is opened. */
export function add(state: CallState, { leaf, account }: Received, now: number): Move {
  const until = now + limits.CONNECT_MS;
  const joined: CallState = { ...withPeer(state, newPeer(leaf, account, until)), aloneUntil: null };
  return [state.phase === "outgoing" ? { ...joined, phase: "connecting", until } : joined, []];
}

/** The first who answers in a chat of two. */
export const take = (state: CallState, event: Received, now: number): Move => [
  add(state, event, now)[0],
  [send({ t: "taken", call: state.call, to: null, leaf: event.leaf })],
];

/** No room for a fifth; one of those inside says so. */
export const sendAway = (state: CallState, { leaf: to }: Received): Move => [
  state,
  hosts(state) ? [send({ t: "end", call: state.call, to, reason: "full" })] : [],
];

/** A leaf leaves the group's call. */
export const drop = (state: CallState, { leaf }: Received, now: number): Move => [
  settle(withoutPeer(state, leaf), now),
  [],
];

/** The phase that fits those who are left. */
function settle(state: CallState, now: number): CallState {
  const { phase, peers } = state;
  if (phase !== "active" && phase !== "reconnecting") return state;
  if (peers.length === 0) {
    return { ...state, phase: "active", until: null, aloneUntil: state.aloneUntil ?? now + limits.ALONE_MS };
  }
  if (peers.some(({ up }) => up)) return { ...state, phase: "active", until: null };
  if (phase === "reconnecting") return state;
  return { ...state, phase: "reconnecting", until: now + limits.RECONNECT_MS, beaconAt: null };
}

/** Who was removed is out of the call, before anything else is heard. */
export function updateRoster(state: CallState, { members, me }: Roster, now: number): Move {
  const known = members.some(({ leaf }) => leaf === state.known?.leaf) ? state.known : null;
  const peers = state.peers.filter((peer) => isAmong(members, peer));
  return [settle({ ...state, me: me ?? state.me, members, known, peers }, now), []];
}

// -- media
export function linkUp(state: CallState, { leaf }: OfLink, now: number): Move {
  const { call, mic, cam, relayOnly, group } = state;
  const peers = state.peers.map((peer): Peer => {
    if (peer.leaf === leaf) return { ...peer, up: true, until: null };
    const waits = !peer.up && (peer.until === null || state.phase !== "active");
    return waits ? { ...peer, until: now + limits.CONNECT_MS } : peer;
  });
  const beaconAt = group ? (state.beaconAt ?? now + limits.BEACON_MS) : null;
  return [
    { ...state, peers, phase: "active", until: null, since: state.since ?? now, beaconAt },
    [send({ t: "state", call, to: leaf, mic, cam, relayOnly })],
  ];
}

export function linkDown(state: CallState, { leaf }: OfLink, now: number): Move {
  const peer = findPeer(state, leaf);
  if (!peer?.up) return [state, []];
  return [settle(withPeer(state, { ...peer, up: false, until: now + limits.RECONNECT_MS }), now), []];
}

export function setMedia(state: CallState, { mic, cam }: SetMedia): Move {
  const { call, relayOnly } = state;
  const silent = state.peers.length === 0 || (mic === state.mic && cam === state.cam);
  return [{ ...state, mic, cam }, silent ? [] : [send({ t: "state", call, to: null, mic, cam, relayOnly })]];
}

export function noteMedia(state: CallState, { leaf, signal }: Received): Move {
  const peer = findPeer(state, leaf);
  if (!peer || signal.t !== "state") return [state, []];
  return [withPeer(state, { ...peer, mic: signal.mic, cam: signal.cam }), []];
}

// -- time
/** Whose media did not come, or not come back, is out. */
export function giveUpPeers(state: CallState, _: Event, now: number): Move {
  const peers = state.peers.filter(({ until }) => until === null || now < until);
  return [settle({ ...state, peers }, now), []];
}

export const forgetKnown = (state: CallState): Move => [{ ...state, known: null }, []];

/** Every 30 s, by the lowest leaf; the others keep the time too, should it leave. */
export const beacon: Rule = (state, _, now) => [
  { ...state, beaconAt: now + limits.BEACON_MS },
  hosts(state) ? [send(makeBeacon(state, now))] : [],
];

/** What tells the group of its call. */
function makeBeacon({ me, peers, call, secret, kind, since }: CallState, now: number): Beacon {
  const leaves = [me.leaf, ...peers.map(({ leaf }) => leaf)].sort((a, b) => a - b).slice(0, limits.PEOPLE);
  return { t: "beacon", call, to: null, secret, kind, since: since ?? now, leaves };
}

// -- what is known of the chat's live call
/** Rings and beacons tell of a live call, cancels and ends of its end. */
export function noteKnown(state: CallState, { signal, leaf, account, ageMs, heard }: Received, now: number): CallState {
  const { known, group } = state;
  switch (signal.t) {
    case "ring":
      if (!group && equal(account, state.me.account)) return state;
      break;
    case "beacon":
      if (!group) return state;
      break;
    case "cancel":
    case "end":
    case "decline":
    case "taken": {
      // In a group others may go on; then one of them says so within 30 s, or when somebody rings.
      const its = known && equal(known.call, signal.call);
      const ended = group || signal.t === "cancel" ? leaf === known?.leaf : true;
      return its && ended ? { ...state, known: null } : state;
    }
    default:
      return state;
  }
  const { call, secret, kind } = signal;
  const over = !group && state.over.some((one) => equal(one, call));
  if (!heard || ageMs > limits.KNOWN_MS || over) return state;
  const live = findLive(state, now);
  if (live && live.leaf !== leaf && compare(live.call, call) < 0) return state;
  return { ...state, known: { call, secret, kind, leaf, at: now - ageMs } };
}
