"""What a reviewer is shown of an item: the post and what stands around it, why it is here, and what was decided before.

Nothing of who complained or which colleague decided. In the blind sample nothing of what anybody thought either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection

from zajil.moderation.categories import CATEGORIES
from zajil.moderation.match.copies import compare
from zajil.moderation.match.spelling import spell_batch
from zajil.moderation.normalise.text import normalise, normalise_batch
from zajil.moderation.policy.schema import Policy
from zajil.moderation.review.context import Review, Reviewer
from zajil.moderation.review.highlights import find_highlights
from zajil.moderation.review.standing import count_points, read_standing
from zajil.moderation.signals import JudgeDetail, MatchDetail, RuleDetail, Signal, parse_verdict
from zajil.moderation.store import claims, decisions, matches, notices, queue, strikes, verdicts
from zajil.moderation.store.decisions import DecisionRow
from zajil.moderation.store.queue import Item, item_id
from zajil.protocol.control import B16
from zajil.protocol.errors import error
from zajil.protocol.ids import parse_b64
from zajil.protocol.review import api

AROUND: Final = 5
SIMILAR: Final = 5
HISTORY: Final = 20
EXCERPT: Final = 280
_SENIOR: Final = frozenset({"senior", "escalate"})
_JUDGES: Final = frozenset({"main", "error", "audit"})


def may_work_on(reviewer: Reviewer, name: str) -> bool:
    """Whether this queue is this member's: the severe is seniors'; private reports have a permission of their own."""
    if reviewer.role in ("admin", "auditor"):
        return name != "private"
    return name in _JUDGES or (reviewer.role == "senior" and name in _SENIOR)


def check_item(reviewer: Reviewer, item: Item | None) -> Item:
    """The item, where this member may see it. Raises Refused `gone`: what is not theirs is not there."""
    if item is None or not may_work_on(reviewer, item.queue):
        raise error("gone")
    if reviewer.role == "reviewer":
        if reviewer.languages and item.lang not in reviewer.languages:
            raise error("gone")
        if reviewer.categories and item.category not in (*reviewer.categories, "", "any"):
            raise error("gone")
    return item


async def read_item(review: Review, reviewer: Reviewer, item: str) -> api.Item:
    """One item with all a decision needs. Raises Refused `gone`."""
    which = parse_b64(item, size=16)
    return await review.db.read(
        lambda db: view_item(review, db, check_item(reviewer, queue.find_item(db, which)), reviewer)
    )


def brief(db: Connection, item: Item, reviewer: Reviewer, now: int) -> api.ItemBrief:
    """The item as a line of a list."""
    blind = item.queue == "audit"
    held = item.claimed_by if item.claimed_until > now else None
    cluster = matches.find_cluster(db, item.cluster_id) if item.cluster_id is not None and not blind else None
    return api.ItemBrief(
        item_id=B16(item.id),
        queue=item.queue,
        kind=item.target_kind,
        target=B16(item.target),
        version=item.version,
        category="" if blind else item.category,
        lang=item.lang,
        source=item.source,
        effect="" if blind else item.effect,
        harm=item.harm,
        reach=item.reach,
        opened_at=item.opened_at,
        sub="" if blind else item.sub,
        state="open" if item.state == queue.OPEN else "done",
        claim=claims.name_claim(held, reviewer.staff_id),
        claimed_until=item.claimed_until if held is not None else 0,
        cluster_id=cluster.id if cluster else "",
        copies=cluster.copies if cluster else 0,
    )


def view_target(review: Review, db: Connection, decision: DecisionRow, reviewer: Reviewer) -> api.Item:
    """What a decision is about, as an item, whether or not one is in a queue."""
    name: queue.Queue = "main" if decision.target_kind in ("post", "cluster") else "senior"
    which = item_id(name, decision.target_kind, decision.target, decision.version)
    found = queue.find_item(db, which) or Item(
        id=which,
        queue=name,
        target_kind=decision.target_kind,
        target=decision.target,
        version=decision.version,
        channel_id=decision.channel_id,
        author=decision.author,
        category=decision.category,
        sub=decision.sub,
        lang=decision.lang,
        source="notice",
        effect=decision.action,
        state=queue.DONE,
        opened_at=decision.at,
    )
    return view_item(review, db, found, reviewer)


def view_item(review: Review, db: Connection, item: Item, reviewer: Reviewer) -> api.Item:
    """An item with everything around it."""
    now, blind = review.now(), item.queue == "audit"
    line = brief(db, item, reviewer, now)
    policy = review.decisions.policy()
    if item.target_kind in ("persona", "channel"):
        return api.Item(
            brief=line,
            author=view_person(review, db, item.author or item.target),
            channel=review.space.read_place(db, item.channel_id or item.target),
            policy=view_policy(policy, item.category),
            history=view_history(review, db, item.author or item.target),
            about=_view_rows(review, db, _of_kind(db, item)),
            complaints=_complaints(db, item),
        )
    around = review.space.read_context(db, item.target, AROUND)
    text, subject = _subject(review, db, item)
    author = view_person(review, db, item.author)
    if blind:  # what became of the post and of its author is what others thought
        subject = msgspec.structs.replace(subject, state="") if subject is not None else None
        author = _blank(author)
    verdict = None if blind else verdicts.find_verdict(db, item.target, item.version)
    return api.Item(
        brief=line,
        subject=subject,
        author=author,
        channel=review.space.read_place(db, item.channel_id),
        before=around.before,
        after=around.after,
        versions=tuple(review.space.read_versions(db, item.target)),
        evidence=tuple(_evidence(each) for each in parse_verdict(verdict.signals).signals) if verdict else (),
        highlights=() if blind else find_highlights(text, item.category),
        policy=view_policy(policy, "" if blind else item.category),
        similar=() if blind else _similar(review, db, item),
        history=() if blind else view_history(review, db, item.author),
        about=() if blind else _view_rows(review, db, _of_kind(db, item)),
        complaints=() if blind else _complaints(db, item),
    )


def view_person(review: Review, db: Connection, persona: bytes) -> api.Person | None:
    """A persona with its points; None once it is gone."""
    found = review.space.read_person(db, persona)
    if found is None:
        return None
    now = review.now()
    standing = read_standing(db, persona, now=now)
    return msgspec.structs.replace(
        found,
        points=count_points(strikes.strikes_of(db, persona), now),
        limited_until=standing.limited_until or None,
        suspended_until=standing.suspended_until or None,
    )


def _blank(person: api.Person | None) -> api.Person | None:
    """The persona without its strikes, and without the trust that follows from them."""
    if person is None:
        return None
    return msgspec.structs.replace(person, points=0, trust=0, limited_until=None, suspended_until=None)


def view_history(review: Review, db: Connection, persona: bytes) -> tuple[api.PastDecision, ...]:
    """The newest decisions that met a persona."""
    return _view_rows(review, db, decisions.decisions_of(db, persona, n=HISTORY)) if persona else ()


def view_past(review: Review, db: Connection, row: DecisionRow, *, with_text: bool = True) -> api.PastDecision:
    """A decision as history: what, not who. with_text: an excerpt of the post it was about."""
    text = ""
    if with_text and row.target_kind in ("post", "cluster"):
        subject = review.space.read_subject(db, row.target, row.version)
        text = subject.text[:EXCERPT] if subject is not None else ""
    return api.PastDecision(
        decision_id=B16(row.id),
        kind=row.target_kind,
        target=B16(row.target),
        version=row.version,
        action=row.action,
        category=row.category,
        source=row.source,
        because=row.because,
        human=row.is_human,
        at=row.at,
        sub=row.sub,
        note=row.note,
        text=text,
        in_force=decisions.is_current(db, row.id),
    )


def view_policy(policy: Policy, category: str) -> tuple[api.PolicyText, ...]:
    """What the policy says of a category; of all where none is named."""
    names = [each for each in CATEGORIES if category in ("", "any", each)]
    return tuple(
        api.PolicyText(
            name,
            policy.categories[name].definition,
            policy.categories[name].strike,
        )
        for name in names
    )


def _subject(review: Review, db: Connection, item: Item) -> tuple[str, api.Subject | None]:
    subject = review.space.read_subject(db, item.target, item.version)
    if subject is None:
        return "", None
    read = normalise(subject.text)
    views = tuple(view.text for view in read.views)
    near = subject.newest > subject.version and _is_near_newest(review, db, subject)
    return read.base, msgspec.structs.replace(subject, normalised=read.base, views=views, near_newest=near)


def _is_near_newest(review: Review, db: Connection, subject: api.Subject) -> bool:
    newest = review.space.read_subject(db, bytes(subject.post_id), subject.newest)
    if newest is None:
        return False
    texts = [subject.text, newest.text]
    one, other = spell_batch(texts, normalise_batch(texts))
    return compare(one, other).kind != "other"


def _of_kind(db: Connection, item: Item) -> list[DecisionRow]:
    return [row for row in decisions.decisions_about(db, item.target) if row.target_kind == item.target_kind][-HISTORY:]


def _similar(review: Review, db: Connection, item: Item) -> tuple[api.PastDecision, ...]:
    """What people decided of late about other posts of this category and language."""
    rows = decisions.by_people(db, item.category, item.lang, but=item.target, n=SIMILAR)
    return _view_rows(review, db, rows)


def _view_rows(review: Review, db: Connection, rows: Sequence[DecisionRow]) -> tuple[api.PastDecision, ...]:
    return tuple(view_past(review, db, row) for row in rows)


def _complaints(db: Connection, item: Item) -> tuple[api.Complaint, ...]:
    found = notices.notices_about(db, item.target, item.version, n=50)
    return tuple(api.Complaint(each.category, each.note, each.weight > 0, each.at) for each in found)


def _evidence(each: Signal) -> api.Evidence:
    value = each.value if isinstance(each.value, str) else f"{each.value:.4g}"
    detail = ""
    phrases: tuple[str, ...] = ()
    match each.detail:
        case RuleDetail():
            phrases = each.detail.phrases
        case MatchDetail():
            detail = each.detail.cluster
        case JudgeDetail():
            detail = "quoted" if each.detail.quoted else ""
        case None:
            pass
    return api.Evidence(each.name, value, each.category, detail, phrases)
