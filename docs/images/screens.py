"""Copy the README's pictures from the screens that `make web-test` (or `npm run screens`) wrote.

Run: .venv/bin/python docs/images/screens.py
"""

from __future__ import annotations

import shutil
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCREENS = HERE.parents[1] / "web" / "artifacts" / "screens"
PICTURES = {
    "chat-en-desktop": "chat-ltr-light-desktop",
    "chat-en-phone": "list-ltr-light-phone",
    "chat-ar-phone": "chat-arabic-rtl-dark-phone",
    "chat-ar-desktop": "chat-arabic-rtl-light-desktop",
    "server-view-en-desktop": "server-view-ltr-light-desktop",
}


def main() -> None:
    """Take each picture; fail if one is missing."""
    for name, screen in PICTURES.items():
        shutil.copy(SCREENS / f"{screen}.png", HERE / f"{name}.png")


if __name__ == "__main__":
    main()
