"""The way of a message, compiled: modules that mypyc made from these very sources, in place of what Python reads.

`make native` puts a build into a folder named by the digest of all of Zajil's sources and of the interpreter's version;
`ZAJIL_NATIVE` names the folder of builds. So a build of other sources is never found, however old or new its files
are: what runs then are the sources, and a line on standard error says so. Why: docs/decisions/0019-mypyc.md.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Final

VARIABLE: Final = "ZAJIL_NATIVE"
LIBRARY: Final = "zajil_native"
"""mypyc's name of what the modules share; its file is `zajil_native__mypyc`."""
MODULES: Final = (
    "zajil.delivery.mailboxes",
    "zajil.delivery.requests",
    "zajil.delivery.send",
    "zajil.delivery.submissions",
    "zajil.engine.bus",
    "zajil.engine.limits",
    "zajil.engine.sql.batch.batch",
    "zajil.engine.sql.batch.boxes",
    "zajil.engine.sql.batch.known",
    "zajil.engine.sql.batch.ledger",
    "zajil.engine.sql.batch.rosters",
    "zajil.engine.sql.judging",
    "zajil.engine.sql.mailboxes",
    "zajil.engine.sql.postgres.connection",
    "zajil.engine.sql.postgres.engine",
    "zajil.engine.sql.queues",
    "zajil.engine.sql.sqlite.engine",
    "zajil.engine.sql.sqlite.passing",
    "zajil.engine.sql.strangers",
    "zajil.engine.sql.transactions",
    "zajil.engine.sql.writer",
    "zajil.protocol.records",
    "zajil.protocol.session.server",
    "zajil.protocol.session.stream",
    "zajil.server.gateway.clerk",
    "zajil.server.gateway.connection",
    "zajil.server.gateway.conversation",
    "zajil.server.gateway.gateway",
    "zajil.server.gateway.lines",
    "zajil.server.gateway.receiver",
    "zajil.server.gateway.receivers",
    "zajil.server.gateway.sender",
    "zajil.server.gateway.unfinished",
)
"""Compiled together. None makes a class of msgspec, or one that any other derives from (the page says why)."""


class Compiled(MetaPathFinder):
    """Finds the modules of one build. folder: that build."""

    def __init__(self, folder: Path) -> None:
        suffix = EXTENSION_SUFFIXES[0]
        names = (*MODULES, f"{LIBRARY}__mypyc")
        self._files: Mapping[str, Path] = {name: folder / f"{name.replace('.', '/')}{suffix}" for name in names}

    @property
    def is_whole(self) -> bool:
        """Every module is there."""
        return all(file.is_file() for file in self._files.values())

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See MetaPathFinder."""
        file = self._files.get(name)
        if file is None:
            return None
        return spec_from_file_location(name, file, loader=ExtensionFileLoader(name, str(file)))


def digest_sources() -> str:
    """Of every module of Zajil, since constants and layouts of one are compiled into others; and of the interpreter."""
    root = Path(__file__).parent
    whole = hashlib.sha256(f"{sys.version}\0{EXTENSION_SUFFIXES[0]}\0".encode())
    for path in sorted(root.rglob("*.py")):
        text = path.read_bytes()
        whole.update(f"{path.relative_to(root).as_posix()}\0{len(text)}\0".encode() + text)
    return whole.hexdigest()[:32]


def install() -> None:
    """Have Python import the compiled modules from now on, where `ZAJIL_NATIVE` names a folder that has them."""
    folder = os.environ.get(VARIABLE)
    if not folder or sys.flags.ignore_environment or is_used():
        return
    # A relative one is of the checkout: whatever folder a program is started in does not say what code it runs.
    root = Path(__file__).resolve().parents[2]
    found = Compiled(root / folder / digest_sources())
    if found.is_whole:
        sys.meta_path.insert(0, found)
    else:
        sys.stderr.write(
            f"zajil: {VARIABLE} has no build of these sources (`make native` makes one); all runs in Python\n"
        )


def is_used() -> bool:
    """Whether this process imports the compiled modules."""
    return any(isinstance(finder, Compiled) for finder in sys.meta_path)
