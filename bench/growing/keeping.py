"""Growth of what one operation costs while more is kept around it: rows of the server's tables, and of a client's.

What is kept is multiplied in SQL from one true row; the operation is the product's own, in this process, over SQLite.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from bench.growing.family import Costs, Family, Row, cpu_ms
from bench.history_memory import fill
from bench.rounds import Turn
from sqlalchemy import Connection, Table
from tests.client.people import register
from tests.client.serving import serve
from tests.delivery.world import Group, Server
from tests.moderation.pipeline.square import BENIGN, FRAUD, Clock, Square

from zajil.auth import store as auth_store
from zajil.auth import tables as auth_tables
from zajil.channels.store import posts as post_store
from zajil.channels.store import tables as channel_tables
from zajil.engine.sql import interface as op
from zajil.engine.sql import schema as mailbox_tables
from zajil.moderation.store import claims
from zajil.moderation.store import tables as moderation_tables
from zajil.protocol.ids import encode_b64, parse_b64
from zajil.server.schema import open_database

TIMES: Final = 50
BEST_OF: Final = 5
PAGE: Final = 51
BOXES = Row("mailboxes there", "c", 10_000, "mailboxes of others; a message to a group of two, read and acknowledged")
WAITING = Row("messages elsewhere", "c", 10_000, "messages that wait in a mailbox of others; the same")
TOKENS = Row("accounts and tokens", "c", 10_000, "accounts with a device and a login token; one token looked up")
SPENT = Row("spent marks", "c", 10_000, "marks of logins and proofs of work; one more")
HISTORY = Row("page of a channel", "c", 10_000, "posts of the channel; 50 from its middle")
QUEUE = Row("head of a queue", "c", 10_000, "open items of a reviewer's queue; the most urgent one")
CHAT = Row("chat opened", "c", 5000, "messages of the chat; the newest 50 read")
SENT = Row("message written", "c", 5000, "messages of the chat; one more, sent")
STORED: Final = (BOXES, WAITING, TOKENS, SPENT, HISTORY, QUEUE)
CLIENT: Final = (CHAT, SENT)
ROWS: Final = (*STORED, *CLIENT)
_NAME: Final = "CAST(printf('%016d', n) AS BLOB)"
"""16 bytes that name the row's number."""


def multiply(db: Connection, table: Table, start: int, end: int, **changes: str) -> None:
    """Insert copies of the table's first row numbered start to end - 1. changes: by column, SQL in which n is that."""
    columns = [column.name for column in table.columns]
    values = ", ".join(changes.get(name, f'"{name}"') for name in columns)
    named = ", ".join(f'"{name}"' for name in columns)
    db.exec_driver_sql(
        f"WITH RECURSIVE numbers (n) AS (SELECT {start} UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {end}) "  # noqa: S608
        f'INSERT INTO "{table.name}" ({named}) SELECT {values} FROM numbers, (SELECT * FROM "{table.name}" LIMIT 1)'
    )


def measure(sizes: list[int], grow: Callable[[int, int], None], act: Callable[[], object]) -> list[float]:
    """CPU of the operation, ms, at each size. grow: from so many to so many."""
    costs, there = [], 0
    for size in sizes:
        grow(there, size)
        there = size
        act()
        costs.append(cpu_ms(act, times=TIMES, best_of=BEST_OF))
    return costs


@contextmanager
def _two(folder: Path) -> Iterator[tuple[Server, Callable[[], None]]]:
    """A server of mailboxes, and what passes a message on between two of them."""
    server = Server(folder)
    try:
        one, two = server.mailbox(), server.mailbox()
        group = Group(server, one, two)
        at = dict.fromkeys((one, two), 0)

        def pass_on() -> None:
            server.send(group.send_frame())
            for box, seq in at.items():
                last = server.queue(box, seq)[-1].seq
                server.do(op.Ack(mailbox_id=box, upto=last))
                at[box] = last

        yield server, pass_on
    finally:
        server.close()


def measure_mailboxes(_: Turn, folder: Path, scale: float) -> Costs:
    """Mailboxes and messages of others."""
    costs: Costs = {}
    for row in (BOXES, WAITING):
        place = folder / row.name
        place.mkdir()
        with _two(place) as (server, pass_on):

            def grow(start: int, end: int, server: Server = server, row: Row = row) -> None:
                def write(db: Connection) -> None:
                    if row is BOXES:
                        multiply(db, mailbox_tables.mailbox, start, end, mailbox_id=_NAME)
                        return
                    multiply(db, mailbox_tables.message, start, end, id=_NAME)
                    multiply(db, mailbox_tables.mailbox_item, start, end, seq="n + 1000", message_id=_NAME)

                server.database.write_sync(write)

            if row is WAITING:
                other, third = server.mailbox(), server.mailbox()
                # What is multiplied: one message that nobody fetches, in a mailbox that comes first.
                server.send(Group(server, other, third).send_frame(b"x" * 256))
            costs[row.name] = measure(row.sizes(scale), grow, pass_on)
    return costs


def measure_accounts(_: Turn, folder: Path, scale: float) -> Costs:
    """Accounts, their tokens, and what may be used once."""
    database, now, loop = open_database(folder), int(time.time()), asyncio.new_event_loop()
    digest = b"\xff" * 32
    try:

        def seed(db: Connection) -> None:
            # True rows are a registration's; what is looked up is of the first one.
            values = {"state": 0, "created_day": 20_000, "last_device": 1, "invites": 0, "personas": 0}
            db.execute(auth_tables.account.insert().values(id=b"\xff" * 16, **values))
            device = {"sig_pub": b"k" * 32, "mailbox_id": b"m" * 16, "last_day": 20_000, "revoked": 0}
            db.execute(auth_tables.device.insert().values(account_id=b"\xff" * 16, device_id=1, **device))
            auth_store.insert_token(db, digest, b"\xff" * 16, 1, expires=now + 3600)  # type: ignore[arg-type]  # ids
            auth_store.spend(db, b"\xff" * 32, expires=now + 3600)

        database.write_sync(seed)

        def grow(start: int, end: int) -> None:
            def write(db: Connection) -> None:
                multiply(db, auth_tables.account, start, end, id=_NAME)
                multiply(db, auth_tables.device, start, end, account_id=_NAME, mailbox_id=_NAME)
                multiply(db, auth_tables.session_token, start, end, hash=_NAME, account_id=_NAME)

            database.write_sync(write)

        def spend(start: int, end: int) -> None:
            database.write_sync(lambda db: multiply(db, auth_tables.spent, start, end, mark=_NAME))

        def once(db: Connection) -> bool:
            return auth_store.spend(db, os.urandom(32), expires=now + 3600)

        return {
            TOKENS.name: measure(
                TOKENS.sizes(scale),
                grow,
                lambda: loop.run_until_complete(auth_store.peek_token(database, digest, now=now)),
            ),
            SPENT.name: measure(SPENT.sizes(scale), spend, lambda: database.write_sync(once)),
        }
    finally:
        loop.close()
        database.close()


async def _open_square(folder: Path) -> tuple[Square, str, str]:
    """A public space with one visible post and one item for people; its post's channel, and the item's queue."""
    square = Square(folder, Clock())
    await square.start()
    author = square.persona()
    channel = square.channel(author)
    await square.post(author, channel, BENIGN)
    await square.crowd([FRAUD])
    await square.work()
    return square, channel, str(square.rows("SELECT queue FROM mod_item LIMIT 1")[0][0])


def measure_public(turn: Turn, folder: Path, scale: float) -> Costs:
    """Posts of a channel and items of a queue."""
    square, channel, queue = asyncio.run(_open_square(folder))
    now, channel_id = int(square.clock()), parse_b64(channel)
    wanted = claims.Filter(queue)  # type: ignore[arg-type]  # as the database has it
    there = 0
    try:

        def post(start: int, end: int) -> None:
            def write(db: Connection) -> None:
                nonlocal there
                there = end
                multiply(db, channel_tables.post, start, end, seq="n + 1000", id=_NAME)
                multiply(db, channel_tables.version, start, end, post_id=_NAME, seq="n + 1000")

            square.db.write_sync(write)

        def put(start: int, end: int) -> None:
            square.db.write_sync(lambda db: multiply(db, moderation_tables.item, start, end, id=_NAME, target=_NAME))

        def page(db: Connection) -> None:
            found = post_store.list_posts(db, channel_id, None, before=1000 + there // 2, n=PAGE)
            turn.expect("posts", len(found), min(PAGE, there // 2 + 1))

        def head(db: Connection) -> None:
            turn.expect("items", len(claims.list_items(db, wanted, now=now, n=1)), 1)

        return {
            HISTORY.name: measure(HISTORY.sizes(scale), post, lambda: square.db.read_sync(page)),
            QUEUE.name: measure(QUEUE.sizes(scale), put, lambda: square.db.read_sync(head)),
        }
    finally:
        asyncio.run(square.close())


async def measure_client(folder: Path, scale: float) -> Costs:
    """A chat of one client of a real server, which is another process."""
    costs: Costs = {CHAT.name: [], SENT.name: []}
    with serve(folder / "server", forked=False) as server:
        async with await register(folder, "Amal", server.url) as amal:
            core, there = amal._core, 0  # noqa: SLF001  # below what an application sees
            for size in CHAT.sizes(scale):
                gid = fill(core, size - there)
                there = size
                chat = amal.find_chat(encode_b64(gid))
                costs[CHAT.name].append(cpu_ms(partial(amal.read, chat), times=10, best_of=BEST_OF))
                least = float("inf")
                for _ in range(BEST_OF):
                    began = time.process_time()
                    await amal.send(chat, "one more")
                    least = min(least, time.process_time() - began)
                costs[SENT.name].append(least * 1000)
    return costs


def play_stored(turn: Turn, scale: float) -> Costs:
    """Rows of the server's tables."""
    costs: Costs = {}
    with tempfile.TemporaryDirectory() as name:
        for part in (measure_mailboxes, measure_accounts, measure_public):
            folder = Path(name) / part.__name__
            folder.mkdir()
            costs |= part(turn, folder, scale)
    turn.checks["rows"] = len(costs)
    return costs


def play_client(turn: Turn, scale: float) -> Costs:
    """Rows of a client's store."""
    with tempfile.TemporaryDirectory() as folder:
        costs = asyncio.run(measure_client(Path(folder), scale))
    turn.checks["rows"] = len(costs)
    return costs


def families(scale: float) -> list[Family]:
    """See the module."""
    return [Family(STORED, play_stored, scale), Family(CLIENT, play_client, scale)]
