"""Private reports at the terminal: the key, a report, a measure by two people, and lists that ask the key again."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import aiohttp
import pytest
from tests.moderation.people.desk import Desk
from tests.moderation.people.test_cli import CHEAP, Terminal
from tests.moderators import PASSPHRASE, unlock
from tests.server.people import Person
from tests.server.test_reports import THREAT, Scene, item_of, post, report, write
from tests.server.test_story import group_of_two
from tests.server.wire import Http, Wire

from zajil.client.staff import keyfile
from zajil.moderation.private import keys as private_keys
from zajil.moderation.private import records
from zajil.moderation.private.sealed import Cost
from zajil.protocol.errors import ZajilError
from zajil.protocol.frames import Role
from zajil.protocol.ids import encode_b64
from zajil.server.app import Server


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys whose passphrase costs next to nothing to try: what it costs is not tested here."""
    monkeypatch.setattr(keyfile, "COST", CHEAP)
    monkeypatch.setattr(private_keys, "COST", Cost(memory_kib=64, passes=1, lanes=1))


@pytest.fixture
def http(desk: Desk) -> Http:
    return desk.http


@pytest.fixture
async def scene(server: Server, http: Http, client: aiohttp.ClientSession) -> Scene:
    omar, rita = Person(), Person()
    his, hers = await http.register(omar), await http.register(rita)
    async with Wire(f"http://127.0.0.1:{server.port}", Role.S, client) as s:
        group = await group_of_two(http, s, his, hers)
        data = write(omar, group.gid, THREAT)
        ok = await post(s, group, data)
    return Scene(omar, rita, his, hers, group, item_of(omar, group, data, ok), ok)


async def come_in(desk: Desk, terminal: Terminal) -> None:
    """A member with the permission."""
    url, secret = f"http://127.0.0.1:{desk.server.port}", str(terminal.secret)
    code = desk.invite("reviewer", private=True)
    await terminal.run("login", "--server", url, "--invite", code, "--name", "Rim", "--passphrase-file", secret)


async def test_two_members_unlock_read_and_suspend_at_the_terminal(
    desk: Desk, scene: Scene, http: Http, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = Terminal(tmp_path / "one", capsys), Terminal(tmp_path / "other", capsys)
    for terminal in (one, other):
        await come_in(desk, terminal)
    right, wrong = tmp_path / "right.txt", tmp_path / "wrong.txt"
    right.write_text(PASSPHRASE + "\n")
    wrong.write_text("not the passphrase\n")
    name = encode_b64((await report(http, scene.hers, scene.item)).report_id)
    listed = await one.json("private", "list")
    assert (listed["key"], [each["report_id"] for each in listed["reports"]]) == ("locked", [name])
    assert "private unlock" in await one.run("private", "list")
    await one.run("private", "claim", name)
    assert "private-locked" in await one.run("private", "show", name, code=1)
    assert "wrong-passphrase" in await one.run("private", "unlock", "--private-file", str(wrong), code=1)
    await one.run("private", "unlock", "--private-file", str(right))
    assert THREAT.split()[0] in await one.run("private", "show", name)
    await one.run("private", "propose", name, "suspend", "--days", "7")
    assert "own-decision" in await _after_claim(one, name, "confirm", code=1)
    await one.run("private", "release", name)
    assert "7" in await _after_claim(other, name, "show")
    await other.run("private", "confirm", name)
    with pytest.raises(ZajilError, match="suspended"):
        await http.log_in(scene.omar)
    (measure,) = await one.json("private", "measures")
    assert (measure["action"], measure["account"]) == ("suspend", encode_b64(scene.omar.account_id))
    await one.run("private", "undo", measure["measure_id"])
    desk.clock.advance(1)
    await http.log_in(scene.omar)
    assert (await one.json("private", "measures"))[0]["undone"]
    spoiled = records.MeasureRow(bytes(16), bytes(16), records.IN_FORCE, b"\1 not sealed", b"r", b"s", 0)
    desk.server._db.write_sync(partial(records.insert_measure, row=spoiled))
    said = await one.run("private", "measures")
    assert measure["measure_id"] in said
    assert "cannot open: 1" in said
    await one.run("private", "lock")
    assert "private-locked" in await one.run("private", "measures", code=1)


async def _after_claim(terminal: Terminal, report: str, verb: str, *, code: int = 0) -> str:
    await terminal.run("private", "claim", report)
    return await terminal.run("private", verb, report, code=code)


async def test_whoever_runs_the_server_chooses_the_passphrase_on_the_data_folder(
    desk: Desk, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal, new = Terminal(tmp_path / "host", capsys), tmp_path / "new.txt"
    new.write_text("another passphrase\n")
    old = tmp_path / "old.txt"
    old.write_text(PASSPHRASE + "\n")
    data = str(tmp_path / "data")
    choose = ("private", "passphrase", "--new-file", str(new), "--data", data)
    assert "not-allowed" in await terminal.run(*choose, code=1)
    assert "wrong-passphrase" in await terminal.run(*choose, "--change", "--private-file", str(new), code=1)
    await terminal.run(*choose, "--change", "--private-file", str(old))
    with pytest.raises(ZajilError, match="wrong-passphrase"):
        unlock(server)
    new.write_text("short\n")
    assert "short-passphrase" in await terminal.run(*choose, "--change", "--private-file", str(new), code=1)


async def test_lists_take_the_passphrase_from_a_file_when_the_key_is_asked_again(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal(tmp_path / "keeper", capsys)
    await terminal.come_in(desk, "policy")
    secret = str(terminal.secret)
    desk.clock.advance(301)
    await terminal.run("lists", "add", "domain", "bad.example", "--category", "fraud", "--passphrase-file", secret)
    desk.clock.advance(301)
    await terminal.run("lists", "remove", "domain", "bad.example", "--passphrase-file", secret)
