"""Checkpoints: a log's head as a signed note, as witnesses and monitors of other logs read it.

    <origin>\\n<size, decimal>\\n<root, base64>\\n
    \\n
    — <key name> <base64(key id, 4 bytes || Ed25519 signature, 64 bytes)>\\n         one line per signature

    key id = SHA-256(key name || 0x0A || 0x01 || public key)[:4]; the signed bytes are the text with its last newline.

We write no extension lines and sign with one key, whose name is the origin. Read are notes of others, too: signatures
by unknown keys are passed over, one by a known key that does not verify refuses the note.
Source: C2SP signed-note and tlog-checkpoint; the public key's text form is that of golang.org/x/mod/sumdb/note.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from zajil.protocol.errors import error
from zajil.protocol.limits import KIB
from zajil.protocol.tlog.tree import HASH_BYTES

NOTE_BYTES: Final = 64 * KIB
SIGNATURES: Final = 64
_ED25519: Final = b"\x01"
_KEY_ID_BYTES: Final = 4
_DASH: Final = "\N{EM DASH} "
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_SIZE_MAX: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's head. origin: names the log, such as `example.org/moderation`. size: leaves. root: 32 bytes."""

    origin: str
    size: int
    root: bytes

    def text(self) -> bytes:
        """The note's text, what is signed. Raises LocalProtocolError for an origin that would not read back."""
        if not _is_name(self.origin) or not 0 <= self.size <= _SIZE_MAX or len(self.root) != HASH_BYTES:
            raise error("wrong-call", "checkpoint that no one could read")
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n".encode()


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A public key with its name. public: 32 bytes, Ed25519."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that, with the name, say which key made a signature. No proof of anything."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:_KEY_ID_BYTES]

    def text(self) -> str:
        """`name+key id in hex+base64(0x01 || public)`, as log monitors are configured with."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"


def parse_key(text: str) -> NoteKey:
    """The public key of its text form. Raises Malformed."""
    # The base64 may hold a plus itself, so only the first two divide.
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    data = _parse_base64(encoded)
    if not _is_name(name) or data[:1] != _ED25519 or len(data) != 1 + HASH_BYTES:
        raise error("malformed", "log key")
    key = NoteKey(name, data[1:])
    if key.key_id.hex() != key_id:
        raise error("malformed", "log key with another id")
    return key


def sign_checkpoint(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> bytes:
    """The signed note of a checkpoint, by the key named as its origin.

    The caller answers for never signing a head inconsistent with an earlier one. Raises LocalProtocolError.
    """
    text = checkpoint.text()
    name = NoteKey(checkpoint.origin, key.public_key().public_bytes_raw())
    signature = base64.b64encode(name.key_id + key.sign(text)).decode()
    return text + f"\n{_DASH}{checkpoint.origin} {signature}\n".encode()


def open_note(note: bytes, keys: Sequence[NoteKey]) -> bytes:
    """The text of a note that at least one of these keys signed, its last newline included.

    Raises Malformed `bad-signature` where none did, where a known key's signature does not verify, and for anything
    that is not a note of at most 64 KiB and 64 signatures. Base64 is taken in its one canonical form.
    """
    text, lines = _split_note(note)
    signed = text.encode()
    known = {(key.name, key.key_id): key for key in keys}
    found = False
    for line in lines:
        name, blob = _parse_signature(line)
        key = known.get((name, blob[:_KEY_ID_BYTES]))
        if key is not None:
            _check_signature(key, blob[_KEY_ID_BYTES:], signed)
            found = True
    if not found:
        raise error("bad-signature", "note without a known signature")
    return signed


def open_checkpoint(note: bytes, keys: Sequence[NoteKey], *, origin: str) -> Checkpoint:
    """The verified checkpoint of this very log. Raises Malformed `bad-signature`, for another origin too."""
    lines = open_note(note, keys).decode().split("\n")
    # The text ends with a newline, so the last piece is empty; extension lines may stand between, never empty ones.
    if len(lines) < 4 or not all(lines[:-1]) or lines[0] != origin:
        raise error("bad-signature", "note that is no checkpoint of this log")
    size, root = lines[1], _parse_base64(lines[2])
    if _SIZE.fullmatch(size) is None or int(size) > _SIZE_MAX or len(root) != HASH_BYTES:
        raise error("bad-signature", "checkpoint of another shape")
    return Checkpoint(origin, int(size), root)


def _is_name(name: str) -> bool:
    """Key names hold no white space and no plus; ours, being origins as well, no control characters either."""
    return bool(name) and "+" not in name and name.isprintable() and not any(c.isspace() for c in name)


def _split_note(note: bytes) -> tuple[str, list[str]]:
    """Text with its newline, and the signature lines."""
    if len(note) > NOTE_BYTES:
        raise error("bad-signature", "note over 64 KiB")
    try:
        whole = note.decode("utf-8")
    except UnicodeDecodeError:
        raise error("bad-signature", "note that is not UTF-8") from None
    text, gap, block = whole.rpartition("\n\n")
    lines = block.split("\n")
    if not gap or lines.pop() or not 1 <= len(lines) <= SIGNATURES or any(c < " " and c != "\n" for c in whole):
        raise error("bad-signature", "not a signed note")
    return text + "\n", lines


def _parse_signature(line: str) -> tuple[str, bytes]:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space or not name or "+" in name or any(c.isspace() for c in name):
        raise error("bad-signature", "signature line")
    blob = _parse_base64(encoded)
    if len(blob) <= _KEY_ID_BYTES:
        raise error("bad-signature", "signature line without a signature")
    return name, blob


def _check_signature(key: NoteKey, signature: bytes, signed: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, signed)
    except (InvalidSignature, ValueError):
        raise error("bad-signature", "note") from None


def _parse_base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError):
        raise error("bad-signature", "not base64") from None
    if base64.b64encode(data).decode() != text:
        raise error("bad-signature", "base64 with loose bits")
    return data
