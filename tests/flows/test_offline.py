"""Long absence: 300 messages and 20 commits wait in order, and nothing is missing or shown twice."""

from __future__ import annotations

import pytest
from tests.flows.people import People, befriend, say, sync_all, texts
from tests.flows.test_groups import group_of

pytestmark = [pytest.mark.flows, pytest.mark.slow]

MESSAGES, COMMITS = 300, 20


async def test_a_member_away_for_300_messages_and_20_commits_reads_them_all(people: People) -> None:
    amina, boris, clara, guest = [await people.register(name) for name in ("Amina", "Boris", "Clara", "Guest")]
    group = await group_of(amina, [boris, clara], "Mountains")
    await befriend(amina, guest)
    contact = amina.find_contact(guest.whoami().account_id)
    epoch = clara.find_chat(group).epoch
    home = await people.switch_off(clara)
    written: list[str] = []
    for turn in range(COMMITS):
        change = amina.remove_member if turn % 2 else amina.add_member
        await change(amina.find_chat(group), contact)
        for writer, name in ((amina, "Amina"), (boris, "Boris"), (amina, "Amina")):
            await writer.sync()
            for _number in range(MESSAGES // COMMITS // 3):
                written.append(f"{turn}.{len(written)} {name}")
                await say(writer, group, written[-1])
    await sync_all([amina, boris])
    assert amina.find_chat(group).epoch == epoch + COMMITS
    clara = await people.switch_on(home)
    assert texts(clara, group) == []
    await clara.sync()
    assert clara.find_chat(group).epoch == epoch + COMMITS
    assert texts(clara, group) == texts(amina, group) == texts(boris, group)
    assert texts(clara, group) == written
    await say(clara, group, "back again")
    await sync_all([amina, boris])
    assert texts(amina, group)[-1] == texts(boris, group)[-1] == "back again"
