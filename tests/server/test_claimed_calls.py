"""Copies of one call at two gateways at once: it is carried out once, and both hear how that went."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import msgspec
import pytest
from sqlalchemy import Connection
from tests.server.carriers import until

from zajil.engine.keys import Keys
from zajil.engine.sql import answers
from zajil.protocol import control
from zajil.protocol.errors import Unavailable, ZajilError, error
from zajil.server.app import Server
from zajil.server.http import idempotency
from zajil.server.http.calls import HttpAnswer, accept
from zajil.server.http.idempotency import AnswerBook, delete_old_claims

Answers = Callable[[], Awaitable[HttpAnswer]]
NAMES = (b"path", b"caller", b"key")


class Handles:
    """What takes a handle, which only the first can have. free: set when the call may go on."""

    def __init__(self) -> None:
        self.taken = 0
        self.begun = asyncio.Event()
        self.free = asyncio.Event()

    async def take(self) -> HttpAnswer:
        self.begun.set()
        await self.free.wait()
        if self.taken:
            raise error("handle-taken")
        self.taken += 1
        return HttpAnswer(200, {}, b"yours")

    async def refuse(self) -> HttpAnswer:
        self.begun.set()
        await self.free.wait()
        raise error("slow-down")


class Gates:
    """Two gateways on one database. ask: a copy of the call at the first or second."""

    def __init__(self, server: Server) -> None:
        self.keys, self.database = Keys.create(), server._db
        self.clock = server._clock
        self.books = [AnswerBook(server._db, self.keys, server._clock, is_shared=True) for _ in range(2)]

    def ask(
        self, at: int, answer: Answers, body: bytes = b"body", *, may_claim: bool = True
    ) -> asyncio.Task[HttpAnswer]:
        return asyncio.create_task(self.books[at].once(NAMES, body, answer, may_claim=lambda: may_claim))

    def claims(self) -> list[int]:
        """The beat of each."""
        rows = self.database.read_sync(lambda db: db.execute(idempotency.http_claim.select()).all())
        return [row.beat for row in rows]

    async def waits(self, copy: asyncio.Task[HttpAnswer], monkeypatch: pytest.MonkeyPatch) -> None:
        """The copy has looked twice, and found that it is not its turn."""
        looks, done, look = 0, asyncio.Event(), self.books[1]._look

        def counted(*of: object) -> object:
            nonlocal looks
            looks += 1
            if looks == 2:
                loop.call_soon_threadsafe(done.set)
            return look(*of)  # type: ignore[arg-type]

        loop = asyncio.get_running_loop()
        monkeypatch.setattr(self.books[1], "_look", counted)
        async with asyncio.timeout(10):
            await done.wait()
        assert not copy.done()


@pytest.fixture
def gates(server: Server) -> Gates:
    return Gates(server)


async def test_a_copy_at_another_gateway_gets_the_answer_and_no_refusal_that_its_twin_caused(
    gates: Gates, monkeypatch: pytest.MonkeyPatch
) -> None:
    handles = Handles()
    first = gates.ask(0, handles.take)
    await handles.begun.wait()
    copy, others = gates.ask(1, handles.take), gates.ask(1, handles.take, b"other content")
    await gates.waits(copy, monkeypatch)
    handles.free.set()
    assert (await first).body == (await copy).body == b"yours"
    with pytest.raises(ZajilError, match="idem-conflict"):
        await others
    assert handles.taken == 1
    assert gates.claims() == []


async def test_a_copy_of_what_was_refused_or_given_up_is_carried_out(
    gates: Gates, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused, handles = Handles(), Handles()
    handles.free.set()
    first = gates.ask(0, refused.refuse)
    await refused.begun.wait()
    copy = gates.ask(1, handles.take)
    await gates.waits(copy, monkeypatch)
    refused.free.set()
    with pytest.raises(ZajilError, match="slow-down"):
        await first
    assert (await copy).body == b"yours"
    gates.database.write_sync(lambda db: db.execute(idempotency.http_idem.delete()))
    given_up = Handles()
    second = gates.ask(0, given_up.take)
    await given_up.begun.wait()
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert gates.claims() == []


async def test_who_asks_too_much_has_no_call_claimed_and_its_answer_kept_all_the_same(gates: Gates) -> None:
    handles = Handles()
    first = gates.ask(0, handles.take, may_claim=False)
    await handles.begun.wait()
    assert gates.claims() == []
    handles.free.set()
    assert (await first).body == (await gates.ask(1, handles.refuse)).body == b"yours"


async def test_a_call_that_takes_long_keeps_its_claim_and_its_copy_hears_when_to_ask_again(
    gates: Gates, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("BEAT_S", 0.01), ("LEASE_S", 5.0), ("WAIT_S", 0.1), ("_LOOK_S", 0.01)):
        monkeypatch.setattr(idempotency, name, value)
    handles = Handles()
    first = gates.ask(0, handles.take)
    await handles.begun.wait()
    with pytest.raises(Unavailable, match="busy") as told:
        await gates.ask(1, handles.take)
    assert told.value.retry_ms == 1000
    await until(lambda: gates.claims()[0] >= 3)
    handles.free.set()
    assert (await first).body == (await gates.ask(1, handles.take)).body == b"yours"


async def test_the_claim_of_a_gateway_that_died_is_taken_over(gates: Gates, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "LEASE_S", 0.1)
    assert await gates.books[0]._claim(idempotency.key_of(NAMES), b"its gateway died") is None
    handles = Handles()
    handles.free.set()
    assert (await gates.ask(1, handles.take)).body == b"yours"
    assert gates.claims() == []


async def test_what_comes_after_another_gateway_answered_is_undone_and_tells_that_answer(gates: Gates) -> None:
    """Of a gateway that hung until its claim was taken over, or claimed nothing."""
    begun, free = asyncio.Event(), asyncio.Event()
    table, row = idempotency.http_claim, {"key": b"what it did", "owner": b"", "beat": 0, "at": int(gates.clock())}

    async def act() -> HttpAnswer:
        told, keep = control.Passes((), ("first",)), answers.keeper()
        begun.set()
        await free.wait()

        def write(db: Connection) -> None:
            db.execute(table.insert().values(row))
            keep(db, told)

        await gates.database.write(write)
        return accept(told)

    late, others = (gates.ask(0, act, body, may_claim=False) for body in (b"body", b"other content"))
    await begun.wait()
    handles = Handles()
    handles.free.set()
    assert (await gates.ask(1, handles.take)).body == b"yours"
    free.set()
    assert (await late).body == b"yours"
    with pytest.raises(ZajilError, match="idem-conflict"):
        await others
    assert gates.claims() == []


async def test_who_is_refused_for_what_its_twin_did_hears_what_that_was_told(gates: Gates) -> None:
    """Of two copies at two gateways, which both have begun: neither is claimed."""
    begun, free = [asyncio.Event(), asyncio.Event()], asyncio.Event()
    table, row = idempotency.http_claim, {"key": b"a handle", "owner": b"", "beat": 0, "at": int(gates.clock())}

    async def act(at: int) -> HttpAnswer:
        told, keep = control.Passes((), (f"by gateway {at}",)), answers.keeper()
        begun[at].set()
        await free.wait()

        def write(db: Connection) -> None:
            if db.execute(table.select().where(table.c.key == row["key"])).first() is not None:
                raise error("handle-taken")
            db.execute(table.insert().values(row))
            keep(db, told)

        await gates.database.write(write)
        return accept(told)

    copies = [gates.ask(at, partial(act, at), may_claim=False) for at in (0, 1)]
    for each in begun:
        await each.wait()
    free.set()
    assert await copies[0] == await copies[1]
    with pytest.raises(ZajilError, match="idem-conflict"):
        await gates.ask(1, partial(act, 1), b"other content")


async def test_what_a_call_sets_off_for_others_is_told_under_no_key_of_its_own(gates: Gates) -> None:
    """What goes on in its context, as a carrier that is told something, may come to what somebody else asked."""
    loop, others, handles = asyncio.get_running_loop(), list[asyncio.Task[None]](), Handles()

    async def other() -> None:
        keep = answers.keeper()
        await gates.database.write(lambda db: keep(db, control.Passes((), ("somebody else's",))))

    async def act() -> HttpAnswer:
        loop.call_soon(lambda: others.append(loop.create_task(other())))
        await asyncio.sleep(0)
        raise error("slow-down")

    with pytest.raises(ZajilError, match="slow-down"):
        await gates.ask(0, act)
    await others[0]
    handles.free.set()
    assert (await gates.ask(0, handles.take)).body == b"yours"


async def test_a_stored_answer_has_the_fields_that_every_version_reads(gates: Gates) -> None:
    handles = Handles()
    handles.free.set()
    await gates.ask(0, handles.take)
    row = gates.database.read_sync(lambda db: db.execute(idempotency.http_idem.select()).one())
    fields = msgspec.msgpack.decode(gates.keys.unseal("http_idem", row.answer, aad=row.key))
    assert fields == [200, {}, b"yours"]


def test_what_nobody_took_over_goes_with_the_retention(gates: Gates) -> None:
    now = int(gates.clock())
    gates.database.write_sync(
        lambda db: gates.books[0]._take(db, key=idempotency.key_of(NAMES), owner=b"dead", dead=None)
    )
    assert gates.database.write_sync(lambda db: delete_old_claims(db, now=now, limit=10)) == 0
    assert gates.database.write_sync(lambda db: delete_old_claims(db, now=now + 3601, limit=10)) == 1
