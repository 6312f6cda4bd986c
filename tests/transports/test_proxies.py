"""Through a SOCKS5 server, and through a real obfs4 bridge where the program is installed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.transports.authority import Authority
from tests.transports.edge import DIR, TOKEN, Edge, serve
from tests.transports.knowing import Known, make_context, origin
from tests.transports.test_dialing import TEXT, converse

from zajil.protocol.errors import HomeError
from zajil.protocol.frames import Role
from zajil.protocol.path import Candidate, Strategy
from zajil.protocol.reach.endpoints import Endpoint, EndpointKind, PluggableTransport
from zajil.protocol.reach.seal import SessionKey
from zajil.protocol.session import ClientSession
from zajil.transports import pluggable
from zajil.transports.base import DialError, Reason, Stage
from zajil.transports.dialing import DialContext, dial
from zajil.transports.direct import DirectTransport
from zajil.transports.pluggable import Program, Programs, encode_args
from zajil.transports.sockets import Socks, Way, parse_socks


class SocksServer:
    """Takes user name and password, notes what it is asked for, and connects to a loopback port instead."""

    def __init__(self, *, reply: int = 0) -> None:
        self._reply = reply
        self._tasks: set[asyncio.Task[None]] = set()
        self.asked: list[tuple[str, int]] = []
        self.users: list[tuple[bytes, bytes]] = []
        self.leads_to = 0

    async def __aenter__(self) -> Socks:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        return Socks("127.0.0.1", self._server.sockets[0].getsockname()[1], "anna", "secret")

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        async with asyncio.timeout(5):
            await asyncio.gather(*self._tasks)

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            _, count = await reader.readexactly(2)
            assert 2 in await reader.readexactly(count)
            writer.write(b"\x05\x02")
            _, size = await reader.readexactly(2)
            user = await reader.readexactly(size)
            password = await reader.readexactly((await reader.readexactly(1))[0])
            self.users.append((user, password))
            writer.write(b"\x01\x00")
            _, _, _, kind = await reader.readexactly(4)
            assert kind == 3, "a name, to be resolved here"
            host = await reader.readexactly((await reader.readexactly(1))[0])
            self.asked.append((host.decode(), int.from_bytes(await reader.readexactly(2))))
            writer.write(bytes((5, self._reply, 0, 1, 0, 0, 0, 0, 0, 0)))
            if not self._reply:
                far = await asyncio.open_connection("127.0.0.1", self.leads_to)
                await asyncio.gather(_copy(reader, far[1]), _copy(far[0], writer))
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


@pytest.fixture
async def edge(trusted: Authority) -> AsyncIterator[Edge]:
    async with serve(Edge("origin.test"), trusted.server("origin.test")) as served:
        yield served


def knowing(edge: Edge, socks: Socks | None = None) -> DialContext:
    ctx = make_context(Known({"origin"}, SessionKey.of(edge.key.public)))
    ctx.socks = socks
    return ctx


async def test_names_go_to_the_socks_server_unresolved(edge: Edge) -> None:
    server = SocksServer()
    server.leads_to = edge.port
    async with server as socks:
        carrier = await dial(origin(edge, Strategy.SOCKS), Role.S, knowing(edge, socks))
        assert await converse(carrier, ClientSession(Role.S), TEXT) == TEXT[::-1]
        await carrier.close()
        async with DirectTransport(f"https://origin.test:{edge.port}", way=Way(socks=socks)) as transport:
            assert (await transport.call("GET", "/v1/health", timeout_s=5)).status == 200
    assert server.asked == [("origin.test", edge.port)] * 2
    assert server.users == [(b"anna", b"secret")] * 2


@pytest.mark.parametrize(
    ("reply", "reason"),
    [(1, Reason.PROXY), (2, Reason.PROXY), (3, Reason.UNREACHABLE), (5, Reason.REFUSED), (6, Reason.TIMEOUT)],
)
async def test_what_a_socks_server_refuses(edge: Edge, reply: int, reason: Reason) -> None:
    async with SocksServer(reply=reply) as socks:
        with pytest.raises(DialError) as raised:
            await dial(origin(edge, Strategy.SOCKS), Role.S, knowing(edge, socks))
    assert (raised.value.stage, raised.value.reason) == (Stage.TCP, reason)


async def test_no_socks_server_there(edge: Edge) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = Socks("127.0.0.1", probe.getsockname()[1])
    for socks in (None, closed):
        with pytest.raises(DialError) as raised:
            await dial(origin(edge, Strategy.SOCKS), Role.S, knowing(edge, socks))
        assert (raised.value.stage, raised.value.reason) == (Stage.TCP, Reason.PROXY)


def test_addresses_of_socks_servers() -> None:
    assert parse_socks("127.0.0.1:9050") == Socks("127.0.0.1", 9050)
    assert parse_socks(" socks5h://a%40b:c@[::1] ") == Socks("::1", 1080, "a@b", "c")
    assert parse_socks("socks5://localhost/") == Socks("localhost")
    assert "c" not in repr(Socks("h", 1, "a", "c")).removeprefix("Socks")
    for text in (
        "",
        "http://a",
        "socks5://",
        "of",
        "foo:",
        "[::1]",
        "socks5://a:99999",
        "socks5://a/b",
        "socks5://a?b",
        "socks4://a",
        "socks5://ä:b@c",
        "socks5://[::1",
        "[x",
    ):
        with pytest.raises(HomeError):
            parse_socks(text)


# -- pluggable transports


def test_arguments_of_a_bridge_go_as_user_name_and_password() -> None:
    assert encode_args([]) == ("", "")
    assert encode_args([("cert", "a=b;c\\d"), ("iat-mode", "0")]) == ("cert=a\\=b\\;c\\\\d;iat-mode=0", "\0")
    user, password = encode_args([("k", "v" * 300)])
    assert (len(user), user + password) == (255, "k=" + "v" * 300)
    for args in ([("k", "v" * 510)], [("k", "é")], [("k", "\0")]):
        with pytest.raises(DialError):
            encode_args(args)


def via(edge: Edge, transport: PluggableTransport) -> Candidate:
    endpoint = Endpoint("pt", EndpointKind.PT, edge.host, 443, DIR, token=TOKEN, pt=transport)
    return Candidate("pt/pt", endpoint, Strategy.PT)


async def test_a_missing_program_says_which_package_holds_it(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pluggable, "PROGRAMS", {"obfs4": Program(("no-such-program",), "obfs4proxy")})
    ctx = knowing(edge)
    for name, package in (("obfs4", "obfs4proxy"), ("unheard-of", "unheard-of")):
        with pytest.raises(DialError) as raised:
            await dial(via(edge, PluggableTransport(name, "127.0.0.1", 1)), Role.S, ctx)
        assert (raised.value.stage, raised.value.reason) == (Stage.TCP, Reason.PROXY)
        assert raised.value.note == f"not installed: package {package}"
        assert ctx.programs.find_missing(name) == package


@pytest.mark.parametrize(
    "lines",
    [
        "ENV-ERROR no",
        "VERSION 1\nCMETHOD-ERROR obfs4 no",
        "VERSION 1\nCMETHODS DONE",
        "CMETHOD obfs4 socks5 nonsense",
        "CMETHOD obfs4 socks5 127.0.0.1:" + "1" * 5000,
        "x" * 100_000,
        "CMETHOD obfs4 socks4 127.0.0.1:1\nCMETHODS DONE",
        "",
    ],
)
async def test_a_program_that_does_not_start_is_a_failed_route(tmp_path: Path, lines: str) -> None:
    program = tmp_path / "program"
    said = tmp_path / "said"
    said.write_text(lines)
    program.write_text(f"#!/bin/sh\ncat {said}\n")
    program.chmod(0o700)
    programs = Programs({"obfs4": str(program)})
    with pytest.raises(DialError) as raised:
        await programs.socks("obfs4", ())
    assert raised.value.reason is Reason.PROXY
    assert raised.value.note == "the transport program did not start"
    await programs.close()


async def test_a_program_is_started_once_and_ends_with_its_input(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text(
        f"#!/bin/sh\nenv > {tmp_path}/env\necho VERSION 1\necho CMETHOD x socks5 127.0.0.1:5\necho CMETHODS DONE\n"
        f"cat > /dev/null\necho over > {tmp_path}/over\n"
    )
    program.chmod(0o700)
    programs = Programs({"x": str(program)})
    assert await programs.socks("x", [("a", "b")]) == Socks("127.0.0.1", 5, "a=b", "\0")
    assert await programs.socks("x", []) == Socks("127.0.0.1", 5)
    await programs.close()
    assert (tmp_path / "over").read_text() == "over\n"
    seen = (tmp_path / "env").read_text()
    assert "TOR_PT_CLIENT_TRANSPORTS=x\n" in seen
    assert "TOR_PT_EXIT_ON_STDIN_CLOSE=1\n" in seen


@pytest.fixture
def obfs4(edge: Edge, tmp_path: Path) -> Iterator[PluggableTransport]:
    """A real obfs4 server in front of the edge."""
    path = shutil.which("obfs4proxy") or shutil.which("lyrebird")
    if path is None:
        pytest.skip("obfs4proxy is not installed")
    environ = os.environ | {
        "TOR_PT_MANAGED_TRANSPORT_VER": "1",
        "TOR_PT_STATE_LOCATION": str(tmp_path),
        "TOR_PT_EXIT_ON_STDIN_CLOSE": "1",
        "TOR_PT_SERVER_TRANSPORTS": "obfs4",
        "TOR_PT_SERVER_BINDADDR": "obfs4-127.0.0.1:0",
        "TOR_PT_ORPORT": f"127.0.0.1:{edge.port}",
    }
    with subprocess.Popen([path], env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if line.startswith("SMETHOD obfs4"))
        _, _, address, args = line.split()
        host, port = address.split(":")
        pairs = [pair.partition("=")[::2] for pair in args.removeprefix("ARGS:").split(",")]
        yield PluggableTransport("obfs4", host, int(port), tuple(pairs))
        assert process.stdin is not None
        process.stdin.close()


async def test_wss_to_the_bridges_edge_runs_inside_obfs4(edge: Edge, obfs4: PluggableTransport) -> None:
    ctx = knowing(edge)
    edge.host = "origin.test"
    carrier = await dial(via(edge, obfs4), Role.S, ctx)
    assert await converse(carrier, ClientSession(Role.S), TEXT) == TEXT[::-1]
    await carrier.close()
    assert edge.preambles == ["NewSeal"]
    await ctx.programs.close()


async def test_a_wrong_obfs4_key_is_a_failed_route(
    edge: Edge, obfs4: PluggableTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zajil.transports.http.TLS_DEADLINE_S", 1.0)
    ctx = knowing(edge)
    wrong = replace(obfs4, args=(("cert", "A" * 70), ("iat-mode", "0")))
    with pytest.raises(DialError) as raised:
        await dial(via(edge, wrong), Role.S, ctx)
    assert raised.value.stage is Stage.TCP
    assert edge.requests == []
    await ctx.programs.close()
