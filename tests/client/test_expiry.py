"""Disappearing messages over the real cores: both sides, all devices, ends of processes, late doubles, the disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.client import talk
from tests.client.audit import audit
from tests.client.phone import Phone
from tests.client.talk import mark_read, meet, row_of, say, seen, texts
from tests.client.test_attacks_talk import commit_settings, with_settings
from tests.client.world import DAY_MS, World, small_world

from zajil.client import listing
from zajil.client.core import chats, messages
from zajil.client.core.expiry import sweep
from zajil.client.core.talk import contents
from zajil.client.state import deadlines, rows
from zajil.client.state.step import Step
from zajil.protocol.chat import content, forms, parts
from zajil.protocol.chat.expiry import SPAN_MAX_S
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import MessageId

DAY_S = 86_400


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


def set_timer(phone: Phone, seconds: int, gid: bytes = b"") -> None:
    talk.act(phone, lambda step: chats.set_timer(step, gid or phone.world.main, seconds))
    settled(phone.world)


def here(phone: Phone, identity: bytes) -> bool:
    return talk.see(phone, lambda step: step.tx.lookup("message", identity)) is not None


def gone(phone: Phone, identity: bytes) -> bool:
    """It is not here, and known to have run out."""
    known = talk.see(phone, lambda step: sweep.is_gone(step, identity))
    return known and not here(phone, identity)


def pass_days(world: World, days: float) -> None:
    world.pass_time(int(days * DAY_MS))
    world.settle()


def test_a_message_goes_a_day_after_it_was_read_and_the_writers_copy_a_day_after_it_was_sent(world: World) -> None:
    a1, a2, b, c = meet(world, "a1", "a2", "b", "c")
    before = say(b, "stays")
    set_timer(a1, DAY_S)
    assert [talk.chat_of(phone).timer for phone in (a1, a2, b, c)] == [DAY_S] * 4
    identity = say(b, "goes")
    settled(world)
    assert row_of(b, identity).expires_at == row_of(b, identity).sent + DAY_MS
    assert [row_of(phone, identity).expires_at for phone in (a1, a2, c)] == [0, 0, 0]
    mark_read(c)
    at_c = row_of(c, identity).expires_at
    assert at_c == world.now_ms + DAY_MS
    pass_days(world, 0.5)
    assert all(here(phone, identity) for phone in (a1, a2, b, c))
    pass_days(world, 0.6)
    assert gone(b, identity)
    assert gone(c, identity)
    assert here(a1, identity), "nobody has read it there"
    assert talk.events(c, "expired")
    assert all(here(phone, before) for phone in (a1, a2, b, c))
    mark_read(a1)
    settled(world)
    assert abs(row_of(a2, identity).expires_at - row_of(a1, identity).expires_at) < 60_000
    pass_days(world, 1.1)
    assert gone(a1, identity)
    assert gone(a2, identity)
    assert talk.chat_of(a2).unread == 0


def test_reading_starts_the_clock_on_the_other_devices_without_receipts_too(world: World) -> None:
    a1, a2, b = meet(world, "a1", "a2", "b")
    set_timer(a1, DAY_S)
    talk.switch(a1, receipts=False)
    settled(world)
    identity = say(b, "goes")
    settled(world)
    mark_read(a1)
    read_at = world.now_ms
    while a1.turn():
        pass
    # a2 is away for ten days.
    world.now_ms += 10 * DAY_MS
    while a2.turn():
        pass
    assert gone(a2, identity), "it was read ten days ago"
    assert read_at < world.now_ms


def test_an_own_message_of_another_device_that_is_over_is_never_shown(world: World) -> None:
    a1, a2 = meet(world, "a1", "a2")
    set_timer(a1, DAY_S)
    identity = say(a1, "goes")
    while a1.turn():
        pass
    world.now_ms += 2 * DAY_MS
    while a2.turn():
        pass
    assert gone(a2, identity)
    assert not [event for event in talk.events(a2, "message") if event.message and event.message.text == "goes"]
    settled(world)


def test_what_waits_to_be_sent_is_not_lost_and_goes_here_once_it_is_out(world: World) -> None:
    a1, b = meet(world, "a1", "b")
    set_timer(a1, DAY_S)
    identity = say(a1, "from the shelter")
    pass_time_at_once(world, 3)
    a1.crash()
    assert here(a1, identity)
    settled(world)
    assert texts(b) == ["from the shelter"]
    assert gone(a1, identity)
    assert not talk.see(a1, lambda step: rows.items(step.tx, world.main))


def pass_time_at_once(world: World, days: int) -> None:
    """Nobody moves meanwhile."""
    world.now_ms += days * DAY_MS


def test_a_store_opened_after_the_deadline_does_not_show_it(world: World) -> None:
    a1, b = meet(world, "a1", "b")
    set_timer(a1, DAY_S)
    identity = say(a1, "goes")
    settled(world)
    mark_read(b)
    b.close()
    pass_time_at_once(world, 2)
    b.open()
    assert gone(b, identity), "before the process did anything else"
    b.boot()
    settled(world)


def test_a_process_that_ends_at_any_boundary_of_the_sweep_loses_nothing_and_keeps_nothing(world: World) -> None:
    a1, b = meet(world, "a1", "b")
    stays = say(a1, "stays")
    set_timer(a1, DAY_S)
    for fuse in (1, 2, 3):
        identity = say(a1, f"goes {fuse}")
        settled(world)
        mark_read(b)
        pass_time_at_once(world, 2)
        b.fuse = fuse
        b.run(b.core.sweep)
        b.fuse = None
        b.crash()
        assert gone(b, identity)
        assert here(b, stays)
        settled(world)


def test_late_doubles_edits_reactions_and_receipts_change_nothing(world: World) -> None:
    a1, b, c = meet(world, "a1", "b", "c")
    set_timer(a1, DAY_S)
    body = talk.opened(b, forms.Text("goes", None))
    spanned = replace(body.content, expires=content.Expires(relative=True, time=DAY_S))
    data = content.encode_content(spanned)
    identity = content.message_id_of(spanned, data)
    body = rows.changed(body, content=spanned, data=data, message_id=identity)
    talk.take(c, body)
    mark_read(c)
    pass_days(world, 1.5)
    assert gone(c, identity)
    before = seen(c)
    for days in (0, 50):
        pass_days(world, days)
        assert not talk.act(c, lambda step: messages.is_news(step, identity)), "a double is known"
        edit = talk.opened(b, forms.Edit(MessageId(identity), "again"))
        talk.take(c, edit)
        talk.take(c, talk.opened(b, forms.Reaction(MessageId(identity), "👍")))
        talk.take(c, talk.opened(b, forms.Deletion(MessageId(identity))))
        assert seen(c) == before
        assert not talk.see(c, lambda step: rows.load_early(step.tx, identity))
    with pytest.raises(ZajilError, match="message"):
        talk.react(c, identity, "👍")
    assert not here(a1, identity)


def test_an_edit_keeps_the_deadline_and_a_reply_says_that_what_it_quotes_is_gone(world: World) -> None:
    a1, b = meet(world, "a1", "b")
    set_timer(a1, DAY_S)
    identity = say(a1, "frist")
    settled(world)
    mark_read(b)
    deadline = row_of(b, identity).expires_at
    set_timer(a1, 0)
    talk.edit(a1, identity, "first")
    talk.react(b, identity, "👍")
    answer = say(b, "indeed", reply_to=identity)
    settled(world)
    for phone in (a1, b):
        assert row_of(phone, identity).text == "first"
        assert row_of(phone, identity).expire_s == DAY_S
    assert row_of(b, identity).expires_at == deadline
    assert not seen(b)[-1].quote_expired
    pass_days(world, 1.5)
    for phone in (a1, b):
        assert texts(phone) == ["indeed"]
        assert seen(phone)[-1].quote_expired
        assert row_of(phone, answer).expire_s == 0


def test_a_deletion_leaves_a_stub_that_goes_with_its_message(world: World) -> None:
    a1, b = meet(world, "a1", "b")
    set_timer(a1, DAY_S)
    identity = say(a1, "oops")
    settled(world)
    mark_read(b)
    talk.delete(a1, identity)
    settled(world)
    assert row_of(b, identity).deleted_by
    pass_days(world, 1.5)
    assert gone(b, identity)


def test_a_clock_that_went_back_gives_no_more_than_one_span(world: World) -> None:
    a1, b = meet(world, "a1", "b")
    set_timer(a1, DAY_S)
    identity = say(a1, "goes")
    settled(world)
    mark_read(b)
    true_now = world.now_ms
    world.now_ms -= 100 * DAY_MS
    b.core.sweep()
    assert row_of(b, identity).expires_at == world.now_ms + DAY_MS
    assert deadlines_of(b) == {identity: world.now_ms + DAY_MS}
    world.now_ms += DAY_MS
    b.core.sweep()
    assert gone(b, identity)
    world.now_ms = true_now
    settled(world)


def deadlines_of(phone: Phone) -> dict[bytes, int]:
    return {one.message_id: one.at for one in talk.see(phone, lambda step: deadlines.all_deadlines(step.tx))}


def test_read_state_of_a_device_whose_clock_runs_ahead_gives_no_more_time(world: World) -> None:
    a2, b = meet(world, "a2", "b")
    set_timer(b, DAY_S)
    identity = say(b, "goes")
    settled(world)
    read = parts.Sync(read=((world.main, world.now_ms + DAY_MS),))  # type: ignore[arg-type]
    talk.act(a2, lambda step: contents._take_sync(step, read, at=world.now_ms + 300 * DAY_MS))
    assert row_of(a2, identity).expires_at == world.now_ms + DAY_MS


def test_nothing_of_it_stays_in_the_files_of_the_home(world: World) -> None:
    """The sealed row of the message, byte for byte, is in none of them; it was before."""
    a1, b = meet(world, "a1", "b")
    set_timer(a1, DAY_S)
    identity = say(a1, "the text that must not stay " * 20)
    settled(world)
    mark_read(b)
    key = b.store.hash_id("message", identity)
    (sealed,) = b.store.db.execute("SELECT value FROM message WHERE key = ?", (key,)).fetchone()
    probe = bytes(sealed)[40:140]
    assert files_with(b, probe)
    pass_time_at_once(world, 2)
    b.core.sweep()
    assert not files_with(b, probe)
    b.close()
    assert not files_with(b, probe)
    b.open()
    b.boot()
    settled(world)


def files_with(phone: Phone, probe: bytes) -> list[str]:
    files = (path for path in phone.home.rglob("*") if path.is_file())
    return [path.name for path in files if probe in path.read_bytes()]


def test_a_reader_in_another_process_holds_nothing_up(world: World) -> None:
    a1, b = meet(world, "a1", "b")
    set_timer(a1, DAY_S)
    identity = say(a1, "goes")
    settled(world)
    mark_read(b)
    pass_time_at_once(world, 2)
    import sqlite3

    other = sqlite3.connect(b.home / "store.sqlite", isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM message").fetchone()
    b.core.sweep()
    assert gone(b, identity)
    other.close()
    settled(world)


# -- the timer of a chat
def test_both_sides_of_a_dm_and_the_own_chat_may_set_it_and_all_see_who_did(world: World) -> None:
    a1, a2, b = meet(world, "a1", "a2", "b")
    dm = talk.act(a1, lambda step: chats.open_dm(step, b.device[0]))
    own = next(chat.gid for chat in talk.see(a1, lambda step: rows.all_chats(step.tx)) if chat.kind == 0)
    settled(world)
    set_timer(b, 3_600, dm)
    set_timer(a1, 60, own)
    for phone in (a1, a2, b):
        assert talk.chat_of(phone, dm).timer == 3_600
        lines = [line for line in talk.see(phone, lambda step: listing.notices(step, dm)) if line.code == "timer"]
        assert [(line.name, line.seconds, line.own) for line in lines] == [("b", 3_600, phone is b)]
    assert talk.chat_of(a2, own).timer == 60
    assert [event.name for event in talk.events(b, "timer")] == ["b"]


@pytest.mark.parametrize("how", ["member", "too-long", "with-title", "huge"])
def test_a_forged_timer_is_refused_by_every_member(world: World, how: str) -> None:
    a1, b, c = meet(world, "a1", "b", "c")
    title = talk.chat_of(a1).title
    by = c if how in ("member", "with-title") else b
    changes: dict[str, object] = {"timer": 1}
    if how == "with-title":
        changes |= {"name": "Hawks"}
    elif how == "too-long":
        changes = {"timer": SPAN_MAX_S + 1}
    elif how == "huge":
        changes = {"timer": (1 << 32) - 1}
    commit_settings(by, with_settings(by, **changes))
    world.serve(by)
    honest = [a1, b] if by is c else [a1, c]
    for phone in honest:
        while phone.receive(64) or phone.greet():
            pass
        assert (talk.chat_of(phone).timer, talk.chat_of(phone).title) == (0, title)
        assert talk.events(phone, "refused-change")


def test_who_may_not_set_it_is_told_so(world: World) -> None:
    b, c = meet(world, "b", "c")
    with pytest.raises(ZajilError) as refused:
        set_timer(c, DAY_S)
    assert refused.value.code == "not-permitted"
    for seconds in (-1, SPAN_MAX_S + 1):
        with pytest.raises(ZajilError) as refused:
            set_timer(b, seconds)
        assert refused.value.code == "malformed"
    set_timer(b, SPAN_MAX_S)
    assert talk.chat_of(c).timer == SPAN_MAX_S


def test_of_two_timers_that_wait_the_later_is_set(world: World) -> None:
    a1, b = meet(world, "a1", "b")
    talk.act(a1, lambda step: chats.set_timer(step, world.main, 60))
    talk.act(a1, lambda step: chats.rename(step, world.main, "Pigeons"))
    set_timer(a1, DAY_S)
    assert (talk.chat_of(b).timer, talk.chat_of(b).title) == (DAY_S, "Pigeons")
    assert len(talk.events(b, "timer")) == 1


@pytest.mark.parametrize(
    ("expires", "span_s"),
    [
        (content.Expires(relative=True, time=0), 0),
        (content.Expires(relative=True, time=(1 << 32) - 1), SPAN_MAX_S),
        (content.Expires(relative=False, time=1), 1),
        (content.Expires(relative=False, time=(1 << 32) - 1), SPAN_MAX_S),
    ],
)
def test_what_others_ask_for_is_bounded_and_never_begins_before_it_was_read(
    world: World, expires: content.Expires, span_s: int
) -> None:
    b, c = meet(world, "b", "c")
    body = talk.opened(b, forms.Text("hello", None))
    asked = replace(body.content, expires=expires)
    talk.take(c, rows.changed(body, content=asked))
    pass_days(world, 3)
    row = row_of(c, body.message_id)
    assert (row.expire_s, row.expires_at) == (span_s, 0)
    mark_read(c)
    assert row_of(c, body.message_id).expires_at == (world.now_ms + span_s * 1000 if span_s else 0)


def test_a_report_can_be_made_until_it_is_gone(world: World) -> None:
    from zajil.client.core.talk import reports

    a1, b = meet(world, "a1", "b")
    set_timer(a1, DAY_S)
    identity = say(a1, "buy this")
    settled(world)
    mark_read(b)

    def draft(step: Step) -> reports.Draft:
        return reports.draft_report(step, world.main, [identity])

    assert talk.see(b, draft).proofs
    pass_days(world, 1.5)
    with pytest.raises(ZajilError) as nothing:
        talk.see(b, draft)
    assert nothing.value.code == "gone"


def test_where_another_chat_of_two_takes_the_place_of_one_its_timer_stays(world: World) -> None:
    """As after a restore. Which of the two stays is their gids' to say, so several are made."""
    b, c = meet(world, "b", "c")
    made = [talk.act(b, lambda step: chats.open_new_dm(step, c.device[0]))]
    settled(world)
    set_timer(b, 3600, made[0])
    for _ in range(4):
        made.append(talk.act(c, lambda step: chats.open_new_dm(step, b.device[0])))
        settled(world)
        for phone, peer in ((b, c.device[0]), (c, b.device[0])):
            found = talk.see(phone, lambda step: chats.find_dm(step, peer))  # noqa: B023
            assert found is not None
            assert (found.gid, found.timer) == (min(made), 3600)
    assert min(made) != made[0], "else the first one stayed always, and nothing was to be carried over"
