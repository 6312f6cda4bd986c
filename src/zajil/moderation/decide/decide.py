"""The one verb that decides: append-only, once by its key, logged in the same transaction, then carried out.

Life of a decision: an `Order` -> `decide_in`: the stored one of its key, or the person's that outranks it, or a new
row with its log entry and, where a post has to change, a row in `handover` -> COMMIT -> `hand_over` gives it to the
public space and drops that row. A server that dies between the two hands over when it starts again; the public space
carries a decision out once by its id. Nothing is ever changed: a reversal is another decision with `supersedes`.

What a channel's own moderator does stands beside what staff or a program restricted, never in its place: it supersedes
nothing of theirs, closes no item, and ends no notice. A reviewer who finds nothing against a post that its channel
removed leaves it removed; only `restore` shows it again.

A person's removal of a post teaches its text: copies that come later meet it in the pipeline, earlier ones are judged
anew, and a judgement of a cluster is carried to each copy (`spread`). A person's reversal takes all of that back. What
a decision means for a text that was edited since is in `review/newer.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import msgspec
from sqlalchemy import Connection

from zajil.engine.sql.database import Database
from zajil.moderation.audit.entries import SALT_BYTES, hash_record, make_pseudonym
from zajil.moderation.audit.log import Draft
from zajil.moderation.decide import confirm, spread
from zajil.moderation.decide.confirm import FindPost, Requeue
from zajil.moderation.decide.orders import (
    KEY_BYTES,
    About,
    Decided,
    Order,
    encode_record,
    make_row,
    order_key,
    post_decision,
)
from zajil.moderation.decide.statements import state_reasons
from zajil.moderation.policy.schema import Policy
from zajil.moderation.store import decisions, queue
from zajil.moderation.store.decisions import EDIT, DecisionRow
from zajil.moderation.store.log import LogBatch, SQLAuditRows
from zajil.protocol.errors import error
from zajil.protocol.public.posts import PostDecision

_LOG = logging.getLogger(__name__)
Apply = Callable[[Sequence[PostDecision]], Awaitable[object]]
CarryOut = Callable[[DecisionRow], Awaitable[None]]
Also = Callable[[Connection, Sequence[Decided]], None]
Settle: TypeAlias = Callable[["Decisions", Connection, Sequence[DecisionRow]], None]
HANDED_AT_ONCE: Final = 500
_CLUSTER_ACTS: Final = frozenset({"remove_cluster", "allow_cluster"})
_RESTORING: Final = frozenset({"restore", "allow"})
_TEACHING: Final = frozenset({"remove"})
_UNDECIDED: Final = frozenset({"review", "escalate"})
_LENIENT: Final = _RESTORING | _UNDECIDED


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """Where decisions are made. One per process; several processes on one database do no harm.

    clock: Unix seconds. random: so many random bytes. pseudonym_key: of this log, 32 bytes. policy: the active one.
    find_post, requeue: of the public space, inside the caller's transaction. apply: carries out decisions about posts,
    once by their ids. carry_out: by kind of target, what carries out the others, also once by their ids. woken: called
    after COMMIT where posts wait to be judged anew. settle: what follows for people from new decisions, in their
    transaction.
    """

    db: Database
    clock: Callable[[], float]
    random: Callable[[int], bytes] = field(repr=False)
    pseudonym_key: bytes = field(repr=False)
    policy: Callable[[], Policy]
    find_post: FindPost
    requeue: Requeue
    apply: Apply
    woken: Callable[[], None]
    carry_out: dict[str, CarryOut] = field(default_factory=dict)
    settle: Settle = field(default=lambda _moderation, _db, _rows: None)
    handing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def now(self) -> int:
        """Unix seconds."""
        return int(self.clock())


def decide_in(moderation: Decisions, db: Connection, orders: Sequence[Order]) -> list[Decided]:
    """What stands after each order, in their order, inside the caller's transaction; see `decide`.

    The caller calls `hand_over` after COMMIT. Raises LocalProtocolError for an order that cannot be meant.
    """
    now = moderation.now()
    made: list[Decided] = []
    if not orders:
        return made
    entries = LogBatch(SQLAuditRows(db, now=now), now=now)
    newest = decisions.find_all_newest(db, [order.target for order in orders])
    by_key = decisions.find_by_keys(db, [order.key for order in orders])
    handed: list[bytes] = []
    for order in orders:
        if len(order.key) != KEY_BYTES or (order.action in _CLUSTER_ACTS) != (order.target_kind == "cluster"):
            raise error("wrong-call", "a key of another size, or an action for another kind of target")
        current = newest.get((order.target_kind, order.target, order.version))
        stored = by_key.get(order.key)
        if stored is not None and _is_anew(order, stored, current):
            order = msgspec.structs.replace(order, key=order_key("anew", stored.key, current.id if current else b""))
            stored = by_key.get(order.key) or decisions.find_by_key(db, order.key)
        if stored is None and current is not None and not order.actor and _outranks_programs(current, order):
            stored = current
        if stored is not None:
            made.append(Decided(stored, fresh=False))
            continue
        beside = current is not None and _stands_beside(order, current)
        ended = None if beside else current
        row = _insert(moderation, db, order, ended, entries)
        # The next order may be about the same.
        by_key[row.key] = row
        if not (beside and row.source == "channel"):
            newest[row.target_kind, row.target, row.version] = row
        if not beside and _is_handed_over(moderation, row):
            handed.append(row.id)
        _follow_up(moderation, db, row, ended, now)
        made.append(Decided(row, fresh=True))
    decisions.insert_handovers(db, handed)
    entries.write()
    fresh = [each.row for each in made if each.fresh]
    if fresh:
        moderation.settle(moderation, db, fresh)
    return made


def _stands_beside(order: Order, current: DecisionRow) -> bool:
    """Whether an order ends nothing of what is in force: a channel's word, and a word that leaves the channel its own.

    A channel's moderator would else take back strikes, appeals and lessons of a removal by removing once more.
    """
    if order.source == "channel":
        return current.source != "channel" and current.action not in _LENIENT
    return current.source == "channel" and current.action == "remove" and bool(order.actor) and order.action == "allow"


def _outranks_programs(current: DecisionRow, order: Order) -> bool:
    """Whether what is in force stands, whatever a program says: a person decided it, or has to look first."""
    return current.is_human or (current.waits_for_person and order.source != EDIT)


def _is_handed_over(moderation: Decisions, row: DecisionRow) -> bool:
    """Whether somebody else has to carry it out. A channel's own moderator has, inside the same transaction."""
    return row.source != "channel" and (post_decision(row) is not None or row.target_kind in moderation.carry_out)


def _is_anew(order: Order, stored: DecisionRow, current: DecisionRow | None) -> bool:
    """Whether a program comes back to what it decided before another program's decision took that back."""
    if order.actor or current is None or current.is_human:
        return False
    return current.id != stored.id and current.source != "clock"


async def decide(moderation: Decisions, orders: Sequence[Order], *, also: Also | None = None) -> list[Decided]:
    """What stands after each order: a new decision, the stored one of the same key, or a person's that outranks it.

    also: more to write in the same transaction. Carried out before it returns, copies of a cluster included. Raises
    what `also` raises, and then nothing was decided.
    """

    def write(db: Connection) -> list[Decided]:
        made = decide_in(moderation, db, orders)
        if also is not None:
            also(db, made)
        return made

    made = await moderation.db.write(write)
    await hand_over(moderation)
    moderation.woken()
    await spread_all(moderation)
    return made


async def hand_over(moderation: Decisions) -> int:
    """Have everything carried out that is decided and was not yet; how many. Called after decisions and at start."""
    count = 0
    async with moderation.handing:
        while rows := await moderation.db.read(lambda db: decisions.waiting_handovers(db, HANDED_AT_ONCE)):
            posts = [each for row in rows if (each := post_decision(row)) is not None]
            if posts:
                await moderation.apply(posts)
            done = [each.decision_id for each in posts]
            done += [row.id for row in rows if await _carry_out(moderation, row)]
            await moderation.db.write(lambda db, done=done: decisions.delete_handovers(db, done))  # type: ignore[misc]
            count += len(done)
            if len(done) < len(rows):
                return count
    return count


async def _carry_out(moderation: Decisions, row: DecisionRow) -> bool:
    """Whether a decision that is not about a post is carried out; another process may be the one that can."""
    carry_out = moderation.carry_out.get(row.target_kind)
    if carry_out is None:
        return False
    try:
        await carry_out(row)
    except Exception as bug:  # noqa: BLE001  # one decision that cannot be carried out must not hold up the others
        _LOG.error("a decision about a %s could not be carried out", row.target_kind, exc_info=bug)
        return False
    return True


async def spread_all(moderation: Decisions) -> int:
    """Carry judgements to every copy they are about; how many copies. Called after each decision and at start."""

    def write(db: Connection) -> int:
        orders, finish = spread.next_orders(db, moderation.find_post, moderation.requeue)
        decide_in(moderation, db, orders)
        finish(db)
        return len(orders)

    count = 0
    while await moderation.db.read(decisions.find_spread) is not None:
        moved = await moderation.db.write(write)
        count += moved
        if moved:
            await hand_over(moderation)
            moderation.woken()
    return count


def _insert(
    moderation: Decisions, db: Connection, order: Order, current: DecisionRow | None, entries: LogBatch
) -> DecisionRow:
    now = moderation.now()
    about = order.about
    if about is None and order.target_kind == "post":
        post = moderation.find_post(db, order.target, order.version)
        about = About(posted_at=post.created_at, channel=post.channel_handle, language=post.lang) if post else None
    sor = state_reasons(order, about or About(posted_at=now, channel=""), moderation.policy(), at=now)
    supersedes = current.id if current is not None else None
    row = make_row(order, supersedes=supersedes, sor=sor, salt=moderation.random(SALT_BYTES), at=now)
    draft = Draft(
        kind="appeal" if order.source == "appeal" else "decision",
        decision_hash=hash_record(row.salt, encode_record(row)),
        policy=row.policy,
        model=row.model,
        actor_pseudonym=make_pseudonym(moderation.pseudonym_key, row.actor) if row.actor else b"",
    )
    row = msgspec.structs.replace(row, entry=entries.add(draft))
    return msgspec.structs.replace(row, seq=decisions.insert_decision(db, row))


def _follow_up(moderation: Decisions, db: Connection, row: DecisionRow, current: DecisionRow | None, now: int) -> None:
    """What else changes with a decision: the queue, and what is known of copies."""
    if (
        row.source not in ("channel", EDIT)
        and row.action not in _UNDECIDED
        and (row.is_human or row.action in ("remove", "restore"))
    ):
        queue.close_items(db, row.target, row.version, row.id, now=now)
    if row.target_kind == "cluster":
        spread.judge_cluster(db, row, current, moderation.find_post, moderation.requeue, now=now)
    elif row.target_kind == "post" and row.is_human and row.source != "channel" and row.basis is None:
        if row.action in _TEACHING:
            post = moderation.find_post(db, row.target, row.version)
            if post is not None:
                digests = confirm.confirm_text(db, post, row)
                confirm.requeue_copies(db, row, digests, moderation.requeue)
        elif row.action not in _UNDECIDED and current is not None:
            _take_back(db, row, current, now)


def _take_back(db: Connection, row: DecisionRow, current: DecisionRow, now: int) -> None:
    """A person takes back, or softens, what was done: what that had taught is forgotten, what followed restored."""
    taught = confirm.revoke(db, current, now=now)
    if taught or (row.action in _RESTORING and confirm.count_reversal(db, current, now=now) is not None):
        decisions.insert_spread(db, row.id, now=now)
