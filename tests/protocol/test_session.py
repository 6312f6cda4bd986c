"""The session layer: every message once, in order, wherever a connection is cut. Rules of the `session` model."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.protocol.wire import World, answer

from zajil.protocol.frames import Role
from zajil.protocol.records import pad
from zajil.protocol.session import (
    Begin,
    ClientSession,
    Closed,
    Message,
    SessionTable,
    Stalled,
    TakenOver,
    Usable,
)
from zajil.protocol.session.stream import Stream
from zajil.protocol.session.wire import Ack, Close, Data, Open, Ping, Pong, encode_record, parse_record

# With records of 256 bytes a part holds 192: one part, three parts, one part.
BODIES = {b"a": b"a" * 8 + b"1" * 100, b"b": b"b" * 8 + b"2" * 400, b"c": b"c" * 8}


def check_exchange(world: World) -> None:
    """Every request arrived; the first arrivals are in order, repeats only after the gateway forgot; all answered."""
    first = list(dict.fromkeys(world.arrived))
    assert first == list(BODIES.values())
    assert not world.requests
    assert not world.closed
    assert list(dict.fromkeys(world.answers)) == [answer(body) for body in BODIES.values()]


def script(world: World) -> None:
    connection = world.dial()
    for name, body in BODIES.items():
        world.request(name, body)
        world.up(connection)
        world.down(connection)
    world.settle()


def test_a_clean_exchange_delivers_each_message_once() -> None:
    world = World()
    script(world)
    check_exchange(world)
    assert world.arrived == list(BODIES.values())
    assert world.begins == 1


def lengths() -> tuple[int, int]:
    """Bytes that travel up and down in the clean exchange."""
    world = World()
    connection = world.dial()
    up = down = 0
    for name, body in BODIES.items():
        world.request(name, body)
        up += len(connection.up.data)
        world.up(connection)
        down += len(connection.down.data)
        world.down(connection)
    return up, down


def cut_at(byte: int, *, upwards: bool, kind: str) -> World:
    """The scripted exchange whose connection dies after `byte` bytes in one direction; then a good connection."""
    world = World()
    connection = world.dial()
    budget = byte
    for name, body in BODIES.items():
        world.request(name, body)
        for pipe, move in ((connection.up, world.up), (connection.down, world.down)):
            if (pipe is connection.up) == upwards:
                if budget < len(pipe.data):
                    pipe.cut_after(budget)
                budget -= len(pipe.data)
            move(connection)
    if kind == "forget":
        world.forget()
    elif kind == "cut":
        world.cut(connection)
    second = world.dial()
    # "late": the old connection lives on and delivers what it still holds, before and after the new OPEN arrives.
    world.down(connection)
    world.up(second, 1)
    world.up(connection)
    world.down(connection)
    world.settle()
    return world


@pytest.mark.slow
@pytest.mark.parametrize("upwards", [True, False], ids=["up", "down"])
@pytest.mark.parametrize("kind", ["cut", "forget", "late"])
def test_a_cut_after_any_byte_loses_and_doubles_nothing(upwards: bool, kind: str) -> None:
    for byte in range(lengths()[0 if upwards else 1] + 1):
        world = cut_at(byte, upwards=upwards, kind=kind)
        check_exchange(world)
        if world.begins == 1:
            assert world.arrived == list(BODIES.values()), byte
            assert world.answers == [answer(body) for body in BODIES.values()], byte


def test_the_cut_test_covers_thousands_of_bytes() -> None:
    assert min(lengths()) > 1000


class Pair:
    """A client and a server carrier joined without loss."""

    def __init__(self) -> None:
        self.now = 0.0
        self.ids = 0
        self.table = SessionTable(Role.R, new_id=self._new_id)
        self.client = ClientSession(Role.R)
        self.number, self.began = self.client.open_carrier(self.now)
        self.server = self.table.accept()

    def _new_id(self) -> bytes:
        self.ids += 1
        return bytes(15) + bytes((self.ids,))

    def exchange(self) -> tuple[list[object], list[object]]:
        """Moves everything until both are silent; events of the client, events of the server."""
        at_client: list[object] = []
        at_server: list[object] = []
        while True:
            up, down = self.client.pull(self.number, self.now), self.server.pull(self.now)
            if not up and not down:
                return at_client, at_server
            for record in up:
                at_server += self.server.feed(record, self.now)
            for record in down:
                at_client += self.client.feed(self.number, record, self.now)


def opened_pair() -> Pair:
    pair = Pair()
    assert pair.began == [Begin()]
    assert pair.exchange() == ([Usable(resumed=False)], [Usable(resumed=False)])
    return pair


def test_data_follows_the_first_open_at_once_and_goes_once() -> None:
    pair = Pair()
    pair.client.send(b"hello")
    records = pair.client.pull(pair.number, 0.0)
    assert [type(parse_record(record)) for record in records] == [Open, Data]
    for record in records:
        pair.server.feed(record, 0.0)
    for record in pair.server.pull(0.0):
        assert pair.client.feed(pair.number, record, 0.0) == [Usable(resumed=False)]
    assert pair.client.pull(pair.number, 0.0) == []


def test_a_part_that_is_here_already_is_dropped() -> None:
    pair = opened_pair()
    assert pair.server.feed(hostile([3, 1, 0, False, b"x"]), 0.0) == [Message(b"x")]
    assert pair.server.feed(hostile([3, 1, 0, False, b"x"]), 0.0) == []
    assert pair.server.feed(hostile([3, 2, 0, False, b"y"]), 0.0) == [Message(b"y")]


def test_a_message_of_a_mebibyte_passes_the_window() -> None:
    pair = opened_pair()
    body = bytes(range(256)) * 4096
    pair.client.send(body)
    assert pair.client.queued_bytes == len(body)
    assert pair.exchange() == ([], [Message(body)])
    pair.now += 1
    pair.exchange()
    assert pair.client.queued_bytes == 0


def test_many_small_messages_stop_at_64_until_acknowledged() -> None:
    pair = opened_pair()
    for number in range(200):
        pair.client.send(bytes((number,)))
    assert len(pair.client.pull(pair.number, 0.0)) == 64


def test_at_most_256_kib_are_unacknowledged() -> None:
    pair = opened_pair()
    for _ in range(10):
        pair.client.send(bytes(65_000))
    data = [parse_record(record) for record in pair.client.pull(pair.number, 0.0)]
    assert sum(len(frame.body) for frame in data if isinstance(frame, Data)) <= 256 * 1024


SIZES = [1, 200, 243, 244, 250, 5_000, 65_000, 65_520, 70_000]


@settings(deadline=None)
@example(steps=[(65_000, 0, False)] * 6, frag=65536)
@example(steps=[(1, 0, False)] * 70, frag=65536)
@given(
    steps=st.lists(st.tuples(st.sampled_from(SIZES), st.integers(0, 3), st.booleans()), max_size=80),
    frag=st.sampled_from([256, 4096, 65536]),
)
def test_the_short_way_to_records_gives_what_the_long_one_does(steps: list[tuple[int, int, bool]], frag: int) -> None:
    short, long = Stream(), Stream()
    acked = sent = came = 0
    for stream in (short, long):
        stream.frag = frag
    for at, (size, ack, comes) in enumerate(steps):
        came += comes
        for stream in (short, long):
            stream.send(bytes([at]) * size)
            if comes:
                stream.take_data(Data(came, acked, False, b"x"), now=0.0)
        # Old parts go to a new carrier now and then, so that some are sent again.
        if size == 250:
            for stream in (short, long):
                stream.resumed(acked, frag=frag)
        records = long.pull(now=1.0)
        assert short.pull_records(now=1.0) == [encode_record(frame) for frame in records]
        sent = max([sent, *(frame.n for frame in records if isinstance(frame, Data))])
        acked = min(acked + ack, sent)
        for stream in (short, long):
            stream.take_ack(acked)
        assert short.ack_due == long.ack_due
        assert (short.queued_bytes, short.unacked_bytes) == (long.queued_bytes, long.unacked_bytes)


def test_a_lone_message_is_acknowledged_within_250_ms() -> None:
    pair = opened_pair()
    pair.client.send(b"x")
    pair.exchange()
    assert pair.server.next_deadline() == pair.now + 0.25
    pair.now += 0.25
    assert [parse_record(record) for record in pair.server.pull(pair.now)] == [Ack(1)]
    assert pair.server.next_deadline() is None


def hostile(frame: object) -> bytes:
    return pad(msgspec.msgpack.encode(frame))


BAD_AFTER_OPEN = {
    "gap": [3, 2, 0, False, b"x"],
    "n zero would be old, but the ack is of nothing sent": [3, 0, 1, False, b"x"],
    "empty part": [3, 1, 0, False, b""],
    "ack beyond": [4, 1],
    "second OPEN": [1, 1, None, 0, 65536],
    "OPENED from a client": [2, bytes(16), 0, True],
    "unknown tag": [8, 1],
    "wrong type": [3, "1", 0, False, b"x"],
    "missing field": [3, 1],
    "negative": [4, -1],
    "map": {"a": 1},
    "number": 5,
}


@pytest.mark.parametrize("frame", BAD_AFTER_OPEN.values(), ids=list(BAD_AFTER_OPEN))
def test_what_breaks_the_protocol_ends_the_session(frame: object) -> None:
    pair = opened_pair()
    assert pair.server.feed(hostile(frame), 0.0) == [Closed("protocol", 0, by_peer=False)]
    assert pair.server.done
    assert len(pair.table) == 0
    at_client, _ = pair.exchange()
    assert at_client == [Closed("protocol", 0, by_peer=True)]
    _, events = pair.client.open_carrier(1.0)
    assert events == [Begin()]


@pytest.mark.parametrize("record", [b"", b"x" * 255, bytes(256), b"\xff" * 256, pad(b"")[:-1] + b"\x01", bytes(65537)])
def test_a_record_that_is_none_ends_the_session(record: bytes) -> None:
    pair = opened_pair()
    assert pair.server.feed(record, 0.0) == [Closed("protocol", 0, by_peer=False)]
    pair = opened_pair()
    assert pair.client.feed(pair.number, record, 0.0) == [Closed("protocol", 0, by_peer=False)]


BAD_OPENED = {
    "another session": [2, bytes(16), 0, True],
    "rx of what was never sent": [2, bytes(15) + b"\x01", 9, True],
    "data before OPENED": [3, 1, 0, False, b"x"],
    "an ack before OPENED": [4, 0],
}


@pytest.mark.parametrize("frame", BAD_OPENED.values(), ids=list(BAD_OPENED))
def test_a_server_that_resumes_wrongly_is_left(frame: object) -> None:
    pair = opened_pair()
    pair.client.lost(pair.number)
    number, _ = pair.client.open_carrier(1.0)
    assert pair.client.feed(number, hostile(frame), 1.0) == [Closed("protocol", 0, by_peer=False)]
    assert isinstance(parse_record(pair.client.pull(number, 1.0)[0]), Close)


def test_a_peer_beyond_the_window_is_cut_off() -> None:
    pair = opened_pair()
    for n in range(1, 65):
        assert pair.server.feed(hostile([3, n, 0, False, b"x"]), 0.0) == [Message(b"x")]
    assert pair.server.feed(hostile([3, 65, 0, False, b"x"]), 0.0) == [Closed("protocol", 0, by_peer=False)]


def test_a_message_over_a_mebibyte_is_refused() -> None:
    pair = opened_pair()
    events: list[object] = []
    for n in range(1, 18):
        events += pair.server.feed(hostile([3, n, 0, True, bytes(65_472)]), 0.0)
        pair.server.pull(0.0)
    assert events == [Closed("protocol", 0, by_peer=False)]


def test_a_newer_open_takes_over_and_the_old_carrier_is_deaf() -> None:
    pair = opened_pair()
    late = hostile([3, 1, 0, False, b"late"])
    old_server, old_number = pair.server, pair.number
    pair.number, _ = pair.client.open_carrier(1.0)
    pair.server = pair.table.accept()
    at_client, at_server = pair.exchange()
    assert at_client == [Usable(resumed=True)]
    assert at_server == [TakenOver(old_server), Usable(resumed=True)]
    assert old_server.done
    assert old_server.feed(late, 1.0) == []
    assert pair.client.feed(old_number, late, 1.0) == []
    assert pair.client.pull(old_number, 1.0) == []
    old_server.lost(1.0)
    pair.client.lost(old_number)
    assert pair.client.usable
    assert pair.server.current
    pair.client.send(b"on")
    assert pair.exchange() == ([], [Message(b"on")])


def test_a_wrong_open_of_a_known_session_leaves_it_be() -> None:
    pair = opened_pair()
    other = pair.table.accept()
    events = other.feed(hostile([1, 1, bytes(15) + b"\x01", 9, 65536]), 0.0)
    assert events == [Closed("protocol", 0, by_peer=False)]
    assert pair.server.current
    pair.client.send(b"on")
    assert pair.exchange() == ([], [Message(b"on")])


def test_a_detached_session_lives_for_120_seconds() -> None:
    pair = opened_pair()
    pair.client.send(b"x")
    pair.exchange()
    session = pair.server.session
    pair.server.lost(10.0)
    assert pair.table.next_deadline() == 130.0
    assert pair.table.expire(129.9) == []
    assert pair.table.expire(130.0) == [session]
    pair.client.lost(pair.number)
    pair.number, events = pair.client.open_carrier(131.0)
    assert events == []
    pair.server = pair.table.accept()
    assert pair.exchange()[0] == [Usable(resumed=False), Begin()]


def test_a_session_that_carried_nothing_is_not_kept() -> None:
    pair = opened_pair()
    pair.server.lost(0.0)
    assert len(pair.table) == 0


def test_what_was_queued_while_detached_goes_out_on_the_next_carrier() -> None:
    pair = opened_pair()
    pair.client.send(b"x")
    pair.exchange()
    session = pair.server.session
    assert session is not None
    pair.server.lost(0.0)
    pair.client.lost(pair.number)
    session.send(b"while away")
    assert session.carrier is None
    pair.number, _ = pair.client.open_carrier(1.0)
    pair.server = pair.table.accept()
    assert pair.exchange() == ([Usable(resumed=True), Message(b"while away")], [Usable(resumed=True)])


def test_another_version_and_tiny_records_are_refused() -> None:
    table = SessionTable(Role.S, new_id=lambda: bytes(16))
    assert table.accept().feed(hostile([1, 2, None, 0, 65536]), 0.0) == [Closed("unsupported-version", 0, False)]
    assert table.accept().feed(hostile([1, 1, None, 0, 255]), 0.0) == [Closed("protocol", 0, False)]
    assert table.accept().feed(hostile([3, 1, 0, False, b"x"]), 0.0) == [Closed("protocol", 0, False)]
    assert len(table) == 0


def test_a_pong_has_the_size_of_its_ping_also_before_open() -> None:
    carrier = SessionTable(Role.S, new_id=lambda: bytes(16)).accept()
    for number in range(6):
        assert carrier.feed(encode_record(Ping(number), at_least=4096), 0.0) == []
        (pong,) = carrier.pull(0.0)
        assert len(pong) == 4096
        assert parse_record(pong) == Pong(number)
    assert carrier.feed(encode_record(Ping(7)), 0.0) == [Closed("protocol", 0, by_peer=False)]
    carrier = opened_pair().server
    assert carrier.feed(encode_record(Ping(1), at_least=16384), 0.0) == [Closed("protocol", 0, by_peer=False)]


def test_a_silent_carrier_is_asked_and_then_given_up() -> None:
    pair = opened_pair()
    pair.client.send(b"x")
    pair.client.pull(pair.number, 10.0)
    assert pair.client.next_deadline() == 11.5
    assert pair.client.tick(11.5) == []
    (ping,) = pair.client.pull(pair.number, 11.5)
    assert isinstance(parse_record(ping), Ping)
    assert pair.client.next_deadline() == pytest.approx(13.0, abs=0.01)
    assert pair.client.tick(13.01) == [Stalled()]
    assert pair.client.next_deadline() is None
    assert not pair.client.usable


def test_a_program_that_was_busy_asks_before_it_gives_up() -> None:
    pair = opened_pair()
    pair.client.send(b"x")
    pair.client.pull(pair.number, 10.0)
    assert pair.client.tick(60.0) == []
    (ping,) = pair.client.pull(pair.number, 60.0)
    assert isinstance(parse_record(ping), Ping)
    assert pair.client.next_deadline() == pytest.approx(61.5)
    assert pair.client.tick(61.5) == [Stalled()]


def test_a_slow_line_is_given_time_for_a_full_record() -> None:
    pair = opened_pair()
    pair.client.send(bytes(65_000))
    pair.client.pull(pair.number, 0.0)
    pair.client.tick(1.5)
    pair.client.pull(pair.number, 1.5)
    assert pair.client.tick(18.0) == []
    assert pair.client.tick(19.0) == [Stalled()]


def test_an_idle_carrier_is_asked_now_and_then() -> None:
    pair = opened_pair()
    assert pair.client.next_deadline() == 45.0
    pair.now = 45.0
    pair.client.tick(pair.now)
    assert pair.exchange() == ([], [])
    assert pair.client.next_deadline() == 90.0


def test_a_server_ends_a_session_behind_its_last_word() -> None:
    pair = opened_pair()
    assert pair.server.session is not None
    pair.server.session.send(b"bye")
    assert pair.server.close("replaced", 0.0, retry_ms=7) == [Closed("replaced", 7, by_peer=False)]
    assert pair.server.close("replaced", 0.0) == []
    pair.server.session.send(b"too late")
    assert pair.exchange() == ([Message(b"bye"), Closed("replaced", 7, by_peer=True)], [])


def test_a_client_ends_a_session() -> None:
    pair = opened_pair()
    assert pair.client.close("protocol") == [Closed("protocol", 0, by_peer=False)]
    assert pair.exchange() == ([], [Closed("protocol", 0, by_peer=True)])
    assert len(pair.table) == 0


def test_a_peer_that_pings_and_never_reads_is_cut_off() -> None:
    carrier = SessionTable(Role.S, new_id=lambda: bytes(16)).accept()
    carrier.feed(encode_record(Open(1, None, 0, 65536)), 0.0)
    for number in range(64):
        assert carrier.feed(encode_record(Ping(number)), 0.0) == []
    assert carrier.feed(encode_record(Ping(64)), 0.0) == [Closed("protocol", 0, by_peer=False)]
