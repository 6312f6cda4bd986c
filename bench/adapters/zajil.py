"""Zajil's own protocol as a load: sessions over WebSockets, whose records are built and read with little work.

The envelopes are prebuilt: MLS ran before the clock started, and the server reads only the header. Ciphertext is filler
with the stamp in front. Everything that arrives is acknowledged at once, in both layers: R by MACK, S by the next SEND.
Text inside a masked frame is masked with zeros, which costs the server what any other mask costs it.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import struct
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import msgspec
from bench.generate import BODY_BYTES, MARK, PATIENCE_S, STAMP_BYTES, Link, Load, connect
from bench.provision import Pair
from bench.rounds import WrongResultError
from tests.server.people import FakeGroup, private_message

from zajil.protocol import frames
from zajil.protocol.chat.aad import APPLICATION_BYTES, ApplicationAad
from zajil.protocol.frames import Role
from zajil.protocol.ids import Mid
from zajil.protocol.limits import RECORD_SIZES
from zajil.protocol.session import wire

ACK_EVERY: Final = 16
"""Parts of the session that are acknowledged together where nothing else goes out."""
_DATA = msgspec.msgpack.Decoder(wire.Data)
_MSG = msgspec.msgpack.Decoder(frames.Msg)
_MASK = bytes(4)
_UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_RID, _STAMP = 0x7A7A7A7A, MARK + b"0" * (STAMP_BYTES - 2)


def pack_record(frame: bytes, *, at_least: int = 0) -> bytes:
    """One masked binary WebSocket message that holds the record of a session frame."""
    size = next(size for size in RECORD_SIZES if size >= max(len(frame) + 4, at_least))
    head = struct.pack(">BBH", 0x82, 0xFE, size) if size < 65536 else struct.pack(">BBQ", 0x82, 0xFF, size)
    return head + _MASK + (len(frame).to_bytes(4, "big") + frame).ljust(size, b"\x00")


class Session(Link):
    """One session on one carrier."""

    role: Role

    def __init__(self) -> None:
        super().__init__()
        self._rest = b""
        self._sent = self._rx = self._owed = 0
        self._parts = bytearray()
        self.cut: Callable[[], None] | None = None
        """Called where the server closes it for having too much to do; without it that is a wrong result too."""

    def put(self, body: bytes) -> None:
        """Send one data frame, of at most 65,000 bytes, which acknowledges what came."""
        self._sent += 1
        self._owed = 0
        head = struct.pack(">BBBIBIBBH", 0x95, 3, 0xCE, self._sent, 0xCE, self._rx, 0xC2, 0xC5, len(body))
        self.write(pack_record(head + body))

    def take(self, data: bytes) -> None:
        """See Link."""
        if self._rest:
            data = self._rest + data
        at, size = 0, len(data)
        while size - at >= 2:
            length, head = data[at + 1], 2
            if length >= 126:
                head = 4 if length == 126 else 10
                if size - at < head:
                    break
                length = int.from_bytes(data[at + 2 : at + head], "big")
            if size - at < head + length:
                break
            self._take_message(data[at], data[at + head : at + head + length])
            at += head + length
        self._rest = data[at:]
        self.pause()
        if self._owed >= ACK_EVERY:
            self._owed = 0
            self.write(pack_record(msgspec.msgpack.encode(wire.Ack(self._rx))))

    def _take_message(self, first: int, record: bytes) -> None:
        if first != 0x82:
            raise WrongResultError(f"the server sent a WebSocket frame {first:#x}")
        frame = record[4 : 4 + int.from_bytes(record[:4], "big")]
        tag = frame[1]
        if tag == 3:
            part = _DATA.decode(frame)
            self._rx, self._owed = part.n, self._owed + 1
            if part.more or self._parts:
                self._parts += part.body
                if not part.more:
                    whole = bytes(self._parts)
                    self._parts.clear()
                    self.frame(whole)
            else:
                self.frame(part.body)
        elif tag == 5:
            ping = msgspec.msgpack.decode(frame, type=wire.Ping)
            self.write(pack_record(msgspec.msgpack.encode(wire.Pong(ping.id)), at_least=len(record)))
        elif tag == 7:
            self.closed(msgspec.msgpack.decode(frame, type=wire.Close).code)

    def frame(self, body: bytes) -> None:
        """A data frame came."""

    def pause(self) -> None:
        """All that came at once has been taken."""

    def closed(self, code: str) -> None:
        """The server ended the session. Raises WrongResultError."""
        if code == "busy" and self.cut is not None:
            self.cut()
            return
        raise WrongResultError(f"the server closed a session: {code}")


class Receiving(Session):
    """An R session. arrived: called with the time in each message that has a stamp."""

    role = Role.R

    def __init__(self, arrived: Callable[[int], None] = lambda _: None) -> None:
        super().__init__()
        self._arrived = arrived
        self.messages = 0
        self.drained_messages = 0
        self.upto = self._macked = 0
        self.queued = 0
        self.drained: Callable[[], None] = lambda: None

    def hello(self, token: str, after: int = 0) -> None:
        """Say who this is. `drained` is called when what waited has come."""
        self.put(frames.encode_frame(frames.Hello(token, after)))

    def frame(self, body: bytes) -> None:
        """See Session."""
        tag = body[1]
        if tag == 21:
            message = _MSG.decode(body)
            if message.seq <= self.upto:
                raise WrongResultError(f"message {message.seq} came after {self.upto}")
            self.upto = message.seq
            self.messages += 1
            # From the end: the group's name and the rest of the header are random, and may hold the mark too.
            at = message.body.rfind(MARK)
            if at >= 0:
                self._arrived(int(message.body[at + 2 : at + STAMP_BYTES]))
        elif tag == 23:
            at = body.rfind(MARK)
            self.messages += 1
            self._arrived(int(body[at + 2 : at + STAMP_BYTES]))
        elif tag == 20:
            self.queued = msgspec.msgpack.decode(body, type=frames.Ready).queued
        elif tag == 22:
            self.drained()
        elif tag == 26:
            self.closed(msgspec.msgpack.decode(body, type=frames.Bye).code)

    def pause(self) -> None:
        """Acknowledge all that came."""
        if self.upto > self._macked:
            self._macked = self.upto
            self.put(struct.pack(">BBBQ", 0x92, 11, 0xCF, self.upto))


class Sending(Session):
    """An S session, which sends to one group. answered: called for each OK.

    refused: called where the server says that it has too much to do; without it that is a wrong result as any refusal.
    """

    role = Role.S

    def __init__(self, answered: Callable[[], None] = lambda: None, refused: Callable[[], None] | None = None) -> None:
        super().__init__()
        self._answered = answered
        self._refused = refused
        self.oks = 0

    def frame(self, body: bytes) -> None:
        """See Session."""
        if body[1] == 40:
            self.oks += 1
            self._answered()
        elif body[1] == 41:
            code = msgspec.msgpack.decode(body, type=frames.Err).code
            if code != "busy" or self._refused is None:
                raise WrongResultError(f"refused: {code}")
            self._refused()
        elif body[1] == 26:
            self.closed(msgspec.msgpack.decode(body, type=frames.Bye).code)


class Envelope:
    """SEND to one group, built once; only request number, message id and stamp change."""

    def __init__(self, group: FakeGroup, *, flags: int = 0, body_bytes: int = BODY_BYTES) -> None:
        mark = os.urandom(16)
        aad = ApplicationAad(os.urandom(32)).encode()
        if len(aad) != APPLICATION_BYTES or MARK in aad:
            aad = ApplicationAad(b"t" * 32).encode()
        body = private_message(group.gid, group.epoch, 1, aad, _STAMP.ljust(body_bytes, b"x"))
        frame = frames.encode_frame(
            frames.Send(_RID, Mid(mark), group.gid, group.token(), group.roster_key, flags, 0, body)
        )
        rid, mid, stamp = frame.find(_RID.to_bytes(4, "big")), frame.find(mark), frame.find(_STAMP)
        self._parts = (
            frame[:rid],
            frame[rid + 4 : mid],
            frame[mid + 16 : stamp],
            frame[stamp + STAMP_BYTES :],
        )
        self._prefix = os.urandom(8)
        self._count = 0

    def make(self, stamp: bytes) -> bytes:
        """The data frame of the next message."""
        self._count += 1
        first, second, third, last = self._parts
        number = self._count.to_bytes(4, "big")
        return b"".join((first, number, second, self._prefix, bytes(4), number, third, stamp, last))


async def open_session(make: Callable[[], Session], port: int, *, tls: ssl.SSLContext | None = None) -> Session:
    """A live session, new on its carrier."""
    link = await connect(make, port, tls=tls)
    if not isinstance(link, Session):
        raise TypeError
    link.write(_UPGRADE.format(path=link.role.path, port=port).encode())
    answer = await link.until(b"\r\n\r\n")
    if not answer.startswith(b"HTTP/1.1 101"):
        raise WrongResultError(f"no WebSocket: {answer[:80]!r}")
    link.write(pack_record(msgspec.msgpack.encode(wire.Open(wire.VERSION, None, 0, RECORD_SIZES[-1], 1))))
    link.go_live()
    return link


class Pairs:
    """One device sends to another on each pair: S and R of the sender, R of the receiver.

    The sender's echo is delivered to its R and acknowledged, and not counted as a message.
    """

    def __init__(self, port: int, pairs: Sequence[Pair], *, flags: int = 0, may_refuse: bool = False) -> None:
        """may_refuse: the load counts what the server refuses for having too much to do, instead of ending there.

        It ends, and is no wrong result, where the server then closes a session.
        """
        self._port, self._pairs, self._flags, self._may_refuse = port, pairs, flags, may_refuse
        self._sessions: list[Session] = []
        self._senders: list[Sending] = []
        self._echoes: list[Receiving] = []
        self._receivers: list[Receiving] = []

    async def open(self, load: Load, count: int) -> None:
        """Connect all; nothing waits in their mailboxes."""
        chosen, sends = self._pairs[:count], []
        refused = load.refuse if self._may_refuse else None
        for number, pair in enumerate(chosen):
            self._receivers.append(await open_receiver(self._port, pair.receiver, partial(load.arrived, number)))
            self._echoes.append(await open_receiver(self._port, pair.sender))
        # Last: who has an S session and sends nothing is soon sent away, and logging the others in takes its time.
        for pair in chosen:
            sender = await open_session(partial(Sending, refused=refused), self._port)
            if not isinstance(sender, Sending):
                raise TypeError
            self._senders.append(sender)
            sends.append(_sender(sender, Envelope(pair.group, flags=self._flags)))
        self._sessions = [*self._receivers, *self._echoes, *self._senders]
        if self._may_refuse:
            for session in self._sessions:
                session.cut = load.cut
        load.send = sends

    async def settle(self, accepted: int) -> None:
        """Until every answer and echo is here."""
        await until(lambda: set(self.checks().values()) == {accepted})

    def checks(self) -> dict[str, int]:
        """Counts that the load does not see itself."""
        return {
            "accepted": sum(each.oks for each in self._senders),
            "echoed": sum(each.messages for each in self._echoes),
            "delivered": sum(each.messages for each in self._receivers),
        }

    def close(self) -> None:
        """End all connections."""
        for session in self._sessions:
            session.close()


def _sender(session: Sending, envelope: Envelope) -> Callable[[bytes], None]:
    return lambda stamp: session.put(envelope.make(stamp))


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something that this process's connections see. Raises WrongResultError."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not holds():  # noqa: ASYNC110  # several counts of several connections
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise WrongResultError("it does not come even") from None


async def open_receiver(
    port: int,
    token: str,
    arrived: Callable[[int], None] = lambda _: None,
    *,
    tls: ssl.SSLContext | None = None,
    patience_s: float = PATIENCE_S,
) -> Receiving:
    """A device that is there, with what waited for it taken."""
    session = await open_session(lambda: Receiving(arrived), port, tls=tls)
    if not isinstance(session, Receiving):
        raise TypeError
    drained = asyncio.get_running_loop().create_future()
    session.drained = lambda: None if drained.done() else drained.set_result(None)
    session.hello(token)
    async with asyncio.timeout(patience_s):
        await drained
    session.drained_messages, session.messages = session.messages, 0
    return session
