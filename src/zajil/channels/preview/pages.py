"""Renders channels and posts as HTML: Jinja2 with autoescape, one style sheet whose hash the policy names, no script.

Whatever people wrote stands in text nodes and quoted attributes only, each isolated by direction (`dir="auto"`, and
each paragraph of a text by its own words), and becomes no link and no address. The policy forbids scripts, images,
forms and frames, should an escape ever fail.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from zajil.channels.preview.words import WORDS, Words
from zajil.protocol.ids import encode_b64
from zajil.protocol.public import api

_EXCERPT: Final = 200
# Not in an address, whose second half would be drawn before the first among Arabic; an Arabic "and" goes before a @.
_APART: Final = re.compile(r"((?<![A-Za-z0-9])(?:https?://|(?<![._+%-])@)\S+)")
_SIGNS: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
STYLE: Final = (
    "body{margin:0;background:#F4F3EF;color:#1B2230;font:1rem/1.6 system-ui,sans-serif}"
    "main{max-width:40rem;margin:0 auto;padding:1.5rem 1rem 4rem}h1{font-size:1.4rem;margin:.2rem 0}"
    "a{color:#2B5A8C}.meta{color:#5A6270;font-size:.85rem;margin:.2rem 0}"
    "article{background:#FCFBF8;border:1px solid #DEDCD4;border-radius:10px;padding:.7rem 1rem;margin:.8rem 0}"
    ".text{white-space:pre-wrap;overflow-wrap:anywhere;margin:.3rem 0;unicode-bidi:plaintext;text-align:start}"
    ".stub{color:#5A6270;font-style:italic}.stub:lang(ar){font-style:normal}"
    "summary{cursor:pointer}"
    "@media(prefers-color-scheme:dark){body{background:#12161E;color:#E7E9EE}a{color:#8DB8E4}"
    "article{background:#181D27;border-color:#2A3140}.meta,.stub{color:#A0A8B5}}"
)
POLICY: Final = (
    "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Pages:
    """The pages of one server. front: its public address, "" if it has none: then pages name no address of theirs."""

    def __init__(self, *, front: str) -> None:
        # Of the extra: servers without a public space run without it.
        from jinja2 import Environment, PackageLoader, StrictUndefined

        self._front = front.rstrip("/")
        self._templates = Environment(
            loader=PackageLoader("zajil.channels.preview"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {"b64": encode_b64, "address": quote, "iso": _iso, "ltr": _ltr}
        self._templates.filters |= {"pieces": _pieces, "steady": _steady}

    def channel(self, language: str, channel: api.Channel, posts: api.Posts) -> bytes:
        """A channel with a page of its posts."""
        words = WORDS[language]
        return self._render(
            "channel.html",
            language,
            channel=channel,
            posts=posts.posts,
            next=posts.next,
            title=_steady(channel.title) or f"@{channel.handle}",
            description=_excerpt(channel.about),
            path=_path(channel.handle),
            kind="website",
            indexed=channel.state == "open",
            blocked=_category(words, channel.category),
        )

    def post(self, language: str, channel: api.Channel, post: api.Post, comments: api.Posts) -> bytes:
        """A post with a page of its comments."""
        plain = post.state == "visible" and not post.label
        return self._render(
            "post.html",
            language,
            channel=channel,
            post=post,
            posts=comments.posts,
            next=comments.next,
            title=f"{_steady(channel.title)} (@{channel.handle})",
            description=_excerpt(post.text) if plain else "",
            path=f"{_path(channel.handle)}/{encode_b64(post.post_id)}",
            kind="article",
            indexed=plain and channel.state == "open",
        )

    def missing(self, language: str) -> bytes:
        """There is no such page."""
        words = WORDS[language]
        return self._render(
            "missing.html", language, title=words.missing, description="", path="", kind="website", indexed=False
        )

    def _render(self, template: str, language: str, **values: object) -> bytes:
        words = WORDS[language]
        text = self._templates.get_template(template).render(
            words=words,
            language=language,
            style=STYLE,
            front=self._front,
            category=lambda name: _category(words, name),
            **values,
        )
        # A lone surrogate cannot have come through the API; were it stored all the same, the page must still go out.
        return text.encode("utf-8", "replace")


def _category(words: Words, name: str) -> str:
    return words.categories.get(name, words.categories[""])


def _path(handle: str) -> str:
    return f"/c/{quote(handle)}"


def _iso(at: int) -> str:
    """`2026-11-25 14:03`, UTC: the same for every reader, so that pages can be kept by caches."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """A text in pieces, and whether one is a link or handle: these say nothing about the direction of the words."""
    return ((piece, at % 2 == 1) for at, piece in enumerate(_APART.split(text)) if piece)


def _steady(text: str) -> str:
    """A name without signs of direction: browsers make such signs of elements, and one in a name would end its own."""
    return _SIGNS.sub("", text)


def _ltr(text: str) -> str:
    """Isolated from left to right: after Arabic letters the parts of a date would change places."""
    return f"\u2066{text}\u2069"


def _excerpt(text: str) -> str:
    line = " ".join(_steady(text).split())
    return line if len(line) <= _EXCERPT else line[: _EXCERPT - 1] + "…"
