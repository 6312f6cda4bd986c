"""Reads a server's audit log as anybody may: piece by piece over HTTP, as one file that is checked like any other."""

from __future__ import annotations

from typing import Final

import aiohttp

from zajil.moderation.audit.export import MAGIC, parse_export
from zajil.protocol.errors import error
from zajil.protocol.tlog.checkpoint import NoteKey, parse_key
from zajil.server.site.verify import Unreachable

_TIMEOUT: Final = aiohttp.ClientTimeout(total=600, sock_connect=15, sock_read=30)
_PIECE_MAX: Final = 4 * 1024 * 1024
_KEY_MAX: Final = 4096


async def fetch_log(url: str) -> tuple[bytes, NoteKey]:
    """The whole log that a server at this address publishes, nothing verified, and the key it says is its own.

    Raises Malformed, Unreachable.
    """
    base = url.rstrip("/") + "/transparency/v1/log/"
    file, count = bytearray(MAGIC), 0
    try:
        async with aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=True) as session:
            key = parse_key((await _fetch(session, base + "key", _KEY_MAX)).decode("utf-8", "replace").strip())
            while True:
                piece = await _fetch(session, f"{base}entries?from={count}", _PIECE_MAX)
                found = len(parse_export(piece).entries)
                if not found:
                    return bytes(file), key
                file += piece[len(MAGIC) :]
                count += found
    except (aiohttp.ClientError, TimeoutError, OSError) as reason:
        raise Unreachable(type(reason).__name__) from reason


async def fetch_report(url: str, name: str) -> bytes:
    """A month's report from a server at this address. name: such as `2026-11.json`. Raises Malformed, Unreachable."""
    try:
        async with aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=True) as session:
            return await _fetch(session, f"{url.rstrip('/')}/transparency/v1/reports/{name}", _PIECE_MAX)
    except (aiohttp.ClientError, TimeoutError, OSError) as reason:
        raise Unreachable(type(reason).__name__) from reason


async def _fetch(session: aiohttp.ClientSession, url: str, most: int) -> bytes:
    async with session.get(url, allow_redirects=False) as answer:
        if answer.status == 404:
            raise error("gone")
        if answer.status != 200:
            raise Unreachable(f"HTTP {answer.status}")
        body = bytearray()
        async for chunk in answer.content.iter_chunked(1 << 16):
            body += chunk
            if len(body) > most:
                raise error("malformed", "an answer larger than any piece of a log")
        return bytes(body)
