"""Measures against accounts, as moderators decide them and the private side carries them out."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from sqlalchemy import Connection

from zajil.auth import login
from zajil.auth.store import MeasureRow
from zajil.delivery.context import Delivery
from zajil.delivery.mailboxes import send_notice
from zajil.engine.keys import Keys, SealBroken
from zajil.moderation.private.inbox import Measures
from zajil.protocol.ids import AccountId, MailboxId, encode_b64
from zajil.protocol.report.measures import NOTICE, AccountMeasure, Statement

_TABLE = "account_measure"


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
    end_login: Callable[[MailboxId], None],
) -> Measures:
    """How they take effect. end_login: ends the connection of the device with this mailbox."""

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

    async def tell(measure: AccountMeasure, undone: bool) -> None:  # a callable's own shape
        account = AccountId(measure.account)
        # Of a suspended account too: it reads the notice when it is back.
        devices = await delivery.db.read(lambda db: login.devices_of(db, account))
        if measure.action == "suspend" and not undone:
            for device in devices:
                end_login(device.mailbox_id)
        await send_notice(
            delivery,
            tuple(device.mailbox_id for device in devices),
            NOTICE,
            {
                "measure": measure.measure_id,
                "action": "undone" if undone else measure.action,
                "reason": measure.reason,
                "until": measure.until,
                "at": measure.at,
            },
        )

    return Measures(apply=apply, lift=lift, tell=tell)
