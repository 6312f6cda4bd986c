"""Backups of a server: what goes in comes back, what must not come back does not, and nothing broken is taken."""

from __future__ import annotations

import errno
import io
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import msgspec
import psycopg
import pytest
from sqlalchemy import Connection
from tests.postgres import Postgres

from zajil.cli.main import run_command
from zajil.engine.keys import Keys, rotate
from zajil.engine.sql.interface import SEQ_SHIFT, SEQ_STEP
from zajil.engine.sql.sqlite.database import SQLiteDatabase
from zajil.server.backup import restoring
from zajil.server.backup.archive import ArchiveReader, ArchiveWriter, BackupError, TableRows
from zajil.server.backup.drafts import copied, drafted
from zajil.server.backup.making import Made, make_backup
from zajil.server.backup.moving import move_database
from zajil.server.backup.postgres import PostgresSource
from zajil.server.backup.restoring import check_backup, restore_backup
from zajil.server.backup.rows import SqliteSource, renumber
from zajil.server.config import ConfigError, load_settings
from zajil.server.doctor.whole import examine
from zajil.server.schema import hold_data, hold_worker, migrate, newest_revision, open_database

pytestmark = pytest.mark.sqlite  # what is about PostgreSQL has a database there of its own
BLOB = bytes(range(16))
PACKAGE = "key_package (account_id, device_id, suite, last_resort, expires, body) VALUES (X'00', 1, 1, 0, 9, ?)"

SECRETS = ("relay-secret", "nats.secret", "s3.key")
"""Files that the settings name, the last one by default."""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory with rows of every kind that a restore treats in a way of its own."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    (folder / "zajil.toml").write_text(
        'bus_secret_file = "nats.secret"\n'
        '[limits.login]\nburst = 7\nevery_s = 1\n[calls]\nrelay_secret_file = "relay-secret"\n'
    )
    for secret in SECRETS:
        (folder / secret).write_bytes(secret.encode() * 32)
    (folder / "server_name").write_text("chat.example\n")
    database = open_database(folder)
    database.write_sync(fill)
    database.close()
    Keys.load(folder / "zajil.key", create=True)
    blob = folder / "attachments" / BLOB.hex()[:2] / BLOB.hex()
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"c" * 100_000)
    return folder


def fill(db: Connection) -> None:
    box = "mailbox (mailbox_id, next_seq, acked, count, bytes, gap_count, gap_seq) VALUES (?, 8, 3, 0, 0, 0, 0)"
    session = "session_token (hash, account_id, device_id, expires) VALUES (?, X'00', 1, 9)"
    for insert, value in (
        (box, b"m" * 16),
        ("invite_code (hash, day, uses) VALUES (?, 20000, 5)", b"i" * 32),
        (session, b"t" * 32),
        ("push_due (mailbox_id, wake, seq, due, until, tries) VALUES (?, 1, 7, 1, 9, 0)", b"m" * 16),
        ("pub_search (rowid, body) VALUES (41, ?)", "سلام мир"),
        ("pub_event (name, ref, at) VALUES (?, '', 1)", "post"),
        *(3 * ((PACKAGE, b"p"),)),
    ):
        db.exec_driver_sql(f"INSERT INTO {insert}", (value,))  # of the lines above
    db.exec_driver_sql("UPDATE key_package SET last_resort = 1 WHERE id = 2")
    db.exec_driver_sql("DELETE FROM key_package WHERE id = 3")


def rows_of(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    with SqliteSource(folder / "zajil.db", folder=folder) as source:
        return {table: list(source.rows(table, columns)) for table, columns in source.columns().items()}


def test_all_comes_back_but_what_was_used_up_or_ended(data: Path, tmp_path: Path) -> None:
    made = make_backup(data, tmp_path, now=1_700_000_000)
    assert made.archive.name == "zajil-chat.example-20231114-221320.tar"
    assert not list(data.glob(".zajil-copy*"))
    assert {path.stat().st_mode & 0o777 for path in (made.archive, made.keys)} == {0o600}
    assert (data / "zajil.key").read_bytes() not in made.archive.read_bytes()
    assert check_backup(made.archive).rows == made.rows

    back = tmp_path / "back"
    found = restore_backup(back, made.archive)
    assert found == ("chat.example", 1_700_000_000, made.rows, 1)
    before, now = rows_of(data), rows_of(back)
    assert now.pop("session_token") == now.pop("push_due") == [], "nobody is woken by a drill"
    assert [row[4] for row in now.pop("key_package")] == [1]
    (mailbox,), (was,) = now.pop("mailbox"), before["mailbox"]
    assert is_of_now(mailbox[1])
    assert mailbox == (was[0], mailbox[1], *was[2:])
    assert now == {table: before[table] for table in now}
    blob = back / "attachments" / BLOB.hex()[:2] / BLOB.hex()
    assert blob.read_bytes() == b"c" * 100_000
    files = [path for path in back.rglob("*") if path.is_file() and path.name != "zajil.lock"]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in back.rglob("*") if path.is_dir()} == {0o700}
    for name in ("zajil.toml", "zajil.key", *SECRETS, "server_name"):
        assert (back / name).read_bytes() == (data / name).read_bytes()
    assert load_settings(back).server_name == "chat.example"
    with sqlite3.connect(back / "zajil.db") as opened:
        assert opened.execute("SELECT rowid FROM pub_search WHERE pub_search MATCH 'мир'").fetchall() == [(41,)]
        counters = dict(opened.execute("SELECT name, seq FROM sqlite_sequence"))
    opened.close()
    assert is_of_now(counters["pub_event"])
    assert counters == {"key_package": 3, "pub_event": counters["pub_event"]}

    without = tmp_path / "without"
    assert restore_backup(without, made.archive, attachments=False).attachments == 0
    assert list((without / "attachments").iterdir()) == []


def test_no_damage_goes_unseen_and_none_leaves_a_database(data: Path, tmp_path: Path) -> None:
    made = make_backup(data, tmp_path / "b.tar", attachments=False)
    whole, dice = made.archive.read_bytes(), random.Random(8)
    content = [n for n, byte in enumerate(whole) if byte]
    harmless = 0
    for n in range(60):
        spoiled = bytearray(whole)
        if n % 3:
            spoiled[dice.choice(content)] ^= 1 << dice.randrange(8)
        else:
            del spoiled[dice.randrange(len(whole) - 10_240) :]
        made.archive.write_bytes(spoiled)
        back = tmp_path / f"back-{n}"
        try:
            (restore_backup if n < 9 else take_none)(back, made.archive)
        except BackupError:
            assert not (back / "zajil.db").exists()
            assert not (back / "zajil.key").exists()
            continue
        harmless += 1
    # A bit of a tar header that says nothing, such as an owner's.
    assert harmless < 20


def rewrite(
    made: Made,
    *,
    version: int = 2,
    blob: bytes = b"",
    uses: int = 5,
    key: bytes = b"",
    settings: str = "",
    schema: str = "",
) -> None:
    """What whoever can write the archive, and has no keys, makes of it: with every digest right.

    settings: its `zajil.toml`. schema: another one, without the marks of keys.
    """
    whole = io.BytesIO(made.archive.read_bytes())
    reader = ArchiveReader(whole)
    head = msgspec.structs.replace(reader.head, version=version)
    if schema:
        # Of later schemas, or with a column that only those have.
        later = {"http_claim", "key_mark", "mod_suspension", "mod_untold", "server_state"}
        columns = {table: named for table, named in head.columns.items() if table not in later}
        head = msgspec.structs.replace(head, schema=schema, columns=columns)
    with made.archive.open("wb") as file:
        writer = ArchiveWriter(file, head, key=key)
        is_open = True
        for part in reader.parts():
            if isinstance(part, TableRows):
                if part.table not in head.columns:
                    continue
                changed = [(*row[:2], uses) for row in part.rows] if part.table == "invite_code" else part.rows
                writer.add_rows(part.table, iter(changed))
            elif part.file:
                content = part.content.read()
                writer.add_file(part.file, settings.encode() if settings and part.file == "zajil.toml" else content)
            else:
                if is_open:
                    writer.close_rows()
                    is_open = False
                held = blob or part.content.read()
                writer.add_blob(part.blob, len(held), io.BytesIO(held))
        writer.finish()


def test_who_has_the_archive_alone_changes_nothing_unseen(data: Path, tmp_path: Path) -> None:
    made = make_backup(data, tmp_path / "b.tar")
    whole = made.archive.read_bytes()

    def refusal(*, unproven: bool = False) -> str:
        with pytest.raises(BackupError) as refused:
            check_backup(made.archive, unproven=unproven)
        return refused.value.code

    keys = Keys.load(data / "zajil.key")
    own = keys.backup_key(keys.newest_storage) or b""
    rewrite(made, key=own)
    assert made.archive.read_bytes() == whole, "what the changes below are made of is the same archive"
    for changes in ({"uses": 6}, {"blob": b"x" * 100_000}, {}):
        for key in (b"", bytes(32)):
            rewrite(made, key=key, **changes)
            assert refusal() == refusal(unproven=True) == "backup-forged"
            made.archive.write_bytes(whole)
    rewrite(made, blob=b"x" * 100_000)
    with pytest.raises(BackupError, match="backup-forged"):
        restore_backup(tmp_path / "back", made.archive)
    assert {path.name for path in (tmp_path / "back").iterdir()} == {"zajil.lock"}
    made.archive.write_bytes(whole.replace(b"c" * 1000, b"x" * 1000, 1))
    with pytest.raises(BackupError, match="backup-forged"):
        restore_backup(tmp_path / "back", made.archive)
    assert {path.name for path in (tmp_path / "back").iterdir()} == {"restoring", "zajil.lock"}
    assert not [*(tmp_path / "back" / "restoring").iterdir()], "no key and no row of it is left"
    with pytest.raises(ConfigError, match="broke off: run it again"):
        open_database(tmp_path / "back")  # as a start does, which would make a new server
    made.archive.write_bytes(whole)
    for schema in ("", newest_revision()):
        rewrite(made, version=1, schema=schema)
        assert refusal() == "backup-unproven"
        assert refusal(unproven=True) == "backup-forged", "no version that knows its keys makes such archives"
        made.archive.write_bytes(whole)
    rewrite(made, version=1, schema="0017")
    assert refusal() == "backup-unproven"
    restore_backup(tmp_path / "back", made.archive, unproven=True)
    assert rows_of(tmp_path / "back")["invite_code"] == rows_of(data)["invite_code"]


def test_a_backup_goes_onto_a_memory_stick_too(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FAT knows no second name of a file."""

    def refused(*_: object) -> None:
        raise OSError(errno.EPERM, "no links")

    monkeypatch.setattr(os, "link", refused)
    made = make_backup(data, f"{tmp_path}/")
    assert check_backup(made.archive).rows == made.rows
    with pytest.raises(BackupError, match="backup-exists"):
        make_backup(data, made.archive)
    assert {path.name for path in tmp_path.iterdir()} - {"data"} == {made.archive.name, made.keys.name}


def test_what_a_killed_backup_left_goes_with_the_next_one(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    script = "import os, signal, sys; from zajil.server.backup import making; "
    script += "making._write_keys = lambda *_: os.kill(os.getpid(), int(sys.argv[3])); "
    script += (
        "from zajil.cli.main import run_command; sys.exit(run_command(['backup', sys.argv[2], '--data', sys.argv[1]]))"
    )
    command = [sys.executable, "-c", script, str(data), f"{out}/"]
    assert subprocess.run([*command, str(int(signal.SIGTERM))], check=False).returncode == 128 + signal.SIGTERM
    assert list(out.iterdir()) == []
    assert subprocess.run([*command, str(int(signal.SIGKILL))], check=False).returncode == -signal.SIGKILL
    left = set(out.iterdir())
    assert len(left) == 2
    others = {out / ".notes.deadbeef.part", out / ".zajil-copy-mine"}
    for path in (*left, *others):
        path.touch(mode=0o600)
        os.utime(path, times=(1, 1))
    with drafted(out / "slow.tar"), copied(out) as copy:
        lively = {copy, *out.glob(".slow.tar.*")}
        assert len(lively) == 2
        for path in lively:
            os.utime(path, times=(1, 1))
        made = make_backup(data, f"{out}/")
        assert set(out.iterdir()) == others | lively | {made.archive, made.keys}
    assert set(out.iterdir()) == others | {out / "slow.tar", made.archive, made.keys}


def test_no_file_goes_into_a_backup_that_could_not_be_read_back(data: Path, tmp_path: Path) -> None:
    for name in (".nats", "s3 key", "\u0633\u0631", "k" * 95):
        (data / "zajil.toml").write_text(f'bus_secret_file = "{name}"\n', encoding="utf-8")
        (data / name).write_text("u:p")
        with pytest.raises(BackupError, match="backup-unwritable"):
            make_backup(data, tmp_path / "b.tar")
        assert {path.name for path in tmp_path.iterdir()} == {"data"}


def test_no_database_is_asked_that_the_keys_did_not_prove(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever can write the archive would have the passfile's password sent to a database of theirs."""
    with socket.create_server(("127.0.0.1", 0)) as theirs:
        theirs.setblocking(False)
        named = f"postgresql://zajil@127.0.0.1:{theirs.getsockname()[1]}/zajil?sslmode=disable&connect_timeout=2"
        made = make_backup(data, tmp_path / "b.tar")
        keys, whole = Keys.load(data / "zajil.key"), made.archive.read_bytes()
        own = keys.backup_key(keys.newest_storage) or b""
        rewrite(made, settings=f'database = "{named}"\n')
        with pytest.raises(BackupError, match="backup-forged"):
            restore_backup(tmp_path / "back", made.archive)
        made.archive.write_bytes(whole)
        rewrite(made, version=1, schema="0017", settings=f'database = "{named}"\n')
        with pytest.raises(BackupError, match="backup-unproven-place"):
            restore_backup(tmp_path / "back", made.archive, unproven=True)

        # Another archive of the same server under the same name, once the first reading is over.
        made.archive.write_bytes(whole)
        rewrite(made, settings=f'database = "{named}"\n', uses=6, key=own)
        other = made.archive.read_bytes()
        made.archive.write_bytes(whole)
        prove = restoring._prove

        def change(reader: ArchiveReader) -> object:
            proved = prove(reader)
            made.archive.write_bytes(other)
            return proved

        monkeypatch.setattr(restoring, "_prove", change)
        with pytest.raises(BackupError, match="changed while"):
            restore_backup(tmp_path / "back", made.archive)
        with pytest.raises(BlockingIOError):
            theirs.accept()
    assert {path.name for path in (tmp_path / "back").iterdir()} == {"restoring", "zajil.lock"}


def test_an_archive_of_a_key_before_is_proved_by_a_later_file_of_keys(data: Path, tmp_path: Path) -> None:
    made = make_backup(data, tmp_path / "b.tar")
    rotate(data / "zajil.key", "storage")
    later = make_backup(data, tmp_path / "later.tar")
    assert check_backup(made.archive, keys_from=later.keys).rows == made.rows
    with pytest.raises(BackupError, match="backup-other-keys"):
        check_backup(later.archive, keys_from=made.keys)


def test_no_password_goes_into_a_command_or_an_archive(data: Path, tmp_path: Path) -> None:
    made, url = make_backup(data, tmp_path / "b.tar"), "postgresql://user:secret@127.0.0.1:9/name"
    with pytest.raises(ConfigError, match="passfile"):
        restore_backup(tmp_path / "back", made.archive, database=url)
    with pytest.raises(ConfigError, match="passfile"):
        move_database(data, url)
    (data / "zajil.toml").write_text(f'database = "{url}"\n')
    with pytest.raises(ConfigError, match="passfile"):
        make_backup(data, tmp_path / "c.tar")
    assert {f.code for f in examine(data) if f.name == "settings"} == {"settings-password"}


def take_none(_back: Path, archive: Path) -> None:
    check_backup(archive)


def sparse(name: str, *, size: int) -> bytes:
    """A member of some bytes that says it is so many, nearly all of them holes (as GNU tar writes it)."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo(name)
        content = f"1\n{size - 1}\n1\n".encode().ljust(512, b"\0") + b"x"
        member.size = len(content)
        member.pax_headers = {
            "GNU.sparse.major": "1",
            "GNU.sparse.minor": "0",
            "GNU.sparse.name": name,
            "GNU.sparse.realsize": str(size),
        }
        tar.addfile(member, io.BytesIO(content))
        end = tar.offset
    return made.getvalue()[:end]


def hostile(
    name: str, *, kind: bytes = tarfile.REGTYPE, content: bytes = b"x", target: str = "", size: int | None = None
) -> bytes:
    """The bytes of one member. size: which it says, if another than its content's."""
    header = tarfile.TarInfo(name)
    header.type, header.linkname, header.size = kind, target, len(content) if size is None else size
    return header.tobuf(format=tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512)


def is_of_now(number: object) -> bool:
    """Whether it is what a restore in this minute goes on from, or a second one after it."""
    assert isinstance(number, int)
    return -60 << SEQ_SHIFT < number - (int(time.time()) << SEQ_SHIFT) < 2 * SEQ_STEP


def test_a_second_restore_of_one_archive_begins_above_what_came_after_the_first() -> None:
    first = renumber(8, at=1_800_000_000)
    assert first > 8
    assert renumber(8, at=1_800_000_001) > first + 1_000_000
    assert renumber(first, at=1_700_000_000) >= first + SEQ_STEP, "a clock that went back takes nothing back"
    assert renumber(8, at=4_000_000_000) < 2**53, "a browser's numbers end there"
    for second in range(10):  # as by several gateways at a failover, and by hand
        first = renumber(first, at=1_800_000_000 + second // 2)
    assert first < renumber(8, at=1_800_000_011), "a restore seconds after begins above all of them"


HOSTILE = (
    hostile("files/../../up"),
    hostile("/etc/zajil"),
    hostile("files/zajil.db"),
    hostile("files/zajil.key"),
    hostile("tables/sqlite_schema/000000"),
    hostile("attachments/../x"),
    hostile("files/zajil.toml", kind=tarfile.SYMTYPE, target="/etc/passwd", content=b""),
    hostile("files/zajil.toml", kind=tarfile.LNKTYPE, target="zajil-backup", content=b""),
    hostile("tables/mailbox/000000", content=b"\xdd\xff\xff\xff\xff"),
    hostile("files/big", content=bytes((1 << 20) + 1)),
    sparse("files/zajil.toml", size=1 << 30),
    *(hostile("files/zajil.toml", size=size) for size in (-1, -512, -1024, 1 << 62)),
    *(hostile("long", kind=kind, content=b"x" * 4096) for kind in (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME)),
    *(hostile("long", kind=tarfile.XGLTYPE, content=b"20 comment=anything\n", size=size) for size in (20, 1 << 62)),
)


def test_nothing_of_a_hostile_archive_is_written_elsewhere(data: Path, tmp_path: Path) -> None:
    made = make_backup(data, tmp_path / "b.tar", attachments=False)
    whole = made.archive.read_bytes()
    with tarfile.open(made.archive) as tar:
        second = tar.getmembers()[1].offset
    before = {path.name for path in tmp_path.iterdir()}
    for number, member in enumerate(HOSTILE):
        made.archive.write_bytes(whole[:second] + member + whole[second:])
        back = tmp_path / f"back-{number}"
        with pytest.raises(BackupError, match="backup-damaged"):
            restore_backup(back, made.archive)
        assert {path.name for path in back.iterdir()} == {"zajil.lock"}
        shutil.rmtree(back)
        assert {path.name for path in tmp_path.iterdir()} == before


def test_a_backup_is_refused_where_it_would_do_harm(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = make_backup(data, tmp_path / "b.tar")

    def refused(*arguments: object) -> str:
        assert run_command([str(each) for each in arguments]) == 1
        output = capsys.readouterr()
        assert output.out == ""
        return output.err.split(": ")[1]

    assert refused("backup", made.archive, "--data", data) == "backup-exists"
    assert refused("backup", f"{tmp_path}/daily/", "--data", data) == "backup-no-folder", "and no file of this name"
    assert refused("backup", tmp_path / "daily" / "b.tar", "--data", data) == "backup-no-folder"
    assert refused("backup", tmp_path / "c.tar", "--keys", tmp_path / "k" / "c", "--data", data) == "backup-no-folder"
    assert refused("backup", tmp_path / "c.tar", "--keys", f"{tmp_path}/daily/", "--data", data) == "backup-no-folder"
    (tmp_path / "daily").mkdir()
    assert run_command(["backup", f"{tmp_path}/daily/", "--data", str(data)]) == 0
    capsys.readouterr()
    assert sorted(path.suffix for path in (tmp_path / "daily").iterdir()) == [".keys", ".tar"]
    assert run_command(["backup", f"{tmp_path}/e.tar", "--keys", f"{tmp_path}/daily/", "--data", str(data)]) == 0
    capsys.readouterr()
    assert (tmp_path / "daily" / "e.tar.keys").stat().st_mode & 0o777 == 0o600
    assert refused("restore", made.archive, "--data", data) == "backup-not-empty"
    later = make_backup(data, tmp_path / "later.tar", now=time.time() + 3600)
    assert refused("restore", later.archive, "--data", tmp_path / "x") == "backup-clock"
    assert run_command(["restore", str(later.archive), "--data", str(tmp_path / "right"), "--clock-right"]) == 0
    capsys.readouterr()
    assert refused("restore", made.keys, "--keys", made.archive, "--data", tmp_path / "x") == "backup-swapped"
    assert refused("restore", made.archive, "--keys", tmp_path / "none", "--data", tmp_path / "x") == "backup-no-keys"
    other = tmp_path / "other"
    (other / "data").mkdir(parents=True)
    open_database(other / "data").close()
    Keys.load(other / "data" / "zajil.key", create=True)
    foreign = make_backup(other / "data", other / "b.tar")
    assert refused("restore", made.archive, "--keys", foreign.keys, "--data", tmp_path / "x") == "backup-other-keys"
    (other / "data" / "zajil.key").unlink()
    assert refused("backup", other / "c.tar", "--data", other / "data") == "settings"
    assert sorted(path.name for path in other.iterdir()) == ["b.tar", "b.tar.keys", "data"], "nothing half is left"
    with sqlite3.connect(data / "zajil.db") as opened:
        opened.execute("UPDATE alembic_version SET version_num = '9999'")
    opened.close()
    newer = make_backup(data, tmp_path / "newer.tar")
    assert refused("restore", newer.archive, "--data", tmp_path / "x") == "backup-newer"


def test_a_backup_of_an_earlier_version_is_brought_up_to_date(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    Keys.load(old / "zajil.key", create=True)
    database = SQLiteDatabase.open(old / "zajil.db")
    migrate(database, "0003")
    database.write_sync(lambda db: db.exec_driver_sql("INSERT INTO invite_code VALUES (?, 20000, 5)", (b"i" * 32,)))
    database.close()
    made = make_backup(old, tmp_path / "b.tar")
    restore_backup(tmp_path / "back", made.archive)
    assert rows_of(tmp_path / "back")["invite_code"] == [(b"i" * 32, 20000, 5)]
    with SqliteSource(tmp_path / "back" / "zajil.db", folder=tmp_path) as source:
        assert source.schema == newest_revision()


@pytest.mark.scale
def test_postgres_takes_what_sqlite_gave_and_gives_it_back(data: Path, tmp_path: Path, postgres: Postgres) -> None:
    made = make_backup(data, tmp_path / "b.tar")
    url, there = postgres.fresh("template1"), tmp_path / "there"
    restore_backup(there, made.archive, database=url)
    assert load_settings(there).database == url
    assert not (there / "zajil.db").exists()
    with psycopg.connect(url) as connection:
        asked = connection.execute("SELECT next_seq FROM mailbox UNION ALL SELECT seq FROM pub_words").fetchall()
        assert min(asked) == (41,)
        assert is_of_now(max(asked)[0])
        numbered = "INSERT INTO pub_event (name, ref, at) VALUES ('post', '', 2) RETURNING seq"
        ((seq,),) = connection.execute(numbered).fetchall()
        assert is_of_now(seq)
        connection.rollback()
    with pytest.raises(BackupError, match="backup-not-empty"):
        restore_backup(tmp_path / "again", made.archive, database=url)

    back = tmp_path / "back"
    restore_backup(back, make_backup(there, tmp_path / "p.tar").archive, database="")
    assert load_settings(back).database == ""
    before, now = rows_of(data), rows_of(back)
    (mailbox,) = now.pop("mailbox")
    assert is_of_now(mailbox[1])
    assert now.pop("session_token") == now.pop("push_due") == []
    assert [row[4] for row in now.pop("key_package")] == [1]
    assert now == {table: before[table] for table in now}

    # A restore that fails leaves nothing in the database.
    empty = postgres.fresh("template1")
    whole = made.archive.read_bytes()
    made.archive.write_bytes(whole[: len(whole) - 60_000])
    with pytest.raises(BackupError, match="backup-damaged"):
        restore_backup(tmp_path / "cut", made.archive, database=empty)
    with psycopg.connect(empty) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchall() == [(0,)]


def test_where_the_last_commits_were_lost_all_is_numbered_anew_in_place(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a restore does, for a standby that took over before it had everything."""
    before, command = rows_of(data), ["admin", "renumber", "--data", str(data)]
    with hold_data(data):
        assert run_command(command) == 1
        assert "another server is running" in capsys.readouterr().err
    assert rows_of(data) == before
    assert run_command(command) == 0
    first = rows_of(data)
    database = open_database(data)
    database.write_sync(lambda db: db.exec_driver_sql("INSERT INTO pub_event (name, ref, at) VALUES ('post', '', 2)"))
    database.close()
    assert run_command(command) == 0
    again = rows_of(data)
    assert is_of_now(int(str(first["mailbox"][0][1])))
    assert is_of_now(max(int(str(row[0])) for row in again["pub_event"]))
    assert int(str(again["mailbox"][0][1])) >= int(str(first["mailbox"][0][1])) + SEQ_STEP
    for table in ("mailbox", "session_token", "key_package"):
        before.pop(table)
    assert {table: first[table] for table in before} == before
    assert (first["session_token"], len(first["key_package"])) == ([], 1)


@pytest.mark.scale
def test_a_stopped_server_moves_to_postgres_and_forgets_nothing(
    data: Path, postgres: Postgres, capsys: pytest.CaptureFixture[str]
) -> None:
    url = postgres.fresh("template1")
    command = ["admin", "move", "--data", str(data), "--database", url]
    rotating = ["admin", "keys", "rotate", "storage", "--data", str(data)]
    with hold_data(data):
        assert run_command(rotating) == 1
        assert "another server is running" in capsys.readouterr().err
        assert run_command(command) == 1
        assert "another server is running" in capsys.readouterr().err
    with hold_worker(data):
        assert run_command(command) == 1, "its decisions would stay behind"
        assert "another moderation worker runs" in capsys.readouterr().err
    assert run_command(rotating) == 0
    assert "Key 2 of storage" in capsys.readouterr().out.replace("\u2068", "").replace("\u2069", "")
    before = rows_of(data)
    assert len(before["key_mark"]) == 5
    assert run_command(command) == 0
    assert "zajil.db.moved" in capsys.readouterr().out
    with PostgresSource(url) as source:
        now = {table: list(source.rows(table, columns)) for table, columns in source.columns().items()}
        assert now == before
        assert source.counters() == {"key_package": 3, "pub_event": 1}
    assert load_settings(data).database == url
    assert load_settings(data).calls.relay_secret_file == "relay-secret"
    assert not (data / "zajil.db").exists()
    assert run_command(command) == 1
    assert capsys.readouterr().err.startswith("error: move-nothing")

    assert run_command(["admin", "renumber", "--data", str(data)]) == 0
    with psycopg.connect(url) as connection:
        ((seq, boxes, sessions),) = connection.execute(
            "SELECT nextval(pg_get_serial_sequence('pub_event', 'seq')), (SELECT min(next_seq) FROM mailbox),"
            " (SELECT count(*) FROM session_token)"
        ).fetchall()
    assert is_of_now(seq)
    assert is_of_now(boxes)
    assert sessions == 0
