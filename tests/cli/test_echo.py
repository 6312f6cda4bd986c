"""Echo's manners: the language written to it, courtesies, and never answering itself."""

from __future__ import annotations

from typing import cast

import msgspec
import pytest

from zajil.cli.resident import echo
from zajil.cli.resident.echo import MARK, answer_missed, decide_answer, decide_script, is_for_echo, say_file
from zajil.cli.texts import echo as words
from zajil.cli.texts.text import Text
from zajil.client import Attachment, Chat, Client, Message
from zajil.client.views import ChatKind
from zajil.protocol.errors import ZajilError, error


def chat(kind: ChatKind = "dm") -> Chat:
    return Chat(
        id="g",
        kind=kind,
        title="t",
        status="active",
        members=("a", "b"),
        role="owner",
        epoch=1,
        devices=2,
        last_activity=0,
    )


def message(text: str, *, own: bool = False) -> Message:
    return Message(id="m", chat="g", sender="Amina", sender_id="a", sent_at=0, state="received", text=text, own=own)


@pytest.mark.parametrize(
    ("text", "language"),
    [("hello", "en"), ("привет, как дела?", "ru"), ("مرحبا hello", "ar"), ("123 👍", "en"), ("Zajil — хорошо", "ru")],
)
def test_the_language_is_that_of_the_letters(text: str, language: str) -> None:
    assert decide_script(text) == language


@pytest.mark.parametrize(
    ("text", "answer", "language"),
    [
        ("Hello!", words.GREETING, "en"),
        ("Привет", words.GREETING, "ru"),
        ("مرحبًا!", words.GREETING, "ar"),
        ("السلام عليكم", words.PEACE, "ar"),
        ("Спасибо!", words.THANKS, "ru"),
        ("bye", words.GOODBYE, "en"),
        ("مساعدة", words.HELP, "ar"),
    ],
)
def test_courtesies_are_returned_in_kind(text: str, answer: Text, language: str) -> None:
    assert decide_answer(text, first=False) == getattr(answer, language)


def test_everything_else_comes_back_exactly() -> None:
    assert decide_answer("Hidden rivers \n  run deep ", first=False) == f"{MARK}Hidden rivers \n  run deep "
    assert decide_answer("thinking about thanks", first=False) == f"{MARK}thinking about thanks"
    assert decide_answer("Добрый день", first=True).startswith(words.WELCOME.ru)


def test_a_file_alone_is_answered_in_the_language_of_its_name() -> None:
    photo = Attachment("صورة.jpg", "image/jpeg", 1_234_567)
    alone = msgspec.structs.replace(message(""), attachments=(photo,))
    assert is_for_echo(chat(), alone)
    assert not is_for_echo(chat("group"), alone), "nobody called it"
    said = say_file(alone)
    assert said.startswith(f"{MARK}أرى ملفك")
    assert "1\u202f234\u202f567" in said
    assert not is_for_echo(chat(), message(said)), "two Echos never talk to each other"
    assert say_file(msgspec.structs.replace(alone, attachments=(Attachment("a.jpg", "", 1),))).startswith(
        f"{MARK}I see"
    )


def test_what_cannot_be_read_does_not_come_back() -> None:
    assert not is_for_echo(chat(), message(""))
    assert not is_for_echo(chat(), message(" \n"))
    assert not is_for_echo(chat(), msgspec.structs.replace(message("hi"), deleted=True))
    assert not is_for_echo(chat(), msgspec.structs.replace(message("hi"), supported=False))


class Friend:
    """The part of the SDK that Echo answers through: chats by id, and what was said in each."""

    def __init__(self, chats: dict[str, Chat], refusing: dict[str, ZajilError]) -> None:
        self._chats = chats
        self._refusing = refusing
        self.sent: list[tuple[str, str, str | None]] = []
        self.seen: list[tuple[str, str | None]] = []

    def chats(self) -> list[Chat]:
        return list(self._chats.values())

    def read(self, of: Chat, *, limit: int) -> list[Message]:
        return [message("Echo, are you there?" if of.kind == "group" else "good day")][:limit]

    def mark_read(self, of: Chat, *, upto: str | None = None) -> None:
        self.seen.append((of.id, upto))

    async def send(self, of: Chat, text: str, *, reply_to: str | None = None) -> None:
        if of.id in self._refusing:
            raise self._refusing[of.id]
        self.sent.append((of.id, text, reply_to))


async def test_one_chat_that_takes_no_answer_keeps_none_of_the_others_waiting() -> None:
    named = {name: msgspec.structs.replace(chat(), id=name) for name in ("gone", "offline", "dm")}
    named["group"] = msgspec.structs.replace(chat("group"), id="group")
    friend = Friend(named, {"gone": error("not-a-member"), "offline": error("unreachable")})
    await answer_missed(cast("Client", friend))  # the part of it that Echo uses
    assert [(name, reply) for name, _, reply in friend.sent] == [("dm", None), ("group", "m")]
    assert friend.seen == [(name, "m") for name in named]


class Waking:
    """The part of the SDK by which Echo begins: the server says no to this first."""

    def __init__(self, refusals: list[ZajilError]) -> None:
        self.refusals = refusals

    async def sync(self) -> None:
        if self.refusals:
            raise self.refusals.pop(0)

    async def contact_link(self) -> str:
        return "https://chat.example/i#link"


async def test_a_server_that_is_busy_at_the_start_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(echo, "_PAUSES_S", (0,))
    codes = ("busy", "unreachable", "slow-down")
    client = cast("Client", Waking([error(code, retry_ms=1) for code in codes]))  # the part of it that begins
    assert await echo._begin(client) == "https://chat.example/i#link"
    assert capsys.readouterr().out.splitlines() == [f"waits 0 s: {code}" for code in codes]
    with pytest.raises(ZajilError, match="device-revoked"):
        await echo._begin(cast("Client", Waking([error("device-revoked")])))


def test_echo_never_answers_an_echo() -> None:
    assert is_for_echo(chat(), message("hi"))
    assert not is_for_echo(chat(), message("hi", own=True))
    assert not is_for_echo(chat(), message(decide_answer("hi there", first=False)))
    assert not is_for_echo(chat(), message(decide_answer("hi", first=True)))
    assert not is_for_echo(chat("group"), message("hi all"))
    assert is_for_echo(chat("group"), message("Эхо, ты здесь?"))
    assert not is_for_echo(chat("group"), message("an echoing hall"))
    assert not is_for_echo(chat("self"), message("hi"))
