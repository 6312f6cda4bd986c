"""Which group may follow another one: what vectors/service/successors.json says is what we judge."""

from __future__ import annotations

from typing import Any

import pytest
from tests.protocol.test_service_vectors import load

from zajil.protocol.chat.extensions import ChatSettings, with_predecessor
from zajil.protocol.chat.successors import Held, Made, check_ahead, check_back, check_later, check_successor, is_late
from zajil.protocol.errors import Malformed, ZajilError

VECTOR = load("successors")
GOOD = {
    "all but who broke it": 1,
    "by the owner": 1,
    "without a member, who was not reached": 1,
    "without an admin, by the owner": 1,
    "without anybody, by the owner": 1,
    "all, of whom none is proven": 1,
    "who left is gone": 1,
    "who left is still there": 1,
    "for more room, all in it": 2,
    "for more room, by the owner": 2,
    "for more room, without who left": 2,
    "for another suite, all in it": 3,
    "a chat of two, both in it": 1,
}
"""Every other case is an attack, or comes after a commit."""
BACK = {
    "all but who broke it",
    "by the owner",
    "without a member, who was not reached",
    "without an admin, by the owner",
    "without anybody, by the owner",
    "a stranger in it",
    "a role less",
    "another name",
    "other permissions",
    "a link more",
    "a later key lost",
    "who left is gone",
    "who left is still there",
}
"""Whoever was not reached at first may find these: what an admin could make of the group by right since."""
AHEAD = {
    "a later epoch",
    "a lost epoch, all in it",
    "a lost epoch, a member out",
    "a lost epoch, an admin out, by the owner",
    "a lost epoch, a stranger in it",
    "a lost epoch, another name",
    "a lost epoch, a later key gone",
    "a lost epoch, an admin less",
    "a lost epoch, an admin less, by an admin",
    "a lost epoch, one more, by the owner",
    "a lost epoch, after commits of the server that came back",
    "a lost epoch, without who broke what came after",
    "a chat of two, a lost epoch",
    "an epoch that a Welcome replaced",
    "an epoch that a Welcome replaced, a stranger in it",
}
"""Only where the server came back from a backup: what its maker could have made of the group by right."""
LATE = {
    "for more room, after a commit",
    "for another suite, after a commit",
    "for more room, after a commit, by a member",
}
"""They are no chat at all; whatever else nobody follows is a chat of its own."""


def held_of(old: dict[str, Any]) -> Held:
    """What a case says is held."""
    return Held(
        bytes.fromhex(old["gid"]),
        old["epoch"],
        bytes.fromhex(old["authenticator"]),
        bytes.fromhex(old["settings"]),
        frozenset(map(bytes.fromhex, old["accounts"])),
        frozenset(map(bytes.fromhex, old["left"])),
        bytes.fromhex(old["offender"]),
        old["suite"],
        tuple((epoch, bytes.fromhex(secret)) for epoch, secret in old["passed"]),
    )


def made_of(new: dict[str, Any]) -> Made:
    """What a case says was made."""
    people, creator = frozenset(map(bytes.fromhex, new["accounts"])), bytes.fromhex(new["creator"])
    return Made(bytes.fromhex(new["settings"]), people, creator, new["role"], new["suite"])


@pytest.mark.parametrize("case", VECTOR["cases"], ids=lambda case: case["about"])
def test_who_follows_whom(case: dict[str, Any]) -> None:  # JSON
    held, made = held_of(case["held"]), made_of(case["made"])
    assert case["reason"] == GOOD.get(case["about"], 0)
    if case["reason"]:
        assert check_successor(held, made) == case["reason"]
    else:
        with pytest.raises(ZajilError, match=r"not-allowed|malformed"):
            check_successor(held, made)


@pytest.mark.parametrize("case", VECTOR["cases"], ids=lambda case: case["about"])
def test_what_comes_after_a_commit_is_no_chat(case: dict[str, Any]) -> None:
    held = held_of(case["held"])
    assert is_late(held.passed, bytes.fromhex(case["made"]["settings"])) == case["late"] == (case["about"] in LATE)


def test_a_device_of_later_may_have_followed_the_commit() -> None:
    """It believes its sibling, but neither a false epoch nor a repair that others judge by what they refused."""
    found = {case["about"]: case["later"] for case in VECTOR["cases"] if case["held"]["passed"]}
    for case in VECTOR["cases"]:
        held, made = held_of(case["held"]), made_of(case["made"])
        if case["later"]:
            assert check_later(held, made) == case["later"]
        else:
            with pytest.raises(ZajilError, match=r"not-allowed|malformed"):
                check_later(held, made)
    assert {about for about, reason in found.items() if reason} == LATE


@pytest.mark.parametrize("case", VECTOR["cases"], ids=lambda case: case["about"])
def test_whom_an_account_follows_that_was_not_reached_at_first(case: dict[str, Any]) -> None:
    held, made = held_of(case["held"]), made_of(case["made"])
    assert bool(case["back"]) == (case["about"] in BACK)
    if case["back"]:
        assert check_back(held, made) == case["back"]
    else:
        with pytest.raises(ZajilError, match=r"not-allowed|malformed"):
            check_back(held, made)


@pytest.mark.parametrize("case", VECTOR["cases"], ids=lambda case: case["about"])
def test_whom_a_member_follows_that_did_not_see_what_the_server_lost(case: dict[str, Any]) -> None:
    held, made = held_of(case["held"]), made_of(case["made"])
    replaced = tuple((epoch, bytes.fromhex(secret)) for epoch, secret in VECTOR["replaced"])
    assert bool(case["ahead"]) == (case["about"] in AHEAD)
    if case["ahead"]:
        assert check_ahead(held, made, since=VECTOR["since"], replaced=replaced) == case["ahead"]
    else:
        with pytest.raises(ZajilError, match=r"not-allowed|not-permitted|malformed"):
            check_ahead(held, made, since=VECTOR["since"], replaced=replaced)


@pytest.mark.parametrize("case", VECTOR["cases"], ids=lambda case: case["about"])
def test_a_sibling_alone_leads_nobody_into_a_group_that_somebody_is_missing_in(case: dict[str, Any]) -> None:
    """It adds its other devices to any chat it is in, also to one that it does not take for the old one."""
    if case["about"].startswith("without"):
        assert case["later"] == 0


@pytest.mark.parametrize("case", VECTOR["refused_settings"], ids=lambda case: case["about"])
def test_a_predecessor_of_another_form_is_refused(case: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        ChatSettings.parse(bytes.fromhex(case["data"]))


def test_all_but_the_predecessor_stays_as_it_is() -> None:
    told = ChatSettings.parse(bytes.fromhex(VECTOR["with_predecessor"])).predecessor
    assert told is not None
    assert with_predecessor(bytes.fromhex(VECTOR["settings"]), told).hex() == VECTOR["with_predecessor"]
