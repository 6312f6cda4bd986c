"""The documentation follows the code: links resolve, generated pages are current, named tests exist."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(#[^)\s]*)?\)")
TEST_NAME = re.compile(r"`(tests/[\w./-]+\.py)(?:::(\w+))?`")
SOURCE_NAME = re.compile(
    r"`((?:src/zajil|bench|vectors|web|\.ci)/[\w./-]+)`"
)  # The notation that says where something is defined: `name` in `file`. A dotted name is a member.
DEFINED = re.compile(
    r"`([A-Za-z_][\w.]*)(?:\(\))?` in `((?:src/zajil|bench|tests|web)/[\w./-]+\.(?:py|ts|js|mjs|svelte))`"
)
SCRIPT_DEFINITION = (
    r"\b(?:function|class|const|let|interface|type)\s+{0}\b|^\s+(?:async |private |readonly |static )*{0}\s*[(<:=]"
)

# What a build writes and Git ignores: a fresh clone lacks it.
BUILT = "src/zajil/server/web"

# Page, and the module that prints it.
GENERATED = {
    "docs/protocol/errors.md": "zajil.protocol.errors",
    "docs/operate/settings.md": "zajil.server.config",
    "docs/operate/data.md": "zajil.server.inventory",
    "docs/operate/figures.md": "zajil.server.metrics",
    "docs/operate/laboratory.md": "tests.censor.lab.page",
    "docs/operate/requests.md": "zajil.server.accounting.disclosure",
}

LABEL = re.compile(r"(?<!\*)\*([A-Z][^*\n]+)\*(?!\*)")
WORDS = ROOT / "web" / "messages" / "en"


def test_the_tour_names_buttons_as_the_client_does() -> None:
    tour = (ROOT / "README.md").read_text(encoding="utf-8").split("## Tour")[1].split("\n## ")[0]
    labels = set(LABEL.findall(tour))
    words = {text for path in WORDS.glob("*.json") for text in json.loads(path.read_text(encoding="utf-8")).values()}
    assert len(labels) > 3
    assert not labels - words


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_and_names_resolve(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target, _anchor in LINK.findall(text):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
    for file, function in TEST_NAME.findall(text):
        path = ROOT / file
        assert path.exists(), f"{page.name} names {file}"
        if function:
            assert re.search(rf"def {function}\b", path.read_text(encoding="utf-8")), f"{file} has no {function}"
    for name in SOURCE_NAME.findall(text):
        if name.startswith(BUILT):
            continue
        assert (ROOT / name).exists(), f"{page.name} names {name}"


def defined_in_python(source: str) -> set[str]:
    """Functions, classes, members as `Class.member`, and constants that a module defines."""
    found: set[str] = set()

    def walk(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.update({node.name, prefix + node.name})
                if isinstance(node, ast.ClassDef):
                    walk(node.body, f"{node.name}.")
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                found.update(prefix + target.id for target in targets if isinstance(target, ast.Name))

    walk(ast.parse(source).body, "")
    return found


def find_undefined(text: str) -> list[str]:
    """The names that a page places in a file which does not define them."""
    wrong = []
    for name, file in DEFINED.findall(text):
        path = ROOT / file
        source = path.read_text(encoding="utf-8") if path.exists() else ""
        if path.suffix == ".py":
            known = name in defined_in_python(source)
        else:
            last = re.escape(name.rsplit(".", 1)[-1])
            known = re.search(SCRIPT_DEFINITION.format(last), source, re.MULTILINE) is not None
        if not known:
            wrong.append(f"{name} in {file}")
    return wrong


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=lambda p: p.name)
def test_functions_stand_where_a_page_says(page: Path) -> None:
    assert not find_undefined(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "planted",
    [
        "`no_such_name` in `src/zajil/client/api.py`",
        "`Client.no_such_name` in `src/zajil/client/api.py`",
        "`send` in `src/zajil/client/no_such_file.py`",
        "`noSuchName` in `web/src/core/mls/tests/official.ts`",
    ],
)
def test_a_planted_false_name_is_found(planted: str) -> None:
    assert find_undefined(planted)


def test_true_names_are_found() -> None:
    assert not find_undefined("`replay` in `web/src/core/mls/tests/official.ts`, `Client` in `src/zajil/client/api.py`")


@pytest.mark.parametrize(("page", "module"), GENERATED.items(), ids=list(GENERATED))
def test_generated_pages_are_current(page: str, module: str) -> None:
    printed = subprocess.run([sys.executable, "-m", module], check=True, capture_output=True, text=True, cwd=ROOT)
    assert (ROOT / page).read_text(encoding="utf-8") == printed.stdout, f"run: python -m {module} > {page}"


def test_every_row_of_the_adversary_table_names_its_test() -> None:
    """A promise is a test or says `not yet`."""
    text = (ROOT / "docs" / "protocol" / "security.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| Adversary")]
    rows = [row for row in rows if not set(row) <= set("|-: ")]
    assert len(rows) >= 20
    for row in rows:
        last = row.rstrip("|").rsplit("|", 1)[-1]
        assert any(proof in last for proof in ("tests/", ".test.ts", "lint-imports", "not yet")), row


def test_every_decision_states_its_reason() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert decisions
    for page in decisions:
        text = page.read_text(encoding="utf-8")
        assert "## Decision" in text, page.name
        assert "## Why" in text, page.name


def test_settings_errors_and_tables_are_documented() -> None:
    for page in GENERATED:
        assert (ROOT / page).stat().st_size > 500, page


def test_the_page_of_media_shows_what_the_routes_measured() -> None:
    measured = (ROOT / "tests" / "calls" / "results" / "latest.md").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "protocol" / "call-media.md").read_text(encoding="utf-8")
    assert page.endswith(measured), "copy latest.md to the end of the page"
