"""What moderation tells a persona and hears from it: reports, decisions and their reasons, appeals."""

from __future__ import annotations

from typing import NamedTuple

from zajil.client.public.visitor import Visitor
from zajil.protocol.public import redress, routes


class Told(NamedTuple):
    """How a persona stands, the newest decisions that met it, and its newest reports."""

    standing: redress.OwnStanding
    notices: tuple[redress.Notice, ...]
    reports: tuple[redress.Report, ...]


async def report(visitor: Visitor, wanted: redress.NewReport) -> redress.Report:
    """Bring something before moderators; the earlier report, where this persona made one about the same version.

    Raises gone, not-allowed (one's own), slow-down.
    """
    return await visitor.call(routes.REPORT, redress.Report, request=wanted)


async def fetch_told(visitor: Visitor, *, limit: int) -> Told:
    """What moderation has to tell this persona, newest first, at most `limit` of each kind."""
    standing = await visitor.call(routes.STANDING, redress.OwnStanding)
    notices: list[redress.Notice] = []
    before: str | None = None
    while len(notices) < limit:
        page = await visitor.call(routes.NOTICES, redress.Notices, query={"before": before})
        notices += page.notices
        before = page.next
        if before is None:
            break
    reports: list[redress.Report] = []
    before = None
    while len(reports) < limit:
        given = await visitor.call(routes.OWN_REPORTS, redress.Reports, query={"before": before})
        reports += given.reports
        before = given.next
        if before is None:
            break
    return Told(standing, tuple(notices[:limit]), tuple(reports[:limit]))


async def fetch_decision(visitor: Visitor, decision: str) -> redress.Notice:
    """One decision that met this persona. Raises gone."""
    return await visitor.call(routes.READ_DECISION, redress.Notice, decision=decision)


async def appeal(visitor: Visitor, decision: str, text: str) -> redress.Appeal:
    """Ask for another look by somebody else. Raises gone, appeal-closed."""
    request = redress.NewAppeal(text)
    return await visitor.call(routes.APPEAL, redress.Appeal, request=request, decision=decision)


async def fetch_appeal(visitor: Visitor, appeal: str) -> redress.Appeal:
    """An appeal of this persona, with its answer. Raises gone."""
    return await visitor.call(routes.READ_APPEAL, redress.Appeal, appeal=appeal)
