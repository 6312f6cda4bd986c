"""Links given to the wrong command, ids of which only the beginning was typed, and lengths of time."""

from __future__ import annotations

import shlex
from collections.abc import Callable

import pytest

from zajil.cli.failures import Failed
from zajil.cli.hints import command_line
from zajil.cli.texts.text import PROGRAM
from zajil.cli.typed.links import check_no_bridges, check_no_group, check_no_person, find_own_link
from zajil.cli.typed.spans import find_span, parse_span
from zajil.protocol.identity.grouplinks import GroupLink, encode_group_link
from zajil.protocol.identity.links import ContactLink, encode_contact_link
from zajil.protocol.ids import AccountId, GroupId

ACCOUNT = AccountId(bytes(range(16)))
PERSON = encode_contact_link(ContactLink("example", 2_000_000_000, account_id=ACCOUNT, front="https://a.example"))
GROUP = encode_group_link(
    GroupLink("example", GroupId(bytes(16)), bytes(16), ACCOUNT, bytes(32), 2_000_000_000, "Doves", "https://a.example")
)


@pytest.mark.parametrize(
    ("check", "link", "code", "verb"),
    [(check_no_person, PERSON, "person-link", "add"), (check_no_group, GROUP, "group-link", "join")],
)
def test_a_link_for_another_command_comes_back_in_that_command(
    check: Callable[[str], None], link: str, code: str, verb: str
) -> None:
    token = PROGRAM.set("zajil --profile work")
    try:
        with pytest.raises(Failed) as caught:
            check(f" {link}\n")
    finally:
        PROGRAM.reset(token)
    assert caught.value.code == code
    words = shlex.split(caught.value.hint)
    assert words[-5:] == ["zajil", "--profile", "work", verb, link]


def test_a_link_is_only_of_its_own_kind() -> None:
    for link in (PERSON, ""):
        check_no_group(link)
        check_no_bridges(link)
    for link in (GROUP, ""):
        check_no_person(link)
        check_no_bridges(link)


def test_the_beginning_of_an_id_names_a_link_where_no_other_begins_so() -> None:
    ids = ["abcdef", "abcxyz", "-abcdx", "abcd"]
    listed = "zajil contact-link list"

    def found(text: str, named: str | None = None) -> str:
        return find_own_link(text, ids, named=named, listed=listed)

    assert found("abcd") == "abcd", "a whole id is that one, whatever else begins so"
    assert (found("abcx"), found("-abcdx"), found("abcde"), found("abcdx")) == ("abcxyz", "-abcdx", "abcdef", "-abcdx")
    assert found("https://a.example/g#x", "abcxyz") == "abcxyz"
    for text, code in (("abc", "no-link"), ("", "no-link"), ("zzzz", "no-link"), ("https://x", "no-link")):
        with pytest.raises(Failed, match=code) as caught:
            found(text)
        assert caught.value.hint.endswith(listed)
    with pytest.raises(Failed, match="many-links"):
        find_own_link("abcd", ids[:3], named=None, listed=listed)


def test_a_length_of_time_has_one_form_everywhere() -> None:
    given = {"45s": 45, "30m": 1_800, "12H": 43_200, " 7d ": 604_800, "2w": 1_209_600}
    assert {text: find_span(text) for text in given} == given
    for text in ("", "5", "0m", "-5m", "1.5h", "5 m", "5min", "٥m", "m", "9" * 9 + "m"):
        assert find_span(text) is None
    assert parse_span("365d", most_s=365 * 86_400) == 365 * 86_400
    for text in ("366d", "soon"):
        with pytest.raises(Failed, match="bad-span") as caught:
            parse_span(text, most_s=365 * 86_400)
        assert caught.value.values == {"most": "365d"}


def test_a_suggested_command_can_be_pasted() -> None:
    token = PROGRAM.set("zajil --home '/a b'")
    try:
        assert shlex.split(command_line("send", "Mountain 'hike'", "$HOME")) == [
            "zajil",
            "--home",
            "/a b",
            "send",
            "Mountain 'hike'",
            "$HOME",
        ]
    finally:
        PROGRAM.reset(token)
