"""Lists of addresses that posts meet, and the policy in force, for those who keep them. Every change is logged."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from zajil.moderation.audit.entries import SALT_BYTES, Kind, make_pseudonym
from zajil.moderation.match.entries import Entry
from zajil.moderation.match.urls import AddressLists
from zajil.moderation.review.context import Review, Reviewer
from zajil.moderation.review.items import view_policy
from zajil.moderation.store import matches
from zajil.moderation.store.matches import AddressRow
from zajil.moderation.store.transparency.changes import log_change
from zajil.protocol.errors import error
from zajil.protocol.public.redress import Category
from zajil.protocol.review import api

LISTS: Final[tuple[api.ListKind, ...]] = ("url", "host", "domain", "phone", "wallet")


async def list_lists(review: Review) -> api.Lists:
    """Every list with its length."""

    def read(db: Connection) -> api.Lists:
        found = matches.addresses(db)
        return api.Lists(tuple(api.ListSize(name, sum(row.list == name for row in found)) for name in LISTS))

    return await review.db.read(read)


async def read_list(review: Review, name: str) -> api.AddressList:
    """One list whole. Raises Refused `gone`."""
    known = _parse_name(name)
    return await review.db.read(lambda db: _view(db, known))


async def edit_list(review: Review, reviewer: Reviewer, name: str, request: api.EditList) -> api.AddressList:
    """The list after the change: posts from now on meet it. Raises gone, malformed for what is no such address."""
    known, now = _parse_name(name), review.now()
    put = [(_canonical(known, each.value), each) for each in request.put]
    drop = [_canonical(known, each) for each in request.drop]

    def write(db: Connection) -> api.AddressList:
        for value, each in put:
            source = each.source or "staff"
            matches.put_address(db, AddressRow(known, value, each.category, source, 1, each.expires_at, now))
            matches.lift_suspension(db, "url", f"{known} {value}", now=now)
            note(review, db, reviewer.staff_id, "list", f"add {known} {value} {each.category}")
        for value in drop:
            # Off the list it does not count anyway, and back on it it is to count.
            matches.lift_suspension(db, "url", f"{known} {value}", now=now)
            if matches.drop_address(db, known, value, now=now):
                note(review, db, reviewer.staff_id, "list", f"remove {known} {value}")
        return _view(db, known)

    return await review.db.write(write)


async def read_policy(review: Review) -> api.PolicyView:
    """What the policy in force says of each category, whom it exempts from which rules, and which rules people
    suspended by reversing them."""
    policy = review.decisions.policy()
    off = await review.db.read(lambda db: matches.suspended(db, "rule"))
    exempt = tuple(
        api.Exemption(each.rules, each.role or "", each.author_kind or "", each.owner_role or "")
        for each in policy.exempt
    )
    return api.PolicyView(policy.ref, view_policy(policy, ""), exempt, tuple(sorted(off)))


def note(review: Review, db: Connection, staff_id: bytes, kind: Kind, what: str) -> None:
    """Log a change that is no decision, in its transaction; what it is, nobody learns from the log alone."""
    pseudonym = make_pseudonym(review.decisions.pseudonym_key, staff_id) if staff_id else b""
    log_change(db, kind, what, salt=review.random(SALT_BYTES), now=review.now(), pseudonym=pseudonym)


def _canonical(name: api.ListKind, value: str) -> str:
    try:
        found = AddressLists().add(name, value, Entry("spam", "staff"))
    except ValueError:
        raise error("malformed", "no such address") from None
    if not found:
        raise error("malformed", "an empty address")
    return found


def _parse_name(name: str) -> api.ListKind:
    for known in LISTS:
        if known == name:
            return known
    raise error("gone")


def _view(db: Connection, name: api.ListKind) -> api.AddressList:
    off = matches.suspended(db, "url")
    found = matches.addresses(db, name)
    entries = []
    for row in found:
        category = next((each for each in _CATEGORIES if each == row.category), None)
        if category is not None:
            entries.append(api.ListEntry(row.value, category, row.source, row.expires_at))
    return api.AddressList(name, tuple(entries), tuple(row.value for row in found if f"{name} {row.value}" in off))


_CATEGORIES: Final[tuple[Category, ...]] = (
    "fraud",
    "violence_incitement",
    "hate",
    "harassment",
    "sexual",
    "self_harm",
    "spam",
)
