"""The SDK through a real bridge daemon: first contact with the origin blocked, blocks in mid-session, sharing."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.bridges.edge.world import Joined, joined_bridge
from tests.client.test_reach import NO_LIMITS, talk, until
from tests.client.tlsfront import TLSFront
from tests.transports.authority import Authority

from zajil.bridges.registry.operator import list_bridges, publish_bridge
from zajil.client import Client
from zajil.client.shell.enrol import now_ms
from zajil.engine import keys as key_file
from zajil.engine.keys import Keys
from zajil.protocol.errors import HomeError, Refused, Unreachable
from zajil.protocol.identity.links import parse_contact_link
from zajil.protocol.path import Strategy
from zajil.protocol.reach.endpoints import encode_bridge_link
from zajil.server.admin import create_invite, link_of_invite
from zajil.server.app import Server
from zajil.server.config import Settings
from zajil.server.schema import open_database

pytestmark = pytest.mark.slow


class Place:
    """A server, its TLS front, and a bridge with a front of its own."""

    def __init__(self, folder: Path, front: TLSFront, bridge: TLSFront, joined: Joined) -> None:
        self.folder = folder
        self.front = front
        self.bridge = bridge
        self.joined = joined

    def publish(self) -> None:
        """Have the signed list name the bridge."""
        database = open_database(self.folder / "home")
        keys = Keys.load(self.folder / "home" / key_file.FILE_NAME)
        for known in list_bridges(database):
            publish_bridge(database, keys, known.id, now=time.time())
        database.close()


@asynccontextmanager
async def built(folder: Path, authority: Authority, *, age_days: int = 0) -> AsyncIterator[Place]:
    tls = authority.server("localhost")
    async with TLSFront(0, tls) as front, TLSFront(str(folder / "s.sock"), tls) as bridge:
        settings = Settings(
            port=0,
            registration="open",
            limits=NO_LIMITS,
            drain_s=0,
            front=front.url,
            bridge_token_age_days=age_days,
        )
        server = await Server.start(folder / "home", settings)
        front.leads_to = server.port
        (folder / "site").mkdir()
        async with joined_bridge(folder, server, domain="localhost", port=bridge.port) as joined:
            yield Place(folder, front, bridge, joined)
        await server.stop()


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon asks for new tokens all the time, not each minute; the server looks at its bridges for each answer."""
    monkeypatch.setattr("zajil.bridges.edge.daemon.PULL_S", 0.1)
    monkeypatch.setattr("zajil.bridges.registry.documents._LOOK_AGAIN_S", 0.0)


@pytest.fixture
async def place(tmp_path: Path, authority: Authority) -> AsyncIterator[Place]:
    async with built(tmp_path, authority) as made:
        yield made


async def test_a_guest_registers_and_talks_where_only_the_bridge_of_the_invite_is_reachable(
    place: Place, homes: Path
) -> None:
    place.front.block()
    async with (
        await Client.register(homes / "a", server=place.front.url, name="Amal", bridges=place.joined.private) as amal,
        await Client.register(homes / "b", server=place.front.url, name="Boris", bridges=place.joined.private) as boris,
    ):
        await talk(amal, boris, "salam")
        view = amal.routes()
        assert (view.state, view.via) == ("via", "localhost")
        await until(amal, lambda: amal._device.reach.knowledge.list is not None)
        assert amal.bridges() == 1
        (homes / "file").write_bytes(os.urandom(700_000))
        identity = await amal.send_files(amal.find_chat("Boris"), [homes / "file"])
        await boris.sync()
        await boris.save_file(boris.find_chat("Amal"), identity, 0, homes / "got")
        assert (homes / "got").read_bytes() == (homes / "file").read_bytes()
    async with await Client.open(homes / "a") as amal:
        await amal.sync()
        assert amal.routes().state == "via", "the home kept its bridges and its winner"


async def test_the_command_registers_by_a_link_alone(place: Place, homes: Path, authority: Authority) -> None:
    """`register --invite LINK`: the link says where the server is, and how to reach it where it is blocked."""
    place.front.block()
    database = open_database(place.folder / "home")
    code = create_invite(place.folder / "home", 1)
    database.close()
    link = link_of_invite(place.folder / "home", code, front=place.front.url, bridges=place.joined.private)
    command = [sys.executable, "-m", "zajil.cli.main", "--home", str(homes / "a"), "register", "--name", "Amal"]
    process = await asyncio.create_subprocess_exec(*command, "--invite", link, stderr=asyncio.subprocess.PIPE)
    _, complaint = await process.communicate()
    assert process.returncode == 0, complaint.decode()
    async with await Client.open(homes / "a") as amal:
        assert amal.server == place.front.url
        assert amal.bridges() == 1


async def test_a_bundle_of_another_server_opens_nothing(place: Place, homes: Path) -> None:
    place.front.block()
    foreign = replace(place.joined.private, root_hash=bytes(32))
    with pytest.raises(Unreachable) as raised:
        await Client.register(homes / "a", server=place.front.url, name="Amal", bridges=foreign)
    assert str(raised.value) == "unreachable: accept cert"
    place.front.blocked = False
    with pytest.raises(HomeError, match="not-this-server"):
        await Client.register(homes / "b", server=place.front.url, name="Amal", bridges=foreign)


async def test_a_bundle_pasted_before_any_root_is_asked_about_and_pins_nothing(place: Place, homes: Path) -> None:
    """A home of a version without documents."""
    foreign = encode_bridge_link(replace(place.joined.private, root_hash=bytes(32), token_id=b"\x01" * 8))
    async with await Client.register(homes / "a", server=place.front.url, name="Amal") as amal:
        amal._device.reach.knowledge.keep(root=b"", endpoints=b"", tag="", fetched_at=now_ms())
    async with await Client.open(homes / "a") as amal:
        held = amal._device.reach.knowledge
        assert held.root is None
        assert await amal.add_bridges(foreign) == 1, "without a route nobody can tell"
        amal.remove_bridges()
        await amal.sync()
        with pytest.raises(HomeError, match="not-this-server"):
            await amal.add_bridges(foreign)
        assert held.root_version == 1
        assert amal.bridges() == 0


async def test_an_origin_blocked_in_mid_session_is_left_for_a_listed_bridge(place: Place, homes: Path) -> None:
    place.publish()
    async with (
        await Client.register(homes / "a", server=place.front.url, name="Amal") as amal,
        await Client.register(homes / "b", server=place.front.url, name="Boris") as boris,
    ):
        for one in (amal, boris):
            held = one._device.reach.knowledge
            await until(one, lambda held=held: any(e.kind == "bridge" for e in held.listed()))  # type: ignore[misc]  # of a loop
        chat = await amal.add_contact(await boris.contact_link())
        for n in range(20):
            amal.queue(chat, f"text {n}")
            if n == 5:
                place.front.block()
        await until(amal, lambda: amal.routes().state == "via")
        await amal.sync()
        await boris.sync()
        texts = [m.text for c in boris.chats() for m in boris.read(c) if m.text.startswith("text")]
        assert texts == [f"text {n}" for n in range(20)]


async def test_bridges_are_shared_added_and_removed(place: Place, homes: Path) -> None:
    async with (
        await Client.register(homes / "a", server=place.front.url, name="Amal") as amal,
        await Client.register(homes / "b", server=place.front.url, name="Boris") as boris,
    ):
        shared = await amal.share_bridges()
        assert await boris.add_bridges(shared.link) == 1
        assert await boris.add_bridges(shared.link) == 0
        place.front.block()
        await until(boris, lambda: boris.routes().state == "via")
        await boris.sync()
        probed = [view async for view in boris.probe(only=Strategy.POLL)][-1]
        assert [t.candidate.endpoint.private for t in probed.tries if t.chosen] == [True]
        assert boris.remove_bridges() == 1
        assert boris.bridges() == 0
        assert not any(t.candidate.endpoint.private for t in boris.routes().tries)


async def test_links_carry_fresh_bridges(place: Place, homes: Path) -> None:
    async with await Client.register(homes / "a", server=place.front.url, name="Amal") as amal:
        links = [parse_contact_link(await amal.contact_link()) for _ in range(2)]
        bundles = [link.bridges for link in links]
        assert bundles[0] is not None
        assert bundles[1] is not None
        assert bundles[0].token != bundles[1].token
        assert bundles[0].bridges == (("localhost", place.bridge.port, "assets"),)


async def test_a_young_account_shares_none_and_its_links_go_without(
    tmp_path: Path,
    authority: Authority,
    homes: Path,
) -> None:
    async with (
        built(tmp_path, authority, age_days=7) as place,
        await Client.register(homes / "a", server=place.front.url, name="Amal") as amal,
    ):
        assert parse_contact_link(await amal.contact_link()).bridges is None
        with pytest.raises(Refused) as raised:
            await amal.share_bridges()
        assert raised.value.code == "too-young"
        await until(amal, lambda: amal._device.reach.knowledge.root is not None)
        foreign = replace(place.joined.private, root_hash=bytes(32), token_id=b"\x01" * 8)
        with pytest.raises(HomeError) as refused:
            await amal.add_bridges(encode_bridge_link(foreign))
        assert refused.value.code == "not-this-server"
