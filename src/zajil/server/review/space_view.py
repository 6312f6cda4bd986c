"""The public space as moderation sees it: callables over `channels`, and who has to be woken after them."""

from __future__ import annotations

import threading
from collections.abc import Callable

from sqlalchemy import Connection

from zajil.channels import reviewing, spaces
from zajil.channels.context import Channels
from zajil.channels.identity import personas
from zajil.moderation.review.standing import STANDING
from zajil.moderation.review.view import Context, SpaceView, Target
from zajil.protocol.public.api import EventName
from zajil.protocol.public.posts import ChannelStanding, Standing

_ROUNDS = 3


class Nudges:
    """Personas and channels that something was written for: woken some times over, since COMMIT comes after."""

    def __init__(self, wake: Callable[[set[bytes]], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._rounds: dict[bytes, int] = {}

    def note(self, who: bytes) -> None:
        """Wake this one soon. Called from any thread."""
        with self._lock:
            self._rounds[who] = _ROUNDS

    def wake(self) -> None:
        """Wake everybody noted of late. Called by the loop."""
        with self._lock:
            due = set(self._rounds)
            self._rounds = {who: rounds - 1 for who, rounds in self._rounds.items() if rounds > 1}
        if due:
            self._wake(due)


def view_space(space: Channels, nudges: Nudges) -> SpaceView:
    """The callables of this public space."""

    def find_target(db: Connection, kind: str, target: bytes, viewer: bytes) -> Target | None:
        found = reviewing.find_reported(db, kind, target, viewer)
        if found is None:
            return None
        return Target(*found)._replace(version=STANDING) if kind == "persona" else Target(*found)

    def set_standing(db: Connection, standing: Standing) -> bool:
        nudges.note(standing.persona_id)
        return personas.set_standing_in(space, db, standing)

    def set_channel(db: Connection, standing: ChannelStanding) -> bool:
        nudges.note(standing.channel_id)
        return spaces.set_channel_standing_in(space, db, standing)

    def tell(db: Connection, persona_id: bytes, name: EventName, ref: str) -> None:
        nudges.note(persona_id)
        personas.notify_in(space, db, persona_id, name, ref)

    return SpaceView(
        find_target=find_target,
        read_subject=reviewing.read_subject,
        read_context=lambda db, post_id, n: Context(*reviewing.read_around(db, post_id, n)),
        read_versions=reviewing.read_versions,
        find_later=reviewing.find_later,
        read_person=lambda db, persona_id: reviewing.read_person(space, db, persona_id),
        read_place=reviewing.read_place,
        set_standing=set_standing,
        set_channel=set_channel,
        tell=tell,
    )
