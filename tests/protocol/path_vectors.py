"""Builds vectors/path.json: lives of the dialer, call by call, for both languages to replay.

`python -m tests.protocol.path_vectors` writes it; test_path_vectors.py compares. A step is the time, the call and its
arguments, the actions that follow, when to look again, how often chance was asked, the route, and what a person sees.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

import msgspec
from tests.protocol.path_world import ALL, BEHAVIOURS, START, Behaviour, World, candidate

from zajil.protocol.path import Action, Candidate, Failure, Route, Start, encode_memory

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | dict[str, Json] | None"
FILE = Path(__file__).resolve().parents[2] / "vectors" / "path.json"
BY = "zajil, tests/protocol/path_vectors.py"


def shown_action(action: Action) -> Json:
    name = type(action).__name__.lower()
    if isinstance(action, Start):
        return [name, action.attempt, action.candidate_id, action.mode.value]
    return [name, action.attempt]


def shown_route(route: Route | None) -> Json:
    return None if route is None else [route.candidate_id, route.mode.value, route.number, route.proved]


def shown_argument(argument: object) -> Json:
    match argument:
        case Failure():
            return [argument.stage, argument.reason, argument.status]
        case Route():
            return shown_route(argument)
        case list() | tuple():
            return [one.id for one in argument if isinstance(one, Candidate)]
        case None | bool() | int() | float() | str():
            return argument
    raise TypeError(argument)


class Story(World):
    """A world that writes down what it tells the dialer, and what comes of it."""

    def __init__(self, about: str, names: str = "", seed: int = 1) -> None:
        self.about = about
        self.steps: list[Json] = []
        super().__init__(seed, tuple(map(candidate, names.split())) if names else ALL)

    def note(self, does: str, arguments: list[object], actions: Sequence[Action]) -> None:
        deadline, drawn = self.dialer.next_deadline(), self.drawn
        view = self.dialer.view(self.now)
        tries: Json = {
            one.candidate.id: [one.result, one.stage, one.reason, one.mode.value, one.last_ok, one.echo_bytes]
            + ([True] if one.in_outage else [])
            for one in view.tries
            if one.result
        }
        step: list[Json] = [self.now, does, [shown_argument(one) for one in arguments]]
        step += [[shown_action(one) for one in actions], deadline, drawn, shown_route(self.dialer.route)]
        self.steps.append([*step, [view.state, view.via, view.trying], tries])

    def begin(self, **behaviour: Behaviour) -> None:
        """The network is so (`o` for all of the endpoint, `o_wss` for one), and a session wants a carrier."""
        self.become(**behaviour)
        self.call("set_candidates", self.candidates)
        self.call("want")

    def become(self, **behaviour: Behaviour) -> None:
        for one in self.candidates:
            for name, how in behaviour.items():
                if one.id == name.replace("_", "/") or one.endpoint.id == name or name == "every":
                    self.behaviour[one.id] = how

    @property
    def route(self) -> str:
        route = self.dialer.route
        return "" if route is None else f"{route.candidate_id} {route.mode.value}"

    @property
    def state(self) -> str:
        return self.dialer.view(self.now).state

    def render(self, name: str) -> str:
        endpoints: Json = [[c.id, c.endpoint.host, c.endpoint.weight] for c in self.candidates]
        memory = msgspec.json.decode(encode_memory(self.dialer.memory))
        head = {"name": name, "about": self.about, "numbers": self.numbers, "candidates": endpoints, "memory": memory}
        lines = ",\n".join(json.dumps(step) for step in self.steps)
        return json.dumps(head, ensure_ascii=False)[:-1] + ', "steps": [\n' + lines + "\n]}"


NAMES = "o/wss o/poll b1/wss b1/poll f1/wss"
WITH_PRIVATE = "o/wss b1/wss p1/wss p2/wss p3/wss p4/wss"


def open_network() -> Story:
    story = Story("an open network: the server itself, proved by its echo; later without one", NAMES)
    story.begin()
    story.pass_time(2)
    story.call("rest")
    story.pass_time(60)
    story.call("want")
    story.pass_time(1)
    story.call("rest")
    story.pass_time(90_000)
    story.call("want")
    story.pass_time(2)
    return story


def name_blocked() -> Story:
    story = Story("the server's name is blocked: a bridge carries, and is remembered", NAMES)
    story.begin(o="dead")
    story.pass_time(3)
    story.lose(1 << 20)
    story.pass_time(1)
    return story


def no_upgrade() -> Story:
    story = Story("WebSockets are refused everywhere: POSTs get through", NAMES)
    story.begin(o_wss="refused", b1_wss="refused", f1="refused")
    story.pass_time(3)
    return story


def answered() -> Story:
    story = Story("a front refuses WebSockets, all else is silent: POSTs to the front go next", NAMES)
    story.begin(every="dead", f1="ok", b1_wss="answers", b1_poll="ok")
    story.pass_time(3)
    story.become(f1="dead")
    story.lose(1 << 20)
    story.pass_time(3)
    return story


def frozen() -> Story:
    story = Story("every connection freezes: segments, rotated; after a day an echo passes and streams again", NAMES)
    story.begin(every="frozen")
    story.pass_time(8)
    for _ in range(3):
        if story.carrying is not None:
            story.call("rotate", story.carrying)
        story.pass_time(1)
    story.lose(8192)
    story.pass_time(2)
    story.become(every="ok")
    story.pass_time(86_400)
    return story


def frozen_again() -> Story:
    story = Story("a day later it freezes still: segments for another day", NAMES)
    story.begin(every="frozen")
    story.pass_time(86_420)
    return story


def froze_later() -> Story:
    story = Story("freezing begins in mid-session: segments at once, and the echo says it is so", NAMES)
    story.begin()
    story.pass_time(20)
    story.become(every="frozen")
    story.stall(16_000)
    story.pass_time(10)
    return story


def only_a_stall() -> Story:
    story = Story("what looked like freezing was a bad moment: the echo is whole, and it streams again", NAMES)
    story.begin()
    story.pass_time(20)
    story.stall(16_000)
    story.pass_time(3)
    return story


def stalled() -> Story:
    story = Story("a long-lived carrier goes silent, and the server with it: the bridge carries", NAMES)
    story.begin()
    story.pass_time(600)
    story.become(o="dead")
    story.stall(1 << 20)
    story.pass_time(3)
    return story


def private_late() -> Story:
    story = Story("private bridges are shown to a network after 3 s without a route, 3 a day", WITH_PRIVATE)
    story.begin(every="dead", p3="ok")
    story.pass_time(6)
    story.become(p3="dead", p4="ok")
    story.stall(1 << 20)
    story.pass_time(60)
    story.call("rest")
    story.pass_time(86_400)
    story.call("want")
    story.pass_time(15)
    return story


def private_soon() -> Story:
    story = Story("private bridges begin when all others failed; the winner is then tried first", WITH_PRIVATE)
    story.begin(o="refused", b1="refused")
    story.pass_time(2)
    story.call("rest")
    story.pass_time(100)
    story.call("want")
    story.pass_time(1)
    return story


def nothing() -> Story:
    story = Story("nothing passes: rounds further and further apart, no alarm for 20 s, then the word; a tap", NAMES)
    story.begin(every="dead", f1="refused")
    story.pass_time(2000)
    story.call("tap")
    story.call("tap")
    story.become(f1="ok")
    story.pass_time(11)
    story.call("tap")
    story.pass_time(15)
    return story


def tapped_early() -> Story:
    story = Story(
        "a tap while the first round runs, which wins; the way is lost, and the next tap counts at once", NAMES
    )
    story.begin()
    story.call("tap")
    story.pass_time(3)
    story.become(every="refused")
    story.lose(1 << 20)
    story.pass_time(4)
    story.become(f1="ok")
    story.call("tap")
    story.pass_time(2)
    return story


def server_down() -> Story:
    story = Story("two endpoints say that the server is down; it is believed, and they are asked again", NAMES)
    story.begin(o="dead", b1="down", f1="down")
    story.pass_time(60)
    story.become(every="ok")
    story.pass_time(150)
    return story


def offline() -> Story:
    story = Story("no network at all: offline at once, nothing held against anybody, back with the network", NAMES)
    story.begin(every="unreachable")
    story.pass_time(35)
    story.call("set_online", False)
    story.become(every="ok")
    story.call("set_online", True)
    story.pass_time(2)
    return story


def crawl() -> Story:
    story = Story("a line so slow that the echo takes over 15 s: it wins, and is not taken for frozen", "o/wss b1/wss")
    story.begin(o="crawl", b1="dead")
    story.pass_time(20)
    return story


def slow() -> Story:
    story = Story("a slow route is compared with another one, and left if that is quicker", NAMES)
    story.begin()
    story.pass_time(2)
    assert story.carrying is not None
    story.call("slow", story.carrying, 900.0)
    story.pass_time(2)
    assert story.carrying is not None
    story.call("slow", story.carrying, 900.0)
    story.pass_time(1)
    story.call("slow", story.carrying, 9000.0)
    story.pass_time(100)
    return story


def slow_stays() -> Story:
    story = Story("the other one is slower still: the route stays", NAMES)
    story.begin()
    story.pass_time(2)
    story.become(every="crawl")
    assert story.carrying is not None
    story.call("slow", story.carrying, 3500.0)
    story.pass_time(80)
    return story


def lost_again() -> Story:
    story = Story("carriers that die young: three at once, then as after a failed round", NAMES)
    story.begin()
    for _ in range(5):
        story.pass_time(2)
        story.lose(1000)
    story.pass_time(30)
    return story


def moves() -> Story:
    story = Story("another network: a round at once, the old carrier until another carries; proofs are per network")
    story.begin()
    story.pass_time(2)
    story.move("cafe")
    story.pass_time(2)
    story.move("home")
    story.pass_time(1)
    story.call("doubt")
    story.pass_time(2)
    return story


def other_session() -> Story:
    story = Story("another session cannot dial the route: the leading one is moved if something better is there", NAMES)
    story.begin()
    story.pass_time(15)
    route = story.dialer.route
    story.call("route_failed", route)
    story.pass_time(2)
    story.call("route_failed", route)
    story.become(o="dead")
    story.call("route_stalled", story.dialer.route, 16_000)
    story.pass_time(4)
    return story


def new_list() -> Story:
    story = Story("a new list: what is not in it is left at once, what is new is tried", NAMES)
    story.begin()
    story.pass_time(2)
    story.call("set_candidates", [one for one in story.candidates if one.endpoint.id != "o"])
    story.pass_time(2)
    story.call("set_candidates", [])
    story.pass_time(30)
    story.call("set_candidates", story.candidates)
    story.pass_time(2)
    return story


def walk(seed: int) -> Story:
    """A random life."""
    story = Story(f"random walk {seed}", seed=seed)
    story.begin()
    for _ in range(24):
        chance = story.rng.random()
        carrying = story.carrying
        if chance < 0.25:
            for one in story.rng.sample(ALL, 5):
                story.behaviour[one.id] = story.rng.choice(BEHAVIOURS)
        elif chance < 0.4:
            story.lose(story.rng.choice((0, 5000, 1 << 20)))
        elif chance < 0.55:
            story.stall(story.rng.choice((100, 16_000, 1 << 20)))
        elif chance < 0.75 and carrying is not None:
            does, arguments = story.rng.choice((("rotate", ()), ("slow", (500.0,)), ("slow", (5000.0,))))
            story.call(does, carrying, *arguments)
        elif chance < 0.85:
            story.call(story.rng.choice(("tap", "doubt", "rest", "want")))
        elif chance < 0.92:
            story.move(story.rng.choice(("home", "cafe")))
        story.pass_time(story.rng.choice((0.1, 1.0, 5.0, 40.0)))
    return story


STORIES: dict[str, Callable[[], Story]] = {
    **{made.__name__: made for made in (open_network, name_blocked, no_upgrade, answered, frozen, frozen_again)},
    **{
        made.__name__: made
        for made in (froze_later, only_a_stall, stalled, private_late, private_soon, nothing, tapped_early, server_down)
    },
    **{made.__name__: made for made in (offline, crawl, slow, slow_stays, lost_again, moves, other_session, new_list)},
    **{f"walk_{seed}": partial(walk, seed) for seed in range(1, 9)},
}


def render() -> str:
    stories = ",\n".join(made().render(name) for name, made in STORIES.items())
    return f'{{"source": "{BY}", "start": {START}, "stories": [\n{stories}\n]}}\n'


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8")
