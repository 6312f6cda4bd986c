"""`zajil admin disclose`: every stored column of one account, nothing of anybody else, and proof that it was logged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests import engines
from tests.server.people import Person
from tests.server.test_story import group_of_two
from tests.server.wire import Http, Wire

from zajil.cli.main import run_command
from zajil.moderation.audit.entries import check_record, parse_entry
from zajil.moderation.statistics.agreement import check_agreement
from zajil.moderation.statistics.months import month_of
from zajil.moderation.statistics.publish import read_report
from zajil.moderation.store import log
from zajil.protocol import cbor, control
from zajil.protocol.frames import Role
from zajil.protocol.ids import encode_b64, parse_b64
from zajil.protocol.push.message import public_bytes
from zajil.protocol.push.wire import B65, PutPush
from zajil.protocol.tlog.checkpoint import open_checkpoint, parse_key
from zajil.protocol.tlog.tree import check_inclusion, leaf_hash
from zajil.server.accounting import disclosure
from zajil.server.accounting.disclosure import APART, APART_COLUMNS, TIES, check_tables, disclosed_columns
from zajil.server.admin import disclose
from zajil.server.app import Server
from zajil.server.inventory import InventoryRow, collect

MakeWire = Callable[[Role], Wire]


def test_every_column_of_every_table_is_disclosed_or_named_as_not_tied_to_an_account() -> None:
    told = {(table, row.column) for table, columns in disclosed_columns().items() for row in columns}
    for row in collect():
        place = (row.table, row.column)
        apart = row.table in APART or place in APART_COLUMNS
        assert (place in told) != apart, place
    assert not set(APART_COLUMNS) - {(row.table, row.column) for row in collect()}
    # Wherever a column names an account, the table is tied, whatever anybody wrote about it.
    named = {row.table for row in collect() if row.column == "account_id"}
    assert named <= set(TIES)


def test_a_table_that_nobody_spoke_of_stops_every_disclosure(monkeypatch: pytest.MonkeyPatch) -> None:
    inventory = collect()
    check_tables(inventory)
    fresh = InventoryRow("diary", "account_id", "identifier", "x", "x")
    with pytest.raises(ValueError, match="diary"):
        check_tables([*inventory, fresh])
    with pytest.raises(ValueError, match="device"):
        check_tables([row for row in inventory if row.table != "device"])
    monkeypatch.setattr(disclosure, "collect", lambda: [*inventory, fresh])
    with pytest.raises(ValueError, match="diary"):
        disclosed_columns()


def test_a_new_column_of_a_tied_table_is_disclosed_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    new = InventoryRow("device", "mood", "text", "how it feels", "for ever")
    monkeypatch.setattr(disclosure, "collect", lambda: [*collect(), new])
    assert new in disclosed_columns()["device"]


class Disclosed:
    """A document as whoever gets it reads it."""

    def __init__(self, text: str) -> None:
        self.plain = json.loads(text)
        self.tables: dict[str, list[dict[str, object]]] = {}
        for table in self.plain["tables"]:
            names = [column["name"] for column in table["columns"]]
            self.tables[table["table"]] = [dict(zip(names, row, strict=True)) for row in table["rows"]]

    def check(self) -> int:
        """The number of its entry. Everything is checked by what stands in the document alone."""
        proof = self.plain["proof"]
        entry = parse_entry(parse_b64(proof["entry"]))
        tables = json.dumps(self.plain["tables"], sort_keys=True, separators=(",", ":"))
        record = cbor.encode(
            {
                "kind": "disclosure",
                "account": parse_b64(self.plain["account"]),
                "reference": self.plain["reference"],
                "at": self.plain["at"],
                "rows": hashlib.sha256(tables.encode()).digest(),
            }
        )
        check_record(entry, parse_b64(self.plain["salt"]), record)
        key = parse_key(proof["key"])
        head = open_checkpoint(proof["checkpoint"].encode(), [key], origin=key.name)
        path = [parse_b64(each) for each in proof["path"]]
        check_inclusion(leaf_hash(parse_b64(proof["entry"])), path, index=entry.n, size=head.size, root=head.root)
        assert entry.kind == "disclosure"
        assert entry.actor_pseudonym == b""
        return entry.n


def stored(data: Path) -> dict[str, list[dict[str, object]]]:
    """Every row of every table, as it lies on the disk."""
    with engines.beside(data) as kept:
        return engines.rows_of(kept)


def text_of(value: object) -> object:
    return encode_b64(value) if isinstance(value, bytes) else value


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def run(data: Path, account: str, *more: str) -> str:
        assert run_command(["admin", "disclose", account, "--data", str(data), *more]) == 0
        captured = capsys.readouterr()
        assert captured.err == ""
        return captured.out

    return run


@pytest.mark.slow
async def test_a_disclosure_is_exactly_what_is_stored_of_that_account(
    server: Server, http: Http, wire: MakeWire, tmp_path: Path, told: Callable[..., str]
) -> None:
    mine = Person(devices={1: Ed25519PrivateKey.generate(), 2: Ed25519PrivateKey.generate()})
    other = Person()
    one, two = await http.register(mine), await http.register(other)
    async with wire(Role.S) as s:
        group = await group_of_two(http, s, two, one)
        await s.ask(group.send(5, b"a text that nobody may read"))
    point = public_bytes(ec.generate_private_key(ec.SECP256R1()))
    push = PutPush("https://fcm.googleapis.com/x", B65(point), control.B16(bytes(16)))
    await http.call(control.PUT_PUSH, push, auth=one)
    data = tmp_path / "data"
    found = Disclosed(told(data, encode_b64(mine.account_id), "--reference", "Court 12/2026"))
    rows = stored(data)
    boxes = [row["mailbox_id"] for row in rows["device"] if row["account_id"] == mine.account_id]
    held = {row["message_id"] for row in rows["mailbox_item"] if row["mailbox_id"] in boxes}
    expected = {
        "account": [row for row in rows["account"] if row["id"] == mine.account_id],
        "account_measure": [],
        "bridge_asker": [],
        "mod_complainant": [],
        "mailbox": [row for row in rows["mailbox"] if row["mailbox_id"] in boxes],
        "mailbox_item": [row for row in rows["mailbox_item"] if row["mailbox_id"] in boxes],
        "message": [row for row in rows["message"] if row["id"] in held],
    }
    expected["push_due"] = [row for row in rows["push_due"] if row["mailbox_id"] in boxes]
    for table in ("contact_token", "device", "device_list", "key_package", "push", "session_token", "username"):
        expected[table] = [row for row in rows[table] if row["account_id"] == mine.account_id]
    for row in expected["message"]:
        assert isinstance(row.pop("refs"), int)
    assert found.tables.keys() == expected.keys()
    for table, wanted in expected.items():
        plain = [{name: text_of(value) for name, value in row.items()} for row in wanted]
        key = lambda row: json.dumps(row, sort_keys=True)  # noqa: E731
        assert sorted(found.tables[table], key=key) == sorted(plain, key=key), table
    assert len(found.tables["device"]) == 2
    assert len(found.tables["message"]) >= 1
    assert len(found.tables["push"]) == 1
    assert "fcm" not in json.dumps(found.plain), "where the device is woken is sealed"
    # Nothing of the other one, and no text.
    text = json.dumps(found.plain)
    assert encode_b64(other.account_id) not in text
    assert not any(
        str(text_of(row["mailbox_id"])) in text for row in rows["device"] if row["account_id"] == other.account_id
    )
    assert "a text that nobody may read" not in text
    # And nothing else in the whole database holds the account's id.
    for table, each_row in ((table, row) for table, all_rows in rows.items() for row in all_rows):
        if any(isinstance(value, bytes) and value.find(mine.account_id) >= 0 for value in each_row.values()):
            assert table in TIES, table
            assert table != "message"


@pytest.mark.slow
async def test_a_disclosure_is_logged_without_saying_about_whom_and_counted_in_the_report(
    server: Server, http: Http, tmp_path: Path, told: Callable[..., str]
) -> None:
    person = Person()
    await http.register(person)
    data, account = tmp_path / "data", encode_b64(person.account_id)
    reference = "Ministry of X, file 4711"
    documents = [Disclosed(told(data, account, "--reference", reference)) for _ in range(3)]
    assert [each.check() for each in documents] == [0, 1, 2]
    assert len({each.plain["salt"] for each in documents}) == 3
    files = b"".join(path.read_bytes() for path in data.glob("zajil.db*"))
    assert reference.encode() not in files
    assert hashlib.sha256(reference.encode()).digest() not in files
    for row in stored(data)["mod_audit_entry"]:
        assert isinstance(row["data"], bytes)
        assert row["data"].find(person.account_id) < 0
    now = documents[-1].plain["at"]
    report = server._db.read_sync(lambda db: read_report(db, month_of(now), server="localhost", now=now))
    assert report.government_requests == 3
    assert report.log.kinds["disclosure"] == 3
    assert not server._db.read_sync(lambda db: check_agreement(db, report)).differences
    touched = documents[0]
    touched.plain["tables"][0]["rows"][0][1] = 1
    with pytest.raises(Exception, match="bad-signature"):
        touched.check()


@pytest.mark.slow
async def test_an_unknown_account_is_refused_clearly_and_not_logged(
    server: Server, http: Http, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await http.register(Person())
    data = tmp_path / "data"
    unknown = encode_b64(Person().account_id)
    command = ["admin", "disclose", "--data", str(data)]
    assert run_command([*command, unknown, "--reference", "x"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: no-account: ")
    assert unknown in captured.err
    for wrong in ("", "nobody", unknown + "A", unknown[:-1] + "!"):
        assert run_command([*command, "--reference", "x", "--", wrong]) == 2
        assert capsys.readouterr().err.startswith("error: bad-account: ")
    assert run_command([*command, unknown]) == 2
    assert run_command([*command, unknown, "--reference", " "]) == 2
    assert server._db.read_sync(log.count_entries) == 0
    assert disclose(data, Person().account_id, reference="x") is None
    assert server._db.read_sync(log.count_entries) == 0
