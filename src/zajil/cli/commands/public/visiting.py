"""What every command of the public space stands on: who speaks, and refusals in words that fit the place."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from zajil.cli.frame import run_with_client
from zajil.cli.texts.public import persona as words
from zajil.cli.texts.text import Text

if TYPE_CHECKING:
    from zajil.client import Client
    from zajil.client.public.visitor import Visitor
    from zajil.client.state.public import OwnPersona

Result = TypeVar("Result")
As = Annotated[str | None, typer.Option("--as", metavar="HANDLE", help=words.AS_OPTION(), show_default=False)]
AsReader = Annotated[
    str | None, typer.Option("--as", metavar="HANDLE", help=words.AS_READER_OPTION(), show_default=False)
]
Yes = Annotated[bool, typer.Option("--yes", help=words.YES_OPTION())]


def run_in_public(
    context: typer.Context,
    verb: Callable[[Client], Awaitable[Result]],
    *,
    absent: str = "no-public-space",
    forbidden: Text = words.NOT_ALLOWED_HINT,
) -> Result:
    """As `run_with_client`. Raises Failed with the code of a refusal, and a hint that fits the public space.

    absent: the code where the server has no such calls. forbidden: the hint where this command is not allowed.
    """
    from zajil.cli.failures import Failed
    from zajil.protocol.errors import ZajilError

    try:
        return run_with_client(context, verb)
    except ZajilError as problem:
        if problem.code == "no-such-route":
            raise Failed(absent) from problem
        hint = {"gone": words.GONE_HINT, "not-allowed": forbidden}.get(problem.code)
        if hint is None:
            raise
        raise Failed(problem.code, hint=hint()) from problem


async def find_persona(client: Client, handle: str | None) -> OwnPersona:
    """The persona that is to speak: the named one, else the only one. Raises Failed `no-persona`, `which-persona`."""
    from zajil.cli.failures import USAGE, Failed

    if handle is not None:
        found = await client.public.find_persona(handle)
        if found is None:
            raise Failed("no-persona")
        return found
    known = client.public.known_personas()
    if not known:
        await client.public.list_personas()
        known = client.public.known_personas()
    if not known:
        raise Failed("no-persona", hint=words.NONE())
    if len(known) > 1:
        raise Failed("which-persona", exit_code=USAGE, names=", ".join(f"@{each.handle}" for each in known))
    return known[0]


async def visit(client: Client, handle: str | None) -> Visitor:
    """The space as the persona that is to speak; see `find_persona`."""
    return client.public.as_persona(await find_persona(client, handle))


async def visit_to_read(client: Client, handle: str | None) -> Visitor:
    """The space as nobody, or as the persona that was named."""
    return client.public.as_nobody() if handle is None else await visit(client, handle)


def read_text(text: str, *, most: int = 0) -> str:
    """The text of an argument; `-` is standard input. most: characters, 0 for a post.

    Raises Failed `no-text`, `post-too-long`, `note-too-long` (wrong usage).
    """
    from zajil.cli.failures import USAGE, Failed
    from zajil.protocol.public.posts import TEXT_CHARACTERS

    body = sys.stdin.read().rstrip("\n") if text == "-" else text
    if not body.strip():
        raise Failed("no-text", exit_code=USAGE)
    if most:
        check_length(body, most)
    elif len(body) > TEXT_CHARACTERS:
        raise Failed("post-too-long", exit_code=USAGE, most=TEXT_CHARACTERS)
    return body


def check_length(text: str, most: int) -> None:
    """Raises Failed `note-too-long` (wrong usage)."""
    from zajil.cli.failures import USAGE, Failed

    if len(text) > most:
        raise Failed("note-too-long", exit_code=USAGE, most=most)


def agrees_to_delete(question: str, *, yes: bool) -> bool:
    """Whether to go ahead. Raises Failed `delete-unasked` (wrong usage) where nobody can be asked."""
    from zajil.cli.asking import agrees, can_ask
    from zajil.cli.failures import USAGE, Failed

    if yes:
        return True
    if not can_ask():
        raise Failed("delete-unasked", exit_code=USAGE)
    return agrees(question)
