"""Channels and posts as one persona sees them, or as nobody does.

A channel is named by its id or as `@handle`, a post by its id; both are what the calls take.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec

from zajil.client.public.calls import PublicCalls, Query, T
from zajil.client.public.personas import Personas
from zajil.protocol.errors import Unavailable, error
from zajil.protocol.public import api, routes
from zajil.protocol.public.routes import PublicRoute

WAIT_S: Final = 25
"""So long an answer about news is waited for: half a minute without a byte is where middleboxes drop a connection."""
RETRY_S: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)


class Visitor:
    """Raises what the server refuses, and Unreachable. `Client.public` makes them."""

    def __init__(self, calls: PublicCalls, personas: Personas, number: int | None) -> None:
        """calls: of nobody. number: of the persona, None for nobody."""
        self._calls = calls
        self._personas = personas
        self._number = number

    async def call(
        self,
        route: PublicRoute,
        answer: type[T],
        *,
        request: msgspec.Struct | None = None,
        query: Query | None = None,
        wait_s: float = 0.0,
        **names: str,
    ) -> T:
        """Any call of the table, as this persona or as nobody; see `PublicCalls.call`."""
        if self._number is None:
            return await self._calls.call(route, answer, request=request, query=query, wait_s=wait_s, **names)
        return await self._personas.call(
            self._number, route, answer, request=request, query=query, wait_s=wait_s, **names
        )

    # -- channels
    async def create_channel(self, channel: api.NewChannel) -> api.Channel:
        """A new channel of this persona. Raises bad-handle, handle-taken, handle-confusable, slow-down."""
        return await self.call(routes.CREATE_CHANNEL, api.Channel, request=channel)

    async def channel(self, channel: str) -> api.Channel:
        """The channel. Raises gone."""
        return await self.call(routes.READ_CHANNEL, api.Channel, channel=channel)

    async def delete_channel(self, channel: str) -> None:
        """Gone with all its posts. Raises gone, not-allowed."""
        await self.call(routes.DELETE_CHANNEL, api.Empty, channel=channel)

    async def subscriptions(self) -> tuple[api.Channel, ...]:
        """The channels this persona follows, by handle."""
        return (await self.call(routes.SUBSCRIPTIONS, api.Subscriptions)).channels

    async def subscribe(self, channel: str) -> api.Channel:
        """Follow a channel; where anybody may join, that makes a member. Raises gone."""
        return await self.call(routes.SUBSCRIBE, api.Channel, channel=channel)

    async def unsubscribe(self, channel: str) -> None:
        """Follow it no more. Raises gone."""
        await self.call(routes.UNSUBSCRIBE, api.Empty, channel=channel)

    # -- posts
    async def post(self, channel: str, post: api.NewPost) -> api.Post:
        """A new post. Raises gone, not-allowed, muted, channel-closed, malformed, slow-down, quota."""
        return await self.call(routes.CREATE_POST, api.Post, request=post, channel=channel)

    async def comment(self, post: str, comment: api.NewPost) -> api.Post:
        """A new comment under a post. Raises as `post`."""
        return await self.call(routes.CREATE_COMMENT, api.Post, request=comment, post=post)

    async def edit(self, post: str, text: str, *, lang: str = "") -> api.Post:
        """Another text for an own post, made from its newest version. Raises gone, not-allowed, version-conflict."""
        now = await self.read_post(post)
        change = api.EditPost(text, now.version, lang or now.lang)
        return await self.call(routes.EDIT_POST, api.Post, request=change, post=post)

    async def delete_post(self, post: str, *, reason: str = "") -> None:
        """Gone. reason: needed of a moderator of the channel. Raises gone, not-allowed, malformed (no reason)."""
        request = api.RemovePost(reason) if reason else None
        await self.call(routes.DELETE_POST, api.Empty, request=request, post=post)

    async def read_post(self, post: str) -> api.Post:
        """One post. Raises gone."""
        return await self.call(routes.READ_POST, api.Post, post=post)

    async def versions(self, post: str) -> tuple[api.PostVersion, ...]:
        """Its versions that may be seen, oldest first. Raises gone."""
        return (await self.call(routes.VERSIONS, api.PostVersions, post=post)).versions

    async def posts(self, channel: str, *, limit: int) -> list[api.Post]:
        """The newest posts, oldest first. Raises gone."""
        found = await self._pages(routes.LIST_POSTS, limit, {}, channel=channel)
        return found[::-1]

    async def comments(self, post: str, *, limit: int) -> list[api.Post]:
        """The first comments, oldest first. Raises gone."""
        return await self._pages(routes.LIST_COMMENTS, limit, {}, post=post)

    async def search(self, text: str, *, lang: str = "", channel: str = "", limit: int) -> list[api.Post]:
        """Posts that match, best first. Raises malformed, gone (channel)."""
        if len(text) > api.QUERY_CHARACTERS:
            raise error("malformed", "query")
        return await self._pages(routes.SEARCH, limit, {"q": text, "lang": lang or None, "channel": channel or None})

    async def _pages(self, route: PublicRoute, limit: int, query: Query, **names: str) -> list[api.Post]:
        found: list[api.Post] = []
        before: str | None = None
        while len(found) < limit:
            wanted: Query = {**query, "before": before}
            page = await self.call(route, api.Posts, request=None, query=wanted, wait_s=0.0, **names)
            found += page.posts
            before = page.next
            if before is None:
                break
        return found[:limit]

    # -- news
    async def cursor(self, channels: Sequence[str] = ()) -> str:
        """Where the news of now begin: read lists after this, and `follow` from it, and nothing is missed."""
        return (await self._updates(channels, None, 0)).next

    async def follow(self, channels: Sequence[str] = (), *, after: str) -> AsyncIterator[api.Updates | None]:
        """What happens in the channels this persona follows, and in these (at most five), until it is closed.

        None: there is no connection, said once; the next updates say that there is one again. `gap`: read lists anew.
        """
        failures = 0
        while True:
            try:
                updates = await self._updates(channels, after, WAIT_S)
            except Unavailable as problem:
                if not failures:
                    yield None
                pause_s = RETRY_S[min(failures, len(RETRY_S) - 1)]
                failures += 1
                await asyncio.sleep(max(pause_s, (problem.retry_ms or 0) / 1000))
                continue
            after = updates.next
            if updates.events or updates.gap or failures:
                yield updates
            failures = 0

    async def _updates(self, channels: Sequence[str], after: str | None, wait_s: int) -> api.Updates:
        names = ",".join(channels) or None
        query: Query = {"after": after, "wait_s": wait_s, "channel": names}
        return await self.call(routes.UPDATES, api.Updates, query=query, wait_s=wait_s)
