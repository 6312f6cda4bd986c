"""What the workers of a run find rewritten is what pytest itself would have made."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from _pytest.assertion.rewrite import _read_pyc
from tests import rewriting

TEXT = "def test_sum() -> None:\n    one = 1\n    assert one + one == 2, 'so'\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("test_a.py", "deep/test_b.py", "conftest.py", "other.py"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(TEXT, encoding="utf-8")
    (tmp_path / "test_broken.py").write_text("def (", encoding="utf-8")
    return tmp_path


def controller(config: pytest.Config) -> pytest.Config:
    """As the process that starts workers has it, whichever runs this test."""
    option = SimpleNamespace(dist="worksteal", assertmode="rewrite")
    asked = {name: getattr(config, name) for name in ("stash", "getini", "get_verbosity")}
    return SimpleNamespace(option=option, **asked)  # type: ignore[return-value]  # all that is asked of it


def test_each_file_that_pytest_rewrites_is_found_once_and_read_by_pytest(
    folder: Path, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert {file.name for file in rewriting.find_stale(folder)} == {
        *("test_a.py", "test_b.py", "conftest.py", "test_broken.py"),
    }
    rewriting.rewrite_once(controller(pytestconfig), folder)
    assert [file.name for file in rewriting.find_stale(folder)] == ["test_broken.py"]
    for name in ("test_a.py", "deep/test_b.py", "conftest.py"):
        file = folder / name
        code = _read_pyc(file, rewriting.pyc_of(file))
        assert code is not None
        assert "@pytest_ar" in code.co_names
    (folder / "test_a.py").write_text(TEXT.replace("2", "3"), encoding="utf-8")
    assert _read_pyc(folder / "test_a.py", rewriting.pyc_of(folder / "test_a.py")) is None


def test_nothing_is_written_where_python_shall_write_nothing(
    folder: Path, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    rewriting.rewrite_once(controller(pytestconfig), folder)
    assert len(rewriting.find_stale(folder)) == 4
