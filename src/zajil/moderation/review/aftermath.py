"""What follows from every decision, inside its own transaction: strikes, standing, outcomes of notices, who is told.

    a person removes a post       strike by the policy's weight, once for each judgement; notices had their outcome
    a decision gives way          its strike is taken back, notices on it are told the new outcome, an appeal against
                                  it goes on against what restricts now
    a persona or channel          stands as the newest decision says
    a post that was edited since  what others see of it now is held until people look (`newer.py`)
    who wrote it                  is told, where something was restricted or given back

All of it is computed from stored rows, so a reversal puts back what the decision had taken. Nobody is told who decided
or who complained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from zajil.moderation.categories import find_category
from zajil.moderation.decide.decide import Decisions, decide_in
from zajil.moderation.decide.orders import Order, order_key
from zajil.moderation.reports import weights
from zajil.moderation.review import newer
from zajil.moderation.review.standing import (
    REPORTING,
    STANDING,
    STRIKE_LIFE_S,
    count_points,
    crossed,
    read_standing,
    reports_muted_until,
)
from zajil.moderation.review.view import SpaceView
from zajil.moderation.store import appeals, claims, decisions, notices, queue, strikes
from zajil.moderation.store.decisions import Act, DecisionRow
from zajil.moderation.store.notices import NoticeRow
from zajil.moderation.store.queue import Item, item_id
from zajil.moderation.store.strikes import StrikeRow
from zajil.protocol.ids import encode_b64
from zajil.protocol.public.posts import ChannelStanding

RESTRICTING: Final[frozenset[Act]] = frozenset(
    {
        "label",
        "limit",
        "hold",
        "remove",
        "slow_mode",
        "mute",
        "strike",
        "restrict_channel",
        "block_channel",
        "suspend_persona",
    }
)
UNDECIDED: Final[frozenset[Act]] = frozenset({"review", "escalate"})
UNDONE: Final = "undo"
"""`because` of a decision that only puts back what was in force before."""
MUTED: Final = "reports.precision"
PAIR: Final = "second person"
"""`because` of a decision that waits for a second person."""
SENIOR_HARM: Final = {6: 600, 9: 900}


@dataclass(frozen=True, kw_only=True)
class Aftermath:
    """Called by `decide_in` with what it made. space: the public space, as callables."""

    space: SpaceView

    def settle(self, moderation: Decisions, db: Connection, rows: Sequence[DecisionRow]) -> None:
        """See the module."""
        for row in rows:
            old = decisions.find_decision(db, row.supersedes) if row.supersedes is not None else None
            if row.target_kind == "cluster" or row.action in UNDECIDED:
                continue
            self._strike(moderation, db, row, old)
            self._stand(moderation, db, row)
            self._tell_reporters(moderation, db, row, old)
            self._carry_appeal(db, row, old)
            self._tell_author(db, row, old)
            self._follow_versions(moderation, db, row)

    def _follow_versions(self, moderation: Decisions, db: Connection, row: DecisionRow) -> None:
        if row.target_kind != "post" or not row.is_human or row.source == "channel":
            return
        if not decisions.is_current(db, row.id):
            return
        if row.action in newer.HIDING and row.because != UNDONE:
            newer.hold_newer(moderation, db, self.space, row)
        elif row.supersedes is not None:
            newer.lift_newer(moderation, db, row)

    def _strike(self, moderation: Decisions, db: Connection, row: DecisionRow, old: DecisionRow | None) -> None:
        now = moderation.now()
        relieved = strikes.revoke_strike(db, old.id, now=now) if old is not None else None
        if is_striking(row):
            # Confirmed, a strike goes on from when it was given: an appeal must not make it last longer.
            self._add_strike(moderation, db, row, since=relieved.at if relieved is not None else now)
        if relieved is not None:
            self.renew(moderation, db, relieved.persona)

    def _add_strike(self, moderation: Decisions, db: Connection, row: DecisionRow, *, since: int) -> None:
        """A strike for what this decision is about, once for each judgement and persona, by the policy's weight."""
        now, category = moderation.now(), find_category(row.category)
        weight = moderation.policy().categories[category].strike if category is not None else 0
        if not weight or not row.author or strikes.has_strike_on(db, row.author, row.basis or row.id):
            return
        before = count_points(strikes.strikes_of(db, row.author), now)
        added = StrikeRow(row.id, row.author, row.category, weight, since, since + STRIKE_LIFE_S, None)
        if strikes.add_strike(db, added):
            self.renew(moderation, db, row.author)
            points = crossed(before, before + weight)
            if points is not None and since == now:
                self._ask_senior(moderation, db, row, points)

    def renew(self, moderation: Decisions, db: Connection, persona: bytes) -> None:
        """Let the persona stand as its strikes and the newest decision say."""
        now = moderation.now()
        self.space.set_standing(db, read_standing(db, persona, now=now))
        if count_points(strikes.strikes_of(db, persona), now) < min(SENIOR_HARM):
            claims.close_one(db, item_id("senior", "persona", persona, STANDING), decision_id=None, now=now)

    def _ask_senior(self, moderation: Decisions, db: Connection, row: DecisionRow, points: int) -> None:
        queue.open_item(
            db,
            Item(
                id=item_id("senior", "persona", row.author, STANDING),
                queue="senior",
                target_kind="persona",
                target=row.author,
                version=STANDING,
                author=row.author,
                category=row.category,
                lang=row.lang,
                source="strikes",
                harm=SENIOR_HARM[points],
                opened_at=moderation.now(),
            ),
        )

    def _stand(self, moderation: Decisions, db: Connection, row: DecisionRow) -> None:
        if row.source == "channel":
            return
        if row.target_kind == "persona" and row.version == STANDING:
            self.renew(moderation, db, row.target)
        elif row.target_kind == "channel":
            standing = ChannelStanding(channel_id=row.target, state="open")
            if row.action == "restrict_channel":
                standing = ChannelStanding(channel_id=row.target, state="restricted", category=row.category)
            elif row.action == "block_channel":
                standing = ChannelStanding(channel_id=row.target, state="blocked", category=row.category)
            self.space.set_channel(db, standing)

    def _tell_reporters(self, moderation: Decisions, db: Connection, row: DecisionRow, old: DecisionRow | None) -> None:
        now, acted = moderation.now(), row.action in RESTRICTING
        told: list[NoticeRow] = []
        # A channel's word ends nobody's notice: it is the reviewers who were asked.
        if row.source != "channel" and (row.is_human or row.action == "remove"):
            state = "acted" if acted else "declined"
            closed = notices.close(db, row.target, row.version, state=state, decision_id=row.id, now=now)
            told += closed
            for reporter in dict.fromkeys(each.reporter for each in closed):
                self._judge_reporter(moderation, db, reporter)
        if old is not None:
            changed = acted != (old.action in RESTRICTING)
            state = "acted" if acted else "reversed"
            moved = notices.reopen_outcome(db, old.id, state=state, decision_id=row.id, now=now)
            told += moved if changed else []
        for each in told:
            self.space.tell(db, each.reporter, "report.updated", encode_b64(each.id))

    def _judge_reporter(self, moderation: Decisions, db: Connection, reporter: bytes) -> None:
        """Reports of somebody who was nearly always wrong count nothing for 30 days; they are told, and may appeal."""
        now = moderation.now()
        if reports_muted_until(db, reporter, now=now):
            return
        newest = decisions.find_newest(db, "persona", reporter, REPORTING)
        since = 0 if newest is None else (newest.hold_until or newest.at) if newest.action == "mute" else newest.at
        if not weights.is_abusive(notices.read_record(db, reporter, since=since)):
            return
        order = Order(
            key=order_key("reports", reporter, now),
            target_kind="persona",
            target=reporter,
            version=REPORTING,
            author=reporter,
            action="mute",
            source="rule",
            because=MUTED,
            policy=moderation.policy().ref,
            automated="fully",
            hold_until=now + weights.MUTED_S,
        )
        decide_in(moderation, db, [order])

    def _carry_appeal(self, db: Connection, row: DecisionRow, old: DecisionRow | None) -> None:
        """An appeal against what gave way to another restriction is against that one from now on."""
        if old is None or row.source == "appeal" or row.action not in RESTRICTING:
            return
        appeal = appeals.find_against(db, old.id)
        if appeal is not None and appeal.state in appeals.OPEN:
            appeals.move(db, appeal.id, row.id)
            self.space.tell(db, appeal.persona, "appeal.updated", encode_b64(appeal.id))

    def _tell_author(self, db: Connection, row: DecisionRow, old: DecisionRow | None) -> None:
        if row.author and is_told(row, old):
            self.space.tell(db, row.author, "notice.created", encode_b64(row.id))


def is_striking(row: DecisionRow) -> bool:
    """Whether a decision brings its author a strike: a person's removal of a post, or a strike by itself."""
    if not row.is_human or row.source == "channel" or row.because in (UNDONE, PAIR):
        return False
    return (row.target_kind == "post" and row.action == "remove") or row.action == "strike"


def is_told(row: DecisionRow, old: DecisionRow | None) -> bool:
    """Whether whom a decision meets is told of it: something was restricted, or what was is given back."""
    if row.target_kind == "cluster" or row.action in UNDECIDED:
        return False
    return row.action in RESTRICTING or (old is not None and old.action in RESTRICTING)
