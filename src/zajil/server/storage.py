"""What a server keeps: its data directory with the keys, the database, the blobs, and the engine of mailboxes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cryptography.hazmat.primitives.asymmetric import ec

from zajil.bridges.registry import store as bridge_store
from zajil.calls.context import Relays
from zajil.engine import keys as key_file
from zajil.engine import moderationkeys as moderation_file
from zajil.engine import pushkeys as push_file
from zajil.engine import reachkeys as reach_file
from zajil.engine.blobs import FOLDER, Blobs, DiskBlobs
from zajil.engine.extras import say_missing
from zajil.engine.keys import Keys
from zajil.engine.moderationkeys import ModerationKeys
from zajil.engine.reachkeys import ReachKeys
from zajil.engine.sql import marks
from zajil.engine.sql.database import Database
from zajil.engine.sql.sqlite.database import SQLiteDatabase
from zajil.engine.sql.sqlite.engine import SQLiteMailboxEngine
from zajil.engine.sql.writer import Parts, QueuedMailboxEngine
from zajil.moderation.private.keys import ModeratorKeys
from zajil.server.backup.following import follow_standbys
from zajil.server.calls.wiring import find_relays
from zajil.server.config import ConfigError, Settings, fix_name
from zajil.server.push.wiring import load_key
from zajil.server.schema import hold_data, is_unused, open_database


@dataclass(frozen=True, kw_only=True)
class Storage:
    """Open until `close`."""

    data: Path
    lock: IO[bytes]
    db: Database
    keys: Keys
    signing: ReachKeys
    moderators: ModeratorKeys
    relays: Relays | None
    push_key: ec.EllipticCurvePrivateKey
    blobs: Blobs

    @classmethod
    def open(cls, data: Path, settings: Settings, *, clock: Callable[[], float]) -> Storage:
        """What lies in this data directory, and the database that the settings name, made on a first start.

        Raises ConfigError (another server runs here, no database), KeyFileError (also where the database was used with
        other keys, or by a server of another name).
        """
        lock = hold_data(data, shared=bool(settings.bus))
        try:
            db = open_database(data, settings.database)
        except BaseException:
            lock.close()
            raise
        try:
            # A key file made anew beside what the lost one sealed or signed would only hide the loss.
            with marks.unmade(data / key_file.FILE_NAME):
                keys = Keys.load(data / key_file.FILE_NAME, create=db.read_sync(is_unused))
                # First of all: of two first starts at once the other one stops here, and says why.
                marks.claim(db, [*marks.marks_of_keys(keys), marks.mark_of_name(settings.server_name)])
            with marks.unmade(data / push_file.FILE_NAME):
                push_key = load_key(data, db)
                marks.claim(db, [marks.mark_of_push(push_key)])
            if (data / moderation_file.FILE_NAME).exists():
                marks.claim(db, [marks.mark_of_log(ModerationKeys.load(data / moderation_file.FILE_NAME))])
            signing = ReachKeys.load(data / reach_file.FILE_NAME, create=not db.read_sync(bridge_store.roots))
            moderators = ModeratorKeys(data, clock=clock)
            fix_name(data, settings)
            return cls(
                data=data,
                lock=lock,
                db=db,
                keys=keys,
                signing=signing,
                moderators=moderators,
                relays=find_relays(data, settings, keys),
                push_key=push_key,
                blobs=open_blobs(data, settings),
            )
        except BaseException:
            db.close()
            lock.close()
            raise

    def make_mailboxes(self, parts: Parts) -> QueuedMailboxEngine:
        """The engine of mailboxes, not started."""
        if isinstance(self.db, SQLiteDatabase):
            return SQLiteMailboxEngine(self.db, parts)
        from zajil.engine.sql.postgres.database import PostgresDatabase
        from zajil.engine.sql.postgres.engine import PostgresMailboxEngine

        if not isinstance(self.db, PostgresDatabase):
            raise TypeError(f"no mailboxes on {type(self.db).__name__}")
        follow_standbys(self.db, clock=parts.clock)
        return PostgresMailboxEngine(self.db.url, parts, follower=self.db.follower)

    def tell_of_standbys(self, told: Callable[[], None]) -> None:
        """told: called on the running event loop where a standby took over while this server runs."""
        if isinstance(self.db, SQLiteDatabase):
            return
        from zajil.engine.sql.postgres.database import PostgresDatabase

        loop = asyncio.get_running_loop()

        def tell() -> None:
            with suppress(RuntimeError):  # the loop is gone: the process ends
                loop.call_soon_threadsafe(told)

        if isinstance(self.db, PostgresDatabase) and self.db.follower is not None:
            self.db.follower.changed = tell

    def close(self) -> None:
        """Let go of the files; in a thread, since it waits for what is being written."""
        self.db.close()
        self.lock.close()


def open_blobs(data: Path, settings: Settings) -> Blobs:
    """Where attachments are. Raises ConfigError where there is no way into the bucket."""
    if settings.blobs == "disk":
        return DiskBlobs(data / FOLDER, most_bytes=settings.attachments_max_bytes)
    try:
        from zajil.engine.s3blobs import StoreError, open_s3
    except ImportError as missing:
        raise ConfigError(say_missing("blobs in a bucket", "s3"), code="no-extra") from missing
    try:
        return open_s3(settings.blobs, data / settings.blobs_key_file, most_bytes=settings.attachments_max_bytes)
    except OSError as missing:
        raise ConfigError(f"blobs_key_file: {missing.strerror}") from missing
    except StoreError as reason:
        raise ConfigError(f"blobs: {reason}") from reason
