"""A group that cannot go on is followed by another one, and stays one chat (service.md 6)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.client.successors import break_group, lines, members, open_world, place, places, shown
from tests.client.talk import act, mark_read, react, say, see
from tests.client.test_attacks_rivals import bring_out
from tests.client.world import DAY_MS, World

from zajil.client import listing
from zajil.client.core import outbox, wants
from zajil.client.core.heirs import making
from zajil.client.core.talk import arranging
from zajil.client.state import accounts, rows
from zajil.protocol.chat.extensions import Reason
from zajil.protocol.control import ClaimedKeyPackages
from zajil.protocol.limits import SUITE_RFC1

HONEST = ("amal", "boris", "cleo")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = open_world(tmp_path)
    yield made
    made.close()


def test_a_broken_commit_costs_30_seconds_and_no_message_and_puts_out_who_made_it(world: World) -> None:
    amal, boris, cleo, mallory = (world.phones[name] for name in (*HONEST, "mallory"))
    first = say(boris, "before")
    world.settle()
    react(cleo, first, "❤️")
    mark_read(cleo)
    world.settle()
    began = world.now_ms
    break_group(mallory)
    say(cleo, "meanwhile")
    say(amal, "at once")
    world.settle()
    for phone in (amal, boris, cleo):
        assert members(phone) == set(HONEST)
        assert set(shown(phone)) == {"before", "meanwhile", "at once"}
        assert lines(phone)[-1] == "repaired"
        assert place(phone).gid == place(amal).gid != world.main
        assert place(phone).roles == see(phone, lambda step: step.chat(world.main)).roles
    assert world.now_ms - began < 30_000
    answer = say(boris, "after", reply_to=first, gid=place(boris).gid)
    say(mallory, "nobody hears this")
    world.settle()
    assert shown(amal)[-1] == shown(cleo)[-1] == "after"
    assert "nobody hears this" not in shown(amal) + shown(boris) + shown(cleo)
    with cleo.core.look() as step:
        found = listing.messages(step, world.main, 10)
    assert [(m.text, [r.emoji for r in m.reactions]) for m in found if m.text == "before"] == [("before", ["❤️"])]
    assert answer in {rows.parse_row(data, rows.StoredMessage).message_id for data in _messages(cleo)}


def _messages(phone: object) -> list[bytes]:
    with phone.core.look() as step:  # type: ignore[attr-defined]  # a Phone
        return [data for _, data in step.tx.rows("message")]


def test_a_stuck_chat_says_so_and_an_admin_who_is_away_is_followed_by_the_next(world: World) -> None:
    amal, boris, cleo, mallory = (world.phones[name] for name in (*HONEST, "mallory"))
    away = world.phones.pop("amal")
    break_group(mallory)
    while cleo.turn():
        pass
    with cleo.core.look() as step:
        (row,) = (chat for chat in listing.chats(step) if chat.title == "Doves")
    assert row.status == "stuck"
    began = world.now_ms
    world.settle()
    assert members(boris) == members(cleo) == {"away", "boris", "cleo"}
    assert 20_000 <= world.now_ms - began < 60_000
    world.phones["amal"] = away
    say(boris, "hello")
    world.settle()
    assert shown(amal) == ["hello"]
    assert place(amal).gid == place(boris).gid
    assert amal.device[0] in place(amal).accounts()


def test_drafts_marks_and_unread_counts_move_along(world: World) -> None:
    amal, cleo, mallory = (world.phones[name] for name in ("amal", "cleo", "mallory"))
    say(amal, "one")
    world.settle()
    mark_read(cleo)
    say(amal, "two")
    world.settle()
    act(cleo, lambda step: arranging.pin(step, world.main))
    break_group(mallory)
    world.settle()
    with cleo.core.look() as step:
        (row,) = (chat for chat in listing.chats(step) if chat.title == "Doves")
    assert (row.unread, row.pinned) == (1, True)
    mark_read(cleo)
    assert place(cleo).unread == 0


def test_of_two_successors_the_one_of_the_lowest_leaf_stays(world: World) -> None:
    """Both admins make one before either hears of the other's."""
    amal, boris, cleo, mallory = (world.phones[name] for name in (*HONEST, "mallory"))
    say(cleo, "before")
    world.settle()
    break_group(mallory)
    for phone in (amal, boris, cleo):
        while phone.receive(64) or phone.greet():
            pass
    for phone in (amal, boris):
        act(phone, lambda step: step.change_chat(world.main, mend_at=step.now))
        assert phone.tick()
        bring_out(phone)
    world.settle()
    assert [place(phone).gid for phone in (boris, cleo)] == [place(amal).gid] * 2
    assert [len(places(phone)) for phone in (amal, boris, cleo)] == [1, 1, 1]
    made = see(amal, lambda step: [chat for chat in rows.all_chats(step.tx) if chat.forebear == world.main])
    assert len(made) == 2
    say(boris, "after", gid=place(boris).gid)
    world.settle()
    assert shown(amal) == shown(cleo) == ["before", "after"]


def test_the_next_break_by_nobody_proven_waits_for_a_day(world: World) -> None:
    """Without a proven offender nobody is left out, so the same member could break one after the other."""
    amal = world.phones["amal"]
    act(amal, lambda step: step.change_chat(world.main, mended_at=step.now - 1_000))
    act(amal, lambda step: making.schedule(step, world.main))
    chat = see(amal, lambda step: step.chat(world.main))
    assert chat.mend_at == chat.mended_at + DAY_MS


def test_no_successor_is_made_of_people_we_cannot_reach(world: World) -> None:
    amal, boris, mallory, cleo = (world.phones[name] for name in ("amal", "boris", "mallory", "cleo"))
    act(amal, lambda step: accounts.change(step, cleo.device[0], contact_token=b""))
    away = world.phones.pop("cleo")  # else it would ask Amal to be let in again, and bring its token
    break_group(mallory)
    world.settle()
    world.phones["cleo"] = away
    world.settle()
    assert members(amal) == members(boris) == members(cleo) == set(HONEST)
    assert place(boris).own_leaf == 0


def test_a_successor_without_somebody_is_not_followed_by_its_maker(world: World) -> None:
    """The others take it for another chat, so its maker stays with them."""
    amal, boris, cleo = (world.phones[name] for name in HONEST)
    gid = act(amal, lambda step: making.make(step, step.chat(world.main), Reason.STUCK))
    with amal.core.step("lose one") as step:
        ((n, item),) = [(n, item) for n, item in rows.items(step.tx, gid) if item.intent is not None]
        assert item.intent is not None
        rest = tuple(who for who in item.intent.accounts if who != cleo.device[0])
        outbox.change_item(step, n, item, intent=msgspec.structs.replace(item.intent, accounts=rest))
    world.settle()
    for phone in (amal, boris, cleo):
        assert see(phone, lambda step: step.chat(world.main)).heir is None
    assert see(amal, lambda step: step.chat(gid)).status == "left"
    say(amal, "still here")
    world.settle()
    with cleo.core.look() as step:
        assert [message.text for message in listing.messages(step, world.main, 10)] == ["still here"]


def test_a_successor_of_a_large_group_waits_for_everybody(world: World) -> None:
    """An account without packages is added later to any other group of suite 0x0001; here it would be left out."""
    amal, cleo = world.phones["amal"], world.phones["cleo"]
    gid = act(amal, lambda step: making.make(step, step.chat(world.main), Reason.STUCK))
    with amal.core.step("large") as step:
        step.change_chat(gid, suite=SUITE_RFC1)
        ((n, item),) = [(n, item) for n, item in rows.items(step.tx, gid) if item.intent is not None]
        want = next(
            one for one in wants.wants(step) if isinstance(one, wants.WantClaim) and one.account == cleo.device[0]
        )
        outbox.change_item(step, n, item, at=step.now - wants.PATIENCE_MS - 1)
        assert wants.take_claim(step, want, ClaimedKeyPackages(0, ()))
        left = [item for _, item in rows.items(step.tx, gid) if item.intent is not None and item.intent.op == "add"]
        assert [(item.state, cleo.device[0] in item.intent.accounts) for item in left if item.intent] == [
            ("failed", True)
        ]
