"""`doctor --data DIR`: what an operator should mend."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from zajil.cli.commands.server import existing_data

if TYPE_CHECKING:
    from zajil.server.doctor.finding import Finding


def check_server_folder(data: Path, *, host: str | None, port: int | None, json: bool) -> None:
    """Every check on a line, with what to do below it. Raises Failed `check-failed` where one does not hold.

    host, port: where the server was told to listen, None for what `zajil.toml` says.
    """
    from zajil.cli.failures import Failed
    from zajil.cli.hints import command_line
    from zajil.cli.output import console, print_json
    from zajil.cli.texts.account import DOCTOR_GOOD
    from zajil.cli.texts.operating.doctor import LOOK_AGAIN
    from zajil.server.doctor.whole import examine

    found = examine(existing_data(data), host=host, port=port)
    if json:
        print_json([{"name": f.name, "ok": f.ok, "code": f.code, "values": dict(f.values)} for f in found])
    else:
        for each in found:
            _show(each, data)
    if not all(each.ok for each in found):
        told = ["--data", str(data), *(("--host", host) if host else ()), *(("--port", str(port)) if port else ())]
        raise Failed("check-failed", hint=f"{LOOK_AGAIN()}  {command_line('doctor', *told)}")
    if not json:
        console().print(DOCTOR_GOOD(), style="bold")


def _show(finding: Finding, data: Path) -> None:
    """What to do below it, with commands that work on this folder and no other."""
    from zajil.cli.hints import command_line
    from zajil.cli.output import console
    from zajil.cli.texts.operating.doctor import FINDINGS
    from zajil.cli.untrusted import clean_text

    values = {name: clean_text(str(value)) for name, value in finding.values.items()}
    complaint, screen = FINDINGS[finding.code], console()
    screen.print("✓ " if finding.ok else "✗ ", style="green" if finding.ok else "bold red", end="")
    screen.print(complaint.sentence(**values))
    if complaint.hint is not None:
        screen.print(f"  {complaint.hint(**values)}", style="dim")
    if finding.code in ("backup-old", "backup-none"):
        screen.print(f"  {command_line('backup', 'DIR/', '--data', str(data))}", style="cyan")
    elif finding.code == "settings-extra":
        screen.print(f"  {values['command']}", style="cyan")
    elif finding.code == "files-open":
        screen.print(f"  chmod go-rwx {shlex.quote(values['file'])}", style="cyan")
    elif finding.code == "files-foreign":
        screen.print(f"  sudo chown -R {values['user']}: {shlex.quote(values['folder'])}", style="cyan")
