"""What is drawn for people to judge blind: the draw itself, and what it leaves beside what was decided anyway."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.moderation.pipeline.square import BENIGN, FRAUD, Clock, Square, scoreless_policy

from zajil.moderation.pipeline.storing import ACTED_SAMPLE, Sampler
from zajil.protocol.ids import parse_b64


class EverySample(Sampler):
    """Draws whatever may be drawn, and keeps with what share."""

    def __init__(self) -> None:
        super().__init__(b"")
        self.shares: dict[str, float] = {}

    def draws(self, what: str, target: bytes, version: int, share: float) -> bool:
        self.shares[what] = share
        return True


@pytest.fixture
def sampler() -> EverySample:
    return EverySample()


@pytest.fixture
async def sampled(tmp_path: Path, clock: Clock, template: Path | None, sampler: EverySample) -> AsyncIterator[Square]:
    made = Square(tmp_path / "data", clock, template=template, sampler=sampler)
    await made.start()
    yield made
    await made.close()


async def test_drawn_posts_are_asked_about_apart_and_stay_what_they_are(sampled: Square, sampler: EverySample) -> None:
    posts = await sampled.crowd([FRAUD, BENIGN])
    held, shown = [parse_b64(post).hex() for post in posts]
    await sampled.work()
    assert [sampled.state(post) for post in posts] == ["held", "visible"]
    ((decision,),) = sampled.rows("SELECT lower(hex(id)) FROM mod_decision")
    drawn = sampled.rows("SELECT kind, lower(hex(target)), lower(hex(decision_id)), category FROM mod_audit_sample")
    assert sorted(drawn) == [("acted", held, decision, "fraud"), ("allowed", shown, "", "")]
    asked = sampled.rows("SELECT lower(hex(target)), source, effect, state FROM mod_item WHERE queue = 'audit'")
    assert sorted(asked) == sorted([(held, "sample", "", "open"), (shown, "sample", "", "open")])
    assert sampled.rows("SELECT lower(hex(target)) FROM mod_item WHERE queue = 'main'") == [(held,)]
    assert sampler.shares == {"acted": ACTED_SAMPLE, "allowed": scoreless_policy().defaults.audit_sample}


def test_the_draw_is_even_the_same_at_every_try_and_another_with_another_key() -> None:
    posts = [number.to_bytes(16, "big") for number in range(10_000)]

    def draw(key: bytes, share: float) -> list[bytes]:
        return [post for post in posts if Sampler(key).draws("acted", post, 1, share)]

    keys = [bytes([number]) * 32 for number in range(2)]
    first, second = [draw(key, ACTED_SAMPLE) for key in keys]
    # 200 of 10,000 wanted; the standard deviation is 14.
    assert all(130 < len(each) < 270 for each in (first, second))
    assert first == draw(keys[0], ACTED_SAMPLE) != second
    assert draw(os.urandom(32), 0) == []
    assert draw(os.urandom(32), 1) == posts
