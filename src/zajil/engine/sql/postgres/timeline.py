"""Which server of PostgreSQL it is that a gateway writes to now, and what is done where it is another than before.

PostgreSQL counts the histories of one cluster: each standby that takes over begins a timeline with a higher number. The
database remembers the one that was written to last, so a gateway finds a takeover also where all were
stopped meanwhile, and one of them numbers for all. What it remembers itself shows it the opposite, a server that was
replaced and came back: the database of that one remembers only its own. Mailboxes and everything else have connections
of their own, and what one of them finds the other knows (`Follower`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, Self

import psycopg
from psycopg import errors

from zajil.engine.sql import interface as op
from zajil.engine.sql import state
from zajil.engine.sql.postgres.connection import WRITERS, Connection
from zajil.engine.sql.writer import LOG

_FIND = (
    "SELECT system_identifier, ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint"
    " FROM pg_control_system()"
)
_STORED = "SELECT value FROM server_state WHERE name = %s"
_TELL_S: Final = 60.0
"""An old server that goes on answering is told of so often."""


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


def is_replaced(history: History | None, known: History | None) -> bool:
    """Whether a standby took the place of this server, as far as `known` tells."""
    if history is None or known is None:
        return False
    return known.system == history.system and history.timeline < known.timeline


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
    seen. known: what this gateway wrote to last. Returns that of now. Before anything is written there; of several
    gateways the first one numbers. Raises psycopg.OperationalError; ReplacedServer for a timeline below `known`.
    """
    history = find_history(connection)
    if history is None:
        return known
    if is_replaced(history, known):
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


def _tell_nobody() -> None:
    """Nobody to tell."""


class Follower:
    """What one gateway knows of the server that it writes to, for all its connections. Called from any thread."""

    def __init__(self, taken_over: TakenOver = number_mailboxes, *, clock: Callable[[], float] = time.time) -> None:
        """taken_over: as for `follow`. clock: Unix seconds."""
        self._taken_over = taken_over
        self._clock = clock
        self._known: History | None = None
        self._lock = threading.Lock()
        self._told_at: float | None = None
        self.changed: Callable[[], None] = _tell_nobody
        """Told, in the thread that finds it, that a standby took the place of the server that was known."""

    def follow(self, connection: Connection, now_ms: int | None = None) -> History | None:
        """`follow` on a connection that was just made, before anything is written on it. Raises as that does."""
        try:
            known, now_ms = self._known, int(self._clock() * 1000) if now_ms is None else now_ms
            history = follow(connection, known, now_ms, self._taken_over)
            with self._lock:  # not around the questions: those of a server that vanished would be waited for twice
                before = self._known
                if not is_replaced(history, before):
                    self._known = history
                is_another = before not in (None, self._known)
        except ReplacedServer as fault:
            self._tell(fault)
            raise
        if self.is_left(history):
            raise ReplacedServer("another connection found a standby in the place of this server")
        if is_another:
            self.changed()
        return history

    def look(self, connection: Connection) -> History | None:
        """Which server a connection that was just made to read leads to; None for a standby, which may yet take over.

        Raises psycopg.OperationalError; ReplacedServer for one that a standby has replaced: what is read there is old,
        and logins that were made since are not known.
        """
        try:
            history = find_history(connection)
        except errors.ObjectNotInPrerequisiteState:
            return None
        if self.is_left(history):
            raise ReplacedServer("a standby was found in the place of this server")
        return history

    def is_left(self, history: History | None) -> bool:
        """Whether a connection, followed to this, leads to a server that a standby has replaced since."""
        return is_replaced(history, self._known)

    def _tell(self, fault: ReplacedServer) -> None:
        now = time.monotonic()
        with self._lock:
            if self._told_at is not None and now - self._told_at < _TELL_S:
                return
            self._told_at = now
        LOG.error("%s", fault)  # all that there is to know
