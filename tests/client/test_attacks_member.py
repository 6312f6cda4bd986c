"""A hostile member or operator against the real cores: forged bodies, introductions, lists, echoes and epochs."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.client.phone import Phone
from tests.client.world import World, begin, build_trio

from zajil.client import listing
from zajil.client.core import chats, groups, messages, outbox, sync
from zajil.client.state import accounts, rows
from zajil.client.state.rows import Chat, Intent, Item
from zajil.protocol import frames
from zajil.protocol.chat import content
from zajil.protocol.identity import objects
from zajil.protocol.identity.objects import DeviceList, Kind
from zajil.protocol.ids import GroupId, Mid

RNG = random.Random(3).randbytes


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Amal owns a group with Boris and Mallory; all know each other."""
    made = begin(build_trio, tmp_path, seed=5)
    yield made
    made.close()


def chat_of(phone: Phone, gid: bytes) -> Chat:
    with phone.core.look() as step:
        return step.chat(gid)


def shown(phone: Phone) -> list[str]:
    with phone.core.look() as step:
        return [message.text for message in listing.messages(step, phone.world.main, 100)]


def body_of(phone: Phone, text: str, **extensions: object) -> bytes:
    """Encoded content, with some extensions replaced: sender, room, device, sent."""
    keys = {
        "sender": content.SENDER_URI,
        "room": content.ROOM_URI,
        "device": content.DEVICE_ID,
        "sent": content.SENT_MS,
    }
    with phone.core.step("forge") as step:
        honest = messages.extensions(step, phone.world.main)
    forged = honest | {keys[name]: value for name, value in extensions.items()}
    return content.encode_content(content.text_content(text, salt=RNG(16), extensions=forged))  # type: ignore[arg-type]


def say(phone: Phone, data: bytes) -> None:
    """Queue encoded content as a message."""
    with phone.core.step("forge") as step:
        outbox.submit(step, Item(phone.world.main, "message", "queued", step.now, content=data, message_id=RNG(32)))


def deliver(phone: Phone, kind: frames.Kind, body: bytes, *, epoch: int, gid: bytes = b"") -> None:
    """An entry that the operator slips into a mailbox, with the next seq."""
    with phone.core.look() as step:
        seq = step.session().last_seq + 1
    made = frames.Msg(seq, Mid(RNG(16)), kind, GroupId(gid or phone.world.main), epoch, 0, body)
    with phone.core.step("slip") as step:
        before = step.session()
        sync.take_messages(step, [made])
        step.change_session(last_seq=before.last_seq)


@pytest.mark.parametrize("sent", [(1 << 64) - 1, 1 << 62, 253_402_300_800_000, True, "x", -1])
def test_a_time_that_no_calendar_holds_is_not_shown(world: World, sent: object) -> None:
    """One such message made every later `read` of the chat fail."""
    mallory, boris = world.phones["mallory"], world.phones["boris"]
    say(mallory, body_of(mallory, "from the end of time", sent=sent))
    say(mallory, body_of(mallory, "later"))
    world.settle()
    assert shown(boris) == ["later"]


def test_content_in_the_name_of_another_or_of_another_room_is_not_shown(world: World) -> None:
    mallory, boris, amal = (world.phones[name] for name in ("mallory", "boris", "amal"))
    with amal.core.step("forge") as step:
        of_amal = messages.extensions(step, world.main)
    for forged in ({"sender": of_amal[content.SENDER_URI]}, {"device": 2}, {"room": "mimi://test.example/r/x"}):
        say(mallory, body_of(mallory, "forged", **forged))
    repeated = body_of(mallory, "once")
    say(mallory, repeated)
    say(mallory, repeated)
    world.settle()
    assert shown(boris) == shown(amal) == ["once"]


def test_a_text_repeated_when_its_id_is_forgotten_is_shown_once_and_holds_up_nothing(world: World) -> None:
    """Ids are forgotten after 60 days and messages stay: the second row of one id stopped the mailbox for good."""
    mallory, boris = world.phones["mallory"], world.phones["boris"]
    repeated = body_of(mallory, "once")
    say(mallory, repeated)
    world.settle()
    world.now_ms += messages.KNOWN_DAYS_MS + 1
    for phone in world.phones.values():
        phone.core.daily()
    say(mallory, repeated)
    say(mallory, body_of(mallory, "later"))
    world.settle()
    assert shown(boris) == ["once", "later"]


def test_a_link_corrects_what_another_member_said_of_an_account(world: World) -> None:
    """Mallory introduces Zoe with a wrong name and token; Zoe's own link, and later her profile, are right."""
    boris = world.phones["boris"]
    zoe, right = RNG(16), RNG(32)
    with boris.core.step("told") as step:
        accounts.learn_introduction(step, zoe, "Amal's bank", RNG(32))
        accounts.learn_link(step, zoe, "Zoe", right)
        told = accounts.known(step, zoe)
        assert (told.name, told.contact_token, told.contact) == ("Zoe", right, True)
        own = RNG(32)
        accounts.learn_name(step, zoe, "Zoe of Aden", own, at=0)
        accounts.learn_link(step, zoe, "Zoe", right)
        accounts.learn_introduction(step, zoe, "Amal's bank", RNG(32))
        told = accounts.known(step, zoe)
        assert (told.name, told.contact_token) == ("Zoe of Aden", own)


def rotated_list(phone: Phone) -> bytes:
    """The next list of an account, by a new account key, signed by both."""
    old_key = Ed25519PrivateKey.from_private_bytes(phone.keys.account_seed)
    new_key = Ed25519PrivateKey.from_private_bytes(RNG(32))
    newest = phone.world.lists[phone.device[0]][-1]
    before = DeviceList.parse(objects.parse_object(newest).payload)
    after = replace(
        before,
        seq=before.seq + 1,
        prev=objects.hash_object(newest),
        account_pub=new_key.public_key().public_bytes_raw(),
    )
    return objects.sign_object(Kind.DEVICE_LIST, after.encode(), new_key, old_signer=old_key)


def test_a_rotated_list_told_to_one_member_splits_no_group(world: World) -> None:
    """Vetoes never rest on private knowledge: Boris alone knows of Mallory's new key and still follows her commits."""
    mallory, boris, amal = (world.phones[name] for name in ("mallory", "boris", "amal"))
    with boris.core.step("told") as step:
        accounts.learn_list(step, mallory.device[0], rotated_list(mallory))
        assert accounts.known(step, mallory.device[0]).list_seq == 2
    mallory.intend(world.main, Intent("update"))
    world.settle()
    assert chat_of(boris, world.main).status == "active"
    assert chat_of(boris, world.main).epoch == chat_of(amal, world.main).epoch > 1


def test_the_echo_of_a_lost_commit_does_not_apply_the_next_one(world: World) -> None:
    """Both commit; Boris loses and seals anew; the operator brings the lost bytes as if they stood."""
    amal, boris = world.phones["amal"], world.phones["boris"]
    boris.intend(world.main, Intent("update"))
    boris.post()
    with boris.core.look() as step:
        lost = next(item for _, item in rows.items(step.tx, world.main))
    request = frames.parse_s_client(lost.request)
    assert isinstance(request, frames.Commit)
    world.wire.clear()
    boris.cut_sending()
    amal.intend(world.main, Intent("update"))
    for _ in range(3):
        amal.turn()
    while boris.greet() or boris.receive(64):
        pass
    boris.post()
    before = chat_of(boris, world.main).epoch
    with boris.core.look() as step:
        again = next(item for _, item in rows.items(step.tx, world.main))
    assert again.state == "sealed"
    assert again.hashes[0] == lost.hashes[0] != again.hashes[-1]
    deliver(boris, frames.Kind.COMMIT, request.commit, epoch=lost.epoch)
    assert chat_of(boris, world.main).epoch == before
    world.settle()
    assert chat_of(boris, world.main).epoch == chat_of(amal, world.main).epoch == before + 1


def test_one_message_of_a_far_epoch_does_not_ask_for_ever(world: World) -> None:
    """It is held, the device asks once and is brought back, and then it is quiet."""
    boris = world.phones["boris"]
    deliver(boris, frames.Kind.APP, RNG(900), epoch=1 << 60)
    world.settle()
    for _ in range(3):
        boris.core.want_drain()
        world.settle()
    chat = chat_of(boris, world.main)
    assert (chat.status, chat.asking) == ("active", None)
    with boris.core.look() as step:
        assert not step.tx.rows("held", world.main)


def test_what_no_member_committed_costs_the_group_nothing(world: World) -> None:
    """One such entry made the device drop its keys of the group; a lone self group never came back."""
    boris, mallory = world.phones["boris"], world.phones["mallory"]
    say(mallory, body_of(mallory, "kept back"))
    mallory.post()
    ((_, _, request),) = world.wire
    assert isinstance(request, frames.Send)
    epoch = chat_of(boris, world.main).epoch
    for body in (b"", RNG(900), request.body[:-1], request.body[:-1] + b"x", request.body):
        deliver(boris, frames.Kind.COMMIT, body, epoch=epoch)
    assert chat_of(boris, world.main).status == "active"
    world.settle()
    assert shown(boris) == ["kept back"]
    deliver(boris, frames.Kind.COMMIT, request.body, epoch=epoch)
    assert chat_of(boris, world.main).status == "active"
    with boris.core.look() as step:
        notes = next(c for c in rows.all_chats(step.tx) if c.kind == groups.SELF)
    deliver(boris, frames.Kind.COMMIT, RNG(900), epoch=notes.epoch, gid=notes.gid)
    assert chat_of(boris, notes.gid).status == "active"


def test_a_server_that_spends_every_pass_ends_the_attempt(world: World) -> None:
    amal = world.phones["amal"]
    with amal.core.step("open") as step:
        gid = chats.open_group(step, "Finches", [])
    refused = 0
    for _ in range(20):
        amal.call()
        for request in amal.core.requests():
            refused += 1
            amal.core.take_err(request.mid, "pass-spent")
    assert 1 < refused < 10
    assert chat_of(amal, gid).status == "removed"
