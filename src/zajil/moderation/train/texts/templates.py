"""The project's own training texts: hand-written patterns with slots, expanded the same way each time.

    (a|b|c)    one of these; may be nested, and an alternative may be empty
    {slot}     a value of the slot; slots of a file stand before those of LANG-slots.yaml
    {@prefix}  a whole text of a harmful group whose id begins so: for texts that quote it and reject it

A file has `language`, `slots` and `groups`; a group has `id`, `category` (`benign`, or a category with an optional
`/sub`) and `patterns`, one a line. They exist because no licensed set holds Arabic or Russian fraud or incitement.
They are not the suites: `tests/moderation/train/test_templates.py` measures the distance.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple, TypeAlias

import yaml

from zajil.moderation.categories import ANY, CATEGORIES, LANGUAGES, Language, find_category, find_language
from zajil.moderation.train.rows import BENIGN, NO, UNKNOWN, YES, Labels, Row

WEIGHT: Final = 0.3
ROWS_PER_PATTERN: Final = 12
TRIES: Final = 4
FAMILIES_MIN: Final = 5
"""A category with fewer groups in a language has too few to hold some of them out whole."""
# What a text of a category may well be besides; of all other heads it is a negative.
ALSO: Final[dict[str, frozenset[str]]] = {
    "fraud": frozenset({"spam"}),
    "spam": frozenset({"fraud"}),
    "violence_incitement": frozenset({"hate", "harassment"}),
    "hate": frozenset({"harassment", "violence_incitement"}),
    "harassment": frozenset({"hate", "violence_incitement", "sexual", "self_harm"}),
    "sexual": frozenset({"harassment", "spam"}),
    "self_harm": frozenset({"harassment", "violence_incitement"}),
}
Piece: TypeAlias = "str | Slot | Choice"


class TemplateFault(ValueError):
    """A template file that cannot be read."""


class Slot(NamedTuple):
    """A reference to a slot, or to a group where it begins with @."""

    name: str


class Choice(NamedTuple):
    """One of several sequences."""

    options: tuple[tuple[Piece, ...], ...]


class Group(NamedTuple):
    """Patterns of one kind. category: "" for benign."""

    id: str
    language: Language
    category: str
    sub: str
    patterns: tuple[tuple[Piece, ...], ...]
    slots: dict[str, tuple[tuple[Piece, ...], ...]]


def parse_pattern(text: str) -> tuple[Piece, ...]:
    """The pieces of a pattern. Raises TemplateFault for brackets that do not match."""
    pieces, at = _parse_sequence(text, 0, inside=False)
    if at != len(text):
        raise TemplateFault(f"unbalanced at {at}: {text[:30]}")
    return pieces


def _parse_sequence(text: str, at: int, *, inside: bool) -> tuple[tuple[Piece, ...], int]:
    pieces: list[Piece] = []
    plain = ""
    while at < len(text) and not (inside and text[at] in "|)"):
        character = text[at]
        if character not in "({":
            if character in ")}":
                raise TemplateFault(f"unbalanced at {at}: {text[:30]}")
            plain, at = plain + character, at + 1
            continue
        pieces.append(plain)
        plain = ""
        if character == "{":
            end = text.find("}", at)
            if end < 0:
                raise TemplateFault(f"unbalanced at {at}: {text[:30]}")
            pieces.append(Slot(text[at + 1 : end]))
            at = end + 1
            continue
        options: list[tuple[Piece, ...]] = []
        while at < len(text) and text[at] in "(|":
            option, at = _parse_sequence(text, at + 1, inside=True)
            options.append(option)
        if at >= len(text):
            raise TemplateFault(f"unbalanced: {text[:30]}")
        pieces.append(Choice(tuple(options)))
        at += 1
    pieces.append(plain)
    return tuple(piece for piece in pieces if piece != ""), at


def _parse_slots(slots: dict[str, str]) -> dict[str, tuple[tuple[Piece, ...], ...]]:
    return {name: tuple(parse_pattern(value) for value in text.split("|")) for name, text in slots.items()}


@cache
def load_groups() -> tuple[Group, ...]:
    """Every group of the packaged files, by file then place. Raises TemplateFault."""
    folder = files("zajil.moderation.data").joinpath("templates")
    paths = sorted((path for path in folder.iterdir() if path.name.endswith(".yaml")), key=lambda path: path.name)
    documents: list[dict[str, Any]] = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in paths]  # own files
    shared = {document["language"]: document["slots"] for document in documents if "groups" not in document}
    groups = [
        _read_group(entry, document["language"], {**shared[document["language"]], **document.get("slots", {})})
        for document in documents
        for entry in document.get("groups", ())
    ]
    if len({group.id for group in groups}) != len(groups):
        raise TemplateFault("an id twice")
    return tuple(groups)


def _read_group(entry: dict[str, str], language: str, slots: dict[str, str]) -> Group:
    category, _, sub = entry["category"].partition("/")
    known = find_language(language)
    if known is None or (category != "benign" and find_category(category) is None):
        raise TemplateFault(f"{entry['id']}: {language}, {category}")
    patterns = tuple(parse_pattern(line.strip()) for line in entry["patterns"].splitlines() if line.strip())
    return Group(entry["id"], known, "" if category == "benign" else category, sub, patterns, _parse_slots(slots))


def list_slots(language: Language) -> dict[str, tuple[str, ...]]:
    """The shared slots of a language as texts: for the test that compares them with the suites."""
    path = files("zajil.moderation.data").joinpath("templates", f"{language}-slots.yaml")
    slots: dict[str, str] = yaml.safe_load(path.read_text(encoding="utf-8"))["slots"]
    return {name: tuple(text.split("|")) for name, text in slots.items()}


def label_group(group: Group) -> Labels:
    """Labels of a group's texts: its category, nothing else but what may go with it."""
    if not group.category:
        return BENIGN
    also = ALSO[group.category]
    return tuple(
        YES if head in (group.category, ANY) else UNKNOWN if head in also else NO for head in (*CATEGORIES, ANY)
    )


def find_family(group: Group, groups: Sequence[Group]) -> str:
    """What groups of one purpose share in all languages, for a fold that has never seen it; "" where there are few.

    Patterns of one group are too much alike: held out one by one, they would be easier than what people write.
    """
    like = sum(other.language == group.language and other.category == group.category for other in groups)
    return group.id.partition("-")[2] if like >= FAMILIES_MIN else ""


def expand(group: Group, groups: Sequence[Group], *, rows_per_pattern: int = ROWS_PER_PATTERN) -> Iterator[Row]:
    """Distinct texts of a group. The same group gives the same texts, whatever other groups there are beside it."""
    labels = label_group(group)
    family = find_family(group, groups)
    for number, pattern in enumerate(group.patterns):
        generator = random.Random(f"{group.id}/{number}")  # noqa: S311  # reproducible choice, no secret
        seen: set[str] = set()
        for _ in range(rows_per_pattern * TRIES):
            text = " ".join(_fill(pattern, group, groups, generator).split())
            if text not in seen:
                seen.add(text)
                name = f"{group.id}/{number}"
                yield Row(
                    text, f"template_{group.language}", labels, "template", WEIGHT, group=name, family=family or name
                )
            if len(seen) == rows_per_pattern:
                break


def expand_all(languages: Sequence[Language] = LANGUAGES, *, rows_per_pattern: int = ROWS_PER_PATTERN) -> Iterator[Row]:
    """Every text of every group of these languages."""
    groups = load_groups()
    for group in groups:
        if group.language in languages:
            yield from expand(group, groups, rows_per_pattern=rows_per_pattern)


def _fill(pieces: Sequence[Piece], group: Group, groups: Sequence[Group], generator: random.Random) -> str:
    parts: list[str] = []
    for piece in pieces:
        if isinstance(piece, str):
            parts.append(piece)
        elif isinstance(piece, Choice):
            parts.append(_fill(generator.choice(piece.options), group, groups, generator))
        elif piece.name.startswith("@"):
            prefix = piece.name[1:]
            quoted = generator.choice([g for g in groups if g.category and g.id.startswith(prefix)])
            parts.append(_fill(generator.choice(quoted.patterns), quoted, groups, generator))
        elif piece.name in group.slots:
            parts.append(_fill(generator.choice(group.slots[piece.name]), group, groups, generator))
        else:
            raise TemplateFault(f"{group.id}: no slot {piece.name}")
    return "".join(parts)
