"""A child that ends when its parent does, however the parent ends: it reads stdin until that closes."""

from __future__ import annotations

import os
import signal
import sys
import threading


def end_with_parent() -> None:
    """From now on a closed standard input ends this process as SIGTERM would."""

    def wait() -> None:
        while sys.stdin.buffer.read(4096):
            continue
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()
