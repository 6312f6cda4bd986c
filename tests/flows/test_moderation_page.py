"""The page on running moderation, pasted into a shell: from an offer that a rule holds to the answer to its author."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.flows.server import ServerProcess
from tests.forks import asked

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operate" / "moderation.md"
pytestmark = [pytest.mark.moderation, pytest.mark.flows, pytest.mark.slow]


@pytest.fixture
def moderated(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server as the page sets it up: with the lines of its first block."""
    settings = re.search(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert settings
    process = ServerProcess(tmp_path / "moderated", settings=settings[1])
    process.start()
    yield process
    assert process.stop() == 0


def test_the_page_works_when_pasted(moderated: ServerProcess, tmp_path: Path) -> None:
    tour = re.search(r"```sh tour\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert tour
    script = "set -euo pipefail\n" + tour[1].replace("http://127.0.0.1:8440", moderated.url)
    tools = asked.tools(tmp_path / "tools")
    surroundings = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)}
    surroundings |= {"ZAJIL_DATA": str(moderated.data), "ZAJIL_LANG": "en"}
    pasted = subprocess.run(
        ["bash", "-c", script], env=surroundings, cwd=tmp_path, capture_output=True, text=True, timeout=180
    )
    assert pasted.returncode == 0, pasted.stderr
    said = pasted.stdout
    assert "guaranteed profit" in said, "the words that the rule knows"
    assert "decided by a person" in said
    assert "Nothing waits." in said, "no appeal for whoever decided"
    assert "held for review" in said
    assert said.count("Done.") == 2
    assert re.search(r"@baker_\d+  Guaranteed profit .*\n", said.rsplit("Done.", 1)[1]), "and it is there again"
    assert "Report, log and database agree" in said
    assert "The log is whole" in said
