"""What `Client` does to find messages: read the store from its newest end, open each row, and look.

There is no index: one would have to be sealed too, or words would lie on the disk. Rows are read a page at a time, each
page in a view of its own, so that a search neither fills the memory nor holds up whoever writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from zajil.client import listing
from zajil.client.core.talk import reading
from zajil.client.core.talk.places import is_listed, load_message, place_of
from zajil.client.shell.device import Device as OpenHome
from zajil.client.state import rows
from zajil.client.state.step import Step
from zajil.client.talking import gid_of, identity_of
from zajil.client.views import Chat, Hit
from zajil.protocol.errors import error
from zajil.protocol.search.matching import Query, find_marks, matches, parse_query

_PAGE: Final = 200


class Searching:
    """The part of `Client` that finds messages."""

    _device: OpenHome

    async def search(
        self, query: str, *, chat: Chat | None = None, limit: int = 50, before: str | None = None
    ) -> AsyncIterator[Hit]:
        """Messages that hold every word of the query, the newest first, as they are found; at most `limit`.

        A word is found at the beginning of one ("кни" finds "книга"), whatever its marks and forms; "quoted" words as
        they stand. Texts as last edited and the names of files count; deleted messages, those that are over, and calls
        do not. chat: in it alone. before: id of the message after whose hit to go on. Needs no network and marks
        nothing as read.
        Raises `malformed` for a query with fewer than two letters and digits, `unknown-chat`, `gone`.
        """
        parsed = parse_query(query)
        if not parsed.terms:
            raise error("malformed", "query")
        at, owner = self._begin(chat, before)
        left = limit
        while left > 0:
            with self._device.core.look() as step:
                page = step.tx.rows("message", owner, newest=_PAGE, before=at)
                found = [hit for _, data in reversed(page) if (hit := _hit(step, parsed, data)) is not None]
            for hit in found[:left]:
                yield hit
            left -= len(found)
            if len(page) < _PAGE:
                return
            at = page[0][0]
            await asyncio.sleep(0)

    def _begin(self, chat: Chat | None, before: str | None) -> tuple[int | None, bytes | None]:
        """The number below which to look, and whose rows."""
        with self._device.core.look() as step:
            if chat is not None and rows.find_chat(step.tx, gid_of(chat)) is None:
                raise error("unknown-chat")
            owner = None if chat is None else place_of(step, gid_of(chat))
            if before is None:
                return None, owner
            if owner is not None:
                return load_message(step, owner, identity_of(before))[0], owner
            found = step.tx.lookup("message", identity_of(before))
            if found is None:
                raise error("gone", "message")
            return found[0], None


def _hit(step: Step, query: Query, data: bytes) -> Hit | None:
    """The message of a row, if it holds what is looked for."""
    row = rows.parse_row(data, rows.Searched)
    if row.deleted_by or not (row.text or row.files) or 0 < row.expires_at <= step.now:
        return None  # what is over is gone for people, though the sweep comes a moment later
    text = row.text
    if "[@" in text and (room := rows.find_chat(step.tx, row.gid)) is not None:
        text, _ = reading.mentions_in(step, room, text)
    names = [file.name for file in row.files]
    if not matches(query, [text, *names]):
        return None
    chat = step.chat(place_of(step, row.gid))
    if not is_listed(chat):
        return None  # of a request only `requests` tells
    message = listing.message_view(step, rows.parse_row(data, rows.StoredMessage))
    return Hit(
        message=message,
        chat=listing.chat_view(step, chat),
        marks=find_marks(query, message.text),
        name_marks=tuple(find_marks(query, name) for name in names),
    )
