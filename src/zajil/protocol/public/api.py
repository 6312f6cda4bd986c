"""Requests and answers of /pub/v1: JSON, bytes as base64url text. Requests refuse unknown fields, clients ignore them.

Times are Unix seconds. A text's length counts Unicode code points. A cursor is opaque: only the server reads it.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta, field

from zajil.protocol.control import B16, B32, Blob
from zajil.protocol.frames import U32, U64
from zajil.protocol.public.posts import TEXT_CHARACTERS, ChannelKind, Role

PostState: TypeAlias = Literal["pending", "visible", "limited", "held", "removed"]
ChannelState: TypeAlias = Literal["open", "restricted", "blocked"]
EventName: TypeAlias = Literal[
    "post.created",
    "post.edited",
    "post.state",
    "post.deleted",
    "channel.updated",
    "channel.state",
    "notice.created",
    "report.updated",
    "appeal.updated",
]
Lang: TypeAlias = Annotated[str, Meta(pattern="^([a-z]{2,3}(-[A-Za-z0-9]{2,8})?)?$", max_length=16)]
"""A language tag of one or two parts (BCP 47), or nothing."""
Text: TypeAlias = Annotated[str, Meta(min_length=1, max_length=TEXT_CHARACTERS)]
DisplayName: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64)]
Title: TypeAlias = Annotated[str, Meta(min_length=1, max_length=128)]
About: TypeAlias = Annotated[str, Meta(max_length=1024)]
Handle: TypeAlias = Annotated[str, Meta(min_length=3, max_length=64)]
OnOff: TypeAlias = Literal["on", "off"]
Join: TypeAlias = Literal["open", "approval"]
QUERY_CHARACTERS: Final = 200
REASON_CHARACTERS: Final = 300
PAGE: Final = 50
"""Most posts, channels or events of one answer."""
UPDATES_WAIT_S: Final = 50
OPEN_CHANNELS: Final = 5
"""Most channels that /updates and /events follow without a token."""


class Signature(Blob):
    """An Ed25519 signature, 64 bytes."""

    SIZE = 64


class NewPersona(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /personas. key: Ed25519. proof: the login of `persona.nonce_of_pass(pass)` under this key."""

    one_time_pass: B32 = field(name="pass")
    key: B32
    handle: Handle
    display_name: DisplayName
    proof: Signature


class EditPersona(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """PATCH /personas/{id}."""

    display_name: DisplayName


class PersonaRef(msgspec.Struct, frozen=True):
    """Who wrote something."""

    persona_id: B16
    handle: str
    display_name: str


class Persona(msgspec.Struct, frozen=True, omit_defaults=True):
    """A persona. The fields with defaults are told to itself alone."""

    persona_id: B16
    handle: str
    display_name: str
    kind: Literal["person"]
    created_at: U64
    trust: int | None = None
    strike_until: U64 | None = None
    limited_until: U64 | None = None


class PersonaChallenge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /auth/challenge."""

    persona_id: B16


class PersonaNonce(msgspec.Struct, frozen=True):
    """What to sign, good for 60 s and once. origin: the other part of what is signed."""

    nonce: B32
    origin: str


class PersonaLogin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /auth/token. signature: over `persona.login_bytes`."""

    persona_id: B16
    nonce: B32
    signature: Signature


class PersonaSession(msgspec.Struct, frozen=True):
    """`Authorization: Bearer <token>` until it expires."""

    token: B32
    expires: U64


class NewChannel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """POST /channels. join: `open` makes whoever subscribes a member, `approval` leaves that to an admin."""

    handle: Handle
    title: Title
    kind: ChannelKind
    about: About = ""
    lang: Lang = ""
    comments: OnOff = "on"
    join: Join = "open"


class EditChannel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """PATCH /channels/{channel}: what is missing stays."""

    title: Title | None = None
    about: About | None = None
    lang: Lang | None = None
    comments: OnOff | None = None
    join: Join | None = None


class Channel(msgspec.Struct, frozen=True, omit_defaults=True):
    """A channel. role, muted_until: of the caller. category: why it is blocked; then title and about are empty."""

    channel_id: B16
    handle: str
    title: str
    about: str
    kind: ChannelKind
    lang: str
    comments: OnOff
    join: Join
    state: ChannelState
    owner: PersonaRef | None
    created_at: U64
    posts: U64
    subscribers: U64
    category: str = ""
    role: Role | None = None
    subscribed: bool = False
    muted_until: U64 | None = None


class PutMember(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """PUT /channels/{channel}/members/{persona}: what is missing stays. muted_until: 0 ends a mute.

    reason: needed for a mute.
    """

    role: Literal["admin", "moderator", "member"] | None = None
    muted_until: U64 | None = None
    reason: Annotated[str, Meta(max_length=REASON_CHARACTERS)] = ""


class Member(msgspec.Struct, frozen=True):
    """A member as admins and moderators of the channel see one."""

    persona: PersonaRef
    role: Role
    muted_until: U64


class Subscriptions(msgspec.Struct, frozen=True):
    """GET /subscriptions: the caller's own, by handle; nobody else sees them."""

    channels: tuple[Channel, ...]


class NewPost(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """POST /channels/{channel}/posts, and /posts/{post}/comments. reply_to: a post of the same channel or thread."""

    text: Text
    lang: Lang = ""
    reply_to: B16 | None = None


class EditPost(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """PATCH /posts/{post}. if_version: the version this edit was made from."""

    text: Text
    if_version: U32
    lang: Lang = ""


class RemovePost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of DELETE /posts/{post} by a moderator of the channel; an author sends none."""

    reason: Annotated[str, Meta(min_length=1, max_length=REASON_CHARACTERS)]


class Post(msgspec.Struct, frozen=True, omit_defaults=True):
    """A post or comment as the caller may see it.

    state: `removed` is a stub for others: no author and no text, but category and decided_at. `limited` comes by its
    own address alone, and clients show a warning first; label: blurred for this category. unchecked: shown before
    moderation answered. held_until: told to the author, who always gets the newest version.
    """

    post_id: B16
    channel_id: B16
    state: PostState
    version: U32
    created_at: U64
    author: PersonaRef | None = None
    text: str = ""
    lang: str = ""
    edited_at: U64 | None = None
    reply_to: B16 | None = None
    thread_root: B16 | None = None
    comments: U64 = 0
    unchecked: bool = False
    label: str = ""
    category: str = ""
    decided_at: U64 | None = None
    held_until: U64 | None = None


class Posts(msgspec.Struct, frozen=True, omit_defaults=True):
    """A page. next: the cursor of the page behind it, missing on the last one."""

    posts: tuple[Post, ...]
    next: str | None = None


class PostVersion(msgspec.Struct, frozen=True):
    """One version of a post."""

    version: U32
    text: str
    lang: str
    at: U64


class PostVersions(msgspec.Struct, frozen=True):
    """GET /posts/{post}/versions, oldest first: to others those that they could see, to the author all."""

    versions: tuple[PostVersion, ...]


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that happened, as it stands when it is fetched. id: a cursor.

    post: missing where nothing of it may be seen any more. ref: what a notice, report or appeal is about.
    """

    id: str
    event: EventName
    channel_id: B16 | None = None
    post_id: B16 | None = None
    post: Post | None = None
    channel: Channel | None = None
    ref: str = ""


class Updates(msgspec.Struct, frozen=True, omit_defaults=True):
    """GET /updates. next: `after` of the next call. gap: events are missing before these; read the lists again."""

    events: tuple[Event, ...]
    next: str
    gap: bool = False


class Empty(msgspec.Struct, frozen=True):
    """The answer `{}`."""
