"""The browser stories, one item per file of `web/e2e`: Chromium contexts and Python members over a real server."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import hatch_build
import pytest

E2E = hatch_build.WEB / "e2e"
CHROMIUM = Path(os.environ.get("ZAJIL_CHROMIUM", "/usr/bin/chromium"))
SMOKE = "three-members.spec.ts"
STORIES = sorted(path.name for path in E2E.glob("*.spec.ts") if path.name != "screens.spec.ts")

pytestmark = [pytest.mark.web, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="session")
def client() -> None:
    """The built client, fresh; one line says what is missing otherwise."""
    if not CHROMIUM.exists():
        pytest.skip("no Chromium: apt-get install -y chromium fonts-noto-core, or set ZAJIL_CHROMIUM")
    try:
        if hatch_build.is_stale():
            hatch_build.build()
    except hatch_build.NoNode as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize(
    "story", [pytest.param(name, marks=[pytest.mark.smoke] if name == SMOKE else []) for name in STORIES]
)
def test_story(client: None, story: str) -> None:
    done = run_playwright(story)
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-2000:]}"


def run_playwright(story: str) -> subprocess.CompletedProcess[str]:
    """Run one file of stories."""
    command, path = hatch_build.npm_command("exec", "--", "playwright", "test", story)
    env = os.environ | {"PATH": path, "ZAJIL_CHROMIUM": str(CHROMIUM)}
    return subprocess.run(command, cwd=hatch_build.WEB, env=env, capture_output=True, text=True, check=False)
