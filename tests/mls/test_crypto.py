"""Primitives of every suite against hostile keys and bytes, and the parts no official vector reaches."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zajil.mls.errors import CryptoError, DecodeError, Unsupported
from zajil.mls.primitives import crypto, dhkem, hpke
from zajil.mls.primitives.codec import parse_all
from zajil.mls.primitives.suites import SUITES, X25519_AES128, XWING, Kem, Signature, Suite, find_suite, suite_of
from zajil.mls.schedule import key_schedule
from zajil.mls.schedule.key_schedule import EpochSecrets
from zajil.mls.schedule.psk import ExternalPsk, PreSharedKeyId, ResumptionPsk, ResumptionUsage, psk_secret

every_suite = pytest.mark.parametrize("suite", SUITES.values(), ids=lambda suite: f"{suite.id:#06x}")
LOW_ORDER_X25519 = ["00" * 32, "01" + "00" * 31, "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"]


def counting_rng() -> Callable[[int], bytes]:
    numbers = itertools.count(1)
    return lambda size: next(numbers).to_bytes(8, "big").rjust(size, b"\x3c")


def test_xwing_known_answer() -> None:
    private, public = hpke.derive_key_pair(XWING, b"\x11" * 64)
    assert private.hex() == "ab8adcebd9950838bb22f3a23bb7ea1a4765a4b98b75d0e85992f5a4ab58f87b"
    assert public.hex().startswith("92245de4f41bd46b07adec2d32848fd8")
    assert (len(private), len(public)) == (32, 1216)


def test_unknown_suite() -> None:
    assert find_suite(0xF00D) is None
    with pytest.raises(Unsupported):
        suite_of(0xF00D)
    assert {suite_of(XWING.id): 1}[XWING] == 1


@every_suite
def test_seal_and_open(suite: Suite) -> None:
    private, public = hpke.generate_key_pair(suite, counting_rng())
    assert hpke.public_key_of(suite, private) == public
    hpke.check_public_key(suite, public)
    enc, ciphertext = hpke.seal(suite, public, info=b"info", plaintext=b"text", rng=counting_rng())
    assert hpke.open_sealed(suite, private, enc=enc, info=b"info", ciphertext=ciphertext) == b"text"
    flipped = bytes([ciphertext[0] ^ 1]) + ciphertext[1:]
    broken = [
        (enc, b"other", ciphertext),
        (enc, b"info", flipped),
        (enc, b"info", b""),
        (enc[:-1], b"info", ciphertext),
    ]
    for enc_, info, ciphertext_ in broken:
        with pytest.raises(CryptoError):
            hpke.open_sealed(suite, private, enc=enc_, info=info, ciphertext=ciphertext_)


@every_suite
def test_our_base_mode_opens_what_pyca_sealed(suite: Suite) -> None:
    """The key schedule behind `export` is the one pyca's HPKE uses, so external init agrees with other engines."""
    private, public = hpke.generate_key_pair(suite, counting_rng())
    enc, ciphertext = hpke.seal(suite, public, info=b"info", plaintext=b"text", rng=counting_rng())
    key, nonce, _ = hpke._key_schedule(suite, dhkem.decapsulate(suite, private, enc), b"info")
    assert crypto.aead_open(suite, key, nonce=nonce, aad=b"", ciphertext=ciphertext) == b"text"


@every_suite
def test_external_init_agrees(suite: Suite) -> None:
    external = bytes(suite.nh)
    _, public = key_schedule.external_key_pair(suite, external)
    kem_output, sent = key_schedule.external_init_sender(suite, public, counting_rng())
    assert key_schedule.external_init_receiver(suite, external, kem_output) == sent
    assert len(sent) == suite.nh
    with pytest.raises(CryptoError):
        key_schedule.external_init_receiver(suite, external, kem_output[:-1])


@every_suite
def test_hostile_public_keys(suite: Suite) -> None:
    size = suite.public_bytes
    hostile = [b"", bytes(size - 1), bytes(size), b"\xff" * (size + 1)]
    if suite.kem in dhkem.CURVES:
        valid = hpke.generate_key_pair(suite, counting_rng())[1]
        half = (size - 1) // 2
        hostile += [b"\x04" + b"\xff" * (size - 1), b"\x02" + valid[1 : 1 + half], b"\x06" + valid[1:]]
    for public in hostile:
        with pytest.raises(CryptoError):
            hpke.check_public_key(suite, public)
        with pytest.raises(CryptoError):
            hpke.seal(suite, public, info=b"", plaintext=b"", rng=counting_rng())
        with pytest.raises(CryptoError):
            hpke.export_sender(suite, public, label=b"", length=32, rng=counting_rng())


@pytest.mark.parametrize("point", LOW_ORDER_X25519)
def test_low_order_points(point: str) -> None:
    low = bytes.fromhex(point)
    with pytest.raises(CryptoError):
        hpke.check_public_key(X25519_AES128, low)
    mixed = hpke.derive_key_pair(XWING, b"")[1][:-32] + low
    with pytest.raises(CryptoError):
        hpke.check_public_key(XWING, mixed)
    private = hpke.derive_key_pair(XWING, b"")[0]
    with pytest.raises(CryptoError):
        dhkem.decapsulate(XWING, private, bytes(1088) + low)
    with pytest.raises(CryptoError):
        hpke.open_sealed(XWING, private, enc=bytes(1088) + low, info=b"", ciphertext=bytes(16))


@every_suite
def test_hostile_private_keys(suite: Suite) -> None:
    for private in (b"", b"\xff" * (suite.private_bytes + 1)):
        with pytest.raises(CryptoError):
            hpke.public_key_of(suite, private)
        with pytest.raises(CryptoError):
            hpke.open_sealed(suite, private, enc=bytes(suite.enc_bytes), info=b"", ciphertext=bytes(16))


def test_kems_do_not_mix() -> None:
    with pytest.raises(CryptoError):
        dhkem._exchange(
            Kem.X25519, dhkem.import_private(Kem.X25519, bytes(32)), dhkem.import_public(Kem.X448, bytes(56))
        )


@every_suite
def test_signatures(suite: Suite) -> None:
    seed = counting_rng()(57 if suite.signature is Signature.ED448 else 32)
    signer, public = crypto.make_signer(suite, seed)
    signature = crypto.sign_with_label(signer, b"label", b"content")
    crypto.verify_with_label(suite, public, label=b"label", content=b"content", signature=signature)
    safe = crypto.safe_sign_with_label(signer, b"label", component=7, content=b"content")
    crypto.safe_verify_with_label(suite, public, label=b"label", component=7, content=b"content", signature=safe)
    for key, sent in ((public, b""), (public, signature[:-1]), (public, safe), (b"", signature), (bytes(3), signature)):
        with pytest.raises(CryptoError):
            crypto.verify_with_label(suite, key, label=b"label", content=b"content", signature=sent)
    with pytest.raises(CryptoError):
        crypto.make_signer(suite, b"")


@every_suite
def test_aead_and_mac(suite: Suite) -> None:
    key, nonce = bytes(suite.nk), bytes(suite.nn)
    sealed = crypto.aead_seal(suite, key, nonce=nonce, aad=b"aad", plaintext=b"text")
    assert crypto.aead_open(suite, key, nonce=nonce, aad=b"aad", ciphertext=sealed) == b"text"
    for aad, ciphertext in ((b"", sealed), (b"aad", sealed[:-1]), (b"aad", b"")):
        with pytest.raises(CryptoError):
            crypto.aead_open(suite, key, nonce=nonce, aad=aad, ciphertext=ciphertext)
    crypto.check_mac(suite, key, data=b"data", tag=crypto.mac(suite, key, b"data"))
    for tag in (b"", bytes(suite.nh)):
        with pytest.raises(CryptoError):
            crypto.check_mac(suite, key, data=b"data", tag=tag)


PSKS = st.builds(
    PreSharedKeyId,
    st.builds(ExternalPsk, st.binary(max_size=40))
    | st.builds(ResumptionPsk, st.sampled_from(ResumptionUsage), st.binary(max_size=40), st.integers(0, 2**64 - 1)),
    st.binary(max_size=64),
)


@given(PSKS)
def test_psk_id_round_trip(psk_id: PreSharedKeyId) -> None:
    assert parse_all(psk_id.encode(), PreSharedKeyId.parse) == psk_id


@pytest.mark.parametrize("encoded", ["000000", "030000", "020401610000000000000000" + "0000"])
def test_unknown_psk_kinds(encoded: str) -> None:
    with pytest.raises(DecodeError):
        parse_all(bytes.fromhex(encoded), PreSharedKeyId.parse)


def test_psk_order_matters() -> None:
    one = (PreSharedKeyId(ExternalPsk(b"1"), bytes(32)), b"a" * 32)
    two = (PreSharedKeyId(ExternalPsk(b"2"), bytes(32)), b"b" * 32)
    assert psk_secret(X25519_AES128, [one, two]) != psk_secret(X25519_AES128, [two, one])
    assert psk_secret(X25519_AES128, []) == bytes(32)


def test_epoch_secrets_round_trip_without_secrets_in_repr() -> None:
    secrets = key_schedule.secrets_of_epoch(XWING, bytes(64))
    assert parse_all(secrets.encode(), EpochSecrets.parse) == secrets
    assert secrets.exporter.hex()[:8] not in repr(secrets)
    tag = key_schedule.confirmation_tag(XWING, secrets.confirmation, bytes(64))
    assert len(tag) == 64
    welcome = key_schedule.welcome_key(XWING, key_schedule.welcome_secret(XWING, bytes(64), bytes(64)))
    assert (len(welcome.key), len(welcome.nonce)) == (32, 12)
    assert welcome.key.hex() not in repr(welcome)
