"""Rows of this device as an archive, and an archive as rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal, cast

from zajil.client.core import messages
from zajil.client.core.expiry import sweep
from zajil.client.core.talk import actions, reading
from zajil.client.core.talk.places import is_listed
from zajil.client.state import deadlines, notices, rows
from zajil.client.state.notices import Notice, NoticeCode
from zajil.client.state.rows import CallRow, FileRow, Reacted, Received, StoredMessage, Version
from zajil.client.state.step import Step
from zajil.protocol.chat import expiry, forms
from zajil.protocol.history.archive import (
    KEPT_BYTES,
    NOTICES,
    PART_BYTES,
    PARTS_MAX,
    STATES,
    Archive,
    ArchivedChat,
    ArchivedFile,
    ArchivedMessage,
)

MESSAGES_A_PIECE = 200
PIECE_BYTES = 4 * 1024 * 1024
"""Beyond it a piece is halved, so that no part outgrows what its reader takes."""


def pack(step: Step) -> Iterator[bytes]:
    """The parts of an archive of all that this device shows in its chats, the newest chat first, PARTS_MAX at most.

    What still waits to go out comes by itself once it does; what is over never travels. Where a history is larger, the
    oldest chats stay behind.
    """
    account = step.profile.account_id
    chats: list[ArchivedChat] = []
    size = made = 0
    for piece, piece_bytes in (half for whole in _pieces(step) for half in _halved(account, whole)):
        chats.append(piece)
        size += piece_bytes
        if size >= PART_BYTES:
            yield Archive(account, tuple(chats)).encode()
            chats, size, made = [], 0, made + 1
            if made == PARTS_MAX:
                return
    if chats:
        yield Archive(account, tuple(chats)).encode()


def _halved(account: bytes, piece: ArchivedChat) -> Iterator[tuple[ArchivedChat, int]]:
    """A piece with its size, in halves where it is too large."""
    size = len(Archive(account, (piece,)).encode())
    if size <= PIECE_BYTES or len(piece.messages) < 2:
        yield piece, size
        return
    middle = (len(piece.messages) + 1) // 2
    yield from _halved(account, replace(piece, messages=piece.messages[:middle]))
    yield from _halved(account, replace(piece, messages=piece.messages[middle:], notices=()))


def _pieces(step: Step) -> Iterator[ArchivedChat]:
    """What each chat shows, some rows at a time."""
    for chat in rows.all_chats(step.tx):
        if chat.status not in ("active", "creating") or not is_listed(chat):
            continue
        told = tuple(
            (line.code, line.account, line.at, line.seconds)
            for line in notices.load_notices(step.tx, chat.gid)
            if line.code in NOTICES
        )
        after = 0
        while page := step.tx.rows("message", chat.gid, after=after, first=MESSAGES_A_PIECE):
            found = [(n, rows.parse_row(data, StoredMessage)) for n, data in page]
            carried = [(n, row) for n, row in found if _is_carried(row, now=step.now)]
            read = [row.message_id for n, row in carried if n <= chat.read_n]
            if carried or told:
                texts = tuple(_packed(row) for _, row in carried)
                yield ArchivedChat(chat.gid, read[-1] if read else b"", texts, told)
            after, told = page[-1][0], ()
        if told:
            yield ArchivedChat(chat.gid, b"", (), told)


def _is_carried(row: StoredMessage, *, now: int) -> bool:
    """Neither what still waits nor what is over, nor a content that is larger than an archive holds."""
    return row.state in STATES and not 0 < row.expires_at <= now and len(row.kept) <= KEPT_BYTES


def _packed(row: StoredMessage) -> ArchivedMessage:
    call = row.call
    return ArchivedMessage(
        row.message_id,
        row.account,
        row.device,
        row.sent,
        row.arrived,
        row.state,
        row.text,
        row.reply_to,
        tuple((version.text, version.at, version.message_id) for version in row.versions),
        row.deleted_by,
        tuple((one.account, one.emoji, one.at, one.message_id) for one in row.reactions),
        tuple((one.account, one.delivered, one.read) for one in row.receipts),
        row.kept,
        None if call is None else (call.call, call.kind, call.outcome, call.seconds),
        tuple(
            ArchivedFile(f.attachment_id, f.name, f.content_type, f.size, f.key, f.nonce, f.sha256) for f in row.files
        ),
        row.expire_s,
        row.expires_at,
    )


def unpack(step: Step, parts: Sequence[Archive]) -> int:
    """Put the messages of an archive into their chats, before what came since; how many were new.

    Parts of another account bring nothing, and so do chats that are not ours. What stands here already came from its
    author and stays as it is, in the place that the archive has for it; what was here and went, or is over, stays away.
    """
    pieces: dict[bytes, list[ArchivedChat]] = {}
    for part in parts:
        for piece in part.chats if part.account == step.profile.account_id else ():
            chat = rows.find_chat(step.tx, piece.gid)
            if chat is not None and chat.request != "incoming":
                pieces.setdefault(chat.merged or chat.gid, []).append(piece)
    return sum(_unpack(step, place, found) for place, found in pieces.items())


def _unpack(step: Step, place: bytes, pieces: Sequence[ArchivedChat]) -> int:
    archived = {message.message_id: message for piece in pieces for message in piece.messages}
    here = [(n, rows.parse_row(data, StoredMessage)) for n, data in step.tx.rows("message", place)]
    live = {message.message_id: message for _, message in here}
    new = {
        identity: _row(place, message, now=step.now)
        for identity, message in archived.items()
        if identity not in live and _is_wanted(step, message)
    }
    new = {identity: deadlines.keep(step.tx, message) for identity, message in new.items()}
    if not new and not any(piece.notices for piece in pieces):
        return 0
    chat = step.chat(place)
    read = {piece.read_to for piece in pieces} | {message.message_id for n, message in here if n <= chat.read_n}
    for n, _ in here:
        step.tx.remove("message", n)
    order = [*(live.get(identity) or new.get(identity) for identity in archived)]
    order += [message for identity, message in live.items() if identity not in archived]
    read_n = 0
    for message in order:
        if message is not None:
            n = step.tx.append("message", place, message.message_id, rows.encode_row(message))
            read_n = n if message.message_id in read else read_n
    for identity in new:
        messages.is_news(step, identity)  # what the mailbox still holds of it is known by now
        actions.settle_early(step, chat, identity)
    lines = (line for piece in pieces for line in piece.notices)
    told = [Notice(cast("NoticeCode", code), account, at, seconds) for code, account, at, seconds in lines]
    _add_notices(step, place, told)
    step.change_chat(place, read_n=read_n)
    reading.start_read(step, place)
    reading.recount(step, place)
    for identity in list(new)[-1:]:
        step.event("message", place, identity)
    return len(new)


def _is_wanted(step: Step, message: ArchivedMessage) -> bool:
    """Whether this device never had it, and may show it."""
    identity = message.message_id
    if step.tx.lookup("message", identity) is not None or step.tx.find("known", identity) is not None:
        return False
    if not 0 < message.expires_at <= step.now:
        return True
    sweep.note_gone(step, identity)
    return False


def _add_notices(step: Step, place: bytes, told: Sequence[Notice]) -> None:
    since = notices.load_notices(step.tx, place)
    known = set(since)
    step.tx.delete("meta", notices.row_name(place))
    notices.add_notices(step.tx, place, [line for line in told if line not in known])
    notices.add_notices(step.tx, place, since)


def _row(place: bytes, message: ArchivedMessage, *, now: int) -> StoredMessage:
    call, span = message.call, message.expire_s
    ends = message.expires_at and (expiry.look(message.expires_at, span, now=now) or now)
    return StoredMessage(
        message.message_id,
        place,
        message.account,
        message.device,
        message.sent,
        cast("Literal['received', 'sent', 'delivered', 'read']", message.state),
        message.text,
        reply_to=message.reply_to,
        versions=tuple(Version(*version) for version in message.versions),
        deleted_by=message.deleted_by,
        reactions=tuple(Reacted(*reaction) for reaction in message.reactions),
        receipts=tuple(Received(*receipt) for receipt in message.receipts),
        arrived=message.arrived,
        kept=message.kept,
        call=None
        if call is None
        else CallRow(call[0], cast("forms.CallKind", call[1]), cast("forms.CallOutcome", call[2]), call[3]),
        files=tuple(
            FileRow(f.attachment_id, f.name, f.content_type, f.size, f.key, f.nonce, f.sha256) for f in message.files
        ),
        expire_s=span,
        expires_at=ends,
    )
