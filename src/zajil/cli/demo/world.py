"""The world of the demo: a folder, a server process in it that can be killed, and people with their clients."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from zajil.cli.resident.child import Child
from zajil.cli.resident.supervisor import LISTENING
from zajil.cli.texts import general

if TYPE_CHECKING:
    from zajil.client import Client


class World:
    """Everything lives below `folder`; `clients` are closed and the folder deleted at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "server"
        self.clients: dict[Client, Path] = {}
        self.url = ""
        self._server: Child | None = None

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._server.pid if self._server is not None else 0

    async def start_server(self) -> None:
        """Start it, the second time on the port it had. Raises Failed `no-start`."""
        port = urlsplit(self.url).port or 0
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        arguments = ["serve", "--data", str(self.data), "--port", str(port), "--with-parent"]
        self._server = Child(general.SERVER_COMMANDS(), arguments)
        self.url = await self._server.start(LISTENING)

    async def kill_server(self) -> None:
        """SIGKILL, and wait until the process is gone."""
        if self._server is not None:
            self._server.kill()
            await self._server.ended()

    async def register(self, name: str, folder: str) -> Client:
        """A person with a new account and a device of their own."""
        from zajil.client import Client
        from zajil.server.admin import create_invite

        home = self.folder / folder
        client = await Client.register(home, server=self.url, name=name, invite=create_invite(self.data, 1))
        return self.adopt(client, home)

    def adopt(self, client: Client, home: Path) -> Client:
        """Close this client with the others."""
        self.clients[client] = home
        return client

    async def switch_off(self, client: Client) -> Path:
        """The device goes offline; its home, to switch it on again."""
        home = self.clients.pop(client)
        await client.close()
        return home

    async def switch_on(self, home: Path) -> Client:
        """The device of this home, offline until its first `sync` or `send`."""
        from zajil.client import Client

        return self.adopt(await Client.open(home), home)

    async def close(self) -> None:
        """End everybody and the server."""
        for client in self.clients:
            await client.close()
        if self._server is not None:
            await self._server.stop()

    def files(self) -> list[Path]:
        """Every file the server has written."""
        return [path for path in sorted(self.data.rglob("*")) if path.is_file()]

    def holds(self, *texts: str) -> bool:
        """Whether one of these texts stands in any of the server's files, in UTF-8 or UTF-16."""
        needles = [text.encode(encoding) for text in texts for encoding in ("utf-8", "utf-16-le")]
        return any(needle in path.read_bytes() for path in self.files() for needle in needles)

    def _rows(self, statement: str) -> list[sqlite3.Row]:
        (database,) = [path for path in self.files() if path.read_bytes()[:15] == b"SQLite format 3"]
        with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(statement).fetchall()

    def newest_message(self) -> list[tuple[str, object]]:
        """The newest sealed row the server holds, column by column; empty if it holds none."""
        found = self._rows("SELECT * FROM message ORDER BY ts DESC, rowid DESC LIMIT 1")
        return list(zip(found[0].keys(), found[0], strict=True)) if found else []

    def message_count(self) -> int:
        """How many sealed bodies the server holds."""
        return int(self._rows("SELECT count(*) AS n FROM message")[0]["n"])

    def column_names(self) -> set[str]:
        """All columns of all tables but those of the public space and its moderation, whose authors are public.

        Reports from private chats lie among moderation's tables; theirs are asked for with the rest.
        """
        columns = (
            "SELECT c.name FROM sqlite_master AS t, pragma_table_info(t.name) AS c"
            " WHERE t.type = 'table' AND t.name NOT LIKE 'pub!_%' ESCAPE '!'"
            " AND (t.name NOT LIKE 'mod!_%' ESCAPE '!' OR t.name = 'mod_report')"
        )
        return {str(row["name"]) for row in self._rows(columns)}


@contextlib.asynccontextmanager
async def made_world() -> AsyncIterator[World]:
    """A world in a temporary folder that is gone afterwards, also after an error or Ctrl-C."""
    folder = Path(tempfile.mkdtemp(prefix="zajil-demo-"))
    world = World(folder)
    try:
        yield world
    finally:
        try:
            await world.close()
        finally:
            shutil.rmtree(folder, ignore_errors=True)
