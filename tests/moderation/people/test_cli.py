"""Reviewing at the terminal, over the same calls: login by a sealed key, queue, claim, show, decide, appeals."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from tests.moderation.people.desk import Desk
from tests.moderation.people.test_edited import OTHER, SECOND, edited

from zajil.cli.main import run_command
from zajil.client.staff import keyfile
from zajil.client.staff.keyfile import Cost, KeyFile, WrongPassphrase, make_key, open_key
from zajil.moderation.store import matches
from zajil.protocol.ids import encode_b64, parse_b64
from zajil.protocol.review import api, routes
from zajil.server.config import CONFIG_FILE

CHEAP = Cost(memory_kib=64, passes=1, lanes=1)
PASSPHRASE = "correct horse battery"


class Terminal:
    """`zajil` as a member of staff with a home of their own."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self._capsys = capsys
        self.secret = home.parent / f"{home.name}.txt"
        self.secret.write_text(PASSPHRASE + "\n")

    async def run(self, *words: str, code: int = 0) -> str:
        """What it printed, stdout before stderr."""
        self._capsys.readouterr()
        found = await asyncio.to_thread(run_command, ["--home", str(self.home), "moderation", *words])
        out, err = self._capsys.readouterr()
        assert found == code, err
        return out + err

    async def json(self, *words: str) -> Any:  # Any: what a command prints
        return json.loads(await self.run(*words, "--json"))

    async def come_in(self, desk: Desk, role: str) -> Any:  # Any: as `json`
        code = desk.invite(role)  # type: ignore[arg-type]  # a role
        url = f"http://127.0.0.1:{desk.server.port}"
        secret = str(self.secret)
        return await self.json("login", "--server", url, "--invite", code, "--name", "Rim", "--passphrase-file", secret)


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys whose passphrase costs next to nothing to try: what it costs is not tested here."""
    monkeypatch.setattr(keyfile, "COST", CHEAP)


async def test_a_reviewer_works_at_the_terminal(desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    author, reporter = await desk.author(), await desk.author()
    post = await desk.visible_post(author, await desk.channel(author), "Guaranteed gains \u202e for you alone")
    await desk.report(reporter, post)
    one, other = Terminal(tmp_path / "one", capsys), Terminal(tmp_path / "other", capsys)
    me = await one.come_in(desk, "senior")
    assert (me["role"], me["name"]) == ("senior", "Rim")
    assert stat.S_IMODE((one.home / "staff" / "key.json").stat().st_mode) == 0o600
    assert PASSPHRASE not in (one.home / "staff" / "key.json").read_text()
    await other.come_in(desk, "senior")

    assert "main" in await one.run("queue")
    (waiting,) = await one.json("queue", "main")
    item = waiting["item_id"]
    (taken,) = await one.json("claim")
    assert taken["item_id"] == item
    assert "item-claimed" in await other.run("decide", item, "allow", code=1)
    shown = await one.run("show", item)
    assert "Guaranteed gains" in shown
    assert "\u202e" not in shown
    assert "allow, label, limit" in await one.run("decide", item, "explode", code=2)
    assert "needs --category" in await one.run("decide", item, "remove", code=1)
    assert "No such queue" in await one.run("queue", "mian", code=1)
    assert "Your role" in await one.run("staff", "list", code=1)
    made = await one.json("decide", item, "remove", "--category", "fraud", "--note", "as always")
    assert made["action"] == "remove"
    assert (await desk.read(post)).state == "removed"
    await one.run("undo", item)
    assert (await desk.read(post)).state == "visible"
    made = await one.json("decide", item, "remove", "--category", "fraud")

    appeal = await desk.appeal(author, (await desk.notices(author))[0].decision_id)
    name = encode_b64(appeal.appeal_id)
    assert await one.json("appeals") == []
    assert "own-decision" in await one.run("appeal", "claim", name, code=1)
    assert [each["appeal_id"] for each in await other.json("appeals")] == [name]
    assert "this is wrong" in await other.run("appeal", "show", name)
    await other.run("appeal", "decide", name, "reversed", "--answer", "You are right")
    assert (await desk.read(post)).state == "visible"

    await one.run("logout")
    assert "logged-out" in await one.run("queue", code=1)
    assert "wrong-passphrase" in await _with_secret(one, "another one", "login", code=1)
    await one.run("login", "--passphrase-file", str(one.secret))
    assert "main" in await one.run("queue")


async def test_a_decision_takes_a_newer_text_along_where_it_is_nearly_the_same_or_is_told_to(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = Terminal(tmp_path / "one", capsys)
    await one.come_in(desk, "reviewer")
    cases = (
        (SECOND, "", "remove"),
        (SECOND, "--no-newest", "hold"),
        (OTHER, "", "hold"),
        (OTHER, "--newest", "remove"),
    )
    for text, flag, became in cases:
        story = await edited(desk, text)
        await desk.ask(routes.RELEASE, api.Empty, by=story.reviewer, item=encode_b64(story.item))
        item = encode_b64(story.item)
        shown = await one.run("show", item)
        assert ("Saturday" if text == SECOND else "choir") in shown
        assert ("nearly the same" in shown) == (text == SECOND)
        told = await one.run("decide", item, "remove", "--category", "fraud", *([flag] if flag else []))
        assert ("version 2" in told) == (became == "remove")
        found = desk.rows("SELECT target, action FROM mod_decision WHERE version = 2")
        assert [action for target, action in found if target == parse_b64(story.post)] == [became]


async def _with_secret(terminal: Terminal, secret: str, *words: str, code: int) -> str:
    file = terminal.home.parent / "other-secret.txt"
    file.write_text(secret)
    return await terminal.run(*words, "--passphrase-file", str(file), code=code)


async def test_an_admin_invites_and_revokes_and_is_asked_for_the_key_again(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    admin = Terminal(tmp_path / "admin", capsys)
    assert (await admin.come_in(desk, "admin"))["needs_key"]
    desk.clock.advance(301)
    secret = ("--passphrase-file", str(admin.secret))
    invite = await admin.json("staff", "invite", "--role", "reviewer", "--lang", "ar", *secret)
    assert len(invite["invite"]) == 24
    assert invite["link"] == f"http://127.0.0.1:{desk.server.port}/review#/join/{invite['invite']}"
    assert "no-such-word" in await admin.run("staff", "invite", "--lang", "tlh", code=2)
    member = await desk.member("reviewer")
    listed = {each["staff_id"]: each for each in await admin.json("staff", "list")}
    assert listed[encode_b64(member.staff_id)]["role"] == "reviewer"
    await admin.run("staff", "revoke", encode_b64(member.staff_id), *secret)
    listed = {each["staff_id"]: each for each in await admin.json("staff", "list")}
    assert "revoked_at" in listed[encode_b64(member.staff_id)]
    stranger = Terminal(tmp_path / "stranger", capsys)
    assert "no-staff-key" in await stranger.run("queue", code=1)


async def test_lists_are_kept_by_the_same_session(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keeper = Terminal(tmp_path / "keeper", capsys)
    await keeper.come_in(desk, "policy")
    await keeper.run("lists", "add", "host", "https://Bad.Example/a", "--category", "fraud", "--days", "3")
    (row,) = await keeper.json("lists", "show")
    assert (row["list"], row["value"], row["category"], row["suspended"]) == ("host", "bad.example", "fraud", False)
    assert "malformed" in await keeper.run("lists", "add", "url", "///", "--category", "fraud", code=1)
    await keeper.run("lists", "remove", "host", "bad.example")
    assert await keeper.json("lists", "show", "host") == []
    assert "not-allowed" in await keeper.run("queue", code=1)


async def test_what_people_suspended_is_shown_and_lifted_at_the_terminal(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ("--data", str(desk.server.data))

    def suspend(what: str, ref: str) -> None:
        desk.server._db.write_sync(lambda db: matches.put_suspension(db, what, ref, now=int(desk.clock())))

    keeper, host = Terminal(tmp_path / "keeper", capsys), Terminal(tmp_path / "host", capsys)
    await keeper.come_in(desk, "policy")
    assert "Nothing is suspended." in await keeper.run("suspensions", "show")
    for terminal, where in ((keeper, ()), (host, data)):
        suspend("rule", "fraud-offer-with-contact")
        suspend("url", "phone 390612345678")
        told = await terminal.run("suspensions", "show", *where)
        assert "fraud-offer-with-contact" in told
        assert "no longer in the policy or list" in told, "the phone"
        rows = await terminal.json("suspensions", "show", *where)
        assert {(each["kind"], each["ref"]) for each in rows} == {
            ("rule", "fraud-offer-with-contact"),
            ("phone", "390612345678"),
        }
        why = ("--reason", "looked at each")
        assert "not-suspended" in await terminal.run("suspensions", "lift", "rule", "another", *why, *where, code=1)
        none = ("--reason", " ")
        assert "bad-reason" in await terminal.run("suspensions", "lift", "rule", "another", *none, *where, code=1)
        assert "Counts again" in await terminal.run(
            *("suspensions", "lift", "rule", "fraud-offer-with-contact", *why, *where)
        )
        await terminal.run("suspensions", "lift", "phone", "+39 06 1234 5678", *why, *where)
        assert await terminal.json("suspensions", "show", *where) == []
    records = [str(record) for (record,) in desk.rows("SELECT record FROM mod_audit_record")]
    assert len([record for record in records if record.endswith(": looked at each")]) == 4
    reader = Terminal(tmp_path / "reader", capsys)
    await reader.come_in(desk, "auditor")
    assert await reader.json("suspensions", "show") == []
    assert "not-allowed" in await reader.run("suspensions", "lift", "rule", "x", "--reason", "y", code=1)


async def test_whoever_runs_the_server_invites_the_first_admin(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = desk.server.data
    host = Terminal(tmp_path / "host", capsys)
    assert f"enabled = true into {data / CONFIG_FILE}" in await host.run("staff", "invite", "--data", str(data))
    (data / CONFIG_FILE).write_text("public_space = true\n[moderation]\nenabled = true\n", encoding="utf-8")
    real_time = await host.json("staff", "invite", "--role", "admin", "--data", str(data))
    assert real_time["role"] == "admin"
    assert real_time["link"].startswith("http://localhost:")
    front = ("--front", "https://home.example")
    assert "settings" in await host.run("staff", "invite", "--front", "home", "--data", str(data), code=1)
    told = await host.run("staff", "invite", "--private", "--link", *front, "--data", str(data))
    assert told.strip().startswith("https://home.example/review#/join/")
    assert "malformed" in await host.run(
        "staff", "invite", "--role", "auditor", "--private", "--data", str(data), code=1
    )
    assert await host.json("staff", "list", "--data", str(data)) == []


def test_a_key_opens_with_its_passphrase_and_no_other() -> None:
    key, file = make_key("one two three", server="http://x", origin="localhost", cost=CHEAP)
    assert open_key(file, "one two three").private_bytes_raw() == key.private_bytes_raw()
    with pytest.raises(WrongPassphrase):
        open_key(file, "one two four")
    for changed in (bytes([file.sealed[0] ^ 1]) + file.sealed[1:], file.sealed[:-1] + bytes([file.sealed[-1] ^ 1])):
        with pytest.raises(WrongPassphrase):
            open_key(KeyFile(file.server, file.origin, file.public, file.salt, changed, file.cost), "one two three")
    _, again = make_key("one two three", server="http://x", origin="localhost", cost=CHEAP)
    assert again.salt != file.salt
