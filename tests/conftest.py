"""What every test shares: minutes per marker and part, the slowest ten, second tries and vectors per file after a run,
and no silent skips in CI.

`.ci/run` may take 40 minutes on two cores, and every part of it has its share (PARTS). A test without the marker of a
part is the core's, which is what `make test` runs. Before pytest's closing line stands what each part took: for tests
the minutes of the run that fell to them, besides what `.ci/run` did before and tells in ZAJIL_CI_SECONDS.
"""

from __future__ import annotations

import gc
import os
import signal
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Generator, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Dialect, Engine, create_engine
from tests.browser.told import SECOND_TRY
from tests.gateways import GATEWAY
from tests.migrated import copying
from tests.rewriting import rewrite_once
from tests.turns import Turns, deal, seat

from zajil.engine.sql.database import Database
from zajil.engine.sql.sqlite import database
from zajil.server import inventory, schema
from zajil.server.config import load_settings

if TYPE_CHECKING:
    from tests.postgres import Postgres
    from tests.s3 import S3Server

ROOT = Path(__file__).resolve().parent.parent
MARKERS = (
    *("vectors", "interop", "flows", "kill", "fuzz", "browser", "censor", "slow"),
    *("web", "reach", "moderation", "calls", "scale"),
)
PARTS = {"installs": 4, "core": 8, "web": 8, "reach": 4, "moderation": 5, "calls": 4, "scale": 5}
"""Minutes of `.ci/run`, those of set-up and `make check` as "installs"."""
CI_MINUTES = 40
SLOWEST = 10
STARTED = time.monotonic()
CPU_SEEN = [0.0]
SKIPPED: list[tuple[str, str]] = []
SECONDS: defaultdict[str, float] = defaultdict(float)
PART_SECONDS: defaultdict[str, float] = defaultdict(float)
TESTS: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
"""Seconds by the clock and of the processor, a test; its fixtures with the test that made them."""
VECTOR_CASES: Counter[str] = Counter()
SECOND_TRIES: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--strict-skips", action="store_true", help="fail on a skip that tests/allowed_skips.txt lacks")
    parser.addoption(
        "--engine", choices=("sqlite", "postgres"), default="sqlite", help="what servers keep their data in"
    )
    parser.addoption(
        "--calls-report", metavar="FOLDER", help="write what the calls' laboratory measured into this folder"
    )
    parser.addoption("--gateway", choices=["aiohttp", "picows"], help="the shell of every server that a test starts")


def heed_interrupts() -> None:
    """What a shell runs in the background ignores SIGINT, and so would all that tests start and end by it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    heed_interrupts()
    config.pluginmanager.register(Turns())
    rewrite_once(config)
    if gateway := config.getoption("--gateway"):
        os.environ[GATEWAY] = gateway


@pytest.fixture(scope="session", autouse=True)
def migrated_once() -> Iterator[None]:
    """Migrations run once in this process, see `migrated`."""
    first = sqlite3.connect(":memory:", check_same_thread=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "migrate", copying(schema.migrate, lambda: nullcontext(first)))
        yield
    first.close()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """The PostgreSQL of this run, started for the first test that asks for it."""
    from tests.postgres import Postgres  # not at the top: few runs need its driver

    own = tmp_path_factory.getbasetemp()
    server = Postgres(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own)
    yield server
    server.close()


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 server of this process with an empty bucket, started for the first test that asks for it."""
    from tests.s3 import s3_server  # not at the top: few runs need its client

    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="session", autouse=True)
def engine(request: pytest.FixtureRequest) -> Iterator[None]:
    """`--engine postgres`: each data directory whose settings name no database has one of its own there."""
    if request.config.getoption("--engine") != "postgres":
        yield
        return
    from tests import engines

    engines.use(request.getfixturevalue("postgres"))
    find = schema.find_database

    def find_elsewhere(data: Path, url: str | None = None) -> Database:
        return find(data, url or load_settings(data).database or engines.url_of(data))

    with pytest.MonkeyPatch.context() as patch:
        for module in (schema, inventory):
            patch.setattr(module, "find_database", find_elsewhere)
        patch.setattr(inventory, "has_database", lambda data: engines.has(data) or schema.has_database(data))
        yield


@pytest.fixture(scope="session", autouse=True)
def compiled_once() -> Iterator[None]:
    """A statement is compiled once in this process, not anew in each database that a test opens.

    That was half of what a test with a server of its own cost. Engines that begin alike share a dialect, since what is
    compiled is kept by dialect.
    """
    make = database._make_engine
    dialects: dict[str, Dialect] = {}
    compiled: dict[Any, Any] = {}  # SQLAlchemy's own: compiled statements by a key of its making

    def make_alike(path: Path, *, begin: str, read_only: bool) -> Engine:
        engine = make(path, begin=begin, read_only=read_only)
        if begin not in dialects:
            # Else it would know its SQLite only where the very first engine, whose own it is, connects.
            memory = create_engine("sqlite://")
            with memory.connect() as connection:
                engine.dialect.initialize(connection)
            memory.dispose()
        engine.dialect = dialects.setdefault(begin, engine.dialect)
        engine.update_execution_options(compiled_cache=compiled)
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "_make_engine", make_alike)
        yield


def part_of(markers: Collection[str]) -> str:
    """The part that a test with these markers belongs to."""
    return next((part for part in PARTS if part in markers), "core")


def markers_of(item: pytest.Item) -> list[str]:
    """By their names. The keywords of a report name folders too."""
    return [marker.name for marker in item.iter_markers()]


def is_long(item: pytest.Item) -> bool:
    markers = markers_of(item)
    return part_of(markers) != "core" or "alone" in markers or "beside" in markers


def turn_of(item: pytest.Item) -> tuple[bool, bool, bool, bool]:
    """Long ones first: at the end, one of a minute keeps a worker busy while the other has nothing left to take.

    Before all others those that want to be alone: in the middle of a run they would wait for whatever is in hand, and
    the other workers, with nothing to do, for both.
    """
    markers = markers_of(item)
    return not is_long(item), "alone" not in markers, part_of(markers) != "web", "browser" in markers


# Last: what is left out by its marker must not count in anybody's share.
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--engine") == "postgres":
        left_out = [item for item in items if item.get_closest_marker("sqlite")]
        items[:] = [item for item in items if not item.get_closest_marker("sqlite")]
        config.hook.pytest_deselected(items=left_out)
    items.sort(key=turn_of)
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = [item for item in items if is_long(item)]
    alone, beside, other = list[pytest.Item](), list[pytest.Item](), list[pytest.Item]()
    for item in long:
        markers = markers_of(item)
        (alone if "alone" in markers else beside if "beside" in markers else other).append(item)
    items[:] = deal(seat(alone, beside, other, workers), items[len(long) :], workers)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """What collecting makes, half a million objects, stays to the end: nobody looks through it for garbage."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_finish() -> None:
    CPU_SEEN[0] = spent_cpu_s()


def spent_cpu_s() -> float:
    """Of this process, and of those that it waited for."""
    return sum(os.times()[:4])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    now = spent_cpu_s()
    # In the worker; what a report has beyond its own travels with it.
    vars(report).update(cpu_s=now - CPU_SEEN[0], markers=markers_of(item))
    CPU_SEEN[0] = now
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    cpu_s, markers = vars(report).get("cpu_s", 0.0), vars(report).get("markers", [])
    PART_SECONDS[part_of(markers)] += report.duration
    TESTS[report.nodeid][0] += report.duration
    TESTS[report.nodeid][1] += cpu_s
    for marker in [m for m in MARKERS if m in markers] or ["unmarked"]:
        SECONDS[marker] += report.duration
    if report.when == "call" and report.passed and "vectors" in markers:
        name = report.nodeid.partition("[")[2].rpartition("-v")[0]
        if name:
            VECTOR_CASES[name] += 1
    if report.when == "call":
        SECOND_TRIES.extend(str(line) for name, line in report.user_properties if name == SECOND_TRY)
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        SKIPPED.append((report.nodeid, reason))


def allowed_skips() -> list[str]:
    lines = (ROOT / "tests" / "allowed_skips.txt").read_text(encoding="utf-8").splitlines()
    return [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]


def unexpected_skips() -> list[tuple[str, str]]:
    allowed = allowed_skips()
    return [(node, reason) for node, reason in SKIPPED if not any(node.startswith(prefix) for prefix in allowed)]


def part_minutes(config: pytest.Config) -> dict[str, float]:
    """What each part took of the clock. The core has what is left of this run: collecting, and waiting for the last."""
    workers = getattr(config.option, "numprocesses", None) or 1
    minutes = {part: seconds / workers / 60 for part, seconds in PART_SECONDS.items() if part != "core"}
    minutes["core"] = (time.monotonic() - STARTED) / 60 - sum(minutes.values())
    for part, seconds in (pair.split("=") for pair in os.environ.get("ZAJIL_CI_SECONDS", "").split()):
        minutes[part] = minutes.get(part, 0) + int(seconds) / 60
    return minutes


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if VECTOR_CASES:
        counts = ", ".join(f"{name} {count}" for name, count in sorted(VECTOR_CASES.items()))
        terminalreporter.write_line(f"MLS vectors passed: {counts}; total {VECTOR_CASES.total()}")
    if SECONDS:
        slowest_first = sorted(SECONDS.items(), key=lambda item: -item[1])
        spent = ", ".join(f"{marker} {seconds / 60:.1f}" for marker, seconds in slowest_first)
        terminalreporter.write_line(f"minutes of test time per marker: {spent}")
        minutes = part_minutes(config)
        shares = ", ".join(f"{part} {minutes[part]:.1f} of {PARTS[part]}" for part in PARTS if part in minutes)
        whole = f"together {sum(minutes.values()):.1f} of {CI_MINUTES}"
        terminalreporter.write_line(f"minutes by the clock per part: {shares}; {whole}")
        cpu_minutes = sum(cpu_s for _, cpu_s in TESTS.values()) / 60
        terminalreporter.write_line(f"minutes of the processor in tests, their forks left out: {cpu_minutes:.1f}")
        slowest = sorted(TESTS.items(), key=lambda item: -item[1][0])[:SLOWEST]
        terminalreporter.write_line(f"the slowest {len(slowest)}, seconds by the clock and of the processor:")
        for node, (wall_s, cpu_s) in slowest:
            terminalreporter.write_line(f"{wall_s:7.1f} {cpu_s:6.1f}  {node}")
    if SECOND_TRIES:
        terminalreporter.write_line(f"stories that passed only at the second try: {len(SECOND_TRIES)}")
        for line in SECOND_TRIES:
            terminalreporter.write_line(f"  {line}")
    if config.getoption("--strict-skips"):
        for node, reason in unexpected_skips():
            terminalreporter.write_line(f"unexpected skip: {node}: {reason}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if session.config.getoption("--strict-skips") and unexpected_skips() and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
