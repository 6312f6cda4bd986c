"""The build of the web client beside `zajil run`: told apart when it works, fails, or is interrupted."""

from __future__ import annotations

import os
import select
from pathlib import Path

import pytest

from zajil.cli.resident.builder import ClientBuild, find_clone

pytestmark = pytest.mark.slow


def clone(tmp_path: Path, script: str) -> ClientBuild:
    (tmp_path / "hatch_build.py").write_text(script)
    return ClientBuild(tmp_path)


def test_only_a_clone_with_the_clients_source_is_built_and_only_if_wanted() -> None:
    root = find_clone({})
    assert root == Path(__file__).resolve().parents[2]
    assert find_clone({"ZAJIL_WEB": "skip"}) is None


async def test_a_build_that_works(tmp_path: Path) -> None:
    build = clone(tmp_path, "import sys; assert sys.argv[1:] == ['--if-stale']; open('made', 'w').close()")
    assert not await build.ended()
    await build.start()
    assert await build.ended()
    assert build.done
    assert (tmp_path / "made").exists()
    await build.stop()


async def test_a_build_that_fails_says_why_in_its_last_line(tmp_path: Path) -> None:
    build = clone(tmp_path, "import sys; sys.stderr.write('x' * 100_000 + '\\nno Node >= 20.19\\n'); sys.exit(1)")
    await build.start()
    assert not await build.ended()
    assert build.complaint == "no Node >= 20.19"


async def test_an_interrupted_build_ends_with_everything_it_started(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "told")
    build = clone(
        tmp_path,
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)\n"
        "open('told', 'w').write(str(child.pid))\n"
        "child.wait()\n",
    )
    await build.start()
    with (tmp_path / "told").open() as told:
        end = os.pidfd_open(int(told.read()))
    await build.stop()
    assert build.done
    assert select.select([end], [], [], 30)[0]
    os.close(end)
