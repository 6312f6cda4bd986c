"""Media frames as rooms see them: true headers, and anything where the ciphertext would be."""

from __future__ import annotations

from zajil.protocol.calls.media import AUDIO


def sframe(leaf: int, *, ctr: int = 0, size: int = 60, ctx: int = 1, epoch: int = 3) -> bytes:
    """An SFrame header with a KID of that leaf (RFC 9605 4.3), and `size` bytes of ciphertext and tag."""
    kid = (ctx << 24 | leaf << 8 | epoch).to_bytes(8, "big").lstrip(b"\0")
    count = ctr.to_bytes(8, "big").lstrip(b"\0") if ctr > 7 else b""
    config = 0x80 | len(kid) - 1 << 4 | (0x08 | len(count) - 1 if count else ctr)
    return bytes([config]) + kid + count + b"c" * size


def frame(leaf: int, seq: int = 0, *, kind: int = AUDIO, key: bool = False, size: int = 60) -> bytes:
    """One frame of a client."""
    return (
        bytes((kind, key)) + seq.to_bytes(2, "big") + (seq * 40).to_bytes(4, "big") + sframe(leaf, ctr=seq, size=size)
    )
