"""Stage 5 against a small server that speaks the chat API: it asks people, softens guesses, and is never needed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.moderation.pipeline.square import BENIGN, FRAUD, Square

from zajil.moderation.pipeline.judge import FAILURES, Judge
from zajil.moderation.pipeline.judging import Judged
from zajil.moderation.signals import Signal

HARMLESS = {
    "category": "none",
    "subcategory": "",
    "severity": 0,
    "quoted_or_condemned": True,
    "confidence": 0.9,
    "spans": [],
}
GRAVE = HARMLESS | {"category": "fraud", "severity": 3, "quoted_or_condemned": False}


class Model:
    """The server: answers with whatever `reply` gives, and keeps what it was asked."""

    def __init__(self) -> None:
        self.reply: Callable[[], web.Response] = lambda: self.say(json.dumps(HARMLESS))
        self.asked: list[dict[str, object]] = []

    @staticmethod
    def say(content: str) -> web.Response:
        return web.json_response({"choices": [{"message": {"role": "assistant", "content": content}}]})

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(await request.json() | {"authorization": request.headers.get("authorization", "")})
        return self.reply()


@pytest.fixture
async def model() -> AsyncIterator[tuple[Model, str]]:
    made = Model()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", made.answer)
    async with TestServer(app) as server:
        yield made, str(server.make_url("/v1"))


def use(square: Square, url: str, *, per_minute: int = 100) -> Judge:
    judge = Judge(url, model="any", key="secret", per_minute=per_minute, policy=square.decisions.policy)
    square.worker.later = (judge,)
    return judge


async def test_a_guess_that_the_model_does_not_share_becomes_a_question_to_a_person(
    square: Square, model: tuple[Model, str]
) -> None:
    server, url = model
    judge = use(square, url)
    assert not judge.leaves_the_machine
    (post,) = await square.crowd([FRAUD], trust=0)
    await square.work()
    assert square.state(post) == "visible"
    assert square.rows("SELECT effect, stage FROM mod_verdict") == [("review", 5)]
    (asked,) = server.asked
    assert asked["authorization"] == "Bearer secret"
    assert asked["temperature"] == 0
    # The post is data: a JSON string in a message of its own.
    messages = asked["messages"]
    assert isinstance(messages, list)
    assert json.loads(messages[1]["content"]) == {"post": FRAUD}
    assert FRAUD not in messages[0]["content"]


async def test_a_model_that_sees_harm_takes_nothing_away_and_removes_nothing(
    square: Square, model: tuple[Model, str]
) -> None:
    server, url = model
    server.reply = lambda: server.say(json.dumps(GRAVE))
    use(square, url)
    (post,) = await square.crowd([FRAUD], trust=0)
    await square.work()
    assert square.state(post) == "held"


@pytest.mark.parametrize(
    "content",
    ["allow", "{}", json.dumps(HARMLESS | {"severity": 9}), json.dumps(HARMLESS | {"remove": True}), "[" * 2000],
)
async def test_an_answer_outside_the_schema_is_no_answer(
    square: Square, model: tuple[Model, str], content: str
) -> None:
    server, url = model
    server.reply = lambda: server.say(content)
    use(square, url)
    (post,) = await square.crowd([FRAUD], trust=0)
    await square.work()
    assert square.state(post) == "held"


async def test_a_server_that_fails_is_left_alone_for_a_while_and_the_budget_is_kept(
    square: Square, model: tuple[Model, str]
) -> None:
    server, url = model
    server.reply = lambda: web.Response(status=500)
    use(square, url)
    posts = await square.crowd([f"{FRAUD} {number}" for number in range(FAILURES + 3)], trust=0)
    await square.work()
    assert {square.state(post) for post in posts} == {"held"}
    asked = len(server.asked)
    assert FAILURES <= asked < FAILURES + 4
    posts = await square.crowd([f"{FRAUD} again {number}" for number in range(3)], trust=0)
    await square.work()
    assert len(server.asked) == asked
    server.reply = lambda: server.say(json.dumps(HARMLESS))
    use(square, url, per_minute=1)
    posts = await square.crowd([f"{FRAUD} once more {number}" for number in range(3)], trust=0)
    await square.work()
    assert sorted(square.state(post) for post in posts) == ["held", "held", "visible"]


class Slow:
    """A stage that answers when it is told to."""

    name = "slow"

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answer = asyncio.Event()

    async def look(self, posts: Sequence[Judged]) -> list[tuple[Signal, ...]]:
        self.asked.set()
        await self.answer.wait()
        return [()] * len(posts)


async def test_a_slow_model_holds_up_the_post_it_looks_at_and_no_other(square: Square) -> None:
    slow = Slow()
    square.worker.later = (slow,)
    (stranger,) = await square.crowd([FRAUD], trust=0)
    others = await square.crowd([f"{BENIGN} number {number}" for number in range(3)], trust=2)
    assert await square.worker.work_once() == 4
    await slow.asked.wait()
    assert [square.state(post) for post in others] == ["visible"] * 3
    assert square.state(stranger) == "pending"
    # The batches behind go on too.
    (later,) = await square.crowd([f"{BENIGN} a little later"], trust=2)
    assert await square.worker.work_once() == 1
    assert square.state(later) == "visible"
    slow.answer.set()
    await square.worker.settle()
    assert square.state(stranger) == "held"
    assert square.rows("SELECT count(*) FROM pub_outbox") == [(0,)]


async def test_a_worker_that_stops_while_a_model_thinks_gives_its_posts_back(square: Square) -> None:
    slow = Slow()
    square.worker.later = (slow,)
    await square.crowd([FRAUD], trust=0)
    await square.worker.work_once()
    await slow.asked.wait()
    await square.worker.stop()
    assert square.rows("SELECT lease_until_ms, attempts FROM pub_outbox") == [(0, 0)]


async def test_a_model_that_never_answers_is_skipped(square: Square, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zajil.moderation.pipeline.second.LOOK_S", 0.01)
    square.worker.later = (Slow(),)
    (post,) = await square.crowd([FRAUD], trust=0)
    await square.work()
    assert square.state(post) == "held"
    ((signals,),) = square.rows("SELECT signals FROM mod_verdict")
    assert b"skipped" in bytes(signals)  # type: ignore[call-overload]  # a blob
