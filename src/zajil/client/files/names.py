"""Names that other people gave to files, made harmless: no path, no hidden file, nothing that a terminal acts upon."""

from __future__ import annotations

import unicodedata
from typing import Final

_BYTES: Final = 180
_PLAIN: Final = "file"
_FORBIDDEN: Final = frozenset('/\\:*?"<>|')
_DEVICES: Final = frozenset({"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(10))})


def safe_name(name: str) -> str:
    """A name for a new file in a folder of ours, with the ending of this one; `file` where nothing is left of it.

    Separators, control and format characters (also those that turn the direction of text), and what Windows forbids are
    gone; so are dots and blanks at both ends, so nothing is hidden and nothing leads up. It begins with nothing that a
    command takes for an option, or a shell for a folder.
    """
    kept = "".join(
        "_" if each in _FORBIDDEN else each
        for each in unicodedata.normalize("NFC", name)
        if unicodedata.category(each)[0] != "C" and unicodedata.category(each) not in ("Zl", "Zp")
    )
    kept = " ".join(kept.split()).strip(". ")
    stem, dot, ending = kept.rpartition(".")
    if not stem or len(ending) > 16:
        stem, dot, ending = kept, "", ""
    room = _BYTES - len((dot + ending).encode())
    stem = stem.encode()[:room].decode(errors="ignore").rstrip(". ")
    if not stem:
        return _PLAIN
    if stem.split(".")[0].casefold() in _DEVICES:
        stem = f"_{stem}"
    if stem[0] in "-~":
        stem = f"_{stem}"
    return stem + dot + ending
