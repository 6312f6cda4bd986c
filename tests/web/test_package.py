"""Wheel and sdist carry the built client: index, worker, service worker, three catalogues, and the list of hashes."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Collection
from pathlib import Path

import hatch_build
import pytest

pytestmark = [pytest.mark.web, pytest.mark.slow, pytest.mark.timeout(600)]

INSIDE = "zajil/server/web/"
# Of the words.
PARTS = ("call", "chat", "errors", "files", "first", "joins", "later", "lock", "public", "recovery", "search", "start")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both, built as a release builds them: the client first, then the packages from it."""
    try:
        if hatch_build.is_stale():
            hatch_build.build()
    except hatch_build.NoNode as reason:
        pytest.skip(str(reason))
    folder = tmp_path_factory.mktemp("packages")
    uv = Path(sys.executable).parent / "uv"
    command = [str(uv), "build", "--quiet", "--sdist", "--wheel", "--out-dir", str(folder), str(hatch_build.ROOT)]
    done = subprocess.run(
        command, env=os.environ | {"ZAJIL_WEB": "require"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


LAZY = re.compile(rb"""import\(\s*["'`]\./([\w.-]+\.js)["'`]""")
STARTED = re.compile(rb"""new URL\(\s*["'`]([\w.-]+\.js)["'`]\s*,\s*import\.meta\.url\)""")
IMPORTED = re.compile(rb"""(?:from|import\(?)\s*["'`][./]+(?:[\w-]+/)*([\w.-]+\.js)["'`]""")
STATIC = re.compile(rb"""(?:from|import)\s*["'`]\./([\w.-]+\.js)["'`]""")


def check_kept(names: set[str], read: Callable[[str], bytes]) -> None:
    """What the service worker keeps: each file once, and nothing of the first part leans on what comes later."""
    text = read("sw.js").decode()
    first, marked, later = json.JSONDecoder().raw_decode(text, text.index('[["assets/'))[0]
    assert {"index.html", "boot.js"} <= marked.keys()
    hashes = {name: base64.b64encode(hashlib.sha256(read(name)).digest()).decode() for name in marked}
    assert marked == {name: f"sha256-{of}" for name, of in hashes.items()}
    kept = [*first, *marked, *later]
    assert len(kept) == len(set(kept))
    hashed = {name for name in names if name.startswith("assets/") and not name.startswith("assets/review/")}
    assert {*first, *later} == hashed
    leaning = {name: set(STATIC.findall(read(name))) for name in first if name.endswith(".js")}
    assert sum(map(len, leaning.values())) > 100
    behind = {name.removeprefix("assets/").encode() for name in later}
    assert {name: found & behind for name, found in leaning.items() if found & behind} == {}
    # Messages come by a bridge where these files do not, and what a rule needs and does not come stops them.
    rules = set(LAZY.findall(read(next(name for name in first if name.startswith("assets/life-")))))
    assert len(rules) > 3
    assert rules & behind == set()
    # Each name that the build puts off is there; one that is not was renamed, and its file comes first again.
    listed = (hatch_build.WEB / "build" / "kept.ts").read_text(encoding="utf-8").split("export const LATER_WORDS")[0]
    put_off = set(re.findall(r'"([\w.-]+)"', listed))
    assert len(put_off) > 30
    assert put_off <= {re.sub(r"-.{8}\.\w+$", "", name.removeprefix("assets/")) for name in later}


def check_workers(files: Collection[str], read: Callable[[str], bytes]) -> None:
    """No chunk imports the entry of a worker: WebKit runs such an entry again, and the core would run twice."""
    chunks = [read(path) for path in files if path.endswith(".js")]
    started = {name for chunk in chunks for name in STARTED.findall(chunk)}
    assert sorted(re.sub(rb"-.{8}\.js$", b"", name) for name in started) == [b"calls", b"calls-sound", b"worker"]
    imported = {name for chunk in chunks for name in IMPORTED.findall(chunk)}
    assert len(imported) > 100
    assert imported & {*started, b"sw.js"} == set()


def check_client(names: list[str], read: Callable[[str], bytes]) -> None:
    """names: as in the package, below web/. read: the bytes of one of them."""
    files = {entry["path"]: entry for entry in json.loads(read("web-manifest.json"))["files"]}
    assert {"index.html", "review.html", "boot.js", "sw.js", "zajil.webmanifest"} <= files.keys()
    # The moderators' page is nothing that every member's browser fetches and keeps.
    assert any(name.startswith("assets/review/") for name in files)
    assert b"assets/review/" not in read("sw.js")
    assert b"assets/review/" not in read("index.html")
    assert sum(name.startswith("assets/worker-") for name in files) >= 1
    hashed = len("-12345678.js")  # the hash itself may hold a hyphen
    words = sorted(name[:-hashed] for name in files if re.match(r"assets/(messages|keys)-", name))
    # The keys of the first words are in the start itself.
    assert words == [f"assets/keys-{part}" for part in PARTS if part != "first"] + [
        f"assets/messages-{language}-{part}" for language in ("ar", "en", "ru") for part in PARTS
    ]
    check_kept(set(files), read)
    check_workers(files, read)
    for path, entry in files.items():
        assert hashlib.sha256(read(path)).hexdigest() == entry["sha256"], path
    served = {name for name in names if not name.endswith((".br", ".gz"))}
    assert served == files.keys() | {"web-manifest.json"}
    assert not [name for name in names if name.endswith(".map")]


def test_the_wheel_carries_the_client(packages: Path) -> None:
    with zipfile.ZipFile(next(packages.glob("*.whl"))) as wheel:
        names = [name.removeprefix(INSIDE) for name in wheel.namelist() if name.startswith(INSIDE)]
        assert len(names) == len(set(names))
        check_client(names, lambda path: wheel.read(INSIDE + path))


def test_the_sdist_carries_the_client_and_no_packages_of_node(packages: Path) -> None:
    with tarfile.open(next(packages.glob("*.tar.gz"))) as sdist:
        inside = f"{sdist.getnames()[0].split('/')[0]}/src/{INSIDE}"
        members = {member.name: member for member in sdist.getmembers() if member.isfile()}
        assert not [name for name in members if "/node_modules/" in name or "/artifacts/" in name]

        def read(path: str) -> bytes:
            handle = sdist.extractfile(members[inside + path])
            assert handle is not None
            return handle.read()

        check_client([name.removeprefix(inside) for name in members if name.startswith(inside)], read)
