/** Two private MLS extensions: chat settings (GroupContext, 0xF0A0), what a joiner must know (Welcome, 0xF0A1). */
import { encodeHex } from "../bytes.ts";
import * as cbor from "../cbor.ts";
import { error } from "../errors.ts";
import { Fields } from "../fields.ts";
import { type AccountId, encodeB64 } from "../ids.ts";
import { ABOUT_BYTES, GROUP_INVITES, NAME_BYTES, ROSTER_ENTRIES } from "../limits.ts";

export const CHAT_SETTINGS = 0xf0a0;
export const GROUP_INFO_SHARE = 0xf0a1;
export const VERSION = 1;
/** Keys of the chat settings. */
export const TIMER = 6;
export const PREDECESSOR = 9;
/** Of settings, those of later versions too; one of them is for PREDECESSOR, so that each group can be followed. */
export const KEYS_MAX = 64;

/** SELF: own devices alone. DM: two accounts. GROUP: any. */
export const ChatKind = { SELF: 0, DM: 1, GROUP: 2 } as const;
/** Roles above member; who is not listed is a member. */
export const ChatRole = { ADMIN: 1, OWNER: 2 } as const;
/** Who may: any member, or admins and owners. */
export const Needs = { MEMBER: 0, ADMIN: 1 } as const;

/** Who may write, add accounts, change name and about, change the timer, make links to join by; each one of `Needs`. */
export interface Permissions {
  readonly send: number;
  readonly add: number;
  readonly info: number;
  readonly timer: number;
  readonly link: number;
}
export const DEFAULT_PERMISSIONS: Permissions = {
  send: Needs.MEMBER,
  add: Needs.ADMIN,
  info: Needs.ADMIN,
  timer: Needs.ADMIN,
  link: Needs.ADMIN,
};
export const PERMISSIONS = ["send", "add", "info", "timer", "link"] as const;

/** What becomes of who asks by a link: a person decides, or is added at once. */
export const JoinPolicy = { ASK: 0, AUTO: 1 } as const;

/**
 * A link that leads into a group. invite_id: 16 bytes. policy: of `JoinPolicy`. expires: Unix seconds.
 *
 * A DM that holds one was made to ask by it.
 */
export interface Invite {
  readonly invite_id: Uint8Array;
  readonly policy: number;
  readonly expires: number;
}

/** An account's role above member: one of `ChatRole`. */
export interface RoleEntry {
  readonly account: AccountId;
  readonly role: number;
}

/**
 * The group that this one takes the place of. authenticator: of its epoch; 32 to 64 bytes, by its suite. reason: of
 * `Reason` in `successors`.
 */
export interface Predecessor {
  readonly gid: Uint8Array;
  readonly epoch: number;
  readonly authenticator: Uint8Array;
  readonly reason: number;
}

/** What every member agrees on. kind: of `ChatKind`. timer: seconds, 0 = messages stay. */
export interface ChatSettings {
  readonly kind: number;
  readonly name: string;
  readonly about: string;
  readonly timer: number;
  readonly roles: readonly RoleEntry[];
  readonly perms: Permissions;
  readonly invites?: readonly Invite[];
  readonly predecessor?: Predecessor | undefined;
}

const permsValue = (perms: Permissions): Map<cbor.Key, cbor.Value> =>
  new Map(PERMISSIONS.map((name) => [name, perms[name]]));

/** The extension's data. */
export function encodeSettings(settings: ChatSettings): Uint8Array {
  const invites = settings.invites ?? [];
  return cbor.encode(
    new Map<cbor.Key, cbor.Value>([
      [1, VERSION],
      [2, settings.kind],
      [3, settings.name],
      [4, settings.about],
      [TIMER, settings.timer],
      [7, rolesValue(settings.roles)],
      [8, permsValue(settings.perms)],
      ...(invites.length > 0 ? ([[10, invitesValue(invites)]] as const) : []),
    ]),
  );
}

/**
 * The settings of an extension; keys of later features are left unread.
 *
 * Throws Malformed, `unsupported-version` for another version or kind of chat.
 */
export function parseSettings(data: Uint8Array): ChatSettings {
  const fields = Fields.ofOpenMap(cbor.parse(data), [1, 2]);
  if (fields.number(1) !== VERSION || fields.number(2) > ChatKind.GROUP)
    throw error("unsupported-version", "chat settings");
  const keys = Fields.ofItems([cbor.parse(data)]).pairs(0, KEYS_MAX);
  if (!keys.has(PREDECESSOR) && keys.size === KEYS_MAX) throw error("malformed", "no key left for a predecessor");
  return {
    kind: fields.number(2),
    name: fields.textOrNone(3, NAME_BYTES) ?? "",
    about: fields.textOrNone(4, ABOUT_BYTES) ?? "",
    timer: fields.numberOrNone(6, 32) ?? 0,
    roles: fields.has(7) ? parseRoles(fields.pairs(7, ROSTER_ENTRIES)) : [],
    perms: fields.has(8) ? parsePermissions(fields.raw(8)) : DEFAULT_PERMISSIONS,
    invites: fields.has(10) ? parseInvites(fields.items(10, GROUP_INVITES)) : [],
    predecessor: fields.has(PREDECESSOR) ? parsePredecessor(fields.raw(PREDECESSOR)) : undefined,
  };
}

/** perms: those that change, by name. */
export interface SettingsChange {
  readonly name?: string;
  readonly roles?: readonly RoleEntry[];
  readonly timer?: number;
  readonly perms?: Readonly<Record<string, number>>;
  readonly invites?: readonly Invite[];
}

/** The extension's data with other values of some fields; keys of later versions stay. Throws Malformed. */
export function changeSettings(data: Uint8Array, changes: SettingsChange): Uint8Array {
  parseSettings(data);
  const held = Fields.ofItems([cbor.parse(data)]).pairs(0, KEYS_MAX);
  const values = new Map<cbor.Key, cbor.Value>(held);
  if (changes.name !== undefined) values.set(3, changes.name);
  if (changes.roles !== undefined) values.set(7, rolesValue(changes.roles));
  if (changes.timer !== undefined) values.set(TIMER, changes.timer);
  if (changes.perms !== undefined) {
    const fields = new Fields(held);
    const perms = permsValue(DEFAULT_PERMISSIONS);
    for (const [key, value] of fields.has(8) ? fields.pairs(8, 64) : []) perms.set(key, value);
    for (const [key, value] of Object.entries(changes.perms)) perms.set(key, value);
    values.set(8, perms);
  }
  if (changes.invites !== undefined) values.set(10, invitesValue(changes.invites));
  const changed = cbor.encode(values);
  parseSettings(changed);
  return changed;
}

/** The keys of two extensions' data that differ, those of later versions too. Throws Malformed. */
export function findChanges(before: Uint8Array, after: Uint8Array): ReadonlySet<cbor.Key> {
  const [old, now] = [before, after].map((data) => {
    const pairs = Fields.ofItems([cbor.parse(data)]).pairs(0, KEYS_MAX);
    // By the bytes of each key: two of byte strings are never the same object.
    return new Map([...pairs].map(([key, value]) => [hexOf(key), { key, value: hexOf(value) }]));
  }) as [Map<string, Held>, Map<string, Held>];
  const changed = [...old, ...now].filter(([name]) => old.get(name)?.value !== now.get(name)?.value);
  return new Set(changed.map(([, { key }]) => key));
}

interface Held {
  readonly key: cbor.Key;
  readonly value: string;
}

const hexOf = (value: cbor.Value): string => encodeHex(cbor.encode(value));

const rolesValue = (roles: readonly RoleEntry[]): cbor.Value =>
  new Map<cbor.Key, cbor.Value>(roles.map(({ account, role }) => [account, role]));

function parseRoles(pairs: ReadonlyMap<cbor.Key, cbor.Parsed>): RoleEntry[] {
  return [...pairs].map(([account, role]) => {
    if (
      !(account instanceof Uint8Array) ||
      account.length !== 16 ||
      (role !== ChatRole.ADMIN && role !== ChatRole.OWNER)
    ) {
      throw error("malformed");
    }
    return { account, role };
  });
}

function parsePermissions(value: cbor.Parsed): Permissions {
  const fields = Fields.ofOpenMap(value, ["send", "add", "info", "timer"]);
  return {
    send: fields.number("send", 1),
    add: fields.number("add", 1),
    info: fields.number("info", 1),
    timer: fields.number("timer", 1),
    link: fields.numberOrNone("link", 1) ?? Needs.ADMIN,
  };
}

const invitesValue = (invites: readonly Invite[]): cbor.Value =>
  invites.map(({ invite_id, policy, expires }) => [invite_id, policy, expires]);

function parseInvites(items: readonly cbor.Parsed[]): Invite[] {
  const found = items.map((item) => {
    const fields = Fields.ofArray(item, 3);
    return { invite_id: fields.blob(0, 16), policy: fields.number(1, 1), expires: fields.number(2) };
  });
  if (new Set(found.map(({ invite_id }) => encodeB64(invite_id))).size < found.length) throw error("malformed");
  return found;
}

function parsePredecessor(value: cbor.Parsed): Predecessor {
  const fields = Fields.ofArray(value, 4);
  const [epoch, authenticator, reason] = [fields.number(1), fields.bytes(2, 64), fields.number(3)];
  if (reason < 1 || reason > 3 || authenticator.length < 32) throw error("malformed");
  return { gid: fields.blob(0, 16), epoch, authenticator, reason };
}

/** What the adder says of an account, until its own profile arrives. contact_token: 32 bytes. */
export interface Acquaintance {
  readonly account: AccountId;
  readonly name: string;
  readonly contact_token: Uint8Array | null;
}

/**
 * What a Welcome tells the joiner. group_secret: 32 bytes, null when the commit rotates it (derive it then).
 *
 * lists: the newest signed device list of each account, unverified. accounts: names by the adder's word.
 */
export interface GroupInfoShare {
  readonly group_secret: Uint8Array | null;
  readonly lists: readonly Uint8Array[];
  readonly accounts: readonly Acquaintance[];
}

/** The extension's data. */
export function encodeShare(share: GroupInfoShare): Uint8Array {
  const accounts = new Map<cbor.Key, cbor.Value>(
    share.accounts.map((known) => [known.account, [known.name, known.contact_token]]),
  );
  return cbor.encode([share.group_secret, share.lists, accounts]);
}

/** The share of an extension. Throws Malformed. */
export function parseShare(data: Uint8Array): GroupInfoShare {
  const fields = Fields.ofArray(cbor.parse(data), 3);
  return {
    group_secret: fields.blobOrNone(0, 32),
    lists: fields.blobs(1, ROSTER_ENTRIES, 4096),
    accounts: [...fields.pairs(2, ROSTER_ENTRIES)].map(([account, value]) => {
      if (!(account instanceof Uint8Array) || account.length !== 16) throw error("malformed", "account id");
      const known = Fields.ofArray(value, 2);
      return { account, name: known.text(0, NAME_BYTES), contact_token: known.blobOrNone(1, 32) };
    }),
  };
}
