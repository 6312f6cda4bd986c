"""The newest R session of each device, here and at other gateways: a newer one anywhere ends the older one.

News on the bus, of a mailbox: `n || time u64 ms || 8 random bytes`, a newer session than any with a smaller stamp; `c`,
the device may be no more; `s`, its account is suspended; `?`, who has it on a connection is to say `!`. Times are of
the gateways' clocks: where they are apart by some seconds, an older session may stay beside a newer one for as long as
it has a connection, and both get what comes. No message is lost or counted twice by that: what a device has is what it
acknowledged.

A device that is told `device-revoked` locks itself for good, so nobody's word on the bus is enough for that: `c` has
its gateway look into the database. The others send a device to its login or away from here, and it may come again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Final

from zajil.engine.bus import Bus, Listener, Topic
from zajil.protocol.ids import MailboxId
from zajil.server.gateway.conversation import Conversation

_NEWER, _CLOSED, _SUSPENDED, _ASK, _YES = b"n", b"c", b"s", b"?", b"!"
_ANSWER_S: Final = 0.25
_STAMP_BYTES: Final = 16


class Receivers:
    """Of one process. Called on the event loop's thread."""

    def __init__(self, bus: Bus, *, now_ms: Callable[[], int], check: Callable[[Conversation], None]) -> None:
        """now_ms: Unix milliseconds. check: begins to look whether this session's device still exists.

        It is called where news may have been missed, or say that it does not.
        """
        self._bus = bus
        self._now_ms = now_ms
        self._check = check
        self._last_ms = 0
        self._sessions: dict[MailboxId, Conversation] = {}

    def take_over(self, conversation: Conversation, mailbox_id: MailboxId, wake: Listener) -> None:
        """Make this the device's newest R, which `wake` is called for; older ones are told `replaced`."""
        self._last_ms = max(self._last_ms + 1, self._now_ms())
        stamp = self._last_ms.to_bytes(8, "big") + os.urandom(8)

        def hear(news: bytes | None) -> None:
            if news is None or news == _CLOSED:
                self._check(conversation)
            elif news == _ASK:
                if conversation.session.carrier is not None:
                    self._bus.tell(Topic.RECEIVER, mailbox_id, _YES)
            elif news == _SUSPENDED:
                _end(conversation, "token-expired")
            elif news[:1] == _NEWER and len(news) == 1 + _STAMP_BYTES and news[1:] > stamp:
                _end(conversation, "replaced")

        self._sessions[mailbox_id] = conversation
        self._bus.tell(Topic.RECEIVER, mailbox_id, _NEWER + stamp)
        leave = (self._bus.subscribe(mailbox_id, wake), self._bus.listen(Topic.RECEIVER, mailbox_id, hear))

        def leave_bus() -> None:
            for each in leave:
                each()

        conversation.leave_bus = leave_bus

    def forget(self, conversation: Conversation) -> None:
        """The session is over."""
        conversation.leave_bus()
        identity = conversation.identity
        if identity is not None and self._sessions.get(identity.mailbox_id) is conversation:
            del self._sessions[identity.mailbox_id]

    async def is_live(self, mailbox_id: MailboxId) -> bool:
        """Whether this device has an R session on a connection, at any gateway that answers within a quarter second."""
        conversation = self._sessions.get(mailbox_id)
        if conversation is not None and conversation.session.carrier is not None:
            return True
        if not self._bus.is_shared:
            return False
        answered = asyncio.Event()

        def hear(news: bytes | None) -> None:
            if news == _YES:
                answered.set()

        leave = self._bus.listen(Topic.RECEIVER, mailbox_id, hear)
        try:
            self._bus.tell(Topic.RECEIVER, mailbox_id, _ASK)
            async with asyncio.timeout(_ANSWER_S):
                await answered.wait()
        except TimeoutError:
            return False
        finally:
            leave()
        return True

    def close_device(self, mailbox_id: MailboxId) -> None:
        """End the R session of a device that was revoked, detached or not, wherever it is. Call only after COMMIT."""
        if (conversation := self._sessions.get(mailbox_id)) is not None:
            _end(conversation, "device-revoked")
        self._bus.tell(Topic.RECEIVER, mailbox_id, _CLOSED)

    def end_login(self, mailbox_id: MailboxId) -> None:
        """End the R session of a device of a suspended account, wherever it is. Its login then tells until when.

        As a revoked one it would lock itself for good.
        """
        self._bus.tell(Topic.RECEIVER, mailbox_id, _SUSPENDED)


def _end(conversation: Conversation, code: str) -> None:
    conversation.end(code, 0)
    conversation.kick()
