"""What moderation sees of the public space, and what it does to it, as callables that the server wires.

Each runs inside the caller's transaction. None of them gives a member of a private chat, an account or an address.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection

from zajil.protocol.public.api import EventName
from zajil.protocol.public.posts import ChannelStanding, Standing
from zajil.protocol.review.api import ContextPost, OlderVersion, Person, Place, Subject


class Target(NamedTuple):
    """What somebody complains about, as it stands. version: that is seen; of a post, else 0.

    author: whom a decision would meet: the writer, the persona itself, the channel's owner. reach: followers.
    """

    kind: str
    id: bytes
    version: int
    author: bytes
    channel_id: bytes
    lang: str
    reach: int


class Context(NamedTuple):
    """Posts around one, oldest first."""

    before: tuple[ContextPost, ...]
    after: tuple[ContextPost, ...]


@dataclass(frozen=True, kw_only=True)
class SpaceView:
    """The public space, for people who moderate it.

    find_target: kind, id and who looks (they must be able to see it). read_subject: post and version. find_later: of a
    post, the versions after this one that others see or may come to see, newest first: the newest, and what is shown
    while that waits. tell: an event for one persona alone; ref is what `GET` of it takes. set_standing, set_channel:
    carried out at once, idempotent.
    """

    find_target: Callable[[Connection, str, bytes, bytes], Target | None]
    read_subject: Callable[[Connection, bytes, int], Subject | None]
    read_context: Callable[[Connection, bytes, int], Context]
    read_versions: Callable[[Connection, bytes], Sequence[OlderVersion]]
    find_later: Callable[[Connection, bytes, int], Sequence[int]]
    read_person: Callable[[Connection, bytes], Person | None]
    read_place: Callable[[Connection, bytes], Place | None]
    set_standing: Callable[[Connection, Standing], bool]
    set_channel: Callable[[Connection, ChannelStanding], bool]
    tell: Callable[[Connection, bytes, EventName, str], None]
