"""What a fuzz target is, and where its first inputs come from."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from zajil.mls.errors import MlsError
from zajil.protocol.errors import ZajilError

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
SEEDS_MAX = 40
_HEX = re.compile(r"(?:[0-9a-f]{2})+")

Parser: TypeAlias = Callable[[bytes], object]


class Target(NamedTuple):
    """A reader of bytes that come over a network.

    seeds: at least one is taken; all edits start from them. refused: what it may raise, for whatever bytes.
    """

    parse: Parser
    seeds: Sequence[bytes]
    refused: tuple[type[Exception], ...] = (ZajilError, MlsError)


def of_text(parse: Callable[[str], object]) -> Parser:
    """A reader of text; bytes that are no UTF-8 reach it as the sign for that."""
    return lambda data: parse(data.decode("utf-8", "replace"))


@cache
def vector(name: str) -> Any:  # Any: JSON
    """A file of `vectors/`."""
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def hexes(name: str) -> list[bytes]:
    """All bytes in hex that a file of `vectors/` holds, thinned out."""
    return _thinned([bytes.fromhex(text) for text in _texts(name) if _HEX.fullmatch(text)])


def texts(name: str) -> list[bytes]:
    """All texts that a file of `vectors/` holds, thinned out."""
    return _thinned([text.encode() for text in _texts(name)])


def _thinned(found: list[bytes]) -> list[bytes]:
    found = list(dict.fromkeys(found))
    return found[:: -(-len(found) // SEEDS_MAX) or 1]


@cache
def _texts(name: str) -> tuple[str, ...]:
    return tuple(_walk(vector(name)))


def _walk(value: Any) -> Iterator[str]:  # Any: JSON
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner)
