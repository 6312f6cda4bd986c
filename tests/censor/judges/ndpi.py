"""What nDPI makes of a capture: Debian's `ndpiReader`, whose text output is parsed for labels and risk flags."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.censor.lab.network import run

_FLOW = re.compile(r"^\s+\d+\s+TCP (\S+):(\d+) <-> (\S+):(\d+) \[proto: [\d.]+/([^\]]+)\](.*)$", re.MULTILINE)
_RISK = re.compile(r"\[Risk: ([^\]]+)\]")
_NAME = re.compile(r"\[Hostname/SNI: ([^\]]+)\]")


@dataclass(frozen=True, slots=True)
class Flow:
    """One TCP connection as nDPI labels it. risks: its flags in nDPI's words, none for inconspicuous traffic."""

    server: str
    port: int
    name: str
    label: str
    risks: frozenset[str]


def read_flows(file: Path) -> list[Flow]:
    """Every TCP connection of a capture."""
    shown = run("ndpiReader", "-i", str(file), "-v", "2", "-q", timeout_s=120)
    flows = []
    for source, source_port, target, port, label, rest in _FLOW.findall(shown):
        server, server_port = (target, int(port)) if int(port) < int(source_port) else (source, int(source_port))
        name = "".join(_NAME.findall(rest)[:1])
        risks = {risk.strip(" *") for text in _RISK.findall(rest) for risk in text.split("**") if risk.strip(" *")}
        flows.append(Flow(server, server_port, name, label, frozenset(risks)))
    return flows


def ndpi_version() -> str:
    """As `ndpiReader` names itself."""
    found = re.search(r"nDPI (\S+)", run("ndpiReader", "-h"))
    return found[1] if found else "unknown"
