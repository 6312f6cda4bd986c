"""`/c/{handle}` and `/c/{handle}/{post}`: what anybody may read, as pages that mirrors and caches may keep a moment."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote

from zajil.channels import posts, spaces
from zajil.channels.context import Channels
from zajil.channels.preview.pages import POLICY, Pages
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.ids import encode_b64
from zajil.protocol.public import api
from zajil.server.http.calls import HttpAnswer, HttpCall, tag
from zajil.server.http.dispatch import parse_query
from zajil.server.site.waiting import decide_language

_LOG = logging.getLogger(__name__)
PREFIX: Final = "/c/"
_PATH_MAX: Final = 400
_NOTHING: Final = api.Posts(())
HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "cache-control": "public, max-age=30",
        "content-security-policy": POLICY,
        "content-type": "text/html; charset=utf-8",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=()",
        "referrer-policy": "no-referrer",
        "vary": "Accept-Language",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }
)


class Preview:
    """Answers every request below /c/."""

    def __init__(self, space: Channels, *, front: str) -> None:
        self._space = space
        self._pages = Pages(front=front)

    async def answer(self, call: HttpCall) -> HttpAnswer:
        """The page of this call; headers with lower-case names. Never raises for what a peer sent."""
        language = decide_language(call.headers.get("accept-language", ""))
        if call.method not in ("GET", "HEAD"):
            return HttpAnswer(405, {**HEADERS, "allow": "GET, HEAD"}, b"")
        try:
            body = await self._page(call, language)
            return tag(HttpAnswer(200, dict(HEADERS), body), call.headers.get("if-none-match"))
        except ZajilError as reason:
            if reason.retry_ms:
                retry = {"retry-after": str(-(-reason.retry_ms // 1000)), "cache-control": "no-store"}
                return HttpAnswer(429, {**HEADERS, **retry}, self._pages.missing(language))
        except Exception as bug:  # noqa: BLE001  # the boundary of one request
            _LOG.error("a page failed", exc_info=bug)
            return HttpAnswer(500, {**HEADERS, "cache-control": "no-store"}, self._pages.missing(language))
        return HttpAnswer(404, dict(HEADERS), self._pages.missing(language))

    async def _page(self, call: HttpCall, language: str) -> bytes:
        self._space.limits.take("public_read", call.peer.prefix, now=self._space.clock())
        path, _, query = call.path.partition("?")
        if len(path) > _PATH_MAX:
            raise error("gone")
        before = parse_query(query, frozenset({"before"})).get("before")
        parts = path.removeprefix(PREFIX).split("/")
        channel = await spaces.read_channel(self._space, None, "@" + _unquote(parts[0]))
        if len(parts) == 1:
            shut = channel.state == "blocked"
            found = _NOTHING if shut else await posts.list_posts(self._space, None, f"@{channel.handle}", before)
            return self._pages.channel(language, channel, found)
        if len(parts) != 2:
            raise error("gone")
        post = await posts.read_post(self._space, None, _unquote(parts[1]))
        if post.channel_id != channel.channel_id:
            raise error("gone")
        comments = await posts.list_comments(self._space, None, encode_b64(post.post_id), before)
        return self._pages.post(language, channel, post, comments)


def _unquote(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise error("gone") from None
