"""Personas of one account over a real server: three passes, found again from the seed, logged in and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.client import serving
from tests.client.people import link, register
from tests.client.serving import Served

from zajil.client import Client
from zajil.client.public.calls import PublicCalls
from zajil.client.public.personas import Personas
from zajil.client.state.public import PublicState, load_public
from zajil.client.storage.keyfile import read_keys
from zajil.protocol import control
from zajil.protocol.errors import Unreachable, ZajilError, error
from zajil.protocol.public import api, routes
from zajil.protocol.public.persona import derive_seed, persona_id_of
from zajil.protocol.public.routes import PublicRoute
from zajil.transports.base import Answer, DialError, Reason, Stage
from zajil.transports.race import RaceCaller

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving.serve(tmp_path_factory.mktemp("public"), settings="public_space = true\n") as served:
        yield served


def state_of(client: Client) -> PublicState:
    with client._device.store.look() as tx:
        return load_public(tx)


async def refusal(made: Any) -> str:  # whatever coroutine; its code alone counts
    with pytest.raises(ZajilError) as raised:
        await made
    return raised.value.code


async def test_an_account_has_three_personas_ever_and_every_device_finds_them(server: Served, homes: Path) -> None:
    async with await register(homes, "Amal", server.url) as amal:
        first = await amal.public.create_persona("amal_one", "Amal")
        seed = derive_seed(read_keys(homes / "Amal").account_seed, 0)
        key = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        assert bytes(first.persona_id) == persona_id_of(key), "derived, so that no device has to be told"
        assert (first.trust, first.handle, first.display_name) == (0, "amal_one", "Amal")

        assert await refusal(amal.public.create_persona("AMAL_ONE", "Amal")) == "handle-taken"
        held = state_of(amal).one_time_pass
        assert held, "what an attempt was refused for costs no pass"
        await amal.public.create_persona("@أمل.نهر", "أمل")
        assert state_of(amal).one_time_pass == b""

        async with await link(homes, "phone", amal, server.url) as phone:
            assert phone.public.known_personas() == ()
            found = await phone.public.list_personas()
            assert [each.persona.handle for each in found] == ["amal_one", "أمل.نهر"]
            assert [each.persona.trust for each in found] == [0, 0], "told to itself alone, so it is logged in"
            await phone.public.create_persona("amal_three", "Three")
            assert await refusal(amal.public.create_persona("amal_four", "Four")) == "no-passes-left"
            assert [each.number for each in amal.public.known_personas()] == [0, 1, 2]

            gone = await phone.public.find_persona("amal_one")
            assert gone is not None
            await phone.public.delete_persona(gone)
            assert [each.persona.handle for each in await amal.public.list_personas()] == ["أمل.نهر", "amal_three"]
            assert await refusal(phone.public.create_persona("amal_four", "Four")) == "no-passes-left"
            assert await amal.public.find_persona("@Amal_one") is None


async def test_a_number_that_another_device_used_up_is_passed_over(server: Served, homes: Path) -> None:
    async with await register(homes, "Basim", server.url) as basim:
        await basim.public.create_persona("basim_one", "One")
        async with await link(homes, "tablet", basim, server.url) as tablet:
            (one,) = basim.public.known_personas()
            await basim.public.delete_persona(one)
            made = await tablet.public.create_persona("basim_two", "Two")
            assert [each.number for each in tablet.public.known_personas()] == [1]
            assert (await tablet.public.list_personas())[0].persona.persona_id == made.persona_id
            assert state_of(tablet).spent == (0,)


async def test_a_pass_whose_answer_was_lost_is_not_paid_twice(
    server: Served, homes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await register(homes, "Dina", server.url) as dina:
        answered = Personas._ask_pass
        given = []

        async def lost(self: Personas, asking: bytes, token: str) -> Any:  # as the original
            given.append(bytes((await answered(self, asking, token)).passes[0]))
            raise error("unreachable")

        with monkeypatch.context() as broken:
            broken.setattr(Personas, "_ask_pass", lost)
            assert await refusal(dina.public.create_persona("dina_one", "Dina")) == "unreachable"
    async with await Client.open(homes / "Dina") as again:
        seen: list[bytes] = []

        async def watch(self: Personas, asking: bytes, token: str) -> Any:  # as the original
            found = await answered(self, asking, token)
            seen.append(bytes(found.passes[0]))
            return found

        monkeypatch.setattr(Personas, "_ask_pass", watch)
        await again.public.create_persona("dina_one", "Dina")
        assert seen == given, "the same call again gave the same pass"
        for number in ("two", "three"):
            await again.public.create_persona(f"dina_{number}", "Dina")


async def test_a_lost_answer_makes_no_second_post(server: Served, homes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line broke before the answer, and the next server was busy with it: the same key gets the same post."""
    async with await register(homes, "Hala", server.url) as hala:
        await hala.public.create_persona("hala_one", "Hala")
        (persona,) = hala.public.known_personas()
        visitor = hala.public.as_persona(persona)
        channel = await visitor.create_channel(api.NewChannel("hala_news", "News", "broadcast"))
        called, sent = RaceCaller.call, 0

        async def breaks(self: RaceCaller, method: str, path: str, **more: Any) -> Any:  # as the original
            nonlocal sent
            answer = await called(self, method, path, **more)
            if path.endswith("/posts") and method == "POST":
                sent += 1
                if sent == 1:
                    raise DialError(Stage.HTTP, Reason.RESET)
                if sent == 2:
                    busy = control.Problem(type="", title="", status=503, code="busy", retry_ms=10)
                    return Answer(503, {}, control.encode_json(busy))
            return answer

        monkeypatch.setattr(RaceCaller, "call", breaks)
        made = await visitor.post("@hala_news", api.NewPost("once"))
        assert sent == 3
        assert [post.post_id for post in await visitor.posts("@hala_news", limit=9)] == [made.post_id]
        assert (await visitor.channel("@HALA_news")).channel_id == channel.channel_id


async def test_a_login_is_kept_and_made_anew_when_the_server_forgot_it(
    server: Served, homes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[PublicRoute] = []
    called = PublicCalls.call

    async def watch(self: PublicCalls, route: PublicRoute, *rest: Any, **more: Any) -> Any:  # as the original
        asked.append(route)
        return await called(self, route, *rest, **more)

    async with await register(homes, "Farid", server.url) as farid:
        await farid.public.create_persona("farid_one", "Farid")
        (persona,) = farid.public.known_personas()
        await farid.public.as_persona(persona).subscriptions()
    monkeypatch.setattr(PublicCalls, "call", watch)
    async with await Client.open(homes / "Farid") as again:
        (persona,) = again.public.known_personas()
        visitor = again.public.as_persona(persona)
        await visitor.subscriptions()
        assert asked == [routes.SUBSCRIPTIONS], "another process of the home uses the same login"
        asked.clear()
        await PublicCalls(again._device.reach.lane("x")).call(
            routes.DROP_TOKEN, api.Empty, token=state_of(again).personas[0].token
        )
        asked.clear()
        await visitor.subscriptions()
        assert asked == [routes.SUBSCRIPTIONS, routes.CHALLENGE, routes.TAKE_TOKEN, routes.SUBSCRIPTIONS]


async def test_a_login_for_another_server_is_not_signed(
    server: Served, homes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = PublicCalls.call

    async def lie(self: PublicCalls, route: PublicRoute, *rest: Any, **more: Any) -> Any:  # as the original
        answer = await called(self, route, *rest, **more)
        return api.PersonaNonce(answer.nonce, "elsewhere.example") if route is routes.CHALLENGE else answer

    async with await register(homes, "Ghada", server.url) as ghada:
        await ghada.public.create_persona("ghada_one", "Ghada")
        (persona,) = ghada.public.known_personas()
        monkeypatch.setattr(PublicCalls, "call", lie)
        assert await refusal(ghada.public.as_persona(persona).subscriptions()) == "not-this-server"


async def test_without_a_server_it_says_so(server: Served, homes: Path) -> None:
    async with await register(homes, "Idris", server.url):
        pass
    async with await Client.open(homes / "Idris") as idris:
        moved = msgspec.structs.replace(idris._device.profile, server="http://127.0.0.1:9")
        idris._device.profile = moved
        with pytest.raises(Unreachable):
            await idris.public.list_personas()
