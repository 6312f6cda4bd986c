"""Usernames at the server: squatting, guessing, taking over, and what is left of an account that ended."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import Connection, select
from tests.auth.conftest import World, caller_of
from tests.server.people import Person

from zajil.auth import retention
from zajil.auth import store as accounts
from zajil.auth.context import Auth, CallingDevice
from zajil.auth.names import store, usernames
from zajil.auth.tables import account, username
from zajil.engine.limits import DEFAULTS, Limit, Limits
from zajil.protocol.errors import ZajilError

KEY, OTHER = b"k" * 32, b"o" * 32
DAY_S = 86_400


async def take(auth: Auth, caller: CallingDevice, key: bytes) -> str:
    try:
        await usernames.take_username(auth, caller, key)
    except ZajilError as reason:
        return reason.code
    return "ok"


async def holder(auth: Auth, caller: CallingDevice, key: bytes) -> bytes | None:
    try:
        return (await usernames.find_username(auth, caller, key)).account_id
    except ZajilError as reason:
        return {"gone": None}[reason.code]


async def test_a_name_is_whose_took_it_first(auth: Auth) -> None:
    one, two = await caller_of(auth, Person()), await caller_of(auth, Person())
    assert await take(auth, one, KEY) == "ok"
    assert await take(auth, one, KEY) == "ok"
    assert await take(auth, two, KEY) == "handle-taken"
    await usernames.release_username(auth, two, KEY)  # another's: the same answer, and nothing happens
    await usernames.release_username(auth, two, OTHER)
    assert await holder(auth, two, KEY) == one.account_id
    assert await holder(auth, two, OTHER) is None


async def test_of_two_who_take_a_name_at_once_one_has_it(auth: Auth) -> None:
    people = [await caller_of(auth, Person()) for _ in range(6)]
    outcomes = await asyncio.gather(*(take(auth, person, KEY) for person in people))
    assert sorted(outcomes) == ["handle-taken"] * 5 + ["ok"]


async def test_an_account_has_one_name_and_the_old_one_is_kept_from_others(auth: Auth, world: World) -> None:
    one, two = await caller_of(auth, Person()), await caller_of(auth, Person())
    await take(auth, one, KEY)
    assert await take(auth, one, OTHER) == "ok"
    assert (await holder(auth, two, KEY), await holder(auth, two, OTHER)) == (None, one.account_id)
    assert await take(auth, two, KEY) == "handle-taken"
    assert await take(auth, one, KEY) == "ok"  # its own again
    await usernames.release_username(auth, one, KEY)
    world.now += 90 * DAY_S - 1
    assert await take(auth, two, KEY) == "handle-taken"
    world.now += 1
    assert await take(auth, two, KEY) == "ok"


async def test_taking_and_leaving_keeps_few_names_from_others(auth: Auth) -> None:
    one = await caller_of(auth, Person())
    keys = [bytes([n]) * 32 for n in range(usernames.RELEASED_MAX + 2)]
    outcomes = [await take(auth, one, key) for key in keys]
    assert outcomes == ["ok"] * (usernames.RELEASED_MAX + 1) + ["quota"]
    assert await holder(auth, one, keys[-2]) == one.account_id  # a refusal changes nothing


async def test_guessing_is_limited_by_account(auth: Auth) -> None:
    one = await caller_of(auth, Person())
    limits = Limits({name: Limit(3, 900) if name == "username_lookup" else Limit(1e9, 1e-9) for name in DEFAULTS})
    limited = Auth(**{**auth.__dict__, "limits": limits})
    for _ in range(3):
        assert await holder(limited, one, os.urandom(32)) is None
    with pytest.raises(ZajilError, match="slow-down"):
        await usernames.find_username(limited, one, KEY)
    assert DEFAULTS["username_lookup"] == Limit(100, 900)


async def test_a_suspended_account_is_not_found_and_keeps_its_name(auth: Auth) -> None:
    one, two = await caller_of(auth, Person()), await caller_of(auth, Person())
    await take(auth, one, KEY)
    await auth.db.write(
        lambda db: db.execute(account.update().where(account.c.id == one.account_id).values(state=accounts.SUSPENDED))
    )
    assert await holder(auth, two, KEY) is None
    assert await take(auth, two, KEY) == "handle-taken"


async def test_of_an_account_that_ended_the_name_stays_away_from_others_and_names_nobody(
    auth: Auth, world: World
) -> None:
    one, two = await caller_of(auth, Person()), await caller_of(auth, Person())
    await take(auth, one, KEY)
    await auth.db.write(lambda db: accounts.end_account(db, one.account_id, last_seq=1, now=auth.now()))
    assert await holder(auth, two, KEY) is None
    assert await take(auth, two, KEY) == "handle-taken"
    (row,) = await auth.db.read(lambda db: db.execute(select(username)).all())
    assert row.account_id == b""
    world.now += 90 * DAY_S
    await retention.run(auth)
    assert await auth.db.read(lambda db: db.execute(select(username)).all()) == []


async def test_a_reserved_name_is_nobodys(auth: Auth) -> None:
    one = await caller_of(auth, Person())
    assert await auth.db.write(lambda db: store.reserve(db, KEY))
    assert await take(auth, one, KEY) == "handle-taken"
    assert await holder(auth, one, KEY) is None
    assert await auth.db.write(lambda db: store.end_reservation(db, KEY))
    assert not await auth.db.write(lambda db: store.end_reservation(db, KEY))
    assert await take(auth, one, KEY) == "ok"
    assert not await auth.db.write(lambda db: store.reserve(db, KEY))


async def test_a_name_that_was_kept_back_and_freed_still_waits_its_90_days(auth: Auth, world: World) -> None:
    """Else the operator could hand it, and whoever knows it, to another person the same day."""
    one, two = await caller_of(auth, Person()), await caller_of(auth, Person())
    await take(auth, one, KEY)
    await usernames.release_username(auth, one, KEY)
    assert await auth.db.write(lambda db: store.reserve(db, KEY))
    assert await auth.db.write(lambda db: store.reserve(db, KEY))
    assert await auth.db.write(lambda db: store.is_reserved(db, KEY))
    assert await auth.db.write(lambda db: store.end_reservation(db, KEY))
    assert await take(auth, two, KEY) == "handle-taken"
    world.now += 90 * DAY_S
    assert await take(auth, two, KEY) == "ok"


async def test_releasing_what_is_not_held_writes_nothing(auth: Auth, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no limit of its own, so asked without end it must not fill the writer's queue."""
    one, two = await caller_of(auth, Person()), await caller_of(auth, Person())
    await take(auth, one, KEY)
    wrote: list[object] = []
    write = auth.db.write

    def noted(work: Callable[[Connection], None]) -> Awaitable[None]:
        wrote.append(work)
        return write(work)

    monkeypatch.setattr(auth.db, "write", noted)
    for key in (KEY, OTHER):
        await usernames.release_username(auth, two, key)
    assert not wrote
    for _ in range(3):
        await usernames.release_username(auth, one, KEY)
    assert len(wrote) == 1
