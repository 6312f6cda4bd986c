"""`zajil init`: the two files a server for other people needs, `zajil.toml` and a Caddyfile, made for one domain.

Caddy ends TLS and passes everything on, WebSockets too; it writes no access log, and says of no request that it failed,
which would name who asked. Nothing is ever overwritten.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final, NamedTuple

from zajil.server.config import CONFIG_FILE, load_settings

CADDY_FILE: Final = "Caddyfile"
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_HTTP, _HTTPS = 80, 443

_SETTINGS: Final = """\
# Made by `zajil init` for {domain}. Every setting is in docs/operate/settings.md.
# server_name is permanent: links and signed objects carry it, whatever the address becomes.
server_name = "{domain}"
front = "{front}"
host = "127.0.0.1"
port = {port}
registration = "invite"
origins = ["{front}"]
trusted_proxies = ["127.0.0.1", "::1"]
"""
_CADDY: Final = """\
# Made by `zajil init`. Caddy fetches and renews the certificate, and passes everything on to Zajil.
{{
	log {{
		exclude http
	}}
{globals}}}
{site} {{
{tls}	header -Server
{hsts}	reverse_proxy 127.0.0.1:{port}
}}
"""


class SetupExists(Exception):
    """A file that would be written is there already; `path` says which."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.name)
        self.path = path


class Setup(NamedTuple):
    """What to make. domain: as `parse_domain` gives it. port: of Zajil, on loopback.

    internal_ca: certificates of Caddy's own authority, for tests and networks without the internet. http_port and
    https_port: of Caddy, where 80 and 443 are taken.
    """

    domain: str
    port: int = 8440
    internal_ca: bool = False
    http_port: int = _HTTP
    https_port: int = _HTTPS

    @property
    def front(self) -> str:
        """The address people open."""
        return f"https://{self.domain}" + ("" if self.https_port == _HTTPS else f":{self.https_port}")


def parse_domain(text: str) -> str:
    """A host name in ASCII, lower case; other scripts become Punycode. Raises ValueError."""
    try:
        name = text.strip().rstrip(".").encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise ValueError("not a domain") from error
    if len(name) > 253 or not _DOMAIN.fullmatch(name):
        raise ValueError("not a domain")
    return name


def write_setup(data: Path, setup: Setup) -> tuple[Path, Path]:
    """Settings and Caddyfile in this data directory; their paths.

    Raises SetupExists, ConfigError (the directory belongs to a server of another name), OSError.
    """
    settings, caddy = data / CONFIG_FILE, data / CADDY_FILE
    for path in (settings, caddy):
        if path.exists():
            raise SetupExists(path)
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    load_settings(data, server_name=setup.domain)
    _write(caddy, render_caddy(setup), 0o644)
    _write(settings, _SETTINGS.format(domain=setup.domain, front=setup.front, port=setup.port), 0o600)
    return settings, caddy


def render_caddy(setup: Setup) -> str:
    """The Caddyfile."""
    lines = []
    if setup.http_port != _HTTP:
        lines.append(f"http_port {setup.http_port}")
    if setup.https_port != _HTTPS:
        lines.append(f"https_port {setup.https_port}")
    if setup.internal_ca:
        # Its root certificate is given to devices by hand; no program here may change what this machine trusts.
        lines.append("skip_install_trust")
    tls = "\ttls internal\n" if setup.internal_ca else ""
    # A year of HTTPS only; not where the authority is a trial's: devices would remember it after the certificate went.
    hsts = "" if setup.internal_ca else '\theader Strict-Transport-Security "max-age=31536000"\n'
    return _CADDY.format(
        globals="".join(f"\t{line}\n" for line in lines), site=setup.domain, tls=tls, hsts=hsts, port=setup.port
    )


def _write(path: Path, text: str, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        raise SetupExists(path) from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
