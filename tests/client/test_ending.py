"""The end of an account on a line that is cut: nothing stays behind, and it can always be finished."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.client.people import link, register
from tests.client.serving import Served

from zajil.client import Client, wipe_home
from zajil.client.shell.calls import Calls
from zajil.client.shell.restoring import fetch
from zajil.client.storage import keyfile
from zajil.protocol import control
from zajil.protocol.errors import AuthError, Conflict, Unreachable, ZajilError
from zajil.protocol.identity.recovery import parse_key
from zajil.transports.base import Answer, DialError, Reason, Stage
from zajil.transports.direct import DirectTransport

pytestmark = pytest.mark.slow

Cut = Callable[[str, str], None]


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> Cut:
    """Lose the answers to calls of this method whose path holds this; none for two empty texts."""
    lost = ["", ""]
    usual = DirectTransport.call

    async def call(
        self: DirectTransport,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        timeout_s: float,
    ) -> Answer:
        before, after = lost[0] == f"-{method}", lost[0] == method
        if before and lost[1] in path:
            raise DialError(Stage.HTTP, Reason.RESET)
        found = await usual(self, method, path, headers=headers, body=body, timeout_s=timeout_s)
        if after and lost[1] in path:
            raise DialError(Stage.HTTP, Reason.RESET)
        return found

    monkeypatch.setattr(DirectTransport, "call", call)

    def choose(method: str, part: str) -> None:
        lost[:] = [method, part]

    return choose


async def has_backup(url: str, key: str) -> bool:
    async with DirectTransport(url) as transport:
        try:
            await fetch(Calls(transport), parse_key(key))
        except ZajilError as problem:
            return {"no-backup": False}[problem.code]
    return True


async def test_a_deletion_cut_off_before_the_backup_was_deleted_is_finished_later(
    server: Served, homes: Path, cut: Cut
) -> None:
    """The backup holds the account key: it may not outlive the account because its key was forgotten first."""
    async with await register(homes, "Amal", server.url) as amal:
        key = amal.show_recovery_key()
        await amal.sync()
        cut("-DELETE", "/backup/")
        with pytest.raises(Unreachable):
            await amal.delete_account()
    assert await has_backup(server.url, key)
    cut("", "")
    async with await Client.open(homes / "Amal") as amal:
        await amal.delete_account()
        assert not await has_backup(server.url, key)


async def test_a_deletion_given_up_deletes_the_backup_all_the_same(server: Served, homes: Path, cut: Cut) -> None:
    async with await register(homes, "Amal", server.url) as amal:
        key = amal.show_recovery_key()
        await amal.sync()
        cut("-DELETE", "/backup/")
        with pytest.raises(Unreachable):
            await amal.delete_account()
    cut("", "")
    async with await Client.open(homes / "Amal") as amal:
        await amal.sync()
        assert not await has_backup(server.url, key)
        assert amal.recovery_status().state == "none"


async def test_a_deletion_whose_last_answer_was_lost_is_finished_by_the_next_try(
    server: Served, homes: Path, cut: Cut
) -> None:
    """Else the home stays for good: the server says `device-revoked` to everything, the command too."""
    async with await register(homes, "Amal", server.url) as amal:
        amal.show_recovery_key()
        await amal.sync()
        cut("PUT", "/accounts/me/devices")
        with pytest.raises(Unreachable):
            await amal.delete_account()
        cut("", "")
        await amal.delete_account()


async def test_a_device_that_was_removed_later_does_not_take_its_account_for_ended(
    server: Served, homes: Path, cut: Cut
) -> None:
    """Its home was emptied without a question by the next command, with all that was in it, and the account lived."""
    async with await register(homes, "Amal", server.url) as amal:
        async with await link(homes, "laptop", amal, server.url) as laptop:
            key = laptop.show_recovery_key()
            await laptop.sync()
        cut("-PUT", "/accounts/me/devices")
        with pytest.raises(Unreachable):
            await amal.delete_account()
        cut("", "")
        async with await Client.restore(homes / "restored", server=server.url, key=key):
            with pytest.raises(AuthError, match="device-revoked"):
                await amal.has_ended()
    async with await Client.open(homes / "Amal") as amal:
        assert not amal.deletion_begun(), "nothing is left for this device to finish"
        assert not await amal.has_ended()
        with pytest.raises(AuthError, match="device-revoked"):
            await amal.delete_account()


async def test_a_last_list_that_was_refused_is_not_on_its_way(
    server: Served, homes: Path, cut: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        await register(homes, "Amal", server.url) as amal,
        await link(homes, "laptop", amal, server.url) as laptop,
    ):
        usual = Calls.call
        before = ["phone"]

        async def overtaken(self: Calls, route: control.Route, *given: Any, **named: Any) -> object:
            if route is control.PUT_DEVICE_LIST and before:
                async with await link(homes, before.pop(), laptop, server.url):
                    pass
            return await usual(self, route, *given, **named)

        with monkeypatch.context() as patch:
            patch.setattr(Calls, "call", overtaken)
            with pytest.raises(Conflict, match="stale-list"):
                await amal.delete_account()
        assert amal.deletion_begun()
        cut("-POST", "/auth/")
        assert not await amal.has_ended(), "the server said no: there is nothing to ask it"
        cut("", "")
        await amal.delete_account()
        with pytest.raises(AuthError, match="device-revoked"):
            await laptop.sync()


async def test_keys_that_a_kill_left_half_written_go_with_the_home(server: Served, homes: Path) -> None:
    """They are written under another name first, which a kill leaves there: with the account key in it."""
    async with await register(homes, "Amal", server.url):
        pass
    home = homes / "Amal"
    (home / f"{keyfile.FILE}.4711.new").write_bytes((home / keyfile.FILE).read_bytes())
    wipe_home(home)
    assert not list(home.iterdir())
