"""What rules may look at: the normalised text, the author's standing, scores, and the hosts that links lead to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from zajil.moderation.authors import Author
from zajil.moderation.signals import ENTITY_KINDS, Signal, signal


class Entity(Protocol):
    """An address found in the text. kind: of ENTITY_KINDS."""

    @property
    def kind(self) -> str: ...  # the class says it

    @property
    def value(self) -> str: ...


class View(Protocol):
    """Another reading of a Latin text, such as Arabizi read as Arabic."""

    @property
    def text(self) -> str: ...


class Normalised(Protocol):
    """What the normaliser makes of a text; see `moderation/normalise`. base: at most 16,384 characters.

    views: readings besides the base. lang: of LANGUAGES or `und`.
    joined: words of the base that were spelled out letter by letter; several may be run together.
    """

    @property
    def base(self) -> str: ...

    @property
    def views(self) -> Sequence[View]: ...

    @property
    def entities(self) -> Sequence[Entity]: ...

    @property
    def lang(self) -> str: ...

    @property
    def joined(self) -> Sequence[str]: ...


class Facts(msgspec.Struct, frozen=True, gc=False):
    """One version of a post as rules see it. target: 16 bytes, the post, the same for all its versions.

    scores: probability by head, empty before stage 3. domains: hosts of its links, A-label, lower case.
    version: from 1; later ones are edits, which turn no flood counter.
    """

    target: bytes
    text: Normalised
    author: Author
    scores: Mapping[str, float] = {}
    domains: tuple[str, ...] = ()
    version: int = 1


def find_entities(text: Normalised) -> tuple[Signal, ...]:
    """One signal per kind of entity in the text, in the order of ENTITY_KINDS."""
    if not text.entities:
        return ()
    kinds = {entity.kind for entity in text.entities}
    return tuple(signal("entity", kind) for kind in ENTITY_KINDS if kind in kinds)
