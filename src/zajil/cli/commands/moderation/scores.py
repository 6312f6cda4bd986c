"""`moderation classify` and `evaluate`: what the cascade says of texts, and how well."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from zajil.cli.texts.moderation import scores as words

if TYPE_CHECKING:
    from zajil.moderation.classify.cascade import Cascade, Classified
    from zajil.moderation.evaluate.gate import Drop
    from zajil.moderation.evaluate.report import Report

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


def evaluate(
    *,
    suite: Annotated[str, typer.Option("--suite", help=words.SUITE_OPTION())] = "all",
    json: Annotated[bool, typer.Option("--json", help=words.EVALUATE_JSON())] = False,
    linear: Annotated[bool, typer.Option("--linear", help=words.LINEAR_OPTION())] = False,
    data: Annotated[Path | None, typer.Option("--data", help=words.EVALUATE_DATA())] = None,
) -> None:
    """Measure the packaged models and compare with the stored figures; ends with 1 where something got worse."""
    from zajil.cli.failures import Failed
    from zajil.cli.output import print_json

    try:
        import msgspec

        from zajil.moderation.classify.modelfile import ModelRefused
        from zajil.moderation.data.folder import find_data
        from zajil.moderation.evaluate.gate import NoMetrics, find_drops, load_metrics
        from zajil.moderation.evaluate.report import ALL, NAMES, evaluate_all
    except ModuleNotFoundError as error:
        raise Failed("no-moderation", remark=error.name or "") from error
    if suite not in (ALL, *NAMES):
        raise Failed("no-set", name=suite, hint=words.SETS(names=", ".join((ALL, *NAMES))))
    try:
        report = evaluate_all(data or find_data(), NAMES if suite == ALL else (suite,), fused=not linear)
        drops = find_drops(report, load_metrics())
    except ModuleNotFoundError as error:
        raise Failed("no-moderation", remark=error.name or "") from error
    except (ModelRefused, NoMetrics, FileNotFoundError) as error:
        raise Failed("bad-model", remark=str(error) if isinstance(error, ModelRefused) else "") from error
    if json:
        print_json({**msgspec.to_builtins(report), "drops": [drop._asdict() for drop in drops]})
    else:
        print_report(report, drops)
    if drops:
        raise typer.Exit(1)


def print_report(report: Report, drops: Sequence[Drop]) -> None:
    """The figures as tables for a terminal."""
    from zajil.cli.output import console

    console().print(f"{'':<40}{'n':>6}  {'harm':>5}  {'AUPRC':>20}  {'balanced':>20}  {'recall @1 %':>20}")
    for name, found in report.sets.items():
        for scorer, languages in found.scorers.items():
            for language, figures in languages.items():
                row = "  ".join(
                    f"{value.value:>6.3f} [{value.low:.3f}, {value.high:.3f}]"
                    for value in (figures.auprc, figures.balanced, figures.recall_1)
                )
                console().print(
                    f"{name + ' ' + scorer + ' ' + language:<40}{figures.cases:>6}  {figures.share:>5.2f}  {row}"
                )
    if report.attacks:
        console().print(words.ATTACKS(), style="bold")
    for name, by_language in report.attacks.items():
        for language, attacks in by_language.items():
            kept = "  ".join(
                f"{attack} {'-' if found.kept is None else f'{found.kept:.2f}'}" for attack, found in attacks.items()
            )
            console().print(f"{name} {language}  {kept}")
    for name in report.missing:
        console().print(words.SKIPPED(name=name))
    if report.encoder_off:
        console().print(
            words.NO_ENCODER(reason="--linear" if report.encoder_off == "not-asked" else report.encoder_off)
        )
    for drop in drops:
        console().print(words.WORSE(where=drop.where, now=f"{drop.now:.3f}", was=f"{drop.was:.3f}"))
