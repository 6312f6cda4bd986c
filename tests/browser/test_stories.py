"""The browser stories, one item per file of `web/e2e`: Chromium contexts and Python members over a real server.

The media of calls have a story of their own without a server, which belongs to another part of CI.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import hatch_build
import pytest
from tests.browser import told
from tests.forks import asked

E2E = hatch_build.WEB / "e2e"
CHROMIUM = Path(os.environ.get("ZAJIL_CHROMIUM", "/usr/bin/chromium"))
PLAYWRIGHT = hatch_build.WEB / "node_modules" / "@playwright" / "test" / "cli.js"
SMOKE = "three-members.spec.ts"
CALLS = "calls-media.spec.ts"
# Pictures are given up for sound where somebody else uses the machine, as they should be.
ALONE = ("calls-group.spec.ts",)
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
def test_story(client: None, story: str, record_property: Callable[[str, object], None]) -> None:
    judge(run_playwright(story, ZAJIL_FORKS=asked.socket()), record_property)


@pytest.mark.calls
@pytest.mark.smoke
@pytest.mark.alone
def test_the_media_of_calls(packages: None, record_property: Callable[[str, object], None]) -> None:
    """Builds the page it needs by itself. ZAJIL_LONG=1: a minute of four people instead of seconds."""
    done = run_playwright(CALLS)
    print(done.stdout)
    judge(done, record_property)


def run_playwright(story: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run one file of stories. environ: what its environment has besides."""
    # Each has its folder: Playwright empties it first, and the other worker's story writes meanwhile.
    folder = f"--output=artifacts/playwright/{story.removesuffix('.spec.ts')}"
    # Without npm, which takes as long to start as Playwright does.
    node, _ = hatch_build.find_npm()
    command = [str(node), str(PLAYWRIGHT), "test", story, folder]
    path = f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    env = os.environ | {"PATH": path, "ZAJIL_CHROMIUM": str(CHROMIUM)} | environ
    if "ZAJIL_CI_SECONDS" in os.environ:
        env["CI"] = "1"
    return subprocess.run(command, cwd=hatch_build.WEB, env=env, capture_output=True, text=True, check=False)


def judge(done: subprocess.CompletedProcess[str], record_property: Callable[[str, object], None]) -> None:
    """Fail with what a person needs to see; what passed only at the second try is told after the run."""
    for line in told.find_second_tries(done.stdout):
        record_property(told.SECOND_TRY, line)
    if done.returncode:
        files = [hatch_build.WEB / name for name in told.find_contexts(done.stdout)]
        pages = [file.read_text(encoding="utf-8") for file in files if file.exists()]
        pytest.fail(told.tell(done.stdout, done.stderr, pages), pytrace=False)
