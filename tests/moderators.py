"""The key of private reports in tests: chosen as people choose it, at a price that tests can pay."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from zajil.moderation.private.keys import ModeratorKeys
from zajil.moderation.private.sealed import Cost
from zajil.server.app import Server

PASSPHRASE: Final = "correct horse battery"
CHEAP: Final = Cost(memory_kib=64, passes=1, lanes=1)


def choose_passphrase(data: Path) -> None:
    """The data directory has a sealed key, as after the first choice."""
    if not (data / "moderators.sealed").exists():
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        ModeratorKeys(data, clock=lambda: 0.0, cost=CHEAP).choose(PASSPHRASE)


def unlock(server: Server) -> None:
    """Somebody has typed the passphrase."""
    server.reports.keys.unlock(PASSPHRASE)
