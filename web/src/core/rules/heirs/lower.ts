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
import { ADMIN, deviceOf, PASSED_EPOCHS, roleOf, settingsOf } from "../groups.ts";
import { findEnd } from "./ending.ts";
import type { Followed } from "./judging.ts";
import { follow } from "./moving.ts";
import { hasGone } from "../rejoining.ts";
import { findMark, type Lower, noteBehind, save } from "./returning.ts";

/** Whether it is a chat of its own for now: an admin makes a later one, and nobody is brought to before a change. */
export async function waits(look: Look, { old, ahead = 0 }: Followed, group: Group): Promise<boolean> {
  if (ahead >= 0 || old.heir !== null) return false;
  return roleOf(old, look.profile.account_id) >= ADMIN || !(await keeps(look, old, group));
}

/** Whether it has everybody whom we know of, and nobody whom we saw go out or who broke ours. */
async function keeps(look: Look, old: Chat, group: Group): Promise<boolean> {
  const offender = (await findEnd(look, old))?.offender;
  const here = group.members().map(({ client }) => deviceOf(client)[0]);
  const fits = (who: Id) => here.includes(who) !== (who === offender) || who in old.left;
  return rows.accountsOf(old).every(fits) && !(await hasGone(look, old, group));
}

/** Its people may not know that ours is later, so admins look as where something is said in the old group. */
export async function note(step: Step, { old, by, leaf, ahead = 0 }: Followed, gid: Id): Promise<void> {
  const mark = await findMark(step, old.gid);
  if (mark === undefined) return;
  const lower = [...(mark.lower ?? []), { gid, by, leaf, ahead }].slice(-PASSED_EPOCHS);
  await save(step, old.gid, { ...mark, lower });
  await noteBehind(step, old);
}

/** Whether ours did not go on since it came: its maker, or who is an admin in it, may be none in ours by now. */
async function stands(look: Look, old: Chat, group: Group, { ahead = 0 }: Lower): Promise<boolean> {
  const epoch = settingsOf(group.extensions).predecessor?.epoch ?? 0;
  return epoch - ahead === (await findEnd(look, old))?.epoch;
}

/** Follow one that went on, as nobody there follows another one any more. False where none may be. */
export async function goAlong(step: Step, old: Chat): Promise<boolean> {
  for (const one of (await findMark(step, old.gid))?.lower ?? []) {
    const { epoch, status, merged } = await step.chat(one.gid);
    if (epoch < 2 || status !== "active" || merged !== "") continue;
    const group = await step.loadGroup(one.gid);
    if (!(await stands(step, old, group, one)) || !(await keeps(step, old, group))) continue;
    await follow(step, { ...one, old, reason: Reason.STUCK }, one.gid);
    return true;
  }
  return false;
}
