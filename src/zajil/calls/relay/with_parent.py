"""Run a program that ends when its parent does, however the parent ends: `with_parent.py PARENT_PID PROGRAM ...`.

A file of its own, run by path and without the package: it becomes the program at once and stays nothing of Python.
Linux alone has the call (prctl(2), PR_SET_PDEATHSIG); elsewhere a killed parent leaves the program behind.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, program: list[str]) -> None:
    """Becomes the program, or ends where the parent is gone already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == parent:
        os.execv(program[0], program)  # noqa: S606  # the caller's own program


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
