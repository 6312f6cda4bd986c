"""Which text is one emoji: the grammar of UTS 51, ED-17a, over fixed ranges, so that two languages agree.

The ranges are a little wider than the emoji of any Unicode version, so that new ones pass; letters, digits alone,
spaces, marks and direction controls do not.
"""

from __future__ import annotations

import re
from typing import Final

from zajil.protocol.errors import error

EMOJI_BYTES: Final = 64
"""Longest emoji, UTF-8; the longest one recommended for interchange has 35."""
ELEMENTS: Final = 8
"""Most emoji joined by U+200D."""
_BASE: Final = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u231a-\u23ff\u24c2\u25aa-\u25fe\u2600-\u27bf"
    "\u2934\u2935\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f004\U0001f0cf\U0001f170-\U0001f19a\U0001f201-\U0001f251"
    "\U0001f300-\U0001faff"
)
_FLAG: Final = "[\U0001f1e6-\U0001f1ff]{2}"
_KEYCAP: Final = "[0-9#*]\ufe0f?\u20e3"
_TAGS: Final = "[\U000e0020-\U000e007e]{1,8}\U000e007f"
_ELEMENT: Final = f"(?:{_FLAG}|{_KEYCAP}|[{_BASE}](?:\ufe0f|[\U0001f3fb-\U0001f3ff])?(?:{_TAGS})?)"
_EMOJI: Final = re.compile(f"{_ELEMENT}(?:\u200d{_ELEMENT}){{0,{ELEMENTS - 1}}}")


def check_emoji(text: str) -> str:
    """The text, if it is exactly one emoji. Raises Malformed."""
    if _EMOJI.fullmatch(text) is None or len(text.encode()) > EMOJI_BYTES:
        raise error("malformed", "not one emoji")
    return text
