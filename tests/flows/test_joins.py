"""Into a group by its link at the terminal: approval, auto, revocation, and what the server is left with."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.flows.server import ServerProcess
from tests.flows.terminal import Terminal
from tests.flows.test_metadata import check_no_content, check_nobody_beside_a_group, forms, raw

from zajil.protocol.identity.grouplinks import parse_group_link

pytestmark = [pytest.mark.flows, pytest.mark.slow]

TITLE = "Тайный поход · السر"


@pytest.fixture
def terminals(server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Terminal]:
    """Amina owns a group with Boris; Clara and Daud know nobody."""
    made = {name: Terminal(tmp_path / name, capsys) for name in ("Amina", "Boris", "Clara", "Daud")}
    for name, terminal in made.items():
        terminal.register(server, name)
    made["Boris"].ok("add", made["Amina"].ok("contact-link").strip())
    for name in ("Amina", "Boris"):
        made[name].ok("sync")
    made["Amina"].ok("group", "create", TITLE, "Boris")
    made["Boris"].ok("sync")
    return made


def test_a_link_with_approval_one_that_lets_in_at_once_and_one_that_ended(
    terminals: dict[str, Terminal], server: ServerProcess
) -> None:
    amina, boris, clara, daud = terminals.values()
    boris.refused("not-permitted", "group", "link", TITLE)
    amina.refused_usage("bad-span", "group", "link", TITLE, "--expires", "soon")
    assert "12h, 7d or 2w, up to 365d" in amina.err
    made = amina.json("group", "link", TITLE, "--expires", "2d")
    link = parse_group_link(made["link"])
    assert (link.name, made["policy"]) == (TITLE, "ask")
    boris.ok("sync")
    (seen,) = boris.json("group", "link", TITLE, "--list")
    assert (seen["id"], seen["link"]) == (made["id"], None)
    assert "made a link" in boris.ok("read", TITLE)

    asked = clara.json("join", made["link"])
    assert (asked["title"], asked["approver"], asked["state"]) == (TITLE, "", "asked")
    server.kill()
    server.start()
    assert clara.json("join")[0]["state"] == "asked"
    (request,) = amina.json("group", "requests", TITLE)
    assert (request["name"], request["removed_before"], request["accepted"]) == ("Clara", False, False)
    assert "asks to be let in" in amina.ok("read", TITLE)
    assert f"group requests '{TITLE}'" in amina.err
    assert [chat["title"] for chat in amina.json("chats") if chat["kind"] == "dm"] == ["Boris"]
    assert [chat for chat in clara.json("chats") if chat["kind"] == "dm"] == []
    amina.refused("no-request", "group", "requests", TITLE, "accept", "Zoe")
    assert amina.json("group", "requests", TITLE, "accept", "Clara") == []
    told = clara.ok("sync")
    assert (told.startswith("New chat: "), TITLE in told) == (True, True)
    assert clara.ok("sync") == "Up to date.\n"
    assert clara.json("join") == []
    clara.ok("send", TITLE, "here I am")
    boris.ok("sync")
    assert [message["text"] for message in boris.json("read", TITLE)] == ["here I am"]

    auto = amina.json("group", "link", TITLE, "--auto")
    daud.ok("join", auto["link"])
    amina.ok("sync")
    daud.ok("sync")
    daud.ok("send", TITLE, "me too")
    daud.refused("already-in", "join", auto["link"])
    amina.ok("group", "remove", TITLE, "Daud")
    daud.ok("sync")
    daud.ok("join", auto["link"])
    (again,) = amina.json("group", "requests", TITLE)
    assert (again["name"], again["removed_before"]) == ("Daud", True)
    amina.ok("group", "requests", TITLE, "decline", again["id"])
    assert daud.json("join")[0]["state"] == "declined"

    # At the server a link into a group is one like all others; here it is told apart, and ended in its group.
    listed, _ = [one for one in amina.json("contact-link", "list") if one["group"] == TITLE]
    assert amina.ok("contact-link", "list").count("into the group") == 2
    amina.refused("no-link", "contact-link", "revoke", listed["id"].lstrip("-"))
    assert f"group link '{TITLE}' --list" in amina.err
    amina.ok("contact-link", "revoke", amina.ok("contact-link", "--once").strip())
    assert [one["group"] for one in amina.json("contact-link", "list") if one["uses_left"] == 1] == []

    piped = amina.ok("group", "link", TITLE, "--expires", "2w")
    assert parse_group_link(piped.strip()).name == TITLE
    assert piped.count("\n") == 1, "the link alone, and the rest on stderr"
    assert f"group requests '{TITLE}'" in amina.err
    amina.refused("group-link", "add", piped.strip())
    assert f"join '{piped.strip()}'" in amina.err
    amina.refused("person-link", "join", boris.ok("contact-link").strip())
    amina.refused("no-link", "group", "link", TITLE, "--revoke", "abcdefgh")
    assert f"group link '{TITLE}' --list" in amina.err
    amina.ok("group", "link", TITLE, "--revoke", piped.strip())
    for one in amina.json("group", "link", TITLE, "--list"):
        amina.ok("group", "link", TITLE, "--revoke", one["id"].lstrip("-")[:8])
    assert amina.json("group", "link", TITLE, "--list") == []
    daud.refused("not-allowed", "join", made["link"])
    assert "ask whoever gave it to you for a new one" in daud.err

    # A link names a group, a person and a token. None of it stands at the server beside another.
    identities = [raw(terminal.json("whoami")["account_id"]) for terminal in terminals.values()]
    check_nobody_beside_a_group(server, [raw(amina.json("group", "perms", TITLE)["group"])], identities)
    check_no_content(server, [TITLE, "here I am"])
    for table, rows in server.rows().items():
        for secret in (link.invite_id, link.contact_token):
            assert not any(form in str(row).encode() for row in rows for form in forms(secret)[1:]), table


def test_permissions_are_shown_changed_and_kept_to(terminals: dict[str, Terminal]) -> None:
    amina, boris, *_ = terminals.values()
    assert amina.json("group", "perms", TITLE)["perms"] == {
        "send": "member",
        "add": "admin",
        "info": "admin",
        "timer": "admin",
        "link": "admin",
    }
    boris.refused("not-permitted", "group", "perms", TITLE, "add=member")
    amina.refused_usage("bad-permission", "group", "perms", TITLE, "fly=member")
    changed = amina.json("group", "perms", TITLE, "send=admin", "info=member")["perms"]
    assert (changed["send"], changed["info"]) == ("admin", "member")
    boris.ok("sync")
    boris.refused("not-permitted", "send", TITLE, "all the same")
    assert "lets only admins write" in boris.ok("read", TITLE)
    boris.ok("group", "rename", TITLE, "Renamed")
    amina.ok("sync")
    amina.ok("send", "Renamed", "news")
    amina.ok("group", "promote", "Renamed", "Boris")
    assert "You made Boris an admin." in amina.ok("read", "Renamed")
    (told,) = boris.json("sync")["notices"]
    assert (told["code"], told["name"], told["whom_name"]) == ("role-admin", "Amina", "Boris")
    assert told["whom"] == boris.json("whoami")["account_id"]
    assert "Amina made you an admin." in boris.ok("read", "Renamed")
    boris.ok("send", "Renamed", "now I may")
    assert "write: admins only" in amina.ok("group", "perms", "Renamed")
