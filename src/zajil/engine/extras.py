"""What is said where a part of Zajil that is installed apart is missing."""

from __future__ import annotations

import os
import shlex
import sys
import sysconfig
from pathlib import Path


def say_missing(what: str, extra: str) -> str:
    """A sentence without its full stop. what: needs it. extra: one of `pyproject.toml`, without `zajil[]`."""
    return f"{what} needs what is not installed:  {install_command(extra)}"


def install_command(extra: str) -> str:
    """For the environment that this program runs in: the system's own pip refuses, or fills another one (PEP 668)."""
    pip = Path(sys.executable).with_name("pip")
    program = shlex.quote(str(pip)) if pip.exists() else f"{shlex.quote(sys.executable)} -m pip"
    root = "" if os.access(sysconfig.get_path("purelib"), os.W_OK) else "sudo "
    return f"{root}{program} install 'zajil[{extra}]'"
