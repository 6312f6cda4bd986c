"""Codes that people read out, type and paste: 100 random bits in Crockford's base32, in groups of five characters."""

from __future__ import annotations

from typing import Final

CODE_BYTES: Final = 20
"""Random bytes to make a code of; five bits of each are used."""
CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""The 32 digits: no I, L, O, U."""
_GROUP: Final = 5
_LOOKALIKES: Final = str.maketrans({"I": "1", "L": "1", "O": "0", "-": "", " ": ""})


def spell_code(random: bytes) -> str:
    """The code of 20 random bytes, such as `4GZ2M-…` with three more groups."""
    text = "".join(CROCKFORD[byte & 31] for byte in random)
    return "-".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))


def is_code(text: str) -> bool:
    """Whether a person typed all of a code, and nothing that none holds."""
    plain = text.upper().translate(_LOOKALIKES)
    return len(plain) == CODE_BYTES and set(plain) <= set(CROCKFORD)


def plain_code(text: str) -> bytes:
    """What a code says, whatever case, dashes or look-alike letters a person typed."""
    return text.upper().translate(_LOOKALIKES).encode(errors="replace")
