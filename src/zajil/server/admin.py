"""What `zajil admin` does. It works on the data directory, also while a server runs on it."""

from __future__ import annotations

import time
from pathlib import Path

from zajil.auth import invites
from zajil.server.schema import open_database


def create_invite(data: Path, uses: int) -> str:
    """A fresh registration code for `uses` people, good for 30 days. Raises ValueError unless 1..10,000 uses."""
    database = open_database(data)
    try:
        return invites.create_invite(database, uses=uses, now=time.time())
    finally:
        database.close()
