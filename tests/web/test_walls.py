"""The walls inside web/src: each rule of dependencies and of lint reports the violation planted for it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import hatch_build
import pytest
from hatch_build import WEB

pytestmark = [pytest.mark.web, pytest.mark.slow]

# rule: (file, its text). Each file is written into a copy of the tree and must be reported under that rule.
IMPORTS = {
    "no-cycles": ("src/core/rules/planted.ts", 'export * from "./planted2.ts";'),
    "ui-through-state": ("src/ui/planted.ts", 'export * from "../protocol/ids.ts";'),
    "state-through-link": ("src/state/planted.ts", 'export * from "../core/planted.ts";'),
    "core-in-the-worker": ("src/platform/planted.ts", 'export * from "../core/planted.ts";'),
    "core-knows-no-page": ("src/core/planted.ts", 'export * from "../i18n/catalogue.ts";'),
    "protocol-is-pure": ("src/protocol/planted.ts", 'export * from "idb";'),
    "public-side-apart": ("src/core/public/planted.ts", 'export * from "../rules/planted.ts";'),
    "mls-behind-the-wrapper": ("src/core/rules/planted3.ts", 'export * from "ts-mls";'),
    "console-apart": ("src/state/review/planted.ts", 'export * from "../host.ts";'),
    "messenger-without-console": ("src/ui/planted4.ts", 'export * from "../state/review/calls.ts";'),
    "i18n-stands-alone": ("src/i18n/planted.ts", 'export * from "../protocol/ids.ts";'),
}
REPLACED = {
    "link-is-thin": ("src/core/link.ts", 'export * from "./planted.ts";'),
    "service-worker-is-blind": ("src/sw.ts", 'import "./protocol/ids.ts";'),
}
LINT = {
    "no-restricted-globals": ("src/protocol/planted.ts", "export const now = Date.now();"),
    "no-restricted-properties": ("src/protocol/planted.ts", "export const luck = Math.random();"),
    "Named exports only.": ("src/core/planted.ts", "export default 1;"),
    "Use a union of literals.": ("src/core/planted.ts", "export enum Colour { Red }"),
    "No HTML is ever made from strings.": ("src/ui/planted.ts", 'document.body.innerHTML = "x"; export {};'),
    "svelte/no-at-html-tags": ("src/ui/Planted.svelte", '{@html "<b>x</b>"}'),
    "Use logical utilities": ("src/ui/Planted.svelte", '<p class="ml-2">x</p>'),
    "Accepts everything": ("src/core/mls/planted.ts", 'export { acceptAll } from "ts-mls";'),
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of web/ without what is installed or built."""
    try:
        with hatch_build.one_builder_at_a_time():
            hatch_build.install_packages()
    except hatch_build.NoNode as reason:
        pytest.skip(str(reason))
    web = tmp_path / "web"
    shutil.copytree(WEB, web, ignore=shutil.ignore_patterns("node_modules", "artifacts", ".svelte-check"))
    (web / "node_modules").symlink_to(WEB / "node_modules")
    return web


def plant(web: Path, name: str, text: str) -> None:
    path = web / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")


def test_dependency_rules(tree: Path) -> None:
    for name, text in (IMPORTS | REPLACED).values():
        plant(tree, name, text)
    plant(tree, "src/core/rules/planted2.ts", 'export * from "./planted.ts";')
    command = ("exec", "--", "depcruise", "--config", ".dependency-cruiser.cjs", "--output-type", "json", "src")
    done = hatch_build.run_npm(*command, folder=tree)
    found = {(v["rule"]["name"], v["from"]) for v in json.loads(done.stdout)["summary"]["violations"]}
    missing = {(rule, name) for rule, (name, _) in (IMPORTS | REPLACED).items()} - found
    assert not missing
    config = (tree / ".dependency-cruiser.cjs").read_text(encoding="utf-8")
    assert set(re.findall(r'rule\(\s*"([a-z0-9-]+)"', config)) == set(IMPORTS | REPLACED)


def test_lint_rules(tree: Path) -> None:
    texts: dict[str, str] = {}
    for name, text in LINT.values():
        texts[name] = texts.get(name, "") + text + "\n"
    for name, text in texts.items():
        plant(tree, name, text)
    done = hatch_build.run_npm("exec", "--", "eslint", "--format", "json", *texts, folder=tree)
    told = [
        (Path(file["filePath"]).relative_to(tree).as_posix(), f"{message['ruleId']} {message['message']}")
        for file in json.loads(done.stdout)
        for message in file["messages"]
    ]
    missing = [rule for rule, (name, _) in LINT.items() if not any(n == name and rule in m for n, m in told)]
    assert not missing
