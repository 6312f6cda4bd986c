"""What a run reads off the machine: CPU of a process tree, memory, percentiles, noise, and the floors of the disk.

CPU time is what the scheduler says a thread was on a processor (`/proc/PID/task/*/schedstat`, nanoseconds), not the
wall clock: with two cores and a generator beside the server, the wall says little. Where the kernel keeps no such
figures, ticks of `/proc/PID/stat` stand in and the row is flagged `coarse_cpu`. A thread or child that ends between two
readings takes its time with it, so subjects keep fixed pools.
Source: Linux `Documentation/scheduler/sched-stats.rst`, `Documentation/filesystems/proc.rst`.
"""

from __future__ import annotations

import ctypes
import math
import os
import platform
import resource
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

PROC: Final = Path("/proc")
TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
NOISE_SHARE: Final = 0.10
"""Share of the machine that others may use before a window counts as noisy."""
FILES_WANTED: Final = 65_536


class Cpu(NamedTuple):
    """Time on a processor, of a process tree. coarse: told in ticks of 10 ms, since the kernel has no better."""

    ns: int
    coarse: bool


class Memory(NamedTuple):
    """KiB of all processes of a tree. uss: what no other process shares. peak: most resident memory so far."""

    uss_kib: int
    peak_kib: int


def parse_schedstat(text: str) -> int:
    """Nanoseconds on a processor, the first of the three fields. Raises ValueError."""
    fields = text.split()
    if len(fields) != 3:
        raise ValueError("schedstat has three fields")
    return int(fields[0])


def parse_stat(text: str) -> int:
    """Ticks on a processor, utime and stime, of a process or thread. Its name may hold spaces and brackets."""
    fields = text.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def parse_busy(text: str) -> int:
    """Ticks that all processors of the machine were used or taken away, from the first line of `/proc/stat`.

    Interrupts are left out: on loopback they are work for subject and generator that no process is charged with.
    Counted are user, nice, system and steal, which is what another machine on the same host took.
    """
    name, *fields = text.splitlines()[0].split()
    if name != "cpu" or len(fields) < 8:
        raise ValueError("no line `cpu` with eight fields")
    user, nice, system, _, _, _, _, steal = (int(field) for field in fields[:8])
    return user + nice + system + steal


def parse_rollup(text: str) -> int:
    """KiB of `smaps_rollup` that belong to this process alone."""
    names = {"Private_Clean:", "Private_Dirty:", "Private_Hugetlb:"}
    rows = (line.split() for line in text.splitlines())
    return sum(int(row[1]) for row in rows if row and row[0] in names)


def parse_sockstat(text: str) -> int:
    """Bytes of the kernel's memory for TCP, of this network namespace's machine."""
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        if name == "TCP":
            fields = rest.split()
            return int(fields[fields.index("mem") + 1]) * PAGE_BYTES
    raise ValueError("no line `TCP`")


def find_tree(root: int) -> list[int]:
    """This process and all its descendants that live, parents first."""
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        for task in (PROC / str(pid) / "task").glob("*/children"):
            try:
                waiting += [int(child) for child in task.read_text(encoding="ascii").split()]
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def read_cpu(roots: Iterable[int]) -> Cpu:
    """Time on a processor so far, of these processes and what they started."""
    return _read_all({each for root in roots for each in find_tree(root)})


def _read_all(pids: Iterable[int]) -> Cpu:
    """Time of these processes alone."""
    total, coarse = 0, False
    for pid in pids:
        for task in (PROC / str(pid) / "task").glob("*"):
            try:
                total += parse_schedstat((task / "schedstat").read_text(encoding="ascii"))
            except FileNotFoundError:
                if not task.exists():
                    continue
                coarse = True
                total += parse_stat((task / "stat").read_text(encoding="utf-8")) * 1_000_000_000 // TICKS_PER_S
            except ProcessLookupError:
                continue
    return Cpu(total, coarse)


def read_memory(roots: Iterable[int]) -> Memory:
    """Memory of these processes and what they started. Reading it costs the process time: not inside a window."""
    uss = peak = 0
    for pid in {each for root in roots for each in find_tree(root)}:
        try:
            uss += parse_rollup((PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii"))
            status = (PROC / str(pid) / "status").read_text(encoding="utf-8").splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        peak += next((int(line.split()[1]) for line in status if line.startswith("VmHWM:")), 0)
    return Memory(uss, peak)


def read_kernel_bytes() -> int:
    """Memory of the kernel for TCP. Both ends of a connection on loopback are in it: halve it for one."""
    return parse_sockstat((PROC / "net/sockstat").read_text(encoding="ascii"))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all do not exceed (nearest rank). Raises ValueError for none.

    share: above 0, at most 1.
    """
    if not values or not 0 < share <= 1:
        raise ValueError("percentile of nothing, or of a share that is none")
    ordered = sorted(values)
    # A share such as 0.99 is no binary fraction: without this 0.99 of 100 values would be the hundredth.
    return ordered[max(0, math.ceil(round(share * len(ordered), 9)) - 1)]


@dataclass(frozen=True)
class Window:
    """What a stretch of time cost. Seconds; cpu and engine of the subject, generator of the load."""

    wall_s: float
    subject_s: float
    engine_s: float
    generator_s: float
    others_share: float
    coarse: bool

    @property
    def noisy(self) -> bool:
        """Others used so much of the machine that the figures may not be trusted."""
        return self.others_share > NOISE_SHARE

    @property
    def subject_cores(self) -> float:
        """Cores that the subject kept busy."""
        return self.subject_s / self.wall_s

    @property
    def generator_cores(self) -> float:
        """Cores that the load kept busy."""
        return self.generator_s / self.wall_s

    @property
    def generator_bound(self) -> bool:
        """Whether more load would have given more messages: the rate is then a floor and no finding."""
        return self.generator_cores >= 0.9 or self.subject_cores < 0.9

    def cpu_us(self, count: int) -> float:
        """Microseconds of the subject and its engines for each of `count`. Raises ValueError for none."""
        if count <= 0:
            raise ValueError("nothing was delivered")
        return (self.subject_s + self.engine_s) * 1e6 / count

    def flags(self) -> list[str]:
        """What a reader must know of the figures, whether saturated or not."""
        return [name for name, holds in (("noisy", self.noisy), ("coarse_cpu", self.coarse)) if holds]


class Meter:
    """Reads the counters at the start and at the end of a window.

    subject, engines: process ids, each with all it started. An engine is a database or bus apart from the server.
    generator: the processes that make the load, this one if not said.
    """

    def __init__(self, subject: Iterable[int], *, engines: Iterable[int] = (), generator: Iterable[int] = ()) -> None:
        self._roots = (tuple(subject), tuple(engines), tuple(generator) or (os.getpid(),))
        self._began: tuple[float, int, list[int], int] | None = None

    def start(self) -> None:
        """The window begins."""
        self._began = self._read()

    def stop(self) -> Window:
        """The window ends. Raises RuntimeError without `start`."""
        if self._began is None:
            raise RuntimeError("the window has not begun")
        began, self._began = self._began, None
        ended = self._read()
        wall = ended[0] - began[0]
        spent = [(after - before) / 1e9 for before, after in zip(began[2], ended[2], strict=True)]
        busy = (ended[1] - began[1]) / TICKS_PER_S
        cores = os.cpu_count() or 1
        return Window(
            wall_s=wall,
            subject_s=spent[0],
            engine_s=spent[1],
            generator_s=spent[2],
            others_share=max(0.0, busy - sum(spent)) / (cores * wall),
            coarse=bool(ended[3]),
        )

    def _read(self) -> tuple[float, int, list[int], int]:
        """Wall, busy ticks, nanoseconds of the three parties, whether any is coarse."""
        # What the subject started may be the generator's child too (this process started it): charged once.
        own = [_tree_without(roots, self._roots[:2] if at == 2 else ()) for at, roots in enumerate(self._roots)]
        spent = [_read_all(pids) for pids in own]
        busy = parse_busy((PROC / "stat").read_text(encoding="ascii"))
        return time.perf_counter(), busy, [each.ns for each in spent], any(each.coarse for each in spent)


@dataclass(frozen=True)
class Stretch:
    """A time in which subjects start and end: all that this process and its children take is theirs."""

    wall_s: float
    busy_ticks: int
    own_s: float

    @classmethod
    def begin(cls) -> Stretch:
        """It begins now."""
        busy = parse_busy((PROC / "stat").read_text(encoding="ascii"))
        return cls(time.perf_counter(), busy, sum(os.times()[:4]))

    def others_share(self) -> float:
        """Share of the machine that others used since then. Children count once they have ended."""
        now = Stretch.begin()
        others_s = (now.busy_ticks - self.busy_ticks) / TICKS_PER_S - (now.own_s - self.own_s)
        return max(0.0, others_s) / ((os.cpu_count() or 1) * (now.wall_s - self.wall_s))


_PR_SET_CHILD_SUBREAPER: Final = 36


def adopt() -> None:
    """Have what the children of this process leave behind become its children, see prctl(2).

    A browser that is ended leaves its renderers to init, and nobody counts what they took.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap_adopted(timeout_s: float = 5.0) -> None:
    """Wait for those that were left behind and are ending, at most this long."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.05)
        except ChildProcessError:
            return


def _tree_without(roots: Iterable[int], others: Iterable[Iterable[int]]) -> set[int]:
    """Processes below `roots` that are not below any of the others."""
    foreign = {pid for each in others for root in each for pid in find_tree(root)}
    return {pid for root in roots for pid in find_tree(root)} - foreign


class Floor(NamedTuple):
    """Microseconds that the disk takes to keep a page for good."""

    fsync_p50_us: float
    fsync_p99_us: float


def measure_fsync(folder: Path, *, times: int = 200) -> Floor:
    """What writing 4,096 bytes and asking for them to be kept takes, in a file of this folder that is deleted after."""
    path, took = folder / "fsync", []
    page = b"z" * 4096
    with path.open("wb", buffering=0) as file:
        for _ in range(times):
            began = time.perf_counter_ns()
            file.write(page)
            os.fdatasync(file.fileno())
            took.append((time.perf_counter_ns() - began) / 1000)
    path.unlink()
    return Floor(percentile(took, 0.5), percentile(took, 0.99))


def raise_files() -> int:
    """Lets this process, and what it starts, open as many files as it may; how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_WANTED if hard == resource.RLIM_INFINITY else min(FILES_WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return FILES_WANTED if soft == resource.RLIM_INFINITY else soft


def read_cpu_model() -> str:
    """Name of the processor, without anything that names the machine."""
    try:
        lines = (PROC / "cpuinfo").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def read_memory_mib() -> int:
    """Memory of the machine."""
    return os.sysconf("SC_PHYS_PAGES") * PAGE_BYTES >> 20
