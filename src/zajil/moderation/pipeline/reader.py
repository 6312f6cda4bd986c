"""A process that reads, at its own end: `python -m zajil.moderation.pipeline.reader`, which the worker starts.

Its standard input is a socket to the worker. Down come batches of texts, up goes what was read of each; a frame is the
length of its body, four bytes big-endian, and the body, MessagePack. The first frame up says that the models are
loaded. It ends when the socket does, and with the worker, however that ends.
"""

from __future__ import annotations

import ctypes
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, TypeAlias

import msgspec

from zajil.moderation.pipeline.reading import Levels, Reading, load_models, read_texts

SIZE_BYTES: Final = 4
_STDIN: Final = 0
_PR_SET_PDEATHSIG: Final = 1
"""Of prctl(2)."""


class Asked(msgspec.Struct, frozen=True, array_like=True):
    """A batch; see `read_texts`."""

    texts: tuple[str, ...]
    levels: Levels


class Answered(msgspec.Struct, frozen=True, array_like=True, tag=0):
    """What the texts of a batch say, in order. Before the first batch of none: the process is ready."""

    readings: list[Reading]


class Refused(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """A batch that cannot be read. why: the kind of exception and where it came up, nothing of a text."""

    why: str


Told: TypeAlias = Answered | Refused
Read: TypeAlias = Callable[[Sequence[str], Levels], list[Reading]]
_asked: Final = msgspec.msgpack.Decoder(Asked)
_told: Final[msgspec.msgpack.Decoder[Told]] = msgspec.msgpack.Decoder(Told)


def encode_frame(said: Asked | Told) -> bytes:
    """As it goes over the socket. Raises UnicodeEncodeError for half a character."""
    body = msgspec.msgpack.encode(said)
    return len(body).to_bytes(SIZE_BYTES, "big") + body


def parse_told(body: bytes) -> Told:
    """What the process says. Raises msgspec.MsgspecError."""
    return _told.decode(body)


def answer(asked: Asked, read: Read) -> bytes:
    """The frame that answers a batch. Raises nothing that a text can bring about."""
    try:
        return encode_frame(Answered(read(asked.texts, asked.levels)))
    except Exception as bug:  # noqa: BLE001  # the boundary of a request
        where = traceback.extract_tb(bug.__traceback__)[-1]
        return encode_frame(Refused(f"{type(bug).__name__} at {where.filename}:{where.lineno}"))


def main(*, load: Callable[[], None] = load_models, read: Read = read_texts) -> None:
    """Load the models, say so, and answer batches until the worker is no more."""
    if sys.platform == "linux":
        # A text that keeps the interpreter to itself would keep the end of the socket from being seen as well.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    load()
    with socket.socket(fileno=_STDIN) as line, line.makefile("rb") as incoming, suppress(ConnectionError):
        line.sendall(encode_frame(Answered([])))
        while size := incoming.read(SIZE_BYTES):
            line.sendall(answer(_asked.decode(incoming.read(int.from_bytes(size, "big"))), read))


if __name__ == "__main__":
    main()
