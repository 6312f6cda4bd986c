/**
 * The ladder of one link: which attempt its sender starts when, which one carries, and what follows a loss; twin of
 * zajil.protocol.calls.ladder.
 *
 * An attempt is one try to bring the link up, of kind A (UDP, direct or by relay), B (relay over TCP or TLS) or C
 * (media over a WebSocket). A round starts them 1.5 s apart, what won last on this network first; one that fails starts
 * the next at once, and so does one by relays that none has answered for a second, while it is tried on. The first `got`
 * wins and the others close. When what carries is lost, a new round begins with the two likeliest at once, and the lost
 * attempt stays for 10 s, since a `got` for it ends the round too.
 *
 *     racing -> carrying -> lost -> carrying | gone        racing, lost: gone after 10 s without a `got`
 *     probing -> carrying                                  beside C; only after 3 s of frames
 */

export type LinkKind = "A" | "B" | "C";
export const LINK_KINDS: readonly LinkKind[] = ["A", "B", "C"];
const RELAYED: readonly LinkKind[] = ["A", "B"];

const STAGGER_MS = 1500;
const PATIENCE_MS = 10_000;
/** Between a round in which everything failed and the next one. */
const AGAIN_MS = 2000;
const PROBE_MS = 300_000;
/** After another network was met, and C won again. */
const PROBE_SOON_MS = 10_000;
export const STEADY_MS = 3000;
/** An attempt by relays alone that has found no address of a relay by then is `barren`: five round trips of 200 ms. */
export const BARREN_MS = 1000;

const NEAR_MS = 1000;

export interface LinkAttempt {
  /** Counted from 1 over the life of the link. */
  readonly number: number;
  readonly kind: LinkKind;
  readonly stage: "racing" | "carrying" | "lost" | "probing";
  readonly startedAt: number;
  /** It is stopped then. */
  readonly until: number | null;
  /** A probe's, with a `got`. */
  readonly winsAt: number | null;
  readonly barren: boolean;
}
/** An attempt of the round that was not started yet. */
interface Due {
  readonly kind: LinkKind;
  readonly at: number;
}
/** How the last attempt of a kind went. ms: it took. */
export interface Try {
  readonly kind: LinkKind;
  readonly result: "trying" | "works" | "failed" | "timeout" | "stopped";
  readonly ms: number;
}
/** One link. */
export interface Ladder {
  /** The kinds this device and policy allow. */
  readonly available: readonly LinkKind[];
  /** What won last on this network. */
  readonly remembered: LinkKind | null;
  readonly attempts: readonly LinkAttempt[];
  readonly queue: readonly Due[];
  readonly nextNumber: number;
  readonly againAt: number | null;
  readonly probeAt: number | null;
  readonly probed: LinkKind | null;
  readonly moved: boolean;
  readonly tries: readonly Try[];
}

/** A link that is not open. */
export const newLadder = (tries: readonly Try[] = []): Ladder => ({
  ...{ available: [], remembered: null, attempts: [], queue: [], nextNumber: 1, againAt: null, probeAt: null },
  ...{ probed: null, moved: false, tries },
});
/** The attempt that carries the media, also when it is doubted. */
export const findCarrying = ({ attempts }: Ladder): LinkAttempt | undefined =>
  attempts.find(({ stage }) => stage === "carrying" || stage === "lost");
/** Whether media gets through as far as the sender knows. */
export const flows = ({ attempts }: Ladder): boolean => attempts.some(({ stage }) => stage === "carrying");

export type LadderEvent =
  /** open: the link is wanted. moved: this device is in another network. */
  | { readonly t: "open" | "moved"; readonly available: readonly LinkKind[]; readonly remembered: LinkKind | null }
  /**
   * got: the receiver opened a frame of this attempt. lost: it hears nothing, or ICE is disconnected; it may come back.
   * failed: the attempt is dead. barren: no relay has answered it so far, and it goes by nothing else.
   */
  | { readonly t: "got" | "lost" | "failed" | "barren"; readonly attempt: number }
  | { readonly t: "close" | "tick" };

export type LadderAction =
  /** Begin an attempt with dummy tracks. */
  | { readonly t: "start"; readonly attempt: number; readonly kind: LinkKind }
  /** carry: real media moves to this attempt, and the dummies back to the one before. stop: close it. */
  | { readonly t: "stop" | "carry"; readonly attempt: number }
  /** Nothing is available: neither a relay nor a media room. */
  | { readonly t: "no_route" };

/** Whether C is next beside a B that runs, within a second: its ticket and connection need not wait for its turn. */
export const isRoomNear = ({ queue: [next], attempts }: Ladder, now: number): boolean =>
  next?.kind === "C" &&
  next.at - now <= NEAR_MS &&
  attempts.some(({ stage, kind }) => stage === "racing" && kind === "B");

type Step = readonly [Ladder, readonly LadderAction[]];

const stop = ({ number }: LinkAttempt): LadderAction => ({ t: "stop", attempt: number });

/** The link after an event, and what to do, in this order. What is due by then is done first. */
export function stepLadder(ladder: Ladder, event: LadderEvent, now: number): Step {
  if (event.t === "close") return [newLadder(ladder.tries), ladder.attempts.map(stop)];
  const [ticked, first] = event.t === "open" ? [ladder, []] : tick(ladder, now);
  const [taken, more] = take(ticked, event, now);
  const [started, last] = startDue(taken, now);
  return [started, [...first, ...more, ...last]];
}

/** When a tick has something to do. */
export function ladderDeadline({ againAt, probeAt, queue, attempts }: Ladder): number | null {
  const times = [againAt, probeAt, ...queue.map(({ at }) => at), ...attempts.flatMap((one) => [one.until, one.winsAt])];
  const least = Math.min(...times.map((time) => time ?? Infinity));
  return least === Infinity ? null : least;
}

function take(ladder: Ladder, event: LadderEvent, now: number): Step {
  switch (event.t) {
    case "open": {
      const { available, remembered } = event;
      const opened = { ...ladder, available, remembered };
      return available.length > 0 ? [begin(opened, now), []] : [opened, [{ t: "no_route" }]];
    }
    case "moved":
      return move({ ...ladder, available: event.available, remembered: event.remembered, moved: true }, now);
    case "got":
    case "lost":
    case "failed":
    case "barren": {
      const attempt = ladder.attempts.find(({ number }) => number === event.attempt);
      return attempt
        ? { got: win, lost: lose, failed: fail, barren: doubt }[event.t](ladder, attempt, now)
        : [ladder, []];
    }
    default:
      return [ladder, []];
  }
}

// -- rounds
const queued = (ladder: Ladder, queue: readonly Due[]): Ladder => ({ ...ladder, queue, againAt: null, probeAt: null });

/** A round from nothing: the remembered winner at 0 s, the others in their order. */
function begin(ladder: Ladder, now: number): Ladder {
  const kinds = LINK_KINDS.filter((kind) => ladder.available.includes(kind));
  kinds.sort((a, b) => Number(a !== ladder.remembered) - Number(b !== ladder.remembered));
  return queued(
    ladder,
    kinds.map((kind, turn) => ({ kind, at: now + STAGGER_MS * turn })),
  );
}

/**
 * A round beside what is lost or doubted: two at once, the third after 1.5 s. B says first what it has to say: what cut
 * A may well cut it again.
 */
function recover(ladder: Ladder, lost: LinkKind, now: number): Ladder {
  const order: readonly LinkKind[] = lost === "A" ? ["B", "A", "C"] : ["B", "C", "A"];
  const kinds = order.filter((kind) => ladder.available.includes(kind));
  return queued(
    ladder,
    kinds.map((kind, turn) => ({ kind, at: now + (turn > 1 ? STAGGER_MS : 0) })),
  );
}

/** Starts what is due; with nothing on its way and nothing due, another round a little later. */
function startDue(before: Ladder, now: number): Step {
  const actions: LadderAction[] = [];
  let ladder = before;
  for (const due of before.queue) {
    if (now < due.at) continue;
    const [next, started] = start(ladder, due.kind, "racing", now);
    ladder = { ...next, queue: next.queue.filter((one) => one !== due) };
    actions.push(started);
  }
  const [only, ...others] = ladder.attempts;
  if (ladder.queue.length > 0 || others.length > 0) return [ladder, actions];
  // The round is over, and nothing new won.
  if (!only && ladder.available.length > 0) ladder = { ...ladder, againAt: ladder.againAt ?? now + AGAIN_MS };
  if (only && flows(ladder) && (ladder.moved || ladder.probeAt === null)) {
    ladder = planProbe({ ...ladder, moved: false }, only.kind, now + PROBE_MS);
  }
  return [ladder, actions];
}

function start(ladder: Ladder, kind: LinkKind, stage: LinkAttempt["stage"], now: number): [Ladder, LadderAction] {
  const { nextNumber: number, attempts } = ladder;
  const attempt: LinkAttempt = {
    number,
    kind,
    stage,
    startedAt: now,
    until: now + PATIENCE_MS,
    winsAt: null,
    barren: false,
  };
  const next = { ...ladder, attempts: [...attempts, attempt], nextNumber: number + 1 };
  return [note(next, kind, "trying", 0), { t: "start", attempt: number, kind }];
}

function note(ladder: Ladder, kind: LinkKind, result: Try["result"], ms: number): Ladder {
  const tries: Try[] = [...ladder.tries.filter((one) => one.kind !== kind), { kind, result, ms }];
  return { ...ladder, tries: tries.sort((a, b) => (a.kind < b.kind ? -1 : 1)) };
}

const change = (ladder: Ladder, attempt: LinkAttempt): Ladder => ({
  ...ladder,
  attempts: ladder.attempts.map((one) => (one.number === attempt.number ? attempt : one)),
});

function without(ladder: Ladder, { number, kind, startedAt }: LinkAttempt, result: Try["result"], now: number): Ladder {
  const attempts = ladder.attempts.filter((one) => one.number !== number);
  return note({ ...ladder, attempts }, kind, result, now - startedAt);
}

// -- what happens to an attempt
/** A `got`: it carries, or as a probe it may after a while; of what carries well it is no news. */
function win(ladder: Ladder, attempt: LinkAttempt, now: number): Step {
  if (attempt.stage === "carrying" && !ladder.moved) return [ladder, []];
  if (attempt.stage !== "probing") return carry(ladder, attempt, now);
  if (attempt.winsAt !== null) return [ladder, []];
  return [change(ladder, { ...attempt, winsAt: now + STEADY_MS, until: null }), []];
}

function carry(before: Ladder, attempt: LinkAttempt, now: number): Step {
  const { kind, number, stage, startedAt } = attempt;
  const cameBack = stage === "carrying" || stage === "lost";
  const actions: LadderAction[] = cameBack ? [] : [{ t: "carry", attempt: number }];
  let ladder = before;
  for (const one of before.attempts) {
    if (one.number === number) continue;
    actions.push(stop(one));
    ladder = without(ladder, one, "stopped", now);
  }
  if (!cameBack) ladder = note(ladder, kind, "works", now - startedAt);
  const again = now + (ladder.moved ? PROBE_SOON_MS : PROBE_MS);
  ladder = planProbe({ ...ladder, queue: [], againAt: null, moved: false, remembered: kind }, kind, again);
  return [change(ladder, { ...attempt, stage: "carrying", until: null, winsAt: null }), actions];
}

function planProbe(ladder: Ladder, carrying: LinkKind, at: number): Ladder {
  const better = RELAYED.some((kind) => ladder.available.includes(kind));
  return { ...ladder, probeAt: carrying === "C" && better ? at : null };
}

/** The receiver hears nothing of it. */
function lose(ladder: Ladder, attempt: LinkAttempt, now: number): Step {
  if (attempt.stage === "probing") return endProbe(ladder, attempt, "failed", now);
  if (attempt.stage !== "carrying") return [ladder, []];
  return fallBack(change(ladder, { ...attempt, stage: "lost", until: now + PATIENCE_MS }), attempt.kind, now);
}

/** It is dead: the next one starts at once. */
function fail(ladder: Ladder, attempt: LinkAttempt, now: number): Step {
  if (attempt.stage === "probing") return endProbe(ladder, attempt, "failed", now);
  const left = without(ladder, attempt, "failed", now);
  if (attempt.stage !== "carrying") return [hurry(left, now), [stop(attempt)]];
  const [next, actions] = fallBack(left, attempt.kind, now);
  return [next, [stop(attempt), ...actions]];
}

/** The next one starts, unless another relay may still get through; whether A goes without one is not known. */
function doubt(before: Ladder, attempt: LinkAttempt, now: number): Step {
  if (attempt.stage !== "racing" || attempt.barren) return [before, []];
  const ladder = change(before, { ...attempt, barren: true });
  const hopeful = ladder.attempts.some(({ stage, kind, barren }) => stage === "racing" && kind !== "A" && !barren);
  return [hopeful ? ladder : hurry(ladder, now), []];
}

/** Without what carried: a probe that got through is taken at once, else a round, unless one runs. */
function fallBack(before: Ladder, lost: LinkKind, now: number): Step {
  const probe = before.attempts.find(({ stage }) => stage === "probing");
  if (probe && probe.winsAt !== null) return carry(before, probe, now);
  const ladder = probe ? change(before, { ...probe, stage: "racing" }) : before;
  if (ladder.queue.length > 0 || ladder.attempts.some(({ stage }) => stage === "racing")) return [ladder, []];
  return [recover(ladder, lost, now), []];
}

/** The next of the round is due now. */
function hurry(ladder: Ladder, now: number): Ladder {
  const [first, ...others] = ladder.queue;
  return first ? { ...ladder, queue: [{ ...first, at: Math.min(first.at, now) }, ...others] } : ladder;
}

function endProbe(before: Ladder, attempt: LinkAttempt, result: Try["result"], now: number): Step {
  const ladder = without(before, attempt, result, now);
  const carrying = findCarrying(ladder);
  return [carrying ? planProbe(ladder, carrying.kind, now + PROBE_MS) : ladder, [stop(attempt)]];
}

/** Another network: a round at once; what carries goes on until another attempt got through. */
function move(before: Ladder, now: number): Step {
  const stops: LadderAction[] = [];
  let ladder = before;
  for (const one of before.attempts) {
    if (one.stage !== "racing" && one.stage !== "probing") continue;
    ladder = without(ladder, one, "stopped", now);
    stops.push(stop(one));
  }
  if (ladder.available.length === 0) return [{ ...ladder, queue: [] }, [...stops, { t: "no_route" }]];
  const carrying = findCarrying(ladder);
  return [carrying ? recover(ladder, carrying.kind, now) : begin(ladder, now), stops];
}

// -- time
function tick(before: Ladder, now: number): Step {
  const winner = before.attempts.find(({ winsAt }) => winsAt !== null && now >= winsAt);
  if (winner) return carry(before, winner, now);
  const actions: LadderAction[] = [];
  let ladder = before;
  for (const one of before.attempts) {
    if (one.until === null || now < one.until) continue;
    if (one.stage === "probing") {
      const [next, more] = endProbe(ladder, one, "timeout", now);
      ladder = next;
      actions.push(...more);
      continue;
    }
    ladder = without(ladder, one, "timeout", now);
    if (one.stage === "racing") ladder = hurry(ladder, now);
    actions.push(stop(one));
  }
  if (ladder.againAt !== null && now >= ladder.againAt) ladder = begin(ladder, now);
  if (ladder.probeAt !== null && now >= ladder.probeAt) {
    // Beside C, one attempt of A or B in turn.
    const [first = "A", second = first] = RELAYED.filter((kind) => ladder.available.includes(kind));
    const kind = ladder.probed === first ? second : first;
    const [next, started] = start({ ...ladder, probeAt: null, probed: kind }, kind, "probing", now);
    ladder = next;
    actions.push(started);
  }
  return [ladder, actions];
}
