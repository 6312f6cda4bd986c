"""Encrypted backups at the server: who may write, read and delete one, and what strangers can tell."""

from __future__ import annotations

import dataclasses
import os

import pytest
from sqlalchemy import func, select
from tests.auth.conftest import PREFIX, World

from zajil.auth.context import Auth
from zajil.auth.recovery import backups, store
from zajil.engine.limits import Limits
from zajil.protocol.backups.wire import DeleteBackup, StoredBackup
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.identity import recovery
from zajil.protocol.identity.recovery import RecoverySecrets
from zajil.protocol.ids import B32, B64, Blob
from zajil.protocol.limits import BACKUP_BYTES, BACKUP_LEAST_BYTES


def fresh() -> RecoverySecrets:
    return recovery.derive_secrets(os.urandom(recovery.KEY_BYTES))


def write(
    secrets: RecoverySecrets, version: int, blob: bytes | None = None, *, signer: RecoverySecrets | None = None
) -> StoredBackup:
    """A write as the holder of `signer` makes it for the locator of `secrets`."""
    blob = os.urandom(BACKUP_LEAST_BYTES) if blob is None else blob
    signer = signer or secrets
    claimed = dataclasses.replace(signer, locator=secrets.locator)
    sig = recovery.sign_backup(claimed, blob, version=version)
    return StoredBackup(B32(signer.auth_pub), version, Blob(blob), B64(sig))


def deletion(secrets: RecoverySecrets, version: int, *, signer: RecoverySecrets | None = None) -> DeleteBackup:
    claimed = dataclasses.replace(signer or secrets, locator=secrets.locator)
    sig = recovery.sign_deletion(claimed, version=version)
    return DeleteBackup(B32(claimed.auth_pub), version, B64(sig))


async def put(auth: Auth, secrets: RecoverySecrets, request: StoredBackup) -> str:
    try:
        await backups.put_backup(auth, secrets.locator, request, prefix=PREFIX)
    except ZajilError as reason:
        return reason.code
    return "ok"


async def delete(auth: Auth, secrets: RecoverySecrets, request: DeleteBackup) -> str:
    try:
        await backups.delete_backup(auth, secrets.locator, request, prefix=PREFIX)
    except ZajilError as reason:
        return reason.code
    return "ok"


async def held(auth: Auth, secrets: RecoverySecrets) -> StoredBackup | None:
    try:
        return await backups.fetch_backup(auth, secrets.locator, prefix=PREFIX)
    except ZajilError as reason:
        return {"gone": None}[reason.code]


async def test_a_backup_is_written_replaced_fetched_and_deleted(auth: Auth) -> None:
    secrets = fresh()
    assert await held(auth, secrets) is None
    for version in (1, 2, 7):
        last = write(secrets, version)
        assert await put(auth, secrets, last) == "ok"
        assert await held(auth, secrets) == last
    assert await put(auth, secrets, last) == "ok", "an answer may be lost"
    assert await delete(auth, secrets, deletion(secrets, 8)) == "ok"
    assert await held(auth, secrets) is None
    assert await delete(auth, secrets, deletion(secrets, 8)) == "ok"


async def test_only_the_holder_of_the_first_key_writes(auth: Auth) -> None:
    secrets, thief = fresh(), fresh()
    first = write(secrets, 1)
    assert await put(auth, secrets, first) == "ok"
    attacks = {
        "a key of somebody else": write(secrets, 2, signer=thief),
        "the pinned key named, another one signed": StoredBackup(
            first.auth_pub, 2, Blob(bytes(BACKUP_LEAST_BYTES)), write(secrets, 2, signer=thief).sig
        ),
        "another blob under an old signature": StoredBackup(
            first.auth_pub, 2, Blob(bytes(BACKUP_LEAST_BYTES)), first.sig
        ),
        "another version under an old signature": StoredBackup(first.auth_pub, 2, first.blob, first.sig),
        "a deletion's signature over a blob": StoredBackup(first.auth_pub, 2, first.blob, deletion(secrets, 2).sig),
        "a key that is no point": StoredBackup(B32(b"\xff" * 32), 2, first.blob, first.sig),
    }
    for about, request in attacks.items():
        assert await put(auth, secrets, request) == "bad-signature", about
    elsewhere = fresh()
    assert await put(auth, elsewhere, first) == "bad-signature", "a write moved to another locator"
    assert await held(auth, secrets) == first


async def test_old_versions_never_come_back(auth: Auth) -> None:
    secrets = fresh()
    old, new = write(secrets, 4), write(secrets, 9)
    assert [await put(auth, secrets, each) for each in (old, new)] == ["ok", "ok"]
    assert await put(auth, secrets, old) == "stale-backup"
    assert await put(auth, secrets, write(secrets, 9)) == "stale-backup", "another blob of the same version"
    assert await put(auth, secrets, write(secrets, 8)) == "stale-backup"
    assert await held(auth, secrets) == new


async def test_a_deletion_is_of_its_holder_and_good_once(auth: Auth) -> None:
    secrets, thief = fresh(), fresh()
    first = write(secrets, 1)
    await put(auth, secrets, first)
    assert await delete(auth, secrets, deletion(secrets, 2, signer=thief)) == "ok", "it looks as if nothing were there"
    assert await held(auth, secrets) == first
    assert await delete(auth, secrets, deletion(secrets, 1)) == "stale-backup"
    forged = DeleteBackup(first.auth_pub, 2, deletion(secrets, 2, signer=thief).sig)
    assert await delete(auth, secrets, forged) == "bad-signature"
    assert await delete(auth, secrets, DeleteBackup(first.auth_pub, 1, first.sig)) == "bad-signature"
    gone = deletion(secrets, 2)
    assert await delete(auth, secrets, gone) == "ok"
    again = write(secrets, 3)
    assert await put(auth, secrets, again) == "ok"
    assert await delete(auth, secrets, gone) == "stale-backup", "the deletion sent again"
    assert await held(auth, secrets) == again


async def test_sizes_have_bounds(auth: Auth) -> None:
    secrets = fresh()
    assert await put(auth, secrets, write(secrets, 1, bytes(BACKUP_BYTES + 1))) == "too-big"
    assert await put(auth, secrets, write(secrets, 1, bytes(BACKUP_LEAST_BYTES - 1))) == "malformed"
    assert await put(auth, secrets, write(secrets, 1, b"")) == "malformed"
    assert await put(auth, secrets, write(secrets, 1, bytes(BACKUP_BYTES))) == "ok"


async def test_what_is_there_and_what_is_not_look_alike_to_who_guesses(auth: Auth) -> None:
    """A miss says `gone` and nothing else, and guessing is slowed down per prefix."""
    limited = dataclasses.replace(auth, limits=Limits())
    missed: set[tuple[str, str]] = set()
    for _ in range(20):
        with pytest.raises(ZajilError) as caught:
            await backups.fetch_backup(limited, os.urandom(16), prefix=PREFIX)
        missed.add((caught.value.code, str(caught.value)))
    assert missed == {("gone", "gone")}
    with pytest.raises(ZajilError, match="slow-down"):
        await backups.fetch_backup(limited, os.urandom(16), prefix=PREFIX)


async def test_reads_and_writes_are_counted_per_locator_and_new_rows_per_prefix(auth: Auth) -> None:
    limited = dataclasses.replace(auth, limits=Limits())
    secrets = fresh()
    assert await put(limited, secrets, write(secrets, 1)) == "ok"
    for _ in range(10):
        await backups.fetch_backup(limited, secrets.locator, prefix=PREFIX)
    with pytest.raises(ZajilError, match="slow-down"):
        await backups.fetch_backup(limited, secrets.locator, prefix=PREFIX)
    others = [fresh() for _ in range(60)]
    codes = [await put(limited, each, write(each, 1)) for each in others]
    assert codes == ["ok"] * 59 + ["slow-down"]
    stranger = fresh()
    for _ in range(40):
        assert await put(limited, secrets, write(secrets, 9, signer=stranger)) == "bad-signature"
    codes = [await put(limited, secrets, write(secrets, version)) for version in range(2, 33)]
    assert codes == ["ok"] * 30 + ["slow-down"], "renewing is not making, and strangers use nothing of it up"
    assert await put(limited, others[0], write(others[0], 2)) == "ok", "the writes of one key slow no other one down"


async def test_what_nobody_touched_for_400_days_goes(auth: Auth, world: World) -> None:
    kept, read, left = fresh(), fresh(), fresh()
    for each in (kept, read, left):
        await put(auth, each, write(each, 1))
    world.now += 300 * 86_400
    await put(auth, kept, write(kept, 2))
    assert await held(auth, read) is not None
    world.now += 101 * 86_400
    await backups.run_retention(auth)
    left_over = await auth.db.read(lambda db: db.execute(select(func.count()).select_from(store.backup)).scalar_one())
    assert left_over == 2
    assert await held(auth, left) is None


async def test_backups_fill_no_disk(auth: Auth) -> None:
    """Anybody writes them, from as many addresses as he has: what all else needs of the disk stays free."""

    def full(size: int) -> None:
        assert size > 0
        raise error("storage-full", retry_ms=1000)

    secrets, other = fresh(), fresh()
    assert await put(auth, secrets, write(secrets, 1)) == "ok"
    crowded = dataclasses.replace(auth, check_room=full)
    assert await put(crowded, other, write(other, 1)) == "storage-full"
    assert await put(crowded, secrets, write(secrets, 2, bytes(BACKUP_BYTES))) == "storage-full"
    last = write(secrets, 2)
    assert await put(crowded, secrets, last) == "ok", "one that takes no more room is renewed"
    assert await held(crowded, secrets) == last


async def test_what_was_deleted_is_not_brought_back(auth: Auth, world: World) -> None:
    """Not by a write under way or sent again, nor by another device that still holds the key somebody saw."""
    secrets = fresh()
    first = write(secrets, 1)
    assert await put(auth, secrets, first) == "ok"
    last = (1 << 53) - 1
    assert await delete(auth, secrets, deletion(secrets, last)) == "ok"
    assert await delete(auth, secrets, deletion(secrets, last)) == "ok", "an answer may be lost"
    assert await put(auth, secrets, first) == "stale-backup"
    assert await put(auth, secrets, write(secrets, 2)) == "stale-backup"
    assert await held(auth, secrets) is None
    rows = await auth.db.read(lambda db: [store.find_backup(db, secrets.locator)])
    assert rows[0] is not None
    assert rows[0].blob == b"", "nothing of what it held is there"
    world.now += 401 * 86_400
    await backups.run_retention(auth)
    assert await auth.db.read(lambda db: store.find_backup(db, secrets.locator)) is None


async def test_guesses_fill_no_memory(auth: Auth) -> None:
    """A count per locator that somebody made up, kept for an hour, would slow down every limit of the server."""
    limited = dataclasses.replace(auth, limits=Limits())
    for _ in range(200):
        with pytest.raises(ZajilError):
            await backups.fetch_backup(limited, os.urandom(16), prefix=PREFIX)
    assert len(limited.limits._full_at) <= 2
