"""Bridges as operators run them, on the pages of a decoy; and beside each the same web server without Zajil."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from tests.censor.lab.certificates import Authority, SiteCertificate
from tests.censor.lab.network import BRIDGE_A, CADDY_BRIDGE, CADDY_VANILLA, VANILLA, Namespace, wait_until
from tests.censor.lab.sites import TRUST, Origin, listens

from zajil.bridges.edge.config import EdgeConfig, EdgeKind, write_config
from zajil.bridges.edge.edges import EdgePlan, render_caddy, render_nginx_alone
from zajil.bridges.registry.operator import bundle_for_invite, invite_bridge
from zajil.engine import keys as key_file
from zajil.engine.keys import Keys
from zajil.protocol.reach.endpoints import Endpoint, PrivateBridges, encode_bridge_link
from zajil.server.schema import open_database


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
    """One bridge: its settings, its web server, and the daemon behind it."""

    def __init__(
        self, namespace: Namespace, folder: Path, kind: EdgeKind, place: Place, *, origin: Origin, site: Path
    ) -> None:
        folder.mkdir(parents=True)
        self._namespace = namespace
        self._folder = folder
        self.place = place
        self.kind = kind
        self.config = EdgeConfig(
            domain=place.domain,
            dir="media",
            origin="https://origin.test",
            edge=kind,
            site=str(site),
            socket=str(folder / "s.sock"),
            join=operator_code(origin),
        )
        write_config(folder / "bridge.toml", self.config)
        self.edge = Edge(namespace, folder / "edge", kind, place, site=str(site), socket=self.config.socket)
        self.log = folder / "up.log"
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Joins the first time; returns once it knows its tokens."""
        with self.log.open("a") as log:
            self.process = self._namespace.start(
                *(sys.executable, "-m", "tests.censor.programs.daemon", str(self._folder)),
                stdout=subprocess.PIPE,
                stderr=log,
                env=TRUST,
            )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n", self.log.read_text()[-2000:]

    def stop(self) -> None:
        """As its operator would."""
        if self.process is not None:
            self._namespace.end(self.process)
            self.process = None

    def memory_kib(self) -> int:
        """What the daemon holds in memory now."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])


class Bridges:
    """Two private bridges, on nginx and on Caddy, and their twins without Zajil."""

    def __init__(self, namespace: Namespace, folder: Path, site: Path, *, origin: Origin, authority: Authority) -> None:
        # The twin of the first is a site of its own for other tests, hence its second name.
        nginx = Place(BRIDGE_A, "bridge-a.test", authority.site("bridge-a.test", "vanilla.test"))
        caddy = Place(CADDY_BRIDGE, "caddy.test", authority.site("caddy.test"))
        places: dict[EdgeKind, tuple[Place, str]] = {"nginx": (nginx, VANILLA), "caddy": (caddy, CADDY_VANILLA)}
        self.all = {
            kind: Bridge(namespace, folder / kind, kind, place, origin=origin, site=site)
            for kind, (place, _) in places.items()
        }
        self.twins = {
            kind: Edge(
                namespace,
                folder / f"{kind}-twin",
                kind,
                replace(place, address=twin),
                site=str(site),
                socket=None,
            )
            for kind, (place, twin) in places.items()
        }
        for edge in (*(bridge.edge for bridge in self.all.values()), *self.twins.values()):
            edge.start()
        for bridge in self.all.values():
            bridge.start()
        self.private = guest_bundle(origin)
        # They ask for new tokens once a minute; a guest would wait for that, the laboratory does not.
        for bridge in self.all.values():
            bridge.stop()
            bridge.start()

    def endpoint(self, kind: EdgeKind) -> Endpoint:
        """A bridge as its guests know it."""
        domain = self.all[kind].place.domain
        return next(endpoint for endpoint in self.private.endpoints() if endpoint.host == domain)

    def link(self) -> str:
        """What is pasted to add them."""
        return encode_bridge_link(self.private)
