"""coturn as we configure and run it: who gets an allocation, whom it reaches, what it tells, and when it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import aiohttp
import pytest
from tests.calls.relay.turn import NEEDS_COTURN, allocate, free_port, let_go, needs_aioice, until_true, until_up
from tests.server.people import Person
from tests.server.test_story import group_of_two
from tests.server.wire import Http, Wire
from tests.transports.authority import Authority

from zajil.calls.credentials import make_credential
from zajil.calls.relay import check, turnserver
from zajil.calls.relay.check import Checked, check_relay
from zajil.calls.relay.conf import BYTES_A_SECOND, RelayPlan, render_conf
from zajil.calls.relay.turnserver import Turnserver
from zajil.engine.keys import Keys
from zajil.protocol import control
from zajil.protocol.control import B16, B32, parse_json
from zajil.protocol.frames import Role
from zajil.protocol.ids import encode_b64
from zajil.server.app import Server
from zajil.server.calls.operator import check_relays
from zajil.server.config import CallSettings, Settings

needs_aioice()
from aioice.stun import TransactionFailed  # noqa: E402  # only where it is installed

pytestmark = [pytest.mark.calls, pytest.mark.smoke, NEEDS_COTURN]
SECRET = "north-wind"
PRIVATE = (
    "10.0.0.1",
    "172.16.3.4",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "127.0.0.2",
    "0.0.0.0",
    "224.0.0.1",
)
PROGRAM = """
import sys
from pathlib import Path
from zajil.server.main import serve
serve(Path(sys.argv[1]), port=0, relay=True)
"""


def credential(*, secret: str = SECRET, age_s: float = 0) -> tuple[str, str]:
    return make_credential(secret, now_s=time.time() - age_s, random=os.urandom)


class Relay:
    """A running one, with TLS for `localhost`."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        authority.server("localhost")
        pem = str(authority.folder / "localhost")
        self.port, self.tls_port = free_port(), free_port()
        self.plan = RelayPlan("home.example", SECRET, "", port=self.port, tls_port=self.tls_port, cert=pem, key=pem)
        self.server = Turnserver(folder / "relay", self.plan)
        self.trust = ssl.create_default_context(cafile=str(authority.file))
        self.urls: tuple[str, ...] = (
            f"turn:127.0.0.1:{self.port}?transport=udp",
            f"turn:127.0.0.1:{self.port}?transport=tcp",
            f"turns:localhost:{self.tls_port}?transport=tcp",
        )

    async def troubles(self, username: str, password: str, *, trust: ssl.SSLContext | None = None) -> list[str]:
        found = await check_relay(self.urls, username, password, tls=trust or self.trust)
        assert [each.url for each in found] == list(self.urls)
        return [each.trouble for each in found]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
async def relay(tmp_path: Path, authority: Authority) -> AsyncIterator[Relay]:
    made = Relay(tmp_path, authority)
    assert made.server.start()
    await until_up(made.port)
    await until_up(made.tls_port)
    yield made
    await made.server.stop()


async def test_a_credential_of_ours_allocates_over_udp_tcp_and_tls_and_no_other_does(relay: Relay) -> None:
    assert await relay.troubles(*credential()) == ["", "", ""]
    username, password = credential()
    forged = ("B" if password[0] == "A" else "A") + password[1:]
    assert await relay.troubles(username, forged) == ["refused 401"] * 3
    assert await relay.troubles(*credential(secret="south-wind")) == ["refused 401"] * 3
    assert await relay.troubles(*credential(age_s=601)) == ["refused 401"] * 3
    assert await relay.troubles(str(int(time.time()) + 10**6) + username[10:], password) == ["refused 401"] * 3


async def test_a_certificate_that_is_not_trusted_never_connects(relay: Relay) -> None:
    assert await relay.troubles(*credential(), trust=ssl.create_default_context()) == ["", "", "certificate"]
    relay.urls = (f"turns:127.0.0.1:{relay.tls_port}?transport=tcp",)
    assert await relay.troubles(*credential()) == ["certificate"]
    old = ssl.create_default_context()
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    assert await relay.troubles(*credential(), trust=old) == ["unreachable"]


async def test_beyond_its_capacity_it_refuses(tmp_path: Path) -> None:
    port = free_port()
    plan = RelayPlan("home.example", SECRET, "", port=port, capacity=2 * BYTES_A_SECOND)
    server = Turnserver(tmp_path / "relay", plan)
    assert server.start()
    await until_up(port)
    held = [(await allocate(port, *credential()))[0] for _ in range(2)]
    with pytest.raises(TransactionFailed) as caught:
        await allocate(port, *credential())
    assert caught.value.response.attributes["ERROR-CODE"][0] == 486
    await let_go(*held)
    await server.stop()


async def test_where_nothing_listens_the_check_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "PATIENCE_S", 0.2)
    port = free_port()
    urls = [f"turn:127.0.0.1:{port}?transport={transport}" for transport in ("udp", "tcp")]
    found = await check_relay(urls, *credential())
    assert [each.trouble for each in found] == ["no-answer", "unreachable"]
    assert all(isinstance(each, Checked) for each in found)


async def test_two_people_meet_on_one_relay_and_nobody_reaches_a_private_network(relay: Relay) -> None:
    one, heard_one = await allocate(relay.port, *credential())
    two, heard_two = await allocate(relay.port, *credential())
    address_one, address_two = one.get_extra_info("sockname"), two.get_extra_info("sockname")
    two.sendto(b"permission for one", address_one)
    await asyncio.sleep(0)
    one.sendto(b"hello", address_two)
    async with asyncio.timeout(10):
        while (await heard_two.data.get())[0] != b"hello":
            pass
        two.sendto(b"and back", address_one)
        while (await heard_one.data.get())[0] != b"and back":
            pass
    for peer in PRIVATE:
        with pytest.raises(TransactionFailed) as caught:
            await one._TurnTransport__inner_protocol.channel_bind(0x4100, (peer, 9))  # type: ignore[attr-defined]
        assert caught.value.response.error_code in (400, 403), peer
    await let_go(one, two)


async def test_a_public_relay_is_reached_at_its_own_address_alone(tmp_path: Path) -> None:
    """Behind NAT the relay's own address is a private one: it is let through, its neighbours are not."""
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))  # sends nothing
        except OSError:
            pytest.skip("this machine has no address but loopback")
        own = probe.getsockname()[0]
    port = free_port()
    server = Turnserver(tmp_path / "relay", RelayPlan("home.example", SECRET, own, port=port))
    assert server.start()
    try:
        await until_up(port, own)
        one, heard_one = await allocate(port, *credential(), host=own)
        two, _ = await allocate(port, *credential(), host=own)
        assert one.get_extra_info("sockname")[0] == own
        one.sendto(b"permission", two.get_extra_info("sockname"))
        two.sendto(b"hello", one.get_extra_info("sockname"))
        async with asyncio.timeout(10):
            while (await heard_one.data.get())[0] != b"hello":
                two.sendto(b"hello", one.get_extra_info("sockname"))
        with pytest.raises(TransactionFailed):
            await one._TurnTransport__inner_protocol.channel_bind(0x4100, ("127.0.0.1", 9))  # type: ignore[attr-defined]
        await let_go(one, two)
    finally:
        await server.stop()


async def test_it_writes_down_nobody(tmp_path: Path, relay: Relay) -> None:
    """Neither in its folder nor on its outputs, which the server does not even read."""
    await relay.server.stop()
    conf = tmp_path / "own.conf"
    plan = relay.plan._replace(pidfile=str(tmp_path / "own.pid"), userdb=str(tmp_path / "own.db"))
    conf.write_text(render_conf(plan))
    output = (tmp_path / "output").open("w+b")
    process = await asyncio.create_subprocess_exec("turnserver", "-c", str(conf), stdout=output, stderr=output)
    await until_up(relay.port)
    username, password = credential()
    one, _ = await allocate(relay.port, username, password)
    client = one._TurnTransport__inner_protocol.transport.get_extra_info("sockname")  # type: ignore[attr-defined]
    relayed = one.get_extra_info("sockname")
    assert await relay.troubles(username, "wrong") == ["refused 401"] * 3
    await let_go(one)
    process.terminate()
    await process.wait()
    output.seek(0)
    said = output.read()
    output.close()
    named = [username, username[11:], f":{client[1]}", f":{relayed[1]}"]
    assert not any(text.encode() in said for text in named)
    ours = {"localhost", "authority.crt", "own.conf", "own.pid", "own.db", "output"}
    assert files_in(tmp_path) <= ours | {"turnserver.conf", "turnserver.pid", "turndb", "turndb-journal"}
    assert username[11:].encode() not in (tmp_path / "own.db").read_bytes()


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def content_of(files: Iterable[Path]) -> bytes:
    return b"".join(path.read_bytes() for path in files if path.is_file())


async def test_one_that_falls_is_started_again(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turnserver, "_FIRST_PAUSE_S", 0.01)
    first = relay.server.process
    assert first is not None
    os.kill(first.pid, signal.SIGKILL)
    await until_true(lambda: relay.server.starts == 2)
    await until_up(relay.port)
    assert await relay.troubles(*credential()) == ["", "", ""]


async def test_a_server_tells_members_of_its_relay_and_neither_side_learns_the_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    port = free_port()
    calls = CallSettings(relay="auto", relay_port=port)
    server = await Server.start(tmp_path / "data", Settings(port=0, registration="open", drain_s=0, calls=calls))
    try:
        async with aiohttp.ClientSession(auto_decompress=False) as client:
            http = Http(f"http://127.0.0.1:{server.port}", client)
            one, two = await http.register(Person()), await http.register(Person())
            async with Wire(http.url, Role.S, client) as s:
                group = await group_of_two(http, s, one, two)
            asked = control.AskRelay(B16(group.gid), 1, B32(group.token()))
            given = parse_json(await http.call(control.CALL_RELAY, asked), control.RelayAccess)
        await until_up(port)
        found = await check_relay(given.urls, given.username, given.credential)
        assert [each.trouble for each in found] == ["", ""]
    finally:
        await server.stop()
    data = tmp_path / "data"
    held = content_of(data / "relay" / name for name in files_in(data / "relay") - {"turnserver.conf"})
    own = content_of(data / name for name in files_in(data))
    # All but the log of the test's own TURN client.
    logged = [record.getMessage() for record in caplog.records if not record.name.startswith("aioice")]
    secret = encode_b64(Keys.load(tmp_path / "data" / "zajil.key").calls_key("relay"))
    for text in (given.username[11:], given.credential, encode_b64(group.gid), group.gid.hex(), secret):
        assert text.encode() not in held
        assert text.encode() not in own
        assert not any(text in said for said in logged)
    assert server.calling.relay is not None
    assert server.calling.relay.process is None


async def test_the_check_finds_a_relay_that_runs_by_the_flag_alone(tmp_path: Path) -> None:
    (tmp_path / "zajil.toml").write_text(f"[calls]\nrelay_port = {(port := free_port())}\n")
    calls = CallSettings(relay="auto", relay_port=port)
    server = await Server.start(tmp_path, Settings(port=0, drain_s=0, calls=calls))
    try:
        await until_up(port)
        found = await asyncio.to_thread(check_relays, tmp_path)
        assert found is not None
        assert [(each.url.rpartition("=")[2], each.trouble) for each in found] == [("udp", ""), ("tcp", "")]
    finally:
        await server.stop()
    assert await asyncio.to_thread(check_relays, tmp_path) is None


@pytest.mark.kill
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_it_ends_with_the_server_however_that_ends(tmp_path: Path, number: int) -> None:
    (tmp_path / "zajil.toml").write_text(f"[calls]\nrelay_port = {free_port()}\n")
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(tmp_path), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    pidfile = tmp_path / "relay" / "turnserver.pid"
    try:
        await until_true(lambda: pidfile.exists() and pidfile.read_text().strip().isdigit())
        relay = int(pidfile.read_text())
        os.kill(relay, 0)
        server.send_signal(number)
        said, _ = await asyncio.wait_for(server.communicate(), 20)
        assert b"\nrelay for calls on port " in said
        await until_true(lambda: not is_running(relay))
    finally:
        if server.returncode is None:
            server.kill()
            await server.communicate()


def is_running(pid: int) -> bool:
    """Whether it is there, and more than a body that nobody has fetched yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
