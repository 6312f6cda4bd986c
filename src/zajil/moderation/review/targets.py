"""Decisions about a persona, a channel or a cluster by its own address, without an item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection

from zajil.moderation.decide.confirm import FindPost, Kept, choose_text, keep_shown, kept_of, parse_name
from zajil.moderation.decide.decide import decide_in
from zajil.moderation.decide.orders import Order, order_key
from zajil.moderation.decide.reach import read_copies, sort_copies
from zajil.moderation.review.aftermath import PAIR
from zajil.moderation.review.context import Review, Reviewer
from zajil.moderation.review.items import check_item
from zajil.moderation.review.judging import carry_out, check_words, find_source, view_decided
from zajil.moderation.review.persons import decide_about, make_item, make_key
from zajil.moderation.review.previews import name_preview
from zajil.moderation.store import claims, decisions, matches, queue
from zajil.moderation.store.decisions import DecisionRow, TargetKind
from zajil.moderation.store.matches import ClusterRow, MemberRow
from zajil.moderation.store.queue import item_id
from zajil.protocol.control import B16, B32
from zajil.protocol.errors import error
from zajil.protocol.ids import parse_b64
from zajil.protocol.public.posts import PublicPost
from zajil.protocol.review import api

EXAMPLES: Final = 5
COPIES_MAX: Final = 10_000
LOOKED_AT: Final = 200
"""Copies whose own items are looked for."""
_EXCERPT: Final = 500
_ACTIONS: Final[tuple[api.ClusterAction, ...]] = ("remove_cluster", "allow_cluster")


async def decide_target(
    review: Review, reviewer: Reviewer, kind: TargetKind, target: str, request: api.Decide
) -> api.Decided:
    """What stands after a decision about a persona or a channel. Raises gone, malformed, item-claimed."""
    which = parse_b64(target, size=16)
    key = make_key(review, reviewer, which, request)
    check_words(request)

    def write(db: Connection) -> DecisionRow:
        stored = decisions.find_by_key(db, key)
        if stored is not None:
            return stored
        item = make_item(review, db, kind, which)
        if item.state == queue.OPEN and item.claimed_until > review.now() and item.claimed_by != reviewer.staff_id:
            raise error("item-claimed")
        return decide_about(review, db, reviewer, item, request, key=key)

    row = await review.db.write(write)
    await carry_out(review)
    view = view_decided(row, undo=False)
    if row.because == PAIR and row.action == "escalate":
        return api.Decided(view.decision_id, view.action, view.category, view.at, waits_for_second=True)
    return view


async def read_cluster(review: Review, reviewer: Reviewer, cluster: str) -> api.Cluster:
    """What a decision about this cluster would meet. Raises Refused `gone`."""

    def read(db: Connection) -> api.Cluster:
        known, copies = _find(db, reviewer, cluster)
        find_post = _find_once(review.decisions.find_post)
        shown = choose_text(db, known, find_post) or kept_of(known)
        if shown is None:
            raise error("gone")
        read = read_copies(db, copies, find_post)
        removal, allowance = (sort_copies(action, shown.shape, read) for action in _ACTIONS)
        removed = removal.copies
        return api.Cluster(
            cluster_id=known.id,
            state=known.state,
            campaign=bool(known.campaign),
            copies=len(removed),
            personas=len({each.author for each in removed}),
            channels=len({each.channel_id for each in removed}),
            preview_hash=B32(review.previews.add(known, shown)),
            allowed=len(allowance.copies),
            others=len(removal.near) + len(removal.far),
            examples=_view_examples(review, db, removed),
            category=known.category,
        )

    return await review.db.read(read)


def _find_once(find_post: FindPost) -> FindPost:
    """The same within one transaction, which reads no post twice: finding one is most of the work of a preview."""
    known: dict[tuple[bytes, int], PublicPost | None] = {}

    def find(db: Connection, target: bytes, version: int) -> PublicPost | None:
        if (target, version) not in known:
            known[target, version] = find_post(db, target, version)
        return known[target, version]

    return find


def _view_examples(review: Review, db: Connection, copies: Sequence[MemberRow]) -> tuple[api.ContextPost, ...]:
    examples = []
    for each in copies[:EXAMPLES]:
        subject = review.space.read_subject(db, each.target, each.version)
        person = review.space.read_person(db, each.author)
        if subject is not None:
            handle = person.handle if person is not None else ""
            examples.append(
                api.ContextPost(B16(each.target), handle, subject.state, subject.text[:_EXCERPT], subject.at)
            )
    return tuple(examples)


async def decide_cluster(review: Review, reviewer: Reviewer, cluster: str, request: api.DecideCluster) -> api.Decided:
    """What stands after a decision about every copy of the text that was shown, those to come too.

    A campaign that goes on does not hold it up: whatever joined since the preview is met by the same rules, also where
    every post of that text is deleted meanwhile. Raises gone, preview-changed (it was judged since, or nobody knows any
    more what was shown), item-claimed, malformed.
    """
    check_words(request)
    nonce = request.nonce if request.nonce is not None else review.random(16)
    key = order_key("review cluster", cluster, reviewer.staff_id, bytes(nonce))

    def write(db: Connection) -> DecisionRow:
        known, copies = _find(db, reviewer, cluster)
        stored = decisions.find_by_key(db, key)
        if stored is not None:
            return stored
        target, version = parse_name(known.id)
        item = queue.find_item(db, item_id("main", "cluster", target, version))
        if item is not None:
            held = item.state == queue.OPEN and item.claimed_until > review.now()
            if held and item.claimed_by not in (None, reviewer.staff_id):
                raise error("item-claimed")
        shown = _find_shown(review, db, known, request.preview_hash)
        if shown is None:
            raise error("preview-changed", detail={"copies": len(copies)})
        keep_shown(db, known, shown)
        removes = request.action == "remove_cluster"
        order = Order(
            key=key,
            target_kind="cluster",
            target=target,
            version=version,
            action=request.action,
            category=request.category or "" if removes else "",
            sub=request.sub if removes else "",
            lang=copies[0].lang if copies else "und",
            source=find_source(item),
            because="campaign" if known.campaign else "cluster",
            actor=reviewer.staff_id,
            policy=review.decisions.policy().ref,
            automated="not",
            note=request.note,
        )
        row = decide_in(review.decisions, db, [order])[0].row
        if item is not None:
            claims.close_one(db, item.id, decision_id=row.id, now=review.now())
        return row

    row = await review.db.write(write)
    await carry_out(review)
    followed = await review.db.read(lambda db: len(decisions.current_on(db, row.id, n=COPIES_MAX)))
    return view_decided(row, copies=followed)


def _find_shown(review: Review, db: Connection, known: ClusterRow, preview: bytes) -> Kept | None:
    """What the preview of this name showed: as it is remembered, or as it would be shown again."""
    shown = review.previews.find(known, preview)
    if shown is None:
        again = choose_text(db, known, review.decisions.find_post) or kept_of(known)
        if again is not None and name_preview(known, again) == preview:
            shown = again
    return shown


def _find(db: Connection, reviewer: Reviewer, cluster: str) -> tuple[ClusterRow, list[MemberRow]]:
    if len(cluster) > 64 or not cluster.isascii():
        raise error("gone")
    known = matches.find_cluster(db, cluster)
    if known is None:
        raise error("gone")
    copies = matches.members(db, known.id, n=COPIES_MAX)
    spoken = {each.lang for each in copies}
    if reviewer.role == "reviewer" and reviewer.languages and spoken.isdisjoint(reviewer.languages):
        raise error("gone")
    _check_category(db, reviewer, known, copies)
    return known, copies


def _check_category(db: Connection, reviewer: Reviewer, known: ClusterRow, copies: list[MemberRow]) -> None:
    """Raises Refused `gone` where neither the cluster nor any copy of it is in a queue of this member's.

    Without an item nobody named what the copies are, so a member with categories comes only by what is theirs.
    """
    item = queue.find_item(db, item_id("main", "cluster", *parse_name(known.id)))
    if item is not None:
        check_item(reviewer, item)
        return
    if reviewer.role != "reviewer" or not reviewer.categories or known.category in reviewer.categories:
        return
    for each in copies[:LOOKED_AT]:
        asked = queue.find_item(db, item_id("main", "post", each.target, each.version))
        if asked is not None and asked.category in reviewer.categories:
            return
    raise error("gone")
