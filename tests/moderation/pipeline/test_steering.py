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
from zajil.moderation.store import log, matches
from zajil.moderation.store.transparency import changes
from zajil.protocol.errors import Malformed, Refused
from zajil.protocol.review.suspensions import LiftSuspension
from zajil.protocol.tlog.checkpoint import NoteKey, parse_key
from zajil.server.moderation.proof import export_log, public_key, verify_export, verify_stored
from zajil.server.moderation.steering import (
    activate_policy,
    add_to_list,
    check_policy_file,
    diff_with_active,
    lift,
    note,
    remove_from_list,
    replay_policy,
    show_lists,
    show_suspensions,
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


RULE = "fraud-offer-with-contact"
OFFERS = [
    "Guaranteed profit from the first week on, our analysts trade while you sleep, ask @night_desk_one",
    "A cousin of mine found guaranteed profit in pearl farming and shares the shore with few: @pearl_bay_two",
    "Tickets for the circle of guaranteed profit are drawn on Sunday, reserve yours now with @circle_three",
    "No risk at all, guaranteed profit by the rules of my late uncle's notebook, copies from @notebook_four",
    "Whoever plants olives on the eastern slope has guaranteed profit by autumn, seedlings at @olive_five",
    "Old coins bought by weight are guaranteed profit for patient people, the list is with @coins_six",
    "The harbour master swears by guaranteed profit from empty containers, ask him as @harbour_seven",
]


async def post_one(square: Square, text: str) -> str:
    """What becomes of a post that is judged by what holds now: the batch before it learns of that."""
    await square.crowd([BENIGN])
    await square.work()
    (post,) = await square.crowd([text])
    await square.work()
    return post


async def reverse(square: Square, texts: list[str]) -> None:
    """People let stand what a program acted on."""
    for text in texts:
        post = await post_one(square, text)
        assert square.state(post) in ("held", "removed")
        await square.judge(post, "allow")


async def test_a_suspended_rule_is_shown_with_its_reversals_and_counts_again_once_it_is_lifted(square: Square) -> None:
    assert isinstance(square.clock, Clock)
    assert show_suspensions(square.data).suspensions == ()
    await reverse(square, OFFERS[:3])
    (found,) = show_suspensions(square.data).suspensions
    assert (found.kind, found.ref, found.since, found.stands) == ("rule", RULE, int(square.clock()), True)
    assert [each.text for each in found.reversals] == OFFERS[2::-1]
    assert {(each.action, each.category) for each in found.reversals} == {("hold", "fraud")}
    assert square.state(await post_one(square, OFFERS[3])) == "visible"
    for kind, name in (("rule", "no-such-rule"), ("domain", RULE)):
        with pytest.raises(Refused, match="gone"):
            lift(square.data, LiftSuspension(kind, name, "why not"), now=square.clock())  # type: ignore[arg-type]
    size = verify_stored(square.data).size
    lift(square.data, LiftSuspension("rule", RULE, "the three were a mistake of one colleague"), now=square.clock())
    assert show_suspensions(square.data).suspensions == ()
    assert verify_stored(square.data).size == size + 1
    assert square.rows("SELECT kind, record FROM mod_audit_record") == [
        ("policy", f"lift rule {RULE}: the three were a mistake of one colleague")
    ]
    # What was reversed before the lift was looked at: it takes three more.
    square.clock.advance(2)
    await reverse(square, OFFERS[4:6])
    assert show_suspensions(square.data).suspensions == ()
    await reverse(square, OFFERS[6:])
    (again,) = show_suspensions(square.data).suspensions
    assert (again.ref, again.since) == (RULE, int(square.clock()))
    lift(square.data, LiftSuspension("rule", RULE, "again"), now=square.clock())
    assert square.rows("SELECT count(*) FROM mod_suspension") == [(1,)]
    square.clock.advance(86_401)
    await forget(square.decisions)
    assert square.rows("SELECT count(*) FROM mod_suspension") == [(0,)]


async def test_a_suspended_entry_of_a_list_counts_again_once_it_is_lifted_or_listed_anew(square: Square) -> None:
    def links(*numbers: int) -> list[str]:
        return [f"{OFFERS[n].split(',')[0].lower()} https://shop.bargain-harbour.com/{n}" for n in numbers]

    texts = [text.replace("guaranteed profit", "a pot of tea") for text in links(0, 1, 2, 3)]
    add_to_list(square.data, "domain", "bargain-harbour.com", category="fraud", source="ours", now=square.clock())
    await reverse(square, texts[:3])
    (found,) = show_suspensions(square.data).suspensions
    assert (found.kind, found.ref, found.stands) == ("domain", "bargain-harbour.com", True)
    assert len(found.reversals) == 3
    assert [each.suspended for each in show_lists(square.data)] == [True]
    lift(square.data, LiftSuspension("domain", "BARGAIN-harbour.com", "it is one"), now=square.clock())
    assert [each.suspended for each in show_lists(square.data)] == [False]
    assert square.state(await post_one(square, texts[3])) == "removed"
    assert ("list", "lift domain bargain-harbour.com: it is one") in square.rows(
        "SELECT kind, record FROM mod_audit_record"
    )
    for again in (remove_from_list, None):
        square.db.write_sync(
            lambda db: matches.put_suspension(db, "url", "domain bargain-harbour.com", now=int(square.clock()))
        )
        if again is not None:
            again(square.data, "domain", "bargain-harbour.com", now=square.clock())
        add_to_list(square.data, "domain", "bargain-harbour.com", category="fraud", source="ours", now=square.clock())
        assert show_suspensions(square.data).suspensions == ()


async def test_a_suspended_rule_that_a_policy_brings_back_counts_again(square: Square, tmp_path: Path) -> None:
    square.db.write_sync(lambda db: matches.put_suspension(db, "rule", RULE, now=int(square.clock())))
    other = tmp_path / "other"
    other.mkdir()
    path = next_policy(other, f"id: {RULE}\n", "id: fraud-offer-of-another-name\n")

    def activate(path: Path) -> None:
        candidate = check_policy_file(path).policy
        assert candidate is not None
        replay_policy(square.data, path, candidate, now=square.clock())
        assert activate_policy(square.data, candidate, now=square.clock())

    activate(path)
    assert [each.stands for each in show_suspensions(square.data).suspensions] == [False]
    text = path.read_text(encoding="utf-8").replace("version: 2\n", "version: 3\n", 1)
    back = path.with_name("policy-3.yaml")
    back.write_text(text.replace("id: fraud-offer-of-another-name\n", f"id: {RULE}\n"), encoding="utf-8")
    activate(back)
    assert show_suspensions(square.data).suspensions == ()
    records = [record for (record,) in square.rows("SELECT record FROM mod_audit_record WHERE kind = 'policy'")]
    assert f"lift rule {RULE}: added anew" in records


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
