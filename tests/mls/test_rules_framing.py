"""Rules D1 and F1 to F8: bytes and framing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.mls import forge
from tests.mls.forge import Faults, Framing, flipped
from tests.mls.scenes import GROUP_ID, TITLE, judge, refused, scene

from zajil import mls
from zajil.mls.messages import protect
from zajil.mls.messages.envelope import WireFormat, wrap
from zajil.mls.messages.framing import (
    ApplicationData,
    ContentAuth,
    ContentType,
    PrivateMessage,
    Sender,
    SenderType,
    member,
    parse_framed,
)
from zajil.mls.messages.proposals import Add, Commit, Remove, SetExtensions
from zajil.mls.primitives import crypto
from zajil.mls.primitives.codec import encode_opaque
from zajil.mls.schedule.key_schedule import sender_data_key

PUBLIC = mls.Policy(public_handshakes=True, external_commits=True)
TEXT = ApplicationData(b"text")
ON_PUBLIC = WireFormat.PUBLIC_MESSAGE


def test_d1_length_not_minimal() -> None:
    s = scene()
    honest = forge.message(s.alice, TEXT)
    assert honest[4:5] + honest[5:68] == encode_opaque(GROUP_ID)
    with pytest.raises(mls.DecodeError):
        judge(s.bob, honest[:4] + b"\x40\x3f" + honest[5:])
    assert judge(s.bob, honest)


def test_d1_trailing_byte() -> None:
    s = scene()
    honest = forge.message(s.alice, TEXT)
    for extra in (b"\0", b"\1"):
        with pytest.raises(mls.DecodeError):
            judge(s.bob, honest + extra)
        with pytest.raises(mls.DecodeError):
            mls.parse_key_package(s.erin.key_package() + extra)


class PresenceTwo(Commit):
    def encode(self) -> bytes:
        return encode_opaque(b"") + b"\x02"


def test_d1_presence_octet() -> None:
    s = scene()
    signed = replace(
        forge.sign(s.alice, PresenceTwo(())),
        auth=ContentAuth(bytes(64), bytes(32)),
    )
    with pytest.raises(mls.DecodeError):
        judge(s.bob, forge.seal(s.alice, signed))


@pytest.mark.parametrize("place", [1, 3])
def test_f1_version_and_wire_format(place: int) -> None:
    s = scene()
    honest = bytearray(forge.message(s.alice, TEXT))
    honest[place] = 9
    with refused("F1"):
        judge(s.bob, bytes(honest))


def test_f1_other_kinds() -> None:
    s = scene()
    with refused("F1"):
        judge(s.bob, s.erin.key_package())


def test_f1_group_id() -> None:
    s = scene()
    with refused("F1"):
        judge(s.bob, forge.message(s.alice, TEXT, Framing(group_id=b"another")))


def test_f1_epoch() -> None:
    s = scene()
    with pytest.raises(mls.FutureEpoch):
        judge(s.bob, forge.message(s.alice, TEXT, Framing(epoch=s.bob.group.context.epoch + 1)))
    with pytest.raises(mls.PastEpoch):
        judge(s.bob, forge.message(s.alice, TEXT, Framing(epoch=0)))


def test_f1_commit_of_the_epoch_before() -> None:
    s = scene()
    late = s.bob.copy()
    old, new = forge.commit(s.alice), forge.commit(s.carol)
    late.receive(new.message)
    with pytest.raises(mls.PastEpoch):
        judge(late, old.message)


def test_f2_public_application() -> None:
    s = scene()
    message = forge.message(s.alice, TEXT, Framing(wire_format=ON_PUBLIC))
    with refused("F2"):
        judge(s.bob, message, policy=PUBLIC)


def test_f2_public_commit_under_product_policy() -> None:
    s = scene()
    message = forge.commit(s.alice, [], Faults(framing=Framing(wire_format=ON_PUBLIC))).message
    with refused("F2"):
        judge(s.bob, message)
    assert isinstance(judge(s.bob, message, policy=PUBLIC), mls.Staged)


@pytest.mark.parametrize(
    "sender",
    [Sender(SenderType.EXTERNAL), Sender(SenderType.NEW_MEMBER_PROPOSAL), Sender(SenderType.NEW_MEMBER_COMMIT)],
    ids=lambda sender: sender.type.name,
)
def test_f3_sender_type(sender: Sender) -> None:
    s = scene()
    how = Framing(wire_format=ON_PUBLIC, sender=sender, membership=lambda _: None)
    add = Add(mls.parse_key_package(s.erin.key_package()))
    with refused("F3"):
        judge(s.bob, forge.message(s.alice, add, how), policy=PUBLIC)


def test_f3_external_commit_kind() -> None:
    s = scene()
    how = Framing(wire_format=ON_PUBLIC, sender=Sender(SenderType.EXTERNAL), membership=lambda _: None)
    with refused("F3"):
        judge(s.bob, forge.commit(s.alice, [], Faults(framing=how)).message, policy=PUBLIC)


@pytest.mark.parametrize("leaf", [2, 7, 8, 2**32 - 1])
def test_f4_blank_leaf(leaf: int) -> None:
    s = scene()
    with refused("F4"):
        judge(s.bob, forge.message(s.alice, TEXT, Framing(sender_leaf=leaf)))


def test_f4_sender_data() -> None:
    s = scene()

    def bent(sent: PrivateMessage) -> PrivateMessage:
        return replace(sent, encrypted_sender_data=flipped(sent.encrypted_sender_data))

    with refused("F4"):
        judge(s.bob, forge.message(s.alice, TEXT, Framing(header=bent)))


def test_f4_blank_leaf_in_public() -> None:
    s = scene()
    how = Framing(wire_format=ON_PUBLIC, sender=member(2))
    with refused("F4"):
        judge(s.bob, forge.message(s.alice, Remove(3), how), policy=PUBLIC)


def test_f4_and_f5_in_a_past_epoch() -> None:
    """Messages of a past epoch meet the leaf list and the signature keys of their time."""
    s = scene()
    bob = s.bob.copy()
    bob.receive(forge.commit(s.carol).message)
    with refused("F4"):
        judge(bob, forge.message(s.alice, TEXT, Framing(sender_leaf=2)))
    with refused("F5"):
        judge(bob, forge.message(s.alice, TEXT, Framing(signer=s.carol.env.signer)))
    with pytest.raises(mls.PastEpoch):
        judge(bob, forge.message(s.alice, Remove(3)))
    with pytest.raises(mls.OwnMessage):
        judge(bob, forge.message(s.bob, TEXT))
    assert isinstance(judge(bob, forge.message(s.alice, TEXT)), mls.Application)


@pytest.mark.parametrize("public", [False, True])
def test_f5_signature(*, public: bool) -> None:
    s = scene()
    kind = WireFormat.PUBLIC_MESSAGE if public else WireFormat.PRIVATE_MESSAGE
    honest = Framing(wire_format=kind)
    for fault in (
        replace(honest, signature=flipped),
        replace(honest, signer=s.carol.env.signer),
        replace(honest, context=lambda context: replace(context, group_id=b"another")),
        replace(honest, context=lambda context: replace(context, epoch=context.epoch - 1)),
    ):
        with refused("F5"):
            judge(s.bob, forge.message(s.alice, Remove(3), fault), policy=PUBLIC)
        with refused("F5"):
            judge(s.bob, forge.commit(s.alice, [], Faults(framing=fault)).message, policy=PUBLIC)
    assert judge(s.bob, forge.message(s.alice, Remove(3), honest), policy=PUBLIC)


def test_f5_application() -> None:
    s = scene()
    with refused("F5"):
        judge(s.bob, forge.message(s.alice, TEXT, Framing(signer=s.carol.env.signer)))


def test_f6_membership_tag() -> None:
    s = scene()
    honest = Framing(wire_format=ON_PUBLIC)
    for tag in (flipped, lambda _: None, lambda _: b"", lambda tag: tag[:-1]):
        with refused("F6"):
            judge(s.bob, forge.message(s.alice, Remove(3), replace(honest, membership=tag)), policy=PUBLIC)
    assert judge(s.bob, forge.message(s.alice, Remove(3), honest), policy=PUBLIC)


def test_f7_padding() -> None:
    s = scene()
    for padding in (b"\1", b"\0" * 20 + b"\1", b"\1" + b"\0" * 20):
        with refused("F7"):
            judge(s.bob, forge.message(s.alice, TEXT, Framing(padding=padding)))
    assert judge(s.bob, forge.message(s.alice, TEXT, Framing(padding=bytes(3000))))


def test_f7_aad_changed() -> None:
    s = scene()
    bent = Framing(aad=b"one", header=lambda sent: replace(sent, authenticated_data=b"two"))
    with refused("F7"):
        judge(s.bob, forge.message(s.alice, TEXT, bent))


def test_f7_relabelled() -> None:
    """An application message whose header and sender data say proposal."""
    s = scene()
    group = forge.inside(s.alice.group)
    private = parse_framed(forge.message(s.alice, TEXT))
    assert isinstance(private, PrivateMessage)
    data = protect.open_sender_data(group.suite, private, sender_data_secret=group.secrets.sender_data)
    bent = replace(private, content_type=ContentType.PROPOSAL)
    key = sender_data_key(group.suite, group.secrets.sender_data, bent.ciphertext)
    sealed = crypto.aead_seal(
        group.suite, key.key, nonce=key.nonce, aad=bent.sender_data_aad(), plaintext=data.encode()
    )
    message = wrap(WireFormat.PRIVATE_MESSAGE, replace(bent, encrypted_sender_data=sealed).encode())
    with refused("F7"):
        judge(s.bob, message)


def test_f8_commit_without_tag() -> None:
    s = scene()
    fault = Faults(framing=Framing(tag=lambda _: None))
    with refused("F8"):
        judge(s.bob, forge.commit(s.alice, [], fault).message)


def test_f6_public_commit_without_confirmation_tag() -> None:
    """What follows the signature is read as the confirmation tag, so the membership tag is the one that is missing."""
    s = scene()
    fault = Faults(framing=Framing(wire_format=ON_PUBLIC, tag=lambda _: None))
    with refused("F6"):
        judge(s.bob, forge.commit(s.alice, [], fault).message, policy=PUBLIC)


def test_f8_tag_on_a_proposal() -> None:
    """Only Commits have a place for the tag: what stands there instead is padding that is not zero."""
    s = scene()
    with refused("F7"):
        judge(s.bob, forge.message(s.alice, Remove(3), Framing(tag=lambda _: bytes(range(32)))))


def test_honest_messages_pass() -> None:
    s = scene()
    for content in (TEXT, Remove(3), SetExtensions((TITLE,))):
        for receiver in (s.bob, s.carol, s.dave):
            assert judge(receiver, forge.message(s.alice, content, Framing(aad=b"aad")))
