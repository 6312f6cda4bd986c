"""Segments, echoes and rates of sessions: budgets on both sides, moves without loss, late OPENs that do nothing."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.protocol.wire import World

from zajil.protocol.frames import Role
from zajil.protocol.records import pad
from zajil.protocol.session import (
    ClientSession,
    Closed,
    Echo,
    Echoed,
    Message,
    Rotate,
    ServerCarrier,
    SessionTable,
    Slow,
    Stalled,
    TakenOver,
    Usable,
)
from zajil.protocol.session.pings import Pings
from zajil.protocol.session.stream import Stream
from zajil.protocol.session.wire import Ack, Data, Open, Opened, Ping, Pong, encode_record, parse_record

SEGMENT = 8192


class Line:
    """One client session and the server's table; a fresh pair of carriers for each `dial`."""

    def __init__(self) -> None:
        self.now = 0.0
        self.ids = iter(range(1, 99))
        self.table = SessionTable(Role.R, new_id=lambda: next(self.ids).to_bytes(16, "big"))
        self.client = ClientSession(Role.R)
        self.at_client: list[object] = []
        self.at_server: list[object] = []

    def dial(self, *, segmented: bool = False) -> ServerCarrier:
        self.number, events = self.client.open_carrier(self.now, segmented=segmented)
        self.at_client += events
        self.server = self.table.accept()
        self.up = self.down = 0
        return self.server

    def exchange(self) -> None:
        """Moves everything until both are silent."""
        while True:
            up, down = self.client.pull(self.number, self.now), self.server.pull(self.now)
            self.up += sum(map(len, up))
            self.down += sum(map(len, down))
            if not up and not down:
                return
            for record in up:
                self.at_server += self.server.feed(record, self.now)
            for record in down:
                self.at_client += self.client.feed(self.number, record, self.now)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.at_client += self.client.tick(self.now)
        self.exchange()

    def bodies(self, events: list[object]) -> list[bytes]:
        return [event.body for event in events if isinstance(event, Message)]


def segmented_line() -> Line:
    line = Line()
    line.dial(segmented=True)
    line.exchange()
    return line


# -- budgets
def test_neither_side_sends_more_than_a_segment() -> None:
    line = segmented_line()
    assert line.server.session is not None
    line.client.send(bytes(50_000))
    line.server.session.send(bytes(50_000))
    for _ in range(50):
        line.wait(0.3)
    assert max(line.up, line.down) <= SEGMENT
    assert min(line.up, line.down) > SEGMENT - 1024
    assert line.at_client.count(Rotate()) == 1


def test_a_spent_carrier_ends_in_good_order_and_the_session_goes_on() -> None:
    line = segmented_line()
    session = line.server.session
    assert session is not None
    session.send(bytes(50_000))
    line.exchange()
    while not line.server.done:
        line.wait(0.3)
        session.send(b"x")
    assert not session.closed
    assert not any(isinstance(event, Closed) for event in line.at_client + line.at_server)
    assert line.server.pull(line.now) == []
    assert line.server.next_deadline() is None
    line.server.lost(line.now)
    line.client.lost(line.number)
    line.dial(segmented=True)
    line.exchange()
    assert Usable(resumed=True) in line.at_client


def test_a_session_is_ended_on_a_spent_carrier_too() -> None:
    line = segmented_line()
    session = line.server.session
    assert session is not None
    while not line.server.done:
        session.send(b"x")
        line.server.pull(line.now)
    assert line.server.close("device-revoked", line.now) == [Closed("device-revoked", 0, by_peer=False)]
    assert session.closed
    assert len(line.table) == 0


@pytest.mark.parametrize("upwards", [True, False])
def test_half_a_segment_asks_for_the_next_carrier(upwards: bool) -> None:
    line = segmented_line()
    assert line.server.session is not None
    (line.client if upwards else line.server.session).send(bytes(3000))
    line.exchange()
    line.at_client += line.client.tick(line.now)
    assert line.at_client.count(Rotate()) == 1
    assert max(line.client.rx_bytes, line.client.tx_bytes) >= 4096


def test_a_stream_is_never_rotated() -> None:
    line = Line()
    line.dial()
    line.client.send(bytes(100_000))
    line.exchange()
    line.wait(1)
    assert Rotate() not in line.at_client
    assert line.client.tx_bytes > 100_000


def test_a_client_that_spent_its_segment_waits_without_a_busy_loop() -> None:
    line = segmented_line()
    line.client.send(bytes(50_000))
    line.client.pull(line.number, line.now)
    assert line.client.tick(line.now) == [Rotate()]
    deadline = line.client.next_deadline()
    assert deadline is None or deadline > line.now
    line.now += 100
    assert line.client.tick(line.now) == []
    assert line.client.pull(line.number, line.now) == []


@pytest.mark.parametrize("size", [100, 20_000, 300_000])
def test_messages_pass_from_segment_to_segment(size: int) -> None:
    line = segmented_line()
    session = line.server.session
    assert session is not None
    bodies = [bytes((n,)) * size for n in (1, 2, 3)]
    for body in bodies:
        line.client.send(body)
        session.send(body)
    dials = 0
    while len(line.bodies(line.at_client)) < 3 or len(line.bodies(line.at_server)) < 3:
        line.exchange()
        line.at_client += line.client.tick(line.now)
        before = line.server
        line.dial(segmented=True)
        line.exchange()
        assert before.done
        dials += 1
        assert dials < 3 * size // 3000 + 10
    assert line.bodies(line.at_client) == bodies
    assert line.bodies(line.at_server) == bodies


def test_what_a_stream_had_cut_is_cut_anew_for_segments() -> None:
    line = Line()
    line.dial()
    line.exchange()
    session = line.server.session
    assert session is not None
    body = bytes(range(256)) * 800
    line.client.send(body)
    session.send(body)
    line.client.pull(line.number, line.now)
    line.server.pull(line.now)
    for _ in range(60):
        line.dial(segmented=True)
        line.exchange()
        assert max(line.up, line.down) <= SEGMENT
    assert line.bodies(line.at_client) == [body]
    assert line.bodies(line.at_server) == [body]


@given(
    st.lists(st.integers(1, 9000), min_size=1, max_size=5),
    st.lists(st.tuples(st.sampled_from([256, 1024, 3584, 65_536]), st.integers(0, 5)), max_size=12),
)
@settings(deadline=None)
def test_a_stream_cut_anew_any_number_of_times_says_the_same(sizes: list[int], hops: list[tuple[int, int]]) -> None:
    sender, receiver = Stream(), Stream()
    bodies = [bytes((n,)) * size for n, size in enumerate(sizes)]
    for body in bodies:
        sender.send(body)
    found = []
    for frag, most in [*hops, (65_536, 999)]:
        sender.resumed(receiver.rx, frag=frag)
        receiver.resumed(0, frag=frag)
        for frame in sender.pull(now=0.0)[:most]:
            assert isinstance(frame, Data)
            assert len(frame.body) <= frag - 64
            message = receiver.take_data(frame, now=0.0)
            found += [message] if message is not None else []
    sender.take_ack(receiver.rx)
    while sender.queued_bytes:
        receiver.resumed(0, frag=65_536)
        for frame in sender.pull(now=0.0):
            assert isinstance(frame, Data)
            message = receiver.take_data(frame, now=0.0)
            found += [message] if message is not None else []
        sender.take_ack(receiver.rx)
    assert found == bodies


def test_a_detached_session_lives_for_600_seconds_when_segmented() -> None:
    line = segmented_line()
    line.client.send(b"x")
    line.exchange()
    line.server.lost(10.0)
    assert line.table.next_deadline() == 610.0
    assert line.table.expire(609.9) == []
    line.dial()
    line.exchange()
    line.server.lost(20.0)
    assert line.table.next_deadline() == 140.0


# -- OPENs that come late
def test_an_open_that_comes_late_takes_nothing_over() -> None:
    line = Line()
    line.dial()
    line.client.send(b"one")
    line.exchange()
    line.client.open_carrier(line.now)
    late = line.client.pull(2, line.now)
    line.dial()
    line.exchange()
    current, session = line.server, line.server.session
    carrier = line.table.accept()
    assert [event for record in late for event in carrier.feed(record, line.now)] == []
    assert carrier.done
    assert carrier.session is None
    assert current.current
    assert session is not None
    assert session.carrier is current
    line.client.send(b"two")
    line.exchange()
    assert line.bodies(line.at_server) == [b"one", b"two"]


def test_an_open_without_a_number_takes_over_as_before() -> None:
    line = Line()
    line.dial()
    line.client.send(b"one")
    line.exchange()
    session = line.server.session
    assert session is not None
    carrier = line.table.accept()
    plain = pad(msgspec.msgpack.encode([1, 1, session.resume, 0, 65_536]))
    assert carrier.feed(plain, line.now) == [TakenOver(line.server), Usable(resumed=True)]


def test_carriers_are_numbered_in_their_opens() -> None:
    client = ClientSession(Role.R)
    numbers = []
    for _ in range(3):
        number, _ = client.open_carrier(0.0, segmented=True)
        frame = parse_record(client.pull(number, 0.0)[0])
        assert isinstance(frame, Open)
        assert frame.frag == 3584
        numbers.append(frame.serial)
    assert numbers == [1, 2, 3]


# -- the echo
def test_the_echo_goes_behind_queued_data_and_tells_how_it_goes() -> None:
    line = Line()
    line.dial()
    line.exchange()
    line.client.send(b"first")
    line.client.prove(line.now)
    sent = line.client.pull(line.number, line.now)
    frames = [parse_record(record) for record in sent]
    assert [type(frame) for frame in frames] == [Data, *[Ping] * 6]
    assert [len(record) for record in sent[1:]] == [4096] * 6
    for record in sent:
        line.server.feed(record, line.now)
    line.now = 1.0
    told = [event for record in line.server.pull(1.0) for event in line.client.feed(line.number, record, 1.0)]
    progress = [event for event in told if isinstance(event, Echoed)]
    # What came first is the acknowledgement: it shows that the carrier lives.
    assert [event.received_bytes for event in progress] == [4096 * n for n in range(7)]
    assert [event.done for event in progress] == [False] * 6 + [True]
    assert line.client.rate_bytes_s == 24_576


def test_a_bare_carrier_is_proved_before_a_session_is_on_it() -> None:
    carrier, echo = SessionTable(Role.S, new_id=lambda: bytes(16)).accept(), Echo(5.0)
    for n, record in enumerate(echo.records()):
        assert not echo.done
        carrier.feed(record, 5.0)
        (pong,) = carrier.pull(5.0)
        assert echo.feed(pong, 5.5 + n)
        assert not echo.feed(pong, 5.5 + n)
    assert (echo.done, echo.received_bytes, echo.elapsed_s) == (True, 24_576, 5.5)
    client = ClientSession(Role.S)
    number, _ = client.open_carrier(11.0)
    for record in client.pull(number, 11.0):
        assert carrier.feed(record, 11.0) == [Usable(resumed=False)]


@pytest.mark.parametrize(
    "record",
    [
        b"",
        bytes(4096),
        pad(b"\xff" * 4000),
        encode_record(Pong(1), at_least=4096),
        encode_record(Pong(0xEC000000)),
        encode_record(Ping(0xEC000000), at_least=4096),
        encode_record(Opened(bytes(16), 0, False)),
    ],
)
def test_an_echo_leaves_what_is_not_its_answer(record: bytes) -> None:
    echo = Echo(0.0)
    assert not echo.feed(record, 1.0)
    assert echo.received_bytes == 0


def test_an_echo_stops_after_3_silent_seconds_or_15_in_all() -> None:
    echo = Echo(10.0)
    assert echo.stops_at == 13.0
    echo.feed(encode_record(Ack(1)), 12.0)
    assert echo.stops_at == 15.0
    echo.feed(encode_record(Pong(0xEC000003), at_least=4096), 24.0)
    assert echo.stops_at == 25.0


def test_a_segmented_carrier_is_not_proved() -> None:
    line = segmented_line()
    line.client.prove(line.now)
    assert line.client.pull(line.number, line.now) == []


# -- rates and patience
def test_a_fast_line_is_left_after_three_seconds_and_a_slow_one_is_given_time() -> None:
    for rate, patience in ((0.0, 19.0), (4096.0, 19.0), (65_536.0, 7.0), (1e6, 3.262144)):
        pings = Pings(0.0)
        pings.rate_bytes_s = rate
        pings.in_flight_bytes = 65_536
        pings.expect(0.0)
        pings.make(1.5)
        assert pings.stalled_at == pytest.approx(patience)


def test_a_rate_is_what_the_line_showed_at_its_best_until_much_says_otherwise() -> None:
    pings = Pings(0.0)
    pings.flight(0, 0.0, more=True)
    pings.flight(2000, 0.1, more=False)
    assert pings.rate_bytes_s == 0
    pings.flight(0, 1.0, more=True)
    pings.flight(10_000, 1.5, more=True)
    pings.flight(10_000, 2.0, more=False)
    assert pings.rate_bytes_s == 20_000
    pings.flight(0, 5.0, more=True)
    pings.flight(5000, 10.0, more=False)
    assert pings.rate_bytes_s == 20_000
    pings.flight(0, 20.0, more=True)
    pings.flight(65_536, 30.0, more=False)
    assert pings.rate_bytes_s == 6553.6


def test_a_measured_line_that_goes_silent_stalls_after_three_seconds() -> None:
    line = Line()
    line.dial()
    line.exchange()
    line.client.prove(line.now)
    sent = line.client.pull(line.number, line.now)
    for record in sent:
        line.server.feed(record, line.now)
    line.now = 0.1
    for record in line.server.pull(line.now):
        line.client.feed(line.number, record, line.now)
    line.client.send(bytes(60_000))
    line.client.pull(line.number, line.now)
    line.client.tick(line.now + 1.5)
    line.client.pull(line.number, line.now + 1.5)
    deadline = line.client.next_deadline()
    assert deadline is not None
    assert line.now + 3 <= deadline < line.now + 4.1
    assert line.client.tick(deadline) == [Stalled()]
    assert line.client.rx_bytes == 256 + 24_576


def test_a_slow_line_with_a_queue_is_told_and_its_recovery_too() -> None:
    client = ClientSession(Role.R, frag=4096)
    number, _ = client.open_carrier(0.0)
    client.feed(number, encode_record(Opened(bytes(16), 0, False)), 0.0)
    client.send(bytes(500_000))
    client.pull(number, 0.0)
    told: list[object] = []
    for n in range(1, 80):
        # One part each 5 s at first, then four a second.
        now = 5.0 * n if n < 9 else 40.0 + (n - 8) * 0.25
        told += client.feed(number, encode_record(Ack(n)), now)
        told += client.tick(now)
        client.pull(number, now)
    rates = [event.bytes_s for event in told if isinstance(event, Slow)]
    assert rates[:2] == pytest.approx([806.4, 806.4])
    last = client.tick(60.0)
    assert [event.bytes_s > 4096 for event in last if isinstance(event, Slow)] == [True]


# -- everything at once
@pytest.mark.slow
@pytest.mark.parametrize("upwards", [True, False])
def test_a_cut_after_any_record_of_a_rotation_loses_and_doubles_nothing(upwards: bool) -> None:
    for cut in range(40):
        world = World(256)
        connection = world.dial()
        body = b"message!" + bytes(6000)
        world.request(b"message!", body)
        moved = 0
        while moved < cut and connection.open:
            for pipe, move in ((connection.up, world.up), (connection.down, world.down)):
                if (pipe is connection.up) == upwards:
                    moved += 1
                move(connection, 1)
            if world.rotate:
                connection = world.dial()
        world.cut(connection)
        world.settle()
        assert world.arrived == [body]
        assert not world.requests
        assert not world.closed
