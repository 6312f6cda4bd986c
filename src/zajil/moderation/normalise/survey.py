"""Which of steps 5 to 9 could change which text of a batch: numpy over all of them, so that few regular expressions
run.

A flag may be raised in vain; where none is raised, the step changes nothing (a property test holds both ends together).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from zajil.moderation.normalise.folding import BREAK, read_codes

Codes: TypeAlias = npt.NDArray[np.uint32]
Bits: TypeAlias = npt.NDArray[np.uint8]
Mask: TypeAlias = npt.NDArray[np.bool_]


class Step:
    """The steps after folding, as bits of one text. Bare integers: numpy takes an enum's member for 64 bits."""

    ENTITIES: Final = 1
    SPACED: Final = 2
    SCRIPTS: Final = 4
    LEET: Final = 8
    NUMBERS: Final = 16
    REPEATS: Final = 32
    SPACES: Final = 64
    ALL: Final = 127


# Classes of a code point; the script classes are for letters alone.
WORD, LATIN, CYRILLIC, ARABIC, OTHER, DIGIT, SEPARATOR, LEET = (1 << bit for bit in range(8))
MIN_PHONE_DIGITS = 9
MIN_WALLET = 14
AHEAD = 4
BACK = 10
PLACEHOLDER_HEADS = ("urlto", "mailto", "userto", "phoneto", "walletto")
SPACE, AT, DOT, COLON, SLASH, EXCLAMATION, BREAK_CODE = map(ord, " @.:/!" + BREAK)


@cache
def load_classes() -> Bits:
    """The class bits of every code point, as the regular expressions of the steps see it."""
    classes = np.zeros(sys.maxunicode + 1, dtype=np.uint8)
    for code in range(sys.maxunicode + 1):
        letter = chr(code)
        if letter.isalnum():
            classes[code] = WORD | (OTHER if letter.isalpha() else 0)
    for first, last, bit in ((0x400, 0x52F, CYRILLIC), (0x600, 0x6FF, ARABIC), (0x750, 0x77F, ARABIC)):
        block = classes[first : last + 1]
        block[(block & OTHER) != 0] = WORD | bit
    classes[ord("a") : ord("z") + 1] = WORD | LATIN
    classes[ord("0") : ord("9") + 1] = WORD | DIGIT
    classes[[ord(sign) for sign in " ._*·/,|-"]] |= SEPARATOR
    classes[[ord(sign) for sign in "430157@$!"]] |= LEET
    return classes


@cache
def load_spaces() -> Mask:
    """Whether a code point is white space as `str.split` has it."""
    return np.fromiter((chr(code).isspace() for code in range(0x3001)), dtype=np.bool_)


class Survey:
    """A batch of texts as one array of code points, each text between two breaks."""

    def __init__(self, texts: Sequence[str]) -> None:
        # The outer breaks are there so that looking a few code points back or ahead never leaves the array.
        self.codes = read_codes(BREAK * BACK + BREAK.join(texts) + BREAK * AHEAD)
        self.classes = load_classes()[self.codes]
        self.starts = np.flatnonzero(self.codes == BREAK_CODE)[BACK - 1 : -AHEAD]
        self.word = (self.classes & WORD) != 0
        self.written = self._find_written()

    def _find_written(self) -> Mask:
        """Where what steps 5 and 9 wrote stands: placeholders, and num1 to num6. No step may read it as the
        author's."""
        codes = self.codes
        written = np.zeros(len(codes), dtype=np.bool_)
        joined = self.word | (codes == ord("_"))
        digit = np.flatnonzero((codes >= ord("1")) & (codes <= ord("6")))
        for end, heads in ((digit, ("num",)), (np.flatnonzero(codes == ord("k")), PLACEHOLDER_HEADS)):
            end = end[~joined[end + 1]]
            for head in heads:
                at = end
                for back, letter in enumerate(reversed(head), 1):
                    at = at[codes[at - back] == ord(letter)]
                    if not len(at):
                        break
                at = at[~joined[at - len(head) - 1]]
                for back in range(len(head) + 1) if len(at) else ():
                    written[at - back] = True
        return written

    def by_text(self, bits: Bits) -> Bits:
        """All bits of each text, of bits by code point."""
        return np.bitwise_or.reduceat(bits, self.starts)

    def by_token(self, part: Mask, bits: Bits) -> Bits:
        """For each code point that starts a run of `part`: all bits of the run; else 0."""
        begins = part.copy()
        begins[1:] &= ~part[:-1]
        starts = np.flatnonzero(begins)
        out = np.zeros(len(part), dtype=np.uint8)
        if len(starts):
            out[starts] = np.bitwise_or.reduceat(np.where(part, bits, 0).astype(np.uint8), starts)
        return out

    def find_steps(self) -> list[int]:
        """For each text, the steps that may change it."""
        bits = np.zeros(len(self.codes), dtype=np.uint8)
        self._mark_entities(bits)
        self._mark_spaced(bits)
        self._mark_leet(bits)
        self._mark_short(bits)
        steps = self.by_text(bits)
        both = LATIN | CYRILLIC
        letters = np.where(self.written, np.uint8(0), self.classes)
        steps[(self.by_text(letters) & both) == both] |= Step.SCRIPTS
        digits = np.add.reduceat(((self.classes & DIGIT) != 0).astype(np.int32), self.starts)
        steps[digits >= MIN_PHONE_DIGITS] |= Step.ENTITIES
        found: list[int] = steps.tolist()
        return found

    def _mark_entities(self, bits: Bits) -> None:
        """An at sign, a point between word characters, `://`, or a word with a digit, as long as a wallet."""
        codes, word = self.codes, self.word
        bits[codes == AT] |= Step.ENTITIES
        points = np.flatnonzero(codes == DOT)
        bits[points[word[points - 1] & word[points + 1]]] |= Step.ENTITIES
        colons = np.flatnonzero(codes[:-2] == COLON)
        bits[colons[(codes[colons + 1] == SLASH) & (codes[colons + 2] == SLASH)]] |= Step.ENTITIES
        others = np.flatnonzero(~word)
        long = np.flatnonzero(np.diff(others) > MIN_WALLET)
        if len(long):
            digits = np.cumsum((self.classes & DIGIT) != 0, dtype=np.int32)
            ends = others[long + 1]
            bits[ends[digits[ends] > digits[others[long]]] - 1] |= Step.ENTITIES

    def _mark_spaced(self, bits: Bits) -> None:
        """Three single word characters with one or two separators between neighbours."""
        word = self.word
        single = word.copy()
        single[1:] &= ~word[:-1]
        single[:-1] &= ~word[1:]
        at = np.flatnonzero(single)
        if not len(at):
            return
        separator = (self.classes & SEPARATOR) != 0
        one = separator[at + 1] & single[at + 2]
        two = separator[at + 1] & separator[at + 2] & single[at + 3]
        linked = np.zeros(len(word), dtype=np.bool_)
        linked[at] = one | two
        again = (one & linked[at + 2]) | (two & linked[at + 3])
        bits[at[again]] |= Step.SPACED

    def _mark_leet(self, bits: Bits) -> None:
        """Tokens with a Latin or Cyrillic letter and a sign that may stand for one."""
        codes, classes = self.codes, self.classes
        leet = (classes & LEET) != 0
        token = self.word | (codes == ord("_"))
        leet[:-1] &= (codes[:-1] != EXCLAMATION) | token[1:] | leet[1:]
        leet &= ~self.written
        signs = np.flatnonzero(leet)
        if len(signs):
            token |= leet
            # Most tokens have no such sign, so only those with one are read.
            begins = np.flatnonzero(token[1:] & ~token[:-1]) + 1
            ends = np.flatnonzero(token[:-1] & ~token[1:]) + 1
            some = np.unique(np.searchsorted(begins, signs, side="right") - 1)
            bounds = np.stack([begins[some], ends[some]], axis=1).ravel()
            letters = np.bitwise_or.reduceat(classes, bounds)[::2] & np.uint8(LATIN | CYRILLIC)
            bits[begins[some[letters != 0]]] |= Step.LEET

    def _mark_short(self, bits: Bits) -> None:
        """Digits, three of a kind, white space that is not one space between two other characters."""
        codes = self.codes
        bits[((self.classes & DIGIT) != 0) & ~self.written] |= Step.NUMBERS
        same = codes[1:] == codes[:-1]
        bits[:-2][same[:-1] & same[1:] & (codes[:-2] != BREAK_CODE)] |= Step.REPEATS
        space = load_spaces()[np.minimum(codes, 0x3000)] & (codes <= 0x3000)
        edge = space | (codes == BREAK_CODE)
        wrong = space & (codes != SPACE)
        wrong[1:-1] |= space[1:-1] & (edge[:-2] | edge[2:])
        bits[wrong] |= Step.SPACES
