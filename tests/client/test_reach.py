"""The SDK over TLS against a real server: strategies, documents, settings, what is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.client.tlsfront import TLSFront
from tests.transports.authority import Authority

from zajil.client import Client, ReachSettings
from zajil.client.shell.reach import documents
from zajil.client.shell.reach import reach as reach_module
from zajil.client.shell.reach.reach import Reach
from zajil.client.state.reach import load_reach
from zajil.engine.limits import DEFAULTS, Limit
from zajil.protocol.errors import HomeError, Unreachable, error
from zajil.protocol.path import Mode, Preference, Strategy
from zajil.protocol.reach.endpoints import EndpointKind
from zajil.server.app import Server
from zajil.server.config import Settings
from zajil.transports import fingerprint

pytestmark = pytest.mark.slow
ANOTHER = "ab" * 16
NO_LIMITS = {name: Limit(1e9, 1e-9) for name in DEFAULTS}


@pytest.fixture
async def front(tmp_path: Path, authority: Authority) -> AsyncIterator[TLSFront]:
    """A server behind TLS that knows its address."""
    async with TLSFront(0, authority.server("localhost")) as edge:
        settings = Settings(port=0, registration="open", limits=NO_LIMITS, drain_s=0, front=edge.url)
        server = await Server.start(tmp_path / "data", settings)
        edge.leads_to = server.port
        yield edge
        await server.stop()


async def until(client: Client, condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        await client._device.runner.until(condition, patient=True)


async def talk(one: Client, other: Client, text: str) -> None:
    """A text goes one way and is read."""
    chat = await one.add_contact(await other.contact_link())
    await one.send(chat, text)
    await other.sync()
    assert text in [m.text for c in other.chats() for m in other.read(c)]


@pytest.mark.parametrize("installed", [True, False])
async def test_with_and_without_the_browser_library(
    front: TLSFront, homes: Path, installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls and sessions alike: what shows a browser's TLS shows nothing else."""
    monkeypatch.setattr(fingerprint, "is_installed", lambda: installed)
    async with (
        await Client.register(homes / "a", server=front.url, name="Amal") as amal,
        await Client.register(homes / "b", server=front.url, name="Boris") as boris,
    ):
        await talk(amal, boris, "salam")
        view = amal.routes()
        assert view.state == "direct"
        strategies = {t.candidate.strategy for t in view.tries}
        expected = {Strategy.WSS, Strategy.POLL} | ({Strategy.WSS_BROWSER} if installed else set())
        assert strategies == expected
        chosen = next(t for t in view.tries if t.chosen)
        assert chosen.candidate.strategy is (Strategy.WSS_BROWSER if installed else Strategy.WSS)
        assert chosen.mode is Mode.STREAM


async def test_documents_come_with_the_registration_and_are_kept(front: TLSFront, homes: Path) -> None:
    async with await Client.register(homes / "a", server=front.url, name="Amal") as amal:
        held = amal._device.reach.knowledge
        assert held.list is not None
        assert held.root is not None
        assert held.root.hosts == {f"localhost:{front.port}"}
        assert [endpoint.id for endpoint in held.listed()]
    async with await Client.open(homes / "a") as amal:
        again = amal._device.reach.knowledge
        assert again.root == held.root
        assert again.list == held.list
        with amal._device.store.look() as tx:
            assert load_reach(tx).memory


async def test_a_registration_does_without_documents_that_do_not_come(
    front: TLSFront, homes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(_: Reach) -> None:
        raise error("unreachable")

    with monkeypatch.context() as patch:
        patch.setattr(documents, "fetch", fails)
        await (await Client.register(homes / "a", server=front.url, name="Amal")).close()
    async with await Client.open(homes / "a") as amal:
        assert amal._device.reach.knowledge.root is None
        await until(amal, lambda: amal._device.reach.knowledge.root is not None)


async def test_an_account_made_at_a_front_is_sealed_from_the_first_and_not_called_direct(
    front: TLSFront, homes: Path, authority: Authority
) -> None:
    """The person was given the address of a CDN: it learns that somebody asks for documents, and no more."""
    async with TLSFront(front.leads_to, authority.server("localhost")) as cdn:
        front.block()
        async with (
            await Client.register(homes / "a", server=cdn.url, name="Amal") as amal,
            await Client.register(homes / "b", server=cdn.url, name="Boris") as boris,
        ):
            await talk(amal, boris, "salam")
            view = amal.routes()
            assert (view.state, view.via) == ("via", "localhost")
            assert next(t.candidate.endpoint.kind for t in view.tries if t.chosen) is EndpointKind.FRONT
        assert b"/v1/sealed" in cdn.passed
        for plain in (b"/v1/accounts", b"/v1/auth", b"Authorization"):
            assert plain not in cdn.passed


async def test_a_remembered_proof_saves_the_echo(front: TLSFront, homes: Path) -> None:
    async with await Client.register(homes / "a", server=front.url, name="Amal") as amal:
        await until(amal, lambda: amal._device.reach.knowledge.list is not None)
    async with await Client.open(homes / "a") as amal:
        await amal.sync()
        chosen = next(t for t in amal.routes().tries if t.chosen)
        assert (chosen.result, chosen.echo_bytes) == ("works", 0)


async def test_no_route_is_unreachable_and_the_queue_stays(front: TLSFront, homes: Path) -> None:
    async with (
        await Client.register(homes / "a", server=front.url, name="Amal") as amal,
        await Client.register(homes / "b", server=front.url, name="Boris") as boris,
    ):
        chat = await amal.add_contact(await boris.contact_link())
        front.block()
        with pytest.raises(Unreachable):
            await amal.send(chat, "later")
        assert amal.routes().state in ("waiting", "blocked")
        front.blocked = False
        assert amal.try_now()
        assert boris.try_now()
        assert not boris.try_now(), "once in 10 s"
        await amal.sync()
        await boris.sync()
        assert "later" in [m.text for c in boris.chats() for m in boris.read(c)]


async def test_a_probe_measures_one_race(front: TLSFront, homes: Path) -> None:
    async with await Client.register(homes / "a", server=front.url, name="Amal") as amal:
        views = [view async for view in amal.probe()]
        assert len(views) > 1
        chosen = next(t for t in views[-1].tries if t.chosen)
        assert (chosen.result, chosen.echo_bytes) == ("proved", 24_576)
        for strategy in (Strategy.WSS, Strategy.POLL):
            last = [view async for view in amal.probe(only=strategy)][-1]
            assert [(t.candidate.strategy, t.result) for t in last.tries] == [(strategy, "proved")]
        front.block()
        last = [view async for view in amal.probe(only=Strategy.WSS)][-1]
        assert [(t.result, t.stage, t.reason) for t in last.tries] == [("failed", "http", "closed")]
        assert [view async for view in amal.probe(only=Strategy.PT)][-1].tries == ()


async def test_another_network_is_learnt_anew_while_the_talk_goes_on(
    front: TLSFront, homes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach_module, "LOOK_S", 0.05)
    async with (
        await Client.register(homes / "a", server=front.url, name="Amal") as amal,
        await Client.register(homes / "b", server=front.url, name="Boris") as boris,
    ):
        await talk(amal, boris, "at home")
        race = amal._device.reach.race
        assert race.route is not None
        before = race.route.number
        monkeypatch.setattr(reach_module, "network_key", lambda _: ANOTHER)
        await until(amal, lambda: race.route is not None and race.route.number != before and race.route.proved)
        await talk(amal, boris, "in the café")
        assert set(race.dialer.memory.networks) >= {ANOTHER}
        chosen = next(t for t in amal.routes().tries if t.chosen)
        assert chosen.echo_bytes == 24_576, "a proof of one network says nothing of another"


async def test_networks_are_forgotten_on_request(front: TLSFront, homes: Path) -> None:
    async with await Client.register(homes / "a", server=front.url, name="Amal") as amal:
        assert any(t.last_ok for t in amal.routes().tries)
        amal.forget_networks()
    async with await Client.open(homes / "a") as amal:
        assert not any(t.last_ok for t in amal.routes().tries)


async def test_settings_are_checked_kept_and_used(
    front: TLSFront, homes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await Client.register(homes / "a", server=front.url, name="Amal") as amal:
        for wrong in (
            ReachSettings(socks="http://proxy"),
            ReachSettings(transports=("obfs4",)),
            ReachSettings(transports=("obfs4 host:0 a=b",)),
            ReachSettings(transports=("obfs4 host:1 ab",)),
        ):
            with pytest.raises(HomeError):
                amal.set_reach_settings(wrong)
        chosen = ReachSettings(
            socks="127.0.0.1:1", transports=("obfs4 192.0.2.1:443 cert=x iat-mode=0",), preference=Preference.PRIVACY
        )
        amal.set_reach_settings(chosen)
        assert {Strategy.SOCKS, Strategy.PT} <= {t.candidate.strategy for t in amal.routes().tries}
    monkeypatch.setenv("ZAJIL_SOCKS", "socks5h://127.0.0.1:2")
    async with await Client.open(homes / "a") as amal:
        assert amal.reach_settings() == chosen
        assert amal._device.reach.ctx.socks is not None
        assert amal._device.reach.ctx.socks.port == 2, "the environment goes before the setting"


async def test_with_a_socks_server_in_the_environment_nothing_goes_beside_it(
    front: TLSFront, homes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who registers through Tor has no home yet to say so in, and shows nobody the name of the server."""
    monkeypatch.setenv("ZAJIL_SOCKS", "socks5h://127.0.0.1:1")
    before = front.connections
    with pytest.raises(Unreachable):
        await Client.register(homes / "a", server=front.url, name="Amal")
    assert front.connections == before


async def test_only_the_persons_own_tools_where_they_want_it_so(front: TLSFront, homes: Path) -> None:
    async with await Client.register(homes / "a", server=front.url, name="Amal") as amal:
        amal.set_reach_settings(ReachSettings(socks="127.0.0.1:1", preference=Preference.PRIVACY_ONLY))
        before = front.connections
        with pytest.raises(Unreachable):
            await amal.contact_link()
        assert front.connections == before
