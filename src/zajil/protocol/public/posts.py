"""What moderation may see of the public space, and what it tells it to do. No field is of a private chat.

`PublicPost` is one of the two types that moderation accepts (design/moderation.md 2, rule 2). It carries the author's
standing in the public space, and nothing of network, device or account.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

Effect: TypeAlias = Literal["allow", "review", "label", "limit", "hold", "remove", "restore"]
ChannelKind: TypeAlias = Literal["broadcast", "group"]
Role: TypeAlias = Literal["owner", "admin", "moderator", "member", "subscriber"]
Trust: TypeAlias = Annotated[int, Meta(ge=0, le=2)]
TEXT_CHARACTERS: Final = 8192
"""Longest text of a post, Unicode code points."""


class PublicPost(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version of a post or comment, as of the moment a worker claimed it.

    Ids: 16 bytes. version: from 1; later ones are edits. lang: as the author said, "" if not. thread_root: of a
    comment, the post it belongs to. created_at: of this version, Unix seconds. trust, role: of the author, in the whole
    public space and in this channel. first: whether nothing of the author was accepted before.
    """

    post_id: bytes
    version: int
    channel_id: bytes
    author: bytes
    text: str
    lang: str
    created_at: int
    thread_root: bytes | None
    reply_to: bytes | None
    trust: Trust
    role: Role
    first: bool
    channel_kind: ChannelKind
    channel_lang: str
    subscribers: int
    channel_handle: str = ""


class PostDecision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What becomes of one version of a post. Applied once, however often it is delivered.

    decision_id: 1 to 64 bytes, unique. effect: `allow` and `review` show the post, `label` shows it blurred, `restore`
    takes back whatever was decided before. category, sub: what for, "" for `allow`. human: made by a person; outranks
    every automatic one on the same version. at, hold_until: Unix seconds; hold_until is shown to the author.
    """

    decision_id: Annotated[bytes, Meta(min_length=1, max_length=64)]
    post_id: bytes
    version: Annotated[int, Meta(ge=1)]
    effect: Effect
    category: Annotated[str, Meta(max_length=64)] = ""
    sub: Annotated[str, Meta(max_length=64)] = ""
    human: bool = False
    at: int
    hold_until: int | None = None


class Standing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a persona stands, whole: what is not set is over. Unix seconds, 0 = not, all of them ends.

    strike_until: trust is one lower. limited_until: at most 5 posts a day. suspended_until: no login, no writing.
    """

    persona_id: bytes
    strike_until: int = 0
    limited_until: int = 0
    suspended_until: int = 0


class ChannelStanding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a channel stands. `restricted`: read, found nowhere, nobody writes. `blocked`: a stub with the category."""

    channel_id: bytes
    state: Literal["open", "restricted", "blocked"]
    category: Annotated[str, Meta(max_length=64)] = ""


class ChannelDecision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A channel's own moderator removed a post or muted a persona there: a decision too, told inside its transaction.

    target: post or persona, 16 bytes. version: of the post, 0 for a mute. actor: the moderator's persona. reason: the
    moderator's words, up to 300 characters. until: of a mute, Unix seconds, 0 for its end.
    """

    kind: Literal["remove", "mute"]
    channel_id: bytes
    target: bytes
    version: int
    actor: bytes
    reason: str
    at: int
    until: int = 0
