/**
 * What crosses between a tab and the worker. No private key, MLS state or token is a member of these types, and only
 * the plaintext of what is on screen crosses. Ids are base64url text without padding; times are Unix milliseconds.
 */
import type { FileCalls, FileEvent, FileView } from "./files/view.ts";
import type { GateCalls, WorkEvent } from "./gate/view.ts";
import type { Expiring, TimerCalls } from "./rules/expiry/view.ts";
import type { JoinCalls, Perms } from "./joins/view.ts";
import type { HistoryCalls, HistoryEvent } from "./history/view.ts";
import type { InviteCalls } from "./invites/view.ts";
import type { RecoveryCalls, RecoveryEvent } from "./kept/view.ts";
import type { LockCalls } from "./lock/view.ts";
import type { SearchCalls } from "./search/view.ts";
import type { StrangerCalls, UsernameCalls } from "./strangers/view.ts";
import type { PublicCalls } from "./public/view.ts";
import type { PushCalls } from "./push/view.ts";
import type { Connection, ReachCalls } from "./reach/api.ts";

export type { GroupLinkPreview, GroupLinkView, JoinRequestView, JoinView, Permission, Perms } from "./joins/view.ts";
export type { HistoryProgress } from "./history/view.ts";
export type { InviteKind, OwnInvite } from "./invites/view.ts";
export type { ArchiveWords, RecoveryView } from "./kept/view.ts";
export type { LockAfter, LockKind, LockProof, LockView, NewPasskey, NewWay } from "./lock/view.ts";
export type { ContactRequest, FoundUsername } from "./strangers/view.ts";
export type { BridgesPreview, Connection, ConnectionState, Route } from "./reach/api.ts";
export type { OwnPersona } from "./public/view.ts";
export type { FilePlace, FileView, Look, OutFile, UploadView } from "./files/view.ts";
export type { FoundChat, FoundMessage, FoundPerson, Marked, SearchPage } from "./search/view.ts";

export type ChatKind = "self" | "dm" | "group";
export type ChatStatus = "creating" | "active" | "rejoining" | "removed" | "left" | "stuck";
export type Role = "member" | "admin" | "owner";
/** Own messages: queued, sending, sent, delivered, read, failed. Others' and own other devices': received. */
export type MessageState = "queued" | "sending" | "sent" | "delivered" | "read" | "failed" | "received";

/** Code of protocol/errors, and what the client does about its class. The words are the user interface's. */
export interface Failure {
  readonly code: string;
  readonly category: "usage" | "refused" | "conflict" | "limited" | "unavailable" | "local" | "bug";
  readonly retry_ms?: number;
}

export interface Me {
  readonly account: string;
  readonly device: number;
  readonly name: string;
  readonly server_name: string;
}

export interface Person {
  readonly account: string;
  readonly name: string;
}

export interface MemberView extends Person {
  readonly role: Role;
  readonly devices: number;
  readonly self: boolean;
  readonly contact: boolean;
  readonly verified: boolean;
}

export interface LastLine {
  readonly sender: Person;
  readonly own: boolean;
  readonly state: MessageState;
  readonly at: number;
  /** Absent: the message was deleted, or is of a kind that this version does not show. */
  readonly text?: string;
  /** Of the message, then its text may be empty. */
  readonly files: readonly FileView[];
  readonly notice?: Notice;
  readonly deleted: boolean;
}

export interface ChatLine {
  readonly id: string;
  readonly kind: ChatKind;
  /** Group title or the person's name; empty for the self chat (the words for it are the user interface's). */
  readonly title: string;
  readonly status: ChatStatus;
  /** The other account of a DM. */
  readonly peer?: string;
  readonly verified: boolean;
  /** The other side of a DM is blocked. */
  readonly blocked: boolean;
  /** The other side of a DM said that its account ends. */
  readonly gone: boolean;
  /** We asked to write to them, and they have not answered: one text is out, what is written more waits. */
  readonly pending: boolean;
  readonly activity: number;
  readonly unread: number;
  readonly mentioned: boolean;
  /** The pinned ones come first, in their order. */
  readonly pinned: boolean;
  /** Out of the list until somebody writes. */
  readonly archived: boolean;
  readonly muted: boolean;
  /** Unix ms, 0: not; 2^53 - 1: always. */
  readonly muted_until: number;
  /** Seconds after which new messages disappear, 0 = they stay. */
  readonly timer: number;
  readonly draft?: string;
  readonly failed: boolean;
  readonly last?: LastLine;
}

/**
 * Whether a recording of the chat stays closed to a future quantum computer, else why not: the group is larger than 128
 * devices, was made for so many and is smaller, or has a device that is not able.
 */
export type Quantum = "protected" | "large" | "small" | "unable";

export interface ChatView extends ChatLine {
  readonly role: Role;
  readonly members: readonly MemberView[];
  readonly epoch: number;
  /** MLS cipher suite id. */
  readonly suite: number;
  readonly quantum: Quantum;
  /** May send now. */
  readonly may: {
    readonly send: boolean;
    readonly add: boolean;
    readonly remove: boolean;
    readonly rename: boolean;
    readonly roles: boolean;
    readonly timer: boolean;
    /** Change permissions; make links by which people ask to be let in. */
    readonly rules: boolean;
    readonly link: boolean;
    /** Make room for more than 128 devices. */
    readonly grow: boolean;
  };
  /** This device makes room for more devices; failed: code of what ended that. */
  readonly growth?: { readonly failed?: string };
  /** Of a group: who may, true = admins only. */
  readonly perms?: Perms;
  /** Messages of members that were not shown, as only admins write here. */
  readonly unshown: number;
  /** The account key of the DM's other side changed after it was verified: sending waits for a decision. */
  readonly key_changed: boolean;
  /** Who is to be added and has not said yet how: it happens by itself once they have. */
  readonly not_introduced: readonly Person[];
  readonly reply_draft?: string;
  /** Id of the oldest unread message when the chat was looked at. */
  readonly first_unread?: string;
}

/** What became of a call, as its caller told it. seconds: how long it was, 0 unless it was answered. */
export interface CallLine {
  readonly kind: "audio" | "video";
  readonly outcome: "answered" | "missed" | "declined" | "busy" | "failed";
  readonly seconds: number;
}

/** A line of the chat that is no text: somebody joined, left, was removed, called, a device came in, lines were lost. */
export interface Notice {
  readonly code:
    | "call"
    | "created"
    | "joined"
    | "added"
    | "left"
    | "leaving"
    | "removed"
    | "you-removed"
    | "rejoined"
    | "repaired"
    | "resealed"
    | "grown"
    | "overtaken"
    | "overheard"
    | "renamed"
    | "named"
    | "role"
    | "timer"
    | "write-admins"
    | "write-members"
    | "rules"
    | "link-made"
    | "link-ended"
    | "asked"
    | "device-added"
    | "device-removed"
    | "key-changed"
    | "gap"
    | "refused-change"
    | "bad-message"
    | "bad-welcome"
    | "refused-welcome"
    | "forked-list"
    | "old-copy"
    | "report-acted"
    | "report-not-acted"
    | "account-warned"
    | "account-suspended"
    | "measure-undone"
    | "unsupported"
    | "undecryptable";
  readonly by?: Person;
  readonly whom?: readonly Person[];
  readonly text?: string;
  /** Of code `named`: the name before; `text` is the one since. */
  readonly was?: string;
  /** Of code `call`. */
  readonly call?: CallLine;
}

export interface Reaction {
  readonly emoji: string;
  readonly by: readonly Person[];
  readonly own: boolean;
}

export interface Mention {
  /** Range in `text`, UTF-16 code units; the text there is "@" and the name as the sender wrote it. */
  readonly start: number;
  readonly end: number;
  readonly person: Person;
  readonly self: boolean;
}

export interface Quote {
  readonly id: string;
  /** Absent where the quoted message is not here (before our join, deleted). */
  readonly sender?: Person;
  /** It was here and disappeared. */
  readonly expired?: true;
  readonly text?: string;
  readonly files: readonly FileView[];
}

export interface MessageView extends Expiring {
  readonly id: string;
  readonly chat: string;
  /** Order in the chat; unique, grows. */
  readonly n: number;
  readonly at: number;
  readonly sender: Person;
  readonly own: boolean;
  readonly state: MessageState;
  readonly reason?: string;
  /** Absent for notices and deleted messages; may be empty beside files. */
  readonly text?: string;
  readonly files: readonly FileView[];
  readonly mentions: readonly Mention[];
  readonly quote?: Quote;
  readonly reactions: readonly Reaction[];
  readonly edited: boolean;
  readonly deleted: boolean;
  readonly notice?: Notice;
  readonly may: {
    readonly edit: boolean;
    readonly delete_for_all: boolean;
    readonly react: boolean;
    readonly reply: boolean;
    /** Somebody else's, with what a report needs. */
    readonly report: boolean;
  };
}

export type ReportReason =
  "fraud" | "violence_incitement" | "hate" | "harassment" | "sexual" | "self_harm" | "spam" | "other";

/** What a report would send, exactly: whom it is about, and every text of it; "" is of a kind that is not shown. */
export interface ReportDraft {
  readonly person: Person;
  readonly texts: readonly { readonly text: string; readonly at: number }[];
  /** Longest note. */
  readonly note_characters: number;
}

/** `unproven`: the server refused the text at this place (from 0); it may be sent again as a complaint. */
export type ReportResult =
  | { readonly outcome: "sent" | "sent-as-complaint"; readonly id: string }
  | { readonly outcome: "unproven"; readonly item: number; readonly check: string };

export interface MessageDetails {
  readonly message: MessageView;
  /** Earlier texts, oldest first. */
  readonly versions: readonly { readonly text: string; readonly at: number }[];
  readonly receipts: readonly { readonly person: Person; readonly delivered_at?: number; readonly read_at?: number }[];
}

export interface ContactView extends Person {
  readonly verified: boolean;
  readonly devices: number;
  readonly dm?: string;
}

export interface ContactPage extends ContactView {
  readonly blocked: boolean;
  /** 60 digits, 12 groups of 5 with blanks between. */
  readonly safety_number: string;
  /** What the QR code of the safety number holds. */
  readonly safety_qr: string;
  readonly key_changed: boolean;
  readonly groups: readonly { readonly id: string; readonly title: string }[];
}

export interface DeviceView {
  readonly device: number;
  readonly added_at: number;
  readonly current: boolean;
}

export interface InvitePreview {
  readonly server_name: string;
  /** Who invites; absent in an operator's invite to the server. */
  readonly name?: string;
  readonly account?: string;
  /** It admits nobody: whoever opens it may ask its owner (`request_contact`). */
  readonly asks: boolean;
  /** A registration code is in it. */
  readonly code: boolean;
  readonly expires_at: number;
  readonly expired: boolean;
  /** Hosts of the private bridges in it. */
  readonly bridges: readonly string[];
  /** The account behind it is already a contact, or ourselves. */
  readonly known: "no" | "contact" | "self";
}

/** What a newcomer brings: an invite, some seconds of work (or an invite), both, nothing. */
export type Registration = "invite" | "work" | "both" | "open";

export interface ServerInfo {
  readonly server_name: string;
  readonly registration: Registration;
  /** It has channels. */
  readonly public_space: boolean;
}

export interface Settings {
  readonly receipts: boolean;
  readonly typing: boolean;
  readonly notifications: boolean;
  readonly enter_sends: boolean;
}

/** Which tab's worker acts. `stopped` ends this tab's worker: reload. */
export type Lead =
  | { readonly phase: "starting" | "following" | "leading" }
  | {
      readonly phase: "stopped";
      readonly reason: "lost-lead" | "erased" | "newer-schema" | "damaged" | "no-browser-support";
    };

/** What keeps this client from working normally; several may hold. */
export interface Health {
  /** Nothing is kept: this browser cannot store keys (private window). */
  readonly memory_only: boolean;
  readonly storage_full: boolean;
  /** The browser granted persistent storage. */
  readonly persisted: boolean;
  readonly revoked: boolean;
  readonly rolled_back: boolean;
  /** The server no longer talks to clients this old. */
  readonly update_required: boolean;
  /** There is something to lose and no recovery key. */
  readonly recovery_due: boolean;
}

export interface Status {
  readonly lead: Lead;
  /** Absent until an account exists on this browser. */
  readonly me?: Me;
  readonly health: Health;
  readonly connection: Connection;
  /** Absent: no app lock. closed: nothing else of this status says anything. */
  readonly lock?: "open" | "closed";
}

export interface LinkProgress {
  readonly phase: "waiting" | "approved" | "chats" | "done" | "expired" | "refused" | "failed";
  readonly code?: string;
  readonly emoji?: readonly string[];
  readonly expires_at?: number;
  readonly failure?: Failure;
}

/** One message as the server knew it: every column of its row, and what it holds now. */
export interface ServerView {
  /** The row as the server handed it to this device; absent for what never reached it. */
  readonly row?: {
    readonly id: string;
    readonly seq: number;
    readonly kind: number;
    readonly gid: string;
    readonly epoch: number;
    readonly at: number;
    readonly size: number;
    /** SHA-256 of the whole ciphertext, b64, and its first bytes, hex. */
    readonly digest: string;
    readonly head: string;
  };
  /** Asked just now: whether the row is still there for this account. */
  readonly now: "held" | "deleted" | "not-sent" | "unknown";
  /** The row of the server's table, column by column, where it is still there. */
  readonly columns?: readonly {
    readonly table: string;
    readonly name: string;
    readonly class: string;
    readonly value: string;
  }[];
  /** What is not in it, as codes: sender, recipients, names, text, members. */
  readonly absent: readonly string[];
}

export interface Inventory {
  /** Code of why the server's side could not be asked; `server` is empty then. */
  readonly server_error?: string;
  readonly server: readonly {
    readonly table: string;
    readonly column: string;
    readonly class: string;
    readonly purpose: string;
    readonly retention: string;
    readonly rows: number;
  }[];
  readonly browser: readonly { readonly store: string; readonly rows: number; readonly bytes: number }[];
  readonly used_bytes: number;
  readonly persisted: boolean;
}

/** Every call of a tab: arguments and answer. An error is a Failure. */
export interface Calls
  extends
    FileCalls,
    HistoryCalls,
    InviteCalls,
    RecoveryCalls,
    LockCalls,
    SearchCalls,
    TimerCalls,
    JoinCalls,
    PushCalls,
    GateCalls,
    PublicCalls,
    ReachCalls,
    StrangerCalls,
    UsernameCalls {
  status(): Status;
  server_info(): ServerInfo;

  preview_invite(a: { text: string }): InvitePreview;
  /** Ready for `create_account`: its code is here. */
  prepare_account(): void;
  /** invite: a link or its fragment. Adds the inviting person, if any, as a contact with a chat. */
  create_account(a: { name: string; invite?: string }): Me;
  /** This browser becomes a further device: progress comes as `linking` events. */
  start_linking(a: { device_name: string }): void;
  cancel_linking(): void;
  preview_link(a: { code: string }): { name: string; platform: string; emoji: readonly string[] };
  set_name(a: { name: string }): Me;
  /** After `rolled_back`: this copy is the one to keep. Ask to be added again everywhere. */
  recover(): void;
  /** Erase everything that this browser holds, and stop. */
  log_out(): void;

  chats(): readonly ChatLine[];
  /** How many strangers ask to write. */
  request_count(): number;
  chat(a: { id: string }): ChatView;
  /** Oldest first. before: `n` of the oldest one held; around: message id. */
  messages(a: {
    chat: string;
    before?: number;
    after?: number;
    around?: string;
    limit: number;
  }): readonly MessageView[];
  message(a: { chat: string; id: string }): MessageDetails;
  /** Message id, stored and on its way; never waits for the network. mentions: ranges of "@name" in text. */
  send(a: {
    chat: string;
    text: string;
    reply_to?: string;
    mentions?: readonly { start: number; end: number; account: string }[];
  }): string;
  edit(a: { chat: string; id: string; text: string }): void;
  delete_message(a: { chat: string; id: string; for: "me" | "all" }): void;
  /** emoji null: take the own reaction back. */
  react(a: { chat: string; id: string; emoji: string | null }): void;
  retry(a: { chat: string; id: string }): void;
  mark_read(a: { chat: string; id: string }): void;
  /** Throws `gone`, `not-reportable`. */
  report_draft(a: { chat: string; ids: readonly string[] }): ReportDraft;
  /** To the moderators. complaint: without proof, for a person to read. */
  report(a: {
    chat: string;
    ids: readonly string[];
    reason: ReportReason;
    note: string;
    complaint: boolean;
  }): ReportResult;
  typing(a: { chat: string }): void;
  /** Calls over this end of a channel, the other end of which is the call worker's: the leading tab alone has them. */
  open_calls(a: { port: MessagePort }): void;
  /** left: whoever writes is done for now. */
  set_draft(a: { chat: string; text: string; reply_to?: string; left: boolean }): void;
  /** On all own devices. until: of `mute`, Unix ms; 0 ends it, absent: always. Throws `too-many-pins`. */
  arrange(a: { chat: string; act: "pin" | "unpin" | "archive" | "unarchive" | "mute"; until?: number }): void;

  contacts(): readonly ContactView[];
  contact(a: { account: string }): ContactPage;
  set_verified(a: { account: string; verified: boolean }): void;
  /** Compare a scanned code of the other side. */
  check_safety(a: { account: string; text: string }): "same" | "different" | "other-epoch" | "not-a-code";
  /** Chat id of the DM with the person behind the link. Bridges in it are left: they are for newcomers. */
  add_contact(a: { link: string }): string;

  create_group(a: { title: string; members: readonly string[] }): string;
  /** Whether a new group of these accounts would be protected against quantum computers. */
  group_protected(a: { members: readonly string[] }): boolean;
  add_members(a: { chat: string; members: readonly string[] }): void;
  remove_member(a: { chat: string; account: string }): void;
  rename_group(a: { chat: string; title: string }): void;
  set_role(a: { chat: string; account: string; role: Role }): void;
  leave_group(a: { chat: string }): void;
  /** Room for up to 1,000 devices instead of 128: for good, and without protection against quantum computers. */
  grow_group(a: { chat: string }): void;
  rejoin(a: { chat: string }): void;

  devices(): readonly DeviceView[];
  settings(): Settings;
  set_settings(a: Partial<Settings>): Settings;
  server_view(a: { chat: string; id: string }): ServerView;
  inventory(): Inventory;
  /** Ask the browser not to erase what we hold. */
  persist(): boolean;
}

export type CallName = keyof Calls;
export type Arguments<N extends CallName> = Parameters<Calls[N]> extends [] ? undefined : Parameters<Calls[N]>[0];
export type Answer<N extends CallName> = ReturnType<Calls[N]>;

/** What the worker tells every tab, after the change is durable. Views are asked for again, not sent along. */
export type CoreEvent =
  | FileEvent
  | HistoryEvent
  | RecoveryEvent
  | WorkEvent
  | { readonly event: "status"; readonly status: Status }
  | { readonly event: "chats" }
  | { readonly event: "chat"; readonly chat: string }
  | { readonly event: "messages"; readonly chat: string; readonly ids: readonly string[] }
  | { readonly event: "contacts" }
  /** What this account asked to be let into changed. */
  | { readonly event: "joins" }
  | { readonly event: "devices" }
  | { readonly event: "settings" }
  | { readonly event: "typing"; readonly chat: string; readonly person: Person; readonly until: number }
  | { readonly event: "linking"; readonly progress: LinkProgress }
  /** Somebody calls in this chat or did, and no call worker has heard of it yet: the leading tab makes one. */
  | { readonly event: "calling"; readonly chat: string }
  /** A message of somebody else came in: for a local notification, if no tab shows its chat. */
  | {
      readonly event: "incoming";
      readonly chat: string;
      readonly id: string;
      readonly title: string;
      readonly sender: Person;
      readonly text: string;
      readonly files: readonly FileView[];
      readonly muted: boolean;
      /** It mentions us. */
      readonly mentioned: boolean;
    }
  | { readonly event: "notice"; readonly notice: Notice };

export type ToWorker =
  { readonly id: number; readonly call: CallName; readonly args: unknown } | { readonly visible: boolean };
export type FromWorker =
  { readonly id: number; readonly ok: unknown } | { readonly id: number; readonly error: Failure } | CoreEvent;
