"""What the store holds, as types, and the typed reads and writes of each table."""

from __future__ import annotations

from typing import Literal, TypeVar

import msgspec

from zajil.client.state.heirs import Ended, Growing, Heir
from zajil.client.storage.store import Tx
from zajil.protocol.chat import forms
from zajil.protocol.chat.files import File
from zajil.protocol.limits import SUITE_XWING

# Item states. `accepted` is a commit the server took whose echo has not come; `waiting` one it refused for its epoch,
# judged at the end of the drain; `refused` one refused otherwise, kept until its epoch ends (a late copy may win).
ItemState = Literal["queued", "sealed", "accepted", "waiting", "refused", "failed"]
ItemKind = Literal["create", "commit", "message"]
Status = Literal["creating", "active", "await", "lost", "removed", "left"]
EARLY = b"early "  # before a message id, it names what waits for that message


class Member(msgspec.Struct, frozen=True, array_like=True):
    """One leaf of a group's tree."""

    leaf: int
    account: bytes
    device: int
    added: int = 0  # epoch in which this leaf was added, 0 when before our join


class Asking(msgspec.Struct, frozen=True):
    """A running *re-add me*: whom we asked, and when the next one is asked (Unix ms)."""

    last_epoch: int
    reason: str
    asked: tuple[bytes, ...]  # accounts
    next_at: int
    heard: bool = False  # somebody could be asked in this round


class Chat(msgspec.Struct, frozen=True):
    """One group and what we know around it.

    gid: 16 bytes. kind: 0 self, 1 DM, 2 group. gs: group secret, 32 bytes. rotated_at: Unix ms of the last new gs.
    top: highest epoch ever held. members: the current tree. roles: account -> 1 admin, 2 owner. told: accounts that
    have our profile from us here. left: accounts that sent `leave`, and when it is our turn to remove them (Unix ms).
    merged: the chat that replaced this one. read_n: number of the newest message row that was read. unread: messages of
    others after it; mentioned: whether one of them mentions us. owed: receipts not yet sent, message id -> 1 delivered
    or 2 read; owed_at: when they are due (Unix ms). typed_at: when we last told that we write (Unix ms).
    bundle_keys: (epoch, key) of the last three past epochs, for files that members carry by hand. heard: when the
    server took the newest message of others, Unix ms.
    timer: seconds after which own new messages disappear, 0 = they stay.
    request: `incoming`, a stranger's that waits for our decision, `outgoing`, ours that waits for theirs; only in DMs.
    opening: id of the text that ours begins with, once it was sealed, or `requests.ELSEWHERE`; empty before.
    via: serial of the reference through which its messages came to this device last.
    settings: the current data of extension 0xF0A0, empty before the first Welcome of a restored or linked device.
    perms: who may, by name, 0 member, 1 admin. invites: (id, policy, Unix seconds) of the links that lead in; of a DM:
    it was made to ask by one. quiet: such a DM, and nobody wrote in it yet. put_out: accounts that others removed.
    unshown: messages of members that were not shown, as only admins write here.
    suite: MLS cipher suite, for life; all_able: every leaf lists the post-quantum one.
    ended: see there. mend_at: Unix ms at which this device makes a successor, 0 = never. heir: the successor, where
    there is one; `merged` leads there. forebear: gid of the group that this one follows. mended_at: Unix ms at which
    it took the place of a stuck one with nobody left out. passed: see `protocol.chat.successors.Held`. mend_from: the
    first `mend_at` since it is stuck. growing: see there.
    absent: accounts that could not be brought into it from the group before, and come in when they ask.
    """

    gid: bytes
    kind: int
    title: str
    status: Status
    peer: bytes = b""
    gs: bytes = b""
    rotated_at: int = 0
    activity: int = 0
    epoch: int = 0
    top: int = -1
    own_leaf: int = 0
    members: tuple[Member, ...] = ()
    roles: dict[bytes, int] = {}
    perms: dict[str, int] = {}
    settings: bytes = b""
    told: tuple[bytes, ...] = ()
    left: dict[bytes, int] = {}  # account -> Unix ms at which we would remove it
    sent: int = 0
    updated_at: int = 0
    asking: Asking | None = None
    merged: bytes = b""
    read_n: int = 0
    unread: int = 0
    mentioned: bool = False
    owed: dict[bytes, int] = {}
    owed_at: int = 0
    typed_at: int = 0
    bundle_keys: tuple[tuple[int, bytes], ...] = ()
    timer: int = 0
    heard: int = 0
    request: Literal["", "incoming", "outgoing"] = ""
    via: bytes = b""
    invites: tuple[tuple[bytes, int, int], ...] = ()
    quiet: bool = False
    put_out: tuple[bytes, ...] = ()
    unshown: int = 0
    suite: int = SUITE_XWING
    all_able: bool = True
    ended: Ended | None = None
    mend_at: int = 0
    heir: Heir | None = None
    forebear: bytes = b""
    mended_at: int = 0
    passed: tuple[tuple[int, bytes], ...] = ()
    growing: Growing | None = None
    mend_from: int = 0
    absent: tuple[bytes, ...] = ()
    opening: bytes = b""

    def accounts(self) -> tuple[bytes, ...]:
        """Accounts in the tree, by lowest leaf."""
        return tuple(dict.fromkeys(member.account for member in self.members))

    def leaf_of(self, account: bytes, device: int) -> int | None:
        """Leaf of a device, None when it is not in the tree."""
        return next((m.leaf for m in self.members if (m.account, m.device) == (account, device)), None)

    def at(self, leaf: int) -> Member | None:
        """The member at a leaf."""
        return next((m for m in self.members if m.leaf == leaf), None)


class Account(msgspec.Struct, frozen=True):
    """An account as we know it: newest verified device list, name and contact token.

    list_object: the signed bytes; empty while only certificates are known. said: name and token are its own word.
    named_at: Unix ms at which it said so by its own clock, never after it reached us; 0 where others named it.
    verified: its safety number was compared, of the key verified_pub (see `accounts.is_verified`).
    blocked: nothing of it is shown; blocked_at: Unix ms at which that was last decided.
    """

    account_id: bytes
    account_pub: bytes = b""
    list_seq: int = 0
    list_object: bytes = b""
    devices: tuple[tuple[int, bytes], ...] = ()
    name: str = ""
    contact_token: bytes = b""
    contact: bool = False
    verified: bool = False
    verified_pub: bytes = b""
    wanted_seq: int = 0  # a newer list exists: fetch it
    alarm: bool = False  # a fork was seen
    said: bool = False
    named_at: int = 0
    blocked: bool = False
    blocked_at: int = 0
    gone: bool = False  # it said that it ends


class Claimed(msgspec.Struct, frozen=True):
    """One claimed KeyPackage with the delivery reference of its device."""

    account: bytes
    device: int
    key_package: bytes
    deliver_to: bytes
    last_resort: bool


class Intent(msgspec.Struct, frozen=True):
    """What a commit is for. It names accounts and devices, never leaves, and is judged anew on each tree.

    devices: of a `readd`, the asker first, then those of its account that it takes the place of.
    title, role, timer, perms, invite, revoke: what a `settings` intent changes; role of `account`: 0 to 2, as in
    `Chat`; perms: those that change, by name; invite: a link to add, (id, policy, Unix seconds); revoke: the id of one.
    `accept` gives this device's leaf a reference of its own in the place of a stranger's.
    """

    op: Literal["add", "add-device", "remove", "remove-device", "readd", "update", "settings", "accept"]
    account: bytes = b""  # one account per intent, except `accounts`
    accounts: tuple[bytes, ...] = ()
    devices: tuple[int, ...] = ()
    last_epoch: int | None = None
    title: str | None = None
    role: int | None = None
    timer: int | None = None
    perms: dict[str, int] = {}
    invite: tuple[bytes, int, int] | None = None
    revoke: bytes = b""

    def adds(self) -> bool:
        """Whether it needs claimed KeyPackages."""
        return self.op in ("add", "add-device", "readd")


class Item(msgspec.Struct, frozen=True):
    """One outbox row. request: the whole sealed request (frame bytes, rid 0), repeated verbatim by every retry.

    content: MIMI content bytes, fixed at submit. wait: number of the HELLO whose DRAINED must come first.
    hashes: H(body) of every sealing, this one last. sealed_at: Unix ms. target: the message that an edit, deletion or
    reaction is about; where it is an own one that still waits, the item waits behind it. absent: our own device that it
    is to add has published no packages for a while, and nothing else waits for it.
    """

    gid: bytes
    kind: ItemKind
    state: ItemState
    at: int
    content: bytes = b""
    message_id: bytes = b""
    shown: bool = False
    intent: Intent | None = None
    claims: tuple[Claimed, ...] = ()
    claimed: tuple[bytes, ...] = ()  # accounts whose claim was answered
    claim_id: bytes = b""
    group_pass: bytes = b""
    own_ref: bytes = b""
    mid: bytes = b""
    request: bytes = b""
    epoch: int = 0
    hashes: tuple[bytes, ...] = ()
    wait: int = 0
    sealed_at: int = 0
    reason: str = ""
    refusals: int = 0
    refused_epoch: int = -1
    urgent: bool = False
    target: bytes = b""
    absent: bool = False


class Version(msgspec.Struct, frozen=True, array_like=True):
    """One text of a message. at: Unix ms of the sender's clock; (at, message_id) orders versions."""

    text: str
    at: int
    message_id: bytes


class Reacted(msgspec.Struct, frozen=True, array_like=True):
    """The reaction of one account, empty where it took it back. (at, message_id): the latest counts."""

    account: bytes
    emoji: str
    at: int
    message_id: bytes


class Received(msgspec.Struct, frozen=True, array_like=True):
    """What one account told of an own message: Unix ms of our clock at which we learnt it, 0 = not."""

    account: bytes
    delivered: int = 0
    read: int = 0


class Proof(msgspec.Struct, frozen=True, array_like=True):
    """What a report needs of one content as it came: the first text of a message, or an edit.

    message_id: of this content. sig: 64 bytes. gid: of the group it came in. ts: Unix ms at which the server took it;
    frank: its mark, both empty for what was carried by hand. cert: the sender's signed certificate.
    """

    message_id: bytes
    content: bytes
    sig: bytes
    epoch: int
    gid: bytes
    ts: int
    frank: bytes
    cert: bytes


class CallRow(msgspec.Struct, frozen=True, array_like=True):
    """What a line says of a call: see `forms.CallLog`."""

    call: bytes
    kind: forms.CallKind
    outcome: forms.CallOutcome
    seconds: int

    @classmethod
    def of(cls, log: forms.CallLog) -> CallRow:
        """The row of a log."""
        return cls(log.call, log.kind, log.outcome, log.seconds)


class FileRow(msgspec.Struct, frozen=True, array_like=True):
    """A file of a message: see `chat.files.File`. attachment_id: empty where the upload failed for good."""

    attachment_id: bytes
    name: str
    content_type: str
    size: int
    key: bytes
    nonce: bytes
    sha256: bytes

    @classmethod
    def of(cls, file: File) -> FileRow:
        """The row of a file."""
        return cls(file.attachment_id, file.name, file.content_type, file.size, file.key, file.nonce, file.sha256)

    def file(self) -> File:
        """What the row is of."""
        return File(self.attachment_id, self.name, self.content_type, self.size, self.key, self.nonce, self.sha256)


class StoredMessage(msgspec.Struct, frozen=True):
    """One shown message. sent: Unix ms of the sender's clock; arrived: of ours. state: `marks`, or `received`.

    text: as sent (mentions are links in it), the newest version. reply_to: id of the quoted message. versions: all
    texts by (at, message_id), the first one first; empty where it was never edited. deleted_by: the account that
    deleted it for all; then text, versions, reactions, proofs are gone. kept: the content of a kind not shown by this
    version. proofs: of what others wrote, one for each version kept. call: what became of a call; then text is empty.
    files: with it; then the text may be empty. expire_s: its span, 0 = it stays; expires_at: Unix ms at which it is
    over, 0 = its span did not begin (see `protocol.chat.expiry`).
    """

    message_id: bytes
    gid: bytes
    account: bytes
    device: int
    sent: int
    state: Literal["queued", "sending", "sent", "delivered", "read", "failed", "received"]
    text: str
    reason: str = ""
    reply_to: bytes = b""
    versions: tuple[Version, ...] = ()
    deleted_by: bytes = b""
    reactions: tuple[Reacted, ...] = ()
    receipts: tuple[Received, ...] = ()
    arrived: int = 0
    kept: bytes = b""
    proofs: tuple[Proof, ...] = ()
    call: CallRow | None = None
    files: tuple[FileRow, ...] = ()
    expire_s: int = 0
    expires_at: int = 0


class Searched(msgspec.Struct, frozen=True):
    """What a search reads of a `StoredMessage`: the rest of the row is skipped, which is most of the time it takes."""

    gid: bytes
    text: str
    deleted_by: bytes = b""
    files: tuple[FileRow, ...] = ()
    expires_at: int = 0


class Early(msgspec.Struct, frozen=True, array_like=True):
    """An edit, deletion or reaction whose message is not here yet: `early` rows hold those of one message.

    gid: of the group it came in. content: as received. as_admin: whether its sender was an admin when it came.
    """

    gid: bytes
    account: bytes
    message_id: bytes
    sent: int
    content: bytes
    as_admin: bool
    proof: Proof | None = None


class Privacy(msgspec.Struct, frozen=True):
    """The two switches, both ways: off is neither sent nor shown. at: Unix ms at which they were set."""

    receipts: bool = True
    typing: bool = True
    at: int = 0


class Held(msgspec.Struct, frozen=True):
    """A message of a later epoch, stored before its acknowledgement. ts, frank: of its MSG."""

    gid: bytes
    kind: int
    epoch: int
    at: int
    body: bytes
    ts: int = 0
    frank: bytes = b""


class OwnKeyPackage(msgspec.Struct, frozen=True):
    """Private part of a published KeyPackage."""

    reference: bytes
    package: bytes
    secrets: bytes
    last_resort: bool
    made_at: int
    suite: int = SUITE_XWING


class Session(msgspec.Struct, frozen=True):
    """Where this device stands with the server.

    last_seq: highest mailbox seq stored. head: the highest given out, by the newest READY.
    hellos: HELLOs sent; drained: highest of them answered by DRAINED.
    readies: READYs seen by this home. starts: the start counter.
    adopt_ack: after a recovery, the next READY says where we stand. list_lost: the server holds an older list of ours.
    """

    last_seq: int = 0
    head: int | None = None
    hellos: int = 0
    drained: int = 0
    wanted: int = 0
    readies: int = 0
    starts: int = 0
    rolled_back: bool = False
    adopt_ack: bool = False
    revoked: bool = False
    list_lost: bool = False
    token: str = ""
    token_expires: int = 0
    keys_wanted: bool = True
    pool_stale: bool = False  # the server hands out packages whose secrets we forgot
    last_resort_at: int = 0


class Profile(msgspec.Struct, frozen=True):
    """This device and its account. certificate: signed bytes, the MLS credential. profile_token: 32 bytes."""

    account_id: bytes
    account_pub: bytes
    device_id: int
    device_pub: bytes
    certificate: bytes
    name: str
    server: str
    server_name: str
    profile_token: bytes
    registered: bool = False
    registered_at: int = 0


T = TypeVar("T", bound=msgspec.Struct)


def encode_row(row: msgspec.Struct) -> bytes:
    """MessagePack of a row."""
    return msgspec.msgpack.encode(row)


def parse_row(data: bytes, kind: type[T]) -> T:
    """The row behind `encode_row`."""
    return msgspec.msgpack.decode(data, type=kind)


def changed(row: T, **fields: object) -> T:
    """A row with some fields changed."""
    return msgspec.structs.replace(row, **fields)


def find_chat(tx: Tx, gid: bytes) -> Chat | None:
    """The chat of a group."""
    data = tx.find("chat", gid)
    return None if data is None else parse_row(data, Chat)


def load_chat(tx: Tx, gid: bytes) -> Chat:
    """The chat of a group that exists."""
    chat = find_chat(tx, gid)
    if chat is None:
        raise KeyError("chat")
    return chat


def save_chat(tx: Tx, chat: Chat) -> Chat:
    """Write a chat and return it."""
    tx.put("chat", chat.gid, encode_row(chat))
    return chat


def all_chats(tx: Tx) -> list[Chat]:
    """Every chat, latest activity first."""
    chats = [parse_row(data, Chat) for data in tx.scan("chat")]
    return sorted(chats, key=lambda chat: (-chat.activity, chat.gid))


def find_account(tx: Tx, account_id: bytes) -> Account | None:
    """What we know of an account."""
    data = tx.find("account", account_id)
    return None if data is None else parse_row(data, Account)


def save_account(tx: Tx, account: Account) -> Account:
    """Write an account and return it."""
    tx.put("account", account.account_id, encode_row(account))
    return account


def all_accounts(tx: Tx) -> list[Account]:
    """Every account we know."""
    return sorted((parse_row(data, Account) for data in tx.scan("account")), key=lambda a: a.account_id)


def items(tx: Tx, gid: bytes | None = None) -> list[tuple[int, Item]]:
    """Outbox rows in order, of one chat or all."""
    return [(n, parse_row(data, Item)) for n, data in tx.rows("outbox", gid)]


def load_session(tx: Tx) -> Session:
    """Where we stand with the server."""
    data = tx.find("meta", b"session")
    return Session() if data is None else parse_row(data, Session)


def save_session(tx: Tx, session: Session) -> Session:
    """Write it and return it."""
    tx.put("meta", b"session", encode_row(session))
    return session


def load_profile(tx: Tx) -> Profile:
    """This device. Raises KeyError before registration stored it."""
    data = tx.find("meta", b"profile")
    if data is None:
        raise KeyError("profile")
    return parse_row(data, Profile)


def load_privacy(tx: Tx) -> Privacy:
    """The switches."""
    data = tx.find("meta", b"privacy")
    return Privacy() if data is None else parse_row(data, Privacy)


def save_privacy(tx: Tx, privacy: Privacy) -> Privacy:
    """Write them and return them."""
    tx.put("meta", b"privacy", encode_row(privacy))
    return privacy


def find_call(tx: Tx) -> bytes | None:
    """The record of the call this device is in."""
    return tx.find("meta", b"call")


def save_call(tx: Tx, record: bytes | None) -> None:
    """Write it; None removes it."""
    if record is None:
        tx.delete("meta", b"call")
    else:
        tx.put("meta", b"call", record)


def load_early(tx: Tx, target: bytes) -> tuple[Early, ...]:
    """What came early for a message. It lives in `known`, whose rows are forgotten after 60 days."""
    data = tx.find("known", EARLY + target)
    return () if data is None else msgspec.msgpack.decode(data, type=tuple[Early, ...])


def save_early(tx: Tx, target: bytes, early: tuple[Early, ...]) -> None:
    """Write it; empty removes it."""
    if early:
        tx.put("known", EARLY + target, msgspec.msgpack.encode(early))
    else:
        tx.delete("known", EARLY + target)


def save_profile(tx: Tx, profile: Profile) -> Profile:
    """Write it and return it."""
    tx.put("meta", b"profile", encode_row(profile))
    return profile


class Told(msgspec.Struct, frozen=True, array_like=True):
    """One event for followers. kind: see `views.EventKind`. code: see `views.EventCode`. account: who did it."""

    kind: str
    gid: bytes
    message_id: bytes
    code: str
    account: bytes = b""
