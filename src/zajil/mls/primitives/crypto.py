"""The labelled primitives of RFC 9420: hashes, signatures, HPKE, KDF, AEAD, MAC.

Every function takes the suite first. What can fail on a stranger's bytes raises CryptoError and says no more.
Source: RFC 9420 5.1, 5.2, 8; draft-ietf-mls-extensions 4.1 (SafeSignWithLabel).
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from zajil.mls.errors import CryptoError
from zajil.mls.primitives import dhkem, hpke
from zajil.mls.primitives.codec import Reader, encode_opaque, encode_u16, encode_u32
from zajil.mls.primitives.hpke import Rng
from zajil.mls.primitives.suites import Signature, Suite

Signer = Callable[[bytes], bytes]
"""Signs bytes with the device key, which never enters group state."""

VerifyKey = ed25519.Ed25519PublicKey | ed448.Ed448PublicKey | ec.EllipticCurvePublicKey

_ECDSA: dict[Signature, tuple[ec.EllipticCurve, hashes.HashAlgorithm]] = {
    Signature.ECDSA_P256: (ec.SECP256R1(), hashes.SHA256()),
    Signature.ECDSA_P384: (ec.SECP384R1(), hashes.SHA384()),
    Signature.ECDSA_P521: (ec.SECP521R1(), hashes.SHA512()),
}
_LABEL_PREFIX = b"MLS 1.0 "


@dataclass(frozen=True)
class HpkeCiphertext:
    """HPKECiphertext (RFC 9420 7.6)."""

    kem_output: bytes
    ciphertext: bytes

    def encode(self) -> bytes:
        """TLS bytes."""
        return encode_opaque(self.kem_output) + encode_opaque(self.ciphertext)

    @staticmethod
    def parse(reader: Reader) -> "HpkeCiphertext":
        """The next HPKECiphertext; raises DecodeError."""
        return HpkeCiphertext(reader.opaque(), reader.opaque())


def hash_bytes(suite: Suite, data: bytes) -> bytes:
    """Hash(data), suite.nh bytes."""
    return hashlib.new(suite.hash_name, data).digest()


def ref_hash(suite: Suite, label: bytes, value: bytes) -> bytes:
    """RefHash (RFC 9420 5.2); label e.g. b"MLS 1.0 KeyPackage Reference"."""
    return hash_bytes(suite, encode_opaque(label) + encode_opaque(value))


def key_package_ref(suite: Suite, encoded: bytes) -> bytes:
    """MakeKeyPackageRef of an encoded KeyPackage."""
    return ref_hash(suite, b"MLS 1.0 KeyPackage Reference", encoded)


def proposal_ref(suite: Suite, encoded: bytes) -> bytes:
    """MakeProposalRef of the AuthenticatedContent that carried the proposal."""
    return ref_hash(suite, b"MLS 1.0 Proposal Reference", encoded)


def mac(suite: Suite, key: bytes, data: bytes) -> bytes:
    """HMAC, suite.nh bytes."""
    return hmac.digest(key, data, suite.hash_name)


def check_mac(suite: Suite, key: bytes, *, data: bytes, tag: bytes) -> None:
    """Raises CryptoError unless tag is the MAC of data; constant time."""
    if not hmac.compare_digest(mac(suite, key, data), tag):
        raise CryptoError("mac")


def extract(suite: Suite, salt: bytes, ikm: bytes) -> bytes:
    """KDF.Extract, suite.nh bytes."""
    return hmac.digest(salt, ikm, suite.hash_name)


def expand_with_label(suite: Suite, secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """ExpandWithLabel (RFC 9420 8): length bytes."""
    info = encode_u16(length) + encode_opaque(_LABEL_PREFIX + label) + encode_opaque(context)
    return dhkem.expand(suite.hash_name, secret, info, length)


def derive_secret(suite: Suite, secret: bytes, label: bytes) -> bytes:
    """DeriveSecret (RFC 9420 8): suite.nh bytes."""
    return expand_with_label(suite, secret, label, b"", suite.nh)


def derive_tree_secret(suite: Suite, secret: bytes, label: bytes, *, generation: int, length: int) -> bytes:
    """DeriveTreeSecret (RFC 9420 9.1): length bytes for a generation."""
    return expand_with_label(suite, secret, label, encode_u32(generation), length)


def aead_seal(suite: Suite, key: bytes, *, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
    """AEAD ciphertext with its 16-byte tag."""
    return hpke.aead(suite, key).encrypt(nonce, plaintext, aad)


def aead_open(suite: Suite, key: bytes, *, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
    """The plaintext; raises CryptoError."""
    try:
        return hpke.aead(suite, key).decrypt(nonce, ciphertext, aad)
    except (InvalidTag, ValueError) as error:
        raise CryptoError("ciphertext") from error


def encrypt_with_label(
    suite: Suite, public: bytes, *, label: bytes, context: bytes, plaintext: bytes, rng: Rng
) -> HpkeCiphertext:
    """EncryptWithLabel (RFC 9420 5.1.3); raises CryptoError on a bad public key."""
    info = encode_opaque(_LABEL_PREFIX + label) + encode_opaque(context)
    return HpkeCiphertext(*hpke.seal(suite, public, info=info, plaintext=plaintext, rng=rng))


def decrypt_with_label(suite: Suite, private: bytes, *, label: bytes, context: bytes, sealed: HpkeCiphertext) -> bytes:
    """DecryptWithLabel (RFC 9420 5.1.3); raises CryptoError."""
    info = encode_opaque(_LABEL_PREFIX + label) + encode_opaque(context)
    return hpke.open_sealed(suite, private, enc=sealed.kem_output, info=info, ciphertext=sealed.ciphertext)


def _sign_content(label: bytes, content: bytes) -> bytes:
    return encode_opaque(_LABEL_PREFIX + label) + encode_opaque(content)


def sign_with_label(signer: Signer, label: bytes, content: bytes) -> bytes:
    """SignWithLabel (RFC 9420 5.1.2)."""
    return signer(_sign_content(label, content))


def verify_with_label(suite: Suite, public: bytes, *, label: bytes, content: bytes, signature: bytes) -> None:
    """VerifyWithLabel (RFC 9420 5.1.2); raises CryptoError, for a key that does not import too."""
    verify(suite, public, data=_sign_content(label, content), signature=signature)


def safe_sign_with_label(signer: Signer, label: bytes, *, component: int, content: bytes) -> bytes:
    """SafeSignWithLabel of mls-extensions for a component id; never collides with a label of the core protocol."""
    return sign_with_label(signer, b"ComponentOperationLabel", _component_content(label, component, content))


def safe_verify_with_label(
    suite: Suite, public: bytes, *, label: bytes, component: int, content: bytes, signature: bytes
) -> None:
    """Counterpart of `safe_sign_with_label`; raises CryptoError."""
    inner = _component_content(label, component, content)
    verify_with_label(suite, public, label=b"ComponentOperationLabel", content=inner, signature=signature)


def _component_content(label: bytes, component: int, content: bytes) -> bytes:
    operation = encode_opaque(b"MLS 1.0 Application") + encode_u16(component) + encode_opaque(label)
    return operation + encode_opaque(content)


@lru_cache(maxsize=4096)
def import_verify_key(scheme: Signature, public: bytes) -> VerifyKey:
    """The pyca key of a signature public key; raises CryptoError. Cached by value."""
    try:
        if scheme is Signature.ED25519:
            return ed25519.Ed25519PublicKey.from_public_bytes(public)
        if scheme is Signature.ED448:
            return ed448.Ed448PublicKey.from_public_bytes(public)
        if public[:1] != b"\x04":
            raise CryptoError("signature key")
        return ec.EllipticCurvePublicKey.from_encoded_point(_ECDSA[scheme][0], public)
    except ValueError as error:
        raise CryptoError("signature key") from error


def verify(suite: Suite, public: bytes, *, data: bytes, signature: bytes) -> None:
    """Raises CryptoError unless signature is that of data under the signature key."""
    key = import_verify_key(suite.signature, public)
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, data, ec.ECDSA(_ECDSA[suite.signature][1]))
        else:
            key.verify(signature, data)
    except (InvalidSignature, ValueError) as error:
        raise CryptoError("signature") from error


def make_signer(suite: Suite, private: bytes) -> tuple[Signer, bytes]:
    """(signer, signature public key) of a raw private key (Ed: seed; ECDSA: scalar); raises CryptoError."""
    try:
        if suite.signature is Signature.ED25519:
            key25519 = ed25519.Ed25519PrivateKey.from_private_bytes(private)
            return key25519.sign, key25519.public_key().public_bytes_raw()
        if suite.signature is Signature.ED448:
            key448 = ed448.Ed448PrivateKey.from_private_bytes(private)
            return key448.sign, key448.public_key().public_bytes_raw()
        curve, algorithm = _ECDSA[suite.signature]
        key = ec.derive_private_key(int.from_bytes(private, "big"), curve)
    except ValueError as error:
        raise CryptoError("signature key") from error
    public = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return (lambda data: key.sign(data, ec.ECDSA(algorithm))), public
