/**
 * Making a successor of a stuck group: which device of which admin, when, and what becomes of it (service.md 6).
 * Twin of zajil.client.core.heirs.making.
 *
 * Whoever refused a commit asks to be brought back first, as somebody may have been able to follow it. The admins make
 * a successor after that, one after the other by the leaf of their device, until one has come.
 */
import { findPeople, Reason, withPredecessor } from "../../../protocol/chat/successors.ts";
import { error } from "../../../protocol/errors.ts";
import { MlsError, parseKeyPackage } from "../../mls/mls.ts";
import * as accounts from "../../state/accounts.ts";
import * as rows from "../../state/rows.ts";
import type { Chat, Claimed, Id } from "../../state/rows.ts";
import type { Step } from "../../state/step.ts";
import * as chats from "../chats.ts";
import { ADMIN, DM } from "../groups.ts";
import * as outbox from "../outbox.ts";
import { drop } from "./dropping.ts";
import { isForming, isStuck } from "./ending.ts";
import { findHeld, roleWithout } from "./judging.ts";
import { goAlong } from "./lower.ts";
import { mayMiss, PATIENCE_MS } from "./missing.ts";

const RANK_MS = 10_000;
const DAY_MS = 86_400_000;
/** As *re-add me* asks the next one. */
const TURN_MS = 60_000;

/** A group is stuck for us: make its successor when it is our turn, if we may. */
export async function schedule(step: Step, gid: Id): Promise<void> {
  const chat = await step.chat(gid);
  if (chat.request !== "" || chat.heir !== null || chat.mend_at > 0) return;
  const held = await findHeld(step, chat);
  const offender = held?.offender === undefined ? "" : rows.idOf(held.offender);
  const rank = held === undefined ? -1 : rankOf(chat, offender);
  if (rank < 0) return;
  const at = step.now + (rank + 1) * RANK_MS;
  // Nobody is left out, so whoever broke the last one may break this one too: at most one a day.
  const wait = offender === "" && chat.mended_at > 0 ? chat.mended_at + DAY_MS : 0;
  const mend_at = Math.max(at, wait);
  await step.changeChat(gid, { mend_at, mend_from: mend_at });
}

/** The place of this device among those of admins, by leaf; -1 where its account is none. */
function rankOf(chat: Chat, offender: Id): number {
  const admins = chat.members.filter(
    ({ account }) => account !== offender && roleWithout(chat, account, offender) >= ADMIN,
  );
  const leaves = admins.map(({ leaf }) => leaf).sort((a, b) => a - b);
  return leaves.indexOf(chat.own_leaf);
}

/** Make the successors whose time has come. */
export async function makeDue(step: Step): Promise<void> {
  for (const chat of await rows.allChats(step.tx)) {
    if (chat.mend_at === 0 || chat.mend_at > step.now) continue;
    if (!isStuck(chat)) {
      await step.changeChat(chat.gid, { mend_at: 0 });
      continue;
    }
    if (await goAlong(step, chat)) continue;
    const kept = await dropFailed(step, chat);
    if (kept !== undefined && (await mayReach(step, chat, Reason.STUCK))) {
      await make(step, chat, Reason.STUCK, { kept });
      await step.changeChat(chat.gid, { mend_at: step.now + pauseOf(step, chat) });
    } else {
      await step.changeChat(chat.gid, { mend_at: step.now + TURN_MS });
    }
  }
}

/** Milliseconds to the next try: as long as it has been stuck, so twice as long each time, up to a day. */
const pauseOf = (step: Step, chat: Chat): number =>
  Math.min(DAY_MS, Math.max(PATIENCE_MS, step.now - (chat.mend_from || step.now)));

/** Whether we know how everybody is reached. Another admin may; what introduces them may also come later. */
export async function mayReach(step: Step, chat: Chat, reason: number): Promise<boolean> {
  const held = await findHeld(step, chat);
  if (held === undefined) return false;
  const lacking: Id[] = [];
  for (const who of findPeople(held, reason).map(rows.idOf)) {
    if (who !== step.profile.account_id && !(await isReached(step, who))) lacking.push(who);
  }
  return lacking.length === 0 || (reason === Reason.STUCK && (await mayMiss(step, chat, lacking)));
}

const isReached = async (step: Step, who: Id): Promise<boolean> =>
  (await accounts.known(step, who)).contact_token.length > 0;

/**
 * Give up an attempt of ours that could not bring people in; undefined where one is still on its way.
 *
 * The packages that the next one takes over, as each can be handed out once: all that are still valid, unless the
 * attempt failed by one of them or is of another suite than the next one.
 */
export async function dropFailed(step: Step, chat: Chat, suite = chat.suite): Promise<readonly Claimed[] | undefined> {
  let kept: readonly Claimed[] = [];
  for (const forming of await rows.allChats(step.tx)) {
    if (forming.forebear !== chat.gid || !isForming(forming)) continue;
    const items = await rows.items(step.tx, forming.gid);
    if (items.some(([, { state }]) => !["queued", "failed", "refused"].includes(state))) return undefined;
    const adds = items.flatMap(([, item]) => (item.intent?.op === "add" ? [item] : []));
    if (forming.suite === suite && adds.every(({ state, reason }) => state !== "refused" && reason !== "bad-signature"))
      kept = await stillValid(
        step,
        adds.flatMap(({ claims }) => claims),
      );
    await drop(step, forming.gid);
  }
  return kept;
}

/** Packages that are in their lifetime still, and of devices that their accounts did not end since. */
async function stillValid(step: Step, claims: readonly Claimed[]): Promise<Claimed[]> {
  const kept: Claimed[] = [];
  for (const claim of claims) {
    const { devices } = await accounts.known(step, claim.account);
    const listed = devices.length === 0 || devices.some(([device]) => device === claim.device);
    if (listed && isInLifetime(step, claim)) kept.push(claim);
  }
  return kept;
}

function isInLifetime(step: Step, claim: Claimed): boolean {
  try {
    const { notBefore, notAfter } = parseKeyPackage(claim.key_package).lifetime;
    return notBefore <= step.now / 1000 && step.now / 1000 <= notAfter;
  } catch (problem) {
    if (problem instanceof MlsError) return false;
    throw problem;
  }
}

/**
 * Queue a successor of this group and the Add of everybody in it; its id. It is hidden until they are in.
 *
 * kept: packages that need not be claimed, as an attempt before this one did.
 * Throws `chat-stuck` where nothing is held of the group.
 */
export async function make(
  step: Step,
  chat: Chat,
  reason: number,
  { suite = chat.suite, kept = [] }: { readonly suite?: number; readonly kept?: readonly Claimed[] } = {},
): Promise<Id> {
  const held = await findHeld(step, chat);
  if (held === undefined) throw error("chat-stuck", "an epoch to follow");
  const { gid, epoch, authenticator, settings } = held;
  const people = new Set(findPeople(held, reason).map(rows.idOf));
  people.delete(step.profile.account_id);
  if (reason === Reason.STUCK && chat.kind !== DM)
    for (const who of people) if (!(await isReached(step, who))) people.delete(who); // see mayReach
  const invited = chat.kind === DM ? [chat.peer] : rows.accountsOf(chat).filter((who) => people.has(who));
  const data = withPredecessor(settings, { gid, epoch, authenticator, reason });
  // In one commit, as the others judge who is in it by its first Welcome.
  const fresh = await chats.begin(step, data, invited, suite);
  await step.changeChat(fresh, { quiet: true });
  for (const [n, item] of await rows.items(step.tx, fresh)) {
    // Who left since is not brought along by a package that was claimed before.
    const claims = kept.filter(({ account }) => item.intent?.accounts.includes(account));
    const claimed = [...new Set(claims.map(({ account }) => account))];
    if (claims.length > 0) await outbox.changeItem(step, n, item, { claims, claimed });
  }
  return fresh;
}
