"""The routes of bridges and of the signed documents, bound to the registry's verbs."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from zajil.bridges.registry import joining, tokens
from zajil.bridges.registry.context import Registry
from zajil.protocol import control
from zajil.protocol.control import Blob, Route
from zajil.protocol.errors import error
from zajil.server.http.auth_routes import body_of, device_of
from zajil.server.http.calls import BoundRoute, Request


def bind_bridges(registry: Registry) -> Mapping[Route, BoundRoute]:
    """Every route of bridges, and /reach/docs."""

    async def join(request: Request) -> msgspec.Struct:
        return await joining.join(registry, body_of(request, control.JoinBridge), prefix=request.peer.prefix)

    async def own(request: Request) -> msgspec.Struct:
        return await joining.own(registry, _proven(request.bridge))

    async def bundle(request: Request) -> msgspec.Struct:
        return await tokens.bundle(registry, _proven(request.bridge_token))

    async def issue(request: Request) -> msgspec.Struct:
        return await tokens.issue(registry, device_of(request).account_id)

    async def docs(request: Request) -> msgspec.Struct:
        known = request.query.get("root", "0")
        if not (known.isascii() and known.isdigit() and len(known) <= 10):
            raise error("malformed", "root")
        current = await registry.documents.current()
        return control.ReachDocs(tuple(map(Blob, current.roots[int(known) :])), Blob(current.list))

    return {
        control.JOIN_BRIDGE: join,
        control.OWN_BRIDGE: own,
        control.BRIDGE_BUNDLE: bundle,
        control.ISSUE_BUNDLE: issue,
        control.REACH_DOCS: docs,
    }


def _proven(name: bytes | None) -> bytes:
    """The id of a caller whom the dispatcher has proven."""
    if name is None:
        raise error("wrong-call")
    return name
