"""Mentions inside a text: the Markdown link `[@Name](mimi://<server>/u/<account id>)`, and nothing else of Markdown.

In the name `[`, `]` and `\\` are written with a backslash. What is not exactly of this form, names another server or no
account id stays text as it is, so nothing that a sender wrote is ever hidden.
Source: draft-ietf-mimi-content-08, 5.3 (mention example); RFC 7763 variant GFM-MIMI.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from zajil.protocol.chat.content import sender_uri
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.ids import AccountId, parse_b64
from zajil.protocol.limits import NAME_BYTES

MENTIONS: Final = 64
"""Most mentions of one text; further ones stay as they are written."""
_LINK: Final = re.compile(
    r"\[@((?:\\[\[\]\\]|[^\[\]\\\r\n]){1,256})\]\((mimi://[a-z0-9.:-]{1,253}/u/([A-Za-z0-9_-]{22}))\)"
)
_ESCAPED: Final = re.compile(r"\\([\[\]\\])")
_SPECIAL: Final = re.compile(r"[\[\]\\]")


@dataclass(frozen=True, slots=True)
class Mention:
    """A range of a shown text, in code points (TypeScript: UTF-16 units): "@" and a name, as the sender wrote it."""

    start: int
    end: int
    account: AccountId


def encode_mention(server_name: str, account: AccountId, name: str) -> str:
    """The link for one mention. Raises Malformed for a name that cannot stand in one line, or is too long or empty."""
    if not name.strip() or len(name.encode("utf-8", "replace")) > NAME_BYTES or re.search(r"[\r\n]", name):
        raise error("malformed", "name in a mention")
    escaped = _SPECIAL.sub(lambda found: "\\" + found.group(), name)
    link = f"[@{escaped}]({sender_uri(server_name, account)})"
    if _LINK.fullmatch(link) is None:
        raise error("malformed", "name in a mention")
    return link


def encode_text(text: str, mentions: Sequence[Mention], *, server_name: str) -> str:
    """The text to send: each range, "@" and a name, becomes a link.

    Raises Malformed for ranges that overlap, lie outside, do not begin with "@", or too many.
    """
    pieces: list[str] = []
    at = 0
    if len(mentions) > MENTIONS:
        raise error("malformed", "mentions")
    for mention in sorted(mentions, key=lambda one: one.start):
        if not at <= mention.start < mention.end <= len(text) or text[mention.start] != "@":
            raise error("malformed", "range of a mention")
        name = text[mention.start + 1 : mention.end]
        pieces += [text[at : mention.start], encode_mention(server_name, mention.account, name)]
        at = mention.end
    return "".join([*pieces, text[at:]])


def parse_text(
    text: str, *, server_name: str, is_member: Callable[[AccountId], bool] = lambda _: True
) -> tuple[str, tuple[Mention, ...]]:
    """The text to show and its mentions.

    is_member: whether an account may be mentioned here; a link to another one stays as it is written. Raises nothing.
    """
    pieces: list[str] = []
    mentions: list[Mention] = []
    at = size = 0
    for found in _LINK.finditer(text):
        account = _account(found.group(3))
        if account is None or len(mentions) == MENTIONS:
            continue
        if found.group(2) != sender_uri(server_name, account) or not is_member(account):
            continue
        name = "@" + _ESCAPED.sub(r"\1", found.group(1))
        pieces += [text[at : found.start()], name]
        start = size + found.start() - at
        size = start + len(name)
        at = found.end()
        mentions.append(Mention(start, size, account))
    return "".join([*pieces, text[at:]]), tuple(mentions)


def _account(text: str) -> AccountId | None:
    try:
        return AccountId(parse_b64(text, size=16))
    except ZajilError:
        return None
