"""What gateways tell each other about a media room: who is in it there, and what they sent.

News: `kind u8 | gateway 8 | slot u8 | rest`. A gateway's name is random and of its process. Slots are the sender's own:
whoever hears of a connection gives it one of his room's, since clients tell people apart by the KID of their frames.
"""

from __future__ import annotations

from typing import Final, NamedTuple

ASK: Final = ord("?")
"""Who is there? Everybody answers with HERE for each connection of his. slot 0, no rest."""
HERE: Final = ord("h")
"""A connection is there; told when it comes, when somebody asks, and every few seconds. rest: mark 16 | leaf u32."""
GONE: Final = ord("g")
"""It is there no more. No rest."""
FRAME: Final = ord("f")
"""It sent this. rest: the record."""
GATEWAY_BYTES: Final = 8
MARK_BYTES: Final = 16
"""Of the ticket that opened the room to a connection."""
_HEAD_BYTES: Final = 2 + GATEWAY_BYTES
_LEAF_BYTES: Final = 4
_NO_LEAF: Final = (1 << 8 * _LEAF_BYTES) - 1


class News(NamedTuple):
    """rest: see the kinds."""

    kind: int
    gateway: bytes
    slot: int
    rest: bytes = b""


class Presence(NamedTuple):
    """The rest of HERE. leaf: None until the connection has sent a frame."""

    mark: bytes
    leaf: int | None


def encode_news(news: News) -> bytes:
    """What `parse_news` reads."""
    return bytes((news.kind,)) + news.gateway + bytes((news.slot,)) + news.rest


def parse_news(data: bytes) -> News | None:
    """None for what is none: anybody who reaches the bus may say anything."""
    if len(data) < _HEAD_BYTES:
        return None
    return News(data[0], data[1 : 1 + GATEWAY_BYTES], data[1 + GATEWAY_BYTES], data[_HEAD_BYTES:])


def encode_presence(presence: Presence) -> bytes:
    """What `parse_presence` reads."""
    leaf = _NO_LEAF if presence.leaf is None else presence.leaf
    return presence.mark + leaf.to_bytes(_LEAF_BYTES, "big")


def parse_presence(data: bytes) -> Presence | None:
    """None for what is none."""
    if len(data) != MARK_BYTES + _LEAF_BYTES:
        return None
    leaf = int.from_bytes(data[MARK_BYTES:], "big")
    return Presence(data[:MARK_BYTES], None if leaf == _NO_LEAF else leaf)
