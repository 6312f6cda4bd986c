"""Zajil as it ships: `zajil serve` over its own data directory, tokens checked, limits counted, metrics on.

Limits stand above the load, in the configuration file: no switch turns any of them off. Each turn begins with a copy of
a template data directory (`bench/provision.py`).
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from bench.peers.starting import Running, find_free_port, folder_for, started
from bench.record import Subject
from bench.rounds import MissingError, Turn

from zajil.engine.limits import DEFAULTS
from zajil.engine.sql.sqlite.database import FILE_NAME
from zajil.native import VARIABLE, Compiled, digest_sources

_BEYOND: Final = "{burst = 100000000, every_s = 0.000001}"
_POLLS, _POLL_S = 200, 0.05


class Zajil:
    """One variant. arguments: of `zajil serve`; settings: lines of its file."""

    def __init__(
        self, name: str, *, settings: str = "", words: str = "", needs: str = "", builds: Path | None = None
    ) -> None:
        """needs: a module that an extra of this name brings. builds: of compiled modules, see zajil.native."""
        self.name = name
        self._settings = settings
        self._words = words
        self._needs = needs
        self._builds = builds

    def with_settings(self, lines: str) -> Zajil:
        """The same variant with further lines in its file."""
        settings = f"{self._settings}\n{lines}"
        return Zajil(self.name, settings=settings, words=self._words, needs=self._needs, builds=self._builds)

    def describe(self) -> Subject:
        """Raises MissingError where its extra is not installed, or its modules are not compiled."""
        if self._needs and find_spec(self._needs) is None:
            raise MissingError(f"make setup, or pip install 'zajil[{self._needs}]'")
        if self._builds is not None and not Compiled(self._builds / digest_sources()).is_whole:
            raise MissingError("make native")
        return Subject(name=self.name, version=version("zajil"), settings=self._words)

    @contextmanager
    def run(self, template: Path | None = None) -> Iterator[Running]:
        """A server over a copy of this data directory, or an empty one, until the end of the block."""
        with self.copy(template) as data, self.run_in(data) as running:
            yield running

    @contextmanager
    def copy(self, template: Path | None) -> Iterator[Path]:
        """A copy of this data directory, or an empty one, gone after the block."""
        with folder_for(self.name) as folder:
            data = folder / "data"
            if template is not None:
                shutil.copytree(template, data)
            yield data

    @contextmanager
    def run_in(
        self, data: Path, *, port: int = 0, metrics_port: int = 0, prefix: Sequence[str] = ()
    ) -> Iterator[Running]:
        """A server over this data directory, until the end of the block. port: 0 for any.

        metrics_port: where it tells its figures, a port of its own where several share `port`. prefix: words before
        its command, of a program that becomes it.
        """
        data.mkdir(exist_ok=True)
        port = port or find_free_port()
        limits = "\n".join(f"{name} = {_BEYOND}" for name in DEFAULTS)
        # All come from one address, which has no more than half of them.
        room = "connections_max = 200000"
        lines = [f"metrics_port = {metrics_port or find_free_port()}", room, self._settings, "[limits]", limits, ""]
        (data / "zajil.toml").write_text("\n".join(lines))
        native = ["env", f"{VARIABLE}={self._builds or ''}"]  # `env` becomes the server
        command: list[str | Path] = [
            *prefix,
            *native,
            sys.executable,
            "-m",
            "zajil.cli.main",
            "serve",
            "--data",
            data,
            "--port",
            str(port),
        ]
        command += ["--registration", "open"]
        with started(command, port=port, folder=data.parent) as running:
            yield running._replace(folder=data)


def emptied(
    data: Path, turn: Turn, *, file: str = FILE_NAME, entries: str = "mailbox_item"
) -> Callable[[], Awaitable[None]]:
    """What waits until nothing is left in any mailbox of a server that runs. Raises WrongResultError if it stays.

    file: in its data directory; entries: the table of what is owed to somebody.
    """

    async def wait() -> None:
        with closing(sqlite3.connect(f"file:{data / file}?mode=ro", uri=True)) as db:
            left = -1
            for _ in range(_POLLS):
                found = db.execute(f"SELECT (SELECT count(*) FROM {entries}) + (SELECT count(*) FROM message)")  # noqa: S608  # a table's name
                left = int(found.fetchone()[0])
                if left == 0:
                    break
                await asyncio.sleep(_POLL_S)
        turn.expect("rows", left, 0)

    return wait


VARIANTS = (
    Zajil("zajil", words="SQLite, aiohttp"),
    Zajil("zajil-lean", settings='gateway = "picows"', words="SQLite, picows", needs="picows"),
)
NATIVE: Final = Zajil(
    "zajil-native",
    settings='gateway = "picows"',
    words="SQLite, picows, the way of a message compiled",
    needs="picows",
    builds=Path(__file__).resolve().parents[2] / "build" / "native",
)
"""The lean gateway with what `make native` made."""
