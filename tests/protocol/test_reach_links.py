"""Private bridges in links: what a person pastes, what fits a QR code, and what nobody may smuggle in."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st
from tests.protocol import service_vectors as sv
from tests.protocol.test_service_vectors import load

from zajil.protocol import cbor
from zajil.protocol.errors import HomeError, LocalProtocolError
from zajil.protocol.identity import links
from zajil.protocol.ids import encode_b64
from zajil.protocol.reach.endpoints import (
    BRIDGE_ADDRESS_BYTES,
    PRIVATE_BRIDGES_BYTES,
    Endpoint,
    EndpointKind,
    PrivateBridges,
    encode_bridge_link,
    encode_private_bridges,
    is_host,
    parse_bridge_link,
    parse_private_bridges,
)

CONTACT = links.ContactLink(
    "home.example", sv.ISSUED, sv.ACCOUNT_ID, bytes(32), "ليلى", "K7QX-3M2P", "https://home.example", sv.PRIVATE
)
LONGEST = PrivateBridges(
    bytes(32), bytes(8), bytes(32), tuple(("h" * 20 + "." + "o" * 28 + ".net", 65535, "d" * 11) for _ in range(3))
)


def test_a_bridge_link_is_read_in_every_form() -> None:
    text = load("links")["bridge_link"]
    fragment = text.partition("#")[2]
    forms = [text, f" {text}\n", f"#{fragment}", fragment, f"zajil:{fragment}", f"ZAJIL:{fragment}", f"\t{fragment} "]
    assert text.startswith("https://home.example/b#")
    assert encode_bridge_link(sv.PRIVATE) == load("links")["bridge_text"] == f"zajil:{fragment}"
    assert [parse_bridge_link(form) for form in forms] == [sv.PRIVATE] * len(forms)


def test_bridges_are_endpoints_in_their_order() -> None:
    token = sv.PRIVATE.token
    assert sv.PRIVATE.endpoints() == (
        Endpoint("private-1", EndpointKind.BRIDGE, "a.example", 443, "assets", token=token, private=True),
        Endpoint("private-2", EndpointKind.BRIDGE, "10.0.0.7", 8443, "img/x", token=token, private=True),
    )


def test_a_contact_link_brings_its_bridges_along() -> None:
    text = links.encode_contact_link(CONTACT)
    assert links.parse_contact_link(text) == CONTACT
    assert links.parse_contact_link(load("links")["contact_link_with_bridges"]).bridges == sv.PRIVATE
    assert links.parse_contact_link(load("links")["contact_link"]).bridges is None


def test_three_bridges_of_the_longest_address_fit_field_and_qr_code() -> None:
    """Level M keeps a code readable from a screen; version 25 (117 modules) is what a phone's camera still takes."""
    assert {len(host) + len(dir_) for host, _, dir_ in LONGEST.bridges} == {BRIDGE_ADDRESS_BYTES}
    assert len(encode_private_bridges(LONGEST)) <= PRIVATE_BRIDGES_BYTES
    text = links.encode_contact_link(dataclasses.replace(CONTACT, bridges=LONGEST))
    code = segno.make_qr(text, error="M")
    assert isinstance(code.version, int)
    assert code.version <= 25
    longer = dataclasses.replace(LONGEST, bridges=(*LONGEST.bridges[:2], ("x" * 60 + ".example", 443, "d")))
    with pytest.raises(LocalProtocolError):
        encode_private_bridges(longer)


@pytest.mark.parametrize("case", load("links")["refused_bridges"], ids=lambda case: case["about"])
def test_field_7_of_another_form_spoils_every_link(case: dict[str, Any]) -> None:
    data = bytes.fromhex(case["hex"])
    with pytest.raises(HomeError, match="bad-link"):
        parse_private_bridges(data)
    for text in (f"https://home.example/b#{encode_b64(data)}", f"zajil:{encode_b64(data)}", encode_b64(data)):
        with pytest.raises(HomeError, match="bad-link"):
            parse_bridge_link(text)
    with pytest.raises(HomeError, match="bad-link"):
        links.parse_contact_link(encode_b64(cbor.encode({1: 1, 2: "home.example", 5: 1, 7: data})))


@pytest.mark.parametrize("field", [1, "x", [], {}, True])
def test_field_7_of_another_kind_is_refused(field: cbor.Value) -> None:
    with pytest.raises(HomeError, match="bad-link"):
        links.parse_contact_link(encode_b64(cbor.encode({1: 1, 2: "home.example", 5: 1, 7: field})))


@pytest.mark.parametrize(
    "text",
    [
        *("", "#", "zajil:", "zajil:#", "zajil", "https://a/b#", "javascript:/b#x", "x" * 5000),
        load("links")["bridge_link"][:-1],
        load("links")["bridge_link"].replace("/b#", "/i#"),
        load("links")["bridge_link"].replace("https:", "ftp:"),
        load("links")["bridge_text"] + "=",
        load("links")["contact_link_with_bridges"],
        load("links")["link_code"],
    ],
)
def test_what_is_no_bridge_link_says_so(text: str) -> None:
    with pytest.raises(HomeError, match="bad-link"):
        parse_bridge_link(text)


def test_every_cut_of_a_link_is_refused() -> None:
    text = load("links")["bridge_text"]
    for length in range(len(text)):
        with pytest.raises(HomeError, match="bad-link"):
            parse_bridge_link(text[:length])


@pytest.mark.parametrize(
    ("host", "is_one"),
    [
        *((host, True) for host in ("a", "bridge.example", "192.0.2.1", "xn--mgbh0fb.example", "1a.example", "a.0b")),
        *((host, False) for host in ("", "-a", "a-.b", "A.b", "a..b", "a.", "a_b", "a" * 64, "::1", "مثال.example")),
        *((host, False) for host in ("xn--a", "xn--.example", "999.1.1.1", "1.2.3", "a.1", "0x1", "010.0.0.1", "1")),
    ],
)
def test_a_host_is_what_every_url_parser_takes_for_one(host: str, is_one: bool) -> None:
    """The same table stands in endpoints.test.ts."""
    assert is_host(host) is is_one


@given(st.binary(max_size=310))
def test_hostile_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        found = parse_private_bridges(data)
    except HomeError:
        return
    assert encode_private_bridges(found) == data
