"""Reads the official vectors in `vectors/official`; SOURCES.md there names origin and licence."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "vectors" / "official"


def read_vectors(name: str) -> Any:  # JSON as published: each file has its own shape
    """The content of one file. name: its path in the folder without `.json.gz`."""
    return json.loads(gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes()))
