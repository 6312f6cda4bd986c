"""An archive on its way: the old device announces and sends it, the new one fetches and opens it.

The old device announces each part at the server before it answers, which takes one call a part, and sends the bytes
after: the answer names where they will be. So neither the 120 s of an offer nor the 256 KiB of an answer bound a
history, and what ends either device only makes it later.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from secrets import token_bytes
from typing import Final

import msgspec

from zajil.client.core.core import Core
from zajil.client.files import crypt, fetching, jobs
from zajil.client.files.jobs import Part, Upload
from zajil.client.files.uploading import FOLDER, NEW, Uploads
from zajil.client.history.packing import pack, unpack
from zajil.client.shell.calls import Calls
from zajil.client.state.rows import FileRow, encode_row, parse_row
from zajil.client.state.step import Step
from zajil.client.storage.store import Tx
from zajil.protocol.attachments import UNFINISHED_S
from zajil.protocol.chat.files import File
from zajil.protocol.errors import Limited, Refused, Unavailable, ZajilError, error
from zajil.protocol.history.archive import PART_BYTES_MAX, Archive
from zajil.protocol.identity.linking import ArchivePart

_ROW: Final = b"history"
_SEALED_TYPE: Final = "application/cbor"
PAUSE_S: Final = 1.0

Tell = Callable[[int, int], None]
"""Gets the bytes that are here and those of the whole, padding included."""


class Awaited(msgspec.Struct, frozen=True):
    """The parts that were announced to this device. since: Unix ms."""

    parts: tuple[FileRow, ...]
    since: int


async def announce(core: Core, uploads: Uploads, home: Path) -> tuple[ArchivePart, ...]:
    """Seal all history of this device, announce its parts and queue them. Nothing is left where this raises."""
    with core.look() as step:
        sealed = seal_parts(home, pack(step))
    return await announce_parts(core, uploads, home, sealed)


def seal_parts(home: Path, plain: Iterable[bytes]) -> list[Part]:
    """Seal each as it comes, so that one at a time is in memory. Nothing is left where this raises."""
    folder = home / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    parts: list[Part] = []
    try:
        for each in plain:
            blob = token_bytes(jobs.BLOB_BYTES)
            sealed = crypt.seal_file(each, _sealed_at(home, blob))
            file = FileRow(b"", "", _SEALED_TYPE, sealed.size, sealed.key, sealed.nonce, sealed.sha256)
            parts.append(Part(blob, file))
    except BaseException:
        _drop(home, parts)
        raise
    return parts


async def announce_parts(core: Core, uploads: Uploads, home: Path, sealed: Sequence[Part]) -> tuple[ArchivePart, ...]:
    """Announce these and queue them. Nothing is left where this raises."""
    try:
        parts = tuple([await uploads.announce(each) for each in sealed])
        if parts:
            with core.step("history") as step:
                jobs.submit_archive(step, Upload(token_bytes(jobs.JOB_BYTES), b"", "", b"", parts, step.now))
    except BaseException:
        _drop(home, sealed)
        raise
    return tuple(ArchivePart(p.file.attachment_id, p.file.size, p.file.key, p.file.nonce, p.file.sha256) for p in parts)


def _drop(home: Path, parts: Iterable[Part]) -> None:
    for part in parts:
        _sealed_at(home, part.blob).unlink(missing_ok=True)


def _sealed_at(home: Path, blob: bytes) -> Path:
    return home / FOLDER / f"{blob.hex()}{NEW}"


def await_parts(tx: Tx, parts: Sequence[ArchivePart], *, now: int) -> None:
    """Remember what an answer announced; parts that no archive has are left out."""
    files = tuple(
        FileRow(p.attachment_id, "", _SEALED_TYPE, p.size, p.key, p.nonce, p.sha256)
        for p in parts
        if p.size <= PART_BYTES_MAX
    )
    if len(files) == len(parts) > 0:
        tx.put("meta", _ROW, encode_row(Awaited(files, now)))


def find_awaited(step: Step) -> Awaited | None:
    """What this device still waits for."""
    data = step.tx.find("meta", _ROW)
    return None if data is None else parse_row(data, Awaited)


async def receive(core: Core, calls: Calls, folder: Path, *, tell: Tell, wait_s: float) -> bool:
    """Fetch the history that waits for this device and show it; False where none came.

    wait_s: how long a part that is still on its way is waited for; the next call goes on. Raises Malformed
    `hash-mismatch` or another refusal of what is no archive of ours, which is then forgotten; Unreachable.
    """
    with core.look() as step:
        awaited = find_awaited(step)
    if awaited is None:
        return False
    over = core.now() - awaited.since > UNFINISHED_S * 1000
    try:
        whole = sum(row.size for row in awaited.parts)
        archives: list[Archive] = []
        done = 0
        for row in awaited.parts:
            archives.append(await _fetch(calls, folder, row.file(), _shifted(tell, done, whole), wait_s))
            done += row.size
        with core.step("history") as step:
            if any(archive.account != step.profile.account_id for archive in archives):
                raise error("malformed", "archive of another account")
            unpack(step, archives)
            step.tx.delete("meta", _ROW)
    except (Limited, Unavailable):
        raise
    except ZajilError as problem:
        if problem.code == "gone" and not over:
            return False
        if problem.code == "home-busy":
            raise  # another process of this home fetches the same
        with core.step("history-lost") as step:
            step.tx.delete("meta", _ROW)
        raise
    for row in awaited.parts:
        _place(folder, row.file()).unlink(missing_ok=True)
    return True


def _shifted(tell: Tell, done: int, whole: int) -> Tell:
    return lambda here, _: tell(min(done + here, whole), whole)


def _place(folder: Path, file: File) -> Path:
    return folder / hashlib.sha256(b"history" + file.attachment_id).hexdigest()


async def _fetch(calls: Calls, folder: Path, file: File, tell: Tell, wait_s: float) -> Archive:
    path = _place(folder, file)
    end = asyncio.get_running_loop().time() + wait_s
    while True:
        try:
            with fetching.held_open(path) as descriptor:
                await fetching.fetch(calls, file, descriptor, tell=tell)
            break
        except Refused as problem:
            if problem.code != "gone" or asyncio.get_running_loop().time() >= end:
                raise
        await asyncio.sleep(PAUSE_S)
    plain = path.with_suffix(".plain")
    with contextlib.suppress(FileNotFoundError):
        plain.unlink()
    try:
        await asyncio.to_thread(crypt.open_file, path, plain, file)
        return Archive.parse(plain.read_bytes())
    except ZajilError:
        path.unlink(missing_ok=True)
        raise
    finally:
        plain.unlink(missing_ok=True)
