"""Messages carried by hand when nothing else crosses: a file for one chat, read without a server (`.zajil`).

    "ZJB1" || mode u8 = 2 || hint 8 || nonce 12 || AES-256-GCM(key, nonce, u32 length || CBOR || zeros)

key = MLS-Exporter("zajil bundle", group id, 32) of the epoch in which it was made; hint = HMAC-SHA256(key, nonce)[:8]
tells members which of their keys opens it, and everybody else nothing. CBOR = {1: version, 2: created, 3: [[id b16,
kind, body, expires]]}, times in Unix seconds. Files are padded to steps of 4 KiB. Authenticity is that of the MLS
messages inside; an outer signature would name the carrier.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from zajil.protocol import cbor
from zajil.protocol.errors import Malformed, error
from zajil.protocol.fields import Fields

EXPORT_LABEL: Final = "zajil bundle"
KEY_BYTES: Final = 32
STEP_BYTES: Final = 4096
FILE_BYTES: Final = 16 << 20
ENTRIES: Final = 1000
LIFE_S: Final = 30 * 86_400
VERSION: Final = 1
KIND_MESSAGE: Final = 2
"""An MLS PrivateMessage with application data; the only kind there is."""
_BODY_BYTES: Final = 1 << 20
_HINT, _NONCE, _TAG = 8, 12, 16
_MAGIC: Final = b"ZJB1\x02"
_HEAD = len(_MAGIC) + _HINT + _NONCE


class Entry(NamedTuple):
    """One message. id: 16 bytes, of the sealed request. expires: Unix seconds."""

    id: bytes
    kind: int
    body: bytes
    expires: int


class Bundle(NamedTuple):
    """What a file holds. created: Unix seconds, by the clock of who made it."""

    created: int
    entries: tuple[Entry, ...]


def encode_bundle(bundle: Bundle, *, key: bytes, nonce: bytes) -> bytes:
    """The file. nonce: 12 random bytes. Raises HomeError `bundle-too-big` beyond 1,000 entries or 16 MiB."""
    if len(bundle.entries) > ENTRIES:
        raise error("bundle-too-big")
    packed = cbor.encode({1: VERSION, 2: bundle.created, 3: [list(entry) for entry in bundle.entries]})
    plain = len(packed).to_bytes(4, "big") + packed
    size = -(-(_HEAD + len(plain) + _TAG) // STEP_BYTES) * STEP_BYTES
    if size > FILE_BYTES:
        raise error("bundle-too-big")
    head = _MAGIC + _hint(key, nonce) + nonce
    return head + AESGCM(key).encrypt(nonce, plain.ljust(size - _HEAD - _TAG, b"\x00"), head)


def open_bundle(file: bytes, keys: Iterable[bytes]) -> tuple[Bundle, bytes]:
    """What the file holds, and the key of `keys` that opened it.

    Raises HomeError `bad-bundle` for what is no such file or was changed, `foreign-bundle` where no key fits.
    """
    if not file.startswith(_MAGIC) or len(file) % STEP_BYTES or not STEP_BYTES <= len(file) <= FILE_BYTES:
        raise error("bad-bundle", "no bundle")
    head, sealed = file[:_HEAD], file[_HEAD:]
    hint, nonce = head[len(_MAGIC) :][:_HINT], head[-_NONCE:]
    for key in keys:
        if hmac.compare_digest(_hint(key, nonce), hint):
            try:
                return _parse(AESGCM(key).decrypt(nonce, sealed, head)), key
            except InvalidTag:
                raise error("bad-bundle", "changed on its way") from None
    raise error("foreign-bundle")


def _parse(plain: bytes) -> Bundle:
    length = int.from_bytes(plain[:4], "big")
    packed, padding = plain[4 : 4 + length], plain[4 + length :]
    if len(packed) != length or padding.count(0) != len(padding):
        raise error("bad-bundle", "length or padding")
    try:
        fields = Fields.of_open_map(cbor.parse(packed), (1, 2, 3))
        if fields.number(1) != VERSION:
            raise error("bad-bundle", "another version")
        return Bundle(fields.number(2), tuple(_parse_entries(fields.items(3, most=ENTRIES))))
    except Malformed:
        raise error("bad-bundle", "content") from None


def _parse_entries(values: Sequence[cbor.Parsed]) -> Iterable[Entry]:
    for value in values:
        each = Fields.of_array(value, 4)
        yield Entry(each.blob(0, size=16), each.number(1), each.blob(2, most=_BODY_BYTES), each.number(3))


def _hint(key: bytes, nonce: bytes) -> bytes:
    return hmac.digest(key, nonce, "sha256")[:_HINT]
