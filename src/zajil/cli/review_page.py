"""An item as a page at the terminal: the post, what stands around it, why it is here, what was decided before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zajil.cli.output import console
from zajil.cli.texts.moderation import review as words
from zajil.cli.texts.text import language
from zajil.cli.untrusted import clean_name, clean_text, isolate

if TYPE_CHECKING:
    from zajil.protocol.review import api


def print_item(found: api.Item) -> None:
    """Print an item whole. Everything that people wrote is cleaned, and isolated by direction."""
    screen, line = console(), found.brief
    screen.print(
        f"{line.queue}  {line.kind}  {line.category or '?'}  {line.lang}  {line.source}  {line.effect}".rstrip()
    )
    if found.channel is not None:
        screen.print(words.IN_CHANNEL(name=clean_name(found.channel.handle), n=found.channel.subscribers))
    if found.author is not None:
        screen.print(
            words.BY(name=clean_name(found.author.handle), trust=found.author.trust, points=found.author.points)
        )
    _print_posts(words.BEFORE(), found.before)
    if found.subject is not None:
        screen.print(words.POST(version=found.subject.version, state=found.subject.state), style="bold")
        screen.print(_text(found.subject.text))
        screen.print(words.NORMALISED(), style="bold")
        screen.print(_text(found.subject.normalised))
        for view in found.subject.views:
            screen.print(_text(view))
        if found.subject.newest > found.subject.version:
            screen.print(words.NEWER(version=found.subject.newest), style="bold")
            screen.print(
                _text(next((each.text for each in found.versions if each.version == found.subject.newest), ""))
            )
    _print_posts(words.AFTER(), found.after)
    _print_evidence(found)
    for text in found.policy if line.category else ():
        screen.print(words.POLICY(category=text.category), style="bold")
        screen.print(text.definition.get(language(), text.definition.get("en", "")))
    _print_past(words.SIMILAR(), found.similar)
    _print_past(words.ABOUT_IT(), found.about)
    _print_past(words.HISTORY(), found.history)
    if found.complaints:
        screen.print(words.COMPLAINTS(n=len(found.complaints)), style="bold")
    for each in found.complaints:
        screen.print(f"  {each.category}  {_text(each.note)}".rstrip())


def _print_posts(title: str, posts: Sequence[api.ContextPost]) -> None:
    if posts:
        console().print(title, style="bold")
    for each in posts:
        console().print(f"  {isolate(clean_name(each.author))} [{each.state}] {_text(each.text)}")


def _print_evidence(found: api.Item) -> None:
    if found.evidence or found.highlights:
        console().print(words.EVIDENCE(), style="bold")
    for each in found.evidence:
        rest = " ".join((each.category, each.detail, *each.phrases)).strip()
        console().print(f"  {each.name} {each.value} {_text(rest)}".rstrip())
    text = found.subject.normalised if found.subject is not None else ""
    for part in found.highlights:
        console().print(f"  {part.weight:.2f} {_text(text[part.start : part.end])}")


def _print_past(title: str, rows: Sequence[api.PastDecision]) -> None:
    if rows:
        console().print(title, style="bold")
    for each in rows:
        who = words.PERSON() if each.human else words.PROGRAM()
        console().print(f"  {each.action} {each.category} ({who}, {each.source}) {_text(each.text)}".rstrip())


def _text(text: str) -> str:
    return isolate(clean_text(text)) if text else ""
