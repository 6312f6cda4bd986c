/**
 * A store made from a backup: a new device of an old account, which asks to be added again everywhere.
 * Twin of zajil.client.core.kept.restored.
 *
 * No ratchet, key package or mailbox of the lost device comes back, so no generation of it can be used twice. Messages
 * from before stay lost; people, names and chats are there at once.
 */
import { join } from "../../protocol/chat/arranging.ts";
import type { Backup, BackupChat } from "../../protocol/identity/backup.ts";
import * as chats from "../rules/chats.ts";
import * as contact from "../rules/contact/contact.ts";
import * as groups from "../rules/groups.ts";
import * as accounts from "../state/accounts.ts";
import * as rows from "../state/rows.ts";
import type { Chat } from "../state/rows.ts";
import type { Step } from "../state/step.ts";
import { changeRecovery } from "./state.ts";

const NONE = new Uint8Array();

/** What was found behind a key. key: 20 bytes. version: of the stored backup. */
export interface Found {
  readonly key: Uint8Array;
  readonly version: number;
  readonly held: Backup;
}

/** Write people, lists, settings and the recovery key. lists: the own chain with this device in it. */
export async function fill(step: Step, { key, version, held }: Found, lists: readonly Uint8Array[]): Promise<void> {
  // What a registration or linking that was cut short left belongs to another account.
  for (const table of ["account", "chat", "outbox", "held"] as const) await step.tx.clear(table);
  const own = rows.idOf(held.account_id);
  await accounts.learnChain(step, own, lists);
  await accounts.change(step, own, { name: held.name });
  for (const person of held.people) {
    const account = rows.idOf(person.account_id);
    await accounts.learnIntroduction(step, account, person.name, person.contact_token);
    const verified_pub = person.verified_pub ?? NONE;
    await accounts.change(step, account, { contact: person.contact, verified: verified_pub.length > 0, verified_pub });
  }
  for (const [account, blocked, blocked_at] of held.blocked) {
    await accounts.change(step, rows.idOf(account), { blocked, blocked_at });
  }
  await rows.savePrivacy(step.tx, held.privacy);
  for (const { gid, which, register } of held.arranged) {
    const before = await rows.loadArranged(step.tx, rows.idOf(gid));
    const registers = join(before.registers, { [which]: register });
    await rows.saveArranged(step.tx, { ...before, registers });
  }
  await changeRecovery(step.tx, { key, version, state: "confirmed" });
}

/** Begin *re-add me* in every chat. alone: no other device is left, so the self group is made anew. */
export async function askForChats(step: Step, held: Backup, alone: boolean): Promise<void> {
  for (const chat of held.chats) {
    if (chat.kind === groups.SELF && alone) continue;
    await rows.saveChat(step.tx, lost(step, chat));
  }
  if (alone) await chats.openSelfChat(step);
}

/** The contact token of this browser is a new one, and later than any other: our other devices learn it. */
export async function tellToken(step: Step): Promise<void> {
  step.profile = await rows.saveProfile(step.tx, { ...step.profile, token_at: step.now });
  const self = (await rows.allChats(step.tx)).find((chat) => chat.kind === groups.SELF && chat.status === "lost");
  if (self !== undefined) await contact.tellNewDevice(step);
}

/** The chat as it is known before anybody added us: whom to ask stands where its members would. */
function lost(step: Step, chat: BackupChat): Chat {
  const asked = chat.helpers.map(([who]) => rows.idOf(who));
  return {
    ...rows.EMPTY_CHAT,
    gid: rows.idOf(chat.gid),
    kind: chat.kind,
    title: chat.title,
    status: "lost",
    peer: chat.kind === groups.DM ? (asked[0] ?? "") : "",
    activity: chat.last_activity,
    members: asked.map((account, leaf) => ({ leaf, account, device: 0, added: 0 })),
    roles: Object.fromEntries(chat.helpers.filter(([, role]) => role > 0).map(([who, role]) => [rows.idOf(who), role])),
    asking: { last_epoch: -1, reason: "restored", asked: [], next_at: step.now, heard: false },
  };
}
