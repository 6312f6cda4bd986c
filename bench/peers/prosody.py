"""prosody: plain passwords on a plain port, registration in band, no limits, rooms without presence of others."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.peers.starting import Running, ask_package, find_free_port, find_program, folder_for, started
from bench.record import Subject

INSTALL = "apt-get install --no-install-recommends prosody"
_CONFIG = """
{root}
daemonize = false
data_path = "{folder}/data"
pidfile = "{folder}/pid"
log = {{ error = "*console" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
s2s_ports = {{ }}
c2s_direct_tls_ports = {{ }}
modules_enabled = {{ "roster", "saslauth", "register", "disco", "offline" }}
modules_disabled = {{ "s2s", "tls", "limits" }}
allow_registration = true
registration_throttle_max = false
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
storage = "internal"
network_backend = "epoll"
network_settings = {{ tcp_backlog = 1024 }}
c2s_stanza_size_limit = 262144
gc = {{ mode = "generational" }}
VirtualHost "localhost"
Component "conf.localhost" "muc"
  modules_enabled = {{ }}
  muc_room_default_presence_broadcast = {{ visitor = false; participant = false; moderator = false; }}
  muc_room_default_history_length = 0
  max_history_messages = 0
"""


class Prosody:
    """See the module."""

    name = "prosody"

    def describe(self) -> Subject:
        """Raises MissingError."""
        find_program("prosody", install=INSTALL)
        return Subject(name=self.name, version=ask_package("prosody"), settings="epoll, internal storage")

    @contextmanager
    def run(self) -> Iterator[Running]:
        """A server with no account, until the end of the block."""
        port = find_free_port()
        with folder_for(self.name) as folder:
            root = "run_as_root = true" if os.geteuid() == 0 else ""
            (folder / "data").mkdir()
            (folder / "prosody.cfg.lua").write_text(_CONFIG.format(root=root, folder=folder, port=port))
            command: list[str | Path] = [
                find_program("prosody", install=INSTALL),
                "--config",
                folder / "prosody.cfg.lua",
                "-F",
            ]
            with started(command, port=port, folder=folder) as running:
                yield running
