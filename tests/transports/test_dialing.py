"""Every strategy against a real TLS server on loopback: plain at the origin, sealed through a bridge."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from tests.transports.authority import Authority
from tests.transports.edge import DIR, TOKEN, Edge, serve
from tests.transports.knowing import Known, bridge, make_context, origin

from zajil.protocol.frames import Role
from zajil.protocol.path import Candidate, Strategy
from zajil.protocol.reach.endpoints import Endpoint, EndpointKind
from zajil.protocol.reach.seal import SessionKey
from zajil.protocol.session import Begin, ClientSession, Message
from zajil.transports import dialing, http
from zajil.transports.base import Carrier, DialError, Reason, Stage
from zajil.transports.dialing import DialContext, dial

STRATEGIES = [Strategy.WSS, Strategy.WSS_BROWSER, Strategy.POLL]
TEXT = b"abc" * 40_000


async def converse(carrier: Carrier, session: ClientSession, message: bytes) -> bytes:
    """What the server's application answers to a message, on a new carrier of a session."""
    number, events = session.open_carrier(time.monotonic())
    if events == [Begin()]:
        session.send(message)
    while True:
        for record in session.pull(number, time.monotonic() + 1):
            await carrier.send(record)
        async with asyncio.timeout(10):
            found = await carrier.recv()
        assert found is not None, carrier.failure
        for event in session.feed(number, found, time.monotonic()):
            if isinstance(event, Message):
                return event.body


@pytest.fixture
async def edge(trusted: Authority) -> AsyncIterator[Edge]:
    async with serve(Edge(), trusted.server("localhost")) as served:
        yield served


def knowing(edge: Edge) -> DialContext:
    return make_context(Known({"origin"}, SessionKey.of(edge.key.public)))


@pytest.mark.parametrize("place", [origin, bridge])
@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_a_carrier_carries_a_session(edge: Edge, strategy: Strategy, place: object) -> None:
    candidate: Candidate = place(edge, strategy)  # type: ignore[operator]  # one of the two functions
    connected: list[int] = []
    carrier = await dial(candidate, Role.S, knowing(edge), affinity="1a2b", connected=lambda: connected.append(1))
    assert await converse(carrier, ClientSession(Role.S), TEXT) == TEXT[::-1]
    assert carrier.rx_bytes >= len(TEXT)
    assert carrier.tx_bytes >= len(TEXT)
    await carrier.close()
    await carrier.close()
    assert await carrier.recv() is None
    assert connected
    assert all(path.endswith("?r=1a2b") for path in edge.requests)
    assert set(edge.alpn) == {"http/1.1"}
    assert edge.preambles == ([] if candidate.endpoint.id == "origin" else ["NewSeal"])


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_a_second_carrier_resumes_the_seal_and_a_forgotten_one_is_made_anew(
    edge: Edge, strategy: Strategy
) -> None:
    ctx = knowing(edge)
    session = ClientSession(Role.R)
    for expected in (["NewSeal"], ["NewSeal", "Resumed"], ["NewSeal", "Resumed", "Unknown", "NewSeal"]):
        if len(expected) > 2:
            edge.forget_seals()
        carrier = await dial(bridge(edge, strategy), Role.R, ctx)
        if edge.preambles[-1] == "NewSeal":
            session = ClientSession(Role.R)
            assert await converse(carrier, session, b"first") == b"tsrif"
        await carrier.close()
        assert edge.preambles == expected


async def test_the_two_roles_have_seals_of_their_own(edge: Edge) -> None:
    ctx = knowing(edge)
    for role in Role:
        carrier = await dial(bridge(edge, Strategy.WSS), role, ctx)
        await carrier.close()
    assert edge.preambles == ["NewSeal", "NewSeal"]
    assert {role: len(edge.tables[role]) for role in Role} == {Role.R: 0, Role.S: 0}


async def test_a_first_contact_takes_the_root_over_the_bridge_before_any_seal(edge: Edge) -> None:
    edge.roots = [b"one", b"two"]
    known = Known(genuine={(b"one", b"two"): SessionKey.of(edge.key.public)})
    carrier = await dial(bridge(edge, Strategy.WSS), Role.S, make_context(known))
    await carrier.close()
    assert edge.preambles == ["RootWanted", "NewSeal"]


async def test_a_root_of_another_server_is_a_failed_route(edge: Edge) -> None:
    edge.roots = [b"forged"]
    with pytest.raises(DialError) as raised:
        await dial(bridge(edge, Strategy.POLL), Role.S, make_context(Known()))
    assert (raised.value.stage, raised.value.reason) == (Stage.ACCEPT, Reason.CERT)
    assert edge.preambles == ["RootWanted"]


async def test_an_endpoint_that_is_no_origin_never_gets_a_plain_frame(edge: Edge) -> None:
    ctx = make_context(Known(set(), SessionKey.of(edge.key.public)))
    carrier = await dial(origin(edge, Strategy.WSS), Role.S, ctx)
    await carrier.close()
    assert edge.requests[0].startswith("/v1/sealed?r=")
    assert edge.preambles == ["NewSeal"]


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_a_wrong_clock_is_set_by_the_answer(edge: Edge, strategy: Strategy) -> None:
    """The decoy's Date tells the time; the path made by it is good."""
    ctx = make_context(Known(key=SessionKey.of(edge.key.public)), clock_error_s=-7200)
    carrier = await dial(bridge(edge, strategy), Role.S, ctx)
    await carrier.close()
    assert ctx.clock_offset_s == pytest.approx(7200, abs=5)
    assert len({path.partition("?")[0] for path in edge.requests}) == 2


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    "date", ["Thu, 01 Jan 1960 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 2035 00:00:00 GMT", "soon"]
)
async def test_the_date_of_a_decoy_is_believed_for_one_path_and_never_kept(
    edge: Edge, strategy: Strategy, date: str
) -> None:
    """What is kept of the clock was told under the seal; a bridge that lies fails alone."""
    edge.date = date
    edge.book.set_tokens({})
    ctx = knowing(edge)
    with pytest.raises(DialError) as raised:
        await dial(bridge(edge, strategy), Role.S, ctx)
    assert (raised.value.reason, raised.value.answered) == (Reason.STATUS, 404)
    assert ctx.clock_offset_s == 0


@pytest.mark.parametrize("strategy", [Strategy.WSS, Strategy.WSS_BROWSER])
async def test_a_redirect_of_an_upgrade_leads_nowhere(trusted: Authority, strategy: Strategy) -> None:
    """Else a bridge sends its guests to any address: names in clear, the local network, plain HTTP."""
    async with serve(Edge()) as elsewhere, serve(Edge(), trusted.server("localhost")) as edge:
        edge.redirect = f"http://localhost:{elsewhere.port}/"
        with pytest.raises(DialError) as raised:
            await dial(origin(edge, strategy), Role.S, knowing(edge))
        assert (raised.value.stage, raised.value.reason) == (Stage.HTTP, Reason.STATUS)
        assert raised.value.answered == 302
        assert elsewhere.requests == []


async def test_whatever_an_endpoint_brings_about_is_a_failed_route(edge: Edge) -> None:
    """A client whose race broke over one endpoint would have none at all."""

    class Broken(Known):
        def session_key(self) -> SessionKey | None:
            raise OverflowError("int too big to convert")

    with pytest.raises(DialError) as raised:
        await dial(bridge(edge, Strategy.WSS), Role.S, make_context(Broken()))
    assert (raised.value.reason, raised.value.note) == (Reason.CLOSED, "unexpected OverflowError")


async def test_a_host_name_that_stands_for_nothing_is_a_failed_route(edge: Edge) -> None:
    """As bridges of older bundles may have it; new ones are refused by `is_host`."""
    for strategy in STRATEGIES:
        endpoint = Endpoint("bridge", EndpointKind.BRIDGE, "xn--a", edge.port, DIR, token=TOKEN)
        with pytest.raises(DialError) as raised:
            await dial(Candidate("x", endpoint, strategy), Role.S, knowing(edge))
        assert not raised.value.note.startswith("unexpected")


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_a_wrong_token_meets_the_decoy_once(edge: Edge, strategy: Strategy) -> None:
    edge.book.set_tokens({})
    with pytest.raises(DialError) as raised:
        await dial(bridge(edge, strategy), Role.S, knowing(edge))
    assert (raised.value.stage, raised.value.reason) == (Stage.HTTP, Reason.STATUS)
    assert raised.value.answered == 404
    assert len(edge.requests) == 1


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_a_certificate_that_does_not_verify_is_a_failed_route(
    edge: Edge, strategy: Strategy, untrusting: None
) -> None:
    with pytest.raises(DialError) as raised:
        await dial(origin(edge, strategy), Role.S, knowing(edge))
    assert (raised.value.stage, raised.value.reason) == (Stage.TLS, Reason.CERT)
    assert edge.requests == []


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_a_certificate_of_another_name_is_a_failed_route(trusted: Authority, strategy: Strategy) -> None:
    async with serve(Edge(), trusted.server("other.test")) as edge:
        with pytest.raises(DialError) as raised:
            await dial(origin(edge, strategy), Role.S, knowing(edge))
        assert (raised.value.stage, raised.value.reason) == (Stage.TLS, Reason.CERT)


@pytest.mark.parametrize("strategy", [Strategy.WSS, Strategy.WSS_BROWSER])
async def test_a_bridge_without_its_origin_says_so(edge: Edge, strategy: Strategy) -> None:
    edge.close_code = 4502
    with pytest.raises(DialError) as raised:
        await dial(bridge(edge, strategy), Role.S, knowing(edge))
    assert (raised.value.stage, raised.value.answered) == (Stage.ACCEPT, 4502)


async def test_posts_pass_where_upgrades_are_stripped(edge: Edge) -> None:
    edge.upgrades = False
    with pytest.raises(DialError):
        await dial(bridge(edge, Strategy.WSS), Role.S, knowing(edge))
    carrier = await dial(bridge(edge, Strategy.POLL), Role.S, knowing(edge))
    assert await converse(carrier, ClientSession(Role.S), TEXT) == TEXT[::-1]
    await carrier.close()


async def test_what_is_queued_on_posts_goes_out_before_the_end(edge: Edge) -> None:
    carrier = await dial(origin(edge, Strategy.POLL), Role.S, knowing(edge))
    await carrier.send(b"garbage that ends the session")
    await carrier.close()
    assert edge.rx == 1


# -- addresses


@pytest.fixture
def no_resolver(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names that were asked for. None resolves."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def look_up(host: str, port: int, *, type: int, flags: int = 0) -> object:  # noqa: A002  # as the real one
        if flags & socket.AI_NUMERICHOST:
            return real(host, port, type=type, flags=flags)
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_without_dns_the_pinned_addresses_serve_and_are_kept(
    trusted: Authority, strategy: Strategy, no_resolver: list[str]
) -> None:
    async with serve(Edge("origin.test"), trusted.server("origin.test")) as edge:
        ctx = knowing(edge)
        for _ in range(2):
            carrier = await dial(origin(edge, strategy, ips=("127.0.0.1",)), Role.S, ctx)
            await carrier.close()
        assert no_resolver == ["origin.test"], "once by name, and by the pinned address alone from then on"


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_a_name_that_does_not_resolve_fails_at_dns(strategy: Strategy, no_resolver: list[str]) -> None:
    edge = Edge("origin.test", 443)
    with pytest.raises(DialError) as raised:
        await dial(origin(edge, strategy), Role.S, knowing(edge))
    assert (raised.value.stage, raised.value.reason) == (Stage.DNS, Reason.UNREACHABLE)


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_a_name_that_leads_to_silence_is_tried_at_its_pinned_address_soon(
    trusted: Authority, strategy: Strategy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS answers with an address where something listens and never speaks."""
    monkeypatch.setattr(dialing, "PINNED_AFTER_S", 0.1)
    real = socket.getaddrinfo

    def look_up(host: str, port: int, *, type: int, flags: int = 0) -> object:  # noqa: A002  # as the real one
        return real("127.0.0.9" if host == "origin.test" and not flags else host, port, type=type, flags=flags)

    with socket.socket() as silent:
        async with serve(Edge("origin.test"), trusted.server("origin.test")) as edge:
            silent.bind(("127.0.0.9", edge.port))
            silent.listen()
            monkeypatch.setattr(socket, "getaddrinfo", look_up)
            carrier = await dial(origin(edge, strategy, ips=("127.0.0.1",)), Role.S, knowing(edge))
            await carrier.close()


# -- peers that fail


Act = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Peer:
    """A TCP peer that does one thing with each connection."""

    def __init__(self, act: Act, tls: ssl.SSLContext | None = None) -> None:
        self._act = act
        self._tls = tls
        self._served: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Edge:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0, ssl=self._tls)
        return Edge("localhost", self._server.sockets[0].getsockname()[1])

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._served.append(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await self._act(reader, writer)
            writer.close()
            await writer.wait_closed()

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        async with asyncio.timeout(5):
            await asyncio.gather(*self._served)


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    found = writer.get_extra_info("socket")
    found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    writer.transport.abort()


async def talk_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"HTTP/1.1 200 OK\r\n\r\nhello")


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    ("act", "stage", "reason"),
    [
        (hang, Stage.TLS, {Reason.TIMEOUT}),
        (reset, Stage.TLS, {Reason.RESET}),
        (talk_http, Stage.TLS, {Reason.CLOSED, Reason.RESET}),
    ],
)
async def test_a_peer_that_fails_below_http(
    monkeypatch: pytest.MonkeyPatch, strategy: Strategy, act: Act, stage: Stage, reason: set[Reason]
) -> None:
    monkeypatch.setattr(http, "TLS_DEADLINE_S", 1.0)
    monkeypatch.setattr("zajil.transports.fingerprint.TLS_DEADLINE_S", 1.0)
    async with Peer(act) as edge:
        with pytest.raises(DialError) as raised:
            await dial(origin(edge, strategy), Role.S, knowing(edge))
    assert raised.value.stage is stage
    assert raised.value.reason in reason


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_nobody_listening_is_a_refused_dial(strategy: Strategy) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        edge = Edge("127.0.0.1", probe.getsockname()[1])
    with pytest.raises(DialError) as raised:
        await dial(origin(edge, strategy), Role.S, knowing(edge))
    assert (raised.value.stage, raised.value.reason) == (Stage.TCP, Reason.REFUSED)


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_a_tls_server_that_never_answers_a_request(
    trusted: Authority, monkeypatch: pytest.MonkeyPatch, strategy: Strategy
) -> None:
    for module in ("dialing", "websocket", "poll", "fingerprint"):
        monkeypatch.setattr(f"zajil.transports.{module}.USABLE_DEADLINE_S", 0.3)
    async with Peer(hang, trusted.server("localhost")) as edge:
        with pytest.raises(DialError) as raised:
            await dial(origin(edge, strategy), Role.S, knowing(edge))
        assert (raised.value.stage, raised.value.reason) == (Stage.HTTP, Reason.TIMEOUT)


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_a_cancelled_dial_leaves_nothing_behind(strategy: Strategy) -> None:
    async with Peer(hang) as edge:
        task = asyncio.create_task(dial(origin(edge, strategy), Role.S, knowing(edge)))
        await asyncio.sleep(0.1)
        task.cancel()
        started = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(asyncio.all_tasks()) <= 2, "this test and the peer"
        assert time.monotonic() - started < 2


def test_tls_verifies_and_offers_what_browsers_offer(trusted: Authority) -> None:
    context = http.tls_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert http.trusted_file() == str(trusted.file)
