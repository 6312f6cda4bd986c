/** Successors of ours that never came to be. Twin of that part of zajil.client.core.heirs.ending. */
import * as rows from "../../state/rows.ts";
import type { Id } from "../../state/rows.ts";
import type { Step } from "../../state/step.ts";
import * as outbox from "../outbox.ts";
import { isForming, mayStand } from "./ending.ts";

/** This group goes on, by itself or in another one: a successor that we make would be a second chat for everybody. */
export async function dropPointless(step: Step, gid: Id): Promise<void> {
  for (const chat of await rows.allChats(step.tx)) {
    if (chat.forebear !== gid || !isForming(chat)) continue;
    const items = await rows.items(step.tx, chat.gid);
    // What comes back of one whose Add may stand at the server tells what became of it.
    if (!items.some(([, item]) => mayStand(item))) await drop(step, chat.gid);
  }
}

/** A successor of ours that never came to be is gone, with what would have sent it. */
export async function drop(step: Step, gid: Id): Promise<void> {
  for (const [n, item] of await rows.items(step.tx, gid)) await outbox.finish(step, n, item);
  await step.dropGroup(gid);
  await step.changeChat(gid, { status: "removed", quiet: true });
}
