"""Builds vectors/calls/{signals,state,ladder,emodel,media,jitter}.json for both languages to replay.

`python -m tests.protocol.calls_vectors` writes them; test_calls_vectors.py compares. Bytes are hexadecimal text.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from tests.protocol import calls_jitter, calls_ladder, calls_media, calls_signals
from tests.protocol.calls_stories import STORIES
from tests.protocol.calls_walks import walk

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"
WALKS = 8
FOLDER = Path(__file__).resolve().parents[2] / "vectors" / "calls"
BY = "zajil, tests/protocol/calls_vectors.py"

ALONE = {"Member", "Record", "Shown", "ShownPeer", "Sample", "Frame", "Control", "Echo"}
"""Classes that stand where no other can."""


def shown(value: object) -> Json:
    """Anything a vector holds: bytes in hex, a dataclass as `{"is": its name, ...}` where more than one may stand."""
    match value:
        case bytes():
            return value.hex()
        case None | bool() | int() | float() | str():
            return value
        case Mapping():
            return {str(key): shown(item) for key, item in value.items()}
        case Sequence():
            return [shown(item) for item in value]
    if dataclasses.is_dataclass(value):
        fields = {field.name: shown(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return fields if type(value).__name__ in ALONE else {"is": type(value).__name__, **fields}
    raise TypeError(value)


def signals() -> Mapping[str, object]:
    return {
        "read": [[about, data, signal] for about, data, signal in calls_signals.read_cases()],
        "sdp": calls_signals.sdp_cases(),
        "candidates": calls_signals.candidate_cases(),
        "hidden": calls_signals.hidden_cases(),
    }


def state() -> Mapping[str, object]:
    """A step is [ms, event, actions]; an event that is null is a start anew."""
    return {
        "stories": [
            *({"name": name, "about": made.__doc__, "lives": made().lives()} for name, made in STORIES.items()),
            *({"name": f"walk_{seed}", "about": "random", "lives": walk(seed).lives()} for seed in range(WALKS)),
        ]
    }


def ladder() -> Mapping[str, object]:
    """A step is [ms, event, actions, ms of the next deadline]."""
    return {
        "stories": [
            *(
                {"name": name, "about": made.__doc__, "steps": made().lived}
                for name, made in calls_ladder.STORIES.items()
            ),
            *({"name": f"walk_{seed}", "about": "random", "steps": calls_ladder.walk(seed).lived} for seed in range(8)),
        ]
    }


def media() -> Mapping[str, object]:
    """Rows of [about, data, what it is]; null: refused."""
    return {
        "frames": calls_media.frame_cases(),
        "room": calls_media.room_cases(),
        "control": calls_media.control_cases(),
        "preamble": calls_media.preamble_cases(),
    }


def jitter() -> Mapping[str, object]:
    """Rows of [name, about, steps]; what a step is, calls_jitter says."""
    return {"stories": calls_jitter.cases()}


def emodel() -> Mapping[str, object]:
    return {
        "rates": calls_media.rate_cases(),
        "words": calls_media.word_cases(),
        "lives": calls_media.life_cases(),
    }


FILES: dict[str, Callable[[], Mapping[str, object]]] = {
    "signals": signals,
    "state": state,
    "ladder": ladder,
    "media": media,
    "emodel": emodel,
    "jitter": jitter,
}


def render(name: str) -> str:
    parts = []
    for key, value in FILES[name]().items():
        lines = [json.dumps(shown(one), ensure_ascii=False) for one in value] if isinstance(value, list) else None
        body = json.dumps(shown(value), ensure_ascii=False) if lines is None else "[\n" + ",\n".join(lines) + "\n]"
        parts.append(f"{json.dumps(key)}: {body}")
    return f'{{"source": "{BY}",\n' + ",\n".join(parts) + "}\n"


if __name__ == "__main__":
    for file in FILES:
        (FOLDER / f"{file}.json").write_text(render(file), encoding="utf-8")
