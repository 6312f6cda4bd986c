"""Where this server is, as its settings say: what goes into the signed root and list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from zajil.bridges.registry.documents import Place
from zajil.protocol.reach.endpoints import Endpoint, EndpointKind, is_dir, is_host
from zajil.protocol.reach.signed import is_app_origin
from zajil.server.config import ConfigError, Settings
from zajil.server.shell.base import SEALED_PATH

_PORTS: Final = {"https": 443, "http": 80}
_FRONTS_MAX: Final = 6
_APP_ORIGINS_MAX: Final = 16


class _Address(NamedTuple):
    scheme: str
    host: str
    port: int
    dir: str

    @property
    def authority(self) -> str:
        """As a root lists it: the port only where it is not 443."""
        return self.host if self.port == 443 else f"{self.host}:{self.port}"


def place_of(settings: Settings) -> Place:
    """Hosts, app origins and endpoints. Raises ConfigError for a front of a CDN that is none."""
    front = _parse(settings.front)
    named = "." in settings.server_name and is_host(settings.server_name)
    hosts = [front.authority] if front else []
    if named or not hosts:
        hosts.append(settings.server_name)
    return Place(
        hosts=tuple(dict.fromkeys(hosts)),
        app_origins=_app_origins(settings),
        endpoints=tuple(_endpoints(settings, front, named=named)),
    )


def origin_of(settings: Settings) -> str:
    """Where bridges forward to; "" where no front is set that they could dial."""
    front = _parse(settings.front)
    return "" if front is None else f"{'wss' if front.scheme == 'https' else 'ws'}://{front.authority}{SEALED_PATH}"


def _app_origins(settings: Settings) -> tuple[str, ...]:
    wanted = [text.lower().rstrip("/") for text in (settings.front, *settings.origins)]
    return tuple(sorted({text for text in wanted if is_app_origin(text)}))[:_APP_ORIGINS_MAX]


def _endpoints(settings: Settings, front: _Address | None, *, named: bool) -> Iterator[Endpoint]:
    if front is not None and front.scheme == "https":
        yield Endpoint("origin", EndpointKind.ORIGIN, front.host, front.port)
    elif named and front is None:
        yield Endpoint("origin", EndpointKind.ORIGIN, settings.server_name)
    if len(settings.fronts) > _FRONTS_MAX:
        raise ConfigError(f"fronts: more than {_FRONTS_MAX}")
    for number, text in enumerate(settings.fronts, 1):
        found = _parse(text)
        if found is None or found.scheme != "https" or (found.dir and not is_dir(found.dir)):
            raise ConfigError(f"fronts: {text!r} is not an address such as https://cdn.example/dir")
        yield Endpoint(f"front-{number}", EndpointKind.FRONT, found.host, found.port, found.dir)


def _parse(text: str) -> _Address | None:
    """None for what a root cannot list: nothing, or a host that is no name and no IPv4 address."""
    try:
        parts = urlsplit(text)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return None
    host = (parts.hostname or "").lower()
    if not is_host(host) or parts.scheme not in _PORTS or not port or parts.query or parts.fragment:
        return None
    return _Address(parts.scheme, host, port, parts.path.strip("/"))
