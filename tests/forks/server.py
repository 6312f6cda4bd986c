"""A fork server: programs of Zajil that begin without importing everything anew.

    python -m tests.forks.server SOCKET

Stories start hundreds of processes of Python, and of each start a second or two of the processor goes to imports. This
process has imported what they import, and each program that is asked for is a fork of it: with a process id, a folder,
an environment and standard streams of its own, from the first line of its `main` to the end of the interpreter.
`launch.py` stands for it where it was asked for. The idea is AFL's, and `multiprocessing.forkserver` is of the kind.
A server's first start copies the tables that the first of them made, see `tests.migrated`.

A request is one message of JSON, `{"argv": [program, ...], "cwd": "...", "env": {...}}`, with the descriptors of stdin,
stdout and stderr (SCM_RIGHTS). The program is `zajil`, or the path of a script. Further messages are numbers of signals
to send. The answer is the exit code, negative for a signal as in `subprocess`. Whose connection ends before is killed,
and so are all at the end of this process's own stdin: nothing outlives its story.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
import os
import runpy
import selectors
import signal
import socket
import sqlite3
import sys
from pathlib import Path
from typing import Any, Final

from tests.migrated import copying

from zajil.cli.main import main as zajil
from zajil.cli.main import run_command
from zajil.server import schema

IMPORTED: Final = (
    *("zajil.client", "zajil.server.main", "zajil.server.app", "zajil.server.admin", "zajil.cli.qr"),
    *("sqlalchemy.dialects.sqlite", "alembic.command", "alembic.config", "encodings.idna", "stringprep"),
)
REQUEST_MAX: Final = 1 << 18


class Forks:
    """The children, each with the connection that asked for it."""

    def __init__(self, place: str) -> None:
        self._door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._door.bind(place)
        self._door.listen(64)
        self._ready = selectors.DefaultSelector()
        self._ready.register(sys.stdin, selectors.EVENT_READ)
        self._ready.register(self._door, selectors.EVENT_READ)
        self._asked: list[socket.socket] = []
        self._children: dict[int, tuple[int, socket.socket]] = {}
        """Process ids, and who asked, by the descriptor that is readable at the end of the process (pidfd_open(2))."""

    def serve(self) -> dict[str, Any] | None:
        """Until stdin ends: None. In each child: what was asked for."""
        while True:
            for key, _ in self._ready.select():
                if key.fileobj is sys.stdin:
                    self._end()
                    return None
                if key.fileobj is self._door:
                    asked, _ = self._door.accept()
                    self._asked.append(asked)
                    self._ready.register(asked, selectors.EVENT_READ)
                elif isinstance(key.fileobj, socket.socket):
                    request = self._hear(key.fileobj)
                    if request is not None:
                        return request
                else:
                    self._bury(key.fd)

    def _hear(self, asked: socket.socket) -> dict[str, Any] | None:
        try:
            message, streams, _, _ = socket.recv_fds(asked, REQUEST_MAX, 3)
        except ConnectionError:
            message, streams = b"", []
        found = next((pid for pid, by in self._children.values() if by is asked), None)
        if found is not None:
            # Not yet waited for, so the number is still this child's.
            os.kill(found, int(message) if message else signal.SIGKILL)
        if not message:
            self._forget(asked)
        elif found is None:
            request: dict[str, Any] = json.loads(message)
            pid = os.fork()
            if pid == 0:
                self._leave()
                for number, stream in enumerate(streams):
                    os.dup2(stream, number)
                    os.close(stream)
                return request
            for stream in streams:
                os.close(stream)
            end = os.pidfd_open(pid)
            self._children[end] = (pid, asked)
            self._ready.register(end, selectors.EVENT_READ)
        return None

    def _bury(self, end: int) -> None:
        pid, asked = self._children.pop(end)
        self._ready.unregister(end)
        os.close(end)
        _, status = os.waitpid(pid, 0)
        if asked in self._asked:
            asked.send(str(os.waitstatus_to_exitcode(status)).encode())

    def _forget(self, asked: socket.socket) -> None:
        self._ready.unregister(asked)
        self._asked.remove(asked)
        asked.close()

    def _end(self) -> None:
        for pid, _ in self._children.values():
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def _leave(self) -> None:
        """In a child: nothing of its parent's stays open."""
        self._ready.close()
        self._door.close()
        for asked in self._asked:
            asked.close()
        for end in self._children:
            os.close(end)


def become(argv: list[str], folder: str, environ: dict[str, str]) -> None:
    """Go on as this program, as the interpreter begins one."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    plain = bool(environ.get("PYTHONUNBUFFERED"))
    streams = [
        io.TextIOWrapper(
            open(number, mode, 0 if plain and number else -1, closefd=False),  # noqa: SIM115  # as long as the process
            encoding="utf-8",
            errors="backslashreplace" if number == 2 else "strict",
            line_buffering=number == 2 or os.isatty(number),
            write_through=plain,
        )
        for number, mode in enumerate(("rb", "wb", "wb"))
    ]
    sys.stdin, sys.stdout, sys.stderr = streams
    vars(sys).update(zip(("__stdin__", "__stdout__", "__stderr__"), streams, strict=True))
    sys.argv = argv
    if argv[0] == "zajil":
        zajil()
    else:
        sys.path[0] = str(Path(argv[0]).parent)
        runpy.run_path(argv[0], run_name="__main__")


def main() -> None:
    for name in IMPORTED:
        importlib.import_module(name)
    # Typer makes the tree of commands at the first one, and imports what turns words into values.
    with contextlib.redirect_stdout(io.StringIO()):
        run_command(["--version"])
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        raise SystemExit("something that was imported began a thread, which no fork would have")
    first = Path(sys.argv[1]).with_name("first.db")
    migrate = copying(schema.migrate, lambda: contextlib.closing(sqlite3.connect(first)))
    vars(schema).update(migrate=migrate)
    gc.collect()
    gc.freeze()
    forks = Forks(sys.argv[1])
    print("ready", flush=True)
    request = forks.serve()
    if request is not None:
        become(request["argv"], request["cwd"], request["env"])


if __name__ == "__main__":
    main()
