"""A found message on one line: when, its id, where and by whom, and the words around what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.text import Text as Line

from zajil.cli.output import console
from zajil.cli.reading import ID_SHOWN, file_text, message_row, title_of
from zajil.cli.times import clock, day
from zajil.cli.untrusted import clean_name, isolate
from zajil.protocol.search.matching import find_marks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zajil.client import Hit
    from zajil.protocol.search.matching import Query

_BEFORE: Final = 40
_LENGTH: Final = 160
_FOUND: Final = "bold underline"
"""Seen without colours too."""


def hit_row(hit: Hit) -> dict[str, object]:
    """The JSON of one hit: the message, its chat's title, and the ranges that were found, in code points."""
    names = [[{"start": mark.start, "end": mark.end} for mark in marks] for marks in hit.name_marks]
    return {
        **message_row(hit.message),
        "chat": hit.chat.id,
        "title": hit.chat.title,
        "marks": [{"start": mark.start, "end": mark.end} for mark in hit.marks],
        "name_marks": names,
    }


def print_hit(hit: Hit, query: Query, *, with_chat: bool) -> None:
    """One line. with_chat: it names the chat, unless the sender is all there is to say of it."""
    console().print(hit_line(hit, query, with_chat=with_chat))


def hit_line(hit: Hit, query: Query, *, with_chat: bool) -> Line:
    """`2026-11-25 14:02  1a2b3c4d  Doves | Amina  the words around`."""
    message = hit.message
    line = Line.assemble((f"{day(message.sent_at)} {clock(message.sent_at)}  {message.id[:ID_SHOWN]}  ", "dim"))
    if with_chat and (hit.chat.kind != "dm" or message.own):
        line.append(f"{isolate(title_of(hit.chat))} | ", "dim")
    line.append(isolate(clean_name(message.sender)), "bold" if message.own else "")
    for part in _parts(hit, query):
        line.append("  ")
        line.append_text(part)
    return line


def _parts(hit: Hit, query: Query) -> Iterator[Line]:
    """The text, and the files whose names were found; what was found is looked up anew in what is shown."""
    if hit.message.text:
        yield _snippet(clean_name(hit.message.text), query)
    for file, marks in zip(hit.message.attachments, hit.name_marks, strict=True):
        if marks or not hit.message.text:
            shown = file_text(file)
            name = clean_name(file.name)
            yield _marked(shown, query, only=(shown.find(name), shown.find(name) + len(name)))


def _snippet(text: str, query: Query) -> Line:
    """The words around the first mark, what was left out on either side told by a sign."""
    marks = find_marks(query, text)
    begin = max(0, marks[0].start - _BEFORE) if marks and len(text) > _LENGTH else 0
    end = min(len(text), begin + _LENGTH)
    return _marked(f"{'…' if begin else ''}{text[begin:end]}{'…' if end < len(text) else ''}", query)


def _marked(text: str, query: Query, *, only: tuple[int, int] | None = None) -> Line:
    first, last = only or (0, len(text))
    whole = isolate(text)
    shift = whole.find(text)
    line = Line(whole)
    for mark in find_marks(query, text):
        if first <= mark.start and mark.end <= last:
            line.stylize(_FOUND, mark.start + shift, mark.end + shift)
    return line
