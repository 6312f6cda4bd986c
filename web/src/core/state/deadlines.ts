/**
 * Which messages are running out, and when the next one is over. Rows of `deadline`, one for each running message.
 * Twin of zajil.client.state.deadlines.
 *
 * A row outlives its message where that went for another reason; whoever sweeps drops it then.
 */
import { findDeadline } from "../../protocol/chat/expiry.ts";
import type { ReadTx, Tx } from "../store/types.ts";
import * as rows from "./rows.ts";
import type { Id, StoredMessage } from "./rows.ts";

const OUT: readonly StoredMessage["state"][] = ["sent", "delivered", "read"];
const PLAN = new TextEncoder().encode("deadlines");

/** One running message. at: Unix ms at which it is over. span_s: how long it was to run. */
export interface Deadline {
  readonly message_id: Id;
  readonly at: number;
  readonly span_s: number;
}

/** next_at: the earliest deadline, 0 where nothing runs. looked_at: the latest our clock was. Unix ms. */
export interface Plan {
  readonly next_at: number;
  readonly looked_at: number;
}

/** The message as it is once its span began at `at` (Unix ms); whoever calls writes its row. */
export async function start(tx: Tx, message: StoredMessage, at: number): Promise<StoredMessage> {
  const { message_id, expire_s: span_s } = message;
  if (span_s === 0 || message.expires_at > 0) return message;
  const expires_at = findDeadline(span_s, at, tx.now);
  await begin(tx, { message_id, at: expires_at, span_s });
  return { ...message, expires_at };
}

/**
 * As `start`, for an own message that is out: from the time that it carries, as on our other devices.
 *
 * One that waits or failed is not out, so nothing of it is lost; it may be over in the moment in which it is.
 */
export function startOwn(tx: Tx, message: StoredMessage): Promise<StoredMessage> {
  return OUT.includes(message.state) ? start(tx, message, message.sent) : Promise.resolve(message);
}

/** Note the deadline that a message has, if it has one; the message. */
export async function keep(tx: Tx, message: StoredMessage): Promise<StoredMessage> {
  const { message_id, expires_at: at, expire_s: span_s } = message;
  if (at > 0) await begin(tx, { message_id, at, span_s });
  return message;
}

async function begin(tx: Tx, deadline: Deadline): Promise<void> {
  const { at } = deadline;
  await save(tx, deadline);
  const plan = await loadPlan(tx);
  await savePlan(tx, { next_at: Math.min(plan.next_at || at, at), looked_at: Math.max(plan.looked_at, tx.now) });
}

/** Write one. */
export function save(tx: Tx, deadline: Deadline): Promise<void> {
  return tx.put("deadline", rows.bytesOf(deadline.message_id), rows.encodeRow(deadline));
}

/** The message does not run any more. */
export function drop(tx: Tx, identity: Id): Promise<void> {
  return tx.delete("deadline", rows.bytesOf(identity));
}

/** All of them. */
export async function allDeadlines(tx: ReadTx): Promise<Deadline[]> {
  return (await tx.scan("deadline")).map((data) => rows.parseRow<Deadline>(data));
}

/** When to look next. */
export async function loadPlan(tx: ReadTx): Promise<Plan> {
  const data = await tx.find("meta", PLAN);
  return data === undefined ? { next_at: 0, looked_at: 0 } : rows.parseRow<Plan>(data);
}

/** Write it. */
export function savePlan(tx: Tx, plan: Plan): Promise<void> {
  return tx.put("meta", PLAN, rows.encodeRow(plan));
}

/** Whether something is over, or the clock went back since the last look. now: Unix ms. */
export async function isDue(tx: ReadTx, now: number): Promise<boolean> {
  const { next_at, looked_at } = await loadPlan(tx);
  return next_at > 0 && (next_at <= now || now < looked_at);
}
