/**
 * What to make of groups after the server came back from a backup: it may hold an epoch that others left before.
 * Twin of zajil.client.core.heirs.returning. Not part of `heirs`, which loads where one follows.
 */
import { ascii, concat } from "../../../protocol/bytes.ts";
import type { Passed } from "../../../protocol/chat/successors.ts";
import * as rows from "../../state/rows.ts";
import type { Chat, Heir, Id } from "../../state/rows.ts";
import type { Look, Step } from "../../state/step.ts";
import * as chats from "../chats.ts";
import * as groups from "../groups.ts";
import { findEnd, isStuck } from "./ending.ts";

/** So long may those stay away who hold a later epoch. After that nobody is believed without a secret of ours. */
export const PATIENCE_MS = 30 * 86_400_000;

/** A group that follows an epoch which we saw end. by: who made it. leaf, ahead: see `Heir`. */
export interface Lower extends Heir {
  readonly by: Id;
}

/**
 * The server came back while we held a group. epoch: that we held of it. since: Unix ms of when we noticed, or of what we
 * had written and not sent yet. until: up to when others may come who hold a later epoch. asked: whether this device tried
 * since if it holds the server's. replaced: epochs that a Welcome took the place of since, newest first. lower: those of
 * who saw less of this group, which are chats of their own until a later one follows it. held: the epoch that we held at
 * the last return; `epoch` is the lowest one of all returns.
 */
interface Back {
  readonly epoch: number;
  readonly since: number;
  readonly until: number;
  readonly asked: boolean;
  readonly replaced?: readonly Passed[];
  readonly lower?: readonly Lower[];
  readonly held?: number;
}

const nameOf = (gid: Id): Uint8Array => concat(ascii("back"), rows.bytesOf(gid));

/** The server went back: whatever epoch we hold of a group now, others may have seen a later one. */
export async function noteBack(step: Step): Promise<void> {
  for (const { gid, heir, status, epoch } of await rows.allChats(step.tx)) {
    if (heir !== null || status === "removed" || status === "left" || status === "creating") continue;
    const before = await findMark(step, gid);
    // What waits since before goes out now.
    const waiting = (await rows.items(step.tx, gid)).map(([, { at }]) => at);
    const since = before?.since ?? Math.min(step.now, ...waiting);
    const lowest = Math.min(epoch, before?.epoch ?? epoch);
    const until = step.now + PATIENCE_MS;
    await save(step, gid, { ...before, epoch: lowest, held: epoch, since, until, asked: false });
  }
}

/** How we held a group when the server went back; undefined where it did not, or long ago. */
export async function findMark(look: Look, gid: Id): Promise<Back | undefined> {
  const data = await look.tx.find("helper", nameOf(gid));
  const mark = data === undefined ? undefined : rows.parseRow<Back>(data);
  return mark !== undefined && mark.until >= look.now ? mark : undefined;
}

/** Epochs that we saw end before the server came back, which it may hold therefore; later ones ended there. */
export async function findPassed(look: Look, { gid, passed }: Chat): Promise<readonly Passed[]> {
  const mark = await findMark(look, gid);
  return passed.filter(({ epoch }) => epoch < (mark?.held ?? mark?.epoch ?? 0));
}

/**
 * Something of an earlier epoch came in a group: the server may hold that, and people speak in it. Also a commit: it may
 * make an epoch of the number of ours, and what is said in that is of no earlier one.
 *
 * So admins say something that nobody needs an answer to; where the server is behind it refuses that, and the group is
 * followed by another one. Once after each return, as what was on its way before is of an earlier epoch, too.
 */
export async function noteBehind(step: Step, chat: Chat): Promise<void> {
  const mark = chat.heir === null && chat.asking === null ? await findMark(step, chat.gid) : undefined;
  const own = step.profile.account_id;
  if (mark === undefined || mark.asked || groups.roleOf(chat, own) < groups.ADMIN) return;
  await save(step, chat.gid, { ...mark, asked: true });
  await chats.submitLists(step, chat, own);
}

/**
 * A Welcome takes the place of the epoch that we hold of this group: the server may have lost it.
 *
 * Whoever holds it still makes a successor of it. Where we refused the commit to the next one, whoever made that,
 * nothing was lost.
 */
export async function noteReplaced(step: Step, chat: Chat): Promise<void> {
  const mark = await findMark(step, chat.gid);
  const end = mark && (await findEnd(step, chat));
  if (!mark || !end || (chat.status === "lost" && isStuck(chat))) return;
  const { epoch, authenticator } = end;
  const replaced = [{ epoch, authenticator }, ...chat.passed, ...(mark.replaced ?? [])].slice(0, groups.PASSED_EPOCHS);
  await save(step, chat.gid, { ...mark, replaced });
}

export const save = (step: Step, gid: Id, mark: Back): Promise<void> =>
  step.tx.put("helper", nameOf(gid), rows.encodeRow(mark));
