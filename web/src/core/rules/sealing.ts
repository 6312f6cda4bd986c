/**
 * Seals what may be sealed now; which item that is, `protocol/outbox/order` decides (web.md 5).
 * Twin of zajil.client.core.sealing.
 */
import { parseSClient, type Create, type Request as RequestFrame } from "../../protocol/frames.ts";
import { SUITE_XWING } from "../../protocol/limits.ts";
import * as order from "../../protocol/outbox/order.ts";
import { rosterKey } from "../../protocol/roster.ts";
import { GenerationLimit, MlsError } from "../mls/mls.ts";
import * as accounts from "../state/accounts.ts";
import * as rows from "../state/rows.ts";
import type { Chat, Id, Item } from "../state/rows.ts";
import type { Look, Step } from "../state/step.ts";
import * as chats from "./chats.ts";
import * as commits from "./commits.ts";
import { isBlocked, isHeldBack } from "./contact/contact.ts";
import * as groups from "./groups.ts";
import { heirs } from "./heirs/loading.ts";
import { mayWrite } from "./judge.ts";
import * as messages from "./messages.ts";
import * as outbox from "./outbox.ts";
import * as readd from "./readd.ts";

export const OWN_MESSAGES_MAX = 1_000;
export const UPDATE_AFTER_MS = 30 * 86_400_000;

const IN_FLIGHT: readonly Item["state"][] = ["sealed", "accepted", "waiting"];

type Numbered = readonly [n: number, item: Item];

/** A sealed request whose outcome is unknown; `frame` is sent verbatim but for its rid. mid: text, for comparing. */
export interface Request {
  readonly mid: Id;
  readonly gid: Id;
  readonly frame: RequestFrame;
}

/**
 * Only after a DRAINED that answers a HELLO of after this worker's start, and never from an old copy.
 *
 * openedAt: `Session.hellos` when this worker opened the store.
 */
export async function maySeal(look: Look, openedAt: number): Promise<boolean> {
  const session = await look.session();
  return order.maySeal(session.drained, openedAt, session.rolled_back || session.revoked);
}

/** Seal in each chat what may be sealed; at most one item a chat. */
export async function sealDue(step: Step): Promise<void> {
  for (const gid of new Set((await rows.items(step.tx)).map(([, item]) => item.gid))) {
    if ((await step.chat(gid)).heir !== null) await (await heirs()).moveWaiting(step, gid);
  }
  const queues = new Map<Id, Numbered[]>();
  for (const pair of await rows.items(step.tx)) queues.set(pair[1].gid, [...(queues.get(pair[1].gid) ?? []), pair]);
  for (const [gid, queue] of queues) await sealInChat(step, gid, queue);
}

async function sealInChat(step: Step, gid: Id, begun: readonly Numbered[]): Promise<void> {
  const { drained } = await step.session();
  let queue = begun;
  for (;;) {
    const chat = await step.chat(gid);
    const n = order.findNext(await queueOf(step, chat, queue), drained);
    const item = queue.find(([number]) => number === n)?.[1];
    if (n === null || item === undefined || (await seal(step, chat, n, item))) return;
    // The item turned out to be done, or made room for another one before it.
    queue = await rows.items(step.tx, gid);
  }
}

/** The chat's items as the order sees them. */
async function queueOf(step: Step, chat: Chat, queue: readonly Numbered[]): Promise<order.Queue> {
  const numbers = new Map(queue.map(([n, item]) => [item.message_id, n]));
  const waiting: order.Queued[] = [];
  for (const [n, item] of queue) {
    const { kind, state, wait, urgent } = item;
    const about = item.target === "" ? 0 : (numbers.get(item.target) ?? 0);
    const ready = await isReady(step, chat, item);
    if (ready || !item.absent) waiting.push({ n, kind, state, wait, urgent, lane: "text", about, ready });
  }
  const shut = await isBlocked(step, chat.kind === groups.DM ? chat.peer : "");
  const status = (chat.status === "creating" || chat.status === "active") && !shut ? chat.status : "gone";
  return { status, items: waiting, refused: isRefused(chat) };
}

/** Whether the item has everything that sealing needs. */
async function isReady(step: Step, chat: Chat, item: Item): Promise<boolean> {
  if (item.kind === "create")
    return item.group_pass.length > 0 && item.own_ref.length > 0 && !(await isUndecided(step, chat));
  if (item.kind === "message") return !(await isWithheld(step, chat, item));
  if (item.intent?.op === "accept" && item.own_ref.length === 0) return false;
  return item.state !== "queued" || (await missingClaims(step, item)).length === 0;
}

/** Whether packages are on their way that may yet show that this group cannot be post-quantum. */
async function isUndecided(step: Step, chat: Chat): Promise<boolean> {
  if (chat.suite !== SUITE_XWING) return false;
  for (const [, item] of await rows.items(step.tx, chat.gid)) {
    if (item.state !== "queued" || item.absent) continue;
    for (const [account] of await missingClaims(step, item))
      if ((await claimToken(step, account))?.length !== 0) return true;
  }
  return false;
}

/** Whether what a person says waits for their decision about a changed key (web.md 6), or a request for a yes. */
async function isWithheld(step: Step, chat: Chat, item: Item): Promise<boolean> {
  if (await isHeldBack(step, chat, item)) return true;
  return (item.shown || item.target !== "") && (await chats.awaitsDecision(step, chat));
}

/** True when a request now waits for its answer. */
async function seal(step: Step, chat: Chat, n: number, item: Item): Promise<boolean> {
  if (item.kind === "create") {
    await sealCreate(step, chat, n, item);
    return true;
  }
  if (item.kind === "commit") {
    if ((await step.findStaged(chat.gid)) !== undefined) {
      // A refused Staged may still win until its epoch ends; nothing else is committed beside it.
      await outbox.fail(step, n, item, "chat-stuck");
      return false;
    }
    return commits.sealCommit(step, n, item);
  }
  if (item.shown && !mayWrite(chat, step.profile.account_id)) {
    await outbox.fail(step, n, item, "not-permitted");
    return false;
  }
  if (item.shown && (await makeRoom(step, chat))) return false;
  try {
    await messages.sealMessage(step, n, item);
  } catch (problem) {
    if (!(problem instanceof MlsError)) throw problem;
    if (problem instanceof GenerationLimit) {
      await outbox.submitIntent(step, chat.gid, rows.makeIntent("update"));
      await hurry(step, chat.gid);
    } else {
      // This group's state is of no use any more; other chats must not wait for it.
      await readd.lose(step, chat.gid, "refused");
    }
    return false;
  }
  return true;
}

/** Whether a profile for newcomers, or an update after many messages, was queued before a text. */
async function makeRoom(step: Step, chat: Chat): Promise<boolean> {
  const before = (await rows.items(step.tx, chat.gid)).length;
  await messages.ensureProfile(step, chat.gid);
  if (chat.sent >= OWN_MESSAGES_MAX) {
    await outbox.submitIntent(step, chat.gid, rows.makeIntent("update"));
    await hurry(step, chat.gid);
  }
  return (await rows.items(step.tx, chat.gid)).length !== before;
}

async function hurry(step: Step, gid: Id): Promise<void> {
  for (const [n, item] of await rows.items(step.tx, gid)) {
    if (item.intent?.op === "update" && item.state === "queued") {
      await outbox.changeItem(step, n, item, { urgent: true });
    }
  }
}

async function sealCreate(step: Step, chat: Chat, n: number, item: Item): Promise<void> {
  const group = await step.loadGroup(chat.gid);
  const token = await groups.sendToken(group, chat.gid);
  const request: Create = {
    type: "Create",
    rid: 0,
    mid: step.rng(16),
    gid: rows.bytesOf(chat.gid),
    pass_: item.group_pass,
    roster_key: rosterKey(chat.gs),
    token_hash: messages.bodyHash(token),
    add: [{ leaf: 0, deliver_to: item.own_ref }],
  };
  await outbox.recordSealing(step, n, item, { request, epoch: 0 });
}

/**
 * What lets us claim packages of an account: its contact token, null for ourselves. Empty while what introduces the
 * account is still on its way; the claim waits for it.
 */
export async function claimToken(look: Look, account: Id): Promise<Uint8Array | null> {
  return account === look.profile.account_id ? null : (await accounts.known(look, account)).contact_token;
}

/** (account, devices or all) whose KeyPackages an Add still needs. */
export async function missingClaims(look: Look, item: Item): Promise<[Id, readonly number[] | null][]> {
  const intent = item.intent;
  if (intent === null || !rows.intentAdds(intent)) return [];
  const own = look.profile.account_id;
  const wanted: [Id, readonly number[] | null][] = [];
  if (intent.op === "add") {
    for (const account of intent.accounts) {
      let devices: number[] | null = null;
      if (account === own) {
        const known = await rows.findAccount(look.tx, own);
        devices = (known?.devices ?? []).map(([d]) => d).filter((d) => d !== look.profile.device_id);
        if (devices.length === 0) continue;
      }
      wanted.push([account, devices]);
    }
  } else {
    // A re-add names devices that it takes the place of behind the one it brings.
    wanted.push([intent.account, intent.op === "readd" ? intent.devices.slice(0, 1) : intent.devices]);
  }
  return wanted.filter(([account]) => !item.claimed.includes(account));
}

/** Every sealed request whose outcome is unknown. */
export async function openRequests(look: Look): Promise<Request[]> {
  const sealed: Numbered[] = [];
  for (const pair of await rows.items(look.tx)) {
    if (pair[1].state !== "sealed") continue;
    // No commit that the server refuses until the group was mended.
    if (pair[1].kind !== "commit" || !isRefused(await look.chat(pair[1].gid))) sealed.push(pair);
  }
  return sealed.map(([, item]) => ({
    mid: item.mid,
    gid: item.gid,
    frame: parseSClient(item.request) as RequestFrame,
  }));
}

/** Whether any item waits to be sealed. */
export async function hasQueued(look: Look): Promise<boolean> {
  return (await rows.items(look.tx)).some(([, item]) => item.state === "queued");
}

/** Accounts that it waits to add and whose contact tokens have not come: that is up to them, and may take days. */
export async function notIntroduced(look: Look, item: Item): Promise<Id[]> {
  if (item.state !== "queued" || (await look.chat(item.gid)).request === "outgoing") return [];
  const found: Id[] = [];
  for (const [account] of await missingClaims(look, item)) {
    if (account === look.profile.account_id) continue;
    if ((await accounts.known(look, account)).contact_token.length === 0) found.push(account);
  }
  return found;
}

/** Whether any item waits for more than other people: sealed, accepted without echo, or queued in a usable chat. */
export async function hasSendable(look: Look): Promise<boolean> {
  const held = new Set<Id>();
  for (const [, item] of await rows.items(look.tx)) {
    if ((await notIntroduced(look, item)).length > 0) held.add(item.gid); // what was queued behind it waits as well
    const chat = await look.chat(item.gid);
    // Where the other side is blocked, our references lead nowhere, so no echo of ours comes either.
    if (chat.kind === groups.DM && (await isBlocked(look, chat.peer))) continue;
    if (await isHeldBack(look, chat, item)) continue;
    if (item.state === "accepted" && chat.asking !== null) continue;
    if (item.kind === "commit" && item.state === "sealed" && isRefused(chat)) continue;
    if (IN_FLIGHT.includes(item.state)) return true;
    const usable = chat.status === "active" || chat.status === "creating";
    const free = usable && !isRefused(chat) && !held.has(item.gid) && !(await chats.awaitsDecision(look, chat));
    if (item.state === "queued" && free && !item.absent) return true;
  }
  return false;
}

/**
 * Whether the server refuses what we seal in this chat, so that we wait to be re-added. So it does after a gap: what is
 * sealed in an epoch that is over would be refused without an end.
 */
export function isRefused({ asking }: Chat): boolean {
  return asking?.reason === "refused" || asking?.reason === "gap";
}
