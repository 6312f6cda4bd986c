"""Step 5: addresses out of the text, a placeholder in their place.

Works on folded text (`folding.py`), so patterns know lower case alone; `restore_case` finds how the author wrote a
value, because short links and some wallets differ by case. Source: design/moderation.md section 5.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal, NamedTuple, TypeAlias

from zajil.moderation.normalise.folding import MAX_CHARACTERS

Kind: TypeAlias = Literal["url", "mail", "user", "phone", "wallet"]
PLACEHOLDERS: dict[Kind, str] = {
    "url": " urltok ",
    "mail": " mailtok ",
    "user": " usertok ",
    "phone": " phonetok ",
    "wallet": " wallettok ",
}
MAX_ENTITIES = 64
MIN_PHONE_DIGITS, MAX_PHONE_DIGITS = 9, 15


class Entity(NamedTuple):
    """An address in a text: its kind, and its value as written (phones: digits, with a plus where one stood)."""

    kind: Kind
    value: str


# Top-level domains under which a bare `word.word` is an address. Others count with `http`, `www.` or a path: after a
# full stop without a space, "it", "so" or "next" are words more often than domains.
BARE_TLDS = (
    "com|net|org|info|biz|xyz|top|site|online|shop|store|club|app|dev|pro|vip|win|bet|live|link|click|icu|cc|tv|gg|ly|gl|io|"
    "co|me|ru|su|рф|ua|by|kz|uz|am|ge|az|tj|kg|md|eg|sa|ae|iq|sy|jo|lb|ye|om|qa|kw|bh|ps|ma|dz|tn|sd|ir|tr|de|fr|uk|us|eu|"
    "onion|finance|exchange|cash|loan|crypto|casino|мкд|онлайн|сайт|شبكه|موقع"
)  # fmt: skip
# A host label starts and ends with a letter or digit; \w takes letters of every script, so that look-alikes do not
# hide.
_LABEL = r"\w(?:[\w-]{0,61}\w)?"
_HOST = rf"(?:{_LABEL}\.){{1,8}}"
_REST = r"[^\s<>\"'«»]"
ADDRESS = re.compile(
    rf"(?P<url>(?:https?|hxxps?|ftp|tg)://{_REST}{{2,}}|(?<![\w@.])www\.{_REST}{{2,}}"
    rf"|(?<![\w@.-]){_HOST}(?:(?:{BARE_TLDS})(?![\w@-]|\.\w)(?::\d{{1,5}})?(?:[/?#]{_REST}*)?"
    rf"|[^\W\d_]{{2,24}}(?::\d{{1,5}})?/{_REST}+))"
    r"|(?P<mail>(?<![\w.+-])[\w.+-]{1,64}@(?:\w[\w-]{0,62}\.){1,8}[^\W\d_]{2,24}(?!\w))"
    r"|(?P<user>(?<![\w@.])@\w{3,32}(?!\w))"
)
# Most points between two letters are no address; this looks only at what follows one.
ADDRESS_HINT = re.compile(rf"\.(?:(?:{BARE_TLDS})(?!\w)|[^\W\d_]{{2,24}}(?::\d{{1,5}})?/)|://|www\.|@")
# No address holds white space, and trying one at every letter of a text takes five times as long.
CANDIDATE = re.compile(r"(?<!\S)[^\s.@:]*[.@:](?=\S)\S*")
NUMBER = re.compile(
    r"(?P<wallet>(?<!\w)(?:0x[0-9a-f]{40}|bc1[02-9ac-hj-np-z]{11,71}|t[1-9a-z]{33}|[13][1-9a-z]{25,34})(?!\w))"
    r"|(?P<phone>(?<![\w+])\+?\(?\d(?:[ ().-]{0,2}\d){8,19}(?!\w))"
)
NUMBER_HINT = re.compile(r"(?<!\w)(?:[13t][1-9a-z]{25}|bc1\w{11}|0x\w{40})|\d(?:[ ().-]{0,2}\d){8}")
# What closes a sentence or a bracket after an address is not part of it.
TRAILING = ".,;:!?)]}*_~'\"…،؛؟"
DIGIT = re.compile(r"\d")


def replace_entities(text: str, found: list[Entity]) -> str:
    """The folded text with a placeholder for each address, which is appended to `found` (the first 64 are kept)."""

    def replace(match: re.Match[str]) -> str:
        entity = _read_match(match)
        if entity is None:
            return match[0]
        if len(found) < MAX_ENTITIES:
            found.append(entity)
        rest = match[0][len(entity.value) :] if entity.kind == "url" else ""
        return PLACEHOLDERS[entity.kind] + rest

    if ADDRESS_HINT.search(text):
        text = CANDIDATE.sub(lambda match: ADDRESS.sub(replace, match[0]), text)
    if NUMBER_HINT.search(text):
        text = NUMBER.sub(replace, text)
    return text


def _read_match(match: re.Match[str]) -> Entity | None:
    """The entity a match of either pattern stands for; None if it only looked like one."""
    value = match[0]
    match match.lastgroup:
        case "url":
            return Entity("url", value.rstrip(TRAILING))
        case "mail":
            return Entity("mail", value)
        case "user":
            return Entity("user", value[1:])
        case "wallet" if DIGIT.search(value, 1):
            return Entity("wallet", value)
        case "phone":
            digits = "".join(DIGIT.findall(value))
            if MIN_PHONE_DIGITS <= len(digits) <= MAX_PHONE_DIGITS:
                return Entity("phone", "+" + digits if value[0] == "+" else digits)
    return None


def restore_case(original: str, found: list[Entity]) -> tuple[Entity, ...]:
    """The entities with URLs and wallets as the author wrote them, where the folded value can be found again.

    Hidden characters or look-alikes within an address leave it folded; a list that knows the true one misses it then,
    as does a reader's browser.
    """
    if not any(entity.kind in ("url", "wallet") for entity in found):
        return tuple(found)
    written = unicodedata.normalize("NFKC", original[:MAX_CHARACTERS])
    lowered = written.lower()
    if len(written) != len(lowered) or written == lowered:
        return tuple(found)
    restored: list[Entity] = []
    start = 0
    for entity in found:
        at = lowered.find(entity.value, start) if entity.kind in ("url", "wallet") else -1
        if at >= 0:
            start = at + len(entity.value)
            restored.append(Entity(entity.kind, written[at:start]))
        else:
            restored.append(entity)
    return tuple(restored)
