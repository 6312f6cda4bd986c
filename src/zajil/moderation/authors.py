"""What moderation may know of an author: standing in the public space, and nothing of network, device or account."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

Role: TypeAlias = Literal["owner", "admin", "moderator", "member", "subscriber"]
Kind: TypeAlias = Literal["person", "bot"]
Trust: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2)]
ESTABLISHED: Trust = 2


class Author(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """The author of a post, as of the moment it was claimed.

    trust: 0 under 24 h or nothing accepted, 1 under 7 d or 5 accepted, 2 the rest; one lower while a strike is active.
    role: in the channel of the post. owner_role: the role there of a bot's owner, None for people.
    key: names the author to flood counters; 16 bytes, of the persona.
    """

    key: bytes
    trust: Trust = 0
    kind: Kind = "person"
    role: Role = "member"
    owner_role: Role | None = None
