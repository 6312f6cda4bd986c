"""A server that came back from a backup is told anew who reaches an account, by each of its devices once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import msgspec
import pytest
from tests.client.phone import Phone
from tests.client.world import DAY_MS, World, small_world

from zajil.client.core.contact import blocking
from zajil.client.core.kept import backup
from zajil.client.state import accounts, doors, rows
from zajil.client.state.recovery import change_recovery, load_recovery
from zajil.engine.sql.interface import renumbering
from zajil.protocol.limits import OWN_LINKS


@pytest.fixture
def world() -> Iterator[World]:
    made = small_world()
    yield made
    made.close()
    shutil.rmtree(made.folder)


def bring_back(world: World) -> None:
    """The server numbers on as after `zajil restore`."""
    world.database.write_sync(lambda db: db.exec_driver_sql(renumbering(world.now_ms // 1000)))
    world.crash_server()


def test_every_device_brings_the_newest_token_once_and_no_older_one_is_the_last(world: World) -> None:
    first, second, friend = (world.phones[name] for name in ("a1", "a2", "c"))
    blocked = friend.device[0]
    with second.core.look() as step:
        before = step.profile.profile_token
    with first.core.step("block") as step:
        blocking.block(step, blocked)
        token = step.profile.profile_token
    world.settle()
    # The other device heard of it, and brings it too: it may have been about to bring an older one.
    assert world.puts == [(first.device, token), (second.device, token)]

    # As where that message was lost with the server: this one still brings the token from before.
    with second.core.step("unheard") as step:
        step.profile = rows.save_profile(step.tx, msgspec.structs.replace(step.profile, profile_token=before))
        accounts.change(step, blocked, blocked=False, blocked_at=0)
        doors.change_doors(step.tx, token_at=0)
    world.puts.clear()
    bring_back(world)
    for phone in (first, second):
        assert phone.greet()
        assert phone.receive(1)
        phone.call()
    assert world.puts == [(first.device, token), (second.device, before)]
    world.settle()
    assert [put for _, put in world.puts if put in (token, before)][-1] == token
    for phone in (first, second):
        with phone.core.look() as step:
            assert step.profile.profile_token == token
            assert accounts.is_blocked(step, blocked)
    # Who never changed theirs brings it as well, and has nobody to tell.
    assert [device for device, _ in world.puts].count(friend.device) == 1

    world.puts.clear()
    world.crash_server()
    world.settle()
    assert world.puts == [], "the server did not go back this time"


def test_links_are_brought_by_who_made_or_ended_them_until_they_expire(world: World) -> None:
    first, second = world.phones["a1"], world.phones["a2"]
    now_s = world.now_ms // 1000
    made, ended, old = (digest * 32 for digest in (b"m", b"e", b"o"))
    with first.core.step("links") as step:
        doors.note_links(step.tx, [doors.Link(made, 20, now_s + 1000)], now_s=now_s)
        doors.note_links(step.tx, [doors.Link(ended, 1, now_s + 1000)], now_s=now_s)
        doors.note_links(step.tx, [doors.Link(old, 20, now_s + 1)], now_s=now_s)
    with second.core.step("links") as step:
        # It saw how many are left of the one, and ended the other.
        doors.note_links(step.tx, [doors.Link(made, 7, now_s + 1000)], now_s=now_s)
        doors.note_links(step.tx, [doors.Link(ended, 0, now_s + 1000)], now_s=now_s)
    with first.core.step("links") as step:
        # A link that ended is not counted up again by a server that does not know it yet.
        doors.note_links(step.tx, [doors.Link(made, 30, now_s + 1000)], now_s=now_s)
    world.settle()
    assert world.links == [], "it is told only where the server went back"

    world.now_ms += 2000
    bring_back(world)
    world.settle()
    told = {(device, want.hash, want.uses) for device, want in world.links}
    assert told == {
        (first.device, made, 20),
        (first.device, ended, 1),
        (second.device, made, 7),
        (second.device, ended, 0),
    }
    assert len(world.links) == len(told), "once each"
    world.links.clear()
    world.crash_server()
    world.settle()
    assert world.links == []


def test_a_look_at_the_list_of_a_server_that_went_back_leaves_no_ended_link_untold(world: World) -> None:
    """It lists what was ended since, as if it still admitted somebody; the look comes before the errand at times."""
    phone = world.phones["a1"]
    now_s = world.now_ms // 1000
    ended = b"e" * 32
    with phone.core.step("links") as step:
        doors.note_links(step.tx, [doors.Link(ended, 0, now_s + 1000)], now_s=now_s)
    bring_back(world)
    assert phone.greet()
    assert phone.receive(1)
    with phone.core.step("looked") as step:
        doors.note_links(step.tx, [doors.Link(ended, 20, now_s + 1000)], now_s=now_s)
    phone.call()
    assert [(want.hash, want.uses) for device, want in world.links if device == phone.device] == [(ended, 0)]


def test_a_server_that_lists_links_without_end_fills_no_device(world: World) -> None:
    phone = world.phones["a1"]
    now_s = world.now_ms // 1000
    many = [doors.Link(n.to_bytes(32, "big"), 1, now_s + 1000) for n in range(OWN_LINKS + 2)]
    with phone.core.step("links") as step:
        doors.note_links(step.tx, many, now_s=now_s)
        held = doors.load_doors(step.tx).links
    assert [int.from_bytes(one.hash, "big") for one in held] == list(range(2, OWN_LINKS + 2))


def test_a_device_that_remembers_as_many_links_as_an_account_has_forgets_those_first_that_admit_nobody(
    world: World,
) -> None:
    """By the rule of the server, which forgets those too: one that admits somebody there is never lost here."""
    phone = world.phones["a1"]
    now_s = world.now_ms // 1000
    live = [doors.Link(b"live" + n.to_bytes(28, "big"), 1, now_s + 10) for n in range(OWN_LINKS // 2)]
    ended = [doors.Link(b"over" + n.to_bytes(28, "big"), 0, now_s + 1000 - n) for n in range(OWN_LINKS)]
    with phone.core.step("links") as step:
        doors.note_links(step.tx, [*live, *ended], now_s=now_s)
        held = doors.load_doors(step.tx).links
    assert list(held) == [*live, *ended[: OWN_LINKS - len(live)]]


def test_the_backup_of_a_recovery_key_is_stored_again(world: World) -> None:
    """The server may have none by this key, or an older one: who lost all devices would come back to nothing."""
    first, second = world.phones["a1"], world.phones["a2"]
    with first.core.step("stored") as step:
        digest = backup.digest_of(backup.collect(step))
        change_recovery(step.tx, key=bytes(20), state="confirmed", version=3, digest=digest, stored_at=step.now)

    def wanted(phone: Phone) -> list[str]:
        return [type(want).__name__ for want in phone.core.wants() if isinstance(want, backup.WantBackup)]

    assert wanted(first) == []
    bring_back(world)
    for phone in (first, second):
        assert phone.greet()
        assert phone.receive(1)
    assert (wanted(first), wanted(second)) == ([], []), "at once it would tell the server whose the backup is"
    world.now_ms += DAY_MS + 1
    for phone in (first, second):
        phone.core.daily()
    assert (wanted(first), wanted(second)) == (["WantBackup"], []), "only who has a key"
    with first.core.look() as look:
        assert load_recovery(look.tx).due, "also where what it holds is what was stored"
