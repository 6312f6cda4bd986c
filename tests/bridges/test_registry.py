"""Bridges join once, tokens open few of them and never others, and nobody is stored beside a token."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from pathlib import Path

import pytest
from tests import engines
from tests.bridges.conftest import World, join

from zajil.bridges.registry import holdings, joining, operator, retention, tokens
from zajil.bridges.registry.context import DAY_S, Registry
from zajil.engine.limits import DEFAULTS
from zajil.protocol import control
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import AccountId
from zajil.protocol.reach.endpoints import PrivateBridges, encode_private_bridges

ALICE, BORIS = AccountId(b"a" * 16), AccountId(b"b" * 16)
Address = tuple[str, int, str]


def rows(registry: Registry, query: str) -> list[tuple[object, ...]]:
    """What the database answers."""
    return [tuple(row) for row in registry.db.read_sync(lambda db: db.exec_driver_sql(query).all())]


def addresses(found: tuple[control.BridgeAddress, ...]) -> list[Address]:
    return [(each.host, each.port, each.dir) for each in found]


async def bundle_of(registry: Registry, token: bytes) -> list[Address]:
    return addresses((await tokens.bundle(registry, await tokens.check_token(registry, token))).bridges)


async def test_a_code_admits_one_bridge_however_it_is_typed(registry: Registry) -> None:
    code = operator.invite_bridge(registry.db, now=registry.clock())
    ask = control.JoinBridge(code.lower().replace("-", " ").replace("0", "o").replace("1", "l"), "b.test", 443, "as")
    joined = await joining.join(registry, ask, prefix=b"p")
    assert await joining.check_bridge(registry, joined.credential) == joined.id
    with pytest.raises(ZajilError, match="not-allowed"):
        await joining.join(registry, ask, prefix=b"p")


async def test_no_id_begins_as_an_option_of_a_command_does(registry: Registry) -> None:
    drawn = iter([b"\xf8" * 8, b"\xfb" * 8, b"\xfc" * 8])  # the first two are spelled with a dash before
    registry = dataclasses.replace(registry, random=lambda size: next(drawn) if size == 8 else os.urandom(size))
    assert (await join(registry)).id == b"\xfc" * 8


async def test_a_code_ends_after_a_week(registry: Registry, world: World) -> None:
    code = operator.invite_bridge(registry.db, now=registry.clock())
    world.now += operator.CODE_LIFE_S
    with pytest.raises(ZajilError, match="not-allowed"):
        await joining.join(registry, control.JoinBridge(code, "b.test", 443, "assets"), prefix=b"p")
    await retention.run(registry)
    assert rows(registry, "SELECT COUNT(*) FROM bridge_code") == [(0,)]


async def test_wrong_codes_are_counted_and_an_address_taken_spends_none(registry: Registry) -> None:
    wrong = control.JoinBridge("0" * 20, "b.test", 443, "assets")
    codes = []
    for _ in range(22):
        with pytest.raises(ZajilError) as caught:
            await joining.join(registry, wrong, prefix=b"p")
        codes.append(caught.value.code)
    assert codes == ["not-allowed"] * 20 + ["slow-down"] * 2
    await join(registry, "b.test")
    code = operator.invite_bridge(registry.db, now=registry.clock())
    with pytest.raises(ZajilError, match="bridge-exists"):
        await joining.join(registry, control.JoinBridge(code, "b.test", 443, "other"), prefix=b"p")
    assert await joining.join(registry, control.JoinBridge(code, "b.test", 8443, "other"), prefix=b"p")


@pytest.mark.parametrize(
    ("host", "dir_"),
    [
        ("B.test", "assets"),
        ("b..test", "assets"),
        ("b.test/x", "assets"),
        ("b.test:443", "assets"),
        ("[::1]", "assets"),
        ("b.test", "/assets"),
        ("b.test", "../assets"),
        ("b.test", "a b"),
        ("b.test", ".hidden"),
        ("b" * 40 + ".test", "a" * 20),
    ],
)
async def test_an_address_that_no_invite_can_carry_is_refused(registry: Registry, host: str, dir_: str) -> None:
    code = operator.invite_bridge(registry.db, now=registry.clock())
    with pytest.raises(ZajilError, match="malformed"):
        await joining.join(registry, control.JoinBridge(code, host, 443, dir_), prefix=b"p")


async def test_a_token_opens_up_to_three_and_never_others(registry: Registry) -> None:
    for number in range(9):
        await join(registry, f"b{number}.test")
    issued = await tokens.issue(registry, ALICE)
    before = addresses(issued.bridges)
    assert len(before) == len(set(before)) == 3
    for number in range(9, 14):
        await join(registry, f"b{number}.test")
    assert sorted(await bundle_of(registry, issued.token)) == sorted(before)
    known = {(each.host, each.port, each.dir): each.id for each in operator.list_bridges(registry.db)}
    operator.remove_bridge(registry.db, known[before[0]])
    assert sorted(await bundle_of(registry, issued.token)) == sorted(before[1:])
    operator.publish_bridge(registry.db, registry.keys, known[before[1]], now=registry.clock())
    assert sorted(await bundle_of(registry, issued.token)) == sorted(before[1:])
    for each in before[1:]:
        operator.remove_bridge(registry.db, known[each])
    with pytest.raises(ZajilError, match="token-expired"):
        await tokens.check_token(registry, issued.token)
    assert rows(registry, "SELECT COUNT(*) FROM bridge_token WHERE public = 0") == [(0,)]


async def test_every_private_bridge_is_given_out_and_public_ones_never(registry: Registry) -> None:
    joined = [await join(registry, f"b{number}.test") for number in range(6)]
    operator.publish_bridge(registry.db, registry.keys, bytes(joined[0].id), now=registry.clock())
    given: Counter[str] = Counter()
    for number in range(60):
        issued = await tokens.issue(registry, AccountId(number.to_bytes(16, "big")))
        given.update(each.host for each in issued.bridges)
    assert set(given) == {f"b{number}.test" for number in range(1, 6)}


async def test_a_bridge_fetches_exactly_the_tokens_that_open_it(registry: Registry) -> None:
    joined = {f"b{number}.test": await join(registry, f"b{number}.test") for number in range(5)}
    issued = [await tokens.issue(registry, AccountId(number.to_bytes(16, "big"))) for number in range(12)]
    for host, each in joined.items():
        own = await joining.own(registry, bytes(each.id))
        wanted = {(bytes(i.id), bytes(i.token)) for i in issued if host in {a.host for a in i.bridges}}
        assert {(bytes(t.id), bytes(t.token)) for t in own.tokens} == wanted
        assert not any(each.public for each in own.tokens)
        assert own.origin == "wss://home.example/v1/sealed"
    with pytest.raises(ZajilError, match="token-expired"):
        await joining.check_bridge(registry, os.urandom(32))
    removed = joined["b0.test"]
    operator.remove_bridge(registry.db, bytes(removed.id))
    with pytest.raises(ZajilError, match="token-expired"):
        await joining.check_bridge(registry, removed.credential)


async def test_without_private_bridges_there_is_nothing_to_give(registry: Registry) -> None:
    joined = await join(registry)
    operator.publish_bridge(registry.db, registry.keys, bytes(joined.id), now=registry.clock())
    with pytest.raises(ZajilError, match="gone"):
        await tokens.issue(registry, ALICE)
    assert operator.bundle_for_invite(registry.db, registry.keys, now=registry.clock()) is None
    await join(registry, "second.test")
    assert (await tokens.issue(registry, ALICE)).left == 4, "a refusal costs nothing"


async def test_an_account_gives_five_a_week_and_none_in_its_first(registry: Registry, world: World) -> None:
    await join(registry)
    world.days[ALICE] = int(world.now // DAY_S) - 6
    with pytest.raises(ZajilError) as caught:
        await tokens.issue(registry, ALICE)
    assert (caught.value.code, dict(caught.value.detail)) == ("too-young", {"days": 1})
    world.now += DAY_S
    assert [(await tokens.issue(registry, ALICE)).left for _ in range(3)] == [4, 3, 2]
    world.now += 3 * DAY_S
    assert [(await tokens.issue(registry, ALICE)).left for _ in range(2)] == [1, 0]
    with pytest.raises(ZajilError) as caught:
        await tokens.issue(registry, ALICE)
    assert caught.value.code == "quota"
    assert await tokens.issue(registry, BORIS)
    wait_ms = caught.value.retry_ms
    assert wait_ms is not None
    world.now += wait_ms / 1000 - 2
    with pytest.raises(ZajilError, match="quota"):
        await tokens.issue(registry, ALICE)
    world.now += 3
    assert (await tokens.issue(registry, ALICE)).left == 2
    assert DEFAULTS["bridge_tokens"].burst * DEFAULTS["bridge_tokens"].every_s == 7 * DAY_S


async def test_who_asked_is_counted_apart_from_any_token_and_forgotten_after_a_week(
    registry: Registry, world: World, tmp_path: Path
) -> None:
    await join(registry)
    issued = [await tokens.issue(registry, account) for account in (ALICE, ALICE, BORIS)]
    assert await holdings.count_rows(registry, ALICE) == {"bridge_asker": 1}
    assert await holdings.count_rows(registry, AccountId(bytes(16))) == {"bridge_asker": 0}
    with engines.beside(tmp_path) as kept:
        stored = engines.rows_of(kept)
    assert len({row["who"] for row in stored["bridge_asker"]}) == 2
    assert {frozenset(row) for row in stored["bridge_token"]} == {frozenset({"id", "hash", "token", "public", "day"})}
    dump = b"\n".join(
        value if isinstance(value, bytes) else str(value).encode()
        for table in stored.values()
        for row in table
        for value in row.values()
    )
    for secret in (ALICE, BORIS, *(bytes(each.token) for each in issued)):
        assert secret not in dump, "neither the account nor the token lies there in clear"
        assert secret.hex().encode() not in dump.lower()
    world.now += 7 * DAY_S
    await retention.run(registry)
    assert await holdings.count_rows(registry, ALICE) == {"bridge_asker": 0}


async def test_the_bundle_of_an_invite_fits_its_link_and_opens_as_any_other(registry: Registry) -> None:
    for number in range(4):
        await join(registry, f"{'b' * 50}{number}.test")
    bundle = operator.bundle_for_invite(registry.db, registry.keys, now=registry.clock())
    assert isinstance(bundle, PrivateBridges)
    assert len(encode_private_bridges(bundle)) < 300
    assert sorted(await bundle_of(registry, bundle.token)) == sorted(bundle.bridges)
    assert bundle.root_hash == (await registry.documents.current()).root.hash
    again = operator.bundle_for_invite(registry.db, registry.keys, now=registry.clock())
    assert again is not None
    assert again.token != bundle.token


async def test_a_public_token_opens_no_bundle(registry: Registry) -> None:
    joined = await join(registry)
    operator.publish_bridge(registry.db, registry.keys, bytes(joined.id), now=registry.clock())
    own = await joining.own(registry, bytes(joined.id))
    assert [each.public for each in own.tokens] == [True]
    with pytest.raises(ZajilError, match="token-expired"):
        await tokens.check_token(registry, bytes(own.tokens[0].token))
    operator.publish_bridge(registry.db, registry.keys, bytes(joined.id), now=registry.clock())
    assert len((await joining.own(registry, bytes(joined.id))).tokens) == 1


async def test_the_signed_list_has_an_end(registry: Registry) -> None:
    joined = [await join(registry, f"b{number}.test") for number in range(operator.PUBLIC_MAX + 1)]
    for each in joined[:-1]:
        operator.publish_bridge(registry.db, registry.keys, bytes(each.id), now=registry.clock())
    with pytest.raises(ZajilError, match="quota"):
        operator.publish_bridge(registry.db, registry.keys, bytes(joined[-1].id), now=registry.clock())
    for call in (operator.remove_bridge, lambda db, i: operator.publish_bridge(db, registry.keys, i, now=0)):
        with pytest.raises(ZajilError, match="gone"):
            call(registry.db, bytes(8))


async def test_a_bridge_with_too_many_tokens_gets_no_more(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "TOKENS_PER_BRIDGE", 3)
    await join(registry)
    for number in range(3):
        await tokens.issue(registry, AccountId(number.to_bytes(16, "big")))
    with pytest.raises(ZajilError, match="gone"):
        await tokens.issue(registry, ALICE)
