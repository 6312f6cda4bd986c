"""Settings, inventory, migrations, metrics: what the operator sees matches what the code does."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import NoReturn

import aiohttp
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect
from tests.server.people import Person
from tests.server.wire import Http

from zajil.channels.store.tables import SEARCH_COLUMNS
from zajil.cli.main import run_command
from zajil.engine.keys import KeyFileError
from zajil.engine.limits import DEFAULTS
from zajil.engine.reachkeys import ReachKeys
from zajil.engine.sql.sqlite.database import FILE_NAME, SQLiteDatabase
from zajil.protocol import control
from zajil.protocol.errors import error, render_table
from zajil.server import config, inventory, schema
from zajil.server.admin import create_invite
from zajil.server.app import Server
from zajil.server.config import (
    CONFIG_FILE,
    ConfigError,
    ModerationSettings,
    Settings,
    find_password,
    holds_password,
    load_settings,
    refuse_password,
)
from zajil.server.schema import all_tables, hold_data, migrate, newest_revision, open_database

# The full-text index and what FTS5 makes by itself.
SEARCH = {table for table, *_ in SEARCH_COLUMNS}
ROOT = Path(__file__).resolve().parent.parent.parent


def test_arguments_win_over_the_file_and_the_file_over_defaults(tmp_path: Path) -> None:
    assert load_settings(tmp_path) == Settings()
    (tmp_path / CONFIG_FILE).write_text('port = 1\nhost = "::1"\n[limits.login]\nburst = 3\nevery_s = 0.5\n')
    found = load_settings(tmp_path, port=2, host=None)
    assert (found.port, found.host, found.limits["login"].burst) == (2, "::1", 3)


@pytest.mark.parametrize(
    "text",
    [
        "port = -1",
        'port = "x"',
        "prot = 1",
        "port = ",
        "[limits.logins]\nburst = 1\nevery_s = 1",
        "[limits.login]\nburst = 0\nevery_s = 1",
        'server_name = "Not A Name"',
        'registration = "closed"',
        'bus = "nats://127.0.0.1:4222"',
        'database = "postgresql://a/b"\nbus = "nats://user:secret@127.0.0.1:4222"',
        'database = "postgresql://a/b"\nbus = "http://127.0.0.1:4222"',
        'database = "postgresql://a/b"\nreuse_port = true',
        'database = "postgresql://a/b"\nbus = "nats://a"\npublic_space = true\n[moderation]\nenabled = true',
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / CONFIG_FILE).write_text(text)
    with pytest.raises(ConfigError, match=CONFIG_FILE):
        load_settings(tmp_path)


async def test_the_server_name_is_fixed_by_the_first_start(tmp_path: Path) -> None:
    (tmp_path / CONFIG_FILE).write_text('server_name = "home.example"\n')
    server = await Server.start(tmp_path, load_settings(tmp_path, port=0))
    await server.stop()
    (tmp_path / CONFIG_FILE).write_text("")
    assert load_settings(tmp_path).server_name == "home.example"
    (tmp_path / CONFIG_FILE).write_text('server_name = "other.example"\n')
    with pytest.raises(ConfigError, match=r"other\.example"):
        load_settings(tmp_path)


async def test_one_server_for_one_directory_and_nobody_else_reads_its_keys(tmp_path: Path) -> None:
    settings = Settings(port=0)
    server = await Server.start(tmp_path / "data", settings)
    with pytest.raises(ConfigError, match="another server"):
        await Server.start(tmp_path / "data", settings)
    await server.stop()
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "data").iterdir()}
    assert {modes.get(name, 0o600) for name in ("zajil.key", "zajil.db")} == {0o600}
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    (tmp_path / "data" / "zajil.key").chmod(0o644)
    with pytest.raises(KeyFileError):
        await Server.start(tmp_path / "data", settings)
    (tmp_path / "data" / "zajil.key").chmod(0o600)
    again = await Server.start(tmp_path / "data", settings)
    await again.stop()


async def test_a_lost_key_file_is_said_and_not_replaced(tmp_path: Path, client: aiohttp.ClientSession) -> None:
    create_invite(tmp_path, 1)
    settings = Settings(port=0, registration="open")
    server = await Server.start(tmp_path, settings)
    await Http(f"http://127.0.0.1:{server.port}", client).register(Person())
    await server.stop()
    key = tmp_path / "zajil.key"
    kept = key.read_bytes()
    key.unlink()
    for _ in range(2):
        with pytest.raises(KeyFileError, match=r"zajil\.key is missing"):
            await Server.start(tmp_path, settings)
        assert not key.exists()
    key.write_bytes(kept)
    key.chmod(0o600)
    again = await Server.start(tmp_path, settings)
    await again.stop()


async def test_a_lost_reach_key_is_said_and_not_replaced(tmp_path: Path) -> None:
    """Clients trust the server by it: one made anew would leave every one of them behind."""
    settings = Settings(port=0)
    server = await Server.start(tmp_path, settings)
    assert server.made_root
    await server.stop()
    key = tmp_path / "reach.key"
    assert key.stat().st_mode & 0o777 == 0o600
    kept = key.read_bytes()
    key.unlink()
    for _ in range(2):
        with pytest.raises(KeyFileError, match=r"reach\.key is missing"):
            await Server.start(tmp_path, settings)
        assert not key.exists()
    ReachKeys.load(key, create=True)
    with pytest.raises(KeyFileError, match="not the one that signed"):
        await Server.start(tmp_path, settings)
    key.write_bytes(kept)
    again = await Server.start(tmp_path, settings)
    assert not again.made_root
    await again.stop()


async def test_a_server_of_the_version_before_gets_its_root_at_the_next_start(
    tmp_path: Path, client: aiohttp.ClientSession
) -> None:
    settings = Settings(port=0, registration="open")
    server = await Server.start(tmp_path, settings)
    await Http(f"http://127.0.0.1:{server.port}", client).register(Person())
    await server.stop()
    (tmp_path / "reach.key").unlink()
    database = open_database(tmp_path)
    database.write_sync(lambda db: db.exec_driver_sql("DELETE FROM reach_document"))
    database.close()
    again = await Server.start(tmp_path, settings)
    assert again.made_root
    await again.stop()


async def test_an_invite_made_beside_a_running_server_opens_it(tmp_path: Path, client: aiohttp.ClientSession) -> None:
    server = await Server.start(tmp_path, Settings(port=0))
    try:
        http = Http(f"http://127.0.0.1:{server.port}", client)
        with pytest.raises(Exception, match="gate-required"):
            await http.register(Person())
        await http.register(Person(), invite=await asyncio.to_thread(create_invite, tmp_path, 1))
        with pytest.raises(Exception, match="gate-required"):
            await http.register(Person())
    finally:
        await server.stop()


def test_an_invite_can_be_made_before_the_first_start(tmp_path: Path) -> None:
    assert re.fullmatch(r"([0-9A-Z]{5}-){3}[0-9A-Z]{5}", create_invite(tmp_path / "new", 3))
    with pytest.raises(ValueError, match="uses"):
        create_invite(tmp_path / "new", 0)


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
@pytest.mark.sqlite
def test_migrations_make_exactly_the_schema_of_the_code(tmp_path: Path) -> None:
    database = open_database(tmp_path)
    try:
        with database.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"include_name": lambda name, *_: name not in SEARCH})
            assert compare_metadata(context, all_tables()) == []
            made = {
                name: " ".join(sql.split())
                for name, sql in connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
            }
            # By name as well: Alembic leaves out those over an expression.
            indexes = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'index' AND sql <> ''")
            assert set(indexes.scalars()) == {each.name for one in all_tables().tables.values() for each in one.indexes}
        assert set(made) - {"alembic_version", "sqlite_sequence"} - SEARCH == set(all_tables().tables)
        with database.engine.connect() as connection:
            looked = inspect(connection)
            for name, table in all_tables().tables.items():  # Alembic compares no primary key
                of_postgres = table.primary_key._ddl_if is not None
                key = [] if of_postgres else table.primary_key.columns.keys()
                assert looked.get_pk_constraint(name)["constrained_columns"] == key, name
                assert not of_postgres or name == "idem"
        for name in all_tables().tables:
            assert "STRICT" in made[name], name
            assert all_tables().tables[name].dialect_options["sqlite"]["strict"], name
    finally:
        database.close()
    open_database(tmp_path).close()


async def test_the_inventory_covers_every_column_and_counts_rows(http: Http, tmp_path: Path) -> None:
    await http.register(Person())
    rows = inventory.collect(tmp_path / "data")
    assert {(row.table, row.column) for row in rows} >= {
        (table.name, column.name) for table in all_tables().tables.values() for column in table.columns
    }
    assert {row.table: row.rows for row in rows if row.table in {"account", "device", "grp"}} == {
        "account": 1,
        "device": 1,
        "grp": 0,
    }
    assert all(row.purpose and row.retention for row in rows)
    assert {row.rows for row in inventory.collect()} == {None}


def test_a_column_the_inventory_does_not_know_is_an_error(tmp_path: Path) -> None:
    database = open_database(tmp_path)
    database.write_sync(lambda db: db.exec_driver_sql("ALTER TABLE account ADD COLUMN phone TEXT"))
    database.close()
    with pytest.raises(ValueError, match=r"account\.phone"):
        inventory.collect(tmp_path)


def test_the_pages_are_what_the_code_prints() -> None:
    operate = ROOT / "docs" / "operate"
    assert (operate / "settings.md").read_text(encoding="utf-8") == config.render()
    assert (operate / "data.md").read_text(encoding="utf-8") == inventory.render()
    assert (ROOT / "docs" / "protocol" / "errors.md").read_text(encoding="utf-8").endswith(render_table())
    for name in (*Settings.__struct_fields__, *DEFAULTS):
        assert f"`{name}`" in config.render()


async def test_metrics_are_off_by_default_and_never_name_a_path(
    tmp_path: Path, client: aiohttp.ClientSession, unused_tcp_port: int
) -> None:
    server = await Server.start(tmp_path, Settings(port=0, metrics_port=unused_tcp_port, registration="open"))
    try:
        url = f"http://127.0.0.1:{server.port}"
        http = Http(url, client)
        person = Person()
        auth = await http.register(person)
        await http.code(control.LINK_OFFER, addr="AAAAAAAAAAAAAAAAAAAAAA", auth=None)
        await http.raw("GET", "/v1/secret-path")
        assert (await http.raw("GET", "/metrics"))[0] == 404
        async with client.get(f"http://127.0.0.1:{unused_tcp_port}/metrics") as answer:
            text = await answer.text()
        assert 'zajil_calls_total{route="/accounts",status="200"} 1.0' in text
        assert 'zajil_calls_total{route="/link/{addr}/offer",status="404"} 1.0' in text
        assert 'zajil_connections{role="R"} 0.0' in text
        for hidden in ("AAAAAAAA", "secret-path", auth.split()[1]):
            assert hidden not in text
    finally:
        await server.stop()
    assert Settings().metrics_port == 0


async def test_an_address_in_use_is_an_error_that_leaves_nothing_open(tmp_path: Path, server: Server) -> None:
    with pytest.raises(OSError, match="in use"):
        await Server.start(tmp_path / "other", Settings(port=server.port))
    again = await Server.start(tmp_path / "other", Settings(port=0))
    await again.stop()


async def test_a_port_of_figures_that_another_server_has_is_named(tmp_path: Path, unused_tcp_port: int) -> None:
    settings = Settings(port=0, metrics_port=unused_tcp_port)
    server = await Server.start(tmp_path, settings)
    try:
        with pytest.raises(ConfigError, match=f"{unused_tcp_port} is in use.*--metrics-port"):
            await Server.start(tmp_path / "other", settings)
    finally:
        await server.stop()
    await (await Server.start(tmp_path / "other", settings)).stop()


async def test_a_start_in_an_outage_is_told_and_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer_nothing(_db: Connection) -> NoReturn:
        raise error("busy")

    with monkeypatch.context() as outage:
        outage.setattr("zajil.auth.store.revoked_devices", answer_nothing)
        with pytest.raises(ConfigError, match="cannot be used now"):
            await Server.start(tmp_path, Settings(port=0))
    again = await Server.start(tmp_path, Settings(port=0))
    await again.stop()


HOLDING = (
    *("postgresql://user:secret@host/name", "postgresql://host/name?user=u&password=p"),
    *("postgresql://host/name?pass%77ord=p", "postgresql://host/name?sslpassword=p"),
    *("postgresql://zajil:pa#ss@h/db", "postgresql://zajil:pa?ss@h/db", "postgresql://zajil:p[x@h/db"),
    *("postgresql://zajil:pa/ss@h/db", "postgresql://zajil:12/34@h/db", "host=h password=p", "host=h user='"),
)
HOLDING_NONE = (
    *("", "postgresql://user@host:5432/name?passfile=/etc/zajil/pgpass", "postgresql://host/name#x"),
    "postgresql:///name?host=/run/postgresql",
)


@pytest.mark.parametrize("driver", [True, False], ids=["libpq", "no-driver"])
def test_a_password_in_the_name_of_a_database_is_seen(driver: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """As libpq reads it: urllib takes it for a part of something else, or raises."""
    if not driver:
        monkeypatch.setitem(sys.modules, "psycopg.conninfo", None)
    assert [url for url in HOLDING if not holds_password(url)] == []
    assert [url for url in HOLDING_NONE if holds_password(url)] == []
    with pytest.raises(ConfigError, match="misspelled" if driver else "passfile="):
        refuse_password("postgresql://host/name?passfle=/etc/zajil/pgpass" if driver else "postgresql://u:p@h/d")


def test_a_password_in_another_setting_is_seen() -> None:
    for blobs in ("s3://key:secret@bucket/p", "s3://key:se/cret@bucket", "s3://b/p?endpoint=https://k:s@store.example"):
        assert find_password(Settings(blobs=blobs)) == "blobs"
    assert find_password(Settings(blobs="s3://bucket/at@home?endpoint=http://[::1]:9000&region=x")) == ""
    for url in (
        "https://user:secret@judge.example/v1",
        "https://user:se/cret@judge.example",
        "https://token@host:1/v1",
    ):
        assert find_password(Settings(moderation=ModerationSettings(judge_url=url))) == "moderation.judge_url"
    assert find_password(Settings(moderation=ModerationSettings(judge_url="http://127.0.0.1:8080/at@home/v1"))) == ""
    assert find_password(Settings(database="postgresql://u:p@h/d")) == "database"


def test_servers_share_a_directory_only_where_they_hear_of_each_other(tmp_path: Path) -> None:
    with hold_data(tmp_path, shared=True), hold_data(tmp_path, shared=True), pytest.raises(ConfigError):
        hold_data(tmp_path)
    with hold_data(tmp_path), pytest.raises(ConfigError):
        hold_data(tmp_path, shared=True)


def test_migrations_are_one_line() -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "src/zajil/server/migrations"))
    steps = list(ScriptDirectory.from_config(config).walk_revisions())
    assert [step.revision for step in reversed(steps)] == [f"{n:04}" for n in range(1, len(steps) + 1)]
    assert steps[0].revision == newest_revision(), "the files are named by their revisions"


@pytest.mark.sqlite
def test_a_database_of_the_version_before_is_upgraded_with_what_it_holds(tmp_path: Path) -> None:
    database = SQLiteDatabase.open(tmp_path / FILE_NAME)
    migrate(database, "0001")
    database.write_sync(lambda db: db.exec_driver_sql("INSERT INTO account VALUES (x'01', 0, 20000, 1)"))
    database.close()
    upgraded = open_database(tmp_path)
    try:
        rows = upgraded.read_sync(lambda db: db.exec_driver_sql("SELECT * FROM account").fetchall())
    finally:
        upgraded.close()
    assert [tuple(row) for row in rows] == [(b"\x01", 0, 20000, 1, 0, 0)]


@pytest.mark.sqlite
def test_requests_are_remembered_as_their_table_changes(tmp_path: Path) -> None:
    database = SQLiteDatabase.open(tmp_path / FILE_NAME)
    migrate(database, "0026")
    columns = "key, body_hash, answer, at"
    held = [(bytes([255 - n]) * 32, bytes([n]) * 32, b"answer", 1_800_000_000 + n // 2) for n in range(6)]
    put = f"INSERT INTO idem ({columns}) VALUES (?, ?, ?, ?)"
    database.write_sync(lambda db: [db.exec_driver_sql(put, row) for row in held])
    database.close()
    upgraded = open_database(tmp_path)
    try:
        asked = f"SELECT {columns} FROM idem ORDER BY at, key DESC"
        rows = upgraded.read_sync(lambda db: db.exec_driver_sql(asked).fetchall())
    finally:
        upgraded.close()
    assert [tuple(row) for row in rows] == held


@pytest.mark.sqlite
def test_contact_tokens_stay_what_they_were_as_their_key_changes(tmp_path: Path) -> None:
    database = SQLiteDatabase.open(tmp_path / FILE_NAME)
    migrate(database, "0023")
    columns = "hash, account_id, kind, uses_left, expires"
    held = [(b"h" * 32, b"a" * 16, 1, 20, 1_900_000_000), (b"p" * 32, b"a" * 16, 0, 1, 1 << 62)]
    put = f"INSERT INTO contact_token ({columns}) VALUES (?, ?, ?, ?, ?)"
    database.write_sync(lambda db: [db.exec_driver_sql(put, row) for row in held])
    database.close()
    upgraded = open_database(tmp_path)
    try:
        asked = f"SELECT {columns} FROM contact_token ORDER BY hash"
        rows = upgraded.read_sync(lambda db: db.exec_driver_sql(asked).fetchall())
        upgraded.write_sync(lambda db: db.exec_driver_sql(put, (b"h" * 32, b"b" * 16, 1, 1, 1_900_000_000)))
    finally:
        upgraded.close()
    assert [tuple(row) for row in rows] == held


@pytest.mark.sqlite
def test_an_operator_migrates_before_the_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*options: str) -> tuple[int, dict[str, object]]:
        code = run_command(["migrate", "--json", *options, "--data", str(tmp_path)])
        told = capsys.readouterr()
        return code, json.loads(told.out) if told.out else {"error": told.err}

    assert "no-data" in str(run()[1])
    assert not (tmp_path / FILE_NAME).exists()
    database = SQLiteDatabase.open(tmp_path / FILE_NAME)
    migrate(database, "0009")
    database.close()
    due = {"from": "0009", "to": newest_revision(), "migrated": False}
    assert run("--check") == run("--check") == (1, due), "it changes nothing"
    with hold_data(tmp_path):
        assert "another server is running" in str(run()[1])
    assert run() == (0, due | {"migrated": True})
    done = due | {"from": newest_revision()}
    assert run("--check") == run() == (0, done)
    _stamp(tmp_path, newest_revision(), "9999")
    for options in ((), ("--check",)):
        code, told = run(*options)
        assert (code, "newer version" in str(told)) == (1, True)


@pytest.mark.sqlite
def test_what_has_had_all_migrations_is_opened_without_alembic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_database(tmp_path / "whole").close()
    (tmp_path / "older").mkdir()
    _stamp(tmp_path / "older", "0009", "0009")
    monkeypatch.setitem(sys.modules, "alembic", None)
    open_database(tmp_path / "whole").close()
    with pytest.raises(ImportError):
        open_database(tmp_path / "older").close()


def _stamp(data: Path, at: str, stamped: str) -> None:
    """A database that was migrated up to one revision, and says that it is at another."""
    database = SQLiteDatabase.open(data / FILE_NAME)
    migrate(database, at)
    database.write_sync(lambda db: db.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{stamped}'"))
    database.close()


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("at", "stamped", "said"),
    [
        ("0004", "0006", "no such table: mod_"),  # a later migration needs what is not there
        ("0004", "head", "missing: "),  # every migration was said to have run
        ("0009", "9999", "newer version"),
    ],
)
async def test_a_database_that_is_not_what_it_says_is_named_with_what_to_do(
    tmp_path: Path, at: str, stamped: str, said: str
) -> None:
    _stamp(tmp_path, at, newest() if stamped == "head" else stamped)
    with pytest.raises(ConfigError) as refusal:
        await Server.start(tmp_path, Settings(port=0))
    assert str(tmp_path / FILE_NAME) in str(refusal.value)
    assert said in str(refusal.value)
    assert "put back a copy" in str(refusal.value)
    # Nothing was changed, and nothing is left locked.
    database = SQLiteDatabase.open(tmp_path / FILE_NAME)
    rows = database.read_sync(lambda db: db.exec_driver_sql("SELECT version_num FROM alembic_version").scalar())
    database.close()
    assert rows == (newest() if stamped == "head" else stamped)


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    database = open_database(tmp_path)
    database.write_sync(lambda db: db.exec_driver_sql("ALTER TABLE message DROP COLUMN frank"))
    database.close()
    with pytest.raises(ConfigError, match=r"missing: message\.frank"):
        open_database(tmp_path)


def newest() -> str:
    """The revision of this version."""
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    return str(ScriptDirectory.from_config(config).get_current_head())
