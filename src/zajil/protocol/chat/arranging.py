"""How a person arranges chats: pins, archive, mute, drafts, the same on all devices of an account.

Each setting of each chat is a register of its own: `[gid, which, at, value]`, at = Unix ms. The later one counts, of
two of the same moment the one whose value encodes to the larger bytes, so any order of arrival ends the same and two
devices that change different things lose neither. What is shown is a pure function of the registers, of the newest
message of others in the chat by the server's clock (`heard`), and of the time.

| which | value |
|---|---|
| 1 pin | ms at which it was pinned, 0 = not; the first five are shown, in this order |
| 2 archive | nil = not; else `heard` when it was archived: a later message brings the chat back, unless muted then |
| 3 mute | ms until which, 0 = not, 2^53 - 1 = always |
| 4 draft | nil, or `[text, message id it answers or nil]` |

Another `which` is of a later version and is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias, TypeVar

from zajil.protocol import cbor
from zajil.protocol.errors import error
from zajil.protocol.fields import Fields
from zajil.protocol.ids import MESSAGE_ID_BYTES, GroupId, MessageId
from zajil.protocol.limits import TEXT_BYTES

PIN, ARCHIVE, MUTE, DRAFT = 1, 2, 3, 4
PINS: Final = 5
ALWAYS: Final = (1 << 53) - 1
DRAFT_BYTES: Final = 32 * 1024
"""A longer draft stays on its device."""
ENTRIES: Final = 4096
"""Most settings of one part."""
PART_BYTES: Final = DRAFT_BYTES + 1024
"""What one part is filled up to; any setting that is told fits."""
PAUSE_MS: Final = 5_000
"""A draft is told so long after it was last changed, or when its chat is left."""
GAP_MS: Final = 15_000
"""A device tells drafts at most this often."""
AT_MAX: Final = 4_102_444_800_000
"""2100: what a clock says after that is not believed, as nothing could come after it."""


class Register(NamedTuple):
    """One setting. at: Unix ms at which it was set. value: its deterministic CBOR; so tuples order as settings do."""

    at: int
    value: bytes


Registers: TypeAlias = Mapping[int, Register]


class Setting(NamedTuple):
    """One setting of one chat, as it travels."""

    gid: GroupId
    which: int
    register: Register


class Draft(NamedTuple):
    """A text that is not sent yet, and the message it answers."""

    text: str
    reply_to: MessageId | None = None


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What the registers of a chat say. pinned, muted_until: ms, 0 = not. archived: `heard` then, None = not."""

    pinned: int = 0
    archived: int | None = None
    muted_until: int = 0
    draft: Draft | None = None

    def is_muted(self, now: int) -> bool:
        """Whether the chat is muted at a moment."""
        return self.muted_until > now

    def is_archived(self, heard: int) -> bool:
        """Whether the chat is out of the list: nothing came since, or only while it was muted."""
        return self.archived is not None and (heard <= self.archived or heard < self.muted_until)


def encode_pin(at: int) -> bytes:
    """Of PIN. at: Unix ms, 0 = not pinned."""
    return cbor.encode(at)


def encode_archive(heard: int | None) -> bytes:
    """Of ARCHIVE."""
    return cbor.encode(heard)


def encode_mute(until: int) -> bytes:
    """Of MUTE. until: Unix ms."""
    return cbor.encode(until)


def encode_draft(draft: Draft | None) -> bytes:
    """Of DRAFT. Raises LocalProtocolError for a text that is no UTF-8."""
    return cbor.encode(None if draft is None else [draft.text, draft.reply_to])


def read_registers(registers: Registers) -> Arrangement:
    """What they say."""
    values = {which: cbor.parse(register.value) for which, register in registers.items()}
    archived = values.get(ARCHIVE)
    return Arrangement(
        pinned=_number(values.get(PIN, 0)),
        archived=None if archived is None else _number(archived),
        muted_until=_number(values.get(MUTE, 0)),
        draft=_parse_draft(values.get(DRAFT)),
    )


def join(held: Registers, other: Registers) -> dict[int, Register]:
    """Both, of each setting the one that counts: commutative, associative and idempotent."""
    both = {**held}
    for which, register in other.items():
        both[which] = max(both.get(which, register), register)
    return both


def next_at(held: Registers, which: int, now: int) -> int:
    """When a change of now is said to be: after what it replaces, whatever the clocks say."""
    before = held.get(which)
    return now if before is None else max(now, before.at + 1)


def _number(value: cbor.Parsed) -> int:
    return Fields({0: value}).number(0)


def _parse_draft(value: cbor.Parsed) -> Draft | None:
    if value is None:
        return None
    fields = Fields.of_array(value, 2)
    reply_to = fields.blob_or_none(1, size=MESSAGE_ID_BYTES)
    return Draft(fields.text(0, most=TEXT_BYTES), None if reply_to is None else MessageId(reply_to))


def setting_value(setting: Setting) -> cbor.Value:
    """`[gid, which, at, value]`."""
    return [setting.gid, setting.which, setting.register.at, cbor.parse(setting.register.value)]


def parse_settings(items: Sequence[cbor.Parsed]) -> tuple[Setting, ...]:
    """Those of this version. Raises Malformed."""
    if len(items) > ENTRIES:
        raise error("malformed", "settings")
    return tuple(setting for setting in map(_parse, items) if setting is not None)


def _parse(item: cbor.Parsed) -> Setting | None:
    fields = Fields.of_array(item, 4)
    gid, which, at = GroupId(fields.blob(0, size=16)), fields.number(1), fields.number(2)
    if at > AT_MAX:
        raise error("malformed", "time")
    value = fields.raw(3)
    if which == DRAFT:
        _parse_draft(value)
    elif which in (PIN, MUTE) or (which == ARCHIVE and value is not None):
        _number(value)
    elif which != ARCHIVE:
        return None
    return Setting(gid, which, Register(at, cbor.encode(value)))


def part_settings(settings: Iterable[Setting]) -> list[list[Setting]]:
    """The same settings in as many parts as they need."""
    parts: list[list[Setting]] = []
    size = PART_BYTES
    for setting in settings:
        grown = size + len(setting.register.value) + 32
        if grown > PART_BYTES or len(parts[-1]) == ENTRIES:
            parts.append([])
            grown = len(setting.register.value) + 32
        parts[-1].append(setting)
        size = grown
    return parts


G = TypeVar("G", bytes, GroupId)


def shown_pins(chats: Iterable[tuple[G, Arrangement, int]]) -> list[G]:
    """The pinned chats in order, at most PINS. chats: group id, settings, `heard`; an archived one is not shown."""
    pinned = [(held.pinned, gid) for gid, held, heard in chats if held.pinned and not held.is_archived(heard)]
    return [gid for _, gid in sorted(pinned)[:PINS]]
