"""Whether a server gives out exactly a release's web client: every file it lists, and nothing besides that runs.

Each file is fetched as it is, and gzipped in the name of a browser; the pages `/`, `/i` and `/l` must be the index.
What index and service worker refer to must be listed too. A redirect, by status or by header, any status but 200, a
style sheet in a header, and bytes behind the packed ones are differences. What a server sends to one person only, or to
whom it knows for a browser by more than the name, no check from outside can see (web.md 11, residual risk).
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import zlib
from collections.abc import AsyncIterable, Mapping
from typing import Final, Literal, NamedTuple
from urllib.parse import unquote, urlsplit

import aiohttp

from zajil.server.site.client import CONSOLE, INDEX, MANIFEST, ListedFile, Manifest, parse_manifest

Finding = Literal["differs", "missing", "extra"]
_PAGES: Final = {**dict.fromkeys(("", "i", "g", "l", "b"), INDEX), "review": CONSOLE}
_WORKER: Final = "sw.js"
_FILE_MAX: Final = 16 * 1024 * 1024
_TOGETHER: Final = 6
_TIMEOUT: Final = aiohttp.ClientTimeout(total=60, sock_connect=15, sock_read=30)
# Asked in turn: as what we are, and as browsers ask.
_ASKED: Final = (
    {"accept-encoding": "identity", "cache-control": "no-cache"},
    {
        "accept-encoding": "gzip",
        "accept-language": "en",
        "user-agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
    },
)
_ACTING: Final = frozenset({"refresh", "link"})
"""Headers that lead a browser elsewhere or bring a style sheet along; no client of ours is sent with them."""
_ATTRIBUTE = re.compile(r"[\s\"'/](?:src|href|data|poster|action)\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s\"'>]+)", re.IGNORECASE)
_QUOTED = re.compile(r"[\"'`](\.{0,2}/?[A-Za-z0-9_][A-Za-z0-9_./-]*\.(?:js|mjs|css|html|json|svg|png|wasm))[\"'`]")
_ABSOLUTE = re.compile(r"[\"'`]((?:https?:)?//[A-Za-z0-9][^\"'`\s]*)[\"'`]")
# Looked for by itself: within the one above it takes quadratic time, of a file that may be hostile.
_PROGRAM = re.compile(r"\.(?:js|mjs|wasm)")


class Difference(NamedTuple):
    """One file that is not the release's. path: as listed, or as it is referred to."""

    path: str
    finding: Finding


class Report(NamedTuple):
    """build_id: SHA-256 of the manifest compared with, hex. files: how many were compared."""

    build_id: str
    files: int
    differences: tuple[Difference, ...]


class Unreachable(Exception):
    """The server gave no answer; the text says what failed, without addresses."""


async def verify(url: str, manifest: bytes) -> Report:
    """Compare what a server at this address gives out with a manifest's bytes.

    Raises ValueError (not a manifest), Unreachable.
    """
    listed = parse_manifest(manifest)
    try:
        async with aiohttp.ClientSession(auto_decompress=False, timeout=_TIMEOUT, trust_env=True) as session:
            found = await _Check(session, url.rstrip("/") + "/", listed, manifest).run()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Unreachable(type(error).__name__) from error
    return Report(hashlib.sha256(manifest).hexdigest(), len(listed.files), tuple(sorted(set(found))))


class _Check:
    def __init__(self, session: aiohttp.ClientSession, base: str, listed: Manifest, manifest: bytes) -> None:
        self._session = session
        self._base = base
        own = ListedFile(MANIFEST, len(manifest), hashlib.sha256(manifest).hexdigest())
        self._files = {file.path: file for file in (*listed.files, own)}
        self._room = asyncio.Semaphore(_TOGETHER)

    async def run(self) -> list[Difference]:
        places = [(file.path, file) for file in self._files.values()]
        places += [(page, self._files[name]) for page, name in _PAGES.items() if name in self._files]
        found = await asyncio.gather(*(self._compare(path, file) for path, file in places))
        differences = [each for each in found if each is not None]
        for path in (INDEX, CONSOLE, _WORKER):
            differences += [Difference(name, "extra") for name in await self._unlisted(path)]
        return differences

    async def _compare(self, path: str, file: ListedFile) -> Difference | None:
        """How this address differs from the file, however it is asked; None if it does not."""
        for headers in _ASKED:
            status, body = await self._fetch(path, headers, most=file.size + 1)
            if status != 200:
                return Difference(path or "/", "missing" if status in {404, 410} else "differs")
            if len(body) != file.size or hashlib.sha256(body).hexdigest() != file.sha256:
                return Difference(path or "/", "differs")
        return None

    async def _unlisted(self, path: str) -> list[str]:
        """What this file, as it is served, refers to and the manifest does not list."""
        status, body = await self._fetch(path, _ASKED[0], most=_FILE_MAX)
        if status != 200:
            return []
        text = body.decode("utf-8", "replace")
        references = _of_page(text) if path != _WORKER else _of_script(text)
        return [reference for reference in references if not self._is_listed(reference)]

    def _is_listed(self, reference: str) -> bool:
        if reference.startswith(("#", "data:")):
            return True
        parts, base = urlsplit(reference), urlsplit(self._base)
        if parts.scheme or parts.netloc:
            if (parts.scheme or base.scheme, parts.netloc) != (base.scheme, base.netloc):
                return False
            reference = parts.path.removeprefix(base.path)
        name = unquote(reference.split("?")[0].split("#")[0]).removeprefix("./").removeprefix("/")
        return name in self._files or name in _PAGES

    async def _fetch(self, path: str, headers: Mapping[str, str], *, most: int) -> tuple[int, bytes]:
        """Status, and at most so many bytes of the body, unpacked. A body that does not unpack whole is empty."""
        async with (
            self._room,
            self._session.get(self._base + path, headers=headers, allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                return answer.status, b""
            used = answer.headers.get("content-encoding", "identity").lower()
            if used not in ("identity", "gzip") or any(name in answer.headers for name in _ACTING):
                return 200, b""
            parts = answer.content.iter_chunked(65536)
            return 200, await (_read_packed(parts, most) if used == "gzip" else _read_plain(parts, most))


async def _read_plain(parts: AsyncIterable[bytes], most: int) -> bytes:
    body = b""
    async for part in parts:
        body += part
        if len(body) >= most:
            break
    return body[:most]


async def _read_packed(parts: AsyncIterable[bytes], most: int) -> bytes:
    """Some browsers read on behind the first gzip member, so nothing may stand there."""
    unpack, body = zlib.decompressobj(wbits=31), b""
    try:
        async for part in parts:
            body += unpack.decompress(part, most - len(body))
            if len(body) >= most or unpack.unused_data:
                break
    except zlib.error:
        return b""
    whole = unpack.eof and not unpack.unused_data
    return body[:most] if whole or len(body) >= most else b""


def _of_page(text: str) -> list[str]:
    return [value.strip("\"'").strip() for value in _ATTRIBUTE.findall(text)]


def _of_script(text: str) -> list[str]:
    return _QUOTED.findall(text) + [found for found in _ABSOLUTE.findall(text) if _PROGRAM.search(found)]
