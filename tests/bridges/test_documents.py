"""Root and list: made once, stepped when what they say changes, and followed by a client that holds any older one."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event
from tests.bridges.conftest import PLACE, World, join, new_signing

from zajil.bridges.registry import operator, store
from zajil.bridges.registry.documents import Current, Place
from zajil.engine.keys import KeyFileError
from zajil.engine.reachkeys import FILE_NAME, ReachKeys
from zajil.protocol.reach.endpoints import EndpointKind
from zajil.protocol.reach.signed import (
    LIST_LIFE_S,
    ROOT_LIFE_S,
    Root,
    check_list,
    follow_roots,
    parse_root_answer,
    step_root,
)
from zajil.server.backup.rows import FORGOTTEN

DAY_S = 86_400.0


def follow(current: Current, stored: Root | None = None, *, now_s: float) -> Root:
    """As a client does with what the server answers."""
    return follow_roots(stored, current.roots, now_s=now_s)


async def test_the_first_start_makes_a_root_and_later_ones_keep_it(world: World) -> None:
    first = world.documents()
    assert first.made
    current = await first.current()
    root = follow(current, now_s=world.now)
    assert (root.version, root.hosts) == (1, frozenset({"home.example"}))
    assert root.document.roles.root.threshold == root.document.roles.list.threshold == 1
    assert root.session_key(world.now).public == world.signing.sessions[0].public
    again = world.documents()
    assert not again.made
    assert await again.current() == current
    assert parse_root_answer(again.root_answer()) == current.roots


@pytest.mark.parametrize(
    "place",
    [
        replace(PLACE, hosts=("home.example", "front.example:8443")),
        replace(PLACE, app_origins=("https://home.example", "https://app.example")),
        replace(PLACE, app_origins=()),
    ],
)
async def test_what_the_settings_say_steps_the_root_and_old_clients_follow(world: World, place: Place) -> None:
    held = follow(await world.documents().current(), now_s=world.now)
    changed = world.documents(place)
    assert not changed.made
    current = await changed.current()
    root = follow(current, held, now_s=world.now)
    assert root.version == 2
    assert root.document.app_origins == place.app_origins
    assert step_root(held, current.roots[1]).hash == root.hash
    assert check_list(root, current.list, None, now_s=world.now).version >= 1
    assert (await world.documents(place).current()).root.version == 2


async def test_gateways_give_out_what_any_of_them_signed_and_none_undoes_it(world: World) -> None:
    """One begins with new settings while another runs with the old ones; days later, each signs in turn."""
    older = world.documents()
    held = follow(await older.current(), now_s=world.now)
    newer = world.documents(replace(PLACE, hosts=("home.example", "front.example")))
    seen_list = None
    for day in range(4):
        for documents in (older, newer) if day % 2 else (newer, older):
            world.now += 100
            seen = await documents.current()
            assert seen.list == (await newer.current()).list
            assert follow(seen, held, now_s=world.now).version == 2
            before, seen_list = seen_list, check_list(seen.root, seen.list, seen_list, now_s=world.now)
            assert before is None or seen_list.version > before.version or seen_list.hash == before.hash
        world.now += DAY_S


async def test_new_session_keys_step_the_root_and_old_ones_stay_in_it(world: World) -> None:
    held = follow(await world.documents().current(), now_s=world.now)
    rotated = ReachKeys(
        root=world.signing.root.private_bytes_raw(),
        list=world.signing.list.private_bytes_raw(),
        sessions={1: os.urandom(96), 2: os.urandom(96)},
    )
    root = follow(await world.documents(signing=rotated).current(), held, now_s=world.now)
    assert root.version == 2
    assert root.session_key(world.now).kid == rotated.sessions[0].kid
    assert len(root.document.origins[0].session_keys) == 2


async def test_a_root_is_stepped_well_before_it_expires_also_while_running(world: World) -> None:
    documents = world.documents()
    held = follow(await documents.current(), now_s=world.now)
    world.now += ROOT_LIFE_S - 91 * DAY_S
    assert (await documents.current()).root.version == 1
    world.now += 2 * DAY_S
    current = await documents.current()
    assert follow(current, held, now_s=world.now).version == 2
    assert follow(current, now_s=world.now).document.expires == int(world.now) + ROOT_LIFE_S


async def test_another_root_key_is_refused_in_words(world: World) -> None:
    world.documents()
    with pytest.raises(KeyFileError, match="not the one that signed"):
        world.documents(signing=new_signing())


async def test_a_damaged_chain_is_refused(world: World) -> None:
    world.documents()
    world.documents(replace(PLACE, app_origins=()))
    roots = world.db.read_sync(store.roots)
    world.db.write_sync(lambda db: store.insert_root(db, 3, roots[0][:-20]))
    with pytest.raises(KeyFileError, match="do not follow"):
        world.documents()


async def test_the_list_names_origin_fronts_and_public_bridges_with_their_tokens(world: World) -> None:
    registry = world.registry()
    public, private = await join(registry, "public.test"), await join(registry, "private.test")
    operator.publish_bridge(registry.db, world.keys, bytes(public.id), now=world.now)
    world.now += 6
    current = await registry.documents.current()
    listed = check_list(current.root, current.list, None, now_s=world.now)
    assert [(each.kind, each.host) for each in listed.endpoints] == [
        (EndpointKind.ORIGIN, "home.example"),
        (EndpointKind.BRIDGE, "public.test"),
    ]
    assert listed.endpoints[1].token is not None
    assert b"private.test" not in current.list
    operator.remove_bridge(registry.db, bytes(public.id))
    operator.remove_bridge(registry.db, bytes(private.id))
    world.now += 6
    after = await registry.documents.current()
    newer = check_list(after.root, after.list, listed, now_s=world.now)
    assert len(newer.endpoints) == 1
    assert newer.version > listed.version


async def test_the_list_is_signed_anew_each_day_and_never_twice_for_the_same(world: World) -> None:
    documents = world.documents()
    first = await documents.current()
    world.now += DAY_S / 2
    assert (await documents.current()).list == first.list
    world.now += DAY_S / 2
    second = await documents.current()
    held = check_list(first.root, first.list, None, now_s=world.now)
    newer = check_list(first.root, second.list, held, now_s=world.now)
    assert (newer.version > held.version, newer.expires) == (True, int(world.now) + LIST_LIFE_S)
    assert (await world.documents().current()).list == second.list


async def test_clients_that_saw_later_lists_follow_a_server_that_came_back_from_a_backup(world: World) -> None:
    """The backup has the list of the first day; those of later days are lost, when the clock was once years ahead."""
    registry = world.registry()
    bridges = [await join(registry, f"{n}.test") for n in range(2)]
    for _ in range(4):
        world.now += DAY_S
        await registry.documents.current()
    world.now += 1_000 * DAY_S
    await registry.documents.current()
    world.now -= 1_000 * DAY_S
    for bridge in bridges:
        operator.publish_bridge(registry.db, world.keys, bytes(bridge.id), now=world.now)
        seen = await world.documents().current()
    held = check_list(seen.root, seen.list, None, now_s=world.now)
    world.db.write_sync(lambda db: [db.exec_driver_sql(each) for each in FORGOTTEN if "reach_document" in each])
    assert world.db.read_sync(store.newest_list) is None
    world.now += 10
    back = await world.documents().current()
    assert check_list(back.root, back.list, held, now_s=world.now).version > held.version


async def test_a_thousand_readers_cost_one_look_at_the_registry(world: World) -> None:
    documents = world.documents()
    world.now += 6
    statements = 0

    def count(*_args: object) -> None:
        nonlocal statements
        statements += 1

    event.listen(world.db._reader, "before_cursor_execute", count)  # type: ignore[attr-defined]  # both engines have it
    event.listen(world.db.engine, "before_cursor_execute", count)
    for _ in range(1000):
        await documents.current()
    assert statements <= 4
    world.now -= 3600  # a clock set back must not freeze the answer
    await documents.current()
    assert statements > 4


def test_the_key_file_is_whole_private_and_said_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    with pytest.raises(KeyFileError, match="missing"):
        ReachKeys.load(path)
    made = ReachKeys.load(path, create=True)
    assert path.stat().st_mode & 0o777 == 0o600
    content = path.read_bytes()
    again = ReachKeys.load(path, create=True)
    assert again.root.private_bytes_raw() == made.root.private_bytes_raw()
    assert [key.kid for key in again.sessions] == [key.kid for key in made.sessions]
    assert path.read_bytes() == content
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="0600"):
        ReachKeys.load(path)
    path.chmod(0o600)
    half = content[: len(content) // 2]
    for bad in (
        b"",
        half,
        b"{}",
        b"null",
        content.replace(b'"list": "', b'"list": "00'),
        content.replace(b"session", b"s"),
    ):
        path.write_bytes(bad)
        with pytest.raises(KeyFileError, match="not a key file"):
            ReachKeys.load(path, create=True)
