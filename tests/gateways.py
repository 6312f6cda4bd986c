"""The shell that a run's servers have: `--gateway` of pytest."""

from __future__ import annotations

import os
from typing import Final

from zajil.server.config import GatewayShell

GATEWAY: Final = "ZAJIL_TEST_GATEWAY"


def asked_gateway() -> GatewayShell:
    """aiohttp unless the run asks for the other one."""
    return "picows" if os.environ.get(GATEWAY) == "picows" else "aiohttp"
