"""The command line when the server is away, and a second device linked by pasted code."""

from __future__ import annotations

import json
import os
import shlex
import signal
from pathlib import Path

import pytest
from tests.flows.lines import LineProcess
from tests.flows.server import ServerProcess
from tests.flows.terminal import Terminal
from tests.forks import asked

pytestmark = [pytest.mark.flows, pytest.mark.slow]


def test_without_a_server_writing_waits_and_reading_goes_on(
    server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    amina, boris = Terminal(tmp_path / "amina", capsys), Terminal(tmp_path / "boris", capsys)
    amina.register(server, "Amina")
    boris.register(server, "Boris")
    boris.ok("add", amina.ok("contact-link").strip())
    boris.ok("send", "Amina", "while it is up")
    amina.ok("sync")
    server.stop()
    try:
        amina.refused("unreachable", "send", "Boris", "written in the dark")
        assert "stored" in amina.err
        amina.ok("send", "Boris", "queued in the dark", "--queue")
        amina.refused("unreachable", "sync")
        messages = amina.json("read", "Boris")
        assert (messages[0]["text"], messages[0]["state"]) == ("while it is up", "received")
        assert {m["state"] for m in messages[1:]} <= {"queued", "sending"}
        assert "No connection" in amina.err
        assert [check["ok"] for check in amina.failed_json("doctor") if check["name"] == "server"] == [False]
    finally:
        server.start()
    assert amina.json("sync")["queued"] == 0
    assert [m["text"] for m in boris.json("read", "Amina")] == [
        "while it is up",
        "written in the dark",
        "queued in the dark",
    ]


def test_without_a_server_a_change_of_a_group_waits(
    server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    amina, boris, clara = (Terminal(tmp_path / name, capsys) for name in ("amina", "boris", "clara"))
    for terminal, name in ((amina, "Amina"), (boris, "Boris"), (clara, "Clara")):
        terminal.register(server, name)
    for terminal in (boris, clara):
        amina.ok("add", terminal.ok("contact-link").strip())
    amina.ok("group", "create", "Doves", "Boris")
    boris.ok("sync")
    server.stop()
    try:
        for change in (("add", "Doves", "Clara"), ("remove", "Doves", "Boris")):
            amina.refused("unreachable", "group", *change)
            assert "The change is stored here" in amina.err
        boris.refused("unreachable", "group", "leave", "Doves")
        assert "The change is stored here" in boris.err
    finally:
        server.start()
    amina.ok("sync")
    clara.ok("sync")
    (doves,) = [chat for chat in amina.json("chats") if chat["title"] == "Doves"]
    assert set(doves["members"]) == {terminal.json("whoami")["account_id"] for terminal in (amina, clara)}
    assert [chat["status"] for chat in clara.json("chats") if chat["title"] == "Doves"] == ["active"]


def test_who_follows_a_chat_sees_the_server_go_and_come_and_his_own_removal(
    server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    amina, boris = Terminal(tmp_path / "amina", capsys), Terminal(tmp_path / "boris", capsys)
    amina.register(server, "Amina")
    boris.register(server, "Boris")
    amina.ok("add", boris.ok("contact-link").strip())
    amina.ok("group", "create", "Doves", "Boris")
    boris.ok("sync")
    zajil = shlex.join(asked.command("zajil", "--home", str(boris.home)))
    command = ["sh", "-c", f"exec {zajil} read Doves --follow 2>&1"]
    with LineProcess(command, {**os.environ, "ZAJIL_LANG": "en"}) as following:
        amina.ok("send", "Doves", "hello")
        assert following.next_line().endswith("received  hello\n")
        server.stop()
        try:
            assert following.next_line() == "Connection lost; trying again.\n"
        finally:
            server.start()
        assert following.next_line() == "Connected again.\n"
        amina.ok("group", "remove", "Doves", "Boris")
        assert following.next_line().startswith("You were removed from this chat")
        following.stop(signal.SIGINT)


def test_a_second_device_is_linked_by_the_code_it_prints(
    server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    phone = Terminal(tmp_path / "phone", capsys)
    phone.register(server, "Amina")
    phone.ok("send", "Note to self", "from before")
    environ = {**os.environ, "ZAJIL_HOME": str(tmp_path / "laptop"), "ZAJIL_LANG": "en"}
    command = asked.command("zajil", "link", "new", "--server", server.url)
    with LineProcess(command, environ) as linking:
        code = linking.next_line().strip()
        assert "Its history goes along" in phone.ok("link", "approve", code)
        assert linking.next_line().startswith("This is now device 2 of ")
        assert linking.next_line() == "Earlier messages are here.\n"
        assert linking.process.wait(timeout=30) == 0
    laptop = Terminal(tmp_path / "laptop", capsys)
    assert laptop.json("whoami")["account_id"] == phone.json("whoami")["account_id"]
    assert [device["device_id"] for device in phone.json("devices")] == [1, 2]
    phone.refused_any("link", "approve", code)
    phone.ok("sync")
    laptop.ok("sync")
    phone.ok("send", "Note to self", "for both 📝")
    assert [m["text"] for m in laptop.json("read", "Note to self")] == ["from before", "for both 📝"]
    assert json.loads(phone.ok("read", "Заметки для себя", "--json"))[-1]["text"] == "for both 📝"
