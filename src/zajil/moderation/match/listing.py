"""Under which keys a judged text is listed, and by which a text meets it: to the letter, or nearly.

Digests forget addresses, and those of consonants forget more. So a text with addresses is listed twice, with them and
without: only who has the same letters and the same addresses is a copy to the letter, anybody else is near. Otherwise
who copies a stranger's post, puts a link of his own for the stranger's, and has it removed, would have removed both.
Consonants never say more than near, and only between a text in Latin letters and another: two texts in their own
script are compared by their letters. Source: design/moderation.md section 6.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from zajil.moderation.match.exact import BASE
from zajil.moderation.match.spelling import CONSONANTS
from zajil.moderation.normalise.entities import PLACEHOLDERS, Entity

_WRITTEN: Final = tuple(placeholder.strip() for placeholder in PLACEHOLDERS.values())
# A key that ends in one of these is longer than a digest, so it is never taken for one.
_OTHER_ADDRESSES: Final = b"a"
_NATIVE, _LATIN = b"n", b"l"


class Keys(NamedTuple):
    """What a text is looked up by. exact: it is the text that is listed; near: it is near to it."""

    exact: tuple[bytes, ...]
    near: tuple[bytes, ...]


def list_keys(digests: Mapping[str, bytes], packed: str, addresses: Iterable[Entity]) -> dict[bytes, bytes]:
    """The keys that a judged text is listed under, each with the digest it is made of.

    digests, packed: of its `Spelling`. addresses: in any order.
    """
    known = frozenset(addresses)
    addressed = _is_addressed(packed, known)
    keys: dict[bytes, bytes] = {}
    for name, digest in digests.items():
        if name.endswith(CONSONANTS):
            keys[digest + (_NATIVE if name.startswith(BASE) else _LATIN)] = digest
        elif addressed:
            keys[_with_addresses(digest, known)] = digest
            keys[digest + _OTHER_ADDRESSES] = digest
        else:
            keys[digest] = digest
    return keys


def lookup_keys(digests: Mapping[str, bytes], packed: str, addresses: Iterable[Entity]) -> Keys:
    """The keys by which a text meets listed ones; as `list_keys`."""
    known = frozenset(addresses)
    addressed = _is_addressed(packed, known)
    exact: list[bytes] = []
    near: list[bytes] = []
    for name, digest in digests.items():
        if name.endswith(CONSONANTS):
            near.append(digest + _LATIN)
            if not name.startswith(BASE):
                near.append(digest + _NATIVE)
            continue
        exact.append(_with_addresses(digest, known) if addressed else digest)
        near.append(digest + _OTHER_ADDRESSES)
        if addressed:
            near.append(digest)
    return Keys(tuple(exact), tuple(near))


def _is_addressed(packed: str, addresses: frozenset[Entity]) -> bool:
    return bool(addresses) or any(written in packed for written in _WRITTEN)


def _with_addresses(digest: bytes, addresses: frozenset[Entity]) -> bytes:
    written = "\n".join(sorted(f"{each.kind} {each.value}" for each in addresses))
    return hashlib.sha256(b"addresses\0" + digest + written.encode()).digest()
