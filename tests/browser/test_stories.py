"""The browser stories, one item per file of `web/e2e`: Chromium contexts and Python members over a real server.

The media of calls have a story of their own without a server, which belongs to another part of CI.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import hatch_build
import pytest

E2E = hatch_build.WEB / "e2e"
CHROMIUM = Path(os.environ.get("ZAJIL_CHROMIUM", "/usr/bin/chromium"))
SMOKE = "three-members.spec.ts"
CALLS = "calls-media.spec.ts"
# Pictures are given up for sound where somebody else uses the machine, as they should be.
ALONE = ("calls.spec.ts",)
STORIES = sorted(path.name for path in E2E.glob("*.spec.ts") if path.name not in ("screens.spec.ts", CALLS))

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="session")
def packages() -> None:
    """Chromium, Node and its packages; one line says what is missing otherwise."""
    if not CHROMIUM.exists():
        pytest.skip("no Chromium: apt-get install -y chromium fonts-noto-core, or set ZAJIL_CHROMIUM")
    try:
        with hatch_build.one_builder_at_a_time():
            hatch_build.install_packages()
    except hatch_build.NoNode as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def client(packages: None) -> None:
    """The built client, fresh."""
    if hatch_build.is_stale():
        hatch_build.build()


def marks_of(story: str) -> list[pytest.MarkDecorator]:
    found = {SMOKE: pytest.mark.smoke} | dict.fromkeys(ALONE, pytest.mark.alone)
    return [found[story]] if story in found else []


@pytest.mark.web
@pytest.mark.parametrize("story", [pytest.param(name, marks=marks_of(name)) for name in STORIES])
def test_story(client: None, story: str) -> None:
    done = run_playwright(story)
    assert done.returncode == 0, told(done)


@pytest.mark.calls
@pytest.mark.smoke
@pytest.mark.alone
def test_the_media_of_calls(packages: None) -> None:
    """Builds the page it needs by itself. ZAJIL_LONG=1: a minute of four people instead of seconds."""
    done = run_playwright(CALLS)
    print(done.stdout)
    assert done.returncode == 0, told(done)


def run_playwright(story: str) -> subprocess.CompletedProcess[str]:
    """Run one file of stories."""
    command, path = hatch_build.npm_command("exec", "--", "playwright", "test", story)
    env = os.environ | {"PATH": path, "ZAJIL_CHROMIUM": str(CHROMIUM)}
    return subprocess.run(command, cwd=hatch_build.WEB, env=env, capture_output=True, text=True, check=False)


def told(done: subprocess.CompletedProcess[str]) -> str:
    """What Playwright said, and what stood on the page where a story failed: of CI nothing else is left."""
    names = dict.fromkeys(re.findall(r"Error Context: (\S+)", done.stdout))
    pages = [(hatch_build.WEB / name).read_text(encoding="utf-8")[:6000] for name in names]
    return "\n".join([done.stdout[-6000:], done.stderr[-2000:], *pages])
