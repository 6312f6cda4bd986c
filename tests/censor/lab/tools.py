"""What else listens in the servers' namespace: a SOCKS5 server, and an obfs4 bridge in front of an edge."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from tests.censor.lab.network import TOOLS, Namespace, wait_until
from tests.censor.lab.sites import listens

from zajil.protocol.reach.endpoints import PluggableTransport

SOCKS_PORT: Final = 1080
OBFS4_PORT: Final = 443


def start_socks(namespace: Namespace) -> None:
    """Microsocks, open to the client; ends with the namespace."""
    namespace.start("microsocks", "-i", TOOLS, "-p", str(SOCKS_PORT))
    wait_until("microsocks listens", lambda: listens(namespace, TOOLS, SOCKS_PORT))


def start_obfs4(namespace: Namespace, folder: Path, *, edge: str) -> PluggableTransport:
    """An obfs4 server that hands its connections to `edge` (address:port), as its operator would run it."""
    folder.mkdir(parents=True)
    process = namespace.start(
        "obfs4proxy",
        env={
            "TOR_PT_MANAGED_TRANSPORT_VER": "1",
            "TOR_PT_STATE_LOCATION": str(folder),
            "TOR_PT_SERVER_TRANSPORTS": "obfs4",
            "TOR_PT_SERVER_BINDADDR": f"obfs4-{TOOLS}:{OBFS4_PORT}",
            "TOR_PT_ORPORT": edge,
        },
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    for line in process.stdout:
        head, _, told = line.partition("ARGS:")
        if head.startswith("SMETHOD obfs4 "):
            args = tuple((key, value) for key, _, value in (part.partition("=") for part in told.strip().split(",")))
            return PluggableTransport("obfs4", TOOLS, OBFS4_PORT, args)
    raise AssertionError("obfs4proxy did not start")
