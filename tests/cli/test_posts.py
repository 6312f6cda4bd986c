"""How places of the public space are named on the command line, and how posts stand on a screen."""

from __future__ import annotations

import pytest

from zajil.cli.failures import USAGE, Failed
from zajil.cli.posts import PostScreen, is_post, parse_channel, parse_post, post_name, post_row
from zajil.cli.times import day
from zajil.protocol.control import B16
from zajil.protocol.ids import encode_b64
from zajil.protocol.public import api

POST, CHANNEL, AUTHOR = B16(b"\xfb" * 16), B16(b"c" * 16), B16(b"a" * 16)
ID = encode_b64(POST)
HANDLES = {bytes(CHANNEL): "news"}


def post(**fields: object) -> api.Post:
    author = api.PersonaRef(AUTHOR, "amina", "Amina")
    given = {"state": "visible", "version": 1, "created_at": 1_800_000_000, "author": author, "text": "words", **fields}
    return api.Post(post_id=POST, channel_id=CHANNEL, **given)  # type: ignore[arg-type]  # fields of the test


def shown(
    capsys: pytest.CaptureFixture[str], fields: dict[str, object], *, ids: bool = False, reveal: bool = False
) -> str:
    PostScreen(HANDLES, ids=ids, reveal=reveal).show(post(**fields))
    return capsys.readouterr().out


@pytest.mark.parametrize(
    "text",
    [ID, f"@news/{ID}", f"news/{ID}", f"https://zajil.example/c/news/{ID}", f"https://zajil.example/c/news/{ID}?x#y"],
)
def test_a_post_is_named_in_several_ways(text: str) -> None:
    assert parse_post(text) == ID
    assert is_post(text) is ("/" in text)


def test_an_id_that_looks_like_an_option_has_a_name_that_does_not() -> None:
    assert ID.startswith("-")
    assert post_name(post(), HANDLES) == f"@news/{ID}"
    assert parse_post(post_name(post(), {})) == ID, "its channel is gone"


@pytest.mark.parametrize("text", ["", "@news", "@news/", "@news/short", f"@news/{ID}x", "@news/" + "é" * 22])
def test_what_names_no_post_is_wrong_usage(text: str) -> None:
    with pytest.raises(Failed) as raised:
        parse_post(text)
    assert (raised.value.code, raised.value.exit_code) == ("bad-post", USAGE)


@pytest.mark.parametrize(
    ("text", "channel"),
    [
        ("@news", "@news"),
        ("news", "@news"),
        ("@أخبار", "@أخبار"),
        ("https://zajil.example/c/news", "@news"),
        ("https://zajil.example/c/news/", "@news"),
        (encode_b64(CHANNEL), encode_b64(CHANNEL)),
    ],
)
def test_a_channel_is_named_in_several_ways(text: str, channel: str) -> None:
    assert parse_channel(text) == channel
    assert not is_post(text)


def test_a_line_break_forges_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, {"text": "one\n2027-01-15 10:00  Boris  two"}).splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("    ")


def test_a_warning_hides_a_text_until_asked(capsys: pytest.CaptureFixture[str]) -> None:
    warned: list[dict[str, object]] = [{"label": "sexual"}, {"state": "limited", "category": "hate"}]
    for fields in warned:
        assert "words" not in shown(capsys, fields)
        assert "words" in shown(capsys, fields, reveal=True)


def test_a_stub_says_why_and_when_and_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    said = shown(
        capsys, {"state": "removed", "author": None, "text": "", "category": "fraud", "decided_at": 1_800_000_000}
    )
    assert "fraud" in said
    assert day(1_800_000_000) in said
    assert "Amina" not in said


def test_an_author_sees_how_a_post_stands(capsys: pytest.CaptureFixture[str]) -> None:
    assert "being checked" in shown(capsys, {"state": "pending"})
    assert "held for review" in shown(capsys, {"state": "held"})
    assert f"held for review until {day(1_800_000_600)}" in shown(
        capsys, {"state": "held", "held_until": 1_800_000_600}
    )
    assert "removed: a-new-category" in shown(capsys, {"state": "removed", "category": "a-new-category"})
    assert ID in shown(capsys, {}, ids=True)


def test_json_has_every_field_and_exact_texts() -> None:
    row = post_row(post(text="\u202ewords\x1b[31m"), HANDLES)
    assert row["text"] == "\u202ewords\x1b[31m"
    assert set(api.Post.__struct_fields__) - {"post_id", "channel_id"} <= set(row)
    assert post_row(post(author=None), HANDLES)["author"] is None
