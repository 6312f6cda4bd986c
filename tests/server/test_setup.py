"""`zajil init`: what it writes, what it refuses, and the whole of it behind Debian's Caddy with its own authority."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from tests.server.people import Person
from tests.server.test_site import HEADERS
from tests.server.test_story import group_of_two
from tests.server.wire import Http, Wire

from zajil.protocol import frames
from zajil.protocol.frames import Kind, Role
from zajil.server.config import CONFIG_FILE, ConfigError, load_settings
from zajil.server.setup import CADDY_FILE, Setup, SetupExists, parse_domain, render_caddy, write_setup

DOMAIN = "chat.test"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("chat.example", "chat.example"),
        (" Chat.Example. ", "chat.example"),
        ("زاجل.example", "xn--mgbkq8e.example"),
        ("localhost", "localhost"),
        ("192.0.2.7", "192.0.2.7"),
    ],
)
def test_a_domain_is_taken_in_any_script_and_written_in_ascii(text: str, name: str) -> None:
    assert parse_domain(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "https://chat.example",
        "a b",
        "a/b",
        "a\nb",
        'a"b',
        "a{b",
        "-a.b",
        "a-.b",
        "a..b",
        "x" * 64,
        "a." * 130,
        "a.b\n.",
    ],
)
def test_what_is_no_domain_never_reaches_a_file(text: str) -> None:
    with pytest.raises(ValueError, match="domain"):
        parse_domain(text)


def test_the_files_are_what_the_server_reads_and_are_never_overwritten(tmp_path: Path) -> None:
    data = tmp_path / "data"
    written = write_setup(data, Setup(DOMAIN, 9000))
    assert written == (data / CONFIG_FILE, data / CADDY_FILE)
    settings = load_settings(data)
    assert (settings.server_name, settings.front, settings.port) == (DOMAIN, f"https://{DOMAIN}", 9000)
    assert (settings.host, settings.registration) == ("127.0.0.1", "invite")
    assert (settings.origins, settings.trusted_proxies) == ((f"https://{DOMAIN}",), ("127.0.0.1", "::1"))
    assert data.stat().st_mode & 0o777 == 0o700
    before = {path: path.read_bytes() for path in written}
    for missing in (None, *written):
        if missing is not None:
            missing.unlink()
        with pytest.raises(SetupExists):
            write_setup(data, Setup("other.example"))
        if missing is not None:
            missing.write_bytes(before[missing])
        assert {path: path.read_bytes() for path in written} == before


def test_the_folder_of_a_server_with_another_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "server_name").write_text("home.example\n")
    with pytest.raises(ConfigError, match=r"home\.example"):
        write_setup(tmp_path, Setup(DOMAIN))
    assert [path.name for path in tmp_path.iterdir()] == ["server_name"]


def test_the_caddyfile_holds_no_more_than_is_asked_for() -> None:
    plain, test = render_caddy(Setup(DOMAIN)), render_caddy(Setup(DOMAIN, 9000, True, 8080, 8443))
    assert "http_port" not in plain
    assert "tls" not in plain
    for line in ("\thttp_port 8080", "\thttps_port 8443", "\tskip_install_trust", "\ttls internal"):
        assert line in test.splitlines()
    assert "reverse_proxy 127.0.0.1:9000" in test
    assert '\theader Strict-Transport-Security "max-age=31536000"' in plain.splitlines()
    assert "Strict-Transport-Security" not in test


# Behind Caddy

needs_caddy = pytest.mark.skipif(shutil.which("caddy") is None, reason="no Caddy: apt-get install caddy")
ZAJIL = [sys.executable, "-m", "zajil.cli.main"]


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@asynccontextmanager
async def running(command: list[str], environ: dict[str, str], *signs: str) -> AsyncIterator[asyncio.Task[bytes]]:
    """A process whose output has shown each of these signs; what it says after them, once it has ended."""
    process = await asyncio.create_subprocess_exec(
        *command, env={**os.environ, **environ}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    seen: list[str] = []
    try:
        if process.stdout is None:
            raise RuntimeError
        missing = set(signs)
        async with asyncio.timeout(60):
            while missing:
                line = (await process.stdout.readline()).decode()
                assert line, "it ended:\n" + "".join(seen)
                seen.append(line)
                missing -= {sign for sign in missing if sign in line}
        drain = asyncio.create_task(process.stdout.read())
        yield drain
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        if not missing:
            await drain


class Loopback(AbstractResolver):
    """Every name is this machine."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        pass


async def until_tls(session: aiohttp.ClientSession, url: str) -> None:
    """Caddy says that it has a certificate a moment before it uses it."""
    async with asyncio.timeout(30):
        while True:
            try:
                async with session.get(f"{url}/health") as answer:
                    assert answer.status == 200
                    return
            except aiohttp.ClientConnectorSSLError:
                await asyncio.sleep(0.02)


@pytest.fixture
async def front(tmp_path: Path) -> AsyncIterator[tuple[str, aiohttp.ClientSession]]:
    """Address and a client that trusts Caddy's authority: `zajil init`, `zajil serve` and `caddy run` as documented."""
    data = tmp_path / "data"
    port, http_port, https_port, admin = free_ports(4)
    ports = ["--port", str(port), "--http-port", str(http_port), "--https-port", str(https_port)]
    init = [*ZAJIL, "init", "--domain", DOMAIN, "--internal-ca", "--data", str(data), *ports]
    made = await asyncio.create_subprocess_exec(*init, stdout=asyncio.subprocess.DEVNULL)
    assert await made.wait() == 0
    homes = {name: str(tmp_path / "caddy") for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "HOME")}
    caddy = ["caddy", "run", "--config", str(data / CADDY_FILE), "--adapter", "caddyfile"]
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(running([*ZAJIL, "serve", "--data", str(data)], {}, "listening on"))
        await stack.enter_async_context(
            running(
                caddy,
                {**homes, "CADDY_ADMIN": f"127.0.0.1:{admin}"},
                "serving initial configuration",
                "certificate obtained successfully",
            )
        )
        root = tmp_path / "caddy" / "caddy" / "pki" / "authorities" / "local" / "root.crt"
        connector = aiohttp.TCPConnector(
            ssl=ssl.create_default_context(cafile=str(root)), resolver=Loopback(), use_dns_cache=False
        )
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector, auto_decompress=False))
        url = f"https://{DOMAIN}:{https_port}"
        await until_tls(session, url)
        yield url, session


@needs_caddy
@pytest.mark.slow
async def test_caddy_tells_its_log_of_nobody_whom_a_stopped_server_did_not_answer(tmp_path: Path) -> None:
    port, http_port, https_port, admin = free_ports(4)
    (tmp_path / CADDY_FILE).write_text(render_caddy(Setup(DOMAIN, port, True, http_port, https_port)))
    homes = {name: str(tmp_path / "caddy") for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "HOME")}
    environ = {**homes, "CADDY_ADMIN": f"127.0.0.1:{admin}"}
    caddy = ["caddy", "run", "--config", str(tmp_path / CADDY_FILE), "--adapter", "caddyfile"]
    connector = aiohttp.TCPConnector(ssl=False, resolver=Loopback(), use_dns_cache=False)
    async with (
        running(caddy, environ, "serving initial configuration", "certificate obtained successfully") as said,
        aiohttp.ClientSession(connector=connector) as session,
    ):
        async with asyncio.timeout(30):
            while True:
                with contextlib.suppress(aiohttp.ClientConnectorError):  # it has a certificate before it uses it
                    async with session.get(f"https://{DOMAIN}:{https_port}/v1/config") as answer:
                        assert answer.status == 502
                        break
                await asyncio.sleep(0.02)
    assert b"shutdown complete" in said.result()
    assert b"remote_ip" not in said.result()
    assert b"127.0.0.1" not in said.result()


@needs_caddy
@pytest.mark.slow
async def test_behind_caddy_the_page_loads_over_https_and_two_people_talk(
    front: tuple[str, aiohttp.ClientSession], tmp_path: Path
) -> None:
    url, session = front
    http = Http(url, session)
    for path in ("/", "/i"):
        status, body, headers = await http.raw("GET", path, headers={"accept-encoding": "identity"})
        assert status == 200
        assert body.startswith((b"<!doctype html>", b"<!DOCTYPE html>"))
        assert {name: headers.get(name) for name in HEADERS} == HEADERS
        assert "server" not in headers
    status, body, _ = await http.raw("GET", "/v1/config")
    assert (status, DOMAIN.encode() in body) == (200, True)
    make = [*ZAJIL, "admin", "invite", "--uses", "2", "--data", str(tmp_path / "data")]
    process = await asyncio.create_subprocess_exec(*make, stdout=asyncio.subprocess.PIPE)
    invite = (await process.communicate())[0].decode().strip()
    people = [Person(server_name=DOMAIN), Person(server_name=DOMAIN)]
    one, two = [await http.register(person, invite=invite) for person in people]
    headers = {"origin": url}
    session.headers.update(headers)
    async with Wire(url, Role.S, session) as s, Wire(url, Role.R, session) as r:
        group = await group_of_two(http, s, one, two)
        await r.hello(two)
        assert isinstance(await s.ask(group.send(5)), frames.Ok)
        assert [(await r.expect(frames.Msg)).kind for _ in range(2)] == [Kind.WELCOME, Kind.APP]  # type: ignore[attr-defined]
    upgrade = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
    upgrade["sec-websocket-key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    for origin in (f"http://{url.removeprefix('https://')}", "https://evil.test"):
        status, _, _ = await http.raw("GET", Role.R.path, headers={**upgrade, "origin": origin})
        assert status == 403, origin
