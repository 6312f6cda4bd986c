"""Logins that a server ended, as a restore ends them all: what a person asks for is asked again under a new one."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.client.people import register
from tests.client.serving import Served

from zajil.client.shell import login
from zajil.client.shell.calls import Calls
from zajil.engine.sql.sqlite.database import FILE_NAME
from zajil.protocol import control
from zajil.protocol.control import Route
from zajil.protocol.errors import AuthError, error


def end_logins(server: Served) -> None:
    """All of them, as `zajil restore` does."""
    with closing(sqlite3.connect(server.data / FILE_NAME)) as file, file:
        file.execute("DELETE FROM session_token")


async def test_whoever_asks_first_after_a_restore_is_answered(tmp_path: Path, server: Served) -> None:
    async with await register(tmp_path, "ann", server.url) as ann:
        made = [await ann.contact_link()]
        end_logins(server)
        (listed,) = await ann.contact_links()
        end_logins(server)
        made.append(await ann.contact_link(uses=1))
        end_logins(server)
        assert (await ann.revoke_link(listed.id)).id == listed.id
        end_logins(server)
        await ann.set_username("ann_of_the_hill")
        end_logins(server)
        assert await ann.find_username("ann_of_the_hill") == ann.account_id
        assert len(await ann.contact_links()) == 1


async def test_a_refusal_that_comes_late_ends_no_login_taken_since(
    tmp_path: Path, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two calls under one login that is over: the second hears so when the first is answered under a new one."""
    logins, refused, answered = 0, asyncio.Event(), asyncio.Event()
    call, log_in = Calls.call, login.log_in

    async def slow(calls: Calls, route: Route, *args: Any, **more: Any) -> object:  # Any: passed through as given
        try:
            return await call(calls, route, *args, **more)
        except AuthError:
            if route is control.COUNT_KEY_PACKAGES:
                refused.set()
                await answered.wait()
            raise

    async def counted(*of: Any) -> tuple[str, int]:  # Any: as above
        nonlocal logins
        logins += 1
        return await log_in(*of)

    async with await register(tmp_path, "ann", server.url) as ann:
        await ann.contact_links()
        end_logins(server)
        monkeypatch.setattr(Calls, "call", slow)
        monkeypatch.setattr(login, "log_in", counted)
        tokens = ann._device.tokens
        late = asyncio.create_task(tokens.call(control.COUNT_KEY_PACKAGES, control.KeyPackageCounts))
        await refused.wait()
        await ann.contact_links()
        answered.set()
        await late
        assert logins == 1


async def test_a_server_that_takes_no_login_is_asked_twice_and_no_more(
    tmp_path: Path, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await register(tmp_path, "ann", server.url) as ann:
        asked, call = [], Calls.call

        async def refuse(calls: Calls, route: Route, *args: Any, **more: Any) -> object:  # Any: as above
            if route is not control.CONTACT_TOKENS:
                return await call(calls, route, *args, **more)
            asked.append(more["auth"])
            raise error("token-expired")

        monkeypatch.setattr(Calls, "call", refuse)
        with pytest.raises(AuthError, match="token-expired"):
            await ann.contact_links()
        assert len(set(asked)) == len(asked) == 2
