"""The built web client in memory: exactly the files its manifest lists, by exact name, and nothing else.

Nothing of a request ever becomes a file name, so there is nothing to traverse, list or guess. A new build is taken
whole, once its `web-manifest.json` lies there: that file is written last.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from zajil.protocol.ids import encode_b64

_LOG = logging.getLogger(__name__)
MANIFEST: Final = "web-manifest.json"
INDEX: Final = "index.html"
CONSOLE: Final = "review.html"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_CODINGS: Final = {"br": ".br", "gzip": ".gz"}
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/vnd.microsoft.icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
}


class ListedFile(msgspec.Struct, frozen=True):
    """One row of the manifest. path: below the client's root. size: bytes. sha256: lower-case hex."""

    path: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """`web-manifest.json`: every file of the build, sorted by path. Its own SHA-256 is the build id."""

    files: tuple[ListedFile, ...]


class ClientFile(NamedTuple):
    """A file ready to be sent. bodies: by content coding, "" as it is. tag: names the content, for ETag."""

    kind: str
    tag: str
    bodies: Mapping[str, bytes]
    hashed: bool


def parse_manifest(data: bytes) -> Manifest:
    """The manifest, every path of it harmless. Raises ValueError."""
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError("not a manifest of the web client") from error
    for file in manifest.files:
        if len(file.path) > 255 or not _NAME.fullmatch(file.path) or not re.fullmatch(r"[0-9a-f]{64}", file.sha256):
            raise ValueError("a path or hash of the manifest is not acceptable")
    return manifest


class BuiltClient:
    """The client of a folder that a builder may write while this runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: tuple[int, int, int] | None = None
        self._files: Mapping[str, ClientFile] = {}

    def find(self, name: str) -> ClientFile | None:
        """The file of this name below the root, from the newest whole build; None if the build has no such file."""
        self._look()
        return self._files.get(name)

    def _look(self) -> None:
        """Take a build that was not here before. One stat when there is none."""
        try:
            found = (self._folder / MANIFEST).stat()
        except OSError:
            return
        seen = (found.st_mtime_ns, found.st_size, found.st_ino)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._files = self._load()
        except (OSError, ValueError) as error:
            _LOG.error("the web client's build cannot be served", exc_info=error)

    def _load(self) -> Mapping[str, ClientFile]:
        manifest = parse_manifest((self._folder / MANIFEST).read_bytes())
        names = [file.path for file in manifest.files if file.path != MANIFEST]
        if INDEX not in names:
            raise ValueError("the build has no index")
        return {name: self._read(name) for name in (*names, MANIFEST)}

    def _read(self, name: str) -> ClientFile:
        path = self._folder / name
        bodies = {"": path.read_bytes()}
        for coding, ending in _CODINGS.items():
            packed = path.with_name(path.name + ending)
            if packed.is_file():
                bodies[coding] = packed.read_bytes()
        kind = _TYPES.get(path.suffix, "application/octet-stream")
        tag = encode_b64(hashlib.sha256(bodies[""]).digest()[:16])
        return ClientFile(kind, tag, bodies, name.startswith("assets/"))
