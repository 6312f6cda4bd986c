"""A hostile contact or server answers a claim with packages that are none: nothing but this one Add may fail."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.client.phone import Phone
from tests.client.world import World, begin

from zajil import mls
from zajil.client.core import chats, groups
from zajil.client.core.wants import WantClaim
from zajil.client.state import accounts, ownlists, rows
from zajil.mls.primitives import crypto
from zajil.protocol import control
from zajil.protocol.errors import ZajilError
from zajil.protocol.identity import objects
from zajil.protocol.identity.objects import DeviceList, DeviceListEntry
from zajil.protocol.ids import DeviceId

RNG = random.Random(3).randbytes
Answer = control.ClaimedKeyPackages
Forge = Callable[[World, Answer], Answer]


def build(world: World) -> None:
    for name in ("amal", "boris", "mallory"):
        world.enrol(name)
    world.befriend()
    world.settle()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Amal and Boris know each other, both have Notes to self; nothing else."""
    made = begin(build, tmp_path, seed=5)
    yield made
    made.close()


def altered(answer: Answer, **fields: object) -> Answer:
    first = msgspec.structs.replace(answer.clients[0], **fields)
    return msgspec.structs.replace(answer, clients=(first,))


def signed_with(world: World, *, init: bytes | None = None, leaf: bytes | None = None) -> bytes:
    """A package of Boris whose signatures all hold, around other public keys."""
    with world.phones["boris"].core.step("forge") as step:
        now = step.now // 1000
        honest, _ = mls.make_key_package(
            step.env(),
            mls.XWING,
            mls.basic_credential(step.profile.certificate),
            step.profile.device_pub,
            groups.CAPABILITIES,
            mls.Lifetime(now - 60, now + 86_400),
        )
        node = replace(honest.leaf_node, encryption_key=leaf or honest.leaf_node.encryption_key).signed(step.sign)
        bare = replace(honest, init_key=init if init is not None else honest.init_key, leaf_node=node, signature=b"")
        signature = crypto.sign_with_label(step.sign, b"KeyPackageTBS", bare.tbs())
    return mls.encode_key_package(replace(bare, signature=signature))


def keyed(**keys: bytes) -> Forge:
    """An answer with `signed_with` of these keys."""
    return lambda world, answer: altered(answer, key_package=control.Blob(signed_with(world, **keys)))


def foreign(world: World, answer: Answer) -> Answer:
    """The package of another account."""
    other = world.phones["mallory"]
    (made, *_) = other.core.make_key_packages(())
    return altered(answer, key_package=made.body)


FORGERIES: dict[str, Forge] = {
    "empty": lambda _, answer: altered(answer, key_package=control.Blob(b"")),
    "garbage": lambda _, answer: altered(answer, key_package=control.Blob(RNG(900))),
    "cut short": lambda _, answer: altered(answer, key_package=control.Blob(answer.clients[0].key_package[:-1])),
    "one bit": lambda _, answer: altered(
        answer,
        key_package=control.Blob(
            answer.clients[0].key_package[:600]
            + bytes([answer.clients[0].key_package[600] ^ 1])
            + answer.clients[0].key_package[601:]
        ),
    ),
    "an init key that is none": keyed(init=b"\xff" * 1216),
    "a leaf key that is none": keyed(leaf=b"\xff" * 1216),
    "an init key of zeros": keyed(init=bytes(1216)),
    "an empty init key": keyed(init=b""),
    "a short leaf key": keyed(leaf=b"\x01" * 32),
    "twice": lambda _, answer: msgspec.structs.replace(answer, clients=answer.clients * 2),
    "another account": foreign,
    "another device": lambda _, answer: altered(answer, device_id=2),
    "a reference of another size": lambda _, answer: altered(answer, deliver_to=control.Blob(RNG(900_000))),
    "no reference": lambda _, answer: altered(answer, deliver_to=control.Blob(b"")),
}


def claim(phone: Phone, forge: Forge) -> None:
    world = phone.world
    for want in phone.core.wants():
        if isinstance(want, WantClaim):
            try:
                phone.core.take_claim(want, forge(world, world.claim(phone, want)))
            except ZajilError as problem:
                phone.core.take_refusal(want, problem.code)
        else:
            phone._make(want)


@pytest.mark.parametrize("name", sorted(FORGERIES))
def test_a_forged_package_fails_one_add_and_blocks_nothing_else(world: World, name: str) -> None:
    amal, boris = world.phones["amal"], world.phones["boris"]
    with amal.core.step("open") as step:
        gid = chats.open_group(step, "Doves", [boris.device[0]])
    amal.greet()
    for _ in range(4):
        claim(amal, FORGERIES[name])
        amal.turn()
    with amal.core.look() as step:
        added = step.chat(gid).leaf_of(*boris.device) is not None
        states = {item.state for _, item in rows.items(step.tx, gid) if item.kind == "commit"}
        notes = next(c for c in rows.all_chats(step.tx) if c.kind == groups.SELF)
    assert not added
    assert states == {"failed"}
    note = amal.text(notes.gid, "still sends")
    world.settle()
    with amal.core.look() as step:
        found = step.tx.lookup("message", note or b"")
        assert found is not None
        assert rows.parse_row(found[1], rows.StoredMessage).state == "sent"


def next_list(world: World, phone: Phone, left: set[int]) -> bytes:
    """The list after the newest one that the server has: of these devices of it, and of one with number 3."""
    newest = world.lists[phone.device[0]][-1]
    before = DeviceList.parse(objects.parse_object(newest).payload)
    entries = (*before.devices, DeviceListEntry(DeviceId(3), RNG(32), 0))
    kept, prev = tuple(e for e in entries if e.device_id in left), objects.hash_object(newest)
    after = DeviceList(before.account_id, before.seq + 1, prev, before.account_pub, kept, before.issued)
    key = Ed25519PrivateKey.from_private_bytes(phone.keys.account_seed)
    return objects.sign_object(objects.Kind.DEVICE_LIST, after.encode(), key)


@pytest.mark.parametrize("left", [{1}, {3}], ids=["one of two", "both"])
def test_a_device_that_ended_is_not_added_where_the_server_forgot_its_end(world: World, left: set[int]) -> None:
    """As after a restore of the server: what its owner told us holds, and the others come in without that device."""
    amal, boris = world.phones["amal"], world.phones["boris"]
    world.link("boris's old", boris)
    world.settle()
    account = boris.device[0]
    newest = next_list(world, boris, left)
    with amal.core.step("told") as step:
        accounts.learn_chain(step, account, world.lists[account])
        assert accounts.learn_list(step, account, newest).list_seq == 3
        gid = chats.open_group(step, "Doves", [account])
    amal.greet()
    for _ in range(3):
        amal.turn()
    with amal.core.look() as step:
        states = {item.state for _, item in rows.items(step.tx, gid) if item.kind == "commit"}
    assert "failed" not in states, "what has come in place of it is waited for"
    world.settle()
    with amal.core.look() as step:
        added = {member.device for member in step.chat(gid).members if member.account == account}
        reasons = {item.reason for _, item in rows.items(step.tx, gid) if item.kind == "commit"}
    assert added == left - {3}
    assert reasons == ({"not-allowed"} if left == {3} else set()), "and not for ever"


def test_a_server_that_lost_our_newest_list_gets_it_also_where_we_missed_the_one_before(world: World) -> None:
    """That is no fork: the list before, which this device never saw, is the server's to show."""
    boris = world.phones["boris"]
    account = boris.device[0]
    world.link("boris's new", boris)
    chain, newest = list(world.lists[account]), next_list(world, boris, {1})
    with boris.core.step("missed") as step:
        ownlists.keep(step, chain[:1])
        accounts.learn_list(step, account, newest)
        assert not accounts.learn_chain(step, account, chain).alarm
        assert ownlists.lost(step, chain) == [newest]
        assert ownlists.lost(step, chain[:1]) == [], "the server would not take it without the one before"
        assert ownlists.lost(step, [newest, *chain]) == [], "another chain"
        assert ownlists.lost(step, [chain[0], newest]) == [], "the server would refuse it for ever"
