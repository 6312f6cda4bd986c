"""What `zajil admin` does. It works on the data directory, also while a server runs on it."""

from __future__ import annotations

import time
from pathlib import Path

from zajil.auth import invites
from zajil.auth.secrets import DAY_S, INVITE_LIFE_DAYS
from zajil.protocol.identity.links import ContactLink, encode_contact_link
from zajil.server.config import load_settings
from zajil.server.schema import open_database


def create_invite(data: Path, uses: int) -> str:
    """A fresh registration code for `uses` people, good for 30 days. Raises ValueError unless 1..10,000 uses."""
    database = open_database(data)
    try:
        return invites.create_invite(database, uses=uses, now=time.time())
    finally:
        database.close()


def link_of_invite(data: Path, code: str, *, front: str | None = None) -> str:
    """The invite to this server as a link: its page takes the code out of it.

    front: what it begins with; None for the setting, and without one the address this server listens on, which is good
    on this machine only. Raises ConfigError.
    """
    settings = load_settings(data, front=front)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    front = settings.front or f"http://{host}:{settings.port}"
    expires = int(time.time()) + INVITE_LIFE_DAYS * DAY_S
    return encode_contact_link(ContactLink(settings.server_name, expires, code=code, front=front))
