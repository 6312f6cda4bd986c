"""What `Client` does with files: send them with a message, and save those of one."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Callable, Sequence
from pathlib import Path
from secrets import token_bytes

import msgspec

from zajil.client import listing
from zajil.client.core import outbox
from zajil.client.core.talk.places import load_message
from zajil.client.files import crypt, fetching, jobs
from zajil.client.files.drafts import check_free, draft_for
from zajil.client.files.jobs import Part, Upload
from zajil.client.files.names import safe_name
from zajil.client.files.uploading import FOLDER, NEW, remove_ciphertexts
from zajil.client.shell.calls import Calls
from zajil.client.state import rows
from zajil.client.talking import Talking, gid_of, identity_of, with_links
from zajil.client.views import Chat, Content, Mention, Message, Progress
from zajil.protocol.attachments import FILE_BYTES
from zajil.protocol.chat.files import CAPTION_BYTES, FILES_MAX
from zajil.protocol.errors import AuthError, Limited, Malformed, Unavailable, ZajilError, error
from zajil.protocol.ids import MessageId, encode_b64, parse_b64

Tell = Callable[[int, int], None]
"""Gets the bytes that are through and the bytes of the whole, padding included."""
UNKNOWN_TYPE = "application/octet-stream"


def say_nothing(_done: int, _whole: int) -> None:
    """Nobody watches."""


class Filing(Talking):
    """The part of `Client` for files. Every method raises `unknown-chat`."""

    async def send_files(
        self,
        chat: Chat,
        files: Sequence[Path | Content],
        text: str = "",
        *,
        reply_to: str | None = None,
        mentions: Sequence[Mention] = (),
        tell: Tell = say_nothing,
    ) -> str:
        """Message id of a message with these files, once the server holds all of it durably.

        Raises as `queue_files` and `send`; Unreachable, `storage-full` or `slow-down` while it stays queued.
        """
        job = await self.queue_files(chat, files, text, reply_to=reply_to, mentions=mentions)
        self._device.runner.uploads.hurry()
        await self._until_uploaded(job, tell)
        with self._core.look() as step:
            identity = jobs.find_fate(step, job)
        if identity is None:
            raise error("gone", "message")
        name = encode_b64(MessageId(identity))
        await self._until_out(name)
        return name

    async def queue_files(
        self,
        chat: Chat,
        files: Sequence[Path | Content],
        text: str = "",
        *,
        reply_to: str | None = None,
        mentions: Sequence[Mention] = (),
    ) -> bytes:
        """Seal these files and keep them with their message, to go out with the next `sync`, `send` or `follow`.

        Files go as they are, with whatever they hold about where and by whom they were made. Once this returns they may
        change or go. Returns the name of the job. Raises OSError for a file that cannot be read, `file-too-big`,
        `too-many-files`, `text-too-long` over 32 KiB, `not-a-member`, `gone` for an answer to nothing.
        """
        if not 1 <= len(files) <= FILES_MAX:
            raise error("too-many-files")
        if any(_size_of(each) > FILE_BYTES for each in files):
            raise error("file-too-big")
        with self._core.look() as step:
            linked = with_links(step, text, mentions)
            quoted = b""
            if reply_to is not None:
                quoted = load_message(step, gid_of(chat), identity_of(reply_to))[1].message_id
        if len(linked.encode()) > CAPTION_BYTES:
            raise error("text-too-long")
        folder = self._device.home / FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        parts: list[Part] = []
        try:
            for each in files:
                blob = token_bytes(jobs.BLOB_BYTES)
                parts.append(await asyncio.to_thread(_seal, each, folder / f"{blob.hex()}{NEW}", blob))
            upload = Upload(token_bytes(jobs.JOB_BYTES), gid_of(chat), linked, quoted, tuple(parts), self._core.now())
            with self._core.step("submit-files") as step:
                jobs.submit(step, upload)
        except BaseException:
            for part in parts:
                (folder / f"{part.blob.hex()}{NEW}").unlink(missing_ok=True)
            raise
        return upload.job

    def waiting_uploads(self) -> int:
        """How many messages wait for their files to go out."""
        with self._core.look() as step:
            return step.tx.count(jobs.TABLE)

    def waiting_messages(self) -> list[str]:
        """Ids of own messages that are not out yet, with files or without, as `read` has them."""
        with self._core.look() as step:
            files = [upload.job for upload in jobs.uploads(step) if upload.gid]
            queued = [item.message_id for _, item in rows.items(step.tx) if item.kind == "message" and item.shown]
        return [encode_b64(MessageId(identity)) for identity in (*files, *queued)]

    async def finish_uploads(self, tell: Tell = say_nothing) -> None:
        """Send all files that wait, and their messages. Raises what keeps one here, after the others had their turn."""
        with self._core.look() as step:
            waiting = [upload.job for upload in jobs.uploads(step)]
        problems: list[ZajilError] = []
        self._device.runner.uploads.hurry()
        for job in waiting:
            try:
                await self._until_uploaded(job, tell)
            except (Limited, Unavailable, AuthError) as problem:
                problems.append(problem)
        if len(problems) < len(waiting):
            await self._device.until(lambda: self._core.is_settled(0))
        if problems:
            raise problems[0]

    async def _until_uploaded(self, job: bytes, tell: Tell) -> None:
        """Until the message of a job is queued; the line may fail and come back meanwhile."""
        uploads = self._device.runner.uploads
        with self._core.look() as step:
            found = jobs.find(step, job)
        told = -1

        def is_over() -> bool:
            nonlocal told
            with self._core.look() as step:
                outbox.check_may_send(step)
                waits = jobs.find(step, job) is not None
            sent = uploads.sent_bytes.get(job, 0)
            if waits and found is not None and sent != told:
                told = sent
                tell(sent, found.whole_bytes)
            return not waits or uploads.find_problem(job) is not None

        await self._device.runner.until(is_over, patient=True)
        with self._core.look() as step:
            waits = jobs.find(step, job) is not None
        problem = uploads.find_problem(job)
        if waits and problem is not None:
            raise problem
        if found is not None:
            tell(found.whole_bytes, found.whole_bytes)

    def read(self, chat: Chat, *, limit: int = 50) -> list[Message]:
        """As `Talking.read`; messages whose files are going out stand at the end."""
        running = self._device.running
        sent: dict[bytes, int] = {} if running is None else running.uploads.sent_bytes
        with self._core.look() as step:
            waiting = [
                msgspec.structs.replace(
                    listing.message_view(step, message),
                    progress=Progress(max(upload.sent_bytes, sent.get(upload.job, 0)), upload.whole_bytes),
                )
                for upload, message in jobs.shown(step, gid_of(chat))
            ]
        waiting = waiting[-limit:]
        rest = limit - len(waiting)
        return [*super().read(chat, limit=rest), *waiting] if rest else waiting

    async def delete(self, chat: Chat, message: str) -> None:
        """As `Talking.delete`; a message whose files are going out is withdrawn."""
        identity = self._withdraw(chat, message)
        if identity is not None:
            await super().delete(chat, identity)

    def delete_here(self, chat: Chat, message: str) -> None:
        """As `Talking.delete_here`; a message whose files are going out is withdrawn."""
        identity = self._withdraw(chat, message)
        if identity is not None:
            super().delete_here(chat, identity)

    def _withdraw(self, chat: Chat, message: str) -> str | None:
        """The id that the message has now; None where it waited for its files, and does so no more."""
        try:
            job = parse_b64(message, size=jobs.JOB_BYTES)
        except Malformed:
            return message
        with self._core.step("withdraw-files") as step:
            upload = jobs.withdraw(step, gid_of(chat), job)
            fate = jobs.find_fate(step, job)
        if upload is None:
            return message if fate is None else encode_b64(MessageId(fate))
        remove_ciphertexts(self._device.home / FOLDER, upload)
        return None

    def file_name(self, chat: Chat, message: str, n: int = 0) -> str:
        """A harmless name for file n of a message, made of its sender's. Raises `gone`, `no-attachment`."""
        return safe_name(self._file(chat, message, n).name)

    async def save_file(
        self, chat: Chat, message: str, n: int, target: Path, *, replace: bool = False, tell: Tell = say_nothing
    ) -> None:
        """Save file n of a message, counted from 0, as `target`: fetched, checked, and only then opened.

        What was fetched stays for the next attempt where this is cut off. Raises FileExistsError where something of
        that name is there, unless `replace`; other OSErrors; `gone` (also where the server keeps it no more),
        `no-attachment`, `hash-mismatch`, Unreachable, `home-busy` while another process fetches the same.
        """
        row = self._file(chat, message, n)
        if not row.attachment_id:
            raise error("no-attachment")
        if not replace:
            check_free(target)
        fetching.sweep(self._device.home / fetching.FOLDER, now_s=self._core.now() / 1000)
        name = self._device.store.hash_id("download", row.attachment_id).hex()
        sealed = self._device.home / fetching.FOLDER / name
        with fetching.held_open(sealed) as descriptor:
            await fetching.fetch(Calls(self._device.reach.lane(fetching.LANE)), row.file(), descriptor, tell=tell)
            with draft_for(target) as draft:
                try:
                    await asyncio.to_thread(crypt.open_into, sealed, draft.descriptor, row.file())
                except ZajilError:
                    sealed.unlink(missing_ok=True)  # what is not as announced is fetched anew
                    raise
                if replace:
                    draft.replace()
                else:
                    draft.settle()
            sealed.unlink(missing_ok=True)

    def _file(self, chat: Chat, message: str, n: int) -> rows.FileRow:
        with self._core.look() as step:
            held = load_message(step, gid_of(chat), identity_of(message))[1].files
        if not 0 <= n < len(held):
            raise error("no-attachment")
        return held[n]


def _size_of(file: Path | Content) -> int:
    return len(file.data) if isinstance(file, Content) else file.stat().st_size


def _seal(file: Path | Content, target: Path, blob: bytes) -> Part:
    sealed = crypt.seal_file(file.data if isinstance(file, Content) else file, target)
    kind = mimetypes.guess_type(file.name)[0] or UNKNOWN_TYPE
    name = file.name.encode("utf-8", "replace")[:255].decode("utf-8", "ignore")
    row = rows.FileRow(b"", name, kind[:127], sealed.size, sealed.key, sealed.nonce, sealed.sha256)
    return Part(blob, row)
