"""All ten checks, one after another."""

from __future__ import annotations

import time
from importlib.util import find_spec
from pathlib import Path

from zajil.engine.extras import install_command
from zajil.server.config import ConfigError, Settings, find_password, load_settings
from zajil.server.doctor import folder, running
from zajil.server.doctor.finding import Finding


def examine(data: Path, *, host: str | None = None, port: int | None = None, now: float | None = None) -> list[Finding]:
    """What was found of each. Where the settings cannot be read, of them and the files alone. Writes nothing.

    host, port: what the server was started with in place of its settings, as in `zajil serve`.
    """
    at = time.time() if now is None else now
    try:
        settings = load_settings(data, host=host, port=port)
    except (ConfigError, OSError) as fault:
        return [Finding("settings", False, "settings-bad", {"remark": str(fault)}), folder.check_files(data)]
    return [
        _check_settings(settings),
        folder.check_files(data, settings),
        folder.check_database(data, settings),
        folder.check_clock(data, settings, now=at),
        folder.check_disk(data),
        folder.check_backup(data, now=at),
        running.check_server(data, settings),
        running.check_open_files(data, settings),
        running.check_front(settings),
        running.check_proxy(settings),
    ]


def _check_settings(settings: Settings) -> Finding:
    """Whether what they ask for is installed."""
    wanted = (
        ("database", "postgres", "psycopg" if settings.database else ""),
        ("bus", "nats", "nats" if settings.bus else ""),
        ("public_space", "moderation", "webauthn" if settings.public_space else ""),
        ("blobs", "s3", "obstore" if settings.blobs != "disk" else ""),
        ("gateway", "picows", "picows" if settings.gateway == "picows" else ""),
    )
    for setting, extra, module in wanted:
        if module and find_spec(module) is None:
            return Finding("settings", False, "settings-extra", {"setting": setting, "command": install_command(extra)})
    if named := find_password(settings):
        return Finding("settings", False, "settings-password", {"setting": named})
    return Finding("settings", True, "settings-good", {"name": settings.server_name})
