"""Mailbox and outbox replay every story of vectors/, and the stories reach every row of their tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.protocol import delivery_vectors
from tests.protocol.delivery_vectors import MACHINES, ROOT

from zajil.protocol.mailbox import intake, receiving
from zajil.protocol.outbox import items, marks, sending

STORIES = dict(delivery_vectors.stories())
FILES = sorted([*(ROOT / "mailbox").glob("*.json"), *(ROOT / "outbox").glob("*.json")])
PAGE = Path(__file__).resolve().parents[2] / "docs" / "protocol" / "delivery.md"


def steps_of(machine: str) -> Any:
    """(state before, event, at) of every step of every file of a machine."""
    for path in FILES:
        vector = json.loads(path.read_text(encoding="utf-8"))
        if vector["machine"] != machine:
            continue
        kinds = MACHINES[machine]
        state = msgspec.convert(vector["start"], kinds.state)
        for told in vector["steps"]:
            state = msgspec.convert(told["from"], kinds.state) if "from" in told else state
            event = msgspec.convert(told["event"], kinds.event)
            yield state, event, told["at"]
            state = kinds.step(state, event, told["at"])[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_story_is_replayed(path: Path) -> None:
    vector = json.loads(path.read_text(encoding="utf-8"))
    machine = MACHINES[vector["machine"]]
    state = msgspec.convert(vector["start"], machine.state)
    for told in vector["steps"]:
        state = msgspec.convert(told["from"], machine.state) if "from" in told else state
        state, actions, deadline = machine.step(state, msgspec.convert(told["event"], machine.event), told["at"])
        assert (as_json(actions), deadline) == (told["actions"], told["deadline"]), told
        if "to" in told:
            assert as_json(state) == told["to"]
    assert as_json(state) == vector["end"]


def as_json(value: Any) -> Any:
    return json.loads(msgspec.json.encode(value))


def test_the_files_are_what_we_write() -> None:
    assert set(FILES) == set(STORIES), "run python -m tests.protocol.delivery_vectors"
    for path, story in STORIES.items():
        assert path.read_text(encoding="utf-8") == delivery_vectors.render(story), path.name
    for folder in ("mailbox", "outbox"):
        assert sum(path.parent.name == folder for path in FILES) >= 40


def test_every_cell_of_receiving_has_a_story() -> None:
    reached = {(type(event), state.phase) for state, event, _ in steps_of("receiving")}
    assert reached == {(event, phase) for event in receiving.TABLE for phase in receiving.PHASES}


def test_every_row_of_intake_has_a_story() -> None:
    places, events, answers = set(), set(), set()
    for state, event, at in steps_of("intake"):
        events.add(type(event))
        answers |= {type(action) for action in intake.step(state, event, at)[1]}
        fresh = isinstance(event, intake.Again) or (isinstance(event, intake.Entry) and event.seq > state.stored)
        if fresh and not state.locked:
            places.add(intake.find_place(event, state.groups.get(event.gid)).name)
    assert places == {row.name for row in intake.PLACES}
    assert events == set(intake.EVENTS.values())
    assert answers == {
        *(intake.Open, intake.Alarm, intake.Take, intake.Skip, intake.Drop),
        *(intake.Hold, intake.Release, intake.Settle, intake.Readd),
    }


def test_every_row_of_items_has_a_story_of_its_own_and_every_cell_a_step() -> None:
    cells, told = set(), set()
    for state, event, at in steps_of("items"):
        row = items.find_row(state, event, at)
        if row is not None:
            cells.add((row.event, state.kind, state.state, row.case))
    for story in STORIES.values():
        if story.machine == "items" and not story.name.startswith("every-"):
            told |= rows_of(story)
    assert cells == set(items.TABLE)
    assert told == {row.name for row in items.ROWS}


def rows_of(story: Any) -> set[str]:
    """Names of the rows a story of items goes through."""
    state, names = story.start, set()
    for step in story.steps:
        row = items.find_row(state, step.event, step.at)
        if row is not None:
            names.add(row.name)
        state = items.step(state, step.event, step.at)[0]
    return names


def test_every_cell_of_sending_has_a_story() -> None:
    reached = {(type(event), state.link) for state, event, _ in steps_of("sending")}
    assert reached == {(event, link) for event in sending.TABLE for link in sending.LINKS}


def test_every_cell_of_marks_has_a_story() -> None:
    reached = {(event.type, state) for state, event, _ in steps_of("marks")}
    assert reached == {(event, mark) for event in marks.TABLE for mark in marks.MARKS}


def test_the_page_shows_every_event_and_row() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for table in (receiving.TABLE, sending.TABLE):
        for event in table:
            assert f"`{event.__struct_config__.tag}" in page
    for place in intake.PLACES:
        assert f"| {place.name}" in page
    for row in items.ROWS:
        case = f" ({row.case})" if row.case else ""
        assert f"| `{row.event.__struct_config__.tag}`{case}" in page
    for mark, cells in marks.TABLE.items():
        assert f"| `{mark}` | {' | '.join(cells)} |" in page
