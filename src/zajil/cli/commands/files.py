"""`save`, and what `send --file` does: files of messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.commands.options import ChatName, Json, MessageName
from zajil.cli.frame import run_with_client
from zajil.cli.texts.system import say_reason
from zajil.cli.texts.talk import files as words
from zajil.cli.texts.text import Text

if TYPE_CHECKING:
    from zajil.cli.failures import Failed
    from zajil.client import Chat, Client, Content

Number = Annotated[
    int | None, typer.Option("--number", metavar="N", min=1, max=10, help=words.NUMBER_OPTION(), show_default=False)
]
Output = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE", help=words.OUTPUT_OPTION(), show_default=False)
]


def open_files(files: Sequence[Path], *, strip: bool, keep: bool) -> list[Path | Content]:
    """What is to be sent of these files, once it is clear that a place goes along only where somebody wants that.

    strip: without what pictures tell about where and how they were taken; keep: with it. Without either the person is
    asked about each picture that tells where it was taken; any answer but yes takes that out.
    Raises Failed `place-unasked` where nobody can be asked, `not-stripped`, `file-unreadable`.
    """
    try:
        return [_strip(path) if strip else path if keep else _ask_about(path) for path in files]
    except OSError as error:
        raise _unreadable(error, files[0]) from None


def _unreadable(error: OSError, first: Path) -> Failed:
    from zajil.cli.failures import Failed

    name = str(error.filename or first)
    return Failed("file-unreadable", file=name, remark=say_reason(error), hint=words.UNREADABLE_HINT())


async def send_files(
    client: Client, chat: Chat, files: Sequence[Path | Content], text: str, *, reply_to: str | None, queue: bool
) -> str:
    """Id of the message with these files; queued, the one it has until they are out.

    Raises Failed `file-unreadable`, and `unreachable` or `storage-full` while the message stays here.
    """
    from zajil.cli.failures import REFUSED, UNREACHABLE, Failed
    from zajil.protocol.errors import Unavailable, Unreachable
    from zajil.protocol.ids import encode_b64

    named = client.find_mentions(chat, text)
    try:
        if queue:
            return encode_b64(await client.queue_files(chat, files, text, reply_to=reply_to, mentions=named))
        with _progress(words.SENDING) as tell:
            return await client.send_files(chat, files, text, reply_to=reply_to, mentions=named, tell=tell)
    except Unavailable as error:
        code = REFUSED if not isinstance(error, Unreachable) else UNREACHABLE
        raise Failed(error.code, exit_code=code, hint=words.KEPT()) from error
    except OSError as error:
        first = files[0]
        raise _unreadable(error, first if isinstance(first, Path) else Path(first.name)) from None


def _strip(path: Path) -> Content:
    """The picture alone. Raises Failed `not-stripped`, OSError."""
    from zajil.cli.failures import Failed
    from zajil.client import Content
    from zajil.client.files.pictures import NotAPictureError, strip_picture

    try:
        return Content(path.name, strip_picture(_beginning(path)))
    except NotAPictureError:
        raise Failed("not-stripped", file=str(path)) from None


def _ask_about(path: Path) -> Path | Content:
    """The file as it is, or the picture without the place. Raises Failed `place-unasked`, `not-stripped`, OSError."""
    from zajil.cli.asking import agrees, can_ask
    from zajil.cli.failures import USAGE, Failed
    from zajil.cli.output import error_console
    from zajil.cli.untrusted import clean_name
    from zajil.client.files.pictures import tells_where

    if not tells_where(_beginning(path)):
        return path
    name = clean_name(path.name)
    if not can_ask():
        raise Failed("place-unasked", exit_code=USAGE, file=name)
    if agrees(words.PLACE_QUESTION(file=name)):
        return path
    stripped = _strip(path)
    error_console().print(words.STRIPPED(file=name), style="dim")
    return stripped


def _beginning(path: Path) -> bytes:
    """As much of a file as is looked at, and a byte more where there is more."""
    from zajil.client.files.pictures import PICTURE_BYTES

    with path.open("rb") as file:
        return file.read(PICTURE_BYTES + 1)


def save(
    context: typer.Context,
    chat: ChatName,
    message: MessageName,
    *,
    output: Output = None,
    number: Number = None,
    yes: Annotated[bool, typer.Option("--yes", help=words.YES_OPTION())] = False,
    json: Json = False,
) -> None:
    """Fetch, check and save a file of a message, or all of them into this folder; never over another one unasked."""
    from zajil.cli.commands.chats import find_chat
    from zajil.cli.commands.messages import find_message
    from zajil.cli.failures import USAGE, Failed, hint_in_chat
    from zajil.cli.output import console, print_json
    from zajil.cli.reading import title_of

    async def saved(client: Client) -> None:
        found = find_chat(client, chat)
        try:
            target = find_message(client, found, message)
        except Failed as missing:
            if missing.code != "no-message":
                raise
            await client.sync()  # it may wait at the server
            target = find_message(client, found, message)
        held = len(target.attachments)
        if not held or (number or 1) > held:
            raise Failed("no-attachment", hint=hint_in_chat("no-attachment", title_of(found)))
        folder = output if output is not None and output.is_dir() else None
        if output is not None and folder is None and number is None and held > 1:
            raise Failed("which-file", exit_code=USAGE, count=held)
        chosen = range(held) if number is None else range(number - 1, number)
        taken: set[Path] = set()
        for n in chosen:
            own = _free_of((folder or Path()) / client.file_name(found, target.id, n), taken)
            path = own if output is None or folder is not None else output
            taken.add(path)
            await _save_one(client, found, target.id, n, path, yes=yes)
            if json:
                print_json({"file": str(path), "size": target.attachments[n].size})
            else:
                console().print(words.SAVED(file=str(path)))

    run_with_client(context, saved)


def _free_of(path: Path, taken: set[Path]) -> Path:
    """The path, or one beside it where another file of the same message has it."""
    n = 2
    found = path
    while found in taken:
        found, n = path.with_name(f"{path.stem} {n}{path.suffix}"), n + 1
    return found


async def _save_one(client: Client, chat: Chat, message: str, n: int, path: Path, *, yes: bool) -> None:
    from zajil.cli.asking import agrees, can_ask
    from zajil.cli.failures import Failed

    replace = yes
    if not yes and _is_there(path):
        if not can_ask() or not agrees(words.REPLACE(file=str(path))):
            raise Failed("file-exists", file=str(path), hint=words.EXISTS_HINT())
        replace = True
    try:
        with _progress(words.FETCHING) as tell:
            await client.save_file(chat, message, n, path, replace=replace, tell=tell)
    except FileExistsError:
        raise Failed("file-exists", file=str(path), hint=words.EXISTS_HINT()) from None
    except OSError as fault:
        raise Failed("file-unwritable", file=str(path), remark=say_reason(fault)) from None


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


@contextmanager
def _progress(sentence: Text) -> Iterator[Callable[[int, int], None]]:
    """Gives what tells how far a transfer is."""
    from zajil.cli.output import Progress

    with Progress(sentence) as line:
        yield lambda done, whole: line.tell(done=words.say_size(done), whole=words.say_size(whole))
