"""What `Client` tells and lets a person decide of the ways to the server: routes, bridges, proxies, networks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from secrets import token_bytes
from typing import Final

from zajil.client.shell.device import Device as OpenHome
from zajil.client.shell.enrol import now_ms
from zajil.client.shell.reach import documents, findings
from zajil.client.shell.reach.candidates import home_endpoint, parse_transport
from zajil.client.state.reach import ReachSettings, load_reach_settings, save_reach_settings
from zajil.client.views import Check, SharedBridges
from zajil.protocol import control
from zajil.protocol.errors import AuthError, Limited, Refused, error
from zajil.protocol.path import Candidate, PathView, Preference, Strategy
from zajil.protocol.reach.endpoints import PrivateBridges, encode_bridge_link, parse_bridge_link
from zajil.transports.base import DialError
from zajil.transports.sockets import PLAIN, open_socket, parse_socks

_PROXY_S: Final = 5.0


class Reaching:
    """The part of `Client` about reach."""

    def __init__(self, device: OpenHome) -> None:
        self._device = device

    def routes(self) -> PathView:
        """State, route in use and every way there is with what became of it on this network."""
        return self._device.reach.race.view()

    def try_now(self) -> bool:
        """Look for a route at once, as a person asked; False where that was less than 10 s ago."""
        taken = self._device.reach.race.tap()
        if taken:
            self._device.runner.problem = None
        return taken

    async def add_bridges(self, text: str) -> int:
        """How many private bridges a pasted or scanned link brought; 0 where all of them are held already.

        Raises `bad-link`, and `not-this-server` where the server is reached and knows nothing of the link's root.
        """
        bundle = parse_bridge_link(text)
        reach = self._device.reach
        held = reach.knowledge
        if held.root is None or bundle.root_hash != held.root.hash:
            await self._check_root(bundle)
        known = {bridge for one in held.private_bundles() for bridge in one.bridges}
        if held.add_private(bundle):
            reach.refresh()
        return len(set(bundle.bridges) - known)

    async def _check_root(self, bundle: PrivateBridges) -> None:
        """A newer root of our server than we hold, or another server's. Offline nobody can tell: its seals will."""
        reach = self._device.reach
        route = reach.race.route
        if route is None or not route.proved:
            return
        await documents.fetch(reach)
        root = reach.knowledge.root
        older = root is not None and root.version > 1
        if root is not None and root.hash != bundle.root_hash and not older:
            raise error("not-this-server")

    def remove_bridges(self) -> int:
        """Forget all private bridges; how many there were."""
        reach = self._device.reach
        held = len({bridge for one in reach.knowledge.private_bundles() for bridge in one.bridges})
        reach.knowledge.remove_private()
        reach.refresh()
        return held

    def bridges(self) -> int:
        """How many private bridges are held."""
        held = self._device.reach.knowledge.private_bundles()
        return len({bridge for one in held for bridge in one.bridges})

    async def share_bridges(self) -> SharedBridges:
        """A link with fresh private bridges for somebody else, out of this account's own quota.

        Raises `too-young`, `quota`, Unreachable; `gone` where the server has no bridges to give.
        """
        issued = await self._issue()
        bundle = _bundle_of(issued)
        if bundle is None:
            raise error("gone", "no bridges")
        return SharedBridges(encode_bridge_link(bundle, front=self._device.profile.server), issued.left)

    async def _fresh_bundle(self) -> PrivateBridges | None:
        """Private bridges for an invite; None where the server gives none."""
        try:
            return _bundle_of(await self._issue())
        except (Refused, Limited, AuthError):
            return None

    async def _issue(self) -> control.IssuedBundle:
        return await self._device.tokens.call(control.ISSUE_BUNDLE, control.IssuedBundle)

    def probe(self, *, only: Strategy | None = None) -> AsyncIterator[PathView]:
        """One race, measured, by the rules of every race: a view at each step, the last one with its end.

        only: this strategy alone.
        """
        return self._device.reach.probe(only)

    async def check_reach(self) -> list[Check]:
        """What `doctor` finds of the way to the server: one race, then clock, documents and programs."""
        view = self.routes()
        async for view in self.probe():  # noqa: B007  # the last one counts
            pass
        return findings.check_reach(self._device.reach, view)

    def missing_package(self, candidate: Candidate) -> str | None:
        """The package of the system that this way needs and that is not installed; None where nothing is missing."""
        transport = candidate.endpoint.pt
        if candidate.strategy is not Strategy.PT or transport is None:
            return None
        return self._device.reach.ctx.programs.find_missing(transport.name)

    def forget_networks(self) -> None:
        """Remember no network: winners, proofs, freezes."""
        self._device.reach.forget_networks()

    def reach_settings(self) -> ReachSettings:
        """What was chosen."""
        with self._device.store.look() as tx:
            return load_reach_settings(tx)

    async def proxy_answers(self) -> bool:
        """Whether anything takes a connection at the chosen proxy; False too where none is chosen."""
        chosen = self.reach_settings().socks
        if not chosen:
            return False
        socks = parse_socks(chosen)
        try:
            async with asyncio.timeout(_PROXY_S):
                (await open_socket(socks.host, socks.port, PLAIN)).close()
        except (DialError, TimeoutError):
            return False
        return True

    def set_reach_settings(self, settings: ReachSettings) -> None:
        """Choose proxies, transports and preference.

        Raises `bad-link` for an address or line that cannot be, `no-tool` for nothing but tools where there is none.
        """
        if settings.preference is Preference.PRIVACY_ONLY and not (settings.socks or settings.transports):
            raise error("no-tool")
        if settings.socks:
            parse_socks(settings.socks)
        for line in settings.transports:
            parse_transport(line, home_endpoint(self._device.profile.server))
        with self._device.store.step("reach-settings", now_ms(), token_bytes) as tx:
            save_reach_settings(tx, settings)
        self._device.reach.apply(settings)


def _bundle_of(issued: control.IssuedBundle) -> PrivateBridges | None:
    bridges = tuple((each.host, each.port, each.dir) for each in issued.bridges)
    if not bridges:
        return None
    return PrivateBridges(bytes(issued.root_hash), bytes(issued.id), bytes(issued.token), bridges)
