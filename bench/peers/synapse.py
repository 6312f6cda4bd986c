"""Synapse, Matrix's server: one process over SQLite, in a virtual environment of its own, which no test installs.

Presence and federation are off and every limit stands above the load. It orders events, keeps the state of rooms and
runs push rules, which is more than a relay does.
"""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.peers.starting import Running, ask_version, find_free_port, folder_for, started
from bench.record import Subject
from bench.rounds import MissingError

HOME: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zajil-bench/synapse"
INSTALL: Final = f"{Path(sys.executable).name} -m venv {HOME} && {HOME}/bin/pip install matrix-synapse"
SECRET: Final = "bench"  # noqa: S105  # see below
"""By which accounts are made, of a server that lives as long as a turn."""
_LIMITS: Final = (
    *("rc_message", "rc_registration", "rc_admin_redaction", "rc_3pid_validation", "rc_room_creation"),
    *("rc_login.address", "rc_login.account", "rc_login.failed_attempts", "rc_joins.local", "rc_joins.remote"),
    *("rc_joins_per_room", "rc_invites.per_room", "rc_invites.per_user", "rc_invites.per_issuer"),
)
_CONFIG: Final = """
server_name: localhost
report_stats: false
suppress_key_server_warning: true
pid_file: {folder}/pid
log_config: {folder}/log.yaml
media_store_path: {folder}/media
signing_key: "ed25519 a_bench {key}"
macaroon_secret_key: bench
form_secret: bench
registration_shared_secret: {secret}
bcrypt_rounds: 4
event_cache_size: 100K
presence: {{enabled: false}}
federation_domain_whitelist: []
trusted_key_servers: []
listeners:
  - port: {port}
    type: http
    tls: false
    bind_addresses: [127.0.0.1]
    resources: [{{names: [client], compress: false}}]
database:
  name: sqlite3
  args: {{database: {folder}/homeserver.db}}
"""
_LOGS: Final = """
version: 1
handlers: {console: {class: logging.StreamHandler, stream: ext://sys.stderr}}
root: {level: ERROR, handlers: [console]}
"""


class Synapse:
    """See the module."""

    name = "synapse"

    def describe(self) -> Subject:
        """Raises MissingError."""
        version = ask_version([_find_python(), "-c", "import synapse; print(synapse.__version__)"])
        return Subject(name=self.name, version=version, settings="one process, SQLite, no presence, no federation")

    @contextmanager
    def run(self) -> Iterator[Running]:
        """A server with no account, until the end of the block."""
        port = find_free_port()
        with folder_for(self.name) as folder:
            key = base64.b64encode(os.urandom(32)).decode().rstrip("=")
            config = _CONFIG.format(folder=folder, port=port, key=key, secret=SECRET)
            (folder / "homeserver.yaml").write_text(config + _write_limits())
            (folder / "log.yaml").write_text(_LOGS)
            program: list[str | Path] = [_find_python(), "-m", "synapse.app.homeserver"]
            with started([*program, "-c", folder / "homeserver.yaml"], port=port, folder=folder) as running:
                yield running


def _write_limits() -> str:
    """Each limit as a table of its own or below its group."""
    lines: list[str] = []
    groups: set[str] = set()
    for name in _LIMITS:
        group, _, inner = name.partition(".")
        if inner and group not in groups:
            lines.append(f"{group}:")
            groups.add(group)
        lines.append(f"{'  ' * bool(inner)}{inner or group}: {{per_second: 100000, burst_count: 100000}}")
    return "\n".join(lines) + "\n"


def _find_python() -> Path:
    """That of its virtual environment. Raises MissingError."""
    python = HOME / "bin/python"
    if not python.exists() or not list(HOME.glob("lib/python3*/site-packages/synapse")):
        raise MissingError(INSTALL)
    return python
