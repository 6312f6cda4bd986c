"""The floor of our own protocol: sockets, frames and, if asked, one file, without anything that makes it a messenger.

Run: python bench/peers/bare_relay.py PORT ROUTES [FILE], as `bare.py` does. ROUTES says who is in which group; tokens,
limits, metrics, repeats, several devices and resumed sessions are not there. With FILE a message and its two entries
are stored in SQLite by one COMMIT for all that came within 2 ms, before the answer, and deleted when both are
acknowledged. No server on picows whose clients speak this protocol costs less: a message is one record in and three
out (answer, message, the sender's own copy), each on a connection of its own, and one more in for each that is stored.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import time
from pathlib import Path
from typing import Final

import msgspec
import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "src")]
# ruff: noqa: E402  # the tree has to be on the path first
from zajil.protocol import frames
from zajil.protocol.frames import Kind
from zajil.protocol.records import pad
from zajil.protocol.session import wire

_SEND = msgspec.msgpack.Decoder(frames.Send)
_DATA = msgspec.msgpack.Decoder(wire.Data)
_ENCODE = msgspec.msgpack.Encoder().encode
_ID: Final = bytes(16)
_GATHER_S: Final = 0.002
"""What comes within it is one COMMIT."""
_SCHEMA: Final = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE message (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE entry (box INTEGER, seq INTEGER, message INTEGER NOT NULL, PRIMARY KEY (box, seq)) WITHOUT ROWID;
"""


class _Box:
    """A mailbox: its number, the last of its entries, and who listens."""

    def __init__(self, number: int) -> None:
        self.number, self.seq = number, 0
        self.listener: _Carrier | None = None


class _Sent:
    """What one record asked for: whose answer it is, and what to store and deliver."""

    __slots__ = ("asker", "send")

    def __init__(self, asker: _Carrier, send: frames.Send) -> None:
        self.asker, self.send = asker, send


class _Relay:
    """All that this server knows."""

    def __init__(self, routes: dict[str, list[str]], file: Path | None) -> None:
        tokens = [token for pair in routes.values() for token in pair]
        self.boxes = {token: _Box(number) for number, token in enumerate(tokens)}
        self._groups = {bytes.fromhex(gid): [self.boxes[token] for token in pair] for gid, pair in routes.items()}
        self._stored = 0
        self._waiting: list[_Sent] = []
        self._acked: list[tuple[int, int]] = []
        self._owed: dict[int, int] = {}
        self._held: dict[tuple[int, int], int] = {}
        self._db = None
        if file is not None:
            self._db = sqlite3.connect(file, isolation_level=None)
            self._db.executescript(_SCHEMA)

    def accept(self, asker: _Carrier, send: frames.Send) -> None:
        """Pass it on, now or by the next COMMIT."""
        if self._db is None:
            now = time.time_ns() // 1_000_000
            asker.put(_ENCODE(frames.Ok(send.rid, 1, now)))
            hint = _ENCODE(frames.Eph(send.gid, 1, now, send.body))
            for box in self._groups[send.gid]:
                if box.listener is not None:
                    box.listener.put(hint)
            return
        self._wake()
        self._waiting.append(_Sent(asker, send))

    def acknowledge(self, box: _Box, upto: int) -> None:
        """The entry is deleted by the next COMMIT, and the message with the last of its entries."""
        self._wake()
        self._acked.append((box.number, upto))

    def _wake(self) -> None:
        if not self._waiting and not self._acked:
            asyncio.get_running_loop().call_later(_GATHER_S, self._commit)

    def _commit(self) -> None:
        """All that waits, in one transaction; then the answers."""
        waiting, acked, self._waiting, self._acked = self._waiting, self._acked, [], []
        now, bodies, entries, out = time.time_ns() // 1_000_000, [], [], []
        for sent in waiting:
            self._stored += 1
            bodies.append((self._stored, sent.send.body))
            for box in self._groups[sent.send.gid]:
                box.seq += 1
                entries.append((box.number, box.seq, self._stored))
                self._held[box.number, box.seq] = self._stored
                out.append((box, frames.Msg(box.seq, _ID, Kind.APP, sent.send.gid, 1, now, sent.send.body)))
        ended = self._let_go(acked)
        assert self._db is not None  # only a relay with a file has anything to commit
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany("INSERT INTO message VALUES (?, ?)", bodies)
        self._db.executemany("INSERT INTO entry VALUES (?, ?, ?)", entries)
        self._db.executemany("DELETE FROM entry WHERE box = ? AND seq = ?", acked)
        self._db.executemany("DELETE FROM message WHERE id = ?", ended)
        self._db.execute("COMMIT")
        for sent in waiting:
            sent.asker.put(_ENCODE(frames.Ok(sent.send.rid, 1, now)))
        for box, message in out:
            if box.listener is not None:
                box.listener.put(_ENCODE(message))

    def _let_go(self, acked: list[tuple[int, int]]) -> list[tuple[int]]:
        """The messages whose second entry is acknowledged by these."""
        ended = []
        for place in acked:
            message = self._held.pop(place, 0)
            if self._owed.pop(message, 0):
                ended.append((message,))
            else:
                self._owed[message] = 1
        return ended


class _Carrier(WSListener):
    """One session on one connection."""

    def __init__(self, relay: _Relay) -> None:
        super().__init__()
        self._relay = relay
        self._transport: WSTransport | None = None
        self._sent = self._got = 0
        self._box: _Box | None = None
        self._upto = 0

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport

    def on_ws_disconnected(self, _transport: WSTransport) -> None:
        self._transport = None

    def put(self, body: bytes) -> None:
        """One data frame, which acknowledges what came."""
        if self._transport is not None:
            self._sent += 1
            self._transport.send(WSMsgType.BINARY, pad(_ENCODE(wire.Data(self._sent, self._got, False, body))))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type != WSMsgType.BINARY:
            return
        record = frame.get_payload_as_bytes()
        inner = record[4 : 4 + int.from_bytes(record[:4], "big")]
        if inner[1] == 3:
            data = _DATA.decode(inner)
            self._got = data.n
            self._take(data.body)
        elif inner[1] == 1:
            transport.send(WSMsgType.BINARY, pad(_ENCODE(wire.Opened(_ID, 0, False))))

    def _take(self, body: bytes) -> None:
        tag = body[1]
        if tag == 30:
            self._relay.accept(self, _SEND.decode(body))
        elif tag == 11 and self._box is not None:
            # The load acknowledges up to a number: each entry up to it, in order.
            upto = int.from_bytes(body[3:11], "big")
            for seq in range(self._upto + 1, upto + 1):
                self._relay.acknowledge(self._box, seq)
            self._upto = upto
        elif tag == 10:
            hello = msgspec.msgpack.decode(body, type=frames.Hello)
            self._box = self._relay.boxes[hello.token]
            self._box.listener = self
            self.put(_ENCODE(frames.Ready(0, 0, 0, 0, 0, 0)))
            self.put(_ENCODE(frames.Drained(0)))


async def _serve(port: int, relay: _Relay) -> None:
    def meet(_: WSUpgradeRequest) -> WSListener:
        return _Carrier(relay)

    server = await ws_create_server(meet, "127.0.0.1", port, read_buffer_init_size=1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    _, at, routes, *file = sys.argv
    uvloop.run(_serve(int(at), _Relay(json.loads(Path(routes).read_text()), Path(file[0]) if file else None)))
