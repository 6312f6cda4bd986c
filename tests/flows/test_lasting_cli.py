"""The commands by which an account and its chats outlive a device: `recovery`, `export`, `account delete`."""

from __future__ import annotations

import io
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.flows.server import ServerProcess
from tests.flows.terminal import Terminal

from zajil.protocol.ids import parse_b64

pytestmark = [pytest.mark.flows, pytest.mark.slow]

KEY = re.compile(r"(?:[0-9A-HJKMNP-TV-Z]{4}-){7}[0-9A-HJKMNP-TV-Z]{4}\n")
HOSTILE = "</p><script>alert(1)</script>\u202egnp.exe & <b>مرحبا</b>"


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_a_lost_home_comes_back_by_the_key_on_paper(
    server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    amina, boris = Terminal(tmp_path / "amina", capsys), Terminal(tmp_path / "boris", capsys)
    amina.register(server, "Amina")
    boris.register(server, "Boris")
    boris.ok("add", amina.ok("contact-link").strip())
    amina.ok("sync")
    boris.ok("sync")  # his profile may go only now; without his contact token, nobody could be asked after the restore
    amina.ok("sync")
    assert amina.json("recovery", "status")["state"] == "none"
    typed(monkeypatch, "")
    amina.refused("no-recovery-key", "recovery", "confirm")
    amina.refused("no-recovery-key", "recovery", "rotate")
    key = amina.ok("recovery", "show")
    assert KEY.fullmatch(key)
    assert server.url in amina.err, "who lost everything needs the address too"
    assert amina.ok("recovery", "show") == key
    status = amina.json("recovery", "status")
    assert (status["state"], status["current"], status["problem"]) == ("shown", True, "")
    typed(monkeypatch, "0000-" * 7 + "0000\n")
    amina.refused("bad-recovery-key", "recovery", "confirm")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe\n"), encoding="utf-8"))
    amina.refused("bad-recovery-key", "recovery", "confirm")
    typed(monkeypatch, "\udc80" * 32 + "\n")
    amina.refused("bad-recovery-key", "recovery", "confirm")
    typed(monkeypatch, key.lower())
    amina.ok("recovery", "confirm")
    assert amina.json("recovery", "status")["state"] == "confirmed"
    account = amina.json("whoami")["account_id"]
    shutil.rmtree(tmp_path / "amina")

    restore = ("recovery", "restore", "--server", server.url)
    typed(monkeypatch, "not a key\n")
    amina.refused("bad-recovery-key", *restore)
    typed(monkeypatch, "0000-" * 7 + "0000\n")
    amina.refused("no-backup", *restore)
    assert not (tmp_path / "amina" / "keys").exists()
    typed(monkeypatch, key)
    assert "Amina" in amina.ok(*restore)
    typed(monkeypatch, key)
    amina.refused("home-exists", *restore)
    me = amina.json("whoami")
    assert (me["account_id"], me["device_id"]) == (account, 2)
    told = ""
    for _ in range(2):
        told += boris.ok("sync")
        amina.ok("sync")
    line = "Amina uses a new device; older ones are out."
    assert told.count(line) == 1
    assert boris.ok("read", "Amina").count(line) == 1
    assert line not in boris.ok("sync")
    boris.ok("send", "Amina", "are you back?")
    amina.ok("sync")
    assert [m["text"] for m in amina.json("read", "Boris")] == ["are you back?"]
    old = key
    new = amina.ok("recovery", "rotate")
    assert KEY.fullmatch(new)
    assert new != old
    assert amina.json("recovery", "status")["state"] == "rotated"


class Page(HTMLParser):
    """What a browser would make of the page: elements, where they point, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action")]
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_an_export_holds_every_chat_and_what_people_wrote_stays_text(
    server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    amina, boris = Terminal(tmp_path / "amina", capsys), Terminal(tmp_path / "boris", capsys)
    amina.register(server, "Amina")
    boris.register(server, "<img src=x> Boris")
    boris.ok("add", amina.ok("contact-link").strip())
    amina.ok("sync")
    map_file = tmp_path / "карта.txt"
    map_file.write_text("the pass")
    boris.ok("send", "Amina", HOSTILE)
    boris.ok("send", "Amina", "with a map", "--file", str(map_file))
    trap = tmp_path / "photo.html"
    trap.write_text("<script>fetch('https://elsewhere.example')</script>")
    boris.ok("send", "Amina", "a photo", "--file", str(trap))
    amina.ok("sync")
    folder = tmp_path / "out"
    told = amina.json("export", "-o", str(folder), "--files")
    assert (told["messages"], told["missed"]) == (3, 0)

    data = json.loads((folder / "zajil.json").read_text(encoding="utf-8"))
    (chat,) = [chat for chat in data["chats"] if chat["kind"] == "dm"]
    assert [message["text"] for message in chat["messages"]] == [HOSTILE, "with a map", "a photo"]
    assert chat["messages"][0]["sender"] == "<img src=x> Boris"
    (saved,) = chat["messages"][1]["saved"]
    assert (folder / saved).read_text() == "the pass"
    text = (folder / "zajil.html").read_text(encoding="utf-8")
    page = Page(text)
    assert not page.tags & {"script", "img", "iframe", "object", "link", "form", "b></b"}
    assert "<script>alert(1)</script>gnp.exe & <b>مرحبا</b>" in page.text
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", page.text.replace("\u2068", "").replace("\u2069", ""))
    assert all(link.startswith(("#chat-", "files/")) for link in page.links)
    assert [link for link in page.links if link.startswith("files/")] == ["files/1-" + quote("карта.txt")]
    assert "files/2-photo.html" in page.text, "it is there, and one click on a page does not run it"
    assert "\u2068<img src=x> Boris\u2069" in page.text, "a name among others keeps its direction to itself"
    assert "default-src 'none'" in text.replace("&#x27;", "'")
    for path in (folder, folder / "files"):
        assert path.stat().st_mode & 0o077 == 0
    assert (folder / "zajil.html").stat().st_mode & 0o077 == 0
    amina.run("export", "-o", str(folder))
    assert amina.code == 1
    assert amina.err.startswith("error: folder-used: ")


def test_an_account_is_deleted_only_by_who_means_it(
    server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    amina = Terminal(tmp_path / "amina", capsys)
    amina.register(server, "Amina")
    typed(monkeypatch, "")
    amina.refused_usage("not-asked", "account", "delete")
    account = parse_b64(amina.json("whoami")["account_id"])
    amina.ok("account", "delete", "--yes")
    amina.refused("no-home", "whoami")
    (row,) = [row for row in server.rows()["account"] if row["id"] == account]
    assert row["state"] == 2
    assert not [row for row in server.rows()["device"] if row["account_id"] == account]


def test_the_others_are_told_of_another_device_and_of_who_is_gone(
    server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    amina, boris, second = (Terminal(tmp_path / name, capsys) for name in ("amina", "boris", "second"))
    amina.register(server, "Amina")
    boris.register(server, "Boris")
    amina.ok("add", boris.ok("contact-link").strip())
    boris.ok("sync")
    amina.ok("group", "create", "Trail", "Boris")
    key = boris.ok("recovery", "show")
    typed(monkeypatch, key)
    second.ok("recovery", "restore", "--server", server.url, "--keep-devices")
    told = mine = ""
    for _ in range(3):
        told += amina.ok("sync")
        mine += boris.ok("sync")
        second.ok("sync")
    lines = sorted(line.partition(" | ")[::2] for line in told.splitlines() if "Boris has a new device." in line)
    assert [chat for chat, _ in lines] == ["Boris", "Trail"]
    assert "Your account has a new device. Was it not you?" in mine
    assert "Boris has a new device." in amina.ok("read", "Trail")

    second.ok("account", "delete", "--yes")
    found = [amina.json("sync").get("notices", []) for _ in range(2)]
    (left,) = [notice for each in found for notice in each]
    assert (left["code"], left["name"]) == ("left", "Boris")
    assert "Boris left the group." in amina.ok("read", "Trail")


def test_a_confirmed_key_without_a_backup_is_told(
    server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    amina = Terminal(tmp_path / "amina", capsys)
    amina.register(server, "Amina")
    amina.ok("sync")
    server.stop()
    try:
        key = amina.ok("recovery", "show")
        typed(monkeypatch, key)
        told = amina.ok("recovery", "confirm")
        assert "The key is right." in told
        assert "come back" not in told, "nothing is promised that the server does not hold"
        assert "not on the server yet" in amina.err
    finally:
        server.start()
    typed(monkeypatch, key)
    assert "contacts and chats come back" in amina.ok("recovery", "confirm")
    assert "not on the server yet" not in amina.err
    assert amina.json("recovery", "status")["current"]
