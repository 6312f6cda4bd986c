"""Which attempt a network is remembered by: one that has carried for 3 s on end."""

from __future__ import annotations

from zajil.protocol.calls import ladder
from zajil.protocol.calls.ladder import Kind, Ladder
from zajil.protocol.calls.winner import Winner


class Life:
    """One link, and what would be remembered of it."""

    def __init__(self, *available: Kind, remembered: Kind | None = None) -> None:
        self.ladder, self.winner = Ladder(), Winner()
        self.started: list[Kind] = []
        self.won: list[tuple[int, Kind]] = []
        self.tell(0, ladder.Open(available, remembered))

    def tell(self, now: int, event: ladder.Event | None = None) -> None:
        """At this time, also that it passed."""
        self.ladder, actions = ladder.step(self.ladder, event or ladder.Tick(), now)
        self.started += [action.kind for action in actions if isinstance(action, ladder.Start)]
        if (kind := self.winner.watch(self.ladder, now)) is not None:
            self.won.append((now, kind))


def test_it_is_told_once_it_has_carried_for_three_seconds_and_once_alone() -> None:
    life = Life("A", "B")
    life.tell(500, ladder.Got(1))
    for now in range(600, 9_000, 100):
        life.tell(now)
    assert life.won == [(3_500, "A")]


def test_what_was_remembered_starts_first() -> None:
    life = Life("A", "B", "C", remembered="B")
    for now in (100, 1_500, 3_000):
        life.tell(now)
    assert life.started == ["B", "A", "C"]


def test_what_is_lost_before_is_no_winner_and_what_comes_back_begins_anew() -> None:
    life = Life("A")
    life.tell(500, ladder.Got(1))
    life.tell(3_400, ladder.Lost(1))
    life.tell(3_600)
    life.tell(4_000, ladder.Got(1))
    life.tell(6_900)
    assert life.won == []
    life.tell(7_000)
    assert life.won == [(7_000, "A")]


def test_in_another_network_it_has_to_show_itself_anew() -> None:
    life = Life("A")
    life.tell(500, ladder.Got(1))
    life.tell(3_500)
    life.winner.move()
    life.tell(5_000, ladder.Moved(("A",)))
    life.tell(7_900)
    assert life.won == [(3_500, "A")]
    life.tell(8_000)
    assert life.won == [(3_500, "A"), (8_000, "A")]
