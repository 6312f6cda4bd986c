"""Text that other people wrote, made harmless for a terminal.

A name or a message may hold escape sequences (move the cursor, retitle the window, write to the clipboard), control
characters that forge a second line, or bidi overrides that make `gpj.exe` read as `exe.jpg`. What is shown is cleaned
here; what is stored, sent or printed as JSON stays exact (there such characters are escaped, see `json_line`).
Emoji joiners, variation selectors and tags, and the marks Arabic and Persian need, are kept.
Sources: ECMA-48 5.4 (control sequences); UAX 9 (bidi controls); UTR 36 3.3 (bidi spoofing).
"""

from __future__ import annotations

import json
import re
import unicodedata

# CSI, OSC/DCS/SOS/PM/APC with their terminators, and two-character escapes; 8-bit forms too. Unterminated strings end
# at the line's end, so that a hostile opener cannot swallow what follows it.
_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[\x30-\x3f]*[\x20-\x2f]*[\x40-\x7e]?"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[\x20-\x2f]*[\x30-\x7e]?"
)
# Embeddings, overrides and isolates reorder their surroundings; LRM, RLM and ALM only nudge and stay in messages.
_BIDI_CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_MARKS = re.compile("[\u200e\u200f\u061c]")
_LINE_BREAKS = re.compile("\r\n|[\n\r\x0b\x0c\x85\u2028\u2029]")
# C0 (without tab and newline), DEL, C1, and characters that are drawn as nothing but are no joiner.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u180e\u2060-\u2064\u206a-\u206f\ufeff\ufff9-\ufffb]")
_BLANKS = re.compile(r"\s+")
_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_FSI, _PDI = "\u2068", "\u2069"
_MARKS_MAX = 3


def clean_text(text: str) -> str:
    """A message for the terminal: lines and tabs kept, everything that steers a terminal or direction removed."""
    text = _LINE_BREAKS.sub("\n", text)
    text = _SEQUENCES.sub("", text)
    return _CONTROLS.sub("", _BIDI_CONTROLS.sub("", text))


def clean_name(name: str) -> str:
    """A name or title for the terminal: one line, no invisible characters at its ends, never empty.

    More than three combining marks in a row are cut, so that a name cannot paint over the lines around it.
    """
    name = _BLANKS.sub(" ", clean_text(name))
    name = _MARKS.sub("", name).strip(" \u200b\u200c\u200d\u2800\u3164")
    return cut_marks(name) or "?"


def cut_marks(text: str) -> str:
    """The text without those combining marks that come fourth or later in a row: they paint over other lines."""
    kept: list[str] = []
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in {"Mn", "Me"} else 0
        if marks <= _MARKS_MAX:
            kept.append(character)
    return "".join(kept)


def is_rtl(text: str) -> bool:
    """Whether the first strong character runs from right to left (UAX 9, P2 and P3)."""
    for character in text:
        direction = unicodedata.bidirectional(character)
        if direction in {"R", "AL"}:
            return True
        if direction == "L":
            return False
    return False


def isolate(text: str, *, in_rtl: bool = False) -> str:
    """Wrap in FSI and PDI where a part runs against its surroundings; plain text stays plain, so it can be piped."""
    against = {"R", "AL", "AN"}
    if in_rtl:
        # After Arabic letters the marks in a date break it into numbers, which would be drawn the last one first.
        against = {"L"} if text.isdecimal() else {"L", "EN"}
    if any(unicodedata.bidirectional(character) in against for character in text):
        return f"{_FSI}{text}{_PDI}"
    return text


def json_line(value: object) -> str:
    """One JSON document on one line; readers get every character exactly, a terminal gets none that steers it."""
    encoded = json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
    return _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match.group()):04x}", encoded)
