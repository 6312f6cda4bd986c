"""The head of a queue: in the order of all its items, and without a look at them."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, case, event, insert, select
from sqlalchemy.engine import Connection as Opened
from tests.moderation.people.desk import Desk

from zajil.moderation.store import claims
from zajil.moderation.store.claims import Filter
from zajil.moderation.store.heads import place_of
from zajil.moderation.store.queue import Item
from zajil.moderation.store.tables import item

NOW = 1_790_000_000
ME, OTHER = b"m" * 16, b"o" * 16


def make(draw: random.Random, number: int, **more: Any) -> Item:  # Any: a table of fields
    fields = {
        "id": draw.randbytes(16),
        "queue": draw.choice(("main", "main", "main", "escalate")),
        "target_kind": "post",
        "target": number.to_bytes(16, "big"),
        "version": 1,
        "category": draw.choice(("spam", "fraud", "any", "")),
        "lang": draw.choice(("ar", "en", "ru")),
        "source": draw.choice(("score",) * 12 + ("notice", "edit")),
        "harm": draw.choice((0, 300, 301, 700, draw.randrange(1001))),
        "reach": draw.choice((0, 1, 4, 70, 2**30, draw.randrange(2**31))),
        "state": draw.choice(("open",) * 9 + ("done",)),
        "claimed_by": draw.choice((None,) * 8 + (ME, OTHER)),
        "claimed_until": NOW + draw.choice((-1, 1)),
        # Many of one age, and some of a clock that is ahead.
        "opened_at": NOW - draw.choice((0, -5000, 3600, 7200, draw.randrange(10**6))),
    }
    return Item(**{**fields, **more})


def put(db: Connection, items: list[Item]) -> None:
    db.execute(insert(item), [msgspec.structs.asdict(each) for each in items])


def all_in_order(db: Connection, *conditions: Any) -> list[bytes]:  # Any: SQLAlchemy's own
    """As the order is written down, by a look at every item: what `find_urgent` is held against."""
    steps = [(item.c.reach < 2**power, power + 1) for power in range(0, 31, 2)]
    hours = case((item.c.opened_at < NOW, (NOW - item.c.opened_at) // 3600), else_=0) + 1
    urgency = (item.c.harm + 1) * case(*steps, else_=32) * hours
    edited = case((item.c.source == "edit", 0), else_=1)
    found = select(item.c.id).where(item.c.state == "open", *conditions)
    return list(db.execute(found.order_by(edited, urgency.desc(), item.c.opened_at, item.c.id)).scalars())


@pytest.mark.parametrize("seed", range(4))
async def test_the_head_is_that_of_all_items_in_their_order(desk: Desk, seed: int) -> None:
    draw = random.Random(seed)  # a test that can be repeated
    items = [make(draw, number) for number in range((0, 30, 300, 900)[seed])]

    def check(db: Connection) -> None:
        if items:
            put(db, items)
        for wanted in (Filter("main"), Filter("main", ("spam",)), Filter("escalate", (), ("ar", "ru"), "human")):
            matching = claims._matching(wanted)
            right = all_in_order(db, *matching)
            for n in (1, 2, 20, 1000):
                assert [each.id for each in claims.list_items(db, wanted, now=NOW, n=n)] == right[:n], (wanted, n)
        chosen = [each for each in items if each.queue == "main" and each.state == "open"]
        by_place = sorted(chosen, key=lambda each: place_of(each, now=NOW))
        assert [each.id for each in by_place] == all_in_order(db, item.c.queue == "main")
        mine = all_in_order(db, item.c.queue == "main", item.c.claimed_by == ME)
        over = (item.c.claimed_until <= NOW) & (item.c.claimed_by != ME)
        free = all_in_order(db, item.c.queue == "main", item.c.claimed_by.is_(None) | over)
        expected = [*mine, *free]
        passed_over = expected[1:3]
        expected = [each for each in expected if each not in passed_over][:20]
        taken = claims.claim(db, Filter("main"), ME, now=NOW, until=NOW + 600, n=20, but=passed_over)
        assert [each.id for each in taken] == expected

    desk.server._db.write_sync(check)


class Work:
    """What SQLite does in the statements of one call: its plans, and the instructions of its machine."""

    def __init__(self, db: Connection) -> None:
        self._db, self._raw = db, self._open(db)

    @staticmethod
    def _open(db: Connection) -> sqlite3.Connection:
        raw = db.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        return raw

    def plans(self, call: Callable[[], object]) -> list[str]:
        asked: list[tuple[str, Any]] = []

        def note(_db: Opened, _cursor: object, statement: str, parameters: Any, *_rest: object) -> None:
            asked.append((statement, parameters))

        event.listen(self._db, "before_cursor_execute", note)
        try:
            call()
        finally:
            event.remove(self._db, "before_cursor_execute", note)
        rows = [self._raw.execute(f"EXPLAIN QUERY PLAN {text}", values).fetchall() for text, values in asked]
        return [str(row[3]) for found in rows for row in found]

    def instructions(self, call: Callable[[], object]) -> int:
        done = 0

        def step() -> int:
            nonlocal done
            done += 1
            return 0

        self._raw.set_progress_handler(step, 1)
        try:
            call()
        finally:
            self._raw.set_progress_handler(None, 0)
        return done


@pytest.mark.sqlite
async def test_no_more_is_looked_at_where_more_waits(desk: Desk) -> None:
    draw = random.Random(7)  # a test that can be repeated

    def check(db: Connection) -> None:
        work, done = Work(db), []
        wanted = Filter("main")

        def look() -> None:
            assert len(claims.list_items(db, wanted, now=NOW, n=1)) == 1
            assert len(claims.claim(db, wanted, ME, now=NOW, until=NOW + 600, n=1)) == 1
            assert claims.release_all(db, ME) == 1

        there = 0
        for size in (200, 800, 3200):
            fields = {"queue": "main", "state": "open", "source": "score", "claimed_by": None, "claimed_until": 0}
            fresh = [make(draw, there + n, **fields) for n in range(size - there)]
            there = size
            put(db, [_staked(each, n) for n, each in enumerate(fresh)])
            look()
            done.append(work.instructions(look))
        # Sixteen times the items: deeper trees, and nothing else.
        assert done[2] < 1.5 * done[0], done
        plans = work.plans(look)
        assert len([plan for plan in plans if "mod_item_stake (queue=? AND state=? AND <expr>" in plan]) == 6
        assert any("mod_item_claimed (claimed_by=? AND state=? AND queue=?)" in plan for plan in plans)
        assert not [plan for plan in plans if "TEMP B-TREE" in plan or plan == "SCAN mod_item"], plans

    desk.server._db.write_sync(check)


def _staked(each: Item, number: int) -> Item:
    return msgspec.structs.replace(each, harm=100 * (number % 8), reach=(0, 50, 5000)[number % 3])
