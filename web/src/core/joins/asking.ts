/**
 * Asking to be let into a group by its link: the request goes to the approver in a DM, and the answer comes back.
 * Twin of zajil.client.core.joins.asking.
 */
import type { JoinAnswer } from "../../protocol/chat/parts.ts";
import { error } from "../../protocol/errors.ts";
import type { GroupLink } from "../../protocol/identity/grouplinks.ts";
import * as chats from "../rules/chats.ts";
import { GROUP } from "../rules/groups.ts";
import * as messages from "../rules/messages.ts";
import * as outbox from "../rules/outbox.ts";
import { placeOf } from "../rules/talk/places.ts";
import * as accounts from "../state/accounts.ts";
import { changeJoins, loadJoins, type Asked } from "../state/joins.ts";
import * as rows from "../state/rows.ts";
import type { Chat, Id } from "../state/rows.ts";
import type { Look, Step } from "../state/step.ts";

/** Requests kept; the oldest goes. */
const ASKED_MAX = 32;
const KEPT_MS = 30 * 86_400_000;

/** Throws `bad-link` for a link of another server or our own, `link-expired`, `already-in` where we are in. */
export async function checkLink(look: Look, link: GroupLink): Promise<void> {
  const { profile } = look;
  if (link.server_name !== profile.server_name) throw error("bad-link", "another server");
  if (await isIn(look, rows.idOf(link.gid))) throw error("already-in");
  if (rows.idOf(link.approver) === profile.account_id) throw error("bad-link", "own link");
  if (link.expires <= look.now / 1000) throw error("link-expired");
}

/** Whether we are in a group. */
export async function isIn(look: Look, gid: Id): Promise<boolean> {
  const chat = await rows.findChat(look.tx, await placeOf(look, gid));
  return chat !== undefined && isInside(look, chat);
}

const isInside = ({ profile }: Look, { status, left }: Chat): boolean =>
  !["removed", "left"].includes(status) && !(profile.account_id in left);

/** Queue the request, once for each group. The approver's lists are known already. Throws what `checkLink` throws. */
export async function ask(step: Step, link: GroupLink): Promise<void> {
  await checkLink(step, link);
  const gid = rows.idOf(link.gid);
  const invite_id = rows.idOf(link.invite_id);
  const approver = rows.idOf(link.approver);
  const known = await accounts.known(step, approver);
  if (!known.said) await accounts.change(step, approver, { contact_token: link.contact_token });
  const dm = await chats.openQuietDm(step, approver, { invite_id: link.invite_id, policy: 0, expires: link.expires });
  const { asked } = await loadJoins(step.tx);
  const before = asked.find((one) => one.gid === gid);
  if (before?.invite_id === invite_id && before.state === "asked") return;
  const { name, profile_token: contact_token } = step.profile;
  const { gid: group, invite_id: invite } = link;
  await messages.submitControl(step, dm, { op: "join-request", gid: group, invite_id: invite, name, contact_token });
  const { expires } = link;
  const fresh: Asked = { gid, invite_id, approver, title: link.name ?? "", expires, at: step.now, dm, state: "asked" };
  await changeJoins(step.tx, { asked: [...asked.filter((one) => one.gid !== gid), fresh].slice(-ASKED_MAX) });
}

/** The approver answered our request, by the DM that it went through. */
export async function takeAnswer(step: Step, by: Id, part: JoinAnswer): Promise<void> {
  if (rows.idOf(part.account) !== step.profile.account_id) return;
  // The approver may know the group by the id of the one that took its place.
  const invite = rows.idOf(part.invite_id);
  await close(step, part.outcome, (one) => one.invite_id === invite && one.approver === by);
}

async function close(step: Step, state: Asked["state"], which: (one: Asked) => boolean): Promise<void> {
  const { asked } = await loadJoins(step.tx);
  await changeJoins(step.tx, {
    asked: asked.map((one) => (one.state === "asked" && which(one) ? { ...one, state } : one)),
  });
}

/** The person does not want to see this request any more; an open one may still be granted. */
export async function forget(step: Step, gid: Id): Promise<void> {
  const { asked } = await loadJoins(step.tx);
  await changeJoins(step.tx, { asked: asked.filter((one) => one.gid !== gid) });
}

/** What became of requests while nobody looked: we are in, the link was used up, or it ended long ago. */
export async function settleAsked(step: Step): Promise<void> {
  const { asked } = await loadJoins(step.tx);
  const kept: Asked[] = [];
  // Links move along where another group takes the place of theirs.
  const all = asked.length > 0 ? await rows.allChats(step.tx) : [];
  const inside = all.filter((chat) => chat.kind === GROUP && isInside(step, chat)).flatMap(({ invites }) => invites);
  for (const one of asked) {
    const joined = (await isIn(step, one.gid)) || inside.some(({ id }) => id === one.invite_id);
    if (joined || one.expires * 1000 + KEPT_MS < step.now) continue;
    kept.push(one.state === "asked" && (await isRefused(step, one.dm)) ? { ...one, state: "closed" } : one);
  }
  if (JSON.stringify(kept) !== JSON.stringify(asked)) await changeJoins(step.tx, { asked: kept });
}

/** The server did not let us reach the approver: the Add of theirs failed, and nobody else is in the DM. */
async function isRefused(step: Step, dm: Id): Promise<boolean> {
  const chat = await rows.findChat(step.tx, dm);
  if (chat === undefined || chat.status === "removed") return true;
  if (chat.peer === "" || rows.accountsOf(chat).includes(chat.peer)) return false;
  const failed = (await rows.items(step.tx, dm)).filter(
    ([, item]) => item.kind === "commit" && item.state === "failed",
  );
  for (const [n, item] of failed) await outbox.finish(step, n, item);
  return failed.length > 0;
}
