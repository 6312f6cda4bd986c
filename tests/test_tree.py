"""The rules of STYLE that a reader would otherwise have to police: file budgets, names, layout."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "src").rglob("*.py"))
MAX_LINES = 600
MAX_FUNCTION_LINES = 80
MAX_MODULES = 15
# The moderation model ships inside; its page says at most 12 MB.
MODEL_BYTES = 12_000_000
DRAWERS = {"utils", "util", "common", "helpers", "helper", "misc", "manager"}
VAGUE_FUNCTION = re.compile(r"^_?(get|handle|process|do)_|^_?(do|handle|process)$")
VAGUE_CLASS = re.compile(r"(Manager|Helper|Utils?)$")
# Names that a framework calls; we cannot choose them.
FOREIGN_NAMES: set[str] = {"_handle_exception", "get_extra_info"}


def tracked() -> list[str]:
    return subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()


def statements_of(node: ast.AST) -> Iterator[ast.AST]:
    """All below a node, at any depth; expressions hold none, and are most of a tree."""
    for block in ("body", "orelse", "finalbody", "handlers", "cases"):
        for one in getattr(node, block, ()):
            yield one
            yield from statements_of(one)


def faults_of(path: Path) -> Iterator[str]:
    """What is wrong with a module: its size, its names, a docstring that lacks, an assert, which `python -O` drops."""
    text = path.read_text(encoding="utf-8")
    tree, lines = ast.parse(text), text.count("\n")
    if lines > MAX_LINES:
        yield f"{path} has {lines} lines; split it in a commit of its own"
    if path.stem in DRAWERS:
        yield f"{path}: name the module for what it holds"
    if not ast.get_docstring(tree) and not (path.name == "__init__.py" and not text.strip()):
        yield f"{path} does not say what it is"
    for node in statements_of(tree):
        if isinstance(node, ast.Assert):
            yield f"{path}:{node.lineno}: an assert"
        elif isinstance(node, ast.ClassDef) and VAGUE_CLASS.search(node.name):
            yield f"{path}: {node.name}"
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if node.name not in FOREIGN_NAMES and VAGUE_FUNCTION.search(node.name):
                yield f"{path}: {node.name}"
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MAX_FUNCTION_LINES:
                yield f"{path}: {node.name} has {length} lines"


def test_every_module_keeps_the_rules_of_a_module() -> None:
    assert [fault for path in SOURCES for fault in faults_of(path)] == []


def test_a_module_that_breaks_them_is_told(tmp_path: Path) -> None:
    path = tmp_path / "utils.py"
    long = "def long():\n" + "    assert True\n" * MAX_FUNCTION_LINES
    path.write_text(long + "def get_it(): ...\nclass ItManager: ...\n" + "#\n" * MAX_LINES)
    faults = list(faults_of(path))
    assert len([fault for fault in faults if fault.endswith("an assert")]) == MAX_FUNCTION_LINES
    assert len(faults) == MAX_FUNCTION_LINES + 6, "lines, two names, a docstring, a long function, its own name"


def test_no_folder_holds_more_than_fifteen_modules() -> None:
    for folder in {p.parent for p in SOURCES}:
        if folder.name == "versions":
            continue
        modules = [p for p in folder.glob("*.py") if p.name != "__init__.py"]
        assert len(modules) <= MAX_MODULES, f"{folder.relative_to(ROOT)} has {len(modules)} modules"


def test_no_todo_without_an_issue() -> None:
    for path in SOURCES:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            assert not re.search(r"(TODO|FIXME|XXX)(?!\(#\d+\))", line), f"{path.relative_to(ROOT)}:{number}"


def test_the_repository_holds_no_keys_data_or_large_files() -> None:
    for name in tracked():
        path = ROOT / name
        if not path.exists():
            continue
        assert path.suffix not in {".sqlite", ".sqlite3", ".db", ".pem", ".key"}, name
        limit = MODEL_BYTES if path.suffix == ".safetensors" else 1_000_000
        assert path.stat().st_size < limit, f"{name} is over {limit} bytes"
