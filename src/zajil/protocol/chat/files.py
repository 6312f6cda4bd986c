"""Files of a message: where the ciphertext lies, and what opens it. See docs/protocol/files.md.

| Field of ExternalPart | Value |
|---|---|
| contentType | what its sender takes it for; nobody may trust it |
| url | `zajil:a/` and the attachment's id, 22 characters of base64url |
| expires | 0: the server keeps an attachment for 30 days from when it was whole |
| size | of the file; what lies behind it in the plaintext is padding and is cut off |
| encAlg, key, nonce, aad | 2 (AES-256-GCM), 32 bytes used for this file alone, 12 bytes, empty |
| hashAlg, contentHash | 1, SHA-256 of the ciphertext, checked before anything is opened |
| description, filename | empty; the name without folders, at most 255 bytes of UTF-8 |

Source: draft-ietf-mimi-content-08, 4.4 (ExternalPart); service.md 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from zajil.protocol.attachments import FILE_BYTES
from zajil.protocol.chat.content import ATTACHMENT, INLINE, MARKDOWN, PROCESS_ALL, RENDER, ExternalPart, MultiPart, Part
from zajil.protocol.chat.content import SinglePart as Single
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.ids import encode_b64, parse_b64

SCHEME: Final = "zajil:a/"
AES_256_GCM: Final = 2
SHA_256: Final = 1
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
FILES_MAX: Final = 10
NAME_BYTES: Final = 255
TYPE_BYTES: Final = 127
CAPTION_BYTES: Final = 32 * 1024
"""Longest text beside files: the body has to fit into one padded message."""


@dataclass(frozen=True, slots=True)
class File:
    """One file. attachment_id: 16 bytes; size: bytes of the file; sha256: of the ciphertext. name: as its sender wrote.

    The name comes from somebody else: it is no path, and may hold anything else.
    """

    attachment_id: bytes
    name: str
    content_type: str
    size: int
    key: bytes
    nonce: bytes
    sha256: bytes


def encode_file(file: File) -> ExternalPart:
    """The part that names this file."""
    return ExternalPart(
        content_type=file.content_type,
        url=SCHEME + encode_b64(file.attachment_id),
        expires=0,
        size=file.size,
        enc_alg=AES_256_GCM,
        key=file.key,
        nonce=file.nonce,
        aad=b"",
        hash_alg=SHA_256,
        content_hash=file.sha256,
        description="",
        filename=file.name,
    )


def parse_file(part: ExternalPart) -> File | None:
    """The file of a part, None for one that lies elsewhere or is sealed in another way."""
    if not part.url.startswith(SCHEME) or part.disposition not in (RENDER, INLINE, ATTACHMENT):
        return None
    algorithms = part.enc_alg, part.hash_alg, len(part.key), len(part.nonce), part.aad, len(part.content_hash)
    if algorithms != (AES_256_GCM, SHA_256, KEY_BYTES, NONCE_BYTES, b"", 32) or part.size > FILE_BYTES:
        return None
    if len(part.filename.encode()) > NAME_BYTES or len(part.content_type.encode()) > TYPE_BYTES:
        return None
    try:
        attachment_id = parse_b64(part.url[len(SCHEME) :], size=16)
    except ZajilError:
        return None
    return File(attachment_id, part.filename, part.content_type, part.size, part.key, part.nonce, part.content_hash)


def encode_body(files: tuple[File, ...], text: str) -> Part:
    """The body of a message with files: the text first, where there is one.

    Raises HomeError `too-many-files` unless there are 1 to 10, `text-too-long` over CAPTION_BYTES, Malformed for text
    that is no UTF-8.
    """
    if not 1 <= len(files) <= FILES_MAX:
        raise error("too-many-files")
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError:
        raise error("malformed", "text with a lone surrogate") from None
    if len(data) > CAPTION_BYTES:
        raise error("text-too-long")
    parts: list[Part] = [Single(MARKDOWN, data)] if text else []
    parts += [encode_file(file) for file in files]
    return parts[0] if len(parts) == 1 else MultiPart(PROCESS_ALL, tuple(parts))


def parse_body(body: Part) -> tuple[tuple[File, ...], str] | None:
    """Files and text of a body, None where it is of another kind. Raises Malformed for text that is no UTF-8."""
    if isinstance(body, ExternalPart):
        file = parse_file(body)
        return None if file is None else ((file,), "")
    if not isinstance(body, MultiPart) or body.semantics != PROCESS_ALL or body.disposition != RENDER:
        return None
    parts, text = body.parts, ""
    first = parts[0]
    if isinstance(first, Single):
        if first.content_type != MARKDOWN or first.disposition != RENDER:
            return None
        try:
            text = first.content.decode("utf-8")
        except UnicodeDecodeError:
            raise error("malformed", "text is not UTF-8") from None
        parts = parts[1:]
    found = [parse_file(part) for part in parts if isinstance(part, ExternalPart)]
    files = tuple(file for file in found if file is not None)
    return (files, text) if 1 <= len(files) == len(parts) <= FILES_MAX else None
