"""A push message as it travels: RFC 8291 (its encryption, aes128gcm of RFC 8188) and RFC 8292 (who sends it, VAPID).

No primitive of our own: ECDH, HKDF, AES-GCM and ECDSA are those of `cryptography`, put together as the RFCs say, and
checked by the example of RFC 8291, appendix A. Random bytes, keys and the time are arguments.
"""

from __future__ import annotations

from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from zajil.protocol.errors import error
from zajil.protocol.ids import encode_b64

SALT_BYTES: Final = 16
RECORD_BYTES: Final = 4096
"""rs of RFC 8188: our only record is shorter."""
PAYLOAD: Final = b"zajil"
"""What every push says, whatever it is about and whomever it is for."""
VAPID_LIFE_S: Final = 12 * 3600
"""RFC 8292 2 allows 24 hours."""
_HEAD_BYTES: Final = SALT_BYTES + 4 + 1 + 65
_LAST: Final = b"\x02"


def encrypt(plaintext: bytes, *, p256dh: bytes, auth: bytes, key: ec.EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """The body of a push to this subscription: header, then one record.

    p256dh: 65 bytes, auth: 16, salt: 16 random ones. key: fresh, of P-256, for this one message. Raises Malformed for a
    point that is not on the curve.
    """
    own = public_bytes(key)
    cipher, nonce = _derive(key.exchange(ec.ECDH(), _point(p256dh)), auth, p256dh, own, salt)
    head = salt + RECORD_BYTES.to_bytes(4, "big") + bytes([len(own)]) + own
    return head + cipher.encrypt(nonce, plaintext + _LAST, None)


def decrypt(body: bytes, *, key: ec.EllipticCurvePrivateKey, auth: bytes) -> bytes:
    """What `encrypt` took, for the holder of the subscription. Raises Malformed."""
    salt, own = body[:SALT_BYTES], body[_HEAD_BYTES - 65 : _HEAD_BYTES]
    if len(body) < _HEAD_BYTES or body[SALT_BYTES + 4] != len(own) or len(body) - _HEAD_BYTES > RECORD_BYTES:
        raise error("malformed", "push message")
    cipher, nonce = _derive(key.exchange(ec.ECDH(), _point(own)), auth, public_bytes(key), own, salt)
    try:
        padded = cipher.decrypt(nonce, body[_HEAD_BYTES:], None).rstrip(b"\0")
    except InvalidTag:
        raise error("malformed", "push message") from None
    if not padded.endswith(_LAST):
        raise error("malformed", "push message")
    return padded[:-1]


def check_point(p256dh: bytes) -> None:
    """Raises Malformed for a key that is not a point of P-256."""
    _point(p256dh)


def public_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The public half, 65 bytes."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def vapid_header(key: ec.EllipticCurvePrivateKey, *, origin: str, contact: str, now: float) -> str:
    """The Authorization of a push (RFC 8292 3). origin: of the push service. contact: `mailto:` or `https:`.

    now: Unix seconds.
    """
    claims = {"aud": origin, "exp": int(now) + VAPID_LIFE_S, "sub": contact}
    text = ".".join(encode_b64(msgspec.json.encode(part)) for part in ({"typ": "JWT", "alg": "ES256"}, claims))
    r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(SHA256())))
    signature = encode_b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    return f"vapid t={text}.{signature}, k={encode_b64(public_bytes(key))}"


def _derive(secret: bytes, auth: bytes, receiver: bytes, sender: bytes, salt: bytes) -> tuple[AESGCM, bytes]:
    """Cipher and nonce of the first record: RFC 8291 3.4."""
    input_key = _hkdf(auth, secret, b"WebPush: info\0" + receiver + sender, 32)
    key = _hkdf(salt, input_key, b"Content-Encoding: aes128gcm\0", 16)
    return AESGCM(key), _hkdf(salt, input_key, b"Content-Encoding: nonce\0", 12)


def _hkdf(salt: bytes, key: bytes, info: bytes, size: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=size, salt=salt, info=info).derive(key)


def _point(data: bytes) -> ec.EllipticCurvePublicKey:
    try:
        if len(data) != 65:
            raise ValueError
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), data)
    except ValueError:
        raise error("malformed", "not a point of P-256") from None
