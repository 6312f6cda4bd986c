/** Whether a group is stuck or grows. What makes, judges and follows successors is in `heirs`, loaded for them. */
import { ascii, concat, encodeUint, parseUint } from "../../../protocol/bytes.ts";
import * as rows from "../../state/rows.ts";
import type { Chat, Ended, Id, Item } from "../../state/rows.ts";
import type { Look, Step } from "../../state/step.ts";
import * as groups from "../groups.ts";

/** Whether nobody has brought us back into a group that we cannot follow, or whose server refuses what we seal. */
export function isStuck(chat: Chat): boolean {
  return chat.heir === null && chat.asking?.reason === "refused";
}

/**
 * The last epoch that we hold of a group, or held before its state went; null where we never did.
 *
 * offender: account that signed the commit we refuse; our own does not count, as nobody leaves themselves out.
 */
export async function findEnd(look: Look, chat: Chat, offender: Id = ""): Promise<Ended | null> {
  const proven = chat.kind === groups.GROUP && offender !== look.profile.account_id ? offender : "";
  // A state that does not load tells nothing.
  const group = await look.findGroup(chat.gid).catch(() => undefined);
  if (group === undefined) return chat.ended;
  const { epoch, epochAuthenticator: authenticator } = group;
  return { epoch, authenticator, settings: groups.findSettings(group.extensions), offender: proven };
}

/**
 * Whether a group may take the place of this one still: none has, or nothing happened yet in the one that did.
 *
 * A later one would undo what happened there, as the removal of whoever makes it. A group that lost to another one has
 * none that follows it.
 */
export async function isUndecided(look: Look, old: Chat): Promise<boolean> {
  if (old.heir === null) return true;
  const { epoch, status, heir, forebear } = await look.chat(old.heir.gid);
  return forebear === old.gid && epoch === 1 && status === "active" && heir === null;
}

const forgedName = (chat: Chat): Uint8Array => concat(ascii("forged"), rows.bytesOf(chat.gid));

/** What stood where the commit of this epoch belongs was none: no member of the group can follow it. */
export const noteForged = (step: Step, chat: Chat): Promise<void> =>
  step.tx.put("helper", forgedName(chat), encodeUint(chat.epoch, 8));

/** Whether such bytes came in the epoch that we hold. */
export async function isForged(look: Look, chat: Chat): Promise<boolean> {
  const epoch = await look.tx.find("helper", forgedName(chat));
  return epoch !== undefined && parseUint(epoch) === chat.epoch;
}

/** Whether it is a successor of ours that nobody but us is in yet. */
export function isForming({ forebear, quiet, epoch, status }: Chat): boolean {
  return forebear !== "" && quiet && epoch === 0 && (status === "creating" || status === "active");
}

/** Whether it is a commit that the server may have, so that others may follow it: then we do, too. */
export function mayStand({ kind, state }: Item): boolean {
  return kind === "commit" && (state === "sealed" || state === "accepted" || state === "waiting");
}

/** How the room that this device makes for more devices comes along; failed: the code of what ended it. */
export async function findGrowth(look: Look, chat: Chat): Promise<{ readonly failed?: string } | undefined> {
  if (chat.growing === 0 || chat.heir !== null) return undefined;
  const forming = (await rows.allChats(look.tx)).find((one) => one.forebear === chat.gid && isForming(one));
  const items = forming === undefined ? [] : await rows.items(look.tx, forming.gid);
  const failed = items.find(([, { state }]) => state === "failed" || state === "refused")?.[1].reason;
  // Nothing is on its way any more: the group changed each time, or what failed was swept away since.
  return items.length === 0 ? { failed: chat.ungrown || "stale-epoch" } : failed === undefined ? {} : { failed };
}
