"""Renders a report as a page: Jinja2 with autoescape, SVG inside, a style sheet whose hash the policy names, no script.

Nothing on it comes from people but the server's name. From right to left in Arabic, plots included.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Final

from zajil.moderation.statistics.months import parse_month
from zajil.moderation.statistics.plots import Plot, draw_counts, draw_rates, percent, show
from zajil.moderation.statistics.report import ALL, Rate, Report
from zajil.moderation.statistics.suppression import TOTAL, Cell
from zajil.moderation.statistics.words import LANGUAGE_NAMES, WORDS, Words

STYLE: Final = (
    "body{margin:0;background:#F4F3EF;color:#1B2230;font:1rem/1.6 system-ui,sans-serif}"
    "main{max-width:46rem;margin:0 auto;padding:1.5rem 1rem 4rem}h1{font-size:1.5rem;margin:.2rem 0}"
    "h2{font-size:1.1rem;margin:2rem 0 .4rem}a{color:#2B5A8C}.meta{color:#5A6270;font-size:.85rem;margin:.2rem 0}"
    "table{border-collapse:collapse;width:100%;font-size:.9rem}.wide{overflow-x:auto}"
    "th,td{border-bottom:1px solid #DEDCD4;padding:.25rem .5rem;text-align:start}td{font-variant-numeric:tabular-nums}"
    "svg{width:100%;height:auto;margin:.6rem 0}svg text{fill:#1B2230;font-size:13px}.bar{fill:#2B5A8C}"
    ".hidden{fill:none;stroke:#5A6270;stroke-dasharray:3 2}.interval{stroke:#B4541A;stroke-width:2}"
    ".key{overflow-wrap:anywhere;font-family:ui-monospace,monospace;font-size:.8rem}"
    "@media(prefers-color-scheme:dark){body{background:#12161E;color:#E7E9EE}a{color:#8DB8E4}"
    "th,td{border-color:#2A3140}.meta{color:#A0A8B5}svg text{fill:#E7E9EE}.bar{fill:#8DB8E4}"
    ".hidden{stroke:#A0A8B5}.interval{stroke:#F0A06A}}"
)
POLICY: Final = (
    "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class ReportPages:
    """The pages of one server. key: the log's public key in its text form."""

    def __init__(self, *, key: str) -> None:
        # Of the extra, like all that renders pages.
        from jinja2 import Environment, PackageLoader, StrictUndefined

        self._key = key
        environment = Environment(
            loader=PackageLoader("zajil.moderation.statistics"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters |= {"show": show, "percent": percent, "took": _took}
        self._template = environment.get_template("report.html")

    def render(self, language: str, report: Report) -> bytes:
        """The page in one of our languages."""
        words = WORDS[language]
        month = parse_month(report.month)
        page = self._template.render(
            language=language,
            languages=LANGUAGE_NAMES,
            words=words,
            report=report,
            state=words.states[report.state],
            before=month.before().name,
            after=month.next().name if report.state != "running" else "",
            plots=_plots(report, words),
            precision=[rate for rate in report.precision if rate.share is not None],
            total=TOTAL,
            key=self._key,
            style=STYLE,
        )
        return page.encode()


def _plots(report: Report, words: Words) -> dict[str, Plot]:
    rtl = words.direction == "rtl"
    told = report.restrictions
    categories = {words.name(row): cells[TOTAL] for row, cells in told.by_category.items() if row != TOTAL}
    languages = {words.name(each): cell for each, cell in told.by_category[TOTAL].items() if each != TOTAL}
    precision = [(_place(rate, words), rate) for rate in report.precision]
    prevalence = [(words.name(rate.language), rate) for rate in report.prevalence]
    return {
        "categories": draw_counts(words.by_category, categories, rtl=rtl),
        "languages": draw_counts(words.by_language, languages, rtl=rtl),
        "actions": draw_counts(words.by_action, _named(told.by_action, words), rtl=rtl),
        "precision": draw_rates(words.precision, precision, rtl=rtl),
        "prevalence": draw_rates(words.prevalence, prevalence, rtl=rtl),
    }


def _named(counts: dict[str, Cell], words: Words) -> dict[str, Cell]:
    return {words.name(each): cell for each, cell in counts.items()}


def _place(rate: Rate, words: Words) -> str:
    return words.name(rate.category) if rate.language == ALL else f"{words.name(rate.category)} ({rate.language})"


def _took(seconds: int | None) -> str:
    """A duration: hours and minutes, or seconds below one minute."""
    if seconds is None:
        return "\N{EM DASH}"
    if seconds < 60:
        return f"{seconds} s"
    return f"{seconds // 3600}:{seconds % 3600 // 60:02d} h"
