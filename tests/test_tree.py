"""The rules of STYLE that a reader would otherwise have to police: file budgets, names, layout."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

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
FOREIGN_NAMES: set[str] = {"_handle_exception"}


def tracked() -> list[str]:
    return subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()


def definitions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_fits_its_budget_and_its_name(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= MAX_LINES, f"{path.name} has {lines} lines; split it in a commit of its own"
    assert path.stem not in DRAWERS, "name the module for what it holds"
    for node in definitions(path):
        if isinstance(node, ast.ClassDef):
            assert not VAGUE_CLASS.search(node.name), node.name
            continue
        assert node.name in FOREIGN_NAMES or not VAGUE_FUNCTION.search(node.name), f"{path.name}: {node.name}"
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        assert length <= MAX_FUNCTION_LINES, f"{path.name}: {node.name} has {length} lines"


def test_no_folder_holds_more_than_fifteen_modules() -> None:
    for folder in {p.parent for p in SOURCES}:
        if folder.name == "versions":
            continue
        modules = [p for p in folder.glob("*.py") if p.name != "__init__.py"]
        assert len(modules) <= MAX_MODULES, f"{folder.relative_to(ROOT)} has {len(modules)} modules"


def test_untrusted_input_never_meets_an_assert() -> None:
    """`python -O` drops asserts, so the source may not rely on one."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not isinstance(node, ast.Assert), f"{path.relative_to(ROOT)}:{node.lineno}"


def test_no_todo_without_an_issue() -> None:
    for path in SOURCES:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            assert not re.search(r"(TODO|FIXME|XXX)(?!\(#\d+\))", line), f"{path.relative_to(ROOT)}:{number}"


def test_every_public_module_says_what_it_is() -> None:
    for path in SOURCES:
        if path.name == "__init__.py" and not path.read_text(encoding="utf-8").strip():
            continue
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path.relative_to(ROOT)


def test_the_repository_holds_no_keys_data_or_large_files() -> None:
    for name in tracked():
        path = ROOT / name
        if not path.exists():
            continue
        assert path.suffix not in {".sqlite", ".sqlite3", ".db", ".pem", ".key"}, name
        limit = MODEL_BYTES if path.suffix == ".safetensors" else 1_000_000
        assert path.stat().st_size < limit, f"{name} is over {limit} bytes"
