"""Bridges as operators run them, on the pages of a decoy; and beside each the same web server without Zajil."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from tests.censor.lab.certificates import Authority, SiteCertificate
from tests.censor.lab.network import BRIDGE_A, CADDY_BRIDGE, CADDY_VANILLA, VANILLA, Namespace, wait_until
from tests.censor.lab.sites import TRUST, Origin, listens

from zajil.bridges.edge.config import EdgeKind, load_config
from zajil.bridges.edge.edges import EdgePlan, render_caddy, render_nginx_alone
from zajil.bridges.registry.operator import bundle_for_invite, invite_bridge
from zajil.engine import keys as key_file
from zajil.engine.keys import Keys
from zajil.protocol.reach.bridgepath import NONCE_BYTES, bridge_path
from zajil.protocol.reach.endpoints import Endpoint, PrivateBridges, encode_bridge_link
from zajil.server.schema import open_database

ZAJIL: Final = (sys.executable, "-m", "zajil.cli.main")


_UPGRADE: Final = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


def secret_path(endpoint: Endpoint, *, late_s: float = 0.0) -> str:
    """A path that opens this bridge once, made so many seconds ago."""
    assert endpoint.token is not None
    now_s, nonce = time.time() - late_s, os.urandom(NONCE_BYTES)
    return bridge_path(endpoint.token, endpoint.host, endpoint.dir, now_s=now_s, nonce=nonce)


def operator_code(origin: Origin) -> str:
    """A code that one bridge may join with, as `zajil admin bridges invite` makes it."""
    database = open_database(origin.data)
    try:
        return invite_bridge(database, now=time.time())
    finally:
        database.close()


def guest_bundle(origin: Origin) -> PrivateBridges:
    """Private bridges under a fresh token, as an invite carries them."""
    database = open_database(origin.data)
    try:
        bundle = bundle_for_invite(database, Keys.load(origin.data / key_file.FILE_NAME), now=time.time())
    finally:
        database.close()
    assert bundle is not None
    return bundle


@dataclass(frozen=True)
class Place:
    """Where an edge listens, and for whom."""

    address: str
    domain: str
    certificate: SiteCertificate


class Edge:
    """A stock nginx or Caddy of one site. socket: of the daemon; None for the same server without Zajil."""

    def __init__(
        self, namespace: Namespace, folder: Path, kind: EdgeKind, place: Place, *, site: str, socket: str | None
    ) -> None:
        folder.mkdir(parents=True)
        self._namespace = namespace
        self.address = place.address
        plan = EdgePlan(
            place.domain,
            site,
            socket,
            http_port=80 if kind == "nginx" else None,
            listen=place.address,
            certificate=str(place.certificate.chain),
            key=str(place.certificate.key),
        )
        if kind == "nginx":
            config = folder / "nginx.conf"
            config.write_text(render_nginx_alone(plan, str(folder), user="root"))
            self._command: tuple[str, ...] = ("nginx", "-c", str(config), "-e", "stderr")
        else:
            config = folder / "Caddyfile"
            config.write_text(render_caddy(plan, alone=True))
            self._command = ("caddy", "run", "--config", str(config), "--adapter", "caddyfile")
        self._environment = {"XDG_DATA_HOME": str(folder / "data"), "XDG_CONFIG_HOME": str(folder / "config")}
        self._output = folder / "output"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Returns once it listens."""
        with self._output.open("a") as output:
            self._process = self._namespace.start(*self._command, env=self._environment, stdout=output, stderr=output)
        wait_until("the edge listens", lambda: listens(self._namespace, self.address, 443))


class Bridge:
    """One bridge: `zajil bridge init` on a made-up site, a web server, and `zajil bridge up`."""

    def __init__(self, namespace: Namespace, folder: Path, kind: EdgeKind, place: Place, *, origin: Origin) -> None:
        self._namespace = namespace
        self._file = folder / "bridge.toml"
        self.place = place
        self.kind = kind
        code = folder.with_name(f"{folder.name}.code")
        code.touch(mode=0o600)
        code.write_text(operator_code(origin))
        namespace.run(
            *(*ZAJIL, "bridge", "init", "--edge", kind, "--domain", place.domain, "--origin", "https://origin.test"),
            *("--join", str(code), "--out", str(folder), "--yes"),
        )
        # The default is one bridge for a machine.
        self._file.write_text(re.sub("(?m)^socket = .*$", f'socket = "{folder}/s.sock"', self._file.read_text()))
        self.config = load_config(self._file)
        self.edge = Edge(namespace, folder / "edge", kind, place, site=self.config.site, socket=self.config.socket)
        self.log = folder / "up.log"
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Joins the first time; returns once it listens."""
        with self.log.open("a") as log:
            self.process = self._namespace.start(
                *(*ZAJIL, "bridge", "up", "--config", str(self._file)), stdout=log, stderr=log, env=TRUST
            )
        process = self.process
        listening = Path(self.config.socket).exists
        wait_until("the bridge listens", lambda: listening() or process.poll() is not None, timeout_s=30)
        assert process.poll() is None, self.log.read_text()[-2000:]

    def stop(self) -> None:
        """As its operator would."""
        if self.process is not None:
            self._namespace.end(self.process)
            self.process = None
            Path(self.config.socket).unlink(missing_ok=True)

    def memory_kib(self) -> int:
        """What the daemon holds in memory now."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])


class Bridges:
    """Two private bridges, on nginx and on Caddy, and their twins without Zajil."""

    def __init__(self, namespace: Namespace, folder: Path, *, origin: Origin, authority: Authority) -> None:
        self._namespace = namespace
        # The twin of the first is a site of its own for other tests, hence its second name.
        nginx = Place(BRIDGE_A, "bridge-a.test", authority.site("bridge-a.test", "vanilla.test"))
        caddy = Place(CADDY_BRIDGE, "caddy.test", authority.site("caddy.test"))
        places: dict[EdgeKind, tuple[Place, str]] = {"nginx": (nginx, VANILLA), "caddy": (caddy, CADDY_VANILLA)}
        self.all = {
            kind: Bridge(namespace, folder / kind, kind, place, origin=origin) for kind, (place, _) in places.items()
        }
        self.twins = {
            kind: Edge(
                namespace,
                folder / f"{kind}-twin",
                kind,
                replace(place, address=twin),
                site=self.all[kind].config.site,
                socket=None,
            )
            for kind, (place, twin) in places.items()
        }
        for edge in (*(bridge.edge for bridge in self.all.values()), *self.twins.values()):
            edge.start()
        for bridge in self.all.values():
            bridge.start()
        self.private = guest_bundle(origin)
        self.refresh()

    def refresh(self) -> None:
        """Has bridges learn new tokens: they ask once a minute, and the laboratory does not wait for that."""
        for bridge in self.all.values():
            bridge.stop()
            bridge.start()
            wait_until("the bridge knows its guests", partial(self._lets_in, bridge.kind), timeout_s=30)

    def _lets_in(self, kind: EdgeKind) -> bool:
        """Whether a carrier of a guest is upgraded."""
        endpoint = self.endpoint(kind)
        path = secret_path(endpoint)
        asked = [part for line in _UPGRADE for part in ("-H", line)]
        command = ("curl", "-s", "--http1.1", "-m", "1", "-o", "/dev/null", "-w", "%{http_code}", *asked)
        done = subprocess.run(
            self._namespace.inside(*command, f"https://{endpoint.host}{path}"),
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout == "101"

    def endpoint(self, kind: EdgeKind) -> Endpoint:
        """A bridge as its guests know it."""
        domain = self.all[kind].place.domain
        return next(endpoint for endpoint in self.private.endpoints() if endpoint.host == domain)

    def link(self) -> str:
        """What is pasted to add them."""
        return encode_bridge_link(self.private)
