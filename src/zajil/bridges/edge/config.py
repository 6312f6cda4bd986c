"""Every setting of a bridge: one typed class, read from `bridge.toml`, which its owner alone may read.

`zajil bridge init` writes the file. The credential that the home server gives is a file of its own beside it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Final, Literal, get_args, get_type_hints
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from zajil.protocol.limits import KIB
from zajil.protocol.reach.endpoints import BRIDGE_ADDRESS_BYTES, is_dir, is_host

EdgeKind = Literal["nginx", "caddy"]
CONFIG_FILE: Final = "bridge.toml"
HTTPS: Final = 443
_LOOPBACK: Final = ("127.0.0.1", "localhost")
_OTHERS: Final = 0o077


class ConfigError(Exception):
    """The settings cannot be used; the text says which one and why."""


_HEAD: Final = "# Made by `zajil bridge init`. Keep it to yourself: whoever reads it knows that this is a bridge.\n"


class EdgeConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How this bridge runs."""

    domain: Annotated[str, Meta(description="Host name of the site, as visitors type it.")]
    port: Annotated[int, Meta(ge=1, le=65535, description="Port of the site.")] = HTTPS
    dir: Annotated[str, Meta(description="Folder of the site below which the secret paths lie.")]
    origin: Annotated[str, Meta(description="Address of the home server; records go nowhere else.")]
    edge: Annotated[EdgeKind, Meta(description="Web server in front.")]
    site: Annotated[str, Meta(description="Folder of the site's files.")]
    socket: Annotated[str, Meta(description="Unix socket between web server and daemon.")] = "/run/zajil-bridge/s.sock"
    join: Annotated[str, Meta(description="Code of the operator; used once, at the first start.")] = ""
    carriers: Annotated[int, Meta(ge=1, le=100_000, description="Most carriers at once.")] = 1000
    carrier_bytes_per_s: Annotated[
        int, Meta(ge=16 * KIB, description="Rate of one carrier, each direction, in bytes per second.")
    ] = 256 * KIB
    month_bytes: Annotated[
        int, Meta(ge=10**9, description="Most bytes in 30 days, both directions; at 95 % no new carriers are taken.")
    ] = 500 * 10**9


def load_config(path: Path) -> EdgeConfig:
    """The settings in this file. Raises ConfigError, OSError (no such file, a folder)."""
    content = path.read_bytes()
    if not content.strip():
        raise ConfigError(f"{path.name} is empty")
    if path.stat().st_mode & _OTHERS:
        raise ConfigError(f"{path.name} may be read by others: chmod 600 {path}")
    try:
        config = msgspec.toml.decode(content, type=EdgeConfig)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name}: {error}") from error
    check_config(config)
    return config


def check_config(config: EdgeConfig) -> None:
    """Raises ConfigError for settings that no home server or web server would take."""
    if not is_host(config.domain):
        raise ConfigError(f"domain: {config.domain!r} is not a host name in lower case")
    if not is_dir(config.dir) or len(config.dir) < 2 or "/" in config.dir:
        raise ConfigError(f"dir: {config.dir!r} is not the name of a folder")
    if len(config.domain) + len(config.dir) > BRIDGE_ADDRESS_BYTES:
        raise ConfigError(f"domain and dir together are longer than {BRIDGE_ADDRESS_BYTES} characters")
    parse_origin(config.origin)
    for name, value in (("site", config.site), ("socket", config.socket)):
        if not is_plain_path(value):
            raise ConfigError(f"{name}: {value!r} is not a path from / of letters, digits, and . _ - /")


def parse_origin(text: str) -> str:
    """The address of the home server without a slash at its end. Raises ConfigError.

    HTTPS, since a bridge far from its home server must check whom it talks to; plain HTTP on this machine alone.
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise ConfigError(f"origin: {text!r} is not an address") from None
    host = parts.hostname or ""
    secure = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    if not secure or not is_host(host) or port == 0 or parts.path.strip("/") or parts.query or parts.fragment:
        raise ConfigError(f"origin: {text!r} is not an address such as https://chat.example")
    if "@" in parts.netloc:
        raise ConfigError("origin: an address without a user name")
    return f"{parts.scheme}://{host}" + ("" if port is None else f":{port}")


def is_plain_path(text: str) -> bool:
    """Whether this is an absolute path that means itself in every configuration language."""
    return re.fullmatch(r"/[A-Za-z0-9._/-]+", text, re.ASCII) is not None and ".." not in text


def write_config(path: Path, config: EdgeConfig) -> None:
    """Write the settings into a new file with mode 0600. Raises FileExistsError, OSError."""
    write_new(path, render_config(config).encode(), mode=0o600)


def render_config(config: EdgeConfig) -> str:
    """The settings as TOML, each with its sentence."""
    lines = [_HEAD]
    hints = get_type_hints(EdgeConfig, include_extras=True)
    for field in msgspec.structs.fields(EdgeConfig):
        value = getattr(config, field.name)
        if value == "":
            continue
        _, meta = get_args(hints[field.name])
        lines.append(f"# {meta.description}\n{field.name} = {msgspec.json.encode(value).decode()}\n")
    return "".join(lines)


def write_new(path: Path, content: bytes, *, mode: int) -> None:
    """Write a file that was not there. Raises FileExistsError, OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
