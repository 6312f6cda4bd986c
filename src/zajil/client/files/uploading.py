"""Sends files: one at a time, by one process of the home, from where the server says that each of them stands.

Calls go on a lane of their own and carry passes or the secret of one upload, never the account: what the server sees of
a file shares no connection with anything that names us. Only the passes are asked for by the account, before.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Container
from pathlib import Path
from typing import Final

import msgspec

from zajil.client.core.core import Core
from zajil.client.files import jobs
from zajil.client.files.jobs import Part, Upload
from zajil.client.files.patience import Patience
from zajil.client.shell.calls import Calls, device_auth
from zajil.client.shell.login import Tokens, is_login_error
from zajil.client.storage.lock import UPLOAD_FILE, SyncLock
from zajil.protocol import control
from zajil.protocol.attachments import AddAttachment, AddedAttachment, UploadOffset, padded_bytes, passes_for
from zajil.protocol.errors import AuthError, Limited, Malformed, Unavailable, ZajilError, error
from zajil.protocol.ids import B32, encode_b64

FOLDER: Final = "uploads"
BEGINNINGS_MAX: Final = 3
"""An upload that the server forgot, or found to be something else, is begun anew so often."""
REST_S: Final = 30.0
CONFLICTS_MAX: Final = 10
LANE: Final = "files up"
"""Not the lane of downloads: a pass was asked for just before, and what was fetched would be joined with that."""
NEW: Final = ".new"
"""Ending of a ciphertext whose row is not there yet."""
_ANEW: Final = frozenset({"gone", "pass-spent", "hash-mismatch"})
_OF_ONE: Final = frozenset({"storage-full", "slow-down"})
"""What keeps one message here and may let a smaller one pass."""
_WRITTEN_BYTES: Final = 1 << 20
_WRITTEN_TIMES: Final = 20
"""Other processes of the home see how far an upload is; writing that down with every piece would slow it."""
_DAY_S: Final = 86_400


class Uploads:
    """Made with a runner; `look` is called often and costs one count of rows where there is nothing to send."""

    def __init__(self, core: Core, *, calls: Callable[[], Calls], account: Calls, tokens: Tokens, home: Path) -> None:
        """calls: those of the lane of files. account: those that a device makes, for passes."""
        self._core = core
        self._calls = calls
        self._account = account
        self._tokens = tokens
        self._folder = home / FOLDER
        self._lock = SyncLock(home, file=UPLOAD_FILE)
        self._task: asyncio.Task[None] | None = None
        self._not_before = 0.0
        self._problem: ZajilError | None = None
        self._own_problems: dict[bytes, ZajilError] = {}
        self.sent_bytes: dict[bytes, int] = {}
        """By job: how much of its ciphertexts is at the server, as far as this process knows."""

    def look(self) -> None:
        """Begin to send where something waits and nobody sends. Raises what a bug ended the last attempt with."""
        if self._task is not None and self._task.done():
            done, self._task = self._task, None
            done.result()
        if self._task is not None or asyncio.get_running_loop().time() < self._not_before:
            return
        with self._core.look() as step:
            waits = step.tx.count(jobs.TABLE)
        if waits and self._lock.try_acquire():
            self._problem = None
            self._own_problems.clear()
            self._task = asyncio.create_task(self._run())

    def hurry(self) -> None:
        """Somebody waits: try at once, whatever was before."""
        self._not_before = 0.0
        self._problem = None
        self._own_problems.clear()

    def find_problem(self, job: bytes) -> ZajilError | None:
        """What keeps this job here for now: of its own, or of the line that all of them share."""
        return self._own_problems.get(job) or self._problem

    async def close(self) -> None:
        """Stop; the next process goes on."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        self._lock.release()

    async def _run(self) -> None:
        """Send what waits, the first one first. One that has to wait for room or its turn lets the next ones pass."""
        tried: set[bytes] = set()
        try:
            self._sweep()
            while (upload := self._next(tried)) is not None:
                try:
                    await self._send(upload)
                except (Limited, Unavailable) as problem:
                    if problem.code not in _OF_ONE:
                        raise
                    tried.add(upload.job)
                    self._own_problems[upload.job] = problem
        except (Limited, Unavailable, AuthError) as problem:
            self._problem = problem
        finally:
            if self._problem is not None or self._own_problems:
                self._not_before = asyncio.get_running_loop().time() + REST_S
            self._lock.release()

    def _next(self, tried: Container[bytes]) -> Upload | None:
        """The first one that was not tried in this run."""
        with self._core.look() as step:
            if step.session().rolled_back or step.session().revoked:
                return None
            return next((upload for upload in jobs.uploads(step) if upload.job not in tried), None)

    def _sweep(self) -> None:
        """Remove ciphertexts whose message went out, and what a process left that ended while it sealed, a day ago."""
        with self._core.look() as step:
            wanted = {part.blob.hex() for upload in jobs.uploads(step) for part in upload.parts}
        for path in list(self._folder.iterdir()) if self._folder.exists() else ():
            with contextlib.suppress(FileNotFoundError):  # whoever seals gave up meanwhile
                fresh = path.suffix == NEW and self._core.now() / 1000 - path.stat().st_mtime < _DAY_S
                if path.stem not in wanted and not fresh:
                    path.unlink()

    async def _send(self, upload: Upload) -> None:
        """All files of one message. What the server refuses for good fails the message."""
        try:
            done = 0
            for n in range(len(upload.parts)):
                # Of an archive somebody knows the place already.
                await self._send_part(upload.job, n, done, beginnings=BEGINNINGS_MAX if upload.gid else 1)
                done += padded_bytes(upload.parts[n].file.size)
        except (Limited, Unavailable, AuthError):
            raise
        except ZajilError as reason:
            with self._core.step("upload-failed") as step:
                jobs.fail(step, upload.job, reason.code)
        except OSError:
            # The ciphertext is gone or cannot be read: what is on this disk cannot be sent.
            with self._core.step("upload-failed") as step:
                jobs.fail(step, upload.job, "no-attachment")
        else:
            with self._core.step("uploaded") as step:
                jobs.finish(step, upload.job)
        self.sent_bytes.pop(upload.job, None)
        remove_ciphertexts(self._folder, upload)

    async def _send_part(self, job: bytes, n: int, before: int, *, beginnings: int = BEGINNINGS_MAX) -> None:
        """One file, from wherever it stands. before: bytes of the files before it."""
        patience, losses, conflicts = Patience(), 0, 0
        while (part := self._part(job, n)) is not None and not part.done:
            try:
                if part.secret:
                    if await self._send_pieces(job, n, before, patience):
                        self._keep(job, n, msgspec.structs.replace(part, done=True))
                else:
                    await self._begin(job, n, part)
            except ZajilError as problem:
                if problem.code == "wrong-offset" and conflicts < CONFLICTS_MAX:
                    conflicts += 1
                elif problem.code == "gone" and not part.secret:
                    # Nothing was begun that could be gone: something on the way has a page of its own for 404.
                    await patience.bear(error("busy"))
                elif problem.code in _ANEW and losses + 1 < beginnings:
                    losses += 1
                    self._keep(job, n, msgspec.structs.replace(part, secret=b"", passes=(), sent=0))
                else:
                    await self._bear(problem, patience)

    async def _bear(self, problem: ZajilError, patience: Patience) -> None:
        """Wait before another try. Raises `problem`, in the end, where it stays."""
        try:
            # Something on the way may answer in the server's place, and not for long.
            passing = isinstance(problem, AuthError | Malformed) and problem.code not in _ANEW
            await patience.bear(error("busy") if passing else problem)
        except Unavailable:
            raise problem from None

    async def _begin(self, job: bytes, n: int, part: Part) -> None:
        """Announce the file with as many passes as its size takes, those of an attempt before where there was one."""
        padded = padded_bytes(part.file.size)
        if not part.passes:
            part = msgspec.structs.replace(part, passes=await self._take_passes(passes_for(padded)))
            self._keep(job, n, part)
        self._keep(job, n, await self.announce(part))

    async def announce(self, part: Part) -> Part:
        """The part with its place at the server, where nothing of it is yet."""
        padded = padded_bytes(part.file.size)
        passes = part.passes or await self._take_passes(passes_for(padded))
        announced = AddAttachment(padded, B32(part.file.sha256), tuple(B32(each) for each in passes))
        made = await self._calls().call(control.ADD_ATTACHMENT, AddedAttachment, request=announced)
        file = msgspec.structs.replace(part.file, attachment_id=bytes(made.id))
        return msgspec.structs.replace(part, file=file, secret=bytes(made.secret), passes=())

    async def _take_passes(self, n: int) -> tuple[bytes, ...]:
        """As the account, before and apart from everything about the file. Raises Malformed for another number."""
        wanted, token = control.TakePasses("upload", n), await self._tokens.token()
        try:
            taken = await self._account.call(
                control.TAKE_PASSES, control.Passes, request=wanted, auth=device_auth(token)
            )
        except AuthError as problem:
            if is_login_error(problem):
                self._tokens.forget(token)
            raise
        if len(taken.passes) != n:
            raise error("malformed", "another number of passes")
        return tuple(bytes(each) for each in taken.passes)

    async def _send_pieces(self, job: bytes, n: int, before: int, patience: Patience) -> bool:
        """Everything from where the server stands; False where the message was withdrawn meanwhile.

        Raises Malformed for an offset that the server cannot stand at.
        """
        part = self._part(job, n)
        if part is None:
            return False
        calls, whole = self._calls(), padded_bytes(part.file.size)
        auth, name = f"Upload {encode_b64(part.secret)}", encode_b64(part.file.attachment_id)
        said = await calls.call(control.ATTACHMENT_OFFSET, UploadOffset, auth=auth, id=name)
        offset = said.offset
        with _path_of(self._folder, part.blob).open("rb") as sealed:
            while offset < whole:
                self.sent_bytes[job] = before + offset
                if abs(offset - part.sent) >= max(_WRITTEN_BYTES, whole // _WRITTEN_TIMES):
                    part = msgspec.structs.replace(part, sent=offset)
                    self._keep(job, n, part)
                if self._part(job, n) is None:
                    return False
                sealed.seek(offset)
                piece = sealed.read(patience.piece_bytes)
                if not piece:
                    raise error("malformed", "ciphertext cut short")
                said = await calls.call(
                    control.PUT_ATTACHMENT, UploadOffset, request=piece, auth=auth, query=f"?offset={offset}", id=name
                )
                if said.offset != offset + len(piece):
                    raise error("malformed", "offset")
                offset = said.offset
                patience.moved()
        self.sent_bytes[job] = before + whole
        return True

    def _part(self, job: bytes, n: int) -> Part | None:
        with self._core.look() as step:
            upload = jobs.find(step, job)
        return None if upload is None else upload.parts[n]

    def _keep(self, job: bytes, n: int, part: Part) -> None:
        with self._core.step("upload") as step:
            jobs.change_part(step, job, n, part)


def remove_ciphertexts(folder: Path, upload: Upload) -> None:
    """Remove those of a message that is out, or that nobody gets."""
    for part in upload.parts:
        _path_of(folder, part.blob).unlink(missing_ok=True)


def _path_of(folder: Path, blob: bytes) -> Path:
    """Where a ciphertext lies. It gets this name after its row was kept, so that no sweep takes it for a stray."""
    path = folder / blob.hex()
    if not path.exists():
        with contextlib.suppress(FileNotFoundError):
            path.with_suffix(NEW).rename(path)
    return path
