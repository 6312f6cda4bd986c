"""The moderators' keys at rest and in memory: what whoever takes the disk gets, and what shuts them again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from tests.moderators import CHEAP, PASSPHRASE

from zajil.engine.keys import KeyFileError, SealBroken
from zajil.moderation.private.keys import CLEAR_FILE, IDLE_S, PUBLIC_FILE, SEALED_FILE, ModeratorKeys
from zajil.moderation.private.sealed import COST, open_keys, seal_keys
from zajil.protocol.errors import ZajilError

OTHER = "another passphrase"


class Clock:
    at = 1_700_000_000.0

    def __call__(self) -> float:
        return self.at


def keys_in(data: Path, clock: Clock | None = None) -> ModeratorKeys:
    return ModeratorKeys(data, clock=clock or Clock(), cost=CHEAP)


def chosen(data: Path, clock: Clock | None = None) -> ModeratorKeys:
    keys = keys_in(data, clock)
    keys.choose(PASSPHRASE)
    return keys


def in_clear(data: Path) -> bytes:
    """A data directory from before there was a passphrase; returns the private half."""
    key = X25519PrivateKey.generate()
    content = {"version": 1, "keys": {"1": key.private_bytes_raw().hex()}}
    (data / CLEAR_FILE).write_bytes(msgspec.json.encode(content))
    (data / CLEAR_FILE).chmod(0o600)
    return key.private_bytes_raw()


def bytes_below(data: Path) -> Iterator[bytes]:
    return (path.read_bytes() for path in data.rglob("*") if path.is_file())


def code_of(work: object, *arguments: object) -> str:
    assert callable(work)
    with pytest.raises(ZajilError) as refused:
        work(*arguments)
    return refused.value.code


def test_a_new_server_makes_no_key_that_whoever_takes_its_disk_could_use(tmp_path: Path) -> None:
    keys = keys_in(tmp_path)
    assert (keys.state, list(tmp_path.iterdir())) == ("none", [])
    assert code_of(keys.check_takes) == "reports-closed"
    with pytest.raises(ZajilError, match="reports-closed"):
        keys.seal(b"text", context=b"row")


def test_a_copy_of_the_data_directory_opens_nothing(tmp_path: Path) -> None:
    data, seized = tmp_path / "data", tmp_path / "seized"
    data.mkdir()
    keys = chosen(data)
    sealed = keys.seal("سري".encode(), context=b"row")
    assert keys.open(sealed, context=b"row").decode() == "سري"
    private = open_keys((data / SEALED_FILE).read_bytes(), PASSPHRASE)[1]
    assert sorted(path.name for path in data.iterdir()) == [PUBLIC_FILE, SEALED_FILE]
    assert {path.stat().st_mode & 0o777 for path in data.iterdir()} == {0o600}
    shutil.copytree(data, seized)
    stolen = keys_in(seized)
    assert (stolen.state, stolen.opens) == ("locked", False)
    with pytest.raises(ZajilError, match="private-locked"):
        stolen.open(sealed, context=b"row")
    for content in bytes_below(seized):
        assert private not in content
        assert private.hex().encode() not in content
    for guess in ("", "correct horse batter", PASSPHRASE + " ", PASSPHRASE.upper()):
        assert code_of(stolen.unlock, guess) == "wrong-passphrase"
    assert not stolen.opens


def test_the_price_of_a_guess_is_that_of_the_standard(tmp_path: Path) -> None:
    assert (COST.memory_kib, COST.passes, COST.lanes) == (65_536, 3, 4)  # RFC 9106, section 4
    first, again = (seal_keys({1: bytes(32)}, PASSPHRASE, cost=CHEAP) for _ in range(2))
    assert msgspec.json.decode(first)["salt"] != msgspec.json.decode(again)["salt"]
    assert code_of(keys_in(tmp_path).choose, "elevenchars") == "short-passphrase"


def test_it_seals_while_locked_and_opens_it_when_unlocked(tmp_path: Path) -> None:
    chosen(tmp_path)
    keys = keys_in(tmp_path)  # after a restart
    assert keys.state == "locked"
    sealed = keys.seal(b"text", context=b"row")
    with pytest.raises(ZajilError, match="private-locked"):
        keys.open(sealed, context=b"row")
    keys.unlock(PASSPHRASE)
    assert keys.open(sealed, context=b"row") == b"text"
    keys.lock()
    assert not keys.opens


def test_it_locks_itself_when_nothing_was_opened_for_half_an_hour(tmp_path: Path) -> None:
    clock = Clock()
    keys = chosen(tmp_path, clock)
    sealed = keys.seal(b"text", context=b"row")
    clock.at += IDLE_S - 1
    assert keys.open(sealed, context=b"row") == b"text"
    clock.at += IDLE_S - 1
    assert keys.opens
    clock.at += 1
    assert keys.state == "locked"
    with pytest.raises(ZajilError, match="private-locked"):
        keys.open(sealed, context=b"row")


def test_another_passphrase_takes_the_place_of_the_first(tmp_path: Path) -> None:
    keys = chosen(tmp_path)
    sealed = keys.seal(b"text", context=b"row")
    assert code_of(keys.choose, OTHER) == "not-allowed"
    assert code_of(keys.change, OTHER, OTHER) == "wrong-passphrase"
    assert code_of(keys.change, PASSPHRASE, "short") == "short-passphrase"
    keys.change(PASSPHRASE, OTHER)
    after = keys_in(tmp_path)
    assert code_of(after.unlock, PASSPHRASE) == "wrong-passphrase"
    after.unlock(OTHER)
    assert after.open(sealed, context=b"row") == b"text"


def test_keys_in_clear_open_nothing_and_are_sealed_and_deleted_by_the_first_choice(tmp_path: Path) -> None:
    old = in_clear(tmp_path)
    keys = keys_in(tmp_path)
    assert (keys.state, keys.opens) == ("clear", False)
    sealed = keys.seal(b"text", context=b"row")  # reports go on coming
    assert code_of(keys.unlock, PASSPHRASE) == "not-allowed"
    keys.choose(PASSPHRASE)
    assert (keys.state, (tmp_path / CLEAR_FILE).exists()) == ("open", False)
    assert keys.open(sealed, context=b"row") == b"text"
    for content in bytes_below(tmp_path):
        assert old.hex().encode() not in content
    # What comes from now on is sealed to a key that never lay in clear, whoever kept a copy of the old one.
    assert keys.is_old(sealed)
    newer = keys.seal(b"text", context=b"row")
    assert not keys.is_old(newer)
    assert [newer[0], sealed[0]] == [2, 1]


def test_a_process_killed_before_the_clear_file_was_deleted_deletes_it_at_the_next_unlock(tmp_path: Path) -> None:
    in_clear(tmp_path)
    kept = (tmp_path / CLEAR_FILE).read_bytes()
    chosen(tmp_path)
    (tmp_path / CLEAR_FILE).write_bytes(kept)
    (tmp_path / CLEAR_FILE).chmod(0o600)
    (tmp_path / PUBLIC_FILE).unlink()
    again = keys_in(tmp_path)
    assert again.state == "locked"
    again.unlock(PASSPHRASE)
    assert not (tmp_path / CLEAR_FILE).exists()
    assert (tmp_path / PUBLIC_FILE).exists()


def test_keys_in_clear_that_are_not_sealed_yet_are_never_deleted(tmp_path: Path) -> None:
    chosen(tmp_path)
    in_clear(tmp_path)  # of another server, put here
    keys_in(tmp_path).unlock(PASSPHRASE)
    assert (tmp_path / CLEAR_FILE).exists()


def test_a_server_without_the_sealed_file_seals_for_where_it_is(tmp_path: Path) -> None:
    chosen(tmp_path)
    worker = tmp_path / "worker"
    worker.mkdir()
    (tmp_path / SEALED_FILE).rename(worker / SEALED_FILE)
    server = keys_in(tmp_path)
    assert server.state == "elsewhere"
    sealed = server.seal(b"text", context=b"row")
    assert code_of(server.unlock, PASSPHRASE) == "not-allowed"
    moderators = keys_in(worker)
    moderators.unlock(PASSPHRASE)
    assert moderators.open(sealed, context=b"row") == b"text"


def test_a_running_server_takes_reports_once_a_passphrase_was_chosen_beside_it(tmp_path: Path) -> None:
    server = keys_in(tmp_path)
    beside = chosen(tmp_path)
    assert server.state == "locked"
    assert beside.open(server.seal(b"text", context=b"row"), context=b"row") == b"text"


@pytest.mark.parametrize("name", [PUBLIC_FILE, SEALED_FILE])
def test_a_readable_or_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    chosen(tmp_path)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).chmod(0o644)
    with pytest.raises(KeyFileError, match=name):
        keys_in(tmp_path).unlock(PASSPHRASE)
    (tmp_path / name).chmod(0o600)
    for content in (b"{}", b"7", b"", whole[: len(whole) // 2], whole.replace(b"version", b"verzion")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(KeyFileError, match=name):
            keys_in(tmp_path).unlock(PASSPHRASE)


def test_a_changed_byte_of_the_sealed_file_opens_nothing(tmp_path: Path) -> None:
    chosen(tmp_path)
    whole = msgspec.json.decode((tmp_path / SEALED_FILE).read_bytes())
    for change in ({"salt": "AAAAAAAAAAAAAAAAAAAAAA=="}, {"cost": {**whole["cost"], "passes": 2}}):
        (tmp_path / SEALED_FILE).write_bytes(msgspec.json.encode(whole | change))
        assert code_of(keys_in(tmp_path).unlock, PASSPHRASE) == "wrong-passphrase"


def test_sealed_bytes_open_in_their_row_only_and_tell_little_of_their_length(tmp_path: Path) -> None:
    keys = chosen(tmp_path)
    sealed = keys.seal(b"text", context=b"\1row")
    assert len(sealed) == len(keys.seal(b"t" * 1020, context=b"\1row")) == 1 + 32 + 1024 + 16
    assert len(keys.seal(b"t" * 1021, context=b"")) == 1 + 32 + 2048 + 16
    wrong = [sealed[:size] for size in (0, 1, 33, len(sealed) - 1)]
    wrong += [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in (0, 1, 20, 40, len(sealed) - 1)]
    for each in wrong:
        with pytest.raises(SealBroken):
            keys.open(each, context=b"\1row")
    with pytest.raises(SealBroken):
        keys.open(sealed, context=b"\2row")
