"""A hostile server or contact tries to bring a chat into the weaker suite, or to mix suites."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from tests.client.phone import Phone
from tests.client.test_attacks_member import deliver
from tests.client.world import World, begin, finished

from zajil import mls
from zajil.client.core import chats, groups
from zajil.client.core.wants import WantClaim
from zajil.client.state import rows
from zajil.client.state.rows import Chat, OwnKeyPackage
from zajil.delivery import packages
from zajil.delivery.context import ContactCaller
from zajil.mls.primitives import crypto
from zajil.protocol import control, frames
from zajil.protocol.chat.extensions import GROUP_INFO_SHARE, ChatKind, ChatSettings, GroupInfoShare
from zajil.protocol.limits import SUITE_RFC1, SUITE_XWING

RNG = random.Random(11).randbytes
Answer = control.ClaimedKeyPackages
Forge = Callable[[World, WantClaim, Answer], Answer]


def build(world: World) -> None:
    for name in ("amal", "boris"):
        world.enrol(name)
    world.befriend()
    world.settle()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Amal and Boris know each other, both have Notes to self; nothing else."""
    made = begin(build, tmp_path, seed=5)
    yield made
    made.close()


def package_of(
    phone: Phone, suite: mls.Suite, able: tuple[int, ...], *, signed: bool = True
) -> tuple[bytes, mls.KeyPackageSecrets]:
    """A package of this device whose leaf lists the suites `able`. signed: by the device, else by nobody."""
    with phone.core.step("forge") as step:
        now = step.now // 1000
        package, secrets = mls.make_key_package(
            step.env(),
            suite,
            mls.basic_credential(step.profile.certificate),
            step.profile.device_pub,
            groups.CAPABILITIES,
            mls.Lifetime(now - 60, now + 86_400),
        )
        sign = step.sign if signed else lambda _: bytes(64)
        leaf = replace(package.leaf_node, capabilities=replace(groups.CAPABILITIES, cipher_suites=able)).signed(sign)
        bare = replace(package, leaf_node=leaf, signature=b"")
        package = replace(bare, signature=crypto.sign_with_label(sign, b"KeyPackageTBS", bare.tbs()))
        if signed:
            row = OwnKeyPackage(
                package.reference(suite), mls.encode_key_package(package), secrets.encode(), False, step.now, suite.id
            )
            step.tx.put("key_package", row.reference, rows.encode_row(row))
    return mls.encode_key_package(package), secrets


def answered(answer: Answer, suite: int, body: bytes) -> Answer:
    """The answer with another package for its first device."""
    first = msgspec.structs.replace(answer.clients[0], suite=suite, key_package=control.Blob(body))
    return msgspec.structs.replace(answer, clients=(first, *answer.clients[1:]))


def hand_out(world: World, want: WantClaim, suite: int) -> Answer:
    """Packages of this suite, whatever was asked for."""
    caller = ContactCaller(want.token) if want.token else world.phones["amal"].caller
    request = control.ClaimKeyPackages(control.B16(want.account), (suite,), control.B16(RNG(16)), want.devices)
    return finished(packages.claim(world.delivery, caller, request))


def withhold(world: World, want: WantClaim, _answer: Answer) -> Answer:
    """Only the weaker package of each device, which lists both suites."""
    return hand_out(world, want, SUITE_RFC1)


def open_chat(world: World, forge: Forge, *, large: bool = False) -> Chat:
    """Amal opens a group with Boris through a server that answers claims as `forge` does; what it became."""
    amal, boris = world.phones["amal"], world.phones["boris"]
    with amal.core.step("open") as step:
        gid = chats.open_group(step, "Doves", [boris.device[0]], large=large)
    honest = world.claim
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world, "claim", lambda phone, want: forge(world, want, honest(phone, want)))
        amal.greet()
        for _ in range(6):
            amal.turn()
    world.settle()
    return chat_of(amal, gid)


def chat_of(phone: Phone, gid: bytes) -> Chat:
    with phone.core.look() as step:
        return step.chat(gid)


def failure(phone: Phone, gid: bytes) -> str:
    """Why the commit of the chat failed."""
    with phone.core.look() as step:
        return next((i.reason for _, i in rows.items(step.tx, gid) if i.kind == "commit" and i.state == "failed"), "")


def leaf_is_in(world: World, chat: Chat) -> bool:
    return chat.leaf_of(*world.phones["boris"].device) is not None


def test_an_honest_server_makes_it_post_quantum(world: World) -> None:
    chat = open_chat(world, lambda _world, _want, answer: answer)
    assert (chat.suite, chat.all_able, leaf_is_in(world, chat)) == (SUITE_XWING, True, True)


def test_a_server_that_withholds_the_better_packages_gets_no_chat(world: World) -> None:
    chat = open_chat(world, withhold)
    assert failure(world.phones["amal"], chat.gid) == "suite-downgrade"
    assert (chat.suite, leaf_is_in(world, chat)) == (SUITE_XWING, False)


def test_a_package_nobody_signed_does_not_weaken_the_group(world: World) -> None:
    def forge(world: World, _want: WantClaim, answer: Answer) -> Answer:
        body, _ = package_of(world.phones["boris"], mls.X25519_AES128, (SUITE_RFC1,), signed=False)
        return answered(answer, SUITE_RFC1, body)

    chat = open_chat(world, forge)
    assert failure(world.phones["amal"], chat.gid) == "bad-signature"
    assert (chat.suite, leaf_is_in(world, chat)) == (SUITE_XWING, False)


def test_a_package_of_one_suite_under_the_name_of_the_other_is_not_used(world: World) -> None:
    def forge(world: World, want: WantClaim, answer: Answer) -> Answer:
        honest = withhold(world, want, answer)
        return msgspec.structs.replace(
            honest, clients=tuple(msgspec.structs.replace(c, suite=SUITE_XWING) for c in honest.clients)
        )

    chat = open_chat(world, forge)
    assert failure(world.phones["amal"], chat.gid) == "suite-downgrade"
    assert not leaf_is_in(world, chat)


def test_a_suite_that_was_not_asked_for_is_refused(world: World) -> None:
    def forge(_world: World, _want: WantClaim, answer: Answer) -> Answer:
        first = msgspec.structs.replace(answer.clients[0], suite=2)
        return msgspec.structs.replace(answer, clients=(first,))

    chat = open_chat(world, forge)
    assert failure(world.phones["amal"], chat.gid) == "malformed"
    assert not leaf_is_in(world, chat)


def test_a_large_group_takes_no_package_of_the_other_suite(world: World) -> None:
    def forge(world: World, want: WantClaim, _answer: Answer) -> Answer:
        return hand_out(world, want, SUITE_XWING)

    chat = open_chat(world, forge, large=True)
    assert failure(world.phones["amal"], chat.gid) == "malformed"
    assert (chat.suite, leaf_is_in(world, chat)) == (SUITE_RFC1, False)


def test_a_leaf_that_contradicts_its_own_package_does_not_weaken_the_group(world: World) -> None:
    def forge(world: World, _want: WantClaim, answer: Answer) -> Answer:
        body, _ = package_of(world.phones["boris"], mls.XWING, (SUITE_RFC1,))
        return answered(answer, SUITE_XWING, body)

    chat = open_chat(world, forge)
    assert (chat.suite, leaf_is_in(world, chat)) == (SUITE_XWING, True)


def test_a_device_that_signs_that_it_is_not_able_gets_a_chat_in_the_suite_it_lists(world: World) -> None:
    def forge(world: World, _want: WantClaim, answer: Answer) -> Answer:
        body, _ = package_of(world.phones["boris"], mls.X25519_AES128, (SUITE_RFC1,))
        return answered(answer, SUITE_RFC1, body)

    chat = open_chat(world, forge)
    assert (chat.suite, chat.all_able, leaf_is_in(world, chat)) == (SUITE_RFC1, False, True)
    theirs = chat_of(world.phones["boris"], chat.gid)
    assert (theirs.suite, theirs.all_able, theirs.status) == (SUITE_RFC1, False, "active")


@pytest.mark.parametrize(
    ("kind", "taken"), [(ChatKind.DM, False), (ChatKind.GROUP, True)], ids=["a chat of two", "a group"]
)
def test_a_welcome_in_the_weaker_suite_is_taken_for_a_group_alone_and_shown(
    world: World, kind: ChatKind, taken: bool
) -> None:
    amal, boris = world.phones["amal"], world.phones["boris"]
    gid = RNG(16)
    body, _ = package_of(boris, mls.X25519_AES128, (SUITE_XWING, SUITE_RFC1))
    with amal.core.step("forge") as step:
        group = groups.create(step, gid, ChatSettings(kind, "Doves").encode(), mls.X25519_AES128)
        share = GroupInfoShare(group_secret=RNG(32), lists=(), accounts={})
        _, staged = group.commit(
            step.env(),
            [mls.Add(mls.parse_key_package(body))],
            welcome_extensions=(mls.Extension(GROUP_INFO_SHARE, share.encode()),),
            with_tree=True,
        )
    assert staged.welcome is not None
    deliver(boris, frames.Kind.WELCOME, staged.welcome, gid=gid, epoch=staged.epoch)
    with boris.core.look() as step:
        chat = rows.find_chat(step.tx, gid)
    assert (chat is not None) == taken
    if chat is not None:
        assert (chat.suite, chat.all_able) == (SUITE_RFC1, True)
