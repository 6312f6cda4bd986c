"""Who writes next: one thread of one process at a time, in order of arrival within a process, with a deadline.

A process that was stopped (SIGSTOP, a frozen container) keeps its lock as long as it lives. Whoever waits for it hears
`busy` after the deadline instead of waiting for ever, and the next one that asks once the lock is free has it.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Final

from zajil.engine.sql.database import DEADLINE_S
from zajil.protocol.errors import ZajilError, error

_LOG = logging.getLogger(__name__)
_RETRY_MS: Final = 1000


class Turn:
    """A lock that is taken in order of arrival, so that a busy mailbox writer never starves a registration.

    path: a file that the processes on one database take turns by. A process that waits for SQLite's own lock asks for
    it again after ever longer sleeps, and gets it seldom where another one writes all the time; by this lock it wakes
    as soon as it is free, and one that is killed lets go of it. None: between threads alone.

    Entering raises Unavailable `busy` after `deadline_s` seconds of waiting, and then holds nothing.
    """

    def __init__(self, path: Path | None = None, *, deadline_s: float = DEADLINE_S) -> None:
        self._condition = threading.Condition()
        self._next = 0
        self._serving = 0
        self._left: set[int] = set()
        self._deadline_s = deadline_s
        self._lock = None if path is None else _FileLock(path)
        self._is_held_up = False

    def __enter__(self) -> None:
        deadline = time.monotonic() + self._deadline_s
        with self._condition:
            ticket = self._next
            self._next += 1
            if not self._condition.wait_for(lambda: ticket == self._serving, self._deadline_s):
                self._left.add(ticket)
                raise self._refuse()
        if self._lock is None:
            return
        try:
            if not self._lock.take(deadline):
                raise self._refuse()
            self._is_held_up = False
        except BaseException:
            self._pass_on()  # else everybody behind this number waits for ever
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.leave()

    def enter_now(self) -> bool:
        """Whether it is this caller's turn, who waits for nobody and is to `leave`, in whatever thread."""
        with self._condition:
            if self._next != self._serving:
                return False
            self._next += 1
        is_mine = False
        try:
            is_mine = self._lock is None or self._lock.take_now()
        finally:
            if not is_mine:
                self._pass_on()
        return is_mine

    def leave(self) -> None:
        """The next one's turn."""
        try:
            if self._lock is not None:
                self._lock.release()
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        with self._condition:
            self._serving += 1
            while self._serving in self._left:  # they wait no more
                self._left.remove(self._serving)
                self._serving += 1
            self._condition.notify_all()

    def _refuse(self) -> ZajilError:
        """What is told to whoever waited in vain; the log hears once who holds it up."""
        holder = self._lock.find_holder() if self._lock is not None else None
        if not self._is_held_up:
            self._is_held_up = True
            who = f"process {holder}" if holder not in (None, os.getpid()) else "a work of this process"
            _LOG.error("nothing could be written for %g s: %s holds the database", self._deadline_s, who)
        return error("busy", "the database is held by another work", retry_ms=_RETRY_MS)

    def close(self) -> None:
        """Let go of the file."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None


class _FileLock:
    """A lock on a file with a deadline. Its users take turns: one asks for it at a time.

    flock(2) has no deadline, and asking again and again would meet the moment in which it is free only by luck. So a
    thread waits in the system's queue where it is not free at once; what it gets too late, it gives back.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_waiting = False  # the thread, for the file
        self._is_wanted = False
        self._is_mine = False
        self._is_closed = False
        self._fault: OSError | None = None

    def take(self, deadline: float) -> bool:
        """Whether it is ours, by this time of the monotonic clock. Raises OSError where the system has no lock left."""
        with self._condition:
            if not self._is_waiting:
                if self._try():
                    return True
                self._begin_waiting()
            self._is_wanted = True
            self._condition.wait_for(lambda: self._is_mine or self._fault, max(0.0, deadline - time.monotonic()))
            self._is_wanted = False
            fault, self._fault = self._fault, None
            if fault is not None:
                raise fault
            taken, self._is_mine = self._is_mine, False
            return taken

    def take_now(self) -> bool:
        """Whether it is ours. Waits for nobody. Raises OSError where the system has no lock left."""
        with self._condition:
            return not self._is_waiting and self._try()

    def _try(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Let the next one have it."""
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def find_holder(self) -> int | None:
        """The process that holds it, as far as the system tells."""
        here = os.fstat(self._file)
        place = f"{os.major(here.st_dev):02x}:{os.minor(here.st_dev):02x}:{here.st_ino}"
        try:
            lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
        except OSError:
            return None
        for line in lines:
            fields = line.split()
            if "->" not in fields and "FLOCK" in fields and place in fields:
                return int(fields[fields.index(place) - 1])
        return None

    def close(self) -> None:
        """Nobody asks for it any more."""
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()
            if self._is_waiting:
                return  # the thread closes it: its number must not be another file's while it waits
        os.close(self._file)

    def _begin_waiting(self) -> None:
        self._is_waiting = True
        if self._thread is None:
            self._thread = threading.Thread(target=self._wait, name="zajil-turn", daemon=True)
            self._thread.start()
        self._condition.notify_all()

    def _wait(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._is_waiting or self._is_closed)
                if self._is_closed:
                    return
            fault: OSError | None = None
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX)
            except OSError as error:
                fault = error
            with self._condition:
                self._is_waiting = False
                if self._is_closed:
                    os.close(self._file)
                    return
                if fault is not None:
                    self._fault = fault if self._is_wanted else None
                elif self._is_wanted:
                    self._is_mine = True
                else:
                    fcntl.flock(self._file, fcntl.LOCK_UN)
                self._condition.notify_all()
