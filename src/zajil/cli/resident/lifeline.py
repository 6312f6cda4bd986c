"""A child that ends when its parent does, however the parent ends: it reads stdin until that closes."""

from __future__ import annotations

import os
import signal
import threading

_STDIN = 0


def end_with_parent() -> None:
    """From now on a closed standard input ends this process as SIGTERM would."""

    def wait() -> None:
        # Not through `sys.stdin`: its lock would be held when the interpreter ends, and that is fatal.
        while os.read(_STDIN, 4096):
            continue
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()
