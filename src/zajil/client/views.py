"""What the SDK shows: frozen values for screens and `--json`; ids are base64url text without padding."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import msgspec

from zajil.client.state.notices import NoticeCode
from zajil.client.state.recovery import RecoveryState
from zajil.protocol.chat.forms import CallKind, CallOutcome
from zajil.protocol.search.matching import Mark

ChatKind = Literal["self", "dm", "group"]
Role = Literal["member", "admin", "owner"]
Needs = Literal["member", "admin"]
ChatStatus = Literal["creating", "active", "rejoining", "removed", "left", "stuck"]
MessageState = Literal["queued", "sending", "sent", "delivered", "read", "failed", "received"]
EventKind = Literal[
    "message",
    "state",
    "change",
    "typing",
    "chat",
    "members",
    "gap",
    "device",
    "problem",
    "connected",
    "disconnected",
]
EventCode = Literal[
    "message",
    "state",
    "edited",
    "deleted",
    "expired",
    "reacted",
    "typing",
    "read",
    "renamed",
    "roles",
    "timer",
    "rules",
    "asked",
    "asking",
    "privacy",
    "members",
    "created",
    "joined",
    "rejoined",
    "repaired",
    "regrouped",
    "leaving",
    "left",
    "removed",
    "profile",
    "gap",
    "device-linked",
    "device-list",
    "old-copy",
    "forked-list",
    "key-changed",
    "refused-change",
    "bad-message",
    "bad-welcome",
    "refused-welcome",
    "report-acted",
    "report-not-acted",
    "account-warned",
    "account-suspended",
    "measure-undone",
    "request",
    "accepted",
    "blocked",
    "unblocked",
]
NEWS: frozenset[EventCode] = frozenset(
    {"report-acted", "report-not-acted", "account-warned", "account-suspended", "measure-undone"}
)
"""What the server's moderators say to this account: shown once, whatever command it came with."""
# Everything the core tells followers, and of what kind it is. The words for a code are the user interface's.
EVENT_KINDS: Mapping[EventCode, EventKind] = MappingProxyType(
    {
        "message": "message",
        "state": "state",
        "edited": "change",
        "deleted": "change",
        "expired": "change",
        "reacted": "change",
        "typing": "typing",
        "read": "chat",
        "renamed": "chat",
        "roles": "chat",
        "timer": "chat",
        "rules": "chat",
        "asked": "chat",
        "asking": "chat",
        "privacy": "device",
        "members": "members",
        "created": "chat",
        "joined": "chat",
        "rejoined": "chat",
        "repaired": "chat",
        "regrouped": "chat",
        "leaving": "chat",
        "left": "chat",
        "removed": "chat",
        "profile": "chat",
        "gap": "gap",
        "device-linked": "device",
        "device-list": "device",
        "old-copy": "problem",
        "forked-list": "problem",
        "key-changed": "problem",
        "refused-change": "problem",
        "bad-message": "problem",
        "bad-welcome": "problem",
        "refused-welcome": "problem",
        "report-acted": "device",
        "report-not-acted": "device",
        "account-warned": "device",
        "account-suspended": "device",
        "measure-undone": "device",
        "request": "chat",
        "accepted": "chat",
        "blocked": "device",
        "unblocked": "device",
    }
)


class WhoAmI(msgspec.Struct, frozen=True):
    """This device.

    account_id: 22 characters. device_id: from 1. server: base URL in use.
    """

    account_id: str
    device_id: int
    name: str
    server: str
    server_name: str


class Contact(msgspec.Struct, frozen=True):
    """A person: name as they (or who introduced them) wrote it; `verified` after `verify` was confirmed.

    key_changed: the account key is another one than the one that was verified. blocked: nothing of them is shown.
    """

    id: str
    name: str
    devices: int
    verified: bool = False
    key_changed: bool = False
    blocked: bool = False


class ContactRequest(msgspec.Struct, frozen=True):
    """Somebody unknown who asks to write. id: for `accept_request` and the like. account: 22 characters.

    name, text: their word; the text is plain, whatever it holds, and empty where what they said first fits into no
    request. sent_at: Unix seconds. resembles: name of a contact that looks like theirs.
    """

    id: str
    account: str
    name: str
    text: str
    sent_at: int
    resembles: str | None = None


class LinkInUse(msgspec.Struct, frozen=True):
    """A contact link that still works. id: its first 8 characters name it. expires_at: Unix seconds.

    group: title of the one that it leads into, where this device made it as a group's; else "".
    """

    id: str
    uses_left: int
    expires_at: int
    group: str = ""


class Device(msgspec.Struct, frozen=True):
    """One own device. added_at: Unix seconds."""

    device_id: int
    added_at: int
    current: bool


Quantum = Literal["protected", "large", "small", "unable"]
"""Whether a recording stays closed to a future quantum computer, else why not: the group is larger than 128 devices,
was made for so many and is smaller, or has a device that is not able."""


class Chat(msgspec.Struct, frozen=True):
    """One chat. title: group title, the person's name in a DM, "Note to self" in the self chat.

    members: account ids. roles: those above member, account id -> role. role: own role. epoch: of the local
    group state, 0 when there is none. perms: of a group, who may. unshown: messages of members that were not shown, as
    only admins write here. unread: messages of others since `mark_read`; mentioned: one of them mentions us.
    timer: seconds after which new messages disappear once they were read, 0 = they stay.
    pinned: among the first of the list. archived: out of the list until somebody writes. muted: tells of no message,
    but of a mention; muted_until: Unix seconds, None where it is not muted or always. draft: a text not sent yet.
    pending: a request of ours that waits for the other side's yes; one text has gone out, others wait.
    """

    id: str
    kind: ChatKind
    title: str
    status: ChatStatus
    members: tuple[str, ...]
    role: Role
    epoch: int
    devices: int
    last_activity: int
    unread: int = 0
    mentioned: bool = False
    roles: Mapping[str, Role] = {}
    timer: int = 0
    pinned: bool = False
    archived: bool = False
    muted: bool = False
    muted_until: int | None = None
    draft: str = ""
    pending: bool = False
    perms: Mapping[str, Needs] = {}
    unshown: int = 0
    quantum: Quantum = "protected"


JoinPolicy = Literal["ask", "auto"]
JoinState = Literal["asked", "declined", "closed", "dropped", "expired"]


class GroupLinkView(msgspec.Struct, frozen=True):
    """A link into a group. link: its text, None where another device or person made it. expires_at: Unix seconds."""

    id: str
    policy: JoinPolicy
    expires_at: int
    link: str | None = None


class JoinRequestView(msgspec.Struct, frozen=True):
    """Somebody asks to be let into a group. name: their word. at: Unix seconds. accepted: they are being added."""

    id: str
    name: str
    at: int
    removed_before: bool
    accepted: bool


class JoinView(msgspec.Struct, frozen=True):
    """We asked to be let into a group. title: by the word of the link. approver: whose link it is, once they said.

    at, expires_at: Unix seconds.
    """

    group: str
    title: str
    approver: str
    at: int
    expires_at: int
    state: JoinState


class Mention(msgspec.Struct, frozen=True):
    """A range of a text in code points: "@" and a name as the sender wrote it. account: whom it means."""

    start: int
    end: int
    account: str


class Reaction(msgspec.Struct, frozen=True):
    """One emoji of one account."""

    sender: str
    sender_id: str
    emoji: str


class Call(msgspec.Struct, frozen=True):
    """What became of a call, as its caller told it. seconds: how long it was, 0 unless it was answered."""

    kind: CallKind
    outcome: CallOutcome
    seconds: int


class Content(msgspec.Struct, frozen=True):
    """A file to send that is in memory."""

    name: str
    data: bytes


class Attachment(msgspec.Struct, frozen=True):
    """A file of a message. name, type: its sender's word; the name is no path. size: bytes."""

    name: str
    type: str
    size: int


class Progress(msgspec.Struct, frozen=True):
    """How far the files of a message are that waits for them. Bytes, padding included."""

    done: int
    whole: int


class Message(msgspec.Struct, frozen=True):
    """One message. sender: display name; sender_id: account id. sent_at: Unix seconds. reason: why it failed.

    state: of an own one `delivered` or `read` once any other account told so. text: to be shown, mentions as "@name";
    empty where `deleted`, or where `supported` is False (a kind of a later version). reply_to: id of a message that may
    be here or not. call: the message is the log of a call; then `text` is empty.
    attachments: its files; then `text` may be empty. progress: of a message whose files are going out; it can be
    withdrawn with `delete`, and gets another id once it is out. expires_at: Unix seconds at which it disappears, None
    where it stays or its time has not begun; expires_s: how long after it was read (an own one: sent), 0 = it stays.
    quote_expired: the message that it answers was here and disappeared.
    """

    id: str
    chat: str
    sender: str
    sender_id: str
    sent_at: int
    state: MessageState
    text: str
    own: bool
    reason: str | None = None
    reply_to: str | None = None
    edited: bool = False
    deleted: bool = False
    mentions: tuple[Mention, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    supported: bool = True
    call: Call | None = None
    attachments: tuple[Attachment, ...] = ()
    progress: Progress | None = None
    expires_at: int | None = None
    expires_s: int = 0
    quote_expired: bool = False


class Hit(msgspec.Struct, frozen=True):
    """A message that a search found, and the chat where it stands.

    marks: where what was looked for stands in its text; name_marks: the same for the name of each of its files.
    """

    message: Message
    chat: Chat
    marks: tuple[Mark, ...]
    name_marks: tuple[tuple[Mark, ...], ...]


class Notice(msgspec.Struct, frozen=True):
    """A line of a chat that is no message. name, account: whom it is about. at: Unix seconds, when the server took it.

    seconds: of `timer`, after which new messages disappear, 0 = they stay. whom, whom_account, whom_own: of the codes
    for roles, whose role the one with `name` changed; of `added` and `removed`, whom that one let in or put out.
    was, became: of `named`, the name before and since.
    """

    code: NoticeCode
    chat: str
    name: str
    account: str
    own: bool
    at: int
    seconds: int = 0
    whom: str = ""
    whom_account: str = ""
    whom_own: bool = False
    was: str = ""
    became: str = ""


class TextVersion(msgspec.Struct, frozen=True):
    """An earlier text of a message. at: Unix seconds."""

    text: str
    at: int


class MessageReceipt(msgspec.Struct, frozen=True):
    """What one account told of an own message. Unix seconds of our clock, None where not told."""

    name: str
    account: str
    delivered_at: int | None
    read_at: int | None


class MessageDetails(msgspec.Struct, frozen=True):
    """A message with its earlier texts, oldest first, and the receipts of each account."""

    message: Message
    versions: tuple[TextVersion, ...]
    receipts: tuple[MessageReceipt, ...]


class Privacy(msgspec.Struct, frozen=True):
    """Two switches, both ways: what is off is neither sent nor shown."""

    receipts: bool
    typing: bool


class Event(msgspec.Struct, frozen=True):
    """Something `follow` tells. message: for kinds `message`, `state`, `change`, unless it is gone here.

    code: what it is, None from older homes. name: who did it, where one person did (`typing`, `reacted`, `deleted`).
    """

    kind: EventKind
    chat: str | None = None
    message: Message | None = None
    code: EventCode | None = None
    name: str | None = None


class LinkPreview(msgspec.Struct, frozen=True):
    """What an old device shows before it approves a link code. emoji: three, also shown by the new device."""

    name: str
    platform: str
    emoji: str


BundleOutcome = Literal["taken", "duplicate", "expired", "stale-epoch", "corrupt"]


class ImportedBundle(msgspec.Struct, frozen=True):
    """What a file of carried messages brought: its chat, and one outcome for each message, in the file's order."""

    chat: Chat
    outcomes: tuple[BundleOutcome, ...]


class SharedBridges(msgspec.Struct, frozen=True):
    """Private bridges for somebody else. left: how many more such links may be had now."""

    link: str
    left: int


class ReportedText(msgspec.Struct, frozen=True):
    """One text of a report as moderators would read it, "" for a kind of a later version. sent_at: Unix seconds."""

    text: str
    sent_at: int


class ReportDraft(msgspec.Struct, frozen=True):
    """What a report would send: whom it is about, and every text of it."""

    account: str
    name: str
    texts: tuple[ReportedText, ...]


class SentReport(msgspec.Struct, frozen=True):
    """A report that moderators have. verified: false for a complaint."""

    id: str
    verified: bool


class LinkedDevice(msgspec.Struct, frozen=True):
    """The device just approved. history: whether it was told of an archive, which may still be on its way."""

    device_id: int
    name: str
    platform: str
    history: bool = False


CheckCode = Literal[
    "keys-private",
    "keys-readable",
    "store-readable",
    "home-current",
    "home-old-copy",
    "device-listed",
    "device-removed",
    "chats-working",
    "chats-waiting",
    "outbox-empty",
    "outbox-waiting",
    "lists-agree",
    "lists-forked",
    "suite-post-quantum",
    "server-answers",
    "server-fails",
    "route-direct",
    "route-via",
    "route-slow",
    "network-blocked",
    "server-down",
    "network-offline",
    "route-missing",
    "clock-right",
    "clock-wrong",
    "routes-fresh",
    "routes-stale",
    "tls-browser",
    "tls-own",
    "transport-missing",
    "push-set",
    "push-ended",
]


class RecoveryStatus(msgspec.Struct, frozen=True):
    """Of the recovery key. stored_at: Unix seconds of the newest backup, 0 before the first. current: it holds all.

    state: as in `state.recovery`. problem: error code of the last try to store it, empty where there is none.
    """

    state: RecoveryState
    stored_at: int
    current: bool
    problem: str


class Check(msgspec.Struct, frozen=True):
    """One finding of `doctor`. The words for a code are the user interface's.

    name: what was looked at. values, by code: `file` (path) and `mode` (octal) of keys-*; `count` of chats-waiting,
    outbox-waiting and lists-forked; `accounts` of lists-forked: ids with a blank between; `suite` (hex) and
    `per_epoch` (own messages) of suite-post-quantum; `server` (URL) of server-answers; `error` (code) of server-fails;
    `host` of route-*; `tried` (hosts, private ones as `*1`) of network-blocked; `minutes` of clock-wrong; `missing`
    of transport-missing; `endpoint` (host) of push-*.
    """

    name: str
    ok: bool
    code: CheckCode
    values: Mapping[str, str | int] = {}
