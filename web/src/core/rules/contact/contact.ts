/**
 * Who reaches this account: requests of strangers, and people it blocks. Twin of zajil.client.core.contact;
 * what a person decides here is in `core/strangers`.
 */
import { encodeText } from "../../../protocol/bytes.ts";
import * as content from "../../../protocol/chat/content.ts";
import { parseForm } from "../../../protocol/chat/forms.ts";
import { EMPTY_SYNC, type SyncBlocked } from "../../../protocol/chat/parts.ts";
import { KIB } from "../../../protocol/limits.ts";
import * as accounts from "../../state/accounts.ts";
import * as doors from "../../state/doors.ts";
import * as rows from "../../state/rows.ts";
import type { Chat, Id, Item } from "../../state/rows.ts";
import type { Look, Step } from "../../state/step.ts";
import { DM, SELF } from "../groups.ts";
import * as messages from "../messages.ts";
import * as outbox from "../outbox.ts";

/** `Chat.opening` of a request that another device of ours made and begins. */
const ELSEWHERE = "elsewhere";

/** Requests that wait at once; whoever comes later is not seen. */
export const INCOMING_MAX = 200;

/** A Welcome that is not taken although it could be opened. */
export class Unwanted extends Error {}

/** Whether what came through the reference of this serial came from a stranger (`protocol/contacts/requests.py`). */
export const isStrangers = (via: Uint8Array | null | undefined): boolean => ((via?.[0] ?? 0) & 0x80) !== 0;

/** Whether nothing of this account is shown. */
export const isBlocked = async (look: Look, account: Id): Promise<boolean> =>
  account !== "" && (await accounts.known(look, account)).blocked;

/** Whether nothing is said in a chat: it is a request, or its other side is blocked. */
export const isShut = async (look: Look, chat: Chat): Promise<boolean> =>
  chat.request !== "" || (chat.kind === DM && (await isBlocked(look, chat.peer)));

/**
 * A chat that was never held, with its place among requests. Throws Unwanted.
 *
 * introduced: the Welcome or we know how the other side of a DM is reached.
 */
export async function place(
  step: Step,
  chat: Chat,
  by: { signer: Id; strangers: boolean; introduced: boolean },
): Promise<Chat> {
  if (by.signer === step.profile.account_id)
    return chat.kind === DM && !by.introduced ? { ...chat, request: "outgoing", opening: ELSEWHERE } : chat;
  if (await isBlocked(step, by.signer)) throw new Unwanted();
  if (!by.strangers) return chat;
  if (chat.kind !== DM || by.signer !== chat.peer) throw new Unwanted();
  if ((await incoming(step)).length >= INCOMING_MAX) throw new Unwanted();
  return { ...chat, request: "incoming" };
}

/** Longest text of a request, UTF-8, and its longest message (`protocol/contacts/requests.py`). */
export const REQUEST_TEXT_BYTES = 2048;
const REQUEST_MESSAGE_BYTES = 5 * KIB;

/** Whether this waits for a yes: in a request of ours all but the text it begins with, in a stranger's everything. */
export async function isHeldBack(look: Look, chat: Chat, item: Item): Promise<boolean> {
  if (chat.request === "" || item.kind !== "message") return false;
  if (chat.request === "incoming" || !item.shown) return true;
  return item.message_id !== (await openingOf(look, chat)) || !passes(item);
}

/** The text that our request begins with, also once it is deleted here or has disappeared. */
async function openingOf(look: Look, chat: Chat): Promise<Id | undefined> {
  if (chat.opening !== "") return chat.opening;
  const first = (await look.tx.rows("message", rows.bytesOf(chat.gid), { limit: 1 }))[0];
  return first && rows.parseMessage(first[1]).message_id;
}

/** Whether it arrives as the one text: the server drops what is longer and says OK, the asked one takes no file. */
function passes({ content: data }: Item): boolean {
  const form = parseForm(content.parseContent(data));
  if (form.form !== "text" || encodeText(form.text).length > REQUEST_TEXT_BYTES) return false;
  return content.paddedSize(content.encodeApplication(data, new Uint8Array(64))) <= REQUEST_MESSAGE_BYTES;
}

/** Requests that wait for our decision, the newest first. */
export async function incoming(look: Look): Promise<Chat[]> {
  return (await rows.allChats(look.tx)).filter((chat) => chat.request === "incoming" && chat.status === "active");
}

/** The chat is one like any other, once its sender reaches this device by a reference like any other. */
export async function accept(step: Step, gid: Id): Promise<void> {
  const chat = await step.changeChat(gid, { request: "" });
  await accounts.change(step, chat.peer, { contact: true });
  await outbox.submitIntent(step, gid, rows.makeIntent("accept"));
  await addLaterDevices(step, chat);
  step.event("joined", gid);
}

/** Devices of ours that were linked while the request waited come in. */
async function addLaterDevices(step: Step, chat: Chat): Promise<void> {
  const { account_id: account, devices, list_object } = await accounts.known(step, step.profile.account_id);
  const missing = devices.filter(([device]) => rows.leafOf(chat, account, device) === undefined);
  if (missing.length > 0 && list_object.length > 0) {
    await messages.submitControl(step, chat.gid, { op: "lists", lists: [list_object] }, true);
  }
  for (const [device] of missing) {
    await outbox.submitIntent(step, chat.gid, rows.makeIntent("add-device", { account, devices: [device] }));
  }
}

/** A member gave its leaf another reference: that is how a request is accepted, by the other side or our device. */
export async function noteReplaced(step: Step, { gid, peer, request }: Chat, by: Id): Promise<void> {
  if (request === "incoming" && by === step.profile.account_id) return accept(step, gid);
  if (request !== "outgoing" || by !== peer) return;
  await step.changeChat(gid, { request: "" });
  await accounts.change(step, peer, { contact: true });
  step.event("joined", gid);
  await messages.ensureProfile(step, gid);
}

/** The request is gone and its reference leads nowhere; whoever sent it is told nothing. */
export async function end(step: Step, gid: Id): Promise<void> {
  const owner = rows.bytesOf(gid);
  await doors.turn(step.tx, (await step.chat(gid)).via, "deny");
  for (const table of ["outbox", "message", "held"] as const) {
    for (const [n] of await step.tx.rows(table, owner)) await step.tx.remove(table, n);
  }
  await step.dropGroup(gid);
  await step.changeChat(gid, { status: "removed", asking: null, unread: 0 });
  step.event("request", gid);
}

/** Nothing of this account shows from now on, or again what it says from now on. at: when that was decided, Unix ms. */
export async function shut(step: Step, account: Id, blocked: boolean, at: number): Promise<void> {
  await accounts.change(step, account, { blocked, blocked_at: at });
  for (const chat of await rows.allChats(step.tx)) {
    const theirs = chat.kind === DM && chat.peer === account;
    if (theirs && blocked && chat.request === "incoming") {
      await end(step, chat.gid);
      continue;
    }
    if (theirs) {
      await doors.turn(step.tx, chat.via, blocked ? "deny" : "allow");
      step.event("profile", chat.gid);
    }
    if (theirs && blocked) await step.changeChat(chat.gid, { owed: {}, owed_at: 0 });
    // Whoever was told no token, or an old one, learns it: at once where we are alone, else with our next word.
    else if (!blocked) await step.changeChat(chat.gid, { told: chat.told.filter((one) => one !== account) });
    if (theirs && !blocked) await messages.ensureProfile(step, chat.gid);
    for (const [n, item] of theirs && blocked ? await rows.items(step.tx, chat.gid) : []) {
      if (item.kind === "message" && item.state === "queued") await outbox.fail(step, n, item, "contact-blocked");
    }
  }
  const { contact_token, list_seq } = await accounts.known(step, account);
  // It may have lost its devices meanwhile, and what it asked us was not taken.
  if (!blocked && contact_token.length > 0) await accounts.change(step, account, { wanted_seq: list_seq + 1 });
  step.event("profile");
}

/** A message came through this reference: remember it, and shut it where it leads to us from somebody blocked. */
export async function watchDoor(step: Step, gid: Id, via: Uint8Array | null | undefined): Promise<void> {
  const chat = await rows.findChat(step.tx, gid);
  if (chat === undefined || !via?.length || chat.via === rows.idOf(via)) return;
  await step.changeChat(gid, { via: rows.idOf(via) });
  if (chat.kind === DM && (await isBlocked(step, chat.peer))) await doors.turn(step.tx, rows.idOf(via), "deny");
}

/** Our other devices learn how these accounts stand, the token, and which requests were declined. */
export async function tellDevices(step: Step, about: readonly Id[], declined: readonly Id[] = []): Promise<void> {
  const self = (await rows.allChats(step.tx)).find((chat) => chat.kind === SELF && chat.merged === "");
  if (self === undefined) return;
  const known = await Promise.all(about.map((account) => accounts.known(step, account)));
  const blocked: SyncBlocked = {
    accounts: known.map((one) => ({
      account_id: rows.bytesOf(one.account_id),
      blocked: one.blocked,
      at: one.blocked_at,
    })),
    token: step.profile.profile_token,
    token_at: step.profile.token_at ?? 0,
    declined: declined.map(rows.bytesOf),
  };
  await messages.submitControl(step, self.gid, { ...EMPTY_SYNC, blocked });
}

/** A device that is being added learns how everybody stands, and the token. Call it once its Add is queued. */
export async function tellNewDevice(step: Step): Promise<void> {
  if (!step.profile.token_at) return;
  const all = await rows.allAccounts(step.tx);
  await tellDevices(
    step,
    all.filter((one) => one.blocked_at > 0).map((one) => one.account_id),
  );
}

/** Another device of ours blocked or unblocked somebody, or declined a request; of each the latest counts. */
export async function takeBlocked(step: Step, told: SyncBlocked): Promise<void> {
  for (const one of told.accounts) {
    const account = rows.idOf(one.account_id);
    const own = account === step.profile.account_id;
    if (own || one.at <= (await accounts.known(step, account)).blocked_at) continue;
    await shut(step, account, one.blocked, one.at);
  }
  const { token: profile_token, token_at } = told;
  if (token_at > (step.profile.token_at ?? 0)) {
    step.profile = await rows.saveProfile(step.tx, { ...step.profile, profile_token, token_at });
    // Where this device put an older one meanwhile, as at a server that came back from a backup, it is to go again.
    await doors.changeDoors(step.tx, { token_due: true });
  }
  for (const gid of told.declined.map(rows.idOf)) {
    if ((await rows.findChat(step.tx, gid))?.request === "incoming") await end(step, gid);
  }
}
