/**
 * A group of those who saw less of ours than we did, before a server that came back lost it: what to make of that.
 * Twin of zajil.client.core.heirs.lower.
 *
 * Ours is later, so an admin makes another one of it, which all follow. Whoever cannot make one goes where the others are.
 */
import { Reason } from "../../../protocol/chat/successors.ts";
import type { Group } from "../../mls/mls.ts";
import * as rows from "../../state/rows.ts";
import type { Chat, Id } from "../../state/rows.ts";
import type { Look, Step } from "../../state/step.ts";
import { ADMIN, deviceOf, PASSED_EPOCHS, roleOf } from "../groups.ts";
import type { Followed } from "./judging.ts";
import { follow } from "./moving.ts";
import { findMark, noteBehind, save, undoes } from "./returning.ts";

/** Whether it is a chat of its own for now: an admin makes a later one, and nobody is brought to before a change. */
export async function waits(look: Look, { old, ahead = 0 }: Followed, group: Group): Promise<boolean> {
  if (ahead >= 0 || old.heir !== null) return false;
  return roleOf(old, look.profile.account_id) >= ADMIN || !(await keeps(look, old, group));
}

/** Whether it has everybody whom we know of, and nobody whom we saw go out. */
async function keeps(look: Look, old: Chat, group: Group): Promise<boolean> {
  const here = group.members().map(({ client }) => deviceOf(client)[0]);
  return (
    rows.accountsOf(old).every((who) => here.includes(who) || who in old.left) && !(await undoes(look, old, group))
  );
}

/** Its people may not know that ours is later, so admins look as where something is said in the old group. */
export async function note(step: Step, { old, by, leaf, ahead = 0 }: Followed, gid: Id): Promise<void> {
  const mark = await findMark(step, old.gid);
  if (mark === undefined) return;
  const lower = [...(mark.lower ?? []), { gid, by, leaf, ahead }].slice(-PASSED_EPOCHS);
  await save(step, old.gid, { ...mark, lower });
  await noteBehind(step, old);
}

/** Follow one that went on, as nobody there follows another one any more. False where none did or it lacks some. */
export async function goAlong(step: Step, old: Chat): Promise<boolean> {
  for (const one of (await findMark(step, old.gid))?.lower ?? []) {
    const { epoch, status, merged } = await step.chat(one.gid);
    if (epoch < 2 || status !== "active" || merged !== "" || !(await keeps(step, old, await step.loadGroup(one.gid))))
      continue;
    await follow(step, { ...one, old, reason: Reason.STUCK }, one.gid);
    return true;
  }
  return false;
}
