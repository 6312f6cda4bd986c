"""A chat as it goes on: new messages, and what happens to those that were shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zajil.cli.output import console, error_console, print_json
from zajil.cli.reading import MessageScreen, by_time, message_row, notices_beside, quotes_of, shorten
from zajil.cli.texts import chats as words
from zajil.cli.texts import messages as talk
from zajil.cli.texts.events import EVENTS
from zajil.cli.untrusted import clean_name

if TYPE_CHECKING:
    from zajil.client import Chat, Client, Event, Message, Notice

# Messages and what happens to them are shown as such; that a chat was made or a name was told is no news to a reader.
SHOWN = ("message", "state", "edited", "deleted", "expired", "reacted", "read")
SILENT = (*SHOWN, "typing", "created", "profile")
_UNDER_WAY = ("queued", "sending")
_RECEIPTS = ("delivered", "read")


async def follow_chat(client: Client, chat: Chat, *, limit: int, json: bool, ids: bool = False) -> None:
    """The newest messages of the chat, then every new one and every change of one, until interrupted."""
    messages = client.read(chat, limit=limit)
    follower = _Follower(client, chat, messages, json=json, ids=ids)
    follower.begin(messages, notices_beside(client, chat, messages, limit=limit))
    client.mark_read(chat)
    if not json and console().is_terminal:
        error_console().print(words.FOLLOWING(), style="dim")
    online = True
    async for event in client.follow():
        online = _say_connection(event, online)
        follower.take(event)


class _Follower:
    """What was shown already, and how the next event is."""

    def __init__(self, client: Client, chat: Chat, messages: list[Message], *, json: bool, ids: bool) -> None:
        self._client = client
        self._chat = chat
        self._json = json
        self._screen = MessageScreen(messages, find=quotes_of(client, chat), ids=ids)
        self._shown = {message.id: message for message in messages}
        self._writing: set[str] = set()
        self._noticed: list[Notice] = client.notices(chat)

    def begin(self, messages: list[Message], notices: list[Notice]) -> None:
        """Show what is there already."""
        if self._json:
            for message in messages:
                self.show(message)
            return
        for each in by_time(messages, notices):
            self._screen.add(each)

    def show(self, message: Message) -> None:
        """Show a message as it is now."""
        self._shown[message.id] = message
        if self._json:
            print_json(message_row(message))
        else:
            self._screen.show(message)

    def take(self, event: Event) -> None:
        """Show what an event changed."""
        fresh = event.message
        if not self._json:
            if event.code not in ("members", "timer", "roles", "rules") or not self._say_notices():
                say_event(event, self._chat)
            self._say_writing(event)
        if fresh is None or fresh.chat != self._chat.id or self._shown.get(fresh.id) == fresh:
            return
        before = self._shown.get(fresh.id)
        if self._json:
            self.show(fresh)
        elif event.kind == "change":
            self._say_change(event, fresh, before)
        elif fresh.state not in _UNDER_WAY and (before is None or fresh.state not in _RECEIPTS):
            self.show(fresh)  # a person sees a message once, when it is out; a program sees every state
        if event.kind == "message" and not fresh.own:
            self._writing.discard(fresh.sender)
            self._client.mark_read(self._chat)

    def _say_change(self, event: Event, fresh: Message, before: Message | None) -> None:
        """An edit shows the message anew; a reaction or a deletion is one dim line."""
        if event.code == "edited":
            self.show(fresh)
            return
        self._shown[fresh.id] = fresh
        name = clean_name(event.name or "?")
        if event.code == "deleted":
            console().print(talk.SAW_DELETION(name=name), style="dim")
        elif event.code == "reacted":
            held = {one.emoji for one in before.reactions} if before is not None else set()
            given = next((one.emoji for one in fresh.reactions if one.sender == event.name), None)
            if given is not None:
                console().print(talk.SAW_REACTION(name=name, emoji=given, text=shorten(fresh)), style="dim")
            elif held:
                console().print(talk.SAW_TAKE_BACK(name=name, text=shorten(fresh)), style="dim")

    def _say_notices(self) -> bool:
        """Show the notices that came since the last ones; whether there were any."""
        found = self._client.notices(self._chat)
        fresh = [notice for notice in found if notice not in self._noticed]
        for notice in fresh:
            self._screen.show_notice(notice)
        self._noticed = found
        return bool(fresh)

    def _say_writing(self, event: Event) -> None:
        """Said once until a message of that person came; in a pipe nobody wants to know."""
        if event.kind != "typing" or event.chat != self._chat.id or event.name is None or event.name in self._writing:
            return
        self._writing.add(event.name)
        if console().is_terminal:
            error_console().print(talk.WRITING(name=clean_name(event.name)), style="dim")


def say_event(event: Event, chat: Chat) -> None:
    """One dim line on stderr for what a person who follows `chat` should notice, here or in the whole account."""
    if event.code is None or event.code in SILENT or event.chat not in (None, chat.id):
        return
    error_console().print(EVENTS[event.code](), style="dim")


def _say_connection(event: Event, online: bool) -> bool:
    if event.kind == "disconnected" and online:
        error_console().print(words.CONNECTION_LOST(), style="dim")
        return False
    if event.kind == "connected" and not online:
        error_console().print(words.CONNECTION_BACK(), style="dim")
        return True
    return online
