"""Settings of groups and links into them: what vectors/service/groups.json says is what we judge and read."""

from __future__ import annotations

from typing import Any

import pytest
from tests.protocol.test_service_vectors import load

from zajil.protocol.chat import parts
from zajil.protocol.chat.changes import check_change
from zajil.protocol.chat.content import SinglePart
from zajil.protocol.chat.extensions import ChatSettings, JoinPolicy, change_settings, find_changes
from zajil.protocol.errors import HomeError, Malformed, ZajilError
from zajil.protocol.identity.grouplinks import encode_group_link, parse_group_link

VECTOR = load("groups")


@pytest.mark.parametrize("case", VECTOR["changes"], ids=lambda case: case["about"])
def test_who_may_change_what(case: dict[str, Any]) -> None:  # JSON
    before, after = bytes.fromhex(case["before"]), bytes.fromhex(case["after"])
    for role in (0, 1, 2):
        if role in case["allowed"]:
            check_change(before, after, role)
        else:
            with pytest.raises(ZajilError):
                check_change(before, after, role)


def test_a_change_names_its_keys() -> None:
    before = bytes.fromhex(VECTOR["settings"])
    assert find_changes(before, bytes.fromhex(VECTOR["with_invite"])) == {10}
    assert find_changes(bytes.fromhex(VECTOR["with_invite"]), before) == {10}


@pytest.mark.parametrize("case", VECTOR["refused_settings"], ids=lambda case: case["about"])
def test_links_of_another_form_are_refused(case: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        ChatSettings.parse(bytes.fromhex(case["data"]))


def test_permissions_of_an_older_and_of_a_later_version() -> None:
    held = bytes.fromhex(VECTOR["without_link_permission"])
    assert ChatSettings.parse(held).perms.link == 1
    changed = change_settings(held, perms={"link": 0})
    assert changed.hex() == VECTOR["with_link_permission"]
    assert ChatSettings.parse(changed).perms.link == 0


def test_the_link_reads_back() -> None:
    link = parse_group_link(VECTOR["link"])
    assert encode_group_link(link) == VECTOR["link"]
    assert (link.name, link.front) == ("حمام", "https://home.example")
    assert link.gid.hex() == VECTOR["link_fields"]["gid"]
    assert parse_group_link(VECTOR["bare_link"]).name is None
    (invite,) = ChatSettings.parse(bytes.fromhex(VECTOR["with_invite"])).invites
    assert invite == (link.invite_id, JoinPolicy.AUTO, link.expires)


@pytest.mark.parametrize("case", VECTOR["refused_links"], ids=lambda case: case["about"])
def test_what_is_no_link_into_a_group(case: dict[str, str]) -> None:
    with pytest.raises(HomeError, match="bad-link"):
        parse_group_link(case["link"])


def test_a_later_answer_is_read_as_declined() -> None:
    data = bytes.fromhex(load("parts")["later_answer"])
    part = parts.parse_part(SinglePart(parts.CONTROL_TYPE, data))
    assert isinstance(part, parts.JoinAnswer)
    assert part.outcome == "declined"
