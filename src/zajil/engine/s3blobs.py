"""Large ciphertexts in a bucket that speaks S3: for several servers on one database. Needs the extra `zajil[s3]`.

Objects cannot grow, so a blob is a row of them, `NN/NAME/OFFSET`, and as long as they reach without a gap. A piece is
one object, written under the condition that nobody wrote there before: of two servers at the same offset one goes on,
and the other hears `wrong-offset`. A short last piece is read and written anew together with what follows, under the
condition that it is still the same: so many tiny pieces make few objects, and one LIST tells a whole blob. Where a
store ignores such conditions two writers can leave overlaps; they are seen as less that came, and the hash of the whole
decides in the end. Multipart uploads are not used, so none is ever left open.

Everything here blocks; callers use threads.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import S3Store

from zajil.engine.blobs import BlobPart
from zajil.engine.room import Room
from zajil.protocol.errors import error

_LOG = logging.getLogger(__name__)
IDLE_S: Final = 32 * 86_400.0
"""Longer than any attachment is kept."""
_STATUS: Final = re.compile(r"status code: ([0-9]{3})\b", re.ASCII)
_CODE: Final = re.compile(r"<Code>([A-Za-z]{1,64})</Code>")
_KEY: Final = re.compile(r"(?P<folder>[0-9a-f]{2})/(?P<name>(?P=folder)[0-9a-f]{30})/(?P<at>[0-9a-f]{10})", re.ASCII)
_CLOCK: Final = ".zajil-clock"
"""An empty object that is written anew to learn the store's time."""
_WHOLE_BYTES: Final = 256 << 10
"""A last piece below this is written anew with what follows it: no blob has more objects than its size in these."""
_LAYOUTS: Final = 256
"""Of blobs read lately, kept: a LIST less for each of their next pieces."""
_BUSY_MS: Final = 5_000
_PATIENCE: Final = timedelta(seconds=20)


class StoreError(Exception):
    """There is no such bucket, or no way into it; the text says why, for the operator."""


class _Piece(NamedTuple):
    """An object. at: the byte of the blob that it begins with."""

    at: int
    size: int
    etag: str | None

    @property
    def end(self) -> int:
        return self.at + self.size


class S3Blobs:
    """See `blobs.Blobs`."""

    def __init__(self, store: S3Store, *, most_bytes: int) -> None:
        """most_bytes: of all blobs; what was there, or others wrote, counts from the next `names` on.

        Raises StoreError.
        """
        self._store = store
        self._room = Room(most_bytes)
        self._lock = threading.Lock()
        self._layouts: OrderedDict[bytes, tuple[_Piece, ...]] = OrderedDict()
        try:
            next(iter(obstore.list(store)), None)
        except (BaseError, OSError) as fault:
            raise StoreError(_say(fault)) from fault

    @property
    def used_bytes(self) -> int:
        """Of all blobs, as far as is known."""
        return self._room.used_bytes

    def size(self, name: bytes) -> int:
        """As `Blobs.size`. Raises Unavailable `busy` where the store does not answer, as all below."""
        with _answering():
            return _end(self._find(name))

    def check_room(self, size: int) -> None:
        """As `Blobs.check_room`."""
        self._room.check(size)

    def append(self, name: bytes, offset: int, data: bytes) -> int:
        """As `Blobs.append`."""
        with _answering():
            pieces = self._find(name)
            size = _end(pieces)
            if size != offset:
                raise error("wrong-offset", detail={"offset": size})
            if not data:
                return size
            with self._room.reserved(name, offset, len(data), self.check_room):
                try:
                    self._put(name, pieces, offset, data)
                except (AlreadyExistsError, PreconditionError, FileNotFoundError):
                    raise error("wrong-offset", detail={"offset": _end(self._find(name))}) from None
            return offset + len(data)

    def _put(self, name: bytes, pieces: tuple[_Piece, ...], offset: int, data: bytes) -> None:
        last = pieces[-1] if pieces else None
        if last is None or last.size >= _WHOLE_BYTES or last.etag is None:
            obstore.put(self._store, _key(name, offset), data, mode="create", use_multipart=False)
            return
        path = _key(name, last.at)
        before = bytes(obstore.get_range(self._store, path, start=0, length=last.size))
        obstore.put(self._store, path, before + data, mode={"e_tag": last.etag}, use_multipart=False)

    def read(self, name: bytes, start: int, length: int) -> bytes:
        """As `Blobs.read`."""
        with _answering():
            pieces = self._layouts.get(name)
            if pieces is not None and start + length <= _end(pieces):
                try:
                    return self._fetch(name, pieces, start, length)
                except FileNotFoundError:  # deleted by another server
                    self._forget(name)
            pieces = self._find(name)
            self._remember(name, pieces)
            try:
                return self._fetch(name, pieces, start, length)
            except FileNotFoundError:
                self._forget(name)
                return b""

    def _fetch(self, name: bytes, pieces: tuple[_Piece, ...], start: int, length: int) -> bytes:
        found = bytearray()
        for piece in pieces:
            first, end = max(start, piece.at), min(start + length, piece.end)
            if first < end:
                path = _key(name, piece.at)
                found += obstore.get_range(self._store, path, start=first - piece.at, length=end - first)
        return bytes(found)

    def find_part(self, name: bytes, start: int, length: int) -> BlobPart | None:  # noqa: ARG002  # of the interface
        """As `Blobs.find_part`: none, they are elsewhere."""
        return None

    def sha256(self, name: bytes) -> bytes:
        """As `Blobs.sha256`."""
        digest = hashlib.sha256()
        with _answering():
            for piece in self._find(name):
                digest.update(obstore.get_range(self._store, _key(name, piece.at), start=0, length=piece.size))
        return digest.digest()

    def delete(self, name: bytes) -> None:
        """As `Blobs.delete`."""
        with _answering():
            self._forget(name)
            objects = self._list(name)
            if objects:
                obstore.delete(self._store, [_key(name, each.at) for each in objects])
        self._room.free(sum(each.size for each in objects))

    def names(self) -> Iterator[bytes]:
        """As `Blobs.names`. What is no blob of ours is left alone."""
        with _answering():
            for name, _ in self._list_all():
                yield name

    def idle_names(self) -> Iterator[bytes]:
        """As `Blobs.idle_names`: a copy of a server, restored on another machine, has the bucket of the living one.

        What neither has written to for so long is no row's of either. The store's clock counts as well as this
        machine's, where that is behind: a drill on a machine whose clock is wrong would empty the living one's bucket.
        """
        kept = timedelta(seconds=IDLE_S)
        with _answering():
            before = datetime.now(UTC) - kept
            idle = [(name, written) for name, written in self._list_all() if written < before]
            if not idle:
                return
            obstore.put(self._store, _CLOCK, b"")
            theirs = obstore.head(self._store, _CLOCK)["last_modified"] - kept
            yield from (name for name, written in idle if written < theirs)

    def _list_all(self) -> Iterator[tuple[bytes, datetime]]:
        """Every blob and when it was last written to; whoever reads to the end has counted what all of them take."""
        with self._room.counting() as count:
            found = (
                (match["name"], each["size"], each["last_modified"])
                for chunk in obstore.list(self._store)
                for each in chunk
                if (match := _KEY.fullmatch(each["path"]))
            )
            for text, objects in groupby(found, key=lambda each: each[0]):
                pieces = list(objects)
                count.found += sum(size for _, size, _ in pieces)
                yield bytes.fromhex(text), max(written for _, _, written in pieces)

    def _list(self, name: bytes) -> list[_Piece]:
        """Every object of this blob, by its place."""
        found = [
            _Piece(int(match["at"], 16), each["size"], each["e_tag"])
            for chunk in obstore.list(self._store, _folder(name))
            for each in chunk
            if (match := _KEY.fullmatch(each["path"]))
        ]
        return sorted(found)

    def _find(self, name: bytes) -> tuple[_Piece, ...]:
        """The objects that make it, each beginning where the one before ends."""
        pieces: list[_Piece] = []
        for each in self._list(name):
            if each.at == _end(pieces):
                pieces.append(each)
        return tuple(pieces)

    def _remember(self, name: bytes, pieces: tuple[_Piece, ...]) -> None:
        with self._lock:
            self._layouts[name] = pieces
            if len(self._layouts) > _LAYOUTS:
                self._layouts.popitem(last=False)

    def _forget(self, name: bytes) -> None:
        with self._lock:
            self._layouts.pop(name, None)


def _say(fault: BaseException) -> str:
    """What a store answered: its status and the code of its error; the rest may name the key, and is its own text."""
    text = str(fault)
    status, code = _STATUS.search(text), _CODE.search(text)
    said = [found[1] for found in (status, code) if found]
    return f"the store answers {', '.join(said)}" if said else "the store does not answer"


def open_s3(address: str, key_file: Path, *, most_bytes: int) -> S3Blobs:
    """The blobs in `s3://BUCKET/PREFIX?endpoint=URL&region=NAME`; without an endpoint Amazon's.

    key_file: id and secret of the key, a line each. Raises StoreError, OSError (the file).
    """
    parts = urlsplit(address)
    query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    if parts.scheme != "s3" or not parts.hostname or query.keys() - {"endpoint", "region"}:
        raise StoreError("an address is s3://BUCKET/PREFIX?endpoint=URL&region=NAME")
    endpoint = query.get("endpoint")
    if endpoint is not None and "@" in endpoint:
        raise StoreError(f"an endpoint is an address alone; id and secret of the key belong into {key_file.name}")
    lines = key_file.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    if len(lines) != 2:
        raise StoreError(f"{key_file.name} holds the id of a key and its secret, a line each")
    with _without_environment():
        store = S3Store(
            parts.hostname,
            prefix=parts.path.strip("/") or None,
            access_key_id=lines[0].strip(),
            secret_access_key=lines[1].strip(),
            region=query.get("region", "us-east-1"),
            client_options={
                "allow_http": endpoint is not None and endpoint.startswith("http://"),
                "connect_timeout": timedelta(seconds=5),
                "timeout": _PATIENCE,
            },
            retry_config={"max_retries": 2, "retry_timeout": _PATIENCE},
            config={"endpoint": endpoint} if endpoint else None,
        )
    return S3Blobs(store, most_bytes=most_bytes)


@contextmanager
def _without_environment() -> Iterator[None]:
    """No AWS_* variable counts: the library takes them all, and a session token of another key shuts ours out."""
    held = {name: os.environ.pop(name) for name in [*os.environ] if name.startswith("AWS_")}
    try:
        yield
    finally:
        os.environ.update(held)


@contextmanager
def _answering() -> Iterator[None]:
    """Raises Unavailable `busy` where the store does not answer as one. What it says quotes names: none is logged."""
    try:
        yield
    except (BaseError, OSError) as fault:
        _LOG.warning("the store of attachments failed: %s", type(fault).__name__)
        raise error("busy", retry_ms=_BUSY_MS) from None


def _end(pieces: list[_Piece] | tuple[_Piece, ...]) -> int:
    return pieces[-1].end if pieces else 0


def _folder(name: bytes) -> str:
    """Made of hexadecimal digits alone, whatever the name holds."""
    if len(name) != 16:
        raise error("malformed", "name of a blob")
    text = name.hex()
    return f"{text[:2]}/{text}"


def _key(name: bytes, at: int) -> str:
    return f"{_folder(name)}/{at:010x}"
