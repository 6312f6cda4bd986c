"""Contact tokens and the link mailbox: who is admitted, how often, how long, and what strangers can tell."""

from __future__ import annotations

import asyncio
import dataclasses
import os

import pytest
from sqlalchemy import select
from tests.auth.conftest import World, caller_of
from tests.server.people import Person

from zajil.auth import contacts, linking, retention, store
from zajil.auth.arrivals import Arrivals
from zajil.auth.context import Auth, CallingDevice
from zajil.auth.secrets import digest
from zajil.auth.tables import contact_token, link
from zajil.engine.bus import MemoryBus
from zajil.protocol.errors import Limited, Refused, ZajilError
from zajil.protocol.ids import AccountId
from zajil.protocol.limits import LINK_ANSWER_BYTES, LINK_OFFER_BYTES


async def put(
    auth: Auth, caller: CallingDevice, token: bytes, kind: str = "invite", uses: int = 2, expires: int | None = None
) -> str:
    until = auth.now() + 1000 if expires is None else expires
    try:
        await contacts.put_contact_token(auth, caller, token_hash=digest(token), kind=kind, uses=uses, expires=until)
    except ZajilError as reason:
        return reason.code
    return "ok"


async def admitted(auth: Auth, token: bytes, account_id: AccountId) -> bool:
    try:
        await contacts.check_contact_token(auth, token, account_id)
    except Refused as reason:
        return {"not-allowed": False}[reason.code]
    return True


async def spend(auth: Auth, token: bytes, person: Person) -> None:
    await auth.db.write(lambda db: contacts.spend_contact_token(auth, db, token, person.account_id))


async def test_an_invite_token_admits_as_often_as_it_has_uses_and_looking_is_free(auth: Auth) -> None:
    person, token = Person(), os.urandom(32)
    caller = await caller_of(auth, person)
    assert await put(auth, caller, token) == "ok"
    for _ in range(2):
        assert await admitted(auth, token, person.account_id)
        assert await admitted(auth, token, person.account_id)
        await spend(auth, token, person)
    assert not await admitted(auth, token, person.account_id)
    with pytest.raises(ZajilError, match="not-allowed"):
        await spend(auth, token, person)


async def test_a_token_of_one_account_opens_no_other_and_strangers_learn_nothing(auth: Auth) -> None:
    one, two, token = Person(), Person(), os.urandom(32)
    first, second = await caller_of(auth, one), await caller_of(auth, two)
    await put(auth, first, token)
    assert not await admitted(auth, token, two.account_id)
    assert not await admitted(auth, token, Person().account_id)
    assert not await admitted(auth, os.urandom(32), one.account_id)
    await contacts.delete_contact_token(auth, second, token_hash=digest(token))
    assert await admitted(auth, token, one.account_id)
    await contacts.delete_contact_token(auth, first, token_hash=digest(token))
    assert not await admitted(auth, token, one.account_id)


async def test_a_link_is_brought_back_by_its_maker_alone_and_with_no_use_that_was_spent(
    auth: Auth, world: World
) -> None:
    """As devices do for a server that came back from a backup; one that lost nothing is told the same by each."""
    one, two = Person(), Person()
    first, second = await caller_of(auth, one), await caller_of(auth, two)
    spent, revoked, fresh, ended = [os.urandom(32) for _ in range(4)]
    for token in (spent, revoked, fresh):
        assert await put(auth, first, token, uses=2) == "ok"
    for _ in range(2):
        await spend(auth, spent, one)
    await spend(auth, fresh, one)
    await contacts.delete_contact_token(auth, first, token_hash=digest(revoked))
    # Also where it was the other way round at a server that knew nothing of it.
    assert await put(auth, first, ended, uses=0) == "ok"
    await retention.run(auth)
    for token in (spent, revoked, fresh, ended):
        assert await put(auth, second, token, uses=100) == "ok"
        assert await put(auth, first, token, uses=2, expires=auth.now() + 2000) == "ok"
    assert [await admitted(auth, token, one.account_id) for token in (spent, revoked, fresh, ended)] == [
        *(False, False, True, False)
    ]
    await spend(auth, fresh, one)
    assert not await admitted(auth, fresh, one.account_id)
    assert await admitted(auth, fresh, two.account_id)
    world.now += 2000
    await retention.run(auth)
    assert auth.db.read_sync(lambda db: db.execute(select(contact_token.c.hash)).all()) == []


@pytest.mark.parametrize("kind", ["invite", "profile"])
async def test_who_was_given_a_token_and_puts_it_first_keeps_its_maker_from_nothing(
    auth: Auth, world: World, kind: str
) -> None:
    """As at a server that came back from a backup, to which its maker comes later."""
    maker, guest, token = Person(), Person(), os.urandom(32)
    first, second = await caller_of(auth, maker), await caller_of(auth, guest)
    numbers = (0, 0) if kind == "profile" else (3, auth.now() + 1000)
    assert await put(auth, second, token, kind, *numbers) == "ok"
    assert not await admitted(auth, token, maker.account_id)
    assert await put(auth, first, token, kind, *numbers) == "ok"
    assert await admitted(auth, token, maker.account_id), "the link names its maker, and leads there"
    # Nor does what either does to their own one touch the other's.
    for _ in range(3):
        await spend(auth, token, guest)
    await contacts.delete_contact_token(auth, second, token_hash=digest(token))
    assert not await admitted(auth, token, guest.account_id)
    assert await put(auth, second, token, "invite", 1, auth.now() + 10) == "ok"
    world.now += 20
    await retention.run(auth)
    assert await admitted(auth, token, maker.account_id)


async def links_kept(auth: Auth, account_id: AccountId) -> list[bytes]:
    columns = contact_token.c
    mine = select(columns.hash).where(columns.account_id == account_id, columns.kind == store.INVITE)
    return list(await auth.db.read(lambda db: db.execute(mine).scalars().all()))


async def test_an_account_keeps_so_many_links_and_those_that_admit_nobody_make_room(
    auth: Auth, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contacts, "OWN_LINKS", 4)
    person, other = Person(), Person()
    caller, neighbour = await caller_of(auth, person), await caller_of(auth, other)
    far, profile, fresh, newest, *live = [os.urandom(32) for _ in range(7)]
    assert await put(auth, neighbour, far, uses=0) == "ok"
    assert await put(auth, caller, profile, "profile", 0, 0) == "ok"
    for n, token in enumerate(live):
        assert await put(auth, caller, token, expires=auth.now() + 100 + n) == "ok"
    for n in range(10):  # hashes that the server never heard of
        last = os.urandom(32)
        assert await put(auth, caller, last, uses=0, expires=auth.now() + 1000 + n) == "ok"
    kept = await links_kept(auth, person.account_id)
    assert sorted(kept) == sorted(map(digest, [*live, last]))
    # A withdrawn one goes before one that ends later, and a new one takes its place.
    await contacts.delete_contact_token(auth, caller, token_hash=digest(live.pop(0)))
    assert await put(auth, caller, fresh, expires=auth.now() + 50) == "ok"
    assert sorted(await links_kept(auth, person.account_id)) == sorted(map(digest, [*live, last, fresh]))
    assert await put(auth, caller, newest, expires=auth.now() + 60) == "ok"
    with pytest.raises(Limited, match="links-full") as refused:
        await contacts.put_contact_token(
            auth, caller, token_hash=os.urandom(32), kind="invite", uses=1, expires=auth.now() + 10
        )
    assert refused.value.retry_ms == 50_000
    # What is there can still be told again, and withdrawn; and time makes room too.
    assert await put(auth, caller, newest, uses=1) == "ok"
    world.now += 51
    assert await put(auth, caller, os.urandom(32)) == "ok"
    for token in (*live, newest, profile):
        assert await admitted(auth, token, person.account_id)
    assert await links_kept(auth, other.account_id) == [digest(far)]


async def test_a_profile_token_lasts_until_the_next_one(auth: Auth, world: World) -> None:
    person, old, new = Person(), os.urandom(32), os.urandom(32)
    caller = await caller_of(auth, person)
    assert await put(auth, caller, old, "profile", 0, 0) == "ok"
    world.now += 10 * 365 * 86_400
    for _ in range(3):
        await spend(auth, old, person)
    assert await put(auth, caller, new, "profile", 0, 0) == "ok"
    assert not await admitted(auth, old, person.account_id)
    assert await admitted(auth, new, person.account_id)


async def test_uses_and_ends_have_bounds(auth: Auth, world: World) -> None:
    caller = await caller_of(auth, person := Person())
    now = auth.now()
    for kind, uses, expires in [
        ("invite", -1, now + 10),
        ("invite", 101, now + 10),
        ("invite", 1, now),
        ("invite", 1, now + 500 * 86_400),
        ("profile", 1, 0),
        ("friend", 1, now + 10),
    ]:
        assert await put(auth, caller, os.urandom(32), kind, uses, expires) == "malformed"
    token = os.urandom(32)
    await put(auth, caller, token)
    world.now += 1000
    assert not await admitted(auth, token, person.account_id)


async def test_an_offer_and_its_answer_which_a_bad_line_may_fetch_again(auth: Auth) -> None:
    """Only the maker of the offer can open it; both go after two minutes."""
    addr = os.urandom(16)
    await linking.put_offer(auth, addr, b"offer")
    await linking.put_offer(auth, addr, b"offer")
    assert [await linking.fetch_offer(auth, addr) for _ in range(2)] == [b"offer", b"offer"]
    with pytest.raises(ZajilError, match="gone"):
        await linking.take_answer(auth, addr)
    await linking.put_answer(auth, addr, b"answer")
    await linking.put_answer(auth, addr, b"answer")
    assert [await linking.take_answer(auth, addr) for _ in range(2)] == [b"answer", b"answer"]
    with pytest.raises(ZajilError, match="gone"):
        await linking.fetch_offer(auth, addr)


async def test_nobody_changes_an_offer_or_an_answer(auth: Auth) -> None:
    addr = os.urandom(16)
    await linking.put_offer(auth, addr, b"offer")
    with pytest.raises(ZajilError, match="not-allowed"):
        await linking.put_offer(auth, addr, b"other")
    await linking.put_answer(auth, addr, b"answer")
    with pytest.raises(ZajilError, match="not-allowed"):
        await linking.put_answer(auth, addr, b"other")
    assert await linking.take_answer(auth, addr) == b"answer"


async def test_a_linking_dies_after_two_minutes(auth: Auth, world: World) -> None:
    addr = os.urandom(16)
    await linking.put_offer(auth, addr, b"offer")
    await linking.put_answer(auth, addr, b"answer")
    world.now += 120
    for call in (
        linking.fetch_offer(auth, addr),
        linking.take_answer(auth, addr),
        linking.put_answer(auth, addr, b"answer"),
        linking.put_answer(auth, os.urandom(16), b"answer"),
    ):
        with pytest.raises(ZajilError, match="gone"):
            await call
    await linking.put_offer(auth, addr, b"another")
    assert await linking.fetch_offer(auth, addr) == b"another"


async def test_whoever_waits_for_an_answer_gets_it_as_it_comes(auth: Auth) -> None:
    addr = os.urandom(16)
    await linking.put_offer(auth, addr, b"offer")
    waiting = asyncio.ensure_future(linking.take_answer(auth, addr, wait_s=60))
    while not auth.arrivals.waiting(addr):  # noqa: ASYNC110  # it waits inside, where nothing tells us
        await asyncio.sleep(0)
    # A second one does not wait, and neither does anybody where no offer lies or it is answered.
    for other in (addr, os.urandom(16)):
        with pytest.raises(ZajilError, match="gone"):
            await linking.take_answer(auth, other, wait_s=60)
    await linking.put_answer(auth, addr, b"answer")
    assert await waiting == b"answer"
    assert not auth.arrivals.waiting(addr)
    await linking.put_offer(auth, other, b"offer")
    await linking.put_answer(auth, other, b"early")
    assert await linking.take_answer(auth, other, wait_s=60) == b"early"


async def test_an_answer_laid_down_at_another_gateway_comes_as_well(auth: Auth) -> None:
    bus = MemoryBus()
    here, there = (dataclasses.replace(auth, arrivals=Arrivals(bus)) for _ in range(2))
    addr = os.urandom(16)
    await linking.put_offer(auth, addr, b"offer")
    waiting = asyncio.ensure_future(linking.take_answer(here, addr, wait_s=60))
    while not bus.is_heard(addr):  # noqa: ASYNC110  # as above
        await asyncio.sleep(0)
    bus.miss([addr])  # something may have come, and nothing has: it goes on waiting
    for _ in range(20):
        await auth.db.read(lambda _db: None)
    assert here.arrivals.waiting(addr)
    await linking.put_answer(there, addr, b"answer")
    assert await waiting == b"answer"
    assert not bus.is_heard(addr)


async def test_nobody_waits_longer_than_asked_and_not_everybody_may(auth: Auth) -> None:
    addrs = [os.urandom(16) for _ in range(257)]
    for addr in addrs:
        await linking.put_offer(auth, addr, b"offer")
    with pytest.raises(ZajilError, match="gone"):
        await linking.take_answer(auth, addrs[0], wait_s=1e-6)
    waiting = [asyncio.ensure_future(linking.take_answer(auth, addr, wait_s=60)) for addr in addrs[:256]]
    while sum(auth.arrivals.waiting(addr) for addr in addrs) < 256:  # noqa: ASYNC110  # as above
        await asyncio.sleep(0)
    with pytest.raises(ZajilError, match="gone"):
        await linking.take_answer(auth, addrs[256], wait_s=60)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert not any(auth.arrivals.waiting(addr) for addr in addrs)


async def test_nobody_waits_for_an_answer_from_a_server_that_stops(auth: Auth) -> None:
    addr = os.urandom(16)
    await linking.put_offer(auth, addr, b"offer")
    waiting = asyncio.ensure_future(linking.take_answer(auth, addr, wait_s=3600))
    while not auth.arrivals.waiting(addr):  # noqa: ASYNC110  # as above
        await asyncio.sleep(0)
    auth.arrivals.close()
    for call in (waiting, linking.take_answer(auth, addr, wait_s=3600)):
        with pytest.raises(ZajilError, match="gone"):
            await call


async def test_a_linking_that_is_over_leaves_the_disk_soon(auth: Auth, world: World) -> None:
    old, fresh = os.urandom(16), os.urandom(16)
    await linking.put_offer(auth, old, b"old")
    world.now += 60
    await linking.put_offer(auth, fresh, b"fresh")
    await retention.run_often(auth)
    world.now += 60
    await retention.run_often(auth)
    assert auth.db.read_sync(lambda db: db.execute(select(link.c.addr)).scalars().all()) == [fresh]


async def test_offers_and_answers_have_a_size(auth: Auth) -> None:
    with pytest.raises(ZajilError, match="too-big"):
        await linking.put_offer(auth, os.urandom(16), bytes(LINK_OFFER_BYTES + 1))
    with pytest.raises(ZajilError, match="too-big"):
        await linking.put_answer(auth, os.urandom(16), bytes(LINK_ANSWER_BYTES + 1))


async def test_retention_removes_what_is_over_and_nothing_else(auth: Auth, world: World) -> None:
    person, old, fresh = Person(), os.urandom(16), os.urandom(16)
    caller = await caller_of(auth, person)
    await put(auth, caller, os.urandom(32), expires=auth.now() + 100)
    await put(auth, caller, kept := os.urandom(32), expires=auth.now() + 10_000)
    await linking.put_offer(auth, old, b"old")
    world.now += 3600
    await linking.put_offer(auth, fresh, b"fresh")
    await retention.run(auth)
    rows = auth.db.read_sync(
        lambda db: {
            name: db.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one()
            for name in ("link", "contact_token", "session_token", "account", "device", "device_list")
        }
    )
    assert rows == {"link": 1, "contact_token": 1, "session_token": 0, "account": 1, "device": 1, "device_list": 1}
    assert await admitted(auth, kept, person.account_id)
    assert {column.name for column in link.columns} == {"addr", "offer", "answer", "expires"}


async def test_the_owner_alone_sees_the_tokens_that_still_admit_somebody(auth: Auth, world: World) -> None:
    person = Person()
    caller, other = await caller_of(auth, person), await caller_of(auth, Person())
    tokens = [os.urandom(32) for _ in range(4)]
    await put(auth, caller, tokens[0], uses=2, expires=auth.now() + 50)
    await put(auth, caller, tokens[1], uses=1, expires=auth.now() + 40)
    await put(auth, caller, tokens[2], uses=3, expires=auth.now() + 10)
    await put(auth, caller, tokens[3], kind="profile", uses=0, expires=0)
    await spend(auth, tokens[0], person)
    world.now += 20
    told = (await contacts.own_contact_tokens(auth, caller)).tokens
    assert [(one.hash, one.uses_left) for one in told] == [(digest(tokens[1]), 1), (digest(tokens[0]), 1)]
    assert (await contacts.own_contact_tokens(auth, other)).tokens == ()
    await spend(auth, tokens[1], person)
    await contacts.delete_contact_token(auth, caller, token_hash=digest(tokens[0]))
    assert (await contacts.own_contact_tokens(auth, caller)).tokens == ()
