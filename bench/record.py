"""What a run leaves behind: one file of schema 1 for each, goals compared within rounds, and the table of the newest.

Run: .venv/bin/python bench/record.py writes `results/TABLE.md` anew from the newest file of each benchmark.
A ratio uses two figures of one round only, and is given as the median of those. Rounds flagged `noisy` are kept in the
file and left out of every median; a rate flagged `generator_bound` is a floor and used in no ratio. Files hold counts
and times, no host name, user name or path.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]
# ruff: noqa: E402  # the tree has to be on the path first
from bench import measure

RESULTS: Final = ROOT / "bench/results"
TABLE: Final = RESULTS / "TABLE.md"
GOALS: Final = ROOT / "bench/goals.toml"
NOISY: Final = "noisy"
GENERATOR_BOUND: Final = "generator_bound"
RATE_SUFFIX: Final = "_per_s"

Met: TypeAlias = Literal["aim", "must", "no", "unmeasured"]
Parameter: TypeAlias = int | float | str


class Machine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where it ran, and what its disk takes to keep a page in this run."""

    cpu: str
    cores: int
    memory_mib: int
    kernel: str
    python: str
    fsync_p50_us: float
    fsync_p99_us: float


class Subject(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One server variant under load. settings: what differs from the others, in words."""

    name: str
    version: str
    settings: str = ""


class Round(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One subject's turn. Names of metrics carry their unit. checks: what had to come out even, and did."""

    round: int
    subject: str
    flags: list[str]
    checks: dict[str, int]
    metrics: dict[str, float]

    def counts(self, metric: str) -> bool:
        """Whether this figure may stand in a ratio."""
        bound = GENERATOR_BOUND in self.flags and metric.endswith(RATE_SUFFIX)
        return NOISY not in self.flags and metric in self.metrics and not bound


class Spread(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What came out of n rounds."""

    median: float
    min: float
    max: float
    n: int


class Ratio(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A goal and what was reached. to: the peer, another metric of the subject itself, or empty for a plain figure."""

    goal: str
    metric: str
    of: str
    to: str
    median: float
    min: float
    max: float
    n: int
    must: float
    aim: float
    met: Met


class Result(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run of one benchmark. at: Unix seconds. dirty: the tree differed from the commit."""

    schema: Literal[1] = 1
    bench: str
    commit: str
    dirty: bool
    at: int
    params: dict[str, Parameter]
    machine: Machine
    subjects: list[Subject]
    rounds: list[Round]
    summary: dict[str, dict[str, Spread]]
    ratios: list[Ratio]


class Goal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line of the acceptance, `goals.toml`.

    to: subjects, of which the best in each round counts; empty where the figure itself is the goal, or where
    `to_metric` names another figure of the same subject. better: which way the metric is good. inverse: the ratio is
    theirs to ours.
    """

    id: str
    text: str
    bench: str
    metric: str
    must: float
    aim: float
    to: tuple[str, ...] = ()
    to_metric: str = ""
    of: tuple[str, ...] = ("zajil", "zajil-lean", "zajil-pg")
    better: Literal["lower", "higher"] = "lower"
    inverse: bool = False

    @property
    def higher(self) -> bool:
        """Whether more is better in what is compared with `must` and `aim`."""
        return (self.better == "higher") != self.inverse

    def met(self, value: float) -> Met:
        """How far this is good enough."""
        if value >= self.aim if self.higher else value <= self.aim:
            return "aim"
        return "must" if (value >= self.must if self.higher else value <= self.must) else "no"


class Goals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`goals.toml`."""

    goal: tuple[Goal, ...]


def read_goals(path: Path = GOALS) -> tuple[Goal, ...]:
    """Every goal, in order. Raises msgspec.ValidationError for one that is not whole."""
    return msgspec.toml.decode(path.read_bytes(), type=Goals).goal


def read_result(path: Path) -> Result:
    """A file of schema 1. Raises msgspec.ValidationError for a field that is unknown, missing or of another type."""
    return msgspec.json.decode(path.read_bytes(), type=Result)


def spread(values: Sequence[float]) -> Spread:
    """Median, smallest and largest of at least one value."""
    return Spread(median=statistics.median(values), min=min(values), max=max(values), n=len(values))


def summarise(rounds: Iterable[Round]) -> dict[str, dict[str, Spread]]:
    """By subject and metric, what its quiet rounds gave."""
    values: dict[str, dict[str, list[float]]] = {}
    for one in rounds:
        of_subject = values.setdefault(one.subject, {})
        if NOISY in one.flags:
            continue
        for metric, value in one.metrics.items():
            of_subject.setdefault(metric, []).append(value)
    return {name: {metric: spread(found) for metric, found in each.items()} for name, each in values.items()}


def compare(goals: Iterable[Goal], rounds: Sequence[Round]) -> list[Ratio]:
    """What these rounds say of the goals of their benchmark, one line for each of our subjects that ran."""
    ran = {one.subject for one in rounds}
    return [_judge(goal, of, _values(goal, of, rounds), rounds) for goal in goals for of in goal.of if of in ran]


def _judge(goal: Goal, of: str, values: Sequence[float], rounds: Sequence[Round]) -> Ratio:
    peers = [name for name in goal.to if any(one.subject == name for one in rounds)]
    to = goal.to_metric if goal.to_metric and not goal.to else (peers or list(goal.to) or [""])[0]
    base = {"goal": goal.id, "metric": goal.metric, "of": of, "to": to, "must": goal.must, "aim": goal.aim}
    if not values:
        return msgspec.convert({**base, "median": 0.0, "min": 0.0, "max": 0.0, "n": 0, "met": "unmeasured"}, Ratio)
    found = spread(values)
    return msgspec.convert({**base, **msgspec.structs.asdict(found), "met": goal.met(found.median)}, Ratio)


def _values(goal: Goal, of: str, rounds: Sequence[Round]) -> list[float]:
    """One for each round in which both figures may be used."""
    values = []
    for number in sorted({one.round for one in rounds}):
        turns = {one.subject: one for one in rounds if one.round == number}
        ours = turns.get(of)
        if ours is None or not ours.counts(goal.metric):
            continue
        if not goal.to and not goal.to_metric:
            values.append(ours.metrics[goal.metric])
            continue
        metric = goal.to_metric or goal.metric
        names = goal.to or (of,)
        theirs = [turns[name].metrics[metric] for name in names if name in turns and turns[name].counts(metric)]
        if theirs:
            best = max(theirs) if goal.better == "higher" else min(theirs)
            pair = (best, ours.metrics[goal.metric]) if goal.inverse else (ours.metrics[goal.metric], best)
            if pair[1] > 0:
                values.append(pair[0] / pair[1])
    return values


def make_result(
    bench: str, *, params: Mapping[str, Parameter], subjects: Sequence[Subject], rounds: Sequence[Round]
) -> Result:
    """The file of a run that ends now, with everything that follows from its rounds."""
    commit, dirty = read_commit()
    return Result(
        bench=bench,
        commit=commit,
        dirty=dirty,
        at=int(time.time()),
        params=dict(params),
        machine=read_machine(),
        subjects=list(subjects),
        rounds=list(rounds),
        summary=summarise(rounds),
        ratios=compare((goal for goal in read_goals() if goal.bench == bench), rounds),
    )


def read_machine() -> Machine:
    """This machine, its disk measured now where temporary files lie."""
    with tempfile.TemporaryDirectory() as folder:
        floor = measure.measure_fsync(Path(folder))
    return Machine(
        cpu=measure.read_cpu_model(),
        cores=os.cpu_count() or 1,
        memory_mib=measure.read_memory_mib(),
        kernel=platform.release(),
        python=platform.python_version(),
        fsync_p50_us=round(floor.fsync_p50_us, 1),
        fsync_p99_us=round(floor.fsync_p99_us, 1),
    )


def read_commit() -> tuple[str, bool]:
    """Short name of the commit, and whether the tree differs from it in anything but results."""
    git = ["git", "-C", str(ROOT)]
    try:
        name = subprocess.run([*git, "rev-parse", "--short=7", "HEAD"], capture_output=True, text=True, check=True)
        changed = [*git, "status", "--porcelain", "--", ".", ":!bench/results"]
        return name.stdout.strip(), bool(subprocess.run(changed, capture_output=True, text=True, check=True).stdout)
    except (OSError, subprocess.CalledProcessError):
        return "unknown", True


def write_result(result: Result, folder: Path = RESULTS) -> Path:
    """Keep a run as `<bench>/<YYYYMMDD>-<commit>.json`; a later run of the same day and commit takes its place."""
    path = folder / result.bench / f"{time.strftime('%Y%m%d', time.gmtime(result.at))}-{result.commit}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
    return path


def find_newest(folder: Path = RESULTS) -> dict[str, Result]:
    """The newest file of each benchmark, by its time."""
    newest: dict[str, Result] = {}
    for path in sorted(folder.glob("*/*.json")):
        result = read_result(path)
        if result.bench not in newest or newest[result.bench].at <= result.at:
            newest[result.bench] = result
    return newest


def render_figures(result: Result) -> list[str]:
    """Lines of a table: a row for each subject, a column for each metric, medians of quiet rounds."""
    names = list(result.summary)
    metrics = list(dict.fromkeys(metric for one in result.rounds for metric in one.metrics))
    rows = [["", *metrics, "rounds", "flags"]]
    for name in names:
        turns = [one for one in result.rounds if one.subject == name]
        found = result.summary[name]
        quiet = max((each.n for each in found.values()), default=0)
        flags = sorted({flag for one in turns for flag in one.flags})
        figures = [_figure(found[metric].median) if metric in found else "" for metric in metrics]
        rows.append([name, *figures, f"{quiet} of {len(turns)} quiet", ", ".join(flags)])
    return _table(rows)


def render_goals(goals: Sequence[Goal], results: Mapping[str, Result]) -> list[str]:
    """Lines of a table: every goal and what each of our subjects reached, `unmeasured` where no run says."""
    rows = [["", "goal", "must", "aim", "of", "reached", "min to max", "n", "met"]]
    for goal in goals:
        sign = "at least " if goal.higher else "at most "
        base = [goal.id, goal.text, sign + _figure(goal.must), sign + _figure(goal.aim)]
        result = results.get(goal.bench)
        found = [
            each
            for each in (result.ratios if result else ())
            if (each.goal, each.metric) == (goal.id, goal.metric)
            and (not goal.to or each.to in goal.to)
            and (goal.to or each.to == goal.to_metric)
        ]
        for each in found:
            if each.met == "unmeasured":
                rows.append([*base, each.of, "", "", "0", each.met])
            else:
                span = f"{_figure(each.min)} to {_figure(each.max)}"
                rows.append([*base, each.of, _figure(each.median), span, str(each.n), _by_how_much(goal, each)])
        if not found:
            rows.append([*base, "", "", "", "0", "unmeasured"])
    return _table(rows)


def render_table(goals: Sequence[Goal], results: Mapping[str, Result]) -> str:
    """`TABLE.md`."""
    lines = [
        "# What the benchmarks measured",
        "",
        "Written by `python bench/record.py` from the newest file of each benchmark in this folder. Figures are of one",
        "machine in one run: ratios to peers of the same round are what counts. Noisy rounds (others used over a tenth",
        "of the machine) are in the files and in no median; a goal whose rounds were all noisy is unmeasured.",
        "",
        "## Goals",
        "",
        *render_goals(goals, results),
    ]
    for name in sorted(results):
        result = results[name]
        day = time.strftime("%Y-%m-%d", time.gmtime(result.at))
        machine = result.machine
        settings = ", ".join(f"{key} {value}" for key, value in result.params.items())
        lines += [
            "",
            f"## {name}",
            "",
            f"{day}, commit {result.commit}{' with changes' if result.dirty else ''}; {machine.cores} cores "
            f"({machine.cpu}), {machine.memory_mib} MiB, Linux {machine.kernel}, Python {machine.python}; fsync p50 "
            f"{machine.fsync_p50_us:g} us, p99 {machine.fsync_p99_us:g} us. {settings}.",
            "",
            *render_figures(result),
            "",
            *[
                f"- `{each.name}`: {each.version}{'; ' * bool(each.settings)}{each.settings}"
                for each in result.subjects
            ],
        ]
    return "\n".join(lines) + "\n"


def _by_how_much(goal: Goal, found: Ratio) -> str:
    """How far it is from what had to be."""
    if found.met != "no":
        return found.met
    factor = goal.must / found.median if goal.higher else found.median / goal.must
    return f"no, by a factor of {factor:.2f}"


def _figure(value: float) -> str:
    """Three figures that count, and no more."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    head, *body = rows
    return ["| " + " | ".join(head) + " |", "|---" * len(head) + "|", *("| " + " | ".join(row) + " |" for row in body)]


def write_table() -> None:
    """Make `results/TABLE.md` anew."""
    TABLE.write_text(render_table(read_goals(), find_newest()), encoding="utf-8")


if __name__ == "__main__":
    write_table()
