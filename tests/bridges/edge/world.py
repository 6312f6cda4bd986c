"""A home server, a bridge that joined it, and what a client of it holds; edges of real web servers in front."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from tests.server.carriers import PostPlug, SealedDial, SocketPlug
from tests.server.conftest import NO_LIMITS
from tests.server.wire import Wire
from tests.transports.authority import Authority

from zajil.bridges.edge.config import EdgeConfig, EdgeKind
from zajil.bridges.edge.daemon import Bridge
from zajil.bridges.edge.edges import EdgePlan, render_caddy, render_nginx_alone
from zajil.bridges.edge.home import Home
from zajil.bridges.registry.operator import bundle_for_invite, invite_bridge
from zajil.engine import keys as key_file
from zajil.engine.keys import Keys
from zajil.protocol.frames import Role
from zajil.protocol.ids import encode_b64
from zajil.protocol.reach.bridgepath import bridge_path
from zajil.protocol.reach.endpoints import PrivateBridges
from zajil.protocol.reach.seal import Channel, SessionKey
from zajil.protocol.reach.signed import parse_root_answer, step_root
from zajil.server.app import Server
from zajil.server.config import Settings
from zajil.server.schema import open_database

DOMAIN, DIR = "bridge.test", "assets"
PAGE = "https://app.example"
CHANNELS = {Role.R: Channel.R, Role.S: Channel.S}
SITE = {
    "index.html": "<!doctype html><title>Home</title><p>Bread and other things.</p>",
    "404.html": "<!doctype html><title>Not here</title><p>There is no such page.</p>",
    "about/index.html": "<!doctype html><title>About</title><p>About us.</p>",
    "assets/main.css": "body { margin: 2em }",
}


def write_site(folder: Path) -> Path:
    for name, text in SITE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def make_config(tmp: Path, origin: str, **more: object) -> EdgeConfig:
    values: dict[str, object] = {
        "domain": DOMAIN,
        "dir": DIR,
        "origin": origin,
        "edge": "nginx",
        "site": str(tmp / "site"),
        "socket": str(tmp / "s.sock"),
    }
    return EdgeConfig(**(values | more))  # type: ignore[arg-type]  # values of tests


@asynccontextmanager
async def home_server(tmp: Path) -> AsyncIterator[Server]:
    settings = Settings(port=0, registration="open", limits=NO_LIMITS, drain_s=0, origins=(PAGE,))
    server = await Server.start(tmp / "home", settings)
    try:
        yield server
    finally:
        await server.stop()


@dataclass
class Joined:
    """A bridge that joined a home server and runs. private: what a guest was given."""

    config: EdgeConfig
    folder: Path
    bridge: Bridge
    home: Home
    origin: str
    private: PrivateBridges
    credential: str = ""
    nonces: list[bytes] = field(default_factory=list)

    def path(self, *, late_s: float = 0.0) -> str:
        """A secret path for one carrier. late_s: how long ago it was made."""
        self.nonces.append(os.urandom(8))
        now_s = time.time() - late_s
        return bridge_path(self.private.token, DOMAIN, DIR, now_s=now_s, nonce=self.nonces[-1])


def operator_code(data: Path) -> str:
    """A code that one bridge joins with."""
    database = open_database(data)
    try:
        return invite_bridge(database, now=time.time())
    finally:
        database.close()


def guest_bundle(data: Path) -> PrivateBridges:
    """What a guest is given."""
    database = open_database(data)
    try:
        bundle = bundle_for_invite(database, Keys.load(data / key_file.FILE_NAME), now=time.time())
    finally:
        database.close()
    assert bundle is not None
    return bundle


@asynccontextmanager
async def joined_bridge(
    tmp: Path, server: Server, *, via: int | None = None, tls: bool = False, **settings: object
) -> AsyncIterator[Joined]:
    """via: the port of a relay in front of the home server. tls: it speaks TLS, as `localhost`."""
    origin = f"{'https://localhost' if tls else 'http://127.0.0.1'}:{via or server.port}"
    config = make_config(tmp, origin, join=operator_code(tmp / "home"), **settings)
    home = Home(config)
    try:
        joined = await home.join(config, asking=os.urandom(16))
        home.be(joined.credential)
        private = guest_bundle(tmp / "home")
        folder = tmp / "bridge"
        folder.mkdir()
        bridge = await Bridge.start(config, folder, home)
        try:
            async with asyncio.timeout(10):
                await bridge.pulled.wait()
            yield Joined(config, folder, bridge, home, origin, private, encode_b64(joined.credential))
        finally:
            await bridge.stop()
    finally:
        await home.close()


@dataclass
class Way:
    """How clients of a test reach a bridge. url: what it begins with."""

    joined: Joined
    client: aiohttp.ClientSession
    url: str

    async def session_key(self) -> SessionKey:
        """As on first contact: the root over the bridge itself."""
        plug = await self.socket()
        await plug.send(b"\x01\x03")
        answer = await plug.receive()
        await plug.cut()
        assert answer is not None
        return step_root(None, parse_root_answer(answer)[0]).session_key(0)

    async def socket(self) -> SocketPlug:
        plug = await SocketPlug.dial(self.client, self.url + self.joined.path())
        assert isinstance(plug, SocketPlug)
        return plug

    async def posts(self) -> PostPlug:
        return PostPlug(self.client, self.url + self.joined.path())

    async def wire(self, role: Role, *, posts: bool = False) -> Wire:
        """A sealed session of one person."""
        key = await self.session_key()
        return Wire(
            self.url, role, self.client, dial=SealedDial(CHANNELS[role], key, self.posts if posts else self.socket)
        )


@asynccontextmanager
async def straight(joined: Joined) -> AsyncIterator[Way]:
    """To the daemon's socket, as the edge comes."""
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(joined.config.socket)) as client:
        yield Way(joined, client, "http://bridge.test")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Loopback(AbstractResolver):
    """Every name is this machine."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing to free."""


@asynccontextmanager
async def running_edge(
    tmp: Path,
    kind: EdgeKind,
    authority: Authority,
    *,
    site: Path,
    socket_path: str | None,
    name: str = DOMAIN,
    change: tuple[str, str] = ("", ""),
) -> AsyncIterator[int]:
    """nginx or Caddy on a loopback port, with the daemon's socket or as the same server without Zajil; its port.

    change: what an operator edited, before and after.
    """
    port = free_port()
    folder = tmp / f"{kind}-{port}"
    folder.mkdir()
    pem = str(authority.folder / name)
    if not Path(pem).exists():  # noqa: ASYNC240
        authority.server(name)
    plan = EdgePlan(name, str(site), socket_path, port, http_port=None, listen="127.0.0.1", certificate=pem, key=pem)
    environ = {"XDG_DATA_HOME": str(folder / "data"), "XDG_CONFIG_HOME": str(folder / "config")}
    if kind == "nginx":
        user = "root" if os.geteuid() == 0 else ""
        text = render_nginx_alone(plan, str(folder), user=user)
        assert change[0] in text
        (folder / "nginx.conf").write_text(text.replace(*change) if change[0] else text)
        command = ["nginx", "-c", str(folder / "nginx.conf"), "-e", "stderr"]
    else:
        (folder / "Caddyfile").write_text(render_caddy(plan, alone=True))
        command = ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    output = (folder / "output").open("wb")
    process = await asyncio.create_subprocess_exec(
        *command, env={**os.environ, **environ}, stdout=output, stderr=asyncio.subprocess.STDOUT
    )
    try:
        await until_listening(port, process, folder / "output")
        yield port
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        output.close()


async def until_listening(port: int, process: asyncio.subprocess.Process, output: Path) -> None:
    async with asyncio.timeout(30):
        while True:
            if process.returncode is not None:
                raise AssertionError(await asyncio.to_thread(output.read_text))
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            return


@asynccontextmanager
async def browser(authority: Authority) -> AsyncIterator[aiohttp.ClientSession]:
    """A client that trusts the tests' authority and finds every name here."""
    tls = ssl.create_default_context(cafile=str(authority.file))
    connector = aiohttp.TCPConnector(ssl=tls, resolver=Loopback(), use_dns_cache=False)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
        yield session


ZAJIL = [sys.executable, "-m", "zajil.cli.main"]
