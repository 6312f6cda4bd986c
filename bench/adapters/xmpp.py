"""XMPP as a load: in-band registration, SASL PLAIN, bind, session, presence; chat messages and rooms (XEP-0045)."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Sequence

from bench.generate import Load, Marked, connect, make_body
from bench.rounds import WrongResultError

_STREAM = (
    b"<?xml version='1.0'?><stream:stream to='localhost' xmlns='jabber:client' "
    b"xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
)
_FEATURES = b"</stream:features>"
FEATURES = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
"""What a sender asks its server for, which answers behind all that it was sent before."""
PASSWORD = "bench"  # noqa: S105  # of accounts that live as long as a turn
AT_ONCE = 20
"""Connections that register at the same time."""


class Client(Marked):
    """One account on one connection."""

    async def stanza(self) -> bytes:
        """The next whole element below the stream. Raises WrongResultError for an error."""
        text, depth = b"", 0
        while not text or depth:
            part = await self.until(b">")
            text += part
            tag = part[part.rfind(b"<") :]
            if tag.startswith(b"</"):
                depth -= 1
            elif not tag.endswith((b"/>", b"?>")):
                depth += 1
        if b"type='error'" in text or b'type="error"' in text or b"<failure" in text:
            raise WrongResultError(f"refused: {text[:300]!r}")
        return text

    async def ask(self, kind: str, child: str, *, to: str = "") -> bytes:
        """Send an IQ and wait for its result; other stanzas before it are dropped."""
        target = f" to='{to}'" if to else ""
        self.write(f"<iq type='{kind}' id='q'{target}>{child}</iq>".encode())
        while not (answer := await self.stanza()).startswith(b"<iq"):
            pass
        return answer

    async def register(self, name: str) -> None:
        """Make the account, on a stream that has just begun."""
        fields = f"<username>{name}</username><password>{PASSWORD}</password>"
        await self.ask("set", f"<query xmlns='jabber:iq:register'>{fields}</query>")

    async def begin(self) -> None:
        """Open a stream."""
        self.write(_STREAM)
        await self.until(_FEATURES)

    async def log_in(self, name: str) -> None:
        """From a stream that has begun to a session, which is not present yet."""
        secret = base64.b64encode(f"\0{name}\0{PASSWORD}".encode()).decode()
        self.write(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{secret}</auth>".encode())
        await self.stanza()
        await self.begin()
        await self.ask("set", "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>b</resource></bind>")
        await self.ask("set", "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>")

    async def appear(self) -> None:
        """Be present, and wait for the server's word of it."""
        self.write(b"<presence/>")
        await self.stanza()

    async def join(self, room: str, nick: str) -> None:
        """Enter a room and wait for its subject, which comes last."""
        self.write(f"<presence to='{room}/{nick}'><x xmlns='http://jabber.org/protocol/muc'/></presence>".encode())
        while b"<subject" not in await self.stanza():
            pass

    async def unlock(self, room: str) -> None:
        """Make a room that was just entered one that others may enter."""
        form = "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query>"
        await self.ask("set", form, to=room)


async def open_client(
    port: int, name: str, arrived: Callable[[int], None] = lambda _: None, *, new: bool = True
) -> Client:
    """A session, which is present if its account is new. new: the account is made first."""
    client = await connect(lambda: Client(arrived), port)
    if not isinstance(client, Client):
        raise TypeError
    await client.begin()
    if new:
        await client.register(name)
    await client.log_in(name)
    if new:
        await client.appear()
    return client


async def open_clients(port: int, names: Sequence[str], arrived: Callable[[int, int], None]) -> list[Client]:
    """New accounts that are present, in the order of names. arrived: called with the receiver's number and a time."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> Client:
        async with slots:
            return await open_client(port, names[number], lambda stamped: arrived(number, stamped))

    return list(await asyncio.gather(*(one(number) for number in range(len(names)))))


async def make_accounts(port: int, names: Sequence[str]) -> None:
    """New accounts that have been there once and have left."""

    async def leave(client: Client) -> None:
        client.write(b"</stream:stream>")
        await client.until(b"</stream:stream>")
        client.close()

    # All at once: ejabberd takes a tenth of a second to answer the end of a stream, and nearly no work.
    await asyncio.gather(*(leave(client) for client in await open_clients(port, names, lambda _, __: None)))


def make_message(to: str, kind: str = "chat") -> Callable[[bytes], bytes]:
    """What makes a stanza with a body of 256 bytes out of a stamp."""
    head, tail = f"<message to='{to}' type='{kind}'><body>".encode(), b"</body></message>"
    return lambda stamp: head + make_body(stamp) + tail


class Pairs:
    """One account sends to another on each pair."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._clients: list[Client] = []

    async def open(self, load: Load, count: int) -> None:
        """Register and connect all."""
        receivers = await open_clients(self._port, [f"b{n}" for n in range(count)], load.arrived)
        senders = await open_clients(self._port, [f"a{n}" for n in range(count)], lambda _, __: None)
        self._clients = receivers + senders
        for client in self._clients:
            client.go_live()

        def sender(client: Client, number: int) -> Callable[[bytes], None]:
            make = make_message(f"b{number}@localhost/b")
            return lambda stamp: client.write(make(stamp))

        load.send = [sender(client, number) for number, client in enumerate(senders)]

    def checks(self) -> dict[str, int]:
        """Counts that the load does not see itself: none."""
        return {}

    def close(self) -> None:
        """End all connections."""
        for client in self._clients:
            client.close()
