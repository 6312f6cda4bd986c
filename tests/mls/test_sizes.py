"""The largest group of the product fits the sizes that server and clients agreed on. Prints what it measured (-s)."""

from __future__ import annotations

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
