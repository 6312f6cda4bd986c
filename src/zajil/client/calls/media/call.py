"""The voice of one call, as its session asks for it: keys, links, and what is said and heard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Protocol

from zajil.client.calls.keys import KeyRing
from zajil.client.calls.media.links import Links, Means
from zajil.client.calls.media.peers import Counts
from zajil.client.calls.media.room import derive_room
from zajil.client.calls.media.rtc import Relay
from zajil.client.calls.media.sound import Sink, Source
from zajil.client.calls.media.voice import BIT_RATE, BIT_RATE_FLOOR, BIT_RATE_TCP
from zajil.client.calls.ports import LinkSignal, MediaStart, Reports
from zajil.client.calls.way import MediaWay, Network
from zajil.protocol.calls.quality import Step

_BIT_RATES: Final[Mapping[Step, int]] = MappingProxyType({"less-audio": BIT_RATE_TCP, "least-audio": BIT_RATE_FLOOR})


class Rooms(Protocol):
    """The way to media rooms, as `zajil.client.calling.Calls` has it."""

    async def open_media(self, gid: bytes, room: bytes) -> MediaWay:
        """A connection to a room of the group, as `OpenMedia` says."""

    def carries_media(self) -> bool:
        """Whether the route in use can carry one."""


class VoiceCall:
    """`CallMedia` by WebRTC and by the media room, audio alone. Make it in the loop that it lives in.

    relays: fresh ones, best first. sound: by leaf, what that peer gets to hear and what hears it. now_ms: never goes
    back. rooms: None where there is no way to any. network: what calls remember of it.
    """

    def __init__(
        self,
        start: MediaStart,
        reports: Reports,
        *,
        relays: Callable[[], Awaitable[Sequence[Relay]]],
        sound: Callable[[int], tuple[Source, Sink]],
        now_ms: Callable[[], int],
        rooms: Rooms | None = None,
        network: Network | None = None,
    ) -> None:
        self._now_ms = now_ms
        self._ring = KeyRing()
        room = derive_room(start.call, start.secret)
        self._links = Links(
            Means(
                call=start.call,
                leaf=start.leaf,
                ring=self._ring,
                next_pc=start.next_pc,
                relays=relays,
                sound=sound,
                now_ms=now_ms,
                open_media=None if rooms is None else lambda: rooms.open_media(start.gid, room),
                carries_media=(lambda: False) if rooms is None else rooms.carries_media,
                network=network,
            ),
            reports,
        )
        self._stay = None if network is None else network.on_move(self._links.network_changed)

    def open_link(self, leaf: int, *, relay_only: bool) -> None:
        """Send to a device, and take its offers."""
        self._links.open_link(leaf, relay_only=relay_only)

    def close_link(self, leaf: int) -> None:
        """Nothing more to or from a device."""
        self._links.close_link(leaf)

    def hear(self, leaf: int, signal: LinkSignal) -> None:
        """A signal of a device."""
        self._links.hear(leaf, signal)

    def use_key(self, epoch: int, base_key: bytes, *, removed: bool) -> None:
        """A new epoch."""
        self._ring.add(epoch, base_key, removed=removed, now_ms=self._now_ms())

    def set_media(self, mic: bool, cam: bool) -> None:  # noqa: ARG002 - what the person switched; no camera here
        """Whether peers hear us."""
        self._links.set_mic(on=mic)

    def set_step(self, step: Step) -> None:
        """Sound of 32, 24 or 16 kbit/s."""
        self._links.limit_bit_rate(_BIT_RATES.get(step, BIT_RATE))

    def close(self) -> None:
        """Nothing is sent or heard from now on, and no key is left."""
        if self._stay is not None:
            self._stay()
        self._links.shut()
        self._ring.forget()

    async def closed(self) -> None:
        """Wait until every connection is closed, after `close`."""
        await self._links.close()

    def counts(self) -> dict[str, Counts]:
        """What went and came, without a name or an address."""
        return self._links.counts()
