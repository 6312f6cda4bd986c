"""A database takes the key files and the name that it was used with, and no others: nothing is split unseen."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Connection
from tests.postgres import Postgres

from zajil.cli.main import run_command
from zajil.engine import keys as key_file
from zajil.engine import pushkeys
from zajil.engine.keys import KeyFileError, Keys
from zajil.engine.moderationkeys import FILE_NAME as LOG_KEY_FILE
from zajil.engine.moderationkeys import ModerationKeys
from zajil.engine.sql.database import Database
from zajil.engine.sql.marks import ForeignFile, claim, key_mark, mark_of_log, mark_of_name, marks_of_keys, read_marks
from zajil.server.app import Server
from zajil.server.backup.making import make_backup
from zajil.server.backup.restoring import restore_backup
from zajil.server.config import Settings
from zajil.server.doctor.folder import check_database
from zajil.server.schema import find_database, is_unused, open_database
from zajil.server.storage import Storage

pytestmark = pytest.mark.sqlite
SETTINGS = Settings(port=0, drain_s=0)


async def run_once(data: Path, settings: Settings = SETTINGS) -> None:
    server = await Server.start(data, settings)
    await server.stop()


def foreign(data: Path, settings: Settings = SETTINGS) -> str:
    """What the doctor calls foreign in it, "" for nothing."""
    return str(check_database(data, settings).values.get("file", ""))


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    await run_once(folder)
    return folder


async def test_a_foreign_file_is_named_and_nothing_begins_with_it(data: Path, tmp_path: Path) -> None:
    assert foreign(data) == ""
    await run_once(tmp_path / "other")
    (tmp_path / "kept").mkdir()
    for name in (key_file.FILE_NAME, pushkeys.FILE_NAME):
        shutil.copy2(data / name, tmp_path / "kept")
        shutil.copy2(tmp_path / "other" / name, data)
        with pytest.raises(ForeignFile, match=rf"^{name} does not belong.*backup") as refusal:
            await run_once(data)
        assert (refusal.value.file, foreign(data)) == (name, name)
        (data / name).unlink()
        assert foreign(data) == name
        with pytest.raises(KeyFileError, match="is missing"):
            await run_once(data)
        shutil.copy2(tmp_path / "kept" / name, data)
    (data / "server_name").unlink()
    with pytest.raises(ForeignFile, match=r"^server_name .*'localhost'"):
        await run_once(data, Settings(port=0, server_name="chat.example"))
    assert not (data / "server_name").exists()
    assert foreign(data, Settings(server_name="chat.example")) == "server_name"
    await run_once(data)
    # As where the other first start won just before: it is told of zajil.key, and nothing further is made.
    (data / pushkeys.FILE_NAME).unlink()
    shutil.copy2(tmp_path / "other" / key_file.FILE_NAME, data)
    with pytest.raises(ForeignFile, match=r"^zajil\.key does not"):
        await run_once(data)
    assert not (data / pushkeys.FILE_NAME).exists()
    for command in ("push-forget", "renumber"):
        assert run_command(["admin", command, "--data", str(data)]) == 1, "a directory that is not the database's"
    (data / key_file.FILE_NAME).unlink()
    for command in ("push-forget", "renumber"):
        assert run_command(["admin", command, "--data", str(data)]) == 1, "nor one without the keys"
    with closing(find_database(data, "")) as database:
        assert pushkeys.FILE_NAME in {file for file, _ in database.read_sync(read_marks)}


async def test_a_file_that_was_made_for_nothing_is_gone_again(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The next start would say of it that it is an older copy."""
    kept = (data / key_file.FILE_NAME).read_bytes()
    (data / key_file.FILE_NAME).unlink()
    with monkeypatch.context() as before, pytest.raises(ForeignFile):
        before.setattr("zajil.server.storage.is_unused", lambda _db: True)  # the other first start won after this
        await run_once(data)
    assert not (data / key_file.FILE_NAME).exists()
    (data / key_file.FILE_NAME).touch(mode=0o600)
    (data / key_file.FILE_NAME).write_bytes(kept)
    with closing(open_database(data)) as database:
        claim(database, [(LOG_KEY_FILE, b"another")])
    for command in (["admin", "name", "reserve", "paypal"], ["moderation", "staff", "invite", "--role", "admin"]):
        assert run_command([*command, "--data", str(data)]) == 1
        assert LOG_KEY_FILE in capsys.readouterr().err
        assert not (data / LOG_KEY_FILE).exists()
    ModerationKeys.load(data / LOG_KEY_FILE, create=True)
    assert run_command(["admin", "name", "reserve", "paypal", "--data", str(data)]) == 1
    assert (data / LOG_KEY_FILE).exists(), "one that lay there is the operator's"


async def test_an_older_copy_is_refused_and_a_newer_file_taken(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = (data / key_file.FILE_NAME).read_bytes()
    rotating = ["admin", "keys", "rotate", "storage", "--data", str(data)]
    assert run_command(rotating) == 0
    new = (data / key_file.FILE_NAME).read_bytes()
    (data / key_file.FILE_NAME).write_bytes(old)
    with pytest.raises(ForeignFile):
        await run_once(data)
    with pytest.raises(ForeignFile):
        make_backup(data, tmp_path / "b.tar")
    assert not (tmp_path / "b.tar").exists()
    assert run_command(rotating) == 1, "nor is another key put onto it"
    assert capsys.readouterr().err.startswith("error: foreign-file: ")
    assert (data / key_file.FILE_NAME).read_bytes() == old
    (data / key_file.FILE_NAME).write_bytes(new)
    # As where the process ended between the file and the database.
    key_file.rotate(data / key_file.FILE_NAME, "calls")
    await run_once(data)
    (data / key_file.FILE_NAME).write_bytes(new)
    with pytest.raises(ForeignFile):
        await run_once(data)


BOX = "mailbox (mailbox_id, next_seq, acked, count, bytes, gap_count, gap_seq) VALUES (?, 13, 9, 3, 30, 0, 0)"
ITEM = "mailbox_item (mailbox_id, seq, message_id, size) VALUES (?, ?, ?, 10)"
LYING = "message (id, refs, kind, epoch, ts, body, expires) VALUES (?, 1, 4, 0, 5000, ?, ?)"
TOKEN = "bridge_token (id, hash, token, public, day) VALUES (?, ?, ?, 0, 1)"
SEALED = ("message", "bridge_token", "bridge_of_token", "claim", "http_idem")


def insert(db: Connection, what: str, *values: object) -> None:
    marks = what.replace("?", "%s") if db.dialect.name == "postgresql" else what
    db.exec_driver_sql(f"INSERT INTO {marks}", values)  # of the lines above


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.scale)])
def test_a_server_goes_on_without_a_key_that_nobody_has_any_more(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    """A disk that died after a rotation and before the next backup."""
    url = request.getfixturevalue("postgres").fresh("template1") if kind == "postgres" else ""
    (tmp_path / "zajil.toml").write_text(f'database = "{url}"\n')
    settings, file = Settings(database=url), tmp_path / key_file.FILE_NAME
    Storage.open(tmp_path, settings, clock=time.time).close()
    old, kept = file.read_bytes(), Keys.load(file)
    assert run_command(["admin", "keys", "rotate", "storage", "--data", str(tmp_path)]) == 0
    lost = Keys.load(file)

    def fill(db: Connection) -> None:
        insert(db, BOX, b"m" * 16)
        for seq, expires, keys in ((10, 9_000, kept), (11, 9_000, lost), (12, 60, lost)):
            name = bytes([seq]) * 16
            insert(db, LYING, name, keys.seal("message", b"body", aad=name, now_s=9), expires)
            insert(db, ITEM, b"m" * 16, seq, name)
        for name, keys in ((b"kept", kept), (b"lost", lost)):
            sealed = keys.seal("x", b"token", aad=name, now_s=9)
            insert(db, TOKEN, name, name, sealed)
            insert(db, "bridge_of_token (token_id, bridge_id) VALUES (?, ?)", name, b"b")
            insert(db, "claim (key, answer, at) VALUES (?, ?, 1)", name, sealed)
            insert(db, "http_idem (key, body_hash, answer, at) VALUES (?, ?, ?, 1)", name, name, sealed)

    def rows() -> list[list[tuple[object, ...]]]:
        asked = (
            "SELECT count, bytes, gap_count, gap_seq FROM mailbox",
            "SELECT seq FROM mailbox_item ORDER BY seq",
            *(
                f"SELECT count(*) FROM {t}"
                for t in ("message", "bridge_token", "bridge_of_token", "claim", "http_idem")
            ),
        )
        with closing(find_database(tmp_path)) as database:
            return database.read_sync(lambda db: [[tuple(r) for r in db.exec_driver_sql(each)] for each in asked])

    with closing(find_database(tmp_path)) as database:
        database.write_sync(fill)
    before = rows()
    accept = ["admin", "keys", "accept-loss", "--data", str(tmp_path)]
    file.write_bytes(key_of_another(tmp_path).read_bytes())
    assert run_command([*accept, "--yes"]) == 1, "the file of another server"
    file.write_bytes(old)
    with pytest.raises(ForeignFile, match="accept-loss"):
        Storage.open(tmp_path, settings, clock=time.time)
    capsys.readouterr()
    assert run_command(accept) == 1
    assert "loss-unasked" in capsys.readouterr().err
    assert rows() == before
    assert run_command([*accept, "--yes", "--json"]) == 0
    assert msgspec.json.decode(capsys.readouterr().out) == {"keys": 1, "messages": 2, "tokens": 1}
    assert rows() == [[(1, 10, 1, 12)], [(10,)], *([[(1,)]] * len(SEALED))]
    Storage.open(tmp_path, settings, clock=time.time).close()
    assert run_command([*accept, "--yes", "--json"]) == 0
    assert msgspec.json.decode(capsys.readouterr().out)["keys"] == 0


def key_of_another(folder: Path) -> Path:
    """A key file of a server that never saw this database."""
    path = folder / "other" / key_file.FILE_NAME
    path.parent.mkdir()
    Keys.load(path, create=True)
    return path


async def test_a_database_of_the_version_before_is_marked_by_its_next_start(data: Path) -> None:
    with closing(find_database(data)) as database:
        before = database.read_sync(read_marks)
        database.write_sync(lambda db: db.execute(key_mark.delete()))
        await run_once(data)
        assert sorted(database.read_sync(read_marks)) == sorted(before)
    assert {file for file, _ in before} == {"zajil.key", "push.key", "server_name"}
    content = (data / key_file.FILE_NAME).read_text()
    assert not any(mark.hex() in content for _, mark in before)


async def test_a_new_push_key_needs_the_operators_word_or_a_restore_with_it(data: Path, tmp_path: Path) -> None:
    made = make_backup(data, tmp_path / "b.tar")
    assert run_command(["admin", "push-forget", "--data", str(data)]) == 0
    await run_once(data)
    later = make_backup(data, tmp_path / "later.tar")
    restore_backup(tmp_path / "back", made.archive, keys_from=later.keys)
    await run_once(tmp_path / "back")
    restore_backup(tmp_path / "same", made.archive)
    with closing(find_database(tmp_path / "same")) as database:
        assert "push.key" in {file for file, _ in database.read_sync(read_marks)}


async def test_a_foreign_key_of_the_log_signs_nothing(data: Path, tmp_path: Path) -> None:
    reserve = ["admin", "name", "reserve", "paypal", "--data"]
    other = tmp_path / "other"
    await run_once(other)
    for each in (data, other):
        assert run_command([*reserve, str(each)]) == 0
        await run_once(each)
    kept = (data / LOG_KEY_FILE).read_bytes()
    shutil.copy2(other / LOG_KEY_FILE, data)
    reserve[3] = "paypaw"
    assert run_command([*reserve, str(data)]) == 1
    assert foreign(data) == LOG_KEY_FILE
    with pytest.raises(ForeignFile, match=LOG_KEY_FILE):
        await run_once(data)
    (data / LOG_KEY_FILE).write_bytes(kept)
    await run_once(data)
    assert run_command([*reserve, str(data)]) == 0


def test_a_worker_that_began_first_does_not_make_a_database_used(tmp_path: Path) -> None:
    with closing(open_database(tmp_path)) as database:
        claim(database, [mark_of_log(ModerationKeys.load(tmp_path / LOG_KEY_FILE, create=True))])
        assert database.read_sync(is_unused)
        claim(database, marks_of_keys(Keys.create()))
        assert not database.read_sync(is_unused)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.scale)])
def two(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Database]]:
    """One database, opened twice."""
    if request.param == "sqlite":
        opened = [open_database(tmp_path / "data") for _ in range(2)]
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        url = postgres.fresh("template1")
        opened = [open_database(tmp_path / str(number), url) for number in range(2)]
    yield opened
    for each in opened:
        each.close()


def test_of_two_first_starts_at_once_one_wins(two: list[Database]) -> None:
    for _ in range(5):
        won = list[int]()
        lost = list[str]()
        barrier = threading.Barrier(2)
        own = [[*marks_of_keys(Keys.create()), mark_of_name("localhost")] for _ in two]

        def start(number: int) -> None:
            barrier.wait()  # noqa: B023  # joined below
            try:
                claim(two[number], own[number])  # noqa: B023
                won.append(number)  # noqa: B023
            except ForeignFile as refusal:
                lost.append(refusal.file)  # noqa: B023

        threads = [threading.Thread(target=start, args=(number,)) for number in range(2)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert lost == ["zajil.key"]
        assert sorted(two[0].read_sync(read_marks)) == sorted(own[won[0]])
        two[0].write_sync(lambda db: db.execute(key_mark.delete()))
