"""Both sides of moderation at the terminal: a reporter, an author, reasons, an appeal and its answer."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from tests.channels.world import Clock
from tests.moderation.people.desk import Desk, Member

from zajil.cli.main import run_command
from zajil.cli.untrusted import clean_text
from zajil.protocol.ids import encode_b64, parse_b64
from zajil.protocol.review import api, routes

NOTICE_FIELDS = {"decision_id", "kind", "target", "action", "category", "statement", "appeal_until", "appeal", "proof"}


class Now(Clock):
    """The time of this machine, as the clients in the story have it."""

    def __call__(self) -> float:
        return time.time() + self.now

    def __init__(self) -> None:
        self.now = 0.0


@pytest.fixture
def clock() -> Clock:
    return Now()


class Person:
    """`zajil` as somebody with an account and one persona."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self._capsys = capsys

    async def run(self, *words: str, code: int = 0) -> str:
        """What it printed, stdout before stderr."""
        self._capsys.readouterr()
        found = await asyncio.to_thread(run_command, ["--home", str(self.home), *words])
        out, err = self._capsys.readouterr()
        assert found == code, err
        return out + err

    async def json(self, *words: str) -> Any:  # Any: what a command prints
        return json.loads(await self.run(*words, "--json"))

    async def begin(self, desk: Desk, handle: str) -> None:
        await self.run("register", "--server", f"http://127.0.0.1:{desk.server.port}", "--name", handle)
        await self.run("persona", "create", handle)


@pytest.fixture
async def people(desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Person, Person]:
    author, reporter = Person(tmp_path / "author", capsys), Person(tmp_path / "reporter", capsys)
    await author.begin(desk, "author_one")
    await reporter.begin(desk, "reporter_one")
    return author, reporter


async def reported_post(desk: Desk, author: Person, reporter: Person) -> str:
    """The name of a post that stands, with a report about it."""
    await author.run("channel", "create", "author_news")
    made = await author.json("channel", "post", "author_news", "Guaranteed gains for you alone")
    await desk.judge()
    name: str = made["name"]
    given = await reporter.json("channel", "report", name, "--category", "fraud", "--note", "look at this")
    assert (given["state"], given["kind"], given["target"]) == ("received", "post", made["id"])
    again = await reporter.json("channel", "report", name, "--category", "spam")
    assert again["report_id"] == given["report_id"], "one report about one version"
    return name


async def removed(desk: Desk, reviewer: Member) -> None:
    item = await desk.take(reviewer)
    await desk.decide_item(reviewer, item.item_id, "remove", "fraud")


async def test_a_report_a_decision_an_appeal_and_its_answer(desk: Desk, people: tuple[Person, Person]) -> None:
    author, reporter = people
    name = await reported_post(desk, author, reporter)
    one, other = await desk.member("senior"), await desk.member("senior")
    assert "not-allowed" in await author.run("channel", "report", name, "--category", "fraud", code=1)
    await removed(desk, one)

    (told,) = await author.json("notices")
    (notice,) = told["notices"]
    assert set(notice) >= NOTICE_FIELDS
    assert (told["persona"], notice["action"], notice["category"]) == ("author_one", "remove", "fraud")
    assert (notice["automated"], notice["in_force"], told["standing"]["points"]) == (False, True, 1)
    decision = f"decision/{notice['decision_id']}"
    shown = await author.run("notices")
    assert clean_text(notice["statement"]["explanation"]).splitlines()[0] in shown
    assert f"appeal {decision} TEXT" in shown
    (mine,) = await reporter.json("notices")
    assert [each["state"] for each in mine["reports"]] == ["acted"]
    assert mine["notices"] == []
    assert f"something was done  post/{mine['reports'][0]['target']}" in await reporter.run("notices")

    assert "gone" in await reporter.run("appeal", decision, "not mine", code=1)
    appeal = await author.json("appeal", decision, "It was a joke about gains")
    assert (appeal["state"], appeal["decision_id"]) == ("open", notice["decision_id"])
    assert "appeal: waiting" in await author.run("appeal", decision)
    decide = api.DecideAppeal("reversed", "You are right.")
    await desk.ask(routes.CLAIM_APPEAL, api.AppealBrief, by=other, appeal=appeal["appeal_id"])
    await desk.ask(routes.DECIDE_APPEAL, api.Decided, decide, by=other, appeal=appeal["appeal_id"])

    answered = await author.json("appeal", decision)
    assert (answered["appeal"]["state"], answered["appeal"]["answer"]) == ("reversed", "You are right.")
    assert "You are right." in await author.run("appeal", decision)
    (told,) = await author.json("notices")
    assert [each["action"] for each in told["notices"]] == ["restore", "remove"]
    assert told["standing"]["points"] == 0, "the strike is taken back too"
    assert [post["state"] for post in await reporter.json("channel", "read", "author_news")] == ["visible"]
    (mine,) = await reporter.json("notices")
    assert [each["state"] for each in mine["reports"]] == ["reversed"]


async def test_channels_and_personas_are_reported_too(desk: Desk, people: tuple[Person, Person]) -> None:
    author, reporter = people
    channel = await author.json("channel", "create", "author_news")
    given = await reporter.json("channel", "report", "@author_news", "--reason", "hate")
    assert (given["kind"], given["target"]) == ("channel", channel["id"])
    given = await reporter.json("channel", "report", "@author_one", "--category", "harassment")
    assert (given["kind"], len(parse_b64(given["target"]))) == ("persona", 16)
    assert "gone" in await reporter.run("channel", "report", "@nobody_here", "--category", "spam", code=1)
    (mine,) = await reporter.json("notices", "--as", "reporter_one")
    assert {each["kind"] for each in mine["reports"]} == {"persona", "channel"}


async def test_wrong_usage(desk: Desk, people: tuple[Person, Person]) -> None:
    author, _ = people
    assert "bad-decision" in await author.run("appeal", "decision/short", "text", code=2)
    assert "note-too-long" in await author.run("appeal", encode_b64(bytes(16)), "x" * 2001, code=2)
    assert "--category" in await author.run("channel", "report", "@author_news", "--category", "boredom", code=2)
    assert "gone" in await author.run("appeal", encode_b64(bytes(16)), "text", code=1)
    assert "Nothing to tell." in await author.run("notices")
