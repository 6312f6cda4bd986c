"""What the server's moderators say to an account: outcomes of its reports and measures, each told once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.client.world import World, finished

from zajil.cli.texts.events import EVENTS
from zajil.client import listing
from zajil.client.core import messages
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


@pytest.mark.parametrize(("name", "field", "word", "code"), WORDS)
def test_what_a_server_tells_twice_is_told_once(world: World, name: str, field: str, word: str, code: str) -> None:
    """It died between the notice and the note that it had told it."""
    for identity in (bytes(16), bytes(16), b"\1" * 16, bytes(16)):
        tell(world, name, {"id": identity, field: word})
    assert news(world) == [code, code], "another decision with the same word is another notice"
    for none in (b"\2" * 15, None, 7):
        tell(world, name, {"id": none, field: word})
        tell(world, name, {"id": none, field: word})
    assert len(news(world)) == 6, "what is no id drops nothing"


def test_a_notice_hides_no_message(world: World) -> None:
    """Whatever a server gives for an id."""
    (amal,) = world.phones.values()
    identity = bytes(range(16))
    tell(world, "report-outcome", {"id": identity, "outcome": "acted"})
    with amal.core.step("test") as step:
        assert messages.is_news(step, identity)


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
