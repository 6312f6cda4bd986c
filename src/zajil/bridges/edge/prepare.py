"""`zajil bridge init`: settings, a web server's file, the service and a site in one folder; nothing is overwritten."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from zajil.bridges.edge.config import (
    CONFIG_FILE,
    ConfigError,
    EdgeConfig,
    EdgeKind,
    check_config,
    write_config,
    write_new,
)
from zajil.bridges.edge.decoy.site import FOLDERS, write_site
from zajil.bridges.edge.edges import CADDY_FILE, NGINX_FILE, NOT_FOUND, plan_of, render_edge
from zajil.protocol.reach.endpoints import is_dir

UNIT_FILE: Final = "zajil-bridge.service"
SITE_FOLDER: Final = "site"
HOME_PAGE: Final = "index.html"
FOLDER: Final = "/var/lib/zajil-bridge"
"""Where a bridge lives unless told otherwise."""
PROGRAM: Final = "/opt/zajil/bin/zajil"
_PAGES: Final = (".html", ".htm", ".php")


class BridgeExists(Exception):
    """A file that would be written is there already; `path` says which."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.name)
        self.path = path


class NoSite(Exception):
    """The folder given as a site lacks this file, or holds what a site does not."""


class Prepared(NamedTuple):
    """What was made. dir: the folder of the site below which secret paths lie."""

    config: Path
    edge: Path
    unit: Path
    site: Path
    dir: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What a volunteer asks for. site: own content, None for a made-up one. language: of that, None for any."""

    edge: EdgeKind
    domain: str
    origin: str
    join: str
    site: Path | None = None
    language: str | None = None
    program: str = PROGRAM


def prepare(out: Path, wish: Wish, *, random: Random, now_s: float) -> Prepared:
    """Write everything into this folder. Raises ConfigError, BridgeExists, NoSite, OSError."""
    edge_file = out / (NGINX_FILE if wish.edge == "nginx" else CADDY_FILE)
    made = Prepared(out / CONFIG_FILE, edge_file, out / UNIT_FILE, out / SITE_FOLDER, "")
    for path in made[:4]:
        if path.exists():
            raise BridgeExists(path)
    own = _own_files(wish.site) if wish.site is not None else []
    config = EdgeConfig(
        domain=wish.domain,
        dir=random.choice(FOLDERS) if wish.site is None else _asset_folder(own, random),
        origin=wish.origin.rstrip("/"),
        edge=wish.edge,
        site=str(made.site.absolute()),
        join=wish.join,
    )
    check_config(config)
    ours = [made.site] if out.exists() else [made.site, out]  # a folder that was there keeps its mode
    out.mkdir(parents=True, exist_ok=True)
    if wish.site is None:
        write_site(made.site, folder=config.dir, random=random, language=wish.language, now_s=now_s)
    else:
        _copy(wish.site, own, made.site)
    for folder in (*ours, *(path for path in made.site.rglob("*") if path.is_dir())):
        folder.chmod(0o755)  # whatever the umask: the web server is another user
    write_config(made.config, config)
    write_new(made.edge, render_edge(wish.edge, plan_of(config)).encode(), mode=0o644)
    write_new(made.unit, render_unit(wish.program, str(out.absolute())).encode(), mode=0o644)
    return made._replace(dir=config.dir)


def _own_files(site: Path) -> list[Path]:
    """The files of somebody's own site, from its folder. Raises NoSite, OSError."""
    for needed in (HOME_PAGE, NOT_FOUND):
        if not (site / needed).is_file():
            raise NoSite(needed)
    return sorted(_walk(site, site))


def _walk(folder: Path, top: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue  # what tools leave behind is no part of a site
        if path.is_symlink():
            raise NoSite(f"{path.relative_to(top)} (a symbolic link)")
        if path.is_dir():
            yield from _walk(path, top)
        elif path.is_file():
            yield path.relative_to(top)


def _asset_folder(files: list[Path], random: Random) -> str:
    """A folder of the site that holds no pages, so that an unknown file in it is nothing special."""
    folders = {path.parts[0] for path in files if len(path.parts) > 1}
    pages = {path.parts[0] for path in files if path.suffix.lower() in _PAGES}
    fit = sorted(name for name in folders - pages if is_dir(name) and 2 <= len(name) <= 16)
    return random.choice(fit or [name for name in FOLDERS if name not in folders] or list(FOLDERS))


def _copy(source: Path, files: list[Path], target: Path) -> None:
    target.mkdir(mode=0o755)
    for name in files:
        (target / name).parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        shutil.copy2(source / name, target / name, follow_symlinks=False)
        (target / name).chmod(0o644)


def render_unit(program: str, folder: str) -> str:
    """The service for systemd. Raises ConfigError for paths that would mean something else there."""
    if any(each in path for path in (program, folder) for each in ' "%$\\\n'):
        raise ConfigError(f"a path with characters that systemd reads otherwise: {program} {folder}")
    return _UNIT.format(program=program, folder=folder, config=CONFIG_FILE)


_UNIT: Final = """\
# A Zajil bridge as a system service. docs/operate/bridges.md installs it.
[Unit]
Description=Zajil bridge
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
User=zajil-bridge
Group=zajil-bridge
ExecStart={program} bridge up --config {folder}/{config}
RuntimeDirectory=zajil-bridge
RuntimeDirectoryMode=0750
ReadWritePaths={folder}
UMask=0077
Restart=on-failure
RestartSec=30
TimeoutStopSec=15
KillSignal=SIGTERM
LimitNOFILE=65536
LimitCORE=0
MemoryMax=1G

# It reads its program, writes its counters, and speaks to the web server here and to one home server. Nothing else.
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
PrivateMounts=yes
ProtectProc=invisible
ProcSubset=pid
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM
KeyringMode=private
DevicePolicy=closed

[Install]
WantedBy=multi-user.target
"""
