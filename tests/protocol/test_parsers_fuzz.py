"""Hostile bytes: every parser answers with a value or a ZajilError, and what it reads it writes again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.protocol import service_vectors as sv

from zajil.protocol import cbor, control, frames, mlsheader, records
from zajil.protocol.chat import aad, content, extensions, files, forms, mentions, parts, receipts
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.identity import linking, links, objects, safety
from zajil.protocol.ids import DeviceId
from zajil.protocol.session import wire

GID = sv.GID
OWNER = {sv.ACCOUNT_ID: extensions.ChatRole.OWNER}
TEXT = content.text_content("x", salt=sv.SALT, extensions={1: "u"})
FORMS: list[forms.Text | forms.Files | forms.Action] = [
    forms.Text("x", sv.TARGET),
    forms.Files((files.File(bytes(16), "n", "t/t", 5, bytes(32), bytes(12), bytes(32)),) * 2, "x", sv.TARGET),
    forms.Edit(sv.TARGET, "y"),
    forms.Deletion(sv.TARGET, as_admin=True),
    forms.Reaction(sv.TARGET, "🕊️"),
    forms.TakeBack(sv.TARGET, sv.REACTION_ID),
]
B16 = '"AAAAAAAAAAAAAAAAAAAAAA"'
Parser: TypeAlias = Callable[[bytes], object]


def parse_control(data: bytes) -> object:
    return parts.parse_part(content.SinglePart(parts.CONTROL_TYPE, data))


def parse_form(data: bytes) -> object:
    return forms.parse_form(content.parse_content(data))


def parse_receipts(data: bytes) -> object:
    return receipts.parse_receipts(content.SinglePart(receipts.STATUS_TYPE, data))


def change_settings(data: bytes) -> object:
    return extensions.change_settings(data, name="x")


def parse_code(data: bytes) -> object:
    return safety.SafetyCode.parse(data.decode("latin-1"))


def parse_mentions(data: bytes) -> object:
    return mentions.parse_text(data.decode("utf-8", "replace"), server_name="home.example")


def parse_answer(data: bytes) -> object:
    return linking.Answer.parse(data, secret=bytes(16))


def parse_claim(data: bytes) -> object:
    return control.parse_json(data, control.ClaimKeyPackages)


def parse_problem(data: bytes) -> object:
    return control.parse_problem(400, data)


def framed(reader: str) -> list[bytes]:
    return [frames.encode_frame(frame) for frame in sv.every_frame()[reader]]


SEEDS: dict[str, tuple[Parser, list[bytes]]] = {
    "cbor": (cbor.parse, [cbor.encode({24: [1, b"x", "y"], -1: {1: None}})]),
    "object": (objects.open_list, [sv.first_list()[1]]),
    "list": (objects.DeviceList.parse, [sv.first_list()[0].encode()]),
    "certificate": (objects.open_certificate, [sv.certificate()]),
    "login": (objects.Login.parse, [objects.Login("s", bytes(32), sv.ACCOUNT_ID, DeviceId(1)).encode()]),
    "commit aad": (aad.parse_aad, [aad.CommitAad((1, 5), (2,), True, bytes(32)).encode()]),
    "application aad": (aad.parse_aad, [aad.ApplicationAad(bytes(32)).encode()]),
    "content": (content.parse_content, [content.encode_content(TEXT)]),
    "application": (content.parse_application, [content.encode_application(b"c", bytes(64))]),
    "form": (parse_form, [content.encode_content(forms.encode_form(form, sv.blank_content())) for form in FORMS]),
    "receipts": (parse_receipts, [receipts.encode_receipts([(sv.TARGET, receipts.Status.READ)]).content]),
    "changed settings": (
        change_settings,
        [extensions.ChatSettings(extensions.ChatKind.GROUP, "n", roles=OWNER).encode()],
    ),
    "safety code": (parse_code, [safety.SafetyCode("1" * 30, "2" * 30, 7, bytes(32)).encode().encode()]),
    "mentions": (parse_mentions, [mentions.encode_mention("home.example", sv.ACCOUNT_ID, "[n]").encode()]),
    "settings": (
        extensions.ChatSettings.parse,
        [extensions.ChatSettings(extensions.ChatKind.DM, roles=OWNER).encode()],
    ),
    "share": (
        extensions.GroupInfoShare.parse,
        [extensions.GroupInfoShare(bytes(32), (b"l",), {sv.ACCOUNT_ID: extensions.Acquaintance("n")}).encode()],
    ),
    "part": (parse_control, [parts.encode_part(parts.Readd(GID, 1, "r")).content]),
    "offer": (linking.Offer.parse, [linking.Offer(bytes(1216), bytes(32), "n", "p").encode()]),
    "answer": (parse_answer, [linking.Answer(b"c", (b"l",), None, (), (), bytes(16), "n").encode()]),
    "record": (records.unpad, [records.pad(b"frame")]),
    "session frame": (wire.parse_record, [wire.encode_record(wire.Ack(5))]),
    "header": (mlsheader.parse_header, [b"\x00\x01\x00\x02\x01g" + bytes(8) + b"\x01\x01a\x01s\x01c"]),
    "r_client": (frames.parse_r_client, framed("r_client")),
    "s_client": (frames.parse_s_client, framed("s_client")),
    "r_server": (frames.parse_r_server, framed("r_server")),
    "s_server": (frames.parse_s_server, framed("s_server")),
    "json": (parse_claim, [f'{{"account_id":{B16},"suites":[83],"claim_id":{B16}}}'.encode()]),
    "problem": (parse_problem, [control.encode_problem(error("busy"))]),
}


@pytest.mark.fuzz
@pytest.mark.parametrize("name", SEEDS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_parser_raises_zajil_errors_alone(name: str, data: st.DataObject) -> None:
    parse, seeds = SEEDS[name]
    parse(data.draw(st.sampled_from(seeds)))
    changed = bytearray(data.draw(st.sampled_from(seeds)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(0, len(changed) - 1)))
        changed[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    for hostile in (bytes(changed), data.draw(st.binary(max_size=64))):
        with suppress(ZajilError):
            parse(hostile)


@pytest.mark.fuzz
@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_links_from_any_text_are_links_or_bad_links(text: str) -> None:
    for parse in (links.parse_contact_link, links.parse_link_code):
        with suppress(ZajilError):
            parse(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 64), (1 << 64) - 1) | st.binary(max_size=30) | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.integers(-300, 300) | st.text(max_size=4) | st.binary(max_size=4), inner, max_size=5)
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_cbor_is_what_another_decoder_reads(value: cbor.Parsed) -> None:
    data = cbor.encode(value)
    assert cbor.parse(data) == value
    assert cbor2.loads(data) == value


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40))
def test_what_cbor_reads_it_writes_again(data: bytes) -> None:
    with suppress(ZajilError):
        assert cbor.encode(cbor.parse(data)) == data
