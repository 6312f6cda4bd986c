"""A member reports from a private group at a terminal, over a real server; what moderators then read, and what not."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from tests.flows.server import ServerProcess
from tests.flows.terminal import Terminal
from tests.moderators import PASSPHRASE, choose_passphrase

from zajil.engine.sql.marks import key_mark
from zajil.moderation.private.keys import ModeratorKeys
from zajil.moderation.private.store import COMPLAINT, REPORT
from zajil.protocol.ids import parse_b64
from zajil.protocol.report.complaint import Complaint
from zajil.protocol.report.verified import VerifiedReport
from zajil.server.schema import find_database

pytestmark = [pytest.mark.moderation, pytest.mark.flows, pytest.mark.slow]

THREAT = "I will burn your house, @Clara. سأحرق بيتك"


@pytest.fixture
def group(
    server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[Terminal, Terminal, Terminal]:
    """Amina, Boris and Clara in the group "Street"."""
    choose_passphrase(server.data)
    amina, boris, clara = [Terminal(tmp_path / name, capsys) for name in ("Amina", "Boris", "Clara")]
    for terminal, name in ((amina, "Amina"), (boris, "Boris"), (clara, "Clara")):
        terminal.register(server, name)
    for other in (boris, clara):
        amina.ok("add", other.ok("contact-link").strip())
        other.ok("sync")
        amina.ok("sync")
    amina.ok("group", "create", "Street", "Boris", "Clara")
    for terminal in (boris, clara, amina):
        terminal.ok("sync")
    return amina, boris, clara


def read_inbox(server: ServerProcess) -> list[VerifiedReport | Complaint]:
    """What whoever has the moderators' passphrase reads."""
    keys = ModeratorKeys(server.data, clock=time.time)
    keys.unlock(PASSPHRASE)
    rows = server.ask("SELECT id, kind, body FROM mod_report ORDER BY n")
    kinds: dict[int, type[VerifiedReport | Complaint]] = {REPORT: VerifiedReport, COMPLAINT: Complaint}
    return [
        msgspec.msgpack.decode(keys.open(body, context=bytes([kind]) + report_id), type=kinds[kind])
        for report_id, kind, body in rows
    ]


def replace_keys(server: ServerProcess, content: bytes) -> None:
    """A database that has forgotten which keys it was used with, and these."""
    assert server.stop() == 0
    with closing(find_database(server.data)) as database:
        database.write_sync(lambda db: db.execute(key_mark.delete()))
    (server.data / "zajil.key").write_bytes(content)
    server.start()


def test_a_threat_in_a_group_is_reported_with_proof(
    server: ServerProcess, group: tuple[Terminal, Terminal, Terminal]
) -> None:
    amina, boris, clara = group
    first = boris.json("send", "Street", THREAT)["id"]
    clara.json("send", "Street", "please stop")
    amina.ok("sync")
    clara.ok("sync")
    boris.ok("edit", "Street", first, "only joking")
    clara.ok("sync")
    assert {message["text"] for message in clara.json("read", "Street")} == {"only joking", "please stop"}

    sent = clara.json("report", "Street", first[:8], "--reason", "violence_incitement", "--note", "he does it daily")
    assert sent["verified"] is True
    told = clara.err
    for words in ("Boris", THREAT, "only joking", "violence_incitement", "he does it daily"):
        assert words in told, "the reporter sees what is sent"
    assert "Moderators do not learn" in told

    (report,) = read_inbox(server)
    assert isinstance(report, VerifiedReport)
    assert report.sender_account == parse_b64(boris.json("whoami")["account_id"])
    assert [item.text for item in report.items] == [THREAT, "only joking"]
    assert (report.reason, report.note) == ("violence_incitement", "he does it daily")
    readable = msgspec.msgpack.encode(report)
    gid = clara.json("chats")[0]["id"]
    for hidden in (gid, *(terminal.json("whoami")["account_id"] for terminal in (amina, clara))):
        assert parse_b64(hidden) not in readable
        assert hidden.encode() not in readable
    for hidden in ("Street", "please stop", "Amina"):
        assert hidden.encode() not in readable


def test_what_has_no_proof_is_refused_and_may_go_as_a_complaint(
    server: ServerProcess, group: tuple[Terminal, Terminal, Terminal]
) -> None:
    _, boris, clara = group
    told = boris.json("send", "Street", "a threat of old times")["id"]
    own = clara.json("send", "Street", "mine")["id"]
    clara.ok("sync")
    clara.refused("not-reportable", "report", "Street", own, "--category", "spam")
    clara.refused("no-message", "report", "Street", "nosuchid", "--reason", "spam")
    clara.run("report", "Street", told, "--reason", "boredom")
    assert clara.code == 2

    before = len(read_inbox(server))
    # The server lost its marks, as one of an earlier version that went on without its key file's newest entry.
    path = server.data / "zajil.key"
    held = path.read_bytes()
    replace_keys(server, json.dumps(json.loads(held) | {"frank": {"1": "00" * 32}}).encode())
    try:
        clara.run("report", "Street", told, "--reason", "harassment")
        assert clara.code == 1
        assert "error: report-unverified: " in clara.err
        assert "text 1 does not carry this server's mark" in clara.err
        assert "--complaint" in clara.err
        assert len(read_inbox(server)) == before
        sent = clara.json("report", "Street", told, "--reason", "harassment", "--complaint")
        assert sent["verified"] is False
    finally:
        replace_keys(server, held)
    complaint = read_inbox(server)[-1]
    assert isinstance(complaint, Complaint)
    assert [item.text for item in complaint.items] == ["a threat of old times"]
    assert complaint.items[0].account == parse_b64(boris.json("whoami")["account_id"])
