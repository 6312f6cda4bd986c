"""Draw docs/images/demo.svg: what `zajil demo` prints, as it looks in a terminal.

Run: .venv/bin/python docs/images/demo.py
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 100
PARTS = ("3. ", "5. ")
FONT_FACE = re.compile(r"@font-face\s*\{[^}]*\}")
ISOLATES = re.compile("[\u2066-\u2069]")


def main() -> None:
    """Run the demo, keep its middle parts, write the picture beside this file."""
    command = [sys.executable, "-m", "zajil.cli.main", "demo", "--fast"]
    colours = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "ZAJIL_LANG": "en"}
    output = subprocess.run(command, env=colours, check=True, capture_output=True, text=True).stdout
    plain = [Text.from_ansi(line).plain for line in output.splitlines()]
    first = next(n for n, line in enumerate(plain) if line.startswith(PARTS[0]))
    last = next(n for n, line in enumerate(plain) if line.startswith(PARTS[1]))
    console = Console(record=True, width=WIDTH, file=Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - the process ends here
    console.print(Text.from_ansi("\n".join(ISOLATES.sub("", line) for line in output.splitlines()[first:last])))
    # A picture that fetches fonts would tell a stranger who reads this page.
    drawing = FONT_FACE.sub("", console.export_svg(title="zajil demo"))
    Path(__file__).with_suffix(".svg").write_text(drawing, encoding="utf-8")


if __name__ == "__main__":
    main()
