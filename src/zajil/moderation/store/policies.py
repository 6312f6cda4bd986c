"""Policies that were put before people: their own files, what a replay said of them, and which one is in force."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Connection, select, update

from zajil.engine.sql.dialects import upsert
from zajil.moderation.store import matches
from zajil.moderation.store.tables import policy

CANDIDATE, ACTIVE, RETIRED = "candidate", "active", "retired"
_encoder: Final = msgspec.msgpack.Encoder()
_files: Final = msgspec.msgpack.Decoder(dict[str, bytes])
_people: Final = msgspec.msgpack.Decoder(list[bytes])


class PolicyRow(NamedTuple):
    """A stored policy. files: MessagePack, name to bytes. agreed_by: MessagePack, admins. Times: Unix seconds."""

    ref: str
    version: int
    files: bytes
    state: str
    replay: bytes | None
    replayed_at: int | None
    agreed_by: bytes
    activated_at: int | None

    @property
    def name(self) -> str:
        """Of its main file."""
        return f"policy-{self.version}.yaml"


_COLUMNS = [policy.c[name] for name in PolicyRow._fields]


def files_of(row: PolicyRow) -> dict[str, bytes]:
    """Its files by name."""
    return _files.decode(row.files)


def admins_of(row: PolicyRow) -> list[bytes]:
    """Who agreed to it."""
    return _people.decode(row.agreed_by)


def put_replayed(db: Connection, ref: str, *, version: int, files: dict[str, bytes], replay: bytes, now: int) -> None:
    """A candidate with the report of its newest replay; who agreed to an older one agreed to that alone."""
    values = {
        "ref": ref,
        "version": version,
        "files": _encoder.encode(files),
        "state": CANDIDATE,
        "replay": replay,
        "replayed_at": now,
        "agreed_by": _encoder.encode([]),
        "activated_at": None,
    }
    again = {"replay": replay, "replayed_at": now, "agreed_by": values["agreed_by"]}
    db.execute(upsert(policy).on_conflict_do_update(index_elements=["ref"], set_=again), values)


def note_agreement(db: Connection, row: PolicyRow, admin: bytes) -> list[bytes]:
    """One more admin agrees; all who do."""
    agreed = [*admins_of(row), *([admin] if admin not in admins_of(row) else [])]
    db.execute(update(policy).where(policy.c.ref == row.ref).values(agreed_by=_encoder.encode(agreed)))
    return agreed


def activate(db: Connection, ref: str, *, now: int) -> None:
    """This policy decides from now on; matchers and workers learn of it by the trail of changes."""
    db.execute(update(policy).where(policy.c.state == ACTIVE).values(state=RETIRED))
    db.execute(update(policy).where(policy.c.ref == ref).values(state=ACTIVE, activated_at=now))
    matches.note_change(db, "policy", ref, now=now)


def find_active(db: Connection) -> PolicyRow | None:
    """The policy in force; None while it is the packaged one."""
    row = db.execute(select(*_COLUMNS).where(policy.c.state == ACTIVE)).one_or_none()
    return PolicyRow(*row) if row else None


def find_policy(db: Connection, ref: str) -> PolicyRow | None:
    """The policy with this ref."""
    row = db.execute(select(*_COLUMNS).where(policy.c.ref == ref)).one_or_none()
    return PolicyRow(*row) if row else None


def all_policies(db: Connection) -> list[PolicyRow]:
    """Every stored policy, by version."""
    return [PolicyRow(*row) for row in db.execute(select(*_COLUMNS).order_by(policy.c.version, policy.c.ref))]
