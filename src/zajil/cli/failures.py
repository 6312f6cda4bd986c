"""From an exception to one sentence, a stable code and an exit code. The only place that catches everything.

0 done, 1 refused or failed, 2 wrong usage, 3 server unreachable, 4 a check found a difference, 130 interrupted.
"""

from __future__ import annotations

import re
import shlex
import sys
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING

from zajil.cli.output import error_console
from zajil.cli.texts import general
from zajil.cli.texts.complaint import Complaint
from zajil.cli.texts.errors import COMPLAINTS, find_complaint
from zajil.cli.texts.system import say_reason
from zajil.cli.texts.text import Text
from zajil.cli.untrusted import clean_name, clean_text, isolate

if TYPE_CHECKING:
    from zajil.protocol.errors import Unavailable, ZajilError

REFUSED, USAGE, UNREACHABLE, DIFFERENT, INTERRUPTED = 1, 2, 3, 4, 130
_ROOT_OPTIONS = ("--home", "--profile", "--debug", "--version")


class Failed(Exception):
    """The command line itself says no.

    code: a key of `COMPLAINTS`. values: for its sentence. remark: shown after it. sentence, hint: instead of its own.
    """

    def __init__(
        self,
        code: str,
        *,
        exit_code: int = REFUSED,
        remark: str = "",
        sentence: str = "",
        hint: str = "",
        **values: str | int,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.exit_code = exit_code
        self.remark = remark
        self.sentence = sentence
        self.hint = hint
        self.values = values


def as_failed(error: Exception) -> Failed:
    """What a server's settings and key files say no to. error: ConfigError or KeyFileError."""
    from zajil.engine.sql.marks import ForeignFile

    if isinstance(error, ForeignFile):
        return Failed("foreign-file", remark=error.remedy, file=error.file)
    return Failed(getattr(error, "code", "settings"), remark=str(error))


def as_kept(error: Unavailable, hint: str) -> Failed | Unavailable:
    """What is told of a change that waits here for a server; the error itself where it is about the change."""
    if error.code not in ("unreachable", "busy", "restarting", "internal"):
        return error
    return Failed(error.code, exit_code=UNREACHABLE, hint=hint)


def complain(error: BaseException, *, command: str = "zajil", debug: bool = False) -> int:
    """Print what went wrong on stderr; the exit code to end with."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    if isinstance(error, BrokenPipeError):
        return REFUSED
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, Failed):
        complaint = COMPLAINTS[error.code]
        said = error.sentence or complaint.sentence(**error.values)
        _print(error.code, said, error.remark, error.hint or complaint.hint)
        return error.exit_code
    if _is_usage(error):
        return _complain_usage(error, command)
    if isinstance(error, OSError):
        remark = f"{say_reason(error)}: {error.filename or ''}".rstrip(": ")
        _print("disk", COMPLAINTS["disk"].sentence(), clean_text(remark), COMPLAINTS["disk"].hint)
        return REFUSED
    from zajil.protocol.errors import ZajilError

    if isinstance(error, ZajilError):
        return _complain_protocol(error)
    from zajil.engine.keys import KeyFileError
    from zajil.server.config import ConfigError

    if isinstance(error, ConfigError | KeyFileError):  # of a command that does not expect it
        return complain(as_failed(error), command=command)
    crash = COMPLAINTS["crashed"]
    _print("crashed", crash.sentence(), type(error).__name__, crash.hint)
    return REFUSED


def hint_in_chat(code: str, name: str) -> str:
    """The hint of a code with the chat or person in it, quoted for a shell. name: cleaned."""
    hint = COMPLAINTS[code].hint
    quoted = shlex.quote(name)
    return "" if hint is None else re.sub(r"\b(CHAT|NAME)\b", lambda _: quoted, hint())


def say_failure(error: Failed | ZajilError) -> str:
    """The sentence, and the hint on a line below it, for a screen that goes on."""
    values = error.values if isinstance(error, Failed) else {}
    complaint = find_complaint(error.code) or COMPLAINTS["not-allowed"]
    sentence = (error.sentence if isinstance(error, Failed) else "") or complaint.sentence(**values)
    hint = (error.hint if isinstance(error, Failed) else "") or (complaint.hint() if complaint.hint is not None else "")
    return f"{sentence}\n{hint}".rstrip()


def _complain_protocol(error: ZajilError) -> int:
    complaint = find_complaint(error.code) or Complaint(COMPLAINTS["not-allowed"].sentence)
    remark = _say_suspension(error.detail) if error.code == "suspended" else ""
    _print(error.code, complaint.sentence(), remark, _say_when(error.retry_ms) or complaint.hint)
    for candidate in _candidates(error.detail):
        error_console().print(f"  {candidate}")
    return UNREACHABLE if error.code == "unreachable" else REFUSED


def _say_suspension(detail: Mapping[str, int | str]) -> str:
    """The statement of reasons that came with the refusal, as far as it did."""
    reason, until = detail.get("reason"), detail.get("until")
    if not isinstance(reason, str) or not isinstance(until, int):
        return ""
    from zajil.cli.texts.public.channel import CATEGORIES
    from zajil.cli.times import day

    said = CATEGORIES.get(reason, CATEGORIES[""])()
    return general.SUSPENDED_UNTIL(reason=said, day=day(until)) if until else general.SUSPENDED(reason=said)


def _say_when(retry_ms: int | None) -> str:
    """When it is worth another try, where that is not in a moment."""
    minutes = -(-(retry_ms or 0) // 60_000)
    if minutes < 2:
        return ""
    return general.LATER_MINUTES(n=minutes) if minutes < 120 else general.LATER_HOURS(n=-(-minutes // 60))


def _candidates(detail: Mapping[str, object] | None) -> list[str]:
    """What an ambiguous name could mean, an id and a name a line, as the client has listed it."""
    found = str((detail or {}).get("candidates", ""))
    parts = [line.partition(" ") for line in found.splitlines() if line.strip()]
    return [f"{clean_name(identity)}  {isolate(clean_name(name))}" for identity, _, name in parts]


def _is_usage(error: BaseException) -> bool:
    """Whether the CLI framework objects to the command line; its classes are private to it."""
    return any(kind.__name__ == "UsageError" for kind in type(error).__mro__)


def _complain_usage(error: BaseException, command: str) -> int:
    kind = type(error).__name__
    if kind == "NoArgsIsHelpError":
        return USAGE  # a group without a command: its help has been shown
    context = getattr(error, "ctx", None)
    path = getattr(context, "command_path", command)
    param = getattr(error, "param", None)
    flag = param.opts[0] if param is not None and param.opts else ""
    name = flag if flag.startswith("-") else getattr(param, "metavar", None) or flag
    hint: str = general.SEE_HELP(command=f"{path} --help")
    if kind == "NoSuchOption":
        sentence = general.NO_OPTION(name=clean_name(str(getattr(error, "option_name", ""))))
        near = [str(option) for option in getattr(error, "possibilities", None) or ()]
        if getattr(error, "option_name", "") in _ROOT_OPTIONS:
            hint = general.ROOT_OPTION()
        elif near:
            hint = general.DID_YOU_MEAN(names=", ".join(near))
    elif kind == "MissingParameter" and name:
        sentence = general.MISSING(name=str(name))
    elif kind == "BadParameter" and name:
        sentence = general.BAD_VALUE(name=str(name))
        choices = str(getattr(param, "metavar", None) or "").split("|")
        if len(choices) < 2:
            # The words that fit are nowhere but in the framework's own sentence.
            choices = re.findall(r"'([^']+)'", str(getattr(error, "message", "")).partition(" is not one of ")[2])
        if len(choices) > 1:
            sentence += f" {general.ONE_OF(values=', '.join(choices))}"
    else:
        sentence = f"{general.BAD_USAGE()} ({clean_name(str(error))})"
    _print("usage", sentence, "", hint)
    return USAGE


def _print(code: str, sentence: str, remark: str, hint: Text | str | None) -> None:
    screen = error_console()
    screen.print(f"{general.ERROR_LABEL()}: {code}: ", style="bold red", end="")
    screen.print(f"{sentence} ({remark})" if remark else sentence)
    if hint is not None:
        for line in (hint() if isinstance(hint, Text) else hint).splitlines():
            screen.print(f"{general.HINT_LABEL()}: {line}", style="dim")
