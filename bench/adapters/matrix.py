"""Matrix as a load: messages sent by HTTP, received by long polls that show nothing but messages of rooms.

Accounts are made by the server's own secret, as its administrator does.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import msgspec
from bench.generate import PATIENCE_S, Link, Load, Scanner, connect, make_body
from bench.peers.synapse import SECRET
from bench.rounds import WrongResultError
from yarl import URL

PASSWORD: Final = "bench"  # noqa: S105  # of accounts that live as long as a turn
AT_ONCE: Final = 8
_POLL_MS: Final = 30_000
_NONE: Final = {"types": list[str]()}
_FILTER: Final = {
    "presence": _NONE,
    "account_data": _NONE,
    "room": {
        "timeline": {"types": ["m.room.message"], "limit": 100},
        **dict.fromkeys(("state", "ephemeral", "account_data"), _NONE),
    },
}
_API: Final = "/_matrix/client/v3"


class _Synced(msgspec.Struct):
    next_batch: str


_SYNCED: Final = msgspec.json.Decoder(_Synced)


def split_answer(data: bytes) -> tuple[bytes, bytes] | None:
    """Body of the first answer and what follows it; None while it is not whole. Raises WrongResultError for no 200."""
    head, found, rest = data.partition(b"\r\n\r\n")
    if not found:
        return None
    lines = head.split(b"\r\n")
    if b" 200 " not in lines[0]:
        raise WrongResultError(f"refused: {head[:80]!r} {rest[:200]!r}")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines[1:])}
    if fields.get(b"transfer-encoding") == b"chunked":
        return _split_chunks(rest)
    size = int(fields[b"content-length"])
    return (rest[:size], rest[size:]) if len(rest) >= size else None


def _split_chunks(data: bytes) -> tuple[bytes, bytes] | None:
    body, at = b"", 0
    while (end := data.find(b"\r\n", at)) >= 0:
        size, start = int(data[at:end], 16), end + 2
        at = start + size + 2
        if len(data) < at:
            return None
        body += data[start : start + size]
        if size == 0:
            return body, data[at:]
    return None


class Caller(Link):
    """One connection that is kept open, its answers one after the other."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._token, self._got = token, b""

    def ask(self, method: str, path: str, body: bytes = b"") -> None:
        """Send a request; its answer goes to `answered`."""
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self._token}\r\n"
        self.write(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    def take(self, data: bytes) -> None:
        """See Link."""
        self._got += data
        while (found := split_answer(self._got)) is not None:
            body, self._got = found
            self.answered(body)

    def answered(self, body: bytes) -> None:
        """An answer of 200 came whole."""


class Sender(Caller):
    """Who sends to a room."""

    def __init__(self, token: str, room: str) -> None:
        super().__init__(token)
        self._path = f"{_API}/rooms/{quote(room)}/send/m.room.message"
        self._numbers = itertools.count()
        self.accepted = 0

    def send(self, stamp: bytes) -> None:
        """A message with a body of 256 bytes."""
        body = json.dumps({"msgtype": "m.text", "body": make_body(stamp).decode()}).encode()
        self.ask("PUT", f"{self._path}/{next(self._numbers)}", body)

    def answered(self, body: bytes) -> None:  # noqa: ARG002  # that it came is all
        """See Caller."""
        self.accepted += 1


class Receiver(Caller):
    """Who polls: asks again as soon as an answer is there. `ready` once what was before the first poll is past."""

    def __init__(self, token: str, arrived: Callable[[int], None]) -> None:
        super().__init__(token)
        self._arrived = arrived
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def poll(self, since: str = "") -> None:
        """Ask for what is new."""
        wait = f"&since={quote(since)}&timeout={_POLL_MS}" if since else "&timeout=0"
        self.ask("GET", f"{_API}/sync?filter={quote(json.dumps(_FILTER))}{wait}")

    def answered(self, body: bytes) -> None:
        """See Caller."""
        if not self.ready.done():
            self.ready.set_result(None)
        for stamped in Scanner().find(body):
            self._arrived(stamped)
        self.poll(_SYNCED.decode(body).next_batch)


class Maker:
    """Makes accounts and rooms before the clock starts."""

    def __init__(self, port: int, client: aiohttp.ClientSession) -> None:
        self._url, self._client = f"http://127.0.0.1:{port}", client

    async def register(self, name: str) -> str:
        """A new account's token."""
        nonce = (await self._call("GET", "/_synapse/admin/v1/register"))["nonce"]
        fields = f"{nonce}\0{name}\0{PASSWORD}\0notadmin".encode()
        mac = hmac.new(SECRET.encode(), fields, hashlib.sha1).hexdigest()
        made = {"nonce": nonce, "username": name, "password": PASSWORD, "admin": False, "mac": mac}
        return str((await self._call("POST", "/_synapse/admin/v1/register", made))["access_token"])

    async def make_room(self, token: str) -> str:
        """A room that anybody may join."""
        made = await self._call("POST", f"{_API}/createRoom", {"preset": "public_chat"}, token=token)
        return str(made["room_id"])

    async def join(self, token: str, room: str) -> None:
        """Enter a room."""
        await self._call("POST", f"{_API}/rooms/{quote(room)}/join", {}, token=token)

    async def _call(
        self, method: str, path: str, body: object = None, *, token: str = ""
    ) -> dict[str, Any]:  # Any: JSON
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        # Paths are quoted already.
        url = URL(self._url + path, encoded=True)
        async with self._client.request(method, url, json=body, headers=headers) as answer:
            told: dict[str, Any] = await answer.json()
            if answer.status != 200:
                raise WrongResultError(f"refused: {told}")
        return told


async def open_receiver(port: int, token: str, arrived: Callable[[int], None]) -> Receiver:
    """Who is in a room already, and polls now."""
    link = await connect(lambda: Receiver(token, arrived), port)
    if not isinstance(link, Receiver):
        raise TypeError
    link.go_live()
    link.poll()
    async with asyncio.timeout(PATIENCE_S):
        await link.ready
    return link


async def open_sender(port: int, token: str, room: str) -> Sender:
    """Who sends to this room."""
    link = await connect(lambda: Sender(token, room), port)
    if not isinstance(link, Sender):
        raise TypeError
    link.go_live()
    return link


async def share(make: Callable[[int], Any], count: int) -> Sequence[Any]:  # Any: whatever it makes
    """So many, a few at a time."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> Any:  # Any: as above
        async with slots:
            return await make(number)

    return await asyncio.gather(*(one(number) for number in range(count)))


class Pairs:
    """One account sends to another in a room of two on each pair."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._senders: list[Sender] = []
        self._receivers: list[Receiver] = []

    async def open(self, load: Load, count: int) -> None:
        """Register, make rooms and connect all."""
        async with aiohttp.ClientSession() as client:
            maker = Maker(self._port, client)

            async def make(number: int) -> None:
                one, two = await maker.register(f"a{number}"), await maker.register(f"b{number}")
                room = await maker.make_room(one)
                await maker.join(two, room)
                sender = await open_sender(self._port, one, room)
                receiver = await open_receiver(self._port, two, lambda stamped: load.arrived(number, stamped))
                found[number] = sender
                self._receivers.append(receiver)

            found: dict[int, Sender] = {}
            await share(make, count)
        self._senders = [found[number] for number in range(count)]
        load.send = [sender.send for sender in self._senders]

    def checks(self) -> dict[str, int]:
        """Counts that the load does not see itself."""
        return {"accepted": sum(sender.accepted for sender in self._senders)}

    def close(self) -> None:
        """End all connections."""
        for link in (*self._senders, *self._receivers):
            link.close()
