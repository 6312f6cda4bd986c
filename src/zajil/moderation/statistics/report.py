"""A month's report as it is published: counts with small ones hidden, and rates with their intervals.

One total is shared by the tables of restrictions and shown only from 5 on; tables share no other cell, so nobody can
set one against another. Counts of log entries are exact, whatever they are: anybody can count them in the log itself.
Rates are given from 5 judgements on: what was judged is drawn by lot, and a wrong judgement names nobody.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import median_low
from typing import Final, Literal, TypeAlias, get_args

import msgspec

from zajil.moderation.categories import CATEGORIES, LANGUAGES, UNDETERMINED, find_category
from zajil.moderation.statistics.figures import HARMLESS, RESTORING, RESTRICTING, Figures
from zajil.moderation.statistics.intervals import find_interval
from zajil.moderation.statistics.suppression import FEW, Cell, protect_count, protect_list, protect_table
from zajil.moderation.store.decisions import Automated, Source
from zajil.moderation.store.transparency.counts import Judged, Outcome
from zajil.moderation.store.transparency.private import PrivateCounts

FORMAT: Final = "zajil transparency report v1"
OTHER: Final = "other"
CHANNEL_RULES: Final = "channel_rules"
ROWS: Final = (*CATEGORIES, CHANNEL_RULES, OTHER)
TONGUES: Final = (*LANGUAGES, UNDETERMINED)
SOURCES: Final[tuple[Source, ...]] = get_args(Source)
AUTOMATIONS: Final[tuple[Automated, ...]] = get_args(Automated)
NOTICE_STATES: Final = ("received", "in_review", "acted", "declined")
APPEAL_RESULTS: Final = ("upheld", "reversed", "partly")
ALL: Final = "all"
FINAL_AFTER_S: Final = 30 * 86_400
"""How long after its month a report still takes in judgements and answers."""
State: TypeAlias = Literal["running", "preliminary", "final"]


class LogPart(msgspec.Struct, frozen=True, kw_only=True):
    """The part of the audit log that the month is: entries first <= n < end, by kind."""

    origin: str
    first: int
    end: int
    kinds: dict[str, int]


class Restrictions(msgspec.Struct, frozen=True, kw_only=True):
    """Decisions that restricted something. reversed: decisions of people that ended one."""

    total: Cell
    by_action: dict[str, Cell]
    by_category: dict[str, dict[str, Cell]]
    by_source: dict[str, dict[str, Cell]]
    reversed: Cell


class Notices(msgspec.Struct, frozen=True, kw_only=True):
    """Reports by users. received, by_category: that came in the month; decided, by_outcome: that were decided in it.

    median_s: from a notice to its outcome, None below 5.
    """

    received: Cell
    by_category: dict[str, Cell]
    decided: Cell
    by_outcome: dict[str, Cell]
    median_s: int | None


class Appeals(msgspec.Struct, frozen=True, kw_only=True):
    """Appeals that came, and were decided, in the month. share_reversed: None where it would tell a small count."""

    received: Cell
    decided: Cell
    by_outcome: dict[str, Cell]
    share_reversed: float | None
    median_s: int | None


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """A share with its 95 % interval among so many judged; None below 5. language: or `all`."""

    category: str = ""
    language: str
    judged: Cell
    share: float | None
    low: float | None
    high: float | None


class FalseRemovals(msgspec.Struct, frozen=True, kw_only=True):
    """Removals by a program of harmless posts, reckoned for a million posts judged, two digits; None below 5 judged."""

    judged: Cell
    per_million: float | None
    low: float | None
    high: float | None


class Downtime(msgspec.Struct, frozen=True, kw_only=True):
    """How long moderation stood still. seconds: None, as nothing measures it."""

    measured: bool
    seconds: int | None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """See the module. final: takes in nothing more. posts: versions judged for the first time, by language.

    private: of reports from private chats, rounded; None until the month is over, and in reports from before they were.
    """

    format: str
    server: str
    month: str
    state: State
    log: LogPart
    posts: dict[str, Cell]
    restrictions: Restrictions
    notices: Notices
    appeals: Appeals
    precision: tuple[Rate, ...]
    prevalence: tuple[Rate, ...]
    false_removals: FalseRemovals
    government_requests: int
    downtime: Downtime
    private: PrivateCounts | None = None


def make_report(figures: Figures, *, server: str, now: float) -> Report:
    """What is published of these figures. server: its name. now: Unix seconds."""
    return Report(
        format=FORMAT,
        server=server,
        month=figures.month.name,
        state=find_state(figures.month.end, now=now),
        log=LogPart(
            origin=f"{server}/moderation",
            first=figures.span.first,
            end=figures.span.end,
            kinds=dict(figures.kinds),
        ),
        posts=_list_of(Counter({find_tongue(lang): n for lang, n in figures.posts.items()}), TONGUES),
        restrictions=_restrictions(figures),
        notices=_notices(figures),
        appeals=_appeals(figures),
        precision=_precision(figures.acted),
        prevalence=_prevalence(figures.allowed),
        false_removals=_false_removals(figures),
        government_requests=figures.kinds.get("disclosure", 0),
        downtime=Downtime(measured=False, seconds=None),
        private=figures.private,
    )


def find_state(end: int, *, now: float) -> State:
    """How settled the report of a month that ended then is."""
    if now < end:
        return "running"
    return "preliminary" if now < end + FINAL_AFTER_S else "final"


def find_row(category: str) -> str:
    """The row that a category is counted in."""
    return category if category in ROWS else OTHER


def find_tongue(lang: str) -> str:
    """The column that a language is counted in."""
    return lang if lang in LANGUAGES else UNDETERMINED


def _list_of(found: Mapping[str, int], names: Sequence[str]) -> dict[str, Cell]:
    return protect_list({name: found.get(name, 0) for name in names})


def _table_of(
    found: Mapping[tuple[str, str], int], rows: Sequence[str], columns: Sequence[str]
) -> dict[str, dict[str, Cell]]:
    return protect_table({row: {column: found.get((row, column), 0) for column in columns} for row in rows})


def _restrictions(figures: Figures) -> Restrictions:
    actions: Counter[str] = Counter()
    categories: Counter[tuple[str, str]] = Counter()
    sources: Counter[tuple[str, str]] = Counter()
    for each in figures.restrictions:
        actions[each.action] += each.n
        categories[find_row(each.category), find_tongue(each.lang)] += each.n
        sources[each.source, each.automated] += each.n
    undone = sum(each.n for each in figures.decisions if each.action in RESTORING and each.human)
    return Restrictions(
        total=protect_count(actions.total()),
        by_action=_list_of(actions, RESTRICTING),
        by_category=_table_of(categories, ROWS, TONGUES),
        by_source=_table_of(sources, SOURCES, AUTOMATIONS),
        reversed=protect_count(undone),
    )


def _notices(figures: Figures) -> Notices:
    span = figures.span
    came = [each for each in figures.notices if span.start <= each.at < span.over]
    closed = _closed(figures.notices, span.start, span.over)
    categories = Counter(find_row(each.group) for each in came)
    return Notices(
        received=protect_count(len(came)),
        by_category=_list_of(categories, ROWS),
        decided=protect_count(len(closed)),
        by_outcome=_list_of(Counter(each.state for each in closed), NOTICE_STATES[2:]),
        median_s=_median(closed),
    )


def _appeals(figures: Figures) -> Appeals:
    span = figures.span
    closed = _closed(figures.appeals, span.start, span.over)
    outcomes = _list_of(Counter(each.state for each in closed), APPEAL_RESULTS)
    reverted = outcomes["reversed"]
    return Appeals(
        received=protect_count(sum(span.start <= each.at < span.over for each in figures.appeals)),
        decided=protect_count(len(closed)),
        by_outcome=outcomes,
        share_reversed=round(reverted / len(closed), 4) if isinstance(reverted, int) else None,
        median_s=_median(closed),
    )


def _closed(outcomes: Iterable[Outcome], start: int, over: int) -> list[Outcome]:
    return [each for each in outcomes if each.closed_at is not None and start <= each.closed_at < over]


def _median(closed: Sequence[Outcome]) -> int | None:
    took = [each.closed_at - each.at for each in closed if each.closed_at is not None]
    return median_low(took) if len(took) >= FEW else None


def _rate(k: int, n: int, *, language: str, category: str = "") -> Rate:
    if n < FEW:
        return Rate(category=category, language=language, judged=protect_count(n), share=None, low=None, high=None)
    share, low, high = (round(each, 4) for each in find_interval(k, n))
    return Rate(category=category, language=language, judged=n, share=share, low=low, high=high)


def _precision(acted: Sequence[Judged]) -> tuple[Rate, ...]:
    """Judged to be what a program acted on them for, by category and language."""
    right: Counter[tuple[str, str]] = Counter()
    judged: Counter[tuple[str, str]] = Counter()
    for each in acted:
        place = (each.category, find_tongue(each.lang))
        judged[place] += each.n
        right[place] += each.n * (each.judgement == each.category)
    places = [(category, lang) for category in CATEGORIES for lang in TONGUES]
    return tuple(_rate(right[place], judged[place], category=place[0], language=place[1]) for place in places)


def _prevalence(allowed: Sequence[Judged]) -> tuple[Rate, ...]:
    """Judged to break a rule among posts that were let stand, by language and in all."""
    wrong: Counter[str] = Counter()
    judged: Counter[str] = Counter()
    for each in allowed:
        for place in (find_tongue(each.lang), ALL):
            judged[place] += each.n
            wrong[place] += each.n * (find_category(each.judgement) is not None)
    return tuple(_rate(wrong[place], judged[place], language=place) for place in (*TONGUES, ALL))


def _false_removals(figures: Figures) -> FalseRemovals:
    judged = sum(each.n for each in figures.acted if each.action == "remove")
    wrong = sum(each.n for each in figures.acted if each.action == "remove" and each.judgement == HARMLESS)
    removals = sum(each.n for each in figures.decisions if each.action == "remove" and each.automated == "fully")
    posts = sum(figures.posts.values())
    if judged < FEW or not posts:
        return FalseRemovals(judged=protect_count(judged), per_million=None, low=None, high=None)
    rates = (_two_digits(each * removals / posts * 1e6) for each in find_interval(wrong, judged))
    per_million, low, high = rates
    return FalseRemovals(judged=judged, per_million=per_million, low=low, high=high)


def _two_digits(value: float) -> float:
    return round(value, 1 - math.floor(math.log10(value))) if value > 0 else 0.0
