"""All fuzz targets, and which functions of the source have to be reached by one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from tests.fuzz import chat_targets, mls_targets, outer_targets, wire_targets
from tests.fuzz.targets import Target

SOURCE: Final = Path(__file__).resolve().parents[2] / "src" / "zajil"
TARGETS: Final[dict[str, Target]] = {
    **chat_targets.TARGETS,
    **mls_targets.TARGETS,
    **outer_targets.TARGETS,
    **wire_targets.TARGETS,
}

_NAMES = re.compile(r"_?(parse|decode|read|open|unpad|unseal|peek|take)(_|$)")
_TAKES = frozenset({"bytes", "str", "Reader", "str | None", "bytes | None"})
_FOLDERS = ("protocol", "mls", "transports")
_FILES = (
    *("calls/mediaframes.py", "calls/tickets.py", "client/calls/record.py", "client/calls/sframe.py"),
    *("calls/farnews.py", "moderation/audit/entries.py", "moderation/audit/export.py"),
    *(
        "moderation/staff/passkeys.py",
        "delivery/refs.py",
        "bridges/edge/probes/answers.py",
        "bridges/edge/probes/hpack.py",
    ),
)
"""Beside the folders, whose every reader counts."""

EXEMPT: Final = {
    "transports/fingerprint.py": ("_take_line",),  # keeps a header's line of libcurl's as it is
    "transports/sockets.py": ("open_socket", "_open"),  # connect, and read nothing
}
"""Functions with such a name that take nothing apart."""


class Reads(NamedTuple):
    """A function that reads bytes or text. line: of its definition, its decorators before it."""

    file: str
    line: int
    name: str


def find_readers() -> Iterator[Reads]:
    """Every function of these places whose name says that it reads, and whose first argument is bytes or text."""
    for folder in _FOLDERS:
        for path in sorted((SOURCE / folder).rglob("*.py")):
            yield from _readers_in(path)
    for file in _FILES:
        yield from _readers_in(SOURCE / file)


def _readers_in(path: Path) -> Iterator[Reads]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or not _NAMES.match(node.name):
            continue
        arguments = [one for one in (*node.args.posonlyargs, *node.args.args) if one.arg not in {"self", "cls"}]
        annotation = arguments[0].annotation if arguments else None
        if annotation is not None and ast.unparse(annotation) in _TAKES:
            line = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            yield Reads(str(path.relative_to(SOURCE)), line, node.name)
