"""The whole schema in one place: the tables of every service, and the migrations that make them."""

from __future__ import annotations

import fcntl
from functools import cache
from pathlib import Path
from typing import IO, Final, NamedTuple

from sqlalchemy import Connection, MetaData
from sqlalchemy.exc import OperationalError

from zajil.auth import tables as auth_tables
from zajil.auth.recovery import store as backup_tables
from zajil.bridges.registry import tables as bridge_tables
from zajil.channels.store import tables as public_tables
from zajil.delivery import store as delivery_tables
from zajil.delivery.push import store as push_tables
from zajil.engine.extras import say_missing
from zajil.engine.keys import FILE_NAME as KEY_FILE
from zajil.engine.sql import marks as mark_tables
from zajil.engine.sql import schema as mailbox_tables
from zajil.engine.sql import state as state_tables
from zajil.engine.sql.database import METADATA, Database, is_outage, say_outage
from zajil.engine.sql.sqlite.database import FILE_NAME, SQLiteDatabase
from zajil.moderation.private import records as measure_tables
from zajil.moderation.private import store as report_tables
from zajil.moderation.private import tallies as tally_tables
from zajil.moderation.private import untold as untold_tables
from zajil.moderation.store import log as log_tables
from zajil.moderation.store import people as people_tables
from zajil.moderation.store import tables as moderation_tables
from zajil.moderation.store.transparency import changes as change_tables
from zajil.moderation.store.transparency import private as month_tables
from zajil.moderation.store.transparency import published as published_tables
from zajil.protocol.errors import ZajilError
from zajil.server.config import CONFIG_FILE, ConfigError, load_settings
from zajil.server.http import idempotency

# Imported for their tables, which register themselves.
_OWNERS = (auth_tables, bridge_tables, public_tables, delivery_tables, mailbox_tables, report_tables, idempotency)
_MODERATION = (moderation_tables, people_tables, log_tables, change_tables, published_tables, month_tables)
_PRIVATE = (measure_tables, tally_tables, untold_tables)
_RECOVERY = (backup_tables,)
_PUSH = (push_tables,)
_MARKS = (mark_tables, state_tables)
LOCK_FILE: Final = "zajil.lock"
WORKER_LOCK_FILE: Final = "moderation.lock"
STAGE: Final = "restoring"
"""Folder in which a restore writes, until all is whole."""
_HAS_FTS5: Final = "SELECT 1 FROM pragma_module_list WHERE name = 'fts5'"
_OLDEST_POSTGRES: Final = 15
"""The major version that has been tried, the one of Debian 12."""
_COLUMNS: Final = {
    "sqlite": "SELECT t.name, c.name FROM sqlite_master AS t JOIN pragma_table_info(t.name) AS c"
    " WHERE t.type = 'table'",
    "postgresql": "SELECT table_name, column_name FROM information_schema.columns"
    " WHERE table_schema = current_schema()",
}
_MIGRATIONS: Final = Path(__file__).parent / "migrations"


def all_tables() -> MetaData:
    """Every table of every service."""
    return METADATA


def is_unused(db: Connection) -> bool:
    """Whether nothing but codes, which can be made before the first start, lies in the database."""
    codes = {auth_tables.invite_code.name, bridge_tables.bridge_code.name, people_tables.staff_invite.name}
    codes |= {log_tables.entry.name, log_tables.log_head.name}  # an invite of staff is logged
    codes.add(mark_tables.key_mark.name)  # a worker of moderation may have begun before any server
    # As text: compiling one statement for each table is most of what a start costs.
    asked = (f'SELECT 1 FROM "{name}" LIMIT 1' for name in METADATA.tables if name not in codes)  # noqa: S608  # our own
    used = any(db.exec_driver_sql(each).first() for each in asked)
    return not used and not mark_tables.is_marked(db, KEY_FILE)


def hold_data(data: Path, *, shared: bool = False) -> IO[bytes]:
    """Hold the data directory until this file is closed: two servers on one would not wake each other's readers.

    shared: among servers whose database is not in it. Raises ConfigError while another server has it.
    """
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    return _hold(data / LOCK_FILE, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, "server is running")


def hold_worker(data: Path) -> IO[bytes]:
    """Hold the place of whoever judges posts on a data directory. Raises ConfigError where it is taken."""
    return _hold(data / WORKER_LOCK_FILE, fcntl.LOCK_EX, "moderation worker runs")


def _hold(path: Path, how: int, who: str) -> IO[bytes]:
    file = path.open("ab")
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise ConfigError(f"another {who} on this data directory", code="data-held") from None
    return file


def find_database(data: Path, url: str | None = None) -> Database:
    """The database of this data directory, as it is; a file of SQLite is made where there is none (mode 0600).

    url: of a database of PostgreSQL, "" for the file; None for what `zajil.toml` says. Raises ConfigError.
    """
    url = load_settings(data).database if url is None else url
    if not url:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        if lost := find_loss(data):
            raise ConfigError(lost)
        return SQLiteDatabase.open(data / FILE_NAME)
    try:
        from zajil.engine.sql.postgres.connection import UNREAD, read_name
        from zajil.engine.sql.postgres.database import PostgresDatabase
    except ImportError as missing:
        raise ConfigError(say_missing("PostgreSQL", "postgres"), code="no-extra") from missing
    if read_name(url) is None:
        raise ConfigError(UNREAD)
    return PostgresDatabase(url)


def find_loss(data: Path) -> str:
    """Why no file of SQLite is to be made in this directory, and what to do; "" where it has one, or may get one."""
    if (data / FILE_NAME).exists():
        return ""
    if (data / KEY_FILE).exists():
        return (
            f"{data} has keys but no database. Where that is of PostgreSQL, name it in {data / CONFIG_FILE} "
            f'(database = "postgresql://..."); else put {FILE_NAME} back'
        )
    if (data / STAGE).exists():
        return f"a restore into {data} broke off: run it again, or delete {data / STAGE} to begin a new server there"
    return ""


def say_empty(place: str, data: Path) -> str:
    """Of a database without tables, where this directory has keys."""
    return (
        f"{place} has no tables, and {data} has the keys of a server that had some: name its database, or restore a "
        "backup; a new server has another data directory"
    )


def has_database(data: Path) -> bool:
    """Whether `find_database` would make none. Raises ConfigError."""
    return bool((data / FILE_NAME).exists() or load_settings(data).database)


def open_database(data: Path, url: str | None = None) -> Database:
    """The database of this data directory, made or migrated to the newest schema. url: as of `find_database`.

    Raises ConfigError, also where no server of PostgreSQL answers, and where keys lie beside a database without tables:
    it is not the one that they were used with, and everybody's account would be gone.
    """
    database = find_database(data, url)
    try:
        if (data / KEY_FILE).exists() and database.read_sync(find_revision) is None:
            raise ConfigError(say_empty(database.place, data))
        migrate(database)
    except ZajilError as outage:
        database.close()
        raise _no_answer(database, outage) from outage
    except BaseException:
        database.close()
        raise
    return database


def migrate(database: Database, revision: str = "head") -> None:
    """Run the migrations that are missing up to this one, in one transaction. Raises as `migrate_on`."""
    database.write_sync(lambda connection: migrate_on(connection, revision, place=database.place))


def migrate_on(connection: Connection, revision: str = "head", *, place: str) -> None:
    """The same within a transaction of the caller's. place: of the database, for errors.

    Raises ConfigError: no FTS5; a server of PostgreSQL that is too old; a database of a newer version; one that lacks
    what its own revision promises.
    """
    version = getattr(connection.dialect, "server_version_info", None) or (_OLDEST_POSTGRES,)
    if connection.dialect.name == "postgresql" and version[0] < _OLDEST_POSTGRES:
        told = ".".join(map(str, version))
        raise ConfigError(f"{place} is of version {told}: Zajil needs PostgreSQL {_OLDEST_POSTGRES} or newer")
    if connection.dialect.name == "sqlite" and not connection.exec_driver_sql(_HAS_FTS5).first():
        raise ConfigError("the SQLite of this Python lacks FTS5, which search needs; use another build of Python")
    stamped = find_revision(connection)
    if stamped != (newest_revision() if revision == "head" else revision):
        _upgrade(connection, revision, stamped=stamped, place=place)
    if revision == "head" and (missing := _find_missing(connection)):
        raise _not_whole(place, stamped, f"missing: {', '.join(missing)}")


class Step(NamedTuple):
    """Which migration a database is at, "" for one without tables, and which this version brings it to."""

    stamped: str
    newest: str


def find_step(data: Path) -> Step:
    """What a start would bring the database of this directory from and to; nothing is changed.

    Raises ConfigError: there is none yet, none that answers, or one of a newer version.
    """
    if not has_database(data):
        raise ConfigError(f"{data} has no database yet; the first start makes it")
    database = find_database(data)
    try:
        step = Step(database.read_sync(find_revision) or "", newest_revision())
    except ZajilError as outage:
        raise _no_answer(database, outage) from outage
    finally:
        database.close()
    if step.stamped > step.newest:
        raise _newer(database.place, step.stamped)
    return step


def check_current(database: Database) -> None:
    """Refuse a database that no server of this version has had yet, for whoever works beside one and makes no tables.

    Raises ConfigError.
    """
    try:
        stamped = database.read_sync(find_revision)
    except ZajilError as outage:
        raise _no_answer(database, outage) from outage
    if stamped is None:
        raise ConfigError(f"no server has run on {database.place} yet: start one first, it makes the tables")
    if stamped > newest_revision():
        raise _newer(database.place, stamped)
    if stamped < newest_revision():
        raise ConfigError(
            f"{database.place} is at schema {stamped}, this version needs {newest_revision()}: "
            "start a server of this version first, or run zajil migrate"
        )


def bring_up(data: Path) -> Step:
    """Run what migrations are missing, and say which they were. Raises as `find_step`, and while a server runs here."""
    with hold_data(data):
        step = find_step(data)
        open_database(data).close()
    return step


@cache
def newest_revision() -> str:
    """What a database is stamped with that has had all migrations of this version; theirs is in the files' names."""
    return max(each.name[1:5] for each in (_MIGRATIONS / "versions").glob("m[0-9]*.py"))


def find_revision(connection: Connection) -> str | None:
    """What Alembic stamped this database with; None for a new one."""
    if "alembic_version" not in find_columns(connection):
        return None
    stamped = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return str(stamped) if stamped is not None else None


def _upgrade(connection: Connection, revision: str, *, stamped: str | None, place: str) -> None:
    # Every command that opens a database would load Alembic, a third of what it loads, and hardly one migrates.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except CommandError as fault:
        raise _newer(place, stamped) from fault
    except OperationalError as fault:
        if is_outage(fault):
            raise
        raise _not_whole(place, stamped, str(fault.orig)) from fault


def _find_missing(connection: Connection) -> list[str]:
    """Tables that are not there, and columns as `table.column` of those that are."""
    there = find_columns(connection)
    missing = []
    for name, table in METADATA.tables.items():
        if name not in there:
            missing.append(name)
        else:
            missing += [f"{name}.{column.name}" for column in table.columns if column.name not in there[name]]
    return missing


def find_columns(connection: Connection) -> dict[str, set[str]]:
    """The columns of every table there is."""
    there: dict[str, set[str]] = {}
    for table, column in connection.exec_driver_sql(_COLUMNS[connection.dialect.name]):
        there.setdefault(table, set()).add(column)
    return there


def _no_answer(database: Database, outage: ZajilError) -> ConfigError:
    return ConfigError(f"{database.place} cannot be used now: {say_outage(outage)}", code="database-away")


def _newer(place: str, stamped: str | None) -> ConfigError:
    return ConfigError(
        f"{place} is at schema {stamped}, which this version does not know: a newer version made it; "
        "run that one, or put back a copy from before"
    )


def _not_whole(place: str, stamped: str | None, what: str) -> ConfigError:
    return ConfigError(
        f"{place} says that it is at schema {stamped}, but is not ({what}). No version of Zajil leaves a database so: "
        "it was copied in part, or changed by hand. Nothing was changed now; put back a copy from before, a file of "
        "SQLite together with its -wal"
    )
