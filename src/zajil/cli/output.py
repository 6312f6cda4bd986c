"""Where words go: text for people to a console, JSON to stdout, complaints to stderr.

Consoles never interpret markup, emoji codes or highlights in what they print: texts come from other people.
Piped output is neither coloured nor wrapped. NO_COLOR is honoured by Rich.
"""

from __future__ import annotations

import sys

from rich.console import Console

from zajil.cli.untrusted import json_line


def console() -> Console:
    """Text for people on stdout."""
    return Console(file=sys.stdout, highlight=False, markup=False, emoji=False, soft_wrap=True)


def error_console() -> Console:
    """Complaints and side remarks on stderr."""
    return Console(file=sys.stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)


def print_json(value: object) -> None:
    """One JSON document on one line of stdout, at once."""
    sys.stdout.write(json_line(value) + "\n")
    sys.stdout.flush()
