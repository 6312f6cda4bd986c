/**
 * What the store holds, as types, and what their fields are where nothing was said. Twin of zajil.client.state.rows.
 *
 * Ids (account, group, message, hashes, mids) are base64url text here: `===` on bytes is always false and compiles.
 */
import type { Register, Registers } from "../../protocol/chat/arranging.ts";
import type { Passed } from "../../protocol/chat/successors.ts";
import type { Kind, State } from "../../protocol/outbox/items.ts";
import type { MarkState } from "../../protocol/outbox/marks.ts";
import { SUITE_XWING } from "../../protocol/limits.ts";
import type { CallLine, MessageView } from "../api.ts";

export type Id = string;
/** As in `protocol/outbox/items`; `done` never rests in a row. */
export type ItemState = State;
export type ItemKind = Kind;
export type ChatState = "creating" | "active" | "await" | "lost" | "removed" | "left";

/** One leaf of a group's tree. added: epoch in which this leaf was added, 0 when before our join. */
export interface Member {
  readonly leaf: number;
  readonly account: Id;
  readonly device: number;
  readonly added: number;
}

/** A running *re-add me*: whom we asked, and when the next one is asked (Unix ms). */
export interface Asking {
  readonly last_epoch: number;
  readonly reason: string;
  readonly asked: readonly Id[];
  readonly next_at: number;
  /** Somebody could be asked in this round. */
  readonly heard: boolean;
}

/**
 * The last epoch held of a group whose MLS state is gone: what a successor is judged by.
 *
 * settings: data of extension 0xF0A0. offender: account that signed the commit we refused; "" where none is proven.
 */
export interface Ended {
  readonly epoch: number;
  readonly authenticator: Uint8Array;
  readonly settings: Uint8Array;
  readonly offender: Id;
}

/** The group that took the place of this one. leaf: of its maker's device in our tree. */
export interface Heir {
  readonly leaf: number;
  readonly gid: Id;
  /** Epoch that it names, where a server that came back from a backup kept us from holding that. */
  readonly ahead?: number;
}

/**
 * One group and what we know around it.
 *
 * kind: 0 self, 1 DM, 2 group. gs: group secret, 32 bytes. rotated_at: Unix ms of the last new gs. top: highest epoch
 * ever held. members: the current tree. roles: account -> 1 admin, 2 owner. told: accounts that have our profile from
 * us here. left: accounts that sent `leave`, and when it is our turn to remove them (Unix ms). merged: the DM that
 * replaced this one. read_n: number of the newest message row that was read. unread: messages of others after
 * it; mentioned: whether one of them mentions us. owed: receipts not yet sent, message id -> 1 delivered or 2 read;
 * owed_at: when they are due (Unix ms). typed_at: when we last told that we write (Unix ms). heard: when the server took
 * the newest message of others (Unix ms). perms: who may, by name, 0 member, 1 admin. invites: the links that lead in; of a
 * DM: it was made to ask by one. quiet: such a DM, and nobody wrote in it yet. put_out: accounts that others removed.
 * unshown: messages of members that were not shown, as only admins write here. settings: the current data of extension
 * 0xF0A0, empty before the first Welcome of a restored or linked device.
 * suite: MLS cipher suite, for life; all_able: every leaf lists the post-quantum one.
 * timer: seconds after which own new messages disappear, 0 = they stay.
 * request: a stranger's DM that waits for our decision, or ours that waits for theirs. opening: the text that ours
 * begins with, once it was sealed, or `ELSEWHERE`; "" before.
 * via: serial of the reference through which the newest message came.
 * ended: see there. mend_at: Unix ms at which this device makes a successor, 0 = never. heir: the successor, where there
 * is one; `merged` leads there. forebear: gid of the group that this one follows. mended_at: Unix ms at which it took the
 * place of a stuck one with nobody left out. passed: see `Held` of `protocol/chat/successors`. growing: the number of
 * the attempt of this device to make room for more devices, 0 = none; ungrown: the code of what ended the last one,
 * where nothing of it is left. mend_from: the first `mend_at` since it is stuck. absent: accounts that could not be brought into it from the group before, and come in when they ask.
 */
export interface Chat {
  readonly gid: Id;
  readonly kind: number;
  readonly title: string;
  readonly status: ChatState;
  readonly peer: Id;
  readonly gs: Uint8Array;
  readonly rotated_at: number;
  readonly activity: number;
  readonly epoch: number;
  readonly top: number;
  readonly own_leaf: number;
  readonly members: readonly Member[];
  readonly roles: Readonly<Record<Id, number>>;
  readonly perms: Readonly<Record<string, number>>;
  readonly settings: Uint8Array;
  readonly told: readonly Id[];
  readonly left: Readonly<Record<Id, number>>;
  readonly sent: number;
  readonly updated_at: number;
  readonly asking: Asking | null;
  readonly merged: Id;
  readonly read_n: number;
  readonly unread: number;
  readonly mentioned: boolean;
  readonly owed: Readonly<Record<Id, number>>;
  readonly owed_at: number;
  readonly typed_at: number;
  readonly heard: number;
  readonly timer: number;
  readonly request: "" | "incoming" | "outgoing";
  readonly opening: Id;
  readonly via: Id;
  readonly invites: readonly InviteRow[];
  readonly quiet: boolean;
  readonly put_out: readonly Id[];
  readonly unshown: number;
  readonly ended: Ended | null;
  readonly mend_at: number;
  readonly heir: Heir | null;
  readonly forebear: Id;
  readonly mended_at: number;
  readonly passed: readonly Passed[];
  readonly growing: number;
  readonly ungrown: string;
  readonly mend_from: number;
  readonly absent: readonly Id[];
  readonly suite: number;
  readonly all_able: boolean;
}

/** A link that leads into a group. policy: 0 ask, 1 auto. expires: Unix seconds. */
export interface InviteRow {
  readonly id: Id;
  readonly policy: number;
  readonly expires: number;
}

/**
 * How a chat is arranged, by group id, so that what is told of a chat may come before it. due: Unix ms from which the
 * draft is to be told, 0 = nothing is to be told. told: the draft as our other devices have it, null where none was told.
 */
export interface Arranged {
  readonly gid: Id;
  readonly registers: Registers;
  readonly due: number;
  readonly told: Register | null;
}

/**
 * An account as we know it: newest verified device list, name and contact token.
 *
 * list_object: the signed bytes; empty while only certificates are known. said: name and token are its own word.
 * verified_pub: the account key whose safety number was compared; `verified` holds while it is the account's key.
 */
export interface Account {
  readonly account_id: Id;
  readonly account_pub: Uint8Array;
  readonly list_seq: number;
  readonly list_object: Uint8Array;
  readonly devices: readonly (readonly [device: number, sigPub: Id])[];
  readonly name: string;
  readonly contact_token: Uint8Array;
  readonly contact: boolean;
  readonly verified: boolean;
  readonly verified_pub: Uint8Array;
  /** A newer list exists: fetch it. */
  readonly wanted_seq: number;
  /** A fork was seen. */
  readonly alarm: boolean;
  readonly said: boolean;
  /** Unix ms at which it said its name, by its own clock, never after that reached us; 0 where others named it. */
  readonly named_at: number;
  /** Nothing of it is shown; since when that is decided so, Unix ms. */
  readonly blocked: boolean;
  readonly blocked_at: number;
  /** It said that it ends. */
  readonly gone: boolean;
}

/** One claimed KeyPackage with the delivery reference of its device. */
export interface Claimed {
  readonly account: Id;
  readonly device: number;
  readonly key_package: Uint8Array;
  readonly deliver_to: Uint8Array;
  readonly last_resort: boolean;
}

/**
 * What a commit is for. It names accounts and devices, never leaves, and is judged anew on each tree.
 *
 * title, role, timer, perms, invite, revoke: what a `settings` intent changes; role of `account`: 0 member, 1 admin, 2 owner;
 * perms: those that change, by name; invite: a link to add; revoke: the id of one. Absent in rows of older versions.
 */
export interface Intent {
  readonly op: "add" | "add-device" | "remove" | "remove-device" | "readd" | "update" | "settings" | "accept";
  /** One account per intent, except `accounts`. */
  readonly account: Id;
  readonly accounts: readonly Id[];
  readonly devices: readonly number[];
  readonly last_epoch: number | null;
  readonly title: string | null;
  readonly role: number | null;
  readonly timer: number | null;
  readonly perms?: Readonly<Record<string, number>>;
  readonly invite?: InviteRow;
  readonly revoke?: Id;
}

/**
 * One outbox row. request: the whole sealed request (frame bytes, rid 0), repeated verbatim by every retry.
 *
 * content: MIMI content bytes, fixed at submit. wait: number of the HELLO whose DRAINED must come first. hashes: H(body)
 * of every sealing, this one last. sealed_at: Unix ms. target: the message that an edit, deletion or reaction is about;
 * where it is an own one that still waits, the item waits behind it.
 */
export interface Item {
  readonly gid: Id;
  readonly kind: ItemKind;
  readonly state: ItemState;
  readonly at: number;
  readonly content: Uint8Array;
  readonly message_id: Id;
  readonly shown: boolean;
  readonly intent: Intent | null;
  readonly claims: readonly Claimed[];
  /** Accounts whose claim was answered. */
  readonly claimed: readonly Id[];
  readonly claim_id: Uint8Array;
  readonly group_pass: Uint8Array;
  readonly own_ref: Uint8Array;
  readonly mid: Id;
  readonly request: Uint8Array;
  readonly epoch: number;
  readonly hashes: readonly Id[];
  readonly wait: number;
  readonly sealed_at: number;
  readonly reason: string;
  readonly refusals: number;
  readonly refused_epoch: number;
  readonly urgent: boolean;
  readonly target: Id;
  /** Our own device that it is to add has published no packages for a while, and nothing else waits for it. */
  readonly absent: boolean;
}

/** One text of a message. at: Unix ms of the sender's clock; (at, message_id) orders versions. */
export interface Version {
  readonly text: string;
  readonly at: number;
  readonly message_id: Id;
}

/** The reaction of one account, empty where it took it back. (at, message_id): the latest counts. */
export interface Reacted {
  readonly account: Id;
  readonly emoji: string;
  readonly at: number;
  readonly message_id: Id;
}

/** What one account told of an own message: Unix ms of our clock at which we learnt it, 0 = not. */
export interface Received {
  readonly account: Id;
  readonly delivered: number;
  readonly read: number;
}

/** A line that is no message: what happened, by whom and to whom. */
export interface Notice {
  readonly code: NoticeCode;
  readonly by: Id;
  readonly whom: readonly Id[];
  readonly text: string;
  /** Of code `named`: the name before; `text` is the one since. */
  readonly was?: string;
  /** What became of a call, of code `call` alone: such a line came as a message, and nobody changes it. */
  readonly call?: CallLine & { readonly id: Id };
}
export type NoticeCode = NonNullable<MessageView["notice"]>["code"];

/** A message as the server handed it to this device. digest: SHA-256 of the body; head: its first 64 bytes. */
export interface Wire {
  readonly id: Id;
  readonly seq: number;
  readonly kind: number;
  readonly gid: Id;
  readonly epoch: number;
  readonly at: number;
  readonly size: number;
  readonly digest: Id;
  readonly head: Uint8Array;
}

/**
 * What a report needs of one content as it came: the first text of a message, or an edit. message_id: of this content.
 * ts: Unix ms at which the server took it; frank: its mark, empty where none came. cert: the sender's certificate.
 */
export interface Proof {
  readonly message_id: Id;
  readonly content: Uint8Array;
  readonly sig: Uint8Array;
  readonly epoch: number;
  readonly gid: Id;
  readonly ts: number;
  readonly frank: Uint8Array;
  readonly cert: Uint8Array;
}

/**
 * One shown message. sent: Unix ms of the sender's clock; arrived: of ours. state: of the outbox, or `received`.
 *
 * text: as sent (mentions are links in it), the newest version. reply_to: id of the quoted message. versions: all texts
 * by (at, message_id), the first one first; empty where it was never edited. deleted_by: the account that deleted it for
 * all; then text, versions, reactions, proofs are gone. kept: the content of a message with files, or of a kind this
 * version does not show. notice:
 * set on lines that are no texts; where they are no messages either, their id is random. wire: what reached us, absent on what has not come back yet.
 * proofs: of what others wrote, one for each version kept. expire_s: its span, 0 = it stays; expires_at: Unix ms at which
 * it is over, 0 = its span did not begin (see `protocol/chat/expiry`).
 */
export interface StoredMessage {
  readonly message_id: Id;
  readonly gid: Id;
  readonly account: Id;
  readonly device: number;
  readonly sent: number;
  readonly state: MarkState | "received";
  readonly text: string;
  readonly reason: string;
  readonly reply_to: Id;
  readonly versions: readonly Version[];
  readonly deleted_by: Id;
  readonly reactions: readonly Reacted[];
  readonly receipts: readonly Received[];
  readonly arrived: number;
  readonly kept: Uint8Array;
  readonly notice: Notice | null;
  readonly wire: Wire | null;
  readonly proofs: readonly Proof[];
  readonly expire_s: number;
  readonly expires_at: number;
  /** Of its files, some never reached the server: it cannot be sent again. */
  readonly lost?: boolean;
}

/** An edit, deletion or reaction whose message is not here yet. as_admin: whether its sender was one when it came. */
export interface Early {
  readonly gid: Id;
  readonly account: Id;
  readonly message_id: Id;
  readonly sent: number;
  readonly content: Uint8Array;
  readonly as_admin: boolean;
  /** Absent in rows of older versions. */
  readonly proof?: Proof;
}

/** The two switches, both ways: off is neither sent nor shown. at: Unix ms at which they were set. */
export interface Privacy {
  readonly receipts: boolean;
  readonly typing: boolean;
  readonly at: number;
}

/**
 * A message of the mailbox; of a later epoch, it is stored before its acknowledgement. at: ms of the server's clock.
 * frank: the server's mark, absent in rows of older versions and on what is no application message.
 */
export interface Held {
  readonly id: Id;
  readonly seq: number;
  readonly gid: Id;
  readonly kind: number;
  readonly epoch: number;
  readonly at: number;
  readonly body: Uint8Array;
  readonly frank?: Uint8Array;
}

/** Private part of a published KeyPackage. */
export interface OwnKeyPackage {
  readonly reference: Uint8Array;
  readonly package: Uint8Array;
  readonly secrets: Uint8Array;
  readonly last_resort: boolean;
  readonly made_at: number;
  /** Missing in rows of before: then it is X-Wing. */
  readonly suite?: number;
}

/**
 * Where this device stands with the server.
 *
 * last_seq: highest mailbox seq stored. hellos: HELLOs sent; drained: highest of them answered by DRAINED. readies:
 * READYs seen here. starts: the start counter. adopt_ack: after a recovery, the next READY says where we stand.
 */
export interface Session {
  readonly last_seq: number;
  /** Highest seq given out, by the newest READY; missing before the first one. */
  readonly head?: number;
  readonly hellos: number;
  readonly drained: number;
  readonly wanted: number;
  readonly readies: number;
  readonly starts: number;
  readonly rolled_back: boolean;
  readonly adopt_ack: boolean;
  readonly revoked: boolean;
  /** The server holds an older list of ours than we do. */
  readonly list_lost: boolean;
  readonly token: string;
  readonly token_expires: number;
  readonly keys_wanted: boolean;
  /** The server hands out packages whose secrets we forgot. */
  readonly pool_stale: boolean;
  readonly last_resort_at: number;
}

/** This device and its account. certificate: signed bytes, the MLS credential. profile_token: 32 bytes. */
export interface Profile {
  readonly account_id: Id;
  readonly account_pub: Uint8Array;
  readonly device_id: number;
  readonly device_pub: Uint8Array;
  readonly certificate: Uint8Array;
  readonly name: string;
  readonly server: string;
  readonly server_name: string;
  readonly profile_token: Uint8Array;
  /** Unix ms at which the account's token was last changed. */
  readonly token_at?: number;
  readonly registered: boolean;
  readonly registered_at: number;
}

const NONE = new Uint8Array();

export const EMPTY_CHAT: Omit<Chat, "gid" | "kind" | "title" | "status"> = {
  peer: "",
  gs: NONE,
  rotated_at: 0,
  activity: 0,
  epoch: 0,
  top: -1,
  own_leaf: 0,
  members: [],
  roles: {},
  perms: {},
  settings: NONE,
  told: [],
  left: {},
  sent: 0,
  updated_at: 0,
  asking: null,
  merged: "",
  read_n: 0,
  unread: 0,
  mentioned: false,
  owed: {},
  owed_at: 0,
  typed_at: 0,
  heard: 0,
  timer: 0,
  request: "",
  opening: "",
  via: "",
  invites: [],
  quiet: false,
  put_out: [],
  unshown: 0,
  ended: null,
  mend_at: 0,
  heir: null,
  forebear: "",
  mended_at: 0,
  passed: [],
  growing: 0,
  ungrown: "",
  mend_from: 0,
  absent: [],
  suite: SUITE_XWING,
  all_able: true,
};
export const EMPTY_ACCOUNT: Omit<Account, "account_id"> = {
  account_pub: NONE,
  list_seq: 0,
  list_object: NONE,
  devices: [],
  name: "",
  contact_token: NONE,
  contact: false,
  verified: false,
  verified_pub: NONE,
  wanted_seq: 0,
  alarm: false,
  said: false,
  named_at: 0,
  blocked: false,
  blocked_at: 0,
  gone: false,
};
export const EMPTY_ITEM: Omit<Item, "gid" | "kind" | "state" | "at"> = {
  content: NONE,
  message_id: "",
  shown: false,
  intent: null,
  claims: [],
  claimed: [],
  claim_id: NONE,
  group_pass: NONE,
  own_ref: NONE,
  mid: "",
  request: NONE,
  epoch: 0,
  hashes: [],
  wait: 0,
  sealed_at: 0,
  reason: "",
  refusals: 0,
  refused_epoch: -1,
  urgent: false,
  target: "",
  absent: false,
};
export const EMPTY_MESSAGE: Omit<StoredMessage, "message_id" | "gid" | "account" | "device" | "sent" | "state"> = {
  text: "",
  reason: "",
  reply_to: "",
  versions: [],
  deleted_by: "",
  reactions: [],
  receipts: [],
  arrived: 0,
  kept: NONE,
  notice: null,
  wire: null,
  proofs: [],
  expire_s: 0,
  expires_at: 0,
};
export const EMPTY_SESSION: Session = {
  last_seq: 0,
  hellos: 0,
  drained: 0,
  wanted: 0,
  readies: 0,
  starts: 0,
  rolled_back: false,
  adopt_ack: false,
  revoked: false,
  list_lost: false,
  token: "",
  token_expires: 0,
  keys_wanted: true,
  pool_stale: false,
  last_resort_at: 0,
};
