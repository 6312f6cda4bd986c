"""What a run of the routes measured, as JSON for machines and Markdown for the docs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from tests.censor.lab.report import collect_versions

RESULTS: Final = Path(__file__).parent.parent / "results"
SETUP_MAX_S: Final = {"direct": 2.0, "relay-udp": 2.0, "relay-tcp": 3.5, "relay-tls": 3.5, "server": 5.0}
RECOVER_MAX_S: Final = {"direct": 2.0, "relay-udp": 2.0, "relay-tcp": 2.0, "relay-tls": 2.0, "server": 3.5}
"""What issue 6 asks for, by the rung that carries afterwards; a miss is shown, never failed."""
MOS_MIN: Final = 3.0
_MISS: Final = " ⚠"
_HEAD_LINES: Final = 2


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One scenario. Times in seconds; absent where it was not measured.

    rung: as the ends show it in the end, several divided by `or`. calls: how many were made. setup_p95_s: from the
    press that answers to sound that both hear, of the slower end; with fewer than 20 calls the worst of them.
    recover_s: from the block to sound that both hear again, the worst of all calls. sealed, opened, plaintext_frames:
    of both ends, compared by the laboratory, not by the product.
    Where packets get lost, at the worse end: loss_pct: of those that reach each host. line_ms: of each line, each way.
    held: the way was the same all the time. delay_ms, mos: of the E-model.
    """

    rung: str
    scenario: str
    about: str
    connected: bool
    calls: int | None = None
    setup_p95_s: float | None = None
    setup_median_s: float | None = None
    recover_s: float | None = None
    recover_median_s: float | None = None
    sealed: int | None = None
    opened: int | None = None
    plaintext_frames: int | None = None
    loss_pct: int | None = None
    line_ms: int | None = None
    held: bool | None = None
    concealed_pct: float | None = None
    delay_ms: float | None = None
    mos: float | None = None


class Report(msgspec.Struct, kw_only=True):
    """Everything of one run. notes: where rows are not all of one."""

    versions: dict[str, str] = {}
    skips: list[str] = []
    notes: list[str] = []
    rungs: list[Row] = []

    def write(self, folder: Path, *, name: str) -> None:
        """`NAME.json` and `NAME.md`; `latest` for a whole run, in which all passed."""
        folder.mkdir(parents=True, exist_ok=True)
        text = msgspec.json.format(msgspec.json.encode(self), indent=1).decode() + "\n"
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
        (folder / f"{name}.md").write_text(self.render(), encoding="utf-8")

    def render(self) -> str:
        """The tables as Markdown."""
        parts = [part for part in (self._routes(), self._sound()) if len(part) > _HEAD_LINES]
        machine = ", ".join(f"{name} {version}" for name, version in sorted(self.versions.items()))
        told = [f"Measured by `make calls` on {machine}."]
        if self.skips:
            told.append("Not measured: " + "; ".join(self.skips) + ".")
        if self.notes:
            told.append("Note: " + "; ".join(self.notes) + ".")
        return "\n".join("\n".join([*part, ""]) for part in [*parts, told])

    def _routes(self) -> list[str]:
        head = (
            "| What is blocked | Way found | Set-up (s) | Silence when it begins in mid-call (s)"
            " | Frames sealed, opened, in clear |"
        )
        rows = [head, "|---|---|---|---|---|"]
        for row in self.rungs:
            if row.sealed is None:
                continue
            counts = f"{row.sealed:,}, {row.opened:,}, {row.plaintext_frames}"
            way = row.rung if row.connected else "none"
            setup = of_many(row.setup_median_s, row.setup_p95_s, goal(SETUP_MAX_S, row.rung), row.calls)
            recover = of_many(row.recover_median_s, row.recover_s, goal(RECOVER_MAX_S, row.rung), row.calls)
            if row.recover_s is not None:
                # Of a call in which something began, the set-up is that of another row.
                setup = "-"
            rows.append(f"| {row.about} | {way} | {setup} | {recover} | {counts} |")
        return rows

    def _sound(self) -> list[str]:
        rows = [
            "| Way | Loss | Concealed | Delay, mouth to ear | Estimated MOS |",
            "|---|---|---|---|---|",
        ]
        for row in self.rungs:
            if row.mos is None:
                continue
            mos = f"{row.mos:.1f}" + (_MISS if row.mos < MOS_MIN else "")
            way = row.rung if row.held else f"{row.rung}, another before"
            rows.append(f"| {way} | {row.loss_pct} % | {row.concealed_pct:.1f} % | {row.delay_ms:.0f} ms | {mos} |")
        return rows

    def misses(self) -> list[str]:
        """Figures beyond the issue's goals."""
        found = []
        for row in self.rungs:
            setup_s = row.setup_p95_s if row.recover_s is None else None
            for name, value, most in (
                ("set-up", setup_s, goal(SETUP_MAX_S, row.rung)),
                ("recovery", row.recover_s, goal(RECOVER_MAX_S, row.rung)),
            ):
                if value is not None and most is not None and value > most:
                    found.append(f"{row.scenario}: {name} {value:.2f} s, goal {most:g} s")
            if row.mos is not None and row.mos < MOS_MIN:
                found.append(f"{row.scenario}: {row.rung}, MOS {row.mos:.2f}")
        return found


def goal(goals: Mapping[str, float], rungs: str) -> float | None:
    """Of several rungs that were found, the one that may take the longest."""
    return max((goals[one] for one in rungs.split(" or ") if one in goals), default=None)


def of_many(median: float | None, worst: float | None, most: float | None, calls: int | None) -> str:
    """A time for a table; marked where it is beyond the goal."""
    if median is None or worst is None:
        return "-"
    miss = _MISS if most is not None and worst > most else ""
    return f"{median:.1f}{miss}" if calls == 1 else f"{median:.1f}, worst {worst:.1f}{miss} of {calls}"


def versions() -> dict[str, str]:
    """Of the machine, and of the programs in use."""
    named = ("python", "kernel", "chromium")
    return {name: version for name, version in collect_versions().items() if name in named}
