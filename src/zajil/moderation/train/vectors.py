"""Sentence vectors of many texts, kept in a folder between runs: making them takes an hour, reading them a second."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from zajil.moderation.classify.embeddings import DIMENSIONS, MAX_CHARACTERS, Encoder, Floats

BATCH: Final = 256


class VectorCache:
    """Vectors by hash of text, in half precision; itself an `Encoder`. Closed with the process."""

    def __init__(self, folder: Path, encoder: Encoder) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._encoder = encoder
        self.sha256 = encoder.sha256
        self._database = sqlite3.connect(folder / f"vectors-{encoder.sha256[:16]}.cache")
        self._database.execute("CREATE TABLE IF NOT EXISTS vector (text BLOB PRIMARY KEY, value BLOB NOT NULL) STRICT")

    def embed(self, texts: Sequence[str]) -> Floats:
        """`Encoder.embed` of base views, float32 [n, 384]; what is not there yet is made and kept, batch by batch."""
        keys = [hashlib.sha256(text[:MAX_CHARACTERS].encode("utf-8", "replace")).digest()[:16] for text in texts]
        missing = dict(zip(keys, texts, strict=True))
        found: dict[bytes, bytes] = {}
        for key in list(missing):
            row = self._database.execute("SELECT value FROM vector WHERE text = ?", (key,)).fetchone()
            if row is not None:
                found[key] = row[0]
                del missing[key]
        pending = list(missing.items())
        for start in range(0, len(pending), BATCH):
            part = pending[start : start + BATCH]
            vectors = self._encoder.embed([text for _, text in part]).astype(np.float16)
            rows = [(key, vector.tobytes()) for (key, _), vector in zip(part, vectors, strict=True)]
            self._database.executemany("INSERT OR REPLACE INTO vector (text, value) VALUES (?, ?)", rows)
            self._database.commit()
            found.update(rows)
        joined = b"".join(found[key] for key in keys)
        return np.frombuffer(joined, dtype=np.float16).astype(np.float32).reshape(len(texts), DIMENSIONS)
