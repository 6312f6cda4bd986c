"""A hostile operator and the lists that we sign: a cut registration, our chain rolled back, endless races."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.client.people import link, register
from tests.client.serving import Served

from zajil.client.core.core import Core
from zajil.client.shell import enrol, linking
from zajil.client.shell.calls import Calls
from zajil.client.shell.device import Device
from zajil.client.state import accounts
from zajil.protocol import control
from zajil.protocol.errors import Unreachable, ZajilError, error
from zajil.transports.base import Answer, DialError, Reason, Stage
from zajil.transports.direct import DirectTransport

pytestmark = pytest.mark.slow


class Wire:
    """The real server behind a hand that cuts or changes what comes back."""

    def __init__(self, server: str) -> None:
        self._transport = DirectTransport(server)
        self.lose = ""
        self.newest = 0
        self.refuse = ""
        self.lists_put = 0

    async def call(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes = b"", timeout_s: float
    ) -> Answer:
        if method == "PUT" and path.endswith("/devices"):
            self.lists_put += 1
            if self.refuse:
                problem = error(self.refuse)
                return Answer(problem.status, {}, control.encode_problem(problem))
        found = await self._transport.call(method, path, headers=headers, body=body, timeout_s=timeout_s)
        if self.lose and path.endswith(self.lose):
            raise DialError(Stage.HTTP, Reason.RESET)
        if self.newest and "/devices?from=" in path:
            lists = control.parse_json(found.body, control.DeviceLists).lists[: self.newest]
            return Answer(200, {}, control.encode_json(control.DeviceLists(lists)))
        return found

    async def close(self) -> None:
        await self._transport.close()


def own_list(core: Core) -> bytes:
    with core.look() as step:
        return accounts.known(step, step.profile.account_id).list_object


async def test_a_registration_whose_answer_was_lost_goes_on_with_the_same_list(
    server: Served, homes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second first list would be a fork of our own account, seen by everybody who has the other one."""
    wire, home = Wire(server.url), homes / "Amal"
    wire.lose = "/accounts"
    with pytest.raises(Unreachable):
        await enrol.register(home, Calls(wire), server=server.url, name="Amal", invite=None)
    wire.lose = ""
    later = enrol.now_ms() + 5_000
    monkeypatch.setattr(enrol, "now_ms", lambda: later)
    await enrol.register(home, Calls(wire), server=server.url, name="Amal", invite=None)
    await wire.close()
    device = Device(home)
    lists = await linking.fetch_own_lists(device.core, device.calls, device.tokens)
    assert lists == [own_list(device.core)]
    await device.close()


async def code_of_a_new_device(home: Path, url: str) -> str:
    """The code of a device that shows it and does not wait."""
    codes: list[str] = []
    transport = DirectTransport(url)
    with pytest.raises(ZajilError, match="link-expired"):
        await linking.link_new(home, Calls(transport), server=url, on_code=codes.append, on_emoji=None, wait_s=0)
    await transport.close()
    return codes[0]


async def test_a_rolled_back_own_list_is_never_built_upon(server: Served, homes: Path) -> None:
    """Else the device signs a second list of one seq, the proof of a fork against its own account."""
    async with await register(homes, "Amal", server.url) as amal, await link(homes, "two", amal, server.url):
        before = own_list(amal._core)
        code = await code_of_a_new_device(homes / "three", server.url)
        wire = Wire(server.url)
        wire.newest = 1
        with pytest.raises(ZajilError, match="stale-list"):
            await linking.approve(amal._core, Calls(wire), amal._device.tokens, code)
        assert wire.lists_put == 0
        assert own_list(amal._core) == before
        await wire.close()


async def test_a_server_that_always_says_stale_list_is_given_up(server: Served, homes: Path) -> None:
    async with await register(homes, "Amal", server.url) as amal:
        code = await code_of_a_new_device(homes / "two", server.url)
        wire = Wire(server.url)
        wire.refuse = "stale-list"
        with pytest.raises(ZajilError, match="stale-list"):
            await linking.approve(amal._core, Calls(wire), amal._device.tokens, code)
        assert wire.lists_put < 10
        await wire.close()
