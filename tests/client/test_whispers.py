"""What is sent once: how long it waits for a session, and that nothing else keeps it. Link and clock by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

import msgspec
import pytest

from zajil.client.core.core import Core
from zajil.client.core.sealing import Request
from zajil.client.shell import sender as module
from zajil.client.shell.sender import WHISPERS_MAX, Sender
from zajil.protocol import frames
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import GroupId, Mid
from zajil.protocol.session import Begin, ClientEvent, Message, Usable
from zajil.transports.race import Race

RING = frames.Send(0, Mid(bytes(16)), GroupId(bytes(16)), bytes(32), bytes(32), frames.WAKE, 60, b"ring")
TYPING = msgspec.structs.replace(RING, flags=frames.EPHEMERAL, ttl=0, body=b"typing")


class Nothing:
    """A core with nothing to send."""

    def requests(self) -> list[Request]:
        return []


class Everywhere:
    """A race whose links the test moves."""

    ctx = property(lambda self: self)

    def affinity(self) -> str:
        return ""


class HandLink:
    """A session that the test begins, ends and resumes."""

    made: list[HandLink] = []  # noqa: RUF012 -- cleared by each test

    def __init__(
        self,
        *_: object,
        take: Callable[[Sequence[ClientEvent]], Awaitable[None]],
        down: Callable[[ZajilError | None, int], None],
        **__: object,
    ) -> None:
        self.take, self.down = take, down
        self.sent: list[bytes] = []
        self.frames: list[frames.Send] = []
        self.made.append(self)

    async def run(self) -> None:
        await asyncio.Event().wait()

    def send(self, data: bytes) -> None:
        frame = frames.parse_s_client(data)
        assert isinstance(frame, frames.Send)
        self.sent.append(frame.body)
        self.frames.append(frame)

    async def answer(self, frame: frames.Frame) -> None:
        await self.take([Message(frames.encode_frame(frame))])


class Scene:
    """A sender, its newest link and its clock."""

    def __init__(self) -> None:
        self.now = 1_000.0
        asyncio.get_running_loop().time = lambda: self.now  # type: ignore[method-assign]  # the clock of the sender
        HandLink.made.clear()

        async def told() -> None:
            pass

        # Only what the sender asks of them is there.
        self.busy: list[ZajilError | None] = []
        self.sender = Sender(
            cast(Core, Nothing()),
            race=cast(Race, Everywhere()),
            notify=told,
            down=lambda _: None,
            busy=self.busy.append,
        )

    @property
    def link(self) -> HandLink:
        return HandLink.made[-1]

    def later(self, seconds: float) -> None:
        """Time passes, and the runner looks as it does."""
        self.now += seconds
        self.sender.flush()


@pytest.fixture
def patched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Link", HandLink)


pytestmark = pytest.mark.usefixtures("patched")


async def test_a_whisper_goes_out_when_the_session_is_there_and_once() -> None:
    scene = Scene()
    scene.sender.whisper(RING)
    assert scene.link.sent == []
    await scene.link.take([Begin()])
    assert scene.link.sent == [b"ring"]
    await scene.link.take([Usable(resumed=True)])
    scene.sender.whisper(TYPING)
    assert scene.link.sent == [b"ring", b"typing"]
    await scene.sender.close()


async def test_typing_waits_four_seconds_and_a_ring_as_long_as_it_lives() -> None:
    scene = Scene()
    scene.sender.whisper(TYPING)
    scene.sender.whisper(RING)
    scene.later(50)
    await scene.link.take([Begin()])
    assert scene.link.sent == [b"ring"]
    await scene.sender.close()
    scene = Scene()
    scene.sender.whisper(RING)
    scene.later(60)
    await scene.link.take([Begin()])
    assert scene.link.sent == []
    await scene.sender.close()


async def test_a_ring_does_not_die_with_a_session_that_nobody_else_needs() -> None:
    """The machine gives a lost session up where no request waits; the ring opens it again until its time is over."""
    scene = Scene()
    scene.sender.whisper(RING)
    for _ in range(3):
        scene.link.down(None, 0)
        scene.later(8)
    assert len(HandLink.made) == 4
    await scene.link.take([Begin()])
    assert scene.link.sent == [b"ring"]
    scene.link.down(None, 0)
    scene.later(60)
    assert len(HandLink.made) == 4, "nothing is left to open a session for"
    await scene.sender.close()


async def test_a_ring_waits_for_a_carrier_of_the_same_session() -> None:
    scene = Scene()
    scene.sender.whisper(TYPING)
    await scene.link.take([Begin()])
    scene.link.down(None, 0)
    scene.sender.whisper(RING)
    assert scene.link.sent == [b"typing"]
    await scene.link.take([Usable(resumed=True)])
    assert scene.link.sent == [b"typing", b"ring"]
    await scene.sender.close()


async def test_a_ring_goes_again_on_the_next_session_until_it_is_answered_and_typing_does_not() -> None:
    scene = Scene()
    scene.sender.whisper(TYPING)
    scene.sender.whisper(RING)
    await scene.link.take([Begin()])
    await scene.link.take([Usable(resumed=True)])
    assert scene.link.sent == [b"typing", b"ring"]
    await scene.link.take([Begin()])
    assert scene.link.sent == [b"typing", b"ring", b"ring"]
    first, again = scene.link.frames[1:]
    assert (first.mid, first.token, first.body) == (again.mid, again.token, again.body)
    assert first.rid != again.rid
    # The answer to what a session that is gone was asked says nothing about this one.
    await scene.link.answer(frames.Ok(first.rid, 1, 1))
    await scene.link.take([Begin()])
    assert scene.link.sent[3:] == [b"ring"]
    await scene.link.answer(frames.Ok(scene.link.frames[-1].rid, 1, 1))
    await scene.link.take([Begin()])
    assert len(scene.link.sent) == 4
    await scene.sender.close()


async def test_a_ring_that_is_refused_is_not_repeated_and_one_put_off_is() -> None:
    scene = Scene()
    scene.sender.whisper(RING)
    await scene.link.take([Begin()])
    await scene.link.answer(frames.Err(scene.link.frames[-1].rid, "busy"))
    await scene.link.take([Begin()])
    assert scene.link.sent == [b"ring", b"ring"]
    await scene.link.answer(frames.Err(scene.link.frames[-1].rid, "bad-group-token"))
    await scene.link.take([Begin()])
    assert scene.link.sent == [b"ring", b"ring"]
    scene.sender.whisper(RING)
    assert scene.link.sent == [b"ring"] * 3
    scene.later(61)
    await scene.link.take([Begin()])
    assert scene.link.sent == [b"ring"] * 3, "its minute is over"
    assert scene.busy == [], "nobody waits for a whisper"
    await scene.sender.close()


async def test_a_flood_of_whispers_is_bounded() -> None:
    scene = Scene()
    for at in range(WHISPERS_MAX + 50):
        scene.sender.whisper(msgspec.structs.replace(RING, body=at.to_bytes(2, "big")))
    await scene.link.take([Begin()])
    assert [int.from_bytes(body, "big") for body in scene.link.sent] == list(range(50, WHISPERS_MAX + 50))
    await scene.sender.close()
