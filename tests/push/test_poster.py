"""The poster against push services that lie: where a name really leads, redirects, answers without end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from zajil.delivery.push.sending import Answer
from zajil.protocol.push.wire import PushRules
from zajil.server.push.poster import Poster

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
ANY = PushRules(("*",))


class Place:
    """A server on loopback that counts who comes."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.connections = 0
        self.answer: Handler | None = None
        self.port = 0

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request.path)
        assert self.answer is not None
        return await self.answer(request)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    found = Place()
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", found.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.port = runner.addresses[0][1]
    yield found
    await runner.cleanup()


def lying(*answers: list[str]) -> tuple[Callable[[str, int], Awaitable[list[str]]], list[str]]:
    """A resolver that gives these answers in turn, and what it was asked."""
    asked: list[str] = []
    left = list(answers)

    async def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve, asked


@pytest.mark.parametrize(
    "addresses",
    [
        *(["127.0.0.1"], ["::1"], ["169.254.169.254"], ["10.1.2.3"], ["::ffff:127.0.0.1"], ["::ffff:7f00:1"]),
        *(["fd00::1"], ["fe80::1%lo"], ["1.1.1.1", "127.0.0.1"], ["64:ff9b::7f00:1"], ["0.0.0.0"]),
    ],
)
async def test_a_name_that_leads_inside_is_not_connected_to(place: Place, addresses: list[str]) -> None:
    resolve, asked = lying(addresses)
    poster = Poster(PushRules(("*",), ports=(place.port,)), resolve=resolve)
    assert await poster.post(f"https://push.example:{place.port}/x", {}, b"") == Answer(403)
    assert asked == ["push.example"]
    assert place.requests == []
    await poster.close()


async def test_the_address_that_was_checked_is_the_one_connected_to(place: Place) -> None:
    # A public address first, loopback at every later look: the connection must not look again.
    resolve, asked = lying(["192.0.0.9"], ["127.0.0.1"])
    poster = Poster(PushRules(("*",), ports=(place.port,)), resolve=resolve, whole_s=1.0)
    first = await poster.post(f"https://push.example:{place.port}/x", {}, b"")
    assert first.status in (0, 403)
    assert asked == ["push.example"]
    assert place.requests == []
    await poster.close()


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "localhost"])
async def test_odd_spellings_of_loopback_are_found_by_the_system_and_refused(place: Place, host: str) -> None:
    poster = Poster(PushRules(("*",), ports=(place.port,)), whole_s=3.0)
    answer = await poster.post(f"https://{host}:{place.port}/x", {}, b"")
    assert answer.status in (0, 403)
    assert place.requests == []
    await poster.close()


def local(place: Place, *, whole_s: float = 5.0) -> tuple[Poster, str]:
    rules = PushRules(("127.0.0.1",), private=True)
    return Poster(rules, whole_s=whole_s), f"http://127.0.0.1:{place.port}/push"


async def test_a_redirect_is_not_followed(place: Place) -> None:
    async def away(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=307, headers={"location": f"http://127.0.0.1:{place.port}/inside"})

    place.answer = away
    poster, endpoint = local(place)
    assert (await poster.post(endpoint, {}, b"x")).status == 307
    assert place.requests == ["/push"]
    await poster.close()


async def test_an_answer_without_end_is_left(place: Place) -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        answer = web.StreamResponse(status=201)
        await answer.prepare(request)
        try:
            while True:
                await answer.write(bytes(65_536))
                sent += 65_536
        except (ConnectionError, asyncio.CancelledError):
            return answer

    place.answer = endless
    poster, endpoint = local(place)
    assert (await asyncio.wait_for(poster.post(endpoint, {}, b"x"), 3)).status == 201
    await poster.close()
    assert sent < 32 << 20


async def test_a_head_without_end_and_a_slow_answer_count_as_no_answer(place: Place) -> None:
    async def large(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=201, headers={"x-large": "a" * 100_000})

    async def slow(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response(status=201)

    poster, endpoint = local(place, whole_s=0.3)
    for answer in (large, slow):
        place.answer = answer
        assert await poster.post(endpoint, {}, b"x") == Answer(0)
    await poster.close()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        ("99999999999", 86_400.0),
        ("-5", 0.0),
        ("soon", 0.0),
        ("", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 99999999999999999999 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 +9999999999999999999999", 0.0),
    ],
)
async def test_retry_after_is_read(place: Place, text: str, seconds: float) -> None:
    async def busy(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=429, headers={"retry-after": text} if text else {})

    place.answer = busy
    poster, endpoint = local(place)
    assert await poster.post(endpoint, {}, b"x") == Answer(429, seconds)
    await poster.close()


async def test_cookies_are_not_kept(place: Place) -> None:
    seen: list[str] = []

    async def mark(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers.get("cookie", ""))
        return web.Response(status=201, headers={"set-cookie": "who=you"})

    place.answer = mark
    poster, endpoint = local(place)
    for _ in range(2):
        await poster.post(endpoint, {}, b"x")
    assert seen == ["", ""]
    await poster.close()
