"""An admin re-adds members into a group of its own, through a real server: they refuse, and stay who they were."""

from __future__ import annotations

import asyncio
from pathlib import Path
from unittest.mock import patch

import msgspec
import pytest
from tests.flows.server import ServerProcess
from tests.flows.terminal import Terminal

from zajil import mls
from zajil.client import Client
from zajil.client.core import commits, groups, outbox
from zajil.client.core.commits import Plan
from zajil.client.state.rows import Chat, Intent
from zajil.client.state.step import Step
from zajil.protocol import frames
from zajil.protocol.chat.extensions import ChatRole, change_settings
from zajil.protocol.ids import AccountId, parse_b64

pytestmark = [pytest.mark.flows, pytest.mark.slow]

_honest_commit = commits._commit


def _commit_with_own_group(step: Step, chat: Chat, planned: Plan, *, own_ref: bytes) -> tuple[frames.Commit, int]:
    """The honest commit, with a Welcome into another group: the attacker alone and as owner, and the victim."""
    request, epoch = _honest_commit(step, chat, planned, own_ref=own_ref)
    own = AccountId(step.profile.account_id)
    group = groups.create(step, chat.gid, change_settings(chat.settings, roles={own: ChatRole.OWNER}))
    for _ in range(chat.epoch + 3):
        group, staged = group.commit(step.env(), [])
        group = staged.apply(group)
    adds = [mls.Add(mls.parse_key_package(claim.key_package)) for claim in planned.claims]
    share = commits._share(step, chat, planned, rotate=False)
    _, staged = group.commit(step.env(), adds, welcome_extensions=(share,), with_tree=True)
    return msgspec.structs.replace(request, welcome=staged.welcome), epoch


async def _take_over(home: Path, chat: str, victims: list[tuple[bytes, int]]) -> None:
    """The attacker's client re-adds each victim, who did not ask for it."""
    async with await Client.open(home) as client:
        with patch.object(commits, "_commit", _commit_with_own_group):
            for account, device in victims:
                with client._core.step("attack") as step:
                    outbox.submit_intent(
                        step, parse_b64(chat, size=16), Intent("readd", account=account, devices=(device,))
                    )
                await client.sync()


def _standing(terminal: Terminal, chat: str) -> tuple[str, frozenset[str], dict[str, str]]:
    """Status, members and roles of the group, as this person's device holds them."""

    async def look() -> tuple[str, frozenset[str], dict[str, str]]:
        async with await Client.open(terminal.home) as client:
            found = client.find_chat(chat)
            return found.status, frozenset(found.members), dict(found.roles)

    return asyncio.run(look())


def test_victims_refuse_an_admins_group_and_the_owner_brings_them_back(
    server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    people = {name: Terminal(tmp_path / name, capsys) for name in ("Amina", "Boris", "Clara", "Mallory")}
    for name, terminal in people.items():
        terminal.register(server, name)
    amina, boris, clara, mallory = people.values()
    for other in (boris, clara, mallory):
        other.ok("add", amina.ok("contact-link").strip())
        other.ok("send", "Amina", "hi")
        amina.ok("sync")
    chat = amina.json("group", "create", "Doves", "Boris", "Clara", "Mallory")["id"]
    amina.ok("group", "promote", "Doves", "Mallory")
    for terminal in (boris, clara, mallory):
        terminal.ok("sync")
    before = {name: _standing(terminal, chat) for name, terminal in people.items()}
    ids = [(parse_b64(one.json("whoami")["account_id"], size=16), 1) for one in (boris, clara)]

    asyncio.run(_take_over(mallory.home, chat, ids))
    for name in ("Boris", "Clara"):
        victim = people[name]
        victim.ok("sync")
        status, members, roles = _standing(victim, chat)
        assert (members, roles) == before[name][1:]
        assert status == "rejoining"
        assert "Mallory tried to bring this device back" in victim.ok("read", "Doves")

    for _ in range(2):
        for terminal in (amina, boris, clara):
            terminal.ok("sync")
    for name in ("Boris", "Clara"):
        assert _standing(people[name], chat) == before[name]
        people[name].ok("send", "Doves", f"{name} is back")
    assert [one["text"] for one in amina.json("read", "Doves")] == ["Boris is back", "Clara is back"]
