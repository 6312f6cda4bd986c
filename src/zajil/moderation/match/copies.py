"""What is a copy of what: the rules, all of them, by which two texts are the same, near, or strangers to each other.

A text is known by three things (`spelling.py`, `minhash.py`):

    letters    what is left when disguises are undone, in one or several readings, from 12 on; each has a digest
    windows    of its letters, five by five, from 40 letters on; J is the share of all that two texts have in common
    targets    what it sends people to or asks of them: links, mails, handles, phones, wallets, and its numbers

Two texts are, by the first rule that is true of them:

    1    same    the same letters in any reading, and the same targets
    2    near    the same letters in any reading, other targets
    3    near    J >= .80
    4    near    the same consonants, one of the two being in Latin letters, whose vowels are a guess
    5    other

Letters know an address by its kind and a number by its length. So whoever copies a stranger's post, puts a link or a
card of his own for the stranger's, and has it removed, has nothing but that removed: by itself no near copy is, unless
J is .95 and the targets are the same, and then of some categories alone (`policy/decide.py` has that table).

A judgement of many copies is one of the text that a person was shown. It reaches who has the same targets: a removal
with J >= .80, an allowance, which no program may undo, with J >= .95. Of the others, those with J >= .80 are treated as
near copies of it, and people are asked about each (`decide/reach.py`).

The rules are asked in two ways: between two texts (`compare`), and of one text among all that were ever judged, by keys
(`list_keys`, `lookup_keys`) and by bands of signatures (`clusters.py`); tests/moderation/match/test_copies.py holds
both to one table. Source: design/moderation.md sections 6 and 9.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

from zajil.moderation.match.minhash import MIN_CHARACTERS, Grams, find_grams, true_jaccard
from zajil.moderation.match.spelling import BASE, CONSONANTS, Spelling, Targets

NEAR: Final = 0.80
NEAREST: Final = 0.95
Kind: TypeAlias = Literal["same", "near", "other"]
# A key that ends in one of these is longer than a digest, so it is never taken for one.
_OTHER_TARGETS: Final = b"a"
_NATIVE, _LATIN = b"n", b"l"


class Likeness(NamedTuple):
    """What a text is of another. jaccard: 0 to 1, and 0 where one of them is too short for windows."""

    kind: Kind
    jaccard: float
    same_targets: bool


class Shape(NamedTuple):
    """What is kept of a judged text for as long as its judgement stands: its windows and targets."""

    grams: Grams
    targets: Targets


class Keys(NamedTuple):
    """What a text is looked up by. same: it is the text that is listed; near: it is near it."""

    same: tuple[bytes, ...]
    near: tuple[bytes, ...]


def compare(one: Spelling, other: Spelling) -> Likeness:
    """What these two are of each other; either way round."""
    jaccard = 0.0
    if min(len(one.packed), len(other.packed)) >= MIN_CHARACTERS:
        jaccard = true_jaccard(find_grams(one.packed), find_grams(other.packed))
    same_targets = one.targets == other.targets
    kind: Kind = "other"
    if not _letters(one).isdisjoint(_letters(other)):
        kind = "same" if same_targets else "near"
    elif jaccard >= NEAR or _share_consonants(one.digests, other.digests):
        kind = "near"
    return Likeness(kind, jaccard, same_targets)


def find_shape(text: Spelling) -> Shape:
    """What a judgement of many copies compares this text by."""
    return Shape(find_grams(text.packed), text.targets)


def is_near(copy: Shape, judged: Shape) -> bool:
    """Whether it is near a judged text by its windows, wherever it leads."""
    return true_jaccard(copy.grams, judged.grams) >= NEAR


def is_removed_with(copy: Shape, judged: Shape) -> bool:
    """Whether the removal of all copies of a judged text reaches this one."""
    return copy.targets == judged.targets and is_near(copy, judged)


def is_allowed_with(copy: Shape, judged: Shape) -> bool:
    """Whether the allowance of all copies of a judged text reaches this one."""
    return copy.targets == judged.targets and true_jaccard(copy.grams, judged.grams) >= NEAREST


def list_keys(digests: Mapping[str, bytes], targets: Targets) -> dict[bytes, bytes]:
    """The keys that a judged text is listed under, each with the digest it is made of. Both are of its `Spelling`."""
    keys: dict[bytes, bytes] = {}
    for name, digest in digests.items():
        if name.endswith(CONSONANTS):
            keys[digest + _script(name)] = digest
        elif targets:
            keys[_with_targets(digest, targets)] = digest
            keys[digest + _OTHER_TARGETS] = digest
        else:
            keys[digest] = digest
    return keys


def lookup_keys(digests: Mapping[str, bytes], targets: Targets) -> Keys:
    """The keys by which a text meets listed ones; as `list_keys`."""
    same: list[bytes] = []
    near: list[bytes] = []
    for name, digest in digests.items():
        if name.endswith(CONSONANTS):
            near.append(digest + _LATIN)
            if _script(name) == _LATIN:
                near.append(digest + _NATIVE)
            continue
        same.append(_with_targets(digest, targets) if targets else digest)
        near.append(digest + _OTHER_TARGETS)
        if targets:
            near.append(digest)
    return Keys(tuple(same), tuple(near))


def _letters(text: Spelling) -> set[bytes]:
    return {digest for name, digest in text.digests.items() if not name.endswith(CONSONANTS)}


def _share_consonants(one: Mapping[str, bytes], other: Mapping[str, bytes]) -> bool:
    mine, theirs = (
        [(d, _script(name)) for name, d in each.items() if name.endswith(CONSONANTS)] for each in (one, other)
    )
    return any(a == b and _LATIN in (x, y) for a, x in mine for b, y in theirs)


def _script(name: str) -> bytes:
    """Whether a reading is in the letters the text is written in, or in others that Latin ones may stand for."""
    return _NATIVE if name.startswith(BASE) else _LATIN


def _with_targets(digest: bytes, targets: Targets) -> bytes:
    written = "\n".join(sorted(f"{kind} {value}" for kind, value in targets))
    return hashlib.sha256(b"addresses\0" + digest + written.encode()).digest()
