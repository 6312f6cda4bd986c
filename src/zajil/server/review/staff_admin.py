"""What whoever runs the server does about staff, on the data directory: the first admin has nobody to invite them."""

from __future__ import annotations

import os
import time
from pathlib import Path

from sqlalchemy import Connection

from zajil.engine.moderationkeys import FILE_NAME, ModerationKeys
from zajil.engine.sql.marks import check_log, unmade
from zajil.moderation.private.keys import ModeratorKeys
from zajil.moderation.staff.members import (
    CODE_BYTES,
    Made,
    find,
    make_invite,
    name_invite,
    new_code,
    revoke_in,
    view_staff,
)
from zajil.moderation.store import log
from zajil.protocol.ids import encode_b64
from zajil.protocol.review import api
from zajil.server.config import load_settings
from zajil.server.moderation.steering import OPERATOR, note, opened


def invite_staff(data: Path, request: api.NewInvite) -> Made:
    """A single-use code, good for 15 minutes. Raises Refused `gone` for one more key of nobody, KeyFileError."""
    now = int(time.time())

    def write(db: Connection) -> Made:
        made = make_invite(db, request, made_by=b"", code=new_code(os.urandom(CODE_BYTES)), now=now)
        member = find(db, bytes(request.staff)) if request.staff is not None else None
        note(db, _keys(data, db), "staff", name_invite(request, member), admin=OPERATOR, now=now)
        return made

    with opened(data) as database:
        return database.write_sync(write)


def front_of_console(data: Path, front: str | None = None) -> str:
    """What a link to the console begins with: `front`, the setting of that name, or this machine under a name.

    Raises ConfigError.
    """
    settings = load_settings(data, front=front)
    return settings.front or f"http://localhost:{settings.port}"


def is_moderated(data: Path) -> bool:
    """Whether the settings turn moderation on: else there is nothing to come in to. Raises ConfigError."""
    settings = load_settings(data)
    return settings.public_space and settings.moderation.enabled


def list_staff(data: Path) -> api.Staff:
    """Everybody, by when they came."""
    with opened(data) as database:
        return database.read_sync(view_staff)


def revoke_staff(data: Path, staff_id: bytes) -> None:
    """That member is of the staff no more. Raises Refused `gone`, `not-allowed` for the last admin."""
    now = int(time.time())

    def write(db: Connection) -> None:
        revoke_in(db, staff_id, now=now)
        note(db, _keys(data, db), "staff", f"revoke {encode_b64(staff_id)}", admin=OPERATOR, now=now)

    with opened(data) as database:
        database.write_sync(write)


def set_private_passphrase(data: Path, passphrase: str, *, current: str = "") -> None:
    """Private reports are sealed under this passphrase, the first or another. A server beside seals to it at once.

    Raises Refused `not-allowed` (there is one already, or none to change), `wrong-passphrase`, Malformed
    `short-passphrase`, KeyFileError.
    """
    keys = ModeratorKeys(data, clock=time.time)
    if current:
        keys.change(current, passphrase)
    else:
        keys.choose(passphrase)


def _keys(data: Path, db: Connection) -> ModerationKeys:
    """The log's keys; made here where no server has moderated yet, as its first start would."""
    with unmade(data / FILE_NAME):
        return check_log(db, ModerationKeys.load(data / FILE_NAME, create=log.count_entries(db) == 0))
