"""`moderation policy`: check a file, compare it, try it on what was found of late, and put it in force."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.commands.options import DataFolder, Json, decide_data, parse_folder
from zajil.cli.commands.server import existing_data
from zajil.cli.texts.moderation import steering as words

if TYPE_CHECKING:
    from zajil.moderation.policy.replay import ReplayReport
    from zajil.moderation.policy.schema import Policy

PolicyFile = Annotated[Path, typer.Argument(metavar="FILE", help=words.POLICY_FILE(), parser=parse_folder)]
AdminName = Annotated[str, typer.Option("--as", metavar="NAME", help=words.ADMIN_NAME())]


def check(file: PolicyFile, *, json: Json = False) -> None:
    """Whether the file can be used."""
    from zajil.cli.output import console, print_json

    found = read_policy_file(file, json=json)
    if json:
        print_json({"ref": found.ref, "version": found.version, "rules": len(found.rules), "faults": []})
        return
    console().print(words.POLICY_GOOD(version=found.version, rules=len(found.rules)))


def diff(file: PolicyFile, *, data: DataFolder = None, json: Json = False) -> None:
    """What the file would change, against the policy in force; without a server's folder against the packaged one."""
    from zajil.cli.output import console, print_json
    from zajil.server.schema import has_database

    found = read_policy_file(file, json=json)
    from zajil.server.moderation.steering import diff_with_active

    folder = decide_data(data)
    changes = diff_with_active(folder if has_database(folder) else None, found)
    if json:
        print_json([each._asdict() for each in changes])
        return
    if not changes:
        console().print(words.NO_CHANGES())
    for path, before, after in changes:
        console().print(f"{path}: {before or '-'} -> {after or '-'}", markup=False)


def replay(file: PolicyFile, *, data: DataFolder = None, json: Json = False) -> None:
    """What the file would have done to the posts of the last 24 hours."""
    from zajil.cli.output import console, print_json
    from zajil.server.moderation.steering import replay_policy

    found = read_policy_file(file, json=json)
    report = replay_policy(existing_data(decide_data(data)), file, found)
    if json:
        print_json(_plain(report))
        return
    console().print(
        words.REPLAYED(posts=report.posts, before=report.removed_before, after=report.removed_after), markup=False
    )
    for group in report.groups:
        name = f"{group.category:<20} {group.lang:<4}"
        console().print(f"{name} {group.acted_before} -> {group.acted_after}", markup=False)
    for rule in report.unseen_rules:
        console().print(words.UNSEEN(rule=rule), markup=False)
    if report.needs_second_admin:
        console().print(words.SECOND_NEEDED())


def activate(file: PolicyFile, *, data: DataFolder = None, name: AdminName = "operator", json: Json = False) -> None:
    """Put the file in force."""
    from zajil.cli.failures import Failed
    from zajil.cli.output import console, print_json
    from zajil.protocol.errors import Refused
    from zajil.server.moderation.steering import activate_policy

    found = read_policy_file(file, json=json)
    try:
        done = activate_policy(existing_data(decide_data(data)), found, admin=name)
    except Refused as reason:
        raise Failed("policy-refused", remark=str(reason)) from reason
    if json:
        print_json({"ref": found.ref, "activated": done})
    else:
        console().print(words.ACTIVATED(version=found.version) if done else words.SECOND_NEEDED())


def read_policy_file(file: Path, *, json: bool) -> Policy:
    """The policy of a file; its faults are printed. Raises Failed `policy-faults`, `no-file`, `no-moderation`."""
    from zajil.cli.failures import Failed
    from zajil.cli.output import console, print_json

    try:
        from zajil.server.moderation.steering import check_policy_file
    except ModuleNotFoundError as missing:
        raise Failed("no-moderation", remark=missing.name or "") from missing
    try:
        checked = check_policy_file(file)
    except OSError as missing_file:
        raise Failed("no-file", name=file.name) from missing_file
    if checked.policy is None:
        if json:
            print_json({"faults": [each._asdict() for each in checked.faults]})
        else:
            for fault in checked.faults:
                console().print(str(fault), markup=False)
        raise Failed("policy-faults")
    return checked.policy


def _plain(report: ReplayReport) -> dict[str, object]:
    """The JSON of a report: examples by the post's id in hex."""
    import msgspec

    plain: dict[str, object] = msgspec.to_builtins(report, builtin_types=(bytes,))
    return {name: _hexed(value) for name, value in plain.items()} | {"needs_second_admin": report.needs_second_admin}


def _hexed(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {name: _hexed(part) for name, part in value.items()}
    return [_hexed(part) for part in value] if isinstance(value, list | tuple) else value
