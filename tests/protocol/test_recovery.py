"""The recovery key and what it opens, against vectors/service/recovery.json."""

from __future__ import annotations

import json

import pytest
from tests.protocol.service_vectors import FOLDER

from zajil.protocol import cbor
from zajil.protocol.errors import ZajilError
from zajil.protocol.identity import recovery
from zajil.protocol.identity.backup import Backup

VECTOR = json.loads((FOLDER / "recovery.json").read_text(encoding="utf-8"))
SECRETS = recovery.derive_secrets(bytes.fromhex(VECTOR["key"]))
BLOB, PLAIN = bytes.fromhex(VECTOR["blob"]), bytes.fromhex(VECTOR["plain"])


def refusal(data: bytes, *, version: int = VECTOR["version"], key: bytes | None = None) -> str:
    secrets = SECRETS if key is None else recovery.derive_secrets(key)
    with pytest.raises(ZajilError) as caught:
        recovery.open_backup(secrets, data, version=version)
    return caught.value.code


@pytest.mark.parametrize("typed", VECTOR["typed"])
def test_a_key_is_read_as_people_type_it(typed: str) -> None:
    assert recovery.parse_key(typed).hex() == VECTOR["key"]
    assert recovery.spell_key(recovery.parse_key(typed)) == VECTOR["text"]
    assert recovery.parse_key(f"\n  {typed} \t").hex() == VECTOR["key"]


@pytest.mark.parametrize("typed", [*VECTOR["refused"], "ключ", "٠" * 32, "0" * 10_000])
def test_what_is_no_key_is_refused(typed: str) -> None:
    with pytest.raises(ZajilError, match="bad-recovery-key"):
        recovery.parse_key(typed)


def test_a_key_makes_the_secrets_of_the_vector() -> None:
    made = {"locator": SECRETS.locator, "auth": SECRETS.auth, "enc": SECRETS.enc, "auth_pub": SECRETS.auth_pub}
    assert {name: value.hex() for name, value in made.items()} == {name: VECTOR[name] for name in made}
    assert all(value.hex() not in repr(SECRETS) for value in made.values())


def test_the_blob_opens_under_its_key_locator_and_version_alone() -> None:
    assert recovery.open_backup(SECRETS, BLOB, version=VECTOR["version"]) == PLAIN
    assert refusal(BLOB, version=VECTOR["version"] - 1) == "bad-backup"
    assert refusal(BLOB, key=bytes(20)) == "bad-backup"
    assert {refusal(BLOB[:size]) for size in (0, 11, 12, 28, 100, len(BLOB) - 1)} == {"bad-backup"}
    for at in (0, 12, 40, len(BLOB) - 1):
        assert refusal(BLOB[:at] + bytes([BLOB[at] ^ 1]) + BLOB[at + 1 :]) == "bad-backup"


def test_its_size_says_little() -> None:
    for plain, size in VECTOR["sizes"]:
        sealed = recovery.seal_backup(SECRETS, bytes(plain), version=1, nonce=bytes(12))
        assert len(sealed) == size
        assert recovery.open_backup(SECRETS, sealed, version=1) == bytes(plain)
    with pytest.raises(ZajilError, match="too-big"):
        recovery.seal_backup(SECRETS, bytes(VECTOR["too_big"]), version=1, nonce=bytes(12))


def test_signatures_are_of_one_locator_version_and_blob() -> None:
    sig, version = bytes.fromhex(VECTOR["sig"]), VECTOR["version"]
    recovery.check_backup(SECRETS.locator, SECRETS.auth_pub, BLOB, version=version, sig=sig)
    recovery.check_deletion(
        SECRETS.locator,
        SECRETS.auth_pub,
        version=VECTOR["deletion_version"],
        sig=bytes.fromhex(VECTOR["deletion_sig"]),
    )
    for locator, blob, of in (
        (bytes(16), BLOB, version),
        (SECRETS.locator, PLAIN, version),
        (SECRETS.locator, BLOB, 8),
    ):
        with pytest.raises(ZajilError, match="bad-signature"):
            recovery.check_backup(locator, SECRETS.auth_pub, blob, version=of, sig=sig)


def test_what_it_holds_is_read_and_written_again() -> None:
    held = Backup.parse(PLAIN)
    assert held.encode() == PLAIN
    assert held.seed.hex() not in repr(held)
    later = cbor.parse(PLAIN)
    assert isinstance(later, dict)
    assert Backup.parse(cbor.encode(later | {99: "of a later version"})) == held


def test_an_older_backup_blocks_nobody() -> None:
    held = Backup.parse(bytes.fromhex(VECTOR["older"]))
    assert (held.blocked, held.arranged) == ((), ())
    assert len(Backup.parse(PLAIN).blocked) == 2


@pytest.mark.parametrize("missing", range(1, 9))
def test_what_lacks_a_part_is_no_backup(missing: int) -> None:
    values = cbor.parse(PLAIN)
    assert isinstance(values, dict)
    for damaged in ({k: v for k, v in values.items() if k != missing}, values | {missing: [[1, 2]]}):
        with pytest.raises(ZajilError, match="bad-backup"):
            Backup.parse(cbor.encode(damaged))


def test_any_cut_is_no_backup() -> None:
    for size in range(len(PLAIN)):
        with pytest.raises(ZajilError, match="bad-backup"):
            Backup.parse(PLAIN[:size])
