"""What calls need, made of the settings: which relays there are, who runs them, and the rooms of this process."""

from __future__ import annotations

import ipaddress
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from zajil.calls.context import Calls, Relays
from zajil.calls.relay.conf import TLS_PORT, RelayPlan
from zajil.calls.relay.turnserver import Turnserver
from zajil.calls.rooms import Rooms
from zajil.engine.bus import Bus
from zajil.engine.keys import Keys
from zajil.engine.limits import Limits
from zajil.protocol.control import Route
from zajil.protocol.ids import GroupId, encode_b64
from zajil.server.calls.routes import bind_calls
from zajil.server.config import ConfigError, Settings, is_address
from zajil.server.gateway.gateway import Gateway
from zajil.server.gateway.media import MediaDoor
from zajil.server.http.calls import BoundRoute

_LOG = logging.getLogger(__name__)
RELAY_FOLDER: Final = "relay"
_THIS_MACHINE: Final = "127.0.0.1"
_SECRET: Final = re.compile("[!-~]+")


def relay_secret(data: Path, settings: Settings, keys: Keys) -> str:
    """What this server and its relays share. Raises ConfigError for a file that is not there or holds none."""
    name = settings.calls.relay_secret_file
    if not name:
        return encode_b64(keys.calls_key("relay"))
    try:
        secret = (data / name).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"calls.relay_secret_file: {name} cannot be read") from None
    if not _SECRET.fullmatch(secret):
        raise ConfigError(f"calls.relay_secret_file: {name} is empty, or not one word of printable ASCII")
    return secret


def find_relays(data: Path, settings: Settings, keys: Keys) -> Relays | None:
    """The relays that clients are told of; None without any. Raises ConfigError.

    With `auto` and no public address there is one on loopback, which is told only where everybody is on this machine.
    """
    calls = settings.calls
    hosts = calls.relay_hosts
    if not hosts and calls.relay == "auto":
        front = urlsplit(settings.front).hostname
        if calls.relay_ip:
            hosts = (front or calls.relay_ip,)
        elif settings.dev or (_is_loopback(settings.host) and (not front or _is_loopback(front))):
            hosts = (_THIS_MACHINE,)
    if not hosts:
        return None
    return Relays(hosts, calls.relay_port, calls.relay_tls_port, relay_secret(data, settings, keys))


def _is_loopback(host: str) -> bool:
    if is_address(host):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost" or host.endswith(".localhost")


def plan_relay(settings: Settings, relays: Relays) -> RelayPlan:
    """The relay that this server runs itself."""
    calls = settings.calls
    return RelayPlan(
        realm=settings.server_name,
        secret=relays.secret,
        public_ip=calls.relay_ip,
        private_ip=calls.relay_private_ip,
        port=calls.relay_port,
        tls_port=calls.relay_tls_port if calls.relay_tls_port not in (0, 443) else TLS_PORT,
        cert=calls.relay_cert,
        key=calls.relay_key,
        capacity=calls.relay_capacity,
    )


class Calling:
    """Calls of one server: routes, rooms, relay."""

    def __init__(
        self,
        data: Path,
        settings: Settings,
        relays: Relays | None,
        *,
        ticket_key: bytes,
        bus: Bus,
        limits: Limits,
        clock: Callable[[], float],
        check_member: Callable[[GroupId, int, bytes], Awaitable[bool]],
        count_bad: Callable[[], None],
        count_over: Callable[[], None],
    ) -> None:
        """relays: see `find_relays`. ticket_key, check_member: see `Calls`. count_bad, count_over: see `Rooms`."""
        most = settings.calls.media_connections_max
        self._wants_relay = settings.calls.relay == "auto"
        self.runs_relay = False
        """One was started here, and is started again when it falls."""
        self.relay_port = settings.calls.relay_port
        runs = relays is not None and self._wants_relay
        self.relay = Turnserver(data / RELAY_FOLDER, plan_relay(settings, relays)) if runs and relays else None
        leads_nowhere = self.relay is not None and not self.relay.is_installed and not settings.calls.relay_hosts
        self._calls = Calls(
            relays=None if leads_nowhere else relays,
            ticket_key=ticket_key,
            has_rooms=most > 0,
            limits=limits,
            clock=clock,
            check_member=check_member,
        )
        rooms = Rooms(connections_max=most, bus=bus, clock=Gateway.now, count_bad=count_bad, count_over=count_over)
        self.door = MediaDoor(rooms, connections_max=most, ticket_key=ticket_key, clock=clock, now=Gateway.now)
        self.ticket_key = ticket_key

    def routes(self) -> Mapping[Route, BoundRoute]:
        """Every route of calls."""
        return bind_calls(self._calls)

    def start(self) -> None:
        """Run the relay, where that is wanted and it is installed."""
        if self.relay is not None:
            self.runs_relay = self.relay.start()
        elif self._wants_relay:
            _LOG.warning("calls have no relay: one for other people needs calls.relay_ip, a public address")

    async def stop(self) -> None:
        """The relay has ended."""
        if self.relay is not None:
            await self.relay.stop()
