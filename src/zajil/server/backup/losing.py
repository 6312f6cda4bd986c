"""`zajil admin keys accept-loss`: a server goes on without keys that its file had once and that nobody has any more.

As where a disk died after `zajil admin keys rotate` and before the next backup. What those keys sealed is bytes to
everybody. Left in place it would stop what reads it: a device that is handed its mailbox, the signed list of bridges.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, LargeBinary, case, delete, func, select, update

from zajil.bridges.registry.tables import bridge_of_token, bridge_token
from zajil.delivery.store import claim
from zajil.engine.keys import FILE_NAME as KEY_FILE
from zajil.engine.keys import Keys
from zajil.engine.sql.marks import Mark, compare, forget_marks, mark_of_name, marks_of_keys, read_marks
from zajil.engine.sql.schema import mailbox, mailbox_item, message
from zajil.protocol.limits import SIGNAL_TTL_S
from zajil.server.config import load_settings
from zajil.server.http.idempotency import http_idem
from zajil.server.schema import hold_data, open_database


class Loss(NamedTuple):
    """What was lost. keys: how many. messages: that waited for devices. tokens: of bridges."""

    keys: int
    messages: int
    tokens: int


def accept_loss(data: Path, *, only_ask: bool = False) -> Loss:
    """Have the database forget the keys that its `zajil.key` lacks, and delete what only they open; what that is.

    Devices are told of a gap where a message is gone. only_ask: change nothing. Raises ConfigError (a server runs, no
    database), KeyFileError: the file is missing, or it has none of the database's keys and is another server's.
    """
    settings = load_settings(data)
    with hold_data(data), closing(open_database(data)) as database:
        keys = Keys.load(data / KEY_FILE)
        own = marks_of_keys(keys)
        known = database.read_sync(read_marks)
        compare(known, [mark_of_name(settings.server_name)])
        if not set(own) & set(known):
            compare(known, own)
        lost = [mark for mark in known if mark[0] == KEY_FILE and mark not in own]
        held = keys.storage_numbers
        if only_ask or not lost:
            return database.read_sync(lambda db: _count(db, lost, held))
        return database.write_sync(lambda db: _forget(db, lost, held))


def _count(db: Connection, lost: list[Mark], held: tuple[int, ...]) -> Loss:
    if not lost:
        return Loss(0, 0, 0)
    waiting = select(func.count()).select_from(message).where(_is_lost(message.c.body, held))
    tokens = select(func.count()).select_from(bridge_token).where(_is_lost(bridge_token.c.token, held))
    return Loss(len(lost), db.execute(waiting).scalar_one(), db.execute(tokens).scalar_one())


def _forget(db: Connection, lost: list[Mark], held: tuple[int, ...]) -> Loss:
    found = _count(db, lost, held)
    forget_marks(db, lost)
    _drop_messages(db, held)
    db.execute(delete(claim).where(_is_lost(claim.c.answer, held)))
    db.execute(delete(http_idem).where(_is_lost(http_idem.c.answer, held)))
    unread = select(bridge_token.c.id).where(_is_lost(bridge_token.c.token, held))
    db.execute(delete(bridge_of_token).where(bridge_of_token.c.token_id.in_(unread)))
    db.execute(delete(bridge_token).where(_is_lost(bridge_token.c.token, held)))
    return found


def _drop_messages(db: Connection, held: tuple[int, ...]) -> None:
    """As where a mailbox overflows: its device is told that messages are missing, signals of calls aside."""
    is_lasting = message.c.expires > message.c.ts // 1000 + SIGNAL_TTL_S
    gone = (
        select(
            mailbox_item.c.mailbox_id,
            func.count(),
            func.sum(mailbox_item.c.size),
            func.sum(case((is_lasting, 1), else_=0)),
            func.max(case((is_lasting, mailbox_item.c.seq + 1), else_=0)),
        )
        .join(message, message.c.id == mailbox_item.c.message_id)
        .where(_is_lost(message.c.body, held))
        .group_by(mailbox_item.c.mailbox_id)
    )
    for mailbox_id, count, size, lasting, gap_seq in db.execute(gone).all():
        after = case((mailbox.c.gap_seq < int(gap_seq), int(gap_seq)), else_=mailbox.c.gap_seq)
        db.execute(
            update(mailbox)
            .where(mailbox.c.mailbox_id == mailbox_id)
            .values(
                count=mailbox.c.count - int(count),
                bytes=mailbox.c.bytes - int(size),
                gap_count=mailbox.c.gap_count + int(lasting),
                gap_seq=after,
            )
        )
    unread = select(message.c.id).where(_is_lost(message.c.body, held))
    db.execute(delete(mailbox_item).where(mailbox_item.c.message_id.in_(unread)))
    db.execute(delete(message).where(_is_lost(message.c.body, held)))


def _is_lost(sealed: ColumnElement[bytes], held: tuple[int, ...]) -> ColumnElement[bool]:
    """Whether `Keys.seal` made it with none of these keys: it begins with the number of its own."""
    return func.substr(sealed, 1, 1, type_=LargeBinary()).not_in([bytes([number]) for number in held])
