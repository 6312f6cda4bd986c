"""What it would take to serve so many people: connections, memory, cores, machines, databases.

Run: `make bench B=capacity`, or .venv/bin/python bench/capacity.py [--users N] [--devices N] [--worked]. Inputs are
those of `capacity.toml`, where the newest result of a benchmark has none better; each is said to be measured, assumed
or quoted. `--worked` leaves the results aside: the worked example of the design. **Beyond one machine this is
extrapolation.** Spare machines of a zone are not counted.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]
# ruff: noqa: E402  # the tree has to be on the path first
from bench import record

ASSUMPTIONS: Final = ROOT / "bench/capacity.toml"
SUBJECTS: Final = ("zajil-lean", "zajil")
"""Whose results count, the first that has one."""
MEMORY_SHARE, CORE_SHARE, SHARD_SHARE, WAL_BYTES = 0.75, 0.5, 0.3, 500
TIB_KIB: Final = 1 << 30
OUTSIDE: Final = ("tls_kib", "tls_us")
"""What costs nothing where TLS ends before the gateways."""

Source = Literal["measured", "assumed", "quoted"]


class Input(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One input. bench, metric: where it is measured; high_metric: the figure of the range's other end."""

    value: float
    source: Source
    why: str
    high: float | None = None
    bench: str = ""
    metric: str = ""
    high_metric: str = ""

    @property
    def range(self) -> tuple[float, float]:
        """Both ends, equal where it is no range."""
        return self.value, self.value if self.high is None else self.high


class Estimate(NamedTuple):
    """What it takes; memory in TiB, bytes a second."""

    connections: float
    memory_tib: float
    memory_boxes: float
    login_cores: float
    relay_cores: float
    store_cores: float
    core_boxes: float
    primaries: float
    wal_bytes_s: float
    linear_cores: float
    embedding_cores: float
    judge_per_s: float


def read_inputs(path: Path = ASSUMPTIONS) -> dict[str, Input]:
    """Every assumption. Raises msgspec.ValidationError."""
    return msgspec.toml.decode(path.read_bytes(), type=dict[str, Input])


def with_results(inputs: Mapping[str, Input], results: Mapping[str, record.Result]) -> dict[str, Input]:
    """The same with what the newest results measured; what none did is called assumed."""
    return {name: _measured(one, results) if one.source == "measured" else one for name, one in inputs.items()}


def _measured(one: Input, results: Mapping[str, record.Result]) -> Input:
    summary = results[one.bench].summary if one.bench in results else {}
    for subject in SUBJECTS:
        found = summary.get(subject, {})
        if one.metric in found:
            high = found[one.high_metric].median if one.high_metric in found else None
            return msgspec.structs.replace(one, value=found[one.metric].median, high=high)
    return msgspec.structs.replace(one, source="assumed")


def estimate(at: Mapping[str, float]) -> Estimate:
    """The sums, with one value for each input."""
    connections = at["users"] * at["online_share"] * at["devices"]
    memory_kib = connections * (at["app_kib"] + at["tls_kib"] + at["kernel_kib"])
    messages = at["users"] * at["sends"] * at["devices"]
    logins = at["users"] * at["logins"] * (at["tls_us"] + at["login_us"]) / 1e6
    relay, store = messages * (at["relay_us"] + at["hop_us"]) / 1e6, messages * at["store_us"] / 1e6
    return Estimate(
        connections=connections,
        memory_tib=memory_kib / TIB_KIB,
        memory_boxes=memory_kib / (MEMORY_SHARE * at["box_gib"] * (1 << 20)),
        login_cores=logins,
        relay_cores=relay,
        store_cores=store,
        core_boxes=(logins + relay + store) / (CORE_SHARE * at["box_cores"]),
        primaries=messages / (SHARD_SHARE * at["lives_per_s"]),
        wal_bytes_s=messages * WAL_BYTES,
        linear_cores=at["posts_peak"] / at["linear_per_s"],
        embedding_cores=at["posts_peak"] * at["embedded_share"] / at["embedded_per_s"],
        judge_per_s=at["posts_per_day"] / 86_400 * at["judged_share"],
    )


def estimate_range(inputs: Mapping[str, Input], *, outside: bool) -> tuple[Estimate, Estimate]:
    """Smallest and largest of each figure. outside: TLS ends before the gateways."""
    ends = []
    for end in (0, 1):
        at = {name: one.range[end] for name, one in inputs.items()}
        ends.append(estimate(at | dict.fromkeys(OUTSIDE, 0.0) if outside else at))
    pairs = [sorted(pair) for pair in zip(*ends, strict=True)]
    return Estimate(*(low for low, _ in pairs)), Estimate(*(high for _, high in pairs))


def find_sensitivity(inputs: Mapping[str, Input]) -> dict[str, tuple[float, float]]:
    """By input: gateways' machines with half of it and with half as much again, TLS in process, ranges at their low."""
    base = {name: one.value for name, one in inputs.items()}

    def boxes(at: Mapping[str, float]) -> float:
        found = estimate(at)
        return max(found.memory_boxes, found.core_boxes)

    return {name: (boxes(base | {name: value / 2}), boxes(base | {name: value * 1.5})) for name, value in base.items()}


def render(inputs: Mapping[str, Input]) -> str:
    """All of it, for people to read."""
    lines = ["input | value | from | what", "---|---|---|---"]
    for name, one in inputs.items():
        low, high = one.range
        lines.append(f"{name} | {_span(low, high)} | {one.source} | {one.why}")
    inside, outside = estimate_range(inputs, outside=False), estimate_range(inputs, outside=True)
    lines += ["", "what it takes | TLS in process | TLS outside", "---|---|---"]
    for name in Estimate._fields:
        cells = [_span(getattr(low, name), getattr(high, name)) for low, high in (inside, outside)]
        lines.append(f"{name} | {' | '.join(cells)}")
    boxes = [math.ceil(max(high.memory_boxes, high.core_boxes)) for _, high in (inside, outside)]
    lines.append(f"gateways, without spares | {boxes[0]} | {boxes[1]} and the tier that ends TLS")
    lines += ["", "gateways' machines, by one input at a half and at one and a half (TLS in process)"]
    for name, (half, more) in find_sensitivity(inputs).items():
        if half != more:
            lines.append(f"{name}: {half:.0f} to {more:.0f}")
    return "\n".join([*lines, "", "Beyond one machine this is extrapolation."])


def _span(low: float, high: float) -> str:
    return _figure(low) if low == high else f"{_figure(low)} to {_figure(high)}"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def main() -> None:
    """Prints inputs, figures and what they hang on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=float)
    parser.add_argument("--devices", type=float)
    parser.add_argument("--worked", action="store_true")
    options = parser.parse_args()
    inputs = with_results(read_inputs(), {} if options.worked else record.find_newest())
    for name in ("users", "devices"):
        if (value := getattr(options, name)) is not None:
            inputs[name] = msgspec.structs.replace(inputs[name], value=value)
    print(render(inputs))


if __name__ == "__main__":
    main()
