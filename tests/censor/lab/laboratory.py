"""The whole laboratory: network, certificates, servers and the censor, built once for a run of tests."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.censor.judges.capture import Capture, read_hellos
from tests.censor.lab.bridges import Bridges
from tests.censor.lab.censors import Censor
from tests.censor.lab.certificates import Authority
from tests.censor.lab.network import BRIDGE_A, CADDY_VANILLA, FRONT, ORIGIN, PLAIN, VANILLA, Namespace, Network
from tests.censor.lab.remote import Remote
from tests.censor.lab.sites import TRUST, Nginx, Origin, Site, front_site, origin_site, static_site
from tests.censor.lab.tools import start_obfs4, start_socks

from zajil.protocol.control import ReachDocs, parse_json
from zajil.protocol.reach.endpoints import PluggableTransport
from zajil.protocol.reach.seal import SessionKey
from zajil.protocol.reach.signed import step_root

_SETTINGS = 'fronts = ["https://front.test"]\nbridge_token_age_days = 0\n'
# A content network shows one address for all its people, and the lab plays a week in minutes.
_LIMITS = """seal_prefix = {burst = 100000, every_s = 0.001}
seal_bridge = {burst = 100000, every_s = 0.001}
registration_bridge = {burst = 100000, every_s = 0.001}
bridge_tokens = {burst = 1000, every_s = 1}
"""
BIG_BYTES: Final = 200_000
_CALL = """
import asyncio
from zajil.transports.direct import DirectTransport

async def main():
    async with DirectTransport("https://origin.test") as transport:
        await transport.call("GET", "/v1/server", timeout_s=10)

asyncio.run(main())
"""


class Laboratory:
    """Everything that runs. `delete` ends it all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority(_made(folder / "certificates"))
        self.network = Network(authority=self.authority.pem)
        try:
            self._fill()
        except BaseException:
            self.network.delete()
            raise

    def _fill(self) -> None:
        self._ja4 = ""
        self.no_upgrade = self.folder / "no-upgrade"
        self.censor = Censor(
            self.network,
            self.folder / "censor",
            facts={"no_upgrade": lambda: str(self.no_upgrade), "ja4": self.measure_ja4},
            references=[VANILLA, CADDY_VANILLA],
        )
        self.pages = _made(self.folder / "pages")
        write_plain_pages(self.pages)
        self.origin = Origin(self.network.servers, self.folder / "origin", settings=_SETTINGS, limits=_LIMITS)
        site = self.authority.site
        self.front = Nginx(
            self.network.servers,
            self.folder / "nginx",
            [
                Site(PLAIN, "plain.test", site("plain.test"), static_site(self.pages)),
                Site(ORIGIN, "origin.test", site("origin.test"), origin_site()),
                Site(FRONT, "front.test", site("front.test"), front_site(switch=self.no_upgrade)),
            ],
        )
        self.origin.start()
        self.front.start()
        self.bridges = Bridges(
            self.network.servers, _made(self.folder / "bridges"), origin=self.origin, authority=self.authority
        )
        self._obfs4: PluggableTransport | None = None
        start_socks(self.network.servers)

    def python_environment(self) -> Mapping[str, str]:
        """Environment of a Python program that trusts the lab's CA as it would trust the system's."""
        return TRUST

    def whole_environment(self) -> Mapping[str, str]:
        """The same with what this process has."""
        return {**os.environ, **self.python_environment()}

    def call_plainly(self) -> None:
        """One control call of our plain client to the origin. Raises CommandFailed when it does not pass."""
        self.run_python(_CALL)

    def run_python(self, program: str, *arguments: str) -> str:
        """Output of a program in the client's namespace. Raises CommandFailed."""
        environment = [f"{key}={value}" for key, value in self.python_environment().items()]
        return self.network.client.run("env", *environment, sys.executable, "-c", program, *arguments, timeout_s=120)

    def person(self, namespace: Namespace) -> Remote:
        """A device's process in this namespace."""
        log = self.folder / f"people-{namespace.name.rpartition('-')[2]}.log"
        return Remote(namespace, "tests.censor.programs.person", self.python_environment(), log=log)

    def browser(self) -> Remote:
        """A Chromium with an empty profile in the client's namespace."""
        profile = Path(tempfile.mkdtemp(dir=self.folder))
        environment = {"LAB_PROFILE": str(profile), "LAB_PIN": self.authority.spki_pin()}
        log = self.folder / "browsers.log"
        return Remote(self.network.client, "tests.censor.programs.browser", environment, log=log)

    def obfs4(self) -> PluggableTransport:
        """An obfs4 server in front of the bridge's edge, started when it is first wanted."""
        if self._obfs4 is None:
            self._obfs4 = start_obfs4(self.network.servers, self.folder / "obfs4", edge=f"{BRIDGE_A}:443")
        return self._obfs4

    def session_key(self) -> SessionKey:
        """What clients seal to, from the server's own root document."""
        shown = self.network.servers.run("curl", "-sS", "https://origin.test/v1/reach/docs?root=0")
        docs = parse_json(shown.encode(), ReachDocs)
        root = step_root(None, docs.roots[0])
        return SessionKey.of(root.document.origins[0].session_keys[0].pk)

    def measure_ja4(self) -> str:
        """The fingerprint of our own plain client, which is that of any Python program; scenario 6 blocks it."""
        if self._ja4:
            return self._ja4
        file = self.folder / "python.pcapng"
        with Capture(self.network.router, "client0", file, expression="tcp port 443"):
            self.call_plainly()
        hello, *_ = read_hellos(file, name="origin.test")
        self._ja4 = hello.ja4
        return hello.ja4

    def delete(self) -> None:
        """Ends everything."""
        self.network.delete()


def write_plain_pages(folder: Path) -> None:
    """A few pages of nobody's, and one file of 200 kB."""
    (folder / "index.html").write_text(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Orchard notes</title>"
        "<h1>Orchard notes</h1><p>The pears are late this year.</p><img src=pear.svg alt=pear></html>\n"
    )
    (folder / "404.html").write_text("<!doctype html><html lang=en><title>Not here</title><p>Not here.</p></html>\n")
    (folder / "pear.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'><circle r='9'/></svg>\n")
    (folder / "big.png").write_bytes(os.urandom(BIG_BYTES))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
