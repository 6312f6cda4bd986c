"""One text to learn from, with what is known of it: a label per head, and unknown is not benign."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

from zajil.moderation.categories import ANY, CATEGORIES, HEADS

Label: TypeAlias = Literal[1, 0, -1]
YES: Final[Label] = 1
NO: Final[Label] = 0
UNKNOWN: Final[Label] = -1
Labels: TypeAlias = tuple[Label, ...]
Kind: TypeAlias = Literal["natural", "presumed", "template"]
BENIGN: Final[Labels] = (NO,) * len(HEADS)


class Row(NamedTuple):
    """A text with its labels in the order of HEADS. source: of the set, or the template group. kind: who wrote it;
    `presumed` is natural as well, and benign because nothing speaks against it.

    weight: how much an error on it counts. trains: whether models learn from it; measures: whether it counts towards
    thresholds where benign. group: pattern of a template. family: rows of one are held out together.
    """

    text: str
    source: str
    labels: Labels
    kind: Kind = "natural"
    weight: float = 1.0
    trains: bool = True
    measures: bool = True
    group: str = ""
    family: str = ""


def mark(*, rest: Label = UNKNOWN, **known: Label) -> Labels:
    """Labels of the named heads; `rest` of all others. A harm that is known makes `any` one."""
    if YES in known.values():
        known.setdefault(ANY, YES)
    if set(known) - {*CATEGORIES, ANY}:
        raise KeyError(*(set(known) - {*CATEGORIES, ANY}))
    return tuple(known.get(head, rest) for head in HEADS)
