/**
 * A chat goes on in another group: history, marks, settings and what waits to be sent move along.
 * Twin of zajil.client.core.heirs.moving.
 */
import { PUT_OUT_MAX } from "../../../protocol/chat/parts.ts";
import { precedes, Reason } from "../../../protocol/chat/successors.ts";
import * as accounts from "../../state/accounts.ts";
import { changeJoins, findJoins, loadJoins } from "../../state/joins.ts";
import * as rows from "../../state/rows.ts";
import type { Chat, Heir, Id, Item } from "../../state/rows.ts";
import type { Step } from "../../state/step.ts";
import * as chats from "../chats.ts";
import { GROUP } from "../groups.ts";
import * as outbox from "../outbox.ts";
import { note } from "../talk/notices.ts";
import * as reading from "../talk/reading.ts";
import type { Followed } from "./judging.ts";
import { dropPointless } from "./dropping.ts";
import { mayStand } from "./ending.ts";
import { mergeArranged, moveMessage } from "./merging.ts";
import { findAbsent } from "./missing.ts";
import { findMark } from "./returning.ts";

/**
 * The group `gid` takes the place of `old`. Of two that do, the one of the lower leaf and smaller id stays.
 *
 * A repair stays beside one by choice, whichever came first: that one was made of a group that seemed well.
 */
export async function follow(step: Step, { old, by, leaf, reason, ahead = 0 }: Followed, gid: Id): Promise<void> {
  const rival = old.heir;
  if (rival?.gid === gid) return;
  const place = (one: { readonly leaf: number; readonly gid: Id }) => ({ leaf: one.leaf, gid: rows.bytesOf(one.gid) });
  // The other one was by choice and this one is a repair; or else a sibling of ours goes on in this one.
  const replaced = rival !== null && (await step.chat(rival.gid)).suite !== (await step.chat(gid)).suite;
  // Of two that name epochs we did not see, the later one: nothing that was left later is undone.
  const sooner = (rival?.ahead ?? 0) - ahead;
  if (rival !== null && !replaced && (sooner > 0 || (sooner === 0 && precedes(place(rival), place({ leaf, gid })))))
    return giveUp(step, (await step.chat(rival.gid)).merged || rival.gid, gid, rival);
  const heir = { leaf, gid, ahead };
  if (rival !== null) await giveUp(step, gid, rival.gid, heir);
  const here = rows.accountsOf(await step.chat(gid));
  const nobodyOut = reason === Reason.STUCK && rows.accountsOf(old).every((who) => here.includes(who));
  await step.changeChat(old.gid, { heir, asking: null, mend_at: 0 });
  await dropPointless(step, old.gid);
  if (ahead !== 0) await tellAhead(step, old, heir, by, rival?.ahead ? rival : null);
  if (rival === null) await merge(step, gid, old.gid, reason !== Reason.STUCK || ahead !== 0);
  // Who weakened the group is named.
  if (reason === Reason.RESIZE) await note(step, gid, "grown", { by });
  else if (ahead === 0 && (rival === null || replaced))
    await note(step, gid, reason === Reason.STUCK ? "repaired" : "resealed");
  if (old.kind === GROUP) {
    if (reason === Reason.STUCK) await notePutOut(step, old, gid);
    // Whom those who are ahead removed by right is not missing in it.
    const absent = ahead !== 0 ? old.absent : await findAbsent(step, old, await step.chat(gid), reason);
    await step.changeChat(gid, { absent });
  }
  await step.changeChat(gid, { quiet: old.quiet, mended_at: nobodyOut ? step.now : 0 });
  await bringDevices(step, await step.chat(gid));
  // Those of who saw less of the old one are given up for this one by all who are in them, while they may.
  for (const lower of (await findMark(step, old.gid))?.lower ?? []) {
    const { epoch, status, merged } = await step.chat(lower.gid);
    if (epoch === 1 && status === "active" && merged === "") await giveUp(step, gid, lower.gid, heir);
  }
  step.event(reason === Reason.STUCK ? "repaired" : "regrouped", gid);
}

/**
 * Say who made it, who is out and who is in, and that the former read along where something was written meanwhile.
 *
 * told: the one whose place it takes, where that was told of, too: its lines stand, so only what differs is said.
 */
async function tellAhead(step: Step, old: Chat, { gid, leaf }: Heir, by: Id, told: Heir | null): Promise<void> {
  const before = rows.accountsOf(told === null ? old : await step.chat(told.gid));
  const here = rows.accountsOf(await step.chat(gid));
  const gone = before.filter((who) => !here.includes(who) && !(who in old.left));
  const come = here.filter((who) => !before.includes(who));
  if (told?.leaf !== leaf) await note(step, gid, "overtaken", { by });
  if (gone.length > 0) await note(step, gid, "removed", { by, whom: gone });
  if (come.length > 0) await note(step, gid, "added", { by, whom: come });
  if (told === null && (await wasWritten(step, old.gid))) await note(step, gid, "overheard");
}

/** Whether anything went out or came in this group since the server went back. */
async function wasWritten(step: Step, gid: Id): Promise<boolean> {
  const since = (await findMark(step, gid))?.since ?? Infinity;
  const shown = (await step.tx.rows("message", rows.bytesOf(gid))).map(([, data]) => rows.parseMessage(data));
  return shown.some((one) => one.arrived >= since && one.notice === null && !["queued", "failed"].includes(one.state));
}

/**
 * The group that loses is one of before like any: whoever is out of the one that stays says and does nothing in it. place:
 * where people see the chat.
 */
async function giveUp(step: Step, place: Id, gone: Id, stays: Heir): Promise<void> {
  await merge(step, place, gone);
  await step.changeChat(gone, { heir: stays });
}

/**
 * Devices of ours that had no package when the group was made come in later; the one of the lowest leaf adds them.
 *
 * Nobody else can: they take it for the same chat by the word of another device of theirs alone.
 */
async function bringDevices(step: Step, chat: Chat): Promise<void> {
  const account = step.profile.account_id;
  const mine = chat.members.filter((member) => member.account === account);
  const { devices } = await accounts.known(step, account);
  const missing = devices.map(([device]) => device).filter((one) => mine.every(({ device }) => device !== one));
  if (missing.length === 0 || mine.some(({ leaf }) => leaf < chat.own_leaf)) return;
  await chats.submitLists(step, chat, account);
  for (const device of missing)
    await outbox.submitIntent(step, chat.gid, rows.makeIntent("add-device", { account, devices: [device] }));
}

/** Who broke the old group was removed like anybody removed by a commit: no link lets them in again at once. */
async function notePutOut(step: Step, old: Chat, gid: Id): Promise<void> {
  const chat = await step.chat(gid);
  const stay = new Set([...rows.accountsOf(chat), ...Object.keys(old.left), ...chat.put_out]);
  const gone = rows.accountsOf(old).filter((who) => !stay.has(who));
  await step.changeChat(gid, { put_out: [...chat.put_out, ...gone].slice(-PUT_OUT_MAX) });
}

/** One chat out of two: what stood in `gone` stands in `place`. goesOn: nothing ever stopped `gone`. */
async function merge(step: Step, place: Id, gone: Id, goesOn = false): Promise<void> {
  for (const other of await rows.allChats(step.tx)) {
    if (other.merged === gone) await step.changeChat(other.gid, { merged: place });
  }
  const old = await step.changeChat(gone, { merged: place, asking: null, mend_at: 0 });
  const items = await rows.items(step.tx, gone);
  if (!goesOn || !items.some(([, item]) => mayStand(item))) await step.dropStaged(gone);
  const fresh = await step.chat(place);
  const here = rows.accountsOf(fresh);
  const isHere = (who: Id) => here.includes(who);
  await step.changeChat(place, {
    peer: fresh.peer || old.peer,
    activity: Math.max(fresh.activity, old.activity),
    told: [...new Set([...fresh.told, ...old.told])].filter(isHere),
    left: Object.fromEntries(Object.entries({ ...old.left, ...fresh.left }).filter(([who]) => isHere(who))),
    put_out: [...new Set([...old.put_out, ...fresh.put_out])].filter((who) => !isHere(who)),
  });
  await reading.merge(step, place, gone);
  for (const [n, item] of items) await moveItem(step, n, item, place, goesOn);
  await mergeArranged(step, place, gone);
  if (!(await findJoins(step.tx))) return;
  const held = await loadJoins(step.tx);
  const moved = <T extends { readonly gid: Id }>(one: T): T => (one.gid === gone ? { ...one, gid: place } : one);
  await changeJoins(step.tx, { waiting: held.waiting.map(moved), links: held.links.map(moved) });
}

/** What was on its way in a group that was followed, and was not taken there, goes on in the one that followed. */
export async function moveWaiting(step: Step, gid: Id): Promise<void> {
  const { merged } = await step.chat(gid);
  for (const [n, item] of await rows.items(step.tx, gid)) {
    if (item.state === "queued" && merged !== "") await moveItem(step, n, item, merged);
  }
}

const MOVED: readonly string[] = ["add", "add-device", "remove", "remove-device", "settings"];

/** Bring what waits to the other group; what only the old one had a use for is done. */
async function moveItem(step: Step, n: number, item: Item, place: Id, goesOn = false): Promise<void> {
  const { intent, kind, state, urgent } = item;
  // Also one that is on its way: it names people, so where the old group took it nothing is done twice.
  if (intent !== null && MOVED.includes(intent.op) && state !== "failed")
    await outbox.submitIntent(step, place, intent);
  if (goesOn && mayStand(item)) {
    // What it was for is not done there once more.
    await outbox.changeItem(step, n, item, { intent: rows.makeIntent("update") });
    return;
  }
  if (kind === "message" && state !== "queued") return; // the server's answer tells whether it was said in the old group
  if (kind === "message" && !urgent) await moveMessage(step, n, item, place);
  else await outbox.finish(step, n, item);
}
