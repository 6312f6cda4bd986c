"""What runs in the server's namespace: the real server, coturn, and nginx in front of both on port 443.

coturn runs from what `zajil calls relay-config` prints. nginx tells the relay from the site by name, with the lines of
`docs/operate/relays.md`, read from that page: what stands there is what is tested.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

from tests.calls.routes.network import SERVER
from tests.censor.lab.certificates import Authority, SiteCertificate
from tests.censor.lab.network import Namespace, wait_until
from tests.censor.lab.sites import ROOT, Origin, listens, origin_site

MODULE: Final = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
_PAGE: Final = ROOT / "docs" / "operate" / "relays.md"
_CALLS: Final = '[calls]\nrelay_hosts = ["relay.test"]\nrelay_tls_port = 443\n'
# Two people make in ten minutes the calls of a month.
_LIMITS: Final = """relay_group = {burst = 1000, every_s = 1}
relay_prefix = {burst = 1000, every_s = 1}
ticket_group = {burst = 1000, every_s = 1}
ticket_prefix = {burst = 1000, every_s = 1}
"""
_NGINX: Final = """
load_module %(module)s;
daemon off; user root; pid %(folder)s/nginx.pid; error_log %(folder)s/error.log warn; worker_processes 1;
events { worker_connections 1024; }
http {
  access_log off; client_body_temp_path %(folder)s/b; proxy_temp_path %(folder)s/p;
  fastcgi_temp_path %(folder)s/f; uwsgi_temp_path %(folder)s/u; scgi_temp_path %(folder)s/s;
  map $http_upgrade $conn { default upgrade; "" ""; }
  server {
    server_name origin.test; http2 on;
    ssl_certificate %(chain)s; ssl_certificate_key %(key)s;
%(listen)s
%(site)s
  }
}
%(stream)s
"""


def read_page() -> tuple[str, str]:
    """The two blocks of nginx's lines on the page: `stream { }`, and what the site's server needs."""
    blocks = re.findall(r"```nginx\n(.*?)```", _PAGE.read_text(encoding="utf-8"), re.DOTALL)
    stream, listen = (block.replace("relay.example", "relay.test").replace("198.51.100.7", SERVER) for block in blocks)
    return stream, listen


class Servers:
    """All of them, on one address."""

    def __init__(self, namespace: Namespace, folder: Path, authority: Authority) -> None:
        self._namespace = namespace
        self._folder = folder
        folder.mkdir()
        self.origin = Origin(namespace, folder / "origin", settings=_CALLS, limits=_LIMITS)
        self.origin.start()
        self._start_relay(authority.site("relay.test"))
        self._start_edge(authority.site("origin.test"))

    def _start_relay(self, certificate: SiteCertificate) -> None:
        words = ("relay-config", "--domain", "relay.test", "--ip", SERVER, "--data", str(self.origin.data))
        tls = ("--cert", str(certificate.chain), "--key", str(certificate.key))
        conf = self._folder / "turnserver.conf"
        printed = self._namespace.run(sys.executable, "-m", "zajil.cli.main", "calls", *words, *tls)
        # Beside another coturn of this machine: its own database and number.
        own = f"userdb={self._folder}/turndb\npidfile={self._folder}/turnserver.pid\n"
        conf.write_text(re.sub(r"^userdb=.*\n", "", printed, flags=re.MULTILINE) + own)
        self._namespace.start("turnserver", "-c", str(conf))
        wait_until("coturn listens", lambda: all(self._is_open(SERVER, port) for port in (3478, 5349)))

    def _is_open(self, address: str, port: int) -> bool:
        return any(listens(self._namespace, each, port) for each in (address, "0.0.0.0", "*"))

    def _start_edge(self, certificate: SiteCertificate) -> None:
        stream, listen = read_page()
        values = {"module": MODULE, "folder": self._folder, "chain": certificate.chain, "key": certificate.key}
        conf = self._folder / "nginx.conf"
        conf.write_text(_NGINX % (values | {"stream": stream, "listen": listen, "site": origin_site()}))
        self._namespace.run("nginx", "-t", "-q", "-c", str(conf))
        self._namespace.start("nginx", "-c", str(conf))
        wait_until("nginx listens", lambda: self._is_open(SERVER, 443))
