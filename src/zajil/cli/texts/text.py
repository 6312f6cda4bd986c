"""`Text`: one sentence in three languages, the language of this process, and how its commands for a home begin.

Codes, JSON and command names are the same in every language; only sentences for people are translated.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextvars import ContextVar
from functools import lru_cache
from typing import Literal, NamedTuple

from zajil.cli.untrusted import isolate

Language = Literal["en", "ar", "ru"]
PROGRAM: ContextVar[str] = ContextVar("program", default="zajil")
"""How a command for the home of this call begins: with `--home DIR` where the call named one."""
OF_A_HOME = frozenset(
    {
        "register",
        "whoami",
        "profiles",
        "contact-link",
        "add",
        "contacts",
        "verify",
        "privacy",
        "devices",
        "doctor",
        "link",
        "net",
        "push",
    }
    | {
        "block",
        "requests",
        "unblock",
        "username",
        "chats",
        "chat",
        "send",
        "read",
        "search",
        "react",
        "edit",
        "delete",
        "save",
        "disappear",
        "report",
        "sync",
        "export",
        "recovery",
        "account",
        "group",
        "join",
        "bundle",
        "persona",
        "channel",
    }
    | {"notices", "appeal"}
    | {"draft", "pin", "unpin", "archive", "unarchive", "mute", "unmute"}
)
"""Commands that work on a home."""
OF_STAFF = frozenset({"login", "logout", "queue", "claim", "show", "decide", "release", "skip", "undo", "appeals"})
"""Commands below `moderation` that do, too."""
_COMMAND = re.compile(
    rf"\bzajil (?=(?:{'|'.join(sorted(OF_A_HOME, reverse=True))}|moderation (?:{'|'.join(sorted(OF_STAFF))}))\b)"
)
LANGUAGES: tuple[Language, ...] = ("en", "ar", "ru")


def decide_language(environ: Mapping[str, str]) -> Language:
    """ZAJIL_LANG, else the first set one of LC_ALL, LC_MESSAGES, LANG, else English; `ar_EG.UTF-8` means Arabic."""
    for variable in ("ZAJIL_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = environ.get(variable, "").strip().lower()
        if not value:
            continue
        code = value.replace("-", "_").split("_")[0].split(".")[0]
        return next((known for known in LANGUAGES if known == code), "en")
    return "en"


@lru_cache(maxsize=1)
def language() -> Language:
    """The language of this process, decided once."""
    return decide_language(os.environ)


class Text(NamedTuple):
    """One sentence. Placeholders are the same in all three; values are isolated where directions meet.

    A command in it that works on a home is written so that it works on the home of this call.
    """

    en: str
    ar: str
    ru: str

    def __call__(self, /, **values: str | int) -> str:
        return self.in_language(language(), **values)

    def in_language(self, code: Language, /, **values: str | int) -> str:
        """The sentence in this language; a name of the other direction cannot drag its neighbours along."""
        template: str = getattr(self, code)
        program = PROGRAM.get()
        if not values:
            return _COMMAND.sub(lambda _: f"{program} ", template)
        # Before the values come in: what other people wrote is no command of ours.
        program = program.replace("{", "{{").replace("}", "}}")
        template = _COMMAND.sub(lambda _: f"{program} ", template)
        rtl = code == "ar"
        return template.format(**{key: isolate(str(value), in_rtl=rtl) for key, value in values.items()})
