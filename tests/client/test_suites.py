"""Both suites in the client: what is published, what an update brings, and how a large group comes to be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.client.phone import POOLS, Phone
from tests.client.test_attacks_suites import package_of
from tests.client.world import World, begin

from zajil import mls
from zajil.client.core import chats
from zajil.client.core.wants import WantKeyPackages
from zajil.client.state import rows
from zajil.client.state.rows import Chat
from zajil.protocol.errors import ZajilError
from zajil.protocol.limits import GROUP_LEAVES, SUITE_RFC1, SUITE_XWING, XWING_LEAVES


def build(world: World) -> None:
    for name in ("amal", "boris", "chen"):
        world.enrol(name)
    world.befriend()
    world.settle()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Amal, Boris and Chen know each other; nothing else."""
    made = begin(build, tmp_path, seed=5)
    yield made
    made.close()


def chat_of(phone: Phone, gid: bytes) -> Chat:
    with phone.core.look() as step:
        return step.chat(gid)


def held(world: World, phone: Phone) -> dict[int, tuple[int, bool]]:
    return {count.suite: (count.left, count.last_resort) for count in world.count_packages(phone)}


def references(phone: Phone) -> dict[int, set[bytes]]:
    """Of the packages whose secrets the device holds, by suite."""
    with phone.core.look() as step:
        found = [rows.parse_row(data, rows.OwnKeyPackage) for data in step.tx.scan("key_package")]
    return {suite: {package.reference for package in found if package.suite == suite} for suite in POOLS}


def open_group(world: World, *others: str, large: bool) -> bytes:
    with world.phones["amal"].core.step("open") as step:
        people = [world.phones[name].device[0] for name in others]
        gid = chats.open_group(step, "Doves", people, large=large)
    world.settle()
    return gid


def test_a_device_publishes_both_suites_each_with_a_last_resort(world: World) -> None:
    assert held(world, world.phones["amal"]) == {suite: (size, True) for suite, size in POOLS.items()}


def test_each_pool_is_refilled_by_itself(world: World) -> None:
    boris = world.phones["boris"]
    before = references(boris)
    open_group(world, "boris", large=True)
    after = references(boris)
    assert held(world, boris) == {suite: (size, True) for suite, size in POOLS.items()}
    assert after[SUITE_XWING] == before[SUITE_XWING]
    assert len(after[SUITE_RFC1] - before[SUITE_RFC1]) == 1


def test_a_device_of_before_publishes_the_second_suite_after_its_update(world: World) -> None:
    boris = world.phones["boris"]
    with boris.core.step("of-before") as step:
        for data in step.tx.scan("key_package"):
            package = rows.parse_row(data, rows.OwnKeyPackage)
            if package.suite == SUITE_RFC1:
                step.tx.delete("key_package", package.reference)
    with world.database.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM key_package WHERE suite = 1 AND account_id = ?", (boris.device[0],))
    assert set(held(world, boris)) == {SUITE_XWING}
    boris.core.daily()
    assert WantKeyPackages() in boris.core.wants()
    world.settle()
    assert held(world, boris) == {suite: (size, True) for suite, size in POOLS.items()}
    boris.core.daily()
    assert WantKeyPackages() not in boris.core.wants()


def test_a_large_group_works_in_the_first_suite_and_keeps_it(world: World) -> None:
    gid = open_group(world, "boris", "chen", large=True)
    amal, boris, chen = (world.phones[name] for name in ("amal", "boris", "chen"))
    found = amal.text(gid, "to many")
    world.settle()
    with amal.core.step("remove") as step:
        chats.remove_account(step, gid, chen.device[0])
    world.settle()
    for phone in (amal, boris):
        chat = chat_of(phone, gid)
        assert (chat.suite, chat.all_able, len(chat.members), chat.status) == (SUITE_RFC1, True, 2, "active")
        with phone.core.look() as step:
            assert step.load_group(gid).suite is mls.X25519_AES128
            assert step.tx.lookup("message", found or b"") is not None
    assert chat_of(chen, gid).status == "removed"


def test_one_of_before_keeps_nobody_else_out_of_a_large_group(world: World) -> None:
    boris, chen = world.phones["boris"], world.phones["chen"]
    with world.database.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM key_package WHERE suite = 1 AND account_id = ?", (boris.device[0],))
    gid = open_group(world, "boris", "chen", large=True)
    amal = world.phones["amal"]
    for _ in range(6):
        world.pass_time(60_000)
        world.settle()
    chat = chat_of(amal, gid)
    assert chat.leaf_of(*chen.device) is not None
    assert chat.leaf_of(*boris.device) is None
    with amal.core.look() as step:
        reasons = {item.reason for _, item in rows.items(step.tx, gid) if item.state == "failed"}
    assert reasons == {"not-allowed"}


def test_the_expected_size_alone_decides_and_has_an_end(world: World) -> None:
    amal = world.phones["amal"]
    with amal.core.step("sizes") as step:
        many = [step.rng(16) for _ in range(XWING_LEAVES)]
        assert step.chat(chats.open_group(step, "Doves", many[:-1])).suite == SUITE_XWING
        large = chats.open_group(step, "Doves", many)
        assert step.chat(large).suite == SUITE_RFC1
        adds = [item.intent for _, item in rows.items(step.tx, large) if item.intent is not None]
        assert [account for intent in adds for account in intent.accounts] == many
        assert max(len(intent.accounts) for intent in adds) == 31
        with pytest.raises(ZajilError, match="group-full"):
            chats.open_group(step, "Doves", [step.rng(16) for _ in range(GROUP_LEAVES)])


def test_after_a_rollback_no_package_of_either_suite_is_left(world: World) -> None:
    boris = world.phones["boris"]
    with boris.core.step("rolled-back") as step:
        before = set(step.tx.scan("key_package"))
    boris.recover()
    world.settle()
    with boris.core.look() as step:
        after = set(step.tx.scan("key_package"))
    assert not before & after
    assert held(world, boris) == {suite: (size, True) for suite, size in POOLS.items()}


def test_choose_suite_follows_the_signed_capabilities(world: World) -> None:
    def made(suite: mls.Suite, *able: int) -> mls.KeyPackage:
        return mls.parse_key_package(package_of(world.phones["boris"], suite, able)[0])

    better, both = made(mls.XWING, SUITE_XWING, SUITE_RFC1), made(mls.X25519_AES128, SUITE_XWING, SUITE_RFC1)
    unable = made(mls.X25519_AES128, SUITE_RFC1)
    assert mls.choose_suite({}, XWING_LEAVES) is mls.XWING
    assert mls.choose_suite({}, XWING_LEAVES + 1) is mls.X25519_AES128
    assert mls.choose_suite({b"a": [better], b"b": [both, better]}, 3) is mls.XWING
    assert mls.choose_suite({b"a": [better], b"b": [both, better]}, XWING_LEAVES + 1) is mls.X25519_AES128
    assert mls.choose_suite({b"a": [better], b"b": [unable]}, 3) is mls.X25519_AES128
    assert mls.choose_suite({b"a": [both], b"b": [unable]}, 3) is mls.X25519_AES128
    assert mls.choose_suite({b"a": [both]}, XWING_LEAVES + 1) is mls.X25519_AES128
    with pytest.raises(mls.SuiteDowngrade):
        mls.choose_suite({b"a": [better], b"b": [both]}, 3)
