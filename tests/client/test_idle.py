"""A device keeps a server busy with no more than it has to say: a quiet one closes its sending session until then."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.client.people import befriend, register, texts
from tests.client.serving import Served

from zajil.client import Client
from zajil.client.shell import runner
from zajil.protocol import control
from zajil.protocol.errors import error
from zajil.protocol.outbox import sending

pytestmark = pytest.mark.slow


async def test_a_device_speaks_again_after_its_sending_session_was_closed(
    server: Served, homes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "IDLE_MS", 10)
    monkeypatch.setattr(runner, "LOOK_AGAIN_S", 0.0)
    async with await register(homes, "Amal", server.url) as amal, await register(homes, "Boris", server.url) as boris:
        await befriend(amal, boris)
        for text in ("one", "two", "three"):
            await amal.send(amal.find_chat("Boris"), text)
            await amal.sync()
            await boris.sync()
        assert texts(boris, "Amal") == ["one", "two", "three"]


async def test_a_login_that_is_told_to_slow_down_is_tried_again_by_itself_and_not_sooner(
    server: Served, homes: Path
) -> None:
    await (await register(homes, "ann", server.url)).close()
    ann = await Client.open(homes / "ann")
    tokens, asked = ann._device.runner.tokens, list[float]()
    tokens.forget()
    reaches = tokens._calls.call

    async def call(route: control.Route, *arguments: Any, **fields: Any) -> Any:  # Any: as the call it stands before
        if route is control.TAKE_TOKEN:
            asked.append(time.monotonic())
            if len(asked) < 3:
                raise error("slow-down", retry_ms=700)
        return await reaches(route, *arguments, **fields)

    tokens._calls.call = call  # type: ignore[method-assign]
    await ann.sync()
    await ann.close()
    assert len(asked) == 3
    assert all(later - sooner >= 0.7 for sooner, later in pairwise(asked))
