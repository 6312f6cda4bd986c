"""Bytes of a push: the example of RFC 8291, and that nothing in them depends on what they are about."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from zajil.protocol.errors import Malformed
from zajil.protocol.ids import parse_b64
from zajil.protocol.push import message
from zajil.protocol.push.plan import MANNERS, Outcome, Wake, delay_s, judge_status


def _key(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(parse_b64(text), "big"), ec.SECP256R1())


# RFC 8291, section 5 and appendix A.
PLAINTEXT = b"When I grow up, I want to be a watermelon"
SERVER = _key("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")
RECEIVER = _key("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94")
P256DH = parse_b64("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4")
AUTH = parse_b64("BTBZMqHH6r4Tts7J_aSIgg")
SALT = parse_b64("DGv6ra1nlYgDCS1FRnbzlw")
BODY = parse_b64(
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A"
    "_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def test_the_example_of_rfc_8291() -> None:
    assert message.public_bytes(RECEIVER) == P256DH
    assert message.encrypt(PLAINTEXT, p256dh=P256DH, auth=AUTH, key=SERVER, salt=SALT) == BODY
    assert message.decrypt(BODY, key=RECEIVER, auth=AUTH) == PLAINTEXT


@given(place=st.integers(0, len(BODY) - 1), bit=st.integers(0, 7))
def test_a_changed_message_does_not_open(place: int, bit: int) -> None:
    changed = bytearray(BODY)
    changed[place] ^= 1 << bit
    if 16 <= place < 20:
        return  # the record size is no secret and not under the tag; ours fit into any that is large enough
    with pytest.raises(Malformed):
        message.decrypt(bytes(changed), key=RECEIVER, auth=AUTH)


@given(cut=st.integers(0, len(BODY) - 1))
def test_a_cut_message_does_not_open(cut: int) -> None:
    with pytest.raises(Malformed):
        message.decrypt(BODY[:cut], key=RECEIVER, auth=AUTH)


@given(auth=st.binary(min_size=16, max_size=16), salt=st.binary(min_size=16, max_size=16))
def test_every_push_is_of_one_length(auth: bytes, salt: bytes) -> None:
    receiver, sender = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    body = message.encrypt(message.PAYLOAD, p256dh=message.public_bytes(receiver), auth=auth, key=sender, salt=salt)
    assert len(body) == 86 + len(message.PAYLOAD) + 1 + 16
    assert message.decrypt(body, key=receiver, auth=auth) == message.PAYLOAD


@pytest.mark.parametrize(
    "point", [bytes(65), b"\x04" + bytes(64), b"\x04" + b"\xff" * 64, P256DH[:64], b"\x02" + P256DH[1:33]]
)
def test_a_point_off_the_curve_is_refused(point: bytes) -> None:
    with pytest.raises(Malformed):
        message.check_point(point)


def test_answers_of_push_services() -> None:
    assert [judge_status(status) for status in (200, 201, 202)] == [Outcome.TAKEN] * 3
    assert [judge_status(status) for status in (404, 410)] == [Outcome.GONE] * 2
    assert [judge_status(status) for status in (429, 500, 503)] == [Outcome.LATER] * 3
    assert [judge_status(status) for status in (301, 302, 307, 400, 401, 403, 413)] == [Outcome.REFUSED] * 7


@given(tries=st.integers(1, 100), share=st.floats(0, 1), told=st.floats(0, 1e9))
def test_tries_spread_and_obey_up_to_two_hours(tries: int, share: float, told: float) -> None:
    wait = delay_s(tries, retry_after_s=told, share=share)
    assert min(told, 7200) <= wait <= 7200
    assert wait >= 5


def test_a_ring_takes_no_waiting_push_away() -> None:
    ring, text = MANNERS[Wake.RING], MANNERS[Wake.MESSAGE]
    assert ring.topic != text.topic
    assert (ring.ttl_s, text.ttl_s, ring.urgency, text.urgency) == (60, 28 * 86_400, "high", "normal")
