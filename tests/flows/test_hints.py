"""What a newcomer is told to do next, pasted as it is printed, does the next thing."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path

import pytest
from tests.flows.server import ServerProcess
from tests.flows.terminal import Terminal

from zajil.protocol.identity.links import encode_contact_link, parse_contact_link

pytestmark = [pytest.mark.flows, pytest.mark.slow]

TITLE = "Поход 'в горы' · رحلة"


def next_command(terminal: Terminal) -> list[str]:
    """The words after `zajil --home DIR` of the command that was suggested on stderr."""
    words = shlex.split(terminal.err.splitlines()[-1])
    assert words[:3] == ["zajil", "--home", str(terminal.home)]
    return words[3:]


def test_each_step_names_the_next_one(
    server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    amina, boris = (Terminal(tmp_path / name, capsys) for name in ("the first", "second"))
    amina.register(server, "Amina أمينة")
    link = amina.ok(*next_command(amina)).strip()
    boris.register(server, "Boris")
    assert "in your contacts" in boris.ok("add", link)
    hello = next_command(boris)
    assert hello == ["send", "Amina أمينة", "Hello!"]
    boris.ok(*hello)
    assert next_command(boris) == ["read", "Amina أمينة", "--follow"]
    boris.ok(*hello)
    assert boris.err == "", "only once"
    boris.ok("send", "Note to self", "milk")
    assert boris.err == ""
    assert "in your contacts already" in boris.ok("add", link)
    assert next_command(boris) == ["read", "Amina أمينة"]
    amina.ok("sync")
    assert [one["text"] for one in amina.json("read", "Boris")] == ["Hello!", "Hello!"]
    amina.ok("group", "create", TITLE, "Boris")
    amina.ok(*next_command(amina))
    boris.ok("sync")
    assert [one["text"] for one in boris.json("read", TITLE)] == ["Hello!"]
    boris.ok("group", "create", TITLE, "Amina أمينة")
    twin = next_command(boris)
    assert twin[1] != TITLE, "two have this name, so the id"
    boris.ok(*twin)


def test_somebody_whose_name_has_not_come_yet_is_called_by_their_id(
    server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    amina, boris = (Terminal(tmp_path / name, capsys) for name in ("a", "b"))
    amina.register(server, "Amina")
    boris.register(server, "Boris")
    link = parse_contact_link(amina.ok("contact-link").strip())
    nameless = encode_contact_link(dataclasses.replace(link, name=None))
    account = amina.json("whoami")["account_id"]
    unnamed = f"Unnamed ({account[:8]})"
    assert f"{unnamed} is in your contacts" in boris.ok("add", nameless)
    hello = next_command(boris)
    assert hello[1] != unnamed, "nothing goes by that name"
    boris.ok(*hello)
    assert unnamed in boris.ok("chats")
    assert unnamed in boris.ok("contacts")
    assert "has not told you one yet" in boris.err
    amina.ok("sync")
    amina.ok("send", "Boris", "here I am")
    boris.ok("sync")
    assert "Unnamed" not in boris.ok("chats") + boris.ok("contacts")
    assert boris.err == ""
