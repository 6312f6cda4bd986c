"""Which shell the settings ask for."""

from __future__ import annotations

from zajil.engine.extras import say_missing
from zajil.server.config import ConfigError, GatewayShell
from zajil.server.shell.aiohttp_shell import AiohttpShell


def find_shell(name: GatewayShell) -> type[AiohttpShell]:
    """What makes the shell of this name. Raises ConfigError where its extra is not installed."""
    if name == "aiohttp":
        return AiohttpShell
    try:
        from zajil.server.shell.picows_shell import PicowsShell
    except ImportError as missing:
        raise ConfigError(say_missing('gateway = "picows"', "picows"), code="no-extra") from missing
    return PicowsShell
