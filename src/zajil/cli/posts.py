"""Channels and posts on a screen and as JSON.

As with messages, a line break in a post never starts at the left edge, and names of other people are cleaned. What
moderation put behind a warning is shown when asked for alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from rich.text import Text as Line

from zajil.cli.output import console
from zajil.cli.texts.public import channel as words
from zajil.cli.times import clock, day
from zajil.cli.untrusted import clean_name, clean_text, isolate
from zajil.protocol.ids import encode_b64, parse_b64

if TYPE_CHECKING:
    from zajil.protocol.public import api

_INDENT: Final = " " * 18
_PAGES: Final = "/c/"


def persona_name(author: api.PersonaRef | None) -> Line:
    """`Amina @amina`; `@amina` alone where the name is the handle."""
    if author is None:
        return Line("?", "dim")
    handle, name = f"@{clean_name(author.handle)}", clean_name(author.display_name)
    if name == clean_name(author.handle):
        return Line(isolate(handle), "bold")
    return Line.assemble((isolate(name), "bold"), " ", (isolate(handle), "dim"))


def category_name(category: str) -> str:
    """A category in the language of the process; one that this version does not know as it is."""
    known = words.CATEGORIES.get(category)
    return known() if known is not None else clean_name(category)


class PostScreen:
    """Shows posts, one after the other. handles: of channels by id; grows as posts of others come."""

    def __init__(self, handles: Mapping[bytes, str], *, ids: bool, reveal: bool) -> None:
        """ids: show how each post is named. reveal: show what is behind a warning."""
        self._handles = handles
        self._ids = ids
        self._reveal = reveal

    def name(self, post: api.Post) -> str:
        """`@channel/ID`, which every command takes."""
        return post_name(post, self._handles)

    def show(self, post: api.Post, *, with_channel: bool = False) -> None:
        """One post: time, author, what there is to say of it, text."""
        line = Line.assemble((f"{day(post.created_at)} {clock(post.created_at)}", "dim"), "  ")
        if with_channel:
            line.append(f"{isolate('@' + clean_name(self._handles.get(bytes(post.channel_id), '?')))}  ", "cyan")
        if post.state == "removed" and post.author is None:
            line.append(_stub(post), "dim")
        else:
            line.append_text(persona_name(post.author))
            line.append(f"  {self._body(post)}")
        notes = _notes(post)
        if self._ids:
            notes.append(self.name(post))
        if notes:
            line.append(f"\n{_INDENT}{'  '.join(notes)}", "dim")
        console().print(line)

    def _body(self, post: api.Post) -> str:
        warned = post.label or (post.category if post.state == "limited" else "")
        if warned and not self._reveal:
            return words.BEHIND_WARNING(category=category_name(warned))
        lines = [isolate(line) for line in clean_text(post.text).split("\n")]
        return f"\n{_INDENT}".join(lines)


def _stub(post: api.Post) -> str:
    return words.REMOVED_STUB(day=day(post.decided_at or post.created_at), category=category_name(post.category))


def _notes(post: api.Post) -> list[str]:
    notes = []
    if post.state == "held" and post.held_until:
        notes.append(words.HELD_UNTIL(when=f"{day(post.held_until)} {clock(post.held_until)}"))
    elif post.state != "visible" and (post.state != "removed" or post.author is not None):
        notes.append(words.STATES[post.state](category=category_name(post.category)))
    if post.edited_at:
        notes.append(words.EDITED())
    if post.unchecked:
        notes.append(words.UNCHECKED())
    if post.comments:
        notes.append(words.COMMENTS(count=post.comments))
    return notes


def print_channel(channel: api.Channel) -> None:
    """One channel on one line, its description below."""
    screen = console()
    line = Line.assemble((isolate(f"@{clean_name(channel.handle)}"), "cyan"), "  ")
    if channel.title:
        line.append(f"{isolate(clean_name(channel.title))}  ", "bold")
    notes = [words.KINDS[channel.kind](), words.POSTS(count=channel.posts)]
    notes.append(words.SUBSCRIBERS(count=channel.subscribers))
    if channel.state != "open":
        notes.append(words.CHANNEL_STATES[channel.state](category=category_name(channel.category)))
    if channel.role is not None:
        notes.append(words.ROLES[channel.role]())
    if channel.muted_until:
        notes.append(words.MUTED(when=f"{day(channel.muted_until)} {clock(channel.muted_until)}"))
    line.append(" · ".join(notes), "dim")
    screen.print(line)
    for part in clean_text(channel.about).splitlines():
        screen.print(f"  {isolate(part)}", style="dim")


def print_posts(posts: Sequence[api.Post], screen: PostScreen, *, none: str, with_channel: bool = False) -> None:
    """All of them, or this word that there are none."""
    if not posts:
        console().print(none, style="dim")
    for post in posts:
        screen.show(post, with_channel=with_channel)


def post_name(post: api.Post, handles: Mapping[bytes, str]) -> str:
    """`@channel/ID`."""
    handle = handles.get(bytes(post.channel_id))
    place = f"@{handle}" if handle else encode_b64(post.channel_id)
    return f"{place}/{encode_b64(post.post_id)}"


def parse_post(text: str) -> str:
    """The id of a post, as calls take it, from `@channel/ID`, the id or the address of its page.

    Raises Failed `bad-post` (wrong usage).
    """
    from zajil.cli.failures import USAGE, Failed
    from zajil.protocol.errors import Malformed

    identity = text.strip().rstrip("/").rpartition("/")[2].partition("?")[0].partition("#")[0]
    try:
        parse_b64(identity, size=16)
    except Malformed:
        raise Failed("bad-post", exit_code=USAGE) from None
    return identity


def parse_channel(text: str) -> str:
    """The channel as calls take it: its id, or `@handle`; a bare handle and the address of its page are taken too."""
    from zajil.protocol.errors import Malformed

    name = text.strip().rstrip("/")
    if _PAGES in name:
        name = f"@{name.rpartition(_PAGES)[2].partition('/')[0]}"
    if name.startswith("@"):
        return name.partition("/")[0]
    try:
        parse_b64(name, size=16)
    except Malformed:
        return f"@{name}"
    return name


def is_post(text: str) -> bool:
    """Whether this names a post and no channel: something follows the handle."""
    name = text.strip().rstrip("/")
    place = name.rpartition(_PAGES)[2] if _PAGES in name else name
    return "/" in place


def post_row(post: api.Post, handles: Mapping[bytes, str]) -> dict[str, object]:
    """The JSON of one post."""
    return {
        "id": encode_b64(post.post_id),
        "name": post_name(post, handles),
        "channel": encode_b64(post.channel_id),
        "state": post.state,
        "version": post.version,
        "author": persona_ref_row(post.author),
        "created_at": post.created_at,
        "edited_at": post.edited_at,
        "text": post.text,
        "lang": post.lang,
        "reply_to": None if post.reply_to is None else encode_b64(post.reply_to),
        "thread_root": None if post.thread_root is None else encode_b64(post.thread_root),
        "comments": post.comments,
        "unchecked": post.unchecked,
        "label": post.label or None,
        "category": post.category or None,
        "decided_at": post.decided_at,
        "held_until": post.held_until,
    }


def channel_row(channel: api.Channel) -> dict[str, object]:
    """The JSON of one channel."""
    return {
        "id": encode_b64(channel.channel_id),
        "handle": channel.handle,
        "title": channel.title,
        "about": channel.about,
        "kind": channel.kind,
        "lang": channel.lang,
        "comments": channel.comments,
        "join": channel.join,
        "state": channel.state,
        "category": channel.category or None,
        "owner": persona_ref_row(channel.owner),
        "created_at": channel.created_at,
        "posts": channel.posts,
        "subscribers": channel.subscribers,
        "role": channel.role,
        "subscribed": channel.subscribed,
        "muted_until": channel.muted_until,
    }


def persona_ref_row(persona: api.PersonaRef | None) -> dict[str, object] | None:
    """The JSON of who wrote something; None for somebody who is gone."""
    if persona is None:
        return None
    return {
        "id": encode_b64(persona.persona_id),
        "handle": persona.handle,
        "display_name": persona.display_name,
    }
