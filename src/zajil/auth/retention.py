"""What has outlived its purpose goes: tokens, link rows, contact tokens, registration codes, backups."""

from __future__ import annotations

from zajil.auth import store
from zajil.auth.context import Auth
from zajil.auth.invites import first_good_day
from zajil.auth.lists import finish_revocations
from zajil.auth.names import store as names
from zajil.auth.recovery import backups

ROWS = 1000


async def run_often(auth: Auth) -> None:
    """Delete linkings that are over: they hold a device's name, so they do not wait for the hourly run.

    Nor does the end of a revoked device that was broken off in the middle.
    """
    await finish_revocations(auth)
    await _settle_doubts(auth)
    now = auth.now()
    if await auth.db.read(lambda db: store.has_expired_links(db, now=now)):
        await auth.db.write(lambda db: store.delete_expired_links(db, now=now))


async def _settle_doubts(auth: Auth) -> None:
    """Drop the mailboxes that an outage left without a device; what it left with one stays."""
    due = [mailbox_id for mailbox_id, at in auth.in_doubt.items() if at <= auth.now()][:ROWS]
    if not due:
        return
    known = await auth.db.read(lambda db: store.known_mailboxes(db, due))
    for mailbox_id in due:
        if mailbox_id not in known:
            await auth.drop_mailbox(mailbox_id)
        del auth.in_doubt[mailbox_id]


async def run(auth: Auth) -> None:
    """Delete everything expired, in short transactions, and finish revocations that a crash interrupted."""
    await finish_revocations(auth)
    now, first_day = auth.now(), first_good_day(auth.today())
    while (
        await auth.db.write(lambda db: store.delete_expired(db, now=now, first_invite_day=first_day, limit=ROWS))
        >= ROWS
    ):
        pass
    while await auth.db.write(lambda db: names.forget_released(db, now=now, rows=ROWS)) >= ROWS:
        pass
    await backups.run_retention(auth)
