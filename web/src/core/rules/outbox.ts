/**
 * The outbox: what waits to be sent, and how events move it (mls.md 7.5, 7.6). Twin of zajil.client.core.outbox.
 *
 * What an event does to an item is decided by `protocol/outbox/items`; here it is carried out on the rows. An item is
 * `queued`, then `sealed` once: ratchet, ciphertext and mid are written in one transaction and the whole request is
 * repeated verbatim while its outcome is unknown. A refusal for the epoch puts it back behind a drain.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { ascii, concat, encodeUint, parseUint } from "../../protocol/bytes.ts";
import { error } from "../../protocol/errors.ts";
import { encodeFrame, type Request } from "../../protocol/frames.ts";
import * as items from "../../protocol/outbox/items.ts";
import { nextMark, type MarkEvent } from "../../protocol/outbox/marks.ts";
import * as deadlines from "../state/deadlines.ts";
import * as rows from "../state/rows.ts";
import type { Id, Intent, Item } from "../state/rows.ts";
import type { Look, Step } from "../state/step.ts";

export const DAY_MS = items.UNKNOWN_MS;
/** What `run` leaves to its caller: both reach beyond the outbox. */
export type Left = Extract<items.Action, { type: "readd" | "apply_commit" }>;

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

/** Write some fields of row `n`; the new value. */
export async function changeItem(step: Step, n: number, item: Item, fields: Partial<Item>): Promise<Item> {
  const changed: Item = { ...item, ...fields };
  await step.tx.replace("outbox", n, rows.encodeRow(changed));
  return changed;
}

export interface Ran {
  /** The row as it is then; of no use once it is done. */
  readonly item: Item;
  readonly left: readonly Left[];
}

/** Let an event move row `n`, and carry out what the machine asks for. */
export async function run(step: Step, n: number, item: Item, event: items.Event): Promise<Ran> {
  const before = decidedBy(item);
  const [after, actions] = items.step(before, event, step.now);
  let now = item;
  if (after !== before && after.state !== "done") now = await changeItem(step, n, now, after);
  const left: Left[] = [];
  for (const action of actions) {
    if (action.type === "readd" || action.type === "apply_commit") left.push(action);
    else now = await carryOut(step, n, now, action);
  }
  return { item: now, left };
}

/** The part of a row that decides how events move it. */
function decidedBy(item: Item): items.Item {
  const { kind, state, at, wait, epoch, sealed_at, reason, refusals, refused_epoch } = item;
  return { kind, state, at, wait, epoch, sealed_at, reason, refusals, refused_epoch };
}

async function carryOut(step: Step, n: number, item: Item, action: Exclude<items.Action, Left>): Promise<Item> {
  switch (action.type) {
    case "mark":
      await markMessage(step, item, action.event, action.reason);
      if (action.event !== "fail") return item;
      await withdrawAbout(step, item.message_id);
      if (item.shown && item.message_id === (await step.chat(item.gid)).opening)
        await step.changeChat(item.gid, { opening: "" });
      return item;
    case "forget_mid":
      return forgetMid(step, n, item);
    case "finish":
      await finish(step, n, item);
      return item;
    case "drain":
      await step.wantedDrain();
      return item;
    case "created":
      await step.changeChat(item.gid, { status: "active" });
      step.event("created", item.gid);
      return item;
    case "renew_pass":
      return changeItem(step, n, item, { group_pass: new Uint8Array() });
    case "abandon":
      await abandon(step, item.gid, action.code);
      return item;
  }
}

/**
 * Keep the sealed request with its mid and H(body): the echo is known by H(body) until the item is done.
 *
 * body: absent for a CREATE, which has no echo.
 */
export async function recordSealing(
  step: Step,
  n: number,
  item: Item,
  made: { readonly request: Request; readonly body?: Uint8Array; readonly epoch: number },
): Promise<Item> {
  const { request, body, epoch } = made;
  await step.tx.put("sealing", request.mid, numberBytes(n));
  let { hashes } = item;
  if (body !== undefined) {
    const digest = sha256(body);
    await step.tx.put("sealing", digest, numberBytes(n));
    if (item.shown) await step.tx.put("known", echoName(digest), rows.bytesOf(item.message_id));
    hashes = [...hashes.filter((hash) => hash !== rows.idOf(digest)), rows.idOf(digest)];
  }
  const sealed: Item = { ...item, mid: rows.idOf(request.mid), request: encodeFrame(request), hashes };
  return (await run(step, n, sealed, { type: "seal", epoch })).item;
}

/** Under which name `known` has the message behind H(body), also once its item is done. */
function echoName(digest: Uint8Array): Uint8Array {
  return concat(ascii("echo "), digest);
}

/** The own message whose sealing has this H(body). */
export async function findEcho(look: Look, digest: Uint8Array): Promise<Id | undefined> {
  const data = await look.tx.find("known", echoName(digest));
  return data === undefined ? undefined : rows.idOf(data);
}

/** u64 of a row number or a time. */
export function numberBytes(n: number): Uint8Array {
  return encodeUint(n, 8);
}

/** The inverse of `numberBytes`. */
export function bytesNumber(data: Uint8Array): number {
  return parseUint(data);
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
  if (item.mid !== "") await step.tx.delete("sealing", rows.bytesOf(item.mid));
  for (const digest of item.hashes) await step.tx.delete("sealing", rows.bytesOf(digest));
  await step.tx.remove("outbox", n);
}

/** An answer to that mid means nothing any more; the hashes of earlier sealings stay. */
async function forgetMid(step: Step, n: number, item: Item): Promise<Item> {
  if (item.mid !== "") await step.tx.delete("sealing", rows.bytesOf(item.mid));
  return changeItem(step, n, item, { mid: "", request: new Uint8Array() });
}

/** The item will not be sent. A text keeps its red mark; a commit stays as `failed` until its caller saw it. */
export async function fail(step: Step, n: number, item: Item, code: string): Promise<void> {
  await run(step, n, item, { type: "fail", code });
}

/** Drop the message or action of this id, if it waits; undefined where none does. It may have left if it has `hashes`. */
export async function withdraw(step: Step, identity: Id): Promise<Item | undefined> {
  for (const [n, item] of await rows.items(step.tx)) {
    if (item.kind !== "message" || item.message_id !== identity || item.state !== "queued") continue;
    await run(step, n, item, { type: "withdraw" });
    return item;
  }
  return undefined;
}

/** Nothing that waits is said any more about a message that is gone or did not go out. */
export async function withdrawAbout(step: Step, target: Id): Promise<void> {
  for (const [n, item] of await rows.items(step.tx)) {
    if (target !== "" && item.target === target && item.state === "queued")
      await run(step, n, item, { type: "withdraw" });
  }
}

/** A chat that could not be created: nothing that waits for it will be sent. */
async function abandon(step: Step, gid: Id, code: string): Promise<void> {
  await step.dropGroup(gid);
  await step.changeChat(gid, { status: "removed" });
  for (const [n, item] of await rows.items(step.tx, gid)) await fail(step, n, item, code);
}

/** Failed commits that no caller waits for any more. */
export async function forgetFailed(step: Step): Promise<void> {
  for (const [n, item] of await rows.items(step.tx)) {
    const { forebear, epoch } = await step.chat(item.gid);
    if (forebear === "" || epoch > 0 || item.state !== "failed") await run(step, n, item, { type: "sweep" });
  }
}

/** Change what the user sees of an own text. */
async function markMessage(step: Step, item: Item, event: MarkEvent, reason: string): Promise<void> {
  if (!item.shown) return;
  const found = await rows.findMessage(step.tx, item.message_id);
  if (found === undefined || found[1].state === "received") return;
  const [n, message] = found;
  const state = nextMark(found[1].state, event);
  if (state === message.state && reason === message.reason) return;
  await rows.saveMessage(step.tx, n, await deadlines.startOwn(step.tx, { ...message, state, reason }));
  step.event("state", message.gid, item.message_id);
}

/** The server holds this request durably. A commit changes nothing before its echo (mls.md 7.6). */
export async function takeOk(step: Step, mid: Uint8Array): Promise<void> {
  const found = await findSealing(step, mid);
  if (found !== undefined) await run(step, ...found, { type: "ok", drain: await nextDrain(step) });
}

/** The server refused this request for a reason that the same bytes will not outlive. */
export async function takeErr(step: Step, mid: Uint8Array, code: string): Promise<void> {
  const found = await findSealing(step, mid);
  if (found !== undefined) await run(step, ...found, { type: "err", code, drain: await nextDrain(step) });
}

/** The number of a HELLO that begins after now. */
async function nextDrain(step: Step): Promise<number> {
  return (await step.session()).hellos + 1;
}

/** After 24 h of unknown outcome a text is sealed anew behind a drain; after 30 days it has failed. */
export async function expireUnknown(step: Step): Promise<void> {
  for (const [n, item] of await rows.items(step.tx)) {
    await run(step, n, item, { type: "tick", drain: await nextDrain(step) });
  }
}

/** Unix ms at which `expireUnknown` has something to do. */
export async function nextDeadline(look: Look): Promise<number | undefined> {
  const due = (await rows.items(look.tx)).map(([, item]) => items.nextDeadline(decidedBy(item)));
  const known = due.filter((at) => at !== null);
  return known.length === 0 ? undefined : Math.min(...known);
}

/** Throws `state-rolled-back` or `device-revoked` where this store must not send. */
export async function checkMaySend(look: Look): Promise<void> {
  const session = await look.session();
  if (session.rolled_back) throw error("state-rolled-back");
  if (session.revoked) throw error("device-revoked");
}
