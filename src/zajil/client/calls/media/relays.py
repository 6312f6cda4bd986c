"""The relays of one call: asked for when they are needed, kept while their credentials live."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from aiortc.rtcicetransport import parse_stun_turn_uri

from zajil.client.calls.media.rtc import Relay
from zajil.protocol.errors import ZajilError

ASK_AGAIN_MS: Final = 5_000
"""After a server that gave none or did not answer."""
ASK_S: Final = 5.0
"""So long links wait for a server that takes the question and says nothing: other routes are left."""
_SHARE_OF_LIFE = 0.8


class Access(Protocol):
    """What the server answers: a name and a credential for TURN servers, good for `ttl_s` seconds."""

    @property
    def ttl_s(self) -> int: ...
    @property
    def username(self) -> str: ...
    @property
    def credential(self) -> str: ...
    @property
    def urls(self) -> Sequence[str]: ...


class Relays:
    """Fresh relays, best first. A server that cannot be reached has none: other routes are left.

    ask: the call to the server; may raise ZajilError. now_ms: a clock that never goes back.
    """

    def __init__(self, ask: Callable[[], Awaitable[Access]], *, now_ms: Callable[[], int]) -> None:
        self._ask, self._now_ms = ask, now_ms
        self._turn = asyncio.Lock()
        self._held: tuple[Relay, ...] = ()
        self._until_ms: int | None = None

    async def find(self) -> tuple[Relay, ...]:
        """The relays, asked for at most once at a time; from 80 % of their life on, new ones. Raises nothing."""
        async with self._turn:
            if self._until_ms is None or self._now_ms() >= self._until_ms:
                await self._renew()
            return self._held

    async def _renew(self) -> None:
        try:
            async with asyncio.timeout(ASK_S):
                access = await self._ask()
        except (ZajilError, TimeoutError):
            self._until_ms = self._now_ms() + ASK_AGAIN_MS
            return
        self._held = usable_relays(access)
        life_ms = int(access.ttl_s * 1_000 * _SHARE_OF_LIFE)
        self._until_ms = self._now_ms() + (life_ms if self._held else ASK_AGAIN_MS)


def usable_relays(access: Access) -> tuple[Relay, ...]:
    """Those of an answer that aioice can speak to, in the server's order. A URL it cannot read is passed over."""
    relays = []
    for url in access.urls:
        try:
            parsed = parse_stun_turn_uri(url)
        except ValueError:
            continue
        speaks = {"turn": ("udp", "tcp"), "turns": ("tcp",)}.get(parsed["scheme"], ())
        if parsed.get("transport") in speaks:
            transport = parsed["transport"]
            plain = f"{parsed['scheme']}:{parsed['host']}:{parsed['port']}?transport={transport}"
            relays.append(Relay(plain, access.username, access.credential))
    return tuple(relays)
