"""`moderation classify`: what the cascade says of texts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from zajil.cli.texts.moderation import scores as words

if TYPE_CHECKING:
    from zajil.moderation.classify.cascade import Cascade, Classified

BATCH_LINES = 512
# A line longer than this is cut: the normaliser looks at 8,192 characters.
LINE_BYTES = 1 << 20
DIGITS = 4


def classify(*, json: Annotated[bool, typer.Option("--json", help=words.CLASSIFY_JSON())] = False) -> None:
    """Read texts from stdin, one a line, and say what stages 0, 2 and 3 would do to each."""
    from zajil.cli.output import console, print_json

    cascade = load()
    for batch in read_batches(sys.stdin.buffer):
        for found in cascade.classify(batch):
            if json:
                print_json(classified_row(found))
                continue
            head, score = max(found.scores.items(), key=lambda item: item[1])
            console().print(f"{found.lang:<3}  {found.action:<7}  {found.rule or '-'}  ({head} {score:.2f})")


def classified_row(found: Classified) -> dict[str, object]:
    """The JSON of one text."""
    scores = {head: round(score, DIGITS) for head, score in found.scores.items()}
    return {"lang": found.lang, "scores": scores, "action": found.action, "rule": found.rule}


def read_batches(stream: BinaryIO) -> Iterator[list[str]]:
    """The lines of a stream by hundreds, empty ones included; bytes that are no UTF-8 become the sign for that."""
    batch: list[str] = []
    while line := stream.readline(LINE_BYTES):
        rest = line
        while not rest.endswith(b"\n") and (rest := stream.readline(LINE_BYTES)):
            pass
        batch.append(line.rstrip(b"\r\n").decode("utf-8", "replace"))
        if len(batch) == BATCH_LINES:
            yield batch
            batch = []
    if batch:
        yield batch


def load() -> Cascade:
    """The packaged policy and model. Raises Failed where the extra or the files are missing."""
    from zajil.cli.failures import Failed

    try:
        from zajil.moderation.classify.cascade import load_cascade
        from zajil.moderation.classify.modelfile import ModelRefused
    except ModuleNotFoundError as error:
        raise Failed("no-moderation", remark=error.name or "") from error
    try:
        return load_cascade()
    except (ModelRefused, FileNotFoundError) as error:
        raise Failed("bad-model", remark=str(error) if isinstance(error, ModelRefused) else "") from error
