"""What an operator types: an invite as code, link or QR, and the set-up of a server."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest
import segno
from sqlalchemy import select

from zajil.auth.names import store as names
from zajil.auth.tables import username
from zajil.bridges.registry import joining
from zajil.cli.main import run_command
from zajil.cli.qr import draw_qr
from zajil.moderation.store.transparency.changes import read_changes
from zajil.protocol.contacts.usernames import username_key
from zajil.protocol.control import JoinBridge
from zajil.protocol.identity.links import parse_contact_link
from zajil.protocol.ids import AccountId, encode_b64
from zajil.server.admin import invite_bridge, list_bridges, publish_bridge
from zajil.server.app import Server
from zajil.server.config import load_settings
from zajil.server.moderation.steering import opened


def told(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


@pytest.fixture
def data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    folder = tmp_path / "data"
    assert run_command(["init", "--domain", "chat.example", "--data", str(folder)]) == 0
    assert "https://chat.example" in told(capsys)
    return folder


@pytest.mark.slow
def test_an_invite_is_a_code_a_link_or_both(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["admin", "invite", "--data", str(data)]
    assert run_command(command) == 0
    code = told(capsys).strip()
    assert len(code) == 23
    assert run_command([*command, "--link"]) == 0
    link = parse_contact_link(told(capsys).strip())
    assert (link.server_name, link.front, link.account_id) == ("chat.example", "https://chat.example", None)
    assert link.code not in {None, code}
    assert run_command([*command, "--link", "--front", "http://127.0.0.1:9"]) == 0
    assert parse_contact_link(told(capsys).strip()).front == "http://127.0.0.1:9"
    for wrong in ("chat.example", "javascript:x", "https://a b", "https://a/#x"):
        assert run_command([*command, "--link", "--front", wrong]) == 1
        assert capsys.readouterr().out == ""
    assert run_command([*command, "--json", "--uses", "3"]) == 0
    answer = json.loads(told(capsys))
    assert answer["uses"] == 3
    assert parse_contact_link(answer["link"]).code == answer["invite"]
    assert run_command([*command, "--qr"]) == 0
    first, *code_lines = told(capsys).splitlines()
    assert code_lines == draw_qr(first, dark_ink=False)


def test_the_drawn_code_is_the_code() -> None:
    """Read back module by module, quiet zone included, in both inks."""
    text = "https://chat.example/i#" + "pAEBAmljaGF0LnRlc3QFGmst6TUId01HQVpFLVdBQjBFLTdR" * 3
    wanted = [[bool(m) for m in row] for row in segno.make(text, error="l", micro=False).matrix_iter(border=4)]
    ink = {"█": (True, True), "▀": (True, False), "▄": (False, True), " ": (False, False)}
    for dark_ink in (True, False):
        rows: list[list[bool]] = []
        for line in draw_qr(text, dark_ink=dark_ink):
            rows += [[ink[glyph][half] == dark_ink for glyph in line] for half in (0, 1)]
        assert rows[: len(wanted)] == wanted
        assert not any(module for row in rows[len(wanted) :] for module in row)
        assert max(map(len, rows)) <= 80


@pytest.mark.slow
def test_set_up_is_refused_twice_and_for_what_is_no_domain(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["init", "--domain", "other.example", "--data", str(data)]) == 1
    assert capsys.readouterr().err.startswith("error: setup-exists: ")
    assert run_command(["init", "--domain", "https://x", "--data", str(data / "new")]) == 2
    assert capsys.readouterr().err.startswith("error: bad-domain: ")
    assert not (data / "new").exists()
    assert run_command(["init"]) == 2


class Operator:
    """A data folder on which a server ran once, and bridges that joined it."""

    def __init__(self, data: Path) -> None:
        self.data = data

    async def run_once(self, *hosts: str) -> None:
        server = await Server.start(self.data, load_settings(self.data, port=0))
        try:
            for host in hosts:
                code, _ = invite_bridge(self.data)
                await joining.join(server._registry, JoinBridge(code, host, 443, "assets"), prefix=b"")
        finally:
            await server.stop()


@pytest.fixture
def bridged(data: Path) -> Path:
    asyncio.run(Operator(data).run_once("one.example", "two.example"))
    return data


@pytest.mark.slow
def test_an_operator_lists_publishes_and_removes_bridges(bridged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command, at = ["admin", "bridges"], ["--data", str(bridged)]
    assert run_command([*command, "list", *at]) == 0
    assert "one.example/assets" in told(capsys)
    assert run_command([*command, "list", "--json", *at]) == 0
    listed = json.loads(told(capsys))
    assert sorted(each["host"] for each in listed) == ["one.example", "two.example"]
    assert [(each["public"], each["tokens"]) for each in listed] == [(False, 0)] * 2
    one = next(each for each in listed if each["host"] == "one.example")
    assert run_command([*command, "public", one["id"], *at]) == 0
    assert "one.example" in told(capsys)
    assert run_command([*command, "remove", "two.example", "--json", *at]) == 0
    assert json.loads(told(capsys))["removed"] is True
    assert run_command([*command, "list", "--json", *at]) == 0
    assert [(each["host"], each["public"], each["tokens"]) for each in json.loads(told(capsys))] == [
        ("one.example", True, 1)
    ]
    for name in ("AAAAAAAAAAA", "two.example", "no id", ""):
        assert run_command([*command, "remove", name, *at]) == 1
        assert capsys.readouterr().err.startswith("error: no-bridge: ")


@pytest.mark.slow
def test_a_code_for_a_bridge_works_before_the_first_start_too(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["admin", "bridges", "invite", "--data", str(data)]) == 0
    assert len(told(capsys).strip()) == 23
    assert run_command(["admin", "bridges", "list", "--data", str(data)]) == 0
    assert "zajil admin bridges invite" in told(capsys)
    asyncio.run(Operator(data).run_once("one.example"))
    assert run_command(["admin", "bridges", "invite", "--json", "--data", str(data)]) == 0
    made = json.loads(told(capsys))
    assert made["expires"] > time.time() + 6 * 86_400


@pytest.mark.slow
def test_an_invite_carries_private_bridges_where_somebody_sees_it(
    bridged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command, at = ["admin", "invite"], ["--data", str(bridged)]
    assert run_command([*command, *at]) == 0
    told(capsys)
    assert [each.tokens for each in list_bridges(bridged)] == [0, 0], "a bare code makes no token"
    assert run_command([*command, "--link", *at]) == 0
    first = parse_contact_link(told(capsys).strip()).bridges
    assert run_command([*command, "--link", "--qr", *at]) == 0
    second = parse_contact_link(told(capsys).splitlines()[0]).bridges
    assert first is not None
    assert second is not None
    assert sorted(first.bridges) == [("one.example", 443, "assets"), ("two.example", 443, "assets")]
    assert first.token != second.token
    assert first.root_hash == second.root_hash
    for each in list_bridges(bridged):
        publish_bridge(bridged, each.id)
    assert run_command([*command, "--json", *at]) == 0
    made = json.loads(told(capsys))
    assert made["bridges"] == 0
    assert parse_contact_link(made["link"]).bridges is None
    (bridged / "zajil.key").unlink()
    assert run_command([*command, "--link", *at]) == 1
    assert "zajil.key is missing" in capsys.readouterr().err


@pytest.mark.slow
def test_an_operator_keeps_a_username_back_and_frees_it(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command, at = ["admin", "name"], ["--data", str(data)]
    assert run_command([*command, "reserve", "@PayPal", *at]) == 0
    assert "@paypal is kept back" in told(capsys)
    assert run_command([*command, "reserve", "paypa1", *at]) == 0, "a name that looks like it is the same one"
    assert "before" in told(capsys)
    assert run_command([*command, "reserve", "support", "--json", *at]) == 0
    assert json.loads(told(capsys)) == {"name": "support", "reserved": True}
    key = username_key("paypal", "chat.example")
    assert stored_names(data) == {key: 2, username_key("support", "chat.example"): 2}
    assert not [file for file in data.rglob("*") if file.is_file() and b"paypal" in file.read_bytes()]
    assert run_command([*command, "release", "support", *at]) == 0
    assert "kept back no more" in told(capsys)
    assert run_command([*command, "release", "support", *at]) == 1
    assert capsys.readouterr().err.startswith("error: not-reserved: ")
    assert logged(data) == [
        ("list", f"reserve username {encode_b64(key)}"),
        ("list", f"reserve username {encode_b64(username_key('support', 'chat.example'))}"),
        ("list", f"release username {encode_b64(username_key('support', 'chat.example'))}"),
    ]
    assert run_command(["moderation", "log", "verify", "--json", *at]) == 0
    assert json.loads(told(capsys))["size"] == 3
    for wrong in ("ab", "pаypal", "", "a b", "x" * 33):  # the second letter of one is Cyrillic
        assert run_command([*command, "reserve", wrong, *at]) == 1
        assert capsys.readouterr().err.startswith("error: bad-handle: This cannot be a username.")
    assert run_command([*command, "reserve", "support", "--data", str(data / "none")]) == 1
    assert capsys.readouterr().err.startswith("error: no-data: ")


@pytest.mark.slow
def test_a_name_in_use_is_not_taken_from_its_account(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = username_key("ann_5", "chat.example")
    with opened(data) as database:
        database.write_sync(lambda db: names.take(db, key, AccountId(b"a" * 16), now=0, until=0))
    for verb, code in (("reserve", "name-used"), ("release", "not-reserved")):
        assert run_command(["admin", "name", verb, "ann_5", "--data", str(data)]) == 1
        assert capsys.readouterr().err.startswith(f"error: {code}: ")
    assert stored_names(data) == {key: 0}
    assert logged(data) == []


def stored_names(data: Path) -> dict[bytes, int]:
    """State of each username, by its key."""
    with opened(data) as database:
        rows = database.read_sync(lambda db: db.execute(select(username.c.key, username.c.state)).all())
    return {bytes(row.key): row.state for row in rows}


def logged(data: Path) -> list[tuple[str, str]]:
    """Kind and record of every change in the log."""
    with opened(data) as database:
        return database.read_sync(lambda db: [(row.kind, row.record) for row in read_changes(db)])
