"""`Client`: one device of one account in one home folder. Async; the delivery rules live in `core/`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from zajil.client.views import Chat, Check, Contact, Device, Event, LinkedDevice, LinkPreview, Message, WhoAmI


class Client:
    """An async context manager. Errors are `ZajilError`s with a stable code (`Unreachable`: no server answered)."""

    @classmethod
    async def register(cls, home: Path, *, server: str, name: str, invite: str | None = None) -> Client:
        """A new account with its first device, in an empty `home` (created, 0700). server: http(s)://host[:port]."""
        raise NotImplementedError

    @classmethod
    async def open(cls, home: Path) -> Client:
        """The device in `home`; touches no network. Raises `no-home`, `state-rolled-back` only when sending."""
        raise NotImplementedError

    @classmethod
    async def link_new(
        cls, home: Path, *, server: str, on_code: Callable[[str], None], on_emoji: Callable[[str], None] | None = None
    ) -> Client:
        """A further device of an existing account: shows a code, waits (120 s) until an old device approved it."""
        raise NotImplementedError

    async def link_preview(self, code: str) -> LinkPreview:
        """What the device behind `code` says of itself, for the question before `link_approve`."""
        raise NotImplementedError

    async def link_approve(self, code: str) -> LinkedDevice:
        """Enrol the device behind `code` into this account and add it to the self chat and to all chats."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        raise NotImplementedError

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        """Close sessions and the store; what is queued stays queued."""
        raise NotImplementedError

    def whoami(self) -> WhoAmI:
        """This device."""
        raise NotImplementedError

    async def contact_link(self) -> str:
        """A link that lets 20 people within 30 days add this account."""
        raise NotImplementedError

    async def add_contact(self, link: str) -> Chat:
        """Add the account behind a contact link and open the DM with it (the existing one, if any)."""
        raise NotImplementedError

    def contacts(self) -> list[Contact]:
        """All contacts by name."""
        raise NotImplementedError

    def devices(self) -> list[Device]:
        """Own devices by id."""
        raise NotImplementedError

    def chats(self) -> list[Chat]:
        """All chats, latest activity first."""
        raise NotImplementedError

    def find_chat(self, text: str) -> Chat:
        """The chat with this id or title. Raises `unknown-chat`, or `ambiguous-name` with detail `candidates`."""
        raise NotImplementedError

    def find_contact(self, text: str) -> Contact:
        """The contact with this id or name. Raises `unknown-contact`, or `ambiguous-name` with `candidates`."""
        raise NotImplementedError

    async def create_group(self, title: str, contacts: Sequence[Contact]) -> Chat:
        """A group owned by us, accepted by the server with everyone in it before this returns."""
        raise NotImplementedError

    async def add_member(self, chat: Chat, contact: Contact) -> None:
        """Add all devices of `contact`; returns when the change stands in the group. Raises `not-allowed`."""
        raise NotImplementedError

    async def remove_member(self, chat: Chat, contact: Contact) -> None:
        """Remove an account; returns when the change stands in the group. Raises `not-allowed`."""
        raise NotImplementedError

    async def leave_group(self, chat: Chat) -> None:
        """Tell the group; another member removes us. The chat stays readable here."""
        raise NotImplementedError

    async def send(self, chat: Chat, text: str, *, wait: bool = True) -> str:
        """Message id of `text`, once the server holds it durably (wait=False: same as `queue`)."""
        raise NotImplementedError

    def queue(self, chat: Chat, text: str) -> str:
        """Message id of `text`, stored to be sent by the next `sync`, `send` or `follow`."""
        raise NotImplementedError

    def read(self, chat: Chat, *, limit: int = 50) -> list[Message]:
        """The newest `limit` messages, oldest first."""
        raise NotImplementedError

    async def sync(self) -> None:
        """Fetch everything that waits, apply and acknowledge it, and send all that is queued."""
        raise NotImplementedError

    def follow(self) -> AsyncIterator[Event]:
        """Live events until the iterator is closed; reconnects by itself."""
        raise NotImplementedError

    def safety_number(self, contact: Contact) -> str:
        """60 digits in 12 groups of 5, equal on both sides."""
        raise NotImplementedError

    def doctor(self) -> list[Check]:
        """Checks of this home, without the network."""
        raise NotImplementedError
