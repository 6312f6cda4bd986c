"""What a report counts, when it is final, and that report, log and database agree to the unit."""

from __future__ import annotations

import calendar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.moderation.statistics.books import NOVEMBER, REVIEWER, SERVER, Books

from zajil.moderation.decide.statements import RESTRICTIONS
from zajil.moderation.statistics.agreement import Agreement, check_agreement
from zajil.moderation.statistics.figures import RESTRICTING, count_month
from zajil.moderation.statistics.intervals import find_interval
from zajil.moderation.statistics.months import Month, month_of, parse_month
from zajil.moderation.statistics.publish import Reports, keep_final
from zajil.moderation.statistics.report import FINAL_AFTER_S, Rate, Report, find_state
from zajil.moderation.statistics.suppression import LARGE, SMALL, TOTAL
from zajil.protocol.errors import Malformed, Refused


def check(books: Books, report: Report) -> Agreement:
    return books.db.read_sync(lambda db: check_agreement(db, report))


def differing(books: Books, report: Report) -> set[str]:
    return {each.where for each in check(books, report).differences}


# Months and intervals


def test_months() -> None:
    assert (NOVEMBER.name, NOVEMBER.next().name, NOVEMBER.before().name) == ("2026-11", "2026-12", "2026-10")
    assert (Month(2026, 12).next().name, Month(2026, 1).before().name) == ("2027-01", "2025-12")
    assert NOVEMBER.start == calendar.timegm((2026, 11, 1, 0, 0, 0))
    assert NOVEMBER.end - NOVEMBER.start == 30 * 86_400
    assert month_of(NOVEMBER.end - 1) == NOVEMBER
    assert month_of(NOVEMBER.end) == NOVEMBER.next()
    for wrong in ("2026-13", "2026-00", "2026-1", "1926-11", "2026-11 ", "٢٠٢٦-١١", "2026-11.json", ""):
        with pytest.raises(Malformed):
            parse_month(wrong)


# Newcombe 1998, table I, method 3: score without continuity correction.
@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0),
    ],
)
def test_wilson_intervals_are_those_of_the_literature(k: int, n: int, low: float, high: float) -> None:
    found = find_interval(k, n)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)
    assert found.share == k / n


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_holds_its_share_and_stays_a_share(pair: tuple[int, int]) -> None:
    found = find_interval(*pair)
    assert 0 <= found.low <= found.share <= found.high <= 1
    assert found.low < found.high


# Counting


def test_restricting_actions_are_those_that_people_get_reasons_for() -> None:
    assert set(RESTRICTING) == {*RESTRICTIONS, "strike"}


async def test_a_month_is_counted_by_category_language_source_and_automation(books: Books) -> None:
    await books.act("remove", "fraud", "en", n=12)
    await books.act("remove", "fraud", "ar", n=7, source="match")
    await books.act("hold", "spam", "ru", n=9, source="score")
    await books.act("limit", "hate", "und", n=6, source="person", automated="not", actor=REVIEWER)
    await books.act("remove", "channel_rules", "en", n=5, source="channel", automated="not", actor=b"o" * 16)
    await books.act("review", "hate", "en", n=30)
    report = books.report()
    told = report.restrictions
    assert told.total == 39
    assert {name: n for name, n in told.by_action.items() if n != SMALL} == {"remove": 24, "hold": 9, "limit": 6}
    assert told.by_category["fraud"] == {"ar": 7, "en": 12, "ru": SMALL, "und": SMALL, TOTAL: 19}
    assert told.by_category["hate"]["und"] == 6
    assert told.by_category["channel_rules"][TOTAL] == 5
    assert told.by_category[TOTAL] == {"ar": 7, "en": 17, "ru": 9, "und": 6, TOTAL: 39}
    assert told.by_source["rule"] == {"fully": 12, "partially": SMALL, "not": SMALL, TOTAL: 12}
    assert told.by_source[TOTAL] == {"fully": 28, "partially": SMALL, "not": 11, TOTAL: 39}
    assert report.log.kinds["decision"] == 69
    assert (report.log.first, report.log.end) == (0, 69)
    agreed = check(books, report)
    assert (agreed.entries, agreed.decisions, agreed.differences) == (69, 69, ())
    assert agreed.cells > 80


async def test_small_counts_are_hidden_in_the_report_and_still_agree(books: Books) -> None:
    await books.act("remove", "fraud", "en", n=3)
    report = books.report()
    assert report.restrictions.total == SMALL
    assert {cell for row in report.restrictions.by_category.values() for cell in row.values()} == {SMALL}
    await books.act("remove", "spam", "ru", n=20)
    await books.act("hold", "spam", "en", n=20)
    report = books.report()
    table = report.restrictions.by_category
    assert (table["fraud"]["en"], table["fraud"][TOTAL], table[TOTAL][TOTAL]) == (SMALL, SMALL, 43)
    assert (table["spam"]["en"], table["spam"]["ru"]) == (20, 20)
    assert not check(books, report).differences


async def test_other_months_are_not_counted(books: Books) -> None:
    books.now = NOVEMBER.start - 1
    await books.act("remove", n=8)
    books.now = NOVEMBER.start
    await books.act("remove", n=5)
    books.now = NOVEMBER.end - 1
    await books.act("remove", n=6)
    books.now = NOVEMBER.end
    await books.act("remove", n=7)
    assert [books.report(month).restrictions.total for month in (NOVEMBER.before(), NOVEMBER, NOVEMBER.next())] == [
        *(8, 11, 7)
    ]
    assert (books.report().log.first, books.report().log.end) == (8, 19)
    assert books.report().restrictions.by_source["rule"]["fully"] == 11


async def test_a_clock_that_goes_back_moves_no_decision_to_another_month_than_its_entry(books: Books) -> None:
    await books.act("remove", n=5)
    books.now = NOVEMBER.end + 5
    await books.act("remove", n=6)
    books.now = NOVEMBER.end - 5
    await books.act("remove", n=7)
    books.now = NOVEMBER.end + 10
    november, december = books.report(), books.report(NOVEMBER.next())
    assert (november.restrictions.total, december.restrictions.total) == (5, 13)
    assert not check(books, november).differences
    assert not check(books, december).differences


async def test_appeals_notices_requests_and_downtime(books: Books) -> None:
    await books.appeals(12, "upheld", took=100)
    await books.appeals(8, "reversed", took=500)
    books.notices(6, category="hate", state="acted", took=60)
    books.notices(7, category="spam", state="declined", took=600)
    books.notices(2, category="spam")
    books.log("disclosure", 2)
    books.log("policy")
    report = books.report()
    told = report.appeals
    assert (told.received, told.decided, told.share_reversed, told.median_s) == (20, 20, 0.4, 100)
    assert told.by_outcome == {"upheld": 12, "reversed": 8, "partly": SMALL}
    assert (report.notices.received, report.notices.decided, report.notices.median_s) == (15, 13, 600)
    assert report.notices.by_category["hate"] == 6
    assert report.notices.by_outcome == {"acted": 6, "declined": 7}
    assert report.government_requests == report.log.kinds["disclosure"] == 2
    counted = {kind: n for kind, n in report.log.kinds.items() if n}
    assert counted == {"decision": 20, "appeal": 20, "disclosure": 2, "policy": 1}
    assert (report.downtime.measured, report.downtime.seconds) == (False, None)
    assert report.restrictions.reversed == 8
    assert not check(books, report).differences


async def test_few_appeals_tell_no_share(books: Books) -> None:
    await books.appeals(6, "upheld")
    await books.appeals(2, "reversed")
    told = books.report().appeals
    assert (told.decided, told.by_outcome["reversed"], told.share_reversed) == (8, SMALL, None)
    assert told.by_outcome["partly"] == SMALL


async def test_precision_prevalence_and_false_removals_come_from_blind_judgements(books: Books) -> None:
    removed = await books.act("remove", "fraud", "en", n=30)
    held = await books.act("hold", "hate", "ar", n=10)
    few = await books.act("remove", "spam", "ru", n=4)
    books.judged(18, "fraud", decided=removed[:18])
    books.judged(2, "none", decided=removed[18:20])
    books.judged(10, "", decided=removed[20:])
    books.judged(10, "harassment", decided=held)
    books.judged(4, "none", decided=few)
    books.judged(95, "none")
    books.judged(5, "spam")
    books.posts(en=60_000, ar=40_000)
    report = books.report()
    rates = {(rate.category, rate.language): rate for rate in report.precision}
    assert rates["fraud", "en"] == Rate(category="fraud", language="en", judged=20, share=0.9, low=0.699, high=0.9721)
    assert (rates["hate", "ar"].judged, rates["hate", "ar"].share) == (10, 0.0)
    assert (rates["spam", "ru"].judged, rates["spam", "ru"].share) == (SMALL, None)
    prevalence = {rate.language: rate for rate in report.prevalence}
    assert (prevalence["en"].judged, prevalence["en"].share) == (100, 0.05)
    assert prevalence["all"].share == 0.05
    assert prevalence["ru"].share is None
    # 6 of 24 judged removals were harmless, and 34 removals by programs stand against 100,000 posts.
    wrong = report.false_removals
    assert (wrong.judged, wrong.per_million) == (24, 85.0)
    share = find_interval(6, 24)
    assert wrong.low == pytest.approx(share.low * 340, rel=0.05)
    assert wrong.high == pytest.approx(share.high * 340, rel=0.05)
    assert report.posts == {"ar": 40_000, "en": 60_000, "ru": SMALL, "und": SMALL}


# Final reports


@pytest.mark.parametrize(
    ("at", "state"), [(-1, "running"), (0, "preliminary"), (FINAL_AFTER_S - 1, "preliminary"), (FINAL_AFTER_S, "final")]
)
def test_states(at: int, state: str) -> None:
    assert find_state(NOVEMBER.end, now=NOVEMBER.end + at) == state


async def test_a_final_report_outlives_what_it_counted(books: Books) -> None:
    await books.act("remove", n=9)
    assert await keep_final(books.db, server=SERVER, now=NOVEMBER.end + FINAL_AFTER_S - 1) == 0
    books.now = NOVEMBER.end + FINAL_AFTER_S
    assert await keep_final(books.db, server=SERVER, now=books.now) == 1
    assert await keep_final(books.db, server=SERVER, now=books.now) == 0
    kept = books.report()
    assert (kept.state, kept.restrictions.total) == ("final", 9)
    books.run("DELETE FROM mod_decision")
    assert books.report() == kept
    books.now = NOVEMBER.next().end + FINAL_AFTER_S
    assert await keep_final(books.db, server=SERVER, now=books.now) == 1
    assert books.report(NOVEMBER.next()).restrictions.total == SMALL


async def test_there_is_no_report_ahead_of_time_or_before_the_log(books: Books) -> None:
    assert books.report().restrictions.total == SMALL
    for month in (NOVEMBER.next(), NOVEMBER.before()):
        with pytest.raises(Refused, match="gone"):
            books.report(month)
    await books.act("remove")
    books.now = NOVEMBER.next().start
    assert books.report().state == "preliminary"
    with pytest.raises(Refused, match="gone"):
        books.report(NOVEMBER.before())


async def test_asking_often_reckons_once(books: Books) -> None:
    """What is new shows at the latest when twenty times the time of reckoning has passed."""
    # The first reckoning takes from second 0 to second 2, so its result is good until second 42.
    times = iter([0.0, 2.0, 3.0, 41.9, 42.0, 43.0])
    reports = Reports(books.db, server=SERVER, clock=lambda: books.now, timer=lambda: next(times))
    await books.act("remove", n=5)
    first = await reports.find("2026-11")
    assert first.restrictions.total == 5
    await books.act("remove", n=5)
    assert await reports.find("2026-11") is first
    assert await reports.find("2026-11") is first
    assert (await reports.find("2026-11")).restrictions.total == 10


# Agreement


async def test_whatever_is_changed_in_the_database_is_found(books: Books) -> None:
    await books.act("remove", "fraud", n=10)
    await books.act("hold", "spam", n=10)
    await books.appeals(5, "upheld")
    report = books.report()
    assert not check(books, report).differences
    books.run("UPDATE mod_decision SET category = 'spam' WHERE entry = 3")
    assert {"entry 3", "restrictions.by_category.fraud.en"} <= differing(books, report)
    assert differing(books, books.report()) == {"entry 3"}
    books.run("UPDATE mod_decision SET category = 'fraud' WHERE entry = 3")
    books.run("DELETE FROM mod_decision WHERE entry = 4")
    assert {"entry 4", "restrictions.total"} <= differing(books, report)
    assert "entry 4" in differing(books, books.report())


@pytest.mark.sqlite
async def test_a_decision_beside_the_log_is_found(books: Books) -> None:
    await books.act("remove", n=10)
    columns = ", ".join(
        row[1] for row in books.db.read_sync(lambda db: db.exec_driver_sql("PRAGMA table_info(mod_decision)").all())
    )
    changed = columns.replace("seq", "NULL").replace("id, key", "randomblob(16), randomblob(32)", 1)
    books.run(f"INSERT INTO mod_decision ({columns}) SELECT {changed} FROM mod_decision WHERE entry = 3")
    assert "entry 3" in differing(books, books.report())


async def test_an_appeal_that_was_closed_without_an_entry_is_found(books: Books) -> None:
    await books.appeals(3, "upheld")
    books.run("UPDATE mod_appeal SET state = 'open', closed_at = NULL WHERE id = (SELECT min(id) FROM mod_appeal)")
    assert differing(books, books.report()) == {"appeals.decided"}


async def test_a_report_that_was_touched_up_is_found(books: Books) -> None:
    await books.act("remove", n=10)
    books.log("disclosure")
    report = books.report()
    for touched in (
        msgspec.structs.replace(report, government_requests=0),
        msgspec.structs.replace(report, log=msgspec.structs.replace(report.log, end=5)),
        msgspec.structs.replace(report, restrictions=msgspec.structs.replace(report.restrictions, total=9)),
        msgspec.structs.replace(report, restrictions=msgspec.structs.replace(report.restrictions, total=SMALL)),
        msgspec.structs.replace(report, restrictions=msgspec.structs.replace(report.restrictions, reversed=LARGE)),
    ):
        assert differing(books, touched)


async def test_figures_count_every_entry_once(books: Books) -> None:
    await books.act("remove", n=3)
    books.log("staff", 4)
    await books.appeals(2, "reversed")
    figures = books.db.read_sync(lambda db: count_month(db, NOVEMBER))
    assert sum(figures.kinds.values()) == figures.span.end - figures.span.first == 11
