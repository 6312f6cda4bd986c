"""The text of a link: where it was given out, and the fragment that no server ever sees."""

from __future__ import annotations

from typing import Final

from zajil.protocol.errors import error
from zajil.protocol.ids import encode_b64

_MOST_CHARACTERS: Final = 4096


def join_link(front: str, path: str, data: bytes) -> str:
    """`<front><path>#<fragment>`, or the fragment alone where front is empty."""
    return f"{front.rstrip('/')}{path}#{encode_b64(data)}" if front else encode_b64(data)


def split_link(text: str, path: str) -> tuple[str, str]:
    """Front ("" for a bare fragment) and fragment. Raises HomeError `bad-link` for a link of another kind."""
    text = text.strip()
    if len(text) > _MOST_CHARACTERS:
        raise error("bad-link")
    before, hash_sign, fragment = text.partition("#")
    if not hash_sign:
        return "", text
    if not before.startswith(("https://", "http://")) or not before.endswith(path):
        if before:
            raise error("bad-link")
        return "", fragment
    return before.removesuffix(path), fragment
