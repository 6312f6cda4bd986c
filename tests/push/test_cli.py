"""`zajil push` and `zajil admin push-forget` at a real server, with a real push service behind it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
from tests.push.service import PushService
from tests.push.test_story import rows, settings_for
from tests.server.carriers import until

from zajil.cli.commands.account import _check_push
from zajil.cli.main import run_command
from zajil.client import Client
from zajil.client.pushing import PushStatus
from zajil.protocol.ids import encode_b64
from zajil.protocol.push.message import PAYLOAD
from zajil.server.app import Server

pytestmark = pytest.mark.slow


@pytest.fixture
async def service() -> AsyncIterator[PushService]:
    found = PushService()
    await found.start()
    yield found
    await found.stop()


async def zajil(*words: str) -> int:
    return await asyncio.to_thread(run_command, words)


async def test_a_text_wakes_a_home_that_nobody_has_open_and_receipts_wake_nobody(
    service: PushService, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, home = tmp_path / "data", tmp_path / "omar"
    server = await Server.start(data, settings_for("127.0.0.1"))
    url = f"http://127.0.0.1:{server.port}"
    async with await Client.register(home, server=url, name="Omar") as omar:
        link = await omar.contact_link()
        await omar.sync()
    _, put = service.subscribe(server.pushing.public_key)
    at = ("--home", str(home), "push")
    keys = ("--p256dh", encode_b64(put.p256dh), "--auth", encode_b64(put.auth))
    capsys.readouterr()
    assert await zajil(*at, "status", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"endpoint": None, "set_at": None, "offered": True}
    assert await zajil(*at, "set", "https://ntfy.example/up1") != 0
    assert "push.hosts" in capsys.readouterr().err
    assert await zajil(*at, "set", put.endpoint, "--auth", encode_b64(put.auth)) == 2
    capsys.readouterr()
    assert await zajil(*at, "set", put.endpoint, *keys) == 0
    assert "127.0.0.1" in capsys.readouterr().out
    assert await zajil("--home", str(home), "doctor", "--json") == 0
    (push,) = [check for check in json.loads(capsys.readouterr().out) if check["name"] == "push"]
    assert (push["ok"], push["code"], push["values"]) == (True, "push-set", {"endpoint": "127.0.0.1"})
    async with await Client.register(tmp_path / "anna", server=url, name="Anna") as anna:
        chat = await anna.add_contact(link)
        await anna.send(chat, "hello")
        await anna.sync()
        await until(lambda: bool(service.pushes))
        assert {push.text for push in service.pushes} == {PAYLOAD}
        assert service.refused == []
        async with await Client.open(home) as omar:
            await omar.sync()
            (found,) = [chat for chat in omar.chats() if chat.kind == "dm"]
            (message,) = [message for message in omar.read(found) if message.text == "hello"]
            await omar.react(found, message.id, "👍")
            await omar.sync()
        await anna.sync()
    assert rows(data, "push_due") == [] or all(row[1] == 1 for row in rows(data, "push_due"))
    assert await zajil(*at, "off") == 0
    assert rows(data, "push") == []
    assert await zajil(*at, "set", put.endpoint) == 0, "keys are made where none are given"
    assert len(rows(data, "push")) == 1
    assert await zajil("admin", "push-forget", "--data", str(data)) != 0, "a server runs on it"
    await server.stop()
    capsys.readouterr()
    key = (data / "push.key").read_bytes()
    assert await zajil("admin", "push-forget", "--data", str(data), "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"forgotten": 1}
    again = await Server.start(data, settings_for("127.0.0.1"))
    await again.stop()
    assert (data / "push.key").read_bytes() != key
    assert (data / "push.key").stat().st_mode & 0o777 == 0o600


class Asked:
    """A client of a device that asked to be woken, or did not; what the doctor asks of it."""

    def __init__(self, endpoint: str, *, offered: bool) -> None:
        self._held = PushStatus(endpoint, 1, offered)

    async def push_status(self) -> PushStatus:
        return self._held


@pytest.mark.parametrize(
    ("endpoint", "offered", "found"),
    [
        ("https://push.example/up?x", True, [("push-set", True)]),
        ("https://push.example/up?x", False, [("push-ended", False)]),
        ("", True, []),
        ("", False, []),
    ],
)
async def test_the_doctor_tells_of_a_push_that_comes_no_more(
    endpoint: str, *, offered: bool, found: list[tuple[str, bool]]
) -> None:
    checks = await _check_push(cast(Client, Asked(endpoint, offered=offered)))  # all it needs of one
    assert [(check.code, check.ok) for check in checks] == found
    assert all(check.values == {"endpoint": "push.example"} for check in checks), "the address itself stays a secret"
