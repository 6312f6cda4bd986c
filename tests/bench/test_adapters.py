"""The load itself: stamps in cut bytes, a load that cannot keep up, and 20 messages through each adapter."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from bench.adapters import brokers as loads
from bench.adapters import matrix, xmpp, zajil
from bench.generate import Load, Scanner, make_stamp
from bench.peers import bare, brokers, ejabberd, prosody, synapse
from bench.peers import zajil as servers
from bench.peers.starting import Running, Server
from bench.provision import Template, template
from bench.rounds import MissingError, Turn, WrongResultError

from bench import latency, relay
from zajil.protocol import frames

MESSAGES = 20


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 23, 1000])
def test_stamps_are_found_wherever_the_bytes_are_cut(cut: int) -> None:
    times = [17, 1_234_567_890_123_456_789, 42]
    data = b"<to='a@b@'>@ " + b" x@ ".join(b"@@%019d" % at for at in times) + b"@tail"
    scanner = Scanner()
    assert [at for start in range(0, len(data), cut) for at in scanner.find(data[start : start + cut])] == times
    assert [*scanner.find(b""), *scanner.find(make_stamp()[:20])] == []


def test_answers_of_http_are_found_wherever_the_bytes_are_cut() -> None:
    plain = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst"
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nseco\r\n2\r\nnd\r\n0\r\n\r\n"
    for size in range(len(plain)):
        assert matrix.split_answer(plain[:size]) is None
    for size in range(len(chunked)):
        assert matrix.split_answer(chunked[:size]) is None
    assert matrix.split_answer(plain + chunked) == (b"first", chunked)
    assert matrix.split_answer(chunked + b"HTTP") == (b"second", b"HTTP")
    with pytest.raises(WrongResultError, match="401"):
        matrix.split_answer(b"HTTP/1.1 401 Unauthorized\r\n\r\n")


async def test_a_load_that_cannot_keep_up_says_so() -> None:
    load = Load(1)
    load.send = [lambda stamp: load.arrived(0, int(stamp[2:]))]
    await load.pace(1000, 0.05)
    assert (load.sent, load.received, load.disordered) == (50, 50, 0)

    def slow(stamp: bytes) -> None:
        until = asyncio.get_running_loop().time() + 0.004
        while asyncio.get_running_loop().time() < until:
            pass
        load.arrived(0, int(stamp[2:]))

    load.send = [slow]
    load.clear()
    await load.pace(1000, 0.05)
    assert load.late
    assert load.milliseconds(0.5) >= 4


async def test_a_message_that_does_not_come_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.generate.DRAIN_S", 0.01)
    load = Load(1)
    load.send = [lambda _: None]
    load.begin()
    with pytest.raises(WrongResultError, match="1 sent, 0 received"):
        await load.drain()


class Full:
    """A server that takes 60 messages, and is too busy for every third of those after."""

    async def open(self, load: Load, _: int) -> None:
        sender = zajil.Sending(refused=load.refuse)
        busy = frames.encode_frame(frames.Err(rid=1, code="busy", retry_ms=1000, detail={}))

        def send(stamp: bytes) -> None:
            if load.sent > 60 and load.sent % 3 == 0:
                sender.frame(busy)
            else:
                load.arrived(0, int(stamp[2:]))

        load.send = [send]

    def checks(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        pass


async def test_a_server_that_is_too_busy_is_flagged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "RATES", (200, 400, 1000))
    for name in ("WARM_S", "QUIET_S"):
        monkeypatch.setattr(relay, name, 0.05)
    turn = Turn()
    await latency.play(turn, Full(), os.getpid(), 0.2)
    assert [flag for flag in turn.flags if flag.startswith(("busy", "overrun"))] == ["busy_400", "overrun_400"]
    assert turn.checks == {"sent": 130, "refused": 23, "received": 107, "disordered": 0}
    assert "p99_400_ms" in turn.metrics
    assert "p99_1000_ms" not in turn.metrics


class Closing(Full):
    """A server that takes 60 messages, and then closes the session that the next one comes on."""

    async def open(self, load: Load, _: int) -> None:
        sender = zajil.Sending(refused=load.refuse)
        sender.cut = load.cut
        bye = frames.encode_frame(frames.Bye(code="busy", retry_ms=1000))

        def send(stamp: bytes) -> None:
            if load.sent > 60:
                sender.frame(bye)
            else:
                load.arrived(0, int(stamp[2:]))

        load.send = [send]


@pytest.mark.parametrize(
    ("rates", "flag", "figures"),
    [((200, 400, 1000), "400", {"p99_200_ms", "p99_400_ms"}), ((1000, 2000), "1000", set())],
)
async def test_a_server_that_closes_a_session_for_being_too_busy_ends_its_turn_and_no_more(
    rates: tuple[int, ...], flag: str, figures: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    warm_s = 0.05 if figures else 61 / rates[0]  # without figures it is closed before a window begins
    monkeypatch.setattr(latency, "RATES", rates)
    monkeypatch.setattr(relay, "WARM_S", warm_s)
    monkeypatch.setattr(relay, "QUIET_S", 0.05)
    turn = Turn()
    assert not await latency.play(turn, Closing(), os.getpid(), 0.2)
    assert [each for each in turn.flags if each.startswith(("busy", "overrun"))] == [f"busy_{flag}", f"overrun_{flag}"]
    assert turn.checks == {"sent": 61, "refused": 0, "received": 60, "disordered": 0}
    assert {name for name in turn.metrics if name.startswith("p99_")} == figures


async def test_any_other_refusal_ends_the_load() -> None:
    sender = zajil.Sending(refused=Load(1).refuse)
    refusal = frames.encode_frame(frames.Err(rid=1, code="stale-epoch", retry_ms=0, detail={}))
    with pytest.raises(WrongResultError, match="stale-epoch"):
        sender.frame(refusal)


Start = Callable[[Template | None], AbstractContextManager[tuple[Running, relay.Pairs]]]
"""A server and the load that speaks to it; ours begins with the template."""


@pytest.fixture(scope="module")
def made() -> Iterator[Template]:
    with template(pairs=2) as found:
        yield found


def ours(server: servers.Zajil) -> Start:
    @contextmanager
    def run(made: Template | None) -> Iterator[tuple[Running, relay.Pairs]]:
        assert made is not None
        with server.run(made.folder) as running:
            yield running, zajil.Pairs(running.port, made.pairs)

    return run


def floor(server: bare.Bare) -> Start:
    @contextmanager
    def run(made: Template | None) -> Iterator[tuple[Running, relay.Pairs]]:
        assert made is not None
        with server.run(made) as running:
            yield running, zajil.Pairs(running.port, made.pairs, flags=0 if server.stores else frames.EPHEMERAL)

    return run


def peer(server: Server, pairs: Callable[[int], relay.Pairs]) -> Start:
    @contextmanager
    def run(_: Template | None) -> Iterator[tuple[Running, relay.Pairs]]:
        server.describe()
        with server.run() as running:
            yield running, pairs(running.port)

    return run


CASES: dict[str, Start] = {
    **{server.name: ours(server) for server in servers.VARIANTS},
    "bare": floor(bare.PASSING),
    "bare, stored": floor(bare.STORING),
    "nats": peer(brokers.Nats(), loads.open_nats),
    "mosquitto": peer(brokers.Mosquitto(), loads.open_mqtt),
    "ejabberd": peer(ejabberd.VARIANTS[1], xmpp.Pairs),
    "prosody": peer(prosody.Prosody(), xmpp.Pairs),
    "synapse": peer(synapse.Synapse(), matrix.Pairs),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_twenty_messages_through_each_adapter(name: str, request: pytest.FixtureRequest) -> None:
    turn, load = Turn(), Load(2)
    found = request.getfixturevalue("made") if name.startswith(("zajil", "bare")) else None
    kept = {"file": bare.FILE_NAME, "entries": bare.ENTRIES} if name.startswith("bare") else {}

    async def main() -> None:
        await pairs.open(load, 2)
        for number in range(MESSAGES):
            load.post(number % 2)
        await load.drain()
        if isinstance(pairs, zajil.Pairs):
            await pairs.settle(MESSAGES)
            if name != "bare":
                await servers.emptied(running.folder, turn, **kept)()
        pairs.close()

    try:
        with CASES[name](found) as (running, pairs):
            relay.run_load(main)
    except MissingError as missing:
        pytest.skip(f"a peer of the benchmarks is not here: {missing}")
    assert (load.sent, load.received, load.disordered) == (MESSAGES, MESSAGES, 0)
    if isinstance(pairs, zajil.Pairs):
        assert pairs.checks() == {"accepted": MESSAGES, "echoed": MESSAGES, "delivered": MESSAGES}
        assert turn.checks == ({} if name == "bare" else {"rows": 0})


def test_what_a_connection_could_not_take_ends_the_load() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_soon(lambda: zajil.Sending.closed(None, "slow-down"))  # type: ignore[arg-type]
        await asyncio.sleep(60)

    with pytest.raises(WrongResultError, match="the server closed a session: slow-down"):
        relay.run_load(main)
