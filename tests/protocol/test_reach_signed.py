"""Signed documents: DSSE against another implementation, TUF's rules, and hostile bytes before any signature."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from securesystemslib.dsse import Envelope as TheirEnvelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, Key, SSlibKey  # type: ignore[attr-defined]  # re-exported without __all__
from tests.protocol import reach_vectors as rv

from zajil.protocol.errors import HomeError, LocalProtocolError
from zajil.protocol.reach import dsse, signed
from zajil.protocol.reach.endpoints import Endpoint, EndpointKind
from zajil.protocol.reach.signed import check_list, follow_roots, is_origin, step_root

NOW = rv.NOW_S
KINDS = ["", "http://example.com/HelloWorld", signed.ROOT_TYPE, "ٍنوع"]


def their_key(key: Ed25519PrivateKey) -> Key:
    public = key.public_key()
    made: Key = SSlibKey.from_crypto(public, keyid=dsse.keyid(public.public_bytes_raw()))
    return made


def root_of(*envelopes: bytes) -> signed.Root:
    root = None
    for envelope in envelopes:
        root = step_root(root, envelope)
    assert root is not None
    return root


FIRST = root_of(rv.ROOTS[0])
SECOND = root_of(*rv.ROOTS[:2])
LISTED = check_list(FIRST, rv.sign_list(rv.list_body()), None, now_s=NOW)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", [b"", b"hello world", bytes(range(256)) * 9])
def test_securesystemslib_reads_what_we_sign(kind: str, body: bytes) -> None:
    data = dsse.sign(kind, body, [rv.ROOT_1, rv.ROOT_2])
    theirs = TheirEnvelope.from_dict(json.loads(data))
    assert (theirs.payload, theirs.payload_type, theirs.pae()) == (body, kind, dsse.pae(kind, body))
    keys = [their_key(rv.ROOT_1), their_key(rv.ROOT_2)]
    assert len(theirs.verify(keys, 2)) == 2
    with pytest.raises(VerificationError):
        theirs.verify([their_key(rv.STRANGER), their_key(rv.LIST_KEY)], 1)


def test_we_read_what_securesystemslib_signs() -> None:
    body = rv.SECOND.encode()
    theirs = TheirEnvelope(body, signed.ROOT_TYPE, {})
    for key in (rv.ROOT_1, rv.ROOT_2):
        theirs.sign(CryptoSigner(key))
    data = json.dumps(theirs.to_dict()).encode()
    assert step_root(FIRST, data) == SECOND
    one = json.dumps({**theirs.to_dict(), "signatures": theirs.to_dict()["signatures"][:1]}).encode()
    with pytest.raises(HomeError, match="wrong-signature"):
        step_root(FIRST, one)


def test_the_published_example_of_pae() -> None:
    """secure-systems-lab/dsse protocol.md, test vectors."""
    assert dsse.pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_a_key_that_signed_under_two_names_counts_once() -> None:
    body = rv.SECOND.encode()
    envelope = json.loads(dsse.sign(signed.ROOT_TYPE, body, [rv.ROOT_1]))
    sig = envelope["signatures"][0]["sig"]
    for names in (["a", "b"], ["", ""], [dsse.keyid(rv.public(key)) for key in (rv.ROOT_1, rv.ROOT_2)]):
        envelope["signatures"] = [{"keyid": name, "sig": sig} for name in names]
        with pytest.raises(HomeError, match="wrong-signature"):
            step_root(FIRST, json.dumps(envelope).encode())


def test_a_keyid_is_no_proof_and_no_hindrance() -> None:
    envelope = json.loads(rv.ROOTS[1])
    for item in envelope["signatures"]:
        del item["keyid"]
    assert step_root(FIRST, json.dumps(envelope).encode()) == SECOND


@pytest.mark.parametrize("envelope", [rv.ROOTS[1], rv.sign_list(rv.list_body())], ids=["root", "list"])
def test_every_cut_of_an_envelope_is_refused(envelope: bytes) -> None:
    for length in (*range(40), *range(40, len(envelope), 61), len(envelope) - 1):
        for check in (lambda data: step_root(FIRST, data), lambda data: check_list(FIRST, data, None, now_s=NOW)):
            with pytest.raises(HomeError, match="wrong-signature"):
                check(envelope[:length])


@pytest.mark.parametrize("envelope", [rv.ROOTS[1], rv.sign_list(rv.list_body())], ids=["root", "list"])
def test_a_flipped_bit_never_changes_what_is_read(envelope: bytes) -> None:
    """Some bits are of a keyid, or of loose space; whatever is still accepted says the same."""
    for at in range(0, len(envelope), 13):
        bad = envelope[:at] + bytes([envelope[at] ^ 1 << at % 7]) + envelope[at + 1 :]
        with suppress(HomeError):
            assert step_root(FIRST, bad) == SECOND
        with suppress(HomeError):
            assert check_list(FIRST, bad, None, now_s=NOW) == LISTED


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"null", b"[]", b"{}", b"\xff", b"[" * 60_000, b'{"payload":' + b"[" * 60_000),
        *(rv.ROOTS[1] + b" " * 65_536, rv.ROOTS[1] + b"{}"),
        json.dumps({"payload": "", "payloadType": signed.ROOT_TYPE, "signatures": []}).encode(),
        json.dumps({"payload": "é", "payloadType": signed.ROOT_TYPE, "signatures": [{"sig": "AA=="}]}).encode(),
        json.dumps({"payload": "A", "payloadType": signed.ROOT_TYPE, "signatures": [{"sig": "AA=="}]}).encode(),
        json.dumps({"payload": "AA", "payloadType": signed.ROOT_TYPE, "signatures": [{"sig": "AA=="}]}).encode(),
        json.dumps({"payload": "AA==", "payloadType": signed.ROOT_TYPE, "signatures": [{"sig": ""}] * 9}).encode(),
    ],
)
def test_what_is_no_envelope_says_so(data: bytes) -> None:
    for stored in (None, FIRST):
        with pytest.raises(HomeError, match="wrong-signature"):
            step_root(stored, data)
    with pytest.raises(HomeError, match="wrong-signature"):
        check_list(FIRST, data, None, now_s=NOW)


@given(st.binary(max_size=400))
@settings(max_examples=100)
def test_hostile_bytes_are_refused(data: bytes) -> None:
    """Bare, and as a body that the right keys signed."""
    for envelope in (data, dsse.sign(signed.ROOT_TYPE, data, [rv.ROOT_1])):
        with pytest.raises(HomeError, match="wrong-signature"):
            step_root(FIRST, envelope)
    for envelope in (data, dsse.sign(signed.LIST_TYPE, data, [rv.LIST_KEY])):
        with pytest.raises(HomeError, match="wrong-signature"):
            check_list(FIRST, envelope, None, now_s=NOW)
    with suppress(HomeError):
        signed.parse_root_answer(data)


def test_roots_are_followed_from_wherever_the_answer_starts() -> None:
    third = root_of(*rv.ROOTS)
    for held in (FIRST, SECOND, third):
        for start in range(held.version + 1):
            assert follow_roots(held, rv.ROOTS[start:], now_s=NOW) == third
    assert follow_roots(FIRST, (), now_s=NOW) is FIRST


def test_a_first_start_takes_the_pinned_root_and_what_follows_it() -> None:
    third = root_of(*rv.ROOTS)
    for pinned in (FIRST.hash, SECOND.hash, third.hash, None):
        assert follow_roots(None, rv.ROOTS, pinned_hash=pinned, now_s=NOW) == third
    for envelopes in (rv.ROOTS[1:], ()):
        with pytest.raises(HomeError, match="not-this-server"):
            follow_roots(None, envelopes, pinned_hash=FIRST.hash, now_s=NOW)
    with pytest.raises(HomeError, match="not-this-server"):
        follow_roots(None, (), now_s=NOW)


def test_a_root_that_leaves_one_out_stops_nothing_held() -> None:
    with pytest.raises(HomeError, match="wrong-signature"):
        follow_roots(FIRST, [rv.ROOTS[2]], now_s=NOW)
    with pytest.raises(HomeError, match="wrong-signature"):
        follow_roots(None, [rv.ROOTS[0], rv.ROOTS[2]], pinned_hash=FIRST.hash, now_s=NOW)


def test_an_expired_root_stops_new_installs_only() -> None:
    expired = rv.sign_root(replace(rv.FIRST, expires=NOW), rv.ROOT_1)
    with pytest.raises(HomeError, match="older-document"):
        follow_roots(None, [expired], now_s=NOW)
    held = root_of(expired)
    assert follow_roots(held, [expired], now_s=NOW) == held
    fresh = rv.sign_root(rv.SECOND, rv.ROOT_1, rv.ROOT_2)
    assert follow_roots(None, [expired, fresh], pinned_hash=held.hash, now_s=NOW).version == 2


def test_the_session_key_is_the_first_that_is_good() -> None:
    assert SECOND.session_key(NOW).kid == rv.OLD_ORIGIN.kid
    later = SECOND.session_key(NOW + 86_400)
    assert (later.kid, later.public) == (rv.ORIGIN.kid, rv.ORIGIN.public)
    assert SECOND.session_key(NOW + 500 * 86_400).kid == rv.OLD_ORIGIN.kid


def test_plain_frames_go_to_the_hosts_of_the_root_alone() -> None:
    assert SECOND.hosts == {"home.example", "home.example:8443"}
    assert is_origin(SECOND, Endpoint("o", EndpointKind.ORIGIN, "home.example"))
    assert is_origin(SECOND, Endpoint("o", EndpointKind.ORIGIN, "home.example", 8443))
    assert not is_origin(FIRST, Endpoint("o", EndpointKind.ORIGIN, "home.example", 8443))
    assert [item.id for item in LISTED.endpoints] == ["origin", "cdn", "bridge", "obfs4"]


def test_the_root_answer_is_read_and_bounded() -> None:
    assert signed.parse_root_answer(signed.encode_root_answer(rv.ROOTS)) == rv.ROOTS
    for data in (b"", b"{}", b'["="]', b"[1]", b"[" * 90_000, b'["' + b"A" * 1_100_000 + b'"]'):
        with pytest.raises(HomeError, match="wrong-signature"):
            signed.parse_root_answer(data)


def test_what_clients_would_refuse_is_never_signed() -> None:
    for bad in (replace(rv.FIRST, version=0), replace(rv.FIRST, origins=()), replace(rv.FIRST, app_origins=("x",))):
        with pytest.raises(LocalProtocolError):
            bad.encode()
    for endpoint in (Endpoint("x", EndpointKind.BRIDGE, "b.example"), Endpoint("x", EndpointKind.ORIGIN, "B")):
        with pytest.raises(LocalProtocolError):
            signed.encode_list([endpoint], version=1, expires=NOW, root_version=1)
    with pytest.raises(LocalProtocolError):
        signed.encode_list(rv.ENDPOINTS * 2, version=1, expires=NOW, root_version=1)
    for keys in ([], [rv.ROOT_1] * 9):
        with pytest.raises(LocalProtocolError):
            dsse.sign(signed.ROOT_TYPE, b"", keys)
    with pytest.raises(LocalProtocolError):
        dsse.sign(signed.ROOT_TYPE, bytes(60_000), [rv.ROOT_1])
