"""What an operator does about relays, on the server's data folder, also while it runs."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from msgspec.structs import replace

from zajil.calls.credentials import make_credential, relay_urls
from zajil.calls.relay.check import Checked, check_relay
from zajil.calls.relay.conf import TLS_PORT, RelayPlan, render_conf
from zajil.calls.relay.turnserver import CONF_FILE
from zajil.engine.keys import FILE_NAME, Keys
from zajil.server.calls.wiring import RELAY_FOLDER, find_relays, relay_secret
from zajil.server.config import load_settings


def make_relay_conf(data: Path, *, domain: str, ip: str, private_ip: str = "", cert: str = "", key: str = "") -> str:
    """turnserver.conf of a relay for this server, with the secret that they share.

    Raises ConfigError, KeyFileError.
    """
    settings = load_settings(data)
    plan = RelayPlan(
        realm=domain,
        secret=relay_secret(data, settings, Keys.load(data / FILE_NAME)),
        public_ip=ip,
        private_ip=private_ip,
        port=settings.calls.relay_port,
        tls_port=settings.calls.relay_tls_port if settings.calls.relay_tls_port not in (0, 443) else TLS_PORT,
        cert=cert,
        key=key,
        capacity=settings.calls.relay_capacity,
    )
    return render_conf(plan)


def check_relays(data: Path) -> list[Checked] | None:
    """An allocation over every address that clients are told of; None where there is no relay.

    One that a server runs for its option `--relay` is found by its file, which is there as long as it runs.
    Raises ConfigError, KeyFileError, MissingExtra.
    """
    settings = load_settings(data)
    if (data / RELAY_FOLDER / CONF_FILE).exists():
        settings = replace(settings, calls=replace(settings.calls, relay="auto"))
    relays = find_relays(data, settings, Keys.load(data / FILE_NAME))
    if relays is None:
        return None
    username, credential = make_credential(relays.secret, now_s=time.time(), random=os.urandom)
    return asyncio.run(check_relay(relay_urls(relays), username, credential))
