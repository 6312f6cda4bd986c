"""Presumed benign lines, and hard ones that were read: what a threshold is measured on.

`benign/` is split by the hash of a line: even lines train, odd ones measure. Of `unlabelled_hard/` only lines count
whose hash stands in `data/hashes/hard-LANG.txt` with the label that one reading, by a language model, gave them.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final, NamedTuple

from zajil.moderation.categories import Language
from zajil.moderation.data.folder import DataMissing, hash_line

OPEN_USE: Final = "train+test"
HARD_READ_BY_PERSON: Final = False
"""Whether a person gave the labels of `hard-LANG.txt`. A language model did, so no score may remove by itself."""


class Line(NamedTuple):
    """One line. source: of sources.json. even: for training; odd ones are for thresholds alone."""

    text: str
    source: str
    even: bool


def read_benign(data: Path, language: Language) -> Iterator[Line]:
    """The lines usable in training and tests; those under share-alike licences are left out. Raises DataMissing."""
    try:
        with gzip.open(data / "benign" / f"{language}.txt.gz", "rt", encoding="utf-8") as file:
            lines = file.read().split("\n")
        sources = json.loads((data / "benign" / f"{language}.sources.json").read_text(encoding="utf-8"))["sources"]
    except FileNotFoundError as cause:
        raise DataMissing(cause.filename) from cause
    for source in sources:
        if source["use"] == OPEN_USE:
            for text in lines[source["first_line"] - 1 : source["last_line"]]:
                yield Line(text, source["id"], int(hash_line(text), 16) % 2 == 0)


def read_hard(data: Path, language: Language) -> Iterator[tuple[Line, str]]:
    """Hard lines with what the reader said: `benign`, `unsure`, or the category; lines nobody read are left out."""
    labels = read_hashes(f"hard-{language}")
    try:
        with gzip.open(data / "unlabelled_hard" / f"{language}.tsv.gz", "rt", encoding="utf-8") as file:
            for row in file:
                source, _, text = row.rstrip("\n").partition("\t")
                label = labels.get(hash_line(text))
                if label:
                    yield Line(text, source, int(hash_line(text), 16) % 2 == 0), label
    except FileNotFoundError as cause:
        raise DataMissing(cause.filename) from cause


@cache
def read_hashes(name: str) -> dict[str, str]:
    """The labels of a packaged file, by line hash; empty where there is no such file."""
    path = files("zajil.moderation.data").joinpath("hashes", f"{name}.txt")
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="ascii").splitlines()
    return dict(line.split(" ") for line in lines if line and not line.startswith("#"))


def find_fraud(line: str) -> bool | None:
    """What a person said of a line of tg-spam, by its hash: fraud or not; None where nobody did."""
    label = read_hashes("tgspam").get(line)
    return None if label is None else label == "fraud"
