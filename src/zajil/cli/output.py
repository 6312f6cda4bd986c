"""Where words go: text for people to a console, JSON to stdout, complaints to stderr.

Consoles never interpret markup, emoji codes or highlights in what they print: texts come from other people.
Piped output is neither coloured nor wrapped. NO_COLOR is honoured by Rich.
"""

from __future__ import annotations

import sys

from rich.console import Console

from zajil.cli.texts.text import Text
from zajil.cli.untrusted import json_line


def console() -> Console:
    """Text for people on stdout."""
    return Console(file=sys.stdout, highlight=False, markup=False, emoji=False, soft_wrap=True)


def error_console() -> Console:
    """Complaints and side remarks on stderr."""
    return Console(file=sys.stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)


class Progress:
    """Says how far something is, on one line of a terminal that goes away in the end; in a pipe nothing is said."""

    def __init__(self, sentence: Text) -> None:
        self._sentence = sentence
        self._screen = error_console()
        self._shown = ""

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._screen.file.write("\r\x1b[K")
            self._screen.file.flush()

    def tell(self, **values: str) -> None:
        """Show the sentence with these values."""
        text = self._sentence(**values)
        if not self._screen.is_terminal or text == self._shown:
            return
        self._shown = text
        self._screen.file.write(f"\r\x1b[K{text}")
        self._screen.file.flush()


def print_json(value: object) -> None:
    """One JSON document on one line of stdout, at once."""
    sys.stdout.write(json_line(value) + "\n")
    sys.stdout.flush()
