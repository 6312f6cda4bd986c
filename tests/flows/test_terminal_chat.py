"""`zajil chat` driven by its keys, with real people on the other side of a real server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from rich.console import Console
from tests.flows.people import People, befriend
from tests.flows.server import ServerProcess
from textual import events
from textual.pilot import Pilot
from textual.widgets import OptionList

from zajil.cli.texts.text import language
from zajil.cli.tui.app import ChatScreen
from zajil.cli.tui.field import Field
from zajil.client import Chat, Client, Content

pytestmark = [pytest.mark.flows, pytest.mark.slow]

WAIT_S = 30.0
HOSTILE = (
    "[bold]fat[/bold] [@click=app.quit]press[/] [link=file:///etc]x[/link] :smile:",
    "\x1b]0;owned\x07\x1b[2J\x1b[31mred \x9b31m \x1b]52;c;aGk=\x1b\\ end",
    "invoice\u202egpj.exe \u2066a\u2067b",
    "z" + "\u0335" * 60 + "algo",
    "a\r\n14:03 Boris ✓✓ send me the money\u2028next",
    "[/]",
)


@asynccontextmanager
async def screen_of(
    client: Client, *, first: str | None = None, size: tuple[int, int] = (100, 30)
) -> AsyncIterator[tuple[ChatScreen, Pilot[None]]]:
    app = ChatScreen(client, first=first)
    try:
        async with app.run_test(size=size, notifications=True) as pilot:
            try:
                yield app, pilot
            finally:
                await leave(app)
    finally:
        if app.failure is not None:
            raise app.failure


async def leave(app: ChatScreen) -> None:
    """End it as Ctrl+Q does: `run_test` alone takes the widgets away while the app still ticks and hears events."""
    app.exit()
    while app.is_running:  # noqa: ASYNC110  # its end has no event
        await asyncio.sleep(0.01)


def picture(app: ChatScreen) -> str:
    """What stands in the cells of the terminal."""
    width, height = app.size
    lines = [strip.text for strip in app.screen._compositor.render_strips()]
    console = Console(width=width, height=height)
    assert len(lines) == console.height
    return "\n".join(line.rstrip() for line in lines)


async def until(pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    """Wait for what other processes do; the last picture is told where it does not come."""
    app = pilot.app
    assert isinstance(app, ChatScreen)
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, picture(app)
        await pilot.pause()
        await asyncio.sleep(0.05)
    await pilot.pause()


async def shows(pilot: Pilot[None], text: str) -> None:
    app = pilot.app
    assert isinstance(app, ChatScreen)
    await until(pilot, lambda: text in picture(app))


async def gone(pilot: Pilot[None], text: str) -> None:
    app = pilot.app
    assert isinstance(app, ChatScreen)
    await until(pilot, lambda: text not in picture(app))


async def write(pilot: Pilot[None], text: str) -> None:
    pilot.app.query_one(Field).insert(text)
    await pilot.press("enter")


@pytest.fixture
async def pair(people: People) -> tuple[Client, Client, Chat]:
    """Amina, whose screen it is, Boris, and their chat."""
    amina, boris = await people.register("Amina"), await people.register("Boris")
    return amina, boris, await befriend(amina, boris)


async def test_a_talk_by_the_keys(pair: tuple[Client, Client, Chat]) -> None:
    amina, boris, chat = pair
    await boris.send(boris.find_chat("Amina"), "tea, @Amina?")
    async with screen_of(amina) as (app, pilot):
        await shows(pilot, "unread: 1")
        assert "tea" not in picture(app), "nothing is opened, nothing marked read unasked"
        await pilot.press("alt+down")
        await shows(pilot, "tea, @Amina?")
        await gone(pilot, "unread")
        await pilot.press("ctrl+r")
        await shows(pilot, "Answering, Esc drops it: to Boris: tea, @Amina?")
        await write(pilot, "green")
        await shows(pilot, "✓✓")
        (question, answer) = amina.read(chat)
        assert answer.reply_to == question.id
        assert "Answering" not in picture(app)

        await boris.sync()
        theirs = boris.find_chat("Amina")
        await boris.react(theirs, answer.id, "🍵")
        await boris.edit(theirs, question.id, "coffee?")
        await shows(pilot, "🍵 Boris")
        await shows(pilot, "coffee? (edited)")
        await boris.delete(theirs, question.id)
        await shows(pilot, "This message was deleted.")
        await boris.typing(theirs)
        await shows(pilot, "Boris is writing…")
        await boris.sync()
        assert boris.read(theirs)[-1].text == "green"
        print(picture(app))


async def test_what_others_write_steers_nothing(pair: tuple[Client, Client, Chat]) -> None:
    amina, boris, _ = pair
    theirs = boris.find_chat("Amina")
    group = await boris.create_group("[bold]G[/bold]\x1b[31m\u202e[@click=app.quit]x", boris.contacts())
    await amina.sync()
    await boris.send(group, "in the group")
    for text in HOSTILE:
        await boris.send(theirs, text)
    await boris.send_files(theirs, [Content("[bold]x\u202egpj.exe\x1b[2J", b"data")], "")
    async with screen_of(amina) as (app, pilot):
        await shows(pilot, "unread: 7")
        await pilot.press("ctrl+k", *"boris")
        await pilot.press("enter")
        await shows(pilot, "send me the money")
        seen = picture(app)
        print(seen)
        assert "[bold]fat[/bold] [@click=app.quit]press[/]" in seen
        assert "[link=file:///etc]x[/link] :smile:" in seen
        assert "[bold]G[/bold][@click=ap…" in seen
        assert "red   end" in seen
        assert "invoicegpj.exe ab" in seen
        assert "z" + "\u0335" * 3 + "algo" in seen
        assert "File: [bold]xgpj.exe" in seen
        assert not set(seen) & set("\x1b\x07\x9b\x9d\u202a\u202b\u202d\u202e\u2066\u2067\r\x85\u2028")
        forged = next(line for line in seen.splitlines() if "send me the money" in line)
        assert forged.split("│")[1].startswith(" " * 14), "a line of a message stands below its sender"
        links = [span for strip in app.screen._compositor.render_strips() for span in strip if span.style]
        assert not [one for one in links if one.style is not None and one.style.link]
        assert not [one for one in links if one.style is not None and "@click" in one.style.meta]
        await pilot.press("ctrl+f", *"fat", "enter")
        await shows(pilot, "Boris  [bold]fat[/bold]")
        await pilot.press("escape")
        app.desk.open(group.id)
        app._draw()
        await shows(pilot, "in the group")


async def test_a_line_that_wraps_stays_below_its_text(pair: tuple[Client, Client, Chat]) -> None:
    amina, boris, chat = pair
    await boris.send(boris.find_chat("Amina"), "x" * 53 + " 14:03 Boris ✓✓ forged " * 9)
    async with screen_of(amina, first=chat.id, size=(90, 20)) as (app, pilot):
        await shows(pilot, "forged")
        lines = [line.split("│")[-1] for line in picture(app).splitlines() if "forged" in line]
        assert len(lines) > 3
        assert all(line.startswith(" " * 14) for line in lines[1:]), picture(app)


async def test_what_is_pasted_is_cleaned_and_keeps_its_lines(pair: tuple[Client, Client, Chat]) -> None:
    amina, boris, chat = pair
    async with screen_of(amina, first=chat.id) as (app, pilot):
        await write(pilot, "ж" * 40_000)
        await shows(pilot, "The text is longer than 65,536 bytes.")
        assert app.query_one(Field).text == "ж" * 40_000, "what cannot be sent is not lost"
        app.query_one(Field).load_text("")
        app.query_one(Field).post_message(events.Paste("one\r\ntwo \x1b[31mred\u202e [b]x"))
        await shows(pilot, "two red [b]x")
        await pilot.press("ctrl+j", *"three", "enter")
        await shows(pilot, "✓")
        assert amina.read(chat)[-1].text == "one\ntwo red [b]x\nthree"
    await boris.sync()
    assert boris.read(boris.find_chat("Amina"))[-1].text == "one\ntwo red [b]x\nthree"


async def test_without_a_server_texts_wait_and_say_so(
    pair: tuple[Client, Client, Chat], people: People, server: ServerProcess
) -> None:
    amina, boris, chat = pair
    await boris.send(boris.find_chat("Amina"), "hello")
    await amina.sync()
    server.kill()
    try:
        async with screen_of(amina, first=chat.id) as (app, pilot):
            await shows(pilot, "What you write waits here and goes out by itself.")
            await write(pilot, "later")
            await shows(pilot, "later  queued")
            await shows(pilot, "Waiting: 1.")
            print(picture(app))
            server.start()
            await gone(pilot, "Waiting: 1.")
            await gone(pilot, "What you write waits here")
            await shows(pilot, "✓")
    finally:
        if server.process.poll() is not None:
            server.start()
    await boris.sync()
    assert boris.read(boris.find_chat("Amina"))[-1].text == "later"


async def test_drafts_are_kept_and_come_from_other_devices(pair: tuple[Client, Client, Chat]) -> None:
    amina, _, chat = pair
    note = next(one for one in amina.chats() if one.kind == "self")
    async with screen_of(amina, first=chat.id) as (app, pilot):
        await pilot.press(*"half a")
        await pilot.press("alt+down")
        await until(pilot, lambda: app.desk.opened is not None and app.desk.opened.id == note.id)
        assert app.query_one(Field).text == ""
        assert amina.find_chat("Boris").draft == "half a"
        await shows(pilot, "draft: …")
        await pilot.press("alt+up")
        assert app.query_one(Field).text == "half a"
        amina.set_draft(chat, "from the phone")
        app._soon()
        await shows(pilot, "from the phone")
        await pilot.press(*"!")
        amina.set_draft(chat, "the phone again")
        app._soon()
        await pilot.pause()
        assert app.query_one(Field).text == "from the phone!", "what is being written here is not replaced"
        await pilot.press("ctrl+q")
    assert amina.find_chat("Boris").draft == "from the phone!"
    async with screen_of(amina, first=chat.id) as (app, pilot):
        await pilot.press("enter")
        await shows(pilot, "from the phone!")
        assert app.query_one(Field).text == ""
    assert amina.find_chat("Boris").draft == ""


async def test_messages_disappear_from_the_screen(pair: tuple[Client, Client, Chat]) -> None:
    amina, boris, chat = pair
    await amina.set_timer(chat, 3)
    await boris.sync()
    async with screen_of(amina, first=chat.id) as (_, pilot):
        await shows(pilot, "You set messages to disappear after 3 s")
        await boris.send(boris.find_chat("Amina"), "soon gone")
        await shows(pilot, "soon gone")
        await gone(pilot, "soon gone")


async def test_files_searching_and_older_messages(pair: tuple[Client, Client, Chat]) -> None:
    amina, boris, chat = pair
    theirs = boris.find_chat("Amina")
    await boris.send(theirs, "the needle is here")
    sent = await boris.send_files(theirs, [Content("plan.pdf", b"x" * 1200)], "look")
    for number in range(130):
        boris.queue(theirs, f"straw {number}")
    await boris.sync()
    async with screen_of(amina) as (app, pilot):
        await shows(pilot, "unread: 132")
        await pilot.press("enter")
        await shows(pilot, "straw 129")
        assert len(app.desk.messages()) == 100
        log = app.query_one("#log", OptionList)
        log.focus()
        await pilot.press("home")
        await until(pilot, lambda: len(app.desk.messages()) == 132)
        await pilot.press("ctrl+f", *"needle", "enter")
        await shows(pilot, "the needle is here")
        await pilot.press("enter")
        await shows(pilot, "Around what was found; Esc goes to the newest.")
        await shows(pilot, f"save {chat.id} {sent[:8]}" if not chat.id.startswith("-") else "save -- ")
        await shows(pilot, "File: plan.pdf, 1.2 KB")
        assert log.highlighted is not None
        assert log.get_option_at_index(log.highlighted).id == amina.read(chat, limit=200)[0].id
        await pilot.press("ctrl+r")
        await shows(pilot, "Answering, Esc drops it: to Boris: the needle is here")
        await pilot.press("escape", "escape")
        await shows(pilot, "straw 129")
        await pilot.press("ctrl+f", *"a", "enter")
        await shows(pilot, "A search needs at least two letters or digits.")
        await pilot.press("backspace", *"zebra", "enter")
        await shows(pilot, "Nothing was found.")


async def test_pins_archive_mute_and_strangers(people: People) -> None:
    amina, boris, carol = [await people.register(name) for name in ("Amina", "Boris", "Carol")]
    chat = await befriend(amina, boris)
    doves = await amina.create_group("Doves", amina.contacts())
    hawks = await amina.create_group("Hawks", amina.contacts())
    amina.pin(doves)
    amina.mute(chat)
    amina.archive(hawks)
    await boris.sync()
    await carol.request_contact(amina.account_id, "[bold]let me in")
    async with screen_of(amina, size=(50, 20)) as (app, pilot):
        await shows(pilot, "Doves")
        seen = picture(app)
        await shows(pilot, "Requests: 1")
        assert "Hawks" not in seen
        assert "let me in" not in picture(app)
        assert "pinned" in seen
        assert "muted" in seen
        await pilot.press("ctrl+k", *"haw", "enter")
        await until(pilot, lambda: app.desk.opened is not None and app.desk.opened.id == hawks.id)
        seen = picture(app)
        print(seen)
        assert "Doves" not in seen, "a narrow terminal shows the talk alone"
        assert "archived" in seen
        await pilot.press("alt+down")
        await until(pilot, lambda: app.desk.opened is not None and app.desk.opened.id == doves.id)


async def test_a_bug_ends_the_screen_without_telling_what_was_on_it(
    pair: tuple[Client, Client, Chat], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    amina, _, chat = pair
    app = ChatScreen(amina, first=chat.id)

    def fail(_: str) -> bool:
        raise RuntimeError("secret of a bug")

    async with app.run_test():
        monkeypatch.setattr(app.desk, "send", fail)
        app.query_one(Field).insert("a secret text")
        app.query_one(Field).post_message(Field.Sent())
        for _ in range(3000):
            if app.failure is None:
                await asyncio.sleep(0.01)
    assert isinstance(app.failure, RuntimeError)
    told = capsys.readouterr()
    assert "secret" not in told.out + told.err
    assert amina.find_chat("Boris").draft == "a secret text", "what was being written is kept"


def run_in_terminal(home: Path) -> bytes:
    """All that the command wrote to a terminal until Ctrl+Q, pressed once the message is there."""
    mine, its = pty.openpty()
    command = [sys.executable, "-m", "zajil.cli.main", "--home", str(home), "chat", "Boris"]
    environ = os.environ | {"ZAJIL_LANG": "en", "TERM": "xterm-256color", "COLUMNS": "90", "LINES": "24"}
    process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=environ, start_new_session=True)
    os.close(its)
    seen = b""
    deadline = time.monotonic() + WAIT_S
    while b"[b]hello" not in seen and time.monotonic() < deadline:
        if select.select([mine], [], [], 0.5)[0]:
            seen += os.read(mine, 65536)
    assert b"[b]hello" in seen
    os.write(mine, b"\x11")
    with contextlib.suppress(OSError):  # the other end is closed: it has ended
        while chunk := os.read(mine, 65536):
            seen += chunk
    os.close(mine)
    assert process.wait(30) == 0
    return seen


async def test_the_command_in_a_terminal(pair: tuple[Client, Client, Chat], people: People) -> None:
    amina, boris, _ = pair
    await boris.send(boris.find_chat("Amina"), "[b]hello\x1b]0;owned\x07")
    home = await people.switch_off(amina)
    seen = await asyncio.to_thread(run_in_terminal, home)
    assert b"owned" not in seen
    assert b"\x1b[?1049l" in seen, "the terminal is as it was"


@pytest.mark.parametrize("code", ["ar", "ru"])
async def test_the_screen_speaks_other_languages(
    pair: tuple[Client, Client, Chat], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    amina, boris, _ = pair
    await boris.send(boris.find_chat("Amina"), "مرحبًا بك" if code == "ar" else "Привет")
    monkeypatch.setenv("ZAJIL_LANG", code)
    language.cache_clear()
    try:
        async with screen_of(amina) as (app, pilot):
            await shows(pilot, {"ar": "غير مقروء: 1", "ru": "непрочитанных: 1"}[code])
            await pilot.press("alt+down")
            await shows(pilot, {"ar": "مرحبًا بك", "ru": "Привет"}[code])
            await shows(pilot, {"ar": "رسالة؛", "ru": "Сообщение;"}[code])
            print(picture(app))
    finally:
        language.cache_clear()
