"""What this machine can do for the laboratory of calls. What it cannot is a skip with one reason, never a failure."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from typing import Final

import hatch_build
from tests.calls.routes.site import MODULE

PROGRAMS: Final = ("ip", "nft", "iptables", "ethtool", "ss", "sysctl", "nginx", "turnserver", "chromium")
_RULES: Final = (
    "add table ip t",
    "add chain ip t c { type filter hook input priority 0; }",
    "add rule ip t c numgen random mod 100 < 5 drop",
    "add rule ip t c meta l4proto udp @th,96,32 0x2112a442 drop",
)


def find_missing() -> str | None:
    """One sentence for the first need that is not met; None when all are, and the web client is built then."""
    if os.geteuid() != 0:
        return "the laboratory of calls needs root for its network namespaces"
    for program in PROGRAMS:
        if shutil.which(program) is None:
            return f"the program {program} is not installed"
    if not MODULE.exists():
        return "nginx has no stream module: apt-get install libnginx-mod-stream"
    if (refused := _try_rules()) is not None:
        return f"network namespaces with nft rules: this machine refuses ({refused})"
    try:
        if hatch_build.is_stale():
            hatch_build.build()
    except hatch_build.NoNode as reason:
        return str(reason)
    return None


def can_delay() -> bool:
    """Whether packets can be held up, for which the kernel's queue is read in Python."""
    return importlib.util.find_spec("netfilterqueue") is not None


def _try_rules() -> str | None:
    name = f"zjlab-{os.getpid()}-scratch"
    inside = ("ip", "netns", "exec", name)
    naming = ("iptables", "-A", "FORWARD", "-m", "string", "--algo", "bm", "--string", "x", "-j", "DROP")
    commands = [("ip", "netns", "add", name), *((*inside, "nft", rule) for rule in _RULES), (*inside, *naming)]
    try:
        for command in commands:
            done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
            if done.returncode:
                return next(iter(done.stderr.strip().splitlines()), "no reason")
    except (OSError, subprocess.TimeoutExpired) as failure:
        return str(failure)
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
    return None
