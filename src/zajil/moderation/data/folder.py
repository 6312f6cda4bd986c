"""The folder of public data sets, which the repository never holds, and what stands in for a line of it.

ZAJIL_MODERATION_DATA, or `../shared/data/moderation` from the project's root. Its SOURCES.md says what each file is.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

VARIABLE: Final = "ZAJIL_MODERATION_DATA"
ROOT: Final = Path(__file__).resolve().parents[4]
USUAL: Final = ROOT.parent / "shared" / "data" / "moderation"
LINE_DIGITS: Final = 16


class DataMissing(FileNotFoundError):
    """The folder, or a file in it, is not there."""


def find_data(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The folder, or None where there is none."""
    path = Path(environ[VARIABLE]) if environ.get(VARIABLE) else USUAL
    return path if path.is_dir() else None


def hash_line(text: str) -> str:
    """What names a line of a data set in the repository: 16 hex digits of the SHA-256 of its stripped text."""
    return hashlib.sha256(text.strip().encode("utf-8")).hexdigest()[:LINE_DIGITS]


def hash_file(path: Path) -> str:
    """SHA-256 of a file. Raises DataMissing."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError as cause:
        raise DataMissing(path.name) from cause
