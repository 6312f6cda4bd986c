"""Relay credentials and tickets: their exact form, and everything that is none."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zajil.calls.context import Relays
from zajil.calls.credentials import TTL_S, make_credential, relay_urls
from zajil.calls.tickets import TTL_S as TICKET_TTL_S
from zajil.calls.tickets import make_ticket, open_ticket
from zajil.protocol.calls.media import PREAMBLE, TICKET_BYTES
from zajil.protocol.errors import ZajilError
from zajil.protocol.limits import FRAME_BYTES

NOW = 1_800_000_000
KEY = bytes(range(32))
ROOM = b"r" * 16


def test_a_credential_is_what_coturn_reckons_and_names_nobody() -> None:
    username, credential = make_credential("north", now_s=NOW + 0.9, random=lambda n: bytes(range(n)))
    assert username == f"{NOW + TTL_S}:AAECAwQFBgc"
    reckoned = base64.b64encode(hmac.new(b"north", username.encode(), hashlib.sha1).digest())
    assert credential == reckoned.decode()
    names = {make_credential("north", now_s=NOW, random=os.urandom)[0] for _ in range(50)}
    assert len(names) == 50


@pytest.mark.parametrize(
    ("host", "tls_port", "urls"),
    [
        ("r.example", 0, ["turn:r.example:3478?transport=udp", "turn:r.example:3478?transport=tcp"]),
        (
            "r.example",
            443,
            [
                "turn:r.example:3478?transport=udp",
                "turn:r.example:3478?transport=tcp",
                "turns:r.example:443?transport=tcp",
            ],
        ),
        ("2001:db8::1", 0, ["turn:[2001:db8::1]:3478?transport=udp", "turn:[2001:db8::1]:3478?transport=tcp"]),
    ],
)
def test_a_relay_is_named_for_each_way_to_it(host: str, tls_port: int, urls: list[str]) -> None:
    assert list(relay_urls(Relays((host,), 3478, tls_port, "s"))) == urls
    assert len(relay_urls(Relays((host, "b.example"), 3478, tls_port, "s"))) == 2 * len(urls)


def test_a_ticket_opens_its_room_for_two_minutes() -> None:
    ticket = make_ticket(KEY, ROOM, now_s=NOW, random=os.urandom)
    assert len(ticket) == TICKET_BYTES
    signed = ROOM + ticket[16:20] + (NOW + TICKET_TTL_S).to_bytes(4, "big")
    assert ticket == signed + hmac.new(KEY, signed, hashlib.sha256).digest()[:16]
    for later in (0, TICKET_TTL_S - 0.01):
        assert open_ticket(KEY, ticket, now_s=NOW + later) == ROOM
    with pytest.raises(ZajilError, match="not-allowed"):
        open_ticket(KEY, ticket, now_s=NOW + TICKET_TTL_S)


def test_two_who_ask_in_one_second_get_different_tickets() -> None:
    """Else one could pass for the other, who shares what comes among the connections of a ticket."""
    assert len({make_ticket(KEY, ROOM, now_s=NOW, random=os.urandom) for _ in range(20)}) == 20


def test_no_padded_frame_begins_like_the_preamble() -> None:
    assert int.from_bytes(PREAMBLE + bytes(2), "big") > FRAME_BYTES


@given(st.integers(0, TICKET_BYTES * 8 - 1))
def test_a_ticket_with_any_bit_changed_opens_nothing(bit: int) -> None:
    ticket = bytearray(make_ticket(KEY, ROOM, now_s=NOW, random=os.urandom))
    ticket[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ZajilError, match="not-allowed"):
        open_ticket(KEY, bytes(ticket), now_s=NOW)


@given(st.binary(max_size=80))
def test_what_is_no_ticket_opens_nothing(junk: bytes) -> None:
    with pytest.raises(ZajilError, match="not-allowed"):
        open_ticket(KEY, junk, now_s=NOW)


def test_a_ticket_of_another_server_longer_or_cut_opens_nothing() -> None:
    ticket = make_ticket(KEY, ROOM, now_s=NOW, random=os.urandom)
    for wrong in (ticket + b"\0", ticket[:-1], b""):
        with pytest.raises(ZajilError, match="not-allowed"):
            open_ticket(KEY, wrong, now_s=NOW)
    with pytest.raises(ZajilError, match="not-allowed"):
        open_ticket(bytes(32), ticket, now_s=NOW)
