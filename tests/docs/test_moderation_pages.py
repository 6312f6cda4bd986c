"""The pages on policy and log name every code, word of the grammar, row of the table and field there is."""

from __future__ import annotations

import re
from pathlib import Path

from zajil.moderation.audit import verify
from zajil.moderation.audit.entries import KINDS, Entry
from zajil.moderation.policy import faults
from zajil.moderation.policy.conditions import LEAVES, REGEX_PROGRAM
from zajil.moderation.policy.decide import TABLE

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
POLICY = (DOCS / "operate" / "policy.md").read_text(encoding="utf-8")
AUDIT = (DOCS / "protocol" / "audit.md").read_text(encoding="utf-8")


def test_faults_are_documented_as_they_are() -> None:
    for page, codes in ((POLICY, faults.FAULTS), (AUDIT, verify.FAULTS)):
        for code, text in codes.items():
            assert f"| `{code}` | {text} |" in page


def test_every_word_of_the_grammar_is_explained() -> None:
    for word in ("all", "any", "not", *LEAVES):
        assert re.search(rf"`{{{word}: ", POLICY), word
    assert f"{REGEX_PROGRAM} steps" in POLICY


def test_the_table_of_actions_is_the_codes() -> None:
    rows = [line.split("|")[2:6] for line in POLICY.split("## What leads")[1].split("## Faults")[0].splitlines()]
    written = [[cell.strip().partition(";")[0] for cell in row] for row in rows if len(row) == 4][2:]
    assert written == [list(effects.values()) for effects in TABLE.values()]


def test_every_field_and_kind_of_an_entry_is_described() -> None:
    for name in (*Entry._fields, *KINDS):
        assert f"`{name}`" in AUDIT, name
