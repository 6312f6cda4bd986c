"""`--help` in the language of the process: usage, one sentence, then arguments, options and commands in columns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from rich.padding import Padding
from rich.table import Table
from rich.text import Text as Line
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from zajil.cli.failures import USAGE, Failed
from zajil.cli.output import console
from zajil.cli.texts import general
from zajil.cli.untrusted import clean_name

if TYPE_CHECKING:
    from rich.console import Console

_COLUMN, _WIDEST = 26, 38
_FRAMEWORK_HELP = {
    "help": general.HELP_OPTION,
    "install_completion": general.INSTALL_COMPLETION_OPTION,
    "show_completion": general.SHOW_COMPLETION_OPTION,
}
_UNMENTIONED = {*_FRAMEWORK_HELP, "version", "debug"}
# 16 bytes as text, or 32 of a link. One id in 64 begins with a dash, and is pasted as it was printed.
_DASHED_ID: Final = re.compile(r"-[A-Za-z0-9_-]{21}(?:[A-Za-z0-9_-]{21})?")
# The beginning of one, which is enough to name a message; a word with one dash too few is an option mistyped.
_DASHED_BEGINNING: Final = re.compile(r"-(?=[a-z-]*[A-Z0-9_])[A-Za-z0-9_-]{7,20}")
_MARK: Final = "\u2060"


class HelpfulCommand(TyperCommand):
    """A command whose help speaks the person's language."""

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  # Any: those types are private
        print_help(self, ctx)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # as above
        """Read the command line; what looks like an id is one, not an option that there is not."""
        options = {name for param in self.params for name in param.opts}
        marked = [_MARK + each if is_dashed(each, options) else each for each in args]
        rest = super().parse_args(ctx, marked)
        for name, value in ctx.params.items():
            if isinstance(value, list):
                ctx.params[name] = [_unmark(each) for each in value]
            else:
                ctx.params[name] = _unmark(value)
        return rest


def is_dashed(text: str, options: set[str]) -> bool:
    """Whether this is an id, or its beginning, and none of these options."""
    if text in options:
        return False
    if _DASHED_ID.fullmatch(text):
        return True
    return _DASHED_BEGINNING.fullmatch(text) is not None and text[:2] not in options


def _unmark(value: Any) -> Any:  # Any: whatever an option takes
    # A member of an enumeration is text as well, and must stay what it is.
    return value[1:] if isinstance(value, str) and value.startswith(_MARK) else value


class HelpfulGroup(TyperGroup):
    """A group of commands; called alone it shows its help, and an unknown command names the nearest ones."""

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  # as above
        print_help(self, ctx)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # as above
        """Find the command. Raises Failed `usage` with what it could have meant."""
        if args[0] not in self.commands:
            near = _nearest(args[0], self.commands)
            hint = general.DID_YOU_MEAN(names=near) if near else ""
            raise Failed("no-command", exit_code=USAGE, hint=hint, name=clean_name(args[0]))
        return super().resolve_command(ctx, args)


def _nearest(name: str, known: Any) -> str:
    from difflib import get_close_matches

    return ", ".join(get_close_matches(name, [key for key in known if not known[key].hidden], n=3))


def print_help(command: TyperCommand | TyperGroup, ctx: Any) -> None:
    """Print the help page of this command on stdout. ctx: the framework's (private) context."""
    screen = console()
    screen.print(Line.assemble((f"{general.USAGE()}: ", "dim"), (usage(command, ctx), "bold")))
    screen.print()
    screen.print(Padding(command.help or "", (0, 2)), soft_wrap=False)
    arguments, options = [], []
    for param in command.get_params(ctx):
        if isinstance(param, TyperArgument) and not param.hidden:
            arguments.append((str(param.metavar or param.name), param.help or ""))
        elif isinstance(param, TyperOption) and not param.hidden:
            options.append((_option_names(param), _option_help(param)))
    _section(screen, general.ARGUMENTS(), arguments)
    if isinstance(command, TyperGroup):
        panels: dict[str, list[tuple[str, str]]] = {}
        for name in command.list_commands(ctx):
            child = command.commands[name]
            if not child.hidden:
                panel = str(getattr(child, "rich_help_panel", None) or general.COMMANDS())
                panels.setdefault(panel, []).append((name, child.help or ""))
        for panel, rows in panels.items():
            _section(screen, panel, rows)
    _section(screen, general.OPTIONS(), options)
    if command.epilog:
        screen.print()
        screen.print(Padding(command.epilog, (0, 2)), soft_wrap=False, style="dim")


def usage(command: TyperCommand | TyperGroup, ctx: Any) -> str:
    """`zajil send CHAT TEXT [--queue]`."""
    pieces = [str(ctx.command_path)]
    for param in command.get_params(ctx):
        if getattr(param, "hidden", False) or param.name in _UNMENTIONED:
            continue
        if isinstance(param, TyperArgument):
            name = str(param.metavar or param.name).removesuffix("...") + ("..." if param.nargs == -1 else "")
            pieces.append(name if param.required else f"[{name}]")
        elif isinstance(param, TyperOption):
            name = _option_name(param)
            pieces.append(name if param.required else f"[{name}]")
    if isinstance(command, TyperGroup):
        pieces.append("COMMAND ...")
    return " ".join(pieces)


def _option_name(option: TyperOption) -> str:
    """Of several long forms the first one is shown."""
    flag = next((flag for flag in option.opts if flag.startswith("--")), option.opts[0])
    if option.is_flag and option.secondary_opts:
        return f"{flag}|{max(option.secondary_opts, key=len)}"
    return flag if option.is_flag else f"{flag} {option.metavar or 'VALUE'}"


def _option_names(option: TyperOption) -> str:
    """The same with its short forms before it: `-o, --output FILE`."""
    return ", ".join([*(flag for flag in option.opts if not flag.startswith("--")), _option_name(option)])


def _option_help(option: TyperOption) -> str:
    if option.name in _FRAMEWORK_HELP:
        return _FRAMEWORK_HELP[option.name]()
    if isinstance(option.show_default, str):
        return f"{option.help or ''} ({general.DEFAULT(value=option.show_default)})"
    return option.help or ""


def _section(screen: Console, title: str, rows: list[tuple[str, str]]) -> None:
    if not rows:
        return
    screen.print()
    screen.print(title, style="bold")
    table = Table.grid(padding=(0, 2), pad_edge=True)
    table.add_column(style="cyan", min_width=min(_COLUMN, max(len(name) for name, _ in rows)), no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in rows:
        table.add_row(_fold(name), text)
    screen.print(table, soft_wrap=False)


def _fold(name: str) -> str:
    """The name over several lines where it would leave no room for what stands beside it."""
    lines = [""]
    for piece in re.findall(r"[^ |]+[ |]?|[ |]", name):
        if lines[-1] and len(lines[-1]) + len(piece) > _WIDEST:
            lines.append("  ")
        lines[-1] += piece
    return "\n".join(lines)
