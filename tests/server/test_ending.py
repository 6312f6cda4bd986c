"""`zajil admin delete-account`: what a restored server knows again ends for good, and leaves what its owner would."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.server.people import Person
from tests.server.test_disclosure import stored
from tests.server.test_story import group_of_two
from tests.server.wire import Http, Wire, control_hash

from zajil.auth import retention, store
from zajil.bridges.registry import store as bridge_store
from zajil.cli.main import run_command
from zajil.moderation.audit.entries import check_record, parse_entry
from zajil.moderation.statistics.agreement import check_agreement
from zajil.moderation.statistics.months import month_of
from zajil.moderation.statistics.publish import read_report
from zajil.moderation.store import log
from zajil.protocol import control
from zajil.protocol.frames import Role
from zajil.protocol.ids import AccountId, encode_b64, parse_b64
from zajil.protocol.push.message import public_bytes
from zajil.protocol.push.wire import B65, PutPush
from zajil.server.app import Server

MakeWire = Callable[[Role], Wire]


class Household:
    """Somebody with two devices, of whom the server holds a row of every kind."""

    def __init__(self) -> None:
        self.person = Person(devices={1: Ed25519PrivateKey.generate(), 2: Ed25519PrivateKey.generate()})
        self.auth = ""

    @property
    def account_id(self) -> AccountId:
        return self.person.account_id

    async def move_in(self, server: Server, http: Http, wire: MakeWire, guest: str) -> None:
        self.auth = await http.register(self.person)
        async with wire(Role.S) as s:
            await s.ask((await group_of_two(http, s, guest, self.auth)).send(5))
        point = public_bytes(ec.generate_private_key(ec.SECP256R1()))
        push = PutPush("https://fcm.googleapis.com/x", B65(point), control.B16(bytes(16)))
        await http.call(control.PUT_PUSH, push, auth=self.auth)
        token = control.PutContactToken("profile", 0, 0)
        await http.call(control.PUT_CONTACT_TOKEN, token, auth=self.auth, hash=encode_b64(self.account_id * 2))
        await http.call(control.PUT_USERNAME, auth=self.auth, username=encode_b64(self.account_id * 2))
        who = server._registry.keys.pseudonym("bridge_asker", self.account_id)
        server._db.write_sync(lambda db: bridge_store.note_asked(db, who, day=server._registry.today()))

    def rows(self, server: Server, data: Path) -> dict[str, int]:
        """By table: how many rows hold the account's id, its hash or a mailbox of it; no table that has none."""
        found = stored(data)
        who = server._registry.keys.pseudonym("bridge_asker", self.account_id)
        mine: set[object] = {self.account_id, self.account_id * 2, who}
        mine |= {row["mailbox_id"] for row in found["device"] if row["account_id"] == self.account_id}
        counted = {table: sum(any(v in mine for v in row.values()) for row in rows) for table, rows in found.items()}
        return {table: n for table, n in counted.items() if n}


async def end(data: Path, account_id: AccountId, capsys: pytest.CaptureFixture[str]) -> Mapping[str, object]:
    assert run_command(["admin", "delete-account", encode_b64(account_id), "--yes", "--json", "--data", str(data)]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    answer: Mapping[str, object] = json.loads(captured.out)
    return answer


@pytest.mark.slow
async def test_an_account_that_the_operator_ends_leaves_what_one_leaves_that_its_owner_deletes(
    server: Server, http: Http, wire: MakeWire, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    guest = await http.register(Person())
    owners, operators = Household(), Household()
    for each in (owners, operators):
        await each.move_in(server, http, wire, guest)
    before = owners.rows(server, data)
    assert before == operators.rows(server, data)
    assert set(before) >= {"account", "bridge_asker", "contact_token", "device", "mailbox", "mailbox_item", "push"}
    assert set(before) >= {"device_list", "session_token", "username"}

    tombstone = control.PutDeviceList(control.Blob(owners.person.next_list(devices=[])))
    await http.call(control.PUT_DEVICE_LIST, tombstone, auth=owners.auth)
    async with wire(Role.R) as r:
        await r.hello(operators.auth)
        answer = await end(data, operators.account_id, capsys)
        # No login, whoever signs it, from that moment on; a running server comes by the rest.
        assert await http.code(control.OWN_DATA, auth=operators.auth) == "token-expired"
        for device in (1, 2):
            with pytest.raises(Exception, match="device-revoked"):
                await http.log_in(operators.person, device)
        await retention.run_often(server._auth)
        assert await r.until_end() == "device-revoked"
    assert owners.rows(server, data) == {"account": 1, "device_list": 1, "username": 1}
    assert operators.rows(server, data) == {"account": 1, "username": 1}
    assert all(row["account_id"] == b"" for row in stored(data)["username"])
    for row in stored(data)["account"]:
        if row["id"] in (owners.account_id, operators.account_id):
            assert [row.pop("id"), *row.values()][1:] == [store.DELETED, 0, 0, 0, 0]

    # It is in the log, which tells nobody whom it was about but who has the salt.
    entry = answer["entry"]
    assert isinstance(entry, dict)
    logged = parse_entry(server._db.read_sync(lambda db: log.find_entry(db, entry["n"])) or b"")
    account = encode_b64(operators.account_id)
    check_record(logged, parse_b64(entry["salt"]), f"end account {account}".encode())
    assert logged.kind == "account"
    files = b"".join(path.read_bytes() for path in data.glob("zajil.db*"))
    assert parse_b64(entry["salt"]) not in files
    report = server._db.read_sync(lambda db: read_report(db, month_of(logged.at), server="localhost", now=logged.at))
    assert report.log.kinds["account"] == 1
    assert not server._db.read_sync(lambda db: check_agreement(db, report)).differences
    assert (await end(data, operators.account_id, capsys))["entry"] is None, "once is enough"
    assert server._db.read_sync(log.count_entries) == 1


@pytest.mark.slow
async def test_nobody_takes_up_an_account_again_that_the_operator_ended(
    server: Server, http: Http, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With every key there is: a device that was away, the account key of a recovery, or a registration anew."""
    person = Person()
    auth = await http.register(person)
    assert await http.code(control.PUT_DEVICE_LIST, control.PutDeviceList(blob(person.next_list())), auth=auth) == "ok"
    await end(tmp_path / "data", person.account_id, capsys)
    person.devices[2] = Ed25519PrivateKey.generate()
    for newest in (person.lists[0], person.next_list()):
        device = 1 if newest is person.lists[0] else 2
        signed = blob(person.login(control_hash(newest), device=device))
        body = control.CreateAccount(blob(newest), signed, control.Gate(None))
        expected = {1: "account-exists", 2: "bad-signature"}[device]
        assert await http.code(control.CREATE_ACCOUNT, body) == expected
    assert await http.code(control.PUT_DEVICE_LIST, control.PutDeviceList(blob(person.lists[-1])), auth=auth) != "ok"
    assert not [row for row in stored(tmp_path / "data")["device_list"] if row["account_id"] == person.account_id]


@pytest.mark.slow
async def test_nothing_ends_unasked_or_by_a_wrong_name(
    server: Server, http: Http, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    person = Person()
    auth = await http.register(person)
    command, at = ["admin", "delete-account"], ["--data", str(tmp_path / "data")]
    unknown = encode_b64(Person().account_id)
    for account, more, status, code in (
        (encode_b64(person.account_id), (), 2, "not-asked"),
        (unknown, ("--yes",), 1, "no-account"),
        ("nobody", ("--yes",), 2, "bad-account"),
    ):
        assert run_command([*command, *more, *at, "--", account]) == status
        assert capsys.readouterr().err.startswith(f"error: {code}: ")
    assert await http.code(control.OWN_DATA, auth=auth) == "ok"
    assert server._db.read_sync(log.count_entries) == 0


def blob(data: bytes) -> control.Blob:
    return control.Blob(data)
