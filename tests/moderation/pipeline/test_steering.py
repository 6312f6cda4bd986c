"""What an operator steers with: lists, policies, and the proof that the log is whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
from sqlalchemy import Connection
from tests import engines
from tests.moderation.pipeline.square import BENIGN, FRAUD, Clock, Square

from zajil.cli.main import run_command
from zajil.engine.moderationkeys import FILE_NAME, ModerationKeys
from zajil.engine.sql.sqlite.database import SQLiteDatabase
from zajil.engine.sql.sqlite.turn import Turn
from zajil.moderation.audit.entries import hash_record, parse_entry
from zajil.moderation.audit.export import parse_export
from zajil.moderation.pipeline.upkeep import forget
from zajil.moderation.policy.packaged import NEWEST
from zajil.moderation.store import log
from zajil.moderation.store.transparency import changes
from zajil.protocol.errors import Malformed, Refused
from zajil.protocol.tlog.checkpoint import NoteKey, parse_key
from zajil.server.moderation.proof import export_log, public_key, verify_export, verify_stored
from zajil.server.moderation.steering import (
    activate_policy,
    add_to_list,
    check_policy_file,
    diff_with_active,
    note,
    remove_from_list,
    replay_policy,
    show_lists,
)

LINK = f"{BENIGN}, all about it at https://shop.bargain-harbour.com/tickets"


def next_policy(folder: Path, old: str, new: str) -> Path:
    """Version 2: the packaged policy with one thing changed, and its lists."""
    packaged = resources.files("zajil.moderation.policy")
    text = (packaged / NEWEST).read_text(encoding="utf-8")
    assert old in text
    (folder / "lists").mkdir()
    for each in (packaged / "lists").iterdir():
        (folder / "lists" / each.name).write_bytes(each.read_bytes())
    path = folder / "policy-2.yaml"
    path.write_text(text.replace("version: 1\n", "version: 2\n", 1).replace(old, new, 1), encoding="utf-8")
    return path


async def test_a_listed_domain_is_met_by_the_next_post_and_no_more_once_it_is_off(square: Square) -> None:
    author = square.persona()
    channel = square.channel(author)
    before = await square.post(author, channel, LINK)
    await square.work()
    assert add_to_list(square.data, "domain", "BARGAIN-harbour.com", category="fraud", source="ours") == (
        "bargain-harbour.com"
    )
    met = await square.post(author, channel, f"{LINK}?a=1")
    await square.work()
    assert (square.state(before), square.state(met)) == ("visible", "removed")
    assert square.rows("SELECT source, because FROM mod_decision") == [
        ("match", "match.listed domain bargain-harbour.com")
    ]
    assert [each.value for each in show_lists(square.data)] == ["bargain-harbour.com"]
    assert remove_from_list(square.data, "domain", "bargain-harbour.com")
    assert not remove_from_list(square.data, "domain", "bargain-harbour.com")
    after = await square.post(author, channel, f"{LINK}?a=2")
    await square.work()
    assert square.state(after) == "visible"
    # Both changes and the decision between them stand in the log.
    assert verify_stored(square.data).size == 3


async def test_a_policy_is_checked_compared_replayed_and_only_then_activated(square: Square, tmp_path: Path) -> None:
    path = next_policy(
        tmp_path,
        "id: fraud-offer-with-contact\n    category: fraud\n    action: hold",
        "id: fraud-offer-with-contact\n    category: fraud\n    action: limit",
    )
    candidate = check_policy_file(path).policy
    assert candidate is not None
    paths = [change.path for change in diff_with_active(square.data, candidate)]
    assert "rules.fraud-offer-with-contact.action" in paths
    (held,) = await square.crowd([FRAUD])
    await square.work()
    now = square.clock()
    with pytest.raises(Refused):
        activate_policy(square.data, candidate, now=now)
    report = replay_policy(square.data, path, candidate, now=now)
    assert report.posts == 1
    assert activate_policy(square.data, candidate, now=now)
    # The batch that stores learns of it, the one after it is judged by it.
    await square.crowd([BENIGN])
    await square.work()
    (limited,) = await square.crowd([f"{FRAUD}, or two"])
    await square.work()
    assert (square.state(held), square.state(limited)) == ("held", "limited")
    assert square.decisions.policy().version == 2
    with pytest.raises(Refused):
        activate_policy(square.data, candidate, now=now)


@pytest.mark.sqlite
async def test_an_export_holds_up_nobody_who_writes(square: Square, monkeypatch: pytest.MonkeyPatch) -> None:
    await square.crowd([f"{FRAUD} {number}" for number in range(2)])
    await square.work()
    read_entries = log.read_entries

    def written_meanwhile(db: Connection) -> Iterator[bytes]:
        # The server's process decides something while the log is read: it must get its turn, and is not in the file.
        square.db.write_sync(lambda other: note(other, keys, "list", "add", admin="somebody", now=int(square.clock())))
        return read_entries(db)

    keys = ModerationKeys.load(square.data / FILE_NAME)
    assert isinstance(square.db, SQLiteDatabase)
    square.db.turn.close()
    square.db.turn = Turn(square.db.path.with_name("zajil.db-turn"), deadline_s=0.5)
    monkeypatch.setattr(log, "read_entries", written_meanwhile)
    file = export_log(square.data, now=square.clock())
    key = public_key(square.data)
    assert verify_export(file, key=key, origin=key.name).size == 2
    assert square.rows("SELECT count(*) FROM mod_audit_entry") == [(3,)]


async def test_any_change_of_log_or_decision_is_found(square: Square) -> None:
    await square.crowd([f"{FRAUD} {number}" for number in range(4)])
    await square.work()
    assert verify_stored(square.data).decisions == 4
    file = export_log(square.data, now=square.clock())
    key = public_key(square.data)
    assert verify_export(file, key=parse_key(key.text()), origin=key.name).size == 4
    report = verify_stored(square.data)
    assert (report.size, report.unsigned, report.checkpoints) == (4, 0, 1)
    for change in (
        "UPDATE mod_decision SET category = 'spam' WHERE seq = 2",
        "UPDATE mod_decision SET action = 'allow' WHERE seq = 2",
        "UPDATE mod_decision SET actor = x'00112233445566778899aabbccddeeff' WHERE seq = 2",
        "UPDATE mod_audit_entry SET data = (SELECT data FROM mod_audit_entry WHERE n = 1) WHERE n = 2",
        "DELETE FROM mod_audit_entry WHERE n = 3",
    ):
        saved = square.db.read_sync(lambda db: list(log.read_entries(db)))
        assert len(saved) == 4

        class Undo(Exception):
            pass

        with pytest.raises(Undo):
            square.db.write_sync(lambda db: _tamper(square, db, change, Undo))  # noqa: B023  # called at once


async def test_nobody_reads_a_listed_number_out_of_the_public_log(square: Square) -> None:
    """Every number that it could be is tried, with every salt that is known to all."""
    number = "79000001122"
    add_to_list(square.data, "phone", number, category="fraud", source="ours")
    remove_from_list(square.data, "phone", number)
    add_to_list(square.data, "phone", number, category="fraud", source="ours")
    file = export_log(square.data, now=square.clock())
    hashes = {entry.decision_hash for entry in map(parse_entry, parse_export(file).entries)}
    assert len(hashes) == 3, "nor whether it is the same again"
    for guess in (f"79000001{end}" for end in range(100, 200)):
        for said in (f"add phone {guess} fraud", f"remove phone {guess}"):
            assert hash_record(bytes(16), said.encode()) not in hashes
            assert hashlib.sha256(said.encode()).digest() not in hashes
    assert number.encode() not in file
    # The server shows of each that it is in the log, until its time is over.
    assert verify_stored(square.data).changes == 3
    for change in (
        "UPDATE mod_audit_record SET record = replace(record, '1122', '1123') WHERE n = 1",
        "UPDATE mod_audit_record SET kind = 'policy' WHERE n = 1",
        "UPDATE mod_audit_record SET n = 9 WHERE n = 1",
    ):

        class Undo(Exception):
            pass

        with pytest.raises(Undo):
            square.db.write_sync(lambda db: _tamper(square, db, change, Undo))  # noqa: B023  # called at once


async def test_what_a_list_held_is_forgotten_and_the_log_stays_whole(square: Square, clock: Clock) -> None:
    add_to_list(square.data, "phone", "79000001122", category="fraud", source="ours", now=clock())
    clock.advance(changes.LIST_KEPT_S)
    await forget(square.decisions)
    assert verify_stored(square.data).changes == 1
    clock.advance(1)
    await forget(square.decisions)
    assert square.rows("SELECT count(*) FROM mod_audit_record") == [(0,)]
    report = verify_stored(square.data)
    assert (report.size, report.changes) == (1, 0)


def _tamper(square: Square, db: object, change: str, undo: type[Exception]) -> None:
    from sqlalchemy import Connection

    from zajil.engine.moderationkeys import FILE_NAME, ModerationKeys
    from zajil.server.moderation import proof

    assert isinstance(db, Connection)
    db.exec_driver_sql(engines.spoken(change))
    keys = ModerationKeys.load(square.data / FILE_NAME)
    with pytest.raises(Malformed):
        proof._verify(db, keys, "localhost/moderation", None)
    raise undo


async def test_the_commands_say_the_same(square: Square, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = ["--data", str(square.data)]
    await square.crowd([FRAUD])
    await square.work()
    assert run_command(["moderation", "log", "verify", "--json", *data]) == 0
    assert json.loads(capfd.readouterr().out)["decisions"] == 1
    key = public_key(square.data)
    other = NoteKey(key.name, bytes(32))
    for given, code in ((key.text(), 0), (other.text(), 4), ("mistyped", 2)):
        assert run_command(["moderation", "log", "verify", "--key", given, *data]) == code
    assert "log-broken" not in capfd.readouterr().err
    assert run_command(["moderation", "lists", "add", "phone", "+7 900 000-11-22", "--category", "fraud", *data]) == 0
    assert run_command(["moderation", "lists", "show", "--json", *data]) == 0
    assert json.loads(capfd.readouterr().out.splitlines()[-1])[0]["value"] == "79000001122"
    path = next_policy(tmp_path, "action: hold", "action: vanish")
    assert run_command(["moderation", "policy", "check", str(path)]) == 1
    assert "wrong-value" in capfd.readouterr().out
    path.write_text(path.read_text(encoding="utf-8").replace("action: vanish", "action: limit"), encoding="utf-8")
    assert run_command(["moderation", "policy", "check", str(path), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["version"] == 2
    assert run_command(["moderation", "policy", "diff", str(path), *data]) == 0
    assert "action" in capfd.readouterr().out
    assert run_command(["moderation", "policy", "activate", str(path), *data]) == 1
    assert run_command(["moderation", "policy", "replay", str(path), "--json", *data]) == 0
    assert run_command(["moderation", "log", "export", str(tmp_path / "log"), *data]) == 0
    assert run_command(["moderation", "log", "verify", str(tmp_path / "log"), *data]) == 0
    broken = bytearray((tmp_path / "log").read_bytes())
    broken[60] ^= 1
    (tmp_path / "log").write_bytes(broken)
    assert run_command(["moderation", "log", "verify", str(tmp_path / "log"), *data]) == 4
