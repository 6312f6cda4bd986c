"""Twice the work costs at most 2.2 times, and twice the state around one operation at most 1.2 times.

Run: `make bench B=growth`, or .venv/bin/python bench/growth.py [--rounds N] [--only ROW,...] [--scale 0.1]. Each row is
measured at n, 2n and 4n, and both factors are told: rows of kind L are work (`l_factor`, the larger of the two), rows
of kind C one operation while what is there grows (`c_factor`). Figures are CPU, or memory where the unit says so; of
the server process and what it started, or of this process where the work is a client's or can be had by itself.
`--scale` makes n smaller: a tenth shows whether it runs, not how it grows.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
# ruff: noqa: E402  # the tree has to be on the path first
from bench.growing import groups, judging, keeping, serving
from bench.growing.family import Family, Row

from bench import rounds


def find_families(stack: ExitStack, options: argparse.Namespace) -> list[Family]:
    """Those of which a row is wanted."""
    only = [name for name in options.only.split(",") if name]

    def chosen(rows: Sequence[Row]) -> bool:
        return not only or any(row.name in only for row in rows)

    scale: float = options.scale
    pure = [groups.family(scale), judging.family(scale), *keeping.families(scale)]
    return [*serving.families(stack, chosen, scale), *(each for each in pure if chosen(each.rows))]


def main() -> None:
    """Prints every row, the medians, and the goals."""
    parser = rounds.make_parser(__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of every n")
    parser.set_defaults(rounds=1)
    options = parser.parse_args()
    with ExitStack() as stack:
        entries = [entry for family in find_families(stack, options) for entry in family.entries()]
        rounds.run("growth", entries, params={"scale": options.scale}, options=options)


if __name__ == "__main__":
    main()
