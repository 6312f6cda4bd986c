"""The worker: every version is judged once, whatever comes in between, and what is decided is carried out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import Connection
from tests import engines
from tests.moderation.pipeline.square import BENIGN, FRAUD, Clock, Square

from zajil.channels import posts as post_verbs
from zajil.channels.rules import states
from zajil.channels.rules.states import Outcome, Situation
from zajil.moderation.decide.decide import Decisions
from zajil.moderation.pipeline import storing
from zajil.moderation.pipeline import worker as worker_module
from zajil.moderation.pipeline.judging import Judged
from zajil.moderation.pipeline.reading import Levels, Reading, read_texts
from zajil.moderation.pipeline.work import Job
from zajil.moderation.store import decisions
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.ids import parse_b64
from zajil.protocol.public import api
from zajil.protocol.public.posts import PostDecision


async def test_a_harmless_post_is_shown_and_leaves_a_verdict_but_no_decision(square: Square) -> None:
    (post,) = await square.crowd([BENIGN])
    assert await square.work() == 1
    assert square.state(post) == "visible"
    assert square.rows("SELECT effect, lang FROM mod_verdict") == [("allow", "en")]
    assert square.rows("SELECT count(*) FROM mod_decision") == [(0,)]
    assert square.rows("SELECT lang, effect, posts FROM mod_tally") == [("en", "allow", 1)]
    assert square.rows("SELECT count(*) FROM pub_outbox") == [(0,)]


async def test_a_fraudulent_offer_is_held_with_reasons_an_entry_in_the_log_and_a_person_to_look(square: Square) -> None:
    (post,) = await square.crowd([FRAUD])
    await square.work()
    assert square.state(post) == "held"
    ((action, category, source, because, automated, sor),) = square.rows(
        "SELECT action, category, source, because, automated, sor IS NOT NULL FROM mod_decision"
    )
    assert (action, category, source, automated, sor) == ("hold", "fraud", "rule", "fully", 1)
    assert because == "fraud-offer-with-contact"
    assert square.rows("SELECT queue, state, effect FROM mod_item WHERE queue = 'main'") == [("main", "open", "hold")]
    assert square.rows("SELECT count(*) FROM mod_audit_entry") == [(1,)]
    assert square.rows("SELECT count(*) FROM mod_handover") == [(0,)]


async def test_a_hold_that_nobody_judged_ends_as_a_limit(square: Square, clock: Clock) -> None:
    (post,) = await square.crowd([FRAUD])
    await square.work()
    clock.advance(square.decisions.policy().defaults.hold_max_s + 1)
    await square.worker.keep_up()
    assert square.state(post) == "limited"
    assert square.rows("SELECT action, source FROM mod_decision ORDER BY seq") == [("hold", "rule"), ("limit", "clock")]
    await square.worker.keep_up()
    assert square.rows("SELECT count(*) FROM mod_decision") == [(2,)]


async def test_an_edit_is_judged_by_itself_and_the_old_verdict_never_applies_to_it(square: Square) -> None:
    author = square.persona()
    channel = square.channel(author)
    post = await square.post(author, channel, FRAUD)
    # The first version is claimed, and edited while it is on its way.
    jobs = await square.worker.source.claim(10, 30)
    await post_verbs.edit_post(square.space, author, post, api.EditPost(BENIGN, 1))
    await square.worker._judge(list(jobs))
    assert square.state(post) == "pending"
    await square.work()
    assert square.state(post) == "visible"
    assert square.rows("SELECT version, effect FROM mod_verdict ORDER BY version") == [(1, "hold"), (2, "allow")]


async def test_no_program_shows_what_a_judged_post_was_edited_to(square: Square) -> None:
    author = square.persona()
    post = await square.post(author, square.channel(author), FRAUD)
    await square.work()
    await square.judge(post, "limit")
    # The verdict about the second version comes after the decision that holds it.
    await post_verbs.edit_post(square.space, author, post, api.EditPost(BENIGN, 1))
    await square.judge(post, "remove")
    assert square.state(post) == "held"
    assert await square.work() == 1
    assert square.state(post) == "held"
    # Judged anew it stays so as well; when the decision is taken back, what the programs say counts again.
    target = parse_b64(post)
    square.db.write_sync(lambda db: db.exec_driver_sql("UPDATE mod_verdict SET stale = 1") and None)
    square.db.write_sync(lambda db: square.decisions.requeue(db, [(target, 2)]))
    assert await square.work() == 1
    assert square.state(post) == "held"
    # Neither does another edit bring it up: people are asked about that as well.
    await post_verbs.edit_post(square.space, author, post, api.EditPost(f"{BENIGN}, and for you", 2))
    await square.work()
    assert square.state(post) == "held"
    asked = square.rows("SELECT version, source FROM mod_item WHERE queue = 'main' AND state = 'open' ORDER BY version")
    assert asked == [(2, "edit"), (3, "edit")]
    await square.judge(post, "restore")
    assert square.rows("SELECT count(*) FROM mod_item WHERE queue = 'main' AND state = 'open'") == [(0,)]
    await square.work()
    assert square.state(post) == "visible"


async def test_a_person_outranks_every_later_program_on_that_version(square: Square) -> None:
    (post,) = await square.crowd([FRAUD])
    await square.work()
    await square.judge(post, "allow")
    assert square.state(post) == "visible"
    target = parse_b64(post)
    square.db.write_sync(lambda db: db.exec_driver_sql("UPDATE mod_verdict SET stale = 1") and None)
    square.db.write_sync(lambda db: square.decisions.requeue(db, [(target, 1)]))
    assert await square.work() == 1
    assert square.state(post) == "visible"
    newest = square.db.read_sync(lambda db: decisions.find_newest(db, "post", target, 1))
    assert newest is not None
    assert newest.is_human
    # An edit is another version: the person said nothing about it.
    assert square.rows("SELECT count(*) FROM mod_decision") == [(2,)]


class Poisoned(Exception):
    """What a text does to a library."""


def poisoned(texts: Sequence[str], levels: Levels) -> list[Reading]:
    if any("poison" in text for text in texts):
        raise Poisoned
    return read_texts(texts, levels)


async def test_one_post_that_nothing_can_read_goes_to_people_and_blocks_no_other(
    square: Square, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zajil.moderation.pipeline.reading.read_texts", poisoned)
    good = await square.crowd([f"{BENIGN} number {number}" for number in range(5)])
    young = square.persona(trust=0)
    old = square.persona(trust=2)
    bad = await square.post(young, square.channel(young), "a poison pill")
    shown = await square.post(old, square.channel(old), "another poison pill")
    more = await square.crowd([f"{BENIGN} again {number}" for number in range(5)])
    await square.work()
    assert {square.state(post) for post in [*good, *more]} == {"visible"}
    assert square.state(bad) == "held"
    assert square.state(shown) == "visible"
    assert square.rows("SELECT queue, state FROM mod_item WHERE queue = 'error'") == [("error", "open")] * 2
    assert square.rows("SELECT count(*) FROM pub_outbox") == [(0,)]


async def test_one_post_that_nothing_can_decide_goes_to_people_and_blocks_no_other(
    square: Square, monkeypatch: pytest.MonkeyPatch
) -> None:
    def store(moderation: Decisions, db: Connection, batch: Sequence[Judged], **named: object) -> list[PostDecision]:
        if any("poison" in each.post.text for each in batch):
            raise Poisoned
        return store_batch(moderation, db, batch, **named)  # type: ignore[arg-type]  # as it came

    store_batch = storing.store_batch
    monkeypatch.setattr(storing, "store_batch", store)
    good = await square.crowd([f"{BENIGN} number {number}" for number in range(5)])
    young = square.persona(trust=0)
    bad = await square.post(young, square.channel(young), "a poison pill")
    more = await square.crowd([f"{FRAUD} again {number}" for number in range(3)])
    assert await square.worker.work_once() == 9
    # The others are decided in the very batch, not once the poisoned one is out of the way.
    assert {square.state(post) for post in good} == {"visible"}
    assert {square.state(post) for post in more} == {"held"}
    await square.work()
    assert square.state(bad) == "held"
    assert square.rows("SELECT queue, state FROM mod_item WHERE queue = 'error'") == [("error", "open")]
    assert square.rows("SELECT count(*) FROM pub_outbox") == [(0,)]


async def test_one_decision_that_nobody_can_carry_out_holds_up_no_other(
    square: Square, monkeypatch: pytest.MonkeyPatch
) -> None:
    posts = await square.crowd([f"{BENIGN} number {number}" for number in range(4)])
    bad = parse_b64(posts[2])
    find_outcome = states.find_outcome

    def refuse(row: Situation, decision: PostDecision) -> Outcome:
        if decision.post_id == bad:
            raise Poisoned
        return find_outcome(row, decision)

    monkeypatch.setattr(states, "find_outcome", refuse)
    await square.worker.work_once()
    assert [square.state(post) for post in posts] == ["visible", "visible", "pending", "visible"]
    await square.work()
    # Nobody carried it out, however often it came: a person is told.
    assert square.rows("SELECT queue, target FROM mod_item WHERE queue = 'error'") == [("error", bad)]
    assert square.rows("SELECT count(*) FROM pub_outbox") == [(0,)]


async def test_copies_that_were_rolled_back_make_no_campaign(square: Square, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four copies and a fifth are a campaign; the four whose transaction failed are posts that nobody has seen."""
    template = f"{BENIGN}, and everybody who lives on the island is welcome to come along, whatever the weather is"

    def full(*_arguments: object, **_named: object) -> list[PostDecision]:
        raise error("busy")

    await square.crowd([template] * 4, trust=2)
    with monkeypatch.context() as patch:
        patch.setattr(storing, "store_batch", full)
        with pytest.raises(ZajilError, match="busy"):
            await square.worker.work_once()
    square.db.write_sync(lambda db: db.exec_driver_sql("DELETE FROM pub_outbox") and None)
    await square.crowd([template], trust=2)
    await square.work()
    assert square.rows("SELECT count(*) FROM mod_item") == [(0,)]


async def test_no_post_is_to_blame_for_a_database_that_cannot_be_written(
    square: Square, monkeypatch: pytest.MonkeyPatch
) -> None:
    (post,) = await square.crowd([BENIGN])

    def full(*_arguments: object, **_named: object) -> list[PostDecision]:
        raise error("busy")

    with monkeypatch.context() as patch:
        patch.setattr(storing, "store_batch", full)
        for _ in range(worker_module.ATTEMPTS_MAX + 1):
            with pytest.raises(ZajilError, match="busy"):
                await square.worker.work_once()
            await square.worker._put_back()
    assert square.rows("SELECT attempts FROM pub_outbox") == [(0,)]
    await square.work()
    assert square.state(post) == "visible"
    assert square.rows("SELECT count(*) FROM mod_item") == [(0,)]


async def test_what_takes_the_process_with_it_is_tried_alone_and_then_given_up(square: Square) -> None:
    """A claim whose worker dies leaves nothing but attempts."""
    (post,) = await square.crowd([BENIGN], trust=0)
    attempts = worker_module.ATTEMPTS_MAX
    square.db.write_sync(lambda db: db.exec_driver_sql(f"UPDATE pub_outbox SET attempts = {attempts}") and None)
    await square.work()
    assert square.state(post) == "held"
    assert square.rows("SELECT queue FROM mod_item") == [("error",)]


async def test_a_post_that_comes_alone_waits_for_no_company_and_nothing_is_claimed_behind_it(
    square: Square, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "FILL_S", 3600.0)
    source, claimed = square.worker.source, list[int]()
    waits, came = asyncio.Event(), asyncio.Event()

    async def claim(limit: int, lease_s: float) -> Sequence[Job]:
        jobs = await source.claim(limit, lease_s)
        claimed.append(len(jobs))
        return jobs

    async def wait(_timeout_s: float) -> None:
        waits.set()
        await came.wait()
        came.clear()

    square.worker.source = replace(source, claim=claim, wait=wait)
    running = asyncio.create_task(square.worker.run())
    async with asyncio.timeout(30):
        await waits.wait()
        waits.clear()
        (post,) = await square.crowd([BENIGN])
        came.set()
        await waits.wait()
    assert square.state(post) == "visible"
    assert claimed == [0, 1]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_version_that_comes_again_gets_the_answer_that_is_stored(square: Square) -> None:
    posts = await square.crowd([FRAUD, BENIGN])
    jobs = list(await square.worker.source.claim(10, 30))
    await square.worker._judge(jobs)
    before = square.rows("SELECT * FROM mod_verdict")
    # As if the worker had died before the outbox forgot the rows.
    for number, post in enumerate(posts):
        target = parse_b64(post).hex()
        square.db.write_sync(
            lambda db, n=number, target=target: (
                db.exec_driver_sql(  # type: ignore[misc]  # bound at once
                    "INSERT INTO pub_outbox (seq, post_id, version, early, lease_until_ms, attempts) "
                    + engines.spoken(f"VALUES ({900 + n}, x'{target}', 1, 0, 0, 1)")
                )
                and None
            )
        )
    assert await square.work() == 2
    assert square.rows("SELECT * FROM mod_verdict") == before
    assert square.rows("SELECT count(*) FROM mod_decision") == [(1,)]
    assert [square.state(post) for post in posts] == ["held", "visible"]


async def test_a_rule_that_was_reversed_three_times_in_a_day_is_suspended(square: Square) -> None:
    texts = [
        "Guaranteed profit from the first week on, our analysts trade while you sleep, ask @night_desk_one",
        "A cousin of mine found guaranteed profit in pearl farming and shares the shore with few: @pearl_bay_two",
        "Tickets for the circle of guaranteed profit are drawn on Sunday, reserve yours now with @circle_three",
        "No risk at all, guaranteed profit by the rules of my late uncle's notebook, copies from @notebook_four",
    ]
    posts = await square.crowd(texts[:3])
    await square.work()
    assert {square.state(post) for post in posts} == {"held"}
    for post in posts:
        await square.judge(post, "allow")
    assert square.rows("SELECT what, ref FROM mod_suspension") == [("rule", "fraud-offer-with-contact")]
    # The batch that stores learns of it, the one after it acts on it.
    await square.crowd([BENIGN])
    await square.work()
    (last,) = await square.crowd(texts[3:])
    await square.work()
    assert square.state(last) == "visible"
