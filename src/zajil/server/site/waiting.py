"""The page at `/` while there is no client: how far its build is, or what to do when nobody builds it.

The builder (`hatch_build.py`) writes `web.building` beside its output: JSON `{"number", "steps", "started"}`, started
in Unix seconds, and removes it when it ends. A file older than a build can take belongs to one that was killed.
"""

from __future__ import annotations

import html
from pathlib import Path
from typing import Final

import msgspec

from zajil.server.site.texts import WORDS, Words

STATE_FILE: Final = "web.building"
SCRIPT_NAME: Final = "waiting.js"
SCRIPT: Final = b"setTimeout(() => location.reload(), 1500);\n"
"""A reload keeps the fragment, and with it the invite; a refresh by header or meta element may not."""
_LONGEST_BUILD_S: Final = 900.0
_STYLE: Final = (
    "body{margin:0;background:#F4F3EF;color:#1B2230;font:1rem/1.6 system-ui,sans-serif}"
    "main{max-width:38rem;margin:12vh auto;padding:0 1.5rem}h1{font-size:1.6rem}"
    "code{display:block;margin:.3rem 0 1.2rem;padding:.6rem .8rem;border-radius:10px;background:#FCFBF8;"
    "border:1px solid #DEDCD4;font-family:ui-monospace,monospace;text-align:left}"
    "progress{width:100%;height:.6rem;accent-color:#2B5A8C}"
    "@media(prefers-color-scheme:dark){body{background:#12161E;color:#E7E9EE}"
    "code{background:#181D27;border-color:#2A3140}progress{accent-color:#8DB8E4}}"
)


class Progress(msgspec.Struct, frozen=True):
    """What a build under way says of itself. number: of its step, 1..steps. started: Unix seconds."""

    number: int
    steps: int
    started: float


def find_progress(web: Path, *, now: float) -> Progress | None:
    """How far the build of this output folder is; None if none is under way."""
    try:
        found = msgspec.json.decode((web.parent / STATE_FILE).read_bytes(), type=Progress)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    alive = 0 <= now - found.started < _LONGEST_BUILD_S and 1 <= found.number <= found.steps
    return found if alive else None


def decide_language(accepted: str) -> str:
    """The first of our languages in an Accept-Language header (RFC 9110 12.5.4, order as sent); else English."""
    for item in accepted.split(",")[:32]:
        code = item.partition(";")[0].strip().lower().partition("-")[0]
        if code in WORDS:
            return code
    return "en"


def render(language: str, progress: Progress | None) -> bytes:
    """The page, HTML in UTF-8: progress and a script that reloads, or the fixes and no script."""
    words = WORDS[language]
    body = _progress(words, progress) if progress is not None else _fixes(words)
    script = f'<script src="./{SCRIPT_NAME}" defer></script>' if progress is not None else ""
    page = (
        f'<!doctype html><html lang="{language}" dir="{words.direction}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{html.escape(words.title)}</title><style>{_STYLE}</style>{script}'
        f"</head><body><main><h1>{html.escape(words.title)}</h1>{body}</main></body></html>\n"
    )
    return page.encode("utf-8")


def _progress(words: Words, progress: Progress) -> str:
    step = words.step.format(step=progress.number, steps=progress.steps)
    bar = f'<progress max="{progress.steps}" value="{progress.number - 0.5}">{html.escape(step)}</progress>'
    return f"<p>{html.escape(words.building)}</p>{bar}<p>{html.escape(step)}</p>"


def _fixes(words: Words) -> str:
    items = "".join(
        f'<li>{html.escape(sentence)}<code dir="ltr">{html.escape(command)}</code></li>'
        for sentence, command in words.fixes
    )
    register = '<code dir="ltr">zajil --help</code>'
    return f"<p>{html.escape(words.missing)}</p><ol>{items}</ol><p>{html.escape(words.working)}</p>{register}"
