/** What the machine of a call remembers, and what follows from it alone; twin of zajil.protocol.calls.state. */
import type { Phase, Shown } from "./actions.ts";
import type { CallRecord, Member } from "./events.ts";
import * as limits from "./limits.ts";
import type { Kind } from "./signals.ts";

export const IN_CALL: readonly Phase[] = ["connecting", "active", "reconnecting"];
export const REST: readonly Phase[] = ["idle", "ended"];
/** Calls that ended here and must not ring again. */
export const REMEMBERED = 8;

/** A leaf in the call. until: when it is given up unless its media flows, null: with the phase. */
export interface Peer {
  readonly leaf: number;
  readonly account: Uint8Array;
  readonly up: boolean;
  readonly mic: boolean;
  readonly cam: boolean;
  readonly until: number | null;
}
/** The live call of the chat as far as this device knows. leaf: who told. at: ms of its last ring or beacon. */
export interface Known {
  readonly call: Uint8Array;
  readonly secret: Uint8Array;
  readonly kind: Kind;
  readonly leaf: number;
  readonly at: number;
}
/** The calls of one chat on one device. */
export interface CallState {
  readonly me: Member;
  readonly members: readonly Member[];
  /** The chat is no DM. */
  readonly group: boolean;
  /** This device hides its address. */
  readonly relayOnly: boolean;
  readonly phase: Phase;
  readonly call: Uint8Array;
  readonly secret: Uint8Array;
  readonly kind: Kind;
  /** This device rang, so it writes the log. */
  readonly caller: boolean;
  /** The leaf that rang or was joined; null when this device rang. */
  readonly host: number | null;
  readonly mic: boolean;
  readonly cam: boolean;
  readonly peers: readonly Peer[];
  /** When the phase ends by itself. */
  readonly until: number | null;
  readonly since: number | null;
  /** A sibling answered; the ring is silent. */
  readonly quiet: boolean;
  readonly aloneUntil: number | null;
  readonly beaconAt: number | null;
  readonly known: Known | null;
  readonly over: readonly Uint8Array[];
  readonly reason: string;
  /** Why it failed, for the person. */
  readonly fault: string;
}

const NONE = new Uint8Array();

/** A chat without calls. */
export function newState(me: Member, members: readonly Member[], group: boolean, relayOnly = false): CallState {
  return {
    ...{ me, members, group, relayOnly, phase: "idle", call: NONE, secret: NONE, kind: "audio", caller: false },
    ...{ host: null, mic: true, cam: false, peers: [], until: null, since: null, quiet: false, aloneUntil: null },
    ...{ beaconAt: null, known: null, over: [], reason: "", fault: "" },
  };
}

/** The chat without a call: what outlives one. */
export function atRest({ me, members, group, relayOnly, known, over }: CallState): CallState {
  return { ...newState(me, members, group, relayOnly), known, over };
}

/** The peer of this leaf. */
export const findPeer = ({ peers }: CallState, leaf: number): Peer | undefined =>
  peers.find((one) => one.leaf === leaf);
/** Whether this device has the lowest leaf of those in the call: it speaks for the group. */
export const hosts = ({ me, peers }: CallState): boolean => peers.every(({ leaf }) => me.leaf < leaf);
/** Whether a ring is shown. */
export const rings = ({ phase, quiet }: CallState): boolean => phase === "incoming" && !quiet;
/** Whether a ring of this chat is heard. */
export const sounds = ({ members }: CallState): boolean =>
  new Set(members.map(({ account }) => account.join())).size <= limits.QUIET_ACCOUNTS;
/** The call that dialling would join. */
export const findLive = ({ known }: CallState, now: number): Known | null =>
  known && now - known.at <= limits.KNOWN_MS ? known : null;

/** The peer is in the call, in the order of leaves. */
export function withPeer(state: CallState, peer: Peer): CallState {
  const peers = [...state.peers.filter(({ leaf }) => leaf !== peer.leaf), peer];
  return { ...state, peers: peers.sort((a, b) => a.leaf - b.leaf) };
}

/** The peer is not in the call. */
export const withoutPeer = (state: CallState, leaf: number): CallState => ({
  ...state,
  peers: state.peers.filter((one) => one.leaf !== leaf),
});

/** What a reload needs, null where there is nothing to return to. */
export function findRecord({ phase, call, secret, kind, caller, since, peers, mic }: CallState): CallRecord | null {
  if (phase !== "outgoing" && !IN_CALL.includes(phase)) return null;
  return { call, secret, kind, caller, since, leaves: peers.map(({ leaf }) => leaf), mic };
}

/** What a person may know. */
export function show({ phase, call, caller, kind, since, mic, cam, ...state }: CallState): Shown {
  const peers = state.peers.map(({ leaf, account, up, mic, cam }) => ({ leaf, account, up, mic, cam }));
  const joinable = REST.includes(phase) && state.known !== null;
  return { phase, call, caller, kind, since, peers, mic, cam, joinable, reason: state.fault || state.reason };
}

/** When a tick has something to do. */
export function nextDeadline({ phase, peers, known, until, aloneUntil, beaconAt }: CallState): number | null {
  const times = [until, aloneUntil, beaconAt];
  if (phase === "active") times.push(...peers.map((peer) => peer.until));
  if (known && REST.includes(phase)) times.push(known.at + limits.KNOWN_MS + 1);
  const least = Math.min(...times.map((time) => time ?? Infinity));
  return least === Infinity ? null : least;
}
