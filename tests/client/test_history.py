"""History from device to device: what a new device shows of the time before it, and archives that are not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from tests.client.people import register
from tests.client.serving import Served

from zajil.client import Client
from zajil.client.files import fetching
from zajil.client.filing import Tell, say_nothing
from zajil.client.history import handing, packing
from zajil.client.state import deadlines, rows
from zajil.protocol.errors import ZajilError
from zajil.protocol.history.archive import Archive, ArchivedChat, ArchivedMessage

pytestmark = pytest.mark.slow


async def link(old: Client, home: Path, url: str, *, history: bool = True, tell: Tell = say_nothing) -> Client:
    """A new device of the account; the old one sends what it announced meanwhile."""
    codes: asyncio.Queue[str] = asyncio.Queue()
    waiting = asyncio.create_task(Client.link_new(home, server=url, on_code=codes.put_nowait, on_history=tell))
    device = await old.link_approve(await codes.get(), history=history)
    assert device.history == history
    await old.sync()
    return await waiting


async def announced(old: Client, plain: bytes | None = None) -> rows.FileRow:
    """A history that is at the server, or what somebody puts there instead."""
    core, uploads, home = old._core, old._device.runner.uploads, old._device.home
    if plain is None:
        (made,) = await handing.announce(core, uploads, home)
    else:
        (made,) = await handing.announce_parts(core, uploads, home, handing.seal_parts(home, [plain]))
    await old.sync()
    return rows.FileRow(made.attachment_id, "", "application/cbor", made.size, made.key, made.nonce, made.sha256)


def wait_for(new: Client, part: rows.FileRow, *, since: int | None = None) -> None:
    with new._core.step("await") as step:
        step.tx.put("meta", b"history", rows.encode_row(handing.Awaited((part,), since or step.now)))


def texts(client: Client, title: str = "") -> list[str]:
    chats = [chat for chat in client.chats() if title in ("", chat.title)]
    return [message.text for chat in chats for message in client.read(chat) if message.text]


@asynccontextmanager
async def amal_with_history(homes: Path, url: str) -> AsyncIterator[Client]:
    async with await register(homes, "Amal", url) as amal:
        notes = amal.chats()[0]
        for n in range(3):
            await amal.send(notes, f"note {n}")
        ids = [message.id for message in amal.read(notes)]
        await amal.edit(notes, ids[0], "note nought")
        await amal.delete(notes, ids[1])
        await amal.react(notes, ids[2], "👍")
        await amal.sync()
        yield amal


async def test_a_new_device_shows_texts_edits_deletions_and_reactions(server: Served, homes: Path) -> None:
    told: list[tuple[int, int]] = []
    async with amal_with_history(homes, server.url) as amal:
        new = await link(amal, homes / "new", server.url, tell=lambda *here: told.append(here))
        async with new:
            assert not new.awaits_history()
            assert told[-1][0] == told[-1][1] > 0
            shown = new.read(new.chats()[0])
            assert [message.text for message in shown] == ["note nought", "", "note 2"]
            assert shown == amal.read(amal.chats()[0])
            assert not await new.receive_history(), "once is enough"


async def test_what_comes_by_both_ways_is_shown_once_and_behind_what_was_before(server: Served, homes: Path) -> None:
    async with (
        amal_with_history(homes, server.url) as amal,
        await link(amal, homes / "new", server.url, history=False) as new,
    ):
        assert not new.awaits_history()
        await amal.send(amal.chats()[0], "since")
        await new.sync()
        assert texts(new) == ["since"]
        wait_for(new, await announced(amal))
        assert await new.receive_history()
        assert texts(new) == ["note nought", "note 2", "since"]
        with amal._core.look() as step:
            again = [Archive.parse(part) for part in packing.pack(step)]
        with new._core.step("again") as step:
            assert packing.unpack(step, again) == 0
        assert texts(new) == ["note nought", "note 2", "since"]
        await new.edit(new.chats()[0], new.read(new.chats()[0])[0].id, "from the new device")
        await amal.sync()
        assert texts(amal)[0] == "from the new device"


async def test_a_long_chat_goes_over_some_rows_at_a_time_and_what_was_read_stays_read(
    server: Served, homes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "MESSAGES_A_PIECE", 2)
    async with amal_with_history(homes, server.url) as amal:
        notes = amal.chats()[0]
        for n in range(3, 5):
            await amal.send(notes, f"note {n}")
        with amal._core.step("read") as step:
            chat = rows.all_chats(step.tx)[0]
            numbers = [n for n, _ in step.tx.rows("message", chat.gid)]
            step.change_chat(chat.gid, read_n=numbers[2])
        with amal._core.look() as step:
            pieces = [piece for part in packing.pack(step) for piece in Archive.parse(part).chats]
        assert [len(piece.messages) for piece in pieces] == [2, 2, 1]
        read = [piece.messages[1].message_id for piece in pieces[:1]] + [pieces[1].messages[0].message_id, b""]
        assert [piece.read_to for piece in pieces] == read
        async with await link(amal, homes / "new", server.url) as new:
            assert texts(new) == texts(amal)
            with new._core.look() as step:
                (chat,) = rows.all_chats(step.tx)
                shown = [n for n, _ in step.tx.rows("message", chat.gid)]
                assert chat.read_n == shown[2]


@pytest.mark.parametrize("forged", ["hash", "key", "size", "account", "bytes"])
async def test_an_archive_that_is_not_ours_is_refused_and_the_device_works(
    server: Served, homes: Path, forged: str
) -> None:
    async with (
        amal_with_history(homes, server.url) as amal,
        await link(amal, homes / "new", server.url, history=False) as new,
    ):
        plain = {"bytes": b"x", "account": _others(amal)}.get(forged)
        part = await announced(amal, plain)
        if forged == "hash":
            part = msgspec.structs.replace(part, sha256=bytes(32))
        elif forged == "key":
            part = msgspec.structs.replace(part, key=bytes(32))
        elif forged == "size":
            part = msgspec.structs.replace(part, size=part.size // 2)
        wait_for(new, part)
        with pytest.raises(ZajilError):
            await new.receive_history(wait_s=2)
        assert not new.awaits_history(), "it is not asked for again"
        assert texts(new) == []
        await amal.send(amal.chats()[0], "since")
        await new.sync()
        assert texts(new) == ["since"]


def _others(amal: Client) -> bytes:
    with amal._core.look() as step:
        (part,) = [Archive.parse(data) for data in packing.pack(step)]
    return Archive(bytes(16), part.chats).encode()


async def test_one_that_never_comes_whole_is_waited_for_and_then_left(server: Served, homes: Path) -> None:
    async with (
        amal_with_history(homes, server.url) as amal,
        await link(amal, homes / "new", server.url, history=False) as new,
    ):
        part = msgspec.structs.replace(await announced(amal), attachment_id=bytes(16))
        wait_for(new, part)
        assert not await new.receive_history()
        assert new.awaits_history(), "it may still be on its way"
        wait_for(new, part, since=new._core.now() - 2 * 86_400_000)
        with pytest.raises(ZajilError, match="gone"):
            await new.receive_history()
        assert not new.awaits_history()


async def test_while_another_process_fetches_it_nothing_is_forgotten(server: Served, homes: Path) -> None:
    async with (
        amal_with_history(homes, server.url) as amal,
        await link(amal, homes / "new", server.url, history=False) as new,
    ):
        part = await announced(amal)
        wait_for(new, part)
        folder = new._device.home / fetching.FOLDER
        with fetching.held_open(handing._place(folder, part.file())):
            with pytest.raises(ZajilError, match="home-busy"):
                await new.receive_history()
            await new.sync()
        assert new.awaits_history()
        assert await new.receive_history()
        assert texts(new) == ["note nought", "note 2"]


async def test_what_stands_before_what_was_read_here_begins_to_disappear(server: Served, homes: Path) -> None:
    """Who read on before the history came sees the archived ones as read: none of them may stay for ever."""
    async with (
        amal_with_history(homes, server.url) as amal,
        await link(amal, homes / "new", server.url, history=False) as new,
    ):
        await amal.send(amal.chats()[0], "since")
        await new.sync()
        with new._core.step("read") as step:
            (gid, last) = next((chat.gid, step.tx.rows("message", chat.gid)[-1][0]) for chat in rows.all_chats(step.tx))
            step.change_chat(gid, read_n=last)
            theirs = ArchivedMessage(bytes(32), bytes(16), 1, step.now, step.now, "received", "an hour", expire_s=3600)
            packing.unpack(step, [Archive(step.profile.account_id, (ArchivedChat(gid, b"", (theirs,)),))])
            shown = [rows.parse_row(data, rows.StoredMessage) for _, data in step.tx.rows("message", gid)]
            assert [(one.text, one.expires_at) for one in shown] == [("an hour", step.now + 3_600_000), ("since", 0)]
            assert [one.at for one in deadlines.all_deadlines(step.tx)] == [step.now + 3_600_000]


async def test_no_part_outgrows_what_its_reader_takes(homes: Path, server: Served) -> None:
    """Texts of the longest size fill pieces of a chat faster than their number says."""
    async with await register(homes, "Amal", server.url) as amal:
        with amal._core.step("many") as step:
            (gid,) = [chat.gid for chat in rows.all_chats(step.tx)]
            for n in range(450):
                text, identity = "z" * 64_000 if n < 250 else str(n), n.to_bytes(32, "big")
                row = rows.StoredMessage(
                    identity, gid, step.profile.account_id, 1, n, "sent", text, arrived=n, kept=b"x" * 65_537 * (n == 7)
                )
                step.tx.append("message", gid, identity, rows.encode_row(row))
            parts = list(packing.pack(step))
        assert len(parts) == 2
        assert max(len(part) for part in parts) < 13 * 1024 * 1024
        found = [one.sent for part in parts for chat in Archive.parse(part).chats for one in chat.messages]
        assert found == [n for n in range(450) if n != 7]
