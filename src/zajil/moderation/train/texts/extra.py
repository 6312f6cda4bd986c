"""An operator's own labelled texts, beside the public sets: one JSON object a line, `{"text": ..., "labels": {...}}`.

Labels are 0 or 1 by head; a head that is left out is unknown. Models trained with such rows carry `shipped: false`.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from zajil.moderation.train.rows import Label, Row, mark


class ExtraRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line."""

    text: str
    labels: dict[str, bool]


class ExtraRefused(ValueError):
    """A file of own rows that cannot be read; names the line."""


def read_extra(path: Path) -> list[Row]:
    """The rows of a file. Raises ExtraRefused naming the line, OSError."""
    rows = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            row = msgspec.json.decode(line, type=ExtraRow)
            known: dict[str, Label] = {head: 1 if label else 0 for head, label in row.labels.items()}
            rows.append(Row(row.text, "extra", mark(**known)))
        except (msgspec.MsgspecError, KeyError) as cause:
            raise ExtraRefused(f"{path.name}:{number}") from cause
    return rows
