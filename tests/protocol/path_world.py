"""A network in memory for the dialer: candidates that answer, refuse, keep silent, freeze, crawl. Its clock is ours.

The world plays the shell: it carries out what the dialer asks, reports what follows, and checks at every step what must
always hold: at most one attempt carries, four begin in 3 s, two to one host, starts 250 ms apart, three private bridges
a day, nothing dialled beside a proved route unless something happened.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from zajil.protocol.path import Action, Candidate, Carry, Dialer, Failure, Mode, Prove, Start, Stop, Strategy
from zajil.protocol.reach.endpoints import Endpoint, EndpointKind

Behaviour: TypeAlias = Literal["ok", "dead", "refused", "unreachable", "down", "frozen", "crawl", "short", "answers"]
BEHAVIOURS: tuple[Behaviour, ...] = get_args(Behaviour)
"""frozen: 12 KiB per connection. crawl: works, slowly. short: cut after the first 4 KiB. answers: 404."""
START = 1_800_000_000.0
KIND = {"o": EndpointKind.ORIGIN, "f": EndpointKind.FRONT, "b": EndpointKind.BRIDGE, "p": EndpointKind.BRIDGE}


def candidate(name: str, *, weight: int = 10, host: str = "") -> Candidate:
    """`o/wss`, `b1/poll`, `p1/wss`: origin, bridge, private bridge; f: front."""
    id_, strategy = name.split("/")
    endpoint = Endpoint(id_, KIND[id_[0]], host or f"{id_}.test", weight=weight, private=id_[0] == "p")
    return Candidate(name, endpoint, Strategy(strategy))


ALL = tuple(map(candidate, ("o/wss", "o/poll", "b1/wss", "b1/poll", "b2/wss", "f1/wss", "f1/poll", "p1/wss")))
ALL += tuple(map(candidate, ("p2/wss", "p3/wss", "p4/wss", "p1/poll")))


@dataclass
class Line:
    """One attempt as the world sees it."""

    candidate: Candidate
    mode: Mode
    dialed_at: float
    usable: bool = False
    proving: bool = False


class World:
    """seed: of everything that chance decides."""

    def __init__(self, seed: int, candidates: tuple[Candidate, ...] = ALL) -> None:
        self.candidates = candidates
        self.rng = random.Random(seed)
        self.now = START
        self.numbers = [round(self.rng.random(), 4) for _ in range(29)]
        self.drawn = 0
        self.dialer = Dialer(random=self.draw, network="home", now=self.now)
        self.behaviour: dict[str, Behaviour] = {c.id: "ok" for c in self.candidates}
        self.lines: dict[int, Line] = {}
        self.carrying: int | None = None
        self.due: list[tuple[float, int, str, list[object]]] = []
        self.last_start = 0.0
        self.last_segment = 0.0
        self.private: dict[tuple[str, int], set[str]] = {}
        self.network = "home"
        self.starts: list[str] = []
        self.carried = ""
        self.proved = 0
        self.quiet = False
        """Nothing happened since a route was proved."""

    def draw(self) -> float:
        self.drawn += 1
        return self.numbers[(self.drawn - 1) % len(self.numbers)]

    # -- the shell
    def call(self, does: str, *arguments: object) -> None:
        """One call of the dialer, then what it asks for."""
        self.quiet = self.quiet and does in ("tick", "view")
        # Every call ends with the time.
        getattr(self.dialer, does)(*arguments, self.now)
        actions = self.dialer.pull()
        self.note(does, list(arguments), actions)
        self.carry_out(actions)

    def note(self, does: str, arguments: list[object], actions: Sequence[Action]) -> None:
        """Told of every call and what came of it."""

    def carry_out(self, actions: Sequence[Action]) -> None:
        before = self.carrying
        for action in actions:
            match action:
                case Start():
                    self.start(action)
                case Carry():
                    assert self.lines[action.attempt].usable, "carries before it is usable"
                    assert self.carrying != action.attempt, "told twice to carry"
                    self.carrying = action.attempt
                    self.carried = self.lines[action.attempt].candidate.id
                    self.freeze_later(action.attempt)
                case Prove():
                    self.prove(action.attempt)
                case Stop():
                    del self.lines[action.attempt]
                    if self.carrying == action.attempt:
                        self.carrying = None
        assert before is None or before == self.carrying or before not in self.lines, "two carry"
        dialing = [line for line in self.lines.values() if not line.usable]
        assert sum(self.now < line.dialed_at + 3 for line in dialing) <= 4, "more than 4 dial"
        assert len(dialing) <= 8, "more dial than a round has places, and a rotation"
        deadline = self.dialer.next_deadline()
        assert deadline is None or deadline > self.now, "a deadline that has passed"
        route = self.dialer.route
        if route is not None and route.proved and route.number != self.proved:
            self.proved, self.quiet = route.number, route.mode is Mode.STREAM

    def start(self, action: Start) -> None:
        one = next(c for c in self.candidates if c.id == action.candidate_id)
        assert not self.quiet, "dials beside a proved route"
        assert action.attempt not in self.lines
        rotates = self.carrying is not None or action.mode is Mode.SEGMENTED
        assert rotates or self.now >= self.last_start + 0.25 - 1e-6, "starts too close"
        if action.mode is Mode.SEGMENTED:
            assert self.now >= self.last_segment + 0.25 - 1e-6, "segments too close"
            self.last_segment = self.now
        self.last_start = self.now
        near = [line for line in self.lines.values() if not line.usable or line.proving]
        same = sum(line.candidate.endpoint.host == one.endpoint.host for line in near)
        assert same < 3 if rotates else same < 2, "more than 2 to one host"
        if one.endpoint.private and one.id != self.carried:
            tried = self.private.setdefault((self.network, int(self.now // 86_400)), set())
            tried.add(one.endpoint.id)
            assert len(tried) <= 3, "too many private bridges in a day"
        self.starts.append(one.id)
        self.lines[action.attempt] = Line(one, action.mode, self.now)
        after = round(0.05 + 0.5 * self.rng.random(), 3)
        match self.behaviour[one.id]:
            case "ok" | "frozen" | "crawl" | "short":
                self.later(after, action.attempt, "usable", [action.attempt])
            case "dead":
                self.later(10.0, action.attempt, "failed", [action.attempt, Failure("tcp", "timeout")])
            case "refused":
                self.later(after, action.attempt, "failed", [action.attempt, Failure("tcp", "refused")])
            case "unreachable":
                self.later(after, action.attempt, "failed", [action.attempt, Failure("tcp", "unreachable")])
            case "answers":
                self.later(after, action.attempt, "failed", [action.attempt, Failure("http", "status", 404)])
            case "down":
                self.later(after, action.attempt, "failed", [action.attempt, Failure("http", "status", 502)])

    def prove(self, number: int) -> None:
        line = self.lines[number]
        assert line.usable
        assert line.mode is Mode.STREAM
        line.proving = True
        behaviour = self.behaviour[line.candidate.id]
        most = {"frozen": 3, "short": 1, "dead": 0}.get(behaviour, 6)
        pause = 2.7 if behaviour == "crawl" else 0.05
        for n in range(1, most + 1):
            self.later(n * pause, number, "echoed", [number, 4096 * n])

    def freeze_later(self, number: int) -> None:
        """A session that talks notices that its carrier froze; the dialer may have trusted an older proof."""
        line = self.lines[number]
        behaviour = self.behaviour[line.candidate.id]
        if line.mode is Mode.STREAM and behaviour in ("frozen", "short"):
            self.later(4.0, number, "stalled", [number, 16_000 if behaviour == "frozen" else 4_000])

    def later(self, seconds: float, number: int, does: str, arguments: list[object]) -> None:
        self.due.append((round(self.now + seconds, 3), number, does, arguments))

    # -- time
    def pass_time(self, seconds: float) -> None:
        """Everything that happens in this time."""
        end = round(self.now + seconds, 3)
        while True:
            self.due.sort(key=lambda one: one[0])
            deadline = self.dialer.next_deadline()
            report = self.due[0][0] if self.due else end
            self.now = min(end, report, end if deadline is None else deadline)
            if self.due and report <= self.now:
                _, number, does, arguments = self.due.pop(0)
                self.report(number, does, arguments)
            elif deadline is not None and deadline <= self.now:
                self.call("tick")
            else:
                return

    def report(self, number: int, does: str, arguments: list[object]) -> None:
        line = self.lines.get(number)
        if line is None or (does == "stalled" and self.carrying != number):
            return
        if does == "usable":
            line.usable = True
        elif does == "failed":
            del self.lines[number]
        elif does == "echoed":
            line.proving = arguments[1] != 24_576
        self.call(does, *arguments)

    # -- what may happen to what carries
    def lose(self, rx_bytes: int) -> None:
        if self.carrying is not None:
            number, self.carrying = self.carrying, None
            del self.lines[number]
            self.call("lost", number, rx_bytes)

    def stall(self, rx_bytes: int) -> None:
        if self.carrying is not None:
            self.call("stalled", self.carrying, rx_bytes)

    def move(self, network: str) -> None:
        self.network = network
        self.call("set_network", network)

    @property
    def connected(self) -> bool:
        route = self.dialer.route
        return route is not None and route.proved and self.carrying is not None
