"""What notices count for: reporters by how often they were right, groups once, and never a deed by themselves."""

from __future__ import annotations

import itertools
import os
import random
import sqlite3
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pytest
from sqlalchemy import Connection, event
from tests.channels.world import Author
from tests.moderation.people.desk import Desk

from zajil.engine.sql.sqlite.database import SQLiteDatabase
from zajil.moderation.reports.weights import (
    Given,
    Tallies,
    count_together,
    is_abusive,
    precision,
    tally_of,
    weigh,
)
from zajil.moderation.store import matches, notices
from zajil.moderation.store.notices import NoticeRow, Record
from zajil.protocol.ids import encode_b64, parse_b64
from zajil.protocol.review import api, routes
from zajil.protocol.review.suspensions import LiftSuspension, Suspensions

A, B, C, D = (bytes([each]) for each in range(4))


@pytest.mark.parametrize(
    ("closed", "acted", "expected", "abusive"),
    [
        (0, 0, 500, False),
        (19, 0, 48, False),
        (20, 0, 45, True),
        (20, 1, 91, True),
        (20, 2, 136, False),
        (8, 8, 900, False),
    ],
)
def test_a_reporter_weighs_by_how_often_they_were_right(closed: int, acted: int, expected: int, abusive: bool) -> None:
    record = Record(closed, acted)
    assert weigh(record, kind="person", muted=False) == expected
    assert is_abusive(record) is abusive
    assert weigh(record, kind="bot", muted=False) == weigh(record, kind="person", muted=True) == 0
    assert 0 < precision(record) < 1


def test_a_group_counts_once_and_strangers_each() -> None:
    given = [Given(A, 500, 0), Given(B, 900, 10), Given(C, 300, 20), Given(D, 700, 4000)]
    assert count_together(given, {}) == 2400
    assert count_together(given, {A: {b"x"}, B: {b"x"}, C: {b"y"}, D: set()}) == 1900
    # C joins by B: groups that share a member are one. D came more than an hour after the others.
    earlier = {A: {b"x"}, B: {b"x", b"y"}, C: {b"y"}, D: {b"x", b"y"}}
    assert count_together(given, earlier) == 1600
    assert count_together(list(reversed(given)), earlier) == 1600
    assert count_together([], earlier) == 0


def add_notices(desk: Desk, reporter: Author, n: int, state: str) -> None:
    """Notices of this reporter that had their outcome."""
    now = int(desk.clock())

    def write(db: object) -> None:
        for number in range(n):
            row = NoticeRow(
                id=number.to_bytes(16, "big"),
                target_kind="post",
                target=(number + 1000).to_bytes(16, "big"),
                version=1,
                reporter=reporter.persona_id,
                reporter_kind="person",
                category="spam",
                note="",
                weight=500,
                state=state,
                item_id=None,
                decision_id=None,
                at=now,
                closed_at=now,
            )
            notices.insert_notice(db, row)  # type: ignore[arg-type]  # the transaction

    desk.server._db.write_sync(write)


async def test_who_is_nearly_always_wrong_is_muted_told_and_may_appeal(desk: Desk) -> None:
    author, reporter = await desk.author(), await desk.author()
    reviewer, senior = await desk.member(), await desk.member("senior")
    channel = await desk.channel(author)
    add_notices(desk, reporter, 19, "declined")
    post = await desk.visible_post(author, channel, "a harmless text that somebody dislikes")
    await desk.report(reporter, post)
    item = await desk.take(reviewer)
    await desk.decide_item(reviewer, item.item_id, "allow")
    (told,) = await desk.notices(reporter)
    assert (told.kind, told.action, told.automated) == ("persona", "mute", True)
    assert told.until == int(desk.clock()) + 30 * 86_400
    assert (await desk.standing(reporter)).reports_muted_until == told.until
    other = await desk.visible_post(author, channel, "another harmless text that is disliked")
    assert (await desk.report(reporter, other)).state == "received"
    assert not (await desk.ask(routes.LIST_ITEMS, api.Items, by=reviewer, queue="main")).items
    assert desk.rows("SELECT weight FROM mod_notice WHERE state = 'received'") == [(0,)]

    appeal = await desk.appeal(reporter, told.decision_id, "I meant it")
    verdict = api.DecideAppeal("reversed", "A new start.")
    name = encode_b64(appeal.appeal_id)
    await desk.ask(routes.DECIDE_APPEAL, api.Decided, verdict, by=senior, appeal=name)
    assert (await desk.standing(reporter)).reports_muted_until is None
    third = await desk.visible_post(author, channel, "a third text that is disliked as well")
    await desk.report(reporter, third)
    assert len((await desk.ask(routes.LIST_ITEMS, api.Items, by=reviewer, queue="main")).items) == 1


async def test_a_hundred_notices_act_on_nothing_and_a_judged_post_is_not_asked_about_again(desk: Desk) -> None:
    author, reviewer = await desk.author(), await desk.member()
    reporters = [await desk.author() for _ in range(6)]
    channel = await desk.channel(author)
    post = await desk.visible_post(author, channel, "a text that a crowd does not like")
    for each in reporters[:4]:
        await desk.report(each, post, "hate")
    assert (await desk.read(post)).state == "visible"
    assert desk.rows("SELECT count(*) FROM mod_decision") == [(0,)]
    (item,) = (await desk.ask(routes.LIST_ITEMS, api.Items, by=reviewer, queue="main")).items
    first = item.harm
    await desk.decide_item(reviewer, item.item_id, "allow")
    assert (await desk.read(post)).state == "visible"
    assert [(await desk.reports(each))[0].state for each in reporters[:4]] == ["declined"] * 4
    assert (await desk.report(reporters[4], post, "hate")).state == "declined"
    assert not (await desk.ask(routes.LIST_ITEMS, api.Items, by=reviewer, queue="main")).items
    assert first > 300
    assert len(parse_b64(post)) == 16


async def test_strikes_add_up_to_limits_and_to_a_senior_and_are_taken_back_together(desk: Desk) -> None:
    author, reporter = await desk.author(), await desk.author()
    reviewer, senior = await desk.member(), await desk.member("senior")
    channel = await desk.channel(author)
    made = []
    for number in range(6):
        post = await desk.visible_post(author, channel, f"fraudulent text number {number} of this author")
        await desk.report(reporter, post)
        item = await desk.take(reviewer)
        made.append((item.item_id, await desk.decide_item(reviewer, item.item_id, "remove", "fraud")))
        standing = await desk.standing(author)
        assert standing.points == number + 1
        assert (standing.limited_until is not None) == (number >= 2)
    grave = (await desk.ask(routes.LIST_ITEMS, api.Items, by=senior, queue="senior")).items
    assert [(each.kind, bytes(each.target), each.source) for each in grave] == [
        ("persona", author.persona_id, "strikes")
    ]
    profile = await desk.ask(routes.PERSONA, api.Profile, by=senior, persona=encode_b64(author.persona_id))
    assert profile.person.points == 6
    assert len(profile.history) == 6
    for item_id, _ in reversed(made[1:]):
        await desk.ask(routes.UNDO, api.Decided, by=reviewer, item=encode_b64(item_id))
    standing = await desk.standing(author)
    assert (standing.points, standing.limited_until) == (1, None)
    assert not (await desk.ask(routes.LIST_ITEMS, api.Items, by=senior, queue="senior")).items


async def test_self_harm_brings_no_strike_and_offers_care(desk: Desk) -> None:
    author, reporter, reviewer = await desk.author(), await desk.author(), await desk.member()
    post = await desk.visible_post(author, await desk.channel(author), "words of somebody who is not well")
    await desk.report(reporter, post, "self_harm")
    item = await desk.take(reviewer)
    await desk.decide_item(reviewer, item.item_id, "remove", "self_harm")
    assert (await desk.standing(author)).points == 0
    (told,) = await desk.notices(author)
    assert told.care


async def test_a_big_channel_is_blocked_by_two_people(desk: Desk) -> None:
    owner = await desk.author()
    channel = await desk.channel(owner)
    one, other = await desk.member("senior"), await desk.member("senior")
    body = api.Decide("block_channel", "fraud")
    desk.server._db.write_sync(lambda db: db.exec_driver_sql("UPDATE pub_channel SET subscribers = 10001"))
    first = await desk.ask(routes.DECIDE_CHANNEL, api.Decided, body, by=one, channel=channel)
    again = await desk.ask(routes.DECIDE_CHANNEL, api.Decided, body, by=one, channel=channel)
    assert first.waits_for_second
    assert again.waits_for_second
    assert (await desk.show(channel)).state == "open"
    second = await desk.ask(routes.DECIDE_CHANNEL, api.Decided, body, by=other, channel=channel)
    assert not second.waits_for_second
    assert (await desk.show(channel)).state == "blocked"
    (told,) = await desk.notices(owner)
    assert (told.kind, told.action) == ("channel", "block_channel")
    restored = api.Decide("restore")
    await desk.ask(routes.DECIDE_CHANNEL, api.Decided, restored, by=one, channel=channel)
    assert (await desk.show(channel)).state == "open"


async def test_lists_are_kept_by_policy_and_say_what_people_suspended(desk: Desk) -> None:
    keeper, reviewer = await desk.member("policy"), await desk.member()
    entry = api.ListEntry("HTTPS://Bad.Example:443/x?utm_source=1", "fraud")
    assert await desk.refused(routes.EDIT_LIST, api.EditList((entry,)), by=reviewer, list="url") == "not-allowed"
    found = await desk.ask(routes.EDIT_LIST, api.AddressList, api.EditList((entry,)), by=keeper, list="url")
    assert [(each.value, each.category) for each in found.entries] == [("bad.example/x", "fraud")]
    sizes = await desk.ask(routes.LISTS, api.Lists, by=reviewer)
    assert {each.name: each.entries for each in sizes.lists}["url"] == 1
    gone = await desk.ask(
        routes.EDIT_LIST, api.AddressList, api.EditList(drop=("bad.example/x",)), by=keeper, list="url"
    )
    assert not gone.entries
    desk.clock.advance(301)
    assert await desk.refused(routes.EDIT_LIST, api.EditList((entry,)), by=keeper, list="url") == "step-up-needed"
    policy = await desk.ask(routes.POLICY, api.PolicyView, by=reviewer)
    assert len(policy.categories) == 7
    assert policy.exemptions


async def test_whoever_keeps_lists_lifts_what_people_suspended_and_everybody_of_staff_sees_it(desk: Desk) -> None:
    keeper, reviewer = await desk.member("policy"), await desk.member()
    entry = api.EditList((api.ListEntry("bad.example", "fraud"),))
    await desk.ask(routes.EDIT_LIST, api.AddressList, entry, by=keeper, list="host")
    since = int(desk.clock())
    for what, ref in (("url", "host bad.example"), ("rule", "fraud-offer-with-contact"), ("rule", "of-an-old-policy")):
        desk.server._db.write_sync(
            lambda db, what=what, ref=ref: matches.put_suspension(db, what, ref, now=since)  # type: ignore[misc]
        )
    shown = await desk.ask(routes.SUSPENSIONS, Suspensions, by=reviewer)
    assert [(each.kind, each.ref, each.since, each.stands) for each in shown.suspensions] == [
        ("rule", "fraud-offer-with-contact", since, True),
        ("rule", "of-an-old-policy", since, False),
        ("host", "bad.example", since, True),
    ]
    body = LiftSuspension("host", "Bad.Example", "checked with the bank")
    assert await desk.refused(routes.LIFT_SUSPENSION, body, by=reviewer) == "not-allowed"
    desk.clock.advance(301)
    assert await desk.refused(routes.LIFT_SUSPENSION, body, by=keeper) == "step-up-needed"
    await desk.step_up(keeper)
    for blank in ("", "  \n"):
        unsaid = LiftSuspension("host", "Bad.Example", blank)
        assert await desk.refused(routes.LIFT_SUSPENSION, unsaid, by=keeper) == "malformed"
    left = await desk.ask(routes.LIFT_SUSPENSION, Suspensions, body, by=keeper)
    assert [each.kind for each in left.suspensions] == ["rule", "rule"]
    assert await desk.refused(routes.LIFT_SUSPENSION, body, by=keeper) == "gone"
    assert not (await desk.ask(routes.READ_LIST, api.AddressList, by=reviewer, list="host")).suspended
    rule = LiftSuspension("rule", "fraud-offer-with-contact", "they were jokes")
    await desk.ask(routes.LIFT_SUSPENSION, Suspensions, rule, by=keeper)
    assert (await desk.ask(routes.POLICY, api.PolicyView, by=reviewer)).suspended_rules == ("of-an-old-policy",)
    records = desk.rows("SELECT kind, record FROM mod_audit_record ORDER BY n")
    assert records[-2:] == [
        ("list", "lift host bad.example: checked with the bank"),
        ("policy", "lift rule fraud-offer-with-contact: they were jokes"),
    ]


@pytest.mark.sqlite
async def test_what_was_reversed_is_found_by_its_time_and_never_by_whoever_writes(desk: Desk) -> None:
    keeper, since = await desk.member("policy"), int(desk.clock())
    database = desk.server._db
    assert isinstance(database, SQLiteDatabase)

    def suspend(db: Connection) -> None:
        for ref in ("one", "another"):
            matches.put_suspension(db, "rule", ref, now=since)

    database.write_sync(suspend)
    asked: dict[str, list[tuple[str, tuple[object, ...]]]] = {"writer": [], "reader": []}

    def watch(connection: Connection, _cursor: object, statement: str, values: tuple[object, ...], *_: object) -> None:
        if "AS reversal" in statement:
            asked["writer" if connection.engine is database.engine else "reader"].append((statement, values))

    engines = (database.engine, database._reader)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", watch)
    try:
        left = await desk.ask(routes.LIFT_SUSPENSION, Suspensions, LiftSuspension("rule", "one", "seen"), by=keeper)
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", watch)
    assert [each.ref for each in left.suspensions] == ["another"]
    assert not asked["writer"], "messages wait for it"
    ((statement, values),) = asked["reader"]
    plan = database.read_sync(lambda db: db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).fetchall())
    told = [detail for *_, detail in plan]
    assert "SEARCH reversal USING INDEX mod_decision_at (at>? AND at<?)" in told, "not all decisions there ever were"


@pytest.mark.sqlite
async def test_a_notice_costs_the_same_however_many_reported_before(desk: Desk) -> None:
    author = await desk.author()
    channel = await desk.channel(author)
    few, many = [await _cost_of_one_more(desk, author, channel, crowd) for crowd in (3, 400)]
    assert many.statements == few.statements
    assert many.steps < few.steps * 2, "not a row for each reporter"


class _Cost(NamedTuple):
    """What one call took. steps: of the database's own machine, rows that are fetched later too."""

    statements: int
    steps: int


async def _cost_of_one_more(desk: Desk, author: Author, channel: str, crowd: int) -> _Cost:
    """Of one more notice about a post that so many reported, who all reported another one before."""
    first, second = await desk.author(), await desk.author()
    post = await desk.visible_post(author, channel, f"a post that {crowd} people report")
    now = int(desk.clock())

    def fill(db: Connection) -> None:
        for _ in range(crowd):
            who = os.urandom(16)
            for at, target in ((now - 60, b"an earlier post."), (now, parse_b64(post))):
                about = ("post", target, 1, who, "person", "fraud", "", 500, "received", None, None, at, None)
                notices.insert_notice(db, NoticeRow(os.urandom(16), *about))

    desk.server._db.write_sync(fill)
    await desk.report(first, post)  # whoever comes first counts those before, once
    steps, statements = itertools.count(), itertools.count()
    watched: set[sqlite3.Connection] = set()

    def step() -> int:
        next(steps)
        return 0

    def watch(connection: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        if "mod_notice" not in statement or statement.startswith("DELETE"):  # upkeep begins whenever it can
            return
        next(statements)
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        watched.add(driver)
        driver.set_progress_handler(step, 1)

    engine = desk.server._db.engine
    event.listen(engine, "before_cursor_execute", watch)
    try:
        await desk.report(second, post)
    finally:
        event.remove(engine, "before_cursor_execute", watch)
        for driver in watched:
            driver.set_progress_handler(None, 0)
    return _Cost(next(statements), next(steps))


def test_a_tally_kept_as_notices_come_says_what_counting_all_of_them_says() -> None:
    draw = random.Random(7)
    for _ in range(200):
        people = [bytes([number]) * 16 for number in range(draw.randint(1, 9))]
        earlier = {who: {bytes([draw.randint(0, 6)]) for _ in range(draw.randint(0, 3))} for who in people}
        given = sorted((Given(who, draw.choice((0, 500, 900)), draw.randint(0, 9_000)) for who in people), key=_at)
        assert tally_of(given, earlier).weight == _count_all(given, earlier)


def test_notices_that_another_server_took_count_here_within_a_minute() -> None:
    tallies, place, mine = Tallies(), (b"t" * 16, 1), tally_of([Given(A, 500, 0)], {})
    tallies.put(place, 0, mine, now=100)
    tallies.put(place, 0, mine, now=150)
    assert tallies.find(place, 0, now=159) is mine
    assert tallies.find(place, 0, now=160) is None, "whatever came here meanwhile"
    assert tallies.find(place, 0, now=99) is None, "by a clock that was set back"
    all_of_them = tally_of([Given(A, 500, 0), Given(B, 900, 10)], {})
    tallies.put(place, 0, all_of_them, now=160)
    assert tallies.find(place, 0, now=219) is all_of_them


async def test_old_notices_hide_no_new_ones_from_whoever_counts(desk: Desk) -> None:
    def write(db: Connection) -> list[int]:
        for at in (1, 1, 1, 7, 8, 9):
            about = ("post", b"t" * 16, 1, os.urandom(16), "person", "fraud", "", 500, "declined", None, None, at, at)
            notices.insert_notice(db, NoticeRow(os.urandom(16), *about))
        return [each.at for each in notices.newest_about(db, b"t" * 16, 1, since=5, n=2)]

    assert desk.server._db.write_sync(write) == [8, 9]


def _at(given: Given) -> int:
    return given.at


def _count_all(given: Sequence[Given], earlier: Mapping[bytes, set[bytes]]) -> int:
    """Every pair is looked at, until nothing moves."""
    groups = list(range(len(given)))
    moved = True
    while moved:
        moved = False
        for one, other in itertools.combinations(range(len(given)), 2):
            near = abs(given[one].at - given[other].at) < 3600
            common = earlier[given[one].reporter] & earlier[given[other].reporter]
            if near and common and groups[one] != groups[other]:
                old, new = groups[one], groups[other]
                groups = [new if each == old else each for each in groups]
                moved = True
    return sum(
        max(each.weight for each, group in zip(given, groups, strict=True) if group == one) for one in set(groups)
    )
