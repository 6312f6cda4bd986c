"""Measures against accounts, as moderators decide them and the private side carries them out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import msgspec
from sqlalchemy import Connection

from zajil.auth import login
from zajil.auth.store import MeasureRow
from zajil.delivery.context import Delivery
from zajil.delivery.mailboxes import send_notice
from zajil.delivery.reports import tell_outcome
from zajil.engine.keys import Keys, SealBroken
from zajil.moderation.private import untold
from zajil.moderation.private.inbox import Measures
from zajil.protocol.errors import Unavailable
from zajil.protocol.ids import AccountId, MailboxId, encode_b64
from zajil.protocol.report.measures import NOTICE, AccountMeasure, Statement, notice_id
from zajil.protocol.report.reasons import Outcome

_TABLE = "account_measure"
AGAIN_S: Final = 5.0


class Insistence:
    """Has done after a COMMIT what an outage may put off and not prevent: tried again until it is, or the server ends.

    Else a device of a suspended account would stay connected, and who decided would hear `busy` of what took place.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    async def on(self, work: Callable[[], Awaitable[None]]) -> None:
        """Try this now, and in the background where the storage does not answer. May be done more than once."""
        try:
            await work()
        except Unavailable:
            task = asyncio.create_task(_insist(work))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Nothing is tried any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _insist(work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(AGAIN_S)
        try:
            return await work()
        except Unavailable:
            continue


def _mark_once(
    delivery: Delivery, tell: Callable[[], Awaitable[None]], mark: Callable[[Connection], None]
) -> Callable[[], Awaitable[None]]:
    """Tells, and marks it as told; where the storage goes away between, only the mark is tried again."""
    is_told = False

    async def work() -> None:
        nonlocal is_told
        if not is_told:
            await tell()
            is_told = True
        await delivery.db.write(mark)

    return work


def make_tell_outcome(
    delivery: Delivery, *, insist: Callable[[Callable[[], Awaitable[None]]], Awaitable[None]]
) -> Callable[[bytes, bytes, Outcome], Awaitable[None]]:
    """Brings the outcome of a report to whoever made it. insist: `Insistence.on`."""

    async def tell(report_id: bytes, return_to: bytes, outcome: Outcome) -> None:
        mark = partial(untold.mark_outcome_told, report_id=report_id)
        await insist(_mark_once(delivery, lambda: tell_outcome(delivery, report_id, return_to, outcome), mark))

    return tell


def read_statement(keys: Keys, row: MeasureRow) -> dict[str, int | str]:
    """Measure, reason, until and at, for whoever proved to be the account; empty where the key was lost."""
    try:
        found = msgspec.msgpack.decode(keys.unseal(_TABLE, row.statement, aad=row.account_id), type=Statement)
    except SealBroken:
        return {"until": row.until}
    return {
        "measure": encode_b64(found.measure_id),
        "reason": found.reason,
        "until": found.until,
        "at": found.at,
    }


def make_measures(
    keys: Keys,
    delivery: Delivery,
    *,
    insist: Callable[[Callable[[], Awaitable[None]]], Awaitable[None]],
    end_login: Callable[[MailboxId], None],
) -> Measures:
    """How they take effect. insist: `Insistence.on`. end_login: ends the connection of the device with this mailbox."""

    def apply(db: Connection, measure: AccountMeasure) -> None:
        if measure.action != "suspend":
            return
        told = Statement(measure_id=measure.measure_id, reason=measure.reason, until=measure.until, at=measure.at)
        account = AccountId(measure.account)
        sealed = keys.seal(_TABLE, msgspec.msgpack.encode(told), aad=account, now_s=measure.at)
        login.suspend(db, account, until=measure.until, statement=sealed)

    def lift(db: Connection, measure: AccountMeasure) -> None:
        row = login.find_suspension(db, AccountId(measure.account))
        # A later suspension of the same account stands for itself.
        if row is not None and read_statement(keys, row).get("measure") in (None, encode_b64(measure.measure_id)):
            login.lift(db, row.account_id)

    async def tell_now(measure: AccountMeasure, *, undone: bool) -> None:
        account = AccountId(measure.account)
        # Of a suspended account too: it reads the notice when it is back.
        devices = await delivery.db.read(lambda db: login.devices_of(db, account))
        ends = tuple(device.mailbox_id for device in devices) if measure.action == "suspend" and not undone else ()
        for mailbox_id in ends:
            end_login(mailbox_id)
        word = "undone" if undone else measure.action
        await send_notice(
            delivery,
            tuple(device.mailbox_id for device in devices),
            NOTICE,
            {
                "id": notice_id(NOTICE, word, measure.measure_id, account),
                "measure": measure.measure_id,
                "action": word,
                "reason": measure.reason,
                "until": measure.until,
                "at": measure.at,
            },
        )
        # Whoever was being admitted, here or at another gateway, while it was decided, is found now.
        for mailbox_id in ends:
            end_login(mailbox_id)

    async def tell(measure: AccountMeasure, undone: bool) -> None:  # a callable's own shape
        mark = partial(untold.mark_measure_told, measure_id=measure.measure_id, undone=undone)
        await insist(_mark_once(delivery, lambda: tell_now(measure, undone=undone), mark))

    return Measures(apply=apply, lift=lift, tell=tell)
