"""A device that has been quiet closes its sending session and opens another one when there is something to say."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.client.people import befriend, register, texts
from tests.client.serving import Served

from zajil.client.shell import runner
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
