"""The direct transport against a real aiohttp server on a loopback port."""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import WSMsgType, web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.x509.oid import NameOID

from zajil.protocol.errors import HomeError, RemoteProtocolError, Unreachable
from zajil.protocol.frames import Role
from zajil.protocol.session import Begin, ClientSession, Message, SessionTable, Usable
from zajil.transports.base import Carrier, DialError, Reason, Stage
from zajil.transports.direct import ANSWER_BYTES, DirectTransport, check_address

TABLE: web.AppKey[SessionTable] = web.AppKey("table", SessionTable)


async def echo(request: web.Request) -> web.Response:
    body = await request.read()
    seen = {"X-Seen": ",".join(sorted(request.headers)), "X-Auth": request.headers.get("Authorization", "")}
    return web.Response(status=int(request.query.get("status", "200")), body=body, headers=seen)


async def slow(request: web.Request) -> web.Response:
    await asyncio.Event().wait()
    return web.Response()


async def big(request: web.Request) -> web.Response:
    return web.Response(body=bytes(ANSWER_BYTES + 1))


async def sessions(request: web.Request) -> web.WebSocketResponse:
    """A gateway whose application answers every message with itself reversed."""
    ws = web.WebSocketResponse(compress=False, max_msg_size=1 << 17)
    await ws.prepare(request)
    carrier = request.app[TABLE].accept()
    async for message in ws:
        if message.type is not WSMsgType.BINARY:
            break
        for event in carrier.feed(message.data, 0.0):
            if isinstance(event, Message) and carrier.session:
                carrier.session.send(event.body[::-1])
        for record in carrier.pull(1000.0):
            await ws.send_bytes(record)
    carrier.lost(0.0)
    return ws


async def text(request: web.Request) -> web.WebSocketResponse:
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    await ws.send_str("hello")
    await ws.receive()
    return ws


def make_app(ids: list[int]) -> web.Application:
    app = web.Application(client_max_size=1 << 20)

    def new_id() -> bytes:
        ids.append(len(ids))
        return len(ids).to_bytes(16, "big")

    app[TABLE] = SessionTable(Role.S, new_id=new_id)
    app.router.add_route("*", "/v1/echo", echo)
    app.router.add_get("/v1/slow", slow)
    app.router.add_get("/v1/big", big)
    app.router.add_get(Role.S.path, sessions)
    app.router.add_get(Role.R.path, text)
    return app


@pytest.fixture
async def server() -> AsyncIterator[str]:
    runner = web.AppRunner(make_app([]), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}"
    await runner.cleanup()


async def test_a_call_brings_status_headers_and_body(server: str) -> None:
    async with DirectTransport(server) as transport:
        answer = await transport.call("POST", "/v1/echo?status=409", body=b"body", timeout_s=5)
        assert (answer.status, answer.body) == (409, b"body")
        answer = await transport.call("GET", "/v1/echo", headers={"Authorization": "Device x"}, timeout_s=5)
        assert answer.headers["x-auth"] == "Device x"


async def test_a_call_tells_nothing_about_the_program_or_the_user(server: str) -> None:
    async with DirectTransport(server) as transport:
        answer = await transport.call("GET", "/v1/echo", timeout_s=5)
        assert set(answer.headers["x-seen"].split(",")) <= {"Accept", "Host", "User-Agent"}


async def test_no_answer_in_time_is_unreachable(server: str) -> None:
    async with DirectTransport(server) as transport:
        with pytest.raises(Unreachable) as raised:
            await transport.call("GET", "/v1/slow", timeout_s=0.05)
        assert raised.value.code == "unreachable"


async def test_an_endless_answer_is_refused(server: str) -> None:
    async with DirectTransport(server) as transport:
        with pytest.raises(RemoteProtocolError):
            await transport.call("GET", "/v1/big", timeout_s=5)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return int(port)


async def test_nobody_listening_is_a_refused_dial() -> None:
    async with DirectTransport(f"http://127.0.0.1:{free_port()}") as transport:
        with pytest.raises(DialError) as raised:
            await transport.dial(Role.S)
        assert (raised.value.stage, raised.value.reason) == (Stage.TCP, Reason.REFUSED)
        with pytest.raises(DialError):
            await transport.call("GET", "/v1/echo", timeout_s=5)


async def test_a_refused_upgrade_says_status(server: str) -> None:
    class Other:
        path = "/v1/none"

    async with DirectTransport(server) as transport:
        with pytest.raises(DialError) as raised:
            await transport.dial(Other())  # type: ignore[arg-type]  # a path the server lacks
        assert raised.value.reason is Reason.STATUS


async def pump(session: ClientSession, carrier: Carrier, number: int) -> list[object]:
    for record in session.pull(number, 0.0):
        await carrier.send(record)
    found = await carrier.recv()
    assert found is not None
    return list(session.feed(number, found, 0.0))


async def test_a_session_survives_its_carrier(server: str) -> None:
    session = ClientSession(Role.S)
    async with DirectTransport(server) as transport:
        first = await transport.dial(Role.S)
        number, events = session.open_carrier(0.0)
        assert events == [Begin()]
        session.send(b"abc" * 40_000)
        assert await pump(session, first, number) == [Usable(resumed=False)]
        await first.close()
        assert await first.recv() is None
        session.lost(number)
        second = await transport.dial(Role.S)
        number, events = session.open_carrier(0.0)
        assert events == []
        assert await pump(session, second, number) == [Usable(resumed=True)]
        found: list[object] = []
        while not found:
            found = await pump(session, second, number)
        assert found == [Message(b"cba" * 40_000)]
        with pytest.raises(DialError):
            await first.send(b"late")
        await second.close()


async def test_anything_but_a_binary_message_ends_the_carrier(server: str) -> None:
    async with DirectTransport(server) as transport:
        carrier = await transport.dial(Role.R)
        assert await carrier.recv() is None
        await carrier.close()


def self_signed(folder: Path) -> ssl.SSLContext:
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    certificate = builder.sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "both").write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both")
    return context


async def test_a_certificate_that_does_not_verify_is_a_failed_route(tmp_path: Path) -> None:
    runner = web.AppRunner(make_app([]), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self_signed(tmp_path))
    await site.start()
    async with DirectTransport(f"https://localhost:{runner.addresses[0][1]}") as transport:
        with pytest.raises(DialError) as raised:
            await transport.call("GET", "/v1/echo", timeout_s=5)
        assert (raised.value.stage, raised.value.reason) == (Stage.TLS, Reason.CERT)
    await runner.cleanup()


@pytest.mark.parametrize(
    "address", ["", "ftp://a", "http://", "https://a/b", "https://u@a", "https://a?x", "http://[", "a"]
)
def test_an_address_is_a_scheme_and_a_host(address: str) -> None:
    with pytest.raises(HomeError):
        check_address(address)


def test_a_trailing_slash_is_dropped() -> None:
    assert check_address("https://home.example:8443/") == "https://home.example:8443"
