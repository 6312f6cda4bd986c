"""The browser has the sizes of `zajil.protocol.limits`: a limit that two ends have each their own of is none."""

from __future__ import annotations

import re
from pathlib import Path

from zajil.protocol import limits

TWIN = Path(__file__).parents[2] / "web" / "src" / "protocol" / "limits.ts"
CONSTANT = re.compile(r"^export const ([A-Z][A-Z0-9_]*) = ([\w *+<-]+);", re.MULTILINE)


def test_the_browser_has_the_same_limits() -> None:
    """The sums of the file are Python as they stand."""
    here = vars(limits)
    there: dict[str, object] = {}
    for name, text in CONSTANT.findall(TWIN.read_text(encoding="utf-8")):
        there[name] = eval(text, {"__builtins__": {}}, there)
    shared = {name: there[name] for name in there if name in here}
    assert len(shared) > 40
    assert "OWN_LINKS" in shared
    assert shared == {name: here[name] for name in shared}
