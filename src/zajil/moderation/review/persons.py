"""Decisions about personas and channels: strikes, suspensions, restrictions, and giving them back.

A person decides, never a program; a channel of more than 10,000 followers is blocked by two. How a persona stands is
computed from strikes and the newest decision, so the reversal of any of these restores what it had taken.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from zajil.moderation.categories import find_language
from zajil.moderation.decide.decide import decide_in
from zajil.moderation.decide.orders import Order, order_key
from zajil.moderation.review.aftermath import PAIR, RESTRICTING
from zajil.moderation.review.context import Review, Reviewer
from zajil.moderation.review.items import view_history, view_person
from zajil.moderation.review.standing import STANDING, counting
from zajil.moderation.store import decisions, queue, strikes
from zajil.moderation.store.decisions import Act, DecisionRow, Source, TargetKind
from zajil.moderation.store.queue import Item, item_id
from zajil.protocol.control import B16
from zajil.protocol.errors import error
from zajil.protocol.ids import parse_b64
from zajil.protocol.review import api
from zajil.protocol.review.routes import SENIORS, STEP_UP_S

PAIR_FOLLOWERS: Final = 10_000
PAIR_S: Final = 7 * 86_400
PAIR_HARM: Final = 950
_LOOKED_AT: Final = 20
_PERSONA_ACTS: Final[frozenset[str]] = frozenset({"allow", "strike", "suspend_persona", "restore", "escalate"})
_CHANNEL_ACTS: Final[frozenset[str]] = frozenset({"allow", "restrict_channel", "block_channel", "restore", "escalate"})


async def read_profile(review: Review, persona: str) -> api.Profile:
    """A persona with its strikes and the decisions that met it. Raises Refused `gone`."""
    persona_id = parse_b64(persona, size=16)

    def read(db: Connection) -> api.Profile:
        person = view_person(review, db, persona_id)
        if person is None:
            raise error("gone")
        found = strikes.strikes_of(db, persona_id)
        alive = {each.decision_id for each in counting(found, review.now())}
        return api.Profile(
            person,
            tuple(
                api.Strike(B16(e.decision_id), e.category, e.weight, e.at, e.expires_at, e.decision_id in alive)
                for e in found
            ),
            view_history(review, db, persona_id),
        )

    return await review.db.read(read)


def make_item(review: Review, db: Connection, kind: TargetKind, target: bytes) -> Item:
    """The item of a persona or channel that somebody decides about without one. Raises Refused `gone`."""
    place = review.space.read_place(db, target) if kind == "channel" else None
    if place is None and (kind == "channel" or review.space.read_person(db, target) is None):
        raise error("gone")
    author = target if place is None else bytes(place.owner or b"")
    version = STANDING if kind == "persona" else 0
    which = item_id("senior", kind, target, version)
    return queue.find_item(db, which) or Item(
        id=which,
        queue="senior",
        target_kind=kind,
        target=target,
        version=version,
        channel_id=b"" if place is None else target,
        author=author,
        lang=(place.lang or "und") if place is not None else _find_language(db, target),
        source="strikes",
        reach=place.subscribers if place is not None else 0,
        state=queue.DONE,
        opened_at=review.now(),
    )


def _find_language(db: Connection, persona: bytes) -> str:
    """What the persona wrote in when it was last decided about: reasons are told in that."""
    known = (row.lang for row in decisions.decisions_of(db, persona, n=_LOOKED_AT))
    return next((lang for lang in known if find_language(lang) is not None), "und")


def decide_about(
    review: Review, db: Connection, reviewer: Reviewer, item: Item, request: api.Decide, *, key: bytes
) -> DecisionRow:
    """What stands after a decision about the persona or channel of an item, in the caller's transaction.

    Raises malformed, not-allowed (a senior's), step-up-needed.
    """
    kind, act = item.target_kind, request.action
    if act not in (_PERSONA_ACTS if kind == "persona" else _CHANNEL_ACTS):
        raise error("malformed", "an action for another kind of item")
    if act not in ("allow", "escalate"):
        check_power(reviewer, review.now())
    current = decisions.find_newest(db, kind, item.target, item.version)
    if act == "allow" and current is not None and current.action in RESTRICTING:
        raise error("malformed", "what is restricted is restored")
    if act == "restore" and (current is None or current.action not in RESTRICTING):
        raise error("malformed", "nothing is restricted")
    place = review.space.read_place(db, item.target) if act == "block_channel" else None
    is_big = place is not None and place.subscribers > PAIR_FOLLOWERS
    if is_big and not _is_second(current, reviewer, request, review):
        return _propose(review, db, reviewer, item, request, key)
    # Each strike stands for itself: another one, or a suspension, does not take its place.
    version = review.now() if act == "strike" else item.version
    order = _order(review, reviewer, item, request, key=key, act=act, version=version)
    row = decide_in(review.decisions, db, [order])[0].row
    if act == "escalate":
        _open_senior(db, item, request, review.now(), harm=PAIR_HARM)
    return row


def check_power(reviewer: Reviewer, now: int) -> None:
    """Raises not-allowed for whoever is no senior, step-up-needed where the key was not asked of late."""
    if reviewer.role not in SENIORS:
        raise error("not-allowed")
    if now - reviewer.stepped_up_at > STEP_UP_S:
        raise error("step-up-needed")


def make_key(review: Review, reviewer: Reviewer, target: bytes, request: api.Decide) -> bytes:
    """The key of a decision about a persona or channel without an item."""
    nonce = request.nonce if request.nonce is not None else review.random(16)
    return order_key("review target", target, reviewer.staff_id, bytes(nonce))


def _is_second(current: DecisionRow | None, reviewer: Reviewer, request: api.Decide, review: Review) -> bool:
    """Whether a colleague asked for this very block within a week."""
    return (
        current is not None
        and current.action == "escalate"
        and current.because == PAIR
        and current.category == request.category
        and current.actor != reviewer.staff_id
        and review.now() - current.at <= PAIR_S
    )


def _propose(
    review: Review, db: Connection, reviewer: Reviewer, item: Item, request: api.Decide, key: bytes
) -> DecisionRow:
    """The first of two: noted, and put before seniors."""
    order = _order(review, reviewer, item, request, key=key, act="escalate", version=item.version, because=PAIR)
    row = decide_in(review.decisions, db, [order])[0].row
    _open_senior(db, item, request, review.now(), harm=PAIR_HARM)
    return row


def _open_senior(db: Connection, item: Item, request: api.Decide, now: int, *, harm: int) -> None:
    queue.open_item(
        db,
        Item(
            id=item_id("senior", item.target_kind, item.target, item.version),
            queue="senior",
            target_kind=item.target_kind,
            target=item.target,
            version=item.version,
            channel_id=item.channel_id,
            author=item.author,
            category=request.category or item.category,
            lang=item.lang,
            source=item.source,
            harm=harm,
            reach=item.reach,
            opened_at=now,
        ),
    )


def _order(
    review: Review,
    reviewer: Reviewer,
    item: Item,
    request: api.Decide,
    *,
    key: bytes,
    act: Act,
    version: int,
    because: str = "",
) -> Order:
    source: Source = "notice" if item.source == "notice" else "person"
    says = act in RESTRICTING or act == "escalate"
    return Order(
        key=key,
        target_kind=item.target_kind,
        target=item.target,
        version=version,
        channel_id=item.channel_id,
        author=item.author,
        action=act,
        category=request.category or "" if says else "",
        sub=request.sub if says else "",
        lang=item.lang,
        source=source,
        because=because or item.source,
        actor=reviewer.staff_id,
        policy=review.decisions.policy().ref,
        automated="not",
        hold_until=request.until if act == "suspend_persona" else None,
        note=request.note,
    )
