"""A reading process whose texts do to it what they say: `python -m tests.moderation.pipeline.odd_reader`.

The real one but for what reads, and for the models, which take a second to load.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence

BROKEN_VARIABLE = "ZAJIL_TEST_BROKEN_READER"
if __name__ == "__main__" and os.environ.get(BROKEN_VARIABLE):
    sys.exit(1)  # before what takes its time
# ruff: noqa: E402  # therefore
from zajil.moderation.categories import HEADS
from zajil.moderation.normalise.text import Normalised
from zajil.moderation.pipeline.reader import main
from zajil.moderation.pipeline.reading import Levels, Reading

SPINS, ENDS, RAISES = "this one keeps the interpreter to itself", "this one ends it", "this one raises"
DROPS = "this one is left out"


def read(texts: Sequence[str], _levels: Levels) -> list[Reading]:
    """Readings with nothing but the text, and the process that read it as its digest."""
    for text in texts:
        if text == SPINS:
            re.match(r"(a+)+$", "a" * 60 + "b")  # no other thread of the process runs before it is over, in some years
        if text == ENDS:
            os._exit(3)
        if text == RAISES:
            raise ValueError(text)
    digest = {"base": os.getpid().to_bytes(8, "big")}
    return [
        Reading(Normalised(text, (), (), "en"), text, digest, frozenset(), None, (0.0,) * len(HEADS))
        for text in texts
        if text != DROPS
    ]


if __name__ == "__main__":
    main(load=lambda: None, read=read)
