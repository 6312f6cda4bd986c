"""The routes of /pub/v1 about moderation, bound to its verbs: reports, notices, appeals, standing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from zajil.moderation.appeals import lodge, telling
from zajil.moderation.reports import receive
from zajil.moderation.review.context import Persona, Review
from zajil.protocol.errors import error
from zajil.protocol.public import redress, routes
from zajil.protocol.public.routes import PublicRoute
from zajil.server.http.public_dispatch import PublicBound, PublicRequest

T = TypeVar("T", bound=msgspec.Struct)


def bind_author_side(review: Review) -> Mapping[PublicRoute, PublicBound]:
    """Every route of `routes.REDRESS`."""

    async def report(request: PublicRequest) -> msgspec.Struct:
        answer = await receive.report(review, _caller(request), _body(request, redress.NewReport))
        review.nudge()
        return answer

    async def own_reports(request: PublicRequest) -> msgspec.Struct:
        return await receive.list_reports(review, _caller(request), request.query.get("before"))

    async def notices(request: PublicRequest) -> msgspec.Struct:
        return await telling.list_notices(review, _caller(request), request.query.get("before"))

    async def read_decision(request: PublicRequest) -> msgspec.Struct:
        return await telling.read_notice(review, _caller(request), request.parameters["decision"])

    async def appeal(request: PublicRequest) -> msgspec.Struct:
        decision = request.parameters["decision"]
        return await lodge.lodge(review, _caller(request), decision, _body(request, redress.NewAppeal))

    async def read_appeal(request: PublicRequest) -> msgspec.Struct:
        return await lodge.read_own_appeal(review, _caller(request), request.parameters["appeal"])

    async def standing(request: PublicRequest) -> msgspec.Struct:
        return await telling.read_own_standing(review, _caller(request))

    return {
        routes.REPORT: report,
        routes.OWN_REPORTS: own_reports,
        routes.NOTICES: notices,
        routes.READ_DECISION: read_decision,
        routes.APPEAL: appeal,
        routes.READ_APPEAL: read_appeal,
        routes.STANDING: standing,
    }


def _body(request: PublicRequest, kind: type[T]) -> T:
    """The parsed body. The dispatcher parsed it by the route's own type, so another one is a bug here."""
    if not isinstance(request.body, kind):
        raise error("wrong-call")
    return request.body


def _caller(request: PublicRequest) -> Persona:
    if request.persona is None:
        raise error("wrong-call")
    return Persona(request.persona.persona_id, request.persona.trust)
