"""Wake-ups: who reads a mailbox learns that something is there. Nothing durable passes here, and nothing is kept.

A lost wake-up costs time, never a message: readers look again every 60 s and on HELLO.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Protocol

from zajil.protocol.frames import Eph, KeysLow
from zajil.protocol.ids import MailboxId

Volatile = Eph | KeysLow
"""Frames that are pushed to a live reader or dropped: they have no place in a mailbox."""

Listener = Callable[[Volatile | None], None]
"""Called with None for "read your mailbox again", or with a frame to pass on now. Must not block or raise."""


class Bus(Protocol):
    """Best-effort, unordered between mailboxes, no memory. Called on the event loop's thread."""

    def subscribe(self, mailbox_id: MailboxId, listener: Listener) -> Callable[[], None]:
        """Start listening; the result ends it (more than once is harmless)."""

    def wake(self, mailbox_ids: Iterable[MailboxId]) -> None:
        """Tell the listeners of these mailboxes to read again. Call only after COMMIT."""

    def publish(self, mailbox_ids: Iterable[MailboxId], frame: Volatile) -> None:
        """Pass a frame to whoever listens right now."""


class MemoryBus:
    """The bus of a single process."""

    def __init__(self) -> None:
        self._listeners: defaultdict[MailboxId, dict[object, Listener]] = defaultdict(dict)

    def subscribe(self, mailbox_id: MailboxId, listener: Listener) -> Callable[[], None]:
        place = object()
        self._listeners[mailbox_id][place] = listener

        def unsubscribe() -> None:
            listeners = self._listeners.get(mailbox_id, {})
            listeners.pop(place, None)
            if not listeners:
                self._listeners.pop(mailbox_id, None)

        return unsubscribe

    def is_heard(self, mailbox_id: MailboxId) -> bool:
        """Whether anybody listens to this mailbox."""
        return mailbox_id in self._listeners

    def heard(self) -> list[MailboxId]:
        """The mailboxes that somebody listens to."""
        return list(self._listeners)

    def wake(self, mailbox_ids: Iterable[MailboxId]) -> None:
        self._call(mailbox_ids, None)

    def publish(self, mailbox_ids: Iterable[MailboxId], frame: Volatile) -> None:
        self._call(mailbox_ids, frame)

    def _call(self, mailbox_ids: Iterable[MailboxId], frame: Volatile | None) -> None:
        for mailbox_id in mailbox_ids:
            for listener in list(self._listeners.get(mailbox_id, {}).values()):
                listener(frame)
