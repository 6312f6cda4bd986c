"""The files of vectors/service: what we write is what they hold, and what they hold is what we read."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from tests.protocol import service_vectors

from zajil.protocol import cbor, frames, records, roster
from zajil.protocol.chat import aad, content, extensions, forms, mentions, parts
from zajil.protocol.chat.emoji import check_emoji
from zajil.protocol.contacts.names import shows
from zajil.protocol.contacts.requests import is_strangers
from zajil.protocol.contacts.usernames import parse_username, username_key
from zajil.protocol.errors import Malformed, ZajilError
from zajil.protocol.history.archive import Archive
from zajil.protocol.identity import linking, links, objects, safety
from zajil.protocol.ids import AccountId, DeviceId, GroupId, encode_b64
from zajil.protocol.public.handles import skeleton
from zajil.protocol.session import wire


def load(name: str) -> Any:  # JSON of many shapes
    return json.loads((service_vectors.FOLDER / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", service_vectors.BUILDERS)
def test_the_file_is_what_we_write(name: str) -> None:
    text = (service_vectors.FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert text == service_vectors.render(name)
    assert load(name)["source"]


def test_no_file_without_a_builder() -> None:
    assert {path.stem for path in service_vectors.FOLDER.glob("*.json")} == set(service_vectors.BUILDERS)


def test_cbor_is_read_and_written_again() -> None:
    for one in load("cbor")["values"]:
        assert cbor.encode(cbor.parse(bytes.fromhex(one))).hex() == one
    assert cbor.encode({24: 1, -1: 2}).hex() in load("cbor")["values"]


@pytest.mark.parametrize("case", load("cbor")["refused"], ids=lambda case: f"{case['about']}-{case['hex'][:12]}")
def test_cbor_of_another_form_is_refused(case: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        cbor.parse(bytes.fromhex(case["hex"]))


def test_the_chain_of_lists_opens() -> None:
    vector = load("objects")
    account = AccountId(bytes.fromhex(vector["account_id"]))
    newest = objects.open_chain([bytes.fromhex(data) for data in vector["lists"]], account_id=account)
    assert newest.list.seq == 3
    assert newest.list.account_pub == service_vectors.NEXT_ACCOUNT_PUB
    assert newest.hash.hex() == vector["list_hashes"][-1]
    certificate = objects.open_certificate(bytes.fromhex(vector["certificate"]))
    assert certificate.client.hex() == vector["client_id"]
    payload = objects.open_object(
        objects.Kind.LOGIN, bytes.fromhex(vector["login"]), bytes.fromhex(vector["device_pub"])
    )
    assert objects.Login.parse(payload).device_id == DeviceId(1)


@pytest.mark.parametrize(("about", "payload"), load("objects")["refused"].items())
def test_a_number_beyond_javascript_is_refused_by_both_languages(about: str, payload: str) -> None:
    """A certificate that Python takes and a browser does not lets one member split a group."""
    parse = objects.DeviceCertificate.parse if about == "certificate" else objects.DeviceList.parse
    with pytest.raises(Malformed):
        parse(bytes.fromhex(payload))


def test_the_roster_opens() -> None:
    vector = load("roster")
    key, gid = bytes.fromhex(vector["roster_key"]), GroupId(bytes.fromhex(vector["gid"]))
    entries = roster.open_roster(key, gid, vector["epoch"], bytes.fromhex(vector["sealed"]))
    assert [[entry.leaf, entry.deliver_to.hex()] for entry in entries] == vector["entries"]


def test_the_aads_are_read() -> None:
    vector = load("aad")
    assert aad.parse_aad(bytes.fromhex(vector["application"]["aad"])) == aad.ApplicationAad(
        bytes.fromhex(vector["application"]["tag"])
    )
    commit = aad.parse_aad(bytes.fromhex(vector["commit"]["aad"]))
    assert isinstance(commit, aad.CommitAad)
    assert commit.refs_hash == aad.hash_refs([bytes.fromhex(ref) for ref in vector["commit"]["refs"]])
    assert (list(commit.added), list(commit.removed)) == (vector["commit"]["added"], vector["commit"]["removed"])


def test_the_message_is_read_and_named() -> None:
    vector = load("content")
    plain = content.parse_application(bytes.fromhex(vector["plaintext"]))
    read = content.parse_content(plain.content)
    assert content.encode_content(read) == plain.content
    assert content.find_text(read) == vector["text"]
    assert content.message_id_of(read, plain.content).hex() == vector["message_id"]
    assert content.content_tag(read.salt, plain.content).hex() == vector["tag"]


@pytest.mark.parametrize("case", load("content")["forms"]["forms"], ids=lambda case: str(case["form"]))
def test_a_form_is_read_named_and_written_again(case: dict[str, Any]) -> None:
    data = bytes.fromhex(case["content"])
    body = content.parse_content(data)
    form = forms.parse_form(body)
    assert not isinstance(form, forms.Control | forms.Unsupported)
    assert type(form).__name__ == case["form"]
    for name in case.keys() - {"form", "content", "message_id", "receipts"}:
        value = getattr(form, name)
        assert (value.hex() if isinstance(value, bytes) else value) == case[name]
    if isinstance(form, forms.Receipts):
        assert [[identity.hex(), int(status)] for identity, status in form.receipts] == case["receipts"]
    assert content.encode_content(forms.encode_form(form, body)) == data
    assert content.message_id_of(body, data).hex() == case["message_id"]


@pytest.mark.parametrize("case", load("content")["forms"]["refused"], ids=lambda case: str(case["about"]))
def test_a_broken_form_is_refused(case: dict[str, str]) -> None:
    body = content.parse_content(bytes.fromhex(case["content"]))
    with pytest.raises(Malformed):
        forms.parse_form(body)


@pytest.mark.parametrize("case", load("content")["forms"]["unsupported"], ids=lambda case: str(case["about"]))
def test_a_form_of_later_is_left_for_later(case: dict[str, Any]) -> None:
    body = content.parse_content(bytes.fromhex(case["content"]))
    assert forms.parse_form(body) == forms.Unsupported(case["shown"])


def test_one_emoji_is_told_from_anything_else() -> None:
    vector = load("content")["emoji"]
    assert [check_emoji(text) for text in vector["one"]] == vector["one"]
    for text in vector["none"]:
        with pytest.raises(Malformed):
            check_emoji(text)


def test_mentions_are_found_and_hostile_links_stay_text() -> None:
    vector = load("content")["mentions"]
    server = vector["server_name"]

    def is_member(account: AccountId) -> bool:
        return encode_b64(account) in vector["members"]

    for case in vector["texts"]:
        plain, found = mentions.parse_text(case["text"], server_name=server, is_member=is_member)
        assert plain == case["plain"]
        assert [(one.start, one.end, encode_b64(one.account)) for one in found] == [
            (one["start"], one["end"], one["account"]) for one in case["mentions"]
        ]
        again = mentions.encode_text(plain, found, server_name=server)
        assert mentions.parse_text(again, server_name=server) == (plain, found)
    stranger = vector["stranger"]["text"]
    assert mentions.parse_text(stranger, server_name=server, is_member=is_member) == (stranger, ())
    for link in vector["links"]:
        plain, (one,) = mentions.parse_text(link["link"], server_name=server)
        assert plain == f"@{link['name']}"
        assert mentions.encode_mention(server, one.account, link["name"]) == link["link"]
    for name in vector["refused_names"]:
        with pytest.raises(Malformed):
            mentions.encode_mention(server, AccountId(bytes(16)), name)


@pytest.mark.parametrize("ranges", [[(0, 2), (1, 4)], [(0, 99)], [(1, 3)], [(2, 2)], [(-1, 2)]])
def test_ranges_that_are_no_mentions_are_refused(ranges: list[tuple[int, int]]) -> None:
    found = [mentions.Mention(start, end, AccountId(bytes(16))) for start, end in ranges]
    with pytest.raises(Malformed):
        mentions.encode_text("@Amal and @Omar", found, server_name="home.example")


def test_changed_settings_keep_what_later_versions_wrote() -> None:
    vector = load("extensions")["changed"]
    before = bytes.fromhex(vector["before"])
    assert extensions.change_settings(before, name=vector["name"]).hex() == vector["with_name"]
    roles = {AccountId(bytes.fromhex(a)): extensions.ChatRole(role) for a, role in vector["roles"].items()}
    assert extensions.change_settings(before, roles=roles).hex() == vector["with_roles"]
    timed = extensions.change_settings(before, timer=vector["timer"])
    assert timed.hex() == vector["with_timer"]
    assert extensions.find_changes(before, timed) == {extensions.TIMER}
    with pytest.raises(Malformed):
        extensions.change_settings(before, name="x" * 257)


def test_the_code_of_a_safety_number_is_compared() -> None:
    vector = load("safety")["code"]
    mine = safety.SafetyCode(
        vector["own_half"], vector["other_half"], vector["epoch"], bytes.fromhex(vector["epoch_authenticator"])
    )
    assert mine.encode() == vector["text"]
    assert safety.SafetyCode.parse(f" {vector['text']}\n") == mine
    for case in vector["compared"]:
        assert safety.compare_codes(mine, safety.SafetyCode.parse(case["theirs"])) == case["result"]
    for text in vector["refused"]:
        with pytest.raises(Malformed):
            safety.SafetyCode.parse(text)


def test_extensions_and_parts_are_read() -> None:
    vector = load("extensions")
    settings = extensions.ChatSettings.parse(bytes.fromhex(vector["chat_settings"]))
    assert settings.encode().hex() == vector["chat_settings"]
    for name in ("group_info_share", "group_info_share_rotated"):
        assert extensions.GroupInfoShare.parse(bytes.fromhex(vector[name])).encode().hex() == vector[name]
    for part in load("parts")["parts"]:
        single = content.SinglePart(parts.CONTROL_TYPE, bytes.fromhex(part["content"]), content.UNSPECIFIED)
        read = parts.parse_part(single)
        assert not isinstance(read, parts.UnknownPart)
        assert part["op"] == read.OP
        assert parts.encode_part(read) == single
    later = content.SinglePart(parts.CONTROL_TYPE, bytes.fromhex(load("parts")["unknown"]))
    assert parts.parse_part(later) == parts.UnknownPart("later")


def test_a_call_that_no_client_writes_is_ignored() -> None:
    for text in load("parts")["ignored_calls"]:
        part = content.SinglePart(parts.CONTROL_TYPE, bytes.fromhex(text), content.UNSPECIFIED)
        assert parts.parse_part(part) == parts.UnknownPart("call")
    assert max(len(bytes.fromhex(one["content"])) for one in load("parts")["parts"]) == parts.CALL_BYTES
    with pytest.raises(Malformed):
        parts.encode_part(parts.Call({"sdp": "x" * (parts.CALL_BYTES - 13)}))


def test_links_and_codes_are_read() -> None:
    vector = load("links")
    contact = links.parse_contact_link(vector["contact_link"])
    assert contact.account_id is not None
    assert contact.account_id.hex() == vector["account_id"]
    assert links.encode_contact_link(contact) == vector["contact_link"]
    assert links.parse_contact_link(vector["server_invite"]).code == "K7QX-3M2P"
    assert links.parse_link_code(vector["link_code"]).secret.hex() == vector["secret"]


def test_the_link_offer_and_answer_are_read() -> None:
    vector = load("linking")
    offer = linking.open_offer(bytes.fromhex(vector["offer"]), offer_hash=bytes.fromhex(vector["offer_hash"]))
    assert offer.encode().hex() == vector["offer"]
    assert len(set(vector["emoji"])) == 64
    answer = linking.Answer.parse(bytes.fromhex(vector["answer"]), secret=bytes.fromhex(vector["secret"]))
    assert answer.encode().hex() == vector["answer"]
    more = bytes.fromhex(vector["answer_with_history"])
    assert linking.Answer.parse(more, secret=bytes.fromhex(vector["secret"])).encode() == more


def test_the_safety_number_is_that_of_libsignal() -> None:
    vector = load("safety")["libsignal"]
    halves = [safety.half(bytes.fromhex(key), name.encode()) for name, key in (vector["alice"], vector["bob"])]
    assert "".join(sorted(halves)) == vector["number"]
    own, other = (
        (AccountId(bytes.fromhex(a)), bytes.fromhex(k)) for a, k in (load("safety")[x] for x in ("own", "other"))
    )
    assert safety.safety_number(own, other) == safety.safety_number(other, own) == load("safety")["safety_number"]


READERS = {
    "r_client": frames.parse_r_client,
    "s_client": frames.parse_s_client,
    "r_server": frames.parse_r_server,
    "s_server": frames.parse_s_server,
}


@pytest.mark.parametrize("reader", READERS)
def test_every_frame_is_read_by_its_reader_alone(reader: str) -> None:
    of_reader = load("frames")["frames"]
    for frame in of_reader[reader]:
        assert frames.encode_frame(READERS[reader](bytes.fromhex(frame["hex"]))).hex() == frame["hex"]
    mine = {frame["name"] for frame in of_reader[reader]}
    for other, theirs in of_reader.items():
        for frame in theirs:
            if other != reader and frame["name"] not in mine:
                with pytest.raises(Malformed):
                    READERS[reader](bytes.fromhex(frame["hex"]))


def test_every_frame_type_has_a_vector() -> None:
    named = {frame["name"] for theirs in load("frames")["frames"].values() for frame in theirs}
    assert named == {kind.__name__ for kind in frames.Frame.__args__}


def test_session_frames_and_records_are_read() -> None:
    vector = load("session")
    for frame in vector["frames"]:
        data = bytes.fromhex(frame["hex"])
        assert msgspec.msgpack.encode(wire.parse_record(records.pad(data))) == data
    assert records.unpad(bytes.fromhex(vector["record"]["record"])).hex() == vector["record"]["frame"]


def test_a_name_of_blanks_and_marks_shows_nothing() -> None:
    held = load("names")
    assert [name for name in held["seen"] if not shows(name)] == []
    assert [name for name in held["unseen"] if shows(name)] == []


def test_usernames_have_one_spelling_and_one_key() -> None:
    held = load("usernames")
    for one in held["names"]:
        assert parse_username(one["typed"]) == one["name"]
        assert (username_key(one["name"], held["server_name"]).hex(), skeleton(one["name"])) == (
            one["key"],
            one["skeleton"],
        )
    by_name = {one["name"]: one["key"] for one in held["names"]}
    assert by_name["bo1l"] == by_name["boll"]  # they look alike
    assert by_name["layla"] != held["other_server"]["key"]
    for text in held["refused"]:
        with pytest.raises(Malformed):
            parse_username(text)
    for one in held["serials"]:
        assert is_strangers(bytes.fromhex(one["via"])) == one["stranger"]


def test_a_link_may_name_whom_to_ask() -> None:
    link = links.parse_contact_link(load("links")["request_link"])
    assert (link.account_id, link.contact_token) == (service_vectors.ACCOUNT_ID, None)


def test_an_archive_is_read_as_it_was_written() -> None:
    part = bytes.fromhex(str(load("archive")["archive"]))
    assert Archive.parse(part).encode() == part


@pytest.mark.parametrize(("about", "data"), load("archive")["refused"].items())
def test_what_is_no_archive_is_refused(about: str, data: str) -> None:
    with pytest.raises(ZajilError):
        Archive.parse(bytes.fromhex(data))
