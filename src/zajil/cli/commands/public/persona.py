"""`persona create | list | delete`: public names of an account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.commands.options import Json
from zajil.cli.commands.public.visiting import Yes, agrees_to_delete, find_persona, run_in_public
from zajil.cli.texts.general import NOTHING_CHANGED
from zajil.cli.texts.public import persona as words

if TYPE_CHECKING:
    from zajil.client import Client
    from zajil.client.public.personas import FoundPersona

Handle = Annotated[str, typer.Argument(metavar="HANDLE", help=words.HANDLE_ARGUMENT())]


def create(
    context: typer.Context,
    handle: Handle,
    *,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help=words.NAME_OPTION(), show_default=words.NAME_DEFAULT())
    ] = "",
    json: Json = False,
) -> None:
    """A new persona."""
    from zajil.cli.output import console, print_json
    from zajil.client.public.personas import FoundPersona

    async def made(client: Client) -> None:
        persona = await client.public.create_persona(handle, name.strip() or handle.removeprefix("@"))
        if json:
            print_json(persona_row(FoundPersona(persona)))
        else:
            console().print(words.CREATED(handle=persona.handle))

    run_in_public(context, made)


def list_(context: typer.Context, *, json: Json = False) -> None:
    """All own personas, by number."""
    from zajil.cli.output import console, print_json

    async def told(client: Client) -> None:
        found = await client.public.list_personas()
        if json:
            print_json([persona_row(each) for each in found])
            return
        if not found:
            console().print(words.NONE(), style="dim")
        for each in found:
            _print(each)

    run_in_public(context, told)


def delete(context: typer.Context, handle: Handle, *, yes: Yes = False, json: Json = False) -> None:
    """A persona is gone for good."""
    from zajil.cli.output import console, print_json

    async def deleted(client: Client) -> None:
        persona = await find_persona(client, handle)
        if not agrees_to_delete(words.DELETE_QUESTION(handle=persona.handle), yes=yes):
            console().print(NOTHING_CHANGED())
            return
        await client.public.delete_persona(persona)
        if json:
            print_json({"handle": persona.handle, "deleted": True})
        else:
            console().print(words.DELETED(handle=persona.handle), style="dim")

    run_in_public(context, deleted)


def _print(found: FoundPersona) -> None:
    from zajil.cli.output import console
    from zajil.cli.times import day
    from zajil.cli.untrusted import clean_name, isolate

    persona, screen = found.persona, console()
    screen.print(isolate(f"@{persona.handle}"), style="cyan", end="")
    screen.print(f"  {isolate(clean_name(persona.display_name))}", style="bold", end="")
    notes = [] if persona.trust is None else [words.TRUST[persona.trust]()]
    ends = (
        (words.STRIKE, persona.strike_until),
        (words.LIMITED, persona.limited_until),
        (words.SUSPENDED, found.suspended_until),
    )
    notes += [text(day=day(until)) for text, until in ends if until]
    screen.print("".join(f"  {note}" for note in notes), style="dim")


def persona_row(found: FoundPersona) -> dict[str, object]:
    """The JSON of one own persona."""
    from zajil.protocol.ids import encode_b64

    persona = found.persona
    return {
        "id": encode_b64(persona.persona_id),
        "handle": persona.handle,
        "display_name": persona.display_name,
        "kind": persona.kind,
        "created_at": persona.created_at,
        "trust": persona.trust,
        "strike_until": persona.strike_until,
        "limited_until": persona.limited_until,
        "suspended_until": found.suspended_until or None,
    }
