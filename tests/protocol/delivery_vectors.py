"""Builds vectors/mailbox/*.json and vectors/outbox/*.json: stories that both languages replay step by step.

`python -m tests.protocol.delivery_vectors` writes them; test_delivery_vectors.py compares. A file is
`{source, about, machine, start, steps: [{at, event, actions, deadline}], end}`; a step with `from` sets the state
first and must end in `to`. A difference is a change of behaviour: it needs a reason and the other language.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import msgspec
from tests.protocol import mailbox_stories, outbox_stories

from zajil.protocol.mailbox import intake, receiving
from zajil.protocol.outbox import items, marks, order, sending

ROOT = Path(__file__).resolve().parents[2] / "vectors"
Json: TypeAlias = Any  # JSON of many shapes


class Machine(NamedTuple):
    """How a machine is run. state, event: their types, for reading JSON."""

    folder: str
    step: Any  # each machine has its own types
    state: Any
    event: Any


class Mark(msgspec.Struct, frozen=True):
    """What `marks` says, in the shape of the other machines."""

    type: marks.MarkEvent


def step_mark(state: marks.MarkState, event: Mark, now: int) -> tuple[marks.MarkState, tuple[()], None]:
    del now
    return marks.next_mark(state, event.type), (), None


MACHINES = {
    "receiving": Machine("mailbox", receiving.step, receiving.Receiving, receiving.Event),
    "intake": Machine("mailbox", intake.step, intake.Intake, intake.Event),
    "items": Machine("outbox", items.step, items.Item, items.Event),
    "order": Machine("outbox", order.step, order.Queue, order.Event),
    "sending": Machine("outbox", sending.step, sending.Sending, sending.Event),
    "marks": Machine("outbox", step_mark, marks.MarkState, Mark),
}


def build(story: mailbox_stories.Story) -> Json:
    """The file of a story, with everything the machine answered."""
    machine = MACHINES[story.machine]
    state, steps = story.start, []
    for told in story.steps:
        shown: dict[str, Json] = {}
        if told.state is not None:
            state = told.state
            shown["from"] = msgspec.to_builtins(state)
        event = msgspec.convert(told.event, machine.event) if isinstance(told.event, dict) else told.event
        state, actions, deadline = machine.step(state, event, told.at)
        shown |= {"at": told.at, "event": msgspec.to_builtins(told.event), "actions": msgspec.to_builtins(actions)}
        shown["deadline"] = deadline
        if told.state is not None:
            shown["to"] = msgspec.to_builtins(state)
        steps.append(shown)
    return {
        "source": "zajil, tests/protocol/delivery_vectors.py",
        "about": story.about,
        "machine": story.machine,
        "start": msgspec.to_builtins(story.start),
        "steps": steps,
        "end": msgspec.to_builtins(state),
    }


def stories() -> Iterator[tuple[Path, mailbox_stories.Story]]:
    """Every story with its file."""
    for story in (*mailbox_stories.STORIES, *outbox_stories.STORIES):
        yield ROOT / MACHINES[story.machine].folder / f"{story.machine}-{story.name}.json", story


def render(story: mailbox_stories.Story) -> str:
    built = build(story)
    steps = ",\n".join("  " + json.dumps(step, ensure_ascii=False) for step in built["steps"])
    head = json.dumps(
        {key: built[key] for key in ("source", "about", "machine", "start")}, ensure_ascii=False, indent=1
    )
    end = json.dumps(built["end"], ensure_ascii=False)
    return f'{head[:-2]},\n "steps": [\n{steps}\n ],\n "end": {end}\n}}\n'


if __name__ == "__main__":
    for path, story in stories():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render(story), encoding="utf-8")
