"""Pins, archive, mute and drafts: whatever arrives first, all devices end the same."""

from __future__ import annotations

import itertools
import random
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zajil.protocol import cbor
from zajil.protocol.chat import arranging, parts
from zajil.protocol.chat.arranging import Arrangement, Draft, Register
from zajil.protocol.chat.content import SinglePart
from zajil.protocol.errors import Malformed
from zajil.protocol.ids import GroupId

GID = GroupId(bytes(16))
VALUES = {
    arranging.PIN: st.sampled_from([0, 5, 6]).map(arranging.encode_pin),
    arranging.ARCHIVE: st.sampled_from([None, 0, 50]).map(arranging.encode_archive),
    arranging.MUTE: st.sampled_from([0, 60, arranging.ALWAYS]).map(arranging.encode_mute),
    arranging.DRAFT: st.sampled_from([None, Draft("x"), Draft("y"), Draft("غدًا")]).map(arranging.encode_draft),
}


@st.composite
def one_register(draw: st.DrawFn) -> tuple[int, Register]:
    which = draw(st.sampled_from(sorted(VALUES)))
    return which, Register(draw(st.integers(1, 4)), draw(VALUES[which]))


Each: TypeAlias = list[tuple[int, Register]]
told = st.lists(one_register(), max_size=8)


def arrive(order: Each) -> dict[int, Register]:
    held: dict[int, Register] = {}
    for which, register in order:
        held = arranging.join(held, {which: register})
    return held


@given(told, st.randoms(use_true_random=False))
def test_any_order_with_repeats_ends_the_same(each: Each, rng: random.Random) -> None:
    shuffled = [*each, *each[::2]]
    rng.shuffle(shuffled)
    assert arrive(shuffled) == arrive(each)


@given(told, told, told)
def test_joining_is_commutative_associative_and_idempotent(a: Each, b: Each, c: Each) -> None:
    x, y, z = arrive(a), arrive(b), arrive(c)
    assert arranging.join(x, y) == arranging.join(y, x)
    assert arranging.join(arranging.join(x, y), z) == arranging.join(x, arranging.join(y, z))
    assert arranging.join(x, x) == x


@given(told, st.sampled_from(sorted(VALUES)), st.integers(0, 9))
def test_a_change_of_now_counts_whatever_the_clock_says(each: Each, which: int, now: int) -> None:
    held = arrive(each)
    mine = Register(arranging.next_at(held, which, now), arranging.encode_pin(77))
    assert arranging.join(held, {which: mine})[which] == mine


def test_two_devices_that_change_different_things_lose_neither() -> None:
    one = {arranging.PIN: Register(5, arranging.encode_pin(5))}
    two = {arranging.MUTE: Register(4, arranging.encode_mute(9))}
    seen = arranging.read_registers(arranging.join(one, two))
    assert (seen.pinned, seen.muted_until) == (5, 9)


def test_a_message_brings_a_chat_back_unless_it_came_while_muted() -> None:
    away = Arrangement(archived=50)
    assert away.is_archived(50)
    assert not away.is_archived(51)
    muted = Arrangement(archived=50, muted_until=60)
    assert muted.is_archived(59)
    assert not muted.is_archived(60), "the mute is over"
    assert Arrangement(archived=50, muted_until=arranging.ALWAYS).is_archived(1 << 50)


def test_a_mute_ends_by_itself() -> None:
    assert Arrangement(muted_until=60).is_muted(59)
    assert not Arrangement(muted_until=60).is_muted(60)


def test_the_first_five_pins_are_shown_in_order() -> None:
    chats = [(bytes([n]), Arrangement(pinned=10 - n // 2), 0) for n in range(8)]
    assert arranging.shown_pins(chats) == [bytes([n]) for n in (6, 7, 4, 5, 2)]
    away = [(bytes([7]), Arrangement(pinned=1, archived=0), 0), *chats]
    assert bytes([7]) not in arranging.shown_pins(away[:1])


def test_what_does_not_fit_into_one_part_goes_in_several() -> None:
    long = arranging.encode_draft(Draft("x" * arranging.DRAFT_BYTES))
    settings = [arranging.Setting(GroupId(bytes([n]) * 16), arranging.DRAFT, Register(1, long)) for n in range(3)]
    settings += [arranging.Setting(GID, arranging.PIN, Register(n, arranging.encode_pin(n))) for n in range(5000)]
    made = arranging.part_settings(settings)
    assert list(itertools.chain(*made)) == settings
    assert max(len(parts.encode_part(parts.Sync(settings=tuple(one))).content) for one in made) < 36 * 1024
    assert max(map(len, made)) <= arranging.ENTRIES


def test_a_part_that_another_version_wrote_keeps_what_is_known() -> None:
    known = parts.encode_part(parts.Sync(settings=(arranging.Setting(GID, 1, Register(5, b"\x05")),)))
    read = cbor.parse(known.content)
    assert isinstance(read, list)
    values = read[1]
    assert isinstance(values, dict)
    settings = values["settings"]
    assert isinstance(settings, list)
    values["settings"] = [[GID, 9, 1, {"x": [1]}], *settings]
    values["later"] = 1
    part = parts.parse_part(SinglePart(known.content_type, cbor.encode(read)))
    assert part == parts.Sync(settings=(arranging.Setting(GID, 1, Register(5, b"\x05")),))


@pytest.mark.parametrize("value", [5, "x", [[GID, 1, 1]], [[GID, 4, 1, ["x" * 65_537, None]]], {"a": 1}])
def test_a_malformed_part_is_refused_whole(value: cbor.Value) -> None:
    sync: cbor.Value = ["sync", {"contacts": [], "groups": [], "read": [], "settings": value}]
    with pytest.raises(Malformed):
        parts.parse_part(SinglePart(parts.CONTROL_TYPE, cbor.encode(sync)))
