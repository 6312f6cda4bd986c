"""`python -m zajil.moderation.train --data DIR --out DIR`: the shipped weights, again."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

# One thread, before any numerical library is loaded: sums in another order are other sums.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"


def main() -> int:
    """Train; prints the hash of each file."""
    from zajil.moderation.classify.embeddings import Disabled, load_encoder
    from zajil.moderation.data.folder import DataMissing, find_data
    from zajil.moderation.train.build import DEFAULT_OUT, build
    from zajil.moderation.train.texts.extra import ExtraRefused

    parser = argparse.ArgumentParser(prog="python -m zajil.moderation.train")
    parser.add_argument("--data", type=Path, default=find_data(), help="folder of the data sets")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help="folder for the model files")
    parser.add_argument("--vectors", type=Path, help="folder that keeps sentence vectors between runs")
    parser.add_argument("--extra", type=Path, help="own rows as JSON lines: text, labels by head")
    chosen = parser.parse_args()
    if chosen.data is None:
        sys.stderr.write("no data folder: give --data, or set ZAJIL_MODERATION_DATA\n")
        return 2
    encoder = load_encoder()
    if isinstance(encoder, Disabled):
        sys.stderr.write(f"sentence vectors are off ({encoder.reason}): install the extra moderation-embeddings\n")
        return 2
    try:
        with tempfile.TemporaryDirectory() as scratch:
            hashes = build(
                chosen.data, chosen.out, vectors=chosen.vectors or Path(scratch), encoder=encoder, extra=chosen.extra
            )
    except DataMissing as missing:
        sys.stderr.write(f"missing: {missing}\n")
        return 2
    except ExtraRefused as refused:
        sys.stderr.write(f"no row of text and labels: {refused}\n")
        return 2
    for name, digest in hashes.items():
        sys.stdout.write(f"{digest}  {name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
