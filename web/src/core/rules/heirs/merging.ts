/** Two chats of two become one. Twin of zajil.client.core.joining.merge_dms; loaded where there are two. */
import { join, laterOf } from "../../../protocol/chat/arranging.ts";
import * as content from "../../../protocol/chat/content.ts";
import type { MimiContent } from "../../../protocol/chat/content.ts";
import * as rows from "../../state/rows.ts";
import type { Id, Item } from "../../state/rows.ts";
import type { Step } from "../../state/step.ts";
import { DM } from "../groups.ts";
import * as messages from "../messages.ts";
import * as outbox from "../outbox.ts";
import * as arranging from "../talk/arranging.ts";
import * as reading from "../talk/reading.ts";

/** Two DMs with one person made at once: the smaller gid stays, unsent items move, texts show in one place. */
export async function mergeDms(step: Step, peer: Id): Promise<void> {
  const all = await rows.allChats(step.tx);
  const dms = all
    .filter(
      (c) => c.kind === DM && c.peer === peer && c.request === "" && (c.status === "active" || c.status === "creating"),
    )
    .filter((c) => c.heir === null && (c.merged === "" || c.forebear === ""))
    .sort((a, b) => rows.compareIds(a.gid, b.gid));
  const [keep, ...others] = dms;
  if (keep === undefined || others.length === 0) return;
  if (keep.merged !== "") await step.changeChat(keep.gid, { merged: "" });
  if (dms.some(({ quiet }) => !quiet)) await step.changeChat(keep.gid, { quiet: false });
  const spans = dms.filter(({ timer, merged }) => timer > 0 && merged !== keep.gid).map(({ timer }) => timer);
  const timer = Math.min(...spans);
  // One of the two is new, as after a restore: nobody asked for what is said from now on to stay.
  if (spans.length > 0 && timer !== keep.timer)
    await outbox.submitIntent(step, keep.gid, rows.makeIntent("settings", { timer }));
  for (const other of others) {
    if (other.merged === keep.gid) continue;
    await step.changeChat(other.gid, { merged: keep.gid });
    for (const older of all) if (older.merged === other.gid) await step.changeChat(older.gid, { merged: keep.gid });
    for (const [n, item] of await rows.items(step.tx, other.gid)) {
      if (item.kind === "message" && item.state === "queued" && !item.urgent) {
        await moveMessage(step, n, item, keep.gid);
      }
    }
    await reading.merge(step, keep.gid, other.gid);
    await mergeArranged(step, keep.gid, other.gid);
  }
}

/**
 * Bring an unsent item into another chat: same salt and body, so a new message id for the new room.
 *
 * Items move in their order, so a message that this one is about has its new id already.
 */
export async function moveMessage(step: Step, n: number, item: Item, gid: Id): Promise<void> {
  const old = content.parseContent(item.content);
  const room = content.roomUri(step.profile.server_name, rows.bytesOf(gid));
  const replaces = await messages.movedId(step, old.replaces);
  const inReplyTo = await messages.movedId(step, old.in_reply_to);
  const body: MimiContent = {
    ...old,
    replaces,
    in_reply_to: inReplyTo,
    extensions: new Map(old.extensions).set(content.ROOM_URI, room),
  };
  const data = content.encodeContent(body);
  const identity = rows.idOf(content.messageIdOf(body, data));
  const found = item.shown ? await step.tx.lookup("message", rows.bytesOf(item.message_id)) : undefined;
  await outbox.finish(step, n, item);
  const target = item.target === "" ? null : await messages.movedId(step, rows.bytesOf(item.target));
  const moved: Item = { ...item, gid, content: data, message_id: identity, hashes: [], wait: 0 };
  await outbox.submit(step, { ...moved, target: target === null ? "" : rows.idOf(target) });
  // Whoever waits for the message under its old id, or is about it, finds the new one.
  await step.tx.put("known", rows.bytesOf(item.message_id), rows.bytesOf(identity));
  await messages.isNews(step, identity);
  if (found === undefined) return;
  const message = rows.parseMessage(found[1]);
  await step.tx.remove("message", found[0]);
  const reply_to = inReplyTo === null ? "" : rows.idOf(inReplyTo);
  await messages.show(step, { ...message, gid, message_id: identity, reply_to });
}

/** Two chats of two became one. */
export async function mergeArranged(step: Step, place: Id, other: Id): Promise<void> {
  const keep = await rows.loadArranged(step.tx, place);
  const gone = await rows.loadArranged(step.tx, other);
  const due = Math.min(keep.due || Infinity, gone.due || Infinity);
  const told = keep.told && gone.told ? laterOf(keep.told, gone.told) : (keep.told ?? gone.told);
  const registers = join(keep.registers, gone.registers);
  await rows.saveArranged(step.tx, { ...keep, registers, told, due: Number.isFinite(due) ? due : 0 });
  await step.tx.delete("draft", rows.bytesOf(other));
  await arranging.hear(step, place, (await step.chat(other)).heard);
}
