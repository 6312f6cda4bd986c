"""What is stored of a batch: verdicts, decisions, queue, copies and counts, in one transaction.

What the public space is to be told is made here; the worker has it carried out in the same transaction. An `allow` is a
verdict and no decision, unless it ends one.
"""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection

from zajil.engine.sql.dialects import upsert
from zajil.moderation.authors import ESTABLISHED
from zajil.moderation.categories import CATEGORIES, find_category
from zajil.moderation.decide import edits
from zajil.moderation.decide.confirm import parse_name
from zajil.moderation.decide.decide import Decisions, decide_in
from zajil.moderation.decide.keys import decision_key
from zajil.moderation.decide.orders import About, Order, order_key, post_decision
from zajil.moderation.pipeline.judging import Judged
from zajil.moderation.pipeline.matcher import member_row
from zajil.moderation.policy.actions import ALLOW
from zajil.moderation.policy.schema import Policy
from zajil.moderation.signals import parse_verdict
from zajil.moderation.store import decisions, matches, people, queue, verdicts
from zajil.moderation.store.decisions import Act, DecisionRow
from zajil.moderation.store.matches import ClusterRow
from zajil.moderation.store.queue import Asker, Item, item_id
from zajil.moderation.store.verdicts import VerdictRow
from zajil.protocol.public.posts import PostDecision, PublicPost

ACTED_SAMPLE: Final = 0.02
"""Share of automatic actions that are judged blind."""
HARM: Final = {
    "violence_incitement": 900,
    "self_harm": 800,
    "fraud": 700,
    "hate": 600,
    "harassment": 500,
    "sexual": 400,
    "spam": 300,
}
_RESTRICTING: Final = frozenset({"label", "limit", "hold", "remove"})


class Sampler:
    """Draws posts for blind judgement: evenly, the same at every try, and not to be foreseen without the key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def draws(self, what: str, target: bytes, version: int, share: float) -> bool:
        """Whether this version is drawn. share: 0 to 1."""
        digest = hmac.digest(self._key, f"zajil audit sample v1 {what} {version} ".encode() + target, "sha256")
        return int.from_bytes(digest[:8], "big") < share * 2**64


def stored_answer(db: Connection, row: VerdictRow) -> PostDecision:
    """What was decided about a version that comes once more: nothing is judged twice."""
    # A later version may be held for what an earlier one was, whatever the programs found.
    if row.effect != "allow" or row.version > 1:
        newest = decisions.find_newest(db, "post", row.target, row.version)
        decided = post_decision(newest) if newest is not None else None
        if decided is not None:
            return decided
    return _allow(decision_key(parse_verdict(row.signals), ALLOW), row.target, row.version, row.at)


def store_batch(
    moderation: Decisions, db: Connection, batch: Sequence[Judged], *, policy: Policy, sampler: Sampler, now: int
) -> list[PostDecision]:
    """Store what was found about these versions; what the public space is to be told, in order."""
    versions = [(each.post.post_id, each.post.version) for each in batch]
    judged_before = verdicts.known_versions(db, versions)
    orders: dict[int, Order] = {}
    for number, each in enumerate(batch):
        # A later version may be held for people before it is first judged.
        edited = each.post.version > 1
        held = edits.hold_on(db, each.post.post_id, each.post.version) if edited else None
        ends = (edited or versions[number] in judged_before) and _ends_something(db, each.post)
        if held is not None:
            orders[number] = held
        elif each.action.effect != "allow" or ends:
            orders[number] = _order(each, now)
    made = dict(zip(orders, decide_in(moderation, db, list(orders.values())), strict=True))
    answers: list[PostDecision] = []
    counts: Counter[tuple[str, str]] = Counter()
    asked: list[Item] = []
    for number, each in enumerate(batch):
        decided = made.get(number)
        row = decided.row if decided is not None else None
        told = post_decision(row) if row is not None else None
        if told is None:
            told = _allow(decision_key(each.verdict, each.action), each.post.post_id, each.post.version, now)
        answers.append(told)
        if versions[number] not in judged_before:
            counts[each.verdict.lang, each.action.effect] += 1
        if decided is not None and decided.fresh and decided.row.waits_for_person:
            edits.ask(db, orders[number], name="main", reach=each.post.subscribers, now=now)
        elif decided is not None and decided.fresh and each.action.queue:
            asked.append(_make_item(each, now))
        _sample(db, each, row if decided is not None and decided.fresh else None, policy, sampler, now)
    queue.open_all(db, asked)
    verdicts.put_verdicts(db, [_verdict_row(each, now) for each in batch])
    others = [
        (digest, *name) for each, name in zip(batch, versions, strict=True) for digest in each.reading.other_digests
    ]
    verdicts.put_readings(db, others, now=now)
    verdicts.count_judged(db, counts, now=now)
    _store_clusters(db, batch, now)
    return answers


def _allow(key: bytes, target: bytes, version: int, at: int) -> PostDecision:
    return PostDecision(decision_id=key[:16], post_id=target, version=version, effect="allow", at=at)


def _ends_something(db: Connection, post: PublicPost) -> bool:
    """Whether a program's decision restricts this version, which is found to be harmless now."""
    newest = decisions.find_newest(db, "post", post.post_id, post.version)
    return newest is not None and not newest.is_human and newest.action in _RESTRICTING


def _order(each: Judged, now: int) -> Order:
    action, post = each.action, each.post
    key = decision_key(each.verdict, action)
    return Order(
        key=key,
        target=post.post_id,
        version=post.version,
        channel_id=post.channel_id,
        author=post.author,
        action=action.effect,
        category=action.category,
        sub=action.sub,
        lang=each.verdict.lang,
        source=action.source,
        because=each.because,
        policy=each.verdict.policy,
        model=each.verdict.model,
        scores={name: round(score, 4) for name, score in each.reading.named_scores.items()},
        basis=each.basis,
        automated="fully",
        hold_until=now + action.hold_s if action.hold_s is not None else None,
        about=About(posted_at=post.created_at, channel=post.channel_handle, language=post.lang or post.channel_lang),
    )


def _verdict_row(each: Judged, now: int) -> VerdictRow:
    return verdicts.make_row(
        each.verdict,
        each.author,
        channel_id=each.post.channel_id,
        effect=each.action.effect,
        digest=each.reading.digest,
        signature=each.reading.signature,
        now=now,
    )


def find_harm(category: str, scores: Sequence[float]) -> int:
    """Expected harm of a category, 0 to 1000: how grave it is, and then how likely."""
    likely = scores[CATEGORIES.index(known)] if (known := find_category(category)) is not None else 0.0
    return min(1000, HARM.get(category, 200) + round(100 * likely))


def _make_item(each: Judged, now: int) -> Item:
    """What a person is asked: about the post, or about all copies where it is one of a campaign."""
    action, post, joined = each.action, each.post, each.matched.joined
    name: queue.Queue = "escalate" if action.escalate else "main"
    asker: Asker = "rule" if action.source == "none" else action.source
    found = Item(
        id=item_id(name, "post", post.post_id, post.version),
        queue=name,
        target_kind="post",
        target=post.post_id,
        version=post.version,
        cluster_id=joined.id if joined is not None else None,
        channel_id=post.channel_id,
        author=post.author,
        category=action.category,
        sub=action.sub,
        lang=each.verdict.lang,
        source=asker,
        effect=action.effect,
        harm=find_harm(action.category, each.reading.scores),
        reach=post.subscribers,
        opened_at=now,
    )
    if joined is not None and joined.is_campaign and joined.judged is None:
        target, version = parse_name(joined.id)
        found = msgspec.structs.replace(
            found,
            id=item_id("main", "cluster", target, version),
            queue="main",
            target_kind="cluster",
            target=target,
            version=version,
            source="campaign",
            reach=joined.copies,
        )
    return found


def _sample(db: Connection, each: Judged, row: DecisionRow | None, policy: Policy, sampler: Sampler, now: int) -> None:
    """Draw for the audit: 0.1 % of what is allowed, 2 % of what a program did."""
    post, effect = each.post, each.action.effect
    acted = effect in _RESTRICTING
    kind, share = ("acted", ACTED_SAMPLE) if acted else ("allowed", policy.defaults.audit_sample)
    if effect == "review" or (acted and row is None) or not sampler.draws(kind, post.post_id, post.version, share):
        return
    values = {
        "target": post.post_id,
        "version": post.version,
        "kind": kind,
        "decision_id": row.id if row is not None else None,
        "category": each.action.category,
        "lang": each.verdict.lang,
        "at": now,
        "judged_by": None,
        "judgement": "",
        "judged_at": None,
    }
    if not db.execute(upsert(people.sample).on_conflict_do_nothing(), values).rowcount:
        return
    queue.open_item(
        db,
        Item(
            id=item_id("audit", "post", post.post_id, post.version),
            queue="audit",
            target_kind="post",
            target=post.post_id,
            version=post.version,
            channel_id=post.channel_id,
            author=post.author,
            lang=each.verdict.lang,
            source="sample",
            opened_at=now,
        ),
    )


def _store_clusters(db: Connection, batch: Sequence[Judged], now: int) -> None:
    rows = []
    newest: dict[str, Judged] = {}
    for each in batch:
        joined = each.matched.joined
        if joined is None:
            continue
        newest[joined.id] = each
        settled, lang = joined.judged is not None, each.verdict.lang
        rows += [member_row(joined.id, copy, lang=lang, settled=settled) for copy in {joined.first, joined.own}]
    matches.add_members(db, rows)
    clusters = []
    for name, each in newest.items():
        joined = each.matched.joined
        if joined is not None:
            clusters.append(
                ClusterRow(
                    id=name,
                    state="open",
                    campaign=int(joined.is_campaign),
                    category="",
                    sub="",
                    decision_id=None,
                    copies=joined.copies,
                    length=0,
                    signature=None,
                    grams=None,
                    entities=None,
                    at=now,
                )
            )
    matches.note_clusters(db, clusters)


def end_hold(db: Connection, target: bytes, version: int) -> Order | None:
    """A hold that nobody judged in time becomes a limit; None where something else is in force."""
    current = decisions.find_newest(db, "post", target, version)
    if current is None or current.action != "hold":
        return None
    return Order(
        key=order_key("hold over", target, version, current.id),
        target=target,
        version=version,
        channel_id=current.channel_id,
        author=current.author,
        action="limit",
        category=current.category,
        sub=current.sub,
        lang=current.lang,
        source="clock",
        because=current.because,
        policy=current.policy,
        model=current.model,
        basis=current.basis,
        automated="fully",
    )


def give_up(post: PublicPost, *, now: int) -> tuple[Order, Item]:
    """What becomes of a version that cannot be judged: held unless its author is established, and a person's work."""
    action: Act = "review" if post.trust >= ESTABLISHED else "hold"
    order = Order(
        key=order_key("unreadable", post.post_id, post.version),
        target=post.post_id,
        version=post.version,
        channel_id=post.channel_id,
        author=post.author,
        action=action,
        source="none",
        because="error",
        automated="fully",
    )
    item = Item(
        id=item_id("error", "post", post.post_id, post.version),
        queue="error",
        target_kind="post",
        target=post.post_id,
        version=post.version,
        channel_id=post.channel_id,
        author=post.author,
        source="error",
        effect=action,
        harm=500,
        reach=post.subscribers,
        opened_at=now,
    )
    return order, item
