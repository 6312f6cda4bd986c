"""The end of a call's background work: steps are given up, closings are waited for, and a dead machine is not."""

from __future__ import annotations

import asyncio

import pytest
from tests.client.calls.pair import until

from zajil.client.calls.media import steps as st


async def test_steps_are_given_up_and_closings_seen_to_the_end() -> None:
    steps, told, goes = st.Steps(), list[str](), asyncio.Event()

    async def step() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            told.append("given up")

    async def closing() -> None:
        await goes.wait()
        told.append("closed")

    steps.spawn(step())
    steps.spawn_closing(closing())
    ending = asyncio.create_task(steps.end())
    await until(lambda: told == ["given up"])
    assert not ending.done()
    goes.set()
    await ending
    assert told == ["given up", "closed"]
    assert steps.is_idle


async def test_a_machine_that_does_not_answer_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "CLOSING_S", 0.01)
    steps, answers = st.Steps(), asyncio.Event()

    async def closing() -> None:
        await answers.wait()

    steps.spawn_closing(closing())
    await steps.end()
    assert not steps.is_idle
    answers.set()
    await steps.end()
    assert steps.is_idle


async def test_a_step_that_fails_is_logged_by_its_kind_alone(caplog: pytest.LogCaptureFixture) -> None:
    steps = st.Steps()

    async def fails() -> None:
        raise ValueError("an address")

    steps.spawn(fails())
    await until(lambda: steps.is_idle)
    assert "ValueError" in caplog.text
    assert "an address" not in caplog.text
