/**
 * The outbox: what waits to be sent, how an answer moves it, what the end of a drain decides (mls.md 7.5, 7.6).
 * Twin of zajil.client.core.outbox.
 *
 * An item is `queued`, then `sealed` once: ratchet, ciphertext and mid are written in one transaction and the whole
 * request is repeated verbatim while its outcome is unknown. A refusal for the epoch puts it back behind a drain.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { error } from "../../protocol/errors.ts";
import { encodeFrame, type Request } from "../../protocol/frames.ts";
import { nextMark, type MarkEvent } from "../../protocol/outbox/marks.ts";
import * as rows from "../state/rows.ts";
import type { Id, Intent, Item } from "../state/rows.ts";
import type { Look, Step } from "../state/step.ts";

export const DAY_MS = 86_400_000;
export const GIVE_UP_MS = 30 * DAY_MS;
export const EPOCH_REFUSALS: readonly string[] = ["stale-epoch", "bad-group-token", "bad-roster-key"];
export const IN_FLIGHT: readonly string[] = ["sealed", "accepted", "waiting"];
/** Refusals in one epoch that does not move on, before we ask to be re-added. */
export const PATIENCE = 2;

/** Queue an item; its number. */
export function submit(step: Step, item: Item): Promise<number> {
  return step.tx.append("outbox", rows.bytesOf(item.gid), step.rng(16), rows.encodeRow(item));
}

/** Queue a commit; the same intent waiting already is not queued twice. */
export async function submitIntent(step: Step, gid: Id, intent: Intent): Promise<number> {
  for (const [n, item] of await rows.items(step.tx, gid)) {
    if (rows.sameIntent(item.intent, intent) && item.state !== "failed" && item.state !== "refused") return n;
  }
  return submit(step, rows.makeItem(gid, "commit", step.now, { intent, claim_id: step.rng(16) }));
}

/** Row `n`, undefined when it is done. */
export async function findItem(look: Look, n: number): Promise<Item | undefined> {
  const data = await look.tx.row("outbox", n);
  return data === undefined ? undefined : rows.parseRow<Item>(data, rows.EMPTY_ITEM);
}

/** Write row `n`. */
export async function saveItem(step: Step, n: number, item: Item): Promise<Item> {
  await step.tx.replace("outbox", n, rows.encodeRow(item));
  return item;
}

/** Write some fields of row `n`; the new value. */
export function changeItem(step: Step, n: number, item: Item, fields: Partial<Item>): Promise<Item> {
  return saveItem(step, n, { ...item, ...fields });
}

/** Keep the sealed request with its mid and H(body): the echo is known by H(body) until the item is done. */
export async function recordSealing(
  step: Step,
  n: number,
  item: Item,
  sealed: { request: Request; body: Uint8Array; epoch: number },
): Promise<Item> {
  const digest = sha256(sealed.body);
  await step.tx.put("sealing", digest, numberBytes(n));
  await step.tx.put("sealing", sealed.request.mid, numberBytes(n));
  if (item.shown) await step.tx.put("known", echoName(digest), rows.bytesOf(item.message_id));
  const name = rows.idOf(digest);
  return changeItem(step, n, item, {
    state: "sealed",
    mid: rows.idOf(sealed.request.mid),
    request: encodeFrame(sealed.request),
    epoch: sealed.epoch,
    hashes: item.hashes.includes(name) ? item.hashes : [...item.hashes, name],
    wait: 0,
    sealed_at: step.now,
  });
}

const ECHO = new TextEncoder().encode("echo ");

/** Under which name `known` has the message behind H(body), also once its item is done. */
function echoName(digest: Uint8Array): Uint8Array {
  return new Uint8Array([...ECHO, ...digest]);
}

/** The own message whose sealing has this H(body). */
export async function findEcho(look: Look, digest: Uint8Array): Promise<Id | undefined> {
  const data = await look.tx.find("known", echoName(digest));
  return data === undefined ? undefined : rows.idOf(data);
}

/** u64 of a row number. */
export function numberBytes(n: number): Uint8Array {
  const data = new Uint8Array(8);
  new DataView(data.buffer).setBigUint64(0, BigInt(n));
  return data;
}

/** The row number, or time, of `numberBytes`. */
export function bytesNumber(data: Uint8Array): number {
  return Number(new DataView(data.buffer, data.byteOffset, 8).getBigUint64(0));
}

/** The item behind H(body) or a mid. */
export async function findSealing(look: Look, name: Uint8Array): Promise<[number, Item] | undefined> {
  const data = await look.tx.find("sealing", name);
  if (data === undefined) return undefined;
  const n = bytesNumber(data);
  const item = await findItem(look, n);
  return item === undefined ? undefined : [n, item];
}

/** The item is done: its row and what knows it by hash go. */
export async function finish(step: Step, n: number, item: Item): Promise<void> {
  await forgetMid(step, item);
  for (const digest of item.hashes) await step.tx.delete("sealing", rows.bytesOf(digest));
  await step.tx.remove("outbox", n);
}

/** An answer to that mid means nothing any more. */
export async function forgetMid(step: Step, item: Item): Promise<void> {
  if (item.mid !== "") await step.tx.delete("sealing", rows.bytesOf(item.mid));
}

/** Back to `queued`, to be sealed anew with another mid; the hashes of earlier sealings stay. */
export async function requeue(step: Step, n: number, item: Item, wait = 0): Promise<Item> {
  await forgetMid(step, item);
  return changeItem(step, n, item, { state: "queued", mid: "", request: new Uint8Array(), wait, epoch: 0 });
}

/** The item will not be sent. A text keeps its red mark; a commit stays as `failed` until its caller saw it. */
export async function fail(step: Step, n: number, item: Item, reason: string): Promise<void> {
  if (item.kind === "message") {
    await markMessage(step, item, "fail", reason);
    await finish(step, n, item);
    return;
  }
  await forgetMid(step, item);
  await changeItem(step, n, item, { state: "failed", reason, mid: "", request: new Uint8Array() });
  if (item.kind === "create") await abandon(step, item.gid, reason);
}

/** A chat that could not be created: nothing that waits for it will be sent. */
async function abandon(step: Step, gid: Id, reason: string): Promise<void> {
  await step.dropGroup(gid);
  await step.changeChat(gid, { status: "removed" });
  for (const [n, item] of await rows.items(step.tx, gid)) {
    if (item.state !== "failed") await fail(step, n, item, reason);
  }
}

/** Failed commits that no caller waits for any more. */
export async function forgetFailed(step: Step): Promise<void> {
  for (const [n, item] of await rows.items(step.tx)) {
    if (item.state === "failed" && step.now - item.at >= DAY_MS) await finish(step, n, item);
  }
}

/** Change what the user sees of an own text. */
export async function markMessage(step: Step, item: Item, event: MarkEvent, reason = ""): Promise<void> {
  if (!item.shown) return;
  const found = await rows.findMessage(step.tx, item.message_id);
  if (found === undefined || found[1].state === "received") return;
  const state = nextMark(found[1].state, event);
  await rows.saveMessage(step.tx, found[0], { ...found[1], state, reason: state === "failed" ? reason : "" });
  step.event("state", item.gid, item.message_id);
}

/** An own message is durable at the server: OK, OK with dup, or its echo. */
export async function markSent(step: Step, n: number, item: Item): Promise<void> {
  await markMessage(step, item, "accept");
  await finish(step, n, item);
}

/** The server holds this request durably. A commit changes nothing before its echo (mls.md 7.6). */
export async function takeOk(step: Step, mid: Uint8Array): Promise<void> {
  const found = await findSealing(step, mid);
  if (found === undefined) return;
  const [n, item] = found;
  if (item.kind === "create") {
    await markCreated(step, n, item);
  } else if (item.kind === "message") {
    await markSent(step, n, item);
  } else if (item.state === "sealed" || item.state === "waiting") {
    // It stands in our mailbox already: a drain that begins after now and brings no echo means that it was lost.
    await changeItem(step, n, item, { state: "accepted", wait: (await step.session()).hellos + 1 });
  }
}

async function markCreated(step: Step, n: number, item: Item): Promise<void> {
  await step.changeChat(item.gid, { status: "active" });
  await finish(step, n, item);
}

/** The server refused this request for a reason that the same bytes will not outlive. */
export async function takeErr(step: Step, mid: Uint8Array, code: string): Promise<void> {
  const found = await findSealing(step, mid);
  if (found === undefined) return;
  const [n, item] = found;
  if (item.state !== "sealed") return;
  if (EPOCH_REFUSALS.includes(code) && item.kind === "message") {
    const again = await requeue(step, n, item, await step.wantedDrain());
    await changeItem(step, n, again, { reason: code, ...refusal(item) });
  } else if (EPOCH_REFUSALS.includes(code) && item.kind === "commit") {
    await changeItem(step, n, item, {
      state: "waiting",
      wait: await step.wantedDrain(),
      reason: code,
      ...refusal(item),
    });
  } else if (code === "pass-spent" && item.kind === "create" && item.refusals < PATIENCE) {
    await requeue(step, n, { ...item, group_pass: new Uint8Array(), ...refusal(item) });
  } else if (code === "group-exists" && item.kind === "create") {
    // Nobody else knows this random id: our own CREATE was accepted, and its answer forgotten after 24 h.
    await markCreated(step, n, item);
  } else if (item.kind === "commit") {
    // Not resent, and kept with its Staged until the epoch ends: a late copy may still win.
    await changeItem(step, n, item, { state: "refused", reason: code });
  } else {
    await fail(step, n, item, code);
  }
}

/** One more refusal in a row within the epoch of the item's sealing. */
export function refusal(item: Item): Pick<Item, "refusals" | "refused_epoch"> {
  return { refusals: item.refused_epoch === item.epoch ? item.refusals + 1 : 1, refused_epoch: item.epoch };
}

/** After 24 h of unknown outcome a text is sealed anew behind a drain; after 30 days it has failed. */
export async function expireUnknown(step: Step): Promise<void> {
  for (const [n, found] of await rows.items(step.tx)) {
    let item = found;
    if (item.kind !== "message") continue;
    if (item.state === "sealed" && step.now - item.sealed_at >= DAY_MS) {
      item = await requeue(step, n, item, await step.wantedDrain());
    }
    if (step.now - item.at >= GIVE_UP_MS) await fail(step, n, item, "unreachable");
  }
}

/** Throws `state-rolled-back` or `device-revoked` where this store must not send. */
export async function checkMaySend(look: Look): Promise<void> {
  const session = await look.session();
  if (session.rolled_back) throw error("state-rolled-back");
  if (session.revoked) throw error("device-revoked");
}
