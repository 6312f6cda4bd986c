"""What this machine can do for the laboratory. What it cannot is a skip with one reason, never a failure."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from functools import cache
from typing import Final

PROGRAMS: Final = {
    "caddy": "caddy",
    "chromium": "chromium",
    "dnsmasq": "dnsmasq",
    "ethtool": "ethtool",
    "iptables": "iptables",
    "microsocks": "microsocks",
    "ndpi": "ndpiReader",
    "nft": "nft",
    "nginx": "nginx",
    "obfs4": "obfs4proxy",
    "openssl": "openssl",
    "ss": "ss",
    "suricata": "suricata",
    "tc": "tc",
    "tshark": "tshark",
}
BASE: Final = ("root", "namespaces", "nft", "ethtool", "ss", "dnsmasq", "nginx", "caddy", "microsocks", "openssl")
"""What every scenario needs."""


def find_missing(needs: Iterable[str]) -> str | None:
    """One sentence for the first need this machine does not meet; None when all are met.

    needs: names of PROGRAMS, or `root namespaces nft-rules nfqueue tbf`. Raises KeyError for a name nobody knows.
    """
    for need in (*BASE, *needs):
        if (reason := _reason(need)) is not None:
            return reason
    return None


@cache
def _reason(need: str) -> str | None:
    if need in PROGRAMS:
        return None if shutil.which(PROGRAMS[need]) else f"the program {PROGRAMS[need]} is not installed"
    return _KERNEL[need]()


def _root() -> str | None:
    return None if os.geteuid() == 0 else "the censor lab needs root for its network namespaces"


def _namespaces() -> str | None:
    return _in_scratch("network namespaces", "true")


def _nft_rules() -> str | None:
    rules = "add table ip t; add chain ip t c { type filter hook forward priority 0; }; "
    rules += "add rule ip t c tcp dport 443 ct reply bytes > 16384 drop"
    return _in_scratch("nft rules on bytes of a connection", "nft", rules)


def _nfqueue() -> str | None:
    if importlib.util.find_spec("netfilterqueue") is None:
        return "the Python package netfilterqueue is not installed (dependency group `censor`; `make censor` does it)"
    rule = ("-t", "mangle", "-A", "FORWARD", "-p", "tcp", "-j", "NFQUEUE", "--queue-num", "7", "--queue-bypass")
    return _in_scratch("iptables -j NFQUEUE", "iptables", *rule)


def _tbf() -> str | None:
    shape = ("root", "tbf", "rate", "128kbit", "burst", "4kb", "latency", "400ms")
    return _in_scratch("tc tbf", "tc", "qdisc", "add", "dev", "lo", *shape)


def _in_scratch(what: str, *command: str) -> str | None:
    """Whether the command works in a namespace made for it."""
    name = f"zjlab-{os.getpid()}-scratch"
    try:
        for line in (["ip", "netns", "add", name], ["ip", "netns", "exec", name, *command]):
            done = subprocess.run(line, capture_output=True, text=True, timeout=20, check=False)
            if done.returncode:
                return f"{what}: this machine refuses ({done.stderr.strip().splitlines()[-1:] or ['no reason']})"
    except (OSError, subprocess.TimeoutExpired) as failure:
        return f"{what}: {failure}"
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
    return None


_KERNEL: Final[dict[str, Callable[[], str | None]]] = {
    "root": _root,
    "namespaces": _namespaces,
    "nft-rules": _nft_rules,
    "nfqueue": _nfqueue,
    "tbf": _tbf,
}
