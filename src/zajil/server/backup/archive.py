"""The form of a backup: one tar file, written and read from front to end, that says of itself whether it is whole.

Members, in this order: `zajil-backup`, the head (JSON); `files/NAME`, small files of the data directory;
`tables/NAME/NNNNNN`, rows of a table (MessagePack, an array of rows, each an array of values in the head's order of
columns); `rows`, how many each table has and a digest over everything so far (JSON); `attachments/NAME`, ciphertexts;
`end`, how many those were (JSON). The second file, with the keys, is of the same form without tables.

The digest finds damage, not malice: whoever can write the archive can write its digest. From form 2 on `rows` and `end`
carry an HMAC-SHA-256 of the digest so far, the second one over every attachment too, under a key derived from a storage
key of `zajil.key` (`Keys.backup_key`). That lies in the other file: who has the archive alone changes nothing unseen.
It says nothing about the file of keys, and nothing of how new an archive is. What a reader takes from either file is
bounded and named by the grammar here; nothing of it becomes a path elsewhere.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import re
import tarfile
from collections.abc import Iterator
from typing import IO, Any, Final, Literal, NamedTuple, Protocol, Self, TypeVar

import msgspec

VERSION: Final = 2
UNPROVEN: Final = 1
"""The form that has no HMAC."""
HEAD, ROWS, END = "zajil-backup", "rows", "end"
SMALL_MAX: Final = 1 << 20
"""Bytes of a file of the data directory, at most."""
CHUNK_BYTES: Final = 4 << 20
"""A member with rows is closed once it is so large; one row may be as large again."""
CHUNK_MAX: Final = 64 << 20
BLOB_MAX: Final = 1 << 30
_HEAD_MAX: Final = 16 << 20
_NAME_MAX: Final = 94  # what fits into the header of a tar file behind `files/`
_READ_BYTES: Final = 1 << 20
_MEMBER: Final = re.compile(
    r"files/(?P<file>[A-Za-z0-9][A-Za-z0-9._-]{0,99})"
    r"|tables/(?P<table>[a-z][a-z0-9_]{0,62})/(?P<part>[0-9]{6,9})"
    r"|attachments/(?P<blob>[0-9a-f]{32})",
    re.ASCII,
)
Value = bytes | str | int | float | None
Row = tuple[Value, ...]
_TYPES: Final = frozenset({bytes, str, int, float, type(None)})
Kind = Literal["data", "keys"]
T = TypeVar("T")


def is_file_name(name: str) -> bool:
    """Whether a file of this name is read back from an archive."""
    return len(name) <= _NAME_MAX and _MEMBER.fullmatch(f"files/{name}") is not None


class BackupError(Exception):
    """This cannot be done.

    code: of the command line's complaints. remark: what exactly, in English, without ids and keys. file: it is about.
    """

    def __init__(self, code: str, remark: str = "", *, file: str = "") -> None:
        super().__init__(f"{code}: {remark or file}")
        self.code = code
        self.remark = remark
        self.file = file


class Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What begins a backup. made_at: Unix seconds of the snapshot.

    schema: number of the newest migration that the rows are of. columns: of each table, in the order of its rows.
    counters: of tables that number their rows and never use a number twice, the highest so far. key_marks: of the keys
    that sealed what is stored, see `Keys.marks`; of an archive, and so are schema, columns and counters. proof_key: id
    of the storage key that its HMACs are of.
    """

    version: int
    kind: Kind
    server_name: str
    made_at: int
    zajil: str
    schema: str = ""
    columns: dict[str, tuple[str, ...]] = {}
    counters: dict[str, int] = {}
    key_marks: tuple[str, ...] = ()
    proof_key: int = 0


class Rows(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What closes the tables. sha256: hex, over name, length and content of every member in front of this one.

    proof: hex, the HMAC of that digest; "" in form 1 and in a file of keys.
    """

    counts: dict[str, int]
    sha256: str
    proof: str = ""


class End(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What closes a backup. proof: as of `Rows`, of a digest that goes on over `rows` and the attachments' hashes."""

    attachments: int
    bytes: int
    proof: str = ""


class Readable(Protocol):
    """What gives its bytes from front to end."""

    def read(self, size: int = -1, /) -> bytes:
        """At most so many, all for -1; none at its end."""


class Part(NamedTuple):
    """A member as it is read; exactly one of file, table and blob is set. size: bytes that `content` gives."""

    file: str
    table: str
    blob: bytes
    size: int
    content: Readable

    def read(self, most: int) -> bytes:
        """All of it. Raises BackupError where it is larger than `most` or broken off."""
        if self.size > most:
            raise _damaged("a part is larger than any may be")
        found = _read_some(self.content, self.size)
        if len(found) != self.size:
            raise _damaged("it ends in the middle of a part")
        return found


class TableRows(NamedTuple):
    """Some rows of a table, in the order of the head's columns."""

    table: str
    rows: list[Row]


class ArchiveWriter:
    """Writes one archive into a file; see the module for the order."""

    def __init__(self, file: IO[bytes], head: Head, *, key: bytes = b"") -> None:
        """key: of the HMACs, b"" for none."""
        self._key = key
        self._tar = tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115  # `finish` closes
        self._sum = _Sum()
        self._counts = dict.fromkeys(head.columns, 0)
        self._at = head.made_at
        self._blobs = self._blob_bytes = 0
        self._add(HEAD, msgspec.json.encode(head))

    def add_file(self, name: str, content: bytes) -> None:
        """A small file of the data directory, of a name that `is_file_name`."""
        if len(content) > SMALL_MAX:
            raise BackupError("backup-unwritable", f"{name} is larger than {SMALL_MAX} bytes")
        self._add(f"files/{name}", content)

    def add_rows(self, table: str, rows: Iterator[Row]) -> None:
        """All rows of a table."""
        part, size, chunk = 0, 0, list[Row]()
        for row in rows:
            chunk.append(row)
            size += sum(len(value) if isinstance(value, bytes | str) else 9 for value in row)
            if size >= CHUNK_BYTES:
                self._add_chunk(table, part, chunk)
                part, size, chunk = part + 1, 0, []
        if chunk:
            self._add_chunk(table, part, chunk)

    def close_rows(self) -> int:
        """No more files and rows follow; how many rows there are."""
        self._add(ROWS, msgspec.json.encode(Rows(self._counts, self._sum.hex(), self._sum.prove(ROWS, self._key))))
        return sum(self._counts.values())

    def add_blob(self, name: bytes, size: int, content: IO[bytes]) -> None:
        """An attachment of so many bytes. Raises BackupError where `content` ends earlier."""
        header = self._header(f"attachments/{name.hex()}", size)
        hashed = _Hashed(content)
        try:
            self._tar.addfile(header, hashed)
        except OSError as fault:
            if fault.errno is None:  # tarfile's own "unexpected end of data"
                raise BackupError("backup-unwritable", "an attachment became shorter meanwhile") from fault
            raise
        self._sum.add(header.name, hashed.digest())
        self._blobs += 1
        self._blob_bytes += size

    def finish(self) -> None:
        """Whole."""
        self._add(END, msgspec.json.encode(End(self._blobs, self._blob_bytes, self._sum.prove(END, self._key))))
        self._tar.close()

    def _add_chunk(self, table: str, part: int, rows: list[Row]) -> None:
        self._counts[table] += len(rows)
        self._add(f"tables/{table}/{part:06d}", msgspec.msgpack.encode(rows))

    def _add(self, name: str, content: bytes) -> None:
        self._sum.add(name, content)
        self._tar.addfile(self._header(name, len(content)), io.BytesIO(content))

    def _header(self, name: str, size: int) -> tarfile.TarInfo:
        header = tarfile.TarInfo(name)
        header.size, header.mode, header.mtime = size, 0o600, self._at
        return header


class _Header(tarfile.TarInfo):
    """A plain file alone. Names and attributes in members of their own are refused: the library reads those whole."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        found = super().frombuf(buf, encoding, errors)
        if found.type not in {tarfile.REGTYPE, tarfile.AREGTYPE} or found.size < 0:
            raise _damaged("a part that does not belong there")
        return found


class ArchiveReader:
    """Reads one archive, whatever wrote it. Raises BackupError `backup-damaged` for all that is not as the module says.

    `parts` gives files, rows and attachments as they come. A caller that goes through all of them knows that the
    archive is whole; `rows` is set as soon as files and rows have proved to be.
    """

    def __init__(self, file: IO[bytes]) -> None:
        try:
            self._tar = tarfile.open(fileobj=file, mode="r|", tarinfo=_Header)  # noqa: SIM115  # the caller closes the file
        except tarfile.TarError as fault:
            raise _damaged("it is no tar file") from fault
        self._sum = _Sum()
        self._members = self._read_members()
        name, first = next(self._members, ("", None))
        if first is None or name != HEAD:
            raise _damaged("it does not begin as a backup does")
        content = first.read(_HEAD_MAX)
        self._sum.add(HEAD, content)
        found = _decode(content, Head)
        if found.version not in {UNPROVEN, VERSION}:
            raise BackupError("backup-damaged", f"it is of form {found.version}; this version of Zajil knows {VERSION}")
        self.head = found
        self._key = b""
        self.rows: Rows | None = None
        self.end: End | None = None
        self._counts = dict.fromkeys(found.columns, 0)
        self._parts = dict.fromkeys(found.columns, 0)

    def prove_by(self, key: bytes) -> None:
        """From now on whatever this key did not prove is refused, as `backup-forged`."""
        self._key = key

    def parts(self) -> Iterator[Part | TableRows]:
        """Files, rows and attachments as they lie in it."""
        blobs = size = 0
        for name, part in self._members:
            if part.blob:
                if self.rows is None:
                    raise _damaged("an attachment in front of its place")
                blobs, size = blobs + 1, size + part.size
                hashed = _Hashed(part.content)
                yield part._replace(content=hashed)
                self._sum.add(name, hashed.drain())
            elif name == END:
                self.end = _decode(part.read(SMALL_MAX), End)
                if (self.end.attachments, self.end.bytes) != (blobs, size):
                    raise _damaged("attachments are missing")
                self._check(END, self.end.proof)
            elif self.rows is not None:
                raise _damaged("a part after its place")
            elif name == ROWS:
                self.rows = self._close_rows(part)
            else:
                yield self._take(name, part)
        if self.end is None:
            raise _damaged("it ends too early")

    def _take(self, name: str, part: Part) -> Part | TableRows:
        """A file, read whole, or rows."""
        content = part.read(CHUNK_MAX if part.table else SMALL_MAX)
        self._sum.add(name, content)
        if not part.table:
            if any(self._parts.values()):
                raise _damaged("a file after its place")
            return part._replace(content=io.BytesIO(content))
        if part.table not in self._counts or name != f"tables/{part.table}/{self._parts[part.table]:06d}":
            raise _damaged("rows out of order")
        rows = _decode_rows(content, len(self.head.columns[part.table]))
        self._parts[part.table] += 1
        self._counts[part.table] += len(rows)
        return TableRows(part.table, rows)

    def _close_rows(self, part: Part) -> Rows:
        content = part.read(SMALL_MAX)
        found = _decode(content, Rows)
        if found.counts != self._counts or found.sha256 != self._sum.hex():
            raise _damaged("its checksum does not fit: bytes were changed or are missing")
        self._check(ROWS, found.proof)
        self._sum.add(ROWS, content)
        return found

    def _check(self, name: str, proof: str) -> None:
        if self._key and not hmac.compare_digest(self._sum.prove(name, self._key).encode(), proof.encode()):
            raise BackupError("backup-forged")

    def _read_members(self) -> Iterator[tuple[str, Part]]:
        try:
            for header in self._tar:
                content = self._tar.extractfile(header) if header.isreg() and not header.issparse() else None
                named = _MEMBER.fullmatch(header.name)
                if content is None or not (named or header.name in {HEAD, ROWS, END}) or self._is_over:
                    raise _damaged("a part that does not belong there")
                found = named.groupdict() if named else {}
                blob = bytes.fromhex(found.get("blob") or "")
                if blob and header.size > BLOB_MAX:
                    raise _damaged("an attachment is larger than any may be")
                yield header.name, Part(found.get("file") or "", found.get("table") or "", blob, header.size, content)
        except (tarfile.TarError, EOFError, ValueError, OverflowError) as fault:
            raise _damaged("it cannot be read as a tar file to its end") from fault

    @property
    def _is_over(self) -> bool:
        return getattr(self, "end", None) is not None


def _read_some(content: Readable, size: int) -> bytes:
    try:
        return content.read(size)
    except tarfile.TarError as fault:
        raise _damaged("it ends in the middle of a part") from fault


def copy_part(part: Part, into: IO[bytes]) -> bytes:
    """Write an attachment out piece by piece; its SHA-256. Raises BackupError where it is broken off."""
    digest, left = hashlib.sha256(), part.size
    while left:
        piece = _read_some(part.content, min(left, _READ_BYTES))
        if not piece:
            raise _damaged("it ends in the middle of an attachment")
        digest.update(piece)
        into.write(piece)
        left -= len(piece)
    return digest.digest()


class _Sum:
    """The digest over all parts so far."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, name: str, content: bytes) -> None:
        self._digest.update(f"{name}\0{len(content)}\0".encode())
        self._digest.update(content)

    def hex(self) -> str:
        return self._digest.hexdigest()

    def prove(self, name: str, key: bytes) -> str:
        """HMAC of all parts so far, in the place of this member; hex, "" without a key."""
        return hmac.new(key, name.encode() + b"\0" + self._digest.digest(), "sha256").hexdigest() if key else ""


class _Hashed:
    """Content of an attachment that is hashed as it is read."""

    def __init__(self, content: Readable) -> None:
        self._content, self._digest = content, hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        piece = self._content.read(size)
        self._digest.update(piece)
        return piece

    def drain(self) -> bytes:
        """The digest of all of it, also of what nobody read."""
        while _read_some(self, _READ_BYTES):
            pass
        return self.digest()

    def digest(self) -> bytes:
        return self._digest.digest()


def _decode(content: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        raise _damaged("its head or an ending is not as it should be") from fault


def _decode_rows(content: bytes, width: int) -> list[Row]:
    try:
        rows: list[Row] = msgspec.msgpack.decode(content, type=list[tuple[Any, ...]])  # Any: checked below
    except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
        raise _damaged("rows that are none") from fault
    if any(len(row) != width for row in rows) or not {type(value) for row in rows for value in row} <= _TYPES:
        raise _damaged("a row that does not fit its table")
    return rows


def _damaged(remark: str) -> BackupError:
    return BackupError("backup-damaged", remark)
