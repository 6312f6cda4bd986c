"""A log with decisions made by the real verb, and rows of notices, appeals and judgements beside it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert

from zajil.moderation.audit.entries import Kind, hash_record
from zajil.moderation.audit.log import Draft, record, sign_now
from zajil.moderation.decide.decide import Decisions, decide
from zajil.moderation.decide.orders import Decided, Order, order_key
from zajil.moderation.pipeline.benches import packaged_policy
from zajil.moderation.statistics.months import Month
from zajil.moderation.statistics.publish import read_report
from zajil.moderation.statistics.report import Report
from zajil.moderation.store.decisions import Act, Automated, Source
from zajil.moderation.store.log import SQLAuditRows
from zajil.moderation.store.people import appeal, notice, sample
from zajil.moderation.store.verdicts import count_judged
from zajil.protocol.public.posts import PostDecision
from zajil.protocol.tlog.checkpoint import NoteKey
from zajil.server.schema import open_database

NOVEMBER: Final = Month(2026, 11)
SERVER: Final = "talk.example"
ORIGIN: Final = f"{SERVER}/moderation"
KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NOTE_KEY: Final = NoteKey(ORIGIN, KEY.public_key().public_bytes_raw())
REVIEWER: Final = b"r" * 16


# Read once: reading takes longer than any test here.
read_policy = cache(packaged_policy)


class Books:
    """See the module. now: Unix seconds, in November 2026 at first."""

    def __init__(self, data: Path) -> None:
        data.mkdir(parents=True, exist_ok=True)
        self.db = open_database(data)
        self.now = NOVEMBER.start + 1_000_000
        self._numbers = itertools.count()
        self.decisions = Decisions(
            db=self.db,
            clock=lambda: self.now,
            random=os.urandom,
            pseudonym_key=bytes(32),
            policy=read_policy,
            find_post=lambda _db, _post, _version: None,
            requeue=lambda _db, _versions: None,
            apply=self._apply,
            woken=lambda: None,
        )

    async def _apply(self, batch: Sequence[PostDecision]) -> None:
        """The public space has nothing to do with what is counted here."""

    async def act(
        self,
        action: Act,
        category: str = "fraud",
        lang: str = "en",
        *,
        source: Source = "rule",
        automated: Automated = "fully",
        actor: bytes = b"",
        target: bytes | None = None,
        n: int = 1,
    ) -> list[Decided]:
        """So many decisions, each about another post unless one is given."""
        orders = []
        for _ in range(n):
            about = target or os.urandom(16)
            orders.append(
                Order(
                    key=order_key("test", about, next(self._numbers)),
                    target=about,
                    version=1,
                    author=b"a" * 16,
                    action=action,
                    category=category,
                    lang=lang,
                    source=source,
                    automated=automated,
                    actor=actor,
                )
            )
        return await decide(self.decisions, orders)

    def log(self, kind: Kind, n: int = 1) -> None:
        """Entries about no decision."""
        drafts = [Draft(kind, hash_record(bytes(16), b"%d" % next(self._numbers))) for _ in range(n)]
        self.db.write_sync(lambda db: record(SQLAuditRows(db, now=self.now), drafts, now=self.now))

    def sign(self) -> bytes:
        """A checkpoint over all there is."""
        return self.db.write_sync(lambda db: sign_now(SQLAuditRows(db, now=self.now), KEY, origin=ORIGIN))

    def notices(self, n: int, *, category: str = "fraud", state: str = "received", took: int | None = None) -> None:
        rows = [
            {
                "id": os.urandom(16),
                "target_kind": "post",
                "target": os.urandom(16),
                "version": 1,
                "reporter": os.urandom(16),
                "reporter_kind": "person",
                "category": category,
                "note": "",
                "weight": 1000,
                "state": state,
                "item_id": None,
                "decision_id": None,
                "at": self.now,
                "closed_at": None if took is None else self.now + took,
            }
            for _ in range(n)
        ]
        self.db.write_sync(lambda db: db.execute(insert(notice), rows))

    async def appeals(self, n: int, state: str, *, took: int = 3600) -> None:
        """Appeals that were answered, each with its entry of the log."""
        act: Act = "remove" if state == "upheld" else "restore"
        for _ in range(n):
            target = os.urandom(16)
            (first,) = await self.act("remove", target=target)
            (answer,) = await self.act(act, source="appeal", automated="not", actor=REVIEWER, target=target)
            row = {
                "id": os.urandom(16),
                "decision_id": first.row.id,
                "persona": b"a" * 16,
                "text": "no",
                "state": state,
                "reviewer": REVIEWER,
                "answer": "",
                "result_id": answer.row.id,
                "at": self.now,
                "due_at": self.now + 86_400,
                "closed_at": self.now + took,
            }
            self.db.write_sync(lambda db, row=row: db.execute(insert(appeal), row))  # type: ignore[misc]  # bound now

    def judged(
        self, n: int, judgement: str, *, decided: Sequence[Decided] = (), category: str = "", lang: str = "en"
    ) -> None:
        """Blind judgements: of these decisions, or of posts that were let stand."""
        rows = [
            {
                "target": decided[at].row.target if decided else os.urandom(16),
                "version": 1,
                "kind": "acted" if decided else "allowed",
                "decision_id": decided[at].row.id if decided else None,
                "category": decided[at].row.category if decided else category,
                "lang": decided[at].row.lang if decided else lang,
                "at": self.now,
                "judged_by": REVIEWER if judgement else None,
                "judgement": judgement,
                "judged_at": self.now if judgement else None,
            }
            for at in range(n)
        ]
        self.db.write_sync(lambda db: db.execute(insert(sample), rows))

    def posts(self, **by_language: int) -> None:
        """Versions judged today."""
        counts = {(lang, "allow"): n for lang, n in by_language.items()}
        self.db.write_sync(lambda db: count_judged(db, counts, now=self.now))

    def report(self, month: Month = NOVEMBER) -> Report:
        return self.db.read_sync(lambda db: read_report(db, month, server=SERVER, now=self.now))

    def run(self, statement: str) -> None:
        """Somebody at the database."""
        self.db.write_sync(lambda db: db.exec_driver_sql(statement))
