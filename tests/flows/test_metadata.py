"""What a seized server holds after a story: no text, no name, no title, and nobody beside a group."""

from __future__ import annotations

import base64
import itertools
from pathlib import Path

import pytest
from tests.flows.people import ARABIC, RUSSIAN, People, befriend, say, settle, sync_all
from tests.flows.server import ServerProcess

from zajil.client import Client
from zajil.protocol.identity.recovery import derive_secrets, parse_key

pytestmark = [pytest.mark.flows, pytest.mark.slow]

NAMES = ("Аминэ Зоркая", "بوريس القديم", "Clarabella Quick")
TITLE = "Тайный поход · السر"
PICTURE, CAPTION, SECRET = "карта перевала.png", "the pass, by night", "a very secret map of the pass"
TEXTS = (ARABIC, RUSSIAN, "the-third-stone-hides-the-key 🗝️", "a note of my own 📝")


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def forms(identifier: bytes) -> list[bytes]:
    """How an id could be written down: raw, base64url and hex."""
    return [identifier, base64.urlsafe_b64encode(identifier).rstrip(b"="), identifier.hex().encode()]


def contents(row: dict[str, object]) -> bytes:
    return b"\0".join(value if isinstance(value, bytes) else str(value).encode() for value in row.values())


def check_no_content(server: ServerProcess, secrets: list[str]) -> None:
    for name, data in server.files().items():
        for secret in secrets:
            for encoding in ("utf-8", "utf-16-le"):
                assert secret.encode(encoding) not in data, f"{secret!r} stands in {name}"
            escaped = secret.encode("unicode_escape")
            assert escaped not in data or escaped == secret.encode(), f"{secret!r} stands escaped in {name}"


def check_nobody_beside_a_group(server: ServerProcess, groups: list[bytes], people_ids: list[bytes]) -> None:
    tables = server.rows()
    assert {row["gid"] for row in tables["grp"]} >= set(groups), "the story's groups are there to be found"
    for table, rows in tables.items():
        for row in rows:
            held = contents(row)
            beside = [(g, p) for g, p in itertools.product(groups, people_ids)
                      if any(f in held for f in forms(g)) and any(f in held for f in forms(p))]  # fmt: skip
            assert not beside, f"a row of {table} puts an account or mailbox beside a group"
    for table in set(tables) - {"grp"}:
        for row in tables[table]:
            held = contents(row)
            assert not any(form in held for group in groups for form in forms(group)), f"{table} names a group"
    log = server.log.read_bytes()
    for identifier in (*groups, *people_ids):
        assert not any(form in log for form in forms(identifier)), "the log names someone"


async def test_a_seized_server_knows_no_text_no_name_and_nobody_beside_a_group(
    people: People, server: ServerProcess, tmp_path: Path
) -> None:
    amina, boris, clara = clients = [await people.register(name) for name in NAMES]
    dms = [(await befriend(amina, other)).id for other in (boris, clara)]
    contacts = [amina.find_contact(other.whoami().account_id) for other in (boris, clara)]
    group = (await amina.create_group(TITLE, contacts)).id
    key = parse_key(amina.show_recovery_key())
    await sync_all(clients)
    laptop = await people.link(amina)
    await settle([*clients, laptop], [group])
    identities = [raw(client.whoami().account_id) for client in clients]
    identities += [mailbox_of(server, client) for client in (*clients, laptop)]
    homes = [await people.switch_off(client) for client in (clara, laptop)]
    for text in TEXTS[:3]:
        await say(amina, group, text)
        await say(boris, dms[0], text)
    (note,) = [chat.id for chat in amina.chats() if chat.kind == "self"]
    await say(amina, note, TEXTS[3])
    picture = tmp_path / PICTURE
    picture.write_bytes(SECRET.encode() * 2000)
    await amina.send_files(amina.find_chat(group), [picture], CAPTION)
    groups = [raw(chat) for chat in (group, note, *dms)]

    # Two devices are offline: messages are pending, and the documented pointer is all that joins their receivers.
    tables = server.rows()
    assert tables["message"]
    assert set(tables["message"][0]) == {"id", "kind", "epoch", "ts", "body", "frank", "refs", "expires"}
    assert set(tables["mailbox_item"][0]) == {"mailbox_id", "seq", "message_id", "size", "via"}
    check_no_content(server, [*NAMES, TITLE, *TEXTS, PICTURE, CAPTION, SECRET])
    check_nobody_beside_a_group(server, groups, identities)
    check_nobody_beside_an_attachment(server, [*groups, *identities])
    await amina.sync()
    check_nobody_beside_a_backup(server, key, [*groups, *identities])

    clara, laptop = [await people.switch_on(home) for home in homes]
    clients = [amina, boris, clara]
    await sync_all([*clients, laptop], rounds=2)
    check_no_content(server, [*NAMES, TITLE, *TEXTS, PICTURE, CAPTION, SECRET])
    check_nobody_beside_a_group(server, groups, identities)
    tables = server.rows()
    own = {mailbox_of(server, client) for client in (*clients, laptop)}
    assert not [row for row in tables["mailbox_item"] if row["mailbox_id"] in own], "delivered means deleted"


def check_nobody_beside_an_attachment(server: ServerProcess, others: list[bytes]) -> None:
    """Whose a file is, and in which chat, stands in no table, no name of a file and no log."""
    tables = server.rows()
    (row,) = tables["attachment"]
    assert set(row) == {"id", "size", "sha256", "upload_hash", "done", "expires"}
    identity = row["id"]
    assert isinstance(identity, bytes)
    assert not any(form in contents(row) for other in others for form in forms(other))
    for table in set(tables) - {"attachment"}:
        for each in tables[table]:
            assert not any(form in contents(each) for form in forms(identity)), f"{table} names an attachment"
    assert not any(form in server.log.read_bytes() for form in forms(identity))
    (path,) = [path for path in (server.data / "attachments").rglob("*") if path.is_file()]
    assert path.name == identity.hex()
    assert path.stat().st_size == row["size"]


def check_nobody_beside_a_backup(server: ServerProcess, key: bytes, others: list[bytes]) -> None:
    """Whose an encrypted backup is stands in no table and no log, and nothing of its key anywhere."""
    tables, secrets = server.rows(), derive_secrets(key)
    (row,) = [row for row in tables["backup"] if row["locator"] == secrets.locator]
    assert set(row) == {"locator", "auth_pub", "version", "blob", "sig", "day"}
    assert not any(form in contents(row) for other in others for form in forms(other))
    for table in set(tables) - {"backup"}:
        for each in tables[table]:
            held = contents(each)
            named = [form for secret in (secrets.locator, secrets.auth_pub) for form in forms(secret) if form in held]
            assert not named, f"{table} names a backup"
    for data in (*server.files().values(), server.log.read_bytes()):
        assert not any(form in data for secret in (key, secrets.auth, secrets.enc) for form in forms(secret))
    assert not any(form in server.log.read_bytes() for form in forms(secrets.locator))


def mailbox_of(server: ServerProcess, client: Client) -> bytes:
    me = client.whoami()
    (row,) = [
        row
        for row in server.rows()["device"]
        if row["account_id"] == raw(me.account_id) and row["device_id"] == me.device_id
    ]
    mailbox = row["mailbox_id"]
    assert isinstance(mailbox, bytes)
    return mailbox
