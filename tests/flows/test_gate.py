"""Registration by proof of work, as people meet it: real servers, a terminal, the SDK."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.flows.server import ServerProcess
from tests.flows.terminal import Terminal

from zajil.client import Client
from zajil.protocol.errors import HomeError

pytestmark = [pytest.mark.flows, pytest.mark.slow]


@contextmanager
def serving(folder: Path, registration: str) -> Iterator[ServerProcess]:
    process = ServerProcess(folder, settings=f'registration = "{registration}"\n')
    process.start()
    try:
        yield process
    finally:
        assert process.stop() == 0


async def test_a_stranger_works_and_is_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(tmp_path / "one", "work") as server:
        terminal = Terminal(tmp_path / "omar", capsys)
        assert "Omar" in await asyncio.to_thread(terminal.ok, "register", "--server", server.url, "--name", "Omar")
        told: list[float] = []
        async with await Client.register(
            tmp_path / "leila", server=server.url, name="Leila", on_work=told.append
        ) as leila:
            assert leila.whoami().name == "Leila"
        assert told == sorted(told)
        assert told[0] == 0 <= told[-1] <= 1
        # A code replaces the work.
        guest: list[float] = []
        async with await Client.register(
            tmp_path / "guest", server=server.url, name="Guest", invite=server.invite(), on_work=guest.append
        ):
            assert guest == []

        # Who gives up leaves nothing behind that hinders the next attempt.
        def give_up(_: float) -> None:
            waits.cancel()

        waits = asyncio.create_task(Client.register(tmp_path / "nora", server=server.url, name="Nora", on_work=give_up))
        with pytest.raises(asyncio.CancelledError):
            await waits
        async with await Client.register(tmp_path / "nora", server=server.url, name="Nora") as nora:
            assert nora.whoami().name == "Nora"


def test_both_asks_for_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(tmp_path / "one", "both") as server:
        terminal = Terminal(tmp_path / "omar", capsys)
        terminal.refused("gate-required", "register", "--server", server.url, "--name", "Omar")
        code = server.invite()
        assert "Omar" in terminal.ok("register", "--server", server.url, "--name", "Omar", "--invite", code)
        Terminal(tmp_path / "two", capsys).refused(
            "gate-required", "register", "--server", server.url, "--name", "Two", "--invite", code
        )


async def test_the_time_for_work_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from zajil.client.shell.gate import working

    monkeypatch.setattr(working.solve_challenge, "__kwdefaults__", {"patience_s": 0.0})
    with serving(tmp_path / "one", "work") as server, pytest.raises(HomeError, match="work-unfinished"):
        await Client.register(tmp_path / "omar", server=server.url, name="Omar")
