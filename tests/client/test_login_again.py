"""Logins that a server ended, as a restore ends them all: what a person asks for is asked again under a new one."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from tests.client.people import register
from tests.client.serving import Served

from zajil.client.api import Client
from zajil.client.files import patience
from zajil.client.files.jobs import Part
from zajil.client.shell import login
from zajil.client.shell.calls import Calls
from zajil.client.state.rows import FileRow
from zajil.engine.sql.sqlite.database import FILE_NAME
from zajil.protocol import control
from zajil.protocol.control import Route
from zajil.protocol.errors import AuthError, error
from zajil.protocol.frames import Bye, encode_frame

Ask: TypeAlias = Callable[[Client], Coroutine[None, None, None]]


def end_logins(server: Served) -> None:
    """All of them, as `zajil restore` does."""
    with closing(sqlite3.connect(server.data / FILE_NAME)) as file, file:
        file.execute("DELETE FROM session_token")


@pytest.fixture
def logins(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The token of each login."""
    taken, log_in = list[str](), login.log_in

    async def noted(*of: Any) -> tuple[str, int]:  # Any: passed through as given
        token, expires = await log_in(*of)
        taken.append(token)
        return token, expires

    monkeypatch.setattr(login, "log_in", noted)
    return taken


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


async def count_packages(ann: Client) -> None:
    """As whatever a person waits for."""
    await ann._device.tokens.call(control.COUNT_KEY_PACKAGES, control.KeyPackageCounts)


async def run_errands(ann: Client) -> None:
    ann._device.core.want_key_packages()
    for _ in range(2):
        await ann._device.runner._errands.run()


async def announce_upload(ann: Client) -> None:
    uploads, begun = ann._device.runner.uploads, list[Part]()
    part = Part(bytes(16), FileRow(b"", "f", "", 1000, bytes(32), bytes(12), bytes(32)))
    uploads._part = lambda job, n: None if begun else part  # type: ignore[method-assign]
    uploads._keep = lambda job, n, part: begun.append(part)  # type: ignore[method-assign]
    await uploads._send_part(b"", 0, 0)
    assert begun[-1].secret


@pytest.mark.parametrize(
    ("ask", "by"),
    [
        (count_packages, control.COUNT_KEY_PACKAGES),
        (run_errands, control.COUNT_KEY_PACKAGES),
        (announce_upload, control.TAKE_PASSES),
    ],
)
async def test_a_refusal_that_comes_late_ends_no_login_taken_since(
    tmp_path: Path, server: Served, logins: list[str], monkeypatch: pytest.MonkeyPatch, ask: Ask, by: Route
) -> None:
    """Two calls under one login that is over: the second hears so when the first is answered under a new one."""
    refused, answered, call = asyncio.Event(), asyncio.Event(), Calls.call

    async def slow(calls: Calls, route: Route, *args: Any, **more: Any) -> object:  # Any: passed through as given
        try:
            return await call(calls, route, *args, **more)
        except AuthError:
            if route is by:
                refused.set()
                await answered.wait()
            raise

    async with await register(tmp_path, "ann", server.url) as ann:
        await ann.contact_links()
        end_logins(server)
        logins.clear()
        monkeypatch.setattr(Calls, "call", slow)
        monkeypatch.setattr(patience, "PAUSES_S", (0.0,))
        late = asyncio.create_task(ask(ann))
        await refused.wait()
        await ann.contact_links()
        answered.set()
        await late
        assert len(logins) == 1


async def test_a_session_that_ends_late_ends_no_login_taken_since(
    tmp_path: Path, server: Served, logins: list[str]
) -> None:
    async with await register(tmp_path, "ann", server.url) as ann:
        tokens, receiver = ann._device.tokens, ann._device.runner._receiver
        receiver._token = await tokens.token()
        end_logins(server)
        await ann.contact_links()
        logins.clear()
        bye = encode_frame(Bye("token-expired", 0))
        receiver._take_frame(bye)
        newer = await tokens.token()
        assert not logins
        receiver._token = newer
        receiver._take_frame(bye)
        assert [await tokens.token()] == logins


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
