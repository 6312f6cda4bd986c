"""Two private MLS extensions: chat settings (GroupContext, 0xF0A0), what a joiner must know (Welcome, 0xF0A1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple

from zajil.protocol import cbor
from zajil.protocol.errors import error
from zajil.protocol.fields import Fields
from zajil.protocol.ids import AccountId
from zajil.protocol.limits import ABOUT_BYTES, GROUP_INVITES, NAME_BYTES, ROSTER_ENTRIES

CHAT_SETTINGS: Final = 0xF0A0
GROUP_INFO_SHARE: Final = 0xF0A1
VERSION: Final = 1
TIMER: Final = 6
PREDECESSOR: Final = 9
"""Keys of the chat settings."""
KEYS_MAX: Final = 64
"""Of settings, those of later versions too; one of them is for PREDECESSOR, so that each group can be followed."""


class ChatKind(IntEnum):
    """SELF: own devices alone. DM: two accounts. GROUP: any."""

    SELF = 0
    DM = 1
    GROUP = 2


class ChatRole(IntEnum):
    """Roles above member; who is not listed is a member."""

    ADMIN = 1
    OWNER = 2


class Needs(IntEnum):
    """Who may: any member, or admins and owners."""

    MEMBER = 0
    ADMIN = 1


@dataclass(frozen=True, slots=True)
class Permissions:
    """Who may write, add accounts, change name and about, change the timer, make links to join by."""

    send: Needs = Needs.MEMBER
    add: Needs = Needs.ADMIN
    info: Needs = Needs.ADMIN
    timer: Needs = Needs.ADMIN
    link: Needs = Needs.ADMIN

    def encode_map(self) -> dict[cbor.Key, cbor.Value]:
        """Text keys, as control parts have."""
        return {name: int(getattr(self, name)) for name in PERMISSIONS}

    def numbers(self) -> dict[str, int]:
        """By name, 0 member, 1 admin."""
        return {name: int(getattr(self, name)) for name in PERMISSIONS}


PERMISSIONS: Final = ("send", "add", "info", "timer", "link")


class JoinPolicy(IntEnum):
    """What becomes of who asks by a link: a person decides, or is added at once."""

    ASK = 0
    AUTO = 1


class Invite(NamedTuple):
    """A link that leads into a group. invite_id: 16 bytes. expires: Unix seconds.

    A DM that holds one was made to ask by it.
    """

    invite_id: bytes
    policy: JoinPolicy
    expires: int


class Reason(IntEnum):
    """Why a group was followed by another one."""

    STUCK = 1
    RESIZE = 2
    SUITE = 3


class Predecessor(NamedTuple):
    """The group that this one takes the place of. authenticator: of its epoch; 32 to 64 bytes, by its suite."""

    gid: bytes
    epoch: int
    authenticator: bytes
    reason: Reason


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """What every member agrees on. timer: seconds, 0 = messages stay. roles: accounts above member."""

    kind: ChatKind
    name: str = ""
    about: str = ""
    timer: int = 0
    roles: Mapping[AccountId, ChatRole] = field(default_factory=dict)
    perms: Permissions = Permissions()
    invites: tuple[Invite, ...] = ()
    predecessor: Predecessor | None = None

    def encode(self) -> bytes:
        """The extension's data."""
        roles: Mapping[cbor.Key, cbor.Value] = {account: int(role) for account, role in self.roles.items()}
        values: dict[cbor.Key, cbor.Value] = {1: VERSION, 2: int(self.kind), 3: self.name, 4: self.about}
        values |= {6: self.timer, 7: roles, 8: self.perms.encode_map()}
        if self.predecessor is not None:
            values[PREDECESSOR] = _predecessor_value(self.predecessor)
        return cbor.encode(values | ({10: _invites_value(self.invites)} if self.invites else {}))

    @classmethod
    def parse(cls, data: bytes) -> ChatSettings:
        """The settings of an extension; keys of later features are left unread.

        Raises Malformed, `unsupported-version` for another version or kind of chat.
        """
        fields = Fields.of_open_map(cbor.parse(data), (1, 2))
        if fields.number(1) != VERSION or fields.number(2) not in tuple(ChatKind):
            raise error("unsupported-version", "chat settings")
        keys = Fields({0: cbor.parse(data)}).pairs(0, most=KEYS_MAX)
        if PREDECESSOR not in keys and len(keys) == KEYS_MAX:
            raise error("malformed", "no key left for a predecessor")
        return cls(
            kind=ChatKind(fields.number(2)),
            name=fields.text_or_none(3, most=NAME_BYTES) or "",
            about=fields.text_or_none(4, most=ABOUT_BYTES) or "",
            timer=fields.number_or_none(6, bits=32) or 0,
            roles=_parse_roles(fields.pairs(7, most=ROSTER_ENTRIES)) if 7 in fields else {},
            perms=_parse_permissions(fields.raw(8)) if 8 in fields else Permissions(),
            invites=_parse_invites(fields.items(10, most=GROUP_INVITES)) if 10 in fields else (),
            predecessor=_parse_predecessor(fields.raw(PREDECESSOR)) if PREDECESSOR in fields else None,
        )


def change_settings(
    data: bytes,
    *,
    name: str | None = None,
    roles: Mapping[AccountId, ChatRole] | None = None,
    timer: int | None = None,
    perms: Mapping[str, int] | None = None,
    invites: Sequence[Invite] | None = None,
) -> bytes:
    """The extension's data with another name, other roles, timer, permissions or links; keys of later versions stay.

    perms: those that change, by name. Raises Malformed.
    """
    ChatSettings.parse(data)
    fields = Fields(Fields({0: cbor.parse(data)}).pairs(0, most=KEYS_MAX))
    values: dict[cbor.Key, cbor.Value] = dict(Fields({0: cbor.parse(data)}).pairs(0, most=KEYS_MAX))
    if name is not None:
        values[3] = name
    if roles is not None:
        values[7] = {account: int(role) for account, role in roles.items()}
    if timer is not None:
        values[TIMER] = timer
    if perms is not None:
        held: dict[cbor.Key, cbor.Value] = Permissions().encode_map()
        if 8 in fields:
            held.update(fields.pairs(8, most=64))
        held.update(perms)
        values[8] = held
    if invites is not None:
        values[10] = _invites_value(invites)
    changed = cbor.encode(values)
    ChatSettings.parse(changed)
    return changed


def with_predecessor(data: bytes, predecessor: Predecessor) -> bytes:
    """The extension's data for the group that follows: all else stays as it is. Raises Malformed."""
    values: dict[cbor.Key, cbor.Value] = dict(Fields({0: cbor.parse(data)}).pairs(0, most=KEYS_MAX))
    changed = cbor.encode(values | {PREDECESSOR: _predecessor_value(predecessor)})
    ChatSettings.parse(changed)
    return changed


def find_changes(before: bytes, after: bytes) -> frozenset[cbor.Key]:
    """The keys of two extensions' data that differ, those of later versions too. Raises Malformed."""
    old, new = (dict(Fields({0: cbor.parse(data)}).pairs(0, most=KEYS_MAX)) for data in (before, after))

    def bytes_of(values: dict[cbor.Key, cbor.Parsed], key: cbor.Key) -> bytes:
        return cbor.encode(values[key]) if key in values else b""

    return frozenset(key for key in old.keys() | new.keys() if bytes_of(old, key) != bytes_of(new, key))


def _parse_roles(pairs: dict[cbor.Key, cbor.Parsed]) -> dict[AccountId, ChatRole]:
    fields = Fields(pairs)
    roles: dict[AccountId, ChatRole] = {}
    for account in pairs:
        if not isinstance(account, bytes) or len(account) != 16 or fields.number(account) not in tuple(ChatRole):
            raise error("malformed", "roles of a chat")
        roles[AccountId(account)] = ChatRole(fields.number(account))
    return roles


def _parse_permissions(value: cbor.Parsed) -> Permissions:
    fields = Fields.of_open_map(value, ("send", "add", "info", "timer"))
    send, add, info, timer = (Needs(fields.number(key, bits=1)) for key in ("send", "add", "info", "timer"))
    link = fields.number_or_none("link", bits=1)
    return Permissions(send, add, info, timer, Needs.ADMIN if link is None else Needs(link))


def _invites_value(invites: Sequence[Invite]) -> cbor.Value:
    return [[one.invite_id, int(one.policy), one.expires] for one in invites]


def _parse_invites(items: list[cbor.Parsed]) -> tuple[Invite, ...]:
    found = []
    for item in items:
        fields = Fields.of_array(item, 3)
        found.append(Invite(fields.blob(0, size=16), JoinPolicy(fields.number(1, bits=1)), fields.number(2)))
    if len({one.invite_id for one in found}) != len(found):
        raise error("malformed", "a link twice")
    return tuple(found)


def _predecessor_value(one: Predecessor) -> cbor.Value:
    return [one.gid, one.epoch, one.authenticator, int(one.reason)]


def _parse_predecessor(value: cbor.Parsed) -> Predecessor:
    fields = Fields.of_array(value, 4)
    if fields.number(3) not in tuple(Reason):
        raise error("malformed", "reason of a successor")
    authenticator = fields.blob(2, most=64)
    if len(authenticator) < 32:
        raise error("malformed", "authenticator of a predecessor")
    return Predecessor(fields.blob(0, size=16), fields.number(1), authenticator, Reason(fields.number(3)))


@dataclass(frozen=True, slots=True)
class Acquaintance:
    """What the adder says of an account, until its own profile arrives. contact_token: 32 bytes."""

    name: str
    contact_token: bytes | None = None


@dataclass(frozen=True, slots=True)
class GroupInfoShare:
    """What a Welcome tells the joiner. group_secret: 32 bytes, None when the commit rotates it (derive it then).

    lists: the newest signed device list of each account, unverified. accounts: names by the adder's word.
    """

    group_secret: bytes | None
    lists: tuple[bytes, ...]
    accounts: Mapping[AccountId, Acquaintance]

    def encode(self) -> bytes:
        """The extension's data."""
        accounts: Mapping[cbor.Key, cbor.Value] = {a: [k.name, k.contact_token] for a, k in self.accounts.items()}
        return cbor.encode([self.group_secret, self.lists, accounts])

    @classmethod
    def parse(cls, data: bytes) -> GroupInfoShare:
        """The share of an extension. Raises Malformed."""
        fields = Fields.of_array(cbor.parse(data), 3)
        lists = Fields(dict(enumerate(fields.items(1, most=ROSTER_ENTRIES))))
        count = len(fields.items(1, most=ROSTER_ENTRIES))
        accounts: dict[AccountId, Acquaintance] = {}
        for account, value in fields.pairs(2, most=ROSTER_ENTRIES).items():
            if not isinstance(account, bytes) or len(account) != 16:
                raise error("malformed", "account id")
            known = Fields.of_array(value, 2)
            accounts[AccountId(account)] = Acquaintance(known.text(0, most=NAME_BYTES), known.blob_or_none(1, size=32))
        return cls(
            group_secret=fields.blob_or_none(0, size=32),
            lists=tuple(lists.blob(at, most=4096) for at in range(count)),
            accounts=accounts,
        )
