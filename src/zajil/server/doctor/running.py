"""Checks of the running server, and of what people reach it through."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import resource
import socket
import ssl
import time
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

from zajil.protocol.frames import Role
from zajil.server.config import ConfigError, Settings
from zajil.server.doctor.finding import Finding
from zajil.server.schema import LOCK_FILE, hold_data

_WAIT_S: Final = 10.0
_SPARE_FILES: Final = 256
"""Files that a server has open besides its connections."""
_DAY_S: Final = 86_400
_EXPIRING_DAYS: Final = 14
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_SOCKET_KEY: Final = "AAAAAAAAAAAAAAAAAAAAAA=="


class _Answer(NamedTuple):
    status: int
    kind: str
    body: bytes


def check_server(data: Path, settings: Settings) -> Finding:
    """Whether the one of this directory answers, or else its port is free for it."""
    host = settings.host if settings.host not in ("0.0.0.0", "::") else "127.0.0.1"  # noqa: S104  # compared, not bound
    values: dict[str, str | int] = {"address": f"{settings.host}:{settings.port}", "port": settings.port}
    answer = _ask(urlsplit(f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"), "/health")
    if _is_running(data):
        good = answer is not None and answer.status == 200
        return Finding("server", good, "server-answers" if good else "server-silent", values)
    if answer is not None or _listens(host, settings.port):
        return Finding("server", False, "port-taken", values)
    return Finding("server", True, "server-stopped", values)


def check_open_files(data: Path, settings: Settings) -> Finding:
    """Whether the server may have as many open as it lets people connect; its own limit, or else what it would raise
    ours to.
    """
    limit = _limit_of(_holder(data)) or resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    spare = settings.calls.media_connections_max + _SPARE_FILES
    need = settings.connections_max + spare
    good = limit == resource.RLIM_INFINITY or limit >= need
    values = {"limit": limit, "need": need, "fits": max(1, limit - spare)}
    return Finding("open-files", good, "open-files-good" if good else "open-files-low", values)


def check_front(settings: Settings) -> Finding:
    """Whether people get to this server by its address: name, certificate, WebSockets; and not to its figures."""
    if not settings.front:
        return Finding("front", True, "front-none")
    front = urlsplit(settings.front)
    values: dict[str, str | int] = {"front": settings.front}
    try:
        days = _days_left(front)
    except ssl.SSLCertVerificationError as fault:
        return Finding("front", False, "front-certificate", values | {"remark": fault.verify_message})
    except OSError as fault:
        return Finding("front", False, "front-unreachable", values | {"remark": str(fault)})
    told = _ask(front, "/v1/config")
    if told is None or told.status in (502, 503, 504):
        remark = "no answer" if told is None else f"HTTP {told.status}"
        return Finding("front", False, "front-unreachable", values | {"remark": remark})
    name = _server_name(told)
    if name != settings.server_name:
        return Finding("front", False, "front-other", values | {"name": name or f"HTTP {told.status}"})
    if not _takes_sockets(front):
        return Finding("front", False, "front-no-sockets", values)
    figures = _ask(front, "/metrics")
    if figures is not None and figures.status == 200 and b"zajil_connections" in figures.body:
        return Finding("front", False, "front-metrics", values)
    if days is not None and days < _EXPIRING_DAYS:
        return Finding("front", False, "front-expiring", values | {"days": days})
    return Finding("front", True, "front-good", values)


def check_proxy(settings: Settings) -> Finding:
    """Whether limits count people: the proxy in front is known, and nobody comes past it."""
    behind = settings.front.startswith("https:")
    if behind and not settings.trusted_proxies:
        return Finding("proxy", False, "proxy-unknown")
    if behind and settings.host not in _LOOPBACK and _LOOPBACK.issuperset(settings.trusted_proxies):
        return Finding("proxy", False, "proxy-passed", {"host": settings.host})
    return Finding("proxy", True, "proxy-trusted")


def _is_running(data: Path) -> bool:
    """Whether a server holds the directory."""
    if not (data / LOCK_FILE).exists():
        return False
    if Path("/proc/locks").exists():
        return bool(_holder(data))
    try:
        hold_data(data).close()
    except ConfigError:
        return True
    return False


def _holder(data: Path) -> int:
    """Process of the server, 0 where none is found. /proc/locks names the file by its inode."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        inode = (data / LOCK_FILE).stat().st_ino
        for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
            parts = line.split()
            if "FLOCK" in parts and parts[5].rsplit(":", 1)[-1] == str(inode) and "->" not in parts:
                return int(parts[4])
    return 0


def _limit_of(pid: int) -> int:
    """Files that this process may have open, 0 where nobody says."""
    if pid <= 0 or pid == os.getpid():
        return 0
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path(f"/proc/{pid}/limits").read_text(encoding="ascii").splitlines():
            if line.startswith("Max open files"):
                return int(line.split()[3])
    return 0


def _listens(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=_WAIT_S):
        return True
    return False


def _days_left(front: SplitResult) -> int | None:
    """Of the certificate, None without TLS. Raises OSError where nobody answers; SSLCertVerificationError."""
    port = front.port or (443 if front.scheme == "https" else 80)
    with socket.create_connection((front.hostname or "", port), timeout=_WAIT_S) as connection:
        if front.scheme != "https":
            return None
        with ssl.create_default_context().wrap_socket(connection, server_hostname=front.hostname) as secured:
            found: dict[str, Any] = secured.getpeercert() or {}  # Any: as the standard library types it
            ends = ssl.cert_time_to_seconds(str(found.get("notAfter")))
            return int(ends - time.time()) // _DAY_S


def _connect(place: SplitResult) -> http.client.HTTPConnection:
    host = place.hostname or ""
    if place.scheme == "https":
        return http.client.HTTPSConnection(host, place.port, timeout=_WAIT_S, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, place.port, timeout=_WAIT_S)


def _ask(place: SplitResult, path: str) -> _Answer | None:
    """None where nobody answers in HTTP."""
    connection = _connect(place)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return _Answer(answer.status, answer.headers.get("content-type", ""), answer.read(1 << 20))
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _takes_sockets(place: SplitResult) -> bool:
    connection = _connect(place)
    try:
        headers = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": _SOCKET_KEY,
        }
        connection.request("GET", Role.S.path, headers=headers)
        return connection.getresponse().status == 101
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _server_name(answer: _Answer) -> str:
    try:
        return str(json.loads(answer.body).get("server_name", ""))
    except (ValueError, AttributeError, RecursionError):  # whatever stands in front
        return ""
