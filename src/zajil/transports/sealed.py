"""Any carrier under a seal: what runs where TLS ends outside the origin. Formats: `zajil.protocol.reach.seal`."""

from __future__ import annotations

from collections.abc import Callable

from zajil.protocol.errors import ZajilError
from zajil.protocol.reach import seal as reach_seal
from zajil.protocol.reach.seal import Channel, ClientSeal, RecordSeal, SessionKey
from zajil.protocol.reach.signed import parse_root_answer
from zajil.transports.base import Carrier, DialError, Reason, Stage


class SealedCarrier:
    """A carrier whose records a bridge cannot read or forge. A record that does not open ends it."""

    def __init__(self, carrier: Carrier, codec: RecordSeal) -> None:
        self._carrier = carrier
        self._codec = codec
        self.failure: DialError | None = None

    @property
    def rx_bytes(self) -> int:
        """As `Carrier.rx_bytes`."""
        return self._carrier.rx_bytes

    @property
    def tx_bytes(self) -> int:
        """As `Carrier.tx_bytes`."""
        return self._carrier.tx_bytes

    async def send(self, record: bytes) -> None:
        """As `Carrier.send`."""
        await self._carrier.send(self._codec.seal(record))

    async def recv(self) -> bytes | None:
        """As `Carrier.recv`."""
        record = await self._carrier.recv()
        if record is None:
            self.failure = self.failure or self._carrier.failure
            return None
        try:
            return self._codec.open(record)
        except ZajilError:
            self.failure = DialError(Stage.ACCEPT, Reason.CLOSED)
            await self.close()
            return None

    async def close(self) -> None:
        """As `Carrier.close`."""
        await self._carrier.close()


class Seals:
    """The seals of one device, one for each channel and lane; all its carriers of those go on with it.

    Whoever opens a seal knows that its carriers are one device's. So what must not be joined has lanes of its own.
    now_ms: Unix milliseconds of this machine, right or wrong. random: n random bytes.
    """

    def __init__(self, *, now_ms: Callable[[], int], random: Callable[[int], bytes]) -> None:
        self._now_ms = now_ms
        self._random = random
        self._seals: dict[tuple[Channel, str], ClientSeal] = {}
        self.clock_offset_ms: int | None = None
        """The server's clock minus ours, as the last accept told; None before one."""

    async def wrap(self, carrier: Carrier, channel: Channel, key: SessionKey, *, lane: str = "") -> SealedCarrier:
        """The carrier under a seal, ready for the first session record. Raises DialError; the carrier stays yours."""
        seal = self._seals.get((channel, lane))
        if seal is not None and seal.is_usable(self._now_ms()):
            resume, codec = seal.carrier()
            await carrier.send(resume)
            answer = await _first_answer(carrier)
            if answer == reach_seal.RESUMED:
                return SealedCarrier(carrier, codec)
            if answer != reach_seal.UNKNOWN:
                raise DialError(Stage.ACCEPT, Reason.CLOSED)
            if self._seals.get((channel, lane)) is seal:
                del self._seals[channel, lane]
        return await self._make(carrier, channel, key, lane)

    async def _make(self, carrier: Carrier, channel: Channel, key: SessionKey, lane: str) -> SealedCarrier:
        seal = ClientSeal(channel, key, now_ms=self._now_ms(), random=self._random)
        await carrier.send(seal.new_record)
        answer = await _first_answer(carrier)
        try:
            self.clock_offset_ms = seal.take_accept(answer, now_ms=self._now_ms())
        except ZajilError:
            raise DialError(Stage.ACCEPT, Reason.CERT) from None
        codec = seal.first()
        held = self._seals.get((channel, lane))
        if held is None or not held.is_usable(self._now_ms()):
            self._seals[channel, lane] = seal
        return SealedCarrier(carrier, codec)


async def fetch_roots(carrier: Carrier) -> tuple[bytes, ...]:
    """The root documents, oldest first, unverified. Raises DialError; the carrier stays yours."""
    await carrier.send(reach_seal.ROOT_RECORD)
    answer = await _first_answer(carrier)
    try:
        return parse_root_answer(answer)
    except ZajilError:
        raise DialError(Stage.ACCEPT, Reason.CLOSED) from None


async def _first_answer(carrier: Carrier) -> bytes:
    answer = await carrier.recv()
    if answer is None:
        raise carrier.failure or DialError(Stage.ACCEPT, Reason.CLOSED)
    return answer
