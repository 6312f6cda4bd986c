"""A report whose answer was lost, or that met a busy server, is asked for again and is one report."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from tests.client.people import befriend, register
from tests.client.serving import Served
from tests.moderators import choose_passphrase

from zajil.client import Client
from zajil.client.core.talk import reports
from zajil.client.views import SentReport
from zajil.engine.sql.sqlite.database import FILE_NAME
from zajil.protocol import control
from zajil.protocol.errors import Unavailable
from zajil.transports.base import Answer, Caller, DialError, Reason, Stage


class BadLine:
    """A way to the server on which the answers to reports are lost, or come late."""

    def __init__(self, inner: Caller, *, lost: int = 0, busy: int = 0, retry_ms: int = 1) -> None:
        self._inner = inner
        self.lost, self.busy, self.retry_ms = lost, busy, retry_ms
        self.keys: list[str] = []

    async def call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        timeout_s: float,
    ) -> Answer:
        """As the line beneath, but for reports."""
        if not path.endswith("/reports"):
            return await self._inner.call(method, path, headers=headers, body=body, timeout_s=timeout_s)
        self.keys.append((headers or {})["Idempotency-Key"])
        if self.busy:
            self.busy -= 1
            problem = control.Problem("about:blank", "busy", 503, "busy", self.retry_ms)
            return Answer(503, {}, control.encode_json(problem))
        answer = await self._inner.call(method, path, headers=headers, body=body, timeout_s=timeout_s)
        if self.lost:
            self.lost -= 1
            raise DialError(Stage.HTTP, Reason.CLOSED)
        return answer

    async def close(self) -> None:
        """As the line beneath."""
        await self._inner.close()


def over(client: Client, **faults: int) -> BadLine:
    """Let it call over a bad line from now on."""
    calls = client._device.calls
    line = calls._transport = BadLine(calls._transport, **faults)
    return line


async def report(client: Client, note: str = "") -> SentReport:
    """Report what the other side wrote first."""
    chat = client.find_chat("ann")
    first = next(each for each in client.read(chat, limit=10) if each.text == "pay me")
    return await client.report(chat, [first.id], reason="fraud", note=note)


async def test_a_report_is_one_until_it_is_answered_also_after_a_restart(tmp_path: Path, server: Served) -> None:
    choose_passphrase(server.data)
    async with await register(tmp_path, "ann", server.url) as ann, await register(tmp_path, "bob", server.url) as bob:
        await befriend(ann, bob)
        await ann.send(ann.find_chat("bob"), "pay me")
        await bob.sync()
        line = over(bob, lost=1)
        with pytest.raises(Unavailable):
            await report(bob)
    async with await Client.open(tmp_path / "bob") as bob:
        again = over(bob, busy=2)
        first = await report(bob)
        assert again.keys == line.keys * 3
        # Another note is another report meanwhile, and so is the same once more after its answer.
        other, anew = await report(bob, "daily"), await report(bob)
        assert len({first.id, other.id, anew.id}) == 3
        assert len(set(again.keys)) == 3
        with bob._core.look() as step:
            assert reports._load_sent(step).unanswered == ()
    with closing(sqlite3.connect(server.data / FILE_NAME)) as file:
        assert file.execute("SELECT count(*) FROM mod_report").fetchone() == (3,)


async def test_a_server_that_stays_busy_is_asked_three_times(tmp_path: Path, server: Served) -> None:
    choose_passphrase(server.data)
    async with await register(tmp_path, "ann", server.url) as ann, await register(tmp_path, "bob", server.url) as bob:
        await befriend(ann, bob)
        await ann.send(ann.find_chat("bob"), "pay me")
        await bob.sync()
        line = over(bob, busy=9)
        with pytest.raises(Unavailable, match="busy"):
            await report(bob)
        assert (line.busy, len(set(line.keys))) == (6, 1)
