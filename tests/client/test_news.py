"""What the server's moderators say to an account: outcomes of its reports and measures, each told once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.client.world import World, finished

from zajil.cli.texts.events import EVENTS
from zajil.client import listing
from zajil.client.views import NEWS
from zajil.delivery import mailboxes

WORDS = (
    ("report-outcome", "outcome", "acted", "report-acted"),
    ("report-outcome", "outcome", "not-acted", "report-not-acted"),
    ("account-measure", "action", "warn", "account-warned"),
    ("account-measure", "action", "suspend", "account-suspended"),
    ("account-measure", "action", "undone", "measure-undone"),
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, seed=8)
    made.enrol("amal")
    made.settle()
    yield made
    made.close()


def tell(world: World, name: str, fields: dict[int | str | bytes, object]) -> None:
    (amal,) = world.phones.values()
    finished(mailboxes.send_notice(world.delivery, (amal.mailbox,), name, fields))  # type: ignore[arg-type]  # any CBOR
    world.settle()


def news(world: World) -> list[str | None]:
    (amal,) = world.phones.values()
    with amal.core.step("news") as step:
        return [event.code for event in listing.take_news(step)]


@pytest.mark.parametrize(("name", "field", "word", "code"), WORDS)
def test_each_word_of_the_moderators_is_told_once(world: World, name: str, field: str, word: str, code: str) -> None:
    tell(world, name, {field: word, "report": bytes(16)})
    assert news(world) == [code]
    assert news(world) == []


def test_other_words_say_nothing_and_stop_nobody(world: World) -> None:
    for name, fields in (
        ("report-outcome", {"outcome": "deleted"}),
        ("report-outcome", {"outcome": 7}),
        ("account-measure", {}),
        ("something-new", {"outcome": "acted"}),
    ):
        tell(world, name, dict(fields))  # type: ignore[arg-type]  # any CBOR
    assert news(world) == []
    tell(world, "report-outcome", {"outcome": "acted"})
    assert news(world) == ["report-acted"]


def test_every_word_has_its_sentence() -> None:
    assert {code for *_, code in WORDS} == NEWS
    assert all(EVENTS[code] for code in NEWS)
