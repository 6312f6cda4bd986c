"""What a link that was given to a command is for, where it is for another one."""

from __future__ import annotations


def check_no_person(link: str) -> None:
    """Raises Failed `person-link` where this adds a person, and so belongs to `zajil add`."""
    from zajil.cli.failures import Failed
    from zajil.protocol.errors import HomeError
    from zajil.protocol.identity.links import parse_contact_link

    try:
        parse_contact_link(link)
    except HomeError:
        return
    raise Failed("person-link")


def check_no_bridges(link: str) -> None:
    """Raises Failed `bridge-link` where this carries bridges alone, and so belongs to `zajil net add`."""
    from zajil.cli.failures import Failed
    from zajil.protocol.errors import HomeError
    from zajil.protocol.reach.endpoints import parse_bridge_link

    try:
        parse_bridge_link(link)
    except HomeError:
        return
    raise Failed("bridge-link")
