"""A hostile contact or server answers a claim with packages that are none: nothing but this one Add may fail."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from tests.client.phone import Phone
from tests.client.world import World, begin

from zajil import mls
from zajil.client.core import chats, groups
from zajil.client.core.wants import WantClaim
from zajil.client.state import rows
from zajil.mls.primitives import crypto
from zajil.protocol import control
from zajil.protocol.errors import ZajilError

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
