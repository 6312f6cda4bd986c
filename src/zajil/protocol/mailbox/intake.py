"""What becomes of each message of the mailbox. Durable: its state is part of the store, its step of a transaction.

Theory of operation. A seq is taken once; what is taken is never asked for again, so it is decided here, now: applied,
dropped with a cause, or held. MLS never sees an epoch later than ours: such a message waits until the commits before
it came. If they are not there at the end of the drain that begins after it, the server has lost them (`gap`), and the
device asks to be re-added; so it does when more than 256 wait in one group. An echo of our own is known before MLS
sees it, by H(body). READY's `acked` above our own position proves that this home is an old copy: nothing moves then.

Groups are given by the core as it holds them; a state may name only those that an event concerns.
Source: web.md 5; service.md 4; mls.md 7.6, 7.10.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

HELD_MAX = 256

EntryKind = Literal["commit", "application", "welcome", "notice"]
# H(body) is that of: nothing of ours; an own message; the newest sealing of an own commit; one that lost its epoch.
Own = Literal["none", "message", "commit", "lost-commit"]
Cause = Literal["lost-commit", "unknown-group", "not-active", "past-commit"]


class Group(msgspec.Struct, frozen=True):
    """What we hold of a group. active: we are a member and hold its state. held: messages of later epochs kept.

    asking: *re-add me* runs already.
    """

    active: bool
    epoch: int
    held: int = 0
    asking: bool = False


class Intake(msgspec.Struct, frozen=True):
    """stored: highest seq durable. hellos: HELLOs sent; drained, wanted: the newest answered by DRAINED, and needed.

    locked: this home is an old copy. adopt: the next READY says where we stand. groups: by id, in hex.
    """

    stored: int = 0
    hellos: int = 0
    drained: int = 0
    wanted: int = 0
    locked: bool = False
    adopt: bool = False
    groups: dict[str, Group] = {}


# -- events
class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """A HELLO goes out now."""


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """READY: the highest seq the server saw acknowledged before this HELLO."""

    acked: int


class Entry(msgspec.Struct, frozen=True, tag="entry"):
    """One message of the mailbox. gid: hex, empty for notices. epoch: as in its header."""

    seq: int
    kind: EntryKind
    gid: str
    epoch: int
    own: Own = "none"


class Again(msgspec.Struct, frozen=True, tag="again"):
    """A held message whose epoch has come."""

    kind: EntryKind
    gid: str
    epoch: int
    own: Own = "none"


class Moved(msgspec.Struct, frozen=True, tag="moved"):
    """The group is now as told: a commit was applied, we joined, were removed, or lost its state."""

    gid: str
    active: bool
    epoch: int


class Want(msgspec.Struct, frozen=True, tag="want"):
    """Something waits for a drain that begins after now."""


class Drained(msgspec.Struct, frozen=True, tag="drained"):
    """DRAINED for the HELLO sent last; everything before it is stored."""


class Waited(msgspec.Struct, frozen=True, tag="waited"):
    """What is held waited too long on a standing connection (`receiving` says when)."""


Event: TypeAlias = Hello | Ready | Entry | Again | Moved | Want | Drained | Waited


# -- actions
class Open(msgspec.Struct, frozen=True, tag="open"):
    """Send HELLO with this position."""

    after: int


class Alarm(msgspec.Struct, frozen=True, tag="alarm"):
    """This home is an old copy, or a copy of it is in use: stop, and tell the person."""


class Take(msgspec.Struct, frozen=True, tag="take"):
    """Apply the message now, as what it is."""

    what: Literal["notice", "echo", "own-commit", "welcome", "commit", "application"]


class Skip(msgspec.Struct, frozen=True, tag="skip"):
    """Stored before: acknowledged, not applied."""


class Drop(msgspec.Struct, frozen=True, tag="drop"):
    """Nothing to apply. cause: why, for counters."""

    cause: Cause


class Hold(msgspec.Struct, frozen=True, tag="hold"):
    """Keep the message until its epoch comes."""


class Release(msgspec.Struct, frozen=True, tag="release"):
    """Look through what is held of this group: give back as `again` whatever its epoch has come for, in order."""

    gid: str


class Settle(msgspec.Struct, frozen=True, tag="settle"):
    """Tell every outbox queue that the drain of this HELLO is over."""

    drained: int


class Readd(msgspec.Struct, frozen=True, tag="readd"):
    """Ask to be re-added to this group."""

    gid: str


Action: TypeAlias = Open | Alarm | Take | Skip | Drop | Hold | Release | Settle | Readd
Result: TypeAlias = tuple[Intake, tuple[Action, ...]]


def step(state: Intake, event: Event, now: int) -> tuple[Intake, tuple[Action, ...], None]:
    """The state after an event and what to do, in this order. No deadline: time alone changes nothing here."""
    del now
    match event:
        case Hello():
            return _change(state, hellos=state.hellos + 1), (Open(state.stored),), None
        case Ready():
            return *_ready(state, event), None
        case Entry():
            return *_entry(state, event), None
        case Again():
            return *_again(state, event), None
        case Moved():
            return *_moved(state, event), None
        case Want():
            return _wanted(state), (), None
        case Drained():
            return *_drained(state), None
        case Waited():
            return *_readd(state), None


def _change(state: Intake, **fields: object) -> Intake:
    return msgspec.structs.replace(state, **fields)


def _wanted(state: Intake) -> Intake:
    return _change(state, wanted=max(state.wanted, state.hellos + 1))


def _with_group(state: Intake, gid: str, group: Group) -> Intake:
    return _change(state, groups=state.groups | {gid: group})


def _ready(state: Intake, event: Ready) -> Result:
    if event.acked <= state.stored:
        return _change(state, adopt=False), ()
    if state.adopt:
        return _change(state, stored=event.acked, adopt=False), ()
    return _change(state, locked=True), (Alarm(),)


def _entry(state: Intake, event: Entry) -> Result:
    if state.locked:
        return state, ()
    if event.seq <= state.stored:
        return state, (Skip(),)
    return _place(_change(state, stored=event.seq), event)


def _again(state: Intake, event: Again) -> Result:
    group = state.groups[event.gid]
    return _place(_with_group(state, event.gid, msgspec.structs.replace(group, held=group.held - 1)), event)


# -- places: the first row that fits
class Row(NamedTuple):
    """name: of the row. fits: whether it is this one. action: what to do."""

    name: str
    fits: Callable[[Entry | Again, Group | None], bool]
    action: Action | None


def _is_late(event: Entry | Again, group: Group | None) -> bool:
    return group is not None and event.epoch > group.epoch


COMMIT: Final = Take("commit")
PLACES: Final = (
    Row("notice", lambda event, _: event.kind == "notice", Take("notice")),
    Row("own message", lambda event, _: event.own == "message", Take("echo")),
    Row("own commit", lambda event, _: event.own == "commit", Take("own-commit")),
    # Bytes that lost their epoch: whoever brings them now lies, and the intent still waits.
    Row("own commit, an older sealing", lambda event, _: event.own == "lost-commit", Drop("lost-commit")),
    Row("welcome", lambda event, _: event.kind == "welcome", Take("welcome")),
    Row("no such group", lambda _, group: group is None, Drop("unknown-group")),
    Row("not active", lambda _, group: group is not None and not group.active, Drop("not-active")),
    Row("later epoch, full", lambda e, g: g is not None and _is_late(e, g) and g.held >= HELD_MAX, None),
    Row("later epoch", _is_late, Hold()),
    Row("commit of our epoch", lambda e, g: e.kind == "commit" and g is not None and e.epoch == g.epoch, COMMIT),
    Row("commit of an earlier epoch", lambda event, _: event.kind == "commit", Drop("past-commit")),
    Row("application message", lambda *_: True, Take("application")),
)


def find_place(event: Entry | Again, group: Group | None) -> Row:
    """The row of PLACES for a message of this group, None where we hold none."""
    return next(row for row in PLACES if row.fits(event, group))


def _place(state: Intake, event: Entry | Again) -> Result:
    group = state.groups.get(event.gid)
    row = find_place(event, group)
    if group is not None and isinstance(row.action, Hold):
        held = _with_group(state, event.gid, msgspec.structs.replace(group, held=group.held + 1))
        # The first one asks for a drain: at its end the commits before it are here, or lost.
        return (held if group.held else _wanted(held)), (row.action,)
    if group is not None and row.action is None:
        return _ask(state, event.gid, group)
    return state, () if row.action is None else (row.action,)


def _ask(state: Intake, gid: str, group: Group) -> Result:
    if group.asking:
        return state, ()
    return _with_group(state, gid, msgspec.structs.replace(group, asking=True)), (Readd(gid),)


def _moved(state: Intake, event: Moved) -> Result:
    """A group that moved on may be what held messages waited for; and whatever we asked for is over."""
    before = state.groups.get(event.gid, Group(active=False, epoch=0))
    asking = before.asking and not event.active
    group = Group(active=event.active, epoch=event.epoch, held=before.held, asking=asking)
    state = _with_group(state, event.gid, group)
    return state, (Release(event.gid),) if group.active and group.held else ()


def _drained(state: Intake) -> Result:
    if state.drained >= state.hellos:
        return state, ()
    state = _change(state, drained=state.hellos)
    state, asks = _readd(state)
    return state, (Settle(state.drained), *asks)


def _readd(state: Intake) -> Result:
    """Ask for every group of which something is still held."""
    actions: tuple[Action, ...] = ()
    for gid in sorted(state.groups):
        group = state.groups[gid]
        if group.active and group.held:
            state, asks = _ask(state, gid, group)
            actions += asks
    return state, actions


EVENTS: Final = MappingProxyType(
    {kind.__struct_config__.tag: kind for kind in (Hello, Ready, Entry, Again, Moved, Want, Drained, Waited)}
)
