"""Replies, edits, deletions and reactions over the real cores: what every device ends up seeing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from itertools import permutations

import pytest
from tests.client import talk
from tests.client.audit import audit
from tests.client.phone import Phone
from tests.client.talk import delete, edit, meet, react, reactions, row_of, say, seen, texts
from tests.client.world import DAY_MS, World, small_world

from zajil.client import listing
from zajil.client.core import chats, messages, outbox
from zajil.client.core.messages import Opened
from zajil.client.core.talk import acts
from zajil.client.state import rows
from zajil.client.state.rows import Item
from zajil.client.state.step import Step
from zajil.protocol.chat import content, forms
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import MessageId


@pytest.fixture
def world() -> Iterator[World]:
    """a1, a2: two devices of the owner; b: an admin; c: a member."""
    made = small_world()
    yield made
    made.close()
    shutil.rmtree(made.folder)


def settled(world: World) -> None:
    world.settle()
    audit(world)


def test_an_answer_names_the_message_it_answers(world: World) -> None:
    b, c = meet(world, "b", "c")
    question = say(b, "tea?")
    settled(world)
    say(c, "yes", reply_to=question)
    settled(world)
    for phone in world.phones.values():
        assert row_of(phone, question).text == "tea?"
        assert seen(phone)[-1].reply_to == seen(phone)[-2].id


def test_an_edit_reaches_all_devices_and_keeps_the_versions(world: World) -> None:
    a1, a2, b = meet(world, "a1", "a2", "b")
    first = say(a1, "teh")
    settled(world)
    edit(a2, first, "the")
    settled(world)
    edit(a1, first, "the dove")
    assert texts(a1) == ["the dove"]
    settled(world)
    for phone in world.phones.values():
        assert texts(phone) == ["the dove"]
        assert seen(phone)[0].edited
        assert [one.text for one in row_of(phone, first).versions] == ["teh", "the", "the dove"]
    details = talk.see(b, lambda step: listing.message_details(step, world.main, first))
    assert [one.text for one in details.versions] == ["teh", "the"]
    assert [event.name for event in talk.events(b, "edited")] == ["a1", "a1"]


def test_an_answer_stays_an_answer_when_edited(world: World) -> None:
    b, c = meet(world, "b", "c")
    question = say(b, "tea?")
    settled(world)
    answer = say(c, "yse", reply_to=question)
    settled(world)
    edit(c, answer, "yes")
    settled(world)
    assert row_of(b, answer).reply_to == question
    assert texts(b) == ["tea?", "yes"]


def test_a_text_cannot_be_edited_after_a_day(world: World) -> None:
    b, c = meet(world, "b", "c")
    old = say(b, "old")
    settled(world)
    world.pass_time(DAY_MS + 1)
    with pytest.raises(ZajilError, match="not-permitted"):
        edit(b, old, "new")
    talk.forge(b, forms.Edit(MessageId(old), "new"))
    settled(world)
    assert texts(c) == ["old"]


def test_edits_and_reactions_end_alike_in_every_order(world: World) -> None:
    """What the clocks and ids say counts, not what came first; the message itself may come last."""
    b, c = meet(world, "b", "c")
    target = talk.opened(b, forms.Text("one"))
    identity = MessageId(target.message_id)
    first = talk.opened(b, forms.Edit(identity, "two"), at=world.now_ms + 1)
    second = talk.opened(b, forms.Edit(identity, "three"), at=world.now_ms + 2)
    liked = talk.opened(c, forms.Reaction(identity, "👍"), at=world.now_ms + 1)
    unliked = talk.opened(c, forms.TakeBack(identity, MessageId(liked.message_id)), at=world.now_ms + 2)
    ends = set()
    reader = world.phones["a1"]
    for order in permutations((target, first, second, liked, unliked)):
        for body in order:
            talk.take(reader, body)
        row = row_of(reader, identity)
        ends.add((row.text, [one.text for one in row.versions].__repr__(), reactions(reader, identity).__repr__()))
        assert talk.see(reader, lambda step: rows.load_early(step.tx, identity)) == ()
        talk.act(reader, lambda step: acts.delete_for_me(step, world.main, identity))
        forget(reader, order)
    assert ends == {("three", "['one', 'two', 'three']", "{}")}


def forget(phone: Phone, bodies: Sequence[Opened]) -> None:
    """As if none of them had ever come."""
    with phone.core.step("forget") as step:
        for body in bodies:
            step.tx.delete("known", body.message_id)


def test_a_deletion_beats_an_edit_that_comes_later_or_came_early(world: World) -> None:
    a1, b = meet(world, "a1", "b")
    for late in (False, True):
        target = talk.opened(b, forms.Text("secret"))
        gone = talk.opened(b, forms.Deletion(MessageId(target.message_id)))
        edited = talk.opened(b, forms.Edit(MessageId(target.message_id), "again"), at=world.now_ms + 9)
        for body in (target, gone, edited) if late else (edited, gone, target):
            talk.take(a1, body)
        row = row_of(a1, target.message_id)
        assert (row.text, row.versions, row.deleted_by) == ("", (), b.device[0])


def test_its_author_deletes_a_text_for_all_and_a_stub_stays(world: World) -> None:
    b, c = meet(world, "b", "c")
    identity = say(b, "secret")
    settled(world)
    react(c, identity, "🕊️")
    settled(world)
    delete(b, identity)
    assert (seen(b)[0].text, seen(b)[0].deleted) == ("", True)
    settled(world)
    for phone in world.phones.values():
        row = row_of(phone, identity)
        assert (row.text, row.versions, row.reactions, row.deleted_by) == ("", (), (), b.device[0])
        assert (row.account, row.sent > 0) == (b.device[0], True)
    with pytest.raises(ZajilError, match="not-permitted"):
        react(c, identity, "👍")
    with pytest.raises(ZajilError, match="not-permitted"):
        edit(b, identity, "again")


def test_an_admin_deletes_what_a_member_said_and_a_member_does_not(world: World) -> None:
    a1, b, c = meet(world, "a1", "b", "c")
    of_c, of_b = say(c, "rude"), say(b, "polite")
    settled(world)
    with pytest.raises(ZajilError, match="not-permitted"):
        delete(c, of_b)
    delete(b, of_c)
    settled(world)
    for phone in world.phones.values():
        assert sorted(message.text for message in seen(phone)) == ["", "polite"]
        assert row_of(phone, of_c).deleted_by == b.device[0]
    assert [event.name for event in talk.events(a1, "deleted")] == ["b"]


def test_an_admin_that_was_demoted_deletes_nothing_any_more(world: World) -> None:
    a1, b, c = meet(world, "a1", "b", "c")
    of_c = say(c, "rude")
    settled(world)
    talk.act(a1, lambda step: chats.set_role(step, world.main, b.device[0], 0))
    settled(world)
    with pytest.raises(ZajilError, match="not-permitted"):
        delete(b, of_c)
    talk.forge(b, forms.Deletion(MessageId(of_c), as_admin=True))
    settled(world)
    assert texts(c) == ["rude"]


def test_deleting_here_removes_nothing_elsewhere_and_stays_so(world: World) -> None:
    b, c = meet(world, "b", "c")
    identity = say(b, "hello")
    settled(world)
    talk.act(c, lambda step: acts.delete_for_me(step, world.main, identity))
    edit(b, identity, "hello again")
    world.settle()
    assert texts(c) == []
    assert texts(b) == ["hello again"]
    assert talk.chat_of(c).unread == 0


def test_one_reaction_an_account_the_latest_counts(world: World) -> None:
    a1, a2, b, c = meet(world, "a1", "a2", "b", "c")
    identity = say(b, "news")
    settled(world)
    react(a1, identity, "👍")
    react(c, identity, "❤️")
    settled(world)
    react(a2, identity, "🕊️")
    settled(world)
    expected = {a1.device[0]: "🕊️", c.device[0]: "❤️"}
    assert [reactions(phone, identity) for phone in world.phones.values()] == [expected] * 4
    react(a1, identity, None)
    settled(world)
    assert [reactions(phone, identity) for phone in world.phones.values()] == [{c.device[0]: "❤️"}] * 4
    react(a1, identity, None)
    assert all(item.state != "queued" for _, item in talk.see(a1, lambda step: rows.items(step.tx, world.main)))
    react(a1, identity, "👍")
    settled(world)
    assert reactions(c, identity) == {a1.device[0]: "👍", c.device[0]: "❤️"}
    assert [one.emoji for one in seen(b)[0].reactions] == ["❤️", "👍"]


@pytest.mark.parametrize("emoji", ["", "ok", "🕊🕊", "🕊" * 400, "<b>", "\u202e👍"])
def test_what_is_not_one_emoji_is_no_reaction(world: World, emoji: str) -> None:
    (b,) = meet(world, "b")
    identity = say(b, "news")
    settled(world)
    if emoji:
        with pytest.raises(ZajilError, match="malformed"):
            react(b, identity, emoji)
    else:
        react(b, identity, emoji)
    assert reactions(b, identity) == {}


def test_what_waits_and_is_deleted_is_never_sent(world: World) -> None:
    b, c = meet(world, "b", "c")
    kept = say(b, "kept")
    settled(world)
    gone, here = say(b, "gone"), say(b, "gone here")
    edit(b, gone, "gone, edited")
    react(b, gone, "👍")
    react(b, kept, "👍")
    react(b, kept, "❤️")
    delete(b, gone)
    talk.act(b, lambda step: acts.delete_for_me(step, world.main, here))
    waiting = talk.see(b, lambda step: [item for _, item in rows.items(step.tx, world.main)])
    assert [item.target for item in waiting] == [kept]
    settled(world)
    assert texts(b) == texts(c) == ["kept"]
    assert reactions(c, kept) == {b.device[0]: "❤️"}
    accepted = {each.message_id for each in world.books.accepted}
    assert not {gone, here} & accepted


def test_an_edit_that_replaces_a_waiting_edit_is_sent_once(world: World) -> None:
    b, c = meet(world, "b", "c")
    identity = say(b, "one")
    edit(b, identity, "two")
    edit(b, identity, "three")
    settled(world)
    for phone in (b, c):
        assert [one.text for one in row_of(phone, identity).versions] == ["one", "three"]


def test_what_may_have_left_is_deleted_at_the_others_too(world: World) -> None:
    """Accepted, the answer lost for a day: queued anew. Deleting it then must reach those who have it."""
    b, c = meet(world, "b", "c")
    identity = say(b, "oops")
    b.call()
    b.post()
    world.serve(b, lose=True)
    b.cut_receiving()
    world.pass_time(DAY_MS + 1)
    b.tick()
    (item,) = talk.see(b, lambda step: [item for _, item in rows.items(step.tx, world.main)])
    assert (item.state, len(item.hashes)) == ("queued", 1)
    delete(b, identity)
    assert seen(b)[0].deleted
    settled(world)
    assert row_of(c, identity).deleted_by == b.device[0]
    assert sum(each.message_id == identity for each in world.books.accepted) == 1


def test_what_is_said_about_a_text_that_failed_is_never_sent(world: World) -> None:
    """Removed before it could be sent: the text fails, and its edit with it; asked to, it goes out once back in."""
    a1, b, c = meet(world, "a1", "b", "c")
    talk.act(a1, lambda step: chats.remove_account(step, world.main, c.device[0]))
    a1.call()
    a1.post()
    world.serve(a1)
    identity = say(c, "too late")
    edit(c, identity, "too late, edited")
    react(c, identity, "👍")
    world.settle()
    assert seen(c)[0].state == "failed"
    assert talk.see(c, lambda step: rows.items(step.tx, world.main)) == []
    with pytest.raises(ZajilError, match="not-a-member"):
        talk.act(c, lambda step: acts.retry(step, world.main, identity))
    talk.act(a1, lambda step: chats.add_account(step, world.main, c.device[0]))
    world.settle()
    again = talk.act(c, lambda step: acts.retry(step, world.main, identity))
    world.settle()
    assert [(message.text, message.state) for message in seen(c)] == [("too late, edited", "delivered")]
    assert row_of(b, again).text == "too late, edited"
    with pytest.raises(ZajilError, match="not-permitted"):
        talk.act(c, lambda step: acts.retry(step, world.main, again))


def test_what_is_said_about_a_refused_text_does_not_go_out(world: World) -> None:
    b, c = meet(world, "b", "c")
    identity, other = say(b, "refused"), say(b, "fine")
    edit(b, identity, "refused, edited")
    n, item = talk.see(b, lambda step: rows.items(step.tx, world.main))[0]
    talk.act(b, lambda step: outbox.fail(step, n, item, "too-big"))
    waiting = talk.see(b, lambda step: rows.items(step.tx, world.main))
    assert [item.message_id for _, item in waiting] == [other]
    world.settle()
    assert texts(c) == ["fine"]


def test_actions_of_a_merged_chat_follow_their_message(world: World) -> None:
    """Two people open a DM at once; the texts that wait move with what is said about them."""
    b, c = meet(world, "b", "c")
    greet(b, c)
    greet(c, b)
    world.settle()
    shown = []
    for phone, other in ((b, c), (c, b)):
        dm = find_dm(phone, other)
        shown.append(sorted((m.text, m.edited, len(m.reactions)) for m in seen(phone, dm)))
        assert talk.chat_of(phone, dm).unread == 1
    assert shown[0] == shown[1] == [("hi from b", True, 1), ("hi from c", True, 1)]


def greet(phone: Phone, other: Phone) -> None:
    """Open a DM, and say something twice."""
    gid = talk.act(phone, lambda step: chats.open_new_dm(step, other.device[0]))
    first = say(phone, f"hello from {phone.name}", gid=gid)
    talk.act(phone, lambda step: acts.edit(step, gid, first, f"hi from {phone.name}"))
    talk.act(phone, lambda step: acts.react(step, gid, first, "👍"))


def find_dm(phone: Phone, other: Phone) -> bytes:
    """The DM that is used."""
    found = talk.see(phone, lambda step: chats.find_dm(step, other.device[0]))
    assert found is not None
    return found.gid


def test_a_body_of_a_later_version_is_kept_and_shown_as_such(world: World) -> None:
    b, c = meet(world, "b", "c")

    def send(step: Step) -> None:
        marks = messages.extensions(step, world.main)
        part = content.SinglePart("text/html", b"<script>alert(1)</script>")
        body = content.MimiContent(step.rng(16), part, extensions=marks)
        data = content.encode_content(body)
        outbox.submit(step, Item(world.main, "message", "queued", step.now, content=data, message_id=step.rng(32)))

    talk.act(b, send)
    world.settle()
    (message,) = seen(c)
    assert (message.text, message.supported) == ("", False)
    stored = talk.see(c, lambda step: step.tx.rows("message", world.main))
    row = rows.parse_row(stored[0][1], rows.StoredMessage)
    assert forms.parse_form(content.parse_content(row.kept)) == forms.Unsupported(shown=True)
