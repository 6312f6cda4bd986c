"""Our own wire without a messenger behind it, `bare_relay`: what no server in Python on picows can cost less than."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from bench.peers.starting import Running, find_free_port, folder_for, started
from bench.provision import Template
from bench.record import Subject
from bench.rounds import MissingError

FILE_NAME: Final = "bare.db"
ENTRIES: Final = "entry"
"""Its table of what is owed to somebody."""
_SERVER: Final = Path(__file__).with_name("bare_relay.py")


class Bare:
    """A peer for what Zajil's own load is played on. name: of the subject; stores: in a file, before it answers."""

    def __init__(self, name: str, *, stores: bool) -> None:
        self.name, self.stores = name, stores

    def describe(self) -> Subject:
        """Raises MissingError where picows is not installed."""
        if find_spec("picows") is None:
            raise MissingError("make setup, or pip install 'zajil[picows]'")
        words = "our wire alone on picows" + (", SQLite with fsync" if self.stores else "")
        return Subject(name=self.name, version=version("picows"), settings=words)

    @contextmanager
    def run(self, made: Template) -> Iterator[Running]:
        """A server for the pairs of this template, until the end of the block."""
        port = find_free_port()
        with folder_for(self.name) as folder:
            routes = {pair.group.gid.hex(): [pair.sender, pair.receiver] for pair in made.pairs}
            (folder / "routes.json").write_text(json.dumps(routes))
            command: list[str | Path] = [sys.executable, _SERVER, str(port), folder / "routes.json"]
            command += [folder / FILE_NAME] if self.stores else []
            with started(command, port=port, folder=folder) as running:
                yield running


PASSING: Final = Bare("bare", stores=False)
STORING: Final = Bare("bare", stores=True)
