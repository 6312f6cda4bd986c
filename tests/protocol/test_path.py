"""The dialer's rules one by one, with the times that people wait. Whole lives are in path_vectors and the machine."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocol import path_vectors
from tests.protocol.path_vectors import Story
from tests.protocol.path_world import ALL, START, candidate

from zajil.protocol.path import (
    Candidate,
    Carry,
    Dialer,
    Failure,
    Memory,
    Mode,
    Pace,
    Preference,
    Start,
    Stop,
    Strategy,
    encode_memory,
    parse_memory,
)
from zajil.protocol.path.candidates import plan, unlike
from zajil.protocol.path.failures import Failures, next_round_s
from zajil.protocol.path.view import judge
from zajil.protocol.reach.endpoints import Endpoint, EndpointKind

NAMES = path_vectors.NAMES
DAY = 86_400.0


def half() -> float:
    return 0.5


def carried(story: Story) -> float:
    """Seconds from the start until something carried, so that messages go."""
    for step in story.steps:
        assert isinstance(step, list)
        if any(action[0] == "carry" for action in step[3]):
            return float(step[0]) - START
    return float("inf")


# -- how long people wait
@pytest.mark.parametrize(
    ("behaviour", "route", "seconds"),
    [
        ({}, "o/wss stream", 0.7),
        ({"o": "dead"}, "f1/wss stream", 1.0),
        ({"o": "dead", "f1": "dead"}, "b1/wss stream", 1.3),
        ({"every": "dead", "b1_poll": "ok"}, "b1/poll stream", 8.0),
        ({"every": "refused", "o_poll": "ok"}, "o/poll stream", 2.0),
        ({"every": "dead", "o_wss": "answers", "o_poll": "ok"}, "o/poll stream", 1.5),
        ({"every": "dead", "b1_wss": "answers", "b1_poll": "ok"}, "b1/poll stream", 2.5),
        ({"every": "frozen"}, "o/wss segmented", 0.7),
        ({"o": "frozen", "f1": "frozen"}, "b1/wss stream", 0.7),
        ({"o": "crawl", "f1": "dead", "b1": "dead"}, "o/wss stream", 0.7),
        ({"o": "short", "f1": "ok"}, "f1/wss stream", 0.7),
    ],
)
def test_the_first_message_goes_soon(behaviour: dict[str, str], route: str, seconds: float) -> None:
    story = Story("", NAMES)
    story.begin(**behaviour)  # type: ignore[arg-type]  # literals from the table
    story.pass_time(20)
    assert story.route == route
    assert story.connected
    assert carried(story) <= seconds


def test_an_endpoint_that_answers_is_asked_otherwise_although_its_second_way_had_no_place_in_the_round() -> None:
    """Six hosts, six places: all are silent but one, a front that takes POSTs alone."""
    story = Story("", "o/wss b1/wss b2/wss b3/wss b4/wss f9/wss f9/poll")
    story.begin(every="dead", f9_wss="answers", f9_poll="ok")
    story.pass_time(8)
    assert story.route == "f9/poll stream"


def test_with_nothing_that_is_allowed_a_round_ends_and_says_so() -> None:
    """Nothing but tools, and none is there: whoever waits for a route learns it."""
    dialer = Dialer(random=half, now=START)
    dialer.set_candidates([candidate("o/wss")], START, preference=Preference.PRIVACY_ONLY)
    dialer.want(START)
    assert dialer.pull() == []
    assert dialer.retry_at is not None
    assert dialer.view(START + 1).state == "waiting"


def test_a_frozen_network_is_in_segments_within_seven_seconds() -> None:
    story = Story("", NAMES)
    story.begin(every="frozen")
    story.pass_time(7)
    segmented = [step[0] for step in story.steps for action in step[3] if action[-1] == "segmented"]  # type: ignore[index, union-attr]  # our own steps
    assert segmented[0] - START < 5  # type: ignore[operator]
    assert (story.route, story.connected, story.state) == ("o/wss segmented", True, "slow")


@pytest.mark.parametrize(("rx_bytes", "mode"), [(4095, "stream"), (4096, "segmented"), (65_536, "segmented")])
def test_a_stall_is_taken_for_freezing_between_4_and_64_kib(rx_bytes: int, mode: str) -> None:
    story = Story("", NAMES)
    story.begin()
    story.pass_time(20)
    story.stall(rx_bytes)
    started = story.dialer.view(story.now).tries[0]
    assert started.mode.value == mode
    assert started.result == "dialing"


@pytest.mark.parametrize(
    ("marks", "segmented"),
    [
        ([(1, 0.0)], False),
        ([(1, 0.0), (1, 599.0)], True),
        ([(1, 0.0), (1, 600.0)], False),
        ([(2, 0.0)], True),
    ],
)
def test_two_marks_in_ten_minutes_segment_for_a_day(marks: list[tuple[int, float]], segmented: bool) -> None:
    known = Memory().network("home", START).keep("o/wss")
    known.prove(START)
    for weight, at in marks:
        known.mark(weight, START + at)
    end = START + marks[-1][1] + DAY
    assert known.segmented(end - 1) == segmented
    assert not known.segmented(end)
    assert not known.proved(START + 1)
    known.prove(START + 700)
    assert not known.segmented(START + 700)
    assert known.proved(START + 700 + DAY - 1)
    assert not known.proved(START + 700 + DAY)


def test_a_mark_alone_is_forgotten_when_the_echo_is_whole() -> None:
    story = Story("", NAMES)
    story.begin()
    story.pass_time(20)
    story.stall(16_000)
    story.pass_time(3)
    known = story.dialer.memory.networks["home"].known["o/wss"]
    assert (known.marks, known.segmented_until) == (0, 0)
    assert story.route == "o/wss stream"


def test_a_reset_is_recovered_from_with_the_same_candidate_and_without_an_echo() -> None:
    story = Story("", NAMES)
    story.begin()
    story.pass_time(20)
    before = len(story.starts)
    story.lose(5000)
    story.pass_time(1)
    assert story.connected
    assert story.starts[before] == "o/wss"
    assert len(story.starts) <= before + 2


def test_after_a_stall_the_next_candidate_begins_250_ms_later() -> None:
    story = Story("", NAMES)
    story.begin()
    story.pass_time(600)
    story.become(o="dead")
    story.stall(1 << 20)
    at = story.now
    starts = [(step[0], action[2]) for step in story.steps for action in step[3] if action[0] == "start"]  # type: ignore[index, union-attr]  # our own steps
    assert starts[-1] == (at, "o/wss")
    story.pass_time(0.26)
    assert story.dialer.view(story.now).trying == 2
    story.pass_time(1)
    assert story.connected


# -- never more than needed
def test_a_round_stops_at_the_first_proof() -> None:
    story = Story("", " ".join(c.id for c in ALL))
    story.begin()
    story.pass_time(3600)
    assert len(story.starts) <= 3
    assert not any(one.startswith("p") for one in story.starts)


def test_private_bridges_stay_hidden_while_a_public_one_works() -> None:
    story = Story("", path_vectors.WITH_PRIVATE)
    story.begin(o="dead")
    story.pass_time(3600)
    assert set(story.starts) == {"o/wss", "b1/wss"}


MANY = "o/wss o/poll f1/wss f1/poll b1/wss b1/poll p1/wss p2/wss"


def test_private_bridges_have_places_in_the_first_round_and_one_to_start_in_while_all_others_hang() -> None:
    story = Story("", MANY)
    story.begin(every="dead", p1="ok")
    story.pass_time(6)
    assert story.route == "p1/wss stream"
    assert carried(story) <= 3.5


def test_after_a_route_that_worked_a_private_bridge_waits_one_second() -> None:
    story = Story("", MANY)
    story.begin()
    story.pass_time(600)
    story.become(every="dead", p1="ok")
    story.stall(1 << 20)
    story.pass_time(1.5)
    assert story.route == "p1/wss stream"


def test_three_private_bridges_a_day() -> None:
    story = Story("", path_vectors.WITH_PRIVATE)
    story.begin(every="dead")
    story.pass_time(4 * 3600)
    assert {one for one in story.starts if one.startswith("p")} == {"p1/wss", "p2/wss", "p3/wss"}


def test_a_tap_starts_at_once_and_only_every_ten_seconds() -> None:
    story = Story("", NAMES)
    story.begin(every="dead")
    story.pass_time(1500)
    before = len(story.starts)
    assert story.dialer.tap(story.now)
    assert [type(action) for action in story.dialer.pull()] == [Start]
    assert not story.dialer.tap(story.now + 9.9)
    assert len(story.starts) == before


def test_a_tap_while_a_round_runs_is_kept_for_its_end() -> None:
    """The network came back after the round had tried in vain what opens now."""
    story = Story("", NAMES)
    story.begin()
    story.pass_time(3)
    story.become(every="refused", o_poll="dead")
    story.lose(1 << 20)
    story.pass_time(4)
    assert story.route == ""
    story.become(f1="ok")
    story.call("tap")
    story.pass_time(11)
    assert story.route == "f1/wss stream"


def test_a_tap_that_a_running_round_answered_does_not_stand_in_the_way_of_the_next() -> None:
    """As when a call of the client itself asks for a way while one is being found, and that way is blocked at once."""
    story = Story("", NAMES)
    story.begin()
    story.call("tap")
    story.pass_time(3)
    assert story.route == "o/wss stream"
    story.become(every="refused")
    story.lose(1 << 20)
    story.pass_time(4)
    assert story.route == ""
    story.become(f1="ok")
    assert story.dialer.tap(story.now)


def test_what_failed_is_left_out_while_there_are_others() -> None:
    story = Story("", "o/wss b1/wss b2/wss f1/wss")
    story.begin(every="refused", o="dead")
    story.pass_time(8)
    story.become(b1="ok")
    story.call("set_candidates", [*story.candidates[:1], *story.candidates[2:]])
    before = len(story.starts)
    story.pass_time(12)
    assert "b1/wss" not in story.starts[before:]


# -- who carries
def test_the_session_moves_before_the_old_carrier_is_closed() -> None:
    dialer = Dialer(random=half, now=START)
    dialer.set_candidates([candidate("o/wss"), candidate("b1/wss")], START)
    dialer.want(START)
    dialer.usable(1, START + 0.1)
    dialer.tick(START + 0.4)
    dialer.usable(2, START + 0.5)
    dialer.pull()
    dialer.echoed(2, 24_576, START + 0.6)
    assert dialer.pull() == [Carry(2), Stop(1)]
    assert dialer.route is not None
    assert dialer.route.proved


def test_what_is_told_of_an_unknown_attempt_means_nothing() -> None:
    dialer = Dialer(random=half, now=START)
    dialer.set_candidates([candidate("o/wss")], START)
    dialer.want(START)
    dialer.pull()
    for number in (0, 7):
        dialer.usable(number, START)
        dialer.echoed(number, 4096, START)
        dialer.failed(number, Failure("tcp", "reset"), START)
        dialer.lost(number, 0, START)
        dialer.stalled(number, 16_000, START)
        dialer.rotate(number, START)
        dialer.slow(number, 1.0, START)
        dialer.connected(number, START)
    assert dialer.pull() == []
    assert dialer.view(START).trying == 1


def test_an_attempt_that_is_never_reported_is_given_up() -> None:
    dialer = Dialer(random=half, now=START)
    dialer.set_candidates([candidate("o/wss")], START)
    dialer.want(START)
    dialer.tick(START + 12)
    assert dialer.pull() == [Start(1, "o/wss", Mode.STREAM), Stop(1)]
    assert dialer.view(START + 12).tries[0].reason == "timeout"


def test_rotation_makes_before_it_breaks_unless_another_session_has_a_carrier() -> None:
    story = Story("", NAMES)
    story.begin(every="frozen")
    story.pass_time(10)
    first = story.carrying
    assert first is not None
    story.call("rotate", first)
    assert story.carrying == first
    story.pass_time(1)
    assert story.carrying not in (None, first)
    second = story.carrying
    story.dialer.pace.started(story.now)
    story.pass_time(1)
    story.call("rotate", second)
    assert story.carrying is None
    assert len(story.lines) == 1
    story.dialer.pace.ended()


def test_the_pace_of_segments() -> None:
    pace = Pace()
    assert pace.may_dial(0)
    pace.started(0)
    assert not pace.may_dial(0.4)
    assert pace.may_dial(0.5)
    pace.started(0.5)
    assert not pace.may_dial(9)
    for _ in range(20):
        pace.usable()
    pace.ended()
    pace.started(10)
    pace.ended()
    assert pace.may_dial(10.25)
    for gap in (1.0, 2.0, 4.0, 4.0):
        pace.failed(20)
        assert pace.ready_at == 20 + gap
    pace.usable()
    pace.started(30)
    assert pace.ready_at == 30.5


# -- order
def tool(name: str, strategy: Strategy, *, private: bool = False) -> Candidate:
    return Candidate(
        f"{name}/{strategy}", Endpoint(name, EndpointKind.BRIDGE, f"{name}.test", private=private), strategy
    )


TOR = tool("tor", Strategy.SOCKS)
OBFS = tool("obfs", Strategy.PT)
MINE = tool("mine", Strategy.SOCKS, private=True)
MIXED = [
    *(candidate(name) for name in ("o/wss", "o/poll", "b1/wss", "f1/wss", "p1/wss")),
    *(TOR, OBFS, MINE),
]


def order(preference: Preference, *remembered: str) -> list[str]:
    return [c.id for c in plan(MIXED, remembered=remembered, preference=preference, random=half)]


def test_the_sources_in_order() -> None:
    public = ["o/wss", "f1/wss", "b1/wss", "o/poll"]
    assert order(Preference.SPEED) == [*public, "tor/socks", "obfs/pt", "p1/wss", "mine/socks"]
    assert order(Preference.SPEED, "p1/wss", "gone/wss", "b1/wss")[:3] == ["p1/wss", "b1/wss", "o/wss"]
    assert order(Preference.PRIVACY) == ["tor/socks", "obfs/pt", "mine/socks", *public, "p1/wss"]
    assert order(Preference.PRIVACY, "b1/wss", "obfs/pt")[:4] == ["obfs/pt", "tor/socks", "mine/socks", "b1/wss"]
    assert order(Preference.PRIVACY_ONLY) == ["tor/socks", "obfs/pt", "mine/socks"]


def test_privacy_only_leaves_what_is_not_private_at_once() -> None:
    dialer = Dialer(random=half, now=START)
    dialer.set_candidates(MIXED, START)
    dialer.want(START)
    dialer.usable(1, START + 0.1)
    dialer.pull()
    dialer.set_candidates(MIXED, START + 1, preference=Preference.PRIVACY_ONLY)
    assert dialer.pull() == [Stop(1), Start(2, "tor/socks", Mode.STREAM)]


@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=9))
def test_neighbours_differ_where_they_can_and_nobody_is_left_out(numbers: list[float]) -> None:
    drawn = iter(numbers * 20)
    names = ("b1/wss", "b2/wss", "b3/wss", "f1/wss", "f2/wss", "f3/wss")
    candidates = [candidate(name) for name in names]
    planned = plan(candidates, remembered=(), preference=Preference.SPEED, random=lambda: next(drawn))
    assert sorted(c.id for c in planned) == sorted(names)
    assert all(unlike(a.endpoint, b.endpoint) for a, b in itertools.pairwise(planned[:5]))


def test_heavier_endpoints_come_first_more_often() -> None:
    numbers = iter([n / 1000 for n in range(1000) for _ in range(2)])
    pair = [candidate("b1/wss", weight=90), candidate("b2/wss", weight=10)]
    first = [
        plan(pair, remembered=(), preference=Preference.SPEED, random=lambda: next(numbers))[0].id for _ in range(1000)
    ]
    assert first.count("b1/wss") == 900


# -- failures, rounds, memory
def test_failures_keep_a_candidate_out_longer_and_longer() -> None:
    failures = Failures(half)
    lengths = []
    for n in range(12):
        failures.note("home", "a", 1000.0 * n)
        lengths.append(failures.until("home", "a") - 1000.0 * n)
    assert lengths[:4] == [60, 120, 240, 480]
    assert lengths[-1] == 6 * 3600
    assert failures.until("cafe", "a") == 0
    failures.clear("home", "a")
    assert failures.until("home", "a") == 0
    spread = [Failures(lambda n=n: n) for n in (0.0, 0.999)]  # type: ignore[misc]  # a lambda's default
    for one in spread:
        one.note("home", "a", 0)
    assert [round(one.until("home", "a")) for one in spread] == [30, 90]


def test_rounds_begin_at_0_10_30_60_120_300_and_every_300_seconds() -> None:
    times = [0.0]
    for n in range(1, 9):
        times.append(times[-1] + next_round_s(n, half))
    assert times == pytest.approx([0, 10, 30, 60, 120, 300, 600, 900, 1200])
    assert next_round_s(1, lambda: 0.0) == pytest.approx(7)
    assert next_round_s(1, lambda: 1.0) == pytest.approx(13)


def test_memory_forgets_what_is_old_or_too_much() -> None:
    memory = Memory()
    for n in range(40):
        network = memory.network(f"n{n}", START + n)
        for m in range(10):
            network.keep(f"c{m}").won_at = START + n + m
    assert len(memory.networks) == 32
    assert "n7" not in memory.networks
    assert memory.networks["n39"].winners() == [f"c{m}" for m in range(9, 1, -1)]
    memory.network("now", START + 20 + 30 * DAY)
    assert "n20" not in memory.networks
    assert "n21" in memory.networks
    assert parse_memory(encode_memory(memory)) == memory


def test_what_carried_a_call_is_remembered_for_a_month_and_for_its_network() -> None:
    memory = Memory()
    home = memory.network("home", START)
    assert home.find_rung(START) is None
    home.keep_rung("C", START)
    home.keep_rung("B", START + 1)
    home.doubt()
    assert memory.network("inn", START + 1).find_rung(START + 1) is None
    again = parse_memory(encode_memory(memory)).networks["home"]
    assert [again.find_rung(START + 1 + at) for at in (0, 30 * DAY - 1, 30 * DAY)] == ["B", "B", None]
    again.keep("o/wss")
    again.note_private("private-1", START)
    again.forget()
    assert (again.find_rung(START + 2), again.known, again.private_tried(START)) == (None, {}, ["private-1"])
    home.rung = "no such rung"
    assert home.find_rung(START + 1) is None


@pytest.mark.parametrize("data", [b"", b"5", b"{}", b"[]", b"\xff", b"[" * 9999, b'{"networks":{"a":{"known":5}}}'])
def test_a_memory_that_cannot_be_read_is_empty(data: bytes) -> None:
    assert parse_memory(data) == Memory()


@given(st.binary(max_size=200))
def test_no_bytes_for_a_memory_raise(data: bytes) -> None:
    parse_memory(data)


def test_a_device_starts_from_what_it_remembered() -> None:
    story = Story("", NAMES)
    story.begin(o="dead")
    story.pass_time(20)
    stored = parse_memory(encode_memory(story.dialer.memory))
    dialer = Dialer(random=half, memory=stored, network="home", now=story.now)
    dialer.set_candidates(story.candidates, story.now)
    dialer.want(story.now)
    won = story.route.split()[0]
    assert dialer.pull() == [Start(1, won, Mode.STREAM)]
    dialer.usable(1, story.now + 0.1)
    assert dialer.pull() == [Carry(1)]
    assert dialer.route is not None
    assert dialer.route.proved


# -- what people are told
TCP_TIMEOUT, UNREACHABLE = Failure("tcp", "timeout"), Failure("dns", "unreachable")
REFUSED, RESET, DOWN = Failure("tcp", "refused"), Failure("tls", "reset"), Failure("http", "status", 502)


@pytest.mark.parametrize(
    ("failures", "online", "state"),
    [
        ([], False, "offline"),
        ([RESET, RESET], False, "offline"),
        ([UNREACHABLE, UNREACHABLE], None, "offline"),
        ([UNREACHABLE, TCP_TIMEOUT], None, "waiting"),
        ([TCP_TIMEOUT, TCP_TIMEOUT], None, "waiting"),
        ([TCP_TIMEOUT, TCP_TIMEOUT], True, "blocked"),
        ([RESET, TCP_TIMEOUT], None, "blocked"),
        ([Failure("tls", "cert"), TCP_TIMEOUT], None, "blocked"),
        ([Failure("tls", "timeout")], None, "blocked"),
        ([Failure("echo", "frozen")], None, "blocked"),
        ([Failure("connect", "closed")], None, "waiting"),
        ([REFUSED], None, "server_down"),
        ([REFUSED, REFUSED], None, "blocked"),
        ([DOWN, TCP_TIMEOUT], None, "blocked"),
        ([DOWN, Failure("http", "closed", 4502)], None, "server_down"),
        ([DOWN], True, "server_down"),
    ],
)
def test_what_a_round_without_success_shows(failures: list[Failure], online: bool | None, state: str) -> None:
    names = ("b1/wss", "b2/wss")
    found = {candidate(name): failure for name, failure in zip(names, failures, strict=False)}
    assert judge(found, online=online) == state


def test_nothing_alarming_is_said_for_20_seconds() -> None:
    story = Story("", NAMES)
    story.begin(every="refused")
    said = set()
    while story.now < START + 19.4:
        story.pass_time(0.5)
        said.add(story.state)
    assert said <= {"trying", "waiting"}
    story.pass_time(0.5)
    assert story.state == "blocked"


def test_a_route_through_a_proxy_is_not_called_direct() -> None:
    through = Candidate("o/socks", Endpoint("o", EndpointKind.ORIGIN, "o.test"), Strategy.SOCKS)
    dialer = Dialer(random=half, now=START)
    dialer.set_candidates([through], START)
    dialer.want(START)
    dialer.usable(1, START)
    view = dialer.view(START)
    assert (view.state, view.via) == ("via", "o.test")


def test_a_failure_while_the_server_was_away_is_told_from_one_of_a_network_that_refuses_it() -> None:
    def failed(story: Story) -> bool:
        assert story.route == "o/poll stream"
        (socket,) = [one for one in story.dialer.view(story.now).tries if one.candidate.id == "o/wss"]
        assert socket.result == "failed"
        return socket.in_outage

    blocking = Story("WebSockets are refused", "o/wss o/poll")
    blocking.begin(o_wss="refused")
    blocking.pass_time(3)
    assert not failed(blocking)
    for away_s in (0, 5):
        restarted = Story("POSTs reach a server first that restarted", "o/wss o/poll")
        restarted.begin()
        restarted.pass_time(2)
        restarted.become(every="refused")
        restarted.lose(1 << 20)
        restarted.pass_time(away_s)
        restarted.become(o_poll="ok")
        restarted.pass_time(120)
        assert failed(restarted)


def test_the_table_of_tries_tells_times_and_bytes() -> None:
    dialer = Dialer(random=half, now=START)
    dialer.set_candidates([candidate("o/wss")], START)
    dialer.want(START)
    dialer.connected(1, START + 0.1)
    dialer.usable(1, START + 0.25)
    dialer.echoed(1, 4096, START + 0.5)
    dialer.echoed(1, 24_576, START + 1.25)
    (shown,) = dialer.view(START + 2).tries
    assert (shown.connect_ms, shown.usable_ms, shown.echo_ms, shown.echo_bytes) == (100, 250, 1000, 24_576)
    assert (shown.result, shown.chosen, shown.last_ok) == ("proved", True, START + 1.25)
