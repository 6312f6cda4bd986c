"""The modules of `zajil.native` compiled: they pass their sources' tests, and never stand in for other sources."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import native_build
import pytest

from zajil import native

ROOT = Path(__file__).resolve().parent.parent
JUDGES = (
    "tests/protocol/test_session.py",
    "tests/engine/test_batches.py",
    "tests/engine/test_begun.py",
    "tests/engine/test_known.py",
    "tests/engine/test_machine.py",
    "tests/engine/test_passing.py",
    "tests/server/test_receiver.py",
    "tests/server/test_sender.py",
    "tests/server/test_shell.py",
    "tests/server/test_calls_on_sessions.py",
)
REPLACES = (
    "tests/engine/test_known.py::test_what_did_not_reach_the_disk_is_not_known",
    "tests/engine/test_known.py::test_little_is_held",
)
"""Tests that give a class another method, or a module another constant: others were compiled with the one it had."""
WHERE = (
    "import sys, zajil.protocol.session.stream, zajil.server.gateway.gateway, zajil.engine.sql.sqlite.engine;"
    " import zajil.engine.sql.batch.batch as batch;"
    " sys.stdout.write(batch.__file__)"
)


def run(*words: str, builds: Path | str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """A program of this interpreter that is to use these builds."""
    env = {**os.environ, native.VARIABLE: str(builds)}
    return subprocess.run([sys.executable, *words], cwd=cwd, env=env, capture_output=True, text=True, check=False)


def lay_down(build: Path) -> None:
    """Files named as those of a build, which no interpreter takes."""
    for name in (*native.MODULES, f"{native.LIBRARY}__mypyc"):
        file = build / f"{name.replace('.', '/')}{EXTENSION_SUFFIXES[0]}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


@pytest.mark.scale
@pytest.mark.slow
def test_compiled_modules_pass_the_tests_of_their_sources(tmp_path: Path) -> None:
    if lack := native_build.find_lack():
        pytest.skip(lack)
    assert (made := run("native_build.py", "--to", str(tmp_path), "--level", "0", builds=tmp_path)).returncode == 0, (
        made.stdout + made.stderr
    )
    told = run("-c", WHERE, builds=tmp_path)
    assert Path(told.stdout).is_relative_to(tmp_path), told
    assert not told.stderr
    left_out = [word for name in REPLACES for word in ("--deselect", name)]
    judged = run("-m", "pytest", "-q", "-p", "no:xdist", *JUDGES, *left_out, builds=tmp_path)
    assert judged.returncode == 0, judged.stdout[-4000:]
    (build,) = tmp_path.iterdir()
    before = build.stat().st_ino
    assert run("native_build.py", "--to", str(tmp_path), builds=tmp_path).returncode == 0
    assert build.stat().st_ino == before, "what is there is not made again"


def test_a_build_of_other_sources_is_not_used(tmp_path: Path) -> None:
    other = tmp_path / ("0" * 32)
    lay_down(other)
    assert native.Compiled(other).is_whole
    told = run("-c", WHERE, builds=tmp_path)
    assert told.stdout.endswith("src/zajil/engine/sql/batch/batch.py")
    assert "no build of these sources" in told.stderr


def test_any_change_of_any_source_asks_for_another_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "__file__", str(tmp_path / "native.py"))
    (tmp_path / "protocol").mkdir()
    (tmp_path / "protocol" / "limits.py").write_text("WINDOW_BYTES = 1\n")
    first = native.digest_sources()
    assert native.digest_sources() == first
    (tmp_path / "protocol" / "limits.py").write_text("WINDOW_BYTES = 2\n")
    second = native.digest_sources()
    (tmp_path / "protocol" / "limits.py").rename(tmp_path / "protocol" / "sizes.py")
    assert len({first, second, native.digest_sources()}) == 3


def test_the_folder_a_program_is_started_in_does_not_say_what_it_runs(tmp_path: Path) -> None:
    lay_down(tmp_path / "builds" / native.digest_sources())
    told = run("-c", WHERE, builds="builds", cwd=tmp_path)
    assert told.stdout.endswith("src/zajil/engine/sql/batch/batch.py"), told.stderr


def test_an_interpreter_that_is_told_to_ignore_its_environment_does(tmp_path: Path) -> None:
    lay_down(tmp_path / native.digest_sources())
    assert run("-c", WHERE, builds=tmp_path).returncode != 0, "it would be used"
    told = run("-E", "-c", WHERE, builds=tmp_path)
    assert told.stdout.endswith("src/zajil/engine/sql/batch/batch.py"), told.stderr
    assert not told.stderr


def test_a_new_build_removes_older_ones_and_nothing_that_somebody_else_has_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native_build, "find_lack", lambda: None)
    monkeypatch.setattr(native_build, "compile_into", lambda folder, level: lay_down(folder / "lib"))
    for name in ("0" * 32, "making-left", "photos", "b" * 31):
        (tmp_path / name).mkdir()
    made = native_build.build(tmp_path, level=0)
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([made.name, "photos", "b" * 31])


def test_two_builds_at_once_are_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_build, "find_lack", lambda: None)
    monkeypatch.setattr(native_build, "CACHE", tmp_path / "cache")
    both, under_way, most = threading.Barrier(2, timeout=10), [], []

    def compile_slowly(folder: Path, level: int) -> None:
        under_way.append(folder)
        most.append(len(under_way))
        with suppress(threading.BrokenBarrierError):
            both.wait(0.05)  # for the other one, which has come this far only where nothing keeps it
        assert folder.is_dir(), "the other one has removed it"
        lay_down(folder / "lib")
        under_way.remove(folder)

    monkeypatch.setattr(native_build, "compile_into", compile_slowly)
    with ThreadPoolExecutor(3) as threads:
        same = [threads.submit(native_build.build, tmp_path / "one", level=0) for _ in range(2)]
        other = threads.submit(native_build.build, tmp_path / "two", level=0)
        made = {each.result() for each in (*same, other)}
    assert most == [1, 1], "who waited for the same one finds it, and who goes elsewhere waits for the cache"
    assert all(native.Compiled(each).is_whole for each in made)


def test_a_build_that_is_not_whole_is_not_used(tmp_path: Path) -> None:
    assert not native.Compiled(tmp_path).is_whole


def test_a_machine_without_a_compiler_is_told_what_brings_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(SystemExit, match=r"no C compiler, no-such-compiler .*apt-get install gcc"):
        native_build.build(tmp_path, level=0)
