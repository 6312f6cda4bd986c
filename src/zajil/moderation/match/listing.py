"""Under which keys a judged text is listed, and by which a text meets it: to the letter, or nearly.

Digests forget addresses and numbers, and those of consonants forget more. So a text with targets is listed twice, with
them and without: only who has the same letters and the same targets is a copy to the letter, anybody else is near.
Otherwise who copies a stranger's post, puts a link or a card number of his own for the stranger's, and has it removed,
would have removed both.
Consonants never say more than near, and only between a text in Latin letters and another: two texts in their own
script are compared by their letters. Source: design/moderation.md section 6.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final, NamedTuple

from zajil.moderation.match.exact import BASE
from zajil.moderation.match.spelling import CONSONANTS, Targets
from zajil.moderation.normalise.entities import PLACEHOLDERS

_WRITTEN: Final = tuple(placeholder.strip() for placeholder in PLACEHOLDERS.values())
# A key that ends in one of these is longer than a digest, so it is never taken for one.
_OTHER_TARGETS: Final = b"a"
_NATIVE, _LATIN = b"n", b"l"


class Keys(NamedTuple):
    """What a text is looked up by. exact: it is the text that is listed; near: it is near to it."""

    exact: tuple[bytes, ...]
    near: tuple[bytes, ...]


def list_keys(digests: Mapping[str, bytes], packed: str, targets: Targets) -> dict[bytes, bytes]:
    """The keys that a judged text is listed under, each with the digest it is made of.

    digests, packed, targets: of its `Spelling`.
    """
    targeted = _has_targets(packed, targets)
    keys: dict[bytes, bytes] = {}
    for name, digest in digests.items():
        if name.endswith(CONSONANTS):
            keys[digest + (_NATIVE if name.startswith(BASE) else _LATIN)] = digest
        elif targeted:
            keys[_with_targets(digest, targets)] = digest
            keys[digest + _OTHER_TARGETS] = digest
        else:
            keys[digest] = digest
    return keys


def lookup_keys(digests: Mapping[str, bytes], packed: str, targets: Targets) -> Keys:
    """The keys by which a text meets listed ones; as `list_keys`."""
    targeted = _has_targets(packed, targets)
    exact: list[bytes] = []
    near: list[bytes] = []
    for name, digest in digests.items():
        if name.endswith(CONSONANTS):
            near.append(digest + _LATIN)
            if not name.startswith(BASE):
                near.append(digest + _NATIVE)
            continue
        exact.append(_with_targets(digest, targets) if targeted else digest)
        near.append(digest + _OTHER_TARGETS)
        if targeted:
            near.append(digest)
    return Keys(tuple(exact), tuple(near))


def _has_targets(packed: str, targets: Targets) -> bool:
    return bool(targets) or any(written in packed for written in _WRITTEN)


def _with_targets(digest: bytes, targets: Targets) -> bytes:
    written = "\n".join(sorted(f"{kind} {value}" for kind, value in targets))
    return hashlib.sha256(b"addresses\0" + digest + written.encode()).digest()
