"""`channel read | search`: what stands in the public space, for anybody, and what comes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.commands.options import Json, JsonLines
from zajil.cli.commands.public.visiting import AsReader, run_in_public, visit_to_read
from zajil.cli.texts import chats as chat_words
from zajil.cli.texts.public import channel as words

if TYPE_CHECKING:
    from zajil.cli.posts import PostScreen
    from zajil.client import Client
    from zajil.client.public.visitor import Visitor
    from zajil.protocol.public import api

Limit = Annotated[
    int, typer.Option("--limit", metavar="N", min=1, max=1000, help=words.LIMIT_OPTION(), show_default="50")
]
Ids = Annotated[bool, typer.Option("--ids", help=words.IDS_OPTION())]
Reveal = Annotated[bool, typer.Option("--reveal", help=words.REVEAL_OPTION())]
_SHOWN = ("post.created", "post.edited", "post.state")


def read(
    context: typer.Context,
    place: Annotated[str, typer.Argument(metavar="PLACE", help=words.PLACE_ARGUMENT())],
    *,
    limit: Limit = 50,
    follow: Annotated[bool, typer.Option("--follow", help=words.FOLLOW_OPTION())] = False,
    ids: Ids = False,
    reveal: Reveal = False,
    persona: AsReader = None,
    json: JsonLines = False,
) -> None:
    """A channel with its newest posts, or one post with its first comments."""
    from zajil.cli.posts import is_post, parse_channel, parse_post

    async def shown(client: Client) -> None:
        visitor = await visit_to_read(client, persona)
        if is_post(place):
            reader = await _open_post(visitor, parse_post(place), ids=ids, reveal=reveal, json=json)
        else:
            channel = await visitor.channel(parse_channel(place))
            reader = _Reader(visitor, channel, None, ids=ids, reveal=reveal, json=json)
        if follow:
            await reader.follow(limit)
        else:
            await reader.show(limit)

    try:
        run_in_public(context, shown)
    except KeyboardInterrupt:
        if not follow:
            raise  # following ends in no other way, so there it is no failure


def search(
    context: typer.Context,
    query: Annotated[str, typer.Argument(metavar="WORDS", help=words.QUERY_ARGUMENT())],
    *,
    channel: Annotated[
        str, typer.Option("--channel", metavar="CHANNEL", help=words.IN_OPTION(), show_default=False)
    ] = "",
    lang: Annotated[str, typer.Option("--lang", metavar="LANG", help=words.LANG_OPTION(), show_default=False)] = "",
    limit: Limit = 50,
    ids: Ids = False,
    reveal: Reveal = False,
    persona: AsReader = None,
    json: Json = False,
) -> None:
    """Posts that match, best first."""
    from zajil.cli.output import print_json
    from zajil.cli.posts import PostScreen, parse_channel, post_row, print_posts

    async def found(client: Client) -> None:
        visitor = await visit_to_read(client, persona)
        place = parse_channel(channel) if channel else ""
        posts = await visitor.search(query, lang=lang, channel=place, limit=limit)
        handles = await _handles(visitor, (bytes(post.channel_id) for post in posts))
        if json:
            print_json([post_row(post, handles) for post in posts])
            return
        screen = PostScreen(handles, ids=ids, reveal=reveal)
        print_posts(posts, screen, none=words.NOTHING_FOUND(), with_channel=True)

    run_in_public(context, found)


class _Reader:
    """One channel, or one post and its comments, on the screen."""

    def __init__(
        self, visitor: Visitor, channel: api.Channel, post: api.Post | None, *, ids: bool, reveal: bool, json: bool
    ) -> None:
        from zajil.cli.posts import PostScreen
        from zajil.protocol.ids import encode_b64

        self._visitor = visitor
        self._channel = channel
        self._post = post
        self._json = json
        self._id = encode_b64(channel.channel_id)
        self._handles = {bytes(channel.channel_id): channel.handle}
        self._screen: PostScreen = PostScreen(self._handles, ids=ids, reveal=reveal)

    async def show(self, limit: int) -> None:
        """What is there."""
        from zajil.cli.output import print_json
        from zajil.cli.posts import post_row, print_channel, print_posts

        posts = await self._fetch(limit)
        if self._json:
            print_json([post_row(post, self._handles) for post in posts])
            return
        if self._post is None:
            print_channel(self._channel)
            print_posts(posts, self._screen, none=words.NO_POSTS())
        else:
            self._screen.show(self._post)
            print_posts(posts[1:], self._screen, none=words.NO_COMMENTS())

    async def follow(self, limit: int) -> None:
        """What is there, then what comes, until interrupted."""
        from zajil.cli.output import console, error_console

        cursor = await self._visitor.cursor([self._id])
        for post in await self._fetch(limit):
            self._tell(post)
        if not self._json and console().is_terminal:
            error_console().print(words.FOLLOWING(), style="dim")
        lost = False
        async for updates in self._visitor.follow([self._id], after=cursor):
            if updates is None or lost:
                lost = updates is None
                error_console().print(
                    (chat_words.CONNECTION_LOST if lost else chat_words.CONNECTION_BACK)(), style="dim"
                )
            if updates is None:
                continue
            if updates.gap:
                error_console().print(words.GAP(), style="dim")
            for event in updates.events:
                if event.post_id is not None and event.channel_id == self._channel.channel_id:
                    self._take(event)
                elif event.event == "channel.state" and event.channel is None:
                    return  # the channel is deleted

    async def _fetch(self, limit: int) -> list[api.Post]:
        """Posts of the channel, or the post and its comments."""
        from zajil.protocol.ids import encode_b64

        if self._post is None:
            return await self._visitor.posts(self._id, limit=limit)
        return [self._post, *await self._visitor.comments(encode_b64(self._post.post_id), limit=limit)]

    def _take(self, event: api.Event) -> None:
        """Show what happened to a post of this list."""
        from zajil.cli.output import console
        from zajil.cli.untrusted import isolate
        from zajil.protocol.ids import encode_b64

        post = event.post
        if post is None or event.event == "post.deleted":
            name = f"@{self._channel.handle}/{encode_b64(event.post_id or b'')}"
            if self._json:
                self._print_gone(name)
            else:
                console().print(words.TAKEN_AWAY(post=isolate(name)), style="dim")
            return
        root = None if self._post is None else self._post.post_id
        if event.event in _SHOWN and (post.thread_root == root or (root is not None and post.post_id == root)):
            self._tell(post)

    def _tell(self, post: api.Post) -> None:
        from zajil.cli.output import print_json
        from zajil.cli.posts import post_row

        if self._json:
            print_json(post_row(post, self._handles))
        else:
            self._screen.show(post)

    def _print_gone(self, name: str) -> None:
        from zajil.cli.output import print_json

        print_json({"name": name, "state": "deleted"})


async def _open_post(visitor: Visitor, post: str, *, ids: bool, reveal: bool, json: bool) -> _Reader:
    from zajil.protocol.ids import encode_b64

    found = await visitor.read_post(post)
    channel = await visitor.channel(encode_b64(found.channel_id))
    return _Reader(visitor, channel, found, ids=ids, reveal=reveal, json=json)


async def _handles(visitor: Visitor, channels: Iterable[bytes]) -> dict[bytes, str]:
    """The handles of these channels; one that is gone meanwhile has none."""
    from zajil.protocol.errors import Refused
    from zajil.protocol.ids import encode_b64

    found: dict[bytes, str] = {}
    for each in dict.fromkeys(channels):
        try:
            found[each] = (await visitor.channel(encode_b64(each))).handle
        except Refused:
            continue
    return found
