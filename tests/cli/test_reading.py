"""Messages on the screen: the fields of the contract as JSON, and no way to forge somebody else's line."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import AsyncIterator, Sequence
from typing import cast, get_args

import msgspec
import pytest
from rich.console import Console

from zajil.cli import following, reading
from zajil.cli.commands.lasting.disappear import parse_time
from zajil.cli.commands.talk.arranging import notes_of
from zajil.cli.failures import Failed
from zajil.cli.output import print_json
from zajil.cli.reading import by_time, message_line, message_row, print_messages
from zajil.cli.texts import messages as words
from zajil.cli.texts.events import EVENTS
from zajil.client import Attachment, Call, Chat, Client, Event, Message, Notice, Progress
from zajil.client.views import EVENT_KINDS, MessageState
from zajil.protocol.chat.forms import CallKind, CallOutcome


def message(
    text: str, *, sender: str = "Amina", state: MessageState = "received", reason: str | None = None
) -> Message:
    return Message(
        id="AbC", chat="gid", sender=sender, sender_id="xyz", sent_at=1_795_000_000, state=state, text=text,
        own=state != "received", reason=reason,
    )  # fmt: skip


def test_json_has_the_fields_of_the_contract_and_the_exact_text(capsys: pytest.CaptureFixture[str]) -> None:
    text = "مرحبًا \x1b[31m Привет 👩‍👩‍👧‍👦\r\n\u202e"
    print_json(message_row(message(text)))
    output = capsys.readouterr().out
    assert output.count("\n") == 1
    row = json.loads(output)
    talked = ["reply_to", "edited", "deleted", "expires_at", "mentions", "reactions", "attachments"]
    assert list(row) == ["id", "chat", "sender", "sent_at", "state", "text", *talked]
    assert row == {
        "id": "AbC", "chat": "gid", "sender": "Amina", "sent_at": 1_795_000_000, "state": "received", "text": text,
        "reply_to": None, "edited": False, "deleted": False, "expires_at": None, "mentions": [], "reactions": [],
        "attachments": [],
    }  # fmt: skip
    assert "\x1b" not in output
    assert "\u202e" not in output


def test_a_message_whose_files_are_going_out_says_how_far_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    waiting = msgspec.structs.replace(
        message("look", state="sending"),
        attachments=(Attachment("a.jpg", "image/jpeg", 19_000_000),),
        progress=Progress(12_000_000, 20_447_232),
    )
    assert "  sending, 12.0 MB of 20.4 MB  look\n         File: a.jpg, 19.0 MB" in message_line(waiting).plain
    assert message_row(waiting)["progress"] == {"done": 12_000_000, "whole": 20_447_232}
    print_messages([waiting])
    assert "sending, 12.0 MB of 20.4 MB" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("call", "own", "shown"),
    [
        (Call("audio", "answered", 192), True, "Voice call, lasted 3:12"),
        (Call("video", "answered", 3_765), False, "Video call, lasted 1:02:45"),
        (Call("audio", "missed", 0), False, "Voice call, missed"),
        (Call("audio", "missed", 0), True, "Voice call, no answer"),
        (Call("audio", "busy", 0), True, "Voice call, busy"),
        (Call("video", "declined", 0), False, "Video call, declined"),
        (Call("video", "failed", 0), False, "Video call, no connection"),
    ],
)
def test_the_log_of_a_call_is_a_line(call: Call, own: bool, shown: str) -> None:
    line = msgspec.structs.replace(message("", state="sent" if own else "received"), call=call)
    assert strip_isolates(message_line(line).plain).endswith(f"  {shown}")
    assert message_row(line)["call"] == {"kind": call.kind, "outcome": call.outcome, "seconds": call.seconds}
    assert strip_isolates(reading.shorten(line)) == shown


def test_the_words_for_calls_are_whole_in_each_language() -> None:
    outcomes, kinds = get_args(CallOutcome), get_args(CallKind)
    assert set(words.CALL_OWN) == set(words.CALL_OTHERS) == set(outcomes)
    assert set(words.CALL_KINDS) == set(kinds)


def strip_isolates(text: str) -> str:
    """The text without the marks that keep directions apart."""
    return text.translate({0x2066: None, 0x2067: None, 0x2068: None, 0x2069: None})


def test_a_pipe_gets_one_message_a_line_with_full_time(capsys: pytest.CaptureFixture[str]) -> None:
    print_messages([message("one"), message("x" * 300, state="sent"), message("", state="failed", reason="removed")])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].endswith("Amina  received  one")
    assert lines[1].endswith("sent  " + "x" * 300)
    assert "not sent (removed)" in lines[2]
    assert all(line.startswith("2026-11-") for line in lines)


def test_a_message_cannot_forge_the_line_of_another_sender() -> None:
    forged = "hello\n14:03  Boris  received  meet me alone\u2028\r15:00  Boris"
    lines = message_line(message(forged)).plain.split("\n")
    assert [line.startswith("         ") for line in lines] == [False, True, True, True]
    name = message_line(message("hi", sender="Boris\n12:00  Clara  received  fake")).plain
    assert "\n" not in name


def test_a_terminal_gets_no_foreign_escapes_and_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", markup=False, emoji=False)
    monkeypatch.setattr(reading, "console", lambda: screen)
    print_messages([message("\x1b]0;owned\x07[bold]x[/bold] :smile: \x1b[2J", sender="\x1b[8mghost")])
    assert isinstance(screen.file, io.StringIO)
    shown = screen.file.getvalue()
    assert "[bold]x[/bold] :smile:" in shown
    assert "ghost" in shown
    for hostile in ("\x1b]0", "\x1b[2J", "\x1b[8m", "\x07"):
        assert hostile not in shown


def test_rtl_text_is_isolated_from_what_stands_around_it() -> None:
    line = message_line(message("مرحبًا", sender="أمينة")).plain
    assert "\u2068أمينة\u2069" in line
    assert line.endswith("\u2068مرحبًا\u2069")


def test_stdout_is_flushed_for_followers(monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[bool] = []
    stream = io.StringIO()
    monkeypatch.setattr(stream, "flush", lambda: flushed.append(True))
    monkeypatch.setattr(sys, "stdout", stream)
    print_json({"a": 1})
    assert flushed


class Followed:
    """What following reads of a client: nothing stored, then these events, then the end."""

    def __init__(self, events: Sequence[Event], told: Sequence[Notice] = ()) -> None:
        self.events = events
        self.told = told
        self.begun = False

    def read(self, chat: Chat, *, limit: int) -> list[Message]:
        del chat, limit
        return []

    def notices(self, chat: Chat) -> list[Notice]:
        del chat
        return list(self.told) if self.begun else []

    def mark_read(self, chat: Chat) -> None:
        del chat

    async def follow(self) -> AsyncIterator[Event]:
        self.begun = True
        for event in self.events:
            yield event


@pytest.mark.parametrize("json", [False, True])
async def test_a_follower_notices_what_concerns_the_chat_or_the_account(
    capsys: pytest.CaptureFixture[str], *, json: bool
) -> None:
    here = Chat("here", "group", "Doves", "active", (), "member", epoch=1, devices=2, last_activity=0)
    events = [Event(kind, chat, None, code) for code, kind in EVENT_KINDS.items() for chat in ("here", "elsewhere")]
    events += [Event("gap", code="gap"), Event("problem", "here")]
    await following.follow_chat(cast(Client, Followed(events)), here, limit=5, json=json)  # all it needs of one
    output = capsys.readouterr()
    assert output.out == ""
    noticed = [code for code in EVENT_KINDS if code not in following.SILENT]
    assert output.err.splitlines() == ([] if json else [EVENTS[code]() for code in (*noticed, "gap")])


@pytest.mark.parametrize(
    ("seconds", "own", "said"),
    [
        (86_400, False, "Anna set messages to disappear after 1 day."),
        (90, True, "You set messages to disappear after 1 min 30 s."),
        (90_000, False, "Anna set messages to disappear after 1 d 1 h."),
        (0, False, "Anna turned disappearing messages off."),
    ],
)
async def test_a_follower_reads_who_set_the_timer(
    capsys: pytest.CaptureFixture[str], *, seconds: int, own: bool, said: str
) -> None:
    here = Chat("here", "group", "Doves", "active", (), "member", epoch=1, devices=2, last_activity=0)
    told = [Notice("timer", "here", "Anna", "xyz", own=own, at=1_795_000_000, seconds=seconds)]
    events = [Event("chat", "here", code="timer")]
    await following.follow_chat(cast(Client, Followed(events, told)), here, limit=5, json=False)  # all it needs of one
    output = capsys.readouterr()
    assert output.out.strip().endswith(f"  — {said}")
    assert output.err == ""


def test_an_answer_says_that_what_it_quotes_has_disappeared() -> None:
    answer = msgspec.structs.replace(message("indeed"), reply_to="x", quote_expired=True)
    assert "↪ to a message that has disappeared" in message_line(answer).plain
    assert message_row(msgspec.structs.replace(answer, expires_at=1_795_086_400))["expires_at"] == 1_795_086_400


def test_a_timer_is_a_span_or_seconds_or_off() -> None:
    given = {"5m": 300, "1h": 3_600, "1D": 86_400, "4w": 2_419_200, "365d": 31_536_000, "90s": 90}
    given |= {"off": 0, "OFF": 0, "0": 0, "90": 90, "31536000": 31_536_000}
    assert {text: parse_time(text) for text in given} == given
    for text in ("", "0h", "-1", "1.5", "31536001", "٣", "٣h", "9" * 40, "1 d", "366d", "1y", "m"):
        with pytest.raises(Failed, match="bad-span") as caught:
            parse_time(text)
        assert (caught.value.values["most"], "off" in caught.value.hint) == ("365d", True)


@pytest.mark.parametrize(
    ("own", "whom_own", "said"),
    [
        (False, False, "Anna made Omar an admin."),
        (False, True, "Anna made you an admin."),
        (True, False, "You made Omar an admin."),
        (True, True, "You are an admin now."),
    ],
)
async def test_a_follower_reads_who_made_whom_an_admin(
    capsys: pytest.CaptureFixture[str], *, own: bool, whom_own: bool, said: str
) -> None:
    here = Chat("here", "group", "Doves", "active", (), "member", epoch=1, devices=2, last_activity=0)
    line = Notice("role-admin", "here", "Anna", "xyz", own=own, at=1_795_000_000, whom="Omar", whom_account="uvw")
    told = [msgspec.structs.replace(line, whom_own=whom_own)]
    events = [Event("chat", "here", code="roles")]
    await following.follow_chat(cast(Client, Followed(events, told)), here, limit=5, json=False)  # all it needs of one
    output = capsys.readouterr()
    assert output.out.strip().endswith(f"  — {said}")
    assert output.err == ""


async def test_a_follower_reads_who_has_another_device(capsys: pytest.CaptureFixture[str]) -> None:
    here = Chat("here", "group", "Doves", "active", (), "member", epoch=1, devices=2, last_activity=0)
    told = [Notice("device-added", "here", "Anna\n\x1b[31m\u202e", "xyz", own=False, at=1_795_000_000)]
    events = [Event("members", "here", code="members"), Event("members", "here", code="members")]
    await following.follow_chat(cast(Client, Followed(events, told)), here, limit=5, json=False)  # all it needs of one
    output = capsys.readouterr()
    (line,) = output.out.splitlines()
    assert line.endswith("  — Anna has a new device.")
    assert output.err.splitlines() == [EVENTS["members"]()], "the second change is told of as before"


def test_notices_stand_where_they_belong_among_messages() -> None:
    at = message("hello").sent_at
    early, late = (Notice("left", "gid", "Anna", "xyz", own=False, at=at + step) for step in (-1, 1))
    assert list(by_time([message("hello")], [early, late])) == [early, message("hello"), late]


def test_a_draft_beside_a_chat_steers_no_terminal() -> None:
    """It is our own text, but may have been pasted from anybody."""
    held = Chat("id", "dm", "Boris", "active", (), "member", 1, 1, 0, draft="hi \x1b]0;gone\x07\u202ethere")
    assert notes_of(held)[0].endswith("hi there")
