"""What grows with a group: the largest of the product fits the sizes that server and clients agreed on (-s prints
them), and the rules of a Commit that changes no member call nothing for each of them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType

import pytest
from tests.mls.actors import Actor, Directory

from zajil import mls
from zajil.protocol import limits

CERTIFICATE = 260


@pytest.mark.slow
def test_128_devices_fit_into_one_commit_and_welcome() -> None:
    directory = Directory()
    actors = [
        Actor(
            directory,
            suite=limits.SUITE_XWING,
            identity=bytes([number]) * CERTIFICATE,
            policy=mls.Policy(pq_max_leaves=limits.XWING_LEAVES),
        )
        for number in range(limits.XWING_LEAVES)
    ]
    founder, last = actors[0], actors[-1]
    founder.create(b"g" * 16)
    added, welcome = founder.commit(adds=[actor.key_package() for actor in actors[1:]])
    assert welcome is not None
    founder.apply()
    last.join(welcome)
    update, _ = last.commit()
    print(f"add 127 {len(added)} B, Welcome {len(welcome)} B, update {len(update)} B")
    assert max(len(added), len(update)) <= limits.COMMIT_BYTES
    assert len(welcome) <= limits.WELCOME_BYTES
    with pytest.raises(mls.TooManyLeaves):
        last.commit(adds=[Actor(directory, suite=limits.SUITE_XWING, identity=b"one too many").key_package()])


RULES = str(Path(mls.__file__).parent / "rules")


def count_calls_of_rules(members: int) -> int:
    """Calls within `mls/rules` for a Commit of the founder of such a group, which changes no member."""
    directory, calls = Directory(), 0
    actors = [Actor(directory, suite=limits.SUITE_RFC1, identity=b"member %d" % number) for number in range(members)]
    founder = actors[0]
    founder.create(b"g" * 16)
    founder.commit(adds=[actor.key_package() for actor in actors[1:]])
    founder.apply()

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls
        calls += event == "call" and frame.f_code.co_filename.startswith(RULES)

    sys.setprofile(count)
    try:
        founder.commit()
    finally:
        sys.setprofile(None)
    founder.apply()
    return calls


def test_a_commit_that_changes_no_member_calls_no_rule_for_each() -> None:
    few = count_calls_of_rules(4)
    assert 0 < few == count_calls_of_rules(16)
