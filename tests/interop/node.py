"""The bundled ts-mls peer; hatch_build.py finds Node and installs its packages, and says in one line why it cannot."""

from __future__ import annotations

from pathlib import Path

from hatch_build import find_npm, install_packages, one_builder_at_a_time, run_npm

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
PEER = ROOT / "tests" / "interop" / "peer"
BUNDLES = ROOT / "build" / "interop"


def newest_source() -> float:
    folders = (
        PEER,
        WEB / "build",
        WEB / "src" / "core" / "mls",
        WEB / "src" / "protocol",
        WEB / "src" / "core" / "reach",
    )
    sources = [*(path for folder in folders for path in folder.rglob("*.ts")), WEB / "package-lock.json"]
    return max(path.stat().st_mtime for path in sources)


def build_peer(*, raw: bool) -> Path:
    """The bundled peer, built when its sources are newer; raw = without our corrections to ts-mls.

    Raises NoNode when Node or its packages are missing, RuntimeError when the build itself fails.
    """
    find_npm()
    bundle = BUNDLES / ("peer-raw.mjs" if raw else "peer.mjs")
    BUNDLES.mkdir(parents=True, exist_ok=True)
    with one_builder_at_a_time():
        install_packages()
        if not bundle.exists() or bundle.stat().st_mtime < newest_source():
            done = run_npm("run", "--silent", "peer", environment={"ZAJIL_PEER": "raw" if raw else "corrected"})
            if done.returncode != 0 or not bundle.exists():
                raise RuntimeError(f"the ts-mls peer does not build: {done.stderr[-2000:]}")
    return bundle
