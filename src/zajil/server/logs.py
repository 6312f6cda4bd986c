"""What may enter a log line: the level, the place and a fixed sentence. Never an id, token, address or path of people.

Our own messages are written without such values. Of a library's message only the place that wrote it is kept, and a
traceback keeps its frames but not the text of the exception, because both may quote what a client sent.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from typing import Literal, TextIO

from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web import RequestPayloadError


class BlindFormatter(logging.Formatter):
    """Formats a record without anything that came from outside."""

    def format(self, record: logging.LogRecord) -> str:
        line = f"{record.levelname.lower()} {record.name}: {tell(record)}"
        if record.exc_info and record.exc_info[0] is not None:
            line += "\n" + describe_exception(record.exc_info[1])
        return line


class JsonFormatter(BlindFormatter):
    """The same, a line of JSON each: level, logger, text, and trace where there is an exception."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"level": record.levelname.lower(), "logger": record.name, "text": tell(record)}
        if record.exc_info and record.exc_info[0] is not None:
            line["trace"] = describe_exception(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False)


def tell(record: logging.LogRecord) -> str:
    """Our own sentence, or of a library's the place that wrote it."""
    ours = record.name == "zajil" or record.name.startswith("zajil.")
    return record.getMessage() if ours else f"at {record.filename}:{record.lineno}"


def is_worth_a_line(record: logging.LogRecord) -> bool:
    """False for what aiohttp logs when a peer speaks broken HTTP or leaves: anybody could fill the disk with it."""
    fault = record.exc_info[1] if record.exc_info else None
    return record.name != "aiohttp.server" or not isinstance(
        fault, HttpProcessingError | RequestPayloadError | ConnectionError
    )


def describe_exception(error: BaseException | None) -> str:
    """Type and frames of an exception and its causes, without messages: safe to write down."""
    lines: list[str] = []
    while error is not None:
        lines.append(f"  {type(error).__module__}.{type(error).__qualname__}")
        lines += [
            f"    {frame.filename}:{frame.lineno} in {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)
        ]
        error = error.__cause__ or error.__context__
    return "\n".join(lines)


def set_up_logging(stream: TextIO | None = None, *, form: Literal["text", "json"] = "text") -> None:
    """Route every logger to one blind stream (stderr by default); warnings and up, nothing on success."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else BlindFormatter())
    handler.addFilter(is_worth_a_line)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
