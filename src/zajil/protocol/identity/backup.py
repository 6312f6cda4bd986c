"""What the encrypted backup holds: enough to be the account again and to ask for every chat, and no message.

CBOR map: 1 account seed b32, 2 account_id b16, 3 server_name, 4 `[name, profile token b32]`, 5 newest own device list
(signed object), 6 people `[[account_id, name, contact token b32 | nil, contact bool, verified key b32 | nil]]`, 7 chats
`[[gid, kind, title, last activity ms, [[account_id, role]]]]`, 8 settings `{1: [receipts, typing, at ms], 2: pins,
archive and mute of chats (chat.arranging), 3: whom the account blocked or unblocked [[account_id, blocked, at ms]]}`.
Keys of later versions are left unread. The accounts of a chat are those
to ask for *re-add me*, in that order, at most 16.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from zajil.protocol import cbor
from zajil.protocol.chat.arranging import Setting, parse_settings, setting_value
from zajil.protocol.chat.extensions import ChatKind
from zajil.protocol.chat.parts import SyncPrivacy
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.fields import Fields
from zajil.protocol.ids import AccountId, GroupId
from zajil.protocol.limits import NAME_BYTES, SERVER_NAME_BYTES

HELPERS_MAX: Final = 16
"""Accounts of one chat that a backup names."""
_MOST: Final = 16_384


@dataclass(frozen=True, slots=True)
class BackupPerson:
    """Somebody the account knows. contact: is in its contacts. verified_pub: key whose safety number was compared."""

    account_id: AccountId
    name: str
    contact_token: bytes | None
    contact: bool
    verified_pub: bytes | None = None


@dataclass(frozen=True, slots=True)
class BackupChat:
    """A chat the account is in. last_activity: Unix ms. helpers: whom to ask, and
    their role there: 0 member, 1 admin, 2 owner."""

    gid: GroupId
    kind: ChatKind
    title: str
    last_activity: int
    helpers: tuple[tuple[AccountId, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """All of it. seed: of the account key, 32 bytes. own_list: signed bytes. profile_token: 32 bytes.

    blocked: who was blocked or unblocked, and when (Unix ms).
    """

    seed: bytes
    account_id: AccountId
    server_name: str
    name: str
    profile_token: bytes
    own_list: bytes
    people: tuple[BackupPerson, ...]
    chats: tuple[BackupChat, ...]
    privacy: SyncPrivacy
    arranged: tuple[Setting, ...] = ()
    blocked: tuple[tuple[AccountId, bool, int], ...] = ()

    def __repr__(self) -> str:
        return "Backup(...)"

    def encode(self) -> bytes:
        """The plaintext to seal."""
        people: cbor.Value = [[p.account_id, p.name, p.contact_token, p.contact, p.verified_pub] for p in self.people]
        chats: cbor.Value = [
            [c.gid, int(c.kind), c.title, c.last_activity, [[who, role] for who, role in c.helpers]] for c in self.chats
        ]
        settings: dict[cbor.Key, cbor.Value] = {1: [self.privacy.receipts, self.privacy.typing, self.privacy.at]}
        if self.arranged:
            settings[2] = [setting_value(setting) for setting in self.arranged]
        if self.blocked:
            settings[3] = [list(one) for one in self.blocked]
        values: dict[cbor.Key, cbor.Value] = {1: self.seed, 2: self.account_id, 3: self.server_name}
        values |= {4: [self.name, self.profile_token], 5: self.own_list, 6: people, 7: chats, 8: settings}
        return cbor.encode(values)

    @classmethod
    def parse(cls, data: bytes) -> Backup:
        """The backup of an opened plaintext; nothing in it is verified. Raises HomeError `bad-backup`."""
        try:
            return _parse(Fields.of_open_map(cbor.parse(data), range(1, 9)))
        except ZajilError:
            raise error("bad-backup") from None


def _parse(fields: Fields) -> Backup:
    own = Fields.of_array(fields.raw(4), 2)
    settings = Fields.of_open_map(fields.raw(8), (1,))
    privacy = Fields.of_array(settings.raw(1), 3)
    return Backup(
        seed=fields.blob(1, size=32),
        account_id=AccountId(fields.blob(2, size=16)),
        server_name=fields.text(3, most=SERVER_NAME_BYTES),
        name=own.text(0, most=NAME_BYTES),
        profile_token=own.blob(1, size=32),
        own_list=fields.blob(5, most=4096),
        people=tuple(_parse_person(item) for item in fields.items(6, most=_MOST)),
        chats=tuple(_parse_chat(item) for item in fields.items(7, most=_MOST)),
        privacy=SyncPrivacy(privacy.flag(0), privacy.flag(1), privacy.number(2)),
        arranged=parse_settings(settings.items(2, most=_MOST)) if 2 in settings else (),
        blocked=tuple(_parse_blocked(item) for item in settings.items(3, most=_MOST)) if 3 in settings else (),
    )


def _parse_blocked(item: cbor.Parsed) -> tuple[AccountId, bool, int]:
    fields = Fields.of_array(item, 3)
    return AccountId(fields.blob(0, size=16)), fields.flag(1), fields.number(2)


def _parse_person(item: cbor.Parsed) -> BackupPerson:
    fields = Fields.of_array(item, 5)
    return BackupPerson(
        AccountId(fields.blob(0, size=16)),
        fields.text(1, most=NAME_BYTES),
        fields.blob_or_none(2, size=32),
        fields.flag(3),
        fields.blob_or_none(4, size=32),
    )


def _parse_chat(item: cbor.Parsed) -> BackupChat:
    fields = Fields.of_array(item, 5)
    kind = fields.number(1)
    if kind not in tuple(ChatKind):
        raise error("malformed", "kind of chat")
    return BackupChat(
        GroupId(fields.blob(0, size=16)),
        ChatKind(kind),
        fields.text(2, most=NAME_BYTES),
        fields.number(3),
        tuple(_parse_helper(one) for one in fields.items(4, most=HELPERS_MAX)),
    )


def _parse_helper(item: cbor.Parsed) -> tuple[AccountId, int]:
    fields = Fields.of_array(item, 2)
    return AccountId(fields.blob(0, size=16)), fields.number(1, bits=2)
