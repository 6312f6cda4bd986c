/** What becomes of a successor that this device made. Twin of zajil.client.core.heirs.making. */
import * as rows from "../../state/rows.ts";
import type { Chat } from "../../state/rows.ts";
import type { Step } from "../../state/step.ts";
import { growAgain } from "./growing.ts";
import { findHeld, findReason, isUndecided } from "./judging.ts";
import { follow } from "./moving.ts";

/** A commit of ours stands in this group: where that brought everybody into a successor, the chat goes on there. */
export async function settleMade(step: Step, chat: Chat): Promise<void> {
  const old = await rows.findChat(step.tx, chat.forebear);
  if (old === undefined || chat.epoch !== 1 || chat.merged !== "" || !chat.quiet) return;
  const [held, group] = [await findHeld(step, old), await step.loadGroup(chat.gid)];
  const made = { old, group, creator: step.profile.account_id, own: true };
  const reason = held === undefined ? undefined : await findReason(step, { ...made, held });
  if (reason === undefined || !(await isUndecided(step, old))) {
    // The old group went on after all, or another one in its place, or somebody is missing here: nobody follows.
    await step.changeChat(chat.gid, { status: "left" });
    // A repair that came to nothing, in the suite of before, begins no growth that failed.
    return growAgain(step, old.gid, chat.suite !== old.suite);
  }
  await follow(step, { old, by: step.profile.account_id, leaf: old.own_leaf, reason }, chat.gid);
}
