"""The bus of a server, as its settings name it: in memory, or over NATS between several."""

from __future__ import annotations

from pathlib import Path

from zajil.engine.bus import Bus, MemoryBus
from zajil.engine.extras import say_missing
from zajil.server.config import ConfigError, Settings


async def open_bus(data: Path, settings: Settings) -> Bus:
    """The bus of this server; ended by `close`. Raises ConfigError: no NATS server takes us, the extra is missing.

    Subjects begin with `zajil` and the server's name, so that several servers may share one NATS.
    """
    if not settings.bus:
        return MemoryBus()
    try:
        from zajil.engine.natsbus import Access, BusRefused, NatsBus
    except ImportError as missing:
        raise ConfigError(say_missing("bus", "nats"), code="no-extra") from missing
    access = Access(
        settings.bus,
        secret=_read(data, "bus_secret_file", settings.bus_secret_file).strip(),
        ca=data / settings.bus_ca_file if settings.bus_ca_file else None,
        prefix=f"zajil.{settings.server_name}",
    )
    _read(data, "bus_ca_file", settings.bus_ca_file)
    try:
        return await NatsBus.connect(access)
    except BusRefused as refused:
        raise ConfigError(f"bus: {refused}") from None


def _read(data: Path, setting: str, name: str) -> str:
    """What is in this file, "" without one. Raises ConfigError, which tells nothing of it."""
    if not name:
        return ""
    try:
        return (data / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"{setting}: {name} cannot be read") from None
