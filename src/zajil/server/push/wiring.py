"""Push, wired: key, rules, pusher and the routes of devices."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Connection

from zajil.delivery.context import Delivery, DeviceCaller
from zajil.delivery.push import store, subscriptions
from zajil.delivery.push.sending import Pusher
from zajil.engine.pushkeys import FILE_NAME, load_push_key
from zajil.engine.sql import marks
from zajil.engine.sql.database import Database
from zajil.protocol import control
from zajil.protocol.control import Route
from zajil.protocol.ids import MailboxId, encode_b64
from zajil.protocol.push.message import public_bytes
from zajil.protocol.push.wire import PushRules, PutPush
from zajil.server.config import PushSettings, Settings
from zajil.server.http.auth_routes import body_of, device_of
from zajil.server.http.calls import BoundRoute, Request
from zajil.server.push.poster import Poster

_NOBODY: Final = "mailto:nobody@invalid"


class Pushing:
    """Push of one server; without hosts it takes and sends nothing."""

    def __init__(
        self,
        key: ec.EllipticCurvePrivateKey,
        settings: Settings,
        delivery: Delivery,
        *,
        is_live: Callable[[MailboxId], Awaitable[bool]],
        count: Callable[[str], None],
    ) -> None:
        """key: of VAPID. count: told each outcome of a post by its name."""
        self._delivery = delivery
        self._rules = rules_of(settings.push)
        self.public_key = encode_b64(public_bytes(key)) if self._rules.hosts else ""
        self._poster = Poster(self._rules)
        self._pusher = Pusher(
            delivery,
            rules=self._rules,
            key=key,
            contact=contact_of(settings),
            post=self._poster.post,
            is_live=is_live,
            count=count,
        )

    def routes(self) -> Mapping[Route, BoundRoute]:
        """PUT and DELETE /push."""

        async def put(request: Request) -> msgspec.Struct:
            caller = DeviceCaller(*device_of(request))
            return await subscriptions.put(self._delivery, self._rules, caller, body_of(request, PutPush))

        async def drop(request: Request) -> msgspec.Struct:
            return await subscriptions.drop(self._delivery, DeviceCaller(*device_of(request)))

        return {control.PUT_PUSH: put, control.DROP_PUSH: drop}

    def look(self) -> None:
        """Somebody may have to be woken. On the event loop's thread."""
        self._pusher.look()

    def start(self) -> None:
        """Begin to wake devices."""
        self._pusher.start()

    async def stop(self) -> None:
        """End it; what is under way comes again."""
        await self._pusher.stop()
        await self._poster.close()


def rules_of(settings: PushSettings) -> PushRules:
    """Where pushes may go."""
    return PushRules(settings.hosts, settings.ports, settings.private)


def contact_of(settings: Settings) -> str:
    """Whom a push service may write to (RFC 8292 2.1)."""
    if settings.push.contact:
        return settings.push.contact
    front = urlsplit(settings.front)
    return f"https://{front.hostname}" if front.scheme == "https" and front.hostname else _NOBODY


def load_key(data: Path, db: Database) -> ec.EllipticCurvePrivateKey:
    """The key of VAPID, made anew only where the database was never used with one. Raises KeyFileError where it was."""

    def is_first(connection: Connection) -> bool:
        return store.is_empty(connection) and not marks.is_marked(connection, FILE_NAME)

    return load_push_key(data / FILE_NAME, create=db.read_sync(is_first))
