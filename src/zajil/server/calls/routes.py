"""The routes of calls, bound to their verbs."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from zajil.calls.context import Calls
from zajil.calls.credentials import give_relay
from zajil.calls.tickets import give_ticket
from zajil.protocol import control
from zajil.protocol.control import Route
from zajil.server.http.auth_routes import body_of
from zajil.server.http.calls import BoundRoute, Request


def bind_calls(calls: Calls) -> Mapping[Route, BoundRoute]:
    """Both routes. Nobody is named: a send token of the group is all that is shown."""

    async def relay(request: Request) -> msgspec.Struct:
        return await give_relay(calls, body_of(request, control.AskRelay), prefix=request.peer.prefix)

    async def ticket(request: Request) -> msgspec.Struct:
        return await give_ticket(calls, body_of(request, control.AskTicket), prefix=request.peer.prefix)

    return {control.CALL_RELAY: relay, control.CALL_TICKET: ticket}
