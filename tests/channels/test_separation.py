"""The two spaces stay apart: tokens, columns, and what a seized database can be made to say."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests import engines
from tests.channels.world import World
from tests.server.people import Person

from zajil.engine import keys as key_file
from zajil.engine.keys import Keys, SealBroken
from zajil.protocol import control
from zajil.protocol.ids import encode_b64
from zajil.protocol.public import api, routes
from zajil.protocol.public.routes import Caller
from zajil.server.schema import all_tables

PARAMETERS = {"persona": "@nobody_at_all", "channel": "@nowhere_at_all"}
PARAMETERS |= dict.fromkeys(("post", "decision", "appeal"), "A" * 22)
PUBLIC_WORDS = {"broadcast"}
STORED = 30
"""More columns than a table has; what the server's keys opened stands behind them."""
PRIVATE = {"account": "A" * 22, "hash": "A" * 43, "serial": "A" * 11, "addr": "A" * 22, "id": "A" * 22}
PRIVATE |= {"locator": "A" * 22, "username": "A" * 43}


async def test_a_private_token_is_401_on_every_public_route_and_the_reverse(world: World) -> None:
    device = await world.http.register(Person())
    persona = (await world.author()).auth
    contact = "Contact " + encode_b64(os.urandom(32))
    disguised = "Bearer " + device.removeprefix("Device ")
    wrong = []
    for route in routes.PUBLIC_ROUTES:
        names = {name: value for name, value in PARAMETERS.items() if "{" + name + "}" in route.path}
        for auth, wanted in ((device, 401), (contact, 401), (persona.replace("Bearer", "Device"), 401)):
            status, _, _ = await world.raw(route, auth=auth, **names)
            if status != wanted:
                wrong.append(f"{route.method} {route.path} with {auth.split()[0]}: {status}")
        status, _, _ = await world.raw(route, auth=disguised, **names)
        if status != (400 if route.caller is Caller.NOBODY else 401):
            wrong.append(f"{route.method} {route.path} with a device's token as Bearer: {status}")
    for private in control.ROUTES:
        names = {name: value for name, value in PRIVATE.items() if "{" + name + "}" in private.path}
        status, _, _ = await world.http.raw(private.method, private.url(**names), headers={"authorization": persona})
        if status != 401:
            wrong.append(f"{private.method} {private.path} with a persona's token: {status}")
        if control.Auth.DEVICE in private.auth:
            as_device = {"authorization": persona.replace("Bearer", "Device")}
            status, _, _ = await world.http.raw(private.method, private.url(**names), headers=as_device)
            if status != 401:
                wrong.append(f"{private.method} {private.path} with a persona's token as Device: {status}")
    assert not wrong, "\n".join(wrong)


async def test_every_public_route_asks_for_a_persona_where_it_must(world: World) -> None:
    forged = "Bearer " + encode_b64(os.urandom(32))
    for route in routes.PUBLIC_ROUTES:
        names = {name: value for name, value in PARAMETERS.items() if "{" + name + "}" in route.path}
        without = (await world.raw(route, **names))[0]
        assert (without == 401) == (route.caller is Caller.PERSONA), route.path
        assert (await world.raw(route, auth=forged, **names))[0] == (400 if route.caller is Caller.NOBODY else 401), (
            route.path
        )
        assert (await world.raw(route, auth="Bearer x!", **names))[0] in (400, 401), route.path


def test_no_public_table_has_a_column_of_the_private_space_and_the_reverse() -> None:
    private = {"account_id", "device_id", "mailbox_id", "sig_pub", "gid"}
    public = {"persona_id", "channel_id", "post_id", "handle", "author"}
    for name, table in all_tables().tables.items():
        columns = set(table.columns.keys())
        assert not columns & (private if name.startswith(("pub_", "mod_")) else public), name
        for column in columns:
            assert not any(word in column for word in ("address", "prefix", "_ip", "peer")), f"{name}.{column}"


async def test_no_table_joins_an_account_to_a_persona(world: World, tmp_path: Path) -> None:
    """Reads every row of every table, and opens what the server's own keys open.

    Rows are joined wherever they share a value that is no small number and no public word. From the rows of an account
    no chain may lead to the rows of its persona. Nothing holds the client's address, the pass, or its hash.
    """
    people, passes, authors = [], [], []
    for number in range(3):
        person = Person()
        auth = await world.http.register(person)
        people.append(person)
        for one_time_pass in await world.take_passes(auth, 2, key=f"passes {number}"):
            passes.append(one_time_pass)
            world._passes = [one_time_pass]
            author = await world.author()
            authors.append(author)
            channel = await world.channel(author)
            await world.call(routes.CREATE_POST, api.NewPost("hi"), auth=author.auth, key="p", channel=channel)
    await world.judge()
    rows = list(read_rows(tmp_path / "data"))
    tables = {table for table, _ in rows}
    assert {"account", "device", "session_token", "pub_persona", "pub_token", "pub_post", "http_idem"} <= tables
    stored = {value for _, row in rows for value in row[:STORED]}
    values = {value for _, row in rows for value in row}
    for one_time_pass in passes:
        # With the server's keys the answer that gave it out can be read for a day; no account stands beside it.
        assert not holds(stored, one_time_pass)
        assert not holds(values, hashlib.sha256(one_time_pass).digest())
    assert not holds(values, b"127.0.0")
    assert not holds(values, bytes([127, 0, 0]))
    groups = join(rows)
    for person in people:
        mine = {group for group, members in groups.items() if any(holds(row, person.account_id) for row in members)}
        assert mine
        for author in authors:
            theirs = {g for g, members in groups.items() if any(holds(row, author.persona_id) for row in members)}
            assert theirs
            assert not mine & theirs


def test_the_search_for_joins_finds_one_that_is_there() -> None:
    """A row that names both, or a chain of two rows, would have failed the test above."""
    account, persona, link = os.urandom(16), os.urandom(16), os.urandom(16)
    assert len(join([("a", (account, 1)), ("b", (persona, 1))])) == 2
    assert len(join([("a", (account, link)), ("b", (persona, link))])) == 1
    assert len(join([("a", (account, persona))])) == 1


def read_rows(data: Path) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Every row of every table, sealed answers opened."""
    keys = Keys.load(data / key_file.FILE_NAME)
    with engines.beside(data) as kept:
        tables = engines.rows_of(kept)
    for table, rows in tables.items():
        for row in rows:
            values = list(row.values())
            if table == "http_idem":
                sealed, key = row["answer"], row["key"]
                assert isinstance(sealed, bytes)
                assert isinstance(key, bytes)
                try:
                    values += [None] * (STORED - len(values))
                    values.append(keys.unseal("http_idem", sealed, aad=key))
                except SealBroken:
                    raise AssertionError("an answer that does not open proves nothing") from None
            yield table, tuple(values)


def holds(values: object, wanted: bytes) -> bool:
    """Whether these bytes stand in a value, as they are, in base64url or in hex."""
    forms = (wanted, encode_b64(wanted).encode(), wanted.hex().encode())
    for value in values:  # type: ignore[attr-defined]  # a set or a row
        data = value.encode() if isinstance(value, str) else value
        if isinstance(data, bytes) and any(form in data for form in forms):
            return True
    return False


def join(rows: list[tuple[str, tuple[object, ...]]]) -> dict[int, list[tuple[object, ...]]]:
    """Rows in groups that share values: bytes from 8 on, texts from 8 characters on, numbers from a million on.

    Times are shared by everything that happens in one second; the test's clock stands still, so they are left out.
    """
    leader = list(range(len(rows)))

    def lead(at: int) -> int:
        while leader[at] != at:
            at = leader[at]
        return at

    seen: dict[object, int] = {}
    for at, (_, row) in enumerate(rows):
        for value in row:
            if isinstance(value, bytes | str) and len(value) >= 8 and value not in PUBLIC_WORDS:
                if value in seen:
                    leader[lead(at)] = lead(seen[value])
                seen.setdefault(value, at)
    groups: defaultdict[int, list[tuple[object, ...]]] = defaultdict(list)
    for at, (_, row) in enumerate(rows):
        groups[lead(at)].append(row)
    return groups
