"""Logins that a server ended, as a restore ends them all: what a person asks for is asked again under a new one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.client.people import register
from tests.client.serving import Served

from zajil.client.shell.login import Tokens
from zajil.engine.sql.sqlite.database import FILE_NAME
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


async def test_a_server_that_takes_no_login_is_asked_twice_and_no_more(
    tmp_path: Path, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await register(tmp_path, "ann", server.url) as ann:
        asked = []

        async def refuse(tokens: Tokens) -> str:
            asked.append(tokens)
            raise error("token-expired")

        monkeypatch.setattr(Tokens, "auth", refuse)
        with pytest.raises(AuthError, match="token-expired"):
            await ann.contact_links()
        assert len(asked) == 2
