"""Relays of a call: asked for once, again before they end, and not at all where the server is silent."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import pytest

from zajil.client.calls.media import relays as access
from zajil.client.calls.media.relays import ASK_AGAIN_MS, Relays, usable_relays
from zajil.protocol.errors import error


class Answer(NamedTuple):
    ttl_s: int = 600
    username: str = "1790000000:a"
    credential: str = "secret"
    urls: tuple[str, ...] = ("turn:relay.example:3478?transport=udp",)


class Server:
    """Answers as it is told to, and counts how often it was asked."""

    def __init__(self, answer: Answer | None) -> None:
        self.answer, self.asked, self.now = answer, 0, 0

    async def ask(self) -> Answer:
        self.asked += 1
        await asyncio.sleep(0)
        if self.answer is None:
            raise error("unreachable")
        return self.answer


def relays(server: Server) -> Relays:
    return Relays(server.ask, now_ms=lambda: server.now)


async def test_credentials_are_renewed_at_four_fifths_of_their_life() -> None:
    server = Server(Answer())
    held = relays(server)
    both = await asyncio.gather(held.find(), held.find())
    assert [relay.rung for relay in both[0]] == ["relay-udp"]
    assert server.asked == 1
    server.now = 479_999
    await held.find()
    assert server.asked == 1
    server.now = 480_000
    await held.find()
    assert server.asked == 2


async def test_a_silent_server_has_no_relays_and_is_not_asked_all_the_time() -> None:
    server = Server(None)
    held = relays(server)
    assert await held.find() == await held.find() == ()
    assert server.asked == 1
    server.now, server.answer = ASK_AGAIN_MS, Answer(urls=())
    assert await held.find() == ()
    server.now, server.answer = 2 * ASK_AGAIN_MS, Answer()
    assert len(await held.find()) == 1
    assert server.asked == 3


async def test_a_server_that_takes_the_question_and_says_nothing_holds_up_no_link(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(access, "ASK_S", 0.01)
    silence = asyncio.Event()

    async def ask() -> Answer:
        await silence.wait()
        return Answer()

    held = Relays(ask, now_ms=lambda: 0)
    assert await held.find() == ()
    # Nor does it hold up the next one at once.
    silence.set()
    assert await held.find() == ()


async def test_what_was_held_stays_where_the_server_falls_silent() -> None:
    server = Server(Answer())
    held = relays(server)
    before = await held.find()
    server.answer, server.now = None, 480_000
    assert await held.find() == before, "an allocation is refused later, or it is not"


def test_urls_that_aioice_cannot_speak_are_passed_over() -> None:
    urls = (
        *("turn:r:3478?transport=udp", "turn:r?transport=tcp", "turns:r", "turn:r"),
        *("stun:r", "turns:r:443?transport=udp", "turn:[2001:db8::1]:3478", "http://r", "", "turn:r:70000000000x"),
    )
    found = usable_relays(Answer(urls=urls))
    assert [(relay.url, relay.rung) for relay in found] == [
        ("turn:r:3478?transport=udp", "relay-udp"),
        ("turn:r:3478?transport=tcp", "relay-tcp"),
        ("turns:r:5349?transport=tcp", "relay-tls"),
        ("turn:r:3478?transport=udp", "relay-udp"),
    ]
