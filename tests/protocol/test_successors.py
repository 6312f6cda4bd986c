"""Which group may follow another one: what vectors/service/successors.json says is what we judge."""

from __future__ import annotations

from typing import Any

import pytest
from tests.protocol.test_service_vectors import load

from zajil.protocol.chat.extensions import ChatSettings, with_predecessor
from zajil.protocol.chat.successors import Held, Made, check_successor
from zajil.protocol.errors import Malformed, ZajilError

VECTOR = load("successors")
GOOD = {
    "all but who broke it": 1,
    "by the owner": 1,
    "all, of whom none is proven": 1,
    "who left is gone": 1,
    "who left is still there": 1,
    "for more room, all in it": 2,
    "for another suite, all in it": 3,
    "a chat of two, both in it": 1,
}
"""Every other case is an attack."""


@pytest.mark.parametrize("case", VECTOR["cases"], ids=lambda case: case["about"])
def test_who_follows_whom(case: dict[str, Any]) -> None:  # JSON
    old, new = case["held"], case["made"]
    held = Held(
        bytes.fromhex(old["gid"]),
        old["epoch"],
        bytes.fromhex(old["authenticator"]),
        bytes.fromhex(old["settings"]),
        frozenset(map(bytes.fromhex, old["accounts"])),
        frozenset(map(bytes.fromhex, old["left"])),
        bytes.fromhex(old["offender"]),
    )
    people, creator = frozenset(map(bytes.fromhex, new["accounts"])), bytes.fromhex(new["creator"])
    made = Made(bytes.fromhex(new["settings"]), people, creator, new["role"])
    assert case["reason"] == GOOD.get(case["about"], 0)
    if case["reason"]:
        assert check_successor(held, made) == case["reason"]
    else:
        with pytest.raises(ZajilError, match=r"not-allowed|malformed"):
            check_successor(held, made)


@pytest.mark.parametrize("case", VECTOR["refused_settings"], ids=lambda case: case["about"])
def test_a_predecessor_of_another_form_is_refused(case: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        ChatSettings.parse(bytes.fromhex(case["data"]))


def test_all_but_the_predecessor_stays_as_it_is() -> None:
    told = ChatSettings.parse(bytes.fromhex(VECTOR["with_predecessor"])).predecessor
    assert told is not None
    assert with_predecessor(bytes.fromhex(VECTOR["settings"]), told).hex() == VECTOR["with_predecessor"]
