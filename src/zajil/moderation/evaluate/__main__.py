"""`python -m zajil.moderation.evaluate`: measure the models that ship and store it as `model/metrics.json`.

After a training run, before the card is made. `zajil moderation evaluate` compares later models with it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from zajil.moderation.classify.packaged import FOLDER
from zajil.moderation.data.folder import find_data
from zajil.moderation.evaluate.gate import METRICS
from zajil.moderation.evaluate.report import evaluate_all


def main() -> int:
    """Refuses to store half of the figures."""
    parser = argparse.ArgumentParser(prog="python -m zajil.moderation.evaluate")
    parser.add_argument("--vectors", type=Path, help="folder that keeps sentence vectors between runs")
    report = evaluate_all(find_data(), vectors=parser.parse_args().vectors)
    if report.missing or report.encoder_off:
        sys.stderr.write(f"not stored: missing {', '.join(report.missing)} {report.encoder_off}\n")
        return 2
    (FOLDER / METRICS).write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
