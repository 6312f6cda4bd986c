"""The pages on policy and log name every code, word of the grammar, row of the table and field there is."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import get_args

import msgspec

from zajil.moderation.audit import verify
from zajil.moderation.audit.entries import KINDS, Entry
from zajil.moderation.policy import faults
from zajil.moderation.policy.conditions import LEAVES, REGEX_PROGRAM
from zajil.moderation.policy.decide import TABLE
from zajil.moderation.statistics.report import (
    FINAL_AFTER_S,
    Appeals,
    Downtime,
    FalseRemovals,
    LogPart,
    Notices,
    Rate,
    Report,
    Restrictions,
    State,
)
from zajil.moderation.statistics.suppression import LARGE, SMALL
from zajil.server.http import transparency

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


def test_the_report_is_described_field_by_field() -> None:
    page = (DOCS / "operate" / "transparency.md").read_text(encoding="utf-8")
    for field in msgspec.structs.fields(Report):
        assert re.search(rf"^\| [^|]*`{field.name}`", page, re.MULTILINE), field.name
    parts = (LogPart, Restrictions, Notices, Appeals, Rate, FalseRemovals, Downtime)
    for name in {field.name for part in parts for field in msgspec.structs.fields(part)}:
        assert f"`{name}`" in page, name
    for state in get_args(State):
        assert f"`{state}`" in page, state
    assert f"{FINAL_AFTER_S // 86_400} days" in page
    for mark in (SMALL, LARGE):
        assert f"`{mark}`" in page


def test_published_calls_are_those_that_are_answered() -> None:
    calls = re.findall(r"`GET (/transparency/[^`?]*)", AUDIT)
    source = inspect.getsource(transparency)
    assert len(calls) == 4
    for call in calls:
        assert call in source or call.startswith("/transparency/v1/reports/"), call
    assert f"{transparency.ENTRIES:,} entries" in AUDIT
