"""`/transparency/v1/`: reports and the audit log, for everybody, without an account and from any page.

    reports/{YYYY-MM}.{json,csv,html}   a month's report; the page in the language of `?lang=`, else of the browser
    log/checkpoint                      the newest signed head
    log/entries?from=N                  up to 1,000 entries from number N on, and their checkpoints: `audit.export`
    log/key                             the log's public key; whoever checks the log has it from elsewhere

Entries are given out up to the newest checkpoint, so that all that is read can be checked.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec
from sqlalchemy import Connection

from zajil.engine.limits import Limits
from zajil.engine.sql.database import Database
from zajil.moderation.audit.export import encode_export
from zajil.moderation.statistics.pages import POLICY, ReportPages
from zajil.moderation.statistics.publish import Reports
from zajil.moderation.statistics.tables import encode_csv
from zajil.moderation.statistics.words import WORDS
from zajil.moderation.store import log
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.tlog.checkpoint import NoteKey
from zajil.server.http.calls import HttpAnswer, HttpCall, refuse, tag
from zajil.server.http.dispatch import parse_query
from zajil.server.site.waiting import decide_language

_LOG = logging.getLogger(__name__)
PREFIX: Final = "/transparency/"
ENTRIES: Final = 1000
"""Entries in one answer."""
_PATH_MAX: Final = 200
_REPORT: Final = re.compile(r"/transparency/v1/reports/([0-9]{4}-[0-9]{2})\.(json|csv|html)", re.ASCII)
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,14}", re.ASCII)
_TEXT: Final = "text/plain; charset=utf-8"
_KINDS: Final = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
}
HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "access-control-allow-origin": "*",
        "cache-control": "public, max-age=30",
        "content-security-policy": POLICY,
        "cross-origin-resource-policy": "cross-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=()",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }
)


class Transparency:
    """Answers every request below /transparency/."""

    def __init__(
        self, database: Database, *, server: str, key: NoteKey, limits: Limits, clock: Callable[[], float]
    ) -> None:
        """server: its name. key: of the log. clock: Unix seconds."""
        self._db = database
        self._key = key
        self._limits = limits
        self._clock = clock
        self._reports = Reports(database, server=server, clock=clock)
        self._pages = ReportPages(key=key.text())

    async def answer(self, call: HttpCall) -> HttpAnswer:
        """The answer to this call; headers with lower-case names. Never raises for what a peer sent."""
        if call.method not in ("GET", "HEAD"):
            return HttpAnswer(405, {**HEADERS, "allow": "GET, HEAD"}, b"")
        try:
            self._limits.take("public_read", call.peer.prefix, now=self._clock())
            return tag(await self._find(call), call.headers.get("if-none-match"))
        except ZajilError as reason:
            return refuse(reason)
        except Exception as bug:  # noqa: BLE001  # the boundary of one request
            _LOG.error("a report failed", exc_info=bug)
            return refuse(error("internal"))

    async def _find(self, call: HttpCall) -> HttpAnswer:
        path, _, query = call.path.partition("?")
        if len(path) > _PATH_MAX:
            raise error("gone")
        found = _REPORT.fullmatch(path)
        if found is not None:
            return await self._report(found[1], found[2], query, call)
        if path == "/transparency/v1/log/checkpoint":
            parse_query(query, frozenset())
            return _plain(await self._checkpoint())
        if path == "/transparency/v1/log/entries":
            first = parse_query(query, frozenset({"from"})).get("from", "0")
            if _NUMBER.fullmatch(first) is None:
                raise error("malformed", "from")
            body = await self._db.read(lambda db: read_log(db, int(first)))
            return HttpAnswer(200, {**HEADERS, "content-type": "application/octet-stream"}, body)
        if path == "/transparency/v1/log/key":
            parse_query(query, frozenset())
            return _plain(self._key.text().encode() + b"\n")
        raise error("gone")

    async def _report(self, month: str, kind: str, query: str, call: HttpCall) -> HttpAnswer:
        asked = parse_query(query, frozenset({"lang"})).get("lang")
        report = await self._reports.find(month)
        headers = {**HEADERS, "content-type": _KINDS[kind]}
        if kind == "json":
            return HttpAnswer(200, headers, msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
        if kind == "csv":
            return HttpAnswer(200, headers, encode_csv(report))
        language = asked or ""
        if language not in WORDS:
            language = decide_language(call.headers.get("accept-language", ""))
        return HttpAnswer(200, {**headers, "vary": "Accept-Language"}, self._pages.render(language, report))

    async def _checkpoint(self) -> bytes:
        newest = await self._db.read(log.find_checkpoint)
        if newest is None:
            raise error("gone", "nothing is signed yet")
        return newest.note


def read_log(db: Connection, first: int) -> bytes:
    """A piece of the log from this entry on, as a file of its own. Raises Refused `gone` beyond what is signed."""
    newest = log.find_checkpoint(db)
    signed = newest.size if newest is not None else 0
    if first > signed:
        raise error("gone", "not signed yet")
    end = min(signed, first + ENTRIES)
    notes = [(note.size - first, note.note) for note in log.read_checkpoints(db, above=first, up_to=end)]
    return b"".join(encode_export(log.read_entries(db, first=first, size=end), notes))


def _plain(body: bytes) -> HttpAnswer:
    return HttpAnswer(200, {**HEADERS, "content-type": _TEXT}, body)
