"""`fold_search` for a server that folds every post: each word once, as long as it is remembered.

Words repeat, and the stem of an Arabic one costs more than all the rest. The result is that of `fold_search`, which
looks at each word by itself.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from zajil.moderation.normalise.folding import TOKEN, fold, fold_search

REMEMBERED: Final = 1 << 15
LONGEST: Final = 32
"""Characters of a word that is remembered: longer ones are rare, and could be made to fill the memory."""
_fold_word = lru_cache(maxsize=REMEMBERED)(fold_search)


def fold_words(text: str) -> str:
    """What a full-text index stores for a text; see `fold_search`."""
    return " ".join(
        _fold_word(word) if len(word) <= LONGEST else fold_search(word) for word in TOKEN.findall(fold(text))
    )
