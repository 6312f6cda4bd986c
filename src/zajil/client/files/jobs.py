"""Messages whose files are still going out: rows of `upload`, and what happens to them.

A message gets its id when it is whole, and its body names the attachments, whose ids the server makes; so it is queued
once the last of its files is at the server. Until then the row holds all of it, and beside the store lies the
ciphertext, made once. Whatever ends the process, the next one goes on where the server says that it stands.
"""

from __future__ import annotations

from typing import Final

import msgspec

from zajil.client.core import chats, messages, outbox
from zajil.client.core.talk.places import place_of
from zajil.client.state import rows
from zajil.client.state.step import Step
from zajil.protocol.attachments import padded_bytes
from zajil.protocol.chat import forms
from zajil.protocol.chat.files import File
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import MessageId

TABLE: Final = "upload"
BLOB_BYTES: Final = 16
JOB_BYTES: Final = 16
_FATE: Final = b"upload "
"""Before the id of a job, it names the message that it became, among the known ids."""


class Part(msgspec.Struct, frozen=True, array_like=True):
    """One file on its way. blob: names its ciphertext in the home. secret: of the upload, empty before it began.

    passes: for its announcement, until that was answered; they count against the account, so none are taken in vain.
    sent: bytes of the ciphertext that are at the server, as last written here; it may be more.
    """

    blob: bytes
    file: rows.FileRow
    secret: bytes = b""
    done: bool = False
    passes: tuple[bytes, ...] = ()
    sent: int = 0


class Upload(msgspec.Struct, frozen=True):
    """A message that waits for its files. job: 16 random bytes. text: with links for mentions. at: Unix ms or 0.

    gid: empty for the parts of an archive, which no message names: whoever gets them knows where they will be.
    """

    job: bytes
    gid: bytes
    text: str
    reply_to: bytes
    parts: tuple[Part, ...]
    at: int = 0

    @property
    def whole_bytes(self) -> int:
        """Of all its ciphertexts."""
        return sum(padded_bytes(part.file.size) for part in self.parts)

    @property
    def sent_bytes(self) -> int:
        """Of them, as far as this home has written it down."""
        return sum(padded_bytes(part.file.size) if part.done else part.sent for part in self.parts)


def submit(step: Step, upload: Upload) -> None:
    """Keep a message until its files are at the server. Raises `not-a-member`, and whatever forbids sending."""
    outbox.check_may_send(step)
    chats.check_writer(step, upload.gid)
    step.tx.append(TABLE, upload.gid, upload.job, rows.encode_row(upload))


def submit_archive(step: Step, upload: Upload) -> None:
    """Keep the announced parts of an archive until they are at the server."""
    step.tx.append(TABLE, upload.job, upload.job, rows.encode_row(upload))


def uploads(step: Step) -> list[Upload]:
    """All of them, the first one first."""
    return [rows.parse_row(data, Upload) for _, data in step.tx.rows(TABLE)]


def find(step: Step, job: bytes) -> Upload | None:
    """The message of this job while it waits."""
    found = step.tx.lookup(TABLE, job)
    return None if found is None else rows.parse_row(found[1], Upload)


def change_part(step: Step, job: bytes, n: int, part: Part) -> Upload | None:
    """Write part n of a job; the job then, None where it is over."""
    found = step.tx.lookup(TABLE, job)
    if found is None:
        return None
    upload = rows.parse_row(found[1], Upload)
    changed = msgspec.structs.replace(upload, parts=(*upload.parts[:n], part, *upload.parts[n + 1 :]))
    step.tx.replace(TABLE, found[0], rows.encode_row(changed))
    return changed


def withdraw(step: Step, gid: bytes, job: bytes) -> Upload | None:
    """The message of this job, which nobody gets now; None where it does not wait in this chat (any more).

    Whoever sends it notices with the next piece. What is at the server ends there by itself, and nobody has its key.
    """
    upload = find(step, job)
    if upload is None or place_of(step, upload.gid) != place_of(step, gid):
        return None
    found = step.tx.lookup(TABLE, job)
    if found is not None:
        step.tx.remove(TABLE, found[0])
    return upload


def shown(step: Step, gid: bytes) -> list[tuple[Upload, rows.StoredMessage]]:
    """Those that wait in this chat, the first one first, each as the message that it will be. Its id is the job's."""
    place, own = place_of(step, gid), step.profile
    found = [upload for upload in uploads(step) if upload.gid and place_of(step, upload.gid) == place]
    return [
        (
            upload,
            rows.StoredMessage(
                upload.job, place, own.account_id, own.device_id, upload.at or step.now, "sending", upload.text,
                reply_to=upload.reply_to, files=tuple(part.file for part in upload.parts),
            ),
        )
        for upload in found
    ]  # fmt: skip


def finish(step: Step, job: bytes) -> None:
    """All files of a job are at the server: its message is queued, or stands as failed where its chat is over."""
    upload = find(step, job)
    if upload is None:
        return
    if not upload.gid:
        _end(step, upload, b"")
        return
    try:
        gid = chats.check_writer(step, upload.gid).gid
        identity = messages.submit_files(step, gid, _form_of(upload))
    except ZajilError as reason:
        identity = messages.show_failed_files(step, place_of(step, upload.gid), _form_of(upload), reason.code)
    _end(step, upload, identity)


def fail(step: Step, job: bytes, reason: str) -> None:
    """A file of a job will not go out: its message stands as failed."""
    upload = find(step, job)
    if upload is None:
        return
    if not upload.gid:
        _end(step, upload, b"")
        return
    form = _form_of(upload)
    lost = tuple(
        file if part.done else msgspec.structs.replace(rows.FileRow.of(file), attachment_id=b"").file()
        for file, part in zip(form.files, upload.parts, strict=True)
    )
    form = forms.Files(lost, form.text, form.reply_to)
    _end(step, upload, messages.show_failed_files(step, place_of(step, upload.gid), form, reason))


def find_fate(step: Step, job: bytes) -> bytes | None:
    """The id of the message that a job became, None while it waits."""
    return step.tx.find("known", _FATE + job)


def _end(step: Step, upload: Upload, identity: bytes) -> None:
    found = step.tx.lookup(TABLE, upload.job)
    if found is not None:
        step.tx.remove(TABLE, found[0])
    step.tx.put("known", _FATE + upload.job, identity)


def _form_of(upload: Upload) -> forms.Files:
    files: tuple[File, ...] = tuple(part.file.file() for part in upload.parts)
    return forms.Files(files, upload.text, MessageId(upload.reply_to) if upload.reply_to else None)
