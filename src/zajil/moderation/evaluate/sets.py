"""The test sets and the own suites as cases: never trained on, never tuned on, no threshold chosen by them."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from zajil.moderation.categories import ANY, LANGUAGES, Language
from zajil.moderation.data.folder import DataMissing

SuiteName = Literal["openai", "hatecheck", "mhc_arabic", "pan24", "threatcheck", "fraudcheck"]
# OpenAI's letters: sexual, hate, violence, harassment, self-harm, minors, threatening hate, graphic violence.
OPENAI: Final = ("S", "H", "V", "HR", "SH", "S3", "H2", "V2")
TEST_ONLY: Final = "test only"
TESTED_LINES: Final = 500
"""Of each source; inside one the order is that of a hash, so the first are a fair sample."""
SUITES: Final = Path(__file__).resolve().parents[4] / "tests" / "suites"


class Case(NamedTuple):
    """One text. harmful: what a correct model says. functionality: "" where the set has none. id: of the case, if any.

    pair: the same for two cases that a bootstrap draws together.
    """

    text: str
    harmful: bool
    language: Language
    functionality: str = ""
    id: str = ""
    pair: str = ""


class TestSet(NamedTuple):
    """A set and the head that answers its question. head: of HEADS. own: written for this project."""

    name: str
    head: str
    cases: tuple[Case, ...]
    own: bool = False


def read_openai(data: Path) -> TestSet:
    """Prompts with eight labels, some of them absent: any that is 1 makes it harmful, all absent or 0 benign."""
    cases = []
    with gzip.open(data / "test" / "openai_moderation_dev.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            cases.append(Case(row["prompt"], any(row.get(label) == 1 for label in OPENAI), "en"))
    return TestSet("openai", ANY, tuple(cases))


def read_hatecheck(data: Path) -> TestSet:
    """HateCheck, English."""
    return TestSet("hatecheck", "hate", tuple(_read_checks(data / "test" / "hatecheck_en_dev.csv", "en")))


def read_mhc_arabic(data: Path) -> TestSet:
    """Multilingual HateCheck, Arabic."""
    return TestSet("mhc_arabic", "hate", tuple(_read_checks(data / "test" / "mhc_arabic_dev.csv", "ar")))


def _read_checks(path: Path, language: Language) -> Iterator[Case]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield Case(row["test_case"], row["label_gold"] == "hateful", language, row["functionality"])


def read_pan24(data: Path) -> TestSet:
    """Toxic sentences in three languages, against benign lines that may be tested on and nothing else.

    The stored part repeats the toxic sentence where its polite form should stand, so the other class comes from the
    share-alike sources of `benign/`: presumed benign, keyword-filtered, never trained on, never used for a threshold.
    """
    cases = []
    with (data / "test" / "pan24_detox_dev.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            language = next(known for known in LANGUAGES if known == row["lang"])
            cases.append(Case(row["toxic_sentence"], True, language))
    for language in LANGUAGES:
        cases += [Case(text, False, language) for text in _read_tested_lines(data, language)]
    return TestSet("pan24", ANY, tuple(cases))


def _read_tested_lines(data: Path, language: Language) -> Iterator[str]:
    sources = json.loads((data / "benign" / f"{language}.sources.json").read_text(encoding="utf-8"))["sources"]
    with gzip.open(data / "benign" / f"{language}.txt.gz", "rt", encoding="utf-8") as file:
        lines = file.read().split("\n")
    for source in sources:
        if source["use"] == TEST_ONLY:
            yield from lines[source["first_line"] - 1 : source["last_line"]][:TESTED_LINES]


READERS: Final[MappingProxyType[str, Callable[[Path], TestSet]]] = MappingProxyType(
    {"openai": read_openai, "hatecheck": read_hatecheck, "mhc_arabic": read_mhc_arabic, "pan24": read_pan24}
)
OWN: Final = MappingProxyType({"threatcheck": "violence_incitement", "fraudcheck": "fraud"})


def read_test_set(data: Path, name: str) -> TestSet:
    """A public set by its name. Raises DataMissing where its file is not there."""
    try:
        return READERS[name](data)
    except FileNotFoundError as cause:
        raise DataMissing(cause.filename) from cause


def read_suite(name: str, folder: Path = SUITES) -> TestSet:
    """ThreatCheck or FraudCheck, from the source tree. Raises DataMissing in an installation without it."""
    cases = []
    for language in LANGUAGES:
        path = folder / name / f"{language}.jsonl"
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError as cause:
            raise DataMissing(str(path)) from cause
        cases += [_read_case(json.loads(line), language) for line in lines]
    return TestSet(name, OWN[name], tuple(cases), own=True)


def _read_case(row: dict[str, str], language: Language) -> Case:
    pair = min(row["id"], row["pair"]) if row["pair"] else ""
    return Case(row["text"], row["label"] == "harmful", language, row["functionality"], row["id"], pair)


def read_held_texts(data: Path) -> Iterator[str]:
    """Every text that training may not contain: the public sets and the suites."""
    for name in READERS:
        yield from (case.text for case in read_test_set(data, name).cases)
    for name in OWN:
        yield from (case.text for case in read_suite(name).cases)
