"""What has outlived its purpose goes: tokens, events, old versions, handles out of quarantine, half-done deletions."""

from __future__ import annotations

from typing import Final

from zajil.channels.context import Channels
from zajil.channels.identity.personas import delete_posts_of
from zajil.channels.spaces import delete_posts_in
from zajil.channels.store import feed, leftovers, posts

EVENTS_S: Final = 86_400
VERSIONS_S: Final = 90 * 86_400
HANDLES_S: Final = 90 * 86_400
APPLIED_S: Final = 180 * 86_400
_ROWS: Final = 1000


async def run(space: Channels) -> None:
    """Delete everything that is over, in short transactions."""
    now = space.now()
    for author in await space.db.read(leftovers.authors):
        await delete_posts_of(space, author)
    for channel_id in await space.db.read(leftovers.channels):
        await delete_posts_in(space, channel_id)
    steps = (
        lambda db: feed.delete_old(db, events_before=now - EVENTS_S, applied_before=now - APPLIED_S, limit=_ROWS),
        lambda db: leftovers.delete_expired(db, now=now, handles_before=now - HANDLES_S, limit=_ROWS),
        lambda db: posts.delete_old_versions(db, before=now - VERSIONS_S, limit=_ROWS),
    )
    for step in steps:
        while await space.db.write(step) >= _ROWS:
            pass
