"""Echo: a bot on the SDK that answers whoever writes, in the language written to it.

In a chat of two it answers everything; in a group only what names it. Whatever came while it slept, it answers when it
wakes: everything after its own last message in each chat. Whoever calls hears their own voice half a second later.
"""

from __future__ import annotations

import asyncio
import os
import re
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING

from zajil.cli.frame import live_together
from zajil.cli.frame import live_until_stopped as until_signal
from zajil.cli.texts import echo as words
from zajil.cli.texts.text import Language, Text

if TYPE_CHECKING:
    from zajil.client import Chat, Client, Message

NAME = "Echo"
LINK_PREFIX = "contact-link "
MARK = "↩ "
_LOOK_BACK = 100
_PAUSES_S = (1, 2, 5, 15, 60)
"""How long to wait for a server that is busy at the start, before each try."""
_CALLED = re.compile(r"\b(echo|эхо|صدى)\b", re.IGNORECASE)
_COURTESIES: tuple[tuple[re.Pattern[str], Text], ...] = tuple(
    (re.compile(rf"^\W*({pattern})\b", re.IGNORECASE), answer)
    for pattern, answer in (
        (r"help|помощь|справка|помоги|مساعدة|ساعدني|\?", words.HELP),
        (r"ال?سلام عليكم|salam", words.PEACE),
        (r"thanks|thank you|спасибо|благодарю|شكرا|شكرًا|أشكرك", words.THANKS),
        (r"bye|goodbye|пока|до свидания|до встречи|مع السلامة|إلى اللقاء|وداعا|وداعًا", words.GOODBYE),
        (
            r"hi|hello|hey|привет|здравствуй(?:те)?|добрый (?:день|вечер)|доброе утро|مرحبا|مرحبًا|أهلا|أهلًا",
            words.GREETING,
        ),
    )
)
_COURTESY_LENGTH_MAX = 40
_OWN_WORDS = {sentence for _, answer in _COURTESIES for sentence in answer}


def decide_script(text: str) -> Language:
    """The language of a text by the script most of its letters are in; English where it has none of the others."""
    arabic = sum("\u0600" <= character <= "\u06ff" or "\u0750" <= character <= "\u077f" for character in text)
    cyrillic = sum("\u0400" <= character <= "\u04ff" for character in text)
    latin = sum("a" <= character <= "z" for character in text.lower())
    if arabic and arabic >= max(cyrillic, latin):
        return "ar"
    return "ru" if cyrillic and cyrillic >= latin else "en"


def decide_answer(text: str, *, first: bool) -> str:
    """What Echo says to this text. first: nothing was said in the chat before."""
    language = decide_script(text)
    if first:
        return f"{words.WELCOME.in_language(language)}\n{MARK}{text}"
    if len(text) <= _COURTESY_LENGTH_MAX:
        for pattern, answer in _COURTESIES:
            if pattern.search(text):
                return answer.in_language(language)
    return f"{MARK}{text}"


def say_file(message: Message) -> str:
    """The answer to a file alone, in the language of its name: that its message came, and how large it is."""
    language = decide_script(message.attachments[0].name)
    sizes = ", ".join(f"{one.size:,}".replace(",", "\u202f") for one in message.attachments)
    return f"{MARK}{words.FILE.in_language(language, sizes=sizes)}"


def is_for_echo(chat: Chat, message: Message) -> bool:
    """Whether to answer: never itself, never another Echo's answer, in groups only when called by name.

    A text that was deleted, or that only a later version can show, is not there to come back.
    """
    text = message.text
    if message.deleted or not message.supported or not (text.strip() or message.attachments):
        return False
    if message.own or text in _OWN_WORDS or text.startswith(MARK) or f"\n{MARK}" in text:
        return False
    return chat.kind == "dm" or bool(chat.kind == "group" and _CALLED.search(message.text))


async def answer_missed(client: Client) -> None:
    """Answer what came after the own last message of every chat."""
    for chat in client.chats():
        messages = client.read(chat, limit=_LOOK_BACK)
        own = [at for at, message in enumerate(messages) if message.own]
        start = own[-1] + 1 if own else 0
        for message in messages[start:]:
            await _answer(client, chat, message, first=not own and message is messages[0])


async def _answer(client: Client, chat: Chat, message: Message, *, first: bool) -> None:
    """In a group as a reply, so that everybody sees to whom. Whatever forbids an answer to one ends no other's."""
    from zajil.protocol.errors import Unreachable, ZajilError

    if not is_for_echo(chat, message):
        return
    answer = _fitting(decide_answer(message.text, first=first) if message.text.strip() else say_file(message))
    try:
        client.mark_read(chat, upto=message.id)
        await client.send(chat, answer, reply_to=message.id if chat.kind == "group" else None)
    except Unreachable:
        return  # it is queued, and goes out when the server is back
    except ZajilError as refused:
        print(f"no answer: {refused.code}", flush=True)  # removed from the chat, say


def _fitting(text: str) -> str:
    """The answer cut to what one message holds; the mark must not make a long text too long to return."""
    limit = 65_536
    return text.encode("utf-8")[:limit].decode("utf-8", "ignore")


async def live_until_stopped(home: Path, *, server: str) -> None:
    """`live` until SIGTERM or Ctrl-C. The invite of a first start comes in the environment: arguments are public."""
    await until_signal(live(home, server=server, invite=os.environ.get("ZAJIL_ECHO_INVITE")))


async def live(home: Path, *, server: str, invite: str | None) -> None:
    """Register if this home is new, print a fresh contact link, then answer until cancelled.

    Raises ZajilError where registering is refused; losing the server later is waited out by the SDK.
    """
    from zajil.client import Client
    from zajil.client.shell.moving import use_server
    from zajil.protocol.errors import ZajilError

    try:
        await use_server(home, server)
        client = await Client.open(home)
    except ZajilError as missing:
        if missing.code != "no-home":
            raise
        client = await Client.register(home, server=server, name=NAME, invite=invite)
    async with client:
        print(f"{LINK_PREFIX}{await _begin(client)}", flush=True)
        await answer_missed(client)
        await live_together(_answer_messages(client), answer_calls(client))


async def _begin(client: Client) -> str:
    """Fetch what waits; a fresh contact link. A server that is busy or away is asked again until it is not."""
    from zajil.protocol.errors import Limited, Unavailable

    pauses = chain(_PAUSES_S, repeat(_PAUSES_S[-1]))
    while True:
        try:
            await client.sync()
            return await client.contact_link()
        except (Limited, Unavailable) as later:
            pause = max(next(pauses), (later.retry_ms or 0) / 1000)
            print(f"waits {pause:.0f} s: {later.code}", flush=True)
            await asyncio.sleep(pause)


async def _answer_messages(client: Client) -> None:
    async for event in client.follow():
        message = event.message
        if event.kind != "message" or message is None or message.own:
            continue
        chat = client.find_chat(message.chat)
        before = client.read(chat, limit=2)
        await _answer(client, chat, message, first=len(before) == 1)


async def answer_calls(client: Client) -> None:
    """Give callers their voice back, half a second later; without the extra `zajil[calls]`, tell them it cannot."""
    from zajil.cli.resident.answering import Answering, Voices, refuse_calls

    try:
        voices = Voices("echo")
    except ModuleNotFoundError:
        await refuse_calls(client)
    else:
        await Answering(client, voices).run()
