"""What Playwright's list reporter said of a run, in the room that CI has for it: it keeps some 30 kB of all output.

First what failed, then each try's error with its call log and the lines of the story, then what stood on the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

SECOND_TRY: Final = "second try"
"""Property of a report: a story that passed, but not at its first try."""
TRY_MAX: Final = 2_500
PAGE_MAX: Final = 2_500
PAGES: Final = 2
STDERR_MAX: Final = 1_500

_STORY = re.compile(r"^ {2}\d+\) (?:e2e/)?(.+?)[ ─]*$")
_RETRY = re.compile(r"^ {4}Retry #\d+[ ─]*$")
_END = re.compile(r"^ {2}\d+ (?:failed|flaky|passed|skipped|did not run|interrupted)\b")
_CONTEXT = re.compile(r"^ *Error Context: (.+)$", re.MULTILINE)


class Failure(NamedTuple):
    """A story with a try that failed. tries: what was said of each that did, in their order."""

    story: str
    tries: tuple[str, ...]


def find_failures(stdout: str) -> list[Failure]:
    """The numbered sections of a run's output."""
    return [Failure(story, tuple(tries)) for story, tries in _sections(stdout)]


def _sections(stdout: str) -> Iterator[tuple[str, list[str]]]:
    story, tries = "", [""]
    for line in stdout.splitlines():
        begins, ends = _STORY.match(line), _END.match(line)
        if begins or ends:
            if story:
                yield story, [each.strip("\n") for each in tries]
            story, tries = (begins[1] if begins else ""), [""]
        elif _RETRY.match(line):
            tries.append("")
        else:
            tries[-1] += line + "\n"
    if story:
        yield story, [each.strip("\n") for each in tries]


def find_second_tries(stdout: str) -> list[str]:
    """A line for each story that passed, but not at its first try: which, and how the first one failed."""
    failed = re.compile(r"^ {2}\d+ flaky\n((?: {4}.+\n?)+)", re.MULTILINE).search(stdout)
    names = [] if failed is None else [re.sub(r"^ *(?:e2e/)?|[ ─]*$", "", line) for line in failed[1].splitlines()]
    return [
        f"{failure.story}: {first_line(failure.tries[0])}"
        for failure in find_failures(stdout)
        if failure.story in names
    ]


def first_line(said: str) -> str:
    """The error, and the line of the story that it stands at."""
    error = next((line.strip() for line in said.splitlines() if line.strip()), "no error")
    at = re.search(r"^ *> +\d+ \| *(.+)$", said, re.MULTILINE)
    return f"{error} at `{at[1]}`" if at else error


def tell(stdout: str, stderr: str, pages: list[str]) -> str:
    """What a person needs to see of a run that failed. pages: what the files of `find_contexts` hold."""
    marks = [line.strip() for line in stdout.splitlines() if line.lstrip().startswith("✘")]
    errors = [f"{failure.story}\n{clip(said, TRY_MAX)}" for failure in find_failures(stdout) for said in failure.tries]
    # Without a section Playwright itself failed.
    rest = [] if errors else [stdout[-TRY_MAX:]]
    shown = [page_of(page) for page in pages[:PAGES]]
    return "\n\n".join(part for part in ["\n".join(marks), *errors, *rest, stderr[-STDERR_MAX:], *shown] if part)


def find_contexts(stdout: str) -> list[str]:
    """The files in which Playwright wrote what stood on the page, as it names them."""
    return list(dict.fromkeys(_CONTEXT.findall(stdout)))


def page_of(context: str) -> str:
    """The page of an error context: neither its instructions nor the source, which stands beside the error."""
    found = re.search(r"^# Page snapshot\n+(.*?)(?=^# |\Z)", context, re.MULTILINE | re.DOTALL)
    # Where a locator's own subtree was taken instead, it follows the error.
    found = found or re.search(r"^(```yaml\n.*?\n```)", context, re.MULTILINE | re.DOTALL)
    return f"on the page:\n{found[1].strip()[:PAGE_MAX]}" if found else ""


def clip(text: str, size: int) -> str:
    """Both ends of a text: an error begins with what it is, and ends with where."""
    half = size // 2
    return text if len(text) <= size else f"{text[:half]}\n[…]\n{text[-half:]}"
