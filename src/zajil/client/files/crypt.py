"""A file and its ciphertext, both on the disk: whatever their size, a mebibyte of them is in memory.

Ciphertext = AES-256-GCM(key, nonce, file || zeros up to the padded size) || tag, under a key of its own. It is opened
only after its SHA-256 was found right, and what was opened gets its name only after the tag was found right too.
"""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from secrets import token_bytes
from typing import BinaryIO, Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import GCM

from zajil.client.files.drafts import draft_for
from zajil.protocol.attachments import FILE_BYTES, TAG_BYTES, padded_bytes
from zajil.protocol.chat.files import KEY_BYTES, NONCE_BYTES, File
from zajil.protocol.errors import error

_STEP: Final = 1 << 20


class Sealed(NamedTuple):
    """size: of the file; padded: of the ciphertext; sha256: of the ciphertext."""

    size: int
    padded: int
    key: bytes
    nonce: bytes
    sha256: bytes


def seal_file(source: Path | bytes, target: Path) -> Sealed:
    """Write the ciphertext of a file, or of these bytes, to `target`, durably, mode 0600.

    Nothing is left of it where this raises: OSError for a file that cannot be read, HomeError `file-too-big`. A file
    that grows or shrinks meanwhile is sent as it was read.
    """
    key, nonce = token_bytes(KEY_BYTES), token_bytes(NONCE_BYTES)
    try:
        opened: BinaryIO = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
        with opened as plain:
            descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as sealed:
                size, digest = _seal(plain, sealed, Cipher(AES(key), GCM(nonce)))
                sealed.flush()
                os.fsync(sealed.fileno())
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return Sealed(size, padded_bytes(size), key, nonce, digest)


def _seal(plain: BinaryIO, sealed: BinaryIO, cipher: Cipher[GCM]) -> tuple[int, bytes]:
    encryptor, digest, size = cipher.encryptor(), hashlib.sha256(), 0

    def put(data: bytes) -> None:
        digest.update(data)
        sealed.write(data)

    while data := plain.read(_STEP):
        size += len(data)
        if size > FILE_BYTES:
            raise error("file-too-big")
        put(encryptor.update(data))
    padding = padded_bytes(size) - TAG_BYTES - size
    while padding:
        step = min(padding, _STEP)
        put(encryptor.update(bytes(step)))
        padding -= step
    put(encryptor.finalize())
    put(encryptor.tag)
    return size, digest.digest()


def hash_file(path: Path) -> bytes:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def open_file(sealed: Path, target: Path, file: File) -> None:
    """Write what a ciphertext holds to `target`, a new file of mode 0600, durably; nothing is left where this raises.

    Raises as `open_into`.
    """
    with draft_for(target) as draft:
        open_into(sealed, draft.descriptor, file)
        draft.settle()


def open_into(sealed: Path, descriptor: int, file: File) -> None:
    """Write what a ciphertext holds into an open empty file, durably. Where this raises, nothing of that is any good.

    Raises Malformed `hash-mismatch` for a ciphertext that is not the announced one, before anything is opened, and for
    one that does not open; OSError.
    """
    if sealed.stat().st_size != padded_bytes(file.size) or hash_file(sealed) != file.sha256:
        raise error("hash-mismatch")
    decryptor = Cipher(AES(file.key), GCM(file.nonce)).decryptor()
    try:
        with sealed.open("rb") as source, os.fdopen(descriptor, "wb", closefd=False) as plain:
            _open(source, plain, decryptor, file.size)
            decryptor.finalize_with_tag(source.read(TAG_BYTES))
            plain.flush()
            os.fsync(descriptor)
    except InvalidTag:
        raise error("hash-mismatch") from None


def _open(source: BinaryIO, plain: BinaryIO, decryptor: CipherContext, size: int) -> None:
    """Everything but the tag goes through the cipher; the padding goes nowhere else."""
    left = padded_bytes(size) - TAG_BYTES
    while left:
        data = source.read(min(left, _STEP))
        if not data:
            raise error("hash-mismatch")
        left -= len(data)
        opened = decryptor.update(data)
        plain.write(opened[:size])
        size -= min(size, len(opened))
