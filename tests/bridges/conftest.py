"""The bridge registry alone: a real database, real keys, and a clock the test turns."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from zajil.bridges.registry import joining, operator
from zajil.bridges.registry.context import Registry
from zajil.bridges.registry.documents import Documents, Place
from zajil.engine.keys import Keys
from zajil.engine.limits import Limits
from zajil.engine.reachkeys import ReachKeys
from zajil.engine.sql.database import Database
from zajil.protocol import control
from zajil.protocol.ids import AccountId
from zajil.protocol.reach.endpoints import Endpoint, EndpointKind
from zajil.server.schema import open_database

START = 1_790_000_000.0
PLACE = Place(
    hosts=("home.example",),
    app_origins=("https://home.example",),
    endpoints=(Endpoint("origin", EndpointKind.ORIGIN, "home.example"),),
)


@dataclass
class World:
    """The time, the keys, and how old accounts are."""

    db: Database
    signing: ReachKeys
    keys: Keys
    now: float = START
    days: dict[AccountId, int] = field(default_factory=dict)

    async def created_day(self, account_id: AccountId) -> int:
        return self.days.get(account_id, 0)

    def documents(self, place: Place = PLACE, signing: ReachKeys | None = None) -> Documents:
        """As at a start of the server."""
        return Documents(self.db, keys=self.keys, signing=signing or self.signing, place=place, clock=lambda: self.now)

    def registry(self, *, token_age_days: int = 7) -> Registry:
        return Registry(
            db=self.db,
            keys=self.keys,
            limits=Limits(),
            documents=self.documents(),
            origin="wss://home.example/v1/sealed",
            app_origins=PLACE.app_origins,
            token_age_days=token_age_days,
            created_day=self.created_day,
            clock=lambda: self.now,
            random=os.urandom,
        )


def new_signing() -> ReachKeys:
    return ReachKeys(root=os.urandom(32), list=os.urandom(32), sessions={1: os.urandom(96)})


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = open_database(tmp_path)
    yield World(database, new_signing(), Keys.create())
    database.close()


@pytest.fixture
def registry(world: World) -> Registry:
    return world.registry()


async def join(registry: Registry, host: str = "bridge.test", port: int = 443) -> control.JoinedBridge:
    """A bridge that joins with a code of the operator."""
    code = operator.invite_bridge(registry.db, now=registry.clock())
    return await joining.join(registry, control.JoinBridge(code, host, port, "assets"), prefix=b"prefix")
