"""The labelled sets of `train/` as rows. What a set did not ask its annotators is unknown here, never benign.

Columns and licences: SOURCES.md of the data folder; docs/operate/training-data.md says what each set gives.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Final

from zajil.moderation.data.folder import DataMissing, hash_line
from zajil.moderation.train.rows import BENIGN, NO, UNKNOWN, YES, Labels, Row, mark

PROTECTED: Final = frozenset({"origin", "gender", "religion", "sexual_orientation", "disability"})
HARSH: Final = frozenset({"abusive", "hateful", "offensive"})
MLMA_FILES: Final = MappingProxyType({"ar": "ar_dataset.csv", "en": "en_dataset_with_stop_words.csv"})
# A prize or a sum to be claimed is how the short messages of the 2000s cheat; ring tones and chat lines are not fraud.
CLAIM: Final = re.compile(r"\b(?:prize|won|winner|claim|awarded|award|selected to receive|guaranteed)\b", re.IGNORECASE)


def read_mlma(folder: Path) -> Iterator[Row]:
    """Tweets with hostility, target and group. `normal` alone is benign; mixed answers stay unknown."""
    with zipfile.ZipFile(folder / "mlma.zip") as archive:
        for language, name in MLMA_FILES.items():
            text = archive.read(f"hate_speech_mlma/{name}").decode("utf-8")
            for row in csv.DictReader(io.StringIO(text)):
                said = frozenset(row["sentiment"].split("_"))
                yield Row(row["tweet"], f"mlma_{language}", _label_mlma(said, row["target"], row["group"]))


def _label_mlma(said: frozenset[str], target: str, group: str) -> Labels:
    if said == {"normal"}:
        return mark(hate=NO, harassment=NO, violence_incitement=NO, any=NO)
    if "normal" in said or not said & HARSH:
        return mark()
    hate = YES if "hateful" in said and target in PROTECTED else UNKNOWN
    harassment = YES if group == "individual" else UNKNOWN
    return mark(hate=hate, harassment=harassment, any=YES)


def read_davidson(folder: Path) -> Iterator[Row]:
    """Tweets: hate, offensive, or neither. Offensive ones are mostly quoted lyrics: no hate, but a rough tone."""
    kinds = {"0": mark(hate=YES), "1": mark(hate=NO, any=YES), "2": mark(hate=NO, harassment=NO, any=NO)}
    for row in _read_csv(folder / "davidson.csv"):
        yield Row(row["tweet"], "davidson", kinds[row["class"]])


def read_edos(folder: Path) -> Iterator[Row]:
    """Sexism with a taxonomy. `not sexist` says nothing of other harm, and a fifth of it is hostile to others."""
    for row in _read_csv(folder / "edos.csv"):
        yield Row(row["text"], "edos", _label_edos(row["label_vector"][:3]))


def _label_edos(vector: str) -> Labels:
    if vector == "non":
        return mark(violence_incitement=NO)
    if vector in ("1.1", "1.2"):
        return mark(violence_incitement=YES, hate=YES)
    if vector in ("2.1", "2.2", "2.3", "3.2"):
        return mark(hate=YES)
    return mark(harassment=YES) if vector == "4.1" else mark(any=YES)


def read_civil(folder: Path) -> Iterator[Row]:
    """Comments on news, all of them toxic: mostly insults."""
    for row in _read_csv(folder / "civil_toxic_spans.csv"):
        yield Row(row["comment_text"], "civil_toxic_spans", mark(harassment=YES, spam=NO, fraud=NO))


def read_paradetox(folder: Path) -> Iterator[Row]:
    """Rude sentences, and the same said politely: the best contrasts there are."""
    with (folder / "paradetox.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            yield Row(row["toxic"], "paradetox", mark(any=YES, spam=NO, fraud=NO))
            if row["neutral1"]:
                yield Row(row["neutral1"], "paradetox", BENIGN)


def read_fox(folder: Path) -> Iterator[Row]:
    """Comments on news: hateful or not."""
    for line in (folder / "fox.txt").read_text(encoding="utf-8").splitlines():
        label, _, text = line.partition(":")
        yield Row(text, "fox", mark(hate=YES) if label == "1" else mark(hate=NO))


def read_sms(folder: Path) -> Iterator[Row]:
    """Short messages, spam or ham."""
    with (folder / "sms_spam.csv").open(encoding="latin-1", newline="") as file:
        for row in csv.reader(file):
            if row[0] == "ham":
                yield Row(row[1], "sms_spam", mark(fraud=NO, spam=NO, hate=NO, violence_incitement=NO, any=NO))
            elif row[0] == "spam":
                yield Row(row[1], "sms_spam", mark(spam=YES, fraud=YES if CLAIM.search(row[1]) else UNKNOWN))


def read_telegram(folder: Path, fraud: Callable[[str], bool | None] = lambda _: None) -> Iterator[Row]:
    """Messages of groups on Telegram, spam or ham. fraud: what a person said of this spam, by its line hash."""
    for line in (folder / "ru_tgspam_spam.txt").read_text(encoding="utf-8").splitlines():
        judged = fraud(hash_line(line))
        yield Row(line, "tgspam", mark(spam=YES, fraud=UNKNOWN if judged is None else YES if judged else NO))
    for line in (folder / "ru_tgspam_ham.txt").read_text(encoding="utf-8").splitlines():
        yield Row(line, "tgspam", mark(spam=NO, fraud=NO, hate=NO, violence_incitement=NO, any=NO))


def read_rudetoxifier(folder: Path) -> Iterator[Row]:
    """Russian comments, all of them toxic: insults and obscenity."""
    for line in (folder / "ru_test_10k_toxic.txt").read_text(encoding="utf-8").splitlines():
        yield Row(line, "rudetoxifier", mark(harassment=YES, spam=NO, fraud=NO))


def _read_csv(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


READERS: Final = MappingProxyType(
    {
        "mlma.zip": read_mlma,
        "davidson.csv": read_davidson,
        "edos.csv": read_edos,
        "civil_toxic_spans.csv": read_civil,
        "paradetox.tsv": read_paradetox,
        "fox.txt": read_fox,
        "sms_spam.csv": read_sms,
        "ru_test_10k_toxic.txt": read_rudetoxifier,
    }
)


def read_labelled(data: Path, fraud: Callable[[str], bool | None]) -> Iterator[Row]:
    """Every row of `train/`, set by set. Raises DataMissing naming the file that is not there."""
    folder = data / "train"
    try:
        for reader in READERS.values():
            yield from reader(folder)
        yield from read_telegram(folder, fraud)
    except FileNotFoundError as cause:
        raise DataMissing(cause.filename) from cause
