"""Posts and comments: written, edited, read, deleted, removed by the channel's own moderators.

A post and its row in the outbox are one transaction: nothing is shown that nobody will look at.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from zajil.channels import publishing
from zajil.channels.context import CallingPersona, Channels
from zajil.channels.cursors import Kind, encode_cursor, parse_cursor
from zajil.channels.rules import states
from zajil.channels.rules.roles import may_act_on, may_comment, may_moderate, may_post
from zajil.channels.rules.trust import ESTABLISHED
from zajil.channels.spaces import Place, check_readable, find, find_place, parse_text
from zajil.channels.store import posts, queue, spaces
from zajil.channels.store.posts import PostRow, Shown, VersionRow
from zajil.channels.views import view_post
from zajil.engine.sql import answers
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.ids import PostId, parse_b64
from zajil.protocol.public import api
from zajil.protocol.public.posts import ChannelDecision, PostDecision

CHANNEL_RULES: Final = "channel_rules"
"""Category of what a channel's own moderator removed."""
EDITS_MAX: Final = 100
"""Edits of one post: each keeps a version, which people who moderate have to be able to read."""
_PAGE: Final = api.PAGE
_TOP: Final = (1 << 62) - 1


async def create_post(space: Channels, caller: CallingPersona, reference: str, request: api.NewPost) -> api.Post:
    """A new post, pending. Raises gone, not-allowed, muted, channel-closed, malformed, slow-down, quota."""
    _take(space, caller, "post")
    text = _check_text(request.text)

    def write(db: Connection) -> tuple[api.Post, set[bytes]]:
        place = find_place(db, caller, reference)
        _check_writable(space, place, may_post(place.member.role if place.member else None, place.channel.kind))
        reply_to = _check_reply(db, request.reply_to, place, None)
        return _insert(space, db, caller, place, request=request, text=text, root=None, reply_to=reply_to)

    return await _written(space, write)


async def create_comment(space: Channels, caller: CallingPersona, post: str, request: api.NewPost) -> api.Post:
    """A new comment, pending. Raises as `create_post`; not-allowed where comments are off."""
    _take(space, caller, "comment")
    text = _check_text(request.text)

    def write(db: Connection) -> tuple[api.Post, set[bytes]]:
        root = _find_readable(db, caller, post)
        if root.row.thread_root is not None or root.row.now.shown_as != "visible":
            raise error("not-allowed", "comments stand under posts that all can see")
        place = find(db, root.row.channel_id, caller)
        allowed = place.channel.comments == "on" and may_comment(place.member.role if place.member else None)
        _check_writable(space, place, allowed)
        reply_to = _check_reply(db, request.reply_to, place, root.row.id)
        return _insert(space, db, caller, place, request=request, text=text, root=root.row.id, reply_to=reply_to)

    return await _written(space, write)


async def edit_post(space: Channels, caller: CallingPersona, post: str, request: api.EditPost) -> api.Post:
    """The post with a newer version, pending.

    Raises gone, not-allowed, version-conflict, muted, channel-closed, slow-down, quota (edited too often).
    """
    _take(space, caller, "post")
    text = _check_text(request.text)

    def write(db: Connection) -> tuple[api.Post, set[bytes]]:
        row = _find_own(db, caller, post)
        place = find(db, row.channel_id, caller)
        _check_writable(space, place, place.member is not None)
        if row.now.version != request.if_version:
            raise error("version-conflict", detail={"version": row.now.version})
        if row.now.state == "removed":
            raise error("not-allowed", "removed")
        if row.now.version > EDITS_MAX:
            raise error("quota", "edits of one post")
        older = row.now
        gate_at_ms, opens = _gate(space, caller)
        after = states.edit(older, gate_at_ms=gate_at_ms, gate_opens=opens)
        posts.insert_version(db, VersionRow(row.id, after.version, text, request.lang, space.now(), 0))
        if older.shown != older.version:
            queue.drop_superseded(db, row.id, older.version)
        queue.insert_job(db, row.id, after.version, early=caller.accepted < 1)
        topics = publishing.settle(space, db, row._replace(edited_at=space.now()), after)
        return _view(db, row.id, caller), topics

    return await _written(space, write)


async def delete_post(space: Channels, caller: CallingPersona, post: str, reason: str | None) -> None:
    """Gone, where the caller wrote it; removed, where the caller moderates the channel and says why.

    A post of which others see nothing any more is removed once: what took it down stands, and nothing new is decided.
    Raises gone, not-allowed, malformed (a moderator without a reason), slow-down.
    """

    def write(db: Connection) -> set[bytes]:
        shown = _find_readable(db, caller, post)
        row = shown.row
        if row.author == caller.persona_id:
            return publishing.settle(space, db, row, states.delete(row.now))
        own = find(db, row.channel_id, caller).member
        author = spaces.find_member(db, row.channel_id, row.author)
        role = own.role if own else None
        if not (may_moderate(role) and (author is None or may_act_on(role, author.role))):
            raise error("not-allowed")
        if reason is None or not reason.strip():
            raise error("malformed", "a removal needs a reason")
        if row.now.shown_as not in ("visible", "limited"):
            return set()
        space.limits.take("member_write", caller.persona_id, now=space.clock())
        return _remove(space, db, caller, row, reason.strip())

    space.wakeups.wake(await space.db.write(write))


async def read_post(space: Channels, caller: CallingPersona | None, post: str) -> api.Post:
    """One post by its address. Raises gone."""
    return await space.db.read(lambda db: view_post(_find_readable(db, caller, post), caller))


async def read_versions(space: Channels, caller: CallingPersona | None, post: str) -> api.PostVersions:
    """Its newest versions: all to the author, to others those they could see; none of a post that was taken down."""

    def read(db: Connection) -> tuple[api.PostVersion, ...]:
        row = _find_readable(db, caller, post).row
        own = caller is not None and caller.persona_id == row.author
        if not own and row.now.shown_as != "visible":
            raise error("gone")
        found = posts.versions_of(db, row.id, all_of_them=own)
        return tuple(api.PostVersion(each.version, each.text, each.lang, each.at) for each in found)

    return api.PostVersions(await space.db.read(read))


async def list_posts(space: Channels, caller: CallingPersona | None, reference: str, before: str | None) -> api.Posts:
    """A page of a channel, newest first. Raises gone, malformed (cursor)."""
    start = _TOP if before is None else parse_cursor(Kind.POSTS, before)

    def read(db: Connection) -> list[Shown]:
        place = find_place(db, caller, reference)
        check_readable(place)
        return posts.list_posts(db, place.channel.id, _id(caller), before=start, n=_PAGE + 1)

    return page(await space.db.read(read), caller, Kind.POSTS)


async def list_comments(space: Channels, caller: CallingPersona | None, post: str, before: str | None) -> api.Posts:
    """A page of comments, oldest first; `before` is the cursor of the page in front. Raises gone, malformed."""
    start = 0 if before is None else parse_cursor(Kind.COMMENTS, before)

    def read(db: Connection) -> list[Shown]:
        root = _find_readable(db, caller, post).row
        return posts.list_comments(db, root.id, _id(caller), after=start, n=_PAGE + 1)

    return page(await space.db.read(read), caller, Kind.COMMENTS)


def page(found: list[Shown], caller: CallingPersona | None, kind: Kind) -> api.Posts:
    """A page of at most 50 of these rows, which are one more where there is a next page."""
    shown = found[:_PAGE]
    cursor = encode_cursor(kind, shown[-1].row.seq) if len(found) > _PAGE else None
    return api.Posts(tuple(view_post(each, caller) for each in shown), cursor)


def _find_readable(db: Connection, caller: CallingPersona | None, post: str) -> Shown:
    """A post that this caller may see at least a stub of. Raises gone."""
    shown = posts.find_shown(db, parse_b64(post, size=16), _id(caller))
    if shown is None:
        raise error("gone")
    check_readable(find(db, shown.row.channel_id, caller))
    view_post(shown, caller)
    return shown


def _find_own(db: Connection, caller: CallingPersona, post: str) -> PostRow:
    row = _find_readable(db, caller, post).row
    if row.author != caller.persona_id:
        raise error("not-allowed")
    return row


def _check_text(text: str) -> str:
    if not parse_text(text).strip():
        raise error("malformed", "an empty text")
    return text


def _check_writable(space: Channels, place: Place, allowed: bool) -> None:
    """Raises channel-closed, not-allowed, muted."""
    check_readable(place)
    if place.channel.state != "open":
        raise error("channel-closed")
    if not allowed or place.member is None:
        raise error("not-allowed")
    if place.member.muted_until > space.now():
        raise error("muted", detail={"until": place.member.muted_until})


def _check_reply(db: Connection, reply_to: bytes | None, place: Place, root: PostId | None) -> PostId | None:
    """The post that is answered, if it is of the same list. Raises malformed."""
    if reply_to is None:
        return None
    row = posts.find_post(db, reply_to)
    if row is None or row.channel_id != place.channel.id or row.thread_root != root or row.now.shown_as != "visible":
        raise error("malformed", "reply_to")
    return row.id


def _insert(
    space: Channels,
    db: Connection,
    caller: CallingPersona,
    place: Place,
    *,
    request: api.NewPost,
    text: str,
    root: PostId | None,
    reply_to: PostId | None,
) -> tuple[api.Post, set[bytes]]:
    gate_at_ms, opens = _gate(space, caller)
    row = PostRow(
        seq=0,
        id=PostId(space.random(16)),
        channel_id=place.channel.id,
        author=caller.persona_id,
        thread_root=root,
        reply_to=reply_to,
        announced=0,
        accepted=0,
        comments=0,
        created_at=space.now(),
        edited_at=None,
        now=states.begin(gate_at_ms=gate_at_ms, gate_opens=opens),
    )
    posts.insert_post(db, row, text=text, lang=request.lang)
    queue.insert_job(db, row.id, 1, early=caller.accepted < 1)
    shown = Shown(row, text, request.lang, caller.handle, caller.display_name)
    return view_post(shown, caller), set()


def _gate(space: Channels, caller: CallingPersona) -> tuple[int, bool]:
    """When this author's post stops waiting for a verdict (Unix ms), and whether it is then shown."""
    opens = caller.trust >= ESTABLISHED
    wait_s = space.gate_timeout_s if opens else space.gate_hold_s
    return int((space.clock() + wait_s) * 1000), opens


def _remove(space: Channels, db: Connection, caller: CallingPersona, row: PostRow, reason: str) -> set[bytes]:
    version = row.now.version
    decision = PostDecision(
        decision_id=space.random(16),
        post_id=row.id,
        version=version,
        effect="remove",
        category=CHANNEL_RULES,
        human=True,
        at=space.now(),
    )
    space.record_decision(
        db,
        ChannelDecision(
            kind="remove",
            channel_id=row.channel_id,
            target=row.id,
            version=version,
            actor=caller.persona_id,
            reason=reason,
            at=space.now(),
        ),
    )
    return publishing.settle(space, db, row, states.decide(row.now, decision))


async def _written(space: Channels, work: publishing.Write) -> api.Post:
    keep = answers.keeper()

    def write(db: Connection) -> tuple[api.Post, publishing.Topics]:
        view, topics = work(db)
        keep(db, view)
        return view, topics

    view, topics = await space.db.write(write)
    space.wakeups.wake(topics)
    space.wakeups.wake({publishing.QUEUE})
    return view


def _view(db: Connection, post_id: PostId, caller: CallingPersona) -> api.Post:
    shown = posts.find_shown(db, post_id, caller.persona_id)
    if shown is None:
        raise error("gone")
    return view_post(shown, caller)


def _take(space: Channels, caller: CallingPersona, what: str) -> None:
    """Spend one of the author's posts or comments. Raises slow-down; quota while the persona is limited."""
    now = space.clock()
    if now < caller.limited_until:
        try:
            space.limits.take("post_limited", caller.persona_id, now=now)
        except ZajilError as reason:
            raise error("quota", retry_ms=reason.retry_ms) from None
    space.limits.take(f"{what}_trust{caller.trust}", caller.persona_id, now=now)


def _id(caller: CallingPersona | None) -> bytes | None:
    return caller.persona_id if caller else None
