"""Large ciphertexts beside the database: written piece by piece, read by range. On disk here, in a bucket by `s3blobs`.

How much of a blob is there is the length of its file, so no crash can make a row and a file disagree about it: a piece
that was cut off by a kill is a shorter file, and its writer goes on from there. Its times say nothing, as far as a
program can set them: they would join a blob with the messages of the same moment. Everything here but `find_part`
blocks; callers use threads, and let only one of them write a blob at a time.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import io
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Protocol, Self

from zajil.engine.room import RETRY_MS, Room
from zajil.protocol.errors import error

FOLDER: Final = "attachments"
_NAME: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_READ_BYTES: Final = 1 << 20
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
KEPT_FREE_BYTES: Final = 256 << 20
"""Left on the disk for what lies beside the blobs: a database without room takes no message."""
_LOOK_EVERY_BYTES: Final = 256 << 10
"""The system fetches and forgets many pages together: what lies between two that are near is as a rule near, too."""
_CANNOT: Final = frozenset({errno.EAGAIN, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})
_IS_LINUX: Final = hasattr(os, "RWF_NOWAIT") and hasattr(os, "preadv") and hasattr(os, "sendfile")
_OPENAT2: Final = 437
"""The number of openat2(2), for which neither Python nor libc has a name."""
_RESOLVE_CACHED: Final = 0x20
_AT_FDCWD: Final = -100
_NO_SUCH_CALL: Final = frozenset({errno.ENOSYS, errno.EINVAL, errno.EPERM})
"""Linux before 5.6, before 5.12, and a filter of calls that does not know this one."""


class _OpenHow(ctypes.Structure):
    """See openat2(2)."""

    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


class BlobPart:
    """A part of a blob's file that is open: sent by the system from its memory to a socket, not passing through ours.

    What the system would have to fetch from the disk first is none of the event loop's: `is_near` tells the two apart.
    `len` bytes from `start` on. They stay what they were when it was opened, though the blob be deleted meanwhile.
    Whoever has it closes it, or leaves a block with it.
    """

    def __init__(self, file: io.FileIO, start: int, length: int) -> None:
        """file: closed with it."""
        self._file = file
        self._start = start
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_failure: object) -> None:
        self.close()

    def close(self) -> None:
        """Harmless when called again."""
        self._file.close()

    def is_near(self, at: int, most: int) -> bool:
        """Whether so many bytes from there on, as far as it reaches, are in the system's memory now.

        False where the system does not tell, or the file is shorter.
        """
        end = min(at + most, self._length)
        places = (*range(at, end, _LOOK_EVERY_BYTES), end - 1)
        return _IS_LINUX and end > at and all(self._is_byte_near(place) for place in places)

    def _is_byte_near(self, at: int) -> bool:
        try:
            return os.preadv(self._file.fileno(), [bytearray(1)], self._start + at, os.RWF_NOWAIT) == 1
        except OSError:
            return False

    def send(self, socket: int, at: int) -> int:
        """How many of the bytes from there on a socket took at once; 0 where it takes none now, or by no such way.

        socket: descriptor of one that does not block, and that holds nothing which has to go first. Raises OSError.
        """
        try:
            return os.sendfile(socket, self._file.fileno(), self._start + at, self._length - at)
        except OSError as reason:
            if reason.errno in _CANNOT:
                return 0
            raise

    def read(self, at: int, most: int) -> bytes:
        """So many bytes from there on, fewer at the end of the part or of its file. May block. Raises OSError."""
        return os.pread(self._file.fileno(), min(most, self._length - at), self._start + at)


class Blobs(Protocol):
    """A place for blobs, each named by 16 bytes."""

    @property
    def used_bytes(self) -> int:
        """Of all blobs, as far as is known."""

    def size(self, name: bytes) -> int:
        """Bytes that are there; 0 for a blob that was never begun."""

    def check_room(self, size: int) -> None:
        """Raises Unavailable `storage-full` where so many bytes more have no room now. None is kept for them."""

    def append(self, name: bytes, offset: int, data: bytes) -> int:
        """Write at the end, durably; the size then.

        Raises Conflict `wrong-offset` unless the blob is exactly `offset` bytes long; Unavailable `storage-full`, and
        then nothing of it was written.
        """

    def read(self, name: bytes, start: int, length: int) -> bytes:
        """So many bytes from there on, fewer at the end, none of a blob that is not there."""

    def find_part(self, name: bytes, start: int, length: int) -> BlobPart | None:
        """So many bytes from there on, open, where they are in this machine's memory; None for all others. Quick."""

    def sha256(self, name: bytes) -> bytes:
        """Of all that is there."""

    def delete(self, name: bytes) -> None:
        """It is gone, durably; harmless where there was none."""

    def names(self) -> Iterator[bytes]:
        """Every blob there is, in no order. Whoever reads to the end has `used_bytes` counted anew."""

    def idle_names(self) -> Iterator[bytes]:
        """Those that may be deleted where no row knows them: no other server's are among them. Counts as `names`."""


class DiskBlobs:
    """See `Blobs`. One file each, mode 0600, in 256 folders; most_bytes: of all of them together."""

    def __init__(self, folder: Path, *, most_bytes: int) -> None:
        self._folder = folder
        self._folder_text = str(folder)
        self._room = Room(most_bytes)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for _ in self.names():
            pass  # counts

    @property
    def used_bytes(self) -> int:
        """Of all blobs, as far as is known: other servers may have the same folder."""
        return self._room.used_bytes

    def size(self, name: bytes) -> int:
        """As `Blobs.size`."""
        try:
            return self._path(name).stat().st_size
        except FileNotFoundError:
            return 0

    def check_room(self, size: int) -> None:
        """As `Blobs.check_room`."""
        self._room.check(size)
        check_disk(self._folder, size)

    def append(self, name: bytes, offset: int, data: bytes) -> int:
        """As `Blobs.append`."""
        size = self.size(name)
        if size != offset or not data:
            _check_end(size, offset)
            return size
        with self._room.reserved(name, offset, len(data), self.check_room):
            try:
                self._write(self._path(name), offset, data)
            except OSError as fault:
                if fault.errno in _FULL:
                    raise error("storage-full", retry_ms=RETRY_MS) from fault
                raise
        return offset + len(data)

    def read(self, name: bytes, start: int, length: int) -> bytes:
        """As `Blobs.read`."""
        try:
            descriptor = open_unseen(self._path(name))
        except FileNotFoundError:
            return b""
        try:
            return os.pread(descriptor, length, start)
        finally:
            os.close(descriptor)

    def find_part(self, name: bytes, start: int, length: int) -> BlobPart | None:
        """As `Blobs.find_part`."""
        if not _IS_LINUX:
            return None
        try:
            part = BlobPart(io.FileIO(_open_at_hand(self._locate(name))), start, length)
        except (FileNotFoundError, BlockingIOError):
            return None
        if part.is_near(0, length):
            return part
        part.close()
        return None

    def sha256(self, name: bytes) -> bytes:
        """As `Blobs.sha256`."""
        digest, at = hashlib.sha256(), 0
        while part := self.read(name, at, _READ_BYTES):
            digest.update(part)
            at += len(part)
        return digest.digest()

    def delete(self, name: bytes) -> None:
        """As `Blobs.delete`."""
        path = self._path(name)
        size = self.size(name)
        try:
            path.unlink()
        except FileNotFoundError:
            return
        _settle(path.parent)
        self._room.free(size)

    def names(self) -> Iterator[bytes]:
        """As `Blobs.names`. What is no blob of ours is left alone."""
        with self._room.counting() as count:
            for name, _ in find_files(self._folder):
                self._room.see(count, name, lambda: self.size(name))  # noqa: B023  # called at once
                yield name

    def idle_names(self) -> Iterator[bytes]:
        """As `Blobs.idle_names`: a folder is of one server, and a copy of it has a copy of the folder."""
        return self.names()

    def _path(self, name: bytes) -> Path:
        return Path(self._locate(name))

    def _locate(self, name: bytes) -> str:
        """Its path, made of hexadecimal digits alone, whatever the name holds."""
        if len(name) != 16:
            raise error("malformed", "name of a blob")
        text = name.hex()
        return f"{self._folder_text}/{text[:2]}/{text}"

    def _write(self, path: Path, offset: int, data: bytes) -> None:
        begins = not path.exists()
        if begins and not path.parent.exists():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            _settle(self._folder)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            # Another server on this folder may be writing the same piece: its client came here meanwhile.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            found = os.fstat(descriptor)
            if not found.st_nlink:  # deleted between the two
                raise error("wrong-offset", detail={"offset": 0})
            _check_end(found.st_size, offset)
            try:
                _write_all(descriptor, offset, data)
                os.utime(descriptor, (0, 0))
                os.fsync(descriptor)
            except BaseException:
                os.ftruncate(descriptor, offset)
                raise
        finally:
            os.close(descriptor)
        if begins:
            _settle(path.parent)


def find_files(folder: Path) -> Iterator[tuple[bytes, Path]]:
    """Every blob in this folder by name, with its file; what is no blob of ours is left alone."""
    if not folder.is_dir():
        return
    for part in sorted(folder.iterdir()):
        if not part.is_dir():
            continue
        for path in sorted(part.iterdir()):
            if _NAME.fullmatch(path.name) and path.name.startswith(part.name):
                yield bytes.fromhex(path.name), path


def _check_end(size: int, offset: int) -> None:
    if size != offset:
        raise error("wrong-offset", detail={"offset": size})


def _write_all(descriptor: int, offset: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written


def open_unseen(path: Path | str) -> int:
    """A descriptor for reading that leaves no time of access, where the system allows that."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, flags | getattr(os, "O_NOATIME", 0))
    except PermissionError:  # a file of another owner
        return os.open(path, flags)


def _find_call() -> Callable[..., int]:
    """syscall(2)."""
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t)
    call.restype = ctypes.c_long
    return call


_call: Final = _find_call()


def _open_at_hand(path: str) -> int:
    """As `open_unseen`. Raises BlockingIOError where the system would have to ask its disk where the file is.

    Linux before 5.12 cannot tell, and asks.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
    for wanted in (flags | getattr(os, "O_NOATIME", 0), flags):
        how = _OpenHow(wanted, 0, _RESOLVE_CACHED)
        found = _call(_OPENAT2, _AT_FDCWD, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how))
        if found >= 0:
            return found
        reason = ctypes.get_errno()
        if reason != errno.EPERM:
            break
    if reason in _NO_SUCH_CALL:
        return open_unseen(path)
    raise OSError(reason, os.strerror(reason))


def check_disk(folder: Path, size: int) -> None:
    """Raises Unavailable `storage-full` where so many bytes more on the disk of this folder leave too few for the rest.

    For what strangers may store: messages, lists and logins need room, too.
    """
    if _free_bytes(folder) < size + KEPT_FREE_BYTES:
        raise error("storage-full", retry_ms=RETRY_MS)


def _free_bytes(folder: Path) -> int:
    """On the disk of this folder, for a program of our rights."""
    return shutil.disk_usage(folder).free


def _settle(folder: Path) -> None:
    """What was made or removed in this folder is on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
