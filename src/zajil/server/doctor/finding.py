"""What one check found: a code and values, no sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

FindingCode: TypeAlias = Literal[
    "settings-good",
    "settings-bad",
    "settings-extra",
    "settings-password",
    "files-private",
    "files-open",
    "files-foreign",
    "files-missing",
    "database-good",
    "database-none",
    "database-old",
    "database-newer",
    "database-foreign",
    "database-unread",
    "database-away",
    "database-untold",
    "clock-good",
    "clock-behind",
    "clock-ahead",
    "disk-roomy",
    "disk-full",
    "disk-network",
    "backup-fresh",
    "backup-old",
    "backup-none",
    "server-answers",
    "server-stopped",
    "server-silent",
    "port-taken",
    "open-files-good",
    "open-files-low",
    "front-none",
    "front-good",
    "front-unreachable",
    "front-certificate",
    "front-expiring",
    "front-other",
    "front-no-sockets",
    "front-metrics",
    "proxy-trusted",
    "proxy-unknown",
    "proxy-passed",
]
Check: TypeAlias = Literal[
    "settings", "files", "database", "clock", "disk", "backup", "server", "open-files", "front", "proxy"
]
"""The ten, in the order in which they are looked at."""


class Finding(NamedTuple):
    """name: of the check. values: for the sentence about this code."""

    name: Check
    ok: bool
    code: FindingCode
    values: Mapping[str, str | int] = {}
