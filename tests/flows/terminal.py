"""One person's terminal: commands run in this process against a home, with what they printed and their exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.flows.server import ServerProcess

from zajil.cli.main import run_command


class Terminal:
    """A home, and the last command's exit code and complaints."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self.capsys = capsys
        self.code = 0
        self.err = ""

    def run(self, *arguments: str) -> str:
        """What the command printed on stdout."""
        self.code = run_command(["--home", str(self.home), *arguments])
        output = self.capsys.readouterr()
        self.err = output.err
        return output.out

    def ok(self, *arguments: str) -> str:
        out = self.run(*arguments)
        assert self.code == 0, self.err
        return out

    def json(self, *arguments: str) -> Any:  # whatever the document holds; the test looks into it
        return json.loads(self.ok(*arguments, "--json"))

    def failed_json(self, *arguments: str) -> Any:  # as above
        out = self.run(*arguments, "--json")
        assert self.code == 1, self.err
        return json.loads(out)

    def refused(self, code: str, *arguments: str) -> None:
        out = self.run(*arguments)
        assert (self.code, out) == (3 if code == "unreachable" else 1, ""), self.err
        assert self.err.startswith(f"error: {code}: ")
        assert "Traceback" not in self.err

    def refused_usage(self, code: str, *arguments: str) -> None:
        out = self.run(*arguments)
        assert (self.code, out) == (2, ""), self.err
        assert self.err.startswith(f"error: {code}: ")

    def refused_any(self, *arguments: str) -> None:
        self.run(*arguments)
        assert self.code == 1
        assert self.err.startswith("error: ")

    def register(self, server: ServerProcess, name: str) -> None:
        self.ok("register", "--server", server.url, "--name", name, "--invite", server.invite())
