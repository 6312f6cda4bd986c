"""ejabberd: one host, one plain listener, no shaper, registration in band, rooms without presence of others.

`erl` is started directly: `ejabberdctl` changes the user and insists on system directories. Without a node name no
`epmd` stays behind. By default its schedulers spin while they wait, which halves p99 and doubles the CPU at low load;
the variant `ejabberd-nowait` does not. mnesia is not known to fsync for each message.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.peers.starting import Running, ask_package, find_free_port, find_program, folder_for, started
from bench.record import Subject
from bench.rounds import MissingError

INSTALL = "apt-get install --no-install-recommends ejabberd"
NO_WAIT = ("+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none")
_CONFIG = """
hosts: [localhost]
loglevel: error
listen:
  -
    port: {port}
    ip: "127.0.0.1"
    module: ejabberd_c2s
    max_stanza_size: 262144
    max_fsm_queue: 100000
    shaper: none
    access: all
    starttls: false
    backlog: 1024
auth_method: [internal]
auth_password_format: plain
disable_sasl_mechanisms: [digest-md5]
registration_timeout: infinity
shaper_rules:
  max_user_offline_messages: infinity
modules:
  mod_roster: {{}}
  mod_disco: {{}}
  mod_offline:
    access_max_user_messages: max_user_offline_messages
  mod_register:
    ip_access: all
    password_strength: 0
    welcome_message: {{}}
  mod_muc:
    host: conf.localhost
    max_users: 10000
    max_user_conferences: 10000
    min_message_interval: 0
    history_size: 0
    default_room_options:
      max_users: 10000
      presence_broadcast: []
{modules}
"""
_MAM = "  mod_mam:\n    default: always\n    db_type: mnesia\n"


class Ejabberd:
    """One variant. spin: its schedulers wait actively. archive: each message is stored (mod_mam)."""

    def __init__(self, name: str, *, spin: bool, archive: bool = False) -> None:
        self.name = name
        self._flags = () if spin else NO_WAIT
        self._modules = _MAM if archive else ""
        self._settings = ("busy-wait on" if spin else "busy-wait off") + (", mod_mam in mnesia" if archive else "")

    def describe(self) -> Subject:
        """Raises MissingError."""
        find_program("erl", install=INSTALL)
        _find_code()
        return Subject(name=self.name, version=ask_package("ejabberd"), settings=self._settings)

    @contextmanager
    def run(self) -> Iterator[Running]:
        """A server with no account, until the end of the block."""
        port = find_free_port()
        with folder_for(self.name) as folder:
            (folder / "ejabberd.yml").write_text(_CONFIG.format(port=port, modules=self._modules))
            erl = find_program("erl", install=INSTALL)
            command: list[str | Path] = [erl, "+K", "true", "+P", "250000", *self._flags, "-noinput"]
            for code in _find_code():
                command += ["-pa", code]
            command += ["-mnesia", "dir", f'"{folder}/mnesia"', "-ejabberd", "quiet", "true", "-s", "ejabberd"]
            environment = {
                "EJABBERD_CONFIG_PATH": str(folder / "ejabberd.yml"),
                "EJABBERD_LOG_PATH": str(folder / "ejabberd.log"),
                "HOME": str(folder),
                "ERL_LIBS": str(_find_code()[0].parents[1]),
                "ERL_CRASH_DUMP_SECONDS": "0",
            }
            with started(command, port=port, folder=folder, environment=environment) as running:
                yield running


def _find_code() -> list[Path]:
    """Folders of its compiled code."""
    found = sorted(Path("/usr/lib").glob("*/ejabberd-*/ebin"), key=lambda path: len(path.name))
    found = [path for path in found if (path / "ejabberd.beam").exists()]
    if not found:
        raise MissingError(INSTALL)
    return found[:1]


VARIANTS = (Ejabberd("ejabberd", spin=True), Ejabberd("ejabberd-nowait", spin=False))
ARCHIVING = Ejabberd("ejabberd-mam", spin=True, archive=True)
