"""What the benchmarks read off the machine, on recorded files and known lists."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from bench.measure import Meter, Window

from bench import measure

STAT = "4711 (a (b) c) S 1 4711 4711 0 -1 4194560 5 0 0 0 37 21 0 0 20 0 3 0 11 12 13"
CPU = "cpu  100 20 30 4000 50 60 70 8 0 0\ncpu0 50 10 15 2000 25 30 35 4 0 0\n"
ROLLUP = (
    "55d0-7ffc ---p 00000000 00:00 0    [rollup]\nRss:   90 kB\nPss:   40 kB\nShared_Clean:  30 kB\n"
    "Private_Clean:   12 kB\nPrivate_Dirty:   48 kB\nPrivate_Hugetlb:    0 kB\n"
)
SOCKSTAT = "sockets: used 300\nTCP: inuse 40 orphan 0 tw 2 alloc 41 mem 7\nUDP: inuse 1 mem 3\n"


@pytest.mark.parametrize(
    ("share", "expected"), [(0.5, 50.0), (0.9, 90.0), (0.99, 99.0), (0.999, 100.0), (1.0, 100.0), (0.001, 1.0)]
)
def test_percentiles_of_one_to_a_hundred(share: float, expected: float) -> None:
    assert measure.percentile([float(n) for n in range(100, 0, -1)], share) == expected


def test_percentiles_of_few_and_of_none() -> None:
    assert measure.percentile([3.0], 0.01) == measure.percentile([3.0], 1) == 3.0
    assert measure.percentile([1.0, 2.0], 0.5) == 1.0
    for values, share in (([], 0.5), ([1.0], 0.0), ([1.0], 1.5)):
        with pytest.raises(ValueError, match="percentile"):
            measure.percentile(values, share)


def test_recorded_files_of_proc() -> None:
    assert measure.parse_schedstat("123456789 4567 89\n") == 123_456_789
    assert measure.parse_stat(STAT) == 58
    assert measure.parse_busy(CPU) == 100 + 20 + 30 + 8, "no interrupts, no idle time, no waiting for disks"
    assert measure.parse_rollup(ROLLUP) == 60
    assert measure.parse_sockstat(SOCKSTAT) == 7 * measure.PAGE_BYTES


@pytest.mark.parametrize("text", ["", "1 2", "a b c", "1 2 3 4"])
def test_a_schedstat_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"fields|invalid literal"):
        measure.parse_schedstat(text)


def test_a_tree_counts_what_its_children_use(tmp_path: Path) -> None:
    child = "import sys\nwhile True: pass"
    parent = (
        f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {child!r}]); print(1, flush=True)\ninput()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as root:
        assert root.stdout is not None
        root.stdout.read(1)
        try:
            assert len(measure.find_tree(root.pid)) == 2
            meter = Meter([root.pid])
            meter.start()
            before = measure.read_cpu([root.pid]).ns
            while (now := measure.read_cpu([root.pid])).ns < before + 20_000_000:
                pass  # the child alone is busy; until it had 20 ms
            window = meter.stop()
            assert window.subject_s >= 0.02
            assert window.coarse == now.coarse
            assert 0 < window.generator_s < window.wall_s * 2, "this process, without those of the subject"
            assert measure.read_memory([root.pid]).uss_kib > 1000
        finally:
            os.killpg(root.pid, 9)
    assert measure.measure_fsync(tmp_path, times=3).fsync_p50_us > 0
    assert list(tmp_path.iterdir()) == []


def window(*, subject: float = 1.8, generator: float = 0.5, others: float = 0.0, coarse: bool = False) -> Window:
    return Window(
        wall_s=2.0, subject_s=subject, engine_s=0.2, generator_s=generator, others_share=others, coarse=coarse
    )


def test_what_a_window_says_of_its_figures() -> None:
    assert window().cpu_us(1000) == pytest.approx(2000.0), "engines count"
    assert window().flags() == []
    assert window(others=0.11, coarse=True).flags() == ["noisy", "coarse_cpu"]
    assert not window().generator_bound
    assert window(generator=1.9).generator_bound, "a generator that had no more to give"
    assert window(subject=1.7).generator_bound, "a server that would have taken more"
    with pytest.raises(ValueError, match="nothing was delivered"):
        window().cpu_us(0)


def test_what_a_child_leaves_behind_is_counted() -> None:
    """In a process of its own, which keeps adopting."""
    busy = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    leave = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {busy!r}])"
    script = (
        "import os, subprocess, sys; from bench.measure import adopt, reap_adopted\n"
        f"adopt(); subprocess.run([sys.executable, '-c', {leave!r}], check=True); reap_adopted(30)\n"
        "print(sum(os.times()[2:4]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) >= 0.3
