"""Answering, reacting, editing, deleting, reading and verifying at two terminals, in the command contract's words."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from tests.flows.lines import LineProcess
from tests.flows.server import ServerProcess
from tests.flows.terminal import Terminal
from tests.forks import asked

pytestmark = [pytest.mark.flows, pytest.mark.slow]


@pytest.fixture
def terminals(server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Terminal, Terminal]:
    """Amina and Boris, who know each other."""
    made = [Terminal(tmp_path / name, capsys) for name in ("Amina", "Boris")]
    for terminal, name in zip(made, ("Amina", "Boris"), strict=True):
        terminal.register(server, name)
    amina, boris = made
    boris.ok("add", amina.ok("contact-link").strip())
    amina.ok("sync")
    boris.ok("sync")
    return amina, boris


def test_a_talk_with_answers_edits_reactions_and_deletions(terminals: tuple[Terminal, Terminal]) -> None:
    amina, boris = terminals
    question = boris.json("send", "Amina", "tea, @Amina?")["id"]
    assert amina.json("sync")["new"][0]["id"] == question
    chat = next(chat for chat in amina.json("chats") if chat["title"] == "Boris")
    assert (chat["unread"], chat["mentioned"]) == (1, True)
    assert "unread: 1  you are mentioned" in amina.ok("chats")
    assert boris.json("read", "Amina")[0]["state"] == "delivered"
    (shown,) = amina.json("read", "Boris")
    account = amina.json("whoami")["account_id"]
    assert (shown["text"], shown["mentions"]) == ("tea, @Amina?", [{"start": 5, "end": 11, "account": account}])
    assert not next(chat for chat in amina.json("chats") if chat["title"] == "Boris")["unread"]
    assert boris.json("read", "Amina")[0]["state"] == "read"

    answer = amina.json("send", "Boris", "yse", "--reply", question[:8])["id"]
    amina.ok("edit", "Boris", answer[:8], "yes")
    amina.ok("react", "Boris", question, "🍵")
    boris.ok("sync")
    first, second = boris.json("read", "Amina")
    assert first["reactions"] == [{"sender": "Amina", "emoji": "🍵"}]
    assert (second["text"], second["reply_to"], second["edited"], second["deleted"]) == ("yes", question, True, False)
    lines = boris.ok("read", "Amina", "--ids").splitlines()
    assert question[:8] in lines[0]
    assert lines[1].strip() == "🍵 Amina"
    assert "↪ to Boris: tea, @Amina?" in lines[2]
    assert lines[3].strip() == "yes (edited)"

    amina.ok("react", "Boris", question, "--remove")
    amina.ok("delete", "Boris", answer)
    boris.ok("sync")
    first, second = boris.json("read", "Amina")
    assert (first["reactions"], second["text"], second["deleted"]) == ([], "", True)
    assert "This message was deleted." in boris.ok("read", "Amina")
    boris.ok("delete", "Amina", question, "--for-me")
    assert [message["id"] for message in boris.json("read", "Amina")] == [answer]
    assert len(amina.json("read", "Boris")) == 2


def test_what_may_not_be_done_is_said_in_words(terminals: tuple[Terminal, Terminal]) -> None:
    amina, boris = terminals
    identity = boris.json("send", "Amina", "mine")["id"]
    amina.ok("sync")
    amina.refused("not-yours", "edit", "Boris", identity, "hers")
    amina.refused("not-permitted", "delete", "Boris", identity)
    amina.refused("no-message", "react", "Boris", "abcd", "👍")
    assert "zajil --home" in amina.err
    assert amina.err.rstrip().endswith("read Boris --ids")
    amina.refused("no-message", "send", "Boris", "hi", "--reply", "abcd")
    for emoji in ("ok", "👍👍"):
        amina.run("react", "Boris", identity, emoji)
        assert (amina.code, amina.err.split(": ")[1]) == (2, "no-emoji")
    assert [message["text"] for message in boris.json("read", "Amina")] == ["mine"]


def test_receipts_are_switched_off_both_ways(terminals: tuple[Terminal, Terminal]) -> None:
    amina, boris = terminals
    assert amina.json("privacy") == {"receipts": True, "typing": True}
    assert amina.json("privacy", "--receipts", "off") == {"receipts": False, "typing": True}
    assert amina.ok("privacy").splitlines() == ["Read receipts: off", "Typing: on"]
    boris.ok("send", "Amina", "hello")
    amina.ok("read", "Boris")
    assert boris.json("read", "Amina")[0]["state"] == "sent"
    amina.run("privacy", "--typing", "maybe")
    assert amina.code == 2


def test_a_person_is_verified_at_the_terminal(terminals: tuple[Terminal, Terminal]) -> None:
    amina, boris = terminals
    codes = [terminal.json("verify", other)["code"] for terminal, other in ((amina, "Boris"), (boris, "Amina"))]
    assert amina.json("verify", "Boris", "--code", codes[1])["compared"] == "same"
    assert "Both codes agree" in amina.ok("verify", "Boris", "--code", codes[1])
    amina.run("verify", "Boris", "--code", codes[0])
    assert (amina.code, amina.err.split(": ")[1]) == (4, "codes-differ")
    amina.run("verify", "Boris", "--code", "hello")
    assert (amina.code, amina.err.split(": ")[1]) == (2, "no-code")
    assert "verify Boris --confirm" in amina.ok("verify", "Boris")
    assert not amina.json("verify", "Boris")["verified"]
    assert "Boris is verified." in amina.ok("verify", "Boris", "--yes")
    assert amina.json("contacts")[0]["verified"]
    assert not amina.json("verify", "Boris", "--withdraw")["verified"]


def test_a_group_is_renamed_and_roles_change_hands(terminals: tuple[Terminal, Terminal]) -> None:
    amina, boris = terminals
    amina.ok("group", "create", "Doves", "Boris")
    amina.ok("group", "rename", "Doves", "Голуби")
    boris.ok("sync")
    boris.refused("not-permitted", "group", "rename", "Голуби", "Hawks")
    assert "admin" in amina.ok("group", "promote", "Голуби", "Boris")
    boris.ok("sync")
    boris.ok("group", "rename", "Голуби", "حمام")
    amina.ok("sync")
    assert "حمام" in [chat["title"] for chat in amina.json("chats")]
    assert "member" in amina.ok("group", "demote", "حمام", "Boris")
    assert "owner" in amina.ok("group", "promote", "حمام", "Boris", "--owner")
    boris.ok("sync")
    assert next(chat for chat in boris.json("chats") if chat["title"] == "حمام")["role"] == "owner"


def test_following_shows_what_happens_to_messages(terminals: tuple[Terminal, Terminal]) -> None:
    amina, boris = terminals
    command = asked.command("zajil", "--home", str(boris.home), "read", "Amina", "--follow")
    with LineProcess(command, os.environ | {"ZAJIL_LANG": "en", "PYTHONUNBUFFERED": "1"}) as following:
        identity = amina.json("send", "Boris", "helo")["id"]
        assert "helo" in following.next_line()
        amina.ok("edit", "Boris", identity, "hello")
        assert following.next_line().rstrip().endswith("hello (edited)")
        amina.ok("react", "Boris", identity, "🕊️")
        assert following.next_line().rstrip() == "Amina reacted with 🕊️ to: hello"
        amina.ok("delete", "Boris", identity)
        assert following.next_line().rstrip() == "Amina deleted a message."
        assert following.stop(signal.SIGINT) == 0
    amina.ok("sync")
    assert boris.json("read", "Amina")[0]["deleted"]


def test_a_chat_whose_messages_disappear(terminals: tuple[Terminal, Terminal]) -> None:
    amina, boris = terminals
    assert "disappear 1 day after they were read" in boris.ok("disappear", "Amina", "1d")
    assert next(chat for chat in boris.json("chats") if chat["title"] == "Amina")["timer"] == 86_400
    sent = boris.json("send", "Amina", "for a day")["id"]
    assert "Boris set messages to disappear after 1 day." in amina.ok("sync")
    assert "messages disappear after 1 day" in amina.ok("chats")
    assert amina.json("read", "Boris")[0]["expires_at"] is None, "it was not read before"
    (read,) = amina.json("read", "Boris")
    (own,) = boris.json("read", "Amina")
    assert (read["id"], own["id"]) == (sent, sent)
    assert own["expires_at"] - own["sent_at"] in (86_400, 86_401)
    assert 86_300 < read["expires_at"] - read["sent_at"] < 90_000
    assert "disappear 1 day after they were read" in amina.ok("disappear", "Boris"), "asked, it says how it is set"
    amina.ok("disappear", "Boris", "off")
    assert "stay" in amina.ok("disappear", "Boris")
    boris.ok("sync")
    assert boris.json("read", "Amina")[0]["expires_at"] == own["expires_at"], "what was said keeps its time"
    assert not next(chat for chat in boris.json("chats") if chat["title"] == "Amina")["timer"]
    amina.run("disappear", "Boris", "2 weeks")
    assert amina.code == 2


def test_who_is_brought_in_or_put_out_is_told_to_everybody(
    server: ServerProcess, terminals: tuple[Terminal, Terminal], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    amina, boris = terminals
    cleo = Terminal(tmp_path / "Cleo", capsys)
    cleo.register(server, "Cleo")
    amina.ok("add", cleo.ok("contact-link").strip())
    cleo.ok("sync")
    amina.ok("sync")
    amina.ok("group", "create", "Trail", "Boris")
    boris.ok("sync")
    assert "added" not in amina.ok("read", "Trail"), "who makes a group knows"
    amina.ok("group", "add", "Trail", "Cleo")
    (told,) = boris.json("sync")["notices"]
    assert (told["code"], told["name"], told["whom"]) == ("added", "Amina", cleo.json("whoami")["account_id"])
    cleo.ok("sync")
    amina.ok("group", "rename", "Trail", "Track")
    assert "Amina gave the group another name." in boris.ok("sync")
    amina.ok("group", "remove", "Track", "Cleo")
    assert "Amina removed Cleo." in boris.ok("sync")
    assert "Amina removed you; what is here you can still read." in cleo.ok("sync")
    assert "you were removed" in cleo.ok("chats")
    lines = [line.partition("— ")[2] for line in amina.ok("read", "Track").splitlines()]
    assert lines == ["You added Cleo.", "You gave the group another name.", "You removed Cleo."]
