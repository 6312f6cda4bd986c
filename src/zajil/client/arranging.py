"""What `Client` does with the list of chats: pin, archive, mute, and texts that are not sent yet."""

from __future__ import annotations

from collections.abc import Callable

from zajil.client.core.talk import arranging
from zajil.client.shell.device import Device as OpenHome
from zajil.client.state.step import Step
from zajil.client.talking import gid_of
from zajil.client.views import Chat
from zajil.protocol.chat.arranging import ALWAYS, Draft


class Arranging:
    """The part of `Client` that arranges chats. All of it works without a line; `sync` tells our other devices."""

    def __init__(self, device: OpenHome) -> None:
        self._device = device
        self._core = device.core

    def pin(self, chat: Chat) -> None:
        """Put a chat first, after those pinned before. Raises HomeError `too-many-pins` for a sixth."""
        self._arrange(lambda step: arranging.pin(step, gid_of(chat)))

    def unpin(self, chat: Chat) -> None:
        """Put it back among the others."""
        self._arrange(lambda step: arranging.unpin(step, gid_of(chat)))

    def archive(self, chat: Chat) -> None:
        """Take a chat out of the list, until somebody writes in it while it is not muted; it is no longer pinned."""
        self._arrange(lambda step: arranging.archive(step, gid_of(chat)))

    def unarchive(self, chat: Chat) -> None:
        """Bring it back."""
        self._arrange(lambda step: arranging.unarchive(step, gid_of(chat)))

    def mute(self, chat: Chat, *, until: int | None = None) -> None:
        """Tell of no message of a chat, until then (Unix seconds) or always."""
        end = ALWAYS if until is None else until * 1000
        self._arrange(lambda step: arranging.mute(step, gid_of(chat), until=end))

    def unmute(self, chat: Chat) -> None:
        """Tell of its messages again."""
        self._arrange(lambda step: arranging.mute(step, gid_of(chat), until=0))

    def set_draft(self, chat: Chat, text: str) -> None:
        """Keep a text that is not sent yet; empty: none. Raises HomeError `text-too-long`, Malformed for no UTF-8."""
        draft = Draft(text) if text else None
        self._arrange(lambda step: arranging.write_draft(step, gid_of(chat), draft))

    def _arrange(self, act: Callable[[Step], None]) -> None:
        with self._core.step("arrange") as step:
            act(step)
