/** Lines of a chat that are no messages: who came, who went, what could not be read. Kept on this device alone. */
import type { Staged } from "../../mls/mls.ts";
import * as rows from "../../state/rows.ts";
import type { Chat, Id, NoticeCode } from "../../state/rows.ts";
import type { Step } from "../../state/step.ts";
import * as groups from "../groups.ts";
import { show } from "../messages.ts";

export interface About {
  readonly by?: Id;
  readonly whom?: readonly Id[];
  readonly text?: string;
}

/** Add a line about what happened. */
export async function note(step: Step, gid: Id, code: NoticeCode, about: About = {}): Promise<void> {
  const { by = "", whom = [], text = "" } = about;
  await show(step, {
    ...rows.EMPTY_MESSAGE,
    message_id: rows.idOf(step.rng(32)),
    gid,
    account: by,
    device: 0,
    sent: step.now,
    arrived: step.now,
    state: "received",
    notice: { code, by, whom, text },
  });
}

/** Lines for what a step told of an account and could not put into a chat itself. */
export async function noteTold(step: Step): Promise<void> {
  for (const { code, account } of [...step.told]) {
    if (code !== "key-changed") continue;
    const all = await rows.allChats(step.tx);
    const dms = all.filter((chat) => chat.kind === groups.DM && chat.peer === account && chat.merged === "");
    for (const chat of dms) await note(step, chat.gid, "key-changed", { whom: [account] });
  }
}

/** Lines for what a commit changed: accounts, devices, title, roles. */
export async function noteCommit(step: Step, before: Chat, after: Chat, staged: Staged): Promise<void> {
  await noteChanges(step, before, after, rows.memberAt(before, staged.committer)?.account ?? "");
  await noteDevices(step, after.merged || after.gid, staged, {
    had: rows.accountsOf(before),
    has: rows.accountsOf(after),
  });
}

/** Lines for what differs between two states of a chat, except for devices. by: the account that changed it. */
export async function noteChanges(step: Step, before: Chat, after: Chat, by: Id): Promise<void> {
  const place = after.merged || after.gid;
  const had = rows.accountsOf(before);
  const has = rows.accountsOf(after);
  if (after.kind === groups.GROUP) {
    const added = has.filter((account) => !had.includes(account));
    const gone = had.filter((account) => !has.includes(account));
    const left = gone.filter((account) => account in before.left || account === by);
    const removed = gone.filter((account) => !left.includes(account));
    if (added.length > 0) await note(step, place, "added", { by, whom: added });
    if (left.length > 0) await note(step, place, "left", { whom: left });
    if (removed.length > 0) await note(step, place, "removed", { by, whom: removed });
    if (before.title !== after.title) await note(step, place, "renamed", { by, text: after.title });
    for (const code of rulesChanged(before, after)) await note(step, place, code, { by });
    for (const account of has) {
      const role = groups.roleOf(after, account);
      const changed = had.includes(account) && groups.roleOf(before, account) !== role && !sameRoles(before, after);
      const text = (["member", "admin", "owner"] as const)[role] ?? "member";
      if (changed) await note(step, place, "role", { by, whom: [account], text });
    }
  }
  if (before.timer !== after.timer) await note(step, place, "timer", { by, text: String(after.timer) });
}

function* rulesChanged(before: Chat, after: Chat): Generator<NoticeCode> {
  const changed = Object.keys(after.perms).filter(
    (name) => (before.perms[name] ?? after.perms[name]) !== after.perms[name],
  );
  if (changed.includes("send")) yield after.perms["send"] ? "write-admins" : "write-members";
  if (changed.some((name) => name !== "send")) yield "rules";
  const without = (chat: Chat, other: Chat) =>
    chat.invites.some(({ id }) => !other.invites.some((one) => one.id === id));
  if (without(after, before)) yield "link-made";
  if (without(before, after)) yield "link-ended";
}

function sameRoles(a: Chat, b: Chat): boolean {
  return JSON.stringify(Object.entries(a.roles).sort()) === JSON.stringify(Object.entries(b.roles).sort());
}

async function noteDevices(
  step: Step,
  place: Id,
  staged: Staged,
  { had, has }: { readonly had: readonly Id[]; readonly has: readonly Id[] },
): Promise<void> {
  const names = (members: Staged["added"]) => members.map((member) => groups.deviceOf(member.client));
  const removed = names(staged.removed);
  const stays = ([account]: readonly [Id, number]) => had.includes(account) && has.includes(account);
  const known = (one: readonly [Id, number]) => removed.some(([a, d]) => a === one[0] && d === one[1]);
  const added = names(staged.added).filter(stays);
  const back = new Set(added.filter(known).map(([account]) => account));
  const fresh = new Set(added.filter((one) => !known(one)).map(([account]) => account));
  if (back.size > 0) await note(step, place, "rejoined", { whom: [...back] });
  if (fresh.size > 0) await note(step, place, "device-added", { whom: [...fresh] });
}
