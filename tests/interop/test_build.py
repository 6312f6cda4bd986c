"""The build of the peer: a correction that no longer fits its source stops it. `make check` judges its types."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hatch_build import run_npm
from tests.interop.node import PEER, ROOT, WEB
from tests.interop.ts_mls import Peer

pytestmark = [pytest.mark.interop, pytest.mark.slow]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("dpNode.parent.unmergedLeaves, n.parent.unmergedLeaves))", "dpNode.moved))", "anchor found 0 times"),
        ('anchor: "Object.values(grouped.remove).length > 0;"', 'anchor: "grouped."', "anchor found"),
        ('file: "createCommit.js"', 'file: "renamed.js"', "never bundled: renamed.js"),
    ],
    ids=["moved", "ambiguous", "renamed"],
)
def test_a_correction_that_does_not_fit(ts_mls: Peer, tmp_path: Path, old: str, new: str, complaint: str) -> None:
    web = tmp_path / "web"
    for part in ("build", "src/core", "src/protocol"):
        shutil.copytree(WEB / part, web / part)
    shutil.copy(WEB / "package.json", web)
    (web / "node_modules").symlink_to(WEB / "node_modules")
    shutil.copytree(PEER, tmp_path / PEER.relative_to(ROOT))
    corrections = web / "build" / "ts-mls-corrections.ts"
    text = corrections.read_text(encoding="utf-8")
    assert text.count(old) == 1
    corrections.write_text(text.replace(old, new), encoding="utf-8")
    done = run_npm("run", "--silent", "peer", folder=web)
    assert done.returncode != 0
    assert complaint in done.stderr + done.stdout
