"""What a server and its moderation worker say to each other, over the worker's standard input and output.

Down goes one line with the settings, then a byte whenever something was written that wants judging; the end of it says
that the server is no more. Up go lines: whom to wake, and what was counted. Nothing that may not be lost travels here:
posts, verdicts and decisions are in the database both work on, and a lost word costs one poll.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

import msgspec

from zajil.server.config import Settings

LINE_MAX_BYTES: Final = 1 << 20
WAKE: Final = b"\n"
"""Down: something waits in the outbox."""
TOPICS_MAX: Final = 1000


class Woken(msgspec.Struct, frozen=True, tag="woken"):
    """Something was written for these: ids of channels and personas, at most TOPICS_MAX."""

    topics: tuple[bytes, ...]


class Counted(msgspec.Struct, tag="counted"):
    """What was counted since the last time; see `Figures` of the pipeline. backlog: how many wait, age in seconds."""

    posts: list[tuple[str, int, str]] = []
    decisions: list[tuple[str, str, str]] = []
    skipped: list[str] = []
    batches_s: list[float] = []
    delays_s: list[float] = []
    backlog: tuple[int, float] | None = None


Told: TypeAlias = Woken | Counted
_told: Final[msgspec.json.Decoder[Told]] = msgspec.json.Decoder(Told)
_settings: Final = msgspec.msgpack.Decoder(Settings)


def encode_told(told: Told) -> bytes:
    """One line of the worker."""
    return msgspec.json.encode(told) + b"\n"


def parse_told(line: bytes) -> Told | None:
    """What a line says; None where it is of a program of another version, as after an upgrade in place."""
    try:
        return _told.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def encode_settings(settings: Settings) -> bytes:
    """The server's first line. Not as JSON, which has no infinity, and a limit may be that."""
    return binascii.b2a_base64(msgspec.msgpack.encode(settings))


def parse_settings(line: bytes) -> Settings:
    """What the server runs with. Raises binascii.Error, msgspec.MsgspecError."""
    return _settings.decode(binascii.a2b_base64(line))


def divide_topics(topics: Iterable[bytes]) -> Iterator[Woken]:
    """As many lines as these need."""
    rest = sorted(topics)
    for start in range(0, len(rest), TOPICS_MAX):
        yield Woken(tuple(rest[start : start + TOPICS_MAX]))
