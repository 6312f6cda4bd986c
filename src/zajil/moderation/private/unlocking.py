"""The act by which a person opens the key of private reports, and what shuts it again without one.

The passphrase comes from a member with the permission, whose own key was asked in the last five minutes. It is neither
kept nor logged; the unlocking itself is not an entry of the public log, which would tell that a report came.
"""

from __future__ import annotations

import asyncio

from zajil.moderation.private import inbox
from zajil.moderation.private.inbox import Inbox
from zajil.moderation.review.context import IDLE_S, Review, Reviewer
from zajil.moderation.staff.sessions import ED25519, PASSKEY
from zajil.moderation.store import staff
from zajil.protocol.review import api, private


async def unlock(review: Review, reports: Inbox, reviewer: Reviewer, request: private.Unlock) -> api.Empty:
    """Reports can be read. Raises wrong-passphrase, not-allowed (no sealed key here), slow-down."""
    review.limits.take("private_unlock", reviewer.staff_id, now=review.decisions.clock())
    await asyncio.to_thread(reports.keys.unlock, request.passphrase)
    await inbox.take_stock(reports)
    return api.Empty()


async def set_passphrase(
    review: Review, reports: Inbox, reviewer: Reviewer, request: private.NewPassphrase
) -> api.Empty:
    """The key is sealed under this passphrase, the first or another, and unlocked.

    Raises wrong-passphrase, short-passphrase, not-allowed (there is one already, or none to change), slow-down.
    """
    review.limits.take("private_unlock", reviewer.staff_id, now=review.decisions.clock())
    if request.current:
        await asyncio.to_thread(reports.keys.change, request.current, request.passphrase)
    else:
        await asyncio.to_thread(reports.keys.choose, request.passphrase)
    await inbox.take_stock(reports)
    return api.Empty()


def lock(reports: Inbox) -> api.Empty:
    """Nothing can be read any more."""
    reports.keys.lock()
    return api.Empty()


async def lock_if_alone(review: Review, reports: Inbox) -> None:
    """Lock where nobody who may read reports is logged in any more."""
    if not reports.keys.opens:
        return
    kinds = (PASSKEY, ED25519) if review.staff_cli else (PASSKEY,)
    now = review.now()
    if not await review.db.read(lambda db: staff.count_private_sessions(db, now=now, idle_s=IDLE_S, kinds=kinds)):
        reports.keys.lock()
