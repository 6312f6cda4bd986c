"""Public calls on sessions: on one of nobody they work as over HTTPS, on a device's they are refused."""

from __future__ import annotations

from tests.channels.world import World
from tests.server.people import Person
from tests.server.wire import Wire

from zajil.protocol import frames
from zajil.protocol.control import parse_json, parse_problem
from zajil.protocol.frames import Role
from zajil.protocol.public import api, routes


async def ask(session: Wire, rid: int, method: str, path: str, auth: str = "") -> tuple[int, bytes]:
    await session.send(frames.HttpReq(rid, method, path, {"authorization": auth} if auth else {}, b""))
    answer = await session.expect(frames.HttpRes)
    assert isinstance(answer, frames.HttpRes)
    return answer.status, answer.body


async def test_a_session_of_nobody_carries_public_calls_and_a_devices_does_not(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author, title="News")
    device = await world.http.register(Person())
    async with Wire(world.http.url, Role.S, world.http.client) as s:
        status, body = await ask(s, 1, "GET", routes.READ_CHANNEL.url(channel=channel))
        assert (status, parse_json(body, api.Channel).title) == (200, "News")
        status, body = await ask(s, 2, "GET", routes.SUBSCRIPTIONS.url(), author.auth)
        assert (status, len(parse_json(body, api.Subscriptions).channels)) == (200, 1)
        status, body = await ask(s, 3, "GET", routes.EVENTS.url() + f"?channel={channel}")
        assert parse_problem(status, body).code == "malformed"
        status, body = await ask(s, 4, "GET", routes.SUBSCRIPTIONS.url(), device)
        assert (status, parse_problem(status, body).code) == (401, "wrong-space")
    async with Wire(world.http.url, Role.R, world.http.client) as r:
        await r.hello(device)
        status, body = await ask(r, 1, "GET", routes.READ_CHANNEL.url(channel=channel))
        assert parse_problem(status, body).code == "mixed-auth"
        status, body = await ask(r, 2, "GET", routes.SUBSCRIPTIONS.url(), author.auth)
        assert parse_problem(status, body).code == "mixed-auth"
