"""The daemon on its socket, with a real home server behind it: who gets through, how, and who never does."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any, NoReturn

import aiohttp
import msgspec
import pytest
from tests.bridges.edge.capture import capturing
from tests.bridges.edge.world import (
    DIR,
    DOMAIN,
    PAGE,
    Joined,
    Way,
    home_server,
    joined_bridge,
    make_config,
    operator_code,
    straight,
)
from tests.calls.frames import frame
from tests.server.carriers import SealedDial, SealedPlug, SocketPlug, until
from tests.server.people import Person
from tests.server.test_story import group_of_two
from tests.server.wire import Http, Wire
from tests.transports.authority import Authority

from zajil.bridges.edge import daemon, up
from zajil.bridges.edge.caps import DAY_S
from zajil.bridges.edge.config import EdgeConfig
from zajil.bridges.edge.home import CREDENTIAL_FILE, Home
from zajil.bridges.edge.splice import HOME_UNREACHABLE, TRY_LATER, code_to_tell
from zajil.calls.mediaframes import notice
from zajil.protocol import control, frames
from zajil.protocol.calls.media import BAD_TICKET, JOINED, PREAMBLE
from zajil.protocol.control import B16, B32
from zajil.protocol.errors import AuthError, Conflict, Refused
from zajil.protocol.frames import Kind, Role
from zajil.protocol.ids import encode_b64
from zajil.protocol.reach import bridgepath
from zajil.protocol.reach.polling import BODY_BYTES, PollPost, encode_post
from zajil.protocol.reach.seal import NEW_BYTES, Channel
from zajil.server.admin import list_bridges, publish_bridge, remove_bridge
from zajil.server.app import Server
from zajil.transports.base import DialError, Reason, Stage
from zajil.transports.direct import DirectTransport

SOCKET = {
    "connection": "upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.mark.parametrize("posts", [False, True], ids=["socket", "posts"])
async def test_two_people_talk_through_it(way: Way, http: Http, posts: bool) -> None:
    one, two = await http.register(Person()), await http.register(Person())
    async with await way.wire(Role.S, posts=posts) as s, await way.wire(Role.R, posts=posts) as r:
        group = await group_of_two(http, s, one, two)
        await r.hello(two)
        assert isinstance(await s.ask(group.send(5, b"marhaba")), frames.Ok)
        assert [(await r.expect(frames.Msg)).kind for _ in range(2)] == [Kind.WELCOME, Kind.APP]  # type: ignore[attr-defined]
        assert way.joined.bridge.carriers >= 2
        await r.cut()
        await r.open()
        assert r.begun == 1, "the same session over the next carrier"
    await until(lambda: posts or way.joined.bridge.carriers == 0)


async def test_media_of_a_call_goes_through_it_and_so_does_the_reason_for_its_end(way: Way, http: Http) -> None:
    one, two = await http.register(Person()), await http.register(Person())
    async with await way.wire(Role.S) as s:
        group = await group_of_two(http, s, one, two)
    asked = control.AskTicket(B16(group.gid), 1, B32(group.token()), B16(bytes(16)))
    ticket = control.parse_json(await http.call(control.CALL_TICKET, asked), control.MediaTicket).ticket
    dial = SealedDial(Channel.MEDIA, await way.session_key(), way.socket)
    near, far = await dial(), await dial()
    for number, seat in enumerate((near, far), 1):
        await seat.send(PREAMBLE + ticket)
        assert (await seat.receive() or b"")[:3] == notice(JOINED, number)
    for seq in range(20):
        await near.send(frame(1, seq))
    heard = [await far.receive() for _ in range(20)]
    assert heard == [b"\x01" + frame(1, seq) for seq in range(20)]
    refused = await dial()
    await refused.send(PREAMBLE + bytes(40))
    assert isinstance(refused, SealedPlug)
    assert isinstance(refused.inner, SocketPlug)
    assert await refused.inner.receive() is None
    assert refused.inner.socket.close_code == BAD_TICKET
    for seat in (near, far):
        await seat.cut()


# Who is refused


async def raw(joined: Joined, request: bytes) -> bytes:
    """What the daemon answers to these bytes."""
    reader, writer = await asyncio.open_unix_connection(joined.config.socket)
    writer.write(request)
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        body = await reader.readexactly(int(lengths[0]) if lengths else 0)
    writer.close()
    await writer.wait_closed()
    return head + body


def ask(method: str, target: str, *lines: str, body: bytes = b"") -> bytes:
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: bridge.test", *lines, "", ""]).encode() + body


UPGRADE = [f"{name}: {value}" for name, value in SOCKET.items()]


async def test_everybody_who_proves_nothing_gets_the_same_bytes(joined: Joined) -> None:
    right, wrong = joined.path(), f"/{DIR}/{encode_b64(os.urandom(28))}"
    length = "Content-Length: 5"
    refusal = await raw(joined, ask("GET", "/"))
    assert refusal.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert b"erver" not in refusal
    assert b"python" not in refusal.lower()
    for request in (
        ask("GET", wrong),
        ask("GET", wrong, *UPGRADE),
        ask("POST", wrong, length, body=b"hello"),
        ask("POST", wrong, length),
        ask("PUT", wrong, length, body=b"hello"),
        ask("OPTIONS", wrong),
        ask("GET", f"{wrong}%0A"),
        ask("GET", joined.path(late_s=7200), *UPGRADE),
        ask("GET", f"{joined.path()}?url=https://e.example", *UPGRADE),
        ask("GET", joined.path(), *UPGRADE, "Origin: https://evil.example"),
        ask("GET", right),
        ask("DELETE", right, *UPGRADE),
        ask("GET", "/check", f"X-Path: {wrong}", "X-Method: POST"),
        ask("GET", "/check"),
        ask("GET", "/v1/sealed", *UPGRADE),
    ):
        assert await raw(joined, request) == refusal, request
    assert joined.bridge.carriers == 0


@pytest.mark.slow
async def test_ten_thousand_wrong_tokens_cost_nothing_that_lasts(joined: Joined, way: Way) -> None:
    def resident_bytes() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

    reader, writer = await asyncio.open_unix_connection(joined.config.socket)
    before = 0
    for number in range(10_000):
        if number == 1000:
            before = resident_bytes()
        asked = f"X-Path: /{DIR}/{encode_b64(os.urandom(28))}", "X-Method: POST"
        writer.write(ask("GET", "/check", *asked))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 404 ")
        length = int(next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))[15:])
        await reader.readexactly(length)
    writer.close()
    assert resident_bytes() - before < 8 << 20
    assert await way.session_key(), "who has a token still gets in"


async def test_it_is_no_open_proxy(tmp_path: Path, server: Server) -> None:
    """Whatever a request names, bytes go to the home server's one path, with the bridge's own words."""
    async with (
        capturing(server.port) as home,
        capturing(server.port) as trap,
        joined_bridge(tmp_path, server, via=home.port) as joined,
    ):
        elsewhere = f"http://127.0.0.1:{trap.port}"
        right = joined.path
        for request in (
            ask("CONNECT", f"127.0.0.1:{trap.port}"),
            ask("GET", f"{elsewhere}/", *UPGRADE),
            ask("GET", f"{elsewhere}{right()}", *UPGRADE),
            ask("GET", f"{right()}?url={elsewhere}", *UPGRADE),
            ask("GET", f"{right()}?r=0a0b&origin={elsewhere}", *UPGRADE),
            ask("GET", f"{right()}@127.0.0.1:{trap.port}", *UPGRADE),
            ask("GET", f"//127.0.0.1:{trap.port}{right()}", *UPGRADE),
        ):
            assert (await raw(joined, request)).startswith(b"HTTP/1.1 40"), request
        asked = ask("GET", f"{right()}?r=0a0b", *UPGRADE, f"X-Forwarded-Host: 127.0.0.1:{trap.port}", "Cookie: a=b")
        asked = asked.replace(b"Host: bridge.test", f"Host: 127.0.0.1:{trap.port}".encode())
        reader, writer = await asyncio.open_unix_connection(joined.config.socket)
        writer.write(asked)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        writer.write(b"\x82\x82\x00\x00\x00\x00\x01\x03")
        assert await reader.read(1), "the home server answered"
        writer.close()
        await writer.wait_closed()
    assert trap.heads == []
    (head,) = [each for each in home.heads if b"/v1/sealed" in each]
    assert head.startswith(b"GET /v1/sealed?r=0a0b HTTP/1.1\r\n")
    names = {line.split(b":")[0].lower() for line in head.split(b"\r\n")[1:]}
    assert names == {
        *(b"host", b"authorization", b"upgrade", b"connection", b"user-agent", b"accept"),
        *(b"sec-websocket-version", b"sec-websocket-key"),
    }
    assert b"cookie" not in head.lower()


# What it learns


@pytest.mark.parametrize("posts", [False, True], ids=["socket", "posts"])
async def test_it_learns_no_account_group_or_text(tmp_path: Path, server: Server, posts: bool) -> None:
    words = b"a text that nobody else may read"
    async with (
        capturing(server.port) as capture,
        capturing(server.port) as plain,
        aiohttp.ClientSession(auto_decompress=False) as direct,
    ):
        http = Http(f"http://127.0.0.1:{server.port}", direct)
        one, two = Person(), Person()
        tokens = [await http.register(one), await http.register(two)]
        async with joined_bridge(tmp_path, server, via=capture.port) as joined:
            async with straight(joined) as way:
                wires = [await way.wire(role, posts=posts) for role in (Role.S, Role.R)]
                gid = await converse(http, wires, tokens, words)
            secrets = [words, gid, joined.private.token, one.account_id, two.account_id]
        base = f"http://127.0.0.1:{plain.port}"
        gid_in_clear = await converse(http, [Wire(base, role, direct) for role in (Role.S, Role.R)], tokens, words)
    secrets += [token.encode() for token in tokens]
    secrets += [token.split(" ")[1].encode() for token in tokens]
    assert not [secret for secret in secrets if capture.holds(secret)]
    assert any(len(record) == NEW_BYTES and record[:2] == b"\x01\x01" for record in capture.records)
    assert plain.holds(words), "the search finds what is there"
    assert plain.holds(gid_in_clear)


async def converse(http: Http, wires: list[Wire], tokens: list[str], words: bytes) -> bytes:
    """One message from one to the other, over these sessions; the group's id."""
    s, r = wires
    async with s, r:
        group = await group_of_two(http, s, *tokens)
        await r.hello(tokens[1])
        assert isinstance(await s.ask(group.send(5, words)), frames.Ok)
        await r.expect(frames.Msg)
        return bytes(group.gid)


async def test_nothing_is_written_down_but_counters(joined: Joined, way: Way, tmp_path: Path) -> None:
    async with await way.wire(Role.S), await way.wire(Role.S, posts=True):
        pass
    await joined.bridge.stop()
    (file,) = joined.folder.iterdir()
    assert file.name == "counters.json"
    text = file.read_text()
    assert joined.private.token_id.hex() in text
    for secret in (joined.private.token, *joined.nonces):
        assert secret.hex() not in text
        assert encode_b64(secret) not in text


async def test_it_checks_the_certificate_of_its_home_server(
    tmp_path: Path, server: Server, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with capturing(server.port, tls=authority.server("localhost")) as capture:
        config = make_config(tmp_path, f"https://localhost:{capture.port}", join="0" * 20)
        stranger = Home(config)
        try:
            for attempt in (stranger.join(config, asking=bytes(16)), stranger.ask(), stranger.dial("")):
                with pytest.raises(DialError) as failure:
                    await attempt
                assert failure.value.reason is Reason.CERT
        finally:
            await stranger.close()
        assert capture.heads == []
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
        async with joined_bridge(tmp_path, server, via=capture.port, tls=True) as joined, straight(joined) as way:
            assert await way.session_key()


# How it tells that there is no way on


async def test_a_home_server_that_is_down_is_told_to_those_who_proved_a_path(tmp_path: Path) -> None:
    async with home_server(tmp_path) as server, joined_bridge(tmp_path, server) as joined:
        await server.stop()
        async with straight(joined) as way:
            plug = await way.socket()
            assert await plug.receive() is None
            assert plug.socket.close_code == HOME_UNREACHABLE
            posts = await way.posts()
            assert await posts.post(b"hello") == (502, b"")
            assert (await posts.post())[0] == 404, "that carrier is over, its path used up"
            async with way.client.get(f"http://bridge.test/{DIR}/{encode_b64(bytes(28))}") as answer:
                assert answer.status == 404
    assert joined.bridge.carriers == 0


async def test_a_bridge_that_was_removed_opens_for_nobody(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "PULL_S", 0.05)
    async with joined_bridge(tmp_path, server) as joined, straight(joined) as way:
        client = way.client
        await way.session_key()
        tag = await joined.home.ask()
        assert tag is not None
        assert await joined.home.ask(tag.tag) is None, "nothing new costs nothing"
        (known,) = list_bridges(tmp_path / "home")
        remove_bridge(tmp_path / "home", known.id)
        with pytest.raises(AuthError):
            await joined.home.ask()

        async def is_closed() -> bool:
            async with client.get("http://bridge.test" + joined.path(), headers=SOCKET) as answer:
                return int(answer.status) == 404

        async with asyncio.timeout(10):
            while not await is_closed():  # noqa: ASYNC110  # asking is the wait
                await asyncio.sleep(0.02)


async def test_its_sweeps_follow_the_clock(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tags of a time to come are computed by nobody else: not when tokens are taken, not when a path is asked about."""
    monkeypatch.setattr(daemon, "_SWEEP_S", 0.02)
    async with joined_bridge(tmp_path, server) as joined, straight(joined) as way:
        monkeypatch.setattr(joined.bridge._door, "_clock", lambda: time.time() + DAY_S)

        async def is_open() -> bool:
            async with way.client.get("http://bridge.test" + joined.path(late_s=-DAY_S), headers=SOCKET) as answer:
                return int(answer.status) == 101

        async with asyncio.timeout(10):
            while not await is_open():  # noqa: ASYNC110  # asking is the wait
                await asyncio.sleep(0.02)


async def test_a_home_server_that_refuses_the_bridge_is_not_called_down(joined: Joined, way: Way) -> None:
    joined.home.be(bytes(32))
    plug = await way.socket()
    assert await plug.receive() is None
    assert plug.socket.close_code == TRY_LATER
    assert (await (await way.posts()).post(b"hello"))[0] == 503


async def test_a_code_joins_one_bridge_once(joined: Joined, tmp_path: Path) -> None:
    home = Home(joined.config)
    try:
        with pytest.raises(Refused):
            await home.join(joined.config, asking=os.urandom(16))
        fresh = operator_code(tmp_path / "home")
        with pytest.raises(Conflict):
            await home.join(msgspec.structs.replace(joined.config, join=fresh), asking=os.urandom(16))
    finally:
        await home.close()


async def test_a_bridge_that_did_not_hear_that_it_had_joined_hears_it_when_it_starts_again(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The code is spent by then, for everybody else too."""
    call = DirectTransport.call

    async def unheard(self: DirectTransport, *of: Any, **more: Any) -> NoReturn:  # Any: passed through as given
        await call(self, *of, **more)
        raise DialError(Stage.HTTP, Reason.TIMEOUT)

    code = operator_code(tmp_path / "home")
    config = make_config(tmp_path, f"http://127.0.0.1:{server.port}", join=code)
    folder, elsewhere = tmp_path / "bridge", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()

    async def start(folder: Path, config: EdgeConfig = config) -> bytes:
        home = Home(config)
        try:
            home.be(credential := await up._credential(config, folder, home, lambda: None))
            assert await home.ask() is not None
        finally:
            await home.close()
        return credential

    with monkeypatch.context() as broken:
        broken.setattr(DirectTransport, "call", unheard)
        with pytest.raises(DialError):
            await start(folder)
    for place, settings in ((elsewhere, config), (folder, msgspec.structs.replace(config, port=8443))):
        with pytest.raises(up.CodeRefused):
            await start(place, settings)
    credential = await start(folder)
    assert await start(folder) == credential
    assert [path.name for path in folder.iterdir()] == [CREDENTIAL_FILE]


@pytest.mark.parametrize(
    ("came", "told"), [(None, 1000), (1000, 1000), (1005, 1000), (1006, 1000), (1011, 1011), (1015, 1000), (4000, 4000)]
)
def test_a_close_code_is_passed_on_where_it_may_be(came: int | None, told: int) -> None:
    assert code_to_tell(came) == told


# Carriers of POSTs


async def test_a_page_may_read_the_answers_of_a_proved_path(way: Way) -> None:
    posts = await way.posts()
    body = encode_post(PollPost(posts.name, 0, (b"\x01\x03",)))
    async with way.client.post(posts.url + "?r=0a0b", data=body, headers={"origin": PAGE}) as answer:
        assert answer.status == 200
        assert answer.headers["access-control-allow-origin"] == "*"
        assert await answer.read() == b""


async def test_another_carrier_gap_or_body_ends_it(way: Way) -> None:
    posts = await way.posts()
    assert (await posts.post(b"\x01\x03"))[0] == 200
    stranger = encode_post(PollPost(os.urandom(16), 1, (b"x",)))
    assert (await posts.post_raw(stranger))[0] == 404, "the path alone is not enough"
    posts.seq = 5
    assert (await posts.post(b"x"))[0] == 400
    assert (await posts.post(b"x"))[0] == 404
    for body in (b"", b"short", bytes(BODY_BYTES + 1)):
        other = await way.posts()
        assert (await other.post_raw(body))[0] == 400
    late = await way.posts()
    late.seq = 2
    assert (await late.post(b"x"))[0] == 404
    await until(lambda: way.joined.bridge.carriers == 0)


async def test_the_root_comes_over_posts_too(way: Way) -> None:
    """As on first contact from a network that strips `Upgrade`."""
    posts = await way.posts()
    await posts.send(b"\x01\x03")
    answer = await posts.receive()
    assert answer is not None
    assert answer.startswith(b"[")
    assert await posts.receive() is None, "the home server closes such a carrier"
    assert set(posts.statuses) <= {200, 404}


# Caps


async def test_what_is_in_the_signed_list_has_no_budget(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridgepath, "CARRIERS_AT_ONCE", 1)
    monkeypatch.setattr(bridgepath, "CARRIER_EVERY_S", 1000.0)
    monkeypatch.setattr(daemon, "PULL_S", 0.05)
    async with joined_bridge(tmp_path, server) as joined, straight(joined) as way:
        await (await way.socket()).cut()
        assert (await (await way.posts()).post(b"x"))[0] == 404, "a private token's budget"
        (known,) = list_bridges(tmp_path / "home")
        publish_bridge(tmp_path / "home", known.id)
        standing = await joined.home.ask()
        assert standing is not None
        (public,) = [bytes(each.token) for each in standing.own.tokens if each.public]

        async def knock() -> int:
            path = bridgepath.bridge_path(public, DOMAIN, DIR, now_s=time.time(), nonce=os.urandom(8))
            asked = {"x-path": path, "x-method": "POST"}
            async with way.client.get("http://bridge.test/check", headers=asked) as answer:
                return int(answer.status)

        async with asyncio.timeout(10):
            while await knock() != 204:  # noqa: ASYNC110  # asking is the wait
                await asyncio.sleep(0.02)
        assert [await knock() for _ in range(3)] == [204] * 3


async def test_at_its_most_carriers_a_bridge_is_a_plain_server(tmp_path: Path, server: Server) -> None:
    async with joined_bridge(tmp_path, server, carriers=1) as joined, straight(joined) as way:
        plug = await way.socket()
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await way.socket()
        assert (await (await way.posts()).post(b"x"))[0] == 404
        await plug.cut()
        await until(lambda: joined.bridge.carriers == 0)
        await (await way.socket()).cut()


async def test_what_is_no_record_of_ours_ends_the_carrier(way: Way) -> None:
    plug = await way.socket()
    await plug.socket.send_str("text")
    assert await plug.receive() is None
    assert plug.socket.close_code == 1003
    plug = await way.socket()
    await plug.socket.send_bytes(bytes(1 << 18))
    assert await plug.receive() is None
    plug = await way.socket()
    for _ in range(20):
        await plug.socket.ping()
    await plug.send(b"\x01\x03")
    assert await plug.receive(), "who only asks whether it lives is answered"
