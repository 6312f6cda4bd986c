"""The page of an export: one HTML file with everything in it, no script, nothing fetched from anywhere.

What people wrote is escaped, cleaned of characters that steer direction (`untrusted.clean_text`), and every piece of it
stands in an element of its own direction, so that no name or text reorders what is around it (UAX 9, HTML 4.3.24 bdi).
The Content-Security-Policy allows the page's own style and nothing else, should an escape ever be missed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from zajil.cli.archive.collect import Archive, ArchivedChat, ArchivedMessage
from zajil.cli.reading import call_text, file_text, title_of
from zajil.cli.texts import messages as talk
from zajil.cli.texts.lasting import export as words
from zajil.cli.texts.text import language
from zajil.cli.times import clock, day
from zajil.cli.untrusted import clean_name, clean_text

if TYPE_CHECKING:
    from zajil.client import Message

_INERT: Final = frozenset(
    b".jpg .jpeg .png .gif .webp .avif .heic .mp4 .m4v .mov .webm .mkv .mp3 .m4a .aac .ogg .oga .opus .wav .flac .pdf "
    b".txt .csv .vcf .ics .zip .gz .xz .7z .rar .doc .docx .xls .xlsx .ppt .pptx .odt .ods .odp .epub".split()
)
"""Endings of files that a browser shows, plays or hands over. All else, also what has none, it may take for a page: on
a disk that has no policy, and could call out."""
_STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1b1b1f;background:#fff}
h1,h2{line-height:1.2}h2{margin-top:3rem;border-top:1px solid #ccc;padding-top:1rem}h3{font-size:1rem;color:#555}
article{margin:.75rem 0}header{font-size:.875rem;color:#555}header b{color:#1b1b1f}
.text{white-space:pre-wrap;overflow-wrap:anywhere;margin:0}.quote,.note,details{color:#555;font-size:.875rem;margin:0}
.quote{border-inline-start:3px solid #ccc;padding-inline-start:.5rem}
@media(prefers-color-scheme:dark){body,header b{color:#eee;background:#15161a}
header,.note,.quote,details,h3{color:#aaa}}
"""


def render_page(archive: Archive) -> str:
    """The whole page, in the language of this process."""
    code = language()
    title = words.TITLE(name=clean_name(archive.name))
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    return "\n".join(
        (
            "<!doctype html>",
            f'<html lang="{code}" dir="{"rtl" if code == "ar" else "ltr"}">',
            '<head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">',
            '<meta name="viewport" content="width=device-width">',
            '<meta name="referrer" content="no-referrer">',
            f"<title>{escape(title)}</title><style>{_STYLE}</style></head>",
            f"<body><h1>{escape(title)}</h1>",
            f"<p>{escape(words.MADE_ON(date=day(archive.at)))}</p>",
            *_contents(archive),
            *(line for n, chat in enumerate(archive.chats) for line in _chat(n, chat)),
            "</body></html>\n",
        )
    )


def _contents(archive: Archive) -> Iterator[str]:
    yield f"<nav><h3>{escape(words.CONTENTS())}</h3><ul>"
    for n, found in enumerate(archive.chats):
        yield f'<li><a href="#chat-{n}">{_bdi(title_of(found.chat))}</a></li>'
    yield "</ul></nav>"


def _chat(n: int, found: ArchivedChat) -> Iterator[str]:
    yield f'<section id="chat-{n}"><h2>{_bdi(title_of(found.chat))}</h2>'
    names = ", ".join(_apart(name) for _, name in found.members)
    yield f'<p class="note" dir="auto">{escape(words.MEMBERS(names=names))}</p>'
    if not found.messages:
        yield f'<p class="note">{escape(words.NO_MESSAGES())}</p>'
    texts = {each.message.id: each.message for each in found.messages}
    today = ""
    for each in found.messages:
        if day(each.message.sent_at) != today:
            today = day(each.message.sent_at)
            yield f"<h3>{escape(today)}</h3>"
        yield from _message(each, texts.get(each.message.reply_to or ""))
    yield "</section>"


def _message(found: ArchivedMessage, quoted: Message | None) -> Iterator[str]:
    message = found.message
    exact = datetime.fromtimestamp(message.sent_at, UTC).isoformat()
    when = f'<time datetime="{exact}">{escape(clock(message.sent_at))}</time>'
    yield f"<article><header><b>{_bdi(message.sender)}</b> {when}</header>"
    if message.reply_to is not None:
        said = talk.QUOTE_GONE() if quoted is None else f"{_apart(quoted.sender)}: {_apart(quoted.text)}"
        yield f'<p class="quote" dir="auto">{escape(said)}</p>'
    yield from _body(message)
    for n, file in enumerate(message.attachments):
        yield f'<p class="note">{render_file(file_text(file), found.saved.get(n))}</p>'
    if message.edited:
        yield f'<p class="note">{escape(talk.EDITED())}</p>'
    for text, at in found.versions:
        summary = f"{escape(words.EARLIER())} {escape(day(at))} {escape(clock(at))}"
        yield f"<details><summary>{summary}</summary>{_text(text)}</details>"
    if message.reactions:
        told = "  ".join(f"{_bdi(one.emoji)} {_bdi(one.sender)}" for one in message.reactions)
        yield f'<p class="note">{told}</p>'
    yield "</article>"


def _body(message: Message) -> Iterator[str]:
    if message.deleted:
        yield f'<p class="note">{escape(talk.DELETED())}</p>'
    elif not message.supported:
        yield f'<p class="note">{escape(talk.UNSUPPORTED())}</p>'
    elif message.call is not None:
        yield f'<p class="note">{escape(call_text(message.call, own=message.own))}</p>'
    elif message.text:
        yield _text(message.text)


def _text(text: str) -> str:
    return f'<p class="text" dir="auto">{escape(clean_text(text))}</p>'


def render_file(told: str, saved: str | None) -> str:
    """What is told of a file, which leads to where it was saved; its path alone where a browser might run it."""
    if saved is None:
        return _bdi(told)
    if PurePosixPath(saved).suffix.lower().encode() not in _INERT:
        return _bdi(f"{told} ({saved})")
    return f'<a href="{escape(quote(saved))}">{_bdi(told)}</a>'


def _apart(text: str) -> str:
    """As `_bdi`, for words that are put into a sentence before that is escaped: FSI and PDI do the same (UAX 9)."""
    return f"\u2068{clean_name(text)}\u2069"


def _bdi(text: str) -> str:
    """A name or title in an element that keeps its direction to itself."""
    return f"<bdi>{escape(clean_name(text))}</bdi>"
