"""Processes that read: what comes over their socket is what a thread reads, and none of their ends costs a post."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.moderation.pipeline.odd_reader import BROKEN_VARIABLE, DROPS, ENDS, RAISES, SPINS, read
from tests.moderation.pipeline.square import BENIGN, FRAUD, Square
from tests.moderation.processes.ordeal import PATIENCE_S, children_of, is_running, until

from zajil.moderation.pipeline import readers
from zajil.moderation.pipeline import worker as worker_module
from zajil.moderation.pipeline.benches import packaged_policy
from zajil.moderation.pipeline.reader import SIZE_BYTES, Asked, Refused, answer, parse_told
from zajil.moderation.pipeline.readers import NoReaderError, ProcessReaders, UnreadableError
from zajil.moderation.pipeline.reading import find_levels, read_texts

ROOT = Path(__file__).resolve().parents[3]
ODD = "tests.moderation.pipeline.odd_reader"
TEXTS = [
    BENIGN,
    FRAUD,
    "",
    "hi",
    "السوق بجانب الجسر القديم يفتح يوم الجمعة، والموسيقى للأطفال",
    "r3ad th1s: https://Example.com/A?b=1 or someone@example.org, +49 30 1234567, bc1qar0srrr7xfkvy5l643lydnw9re59gtzz",
    "privet, kak dela? zavtra na rynke budet muzyka dlya vsekh detej nashego goroda",
    "w w w . s p e l l e d . e x a m p l e",
    "\U0001f600\u202eeverything \x00 odd\ufeff",
]

pytestmark = pytest.mark.slow


@pytest.fixture
async def odd(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ProcessReaders]:
    """One process that does what its texts say."""
    monkeypatch.setattr(readers, "MODULE", ODD)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    made, before = ProcessReaders(1), children_of(os.getpid())
    await made.start()
    yield made
    await made.stop()
    assert not children_of(os.getpid()) - before


async def pid_of(some: ProcessReaders) -> int:
    """The process that reads now."""
    (found,) = await some.read([BENIGN], {})
    return int.from_bytes(found.digests["base"], "big")


async def test_a_process_reads_what_a_thread_reads() -> None:
    levels = find_levels(packaged_policy())
    two = ProcessReaders(2)
    await two.start()
    try:
        assert await two.read(TEXTS, levels) == read_texts(TEXTS, levels)
        alone = await asyncio.gather(*[two.read([text], levels) for text in TEXTS])
        assert alone == [read_texts([text], levels) for text in TEXTS]
    finally:
        await two.stop()


async def test_batches_that_come_together_wait_for_one_another(odd: ProcessReaders) -> None:
    large = [f"{BENIGN} {number}" for number in range(20_000)]  # beyond what a socket holds
    found = await asyncio.gather(*[odd.read(some, {}) for some in (large, [FRAUD], large, [BENIGN])])
    assert [[each.packed for each in some] for some in found] == [large, [FRAUD], large, [BENIGN]]
    assert len({each.digests["base"] for some in found for each in some}) == 1


async def test_a_process_that_ended_between_two_batches_costs_nothing(odd: ProcessReaders) -> None:
    before = await pid_of(odd)
    os.kill(before, signal.SIGKILL)
    await until(lambda: not odd._idle[0].is_there)
    assert await pid_of(odd) != before


@pytest.mark.parametrize(
    ("text", "said"),
    [(ENDS, "ended"), (SPINS, "did not answer"), (RAISES, "ValueError at "), (DROPS, "for other texts")],
)
async def test_a_batch_that_cannot_be_read_is_said_to_be_and_the_next_one_is_read(
    odd: ProcessReaders, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    before = await pid_of(odd)
    with monkeypatch.context() as patch:
        patch.setattr(readers, "READ_S", 0.5)
        with pytest.raises(UnreadableError, match=said):
            await odd.read([BENIGN, text], {})
    assert (await pid_of(odd) == before) == (text == RAISES)
    assert is_running(before) == (text == RAISES)


async def test_a_batch_that_nobody_waits_for_any_more_answers_no_other(odd: ProcessReaders) -> None:
    before = await pid_of(odd)
    reading = asyncio.create_task(odd.read([SPINS], {}))
    await asyncio.sleep(0.05)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    assert not is_running(before)
    (found,) = await odd.read([FRAUD], {})
    assert found.packed == FRAUD


async def test_no_process_is_no_fault_of_a_post(odd: ProcessReaders, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnreadableError):
        await odd.read([ENDS], {})
    with monkeypatch.context() as patch:
        patch.setenv(BROKEN_VARIABLE, "1")
        with pytest.raises(NoReaderError):
            await odd.read([BENIGN], {})
        with pytest.raises(NoReaderError):
            await ProcessReaders(1).start()
        patch.setattr(sys, "executable", "/nowhere/python")
        with pytest.raises(NoReaderError):
            await odd.read([BENIGN], {})
    assert await pid_of(odd)


async def test_posts_wait_while_there_is_no_process_to_read_them(
    odd: ProcessReaders, square: Square, monkeypatch: pytest.MonkeyPatch
) -> None:
    await square.worker.readers.stop()
    square.worker.readers = odd
    (post,) = await square.crowd([BENIGN], trust=2)
    with pytest.raises(UnreadableError):
        await odd.read([ENDS], {})
    with monkeypatch.context() as patch:
        patch.setenv(BROKEN_VARIABLE, "1")
        for _ in range(worker_module.ATTEMPTS_MAX + 1):
            with pytest.raises(NoReaderError):
                await square.worker.work_once()
            await square.worker._put_back()
    assert square.rows("SELECT attempts FROM pub_outbox") == [(0,)]
    assert square.state(post) == "pending"
    await square.work()
    assert square.state(post) == "visible"


async def test_a_post_that_takes_the_reading_process_with_it_is_judged_by_people_and_the_others_as_ever(
    odd: ProcessReaders, square: Square, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "ALONE_AFTER", 1)
    await square.worker.readers.stop()
    square.worker.readers = odd
    good = await square.crowd([f"{BENIGN} number {number}" for number in range(2)])
    bad = await square.crowd([ENDS], trust=0)
    more = await square.crowd([f"{BENIGN} again {number}" for number in range(2)])
    await square.work()
    assert {square.state(post) for post in [*good, *more]} == {"visible"}
    assert {square.state(post) for post in bad} == {"held"}
    assert square.rows("SELECT queue, state FROM mod_item WHERE queue = 'error'") == [("error", "open")]


@pytest.mark.kill
async def test_a_process_that_a_text_keeps_busy_ends_with_its_worker(tmp_path: Path) -> None:
    """It sees no end of its socket: no thread of it runs."""
    script = f"""
import asyncio, os
from tests.moderation.pipeline.odd_reader import SPINS
from zajil.moderation.pipeline import readers

async def main():
    readers.MODULE = {ODD!r}
    some = readers.ProcessReaders(1)
    await some.start()
    asyncio.get_running_loop().call_later(0.2, os.write, 1, b"asked\\n")
    await some.read([SPINS], {{}})

asyncio.run(main())
"""
    (tmp_path / "worker.py").write_text(script)
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, str(tmp_path / "worker.py")),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert worker.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        assert await worker.stdout.readline()
    (busy,) = children_of(worker.pid)
    worker.kill()
    await worker.wait()
    await until(lambda: not is_running(busy))


def test_what_a_process_says_of_a_text_that_cannot_be_read_holds_nothing_of_it() -> None:
    told = parse_told(answer(Asked((RAISES,), {}), read)[SIZE_BYTES:])
    assert isinstance(told, Refused)
    assert "ValueError" in told.why
    assert RAISES not in told.why
