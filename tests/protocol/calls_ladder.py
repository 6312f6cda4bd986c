"""Stories of one link's ladder: networks that let some kinds of attempt through, and what becomes of them."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from zajil.protocol.calls import ladder as ld

START = 1_790_000_000_000
Behaviour: TypeAlias = int | str
"""Milliseconds until the `got`; `refused`: fails after 100 ms; `barren`: no relay answers; `dead`: nothing comes."""
DEAD: Final = "dead"
STORIES: Final[dict[str, Callable[[], LinkWorld]]] = {}


class LinkWorld:
    """A link on a network. carries: kinds of the attempts that carried, in order, with the ms at which they began."""

    def __init__(self, **network: Behaviour) -> None:
        self.network: Mapping[str, Behaviour] = network
        self.now = START
        self.ladder = ld.Ladder()
        self.lived: list[list[object]] = []
        self.carries: list[tuple[str, int]] = []
        self.kinds: dict[int, ld.Kind] = {}
        self.open: list[int] = []
        self.most_open = 0
        self._order = itertools.count()
        self._due: list[tuple[int, int, ld.Event]] = []

    def tell(self, event: ld.Event) -> None:
        self.ladder, actions = ld.step(self.ladder, event, self.now)
        deadline = ld.next_deadline(self.ladder)
        self.lived.append([self.now - START, event, actions, None if deadline is None else deadline - START])
        for action in actions:
            self._carry_out(action)
        self.most_open = max(self.most_open, len(self.open))

    def _carry_out(self, action: ld.Action) -> None:
        match action:
            case ld.Start():
                self.open.append(action.attempt)
                self.kinds[action.attempt] = action.kind
                how = self.network.get(action.kind, DEAD)
                if isinstance(how, int):
                    self._later(how, ld.Got(action.attempt))
                elif how == "refused":
                    self._later(100, ld.Failed(action.attempt))
                elif how == "barren":
                    self._later(ld.BARREN_MS, ld.Barren(action.attempt))
            case ld.Stop():
                self.open.remove(action.attempt)
            case ld.Carry():
                self.carries.append((self.kinds[action.attempt], self.now - START))

    def _later(self, ms: int, event: ld.Event) -> None:
        heapq.heappush(self._due, (self.now + ms, next(self._order), event))

    def wait(self, ms: int) -> None:
        until = self.now + ms
        while True:
            deadline = ld.next_deadline(self.ladder)
            at = min(self._due[0][0] if self._due else until + 1, until + 1 if deadline is None else deadline)
            if at > until:
                break
            self.now = max(self.now, at)
            event = heapq.heappop(self._due)[2] if self._due and self._due[0][0] <= self.now else ld.Tick()
            self.tell(event)
        self.now = until

    def lose(self) -> None:
        """What carries is heard no more."""
        carrying = self.ladder.carrying
        if carrying is not None:
            self.tell(ld.Lost(carrying.number))

    def become(self, **network: Behaviour) -> None:
        self.network = network


def story(made: Callable[[], LinkWorld]) -> Callable[[], LinkWorld]:
    STORIES[made.__name__] = made
    return made


def opened(
    remembered: ld.Kind | None = None, *, available: tuple[ld.Kind, ...] = ld.KINDS, **network: Behaviour
) -> LinkWorld:
    world = LinkWorld(**network)
    world.tell(ld.Open(available, remembered))
    return world


@story
def everything_works() -> LinkWorld:
    """A wins, and nothing else is started."""
    world = opened(A=400, B=700, C=900)
    world.wait(20_000)
    assert world.carries == [("A", 400)]
    assert world.kinds == {1: "A"}
    return world


@story
def udp_is_blocked() -> LinkWorld:
    """A is silent: B starts at 1.5 s and wins; A closes with it."""
    world = opened(A=DEAD, B=500, C=900)
    world.wait(20_000)
    assert world.carries == [("B", 2000)]
    assert len(world.open) == 1
    return world


@story
def relays_are_blocked() -> LinkWorld:
    """A and B are silent: C starts at 3 s."""
    world = opened(A=DEAD, B=DEAD, C=700)
    world.wait(4000)
    assert world.carries == [("C", 3700)]
    return world


@story
def refused_at_once() -> LinkWorld:
    """An attempt that fails starts the next at once."""
    world = opened(A="refused", B="refused", C=700)
    world.wait(2000)
    assert world.carries == [("C", 900)]
    return world


@story
def remembered_first() -> LinkWorld:
    """What won last on this network starts at 0 s."""
    world = opened("C", A=DEAD, B=DEAD, C=600)
    world.wait(5000)
    assert world.carries == [("C", 600)]
    return world


@story
def remembered_no_longer() -> LinkWorld:
    """It does not work any more: the others follow in their order."""
    world = opened("B", A=300, B=DEAD, C=600)
    world.wait(5000)
    assert world.carries == [("A", 1800)]
    return world


@story
def nothing_works() -> LinkWorld:
    """Attempts are given up after 10 s, and a new round begins 2 s after the last of them."""
    world = opened(A=DEAD, B=DEAD, C=DEAD)
    world.wait(40_000)
    assert world.carries == []
    assert len(world.kinds) == 9
    return world


@story
def nothing_is_available() -> LinkWorld:
    """Neither a relay nor a media room: the call cannot be."""
    world = opened(available=())
    assert world.lived[0][2] == (ld.NoRoute(),)
    world.wait(20_000)
    return world


@story
def relay_only_without_relay() -> LinkWorld:
    """Only C is left."""
    world = opened(available=("C",), C=500)
    world.wait(600_000)
    assert world.carries == [("C", 500)]
    return world


@story
def udp_cut_mid_call() -> LinkWorld:
    """A is lost: B and A at once, C after 1.5 s; the first `got` wins and the old attempt closes."""
    world = opened(A=400, B=700, C=900)
    world.wait(60_000)
    world.become(A=DEAD, B=700, C=900)
    world.lose()
    world.wait(3000)
    assert world.carries[1:] == [("B", 60_700)]
    assert len(world.open) == 1
    return world


@story
def no_relay_answers() -> LinkWorld:
    """B finds no relay for a second: C starts then, and B is tried on."""
    world = opened(A=DEAD, B="barren", C=700)
    world.wait(3000)
    assert world.open == [1, 2, 3]
    world.wait(1000)
    assert world.carries == [("C", 3200)]
    return world


@story
def no_relay_answers_over_udp() -> LinkWorld:
    """A goes by relays alone and finds none: B starts after a second."""
    world = opened(A="barren", B=700, C=100)
    world.wait(20_000)
    assert world.carries == [("B", 1700)]
    return world


@story
def all_but_the_site_cut_mid_call() -> LinkWorld:
    """A is lost, and B finds no relay: C starts after a second and wins. Said twice it is no news."""
    world = opened(A=400, B=700, C=900)
    world.wait(60_000)
    world.become(A=DEAD, B="barren", C=300)
    world.lose()
    world.wait(1100)
    world.tell(ld.Barren(2))
    world.wait(2000)
    assert world.carries[1:] == [("C", 61_300)]
    return world


@story
def only_one_relay_answers_mid_call() -> LinkWorld:
    """A goes by relays alone and finds none, B finds one: C keeps its time, and B wins."""
    world = opened(A=400, B=700, C=900)
    world.wait(60_000)
    world.become(A="barren", B=1400, C=100)
    world.lose()
    world.wait(3000)
    assert world.carries[1:] == [("B", 61_400)]
    return world


@story
def tcp_cut_mid_call() -> LinkWorld:
    """B is lost: B and C at once, A after 1.5 s."""
    world = opened(A=DEAD, B=500, C=900)
    world.wait(60_000)
    world.become(A=400, B=DEAD, C=DEAD)
    world.lose()
    world.wait(3000)
    assert world.carries[1:] == [("A", 61_900)]
    return world


@story
def it_came_back() -> LinkWorld:
    """A `got` for the old attempt ends the round: it carries on, and nothing moves."""
    world = opened(A=400)
    world.wait(60_000)
    world.become(A=DEAD, B=DEAD, C=DEAD)
    world.lose()
    world.wait(2000)
    world.tell(ld.Got(1))
    assert world.ladder.flows
    assert world.open == [1]
    assert world.carries == [("A", 400)]
    return world


@story
def it_did_not_come_back() -> LinkWorld:
    """After 10 s the old attempt closes; rounds go on until something gets through."""
    world = opened(A=400)
    world.wait(60_000)
    world.become(A=DEAD, B=DEAD, C=DEAD)
    world.lose()
    world.wait(15_000)
    assert 1 not in world.open
    world.become(A=DEAD, B=DEAD, C=500)
    world.wait(10_000)
    assert world.carries[-1][0] == "C"
    return world


@story
def the_carrying_one_died() -> LinkWorld:
    """Its connection is gone: closed at once, and a round begins."""
    world = opened(A=400, B=500)
    world.wait(60_000)
    world.become(A="refused", B=600)
    world.tell(ld.Failed(1))
    world.wait(2000)
    assert world.carries[1:] == [("B", 60_600)]
    return world


@story
def lost_twice() -> LinkWorld:
    """Told again of what is known changes nothing; nor does what is said of attempts that are gone."""
    world = opened(A=400, B=DEAD, C=DEAD)
    world.wait(2000)
    world.become(A=DEAD)
    world.lose()
    world.wait(500)
    world.lose()
    for event in (ld.Got(77), ld.Lost(77), ld.Failed(77), ld.Lost(2)):
        world.tell(event)
    world.wait(2000)
    return world


@story
def another_network() -> LinkWorld:
    """A network change: a round at once, while the old attempt goes on until another gets through."""
    world = opened(A=400, B=500, C=600)
    world.wait(30_000)
    world.become(A=DEAD, B=800, C=DEAD)
    world.tell(ld.Moved(ld.KINDS, "B"))
    assert world.ladder.flows
    world.wait(3000)
    assert world.carries[1:] == [("B", 30_800)]
    return world


@story
def another_network_changes_nothing() -> LinkWorld:
    """Nothing new gets through, and what carried still does."""
    world = opened(A=DEAD, B=DEAD, C=600)
    world.wait(30_000)
    world.become(A=DEAD, B=DEAD, C=DEAD)
    world.tell(ld.Moved(ld.KINDS))
    world.wait(20_000)
    assert world.ladder.flows
    assert len(world.open) == 1
    world.become(A=300, B=300, C=DEAD)
    world.wait(400_000)
    assert world.carries[-1][0] == "A"
    return world


@story
def another_network_without_routes() -> LinkWorld:
    """Moved while the first round runs, to where nothing is available; then back."""
    world = opened(A=DEAD, B=DEAD, C=DEAD)
    world.wait(2000)
    world.tell(ld.Moved(()))
    assert world.open == []
    world.wait(5000)
    world.become(A=400)
    world.tell(ld.Moved(ld.KINDS))
    world.wait(1000)
    assert world.carries == [("A", 7400)]
    return world


@story
def upwards() -> LinkWorld:
    """On C one better attempt is made every 5 min, A and B in turn; it wins after 3 s of frames."""
    world = opened(A=DEAD, B=DEAD, C=600)
    world.wait(610_000)
    probes = [kind for number, kind in world.kinds.items() if number > 3]
    assert probes == ["A"]
    world.become(A=DEAD, B=500, C=600)
    world.wait(310_000)
    assert world.carries[1][0] == "B"
    assert world.most_open <= 4
    return world


@story
def upwards_and_lost() -> LinkWorld:
    """A probe that is lost within its 3 s does not win; the next one is the other kind."""
    world = opened(A=DEAD, B=DEAD, C=600)
    world.wait(5000)
    world.become(A=500, B=500, C=600)
    world.wait(299_600)
    probe = world.ladder.attempts[-1]
    assert probe.stage == "probing"
    world.tell(ld.Lost(probe.number))
    assert world.carries == [("C", 3600)]
    world.wait(304_000)
    assert world.carries[1][0] == "B"
    return world


@story
def c_lost_while_probing() -> LinkWorld:
    """C is lost beside a probe that got through: the probe is taken at once. One that did not races on."""
    world = opened(A=DEAD, B=DEAD, C=600)
    world.wait(5000)
    world.become(A=500, B=500, C=600)
    world.wait(299_600)
    world.lose()
    assert world.carries[1][0] == "A"
    other = opened(A=DEAD, B=DEAD, C=600)
    other.wait(303_600 + 1000)
    other.lose()
    other.wait(3000)
    return other


@story
def closed() -> LinkWorld:
    """Closing stops everything."""
    world = opened(A=DEAD, B=DEAD, C=DEAD)
    world.wait(4000)
    assert len(world.open) == 3
    world.tell(ld.Close())
    assert world.open == []
    world.wait(20_000)
    return world


def walk(seed: int) -> LinkWorld:
    """A random life."""
    rng = random.Random(seed)
    world = LinkWorld()
    world.tell(ld.Open(ld.KINDS, rng.choice((None, *ld.KINDS))))
    for _ in range(30):
        choices: tuple[Behaviour, ...] = (DEAD, "refused", "barren", 200, 900, 4000)
        if rng.random() < 0.5:
            world.become(A=rng.choice(choices), B=rng.choice(choices), C=rng.choice(choices))
        number = rng.randrange(1, world.ladder.next_number + 1)
        match rng.randrange(8):
            case 0 | 1:
                world.lose()
            case 2:
                world.tell(rng.choice((ld.Got(number), ld.Lost(number), ld.Failed(number), ld.Barren(number))))
            case 3:
                available = tuple(kind for kind in ld.KINDS if rng.random() < 0.7)
                world.tell(ld.Moved(available, rng.choice((None, *ld.KINDS))))
        world.wait(rng.choice((100, 1000, 3000, 12_000, 310_000)))
    return world
