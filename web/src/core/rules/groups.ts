/**
 * MLS groups as chats use them: creation, secrets, roster keys, and moving to the next epoch.
 * Twin of zajil.client.core.groups.
 *
 * Names of service.md 3: `sendToken` authorises sends of one epoch, `gs` is the group secret behind the roster key,
 * `rotate` says that a commit makes a new one. Extension 0xF0A0 holds the chat settings.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { CHAT_SETTINGS, GROUP_INFO_SHARE, parseSettings, type ChatSettings } from "../../protocol/chat/extensions.ts";
import type { Passed } from "../../protocol/chat/successors.ts";
import { splitClientId } from "../../protocol/ids.ts";
import { error } from "../../protocol/errors.ts";
import { SUITE_RFC1, SUITE_XWING } from "../../protocol/limits.ts";
import {
  checkKeyPackage,
  chooseSuite,
  Group,
  MlsError,
  parseKeyPackage,
  SuiteDowngrade,
  type Capabilities,
  type Extension,
  type KeyPackage,
  type MemberLeaf,
  type Staged,
} from "../mls/mls.ts";
import * as rows from "../state/rows.ts";
import type { Chat, Claimed, Id, Member } from "../state/rows.ts";
import type { Look, Step } from "../state/step.ts";
import * as outbox from "./outbox.ts";

/** Of so many epochs that a group left by commits, the authenticators are kept. */
export const PASSED_EPOCHS = 16;
export const SELF = 0;
export const DM = 1;
export const GROUP = 2;
export const ADMIN = 1;
export const OWNER = 2;
export const CAPABILITIES: Capabilities = {
  cipherSuites: [SUITE_XWING, SUITE_RFC1],
  extensions: [CHAT_SETTINGS, GROUP_INFO_SHARE],
};
export const ROTATE_AFTER_MS = 30 * 86_400_000;

/** A group of ours alone, at epoch 0. settings: data of extension 0xF0A0. suite: as `chooseSuite` says, for life. */
export async function create(step: Step, gid: Id, settings: Uint8Array, suite: number): Promise<Group> {
  return Group.create(await step.env(), {
    groupId: rows.bytesOf(gid),
    suite,
    credential: step.profile.certificate,
    signatureKey: step.profile.device_pub,
    capabilities: CAPABILITIES,
    required: [CHAT_SETTINGS],
    extensions: [{ type: CHAT_SETTINGS, data: settings }],
  });
}

/** In which suites packages are claimed for this group, the best one first: both while it can still be either. */
export async function askedSuites(look: Look, gid: Id): Promise<readonly number[]> {
  const chat = await rows.loadChat(look.tx, gid);
  return (await mayChangeSuite(look, chat)) ? [SUITE_XWING, SUITE_RFC1] : [chat.suite];
}

/** Whether nobody was told of the group yet. Nobody follows a successor of another suite than it was made in. */
async function mayChangeSuite(look: Look, chat: Chat): Promise<boolean> {
  if (chat.suite !== SUITE_XWING || chat.forebear !== "") return false;
  const items = await rows.items(look.tx, chat.gid);
  return items.some(([, { kind, state }]) => kind === "create" && state === "queued");
}

/**
 * Whether a group keeps its suite now that these packages came as well. False: not all are able to use it, and the
 * group was made anew in the suite that they are; its packages are claimed anew. Throws `suite-downgrade` where the
 * server withholds what a device signed that it is able to use.
 */
export async function keepSuite(step: Step, gid: Id, claims: readonly Claimed[]): Promise<boolean> {
  const chat = await step.chat(gid);
  if (!(await mayChangeSuite(step, chat))) return true;
  const waiting = (await rows.items(step.tx, gid)).filter(([, { intent, state }]) => intent && state === "queued");
  const candidates: KeyPackage[][] = [];
  for (const claim of [...claims, ...waiting.flatMap(([, item]) => item.claims)]) {
    const found = await genuine(step, claim);
    if (found !== undefined) candidates.push([found]);
  }
  let suite: number;
  try {
    suite = chooseSuite(candidates, candidates.length + 1);
  } catch (problem) {
    throw problem instanceof SuiteDowngrade ? error("suite-downgrade") : problem;
  }
  if (suite === SUITE_XWING) return true;
  const group = await create(step, gid, findSettings((await step.loadGroup(gid)).extensions), suite);
  await step.saveGroup(gid, group);
  await step.changeChat(gid, { suite, gs: await groupSecret(group, gid), rotated_at: step.now });
  for (const [n, item] of waiting)
    await outbox.changeItem(step, n, item, { claims: [], claimed: [], claim_id: step.rng(16) });
  return false;
}

/**
 * The package, where the device itself signed it and so what it is able to use; else its Add fails by itself. A leaf
 * that does not list the suite of its own package contradicts itself, and says nothing.
 */
async function genuine(step: Step, { account, device, key_package }: Claimed): Promise<KeyPackage | undefined> {
  try {
    const found = parseKeyPackage(key_package);
    const client = await checkKeyPackage(await step.env(), found, found.suite);
    const [of, number] = deviceOf(client);
    return of === account && number === device && found.able.includes(found.suite) ? found : undefined;
  } catch (problem) {
    if (problem instanceof MlsError) return undefined;
    throw problem;
  }
}

/** 32 bytes that authorise sends in the epoch of `group`. */
export function sendToken(group: Group | Staged, gid: Id): Promise<Uint8Array> {
  return group.export("zajil send", rows.bytesOf(gid), 32);
}

/** gs of a group at epoch 0, or of the epoch a rotating commit makes. */
export function groupSecret(group: Group | Staged, gid: Id): Promise<Uint8Array> {
  return group.export("zajil group secret", rows.bytesOf(gid), 32);
}

/** The data of an extension, undefined where there is none. */
export function findExtension(extensions: readonly Extension[], type: number): Uint8Array | undefined {
  return extensions.find((extension) => extension.type === type)?.data;
}

/** Data of extension 0xF0A0; empty where it is missing. */
export function findSettings(extensions: readonly Extension[]): Uint8Array {
  return findExtension(extensions, CHAT_SETTINGS) ?? new Uint8Array();
}

/** The chat settings. Throws Malformed when they are missing or do not parse. */
export function settingsOf(extensions: readonly Extension[]): ChatSettings {
  return parseSettings(findSettings(extensions));
}

/** Account and device of a client id, as rows name them. */
export function deviceOf(client: Uint8Array): readonly [Id, number] {
  const { account, device } = splitClientId(client);
  return [rows.idOf(account), device];
}

/** The tree as rows. A leaf that `before` did not have was added in `epoch`. */
export function membersOf(members: readonly MemberLeaf[], before: Chat | undefined, epoch: number): Member[] {
  return members.map((member) => {
    const [account, device] = deviceOf(member.client);
    const held = before?.members.find((m) => m.leaf === member.leaf && m.account === account && m.device === device);
    return { leaf: member.leaf, account, device, added: held?.added ?? (before === undefined ? 0 : epoch) };
  });
}

/** The roles and permissions of settings, as rows hold them. */
export function rolesOf(settings: ChatSettings): Record<Id, number> {
  return Object.fromEntries(settings.roles.map(({ account, role }) => [rows.idOf(account), role]));
}

/** The chat with everything that its group's state says. */
export function describe(chat: Chat, group: Group): Chat {
  const settings = settingsOf(group.extensions);
  return {
    ...chat,
    kind: settings.kind,
    title: settings.name,
    roles: rolesOf(settings),
    perms: { ...settings.perms },
    settings: findSettings(group.extensions),
    invites: (settings.invites ?? []).map(({ invite_id, ...rest }) => ({ id: rows.idOf(invite_id), ...rest })),
    timer: settings.timer,
    forebear: settings.predecessor === undefined ? "" : rows.idOf(settings.predecessor.gid),
    epoch: group.epoch,
    top: Math.max(chat.top, group.epoch),
    own_leaf: group.ownLeaf,
    suite: group.suite,
    all_able: group.allAble(SUITE_XWING),
  };
}

/** What `passed` of a chat is once a commit ends the epoch that is held. */
export async function passedOf(step: Step, chat: Chat): Promise<readonly Passed[]> {
  if (chat.kind !== GROUP) return [];
  const { epoch, epochAuthenticator: authenticator } = await step.loadGroup(chat.gid);
  return [{ epoch, authenticator }, ...chat.passed].slice(0, PASSED_EPOCHS);
}

/** 0 member, 1 admin, 2 owner, with the rules for groups that lost their owners (service.md 6). */
export function roleOf(chat: Chat, account: Id): number {
  if (chat.kind === SELF || chat.kind === DM) return OWNER;
  const present = rows.accountsOf(chat);
  const named = new Map(Object.entries(chat.roles).filter(([who]) => present.includes(who)));
  if (named.size === 0) {
    const rank = (who: Id) => rows.idOf(sha256(new Uint8Array([...rows.bytesOf(chat.gid), ...rows.bytesOf(who)])));
    const first = [...present].sort((a, b) => rows.compareIds(rank(a), rank(b)))[0];
    return account === first ? ADMIN : 0;
  }
  if (![...named.values()].includes(OWNER) && named.get(account) === ADMIN) return OWNER;
  return named.get(account) ?? 0;
}

/** Older devices of an account that its list ended and that are still in the tree: the asker takes their place. */
export function endedOf(
  chat: Chat,
  account: Id,
  listed: readonly (readonly [number, ...unknown[]])[],
  before: number,
): number[] {
  if (listed.length === 0) return [];
  const ended = chat.members.filter((m) => m.account === account && m.device < before);
  return ended.map((m) => m.device).filter((device) => listed.every(([known]) => known !== device));
}
