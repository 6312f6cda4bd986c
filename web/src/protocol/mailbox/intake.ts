/**
 * What becomes of each message of the mailbox; twin of zajil.protocol.mailbox.intake.
 *
 * Durable: its state is part of the store, its step of a transaction. A seq is taken once; what is taken is never asked
 * for again, so it is decided here, now: applied, dropped with a cause, or held. MLS never sees an epoch later than
 * ours: such a message waits until the commits before it came. If they are not there at the end of the drain that
 * begins after it, the server has lost them, and the device asks to be re-added; so it does when more than 256 wait in
 * one group. An echo of our own is known before MLS sees it, by H(body). READY's `acked` above our own position proves
 * that this home is an old copy: nothing moves then. Groups are given by the core as it holds them; a state may name
 * only those that an event concerns. Tables: docs/protocol/delivery.md.
 */

export const HELD_MAX = 256;

export type EntryKind = "commit" | "application" | "welcome" | "notice";
/** H(body) is that of: nothing of ours; an own message; the newest sealing of an own commit; one that lost its epoch. */
export type Own = "none" | "message" | "commit" | "lost-commit";
export type Cause = "lost-commit" | "unknown-group" | "not-active" | "past-commit";

/** What we hold of a group. */
export interface Group {
  /** We are a member and hold its state. */
  readonly active: boolean;
  readonly epoch: number;
  /** Messages of later epochs kept. */
  readonly held: number;
  /** *Re-add me* runs already. */
  readonly asking: boolean;
}

export interface Intake {
  /** Highest seq durable. */
  readonly stored: number;
  /** HELLOs sent; the newest answered by DRAINED; the newest needed. */
  readonly hellos: number;
  readonly drained: number;
  readonly wanted: number;
  /** This home is an old copy. */
  readonly locked: boolean;
  /** The next READY says where we stand. */
  readonly adopt: boolean;
  /** By group id, in hex. */
  readonly groups: Readonly<Record<string, Group>>;
}

export const EMPTY: Intake = {
  stored: 0,
  hellos: 0,
  drained: 0,
  wanted: 0,
  locked: false,
  adopt: false,
  groups: {},
};

/** One message of the mailbox. gid: hex, empty for notices. epoch: as in its header. */
export interface Entry {
  readonly type: "entry";
  readonly seq: number;
  readonly kind: EntryKind;
  readonly gid: string;
  readonly epoch: number;
  readonly own: Own;
}
/** A held message whose epoch has come. */
export interface Again {
  readonly type: "again";
  readonly kind: EntryKind;
  readonly gid: string;
  readonly epoch: number;
  readonly own: Own;
}
/** The group is now as told: a commit was applied, we joined, were removed, or lost its state. */
export interface Moved {
  readonly type: "moved";
  readonly gid: string;
  readonly active: boolean;
  readonly epoch: number;
}
export type Event =
  /** A HELLO goes out now. */
  | { readonly type: "hello" }
  /** READY: the highest seq the server saw acknowledged before this HELLO. */
  | { readonly type: "ready"; readonly acked: number }
  | Entry
  | Again
  | Moved
  /** Something waits for a drain that begins after now. */
  | { readonly type: "want" }
  /** DRAINED for the HELLO sent last; everything before it is stored. */
  | { readonly type: "drained" }
  /** What is held waited too long on a standing connection (`receiving` says when). */
  | { readonly type: "waited" };

export type Action =
  | { readonly type: "open"; readonly after: number }
  /** This home is an old copy, or a copy of it is in use: stop, and tell the person. */
  | { readonly type: "alarm" }
  /** Apply the message now, as what it is. */
  | { readonly type: "take"; readonly what: "notice" | "echo" | "own-commit" | "welcome" | "commit" | "application" }
  /** Stored before: acknowledged, not applied. */
  | { readonly type: "skip" }
  /** Nothing to apply. cause: why, for counters. */
  | { readonly type: "drop"; readonly cause: Cause }
  /** Keep the message until its epoch comes. */
  | { readonly type: "hold" }
  /** Give back as `again` whatever is held of this group and whose epoch has come, in order. */
  | { readonly type: "release"; readonly gid: string }
  /** Tell every outbox queue that the drain of this HELLO is over. */
  | { readonly type: "settle"; readonly drained: number }
  /** Ask to be re-added to this group. */
  | { readonly type: "readd"; readonly gid: string };

type Result = readonly [Intake, readonly Action[]];

/** The state after an event and what to do, in this order. No deadline: time alone changes nothing here. */
export function step(state: Intake, event: Event, _now: number): [Intake, readonly Action[], null] {
  const [next, actions] = RULES[event.type](state, event as never);
  return [next, actions, null];
}

const RULES: Readonly<Record<Event["type"], (state: Intake, event: never) => Result>> = {
  hello: (state) => [{ ...state, hellos: state.hellos + 1 }, [{ type: "open", after: state.stored }]],
  ready,
  entry,
  again,
  moved,
  want: (state) => [want(state), []],
  drained,
  waited: readd,
};

const want = (state: Intake): Intake => ({ ...state, wanted: Math.max(state.wanted, state.hellos + 1) });

function withGroup(state: Intake, gid: string, group: Group): Intake {
  return { ...state, groups: { ...state.groups, [gid]: group } };
}

function ready(state: Intake, event: { readonly acked: number }): Result {
  if (event.acked <= state.stored) return [{ ...state, adopt: false }, []];
  if (state.adopt) return [{ ...state, stored: event.acked, adopt: false }, []];
  return [{ ...state, locked: true }, [{ type: "alarm" }]];
}

function entry(state: Intake, event: Entry): Result {
  if (state.locked) return [state, []];
  if (event.seq <= state.stored) return [state, [{ type: "skip" }]];
  return place({ ...state, stored: event.seq }, event);
}

function again(state: Intake, event: Again): Result {
  const group = state.groups[event.gid];
  return place(group ? withGroup(state, event.gid, { ...group, held: group.held - 1 }) : state, event);
}

// -- places: the first row that fits
/** name: of the row. action: what to do; null: ask to be re-added. */
export interface Row {
  readonly name: string;
  readonly fits: (event: Entry | Again, group: Group | undefined) => boolean;
  readonly action: Action | null;
}

const isLate = (event: Entry | Again, group: Group | undefined): boolean =>
  group !== undefined && event.epoch > group.epoch;

export const PLACES: readonly Row[] = [
  { name: "notice", fits: (event) => event.kind === "notice", action: { type: "take", what: "notice" } },
  { name: "own message", fits: (event) => event.own === "message", action: { type: "take", what: "echo" } },
  { name: "own commit", fits: (event) => event.own === "commit", action: { type: "take", what: "own-commit" } },
  // Bytes that lost their epoch: whoever brings them now lies, and the intent still waits.
  {
    name: "own commit, an older sealing",
    fits: (event) => event.own === "lost-commit",
    action: { type: "drop", cause: "lost-commit" },
  },
  { name: "welcome", fits: (event) => event.kind === "welcome", action: { type: "take", what: "welcome" } },
  { name: "no such group", fits: (_, group) => group === undefined, action: { type: "drop", cause: "unknown-group" } },
  { name: "not active", fits: (_, group) => !group?.active, action: { type: "drop", cause: "not-active" } },
  {
    name: "later epoch, full",
    fits: (event, group) => isLate(event, group) && (group?.held ?? 0) >= HELD_MAX,
    action: null,
  },
  { name: "later epoch", fits: isLate, action: { type: "hold" } },
  {
    name: "commit of our epoch",
    fits: (event, group) => event.kind === "commit" && event.epoch === group?.epoch,
    action: { type: "take", what: "commit" },
  },
  {
    name: "commit of an earlier epoch",
    fits: (event) => event.kind === "commit",
    action: { type: "drop", cause: "past-commit" },
  },
  { name: "application message", fits: () => true, action: { type: "take", what: "application" } },
];

/** The row of PLACES for a message of this group, undefined where we hold none. */
export function findPlace(event: Entry | Again, group: Group | undefined): Row | undefined {
  return PLACES.find((row) => row.fits(event, group));
}

function place(state: Intake, event: Entry | Again): Result {
  const group = state.groups[event.gid];
  const action = findPlace(event, group)?.action ?? null;
  if (group && action?.type === "hold") {
    const held = withGroup(state, event.gid, { ...group, held: group.held + 1 });
    // The first one asks for a drain: at its end the commits before it are here, or lost.
    return [group.held ? held : want(held), [action]];
  }
  if (group && !action) return ask(state, event.gid, group);
  return [state, action ? [action] : []];
}

function ask(state: Intake, gid: string, group: Group): Result {
  if (group.asking) return [state, []];
  return [withGroup(state, gid, { ...group, asking: true }), [{ type: "readd", gid }]];
}

/** A group that moved on may be what held messages waited for; and whatever we asked for is over. */
function moved(state: Intake, event: Moved): Result {
  const before = state.groups[event.gid] ?? { active: false, epoch: 0, held: 0, asking: false };
  const asking = before.asking && !event.active;
  const group: Group = { active: event.active, epoch: event.epoch, held: before.held, asking };
  const next = withGroup(state, event.gid, group);
  return [next, group.active && group.held ? [{ type: "release", gid: event.gid }] : []];
}

function drained(state: Intake): Result {
  if (state.drained >= state.hellos) return [state, []];
  const [next, asks] = readd({ ...state, drained: state.hellos });
  return [next, [{ type: "settle", drained: next.drained }, ...asks]];
}

/** Ask for every group of which something is still held. */
function readd(state: Intake): Result {
  let next = state;
  const actions: Action[] = [];
  for (const gid of Object.keys(state.groups).sort()) {
    const group = next.groups[gid];
    if (!group?.active || !group.held) continue;
    const [asked, asks] = ask(next, gid, group);
    next = asked;
    actions.push(...asks);
  }
  return [next, actions];
}
