"""Every rule has its tests, and the engine raises no rule that is not listed."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from zajil import mls
from zajil.mls.validate import RULES

HERE = Path(__file__).parent
SOURCE = Path(mls.__file__).parent
IDS = [
    "D1",
    "F1",
    "F2",
    "F3",
    "F4",
    "F5",
    "F6",
    "F7",
    "F8",
    "K1",
    "K2",
    "K3",
    "K4",
    "L1",
    "L2",
    "L3",
    "L4",
    "L5",
    "L6",
    "L7",
    "P1",
    "P2",
    "P3",
    "P4",
    "P5",
    "P6",
    "P7",
    "P8",
    "P9",
    "P10",
    "C1",
    "C2",
    "C3",
    "C4",
    "C5",
    "C6",
    "C7",
    "C8",
    "T1",
    "T2",
    "T3",
    "T4",
    "T5",
    "G1",
    "G2",
    "W1",
    "W2",
    "W3",
    "W4",
    "W5",
    "W6",
    "X1",
    "X2",
]


def rule_tests() -> list[str]:
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in HERE.glob("test_rules_*.py"))
    return [node.name for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)]


def test_the_list_is_the_one_of_the_design() -> None:
    assert list(RULES) == IDS


@pytest.mark.parametrize("rule", IDS)
def test_rule_has_its_test(rule: str) -> None:
    assert any(name.startswith(f"test_{rule.lower()}_") for name in rule_tests())


def test_no_rule_is_raised_that_is_not_listed() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py"))
    raised = set(re.findall(r"(?:Invalid\(|rule=)\"(\w+)\"", text))
    assert raised <= set(IDS)
    assert len(raised) > 40
