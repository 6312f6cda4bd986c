"""Finding messages with the SDK: over a real server, then over a store that is large."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.client.people import befriend, register
from tests.client.serving import Served

from zajil.client import Client, Content, Hit
from zajil.client.state import rows
from zajil.protocol.errors import Malformed, ZajilError
from zajil.protocol.ids import parse_b64

pytestmark = pytest.mark.slow


async def found(client: Client, query: str, **more: object) -> list[str]:
    return [hit.message.text for hit in await hits(client, query, **more)]


def read_all(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def hits(client: Client, query: str, **more: object) -> list[Hit]:
    return [hit async for hit in client.search(query, **more)]  # type: ignore[arg-type]  # handed on as they are


async def test_words_are_found_in_any_spelling_by_their_newest_text(server: Served, homes: Path) -> None:
    async with (
        await register(homes, "Amal", server.url) as amal,
        await register(homes, "Boris", server.url) as boris,
    ):
        await befriend(amal, boris)
        group = await amal.create_group("Doves", [amal.find_contact("Boris")])
        dm = amal.find_chat("Boris")
        await amal.send(dm, "قال أحمَد للناس")
        await amal.send(group, "Новогодняя Ёлка")
        edited = await amal.send(dm, "a café")
        gone = await amal.send(dm, "the other café")
        await amal.send(group, "hello @Boris, café?", mentions=amal.find_mentions(group, "hello @Boris, café?"))
        await amal.send_files(dm, [Content("Отчёт за март.pdf", b"x")], "see here")
        await amal.edit(dm, edited, "a tea")
        await amal.delete(dm, gone)
        await boris.sync()

        for client in (amal, boris):
            assert await found(client, "احمد") == ["قال أحمَد للناس"]
            assert await found(client, "елка") == ["Новогодняя Ёлка"]
            assert await found(client, "CAFE") == ["hello @Boris, café?"]
            assert await found(client, "tea") == ["a tea"]
            assert await found(client, "отчет see") == ["see here"]
            assert await found(client, "café secret") == []
        [hit] = await hits(boris, "boris cafe")
        assert [hit.message.text[mark.start : mark.end] for mark in hit.marks] == ["Boris", "café"]
        assert (hit.chat.title, hit.message.sender) == ("Doves", "Amal")
        [hit] = await hits(boris, "отчет")
        assert hit.marks == ()
        assert [[tuple(mark) for mark in marks] for marks in hit.name_marks] == [[(0, 5)]]

        assert await found(amal, "елка", chat=dm) == []
        assert await found(amal, "елка", chat=group) == ["Новогодняя Ёлка"]
        assert await found(boris, "елка", before=hit.message.id) == ["Новогодняя Ёлка"]
        assert await found(boris, "отчет", before=hit.message.id) == []
        with pytest.raises(ZajilError, match="gone"):
            await found(boris, "елка", before=gone[:-1])
        for query in ("", "ё", "!?"):
            with pytest.raises(Malformed):
                await found(amal, query)


async def test_a_large_store_is_searched_page_by_page_and_messages_around_one_are_read(
    server: Served, homes: Path
) -> None:
    async with await register(homes, "Amal", server.url) as amal:
        chat = amal.find_chat("Note to self")
        core = amal._device.core
        with core.step("fill") as step:
            for n in range(1002):  # the last one is over, and was not swept yet
                name = n.to_bytes(32, "big")
                row = rows.StoredMessage(
                    name, parse_b64(chat.id), step.profile.account_id, 1, n * 1000, "sent", f"needle {n}"
                )
                row = rows.changed(row, expires_at=1 if n == 1001 else 0)
                step.tx.append("message", row.gid, name, rows.encode_row(row))
        everything = await hits(amal, "needle", limit=5000)
        assert [hit.message.text for hit in everything] == [f"needle {n}" for n in range(1000, -1, -1)]
        assert await found(amal, "needle", limit=3) == ["needle 1000", "needle 999", "needle 998"]
        middle = everything[500].message
        assert await found(amal, "needle", limit=2, before=middle.id) == ["needle 499", "needle 498"]
        around = [message.text for message in amal.read_around(chat, middle.id, limit=5)]
        assert around == [f"needle {n}" for n in range(498, 503)]
        newest = [message.text for message in amal.read_around(chat, everything[0].message.id, limit=5)]
        assert newest == ["needle 998", "needle 999", "needle 1000", "needle 1001"]
        with pytest.raises(ZajilError, match="gone"):
            amal.read_around(chat, "x" * 43)


async def test_no_word_lies_on_the_disk_in_clear(server: Served, homes: Path) -> None:
    async with await register(homes, "Amal", server.url) as amal:
        await amal.send(amal.find_chat("Note to self"), "unmistakable ёлка")
        assert await found(amal, "unmistakable")
        await found(amal, "inconspicuous")
    kept = read_all(homes)
    for word in ("unmistakable", "inconspicuous", "ёлка", "елка"):
        assert word.encode() not in kept
