"""Control parts: what clients tell each other inside a chat without showing it.

SinglePart `application/vnd.zajil.control+cbor` = CBOR `[op, map]` with text keys, disposition unspecified. An unknown
op, and unknown keys of a known one, are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias

from zajil.protocol import cbor
from zajil.protocol.chat.arranging import ENTRIES, Setting, parse_settings, setting_value
from zajil.protocol.chat.content import UNSPECIFIED, SinglePart
from zajil.protocol.chat.extensions import ChatKind
from zajil.protocol.errors import error
from zajil.protocol.fields import Fields
from zajil.protocol.ids import AccountId, GroupId
from zajil.protocol.limits import NAME_BYTES, ROSTER_ENTRIES

CONTROL_TYPE: Final = "application/vnd.zajil.control+cbor"
USERNAME_BYTES: Final = 128
"""Longest username, UTF-8: 32 characters."""
CALL_BYTES: Final = 4096
"""Longest `call` part."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Who an account says it is. contact_token: 32 bytes, lets members fetch its lists and claim its packages."""

    OP: ClassVar[str] = "profile"
    name: str
    contact_token: bytes | None = None


@dataclass(frozen=True, slots=True)
class Lists:
    """Signed device lists of the accounts or devices that the next commit adds; unverified."""

    OP: ClassVar[str] = "lists"
    lists: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Leave:
    """The sender's account leaves; somebody commits the Remove."""

    OP: ClassVar[str] = "leave"


@dataclass(frozen=True, slots=True)
class Readd:
    """The sending device asks to be added to a group again.

    last_epoch: its last usable epoch, None if it has none. reason: one word for people and counters.
    """

    OP: ClassVar[str] = "readd"
    gid: GroupId
    last_epoch: int | None
    reason: str
    contact_token: bytes | None = None


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """The sending account asks to be added to a group by one of its links. contact_token: to claim its packages."""

    OP: ClassVar[str] = "join-request"
    gid: GroupId
    invite_id: bytes
    name: str
    contact_token: bytes | None = None


@dataclass(frozen=True, slots=True)
class JoinAnswer:
    """What became of a request, where it is not an Add. outcome: one word, see `OUTCOMES`."""

    OP: ClassVar[str] = "join-answer"
    gid: GroupId
    invite_id: bytes
    account: AccountId
    outcome: str


OUTCOMES: Final = ("declined", "closed", "dropped")
"""closed: the link holds no more. dropped: too many waited. A later word is read as `declined`."""


PUT_OUT_MAX: Final = 256


@dataclass(frozen=True, slots=True)
class PutOut:
    """Whom others removed from this group, the newest last: they need a person to come back by an `auto` link."""

    OP: ClassVar[str] = "put-out"
    accounts: tuple[AccountId, ...]


@dataclass(frozen=True, slots=True)
class SyncContact:
    """A contact as the account's devices share it."""

    account_id: AccountId
    name: str
    contact_token: bytes | None = None


@dataclass(frozen=True, slots=True)
class SyncGroup:
    """A group an account is in. last_activity: Unix ms."""

    gid: GroupId
    kind: ChatKind
    name: str
    last_activity: int


@dataclass(frozen=True, slots=True)
class SyncPrivacy:
    """The two switches of an account. at: Unix ms at which they were set; the latest counts."""

    receipts: bool
    typing: bool
    at: int


@dataclass(frozen=True, slots=True)
class SyncBlocked:
    """Whom an account blocked or unblocked, of each the latest `at` (Unix ms) counts; and requests it declined.

    token: the profile token since token_at (Unix ms); of two the later counts.
    """

    accounts: tuple[tuple[AccountId, bool, int], ...]
    token: bytes
    token_at: int
    declined: tuple[GroupId, ...] = ()


@dataclass(frozen=True, slots=True)
class SyncUsername:
    """The account's username since `at` (Unix ms), None where it was given up; the latest counts."""

    name: str | None
    at: int


@dataclass(frozen=True, slots=True)
class Sync:
    """Self group alone: what changed on the sending device. read: highest sent ms shown, per group.

    settings: how chats are arranged, see `arranging`.
    """

    OP: ClassVar[str] = "sync"
    contacts: tuple[SyncContact, ...] = ()
    groups: tuple[SyncGroup, ...] = ()
    read: tuple[tuple[GroupId, int], ...] = ()
    seed: bytes | None = None
    privacy: SyncPrivacy | None = None
    settings: tuple[Setting, ...] = ()
    blocked: SyncBlocked | None = None
    username: SyncUsername | None = None


@dataclass(frozen=True, slots=True)
class Typing:
    """The sender is writing. Sent as an ephemeral message alone, and ignored in any other."""

    OP: ClassVar[str] = "typing"


@dataclass(frozen=True, slots=True)
class Call:
    """A call signal (calls.md 4), sent once and kept in no history. fields: as written, read by whoever calls."""

    OP: ClassVar[str] = "call"
    fields: Mapping[str, cbor.Value]


@dataclass(frozen=True, slots=True)
class UnknownPart:
    """An op of a later version, or a `call` that no client of ours writes: ignored."""

    op: str


ControlPart: TypeAlias = Profile | Lists | Leave | Readd | JoinRequest | JoinAnswer | PutOut | Sync | Typing | Call


def encode_part(part: ControlPart) -> SinglePart:
    """The message body of a control part. Raises Malformed for a `call` of more than 4,096 bytes."""
    values: dict[cbor.Key, cbor.Value]
    match part:
        case Profile():
            values = {"name": part.name, "contact_token": part.contact_token}
        case Lists():
            values = {"lists": part.lists}
        case Leave() | Typing():
            values = {}
        case Readd():
            values = {"gid": part.gid, "last_epoch": part.last_epoch, "reason": part.reason}
            values["contact_token"] = part.contact_token
        case JoinRequest():
            values = {"gid": part.gid, "invite_id": part.invite_id, "name": part.name}
            values["contact_token"] = part.contact_token
        case JoinAnswer():
            values = {"gid": part.gid, "invite_id": part.invite_id, "account": part.account, "outcome": part.outcome}
        case PutOut():
            values = {"accounts": part.accounts}
        case Sync():
            values = _sync_values(part)
        case Call():
            values = dict(part.fields.items())
    data = cbor.encode([part.OP, values])
    if isinstance(part, Call) and len(data) > CALL_BYTES:
        raise error("malformed", "call signal too long")
    return SinglePart(CONTROL_TYPE, data, UNSPECIFIED)


def _sync_values(part: Sync) -> dict[cbor.Key, cbor.Value]:
    values: dict[cbor.Key, cbor.Value] = {
        "contacts": [contact_value(c) for c in part.contacts],
        "groups": [group_value(g) for g in part.groups],
        "read": [[gid, at] for gid, at in part.read],
        "seed": part.seed,
    }
    if part.privacy is not None:
        values["privacy"] = [part.privacy.receipts, part.privacy.typing, part.privacy.at]
    if part.settings:
        values["settings"] = [setting_value(setting) for setting in part.settings]
    if part.blocked is not None:
        values["blocked"] = _blocked_value(part.blocked)
    if part.username is not None:
        values["username"] = [part.username.name, part.username.at]
    return values


def _blocked_value(told: SyncBlocked) -> cbor.Value:
    accounts: list[cbor.Value] = [[account, blocked, at] for account, blocked, at in told.accounts]
    return [accounts, told.token, told.token_at, list(told.declined)]


def contact_value(contact: SyncContact) -> cbor.Value:
    """`[account_id, name, contact_token]`."""
    return [contact.account_id, contact.name, contact.contact_token]


def group_value(group: SyncGroup) -> cbor.Value:
    """`[gid, kind, name, last_activity]`."""
    return [group.gid, int(group.kind), group.name, group.last_activity]


def parse_contact(value: cbor.Parsed) -> SyncContact:
    """The contact of `contact_value`. Raises Malformed."""
    fields = Fields.of_array(value, 3)
    return SyncContact(
        AccountId(fields.blob(0, size=16)), fields.text(1, most=NAME_BYTES), fields.blob_or_none(2, size=32)
    )


def parse_group(value: cbor.Parsed) -> SyncGroup:
    """The group of `group_value`. Raises Malformed."""
    fields = Fields.of_array(value, 4)
    kind = fields.number(1)
    if kind not in tuple(ChatKind):
        raise error("malformed", "kind of chat")
    gid = GroupId(fields.blob(0, size=16))
    return SyncGroup(gid, ChatKind(kind), fields.text(2, most=NAME_BYTES), fields.number(3))


def is_control(part: object) -> bool:
    """Whether a body is a control part, so never shown."""
    return isinstance(part, SinglePart) and part.content_type == CONTROL_TYPE


def parse_part(part: SinglePart) -> ControlPart | UnknownPart:
    """The control part of a body. Raises Malformed."""
    match cbor.parse(part.content):
        case [Call.OP, dict() as values]:
            named = {key: value for key, value in values.items() if isinstance(key, str)}
            short = len(part.content) <= CALL_BYTES and len(named) == len(values)
            return Call(named) if short else UnknownPart(Call.OP)
        case [str() as op, dict() as values]:
            return _parse(op, Fields(values))
    raise error("malformed", "control part")


def _parse(op: str, fields: Fields) -> ControlPart | UnknownPart:
    match op:
        case Profile.OP:
            return Profile(fields.text("name", most=NAME_BYTES), fields.blob_or_none("contact_token", size=32))
        case Lists.OP:
            return Lists(_blobs(fields.items("lists", most=ROSTER_ENTRIES)))
        case Leave.OP:
            return Leave()
        case Typing.OP:
            return Typing()
        case Readd.OP:
            return Readd(
                GroupId(fields.blob("gid", size=16)),
                fields.number_or_none("last_epoch"),
                fields.text("reason", most=64),
                fields.blob_or_none("contact_token", size=32),
            )
        case JoinRequest.OP:
            return JoinRequest(
                GroupId(fields.blob("gid", size=16)),
                fields.blob("invite_id", size=16),
                fields.text("name", most=NAME_BYTES),
                fields.blob_or_none("contact_token", size=32),
            )
        case JoinAnswer.OP:
            outcome = fields.text("outcome", most=64)
            return JoinAnswer(
                GroupId(fields.blob("gid", size=16)),
                fields.blob("invite_id", size=16),
                AccountId(fields.blob("account", size=16)),
                outcome if outcome in OUTCOMES else "declined",
            )
        case PutOut.OP:
            told = _blobs(fields.items("accounts", most=PUT_OUT_MAX), size=16)
            return PutOut(tuple(map(AccountId, told)))
        case Sync.OP:
            return _parse_sync(fields)
    return UnknownPart(op)


def _parse_sync(fields: Fields) -> Sync:
    read = [Fields.of_array(item, 2) for item in fields.items("read", most=4096)]
    return Sync(
        contacts=tuple(parse_contact(item) for item in fields.items("contacts", most=4096)),
        groups=tuple(parse_group(item) for item in fields.items("groups", most=4096)),
        read=tuple((GroupId(item.blob(0, size=16)), item.number(1)) for item in read),
        seed=fields.blob_or_none("seed", size=32),
        privacy=_parse_privacy(fields.raw("privacy")),
        settings=parse_settings(fields.items("settings", most=ENTRIES)) if "settings" in fields else (),
        blocked=_parse_blocked(fields.raw("blocked")),
        username=_parse_username(fields.raw("username")),
    )


def _parse_username(value: cbor.Parsed) -> SyncUsername | None:
    if value is None:
        return None
    fields = Fields.of_array(value, 2)
    return SyncUsername(fields.text_or_none(0, most=USERNAME_BYTES), fields.number(1))


def _parse_blocked(value: cbor.Parsed) -> SyncBlocked | None:
    if value is None:
        return None
    fields = Fields.of_array(value, 4)
    told = [Fields.of_array(item, 3) for item in fields.items(0, most=4096)]
    declined = fields.items(3, most=4096)
    gids = Fields(dict(enumerate(declined)))
    return SyncBlocked(
        tuple((AccountId(item.blob(0, size=16)), item.flag(1), item.number(2)) for item in told),
        fields.blob(1, size=32),
        fields.number(2),
        tuple(GroupId(gids.blob(at, size=16)) for at in range(len(declined))),
    )


def _parse_privacy(value: cbor.Parsed) -> SyncPrivacy | None:
    if value is None:
        return None
    fields = Fields.of_array(value, 3)
    return SyncPrivacy(fields.flag(0), fields.flag(1), fields.number(2))


def _blobs(items: list[cbor.Parsed], *, size: int | None = None) -> tuple[bytes, ...]:
    fields = Fields(dict(enumerate(items)))
    return tuple(fields.blob(at, size=size, most=4096) for at in range(len(items)))
