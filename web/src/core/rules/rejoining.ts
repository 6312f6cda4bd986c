/**
 * Which Welcomes may take the place of the state that we hold of a chat. Twin of zajil.client.core.joins.rejoining.
 *
 * A Welcome brings a whole group: its tree, roles, settings and cipher suite are what its signer chose. So a Welcome into
 * a chat that we hold is judged as a commit is: by the difference between the held tree and the offered one, and by the
 * role that the signer has in the held tree. Devices of our own account are trusted with people and rights.
 */
import { error } from "../../protocol/errors.ts";
import type { Group } from "../mls/mls.ts";
import * as accounts from "../state/accounts.ts";
import { isAsked } from "../state/joins.ts";
import * as rows from "../state/rows.ts";
import type { Chat, Id } from "../state/rows.ts";
import type { Look, Step } from "../state/step.ts";
import * as groups from "./groups.ts";
import { ADMIN, DM, OWNER, roleOf } from "./groups.ts";
import { findMark } from "./heirs/returning.ts";
import { checkChange, checkNewSettings, Vetoed } from "./judge.ts";
import { note, noteChanges } from "./talk/notices.ts";

/** One account causes one line of a refused Welcome in this time, however many it sends. */
const LINE_PAUSE_MS = 3_600_000;
/** So many of the newest lines are looked at for that. */
const LINES_LOOKED_AT = 50;

/**
 * Passes with "" when an offered group may take the place of our state of a chat.
 *
 * offered: the chat as it would be. signer: leaf of the Welcome's signer in the offered group.
 * Where the signer may bring us back, but not into this group, it tells people so and returns its account.
 * Throws Malformed for an epoch that we held, `not-allowed` where the signer may not bring us back at all.
 */
export async function checkWelcome(
  step: Step,
  held: Chat,
  offered: Chat,
  { group, signer }: { readonly group: Group; readonly signer: number },
): Promise<Id> {
  if (group.epoch <= held.top) throw error("malformed", "epoch");
  const by = rows.memberAt(offered, signer)?.account;
  if (by === undefined) throw error("malformed", "signer");
  if (by === held.ended?.offender) throw error("not-allowed");
  const own = by === step.profile.account_id;
  const asked = held.asking?.asked.includes(by) ?? false;
  const invited = await isAsked(step.tx, held.gid, by);
  if (!own && !asked && !invited && !mayAdd(held, by)) throw error("not-allowed");
  try {
    checkShape(held, offered);
    if (held.status === "active" && (await hasGone(step, held, group))) throw new Vetoed("removed member");
    // After we left, a link that we ask by leads into a new membership: what we held before binds nobody.
    if (!own && !(invited && isOut(held))) {
      checkPeople(held, offered, by, step.profile.account_id);
      checkRights(held, offered, by, step.profile.account_id);
    }
    return "";
  } catch (problem) {
    if (!(problem instanceof Vetoed)) throw problem;
    await noteRefused(step, held.gid, by);
    return by;
  }
}

/** Events and lines for what a Welcome changed of a chat that we held. signer: leaf of the Welcome's signer. */
export async function tellChanges(step: Step, before: Chat, after: Chat, signer: number): Promise<void> {
  if (!holdsTree(before) || isOut(before)) return;
  const by = rows.memberAt(after, signer)?.account ?? "";
  for (const code of ["members", "renamed", "roles", "timer", "rules"] as const) step.event(code, after.gid);
  await noteChanges(step, before, after, by);
  const had = rows.accountsOf(before);
  const fresh = after.members.filter(
    ({ account, device }) =>
      account !== step.profile.account_id &&
      had.includes(account) &&
      rows.leafOf(before, account, device) === undefined,
  );
  const whom = [...new Set(fresh.map(({ account }) => account))];
  if (whom.length > 0) await note(step, after.gid, "device-added", { whom });
}

async function noteRefused(step: Step, gid: Id, by: Id): Promise<void> {
  step.event("refused-welcome", gid);
  const since = step.now - LINE_PAUSE_MS;
  for (const [, data] of await step.tx.rows("message", rows.bytesOf(gid), { newest: LINES_LOOKED_AT })) {
    const { notice, arrived, account } = rows.parseRow<rows.StoredMessage>(data);
    if (notice?.code === "refused-welcome" && account === by && arrived > since) return;
  }
  await note(step, gid, "refused-welcome", { by });
}

const isOut = ({ status }: Chat): boolean => status === "removed" || status === "left";

/** Whether the chat has a tree of its group. Before its first Welcome, a restored or linked device has none. */
const holdsTree = ({ settings }: Chat): boolean => settings.length > 0;

const mayAdd = (held: Chat, account: Id): boolean =>
  rows.accountsOf(held).includes(account) && roleOf(held, account) >= (held.perms["add"] ?? ADMIN);

/** Kind, partner, cipher suite and predecessor are fixed for the life of a group. Throws Vetoed. */
function checkShape(held: Chat, offered: Chat): void {
  const partner = held.kind === DM && held.peer !== "" && offered.peer !== held.peer;
  if (offered.kind !== held.kind || partner) throw new Vetoed("kind");
  if (!holdsTree(held)) return;
  if (offered.suite !== held.suite) throw new Vetoed("suite");
  if (offered.forebear !== held.forebear) throw new Vetoed("predecessor");
}

/**
 * Newcomers come by a signer who may add, and are nobody that we saw removed. Throws Vetoed.
 *
 * Members may be missing: they may have left while we were away. An admin or owner is missing only by the word of an
 * account that may remove them, or the admins that remain would become owners.
 */
function checkPeople(held: Chat, offered: Chat, by: Id, own: Id): void {
  if (!holdsTree(held)) return;
  const before = rows.accountsOf(held);
  const after = rows.accountsOf(offered);
  const newcomers = after.filter((account) => account !== own && !before.includes(account));
  if (!isOut(held) && newcomers.some((account) => held.put_out.includes(account))) throw new Vetoed("removed member");
  if (newcomers.length > 0 && !mayAdd(held, by)) throw new Vetoed("newcomer");
  for (const account of before) {
    if (after.includes(account) || account === own || account in held.left || roleOf(held, account) < ADMIN) continue;
    checkChange(held, { by, added: [], removed: [[account, 0]], settings: false });
  }
}

/**
 * Roles and settings differ by no more than the signer could commit. Throws Vetoed.
 *
 * A restored device does not know its own role: a backup names those of the others alone.
 */
function checkRights(held: Chat, offered: Chat, by: Id, own: Id): void {
  const judged = rows.accountsOf(offered).filter((account) => account !== own || holdsTree(held));
  const raises = judged.some((account) => roleOf(offered, account) > roleOf(held, account));
  if (raises && roleOf(held, by) < OWNER) throw new Vetoed("role");
  if (holdsTree(held)) checkNewSettings(held, by, held.settings, offered.settings);
}

/** Whether somebody is in this group whom we saw go out of the chat, where a server came back since. */
export async function hasGone(look: Look, chat: Chat, group: Group): Promise<boolean> {
  if ((await findMark(look, chat.gid)) === undefined) return false;
  for (const { client } of group.members()) {
    const [account, device] = groups.deviceOf(client);
    const { devices } = await accounts.known(look, account);
    const isOut = chat.put_out.includes(account) || (devices.length > 0 && devices.every(([one]) => one !== device));
    if (isOut && rows.leafOf(chat, account, device) === undefined) return true;
  }
  return false;
}
