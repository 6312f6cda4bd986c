"""What `zajil moderation report` does. It works on the data directory, also while a server runs on it."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
from sqlalchemy import Connection

from zajil.engine.moderationkeys import FILE_NAME, ModerationKeys
from zajil.moderation.statistics.agreement import Agreement, check_agreement
from zajil.moderation.statistics.months import parse_month
from zajil.moderation.statistics.pages import ReportPages
from zajil.moderation.statistics.publish import read_report
from zajil.moderation.statistics.report import Report
from zajil.moderation.statistics.tables import encode_csv
from zajil.protocol.tlog.checkpoint import NoteKey
from zajil.server.config import load_settings
from zajil.server.schema import open_database


def make_month(data: Path, name: str, *, now: float | None = None) -> tuple[Report, Agreement]:
    """The report of a month, `YYYY-MM`, and whether it, the log and the database tell the same, all in one snapshot.

    Raises Malformed, Refused `gone`.
    """
    month = parse_month(name)
    at = time.time() if now is None else now
    server = load_settings(data).server_name

    def read(db: Connection) -> tuple[Report, Agreement]:
        report = read_report(db, month, server=server, now=at)
        return report, check_agreement(db, report)

    database = open_database(data)
    try:
        return database.read_sync(read)
    finally:
        database.close()


def encode_report(report: Report, kind: str, *, data: Path, language: str) -> str:
    """The report as the server publishes it. kind: json, csv or html. language: of the page. Raises KeyFileError."""
    if kind == "json":
        return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"
    if kind == "csv":
        return encode_csv(report).decode()
    key = ModerationKeys.load(data / FILE_NAME).log.public_key().public_bytes_raw()
    return ReportPages(key=NoteKey(report.log.origin, key).text()).render(language, report).decode()
