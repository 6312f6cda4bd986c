"""What crosses a device, as a file, and the ClientHellos in it as tshark reads them."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import msgspec
from tests.censor.lab.network import Namespace, run

_SINGLE = {
    "source": "ip.src",
    "target": "ip.dst",
    "name": "tls.handshake.extensions_server_name",
    "ja4": "tls.handshake.ja4",
}
_LISTS = {
    "ciphers": "tls.handshake.ciphersuite",
    "extensions": "tls.handshake.extension.type",
    "groups": "tls.handshake.extensions_supported_group",
    "key_shares": "tls.handshake.extensions_key_share_group",
    "signatures": "tls.handshake.sig_hash_alg",
    "versions": "tls.handshake.extensions.supported_version",
    "protocols": "tls.handshake.extensions_alpn_str",
}


class Capture:
    """All packets of a device while the context lives, in `file`."""

    def __init__(self, namespace: Namespace, device: str, file: Path, *, expression: str = "tcp") -> None:
        self.file = file
        self._namespace = namespace
        self._command = ("dumpcap", "-q", "-i", device, "-f", expression, "-s", "0", "-w", str(file))
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Capture:
        self._process = self._namespace.start(*self._command, stderr=subprocess.PIPE)
        assert self._process.stderr is not None
        line = ""
        while not line.startswith("File:"):
            line = self._process.stderr.readline()
            assert line, "dumpcap ended"
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, t: TracebackType | None) -> None:
        assert self._process is not None
        time.sleep(0.3)  # what the kernel has seen, dumpcap reads within its 250 ms
        self._namespace.end(self._process, with_signal=signal.SIGINT)


@dataclass(frozen=True, slots=True)
class Hello:
    """A ClientHello. Lists keep their order; GREASE values (RFC 8701) are left out of them."""

    source: str
    target: str
    name: str
    ja4: str
    ciphers: tuple[str, ...]
    extensions: tuple[str, ...]
    groups: tuple[str, ...]
    key_shares: tuple[str, ...]
    signatures: tuple[str, ...]
    versions: tuple[str, ...]
    protocols: tuple[str, ...]
    greased: tuple[str, ...]
    """The lists that had a GREASE value in them."""


def read_hellos(file: Path, *, name: str = "") -> list[Hello]:
    """The ClientHellos of a capture, or those for one server name, in order."""
    fields = [part for field in (*_SINGLE.values(), *_LISTS.values()) for part in ("-e", field)]
    shown = run("tshark", "-r", str(file), "-Y", "tls.handshake.type == 1", "-T", "json", *fields, timeout_s=60)
    found = []
    for packet in json.loads(shown or "[]"):
        layers: dict[str, list[str]] = packet["_source"]["layers"]
        single = {key: layers.get(field, [""])[0] for key, field in _SINGLE.items()}
        lists = {key: tuple(v for v in layers.get(field, []) if not is_grease(v)) for key, field in _LISTS.items()}
        greased = tuple(key for key, field in _LISTS.items() if any(map(is_grease, layers.get(field, []))))
        found.append(msgspec.convert({**single, **lists, "greased": greased}, Hello))
    return [hello for hello in found if name in ("", hello.name)]


def is_grease(value: str) -> bool:
    """Whether a number of tshark's is a reserved value of RFC 8701: two equal bytes that end in a."""
    digits = f"{int(value, 0):04x}" if re.fullmatch(r"0x[0-9a-f]+|\d+", value) else ""
    return len(digits) == 4 and digits[1] == digits[3] == "a" and digits[:2] == digits[2:]


def differences(one: Hello, other: Hello) -> dict[str, tuple[Sequence[str], Sequence[str]]]:
    """Fields in which two ClientHellos differ; extensions as sets, because browsers shuffle them."""
    found: dict[str, tuple[Sequence[str], Sequence[str]]] = {}
    for field in ("ciphers", "groups", "key_shares", "signatures", "versions", "protocols", "greased"):
        mine, theirs = getattr(one, field), getattr(other, field)
        if mine != theirs:
            found[field] = (mine, theirs)
    mine, theirs = set(one.extensions), set(other.extensions)
    if mine != theirs:
        found["extensions"] = (sorted(mine - theirs), sorted(theirs - mine))
    return found
