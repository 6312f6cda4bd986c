"""Steps 6 to 9: what people do to letters so that a machine no longer reads the word, undone one trick at a time.

Each function takes folded text without addresses. They are called only where `survey.py` saw something for them to do.
Source: design/moderation.md section 5.
"""

from __future__ import annotations

import re
from collections import Counter

# One or two separators between single characters spell a word.
SEPARATORS = " ._*·/,|-"
SPACED = re.compile(rf"(?<![^\W_])[^\W_](?:[{SEPARATORS}]{{1,2}}[^\W_]){{2,}}(?![^\W_])")
SEPARATOR = re.compile(rf"[{SEPARATORS}]+")

TOKEN = re.compile(r"\w+")
# What normalising wrote itself: placeholders and the names of numbers.
WRITTEN = re.compile(r"(?<!\w)(?:(?:url|mail|user|phone|wallet)tok|num[1-6])(?!\w)")
LATIN = re.compile("[a-z]")
LATIN_TOKEN = re.compile(r"(?<!\w)[^\Wa-z]*[a-z]\w*")
CYRILLIC = re.compile("[\u0400-\u052f]")
MIXED = re.compile(r"[a-z][\d_]*[\u0400-\u052f]|[\u0400-\u052f][\d_]*[a-z]")
# Letters without a twin in the other script show which one a text or token is really in.
OWN_CYRILLIC = re.compile("[бгджзийлпфцчшщъыьэюя]")
OWN_LATIN = re.compile("[dfgjlqsvwz]")
TO_CYRILLIC = str.maketrans("aeopcxykbmtnhrui", "аеорсхуквмтпнгии")
TO_LATIN = str.maketrans("аеорсхуіѕквмтнј", "aeopcxyiskbmthj")

# An exclamation mark at the end of a token is one; within, it is an i.
LEET_TOKEN = re.compile(r"(?<![\w@$!])[^\W430157]*[430157@$!][\w@$!]*")
LEET = re.compile("[430157@$!]")
LEET_WORD = re.compile(r"(?<![\w@$!])[430157@$]{1,3}(?![\w@$!])")
MIN_LEET, LEET_SHARE = 3, 0.2
FROM_LEET = str.maketrans("430157@$!", "aeoistasi")
# Russian has digits at the end of words and before units (5г, 2го), so only one between letters is surely a letter.
INNER_LEET = re.compile("[\u0400-\u052f][430157@$!]+[\u0400-\u052f]")
FROM_LEET_CYRILLIC = str.maketrans("430157@$!", "чзоистаси")
# What step 9 leaves for a number; nothing may take its digit for a letter or a number again.
NUMBER_TOKEN = re.compile(r"num[1-6]")
# Of a text full of numbers a pass with a fixed replacement for each length that occurs is faster than one by one.
MAX_NUMBER = 6
MANY_NUMBERS = 32
DIGITS = re.compile("[0-9]+")
NUMBERS = {
    size: re.compile(rf"(?<![0-9])(?<!num)[0-9]{{{size}{',' if size == MAX_NUMBER else ''}}}(?![0-9])")
    for size in range(1, MAX_NUMBER + 1)
}
NAMED = re.compile(r"(?<![0-9])(?<!num)[0-9]+")
REPEATED = re.compile(r"(\S)\1\1+")
# Of a number that is read as letters, nothing but how often a digit came is lost when repeats are shortened.
REPEATED_DIGITS = re.compile(r"[0-9]*([0-9])\1\1[0-9]*")


def join_spaced(text: str) -> str:
    """Runs of three or more single characters, split by one or two separators, as words (step 6)."""
    return SPACED.sub(lambda match: SEPARATOR.sub("", match[0]), text)


def find_spaced(text: str) -> list[str]:
    """The words that `join_spaced` makes of this text."""
    return [SEPARATOR.sub("", run) for run in SPACED.findall(text)]


def unify_scripts(text: str) -> str:
    """Latin and Cyrillic letters in the script they are meant in (step 7).

    A text with own letters of one script alone is all of that script: an attacker rarely changes every letter of a
    text, but often every letter of a short word. In a text of both, a mixed token is of the script it has own letters
    of, Cyrillic first; with none of either, of that which the text has more own letters of. In a text with none at all,
    which is a few short words, Cyrillic letters must be at least as many in the token.
    """
    own_text = WRITTEN.sub(" ", text) if "num" in text or "tok" in text else text
    latin, cyrillic = OWN_LATIN.search(own_text), OWN_CYRILLIC.search(own_text)
    if latin and not cyrillic:
        return text.translate(TO_LATIN)
    if cyrillic and not latin:
        return LATIN_TOKEN.sub(_to_cyrillic, text)
    if not MIXED.search(text):
        return text
    if not latin:
        return TOKEN.sub(_unify_short, text)
    more_cyrillic = len(OWN_CYRILLIC.findall(own_text)) >= len(OWN_LATIN.findall(own_text))

    def unify(match: re.Match[str]) -> str:
        token = match[0]
        if not CYRILLIC.search(token) or not LATIN.search(token):
            return token
        if OWN_CYRILLIC.search(token) or (more_cyrillic and not OWN_LATIN.search(token)):
            return token.translate(TO_CYRILLIC)
        return token.translate(TO_LATIN)

    return TOKEN.sub(unify, text)


def _to_cyrillic(match: re.Match[str]) -> str:
    return match[0] if WRITTEN.fullmatch(match[0]) else match[0].translate(TO_CYRILLIC)


def _unify_short(match: re.Match[str]) -> str:
    token = match[0]
    latin, cyrillic = len(LATIN.findall(token)), len(CYRILLIC.findall(token))
    if not latin or not cyrillic:
        return token
    return token.translate(TO_CYRILLIC if cyrillic >= latin else TO_LATIN)


def read_leet(text: str) -> str:
    """Tokens with a Latin letter, or one between Cyrillic letters, their digits and signs as letters (step 8).

    Where many tokens are such, short ones of digits and signs alone are words as well, and digits at the ends of
    Cyrillic ones are letters: `15` is "is" beside `7h3`, and `эт0` is "это" beside `м0жн0`.
    """
    latin = cyrillic = 0

    def read_token(match: re.Match[str], *, ends: bool = False) -> str:
        nonlocal latin, cyrillic
        token = match[0].rstrip("!")
        if not LEET.search(token) or NUMBER_TOKEN.fullmatch(token):
            return match[0]
        if LATIN.search(token):
            latin += 1
            return token.translate(FROM_LEET) + match[0][len(token) :]
        if INNER_LEET.search(token) or (ends and CYRILLIC.search(token)):
            cyrillic += 1
            return token.translate(FROM_LEET_CYRILLIC) + match[0][len(token) :]
        return match[0]

    text = LEET_TOKEN.sub(read_token, text)
    many = max(MIN_LEET, LEET_SHARE * (text.count(" ") + 1))
    if latin >= many:
        text = LEET_WORD.sub(lambda match: match[0].translate(FROM_LEET), text)
    elif cyrillic >= many:
        text = LEET_TOKEN.sub(lambda match: read_token(match, ends=True), text)
        text = LEET_WORD.sub(lambda match: match[0].translate(FROM_LEET_CYRILLIC), text)
    return text


def name_numbers(text: str) -> str:
    """Numbers as ` numN `, N their length up to 6 (step 9). One right after `num` stays: it may be a name already."""
    return take_numbers(text, [])


def take_numbers(text: str, numbers: list[str]) -> str:
    """`name_numbers` of the text; the digits that it names are appended to `numbers`, in their order."""
    runs = list(DIGITS.finditer(text))
    if len(runs) > MANY_NUMBERS:
        numbers += NAMED.findall(text)
        return _name_many(text)
    parts: list[str] = []
    start = 0
    for run in runs:
        begin, end = run.span()
        if not text.endswith("num", 0, begin):
            numbers.append(run[0])
            parts += (text[start:begin], f" num{min(end - begin, MAX_NUMBER)} ")
            start = end
    return "".join(parts) + text[start:] if parts else text


def _name_many(text: str) -> str:
    sizes = {min(len(run), MAX_NUMBER) for run in DIGITS.findall(text)}
    # The short ones last: they are the many that lengthen the text.
    for size in sorted(sizes, reverse=True):
        text = NUMBERS[size].sub(f" num{size} ", text)
    return text


def find_lost_numbers(before: str, after: str) -> list[str]:
    """Numbers that are letters now, and whose amount the letters do not keep: `1000usd` and `10000usd` are one word."""
    if before == after:
        return []
    left = Counter(match[0] for match in REPEATED_DIGITS.finditer(after))
    lost = []
    for match in REPEATED_DIGITS.finditer(before):
        if left[match[0]]:
            left[match[0]] -= 1
        else:
            lost.append(match[0])
    return lost


def shorten_repeats(text: str) -> str:
    """Three or more of a character as two (step 9)."""
    return REPEATED.sub(r"\1\1", text)


def collapse_spaces(text: str) -> str:
    """White space of every kind as single spaces, none at the ends (step 9)."""
    return " ".join(text.split())
