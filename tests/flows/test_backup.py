"""A server is lost after its last backup, and comes back on an empty folder: its people go on by themselves."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tests import engines
from tests.flows.people import People, befriend, find, say, settle, sync_all, texts
from tests.flows.server import ServerProcess
from tests.flows.terminal import Terminal
from tests.flows.test_groups import group_of
from tests.flows.test_recovery import restore
from tests.flows.test_stuck import heir_of, running

from zajil.client import Client
from zajil.client.state import rows
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import parse_b64

pytestmark = [pytest.mark.flows, pytest.mark.slow]


async def until(holds: Callable[[], bool]) -> None:
    """How long it takes nobody judges: pauses double, and a busy machine takes minutes. A test's timeout ends it."""
    while not holds():  # noqa: ASYNC110  # others' processes tell no event
        await asyncio.sleep(0.05)


async def run_apart(*arguments: str) -> str:
    """What `zajil` prints in a process of its own, as an operator's beside the server."""
    command = [sys.executable, "-m", "zajil.cli.main", *arguments]
    ended = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


async def test_people_go_on_after_a_restore(server: ServerProcess, people: People, tmp_path: Path) -> None:
    amina, boris, clara = [await people.register(name) for name in ("Amina", "Boris", "Clara")]
    still = await group_of(amina, [boris, clara], "Still")
    moved = await group_of(amina, [boris, clara], "Moved")
    await sync_all([amina, boris, clara], rounds=2)
    away = await people.switch_off(clara)
    await say(amina, still, "waits for Clara at the time of the backup")

    revoked = await boris.contact_link()

    # Under load: whoever writes meanwhile is not held up, and what the backup has is one moment.
    archive, stop = tmp_path / "zajil.tar", asyncio.Event()

    async def chatter() -> int:
        count = 0
        while not stop.is_set():
            await say(boris, still, f"meanwhile {count}")
            count += 1
        return count

    talking = asyncio.ensure_future(chatter())
    made = json.loads(await run_apart("backup", str(archive), "--data", str(server.data), "--json"))
    stop.set()
    assert await talking > 0
    assert made["rows"] > 0

    # After it a group moves on, and messages come and go that the backup knows nothing of.
    await amina.rename_group(amina.find_chat(moved), "Moved on")
    await say(amina, moved, "after the backup")
    link = await amina.contact_link(uses=1)
    await boris.revoke_link(revoked)
    await sync_all([amina, boris])
    before = {client: {chat: texts(client, chat) for chat in (still, moved)} for client in (amina, boris)}

    await bring_back(server, archive)
    assert server.rows()["mailbox_item"], "some waited at the time of the backup"

    clara = await people.switch_on(away)
    everyone = [amina, boris, clara]
    began = time.monotonic()
    async with running(everyone):
        amina.queue(amina.find_chat(still), "one")
        boris.queue(boris.find_chat(moved), "two")
        await until(lambda: all_have(everyone, still, "one") and all_have([amina, boris], moved, "two"))
        # Clara never saw the epoch that it follows: she was told that the server went back, and goes on in it, too.
        fresh = heir_of(amina, moved)
        await until(lambda: heir_of(clara, moved) == fresh and all_have(everyone, fresh, "two"))
    assert fresh
    assert heir_of(boris, moved) == fresh
    for client in (amina, boris):
        for chat in (still, moved):
            now = texts(client, heir_of(client, chat) or chat)
            assert [text for text in now if text in before[client][chat]] == before[client][chat], "lost"
            assert len(set(now)) == len(now), "shown twice"
    assert "waits for Clara at the time of the backup" in texts(clara, still)
    # Links of now lead to who made them, also one that the backup knew nothing of; and one that was ended to nobody.
    dina = await people.register("Dina")
    assert amina.account_id in (await dina.add_contact(link)).members
    with pytest.raises(ZajilError, match="not-allowed"):
        await dina.add_contact(revoked)
    print(f"went on {time.monotonic() - began:.1f} s after the restore")


def test_the_links_that_are_listed_right_after_a_restore_are_those_of_now(
    server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server's list is of the backup: who looks there first sees a withdrawn link, and not the one made since."""
    ann, archive = Terminal(tmp_path / "ann", capsys), tmp_path / "zajil.tar"
    ann.register(server, "Ann")
    withdrawn = ann.ok("contact-link", "--once").strip()
    asyncio.run(run_apart("backup", str(archive), "--data", str(server.data)))
    ann.ok("contact-link", "revoke", withdrawn)
    ann.ok("contact-link", "--uses", "7")
    asyncio.run(bring_back(server, archive))
    ann.refused("no-link", "contact-link", "revoke", withdrawn)
    assert [one["uses_left"] for one in ann.json("contact-link", "list")] == [7]
    asyncio.run(bring_back(server, archive))
    assert [one["uses_left"] for one in ann.json("contact-link", "list")] == [7]


async def test_who_was_removed_reads_nothing_once_the_others_heard(
    server: ServerProcess, people: People, tmp_path: Path
) -> None:
    """A removal that the server forgot: who missed it would go on in the group where the removed one still reads."""
    amina, boris, clara, eve = [await people.register(name) for name in ("Amina", "Boris", "Clara", "Eve")]
    group = await group_of(amina, [boris, clara, eve], "Doves")
    await sync_all([amina, boris, clara, eve], rounds=2)
    archive = tmp_path / "zajil.tar"
    await run_apart("backup", str(archive), "--data", str(server.data))
    clara_home, eve_home = await people.switch_off(clara), await people.switch_off(eve)
    await amina.remove_member(amina.find_chat(group), amina.find_contact(eve.account_id))
    await sync_all([amina, boris])
    await bring_back(server, archive)

    clara, eve = await people.switch_on(clara_home), await people.switch_on(eve_home)
    began = time.monotonic()
    async with running([amina, boris, clara, eve]):
        # Nobody else writes; her own word is what makes the others look.
        clara.queue(clara.find_chat(group), "before she heard")
        await until(lambda: bool(heir_of(clara, group)) and heir_of(amina, group) == heir_of(clara, group))
        fresh = heir_of(clara, group)
        healed = time.monotonic() - began
        clara.queue(clara.find_chat(fresh), "after")
        await until(lambda: all_have([amina, boris, clara], fresh, "after"))
    await eve.sync()
    assert texts(eve, group) == ["before she heard"]
    lines = [(line.code, line.whom) for line in clara.notices(clara.find_chat(fresh))]
    assert lines[-3:] == [("overtaken", ""), ("removed", "Eve"), ("overheard", "")]
    print(f"closed to who was removed {healed:.1f} s after the first word")


async def test_who_missed_a_change_and_who_saw_it_go_on_in_one_chat(
    server: ServerProcess, people: People, tmp_path: Path
) -> None:
    """The owner missed a title, and brings back whom the server refuses before an admin's device makes it anew."""
    amina, boris, clara = [await people.register(name) for name in ("Amina", "Boris", "Clara")]
    group = await group_of(amina, [boris, clara], "Doves")
    await amina.set_role(amina.find_chat(group), boris.account_id, "admin")
    await sync_all([amina, boris, clara], rounds=2)
    archive = tmp_path / "zajil.tar"
    await run_apart("backup", str(archive), "--data", str(server.data))
    amina_home = await people.switch_off(amina)
    await boris.rename_group(boris.find_chat(group), "Pigeons")
    await sync_all([boris, clara])
    clara_home, lost = await people.switch_off(clara), epoch_of(boris, group)
    await bring_back(server, archive)

    amina = await people.switch_on(amina_home)
    async with running([amina]):
        async with running([boris]):
            amina.queue(amina.find_chat(group), "one")
            # He is refused and asks her in vain: her commit makes an epoch of the number of the one that was lost.
            await until(lambda: epoch_of(amina, group) == lost)
        boris_home = await people.switch_off(boris)
        clara = await people.switch_on(clara_home)
        async with running([clara]):
            clara.queue(clara.find_chat(group), "two")
            await until(lambda: epoch_of(clara, group) > lost)
            assert heir_of(clara, group) == "", "she is brought back to where that epoch never was"
            boris = await people.switch_on(boris_home)
            assert (epoch_of(boris, group), heir_of(boris, group)) == (lost, "")
            everyone, began = [amina, boris, clara], time.monotonic()
            async with running([boris]):
                await until(lambda: all(heir_of(client, group) for client in everyone))
                healed, fresh = time.monotonic() - began, heir_of(boris, group)
                boris.queue(boris.find_chat(fresh), "three")
                await until(lambda: all_have(everyone, fresh, "three"))
    assert {client.find_chat(fresh).title for client in everyone} == {"Pigeons"}
    # What was said in the old group once she was back there does not reach who never was; a line says so.
    assert [sorted(texts(client, fresh)) for client in everyone] == [
        ["one", "three", "two"],
        ["one", "three"],
        ["one", "three", "two"],
    ]
    assert [line.code for line in clara.notices(clara.find_chat(fresh))][-2:] == ["overtaken", "overheard"]
    print(f"in one chat {healed:.1f} s after who saw it was back")


def epoch_of(client: Client, group: str) -> int:
    """The epoch that this device holds of the group itself, whatever took its place."""
    with client._core.look() as step:
        return step.chat(parse_b64(group, size=16)).epoch


async def bring_back(server: ServerProcess, archive: Path, *, limits: str = "") -> None:
    """The server and its folder are lost, and what the archive holds is there instead. limits: lines of its file."""
    await asyncio.to_thread(server.kill)
    shutil.rmtree(server.data)
    server.kept, into = engines.make_bare(server.data)
    assert "localhost" in await run_apart("restore", str(archive), "--data", str(server.data), *into)
    assert_one_moment(server)
    with (server.data / "zajil.toml").open("a", encoding="utf-8") as file:
        file.write(limits)
    await asyncio.to_thread(server.start)


async def test_devices_linked_or_ended_since_the_backup(server: ServerProcess, people: People, tmp_path: Path) -> None:
    """An account's clients tell the restored server which devices it has, and nobody takes its word for older ones."""
    amina, boris, clara, eve = [await people.register(name) for name in ("Amina", "Boris", "Clara", "Eve")]
    group = await group_of(amina, [boris, clara], "Trail")
    await befriend(clara, boris)
    await befriend(amina, eve)
    await sync_all([amina, boris, clara], rounds=2)
    archive = tmp_path / "zajil.tar"
    await run_apart("backup", str(archive), "--data", str(server.data))

    # Amina and Clara link devices; the only one of Boris is stolen, so a recovery key ends it and brings him back.
    tablet, laptop = await people.link(amina), await people.link(clara)
    key = boris.show_recovery_key()
    await boris.sync()
    thief = boris
    boris = await restore(people, key)
    honest = [amina, tablet, boris, clara, laptop]
    await settle(honest, [group])
    await say(boris, group, "it was stolen")
    await sync_all(honest)
    for client in honest:
        client.take_news()
        client._device.runner.tokens.forget()  # as an hour later
    tablets, clara_home = await people.switch_off(tablet), await people.switch_off(clara)
    # Her tablet does not hear of this before the server is lost, and goes on with the contact token from before.
    former = token_of(amina)
    amina.block(amina.find_contact(eve.account_id))
    await amina.sync()
    amina._device.runner.tokens.forget()
    # All are behind one address, where so many failed logins are not borne: most hear `slow-down` instead.
    await bring_back(server, archive, limits="failed_token = {burst = 1, every_s = 600}\n")

    # Each of the three comes back by itself: a device that the server never heard of, the new one of Boris among them.
    with contextlib.suppress(ZajilError):
        await thief.sync()
    assert devices_at(server, [amina, thief, clara]) == [[1], [1], [1]]
    # Nor is the thief added to anything because the server would have it so.
    making = asyncio.ensure_future(laptop.create_group("Later", [laptop.find_contact(boris.account_id)]))
    await asyncio.sleep(0)
    first = claim_of(laptop, boris)
    await until(lambda: claim_of(laptop, boris) != first)
    await boris.sync()
    assert devices_of(laptop, (await making).id, boris) == {2}
    await sync_all([amina, boris, laptop])
    tablet, clara = await people.switch_on(tablets), await people.switch_on(clara_home)
    assert token_of(tablet) == former != token_of(amina)
    await sync_all([tablet, clara])
    assert devices_at(server, [amina, boris, clara]) == [[1, 2], [2], [1, 2]]
    with pytest.raises(ZajilError, match="device-revoked"):
        await thief.sync()

    honest = [amina, tablet, boris, clara, laptop]
    async with running(honest):
        amina.queue(amina.find_chat(group), "back again")
        await until(lambda: all_have(honest, group, "back again"))
        # Both devices hold the newest token, and what they bring in whatever order leaves it there alone.
        token = token_of(amina)
        await until(lambda: token_of(tablet) == token and hashes_at(server, amina) == [hashlib.sha256(token).digest()])
    assert tablet.find_contact(eve.account_id).blocked
    for client in honest:
        assert "forked-list" not in {event.kind for event in client.take_news()}
        assert "it was stolen" in texts(client, heir_of(client, group) or group)
    assert (await people.link(tablet)).device_id == 3, "the account's devices can be changed again"


def token_of(client: Client) -> bytes:
    """The contact token of its profile, as this client has it."""
    with client._core.look() as step:
        return step.profile.profile_token


def hashes_at(server: ServerProcess, client: Client) -> list[object]:
    """The hashes of the contact tokens by which the server lets people reach this account."""
    account = parse_b64(client.account_id)
    return [row["hash"] for row in server.rows()["contact_token"] if row["account_id"] == account]


def devices_of(client: Client, chat: str, other: Client) -> set[int]:
    """The devices of that account in a chat, as this client has it."""
    with client._core.look() as step:
        members = step.chat(parse_b64(chat)).members
    return {member.device for member in members if member.account == parse_b64(other.account_id)}


def claim_of(client: Client, other: Client) -> bytes:
    """By what id it claims packages of somebody whom it adds; another one after each that it could not use."""
    with client._core.look() as step:
        adding = [item for _, item in rows.items(step.tx) if item.intent is not None and item.intent.op == "add"]
        account = parse_b64(other.account_id)
        return next(item.claim_id for item in adding if item.intent and account in item.intent.accounts)


def devices_at(server: ServerProcess, accounts: Sequence[Client]) -> list[list[object]]:
    """The numbers of each account's devices that may log in."""
    found: dict[object, list[object]] = {}
    for row in server.rows()["device"]:
        found.setdefault(row["account_id"], []).append(row["device_id"])
    return [sorted(found[parse_b64(client.account_id)], key=str) for client in accounts]


def assert_one_moment(server: ServerProcess) -> None:
    """What several tables say of the same messages fits together."""
    rows = server.rows()
    items, pointers = Counter(row["mailbox_id"] for row in rows["mailbox_item"]), Counter[object]()
    for row in rows["mailbox_item"]:
        pointers[row["message_id"]] += 1
    assert {row["id"]: row["refs"] for row in rows["message"]} == dict(pointers)
    assert {row["mailbox_id"]: row["count"] for row in rows["mailbox"] if row["count"]} == dict(items)


def all_have(clients: Sequence[Client], chat: str, text: str) -> bool:
    """Whether the text stands in this chat, or in the one that took its place, on every device."""
    for client in clients:
        there = chat if find(client, chat) else heir_of(client, chat)
        if not there or text not in texts(client, there):
            return False
    return True
