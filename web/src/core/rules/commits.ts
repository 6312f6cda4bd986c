/**
 * Own commits from intent to sealed request, and the move to the next epoch for own and foreign ones alike.
 * Twin of zajil.client.core.commits.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeAad, hashRefs, parseAad, type CommitAad } from "../../protocol/chat/aad.ts";
import {
  CHAT_SETTINGS,
  changeSettings,
  encodeShare,
  GROUP_INFO_SHARE,
  parseSettings,
  type Acquaintance,
  type ChatSettings,
  type Invite,
  type RoleEntry,
} from "../../protocol/chat/extensions.ts";
import { ZajilError } from "../../protocol/errors.ts";
import type { Commit } from "../../protocol/frames.ts";
import { clientId } from "../../protocol/ids.ts";
import { GROUP_LEAVES, SUITE_XWING, XWING_LEAVES } from "../../protocol/limits.ts";
import { rosterKey } from "../../protocol/roster.ts";
import { MlsError, parseKeyPackage, Rejected, TooManyLeaves } from "../mls/mls.ts";
import type { Extension, KeyPackage, Proposal, Staged } from "../mls/mls.ts";
import * as accounts from "../state/accounts.ts";
import * as rows from "../state/rows.ts";
import type { Chat, Claimed, Id, Intent, Item } from "../state/rows.ts";
import type { Step } from "../state/step.ts";
import * as groups from "./groups.ts";
import { heirs } from "./heirs/loading.ts";
import * as judge from "./judge.ts";
import type { DeviceName } from "./judge.ts";
import * as outbox from "./outbox.ts";
import { findPutOut } from "./putting-out.ts";
import * as arranging from "./talk/arranging.ts";
import { noteCommit } from "./talk/notices.ts";

/** What an intent means on the current tree. claims: in the order of the Adds. settings: of extension 0xF0A0. */
export interface Plan {
  readonly settings?: Uint8Array;
  readonly removes: readonly number[];
  readonly claims: readonly Claimed[];
}

/** The intent is no longer allowed or cannot be carried out. code: an error code. */
export class Dropped extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.name = "Dropped";
    this.code = code;
  }
}

/**
 * The leaves to remove and the packages to add now; empty when others did it meanwhile.
 *
 * Judged anew on each tree by the rules for foreign commits. Throws Dropped.
 */
export function plan(chat: Chat, item: Item, own: DeviceName): Plan {
  const intent = item.intent ?? rows.makeIntent("update");
  let removes = leavesOf(chat, intent).filter((leaf) => leaf !== chat.own_leaf);
  const staying = chat.members.filter((m) => !removes.includes(m.leaf));
  const stays = (c: Claimed) => staying.some((m) => m.account === c.account && m.device === c.device);
  let claims = item.claims.filter((c) => !stays(c));
  if (intent.op === "readd") {
    claims = readdClaims(chat, intent, claims, own);
    removes = claims.length > 0 ? removes : [];
  }
  const change: judge.Change = {
    by: own[0],
    added: claims.map((c) => [c.account, c.device] as const),
    removed: chat.members.filter((m) => removes.includes(m.leaf)).map((m) => [m.account, m.device] as const),
    settings: false,
  };
  try {
    judge.checkChange(chat, change);
  } catch (problem) {
    if (problem instanceof judge.Vetoed) throw new Dropped("not-permitted");
    throw problem;
  }
  if (staying.length + claims.length > (chat.suite === SUITE_XWING ? XWING_LEAVES : GROUP_LEAVES))
    throw new Dropped("group-full");
  return { removes, claims };
}

/** The settings to commit; empty when they are so already. now: data of extension 0xF0A0. nowS: Unix seconds. Throws Dropped. */
export function planSettings(chat: Chat, intent: Intent, by: Id, now: Uint8Array, nowS: number): Plan {
  const before = parseSettings(now);
  let roles: readonly RoleEntry[] = before.roles;
  if (intent.role !== null) {
    if (!rows.accountsOf(chat).includes(intent.account)) throw new Dropped("unknown-contact");
    const others = before.roles.filter(({ account }) => rows.idOf(account) !== intent.account);
    roles = intent.role > 0 ? [...others, { account: rows.bytesOf(intent.account), role: intent.role }] : others;
  }
  try {
    const name = intent.title ?? before.name;
    const invites = invitesAfter(before, intent, nowS);
    const { perms, timer } = intent;
    const changed = changeSettings(now, {
      ...{ name, roles },
      ...((timer ?? null) !== null && { timer: timer ?? 0 }),
      ...(perms && { perms }),
      ...(invites && { invites }),
    });
    if (rows.idOf(changed) === rows.idOf(now)) return { removes: [], claims: [] };
    judge.checkNewSettings(chat, by, now, changed);
    return { removes: [], claims: [], settings: changed };
  } catch (problem) {
    if (problem instanceof judge.Vetoed) throw new Dropped("not-permitted");
    if (problem instanceof ZajilError) throw new Dropped(problem.code);
    throw problem;
  }
}

/** The links after the intent, undefined where it is not about them; those that ended leave with the next change. */
function invitesAfter({ invites = [] }: ChatSettings, intent: Intent, nowS: number): Invite[] | undefined {
  const { invite, revoke } = intent;
  if (invite === undefined && revoke === undefined) return undefined;
  const kept = invites.filter(({ invite_id, expires }) => {
    const id = rows.idOf(invite_id);
    return id !== revoke && id !== invite?.id && expires > nowS;
  });
  if (invite === undefined) return kept;
  return [...kept, { invite_id: rows.bytesOf(invite.id), policy: invite.policy, expires: invite.expires }];
}

function leavesOf(chat: Chat, intent: Intent): number[] {
  const ofAccount = chat.members.filter((m) => m.account === intent.account);
  if (intent.op === "remove") return ofAccount.map((m) => m.leaf);
  if (intent.op === "remove-device" || intent.op === "readd") {
    return ofAccount.filter((m) => intent.devices.includes(m.device)).map((m) => m.leaf);
  }
  return [];
}

/** None left when another helper was faster, the account left meanwhile, or the asker is this device. */
function readdClaims(chat: Chat, intent: Intent, claims: readonly Claimed[], own: DeviceName): Claimed[] {
  const device = intent.devices[0];
  if (device === undefined || (intent.account === own[0] && device === own[1])) return [];
  if (!rows.accountsOf(chat).includes(intent.account)) return [];
  const leaf = rows.leafOf(chat, intent.account, device);
  const member = leaf === undefined ? undefined : rows.memberAt(chat, leaf);
  if (member !== undefined && intent.last_epoch !== null && member.added > intent.last_epoch) return [];
  return claims.filter((c) => c.account === intent.account && c.device === device);
}

/** Seal the commit of an intent; false when nothing was left to do (the item is then done or failed). */
export async function sealCommit(step: Step, n: number, item: Item): Promise<boolean> {
  const chat = await step.chat(item.gid);
  try {
    const planned = await planItem(step, chat, item);
    if (isEmpty(planned) && item.intent?.op !== "update" && item.own_ref.length === 0) {
      await outbox.finish(step, n, item);
      return false;
    }
    const request = await commit(step, chat, planned, item.own_ref);
    await outbox.recordSealing(step, n, item, { request, body: request.commit, epoch: chat.epoch });
    return true;
  } catch (problem) {
    if (problem instanceof Dropped) await outbox.fail(step, n, item, problem.code);
    else if (problem instanceof TooManyLeaves) await outbox.fail(step, n, item, "group-full");
    // Packages are opaque to the server, so a contact may have published anything: one Add fails, nothing else.
    else if (problem instanceof MlsError) await outbox.fail(step, n, item, "bad-signature");
    else throw problem;
    return false;
  }
}

/** Whether nothing is left to do. */
function isEmpty(planned: Plan): boolean {
  return planned.removes.length === 0 && planned.claims.length === 0 && planned.settings === undefined;
}

async function planItem(step: Step, chat: Chat, item: Item): Promise<Plan> {
  const own = step.profile;
  if (item.intent?.op !== "settings") return plan(chat, item, [own.account_id, own.device_id]);
  const { extensions } = await step.loadGroup(chat.gid);
  const now = groups.findExtension(extensions, CHAT_SETTINGS) ?? new Uint8Array();
  return planSettings(chat, item.intent, own.account_id, now, step.now / 1000);
}

/** All extensions of the group, with other chat settings. */
function withSettings(extensions: readonly Extension[], data: Uint8Array): Extension[] {
  return extensions.map((extension) => (extension.type === CHAT_SETTINGS ? { ...extension, data } : extension));
}

/** ownRef: takes the place of our leaf's reference, without any change of the tree; empty for all other commits. */
async function commit(step: Step, chat: Chat, planned: Plan, ownRef: Uint8Array): Promise<Commit> {
  const gid = chat.gid;
  const group = await step.loadGroup(gid);
  const packages = planned.claims.map((claim) => parseKeyPackage(claim.key_package));
  const proposals: Proposal[] = [
    ...planned.removes.map((leaf) => ({ remove: leaf })),
    ...packages.map((add) => ({ add })),
    ...(planned.settings === undefined ? [] : [{ extensions: withSettings(group.extensions, planned.settings) }]),
  ];
  const accepts = ownRef.length > 0;
  const { added, removed } = accepts ? { added: [chat.own_leaf], removed: [chat.own_leaf] } : group.plan(proposals);
  await checkClaims(step, planned.claims, packages);
  const rotate = (removed.length > 0 && !accepts) || step.now - chat.rotated_at >= groups.ROTATE_AFTER_MS;
  const references = accepts ? [ownRef] : planned.claims.map((claim) => claim.deliver_to);
  const removedInOrder = [...removed].sort((a, b) => a - b);
  const told: CommitAad = {
    type: "CommitAad",
    added: [...added],
    removed: removedInOrder,
    rotate,
    refs_hash: hashRefs(references),
  };
  const share = await makeShare(step, chat, planned, rotate);
  const made = await group.commit(await step.env(), proposals, {
    aad: encodeAad(told),
    welcomeExtensions: [share],
  });
  if (made.staged.message === undefined) throw new Dropped("wrong-call");
  await step.saveGroup(gid, made.group);
  await step.saveStaged(gid, made.staged);
  return {
    type: "Commit",
    rid: 0,
    mid: step.rng(16),
    gid: rows.bytesOf(gid),
    token: await groups.sendToken(made.group, gid),
    epoch: chat.epoch,
    roster_key: rosterKey(chat.gs),
    new_roster_key: rotate ? rosterKey(await groups.groupSecret(made.staged, gid)) : null,
    next_token_hash: sha256(await groups.sendToken(made.staged, gid)),
    add: added.map((leaf, at) => ({ leaf, deliver_to: references[at] ?? new Uint8Array() })),
    rm: removedInOrder,
    commit: made.staged.message,
    welcome: made.staged.welcome ?? null,
  };
}

/** A package must be of the device it was claimed for, or the server could slip in another one. */
async function checkClaims(step: Step, claims: readonly Claimed[], packages: readonly KeyPackage[]): Promise<void> {
  const { authenticate } = await step.env();
  for (const [at, claim] of claims.entries()) {
    const made = packages[at];
    if (made === undefined) throw new Rejected("no package");
    const client = await authenticate(made.credential, made.signatureKey, "send");
    if (rows.idOf(client) !== rows.idOf(clientId(rows.bytesOf(claim.account), claim.device))) {
      throw new Rejected("package of another device");
    }
  }
}

/**
 * Extension 0xF0A1 of the Welcome: group secret, newest device lists, names and tokens.
 *
 * Our own token too: our profile may come much later, and until then nobody could add us to another group.
 */
async function makeShare(step: Step, chat: Chat, planned: Plan, rotate: boolean): Promise<Extension> {
  const everyone = new Set([...rows.accountsOf(chat), ...planned.claims.map((claim) => claim.account)]);
  const lists: Uint8Array[] = [];
  const acquaintances: Acquaintance[] = [];
  // Whoever is blocked is not told how we are reached.
  const hidden = await accounts.anyBlocked(step, everyone);
  for (const account of everyone) {
    const known = await accounts.known(step, account);
    if (known.list_object.length > 0) lists.push(known.list_object);
    const own = account === step.profile.account_id;
    const token = own ? step.profile.profile_token : known.contact_token;
    const contact_token = token.length > 0 && !(own && hidden) ? token : null;
    const name = own ? step.profile.name : known.name;
    acquaintances.push({ account: rows.bytesOf(account), name, contact_token });
  }
  const share = { group_secret: rotate ? null : chat.gs, lists, accounts: acquaintances };
  return { type: GROUP_INFO_SHARE, data: encodeShare(share) };
}

/** Move the group to the epoch of a judged commit, and settle what the old epoch leaves behind. */
export async function advance(step: Step, gid: Id, staged: Staged, rotate: boolean): Promise<Chat> {
  const before = await step.chat(gid);
  const applied = staged.apply(staged.own ? await step.loadGroup(gid) : undefined);
  const group = applied.expire(Math.floor(step.now / 1000));
  const described = groups.describe(before, group);
  const members = groups.membersOf(group.members(), before, group.epoch);
  const here = new Set(members.map((member) => member.account));
  const by = rows.memberAt(before, staged.committer);
  const chat = await rows.saveChat(step.tx, {
    ...described,
    members,
    gs: rotate ? await groups.groupSecret(group, gid) : before.gs,
    rotated_at: rotate ? step.now : before.rotated_at,
    told: before.told.filter((account) => here.has(account)),
    left: Object.fromEntries(Object.entries(before.left).filter(([account]) => here.has(account))),
    put_out: findPutOut(before, here, by?.account),
    absent: before.absent.filter((account) => !here.has(account)),
    passed: await groups.passedOf(step, before),
    sent: 0,
    // We follow the group, so whatever made us ask to be re-added is over.
    asking: null,
    ended: null,
    mend_at: 0,
  });
  await step.saveGroup(gid, group);
  await step.noteEpoch(gid, staged.removed.length > 0);
  await settleEpoch(step, gid, before.epoch);
  if (before.mend_at > 0) await (await heirs()).dropPointless(step, gid);
  if (chat.heir !== null) return chat; // people see the chat that took its place, and nothing of this
  const names = (chatRow: Chat) =>
    chatRow.members
      .map((m) => `${m.account}/${m.device}`)
      .sort()
      .join();
  if (names(before) !== names(chat)) step.event("members", gid);
  if (before.title !== chat.title) step.event("renamed", gid);
  if (JSON.stringify(before.roles) !== JSON.stringify(chat.roles)) step.event("roles", gid);
  if (before.timer !== chat.timer) step.event("timer", gid);
  const rules = ({ perms, invites }: Chat) => JSON.stringify([Object.entries(perms).sort(), invites]);
  if (rules(before) !== rules(chat)) step.event("rules", gid);
  await noteCommit(step, before, chat, staged);
  if (staged.own && arranging.hasNewDevice(before, chat)) await arranging.tellAll(step);
  if (chat.kind === groups.GROUP && chat.put_out.length > 0) {
    await (await import("./telling-out.ts")).tellNewcomers(step, before, chat, by);
  }
  if (chat.growing > 0) await (await heirs()).growAgain(step, gid);
  return step.chat(gid);
}

/** A Staged of the ended epoch is dead, and its intent is judged anew; a refused one has failed for good. */
export async function settleEpoch(step: Step, gid: Id, epoch: number): Promise<void> {
  await step.dropStaged(gid);
  for (const [n, item] of await rows.items(step.tx, gid)) await outbox.run(step, n, item, { type: "ended", epoch });
}

/** Our own commit stands in the mailbox: that is its acceptance. Undefined when its epoch is not ours any more. */
export async function applyEcho(step: Step, n: number, item: Item): Promise<Chat | undefined> {
  const { left } = await outbox.run(step, n, item, { type: "echo", newest: true });
  const chat = await step.chat(item.gid);
  const staged = left.length > 0 ? await step.findStaged(item.gid) : undefined;
  if (staged === undefined || chat.status !== "active" || staged.epoch !== chat.epoch + 1) return undefined;
  const told = parseAad(staged.aad);
  return advance(step, item.gid, staged, told.type === "CommitAad" && told.rotate);
}
