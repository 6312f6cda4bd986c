"""The link mailbox: where a new device lays its offer and an old one its sealed answer. Both die after 120 s.

Nobody logs in here: the address is 16 random bytes that only the two devices know. What lies here is an offer, bound
by its hash in the code the new device shows, and an answer sealed to the offer's key. The answer may be fetched again:
on a bad line a copy is lost.
"""

from __future__ import annotations

from sqlalchemy import Connection

from zajil.auth import store
from zajil.auth.context import Auth
from zajil.protocol.errors import error
from zajil.protocol.limits import LINK_ANSWER_BYTES, LINK_OFFER_BYTES

LINK_LIFE_S = 120


async def put_offer(auth: Auth, addr: bytes, offer: bytes) -> None:
    """Begin a linking. The same offer again changes nothing. Raises not-allowed when another lies there, too-big."""
    if len(offer) > LINK_OFFER_BYTES:
        raise error("too-big")
    now = auth.now()

    def write(db: Connection) -> None:
        found = store.find_link(db, addr, now=now)
        if found is None:
            store.insert_offer(db, addr, offer, expires=now + LINK_LIFE_S)
        elif found.offer != offer:
            raise error("not-allowed")

    await auth.db.write(write)


async def fetch_offer(auth: Auth, addr: bytes) -> bytes:
    """The offer at this address. Raises Refused `gone`, also once it was answered: a code is good once."""
    now = auth.now()
    found = await auth.db.read(lambda db: store.find_link(db, addr, now=now))
    if found is None or found.answer is not None:
        raise error("gone")
    return found.offer


async def put_answer(auth: Auth, addr: bytes, answer: bytes) -> None:
    """Answer an offer, once; the same answer again changes nothing. Raises gone, not-allowed, too-big."""
    if len(answer) > LINK_ANSWER_BYTES:
        raise error("too-big")
    now = auth.now()

    def write(db: Connection) -> None:
        found = store.find_link(db, addr, now=now)
        if found is None:
            raise error("gone")
        if found.answer is None:
            store.set_answer(db, addr, answer)
        elif found.answer != answer:
            raise error("not-allowed")

    await auth.db.write(write)
    auth.arrivals.tell(addr)


async def take_answer(auth: Auth, addr: bytes, *, wait_s: float = 0) -> bytes:
    """The answer, until the offer expires. Raises Refused `gone`.

    It may be read again: on a bad line the first copy is lost, and nobody but the maker of the offer can open it.
    wait_s: how long to wait for it where an offer lies there.
    """
    now = auth.now()
    if wait_s:
        await auth.arrivals.wait(addr, wait_s, is_waiting=lambda: _is_open(auth, addr, now))

    found = await auth.db.read(lambda db: store.find_link(db, addr, now=now))
    if found is None or found.answer is None:
        raise error("gone")
    return found.answer


async def _is_open(auth: Auth, addr: bytes, now: int) -> bool:
    """Whether an offer lies there that nobody has answered."""
    found = await auth.db.read(lambda db: store.find_link(db, addr, now=now))
    return found is not None and found.answer is None
