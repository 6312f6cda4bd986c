"""What a text is compared by: its letters alone, and what else they may spell, so that a disguised copy is a copy.

Theory. The base view is what scores are computed from; what a copy is found by may forget more. Three things are
forgotten or undone here that the base view keeps:

    separators      joined letters lose the marks between them, and single-letter words beside them: so none counts
    look-alikes     letters of other Arabic alphabets for Arabic ones; digits for Cyrillic letters inside a word
    vowels          Arabic and Cyrillic texts are also known by their consonants, by which one that was written in
                    Latin letters meets the one it was made from: its vowels are a guess, its consonants nearly none

Spaces and marks between letters go because a text spelled out loses them in normalising (`t o d a y, c a l l` is
`todaycall`). Nothing here scores, and what follows from equal digests is said by `copies.py`. What consonants leave out
must not be what a text was judged for: a text with Latin letters, digits or letters of a third script has none, and an
address stays in them as a mark.
Source: design/moderation.md section 6; how much it finds is printed by tests/flows/test_moderation_flow.py.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from zajil.moderation.match.urls import split_url
from zajil.moderation.normalise.entities import PLACEHOLDERS, Entity
from zajil.moderation.normalise.folding import read_codes
from zajil.moderation.normalise.obfuscation import SEPARATORS, TO_LATIN, find_lost_numbers
from zajil.moderation.normalise.survey import WORD, load_classes
from zajil.moderation.normalise.text import Normalised, normalise_batch

# Shorter texts are said by too many people by chance.
MIN_CHARACTERS: Final = 12
BASE: Final = "base"
CONSONANTS_MIN: Final = 24
"""Fewer consonants are those of too many texts."""
CONSONANTS: Final = " consonants"
"""Ends the name of a reading that is consonants alone."""
_CONSONANTS: Final = BASE + CONSONANTS

_TWINS: Final = str.maketrans("ہۂۃھەۄۅۆۇۈۉۊۋڪےۓۍێېۑںٮٯڡ", "هههههووووووووكيييييينبقف")
_TWIN: Final = re.compile("[ہۂۃھەۄ-ۋڪےۓۍێېۑںٮٯڡ]")
_LEET: Final = str.maketrans("0347@", "озчта")
_LEET_INSIDE: Final = re.compile("[а-яёА-ЯЁ][0347@]|[0347@][а-яёА-ЯЁ]")
_LEET_TOKEN: Final = re.compile("(?<![\\w@])[\\w@]*[\u0400-\u04ff][\\w@]*")
_LEET_WORD: Final = re.compile(r"(?<![\w@])[0347@]{1,2}(?![\w@])")
_LEET_FEW: Final = 3
_LEET_SHARE: Final = 0.2

_MARKS: Final = {placeholder.strip(): chr(number) for number, placeholder in enumerate(PLACEHOLDERS.values(), 1)}
_MARK: Final = re.compile(rf"(?<!\w)(?:{'|'.join(_MARKS)})(?!\w)")
_LAST: Final = 0x700
_END: Final = ord("\n")


Targets: TypeAlias = frozenset[tuple[str, str]]
"""What a text sends its readers to, or asks of them: kind and value of each address, and its numbers as one."""
NO_TARGETS: Final[Targets] = frozenset()
NUMBERS: Final = "numbers"


class Spelling(NamedTuple):
    """packed: letters and digits of the base view, placeholders among them; signatures and windows are made of it.

    digests: by reading, `base` first; those of views, and of consonants, beside it. targets: see `find_targets`.
    """

    packed: str
    digests: dict[str, bytes]
    targets: Targets


def find_targets(entities: Iterable[Entity], numbers: Sequence[str]) -> Targets:
    """What must be equal too where two texts of the same letters are to be the same text.

    Letters know an address by its kind, and a number by its length. Numbers count in their order, as another card may
    be the same digits in another one.
    """
    found: set[tuple[str, str]] = {(each.kind, _canonical(each)) for each in entities}
    if numbers:
        found.add((NUMBERS, " ".join(numbers)))
    return frozenset(found)


def _canonical(entity: Entity) -> str:
    """An address in the spelling that lists have, so that no rotating parameter of a link makes another of it."""
    match entity.kind:
        case "url":
            split = split_url(entity.value)
            return split[0] if split is not None else entity.value
        case "user":
            # No two handles differ by look-alike letters alone.
            return entity.value.translate(TO_LATIN)
        case "phone":
            return entity.value.lstrip("+")
        case _:
            return entity.value.lower()


def spell_batch(raw: Sequence[str], read: Sequence[Normalised]) -> list[Spelling]:
    """What each text is compared by. raw: as their authors wrote them; read: the same, normalised."""
    bases = [text.base for text in read]
    targets = [
        find_targets(text.entities, text.numbers) if text.entities or text.numbers else NO_TARGETS for text in read
    ]
    leet = [number for number, text in enumerate(raw) if _is_leet(text)]
    plain = [_undo_leet(raw[number]) for number in leet]
    for number, letters, text in zip(leet, plain, normalise_batch(plain), strict=True):
        bases[number] = text.base
        lost = find_lost_numbers(raw[number], letters)
        targets[number] = find_targets(read[number].entities, [*text.numbers, *lost])
    arabic = [number for number, text in enumerate(read) if text.lang == "ar"]
    if _TWIN.search("\n".join([bases[number] for number in arabic])):
        for number in arabic:
            bases[number] = bases[number].translate(_TWINS)
    if not bases:
        return []
    found = [Spelling(letters, digests, each) for (letters, digests), each in zip(_digest(bases), targets, strict=True)]
    views = [(number, view) for number, text in enumerate(read) if text.views for view in text.views]
    for (number, view), (_, digests) in zip(views, _digest([view.text for _, view in views]), strict=True):
        found[number].digests.update({view.name + name.removeprefix(BASE): digests[name] for name in digests})
    return found


def _digest(texts: Sequence[str]) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Each text packed, and its digests as those of a base view."""
    if not texts:
        return
    # Line breaks are no part of what is normalised: many texts are one text to functions that read every letter.
    packed = pack("\n".join(texts)).split("\n")
    codes = read_codes("\n".join(map(_mark_addresses, texts)) + "\n")
    for letters, consonants, foreign in zip(packed, _read_consonants(codes), _find_foreign(codes), strict=True):
        digest = digest_packed(letters)
        digests = {} if digest is None else {BASE: digest}
        if not foreign and len(consonants) >= CONSONANTS_MIN:
            digests[_CONSONANTS] = hashlib.sha256(b"consonants\0" + consonants.encode()).digest()
        yield letters, digests


def pack(text: str) -> str:
    """A text without spaces, and without what step 6 of the normaliser takes for a mark between letters."""
    for separator in SEPARATORS:
        text = text.replace(separator, "")
    return text


def digest_packed(packed: str) -> bytes | None:
    """32 bytes for a packed base view or other reading; None below 12 characters. Placeholders count."""
    return hashlib.sha256(packed.encode()).digest() if len(packed) >= MIN_CHARACTERS else None


def _mark_addresses(text: str) -> str:
    return _MARK.sub(lambda match: _MARKS[match[0]], text) if "tok" in text else text


def find_consonants(texts: Sequence[str]) -> list[str]:
    """The Arabic and Cyrillic consonants of each text, none twice in a row. Texts hold no line breaks.

    Letters are one where one Latin spelling stands for several: d, s, t and z for the emphatic ones too; th, dh, sh and
    kh, whose h may as well be a letter of its own, which is dropped; ts and shch. Hah and ain are dropped with the
    vowels: some write 7 and 3, others h and a.
    """
    return _read_consonants(read_codes("\n".join(texts) + "\n"))


def _read_consonants(codes: npt.NDArray[np.uint32]) -> list[str]:
    """`find_consonants` of texts that each end in a line break."""
    letters = _TABLE[np.minimum(codes, _LAST)]
    letters = letters[letters != 0]
    again = np.zeros(len(letters), dtype=bool)
    again[1:] = (letters[1:] == letters[:-1]) & (letters[1:] != _END)
    lines = letters[~again].tobytes().decode("utf-32-le")
    # Only where one of these two was split are there two of a letter now.
    lines = lines.replace("ц", "тс").replace("щ", "сч").replace("тт", "т").replace("сс", "с")
    found: list[str] = lines.split("\n")[:-1]
    return found


@cache
def _load_foreign() -> npt.NDArray[np.bool_]:
    """By code point: letters and digits that are no consonants and no vowels here."""
    foreign: npt.NDArray[np.bool_] = (load_classes() & WORD) != 0
    for first, last in ((0x400, 0x52F), (0x600, 0x6FF)):
        foreign[first : last + 1] = [chr(code).isdecimal() for code in range(first, last + 1)]
    return foreign


def _find_foreign(codes: npt.NDArray[np.uint32]) -> list[bool]:
    """Whether each of the texts, which each end in a line break, holds one of these."""
    ends = np.flatnonzero(codes == _END)
    starts = np.concatenate(([0], ends[:-1] + 1))
    found: list[bool] = np.logical_or.reduceat(_load_foreign()[codes], starts).tolist()
    return found


def _make_table() -> npt.NDArray[np.uint32]:
    table = np.zeros(_LAST + 1, dtype=np.uint32)
    kept = "بتثجخدذرزسشصضطظغفقكلمنбвгджзклмнпрстфхцчшщ\n"
    table[[ord(letter) for letter in kept]] = [
        ord(letter) for letter in kept.translate(str.maketrans("ثذزظضشخصطш", "تددددسكستс"))
    ]
    marks = [ord(mark) for mark in _MARKS.values()]
    table[marks] = marks
    return table


_TABLE: Final = _make_table()


def _is_leet(raw: str) -> bool:
    """Whether a digit or sign stands beside a Cyrillic letter."""
    if raw.isascii() or not ("0" in raw or "3" in raw or "4" in raw or "7" in raw or "@" in raw):
        return False
    return _LEET_INSIDE.search(raw) is not None


def _undo_leet(raw: str) -> str:
    """Digits and signs inside Cyrillic words as the letters they stand for; where many are, words of them alone too."""
    read = 0

    def read_token(match: re.Match[str]) -> str:
        nonlocal read
        token = match[0].translate(_LEET)
        read += token != match[0]
        return token

    text = _LEET_TOKEN.sub(read_token, raw.lower())
    if read >= _LEET_FEW and read >= _LEET_SHARE * (text.count(" ") + 1):
        text = _LEET_WORD.sub(lambda match: match[0].translate(_LEET), text)
    return text
