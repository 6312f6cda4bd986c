"""MQTT 3.1.1 at QoS 0 and core NATS as loads: the floor of what it costs to pass a message on without storing it."""

from __future__ import annotations

from collections.abc import Callable

from bench.generate import BODY_BYTES, Link, Load, Marked, connect, make_body


class MqttClient(Marked):
    """One connection to mosquitto."""

    async def begin(self, name: str) -> None:
        """Connect with a clean session and no keep-alive."""
        body = b"\x00\x04MQTT\x04\x02\x00\x00" + _text(name)
        self.write(b"\x10" + _length(len(body)) + body)
        await self.until(b"\x20\x02\x00\x00")

    async def subscribe(self, topic: str) -> None:
        """Ask for a topic at QoS 0."""
        body = b"\x00\x01" + _text(topic) + b"\x00"
        self.write(b"\x82" + _length(len(body)) + body)
        await self.until(b"\x90\x03\x00\x01\x00")


def _text(text: str) -> bytes:
    return len(text).to_bytes(2, "big") + text.encode()


def _length(size: int) -> bytes:
    """The remaining length, seven bits a byte."""
    out = bytearray()
    while size >= 128:
        out.append(size % 128 | 128)
        size //= 128
    return bytes([*out, size])


def make_mqtt_message(topic: str) -> Callable[[bytes], bytes]:
    """What makes a PUBLISH with 256 bytes out of a stamp."""
    name = _text(topic)
    head = b"\x30" + _length(len(name) + BODY_BYTES) + name
    return lambda stamp: head + make_body(stamp)


class NatsClient(Marked):
    """One connection to nats-server."""

    async def begin(self, name: str) -> None:
        """Connect and wait until the server answers."""
        await self.until(b"\r\n")
        self.write(f'CONNECT {{"verbose":false,"pedantic":false,"name":"{name}"}}\r\nPING\r\n'.encode())
        await self.until(b"PONG\r\n")

    async def subscribe(self, topic: str) -> None:
        """Ask for a subject."""
        self.write(f"SUB {topic} 1\r\nPING\r\n".encode())
        await self.until(b"PONG\r\n")


def make_nats_message(topic: str) -> Callable[[bytes], bytes]:
    """What makes a PUB with 256 bytes out of a stamp."""
    head = f"PUB {topic} {BODY_BYTES}\r\n".encode()
    return lambda stamp: head + make_body(stamp) + b"\r\n"


class Pairs:
    """One connection publishes on a topic that another one asked for, on each pair."""

    def __init__(
        self,
        port: int,
        client: type[MqttClient] | type[NatsClient],
        make: Callable[[str], Callable[[bytes], bytes]],
    ) -> None:
        self._port, self._client, self._make = port, client, make
        self._links: list[Link] = []

    async def open_one(self, name: str, arrived: Callable[[int], None] = lambda _: None) -> MqttClient | NatsClient:
        """A connection that may subscribe and publish."""
        link = await connect(lambda: self._client(arrived), self._port)
        if not isinstance(link, MqttClient | NatsClient):
            raise TypeError
        await link.begin(name)
        self._links.append(link)
        return link

    async def open(self, load: Load, count: int) -> None:
        """Connect and subscribe all."""

        def sender(link: Link, number: int) -> Callable[[bytes], None]:
            make = self._make(f"p{number}")
            return lambda stamp: link.write(make(stamp))

        def arrival(number: int) -> Callable[[int], None]:
            return lambda stamped: load.arrived(number, stamped)

        senders = []
        for number in range(count):
            receiver = await self.open_one(f"b{number}", arrival(number))
            await receiver.subscribe(f"p{number}")
            receiver.go_live()
            link = await self.open_one(f"a{number}")
            link.go_live()
            senders.append(sender(link, number))
        load.send = senders

    def checks(self) -> dict[str, int]:
        """Counts that the load does not see itself: none."""
        return {}

    def close(self) -> None:
        """End all connections."""
        for link in self._links:
            link.close()


def open_mqtt(port: int) -> Pairs:
    """Pairs on mosquitto."""
    return Pairs(port, MqttClient, make_mqtt_message)


def open_nats(port: int) -> Pairs:
    """Pairs on nats-server."""
    return Pairs(port, NatsClient, make_nats_message)
