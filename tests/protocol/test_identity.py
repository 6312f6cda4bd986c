"""Signed objects, device lists, links and linking under attack."""

from __future__ import annotations

import dataclasses

import pytest
from tests.protocol import service_vectors as sv

from zajil.protocol import cbor
from zajil.protocol.errors import HomeError, Malformed, ZajilError
from zajil.protocol.identity import linking, links
from zajil.protocol.identity.objects import (
    NO_LIST,
    DeviceCertificate,
    DeviceList,
    DeviceListEntry,
    Kind,
    Role,
    SignedObject,
    account_id_of,
    open_certificate,
    open_chain,
    open_later_list,
    open_list,
    open_object,
    parse_object,
    sign_object,
)
from zajil.protocol.ids import AccountId, DeviceId

FIRST, FIRST_DATA = sv.first_list()
SECOND_DATA, THIRD_DATA = sv.second_list(), sv.rotated_list()
CHAIN = [FIRST_DATA, SECOND_DATA, THIRD_DATA]
ONE = open_list(FIRST_DATA)
TWO = open_list(SECOND_DATA, ONE)
THREE = open_list(THIRD_DATA, TWO)
EVIL, EVIL_PUB = sv.signer("evil")


def code_of(raised: pytest.ExceptionInfo[ZajilError]) -> str:
    return raised.value.code


def signed_list(devices: DeviceList, **signers: object) -> bytes:
    return sign_object(Kind.DEVICE_LIST, devices.encode(), sv.ACCOUNT, **signers)  # type: ignore[arg-type]  # tests


def test_a_signature_holds_for_its_kind_and_key_alone() -> None:
    data = sign_object(Kind.LOGIN, b"payload", sv.ACCOUNT)
    assert open_object(Kind.LOGIN, data, sv.ACCOUNT_PUB) == b"payload"
    for kind, key in ((Kind.CERTIFICATE, sv.ACCOUNT_PUB), (Kind.LOGIN, EVIL_PUB), (Kind.LOGIN, b"short")):
        with pytest.raises(Malformed, match="bad-signature"):
            open_object(kind, data, key)


def test_a_spare_or_missing_second_signature_is_refused() -> None:
    spare = sign_object(Kind.LOGIN, b"payload", sv.ACCOUNT, old_signer=sv.ACCOUNT)
    with pytest.raises(Malformed, match="bad-signature"):
        open_object(Kind.LOGIN, spare, sv.ACCOUNT_PUB)
    single = sign_object(Kind.LOGIN, b"payload", sv.ACCOUNT)
    with pytest.raises(Malformed, match="bad-signature"):
        open_object(Kind.LOGIN, single, sv.ACCOUNT_PUB, old_key=sv.ACCOUNT_PUB)


@pytest.mark.parametrize("at", range(0, len(FIRST_DATA), 7))
def test_no_changed_byte_of_a_list_opens(at: int) -> None:
    with pytest.raises(ZajilError):
        open_list(FIRST_DATA[:at] + bytes((FIRST_DATA[at] ^ 1,)) + FIRST_DATA[at + 1 :])


def test_trailing_bytes_and_other_encodings_are_no_object() -> None:
    parts = parse_object(FIRST_DATA)
    assert parts == SignedObject(FIRST.encode(), parts.sig)
    longer = b"\x9f" + FIRST_DATA[1:] + b"\xff"
    for data in (FIRST_DATA + b"\x00", longer, b"", cbor.encode([b"p", b"s", b"o", b"x"]), cbor.encode([b"p", 1])):
        with pytest.raises(Malformed, match="bad-signature"):
            parse_object(data)


def test_an_account_id_is_made_by_its_key() -> None:
    assert account_id_of(sv.ACCOUNT_PUB) == sv.ACCOUNT_ID
    with pytest.raises(Malformed):
        account_id_of(b"short")
    other = dataclasses.replace(FIRST, account_id=AccountId(bytes(16)))
    with pytest.raises(HomeError, match="key-changed"):
        open_list(signed_list(other))


def test_a_certificate_is_signed_by_the_key_it_names() -> None:
    assert open_certificate(sv.certificate()).sig_pub == sv.DEVICE_PUB
    good = open_certificate(sv.certificate())
    with pytest.raises(Malformed, match="bad-signature"):
        open_certificate(sign_object(Kind.CERTIFICATE, good.encode(), EVIL))
    with pytest.raises(Malformed):
        DeviceCertificate.parse(cbor.encode({1: b"short"}))


def test_the_server_cannot_make_a_list() -> None:
    with pytest.raises(Malformed, match="bad-signature"):
        open_list(sign_object(Kind.DEVICE_LIST, FIRST.encode(), EVIL))
    own_key = dataclasses.replace(TWO.list, account_pub=EVIL_PUB)
    with pytest.raises(Malformed, match="bad-signature"):
        open_list(sign_object(Kind.DEVICE_LIST, own_key.encode(), EVIL), ONE)
    with pytest.raises(Malformed, match="bad-signature"):
        open_list(sign_object(Kind.DEVICE_LIST, own_key.encode(), EVIL, old_signer=EVIL), ONE)


def test_a_rotation_needs_both_keys_and_then_the_new_one() -> None:
    assert THREE.list.account_pub == sv.NEXT_ACCOUNT_PUB
    fourth = dataclasses.replace(THREE.list, seq=4, prev=THREE.hash)
    open_list(sign_object(Kind.DEVICE_LIST, fourth.encode(), sv.NEXT_ACCOUNT), THREE)
    with pytest.raises(Malformed, match="bad-signature"):
        open_list(sign_object(Kind.DEVICE_LIST, fourth.encode(), sv.ACCOUNT), THREE)
    spare = dataclasses.replace(TWO.list, seq=3, prev=TWO.hash)
    with pytest.raises(Malformed, match="bad-signature"):
        open_list(signed_list(spare, old_signer=sv.ACCOUNT), TWO)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"seq": 1}, "stale-list"),
        ({"seq": 3}, "stale-list"),
        ({"prev": bytes(32)}, "list-fork"),
        ({"account_id": AccountId(bytes(16))}, "key-changed"),
        ({"devices": (DeviceListEntry(DeviceId(1), EVIL_PUB, 1),)}, "malformed"),
    ],
)
def test_a_list_follows_the_one_before(change: dict[str, object], code: str) -> None:
    with pytest.raises(ZajilError) as raised:
        open_list(signed_list(dataclasses.replace(TWO.list, **change)), ONE)  # type: ignore[arg-type]  # fields by name
    assert code_of(raised) == code


def test_nothing_follows_the_end_of_an_account() -> None:
    end = DeviceList(sv.ACCOUNT_ID, 2, ONE.hash, sv.ACCOUNT_PUB, (), 1)
    ended = open_list(signed_list(end), ONE)
    after = dataclasses.replace(FIRST, seq=3, prev=ended.hash)
    with pytest.raises(Malformed):
        open_list(signed_list(after), ended)
    with pytest.raises(ZajilError):
        open_list(signed_list(dataclasses.replace(end, seq=1, prev=NO_LIST)))


ENTRY = DeviceListEntry(DeviceId(1), sv.DEVICE_PUB, 1)


@pytest.mark.parametrize(
    "devices",
    [
        (ENTRY, ENTRY),
        (DeviceListEntry(DeviceId(2), sv.DEVICE_PUB, 1), DeviceListEntry(DeviceId(1), EVIL_PUB, 1)),
        (ENTRY, DeviceListEntry(DeviceId(2), sv.DEVICE_PUB, 1)),
        tuple(DeviceListEntry(DeviceId(n), sv.seeded(f"d{n}"), 1) for n in range(9)),
        (DeviceListEntry(DeviceId(1 << 32), sv.DEVICE_PUB, 1),),
        (DeviceListEntry(DeviceId(1), b"short", 1),),
    ],
    ids=["twice", "order", "one key", "nine", "id", "key"],
)
def test_a_list_names_each_device_once(devices: tuple[DeviceListEntry, ...]) -> None:
    with pytest.raises(Malformed):
        DeviceList.parse(dataclasses.replace(FIRST, devices=devices).encode())


def test_roles_and_kinds_of_fields_are_checked() -> None:
    payload: dict[cbor.Key, cbor.Value] = {1: sv.ACCOUNT_ID, 2: 1, 3: NO_LIST, 4: sv.ACCOUNT_PUB, 6: 1}
    device: list[cbor.Value] = [1, sv.DEVICE_PUB, 1]
    wrong: list[cbor.Value] = [[[*device, 2]], [device], [1], 1, [[True, *device[1:], 0]]]
    extras: list[dict[cbor.Key, cbor.Value]] = [{5: one} for one in wrong]
    extras += [{2: 0, 5: []}, {5: [], 7: 1}, {}]
    for extra in extras:
        with pytest.raises(Malformed):
            DeviceList.parse(cbor.encode({**payload, **extra}))
    assert Role(1) is Role.LIMITED


def test_a_chain_is_of_one_account_and_complete() -> None:
    assert open_chain(CHAIN, account_id=sv.ACCOUNT_ID) == THREE
    for lists in ([], CHAIN[1:], [FIRST_DATA, THIRD_DATA], CHAIN[::-1]):
        with pytest.raises(ZajilError):
            open_chain(lists, account_id=sv.ACCOUNT_ID)
    with pytest.raises(HomeError, match="key-changed"):
        open_chain(CHAIN, account_id=AccountId(bytes(16)))


def test_a_list_told_by_a_member() -> None:
    def told(data: bytes, known: object) -> object:
        return open_later_list(data, known, account_id=sv.ACCOUNT_ID)  # type: ignore[arg-type]  # tests

    assert told(FIRST_DATA, None) == ONE
    assert told(SECOND_DATA, None) == TWO, "the key that makes the account id"
    assert told(SECOND_DATA, ONE) == TWO
    assert told(SECOND_DATA, TWO) is TWO
    assert told(THIRD_DATA, TWO) == THREE
    third = signed_list(dataclasses.replace(TWO.list, seq=3, prev=TWO.hash))
    assert told(third, ONE), "one further on, under the known key"
    for data, known in ((FIRST_DATA, TWO), (THIRD_DATA, None), (THIRD_DATA, ONE)):
        with pytest.raises(ZajilError, match="stale-list"):
            told(data, known)
    other = signed_list(dataclasses.replace(TWO.list, issued=5))
    with pytest.raises(HomeError, match="list-fork"):
        told(other, TWO)
    for forged in (dataclasses.replace(TWO.list, issued=5), dataclasses.replace(TWO.list, seq=5)):
        with pytest.raises(Malformed, match="bad-signature"):
            told(sign_object(Kind.DEVICE_LIST, forged.encode(), EVIL), TWO)
    with pytest.raises(HomeError, match="key-changed"):
        open_later_list(FIRST_DATA, None, account_id=AccountId(bytes(16)))


CONTACT = links.ContactLink("home.example", 9, sv.ACCOUNT_ID, bytes(32), "n", "code", "https://front.example")


def test_a_contact_link_is_read_with_and_without_its_front() -> None:
    text = links.encode_contact_link(CONTACT)
    assert links.parse_contact_link(f"  {text}\n") == CONTACT
    bare = dataclasses.replace(CONTACT, front="")
    assert links.parse_contact_link(text.partition("#")[2]) == bare
    assert links.parse_contact_link("#" + text.partition("#")[2]) == bare


@pytest.mark.parametrize(
    "text",
    [
        *("", "#", "x", "https://a/i#", "https://a/l#", "javascript:/i#" + "x" * 9, "https://a/i#" + "A" * 5000),
        links.encode_contact_link(CONTACT)[:-1],
        links.encode_contact_link(CONTACT).replace("/i#", "/l#"),
        links.encode_contact_link(CONTACT).replace("https:", "ftp:"),
        links.encode_contact_link(dataclasses.replace(CONTACT, account_id=None)),
        links.encode_contact_link(dataclasses.replace(CONTACT, contact_token=bytes(31))),
        links.encode_contact_link(dataclasses.replace(CONTACT, server_name="x" * 254)),
        links.encode_link_code(links.LinkCode("s", bytes(16), bytes(32), bytes(16))),
    ],
)
def test_what_is_no_contact_link_says_so(text: str) -> None:
    with pytest.raises(HomeError, match="bad-link"):
        links.parse_contact_link(text)


@pytest.mark.parametrize("text", ["", "A", links.encode_contact_link(CONTACT), "https://a/i#gQE"])
def test_what_is_no_link_code_says_so(text: str) -> None:
    with pytest.raises(HomeError, match="bad-link"):
        links.parse_link_code(text)


def test_a_changed_offer_and_a_foreign_answer_are_refused() -> None:
    offer = linking.Offer(bytes(1216), bytes(32), "n", "p").encode()
    with pytest.raises(HomeError, match="link-mismatch"):
        linking.open_offer(offer + b"\x00", offer_hash=linking.hash_offer(offer))
    with pytest.raises(Malformed):
        linking.open_offer(b"\x00", offer_hash=linking.hash_offer(b"\x00"))
    answer = linking.Answer(b"c", (), None, (), (), bytes(16), "n").encode()
    assert linking.Answer.parse(answer, secret=bytes(16)).seed is None
    with pytest.raises(HomeError, match="link-mismatch"):
        linking.Answer.parse(answer, secret=bytes(15) + b"\x01")
