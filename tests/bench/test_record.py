"""Files of results, goals compared within rounds, and the table of those that are kept."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from bench.record import Goal, Round, Subject
from bench.rounds import Entry, MissingError, Turn, WrongResultError

from bench import measure, record, rounds, run

GOAL = Goal(id="G1", text="cheap", bench="b", metric="cpu_us", must=0.75, aim=0.5, to=("peer", "peer-tuned"))


def turn(number: int, subject: str, *flags: str, **metrics: float) -> Round:
    return Round(round=number, subject=subject, flags=list(flags), checks={}, metrics=metrics)


def options(**given: object) -> argparse.Namespace:
    return argparse.Namespace(**{"rounds": 2, "only": "", "repeats": 2, "minutes": 0, "keep": False, **given})


def entry(name: str, play: Callable[[], Turn]) -> Entry:
    return Entry(name, lambda: Subject(name=name, version="1"), play)


def test_a_ratio_is_the_median_of_pairs_of_one_round() -> None:
    taken = [
        *(turn(0, "zajil", cpu_us=30.0), turn(0, "peer", cpu_us=60.0), turn(0, "peer-tuned", cpu_us=50.0)),
        *(turn(1, "zajil", cpu_us=80.0), turn(1, "peer", cpu_us=100.0)),
        *(turn(2, "zajil", cpu_us=70.0), turn(2, "peer", cpu_us=100.0)),
    ]
    (found,) = record.compare([GOAL], taken)
    assert (found.of, found.to, found.n, found.met) == ("zajil", "peer", 3, "must")
    assert (found.median, found.min, found.max) == (0.7, 0.6, 0.8), "the peer's best variant of each round"


def test_noisy_rounds_are_in_no_median() -> None:
    taken = [turn(0, "zajil", cpu_us=30.0), turn(0, "peer", cpu_us=60.0), turn(1, "zajil", "noisy", cpu_us=3.0)]
    taken += [turn(1, "peer", cpu_us=60.0), turn(2, "zajil", cpu_us=1.0), turn(2, "peer", "noisy", cpu_us=60.0)]
    assert record.summarise(taken)["zajil"]["cpu_us"].n == 2
    (found,) = record.compare([GOAL], taken)
    assert (found.median, found.n) == (0.5, 1)
    (none,) = record.compare([GOAL], taken[2:4])
    assert (none.met, none.n) == ("unmeasured", 0)


def test_a_rate_that_the_generator_limited_stands_in_no_ratio() -> None:
    goal = msgspec.structs.replace(GOAL, metric="store_per_s", better="higher", must=5, aim=10)
    taken = [turn(0, "zajil", "generator_bound", store_per_s=90.0, cpu_us=1.0), turn(0, "peer", store_per_s=10.0)]
    taken += [turn(0, "peer-tuned", cpu_us=4.0)]
    rate, cpu = record.compare([goal, GOAL], taken)
    assert (rate.met, cpu.met, cpu.median) == ("unmeasured", "aim", 0.25)


@pytest.mark.parametrize(
    ("changes", "ours", "theirs", "reached", "met"),
    [
        ({"to": ()}, 0.4, 9.0, 0.4, "aim"),
        ({"to": (), "to_metric": "other_us"}, 3.0, 9.0, 0.6, "must"),
        ({"inverse": True, "must": 200, "aim": 400}, 40.0, 9000.0, 225.0, "must"),
        ({"better": "higher", "must": 5, "aim": 10}, 40.0, 10.0, 4.0, "no"),
        ({"better": "higher", "inverse": True, "must": 0.5, "aim": 0.1}, 40.0, 8.0, 0.2, "must"),
    ],
)
def test_the_kinds_of_goals(changes: dict[str, object], ours: float, theirs: float, reached: float, met: str) -> None:
    goal = msgspec.convert({**msgspec.structs.asdict(GOAL), **changes}, Goal)
    taken = [turn(0, "zajil", cpu_us=ours, other_us=5.0), turn(0, "peer", cpu_us=theirs)]
    (found,) = record.compare([goal], taken)
    assert (found.median, found.met) == (reached, met)


def test_a_file_is_read_back_whole_and_an_unknown_field_is_refused(tmp_path: Path) -> None:
    subjects = [Subject(name="zajil", version="1", settings="as shipped")]
    made = record.make_result("b", params={"pairs": 2}, subjects=subjects, rounds=[turn(0, "zajil", cpu_us=1.0)])
    path = record.write_result(made, tmp_path)
    assert record.read_result(path) == made
    assert record.find_newest(tmp_path) == {"b": made}
    raw = msgspec.json.decode(path.read_bytes())
    for wrong in ({**raw, "host": "amal"}, {**raw, "schema": 2}, {**raw, "machine": {**raw["machine"], "user": "a"}}):
        path.write_bytes(msgspec.json.encode(wrong))
        with pytest.raises(msgspec.ValidationError):
            record.read_result(path)


def test_the_newest_file_of_each_benchmark_counts(tmp_path: Path) -> None:
    made = record.make_result("b", params={}, subjects=[], rounds=[])
    for at in (86_400, 3 * 86_400, 2 * 86_400):
        record.write_result(msgspec.structs.replace(made, at=at), tmp_path)
    assert record.find_newest(tmp_path)["b"].at == 3 * 86_400


def test_the_table_that_is_kept_is_that_of_the_files_that_are_kept() -> None:
    assert record.TABLE.read_text() == record.render_table(record.read_goals(), record.find_newest())
    assert {goal.id for goal in record.read_goals()} == {
        *(f"G{number}" for number in range(1, 28)),
        "L",
        "C",
        "P2",
        "P4",
    }
    for goal in record.read_goals():
        assert goal.met(goal.aim) == "aim", goal
        assert goal.met(goal.must) in {"aim", "must"}, goal
        assert goal.met(goal.must * (0.99 if goal.higher else 1.01)) == "no", goal


def test_a_goal_that_is_missed_says_by_how_much() -> None:
    taken = [turn(0, "zajil", cpu_us=90.0), turn(0, "peer", cpu_us=60.0)]
    result = record.make_result("b", params={}, subjects=[], rounds=taken)
    result = msgspec.structs.replace(result, ratios=record.compare([GOAL], taken))
    (line,) = record.render_goals([GOAL], {"b": result})[2:]
    assert "no, by a factor of 2.00" in line
    (none,) = record.render_goals([GOAL], {})[2:]
    assert "unmeasured" in none


def test_a_noisy_turn_is_taken_again_at_most_twice_and_then_kept_flagged() -> None:
    loud = measure.Window(wall_s=1, subject_s=1, engine_s=0, generator_s=0.1, others_share=0.3, coarse=False)
    quiet = measure.Window(wall_s=1, subject_s=1, engine_s=0, generator_s=0.1, others_share=0.0, coarse=False)
    windows = iter([loud, quiet, loud, loud, loud])

    def play() -> Turn:
        made = Turn(metrics={"cpu_us": 1.23456789})
        made.take(next(windows))
        return made

    first = rounds.play(entry("zajil", play), 0, repeats=2)
    second = rounds.play(entry("zajil", play), 1, repeats=2)
    assert (first.flags, second.flags, next(windows, None)) == ([], ["noisy"], None)
    assert first.metrics == {"cpu_us": 1.2346}


def test_a_relay_that_loses_one_in_a_thousand_ends_the_run_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    def lossy() -> Turn:
        made = Turn()
        made.expect("received", 999, 1000)
        return made

    with pytest.raises(SystemExit) as end:
        rounds.run("b", [entry("lossy", lossy)], params={}, options=options())
    assert end.value.code == 1
    assert "lossy, round 0: received: 999 instead of 1000" in capsys.readouterr().err
    with pytest.raises(WrongResultError):
        rounds.play(entry("lossy", lossy), 0, repeats=2)


def test_a_peer_that_is_not_here_is_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    def describe() -> Subject:
        raise MissingError("apt-get install ejabberd")

    entries = [Entry("ejabberd", describe, Turn), entry("zajil", lambda: Turn(metrics={"cpu_us": 1.0}))]
    result = rounds.run("b", entries, params={"pairs": 1}, options=options(rounds=3))
    assert [one.subject for one in result.rounds] == ["zajil"] * 3
    assert [one.round for one in result.rounds] == [0, 1, 2]
    assert "apt-get install ejabberd" in capsys.readouterr().out


def test_no_round_begins_that_would_end_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("bench.rounds.time.monotonic", lambda: now)

    def play() -> Turn:
        nonlocal now
        now += 60
        return Turn(metrics={"cpu_us": 1.0}, flags=["noisy"] if now == 60 else [])

    entries = [entry("zajil", play)]
    taken = rounds.run("b", entries, params={}, options=options(rounds=9, minutes=4.5)).rounds
    assert [one.round for one in taken] == [0, 1], "two minutes of the first, one of the second, no time for a third"
    now = 0.0
    assert len(rounds.run("b", entries, params={}, options=options(rounds=9, repeats=0)).rounds) == 9
    now = 0.0
    assert len(rounds.run("b", entries, params={}, options=options(minutes=0.01)).rounds) == 1


def test_time_that_one_benchmark_leaves_is_for_those_behind_it() -> None:
    names = list(run.ALL)
    assert all((run.BENCH / f"{name}.py").exists() for name in names)
    assert {goal.bench for goal in record.read_goals()} - {"web_size"} <= set(names)
    whole = sum(run.ALL.values())
    assert run.find_share(names, 45) == 45 * run.ALL[names[0]] / whole
    assert run.find_share(names[-1:], 7) == 7
    assert run.find_share(names, -1) == 0.01
