/**
 * Room for more than 128 devices: an admin makes a successor in the suite of large groups (service.md 6).
 * Twin of zajil.client.core.heirs.growing.
 *
 * A commit may win against it. Every mailbox holds both in one order, so everybody sees which came first: whatever is
 * later is left out, and the maker begins anew on the epoch that won.
 */
import { Reason } from "../../../protocol/chat/successors.ts";
import { error } from "../../../protocol/errors.ts";
import { SUITE_RFC1, SUITE_XWING } from "../../../protocol/limits.ts";
import type { Claimed, Id } from "../../state/rows.ts";
import type { Step } from "../../state/step.ts";
import * as chats from "../chats.ts";
import { ADMIN, roleOf } from "../groups.ts";
import { findGrowth } from "./ending.ts";
import { dropFailed, make, mayReach } from "./making.ts";

/** Attempts before the person is told that the group changed each time. */
const TRIES = 3;

/**
 * Begin to make room for more devices in a group. It is protected against quantum computers no more then, for good.
 *
 * Throws `not-permitted`, `not-allowed` where there is room already, `not-introduced`, `chat-stuck`, and what
 * `checkGroup` throws.
 */
export async function grow(step: Step, gid: Id): Promise<void> {
  const chat = await chats.checkGroup(step, gid);
  if (roleOf(chat, step.profile.account_id) < ADMIN) throw error("not-permitted");
  if (chat.asking !== null || chat.status !== "active") throw error("chat-stuck");
  if (chat.suite !== SUITE_XWING) throw error("not-allowed");
  if (!(await mayReach(step, chat, Reason.RESIZE))) throw error("not-introduced");
  // One that is on its way comes first; what becomes of it is known by itself.
  const kept = await dropFailed(step, chat, SUITE_RFC1);
  if (kept !== undefined) await begin(step, chat.gid, 1, kept);
}

/**
 * The group has another epoch than the one that our successor follows: begin anew, where nothing is on its way.
 *
 * What failed stays told and is left to the person, as the group loses its protection by it. beaten: a commit was
 * faster than an attempt that the server took.
 */
export async function growAgain(step: Step, gid: Id, beaten = false): Promise<void> {
  const chat = await step.chat(gid);
  if (chat.growing === 0 || chat.heir !== null || chat.status !== "active") return;
  const failed = !beaten && (await findGrowth(step, chat))?.failed !== undefined;
  const kept = failed ? [] : await dropFailed(step, chat, SUITE_RFC1);
  if (kept === undefined) return;
  if (roleOf(chat, step.profile.account_id) < ADMIN) await step.changeChat(gid, { growing: 0 });
  else if (failed) await step.changeChat(gid, { growing: TRIES });
  else if (!(await mayReach(step, chat, Reason.RESIZE)))
    await step.changeChat(gid, { growing: TRIES, ungrown: "not-introduced" });
  else if (chat.growing < TRIES) await begin(step, gid, chat.growing + 1, kept);
  else await step.changeChat(gid, { growing: TRIES, ungrown: "stale-epoch" });
  step.event("members", gid);
}

/** kept: packages that were claimed for an attempt before this one. */
async function begin(step: Step, gid: Id, attempt: number, kept: readonly Claimed[]): Promise<void> {
  const chat = await step.changeChat(gid, { growing: attempt, ungrown: "" });
  await make(step, chat, Reason.RESIZE, { suite: SUITE_RFC1, kept });
  step.event("members", gid);
}
