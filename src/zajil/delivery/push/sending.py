"""The pusher: claims who is to be woken, leaves those who are connected some time, posts, and settles by the answer.

At least once: a row is claimed for a lease and deleted after the push service took the push. Whoever is killed in
between pushes again, which wakes a device twice and no more. What is kept in memory, when a device was woken last, may
be lost with it.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Connection

from zajil.delivery.context import Delivery
from zajil.delivery.push import store
from zajil.delivery.push.store import Due
from zajil.delivery.push.subscriptions import open_subscription
from zajil.engine.keys import SealBroken
from zajil.engine.sql.database import tell_failure
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import MailboxId
from zajil.protocol.push import message
from zajil.protocol.push.plan import MANNERS, TRIES_MAX, Outcome, Wake, delay_s, judge_status
from zajil.protocol.push.wire import PushRules, check_endpoint

LEASE_S: Final = 60.0
_POSTS_MAX: Final = 32
_HOST_POSTS_MAX: Final = 8
_CROWDED_S: Final = 1.0
_LONGEST_S: Final = 30.0
_LOG = logging.getLogger(__name__)


class Answer(NamedTuple):
    """What a push service said. status: HTTP, 0 where nothing came. retry_after_s: 0 without one."""

    status: int
    retry_after_s: float = 0.0


Post = Callable[[str, Mapping[str, str], bytes], Awaitable[Answer]]
"""POST to an endpoint. Never raises for what the network or the other side does; refuses addresses of its own accord
with status 403."""


class Pusher:
    """Wakes devices by push. Methods are called on the event loop's thread."""

    def __init__(
        self,
        delivery: Delivery,
        *,
        rules: PushRules,
        key: ec.EllipticCurvePrivateKey,
        contact: str,
        post: Post,
        is_live: Callable[[MailboxId], Awaitable[bool]],
        count: Callable[[str], None] = lambda _outcome: None,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """key, contact: of VAPID. is_live: whether the device of this mailbox has a session that can take messages now.

        count: told each outcome by its name, and nothing else.
        """
        self._delivery = delivery
        self._rules = rules
        self._key = key
        self._contact = contact
        self._post = post
        self._is_live = is_live
        self._count = count
        self._random = random
        self._woken = asyncio.Event()
        self._last: dict[tuple[bytes, int], float] = {}
        self._left_time: dict[tuple[bytes, int], float] = {}
        self._posting: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.Task[None] | None = None
        self._ending = False
        self._headers: dict[str, tuple[float, str]] = {}

    def start(self) -> None:
        """Begin."""
        self._loop = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End; what is under way is claimed again after its lease."""
        # Up to Python 3.11 `wait_for` loses a cancellation that meets the event it waits for.
        self._ending = True
        for task in (*([self._loop] if self._loop else []), *self._tasks):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def look(self) -> None:
        """There may be something to do."""
        self._woken.set()

    async def _run(self) -> None:
        while not self._ending:
            self._woken.clear()
            wait_s = _LONGEST_S
            try:
                wait_s = await self.run_once()
            except Exception as bug:  # noqa: BLE001  # the boundary of a background task
                tell_failure(_LOG, "devices could not be woken", bug)
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._woken.wait(), wait_s)

    async def run_once(self) -> float:
        """Take on whatever is due; seconds until something may be due again."""
        room = _POSTS_MAX - len(self._tasks)
        now = self._delivery.clock()
        self._forget(now)
        if await self._delivery.db.read(store.next_due) is None:
            return _LONGEST_S
        if room > 0:
            claimed = await self._delivery.db.write(
                lambda db: store.claim(db, now_ms=int(now * 1000), lease_ms=int(LEASE_S * 1000), most=room)
            )
            for due in claimed:
                task = asyncio.create_task(self._take_on(due))
                self._tasks.add(task)
                task.add_done_callback(self._done)
        first = await self._delivery.db.read(store.next_due)
        return _LONGEST_S if first is None else min(max(first / 1000 - self._delivery.clock(), 0.05), _LONGEST_S)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._woken.set()

    async def idle(self) -> None:
        """What was taken on so far is settled."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _forget(self, now: float) -> None:
        for kept in (self._last, self._left_time):
            for key in [key for key, at in kept.items() if now - at > LEASE_S]:
                del kept[key]

    async def _take_on(self, due: Due) -> None:
        try:
            await self._wake(due)
        except Exception as bug:  # noqa: BLE001  # the boundary of one push; its lease brings it back
            tell_failure(_LOG, "a device could not be woken", bug)

    async def _wake(self, due: Due) -> None:
        now, manner, name = self._delivery.clock(), MANNERS[due.wake], (due.mailbox_id, int(due.wake))
        if due.fetched:
            await self._write(lambda db: store.settle(db, due, again_ms=int(now * 1000)))
            return
        if now < (again := self._last.get(name, 0.0) + manner.gap_s):
            await self._postpone(due, again, tries=due.tries)
            return
        if name not in self._left_time and await self._is_live(due.mailbox_id):
            self._left_time[name] = now
            await self._postpone(due, now + manner.grace_s, tries=due.tries)
            return
        self._left_time.pop(name, None)
        try:
            subscription = open_subscription(self._delivery.keys, due)
            target = check_endpoint(subscription.endpoint, self._rules)
        except (SealBroken, ZajilError):  # sealed by a lost key, or the settings changed: the device asks anew
            self._count("refused")
            await self._write(lambda db: store.drop_if(db, due, now_ms=int(now * 1000)))
            return
        if self._posting[target.host] >= _HOST_POSTS_MAX:
            await self._postpone(due, now + _CROWDED_S, tries=due.tries)
            return
        body = message.encrypt(
            message.PAYLOAD,
            p256dh=subscription.p256dh,
            auth=subscription.auth,
            key=ec.generate_private_key(ec.SECP256R1()),
            salt=self._random(message.SALT_BYTES),
        )
        headers = {
            "authorization": self._authorize(target.origin, now),
            "content-encoding": "aes128gcm",
            "content-type": "application/octet-stream",
            "ttl": str(_ttl_s(due, now)),
            "urgency": manner.urgency,
            "topic": manner.topic,
        }
        self._posting[target.host] += 1
        try:
            answer = await self._post(subscription.endpoint, headers, body)
        finally:
            self._posting[target.host] -= 1
            if not self._posting[target.host]:
                del self._posting[target.host]
        await self._settle(due, answer)

    async def _settle(self, due: Due, answer: Answer) -> None:
        now = self._delivery.clock()
        outcome = Outcome.LATER if answer.status == 0 else judge_status(answer.status)
        tries = due.tries + 1
        self._count(outcome.name.lower())
        if outcome is Outcome.GONE:
            await self._write(lambda db: store.drop_if(db, due, now_ms=int(now * 1000)))
        elif outcome in (Outcome.TAKEN, Outcome.REFUSED) or tries >= TRIES_MAX:
            if outcome is Outcome.TAKEN:
                self._last[(due.mailbox_id, int(due.wake))] = now
            # What came while this one was under way is another push, also where this one is given up.
            again = now + MANNERS[due.wake].gap_s
            await self._write(lambda db: store.settle(db, due, again_ms=int(again * 1000)))
        else:
            share = int.from_bytes(self._random(2), "big") / 65536
            wait = delay_s(tries, retry_after_s=answer.retry_after_s, share=share)
            await self._postpone(due, now + wait, tries=tries)

    async def _postpone(self, due: Due, at: float, *, tries: int) -> None:
        await self._write(lambda db: store.postpone(db, due, due_ms=int(at * 1000), tries=tries))

    async def _write(self, work: Callable[[Connection], None]) -> None:
        # What a power cut takes back of it is pushed again. Each locks a row that batches of messages lock as well.
        await self._delivery.db.write_unflushed(work, alone=True)

    def _authorize(self, origin: str, now: float) -> str:
        """A VAPID token for this push service, kept for some hours: signing is most of the work."""
        made, header = self._headers.get(origin, (0.0, ""))
        if not header or not 0 <= now - made < message.VAPID_LIFE_S / 2:
            header = message.vapid_header(self._key, origin=origin, contact=self._contact, now=now)
            if len(self._headers) >= 256:
                self._headers.clear()
            self._headers[origin] = (now, header)
        return header


def _ttl_s(due: Due, now: float) -> int:
    """What is left of a ring; for messages always the same."""
    most = MANNERS[due.wake].ttl_s
    return most if due.wake is Wake.MESSAGE else min(most, max(0, due.until - int(now)))
