/**
 * Which item of a chat may be sealed now; twin of zajil.protocol.outbox.order.
 *
 * In one chat at most one item is sealed and unanswered, so that none is overtaken until receivers have dropped its
 * key. Within a lane it is first in, first out; a text may pass media that wait for their upload. An urgent item
 * overtakes waiting texts, but no commit: it must not miss an own Add. A message waits for every commit submitted before
 * it, so a new chat sends nothing in epoch 0, and for the item it is about. Nothing is sealed before a drain of this
 * process ended, nor in a home that is an old copy.
 */
import type { Kind, State } from "./items.ts";

const IN_FLIGHT: readonly State[] = ["sealed", "accepted", "waiting"];

export type Lane = "text" | "media";
/** gone: everything where nothing can be sent. */
export type Status = "creating" | "active" | "gone";

/** An item as the order sees it. */
export interface Queued {
  /** Its number in the outbox. */
  readonly n: number;
  readonly kind: Kind;
  readonly state: State;
  /** Number of the drain that must end first, 0 for none. */
  readonly wait: number;
  readonly urgent: boolean;
  /** It has what sealing needs (claims, a pass). */
  readonly ready: boolean;
  readonly lane: Lane;
  /** Number of the item it edits, deletes or reacts to, 0 for none. */
  readonly about: number;
}

/** The items of one chat by number. refused: we wait to be re-added since the server refuses what we seal here. */
export interface Queue {
  readonly status: Status;
  readonly items: readonly Queued[];
  readonly refused: boolean;
}

/** Something may have changed. drained: number of the last drain that ended; may_seal: see `maySeal`. */
export interface Look {
  readonly type: "look";
  readonly drained: number;
  readonly may_seal: boolean;
}
export type Event = Look;

/** Seal this item now; then look again, if it turned out to be done or made room for another. */
export interface Seal {
  readonly type: "seal";
  readonly n: number;
}
export type Action = Seal;

/** What may be sealed now: at most one item. The queue is the core's and stays as it is. */
export function step(queue: Queue, event: Event, _now: number): [Queue, readonly Action[], null] {
  const n = event.may_seal ? findNext(queue, event.drained) : null;
  return [queue, n === null ? [] : [{ type: "seal", n }], null];
}

/**
 * Only after a DRAINED that answers a HELLO of after this process's start, and never from an old copy.
 *
 * drained: number of the last drain that ended. openedAt: HELLOs sent before this worker led. locked: an old copy, or
 * a revoked device.
 */
export function maySeal(drained: number, openedAt: number, locked: boolean): boolean {
  return drained > openedAt && !locked;
}

/** The number of the item to be sealed, null while there is none. */
export function findNext(queue: Queue, drained: number): number | null {
  if (queue.items.some((item) => IN_FLIGHT.includes(item.state))) return null;
  const alive = new Set(queue.items.filter(({ state }) => state !== "failed" && state !== "done").map(({ n }) => n));
  const blocked = new Set<Lane>();
  for (const item of inOrder(queue.items.filter(({ state }) => state === "queued" || state === "held"))) {
    if (blocked.has(item.lane) && item.kind === "message") continue;
    const free = item.state === "queued" && item.wait <= drained && !alive.has(item.about);
    if (free && isReady(queue, item)) return item.n;
    if (item.kind !== "message") return null;
    blocked.add(item.lane);
  }
  return null;
}

function isReady(queue: Queue, item: Queued): boolean {
  if (item.kind === "create") return item.ready;
  return queue.status === "active" && !queue.refused && item.ready;
}

/** First in, first out, but for urgent items. */
export function inOrder<T extends Queued>(queued: readonly T[]): T[] {
  const ordered: T[] = [];
  for (const item of queued) {
    let at = ordered.length;
    while (item.urgent && at > 0) {
      const before = ordered[at - 1];
      if (before?.kind !== "message" || before.urgent) break;
      at -= 1;
    }
    ordered.splice(at, 0, item);
  }
  return ordered;
}
