"""The home on disk: sealed, durable step by step, readable by nobody without its keys."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest

from zajil.client.state import rows
from zajil.client.storage import keyfile
from zajil.client.storage.lock import SyncLock
from zajil.client.storage.store import Store
from zajil.protocol.errors import ZajilError

RNG = random.Random(1).randbytes
KEY = bytes(range(32))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path, KEY)


def test_a_step_is_all_or_nothing(store: Store) -> None:
    with store.step("one", 1, RNG) as tx:
        tx.put("meta", b"a", b"first")
        n = tx.append("outbox", b"owner", b"name", b"row")
    with pytest.raises(ZeroDivisionError), store.step("two", 2, RNG) as tx:
        tx.put("meta", b"a", b"second")
        tx.remove("outbox", n)
        raise ZeroDivisionError
    with store.look() as tx:
        assert tx.find("meta", b"a") == b"first"
        assert tx.rows("outbox", b"owner") == [(n, b"row")]
        assert tx.version("meta", b"a") == 1
    store.close()


def test_neither_values_nor_ids_are_readable_in_the_files(store: Store, tmp_path: Path) -> None:
    with store.step("one", 1, RNG) as tx:
        tx.put("account", b"account-id-of-Amal", b"Amal, contact token")
        tx.append("message", b"group-id-of-Doves", b"message-id", "текст".encode())
    data = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in (b"account-id-of-Amal", b"Amal", b"group-id-of-Doves", b"message-id", "текст".encode()):
        assert secret not in data
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    store.close()


def test_a_value_changed_moved_or_sealed_by_other_keys_is_refused(store: Store, tmp_path: Path) -> None:
    with store.step("one", 1, RNG) as tx:
        tx.put("account", b"a", b"one")
        tx.put("account", b"b", b"two")
    store.db.execute("UPDATE account SET value = (SELECT max(value) FROM account)")
    with store.look() as tx, pytest.raises(ZajilError, match="home-damaged"):
        tx.scan("account")
    store.close()
    other = Store(tmp_path, KEY[::-1])
    with other.look() as tx:
        assert tx.find("account", b"a") is None
        with pytest.raises(ZajilError, match="home-damaged"):
            tx.scan("account")
    other.close()


def test_numbers_of_ordered_rows_are_never_given_out_again(store: Store) -> None:
    with store.step("one", 1, RNG) as tx:
        first = tx.append("event", b"", b"1", b"")
        tx.remove("event", first)
        assert tx.append("event", b"", b"2", b"") > first
    store.close()


def test_the_key_file_is_private_replaced_as_a_whole_and_checked(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with pytest.raises(ZajilError, match="no-home"):
        keyfile.read_keys(home)
    keys = keyfile.make_keys(RNG)
    keyfile.write_keys(home, keys)
    assert keyfile.read_keys(home) == keys
    assert (home / "keys").stat().st_mode & 0o777 == 0o600
    assert home.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in home.iterdir()] == ["keys"]
    assert repr(keys) == "Keys(...)"
    (home / "keys").write_bytes((home / "keys").read_bytes()[:-9])
    with pytest.raises(ZajilError, match="home-damaged"):
        keyfile.read_keys(home)


def test_one_process_holds_the_sync_lock(tmp_path: Path) -> None:
    one, two = SyncLock(tmp_path), SyncLock(tmp_path)
    assert one.try_acquire()
    assert one.try_acquire()
    assert not two.try_acquire()
    one.release()
    assert two.try_acquire()
    two.release()


def test_another_connection_notices_a_write(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path, KEY)
    before = other.changes()
    with store.step("one", 1, RNG) as tx:
        tx.put("meta", b"a", b"x")
    assert other.changes() != before
    other.close()
    store.close()


def test_rows_of_the_first_versions_are_read_with_what_came_later() -> None:
    """What the first of them wrote: no timer, request, links or blocked people, and a mark that is no more."""
    chat = rows.parse_row(msgspec.msgpack.encode({"gid": b"g", "kind": 2, "title": "t", "status": "active"}), rows.Chat)
    assert (chat.request, chat.invites, chat.quiet, chat.put_out, chat.unshown) == ("", (), False, (), 0)
    assert (chat.heard, chat.timer, chat.perms) == (0, 0, {})
    person = rows.parse_row(msgspec.msgpack.encode({"account_id": b"a", "muted": True}), rows.Account)
    assert (person.blocked, person.blocked_at) == (False, 0)
    line = {"message_id": b"m", "gid": b"g", "account": b"a", "device": 1, "sent": 1, "state": "received", "text": "x"}
    message = rows.parse_row(msgspec.msgpack.encode(line), rows.StoredMessage)
    assert (message.expire_s, message.expires_at, message.files, message.call) == (0, 0, (), None)
