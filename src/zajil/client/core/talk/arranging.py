"""Pins, archive, mute and drafts: what a person changes here, and how the other devices of the account learn it.

Pins, archive and mute are told at once. A draft is told 5 s after it was last changed or when its chat is left, all
that are due in one message, and at most one such message in 15 s; that a draft which others hold is gone is told at
once, with the message that it became. So no key press makes a message, and its time says no more than that of a text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from zajil.client.core import groups, messages
from zajil.client.core.talk.places import find_self_chat, place_of
from zajil.client.state import rows
from zajil.client.state.arranging import (
    Arranged,
    load_arranged,
    load_drafts_told,
    save_arranged,
    save_drafts_told,
)
from zajil.client.state.rows import Chat
from zajil.client.state.step import Step
from zajil.protocol.chat import parts
from zajil.protocol.chat.arranging import (
    ALWAYS,
    ARCHIVE,
    DRAFT,
    DRAFT_BYTES,
    ENTRIES,
    GAP_MS,
    MUTE,
    PART_BYTES,
    PAUSE_MS,
    PIN,
    PINS,
    Arrangement,
    Draft,
    Register,
    Setting,
    encode_archive,
    encode_draft,
    encode_mute,
    encode_pin,
    join,
    next_at,
    part_settings,
    shown_pins,
)
from zajil.protocol.errors import error
from zajil.protocol.ids import GroupId
from zajil.protocol.limits import TEXT_BYTES


def read(step: Step, gid: bytes) -> Arrangement:
    """The settings of the chat that shows what is said in a group."""
    return load_arranged(step.tx, place_of(step, gid)).read()


def is_archived(step: Step, chat: Chat) -> bool:
    """Whether a chat is out of the list now."""
    return load_arranged(step.tx, chat.gid).read().is_archived(chat.heard)


def pins(step: Step) -> list[bytes]:
    """The pinned chats in their order."""
    chats = [chat for chat in rows.all_chats(step.tx) if not chat.merged]
    return shown_pins((chat.gid, load_arranged(step.tx, chat.gid).read(), chat.heard) for chat in chats)


# -- what a person does
def pin(step: Step, gid: bytes) -> None:
    """Pin a chat, after those that are; one out of the archive comes back. Raises HomeError `too-many-pins`."""
    place = place_of(step, gid)
    before = pins(step)
    if place in before:
        return
    if len(before) >= PINS:
        raise error("too-many-pins")
    last = max((load_arranged(step.tx, one).read().pinned for one in before), default=0)
    changes = {PIN: encode_pin(max(step.now, last + 1))}
    if load_arranged(step.tx, place).read().archived is not None:
        changes[ARCHIVE] = encode_archive(None)
    _change(step, place, changes)


def unpin(step: Step, gid: bytes) -> None:
    """Unpin a chat."""
    place = place_of(step, gid)
    if load_arranged(step.tx, place).read().pinned:
        _change(step, place, {PIN: encode_pin(0)})


def archive(step: Step, gid: bytes) -> None:
    """Take a chat out of the list until somebody writes in it; it is no longer pinned."""
    place = place_of(step, gid)
    if is_archived(step, step.chat(place)):
        return
    changes = {ARCHIVE: encode_archive(step.chat(place).heard)}
    if load_arranged(step.tx, place).read().pinned:
        changes[PIN] = encode_pin(0)
    _change(step, place, changes)


def unarchive(step: Step, gid: bytes) -> None:
    """Bring a chat back into the list."""
    place = place_of(step, gid)
    if load_arranged(step.tx, place).read().archived is not None:
        _change(step, place, {ARCHIVE: encode_archive(None)})


def mute(step: Step, gid: bytes, *, until: int = ALWAYS) -> None:
    """Mute a chat until then, Unix ms, or lift it (0). Whether it is in the archive stays as it is."""
    place = place_of(step, gid)
    held = load_arranged(step.tx, place).read()
    if held.muted_until == until:
        return
    changes = {MUTE: encode_mute(until)}
    chat = step.chat(place)
    if held.archived is not None:
        now = is_archived(step, chat)
        changes[ARCHIVE] = encode_archive(chat.heard if now else None)
    _change(step, place, changes)


def write_draft(step: Step, gid: bytes, draft: Draft | None, *, left: bool = False) -> None:
    """Keep what somebody is writing; None: nothing. left: they are done for now.

    Raises HomeError `text-too-long`, Malformed for a text that is no UTF-8.
    """
    place = place_of(step, gid)
    arranged = load_arranged(step.tx, place)
    draft = draft if draft is not None and (draft.text or draft.reply_to) else None
    if draft == arranged.read().draft:
        if left and arranged.due:
            save_arranged(step.tx, place, rows.changed(arranged, due=step.now))
        return
    try:
        size = 0 if draft is None else len(draft.text.encode())
    except UnicodeEncodeError:
        raise error("malformed", "draft") from None
    if size > TEXT_BYTES:
        raise error("text-too-long")
    step.event("read", place)
    if draft is None and not arranged.is_shared():
        # Nobody else knew of it, so nothing was changed.
        others = {which: register for which, register in arranged.registers.items() if which != DRAFT}
        after = others if arranged.told is None else others | {DRAFT: arranged.told}
        save_arranged(step.tx, place, Arranged(after, told=arranged.told))
        return
    due = step.now if left else step.now + PAUSE_MS
    if find_self_chat(step) is None or size > DRAFT_BYTES:
        due = 0
    after = _with(arranged.registers, {DRAFT: encode_draft(draft)}, step.now)
    save_arranged(step.tx, place, rows.changed(arranged, registers=after, due=due))


def clear_draft(step: Step, gid: bytes) -> None:
    """The draft became a message: other devices that hold it are told at once."""
    place = place_of(step, gid)
    write_draft(step, place, None)
    arranged = load_arranged(step.tx, place)
    if arranged.due:
        _note_told(step, place)
        _tell(step, [_setting(place, DRAFT, arranged)])


def _with(held: Mapping[int, Register], changes: Mapping[int, bytes], now: int) -> dict[int, Register]:
    fresh = {which: Register(next_at(held, which, now), value) for which, value in changes.items()}
    return {**held, **fresh}


def _change(step: Step, place: bytes, changes: Mapping[int, bytes]) -> None:
    arranged = load_arranged(step.tx, place)
    after = rows.changed(arranged, registers=_with(arranged.registers, changes, step.now))
    save_arranged(step.tx, place, after)
    _tell(step, [_setting(place, which, after) for which in changes])
    step.event("read", place)


# -- what time and messages do
def hear(step: Step, place: bytes, at: int) -> None:
    """A message of somebody else came in, which the server took at this time, Unix ms."""
    if at > step.chat(place).heard:
        step.change_chat(place, heard=at)


def due_at(step: Step) -> int | None:
    """When drafts are to be told, Unix ms."""
    due = [arranged.due for _, arranged in _waiting(step)]
    return max(min(due), load_drafts_told(step.tx) + GAP_MS) if due else None


def flush_due(step: Step, *, at_once: bool = False) -> None:
    """Tell the drafts whose time has come. at_once: all of them, as nobody will wait for their time."""
    due = due_at(step)
    if due is None or not (at_once or due <= step.now):
        return
    told: list[Setting] = []
    for place, arranged in _waiting(step):
        if at_once or arranged.due <= step.now:
            _note_told(step, place)
            told.append(_setting(place, DRAFT, arranged))
    if told:
        save_drafts_told(step.tx, step.now)
        _tell(step, told)


def _note_told(step: Step, place: bytes) -> None:
    arranged = load_arranged(step.tx, place)
    save_arranged(step.tx, place, Arranged(arranged.registers, told=arranged.registers[DRAFT]))


def _waiting(step: Step) -> list[tuple[bytes, Arranged]]:
    if find_self_chat(step) is None:
        return []
    held = ((chat.gid, load_arranged(step.tx, chat.gid)) for chat in rows.all_chats(step.tx))
    return [(gid, arranged) for gid, arranged in held if arranged.due]


# -- between devices
def _setting(gid: bytes, which: int, arranged: Arranged) -> Setting:
    return Setting(GroupId(gid), which, arranged.registers[which])


def _tell(step: Step, settings: Iterable[Setting]) -> None:
    self_chat = find_self_chat(step)
    if self_chat is None:
        return
    for some in part_settings(settings):
        messages.submit_control(step, self_chat, parts.Sync(settings=tuple(some)))


def collect(step: Step) -> list[Setting]:
    """Every setting of every chat, but drafts that are too long to be told."""
    found: list[Setting] = []
    for chat in rows.all_chats(step.tx):
        arranged = load_arranged(step.tx, chat.gid)
        found += [_setting(chat.gid, which, arranged) for which in sorted(arranged.registers)]
    return [setting for setting in found if len(setting.register.value) <= PART_BYTES]


def collect_lasting(step: Step, gids: Iterable[bytes]) -> tuple[Setting, ...]:
    """What a backup keeps of these chats: all but drafts, whose changes would show when somebody writes."""
    wanted = set(gids)
    found = [setting for setting in collect(step) if setting.which != DRAFT and setting.gid in wanted]
    return tuple(sorted(found)[:ENTRIES])


def tell_all(step: Step) -> None:
    """A device of ours came into the group of our devices, or we came back: whoever missed anything learns it."""
    privacy = rows.load_privacy(step.tx)
    self_chat = find_self_chat(step)
    if self_chat is None:
        return
    if privacy.at:
        told = parts.SyncPrivacy(privacy.receipts, privacy.typing, privacy.at)
        messages.submit_control(step, self_chat, parts.Sync(privacy=told))
    everything = collect(step)
    for setting in everything:
        if setting.which == DRAFT:
            _note_told(step, setting.gid)
    _tell(step, everything)


def take(step: Step, settings: Iterable[Setting]) -> None:
    """What another device of ours set. A draft that somebody is writing here is the later one."""
    for gid, which, register in settings:
        place = place_of(step, gid)
        before = load_arranged(step.tx, place)
        registers, told = join(before.registers, {which: register}), before.told
        if which == DRAFT:
            told = max(told or register, register)
            if before.due and registers[DRAFT] == register:
                registers = _with(registers, {DRAFT: before.registers[DRAFT].value}, step.now)
        if (registers, told) == (before.registers, before.told):
            continue
        save_arranged(step.tx, place, Arranged(registers, before.due, told))
        if rows.find_chat(step.tx, place) is not None:
            step.event("read", place)


def restore(step: Step, settings: Iterable[Setting]) -> None:
    """What a backup brings."""
    for gid, which, register in settings:
        before = load_arranged(step.tx, gid)
        save_arranged(step.tx, gid, rows.changed(before, registers=join(before.registers, {which: register})))


def merge(step: Step, place: bytes, other: bytes) -> None:
    """Two chats of two became one."""
    keep, gone = load_arranged(step.tx, place), load_arranged(step.tx, other)
    due = min((at for at in (keep.due, gone.due) if at), default=0)
    told = max((one for one in (keep.told, gone.told) if one is not None), default=None)
    if gone.registers:
        save_arranged(step.tx, place, Arranged(join(keep.registers, gone.registers), due, told))
        save_arranged(step.tx, other, Arranged())
    hear(step, place, step.chat(other).heard)


def has_new_device(before: Chat, after: Chat) -> bool:
    """Whether a commit brought a device into the group of our devices."""
    names = {(member.account, member.device, member.added) for member in before.members}
    return after.kind == groups.SELF and any((m.account, m.device, m.added) not in names for m in after.members)
