"""The command contract against a real server, as two people at their terminals use it."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from tests.flows.people import ARABIC, EMOJI
from tests.flows.server import ServerProcess
from tests.flows.terminal import Terminal

pytestmark = [pytest.mark.flows, pytest.mark.slow]

MESSAGE_FIELDS = ["id", "chat", "sender", "sent_at", "state", "text"]
MESSAGE_FIELDS += ["reply_to", "edited", "deleted", "expires_at", "mentions", "reactions", "attachments"]


@pytest.fixture
def terminals(server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Terminal]:
    made = {}
    for name in ("Amina", "Борис"):
        made[name] = Terminal(tmp_path / name, capsys)
        made[name].register(server, name)
    return made


def test_two_people_at_their_terminals(terminals: dict[str, Terminal], server: ServerProcess) -> None:
    amina, boris = terminals["Amina"], terminals["Борис"]
    me = amina.json("whoami")
    assert {"account_id", "device_id", "name", "server"} <= set(me)
    assert (me["name"], me["device_id"], len(me["account_id"]), me["server"]) == ("Amina", 1, 22, server.url)
    link = amina.ok("contact-link").strip()
    assert shlex.split(link) == [link]
    added = boris.ok("add", link)
    assert "Amina" in added
    assert f"zajil --home {shlex.quote(str(boris.home))} send Amina" in boris.err

    sent = boris.json("send", "Amina", EMOJI)
    assert sent["state"] == "sent"
    (message,) = amina.json("read", "Борис")
    assert list(message) == MESSAGE_FIELDS
    assert (message["id"], message["sender"], message["text"]) == (sent["id"], "Борис", EMOJI)
    assert message["state"] == "received"
    assert isinstance(message["sent_at"], int)
    shown = amina.ok("read", "Борис")
    assert "\x1b" not in shown
    assert "\u202e" not in shown

    amina.ok("send", "Борис", ARABIC, "--queue")
    assert amina.json("chats")[0]["title"] in {"Борис", "Note to self"}
    assert amina.json("sync") == {"new": [], "queued": 0, "sent": 1}
    amina.ok("send", "Note to self", "remember", "--queue")
    assert amina.ok("sync") == "Sent: 1\n"
    assert amina.ok("sync") == "Up to date.\n"
    (new,) = boris.json("sync")["new"]
    assert (new["text"], new["sender"]) == (ARABIC, "Amina")
    assert [m["text"] for m in boris.json("read", "Amina", "--limit", "1")] == [ARABIC]
    assert [c["name"] for c in amina.json("contacts")] == ["Борис"]
    numbers = [boris.json("verify", "Amina")["safety_number"], amina.json("verify", "Борис")["safety_number"]]
    assert numbers[0] == numbers[1]
    assert len(numbers[0]) == 60
    assert [device["current"] for device in amina.json("devices")] == [True]
    checks = amina.json("doctor")
    assert all(check["ok"] and list(check) == ["name", "ok", "code", "values"] for check in checks)
    (server_check,) = [check for check in checks if check["name"] == "server"]
    assert server_check == {"name": "server", "ok": True, "code": "server-answers", "values": {"server": server.url}}
    assert [line[0] for line in amina.ok("doctor").splitlines()] == [*("✓" for _ in checks), "A"]
    (amina.home / "keys").chmod(0o644)
    assert [check["code"] for check in amina.failed_json("doctor") if not check["ok"]] == ["keys-readable"]
    (amina.home / "keys").chmod(0o644)
    assert f"\n  Shut them out:\n  chmod 600 {shlex.quote(str(amina.home / 'keys'))}\n" in f"\n{amina.run('doctor')}"


def test_a_group_from_the_command_line(terminals: dict[str, Terminal]) -> None:
    amina, boris = terminals["Amina"], terminals["Борис"]
    boris.ok("add", amina.ok("contact-link").strip())
    boris.ok("send", "Amina", "hi")
    amina.ok("sync")
    chat = amina.json("group", "create", "Горы", "Борис")
    assert (chat["kind"], chat["title"], len(chat["members"])) == ("group", "Горы", 2)
    boris.ok("sync")
    boris.ok("send", "Горы", "first")
    assert [m["text"] for m in amina.json("read", "Горы")] == ["first"]
    amina.ok("group", "remove", "Горы", "Борис")
    boris.ok("sync")
    boris.refused("not-a-member", "send", "Горы", "second")
    amina.ok("group", "add", chat["id"], "Борис")
    boris.ok("sync")
    boris.ok("send", "Горы", "third")
    assert [m["text"] for m in amina.json("read", "Горы")] == ["first", "third"]
    boris.ok("group", "leave", "Горы")


def test_refusals_have_codes_and_exit_codes(
    terminals: dict[str, Terminal], server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    amina, boris = terminals["Amina"], terminals["Борис"]
    amina.refused("unknown-chat", "send", "Nobody", "hi")
    assert amina.err.endswith(f"zajil --home {shlex.quote(str(amina.home))} chats\n")
    amina.refused("unknown-chat", "read", "Nobody")
    amina.refused("unknown-contact", "verify", "Nobody")
    amina.refused("bad-link", "add", "https://example.org/not-a-link")
    amina.refused("home-exists", "register", "--server", server.url, "--name", "Again", "--invite", server.invite())
    boris.ok("add", amina.ok("contact-link").strip())
    boris.refused("text-too-long", "send", "Amina", "x" * 65_537)
    stranger = Terminal(tmp_path / "nobody", capsys)
    stranger.refused("no-home", "chats")
    stranger.refused("gate-required", "register", "--server", server.url, "--name", "X", "--invite", "wrong")
    stranger.refused("unreachable", "register", "--server", "http://127.0.0.1:9", "--name", "X")
    assert "http://127.0.0.1:9. Check the address" in stranger.err
    other = Terminal(tmp_path / "other", capsys)
    other.refused("unreachable", "link", "new", "--server", "http://127.0.0.1:9")
    assert "http://127.0.0.1:9. Check the address" in other.err
    stranger.refused("no-home", "whoami")


def test_why_a_file_is_refused_is_said_in_the_persons_language(
    terminals: dict[str, Terminal], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    amina = terminals["Amina"]
    monkeypatch.setattr("zajil.cli.texts.text.language", lambda: "ru")
    for name, reason in ((tmp_path / "none", "нет такого файла"), (tmp_path, "это папка")):
        amina.run("bundle", "import", str(name))
        assert amina.code == 1
        assert amina.err.startswith("ошибка: file-unreadable: ")
        assert reason in amina.err
        assert "\nподсказка: " in amina.err
    (tmp_path / "file").touch()
    crooked = Terminal(tmp_path / "file" / "home", amina.capsys)
    crooked.run("register", "--server", "http://127.0.0.1:9", "--name", "X")
    assert crooked.code == 1
    assert "в пути файл вместо папки" in crooked.err


def test_ambiguous_names_list_their_candidates(
    terminals: dict[str, Terminal], server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    amina = terminals["Amina"]
    ids = []
    for folder in ("one", "two"):
        twin = Terminal(tmp_path / folder, capsys)
        twin.ok("register", "--server", server.url, "--name", "Twin", "--invite", server.invite())
        amina.ok("add", twin.ok("contact-link").strip())
        ids.append(twin.json("whoami")["account_id"])
    amina.refused("ambiguous-name", "verify", "Twin")
    assert sorted(amina.err.splitlines()[2:]) == sorted(f"  {account}  Twin" for account in ids)
    chats = [chat["id"] for chat in amina.json("chats") if chat["title"] == "Twin"]
    assert len(chats) == 2
    amina.refused("ambiguous-name", "send", "Twin", "which one?")
    assert sorted(amina.err.splitlines()[2:]) == sorted(f"  {chat}  Twin" for chat in chats)
    amina.ok("send", chats[0], "you")


def test_hostile_names_stay_in_their_place(
    server: ServerProcess, terminals: dict[str, Terminal], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = "\x1b[2J\x1b]0;owned\x07Eve\n\u202eboss"
    eve = Terminal(tmp_path / "eve", capsys)
    eve.ok("register", "--server", server.url, "--name", hostile, "--invite", server.invite())
    amina = terminals["Amina"]
    out = amina.ok("add", eve.ok("contact-link").strip())
    out += amina.ok("contacts") + amina.ok("chats")
    for steering in ("\x1b", "\x07", "\u202e"):
        assert steering not in out
    assert "Eve boss" in out


def test_the_operator_makes_invites_beside_the_running_server(
    server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    operator = Terminal(tmp_path / "unused", capsys)
    code = operator.ok("admin", "invite", "--data", str(server.data), "--uses", "2").strip()
    for name in ("one", "two"):
        Terminal(tmp_path / name, capsys).ok("register", "--server", server.url, "--name", name, "--invite", code)
    Terminal(tmp_path / "three", capsys).refused(
        "gate-required", "register", "--server", server.url, "--name", "three", "--invite", code
    )
    operator.refused("no-data", "admin", "invite", "--data", str(tmp_path / "empty"))
    rows = operator.json("data-inventory", "--data", str(server.data))
    assert {row["table"] for row in rows} >= {"account", "device", "message", "mailbox_item", "grp"}
    assert "mailbox_item" in operator.ok("data-inventory", "--data", str(server.data))
