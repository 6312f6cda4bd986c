"""Echo's manners: the language written to it, courtesies, and never answering itself."""

from __future__ import annotations

import pytest

from zajil.cli.resident.echo import MARK, decide_answer, decide_script, is_for_echo
from zajil.cli.texts import echo as words
from zajil.cli.texts.text import Text
from zajil.client import Chat, Message
from zajil.client.views import ChatKind


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


def test_echo_never_answers_an_echo() -> None:
    assert is_for_echo(chat(), message("hi"))
    assert not is_for_echo(chat(), message("hi", own=True))
    assert not is_for_echo(chat(), message(decide_answer("hi there", first=False)))
    assert not is_for_echo(chat(), message(decide_answer("hi", first=True)))
    assert not is_for_echo(chat("group"), message("hi all"))
    assert is_for_echo(chat("group"), message("Эхо, ты здесь?"))
    assert not is_for_echo(chat("group"), message("an echoing hall"))
    assert not is_for_echo(chat("self"), message("hi"))
