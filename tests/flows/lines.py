"""Lines of a running process, one by one and with a deadline, and its end."""

from __future__ import annotations

import queue
import signal
import subprocess
import threading
from collections.abc import Mapping

WAIT_S = 60.0


class LineProcess:
    """A process whose standard output a thread collects, so that no buffer hides a line."""

    def __init__(self, command: list[str], environ: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ)
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()

    def _collect(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self._lines.put(line)
        self._lines.put("")

    def next_line(self) -> str:
        """The next line with its end; empty once the process has closed its output."""
        try:
            return self._lines.get(timeout=WAIT_S)
        except queue.Empty:
            raise AssertionError("no further line in time") from None

    def read_until(self, start: str) -> list[str]:
        """All lines up to the first that begins with `start`."""
        lines: list[str] = []
        while True:
            lines.append(self.next_line())
            assert lines[-1], f"the process ended: {lines}"
            if lines[-1].startswith(start):
                return lines

    def stop(self, number: signal.Signals) -> int:
        """Send the signal, wait for the end; the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(timeout=40)
        self._reader.join(timeout=10)
        return code

    def __enter__(self) -> LineProcess:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(timeout=10)
