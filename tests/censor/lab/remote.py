"""Programs in a namespace that are spoken to in JSON lines: people's devices, and browsers."""

from __future__ import annotations

import contextlib
import itertools
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.censor.lab.network import Namespace

WAIT_S = 60.0


class VerbFailed(Exception):
    """The program refused or failed; the text is its error's name and words."""


class Remote:
    """A program in a namespace: a module, whose verbs are the methods of its `Person` or `Browser`."""

    def __init__(self, namespace: Namespace, module: str, environment: Mapping[str, str], *, log: Path) -> None:
        self._namespace = namespace
        self._numbers = itertools.count()
        self._answers: dict[int, queue.Queue[dict[str, Any]]] = {}
        with log.open("a", encoding="utf-8") as errors:
            self._process = namespace.start(
                *(sys.executable, "-m", module),
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()

    def _collect(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer = json.loads(line)
            self._answers[answer["id"]].put(answer)
        for waiting in self._answers.values():
            waiting.put({"error": "the process ended"})

    def begin(self, verb: str, **arguments: object) -> int:
        """Starts a verb; `result` waits for it."""
        number = next(self._numbers)
        self._answers[number] = queue.Queue()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, "verb": verb, "with": arguments}) + "\n")
        self._process.stdin.flush()
        return number

    def result(self, number: int, *, timeout_s: float = WAIT_S) -> Any:  # whatever the verb answers
        """The answer to a verb begun. Raises VerbFailed, TimeoutError."""
        try:
            answer = self._answers[number].get(timeout=timeout_s)
        except queue.Empty:
            raise TimeoutError(f"no answer in {timeout_s:g} s") from None
        if "error" in answer:
            raise VerbFailed(answer["error"])
        return answer["result"]

    def call(self, verb: str, *, timeout_s: float = WAIT_S, **arguments: object) -> Any:  # as `result`
        """Begin and wait."""
        return self.result(self.begin(verb, **arguments), timeout_s=timeout_s)

    def leave(self) -> None:
        """Ends the program as a person closes it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=10)
        self._namespace.end(self._process)
        self._reader.join(timeout=5)
