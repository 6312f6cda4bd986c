"""Contact requests: what passes from somebody its owner does not know, and how the owner's client sees that.

A request is a chat of two whose first commit uses a stranger's reference: through it the server passes Welcomes and
commits, and one message, then nothing more. See docs/protocol/contacts.md.
"""

from __future__ import annotations

from typing import Final

from zajil.protocol.limits import KIB

HANDSHAKES: Final = 8
"""Welcomes and commits that pass through a stranger's reference."""
HANDSHAKE_BYTES: Final = 256 * KIB
"""Their bytes in all."""
MESSAGES: Final = 1
MESSAGE_BYTES: Final = 5 * KIB
"""Longest MLS PrivateMessage of that one message."""
TEXT_BYTES: Final = 2 * KIB
"""Longest text of a request, UTF-8: with names and signatures it stays below 3,776 bytes of content."""
PAIR_DAYS: Final = 30
"""For so long nobody gets a second request to the same account."""
_MARK: Final = 0x80


def mark_serial(serial: bytes, *, stranger: bool) -> bytes:
    """The serial of a reference with its first bit set for a stranger, and clear for anybody else."""
    first = serial[0] | _MARK if stranger else serial[0] & ~_MARK
    return bytes([first]) + serial[1:]


def is_strangers(via: bytes) -> bool:
    """Whether what came through the reference of this serial came from a stranger. False without a serial."""
    return bool(via) and bool(via[0] & _MARK)
