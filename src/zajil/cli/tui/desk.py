"""What the screen of chats shows and does, apart from any widget: the list, the open chat, what is being written."""

from __future__ import annotations

import time
from typing import Final

from zajil.cli.commands.chats import check_key
from zajil.cli.following import SILENT
from zajil.cli.reading import by_time, notices_beside, quotes_of
from zajil.cli.untrusted import clean_text
from zajil.client import Chat, Client, Event, Message, Notice
from zajil.client.views import EventCode
from zajil.protocol.errors import ZajilError

PAGE: Final = 100
WRITING_S: Final = 6.0
DRAFT_S: Final = 3.0
"""A draft goes to our other devices once nobody has typed for so long."""
_UNDER_WAY: Final = ("queued", "sending")


class Desk:
    """One person's chats. Changing methods raise ZajilError, or Failed `verify-again`; then nothing has changed."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.chats: list[Chat] = []
        self.opened: Chat | None = None
        self.entries: list[Message | Notice] = []
        self.reply: Message | None = None
        self.around: str | None = None
        """Id of a found message, around which the log stands; None where it ends with the newest."""
        self.text = ""
        self.online = True
        self.waiting = 0
        self.requests = 0
        self._limit = PAGE
        self._draft = ""
        self._tried = ""
        self._typed_at = 0.0
        self._unkept: dict[str, str] = {}
        self._writing: dict[str, float] = {}
        self._noticed: list[Notice] = []

    # -- what is shown

    def refresh(self) -> None:
        """Look at the store again."""
        everything = self.client.chats()
        self.chats = [chat for chat in everything if not chat.archived]
        self.requests = len(self.client.requests())
        if self.opened is None:
            self.entries = []
            return
        self.opened = _again(self.opened, everything)
        find = quotes_of(self.client, self.opened)
        if self.around is not None and find(self.around) is None:
            self.around = None
        if self.around is not None:
            found: list[Message | Notice] = []
            found += self.client.read_around(self.opened, self.around, limit=PAGE)
            self.entries = found
        else:
            messages = self.client.read(self.opened, limit=self._limit)
            beside = notices_beside(self.client, self.opened, messages, limit=self._limit)
            self.entries = list(by_time(messages, beside))
        self.waiting = sum(message.state in _UNDER_WAY for message in self.messages())
        if self.reply is not None:
            self.reply = find(self.reply.id)
            self.reply = None if self.reply is None or self.reply.deleted else self.reply

    def messages(self) -> list[Message]:
        """Those of the open chat that are shown, oldest first."""
        return [entry for entry in self.entries if isinstance(entry, Message)]

    def is_due(self) -> bool:
        """Whether something shown is over by now."""
        now = time.time()
        return any(message.expires_at is not None and message.expires_at <= now for message in self.messages())

    def writers(self) -> list[str]:
        """Who writes in the open chat now, by name as they gave it."""
        now = time.monotonic()
        return [name for name, until in self._writing.items() if until > now]

    def take(self, event: Event) -> EventCode | None:
        """Note what an event tells beside messages; its code where a person should notice it as such."""
        if event.kind in ("connected", "disconnected"):
            self.online = event.kind == "connected"
        here = self.opened is not None and event.chat == self.opened.id
        if here and event.name is not None and event.kind == "typing":
            self._writing[event.name] = time.monotonic() + WRITING_S
        if here and event.kind == "message" and event.message is not None:
            self._writing.pop(event.message.sender, None)
        if event.code is None or event.code in SILENT or not (here or event.chat is None):
            return None
        if event.code in ("members", "timer", "roles", "rules") and self.opened is not None:
            told = self.client.notices(self.opened)
            fresh, self._noticed = told != self._noticed, told
            return None if fresh else event.code  # it stands in the log
        return event.code

    # -- which chat

    def open(self, identity: str, *, around: str | None = None) -> None:
        """Show this chat, at its end or around a message. What was being written in the other one is kept."""
        self.leave()
        chat = next((chat for chat in self.client.chats() if chat.id == identity), None)
        if chat is None:
            return
        self.opened, self.around, self.reply = chat, around, None
        self._limit = PAGE
        self._writing = {}
        self._noticed = self.client.notices(chat)
        self._draft = clean_text(chat.draft)
        self.text = self._unkept.pop(identity, self._draft)
        self.refresh()

    def beside(self, step: int) -> str | None:
        """Id of the chat so far below the open one in the list; None where there is no chat."""
        ids = [chat.id for chat in self.chats]
        if not ids:
            return None
        if self.opened is None or self.opened.id not in ids:
            return ids[0 if step > 0 else -1]
        return ids[(ids.index(self.opened.id) + step) % len(ids)]

    def look_further(self) -> bool:
        """Show older messages too; False where there are none, or what is shown stands around a found one."""
        if self.around is not None or len(self.messages()) < self._limit:
            return False
        self._limit += PAGE
        self.refresh()
        return True

    def to_the_end(self) -> None:
        """Show the newest again."""
        self.around = None
        self.refresh()

    def see(self) -> None:
        """The open chat is before a person's eyes: mark it read, unless its end is not shown."""
        if self.opened is not None and self.around is None and (self.opened.unread or self.opened.mentioned):
            self.client.mark_read(self.opened)
            self.refresh()

    # -- writing

    def answer(self, identity: str) -> None:
        """What is written next answers this message."""
        self.reply = next((one for one in self.messages() if one.id == identity and _can_be_answered(one)), self.reply)

    def answer_older(self) -> None:
        """Answer the newest message of somebody else, or one older than what is being answered already."""
        able = [message for message in self.messages() if _can_be_answered(message)]
        if self.reply is None:
            able = [message for message in able if not message.own] or able
        else:
            ids = [message.id for message in able]
            able = able[: ids.index(self.reply.id)] if self.reply.id in ids else able
        self.reply = able[-1] if able else self.reply

    def send(self, text: str) -> bool:
        """Queue a text; it goes out by itself, now or with the next connection. False where there is nothing in it."""
        if self.opened is None or not text.strip():
            return False
        check_key(self.client, self.opened)
        named = self.client.find_mentions(self.opened, text)
        quoted = None if self.reply is None else self.reply.id
        self.client.queue(self.opened, text, reply_to=quoted, mentions=named)
        self.text, self.reply, self.around = "", None, None
        self.keep_draft()
        self.refresh()
        return True

    def write(self, text: str) -> bool:
        """The text in the field changed; whether a person did that."""
        if text == self.text:
            return False
        self.text = text
        self._typed_at = time.monotonic()
        return True

    def rest(self) -> None:
        """Keep what was written, if nobody has typed for a while."""
        if self.text != self._tried and time.monotonic() - self._typed_at > DRAFT_S:
            self._tried = self.text  # one that cannot be stored is told once
            self.keep_draft()

    def keep_draft(self) -> None:
        """Store what is being written, for all our devices."""
        if self.opened is None or self.text == self._draft:
            return
        self.client.set_draft(self.opened, self.text)
        self._draft = self.text

    def take_draft(self) -> bool:
        """Take what another of our devices wrote, unless something was written here; whether it was taken."""
        if self.opened is None or self.text != self._draft:
            return False
        theirs = clean_text(self.opened.draft)
        changed = theirs != self._draft
        self.text = self._draft = theirs
        return changed

    def leave(self) -> None:
        """Keep what was written before another chat comes, or the end; what cannot be stored stays in memory."""
        if self.opened is None:
            return
        try:
            self.keep_draft()
        except ZajilError:
            self._unkept[self.opened.id] = self.text


def _can_be_answered(message: Message) -> bool:
    return not message.deleted and message.supported and message.state not in (*_UNDER_WAY, "failed")


def _again(chat: Chat, everything: list[Chat]) -> Chat:
    """The chat as it is now; two chats with one person become one, under either id."""
    now = [one for one in everything if one.id == chat.id]
    now += [one for one in everything if chat.kind == one.kind == "dm" and one.members == chat.members]
    return now[0] if now else chat
