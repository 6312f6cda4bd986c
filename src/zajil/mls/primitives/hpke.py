"""HPKE in base mode for every suite: seal, open, key pairs, and the secret export external init needs.

pyca's `hpke.Suite` does the work wherever it knows the KEM; X448 runs RFC 9180 here. MLS seals one message
per encapsulation with empty AAD. Seal's randomness is pyca's own: its API takes none.
Source: RFC 9180 5.1, 5.3; RFC 9420 5.1.3, 8.3.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey
from cryptography.hazmat.primitives.hpke import Suite as PycaSuite

from zajil.mls.errors import CryptoError
from zajil.mls.primitives import dhkem
from zajil.mls.primitives.dhkem import Rng
from zajil.mls.primitives.suites import AEAD_TAG_BYTES, SUITES, Aead, Kdf, Kem, Suite

__all__ = [
    "Rng",
    "check_public_key",
    "derive_key_pair",
    "export_receiver",
    "export_sender",
    "generate_key_pair",
    "open_sealed",
    "public_key_of",
    "seal",
]

_KEMS = {
    Kem.X25519: KEM.X25519,
    Kem.P256: KEM.P256,
    Kem.P384: KEM.P384,
    Kem.P521: KEM.P521,
    Kem.XWING: KEM.MLKEM768_X25519,
}
_KDFS = {Kdf.SHA256: KDF.HKDF_SHA256, Kdf.SHA384: KDF.HKDF_SHA384, Kdf.SHA512: KDF.HKDF_SHA512}
_AEADS = {
    Aead.AES128_GCM: AEAD.AES_128_GCM,
    Aead.AES256_GCM: AEAD.AES_256_GCM,
    Aead.CHACHA20_POLY1305: AEAD.CHACHA20_POLY1305,
}
_PYCA_SUITES = {
    suite.id: PycaSuite(_KEMS[suite.kem], _KDFS[suite.kdf], _AEADS[suite.aead])
    for suite in SUITES.values()
    if suite.kem in _KEMS
}
_PycaPublic = x25519.X25519PublicKey | ec.EllipticCurvePublicKey | MLKEM768X25519PublicKey
_PycaPrivate = x25519.X25519PrivateKey | ec.EllipticCurvePrivateKey | MLKEM768X25519PrivateKey


def generate_key_pair(suite: Suite, rng: Rng) -> tuple[bytes, bytes]:
    """A fresh (private, public) key pair of the suite's KEM, from suite.private_bytes of rng."""
    return derive_key_pair(suite, rng(max(32, suite.private_bytes)))


def derive_key_pair(suite: Suite, ikm: bytes) -> tuple[bytes, bytes]:
    """(private, public) of DeriveKeyPair for key material of any length."""
    private = dhkem.derive_private(suite, ikm)
    return private, dhkem.public_bytes(suite.kem, private)


def public_key_of(suite: Suite, private: bytes) -> bytes:
    """The public key of a private one; raises CryptoError."""
    return dhkem.public_bytes(suite.kem, private)


def check_public_key(suite: Suite, public: bytes) -> None:
    """Raises CryptoError unless public is a key of the suite's KEM: length, curve, and no low-order point."""
    key = dhkem.import_public(suite.kem, public)
    if suite.kem is Kem.X25519:
        dhkem.check_contributory(suite.kem, key)
    elif suite.kem is Kem.XWING:
        dhkem.check_contributory(Kem.X25519, dhkem.import_public(Kem.X25519, public[-32:]))
    elif suite.kem is Kem.X448:
        dhkem.check_contributory(suite.kem, key)


def seal(suite: Suite, public: bytes, *, info: bytes, plaintext: bytes, rng: Rng) -> tuple[bytes, bytes]:
    """(enc, ciphertext) of plaintext for the holder of public, empty AAD. rng serves X448 only.

    Raises CryptoError on a key that does not import or is of low order.
    """
    pyca = _PYCA_SUITES.get(suite.id)
    if pyca is None:
        shared, enc = dhkem.encapsulate(suite, public, rng=rng)
        key, nonce, _ = _key_schedule(suite, shared, info)
        return enc, aead(suite, key).encrypt(nonce, plaintext, b"")
    public_key = dhkem.import_public(suite.kem, public)
    if not isinstance(public_key, _PycaPublic):
        raise CryptoError("public key")
    try:
        sealed = pyca.encrypt(plaintext, public_key, info=info)
    except ValueError as error:
        raise CryptoError("public key") from error
    return sealed[: suite.enc_bytes], sealed[suite.enc_bytes :]


def open_sealed(suite: Suite, private: bytes, *, enc: bytes, info: bytes, ciphertext: bytes) -> bytes:
    """The plaintext that `seal` was given; raises CryptoError on anything else."""
    if len(enc) != suite.enc_bytes or len(ciphertext) < AEAD_TAG_BYTES:
        raise CryptoError("ciphertext")
    try:
        pyca = _PYCA_SUITES.get(suite.id)
        if pyca is None:
            key, nonce, _ = _key_schedule(suite, dhkem.decapsulate(suite, private, enc), info)
            return aead(suite, key).decrypt(nonce, ciphertext, b"")
        private_key = dhkem.import_private(suite.kem, private)
        if not isinstance(private_key, _PycaPrivate):
            raise CryptoError("private key")
        return pyca.decrypt(enc + ciphertext, private_key, info=info)
    except (InvalidTag, ValueError) as error:
        raise CryptoError("ciphertext") from error


def aead(suite: Suite, key: bytes) -> AESGCM | ChaCha20Poly1305:
    """The suite's AEAD under a key of suite.nk bytes."""
    return ChaCha20Poly1305(key) if suite.aead is Aead.CHACHA20_POLY1305 else AESGCM(key)


def export_sender(suite: Suite, public: bytes, *, label: bytes, length: int, rng: Rng) -> tuple[bytes, bytes]:
    """(kem_output, exported secret) of SetupBaseS(public, "").export(label, length); raises CryptoError."""
    shared, enc = dhkem.encapsulate(suite, public, rng=rng)
    return enc, _export(suite, shared, label, length)


def export_receiver(suite: Suite, private: bytes, *, kem_output: bytes, label: bytes, length: int) -> bytes:
    """The secret `export_sender` returned with kem_output; raises CryptoError."""
    return _export(suite, dhkem.decapsulate(suite, private, kem_output), label, length)


def _export(suite: Suite, shared: bytes, label: bytes, length: int) -> bytes:
    _, _, exporter_secret = _key_schedule(suite, shared, b"")
    return dhkem.labeled_expand(suite.hash_name, _suite_id(suite), exporter_secret, b"sec", label, length)


def _suite_id(suite: Suite) -> bytes:
    return b"HPKE" + suite.kem.to_bytes(2, "big") + suite.kdf.to_bytes(2, "big") + suite.aead.to_bytes(2, "big")


def _key_schedule(suite: Suite, shared: bytes, info: bytes) -> tuple[bytes, bytes, bytes]:
    """(key, base_nonce, exporter_secret) of KeySchedule in base mode."""
    name, suite_id = suite.hash_name, _suite_id(suite)
    context = b"\x00" + dhkem.labeled_extract(name, suite_id, b"", b"psk_id_hash", b"")
    context += dhkem.labeled_extract(name, suite_id, b"", b"info_hash", info)
    secret = dhkem.labeled_extract(name, suite_id, shared, b"secret", b"")
    return (
        dhkem.labeled_expand(name, suite_id, secret, b"key", context, suite.nk),
        dhkem.labeled_expand(name, suite_id, secret, b"base_nonce", context, suite.nn),
        dhkem.labeled_expand(name, suite_id, secret, b"exp", context, suite.nh),
    )
