"""Builds vectors/session/*.json: lives of a client's session, step by step, for both languages to replay.

`python -m tests.protocol.session_vectors` writes them; test_session_vectors.py compares and replays. A step is what the
client is told (`open`, `send`, `feed`, `tick`, `lost`, `close`, `prove`), the events that follow, the records it then
has for its carrier, the bytes it moved on it, what it measured, and the time at which it wants to look again. A record
is `[size, frame]`; the rest is zeros.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

from zajil.protocol.frames import Role
from zajil.protocol.records import unpad
from zajil.protocol.session import (
    Begin,
    ClientEvent,
    ClientSession,
    Closed,
    Echoed,
    Message,
    Rotate,
    ServerCarrier,
    SessionTable,
    Slow,
    Stalled,
    Usable,
)
from zajil.protocol.session.wire import Ack, Close, Data, Open, Opened, Ping, Pong, SessionFrame, encode_record

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
FOLDER = Path(__file__).resolve().parents[2] / "vectors" / "session"
BY = "zajil, tests/protocol/session_vectors.py"
FRAG = 256
RESUME = bytes(range(16))


def shown_record(record: bytes) -> Json:
    return [len(record), unpad(record).hex()]


def shown_event(event: ClientEvent) -> Json:
    match event:
        case Message():
            return {"event": "message", "body": event.body.hex()}
        case Begin():
            return {"event": "begin"}
        case Usable():
            return {"event": "usable", "resumed": event.resumed}
        case Stalled():
            return {"event": "stalled"}
        case Echoed():
            elapsed = round(event.elapsed_s, 6)
            return {
                "event": "echoed",
                "received_bytes": event.received_bytes,
                "elapsed_s": elapsed,
                "done": event.done,
            }
        case Rotate():
            return {"event": "rotate"}
        case Slow():
            return {"event": "slow", "bytes_s": round(event.bytes_s, 6)}
        case Closed():
            return {"event": "closed", "code": event.code, "retry_ms": event.retry_ms, "by_peer": event.by_peer}


class Story:
    """A client's session that writes down everything it is told and does."""

    def __init__(self, about: str, frag: int = FRAG) -> None:
        self.about = about
        self.frag = frag
        self.session = ClientSession(Role.R, frag=frag)
        self.now = 0.0
        self.carrier = 0
        self.steps: list[Json] = []
        self.told: list[ClientEvent] = []

    def _note(self, does: dict[str, Json], events: Sequence[ClientEvent], carrier: int) -> list[bytes]:
        records = self.session.pull(carrier, self.now)
        step: dict[str, Json] = {"at": self.now, **does, "events": [shown_event(event) for event in events]}
        step |= {"records": [shown_record(record) for record in records]}
        step |= {"next": self.session.next_deadline(), "usable": self.session.usable}
        step |= {"queued": self.session.queued_bytes, "moved": [self.session.rx_bytes, self.session.tx_bytes]}
        self.steps.append(step | {"rate": round(self.session.rate_bytes_s, 3)})
        self.told += events
        return records

    def open(self, *, segmented: bool = False) -> list[bytes]:
        self.carrier, events = self.session.open_carrier(self.now, segmented=segmented)
        return self._note({"do": "open", "segmented": segmented}, events, self.carrier)

    def prove(self) -> list[bytes]:
        self.session.prove(self.now)
        return self._note({"do": "prove"}, [], self.carrier)

    def send(self, body: bytes) -> list[bytes]:
        self.session.send(body)
        return self._note({"do": "send", "body": body.hex()}, [], self.carrier)

    def feed(self, record: bytes, carrier: int | None = None) -> list[bytes]:
        carrier = self.carrier if carrier is None else carrier
        events = self.session.feed(carrier, record, self.now)
        return self._note({"do": "feed", "carrier": carrier, "record": shown_record(record)}, events, carrier)

    def tell(self, frame: SessionFrame, at_least: int = 0) -> list[bytes]:
        return self.feed(encode_record(frame, at_least=at_least))

    def tick(self) -> list[bytes]:
        return self._note({"do": "tick"}, self.session.tick(self.now), self.carrier)

    def lost(self, carrier: int | None = None) -> None:
        carrier = self.carrier if carrier is None else carrier
        self.session.lost(carrier)
        self._note({"do": "lost", "carrier": carrier}, [], self.carrier)

    def close(self) -> None:
        self._note({"do": "close"}, self.session.close(), self.carrier)

    def wait(self, seconds: float) -> list[bytes]:
        self.now = round(self.now + seconds, 3)
        return self.tick()

    def render(self) -> str:
        story: Json = {"source": BY, "about": self.about, "frag": self.frag, "steps": self.steps}
        return json.dumps(story, ensure_ascii=False, indent=1) + "\n"


def opened(rx: int = 0, *, known: bool = False, resume: bytes = RESUME) -> Opened:
    return Opened(resume, rx, known)


def usable_story(about: str, frag: int = FRAG) -> Story:
    story = Story(about, frag)
    story.open()
    story.tell(opened())
    return story


def exchange() -> Story:
    story = Story("a first session: DATA behind OPEN, answers, acknowledgements alone and with DATA")
    story.send(b"before any carrier: lost with the session that was not")
    story.open()
    story.send(b"hello")
    story.now = 0.1
    story.tell(opened(1))
    story.tell(Data(1, 1, False, b"welcome"))
    story.wait(0.1)
    story.wait(0.15)
    story.send(b"again")
    story.tell(Data(2, 2, False, b"more"))
    story.send(b"with an ack")
    story.tell(Ack(3))
    return story


def parts() -> Story:
    story = usable_story("messages in parts, both ways, and a full window of 64 frames")
    story.send(bytes(range(256)) * 2)
    story.send(b"x" * 14_000)
    story.tell(Ack(10))
    story.tell(Ack(64))
    for n in range(1, 4):
        story.tell(Data(n, 64, n < 3, b"part %d " % n))
    for n in range(4, 20):
        story.tell(Data(n, 64, False, b"%d" % n))
    story.tell(Data(19, 64, False, b"again"))
    return story


def soon() -> Story:
    story = usable_story("64 KiB are acknowledged at once", 65536)
    story.tell(Data(1, 0, True, bytes(65_472)))
    story.tell(Data(2, 0, False, bytes(64)))
    return story


def resumed() -> Story:
    story = usable_story("cuts: the session goes on, what the server lacks goes again")
    for n in range(3):
        story.send(b"message %d" % n)
    story.tell(Data(1, 1, False, b"one"))
    story.lost()
    story.send(b"while away")
    story.wait(1)
    story.open()
    story.tell(opened(2, known=True))
    story.tell(Data(1, 3, False, b"one"))
    story.tell(Data(2, 4, False, b"two"))
    story.lost()
    story.open()
    story.lost()
    story.open()
    story.tell(opened(4, known=True))
    story.wait(0.25)
    return story


def forgotten() -> Story:
    story = usable_story("the server forgot the session: it begins anew and holds nothing")
    story.send(b"lost with it")
    story.tell(Data(1, 0, True, b"half a mess"))
    story.lost()
    story.open()
    story.tell(opened(0, resume=bytes(16)))
    story.send(b"sent again by whoever heard Begin")
    story.tell(Data(1, 1, False, b"whole"))
    return story


def older() -> Story:
    story = usable_story("what an older carrier brings, or its end, means nothing")
    first = story.carrier
    story.send(b"one")
    story.open()
    story.feed(encode_record(Data(1, 1, False, b"late")), first)
    story.lost(first)
    story.tell(opened(1, known=True))
    story.feed(encode_record(Close("restarting", 5)), first)
    story.tell(Data(1, 1, False, b"new"))
    return story


def pings() -> Story:
    story = usable_story("PINGs: after 1.5 s of waiting, after 45 s of silence, and what they measure")
    story.send(b"anyone?")
    story.wait(1.5)
    story.now = 1.7
    story.tell(Pong(1))
    story.tell(Ack(1))
    story.wait(45)
    story.now += 0.2
    story.tell(Pong(7))
    story.tell(Pong(2))
    story.tell(Ping(9))
    story.tell(Ping(10), at_least=4096)
    story.send(b"an echo goes behind this")
    return story


def stalls() -> Story:
    story = usable_story("a silent carrier is given up after 3 s, later with much under way, and only with a PING open")
    story.send(b"hello")
    story.wait(1.5)
    story.wait(1.4)
    story.wait(0.1)
    story.open()
    story.tell(opened(0, known=True))
    story.send(bytes(9_000))
    story.now = 20.0
    story.tick()
    story.wait(1.5)
    story.wait(5)
    return story


def closes() -> Story:
    story = usable_story("CLOSE from either side ends the session; the next carrier begins another")
    story.send(b"gone")
    story.tell(Close("restarting", 3000))
    story.open()
    story.tell(opened())
    story.close()
    story.open()
    story.tell(Close("later-code", 0))
    return story


def echo() -> Story:
    story = usable_story("the 24 KiB echo goes behind queued DATA; everything that comes meanwhile tells how it goes")
    story.send(b"what the user waits for")
    pings = story.prove()
    for n, record in enumerate(pings):
        story.now = round(story.now + 0.2, 3)
        story.tell(Pong(0xEC000000 + n), at_least=len(record))
        if n == 3:
            story.tell(Ack(1))
            story.tell(Pong(0xEC000000 + n), at_least=len(record))
            story.tell(Pong(0xEC000000 + n + 1))
    story.prove()
    story.lost()
    return story


def segments() -> Story:
    story = Story("segments: 8,192 bytes up at most, rotation at half of it either way, parts cut to what fits", 65536)
    story.open()
    story.tell(opened())
    story.send(b"as a stream" * 2000)
    story.send(b"whole" * 1000)
    story.tell(Ack(1))
    story.open(segmented=True)
    story.prove()
    story.tell(opened(1, known=True))
    story.tick()
    story.tell(Ack(2))
    story.wait(1.5)
    story.wait(10)
    story.open(segmented=True)
    story.tell(opened(5, known=True))
    story.tell(Data(1, 8, True, bytes(3520)))
    story.tell(Data(2, 8, False, bytes(100)))
    story.wait(0.25)
    story.send(b"x" * 300)
    story.open()
    story.tell(opened(8, known=True))
    return story


def rates() -> Story:
    story = usable_story("what a line moved decides how long it may be silent", 4096)
    story.send(bytes(12_000))
    story.now = 0.25
    story.tell(Ack(2))
    story.tell(Ack(3))
    story.send(bytes(8_000))
    story.wait(1.5)
    story.wait(1)
    story.wait(1)
    return story


def slow() -> Story:
    story = usable_story("under 4 KiB/s for 20 s with a queue is told", 4096)
    story.send(bytes(40_000))
    for n in range(1, 5):
        story.now = 6.0 * n
        story.tell(Ack(n))
        story.tick()
    return story


VIOLATIONS: dict[str, Callable[[Story], object]] = {
    "data before OPENED": lambda s: (s.open(), s.tell(Data(1, 0, False, b"x"))),
    "ack before OPENED": lambda s: (s.open(), s.tell(Ack(0))),
    "OPEN from a server": lambda s: (s.open(), s.tell(Open(1, None, 0, 65536))),
    "OPENED known without resume": lambda s: (s.open(), s.tell(opened(known=True))),
    "OPENED twice": lambda s: (s.open(), s.tell(opened()), s.tell(opened())),
    "OPENED with what was never sent": lambda s: (s.open(), s.tell(opened(1))),
    "OPENED for another session": lambda s: (
        *(s.open(), s.tell(opened()), s.open()),
        s.tell(opened(known=True, resume=bytes(16))),
    ),
    "rx below what was acknowledged": lambda s: (
        *(s.open(), s.tell(opened()), s.send(b"x"), s.tell(Ack(1)), s.open()),
        s.tell(opened(0, known=True)),
    ),
    "ack of what was never sent": lambda s: (s.open(), s.tell(opened()), s.tell(Ack(1))),
    "a gap": lambda s: (s.open(), s.tell(opened()), s.tell(Data(2, 0, False, b"x"))),
    "an empty part": lambda s: (s.open(), s.tell(opened()), s.tell(Data(1, 0, False, b""))),
    "a PING beyond 4,096 bytes": lambda s: (s.open(), s.tell(opened()), s.tell(Ping(1), at_least=16384)),
    "an unknown tag": lambda s: (s.open(), s.feed((b"\0\0\0\2\x91\x08").ljust(256, b"\0"))),
}


def violation(name: str) -> Story:
    story = Story(f"refused: {name}")
    VIOLATIONS[name](story)
    story.wait(1)
    story.open()
    return story


class Far:
    """The server at the other end of a walk: a line that breaks, a table that is forgotten."""

    def __init__(self, story: Story, rng: random.Random) -> None:
        self.story, self.rng = story, rng
        self.counter = iter(range(1, 1000))
        self.server: ServerCarrier | None = None
        self.down: list[bytes] = []
        self.forget()

    def forget(self) -> None:
        self.table = SessionTable(Role.R, new_id=lambda: next(self.counter).to_bytes(16, "big"))

    def dial(self) -> None:
        self.server, self.down = ServerCarrier(self.table), []
        self.deliver(self.story.open(segmented=self.rng.random() < 0.5))

    def lose(self) -> None:
        if self.server is not None:
            self.server.lost(self.story.now)
        self.server = None
        self.story.lost()

    def deliver(self, records: Sequence[bytes]) -> None:
        if self.server is None:
            return
        for record in records:
            for event in self.server.feed(record, self.story.now):
                if isinstance(event, Message) and self.server.session is not None:
                    self.server.session.stream.send(b"re: " + event.body[:1500])
        self.down.extend(self.server.pull(self.story.now))


def walk(seed: int) -> Story:
    """A random life with the real server: lines that break, carriers that overlap, segments, a server that forgets."""
    rng = random.Random(seed)
    story = Story(f"random walk {seed} with the server's own code", 4096)
    far = Far(story, rng)
    for _ in range(60):
        choice = rng.random()
        if far.server is None or choice < 0.06 or (far.server.done and not far.down):
            far.dial()
        elif choice < 0.45 and far.down:
            far.deliver(story.feed(far.down.pop(0)))
        elif choice < 0.65:
            far.deliver(story.send(rng.randbytes(rng.choice((1, 20, 150, 700, 4500)))))
        elif choice < 0.72:
            far.lose()
        elif choice < 0.75:
            far.forget()
            far.dial()
        else:
            far.deliver(story.wait(rng.choice((0.05, 0.3, 1.6))))
    return story


STORIES: dict[str, Callable[[], Story]] = {
    **{made.__name__: made for made in (exchange, parts, soon, resumed, forgotten, older, pings, stalls, closes)},
    **{made.__name__: made for made in (echo, segments, rates, slow)},
    **{f"refused-{n + 1:02}": partial(violation, name) for n, name in enumerate(VIOLATIONS)},
    **{f"walk-{seed}": partial(walk, seed) for seed in range(1, 9)},
}


def render(name: str) -> str:
    return STORIES[name]().render()


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for story_name in STORIES:
        (FOLDER / f"{story_name}.json").write_text(render(story_name), encoding="utf-8")
