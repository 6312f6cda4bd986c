"""The people of the demo, and what they do in every act: write, fetch, and find what others wrote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zajil.cli.demo.stage import Person, Stage
from zajil.cli.texts import demo_lines as lines
from zajil.cli.texts.text import Text

if TYPE_CHECKING:
    from zajil.client import Chat, Client

AMINA = Person(lines.AMINA, "ar", "magenta")
BORIS = Person(lines.BORIS, "ru", "yellow")
CLARA = Person(lines.CLARA, "en", "green")


@dataclass
class Cast:
    """Who is there, and the group they share (an id: each client has its own view of it)."""

    amina: Client
    boris: Client
    clara: Client
    group: str = ""


def chat_of(client: Client, chat: str) -> Chat:
    """The client's view of the chat with this id."""
    return client.find_chat(chat)


def texts_of(client: Client, chat: str, *, limit: int = 500) -> list[str]:
    """What stands in the chat on this device, oldest first."""
    return [message.text for message in client.read(chat_of(client, chat), limit=limit)]


async def write(client: Client, chat: str, text: str) -> str:
    """Send, and return only once the server holds it; the message id."""
    return await client.send(chat_of(client, chat), text)


async def converse(
    stage: Stage, chat: str, speaker: Person, sender: Client, readers: list[Client], meaning: Text, **values: str | int
) -> bool:
    """The speaker writes in their language; shows it as the first reader received it.

    Whether every reader then holds exactly what was written as the newest message.
    """
    text = meaning.in_language(speaker.language, **values)
    await write(sender, chat, text)
    newest: list[str] = []
    for reader in readers:
        await reader.sync()
        newest.append((texts_of(reader, chat, limit=1) or [""])[0])
    await stage.says(speaker, newest[0], meaning, **values)
    return all(received == text for received in newest)
