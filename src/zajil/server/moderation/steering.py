"""What `zajil moderation policy`, `lists` and `suspensions` do.

They work on the data directory, also while a server runs on it. Whoever can write there can do anything; names given
here are a record of who did, not a lock.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Connection

from zajil.channels.reviewing import read_subject
from zajil.engine.moderationkeys import FILE_NAME, ModerationKeys
from zajil.engine.sql.database import Database
from zajil.engine.sql.marks import check_log
from zajil.moderation.audit.entries import SALT_BYTES, Kind, make_pseudonym
from zajil.moderation.classify.packaged import load_linear, read_thresholds
from zajil.moderation.match.entries import Entry
from zajil.moderation.match.urls import AddressLists, ListName
from zajil.moderation.pipeline.benches import fold_phrase, packaged_policy, read_policy
from zajil.moderation.policy.diff import Change, diff_policies
from zajil.moderation.policy.load import Checked
from zajil.moderation.policy.packaged import check_file
from zajil.moderation.policy.replay import REPLAY_MAX_AGE_S, ReplayReport, check_activation, replay
from zajil.moderation.policy.schema import Policy
from zajil.moderation.review.suspensions import lift_suspension, view_suspensions
from zajil.moderation.store import matches, policies, verdicts
from zajil.moderation.store.matches import AddressRow
from zajil.moderation.store.transparency.changes import log_change
from zajil.protocol.errors import error
from zajil.protocol.review.suspensions import LiftSuspension, Suspensions
from zajil.server.schema import open_database

OPERATOR: Final = "operator"
_report: Final = msgspec.msgpack.Decoder(ReplayReport)


class Listed(NamedTuple):
    """An entry of a list, for people."""

    list: str
    value: str
    category: str
    source: str
    expires_at: int | None
    suspended: bool


@contextmanager
def opened(data: Path) -> Iterator[Database]:
    """The database of this data directory, at the newest schema."""
    database = open_database(data)
    try:
        yield database
    finally:
        database.close()


def check_policy_file(path: Path) -> Checked:
    """The policy of a file, or its faults by line. Raises OSError for the file itself."""
    return check_file(path, fold_phrase, model=read_thresholds(load_linear().metadata))


def active_policy(db: Connection) -> Policy:
    """The policy in force."""
    row = policies.find_active(db)
    return packaged_policy() if row is None else read_policy(policies.files_of(row), row.name)


def diff_with_active(data: Path | None, candidate: Policy) -> tuple[Change, ...]:
    """What a candidate would change. data: None compares with the packaged policy."""
    if data is None:
        return diff_policies(packaged_policy(), candidate)
    with opened(data) as database:
        return diff_policies(database.read_sync(active_policy), candidate)


def replay_policy(data: Path, path: Path, candidate: Policy, *, now: float | None = None) -> ReplayReport:
    """Run a candidate on the stored verdicts of the last 24 h, and keep it and its report: it may be activated then."""
    at = int(time.time() if now is None else now)
    with opened(data) as database:

        def run(db: Connection) -> ReplayReport:
            stored = verdicts.read_stored(db, since=at - REPLAY_MAX_AGE_S)
            seed = hashlib.sha256(f"{candidate.ref} {at}".encode()).digest()
            return replay(stored, current=active_policy(db), candidate=candidate, seed=seed)

        report = database.read_sync(run)
        kept = msgspec.msgpack.encode(report)
        files = _read_files(path, candidate)
        database.write_sync(
            lambda db: policies.put_replayed(
                db, candidate.ref, version=candidate.version, files=files, replay=kept, now=at
            )
        )
        return report


def activate_policy(data: Path, candidate: Policy, *, admin: str = OPERATOR, now: float | None = None) -> bool:
    """Let a candidate decide from now on. False where another admin has to agree as well: this one is noted.

    Raises Refused `not-allowed` without a replay of the last 24 h, or where its version is not the next one.
    """
    at = int(time.time() if now is None else now)
    keys = ModerationKeys.load(data / FILE_NAME)
    with opened(data) as database:

        def write(db: Connection) -> bool:
            row = policies.find_policy(db, candidate.ref)
            if row is None or row.replay is None or row.replayed_at is None:
                raise error("not-allowed", "no replay of this policy within 24 h")
            if candidate.version != active_policy(db).version + 1:
                raise error("not-allowed", f"the next policy is version {active_policy(db).version + 1}")
            agreed = policies.note_agreement(db, row, admin.encode())
            report = _report.decode(row.replay)
            if report.needs_second_admin and len(agreed) < 2:
                check_activation(report, candidate, replayed_at=row.replayed_at, now=at, admins=2)
                return False
            check_activation(report, candidate, replayed_at=row.replayed_at, now=at, admins=len(agreed))
            _lift_returned(db, keys, candidate, admin=admin, now=at)
            policies.activate(db, candidate.ref, now=at)
            note(db, keys, "policy", candidate.ref, admin=admin, policy=candidate.ref, now=at)
            return True

        return database.write_sync(write)


def _lift_returned(db: Connection, keys: ModerationKeys, candidate: Policy, *, admin: str, now: int) -> None:
    """A suspended rule that the policy in force lacks, and the next one has, counts again, as an entry added anew."""
    before = active_policy(db).rules
    for name in candidate.rules:
        if name not in before and matches.lift_suspension(db, "rule", name, now=now):
            note(db, keys, "policy", f"lift rule {name}: added anew", admin=admin, policy=candidate.ref, now=now)


def _read_files(path: Path, candidate: Policy) -> dict[str, bytes]:
    """The files of a policy as the store keeps them: its own, and every list below its folder."""
    folder = path.parent / "lists"
    files = {f"policy-{candidate.version}.yaml": path.read_bytes()}
    for each in sorted(folder.glob("*.txt")) if folder.is_dir() else []:
        files[f"lists/{each.name}"] = each.read_bytes()
    return files


def show_lists(data: Path, name: ListName | None = None) -> list[Listed]:
    """Every entry of a list, or of all."""
    with opened(data) as database:

        def read(db: Connection) -> list[Listed]:
            off = matches.suspended(db, "url")
            return [
                Listed(row.list, row.value, row.category, row.source, row.expires_at, f"{row.list} {row.value}" in off)
                for row in matches.addresses(db, name)
            ]

        return database.read_sync(read)


def add_to_list(
    data: Path,
    name: ListName,
    value: str,
    *,
    category: str,
    source: str,
    expires_at: int | None = None,
    now: float | None = None,
) -> str:
    """List an address; its canonical form. Posts from now on meet it. Raises ValueError for an unreadable one."""
    at = int(time.time() if now is None else now)
    canonical = AddressLists().add(name, value, Entry(category, source))
    if not canonical:
        raise ValueError(name)
    keys = ModerationKeys.load(data / FILE_NAME)
    row = AddressRow(name, canonical, category, source, 1, expires_at, at)

    def write(db: Connection) -> None:
        matches.put_address(db, row)
        matches.lift_suspension(db, "url", f"{name} {canonical}", now=at)
        note(db, keys, "list", f"add {name} {canonical} {category}", admin=source, now=at)

    with opened(data) as database:
        database.write_sync(write)
    return canonical


def remove_from_list(
    data: Path, name: ListName, value: str, *, source: str = OPERATOR, now: float | None = None
) -> bool:
    """Take an address off; whether it was on it. What was decided by it stays. Raises ValueError as above."""
    at = int(time.time() if now is None else now)
    canonical = AddressLists().add(name, value, Entry("", ""))
    keys = ModerationKeys.load(data / FILE_NAME)

    def write(db: Connection) -> bool:
        matches.lift_suspension(db, "url", f"{name} {canonical}", now=at)
        gone = matches.drop_address(db, name, canonical, now=at)
        if gone:
            note(db, keys, "list", f"remove {name} {canonical}", admin=source, now=at)
        return gone

    with opened(data) as database:
        return database.write_sync(write)


def show_suspensions(data: Path) -> Suspensions:
    """Rules and list entries that count no more since people reversed what followed from them."""
    with opened(data) as database:
        return database.read_sync(lambda db: view_suspensions(db, active_policy(db).rules, read_subject))


def lift(data: Path, request: LiftSuspension, *, admin: str = OPERATOR, now: float | None = None) -> None:
    """One counts again, for posts from now on. Raises Refused `gone`."""
    at = int(time.time() if now is None else now)
    keys = ModerationKeys.load(data / FILE_NAME)

    def write(db: Connection) -> None:
        lifted = lift_suspension(db, request, now=at)
        note(db, keys, lifted.kind, lifted.record, admin=admin, now=at)

    with opened(data) as database:
        database.write_sync(write)


def note(
    db: Connection, keys: ModerationKeys, kind: Kind, what: str, *, admin: str, now: int, policy: str = ""
) -> None:
    """Log a change of lists or policy, in its transaction. Raises ForeignFile for keys of another log."""
    check_log(db, keys)
    pseudonym = make_pseudonym(keys.pseudonym, admin.encode())
    salt = secrets.token_bytes(SALT_BYTES)
    log_change(db, kind, what, salt=salt, now=now, pseudonym=pseudonym, policy=policy)
