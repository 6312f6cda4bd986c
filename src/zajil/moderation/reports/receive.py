"""The verb that takes a user's notice, and what its reporter sees of it. No notice does anything by itself."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from zajil.engine.sql import answers
from zajil.moderation.pipeline.storing import HARM
from zajil.moderation.reports import weights
from zajil.moderation.reports.weights import Given, Tallies
from zajil.moderation.review.context import Persona, Review
from zajil.moderation.review.standing import reports_muted_until
from zajil.moderation.review.view import Target
from zajil.moderation.store import claims, decisions, notices, queue
from zajil.moderation.store.decisions import TargetKind
from zajil.moderation.store.notices import NoticeRow
from zajil.moderation.store.queue import Item, item_id
from zajil.protocol.control import B16
from zajil.protocol.errors import error
from zajil.protocol.ids import encode_b64, parse_b64
from zajil.protocol.public import api, redress

AGAIN_WEIGHT: Final = 2000
"""What notices must weigh together, thousandths, before what a person judged harmless is looked at once more."""
EARLIER_S: Final = 30 * 86_400
_KINDS: Final[dict[str, TargetKind]] = {"post": "post", "persona": "persona", "channel": "channel"}


async def report(review: Review, caller: Persona, request: redress.NewReport) -> redress.Report:
    """A notice about what the caller can see; the earlier one, if they gave one about this very version.

    Raises gone, not-allowed (their own), slow-down.
    """
    review.limits.take(f"report_trust{caller.trust}", caller.persona_id, now=review.decisions.clock())
    now, note, keep = review.now(), _clean(request.note), answers.keeper()

    def insert(db: Connection) -> NoticeRow:
        target = review.space.find_target(db, request.kind, request.target, caller.persona_id)
        if target is None:
            raise error("gone")
        if target.author == caller.persona_id:
            raise error("not-allowed", "one's own")
        own = notices.find_own(db, caller.persona_id, target.kind, target.id, target.version)
        if own is not None:
            return own
        muted = reports_muted_until(db, caller.persona_id, now=now) > 0
        row = NoticeRow(
            id=review.random(16),
            target_kind=target.kind,
            target=target.id,
            version=target.version,
            reporter=caller.persona_id,
            reporter_kind=caller.kind,
            category=request.category,
            note=note,
            weight=weights.weigh(notices.read_record(db, caller.persona_id), kind=caller.kind, muted=muted),
            state="received",
            item_id=None,
            decision_id=None,
            at=now,
            closed_at=None,
        )
        row = _place(db, review.tallies, target, row, now)
        notices.insert_notice(db, row)
        return row

    def write(db: Connection) -> redress.Report:
        taken = view_report(insert(db))
        keep(db, taken)
        return taken

    try:
        return await review.db.write(write)
    except BaseException:
        # What was not stored must not count; whatever this target's tally was, the next notice counts it anew.
        review.tallies.drop_target(bytes(request.target))
        raise


async def list_reports(review: Review, caller: Persona, before: str | None) -> redress.Reports:
    """The caller's own notices, newest first. Raises Malformed for a cursor that is none."""
    place = _parse_cursor(before) if before is not None else None

    def read(db: Connection) -> redress.Reports:
        found = notices.notices_by(db, caller.persona_id, before=place, n=api.PAGE + 1)
        shown = found[: api.PAGE]
        muted = reports_muted_until(db, caller.persona_id, now=review.now())
        return redress.Reports(
            tuple(view_report(row) for row in shown),
            _cursor(shown[-1]) if len(found) > api.PAGE else None,
            muted or None,
        )

    return await review.db.read(read)


def view_report(row: NoticeRow) -> redress.Report:
    """A notice as its reporter sees it."""
    kind, state, category = (_known(row.target_kind), _state(row.state), _category(row.category))
    return redress.Report(B16(row.id), kind, B16(row.target), category, state, row.at, row.note, row.closed_at)


def _place(db: Connection, tallies: Tallies, target: Target, row: NoticeRow, now: int) -> NoticeRow:
    """The notice with the item it opened or raised, or closed at once where a person judged this already."""
    kind = _KINDS[target.kind]
    current = decisions.find_newest(db, kind, target.id, target.version)
    judged = current is not None and current.is_human
    since = current.at if current is not None and judged else 0
    weight = _weigh(db, tallies, row, since)
    if current is not None and judged and weight < AGAIN_WEIGHT:
        state = "declined" if current.action in ("allow", "restore") else "acted"
        return row._replace(state=state, decision_id=current.id, closed_at=now)
    item = item_id("main", kind, target.id, target.version)
    if not weight:
        waiting = queue.find_item(db, item)
        return row if waiting is None or waiting.state != queue.OPEN else row._replace(item_id=item)
    # More people make it more urgent, up to half of what the category weighs.
    harm = round(HARM.get(row.category, 200) * (0.5 + min(weight / weights.WHOLE, 4) / 8))
    found = claims.items_about(db, target.id, target.version)
    if found:
        for each in found:
            claims.raise_item(db, each.id, harm=harm)
        return row._replace(item_id=found[0].id)
    queue.open_item(
        db,
        Item(
            id=item,
            queue="main",
            target_kind=kind,
            target=target.id,
            version=target.version,
            channel_id=target.channel_id,
            author=target.author,
            category=row.category,
            lang=target.lang or "und",
            source="notice",
            effect=current.action if current is not None else "",
            harm=harm,
            reach=target.reach,
            opened_at=now,
        ),
    )
    return row._replace(item_id=item)


def _weigh(db: Connection, tallies: Tallies, row: NoticeRow, since: int) -> int:
    """What the notices on this target since then count for together, with this one, which is counted from now on."""
    place = row.target, row.version
    tally = tallies.find(place, since, now=row.at)
    if tally is None:
        stored = notices.newest_about(db, row.target, row.version, since=since)
        known = [Given(each.reporter, each.weight, each.at) for each in stored]
        begin = min((each.at for each in known), default=row.at) - EARLIER_S
        past = notices.targets_before(db, [each.reporter for each in known], but=row.target, since=begin)
        tally = weights.tally_of(known, past)
    own = notices.newest_targets(db, row.reporter, but=row.target, since=row.at - EARLIER_S, n=weights.EARLIER)
    tally.add(Given(row.reporter, row.weight, row.at), own)
    tallies.put(place, since, tally, now=row.at)
    return tally.weight


def _clean(text: str) -> str:
    if any((ord(each) < 32 and each not in "\n\t") or 0xD800 <= ord(each) < 0xE000 for each in text):
        raise error("malformed", "control characters in a note")
    return text.strip()


def _cursor(row: NoticeRow) -> str:
    return encode_b64(row.at.to_bytes(8, "big") + row.id)


def _parse_cursor(text: str) -> tuple[int, bytes]:
    data = parse_b64(text, size=24)
    return int.from_bytes(data[:8], "big") & (1 << 62) - 1, data[8:]


def _known(kind: str) -> redress.ReportKind:
    return "persona" if kind == "persona" else "channel" if kind == "channel" else "post"


_STATES: Final[dict[str, redress.ReportState]] = {
    "received": "received",
    "in_review": "in_review",
    "acted": "acted",
    "declined": "declined",
    "reversed": "reversed",
}
_CATEGORIES: Final[dict[str, redress.Category]] = {
    "fraud": "fraud",
    "violence_incitement": "violence_incitement",
    "hate": "hate",
    "harassment": "harassment",
    "sexual": "sexual",
    "self_harm": "self_harm",
    "spam": "spam",
}


def _state(state: str) -> redress.ReportState:
    return _STATES.get(state, "received")


def _category(category: str) -> redress.Category:
    return _CATEGORIES[category]
