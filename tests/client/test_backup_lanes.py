"""A backup has no account at the server, so its calls share no connection with those of the account's devices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.client.people import register
from tests.client.serving import Served

from zajil.client import Client
from zajil.transports.base import Answer
from zajil.transports.direct import DirectTransport

pytestmark = pytest.mark.slow


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> dict[DirectTransport, list[str]]:
    """What each pool of connections carried: method and path."""
    seen: dict[DirectTransport, list[str]] = defaultdict(list)
    usual = DirectTransport.call

    async def watch(
        self: DirectTransport,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        timeout_s: float,
    ) -> Answer:
        seen[self].append(f"{method} {path}")
        return await usual(self, method, path, headers=headers, body=body, timeout_s=timeout_s)

    monkeypatch.setattr(DirectTransport, "call", watch)
    return seen


def check_apart(lines: Mapping[DirectTransport, list[str]], *methods: str) -> None:
    """Whoever watches one connection sees a backup's calls or an account's, and these methods were among the first."""
    of_backups = [calls for calls in lines.values() if any("/backup/" in call for call in calls)]
    assert all("/backup/" in call for calls in of_backups for call in calls)
    assert {call.split()[0] for calls in of_backups for call in calls} >= set(methods)


async def test_backups_are_kept_and_ended_apart_from_the_account(
    server: Served, homes: Path, lines: dict[DirectTransport, list[str]]
) -> None:
    async with await register(homes, "Amal", server.url) as amal:
        amal.show_recovery_key()
        await amal.sync()
        amal.rotate_recovery_key()
        await amal.sync()
        check_apart(lines, "PUT", "DELETE")
        lines.clear()
        await amal.delete_account()
        check_apart(lines, "DELETE")


async def test_a_backup_is_fetched_apart_from_the_account(
    server: Served, homes: Path, lines: dict[DirectTransport, list[str]]
) -> None:
    async with await register(homes, "Amal", server.url) as amal:
        key = amal.show_recovery_key()
        await amal.sync()
    lines.clear()
    async with await Client.restore(homes / "new", server=server.url, key=key):
        check_apart(lines, "GET")
