/**
 * Asking to be let into a group by its link: the request goes to the approver in a DM, and the answer comes back.
 * Twin of zajil.client.core.joins.asking.
 */
import type { JoinAnswer } from "../../protocol/chat/parts.ts";
import { error } from "../../protocol/errors.ts";
import type { GroupLink } from "../../protocol/identity/grouplinks.ts";
import * as chats from "../rules/chats.ts";
import * as messages from "../rules/messages.ts";
import * as outbox from "../rules/outbox.ts";
import * as accounts from "../state/accounts.ts";
import { changeJoins, loadJoins, type Asked } from "../state/joins.ts";
import * as rows from "../state/rows.ts";
import type { Id } from "../state/rows.ts";
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
  const chat = await rows.findChat(look.tx, gid);
  return chat !== undefined && !["removed", "left"].includes(chat.status) && !(look.profile.account_id in chat.left);
}

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
  const [gid, invite] = [rows.idOf(part.gid), rows.idOf(part.invite_id)];
  await close(step, part.outcome, (one) => one.gid === gid && one.invite_id === invite && one.approver === by);
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
  for (const one of asked) {
    if ((await isIn(step, one.gid)) || one.expires * 1000 + KEPT_MS < step.now) continue;
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
