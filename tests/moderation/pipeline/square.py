"""A public space with moderation on one database, without a server: personas, channels, posts, and a worker to step."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

from tests import engines
from tests.server.conftest import NO_LIMITS

from zajil.channels import posts as post_verbs
from zajil.channels import search
from zajil.channels.context import CallingPersona, Channels
from zajil.channels.store import personas, spaces
from zajil.channels.store.personas import PersonaRow
from zajil.channels.store.spaces import ChannelRow
from zajil.engine.sql.sqlite.database import FILE_NAME
from zajil.moderation.decide.decide import Decisions, decide
from zajil.moderation.decide.orders import Decided, Order, order_key
from zajil.moderation.pipeline.benches import Benches, packaged_policy
from zajil.moderation.pipeline.storing import Sampler
from zajil.moderation.pipeline.work import Point
from zajil.moderation.pipeline.worker import Worker
from zajil.moderation.policy.load import NO_MODEL
from zajil.moderation.policy.schema import Policy
from zajil.moderation.store.decisions import Act
from zajil.protocol.ids import ChannelId, PersonaId, encode_b64, parse_b64
from zajil.protocol.public import api
from zajil.protocol.public.posts import Role
from zajil.server.config import ModerationSettings, Settings
from zajil.server.moderation.wiring import Moderation
from zajil.server.moderation.worker import make_worker
from zajil.server.schema import find_database, has_database, open_database

START: Final = 1_800_000_000.0
DAY_S: Final = 86_400
REVIEWER: Final = b"r" * 16
OTHER_REVIEWER: Final = b"s" * 16
SETTINGS: Final = Settings(
    public_space=True, limits=NO_LIMITS, moderation=ModerationSettings(enabled=True, worker="apart", processes=0)
)
# Rule fraud-offer-with-contact holds these; the second one is of another kind of words.
FRAUD: Final = "Guaranteed profit every day, write to @quick_money_desk and double what you send within one hour"
BENIGN: Final = "The market by the old bridge opens again on Friday, and there will be music for the children"


@cache
def scoreless_policy() -> Policy:
    """The shipped policy, no score of which does anything."""
    return packaged_policy(NO_MODEL)


class Clock:
    """Unix seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class NoSample(Sampler):
    """Draws nothing: keys differ from run to run, and a test that is about something else must not hear of a draw."""

    def __init__(self) -> None:
        super().__init__(b"")

    def draws(self, what: str, target: bytes, version: int, share: float) -> bool:
        return False


class Square:
    """See the module. Closed by `close`."""

    def __init__(
        self,
        data: Path,
        clock: Callable[[], float],
        *,
        template: Path | None = None,
        sampler: Sampler | None = None,
        reached: Callable[[Point], None] | None = None,
    ) -> None:
        """template: an empty database to begin with, which is quicker than making one. sampler: None draws nothing."""
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.data = data
        self.clock = clock
        if not has_database(data):
            engines.name_in_settings(data)
        if template is not None and not has_database(data):
            shutil.copyfile(template, data / FILE_NAME)
        self.db = open_database(data) if template is None else find_database(data)
        # Scores do nothing here: what these tests hold must not change with every model that is trained.
        self.moderation: Moderation = make_worker(
            data,
            self.db,
            SETTINGS,
            clock=clock,
            benches=Benches(packaged=scoreless_policy, model=NO_MODEL),
            sampler=sampler or NoSample(),
            reached=reached or (lambda _point: None),
        )
        self._numbers = itertools.count(1)

    @property
    def space(self) -> Channels:
        return self.moderation._space

    @property
    def worker(self) -> Worker:
        return self.moderation.worker

    @property
    def decisions(self) -> Decisions:
        return self.moderation.decisions

    async def start(self) -> None:
        """Load models and memory, and start no task: tests step the worker."""
        await self.worker.start()

    async def close(self) -> None:
        await self.worker.stop()
        self.db.close()

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """What the database answers."""
        return [tuple(row) for row in self.db.read_sync(lambda db: db.exec_driver_sql(engines.spoken(query)).all())]

    def persona(self, *, trust: int = 1) -> CallingPersona:
        """A persona of this trust."""
        name = f"persona_{next(self._numbers)}"
        persona_id = PersonaId(os.urandom(16))
        accepted, age_s = ((0, 0), (3, 3 * DAY_S), (50, 30 * DAY_S))[trust]
        created = int(self.clock()) - age_s
        row = PersonaRow(persona_id, os.urandom(32), name, name.title(), created, accepted, 0, 0, 0)
        self.db.write_sync(lambda db: personas.insert_persona(db, row))
        return CallingPersona(persona_id, trust, 0, accepted, name, name.title())

    def channel(self, owner: CallingPersona, *, lang: str = "en", subscribers: int = 1) -> str:
        """A group of this owner, by its id as text."""
        channel_id = ChannelId(os.urandom(16))
        row = ChannelRow(
            id=channel_id,
            handle=f"channel_{next(self._numbers)}",
            title="Title",
            about="",
            kind="group",
            lang=lang,
            comments="on",
            join_rule="open",
            owner=owner.persona_id,
            state="open",
            category="",
            created_at=int(self.clock()),
            posts=0,
            subscribers=subscribers - 1,
        )
        self.db.write_sync(lambda db: spaces.insert_channel(db, row))
        self.join(owner, encode_b64(channel_id), "owner")
        return encode_b64(channel_id)

    def join(self, persona: CallingPersona, channel: str, role: Role = "member") -> None:
        channel_id = ChannelId(parse_b64(channel))
        self.db.write_sync(lambda db: spaces.insert_member(db, channel_id, persona.persona_id, role))

    async def post(self, author: CallingPersona, channel: str, text: str, *, lang: str = "") -> str:
        """A new post's id as text."""
        made = await post_verbs.create_post(self.space, author, channel, api.NewPost(text, lang))
        return encode_b64(made.post_id)

    async def crowd(self, texts: list[str], *, trust: int = 1) -> list[str]:
        """Posts of as many personas in as many channels."""
        made = []
        for text in texts:
            author = self.persona(trust=trust)
            made.append(await self.post(author, self.channel(author), text))
        return made

    async def work(self) -> int:
        """Judge until nothing waits; how many versions."""
        count = 0
        while done := await self.worker.work_once():
            count += done
        await self.worker.settle()
        return count

    def state(self, post: str) -> str:
        """The state of a post's newest version."""
        return str(self.rows(f"SELECT state FROM pub_post WHERE id = x'{parse_b64(post).hex()}'")[0][0])

    async def find(self, words: str) -> list[str]:
        """Ids of posts that a search finds."""
        found = await search.find_posts(self.space, None, words)
        return [encode_b64(each.post_id) for each in found.posts]

    async def judge(
        self, post: str, action: Act, *, version: int = 1, category: str = "fraud", by: bytes = REVIEWER, note: str = ""
    ) -> Decided:
        """A person's decision about a post."""
        target = parse_b64(post)
        row = self.rows(f"SELECT channel_id, author FROM pub_post WHERE id = x'{target.hex()}'")[0]
        order = Order(
            key=order_key("review", target, version, by, action, note),
            target=target,
            version=version,
            channel_id=bytes(row[0]),  # type: ignore[call-overload]  # a blob
            author=bytes(row[1]),  # type: ignore[call-overload]  # a blob
            action=action,
            category=category if action in ("label", "limit", "hold", "remove") else "",
            lang="en",
            source="person",
            actor=by,
            policy=self.decisions.policy().ref,
        )
        (decided,) = await decide(self.decisions, [order])
        return decided

    async def judge_cluster(self, action: Act, *, category: str = "fraud", by: bytes = REVIEWER) -> Decided:
        """A person's decision about the one campaign in the queue."""
        ((target, version, lang),) = self.rows(
            "SELECT target, version, lang FROM mod_item WHERE target_kind = 'cluster'"
        )
        order = Order(
            key=order_key("review", bytes(target), by, action),  # type: ignore[call-overload]  # a blob
            target_kind="cluster",
            target=bytes(target),  # type: ignore[call-overload]  # a blob
            version=int(str(version)),
            action=action,
            category=category if action == "remove_cluster" else "",
            lang=str(lang),
            source="person",
            actor=by,
            policy=self.decisions.policy().ref,
        )
        (decided,) = await decide(self.decisions, [order])
        return decided
