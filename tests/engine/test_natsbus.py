"""Wake-ups over a real NATS server: from gateway to gateway, over its restart, and without it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from nats.aio.client import Client
from tests.nats import NatsServer, nats_server
from tests.transports.authority import Authority

from zajil.engine import natsbus
from zajil.engine.bus import Topic, Volatile
from zajil.engine.natsbus import FRAME_BYTES, NEWS_BYTES, Access, BusRefused, NatsBus
from zajil.protocol.frames import Eph, KeysLow, Mack, encode_frame
from zajil.protocol.ids import GroupId, MailboxId
from zajil.protocol.limits import EPHEMERAL_BYTES, GROUP_LEAVES

pytestmark = [pytest.mark.scale]
A, B = MailboxId(b"a" * 16), MailboxId(b"\x00\xff*. >" + b"b" * 10)


@pytest.fixture(scope="module")
def server() -> Iterator[NatsServer]:
    with nats_server() as running:
        yield running


@asynccontextmanager
async def gateways(server: NatsServer, count: int = 2, *, prefix: str = "zajil") -> AsyncIterator[list[NatsBus]]:
    made = [await NatsBus.connect(Access(server.url, prefix=prefix)) for _ in range(count)]
    try:
        yield made
    finally:
        for bus in made:
            await bus.close()


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("does not come")


async def arrives(seen: list[Volatile | None], count: int) -> None:
    await until(lambda: len(seen) == count)


async def settled(bus: NatsBus, seen: list[Volatile | None]) -> None:
    """The server knows of this listener as soon as it was called for that; forget the call."""
    await until(lambda: None in seen)
    await natsbus._settle(bus._client)
    seen.clear()


async def test_who_listens_at_one_gateway_hears_of_what_is_written_at_another(server: NatsServer) -> None:
    async with gateways(server, 3) as (one, two, other):
        for mailbox_id in (A, B):
            seen: list[Volatile | None] = []
            elsewhere: list[Volatile | None] = []
            leave = one.subscribe(mailbox_id, seen.append)
            leave_other = other.subscribe(A if mailbox_id == B else B, elsewhere.append)
            await settled(one, seen)
            await settled(other, elsewhere)
            two.wake([mailbox_id])
            two.publish([mailbox_id], KeysLow(0x53, 3))
            await arrives(seen, 2)
            assert seen == [None, KeysLow(0x53, 3)]
            assert elsewhere == []
            leave()
            leave_other()
            await until(lambda: one._held == {} == other._held)
            two.wake([mailbox_id])
            await natsbus._settle(two._client)
            await natsbus._settle(one._client)
            assert len(seen) == 2


async def test_what_is_written_here_is_heard_here_once_and_without_the_server(server: NatsServer) -> None:
    async with gateways(server, 1) as (bus,):
        seen: list[Volatile | None] = []
        bus.subscribe(A, seen.append)
        await settled(bus, seen)
        bus.wake([A])
        assert seen == [None]
        await until(lambda: not bus._leaving)
        await natsbus._settle(bus._client)
        assert seen == [None]


async def test_who_comes_and_goes_at_once_leaves_nothing_behind(server: NatsServer) -> None:
    async with gateways(server, 1) as (bus,):
        for _ in range(50):
            bus.subscribe(A, lambda _: None)()
            await asyncio.sleep(0)
        await until(lambda: not bus._changed and not bus._held)
        assert bus._client._subs == {}


async def test_a_restart_of_the_server_is_outlived_and_everybody_looks_again() -> None:
    with nats_server() as server:
        async with gateways(server) as (one, two):
            seen: list[Volatile | None] = []
            news: list[bytes | None] = []
            one.subscribe(A, seen.append)
            one.listen(Topic.RECEIVER, A, news.append)
            await settled(one, seen)
            server.stop()
            await until(lambda: not one.is_whole and not two.is_whole)
            two.wake([A])
            two.tell(Topic.RECEIVER, A, b"kept")
            two.publish([A], KeysLow(1, 2))  # old by then: dropped
            late: list[Volatile | None] = []
            one.subscribe(B, late.append)
            server.start()
            await until(lambda: one.is_whole and two.is_whole and None in seen and None in news)
            await settled(one, late)
            await until(lambda: not two._leaving)
            seen.clear()
            two.wake([A, B])
            await until(lambda: None in seen and None in late)
            assert KeysLow(1, 2) not in seen


async def test_a_server_that_refused_us_for_a_time_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """NATS closes a client for good whose user it does not take, and one too many."""
    with nats_server() as server:
        async with gateways(server) as (one, two):
            seen: list[Volatile | None] = []
            one.subscribe(A, seen.append)
            await settled(one, seen)
            server.stop()
            await until(lambda: not one.is_whole)
            server.start("--user", "somebody", "--pass", "else")
            await until(lambda: "refuses this user" in caplog.text)
            assert not one.is_whole
            server.stop()
            server.start()
            await until(lambda: one.is_whole and two.is_whole and None in seen)
            await settled(one, seen)
            two.wake([A])
            await until(lambda: seen == [None])


async def test_while_the_server_is_away_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(natsbus, "WAITING_MAX", 10)
    monkeypatch.setattr(natsbus, "WAITING_BYTES", 100)
    with nats_server() as server:
        async with gateways(server, 1) as (bus,):
            server.stop()
            await until(lambda: not bus.is_whole)
            for _ in range(50):
                bus.wake([A])
            assert len(bus._leaving) == 10
            for _ in range(5):
                bus.tell(Topic.RECEIVER, A, bytes(40))
            assert (len(bus._leaving), bus._leaving.total_bytes) == (2, 80)


async def test_frames_to_a_large_group_drop_and_delay_no_wake_up(server: NatsServer) -> None:
    frame = Eph(gid=GroupId(b"g" * 16), epoch=1, ts=2, body=bytes(8000))
    group = [A, *(MailboxId(n.to_bytes(16, "big")) for n in range(GROUP_LEAVES - 1))]
    async with gateways(server) as (one, two):
        seen: list[Volatile | None] = []
        news: list[bytes | None] = []
        one.subscribe(A, seen.append)
        one.listen(Topic.RECEIVER, B, news.append)
        await settled(one, seen)
        await until(lambda: None in news)
        # In one turn, as a batch of the writer tells them.
        two.tell(Topic.RECEIVER, B, b"it is over")
        for _ in range(3):
            two.publish(group, frame)
        two.wake([A])
        assert len(two._leaving) == 2
        assert GROUP_LEAVES <= len(two._fleeting) < 2 * GROUP_LEAVES
        await until(lambda: frame in seen)
        assert seen[0] is None
        assert b"it is over" in news


async def test_two_servers_on_one_nats_do_not_hear_each_other(server: NatsServer) -> None:
    async with gateways(server, 1, prefix="one") as (one,), gateways(server, 1, prefix="two") as (two,):
        seen: list[Volatile | None] = []
        two.subscribe(A, seen.append)
        await settled(two, seen)
        one.wake([A])
        await until(lambda: not one._leaving)
        await natsbus._settle(one._client)
        await natsbus._settle(two._client)
        assert seen == []


async def test_news_reach_who_hears_their_topic_at_every_gateway_once(server: NatsServer) -> None:
    async with gateways(server, 3) as buses:
        heard: list[list[bytes | None]] = [[], [], []]
        leave = [bus.listen(Topic.RECEIVER, A, each.append) for bus, each in zip(buses, heard, strict=True)]
        await until(lambda: all(None in each for each in heard))
        buses[0].tell(Topic.RECEIVER, B, b"about another")
        for number in range(100):
            buses[0].tell(Topic.RECEIVER, A, bytes((number,)))
        buses[0].tell(Topic.RECEIVER, A, bytes(NEWS_BYTES))
        await until(lambda: all(len(each) == 102 for each in heard))
        assert all(each[1:101] == [bytes((number,)) for number in range(100)] for each in heard), "in order"
        for each in leave:
            each()
        await until(lambda: not any(bus._held for bus in buses))
    with pytest.raises(ValueError, match="too large"):
        buses[0].tell(Topic.RECEIVER, A, bytes(NEWS_BYTES + 1))


async def test_what_comes_faster_than_it_is_read_is_dropped_and_looked_for(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(natsbus, "_UNREAD_MAX", 5)
    async with gateways(server, 2) as (one, two):
        seen: list[bytes | None] = []
        one.listen(Topic.RECEIVER, A, seen.append)
        await until(lambda: seen == [None])
        for _ in range(1000):
            two.tell(Topic.RECEIVER, A, b"news")
        await until(lambda: not two._leaving)
        await natsbus._settle(two._client)
        await natsbus._settle(one._client)
        assert seen.count(None) > 1


async def test_what_others_send_into_the_subjects_ends_nothing(server: NatsServer) -> None:
    """Whoever reaches the NATS server may send anything."""
    stranger = Client()
    await stranger.connect(server.url)
    async with gateways(server, 1) as (bus,):
        seen: list[Volatile | None] = []
        bus.subscribe(A, seen.append)
        await settled(bus, seen)
        for payload in (b"", b"\xc1", b"\x91" * 5000, encode_frame(Mack(1)), b"x" * (FRAME_BYTES + 1)):
            await stranger.publish(f"zajil.e.{A.hex()}", payload)
        await stranger.publish(f"zajil.w.{A.hex()}", b"with something in it")
        await stranger.publish(f"zajil.other.{A.hex()}", b"")
        await stranger.publish(f"zajil.e.{A.hex()}", encode_frame(KeysLow(1, 2)))
        await until(lambda: KeysLow(1, 2) in seen)
        assert seen == [None, KeysLow(1, 2)]
    await stranger.close()


async def test_the_largest_frame_is_passed_on_and_a_larger_one_stays_here(server: NatsServer) -> None:
    async with gateways(server) as (one, two):
        seen: list[Volatile | None] = []
        one.subscribe(A, seen.append)
        await settled(one, seen)
        two.publish([A], Eph(gid=GroupId(b"g" * 16), epoch=1, ts=2, body=bytes(FRAME_BYTES)))
        largest = Eph(gid=GroupId(b"g" * 16), epoch=2**63 - 1, ts=2**63 - 1, body=bytes(EPHEMERAL_BYTES))
        two.publish([A], largest)
        await until(lambda: seen != [])
        assert seen == [largest]


async def test_where_no_server_answers_the_url_stays_untold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(natsbus, "CONNECT_S", 0.2)
    with pytest.raises(BusRefused, match="does not answer") as caught:
        await NatsBus.connect(Access("nats://127.0.0.1:1", "user:secret"))
    assert "127" not in str(caught.value)


async def test_users_and_tokens_open_the_server_and_are_never_told(caplog: pytest.LogCaptureFixture) -> None:
    with nats_server() as server:
        for options, right in (
            (("--user", "zajil", "--pass", "p:secret"), "zajil:p:secret"),
            (("--auth", "s3cretToken"), "s3cretToken"),
        ):
            server.stop()
            server.start(*options)
            bus = await NatsBus.connect(Access(server.url, right))
            await bus.close()
            with pytest.raises(BusRefused, match="refuses this user") as caught:
                await NatsBus.connect(Access(server.url, right + "?"))
            assert "ecret" not in str(caught.value)
    assert "ecret" not in caplog.text
    assert "ecret" not in repr(Access("nats://h", "secret"))


def allow(folder: Path, publish: str, subscribe: str, more: str = "") -> tuple[str, str]:
    """Options of a server at which our user may do this alone."""
    file = folder / "allow.conf"
    rights = f'publish: "{publish}", subscribe: "{subscribe}"'
    file.write_text(
        f'authorization {{ users = [{{user: "u", password: "p:secret", permissions: {{{rights}}}}}] }}\n{more}'
    )
    return "--config", str(file)


async def test_a_server_that_lets_us_do_too_little_is_refused_at_the_start(tmp_path: Path) -> None:
    """NATS says no to a subscription and goes on: whoever reads at this gateway would never be woken."""
    with nats_server() as server:
        access = Access(server.url, "u:p:secret", prefix="zajil.example.org")
        for publish, subscribe, more, told in (
            ("zajil.>", "_INBOX.>", "", "does not let this user subscribe below zajil.example.org"),
            ("zajil.*.*.w.*", "zajil.>", "", "does not let this user publish below zajil.example.org"),
            ("zajil.>", "zajil.>", "max_payload: 32768", "takes messages of 32768 bytes at most"),
        ):
            server.stop()
            server.start(*allow(tmp_path, publish, subscribe, more))
            with pytest.raises(BusRefused, match=told):
                await NatsBus.connect(access)
        server.stop()
        server.start(*allow(tmp_path, "zajil.example.org.>", "zajil.example.org.>"))
        await (await NatsBus.connect(access)).close()


async def test_a_bus_that_may_listen_no_more_is_not_whole_until_it_may(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with nats_server() as server:
        server.stop()
        server.start(*allow(tmp_path, "zajil.>", "zajil.>"))
        bus = await NatsBus.connect(Access(server.url, "u:p:secret"))
        seen: list[Volatile | None] = []
        bus.subscribe(A, seen.append)
        await settled(bus, seen)
        allow(tmp_path, "zajil.>", "_INBOX.>")
        server.signal(signal.SIGHUP)  # reads its file again
        await until(lambda: "does not let this user subscribe below zajil" in caplog.text)
        assert not bus.is_whole
        allow(tmp_path, "zajil.>", "zajil.>")
        server.signal(signal.SIGHUP)
        await until(lambda: bus.is_whole and None in seen)
        await bus.close()
        assert "ecret" not in caplog.text


async def test_a_server_that_takes_nothing_more_leaves_no_socket_and_no_task(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NATS's own client waits for it to be told the rest."""
    monkeypatch.setattr(natsbus, "STEP_S", 0.2)
    monkeypatch.setattr(natsbus, "CLOSE_S", 0.2)
    async with gateways(server, 1) as (bus,):
        seen: list[Volatile | None] = []
        bus.subscribe(A, seen.append)
        await settled(bus, seen)
        client = bus._client
        writer = client._transport._io_writer  # type: ignore[union-attr]  # TCP's
        server.signal(signal.SIGSTOP)
        try:
            for _ in range(200):
                bus.tell(Topic.RECEIVER, B, bytes(NEWS_BYTES))
            await until(lambda: client.is_closed and not client._subs)
            await until(lambda: writer.transport.get_write_buffer_size() == 0)
            assert writer.transport.is_closing()
            assert not [task for task in asyncio.all_tasks() if "_wait_for_msgs" in repr(task)]
        finally:
            server.signal(signal.SIGCONT)
        await until(lambda: bus.is_whole and None in seen)


async def test_a_bus_whose_client_swallows_a_cancellation_ends_all_the_same(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NATS's own does so where one meets it while it flushes."""
    bus = await NatsBus.connect(Access(server.url))
    flushing = asyncio.Event()

    async def flush(_timeout: int = 10) -> None:
        flushing.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        monkeypatch.undo()

    monkeypatch.setattr(bus._client, "flush", flush)
    bus.subscribe(A, lambda _: None)
    await flushing.wait()
    done, _ = await asyncio.wait([asyncio.create_task(bus.close())], timeout=10)
    assert done


async def test_tls_comes_first_and_the_certificate_must_be_of_whom_we_trust(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(natsbus, "CONNECT_S", 3.0)
    authority = Authority(tmp_path)
    authority.server("localhost")
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other")
    pair = tmp_path / "localhost"
    (tmp_path / "nats.conf").write_text(f'tls {{ cert_file: "{pair}", key_file: "{pair}", handshake_first: true }}')
    with nats_server() as server:
        plain = server.url
        url = plain.replace("nats://127.0.0.1", "tls://localhost")
        # One that speaks in clear is believed nothing, whatever it says.
        with pytest.raises(BusRefused):
            await NatsBus.connect(Access(url, "user:secret", ca=authority.file))
        server.stop()
        server.start("--config", str(tmp_path / "nats.conf"))
        with pytest.raises(BusRefused):
            await NatsBus.connect(Access(url, ca=stranger.file))
        with pytest.raises(BusRefused):
            await NatsBus.connect(Access(url.replace("localhost", "127.0.0.1"), ca=authority.file))
        bus = await NatsBus.connect(Access(url, ca=authority.file))
        seen: list[Volatile | None] = []
        bus.subscribe(A, seen.append)
        await settled(bus, seen)
        await bus.close()
