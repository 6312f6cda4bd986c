"""The log of a call in its chat: one line on every device, unread where it was missed, and never changed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from tests.client import talk
from tests.client.audit import audit
from tests.client.phone import Phone
from tests.client.talk import chat_of, meet, row_of, say, seen
from tests.client.world import World, small_world

from zajil.client.core.talk import acts
from zajil.client.views import Call
from zajil.protocol.chat import forms
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import MessageId


@pytest.fixture
def world() -> Iterator[World]:
    """a1, a2: two devices of the owner; b: an admin; c: a member."""
    made = small_world()
    yield made
    made.close()
    shutil.rmtree(made.folder)


def log(phone: Phone, outcome: forms.CallOutcome, seconds: int = 0) -> bytes:
    """Write a log into the main chat; its id."""
    identity = phone.core.submit_call_log(phone.world.main, forms.CallLog(bytes(16), "audio", outcome, seconds))
    phone.world.books.submitted.setdefault((phone.world.main, phone.device), []).append(identity)
    return identity


def test_every_device_shows_a_log_once(world: World) -> None:
    a1, a2, b, c = meet(world, "a1", "a2", "b", "c")
    identity = log(a1, "answered", 192)
    assert seen(a1)[0].state == "queued"
    world.settle()
    audit(world)
    for phone in (a1, a2, b, c):
        (line,) = seen(phone)
        assert (line.call, line.text, line.supported) == (Call("audio", "answered", 192), "", True)
        assert line.own == (phone in (a1, a2))
        assert row_of(phone, identity).proofs == (), "nobody reports a log"


@pytest.mark.parametrize(
    ("outcome", "unread"), [("answered", 0), ("missed", 1), ("declined", 0), ("busy", 0), ("failed", 0)]
)
def test_a_missed_call_alone_is_unread(world: World, outcome: forms.CallOutcome, unread: int) -> None:
    a1, a2, b, c = meet(world, "a1", "a2", "b", "c")
    log(b, outcome)
    say(b, "well?")
    world.settle()
    assert [chat_of(phone).unread for phone in (a1, a2, b, c)] == [unread + 1, unread + 1, 0, unread + 1]
    talk.mark_read(c)
    assert chat_of(c).unread == 0


def test_a_log_is_not_changed_by_anybody_nor_sent_again(world: World) -> None:
    b, c = meet(world, "b", "c")
    identity = log(b, "missed")
    with pytest.raises(ZajilError, match="not-permitted"):
        talk.edit(b, identity, "never")
    world.settle()
    for act in (talk.delete, lambda phone, named: talk.react(phone, named, "👍")):
        with pytest.raises(ZajilError, match="not-permitted"):
            act(b, identity)
    for form in (forms.Edit(MessageId(identity), "never"), forms.Deletion(MessageId(identity))):
        talk.forge(b, form)
    talk.forge(c, forms.Reaction(MessageId(identity), "👍"))
    world.settle()
    assert seen(c)[0].reactions == ()
    assert (seen(c)[0].call, seen(c)[0].text, seen(c)[0].edited) == (Call("audio", "missed", 0), "", False)
    with pytest.raises(ZajilError, match="not-permitted"):
        talk.act(b, lambda step: acts.retry(step, world.main, identity))
    talk.act(c, lambda step: acts.delete_for_me(step, world.main, identity))
    assert (seen(c), chat_of(c).unread) == ([], 0), "from one's own device it goes"
