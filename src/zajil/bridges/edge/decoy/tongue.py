"""What a made-up site says in one language: whole sentences that stand in any order, so that none is ever wrong."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Subject:
    """What a site is about. names: of the site, `{place}` in each. topics: titles of notes. said: sentences."""

    names: tuple[str, ...]
    topics: tuple[str, ...]
    said: tuple[str, ...]
    about: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tongue:
    """One language. places: invented names. The rest are words of the site's frame."""

    code: str
    places: tuple[str, ...]
    home: tuple[str, ...]
    about: tuple[str, ...]
    notes: tuple[str, ...]
    contact: tuple[str, ...]
    more: tuple[str, ...]
    written: tuple[str, ...]
    missing: tuple[str, ...]
    missing_said: tuple[str, ...]
    back: tuple[str, ...]
    visits: tuple[str, ...]
    months: tuple[str, ...]
    subjects: tuple[Subject, ...]
    rtl: bool = False
