"""Links that were given to a command: what each kind is for, and which of the own ones a text names."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

_SHORTEST = 4
"""Characters of an id that name a link, where no other begins so."""


def check_no_person(link: str) -> None:
    """Raises Failed `person-link` where this adds a person, and so belongs to `zajil add`."""
    from zajil.protocol.errors import HomeError
    from zajil.protocol.identity.links import parse_contact_link

    try:
        parse_contact_link(link)
    except HomeError:
        return
    _refuse("person-link", link)


def check_no_bridges(link: str) -> None:
    """Raises Failed `bridge-link` where this carries bridges alone, and so belongs to `zajil net add`."""
    from zajil.protocol.errors import HomeError
    from zajil.protocol.reach.endpoints import parse_bridge_link

    try:
        parse_bridge_link(link)
    except HomeError:
        return
    _refuse("bridge-link", link)


def check_no_group(link: str) -> None:
    """Raises Failed `group-link` where this leads into a group, and so belongs to `zajil join`."""
    from zajil.protocol.errors import HomeError
    from zajil.protocol.identity.grouplinks import parse_group_link

    try:
        parse_group_link(link)
    except HomeError:
        return
    _refuse("group-link", link)


def _refuse(code: str, link: str) -> None:
    """Raises Failed with this code, and the command that the link is for, to copy."""
    from zajil.cli.failures import Failed
    from zajil.cli.texts.errors import COMPLAINTS

    hint = COMPLAINTS[code].hint
    said = "" if hint is None else hint().replace("LINK", shlex.quote("".join(link.split())))
    raise Failed(code, hint=said)


def find_own_link(text: str, ids: Sequence[str], *, named: str | None, listed: str) -> str:
    """The id among `ids` that a text is, or begins as no other does; or `named`, the id that a link holds.

    listed: the command that lists them. Raises Failed `no-link`, `many-links`.
    """
    from zajil.cli.failures import Failed
    from zajil.cli.texts.people.strangers import ALL_LINKS

    # A dash at the beginning, which is hard to type behind a command, may be left out.
    found = [one for one in ids if one in (text, named)]
    if not found and len(text) >= _SHORTEST:
        found = [one for one in ids if one.lstrip("-").startswith(text.lstrip("-"))]
    if len(found) != 1:
        raise Failed("many-links" if found else "no-link", hint=f"{ALL_LINKS()}  {listed}")
    return found[0]
