"""The tables of every service on PostgreSQL: the same that SQLite has, and wide enough for what they hold."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, get_args

import aiohttp
import msgspec
import msgspec.inspect as inspection
import pytest
from sqlalchemy import Connection, inspect, text
from tests import engines
from tests.postgres import Postgres
from tests.server.conftest import NO_LIMITS
from tests.server.people import FakeGroup, Person
from tests.server.wire import Http, Wire

from zajil.engine.sql.postgres.database import PostgresDatabase
from zajil.engine.sql.sqlite.database import FILE_NAME, SQLiteDatabase
from zajil.moderation.private import untold
from zajil.moderation.store.tables import STAKE
from zajil.protocol import control, frames
from zajil.protocol.control import B16, parse_json
from zajil.protocol.frames import Role
from zajil.protocol.ids import encode_b64
from zajil.protocol.public.routes import PUBLIC_ROUTES
from zajil.protocol.review.routes import REVIEW_ROUTES
from zajil.server import schema
from zajil.server.app import Server
from zajil.server.config import ConfigError, Settings
from zajil.server.doctor.folder import check_database
from zajil.server.schema import all_tables, migrate, open_database

pytestmark = pytest.mark.scale
MOST = 2**32 - 1
CHOSEN = {
    *(("account", "last_device"), ("device", "device_id"), ("session_token", "device_id")),
    *(("key_package", "device_id"), ("push", "device_id"), ("device_list", "seq")),
    *(("mod_staff_key", "uses"), ("mod_decision", "version"), ("pub_post", "version"), ("pub_post_version", "version")),
}
"""Hold, or are compared with, numbers of 32 bits that a client names."""


class LateGroup(FakeGroup):
    """In an epoch that nobody reaches."""

    def token(self, _epoch: int | None = None) -> bytes:
        return bytes(32)


def find_numbers(kind: Any) -> Iterator[int]:
    """The most that each number in values of this type can be, 2^64 for no bound."""
    if isinstance(kind, inspection.IntType):
        yield kind.le if kind.le is not None else kind.lt - 1 if kind.lt is not None else 2**64
    inner = [getattr(kind, name, None) for name in ("type", "item_type", "key_type", "value_type")]
    inner += [*getattr(kind, "types", ()), *getattr(kind, "item_types", ())]
    inner += [field.type for field in getattr(kind, "fields", ()) if isinstance(kind, inspection.StructType)]
    for each in inner:
        if isinstance(each, inspection.Type):
            yield from find_numbers(each)


def test_no_number_that_a_client_sends_is_beyond_what_either_database_holds() -> None:
    frame_kinds = [*get_args(frames.RFromClient), *get_args(frames.SFromClient)]
    calls = {route.request for route in (*control.ROUTES, *PUBLIC_ROUTES, *REVIEW_ROUTES)}
    asked = [kind for kind in calls if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
    most = {kind.__name__: max(find_numbers(inspection.type_info(kind)), default=0) for kind in (*frame_kinds, *asked)}
    assert len([number for number in most.values() if number > 2**31]) > 5, "it sees them"
    assert {name for name, number in most.items() if number > 2**63 - 1} == set()


async def test_the_highest_numbers_that_clients_may_choose_go_into_every_table(
    tmp_path: Path, postgres: Postgres, client: aiohttp.ClientSession
) -> None:
    postgres.make_template(engines.MIGRATED, engines.fill)
    settings = Settings(port=0, registration="open", limits=NO_LIMITS, database=postgres.fresh(engines.MIGRATED))
    server = await Server.start(tmp_path, settings)
    try:
        http, person = Http(f"http://127.0.0.1:{server.port}", client), Person()
        person.devices, person.lists, person.seq = {MOST: person.devices[1]}, [], 0
        person.next_list()
        auth = await http.register(person, device=MOST)
        assert await http.log_in(person, MOST) != auth
        account = encode_b64(person.account_id)
        for first in ("4294967295", "9999999999"):
            lists = await http.call(control.DEVICE_LISTS, auth=auth, account=account, query=f"?from={first}")
            assert parse_json(lists, control.DeviceLists).lists == ()
        assert await http.code(control.COUNT_KEY_PACKAGES, auth=auth) == "ok"
        claim = control.ClaimKeyPackages(B16(person.account_id), (65535,), B16(os.urandom(16)), (MOST, MOST - 1))
        assert await http.code(control.CLAIM_KEY_PACKAGES, claim, auth=auth) == "ok"
        async with Wire(http.url, Role.R, client) as receiver:
            await receiver.send(frames.Hello(auth.removeprefix("Device "), 2**63 - 1))
            assert await receiver.until_end() == "protocol"
        async with Wire(http.url, Role.R, client) as receiver:
            await receiver.hello(auth)
            await receiver.send(frames.Mack(2**63 - 1))
            assert await receiver.until_end() == "protocol"
        async with Wire(http.url, Role.S, client) as sender:
            group = LateGroup(epoch=2**63 - 2)
            answer = await sender.ask(group.add(1, {2**32 - 1: bytes(32)}))
            assert isinstance(answer, frames.Err)
            assert answer.code not in ("busy", "internal")
    finally:
        await server.stop()


def test_keys_are_not_used_with_a_database_that_has_no_tables(tmp_path: Path, postgres: Postgres) -> None:
    """It is another one, or what is left of a disk that was full: a server would begin there, without any account."""
    (tmp_path / "zajil.key").touch(mode=0o600)
    (tmp_path / "zajil.db").touch(mode=0o600)
    for url in (postgres.fresh("template1"), ""):
        with pytest.raises(ConfigError, match="has no tables, and"):
            open_database(tmp_path, url)
        found = check_database(tmp_path, Settings(database=url))
        assert (found.code, "no such" in str(found.values["remark"])) == ("database-unread", not url)
    with closing(PostgresDatabase(postgres.fresh("template1"))) as database:
        (tmp_path / "zajil.key").unlink()
        assert check_database(tmp_path, Settings(database=database.url)).code == "database-none"


def test_a_server_of_postgresql_that_is_too_old_is_refused_before_anything_is_made(
    tmp_path: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "_OLDEST_POSTGRES", 99)
    with postgres.database() as url:
        with pytest.raises(ConfigError, match=r"is of version \d+\.\d+: Zajil needs PostgreSQL 99 or newer"):
            open_database(tmp_path, url)
        with closing(PostgresDatabase(url)) as database:
            assert not database.read_sync(lambda connection: inspect(connection).get_table_names())


def test_all_tables_can_be_made_there_and_lose_no_bits_and_no_condition(postgres: Postgres) -> None:
    with postgres.database() as url, closing(PostgresDatabase(url)) as database:
        migrate(database)
        found = inspect(database.engine)
        assert set(found.get_table_names()) == {*all_tables().tables, "alembic_version", "pub_words"}
        narrow = []
        for table in all_tables().tables.values():
            kinds = {column["name"]: str(column["type"]) for column in found.get_columns(table.name)}
            assert set(kinds.values()) <= {"BIGINT", "INTEGER", "BYTEA", "TEXT"}, table.name
            for column in table.columns:
                counts_up = column is table.autoincrement_column or (table.name, column.name) in CHOSEN
                words = set(column.info["purpose"].split())
                clock = column.info["class"] == "time" and not words & {"day", "month", "month,"}
                if (counts_up or clock) and kinds[column.name] != "BIGINT":
                    narrow.append(f"{table.name}.{column.name}: {column.info['purpose']}")
            key = found.get_pk_constraint(table.name)["constrained_columns"]
            assert set(key) == set(table.primary_key.columns.keys()), table.name
            told = {index["name"]: index for index in found.get_indexes(table.name)}
            for index in table.indexes:
                condition = index.dialect_options["sqlite"]["where"]
                there = told[index.name].get("dialect_options", {}).get("postgresql_where")
                assert there == (None if condition is None else f"({condition})"), index.name
        assert not narrow, "\n".join(narrow)
        assert all("mod_item_stake" in plan and "Sort" not in plan for plan in plans_of_stakes(database))


def plans_of_stakes(database: PostgresDatabase) -> list[str]:
    """How PostgreSQL finds the greatest stake of a queue, and the oldest item of one, where it has reason to."""
    asked = "SELECT id FROM mod_item WHERE queue = 'main' AND state = 'open' AND"
    texts = (
        f"{asked} {STAKE} < 7 ORDER BY {STAKE} DESC LIMIT 1",
        f"{asked} {STAKE} = 7 AND (opened_at, id) > (1, 'x') ORDER BY opened_at, id LIMIT 1",
    )

    def explain(db: Connection) -> list[str]:
        db.execute(text("SET LOCAL enable_seqscan = off"))
        db.execute(text("SET LOCAL enable_bitmapscan = off"))
        db.execute(text("SET LOCAL enable_sort = off"))
        return ["\n".join(db.execute(text(f"EXPLAIN {each}")).scalars()) for each in texts]

    return database.read_sync(explain)


@pytest.mark.parametrize("is_file", [True, False])
def test_what_was_untold_in_two_tables_lies_in_one_with_all_it_said(
    tmp_path: Path, postgres: Postgres, *, is_file: bool
) -> None:
    url = postgres.fresh("template1")
    with closing(SQLiteDatabase.open(tmp_path / FILE_NAME) if is_file else PostgresDatabase(url)) as database:
        migrate(database, "0025")
        measures = [{"id": b"a", "undone": 0, "tries": 0}, {"id": b"a", "undone": 1, "tries": 5}]
        reports = [{"id": b"a", "outcome": b"sealed \0 too", "tries": 2}]

        def put(db: Connection) -> None:
            db.execute(
                text("INSERT INTO mod_untold (measure_id, undone, tries) VALUES (:id, :undone, :tries)"), measures
            )
            said = "INSERT INTO mod_untold_outcome (report_id, outcome, tries) VALUES (:id, :outcome, :tries)"
            db.execute(text(said), reports)

        database.write_sync(put)
        migrate(database)
        lies = database.read_sync(lambda db: untold.list_untold(db, limit=9))
        assert lies == [
            untold.Untold(b"a", untold.IN_FORCE, None, 0),
            untold.Untold(b"a", untold.OUTCOME, b"sealed \0 too", 2),
        ]
        assert database.read_sync(untold.count_aside) == 1
        assert not database.read_sync(lambda db: inspect(db).has_table("mod_untold_outcome"))
