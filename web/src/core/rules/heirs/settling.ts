/** What becomes of a successor that this device made. Twin of zajil.client.core.heirs.making. */
import { Reason } from "../../../protocol/chat/successors.ts";
import * as rows from "../../state/rows.ts";
import type { Chat } from "../../state/rows.ts";
import type { Step } from "../../state/step.ts";
import { isUndecided } from "./ending.ts";
import { growAgain } from "./growing.ts";
import { findAhead, findHeld, findReason } from "./judging.ts";
import { follow } from "./moving.ts";

/** A commit of ours stands in this group: where that brought everybody into a successor, the chat goes on there. */
export async function settleMade(step: Step, chat: Chat): Promise<void> {
  const old = await rows.findChat(step.tx, chat.forebear);
  if (old === undefined || chat.epoch !== 1 || chat.merged !== "" || !chat.quiet) return;
  const [held, group] = [await findHeld(step, old), await step.loadGroup(chat.gid)];
  const by = step.profile.account_id;
  const made = held === undefined ? undefined : { old, held, group, creator: by, own: true };
  let reason = made && (await findReason(step, made));
  // While it was on its way, we may be brought back to where the epoch that it names never was: others follow it.
  const ahead = made && reason === undefined ? await findAhead(step, made, step.profile.device_id) : 0;
  if (ahead > 0) reason = Reason.STUCK;
  if (reason === undefined || !(await isUndecided(step, old))) {
    // The old group went on after all, or another one in its place, or somebody is missing here: nobody follows.
    await step.changeChat(chat.gid, { status: "left" });
    // A repair that came to nothing, in the suite of before, begins no growth that failed.
    return growAgain(step, old.gid, chat.suite !== old.suite);
  }
  await follow(step, { old, by, leaf: old.own_leaf, reason, ahead }, chat.gid);
}
