"""What listens in the servers' namespace: stock web servers on real pages, and the real `zajil serve` behind one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.censor.lab.certificates import SiteCertificate
from tests.censor.lab.network import Namespace, wait_until
from tests.flows.server import LIMITS

from zajil.server.admin import create_invite

ROOT = Path(__file__).resolve().parents[3]
TRUST = {"SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt", "PYTHONUNBUFFERED": "1"}
"""Environment of a Python program that trusts the lab's CA as it would trust the system's."""
ORIGIN_PORT = 8440
_NGINX = """
daemon off; user root; pid {folder}/nginx.pid; error_log {folder}/error.log warn; worker_processes 1;
events {{ worker_connections 2048; }}
http {{
  access_log off; server_tokens on; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  types {{ text/html html; text/css css; image/svg+xml svg; text/javascript js; image/png png; }}
  map $http_upgrade $conn {{ default upgrade; "" ""; }}
{sites}
}}
"""
_SITE = """
  server {{
    listen {address}:443 ssl; http2 on; server_name {host};
    ssl_certificate {chain}; ssl_certificate_key {key};
{body}
  }}
"""
_PROXY = """
      proxy_http_version 1.1; proxy_buffering off; proxy_read_timeout 3m; proxy_send_timeout 3m;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $conn;
      client_max_body_size 2m;
"""


@dataclass(frozen=True)
class Site:
    """One TLS site of an nginx: where it listens, for whom, and its directives."""

    address: str
    host: str
    certificate: SiteCertificate
    body: str

    def render(self) -> str:
        """The server block."""
        return _SITE.format(
            address=self.address, host=self.host, chain=self.certificate.chain, key=self.certificate.key, body=self.body
        )


def static_site(folder: Path) -> str:
    """Directives of a site of plain files with a 404 page of its own."""
    return (
        f"    root {folder};\n    error_page 404 /404.html;\n    location / {{ try_files $uri $uri/index.html =404; }}"
    )


def origin_site() -> str:
    """Directives that hand everything to `zajil serve`."""
    return f"""
    location / {{ proxy_pass http://127.0.0.1:{ORIGIN_PORT};{_PROXY}
      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto https; }}"""


def front_site(*, switch: Path) -> str:
    """Directives of a content network in front of the origin: it ends TLS, knows no token, and forwards by TLS.

    While the file `switch` exists it refuses every Upgrade, as some such networks and many proxies do.
    """
    return f"""
    location / {{
      set $refused 0; if (-f {switch}) {{ set $refused 1; }} if ($http_upgrade = "") {{ set $refused 0; }}
      if ($refused) {{ return 403; }}
      proxy_pass https://10.78.2.2; proxy_ssl_server_name on; proxy_ssl_name origin.test;{_PROXY}
      proxy_set_header Host origin.test; }}"""


class Nginx:
    """One stock nginx with these sites."""

    def __init__(self, namespace: Namespace, folder: Path, sites: Sequence[Site]) -> None:
        folder.mkdir(parents=True)
        self._namespace = namespace
        self._address = sites[0].address
        self.config = folder / "nginx.conf"
        self.config.write_text(_NGINX.format(folder=folder, sites="".join(site.render() for site in sites)))
        self.log = folder / "error.log"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Returns once it listens."""
        self._namespace.run("nginx", "-t", "-q", "-c", str(self.config))
        self._process = self._namespace.start("nginx", "-c", str(self.config))
        wait_until("nginx listens", lambda: listens(self._namespace, self._address, 443))

    def stop(self) -> None:
        """Ends it, its connections too."""
        if self._process is not None:
            self._namespace.end(self._process)
            self._process = None


def listens(namespace: Namespace, address: str, port: int) -> bool:
    """Whether something listens there."""
    return f"{address}:{port} " in namespace.run("ss", "-Htln")


class Origin:
    """The real server, as an operator runs it, in the servers' namespace."""

    def __init__(self, namespace: Namespace, folder: Path, *, settings: str = "", limits: str = "") -> None:
        self._namespace = namespace
        self.data = folder / "server"
        self.log = folder / "server.log"
        self.data.mkdir(parents=True)
        head = 'server_name = "origin.test"\nfront = "https://origin.test"\ntrusted_proxies = ["127.0.0.1"]\n'
        (self.data / "zajil.toml").write_text(f"{head}{settings}{LIMITS}{limits}", encoding="utf-8")
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Returns once it listens."""
        command = (sys.executable, "-m", "zajil.cli.main", "serve", "--data", str(self.data))
        with self.log.open("a", encoding="utf-8") as log:
            self._process = self._namespace.start(
                *command, "--port", str(ORIGIN_PORT), stdout=log, stderr=log, env={"PYTHONUNBUFFERED": "1"}
            )
        try:
            wait_until("the origin listens", lambda: listens(self._namespace, "127.0.0.1", ORIGIN_PORT), timeout_s=40)
        except AssertionError as failure:
            raise AssertionError(f"{failure}: {self.log.read_text(encoding='utf-8')[-2000:]}") from None

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self._process is not None
        process, self._process = self._process, None
        return self._namespace.end(process)

    def invite_link(self) -> str:
        """An invite as the operator hands it out: a link with the code, and with private bridges."""
        command = (sys.executable, "-m", "zajil.cli.main", "admin", "invite", "--data", str(self.data), "--link")
        return self._namespace.run(*command).strip()

    def invite(self, uses: int = 1) -> str:
        """A registration code."""
        return create_invite(self.data, uses)
