"""`python -m tests.censor.lab.page` prints `docs/operate/laboratory.md` from the last whole run."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
from tests.censor.lab.report import Report

RESULTS = Path(__file__).parent.parent / "results" / "latest.json"

_HEAD = (
    "# What the censor laboratory measured\n"
    "For whoever asks what Zajil withstands. `make censor`, as root on Linux, builds a small internet of network "
    "namespaces on one machine, with real servers, bridges, fronts and proxies in it, puts a censor on the line, and "
    "writes `tests/censor/results/latest.json`, from which `python -m tests.censor.lab.page` prints this page. Each "
    "censor imitates behaviour that was published about real ones; **passing here proves nothing about a country**, "
    "and we claim nothing of any. What cannot be beaten, and what to do then: "
    "[when the network is against you](reaching.md).\n\n## Scenarios\n"
)
_TABLES = (
    "\n## Figures\n"
    "*First message, cold*: from opening a fresh client to the server holding its first message. *Remembered*: the "
    "same on a network it knows. *Silence*: the longest that either direction stood still after the censor was "
    "switched on in mid-session.\n\n"
)


def render_page(report: Report) -> str:
    """The page as Markdown."""
    scenarios = "".join(f"- **{row.scenario}**: {row.about}\n" for row in report.dialer)
    return _HEAD + scenarios + _TABLES + report.render()


if __name__ == "__main__":
    sys.stdout.write(render_page(msgspec.json.decode(RESULTS.read_bytes(), type=Report)))
