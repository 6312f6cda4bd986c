"""Which server of PostgreSQL it is that a gateway writes to now, and what is done where it is another than before.

PostgreSQL counts the histories of one cluster: each standby that takes over begins a timeline with a higher number. The
database remembers the one on which mailboxes were written to last, so a gateway finds a takeover also where all were
stopped meanwhile, and one of them numbers for all. What it remembers itself shows it the opposite, a server that was
replaced and came back: the database of that one remembers only its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, Self

import psycopg

from zajil.engine.sql import interface as op
from zajil.engine.sql import state
from zajil.engine.sql.postgres.connection import WRITERS, Connection
from zajil.engine.sql.writer import LOG

_FIND = (
    "SELECT system_identifier, ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint"
    " FROM pg_control_system()"
)
_STORED = "SELECT value FROM server_state WHERE name = %s"


class History(NamedTuple):
    """What a server writes: of which cluster, which a copy by `pg_dump` is not of, and on which timeline."""

    system: int
    timeline: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """As `str` wrote it."""
        system, timeline = text.split("/")
        return cls(int(system), int(timeline))

    def __str__(self) -> str:
        return f"{self.system}/{self.timeline}"


class ReplacedServer(psycopg.OperationalError):
    """A standby took this server's place before: whatever is written to it now is lost."""


def find_history(connection: Connection) -> History | None:
    """None where the server does not tell, as some that are rented do not. Raises psycopg.OperationalError."""
    try:
        ((system, timeline),) = connection.execute(_FIND.encode()).fetchall()
    except psycopg.OperationalError:
        raise
    except psycopg.Error:
        return None
    return History(system, timeline)


TakenOver = Callable[[int], Iterable[str]]
"""Statements, of a Unix second, for a database that may lack its last commits."""


def number_mailboxes(at: int) -> tuple[str, ...]:
    """All that is to be done where there are mailboxes alone."""
    return (op.renumbering(at),)


def follow(
    connection: Connection, known: History | None, now_ms: int, taken_over: TakenOver = number_mailboxes
) -> History | None:
    """Number all anew where a standby is in the place of the server that was written to before.

    One that was not waited for lacks commits, and would give their numbers to other messages, which devices drop as
    seen. known: what this gateway wrote to last. Returns that of now. Before any mailbox is written there; of several
    gateways the first one numbers. Raises psycopg.OperationalError; ReplacedServer for a timeline below `known`.
    """
    history = find_history(connection)
    if history is None:
        return known
    if known is not None and known.system == history.system and history.timeline < known.timeline:
        raise ReplacedServer(
            "a server of PostgreSQL answers that a standby has replaced: nothing is written to it. Shut it off; if it "
            "is to stay and what the standby took is to be lost, start all servers of Zajil anew"
        )
    if _stored(connection) == history:
        return history
    connection.execute("BEGIN")
    # One gateway after the other, and nobody writes a mailbox before. To lock the table would wait for a VACUUM, too.
    connection.execute(f"SELECT pg_advisory_xact_lock({WRITERS:d})".encode())
    before = _stored(connection)
    another = history != (before or known or history)
    if another:
        for statement in taken_over(now_ms // 1000):
            connection.execute(statement.encode())
    connection.execute(state.SET.replace("?", "%s").encode(), (state.TIMELINE, str(history)))
    connection.execute("COMMIT")
    if another:
        LOG.error(
            "a standby of PostgreSQL took over, and may lack the last moments: what clients number by goes on above "
            "them, and logins are ended (docs/operate/backup.md)"
        )
    return history


def _stored(connection: Connection) -> History | None:
    """What the database remembers."""
    found = connection.execute(_STORED.encode(), (state.TIMELINE,)).fetchone()
    return None if found is None else History.parse(str(found[0]))
