"""What a seized server holds after all the ways in which people meet: names, links, requests, push, backups, history.

The whole database, its files, its log and the memory of its processes are searched for what only clients may know, and
every row for two people, a person beside a group, a file or a backup. Each search is shown to find what is there.
"""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.flows.memory import find_in_memory
from tests.flows.people import People, say, settle, sync_all, texts
from tests.flows.server import ServerProcess
from tests.flows.test_metadata import check_no_content, check_nobody_beside_a_group, contents, forms, mailbox_of, raw
from tests.push.service import PushService

from zajil.client import Client
from zajil.protocol import control
from zajil.protocol.identity.grouplinks import parse_group_link
from zajil.protocol.identity.links import parse_contact_link
from zajil.protocol.identity.recovery import derive_secrets, parse_key

pytestmark = [pytest.mark.flows, pytest.mark.slow]

NAMES = ("Амина Высокогорная", "بوريس الصامت", "Clarissa Quietwater", "Dorothea Farfield")
USERNAME = "amina_of_the_pass"
TITLE, RENAMED = "Тайный перевал · الممر", "Nobody's orchard"
HELLO = "we met where the river bends twice"
TEXTS = ("the-fourth-lantern-is-the-signal 🏮", "ключ под третьим камнем", "المفتاح تحت الحجر الثالث")
PICTURE, CAPTION, SECRET = "перевал-ночью.png", "the orchard, seen from the wall", "ninety-nine pale lanterns in a row "
SETTINGS = '[push]\nhosts = ["127.0.0.1"]\nprivate = true\ncontact = "mailto:push@example.org"\n'
MADE_KNOWN = re.compile(r"^\| `(\w+)` \| `(\w+)` \|", re.MULTILINE)
INVENTORY = Path(__file__).parents[2] / "docs/operate/data.md"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    # Its memory is read, so the process that is ours must be the server itself.
    process = ServerProcess(tmp_path, settings=SETTINGS, forked=False)
    process.start()
    yield process
    assert process.stop() == 0


@pytest.fixture
async def push() -> AsyncIterator[PushService]:
    service = PushService()
    await service.start()
    yield service
    await service.stop()


def encoded(secrets: list[str]) -> dict[bytes, str]:
    """How Python, SQLite and the wire could write these down."""
    ways = ("utf-8", "utf-16-le", "utf-32-le")
    return {text.encode(way): f"{text!r} as {way}" for text in secrets for way in ways}


def check_no_pair(tables: dict[str, list[dict[str, object]]], people: list[list[bytes]]) -> None:
    """No row of any table names two people, by an account or a mailbox."""
    for table, rows in tables.items():
        for row in rows:
            held = contents(row)
            named = [n for n, ids in enumerate(people) if any(form in held for one in ids for form in forms(one))]
            assert len(named) < 2, f"a row of {table} ties two people"


def check_alone(tables: dict[str, list[dict[str, object]]], secrets: list[bytes], log: bytes) -> None:
    """None of these stands in any row or in the log."""
    for table, rows in tables.items():
        for row, one in itertools.product(rows, secrets):
            assert not any(form in contents(row) for form in forms(one)), f"{table} holds a secret of a link"
    assert not any(form in log for one in secrets for form in forms(one)), "the log holds a secret of a link"


def check_inventory(server: ServerProcess) -> None:
    """Every column of the running server's database stands in the inventory that operators read, and none besides."""
    told = set(MADE_KNOWN.findall(INVENTORY.read_text(encoding="utf-8")))
    held = set(server.kept.columns())
    of_either = {each for each in told if each[0].startswith(("pub_search", "pub_words"))}
    assert told - of_either <= held <= told


async def test_a_server_that_saw_every_way_to_meet_knows_nobody(
    people: People, server: ServerProcess, push: PushService, tmp_path: Path
) -> None:
    amina, boris, clara, dora = [await people.register(name) for name in NAMES]
    # By a username and a request, by a contact link, and by a group's link with a person's yes.
    await amina.set_username(USERNAME)
    await boris.add_username(f"@{USERNAME}", HELLO)
    await amina.sync()
    (request,) = amina.requests()
    assert request.text == HELLO
    await amina.accept_request(request.id)
    await sync_all([boris, amina, boris, amina])
    contact_link = await amina.contact_link()
    await dora.add_contact(contact_link)
    await sync_all([amina, dora])
    group = (await amina.create_group(TITLE, [amina.find_contact(boris.account_id)])).id
    made = await amina.make_group_link(amina.find_chat(group))
    assert made.link is not None
    await clara.join_group(made.link)
    await amina.sync()
    (joining,) = amina.join_requests(amina.find_chat(group))
    await amina.accept_join(amina.find_chat(group), joining.id)
    await settle([amina, boris, clara], [group])
    await amina.rename_group(amina.find_chat(group), RENAMED)
    recovery = boris.show_recovery_key()
    await boris.sync()

    # A linked device that takes the history, a device that is woken by push, a file, and a device that was lost.
    await say(amina, group, TEXTS[0])
    picture = tmp_path / PICTURE
    picture.write_bytes(SECRET.encode() * 3000)
    await amina.send_files(amina.find_chat(group), [picture], CAPTION)
    laptop = await people.link(amina)
    await settle([amina, laptop, boris, clara], [group])
    assert TEXTS[0] in texts(laptop, group)
    endpoint = await subscribe(clara, push)
    everyone = {
        client.account_id: [raw(client.account_id), *(mailbox_of(server, one) for one in devices)]
        for client, devices in ((amina, (amina, laptop)), (boris, (boris,)), (clara, (clara,)), (dora, (dora,)))
    }
    away = await people.switch_off(clara)
    lost = await people.switch_off(boris)
    for text in TEXTS[1:]:
        await say(amina, group, text)
    shutil.rmtree(lost)

    secrets = [*NAMES, USERNAME, TITLE, RENAMED, HELLO, *TEXTS, PICTURE, CAPTION, SECRET, recovery]
    secrets += [contact_link, made.link]
    linked, met = parse_group_link(made.link), parse_contact_link(contact_link)
    assert met.contact_token is not None
    of_links = [linked.invite_id, linked.contact_token, met.contact_token]
    chats = [raw(chat.id) for client in (amina, dora) for chat in client.chats()]
    seized(server, everyone, secrets=secrets, stored_sealed=[endpoint], of_links=of_links, groups=chats, key=recovery)
    assert server.rows()["push"]
    assert server.rows()["message"], "something waits for those who are away"
    check_inventory(server)

    # The lost device's account comes back, and everybody reads on.
    home = people._new_home()
    boris = people._keep(await Client.restore(home, server=server.url, key=recovery), home)
    everyone[boris.account_id].append(mailbox_of(server, boris))
    clara = await people.switch_on(away)
    await sync_all([boris, amina, clara, laptop], rounds=4)
    await settle([amina, laptop, boris, clara], [group])
    await say(boris, group, HELLO)
    await sync_all([amina, clara])
    assert texts(amina, group)[-1] == HELLO
    seized(server, everyone, secrets=secrets, stored_sealed=[endpoint], of_links=of_links, groups=chats, key=recovery)


async def subscribe(client: Client, push: PushService) -> str:
    """Have this device woken by push; the URL it is woken at."""
    config = await client._device.calls.call(control.CONFIG, control.Config)
    _, made = push.subscribe(config.push_key)
    await client.set_push(made.endpoint, p256dh=bytes(made.p256dh), auth=bytes(made.auth))
    return made.endpoint


def seized(
    server: ServerProcess,
    everyone: dict[str, list[bytes]],
    *,
    secrets: list[str],
    stored_sealed: list[str],
    of_links: list[bytes],
    groups: list[bytes],
    key: str,
) -> None:
    """Search all that there is, and show that each search finds what stands there.

    secrets: what no server ever has. stored_sealed: what it has to use, and keeps under its key.
    """
    tables, people, log = server.rows(), list(everyone.values()), server.log.read_bytes()
    identities = [one for ids in people for one in ids]
    check_no_content(server, [*secrets, *stored_sealed])
    check_nobody_beside_a_group(server, groups, identities)
    check_no_pair(tables, people)
    check_alone(tables, of_links, log)
    backup = derive_secrets(parse_key(key))
    beside = [row for row in tables["backup"] if row["locator"] == backup.locator]
    assert len(beside) == 1
    assert not any(form in contents(beside[0]) for one in (*identities, *groups) for form in forms(one))
    for row in tables["attachment"]:
        assert not any(form in contents(row) for one in (*identities, *groups) for form in forms(one))

    wanted = encoded(secrets)
    known = people[0][0]
    found = find_in_memory(server.process.pid, [*wanted, known])
    assert known in found, "the search finds what is in memory: the id of an account that was just served"
    assert [wanted[one] for one in found if one in wanted] == []

    # What was planted is found: two people in a row, a person beside a group, a text in a file, a secret in a row.
    first, second = people[0][0], people[1][0]
    with pytest.raises(AssertionError, match="ties two people"):
        check_no_pair({**tables, "planted": [{"a": first, "b": second.hex()}]}, people)
    with pytest.raises(AssertionError, match="secret of a link"):
        check_alone({**tables, "planted": [{"a": of_links[0]}]}, of_links, log)
    planted = server.data / "planted.txt"
    planted.write_text(f"log: {secrets[0]}", encoding="utf-8")
    with pytest.raises(AssertionError, match="stands in"):
        check_no_content(server, secrets)
    planted.unlink()
