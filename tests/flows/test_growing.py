"""Room for more people in a group, at the terminal and between devices: one chat before and after."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.flows.people import People, befriend, find, say, sync_all, texts
from tests.flows.server import ServerProcess
from tests.flows.terminal import Terminal
from tests.flows.test_groups import group_of

from zajil.client.state import rows
from zajil.protocol.ids import parse_b64
from zajil.protocol.limits import SUITE_RFC1

pytestmark = [pytest.mark.flows, pytest.mark.slow]

TITLE = "Голуби · حمام"


@pytest.fixture
def terminals(server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Terminal]:
    """Amina owns a group with Boris; Clara knows nobody."""
    made = {name: Terminal(tmp_path / name, capsys) for name in ("Amina", "Boris", "Clara")}
    for name, terminal in made.items():
        terminal.register(server, name)
    made["Boris"].ok("add", made["Amina"].ok("contact-link").strip())
    for name in ("Amina", "Boris"):
        made[name].ok("sync")
    made["Amina"].ok("group", "create", TITLE, "Boris")
    made["Boris"].ok("sync")
    return made


def test_an_admin_makes_room_after_being_told_what_it_costs(terminals: dict[str, Terminal]) -> None:
    amina, boris, clara = terminals.values()
    link = amina.json("group", "link", TITLE, "--auto")["link"]
    boris.ok("sync")
    boris.ok("send", TITLE, "before")
    amina.ok("sync")
    boris.refused("not-permitted", "group", "grow", TITLE, "--yes")
    amina.refused_usage("not-asked", "group", "grow", TITLE)
    assert amina.json("chats")[0]["quantum"] == "protected"
    amina.ok("group", "grow", TITLE, "--yes")
    assert "not protected" in amina.err
    (group,) = (chat for chat in amina.json("chats") if chat["kind"] == "group")
    assert (group["title"], group["quantum"]) == (TITLE, "small")
    assert "already" in amina.ok("group", "grow", TITLE)
    boris.ok("sync")
    assert "Amina" in boris.ok("read", TITLE)
    boris.ok("send", TITLE, "after")
    amina.ok("sync")
    assert [message["text"] for message in amina.json("read", TITLE)] == ["before", "after"]
    assert "You made room" in amina.ok("read", TITLE)
    # The link of before names the group that is no more.
    clara.ok("join", link)
    amina.ok("sync")
    clara.ok("sync")
    clara.ok("send", TITLE, "by the old link")
    boris.ok("sync")
    assert [message["text"] for message in boris.json("read", TITLE)][-1] == "by the old link"


async def test_who_was_away_finds_one_chat_and_two_devices_come_along(people: People) -> None:
    amina, boris, clara = [await people.register(name) for name in ("Amina", "Boris", "Clara")]
    laptop = await people.link(boris)
    group = await group_of(amina, [boris, clara], TITLE)
    await sync_all([amina, boris, laptop, clara], rounds=3)
    home = await people.switch_off(clara)
    await say(boris, group, "before")
    await amina.sync()
    grown = await amina.grow(amina.find_chat(group))
    assert grown.id != group
    assert grown.devices == 4
    await say(amina, grown.id, "all of you?")
    await sync_all([boris, laptop])
    await say(laptop, grown.id, "both devices")
    clara = await people.switch_on(home)
    await sync_all([clara, amina, boris, laptop, clara])
    for device in (amina, boris, laptop, clara):
        assert texts(device, grown.id) == ["before", "all of you?", "both devices"]
        assert find(device, group) is None
        with device._core.look() as step:
            assert step.load_group(parse_b64(grown.id, size=16)).suite.id == SUITE_RFC1
            assert [one.gid for one in rows.all_chats(step.tx) if one.forebear] == [parse_b64(grown.id, size=16)]
    dora = await people.register("Dora")
    await befriend(amina, dora)
    await amina.add_member(amina.find_chat(grown.id), amina.find_contact(dora.whoami().account_id))
    await sync_all([dora, clara])
    await say(dora, grown.id, "and I")
    await clara.sync()
    assert texts(clara, grown.id)[-1] == "and I"
