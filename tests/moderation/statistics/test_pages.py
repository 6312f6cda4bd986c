"""The report as page and as CSV: every figure, in three languages and both directions, without a script."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import msgspec
import pytest
from tests.moderation.statistics.books import NOTE_KEY, Books

from zajil.moderation.audit.entries import KINDS
from zajil.moderation.statistics.figures import RESTRICTING
from zajil.moderation.statistics.pages import POLICY, ReportPages
from zajil.moderation.statistics.plots import LABEL, VALUE, WIDTH, draw_counts, draw_rates
from zajil.moderation.statistics.report import (
    ALL,
    APPEAL_RESULTS,
    AUTOMATIONS,
    NOTICE_STATES,
    ROWS,
    SOURCES,
    TONGUES,
    Rate,
    Report,
)
from zajil.moderation.statistics.suppression import LARGE, SMALL, TOTAL
from zajil.moderation.statistics.tables import COLUMNS, encode_csv, list_figures
from zajil.moderation.statistics.words import WORDS

PAGES = ReportPages(key=NOTE_KEY.text())


class Seen(HTMLParser):
    """What stands on a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "link"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
async def report(books: Books) -> Report:
    removed = await books.act("remove", "fraud", "en", n=40)
    await books.act("hold", "spam", "ar", n=11)
    await books.act("limit", "hate", "ru", n=2)
    books.judged(19, "fraud", decided=removed[:19])
    books.judged(1, "none", decided=removed[19:20])
    books.judged(30, "none", lang="ar")
    books.notices(7, state="acted", took=4000)
    books.log("disclosure")
    books.posts(en=1000, ar=50)
    return books.report()


@pytest.mark.parametrize("language", ["ar", "en", "ru"])
async def test_a_page_is_whole_and_holds_nothing_that_runs(report: Report, language: str) -> None:
    page = PAGES.render(language, report).decode()
    seen = Seen(page)
    assert not seen.open
    assert page.startswith("<!doctype html>")
    names = {tag for tag, _ in seen.tags}
    assert not names & {"script", "iframe", "img", "form", "object", "embed", "foreignobject", "animate", "use"}
    for _, attributes in seen.tags:
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        for name in ("href", "src"):
            assert not re.match(r"[a-z]+:|//", attributes.get(name) or "")
    html = next(attributes for tag, attributes in seen.tags if tag == "html")
    assert html == {"lang": language, "dir": "rtl" if language == "ar" else "ltr"}
    # A number has no direction of its own: from right to left, "<5" would turn into its opposite.
    assert all(attributes == {"dir": "ltr"} for tag, attributes in seen.tags if tag == "bdi")
    assert page.count("&lt;5") == len(re.findall(r"[>\u2066 ]&lt;5", page))
    # The one style sheet is the one that the policy names.
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in POLICY
    assert "script-src" not in POLICY
    assert POLICY.startswith("default-src 'none'")
    assert NOTE_KEY.text().replace("+", "&#43;") in page or NOTE_KEY.text() in page


@pytest.mark.parametrize("language", ["ar", "en", "ru"])
async def test_plots_are_svg_that_says_what_it_shows(report: Report, language: str) -> None:
    page = PAGES.render(language, report).decode()
    drawings = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(drawings) == 5
    for drawing in drawings:
        root = ElementTree.fromstring(drawing)  # our own page
        title = root.find("title")
        assert title is not None
        assert root.get("role") == "img"
        assert root.get("aria-label") == title.text
        for bar in root.iter("rect"):
            x, width = float(bar.get("x", "")), float(bar.get("width", ""))
            assert 0 <= x <= x + width <= WIDTH
    assert "40" in drawings[0]
    assert "&lt;5" in drawings[0]
    assert 'class="interval"' in drawings[3]
    anchors = set(re.findall(r'direction="(\w+)" text-anchor="(\w+)"', page))
    assert anchors == {("ltr", "end" if language == "ar" else "start")}


def test_a_plot_from_right_to_left_is_the_mirror_image() -> None:
    counts = {"a": 100, "b": SMALL, "c": 25, "d": LARGE}
    ltr, rtl = draw_counts("t", counts, rtl=False), draw_counts("t", counts, rtl=True)  # type: ignore[arg-type]
    room = WIDTH - LABEL - VALUE
    assert [bar.width for bar in ltr.bars] == [room, 10, room / 4, 10]
    assert [bar.hidden for bar in ltr.bars] == [False, True, False, True]
    assert [bar.value for bar in ltr.bars] == ["100", "<5", "25", "≥5"]
    for left, right in zip(ltr.bars, rtl.bars, strict=True):
        assert right.x == WIDTH - left.x - left.width
        assert (left.label_x, right.label_x) == (0, WIDTH)
        assert right.value_x == WIDTH - left.value_x
    rate = Rate(language="en", judged=10, share=0.5, low=0.25, high=0.75)
    none = Rate(language="ar", judged=SMALL, share=None, low=None, high=None)
    (bar,) = draw_rates("t", [("en", rate), ("ar", none)], rtl=False).bars
    assert (bar.low, bar.high) == (LABEL + room / 4, LABEL + room * 3 / 4)
    (mirrored,) = draw_rates("t", [("en", rate)], rtl=True).bars
    assert (mirrored.low, mirrored.high) == (WIDTH - (bar.high or 0), WIDTH - (bar.low or 0))


def test_every_row_and_column_has_a_name_in_every_language() -> None:
    codes = {*ROWS, *TONGUES, *SOURCES, *AUTOMATIONS, *RESTRICTING, *NOTICE_STATES[2:], *APPEAL_RESULTS, *KINDS}
    codes |= {ALL, TOTAL}
    for language, words in WORDS.items():
        # Appeal is a source and a kind, which people call by one word.
        assert codes == set(words.names), language
        assert all(words.names.values())
    assert WORDS["ar"].direction == "rtl"
    for words in WORDS.values():
        assert "zajil moderation log verify" in words.log_text


async def test_a_page_shows_every_count_of_the_report(report: Report) -> None:
    page = PAGES.render("en", report).decode()
    cells = [text.strip() for text in re.findall(r'<bdi dir="ltr">(.*?)</bdi>', page)]
    assert cells.count("40") >= 3
    assert "95.0 %" in cells
    assert "76.4 % – 99.1 %" in cells
    assert "1:06 h" in cells
    assert "not measured" in cells
    assert "1,000" in cells
    assert "the month is not over" in page


async def test_csv_has_one_figure_a_line_and_all_of_them(report: Report) -> None:
    text = encode_csv(report).decode()
    assert text.count("\r\n") == text.count("\n")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == len(list(list_figures(report)))
    found = {(row["section"], row["row"], row["column"]): row for row in rows}
    assert len(found) == len(rows)
    assert found["restrictions", "total", ""]["value"] == "53"
    assert found["restrictions by category", "fraud", "en"]["value"] == "40"
    assert found["restrictions by category", "hate", "ru"]["value"] == "<5"
    assert (
        found["precision", "fraud", "en"] | {"value": "0.95", "low": "0.7639", "high": "0.9911"}
        == found["precision", "fraud", "en"]
    )
    assert found["government_requests", "", ""]["value"] == "1"
    assert found["downtime", "", ""]["value"] == "not measured"
    # Every number of the JSON stands in the CSV, and the other way round.
    plain = msgspec.to_builtins(report)
    numbers = sorted(str(each) for each in walk(plain) if isinstance(each, int | float) and not isinstance(each, bool))
    told = sorted(
        row[name] for row in rows for name in ("value", "low", "high") if re.fullmatch(r"[0-9]+(\.[0-9]+)?", row[name])
    )
    assert told == numbers


def walk(value: object) -> list[object]:
    if isinstance(value, dict):
        return [each for item in value.values() for each in walk(item)]
    if isinstance(value, list | tuple):
        return [each for item in value for each in walk(item)]
    return [value]


async def test_json_reads_back(report: Report) -> None:
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report
