"""What a post and a decision cost the database: statements, counted on a space that nothing else works on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from tests.channels.world import Clock, fold
from tests.server.conftest import NO_LIMITS

from zajil.channels import outbox, posts, spaces
from zajil.channels.context import CallingPersona, Channels
from zajil.channels.identity.challenge import PersonaChallenges
from zajil.channels.store import personas
from zajil.channels.store.personas import PersonaRow
from zajil.engine.limits import Limits
from zajil.engine.sql.database import Database
from zajil.protocol.ids import PersonaId, encode_b64
from zajil.protocol.public import api
from zajil.protocol.public.posts import Effect, PostDecision
from zajil.server.schema import open_database

ALICE = PersonaRow(PersonaId(b"a" * 16), bytes(32), "alice", "Alice", 0, 0, 0, 0, 0)
CALLER = CallingPersona(ALICE.id, 2, 0, 0, ALICE.handle, ALICE.display_name)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_database(tmp_path)
    yield database
    database.close()


@pytest.fixture
def space(database: Database) -> Channels:
    database.write_sync(lambda db: personas.insert_persona(db, ALICE))
    return Channels(
        db=database,
        limits=Limits(NO_LIMITS),
        challenges=PersonaChallenges(bytes(32), os.urandom),
        origin="localhost",
        clock=Clock(),
        spend_pass=lambda _db, _pass: True,
        fold=fold,
        record_decision=lambda _db, _decision: None,
        gate_timeout_s=2,
        gate_hold_s=60,
        waiting_max=10,
        random=os.urandom,
    )


@contextmanager
def counting(database: Database) -> Iterator[list[str]]:
    """The statements that write transactions run meanwhile."""
    seen: list[str] = []

    def note(_db: Any, _cursor: Any, statement: str, *_more: Any) -> None:  # Any: SQLAlchemy's hook
        if not statement.startswith("BEGIN"):
            seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


async def test_a_post_takes_four_statements_and_decisions_ten_together(space: Channels, database: Database) -> None:
    channel = await spaces.create_channel(space, CALLER, api.NewChannel("chan_one", "T", "broadcast"))
    with counting(database) as seen:
        post = await posts.create_post(space, CALLER, encode_b64(channel.channel_id), api.NewPost("text"))
    # Channel and membership, post, version, outbox.
    assert len(seen) == 4, seen

    async def cost(effect: Effect) -> int:
        decision = PostDecision(
            decision_id=os.urandom(32), post_id=post.post_id, version=1, effect=effect, category="spam", at=0
        )
        with counting(database) as seen:
            assert await outbox.apply_decisions(space, [decision]) == ("applied",)
        return len(seen)

    # Known, noted, read, moved, trust, history, text, index, count, event.
    assert await cost("allow") == 10
    assert await cost("remove") == 9
    reference = encode_b64(channel.channel_id)
    more = [await posts.create_post(space, CALLER, reference, api.NewPost(f"text {number}")) for number in range(20)]
    batch = [
        PostDecision(decision_id=os.urandom(32), post_id=each.post_id, version=1, effect="allow", at=0) for each in more
    ]
    with counting(database) as seen:
        assert await outbox.apply_decisions(space, batch) == ("applied",) * 20
    assert len(seen) == 10, seen
    with counting(database) as seen:
        await outbox.claim(space, limit=512, lease_s=30, now=0)
    assert len(seen) == 3, seen
