"""Growth of what MLS costs a client: groups of n, 2n and 4n members, and commits that somebody missed. Suite 1.

A blank tree is one whose members were all added in one commit: nothing within it can be addressed as a whole. On a
warm one each half that the founder does not belong to has been committed from, so a commit seals for log n nodes.
"""

from __future__ import annotations

from typing import Final

from bench.growing.family import Costs, Family, Row, cpu_ms
from bench.rounds import Turn
from tests.mls.actors import Actor, Directory

from zajil.protocol.limits import SUITE_RFC1

TEXT: Final = b"m" * 200
MESSAGES: Final = 50
COMMITS: Final = 8
SMALL: Final = 8
N: Final = 64
ADD = Row("MLS add all", "l", N, "members added in one commit")
JOIN = Row("MLS join", "l", N, "members of the group that one joins")
UPDATE = Row("MLS update a blank tree", "l", N, "members of the group")
MISSED = Row("MLS missed commits", "l", 50, f"commits to catch up with in a group of {SMALL}")
WARM = Row("MLS commit on a warm tree", "c", N, "members of the group")
ENCRYPT = Row("MLS encrypt", "c", N, "members of the group; 200 bytes")
DECRYPT = Row("MLS decrypt", "c", N, "members of the group; 200 bytes")
ROWS: Final = (ADD, JOIN, UPDATE, MISSED, WARM, ENCRYPT, DECRYPT)


def found(size: int) -> tuple[list[Actor], bytes, float]:
    """Actors of a new group by leaf, of whom only the founder is in it; the Welcome; CPU of the commit, ms."""
    directory = Directory()
    actors = [Actor(directory, suite=SUITE_RFC1, identity=b"member %d" % number) for number in range(size)]
    packages = [actor.key_package() for actor in actors[1:]]
    actors[0].create(b"growth %d" % size)
    made: list[bytes] = []

    def add() -> None:
        _, welcome = actors[0].commit(adds=packages)
        actors[0].apply()
        made.append(welcome or b"")

    took = cpu_ms(add)
    return actors, made[0], took


def commit(actor: Actor) -> bytes:
    """One that changes no member; the actor has applied it."""
    message, _ = actor.commit()
    actor.apply()
    return message


def play_size(turn: Turn, size: int) -> dict[str, float]:
    """Every row whose n is the number of members."""
    actors, welcome, added = found(size)
    founder, one = actors[0], actors[1]
    costs = {ADD.name: added, JOIN.name: cpu_ms(lambda: one.join(welcome))}
    made: list[bytes] = []
    twin = founder.copy()
    costs[UPDATE.name] = cpu_ms(lambda: commit(founder.copy()), best_of=3)
    # The first of each subtree beside the founder's way to the root commits from it.
    leaves = [1 << level for level in range((size - 1).bit_length()) if 1 << level < size]
    others = [actors[leaf] for leaf in leaves]
    for each in others[1:]:
        each.join(welcome)
    for each in others:
        message = commit(each)
        for other in (twin, *others):
            if other is not each:
                other.receive(message)
    costs[WARM.name] = cpu_ms(lambda: made.append(commit(twin)), times=COMMITS, best_of=3)
    for message in made:
        one.receive(message)
    turn.expect("agree", int(twin.export("g", b"", 32) == one.export("g", b"", 32)), 1)
    made.clear()
    costs[ENCRYPT.name] = cpu_ms(lambda: made.append(twin.encrypt(TEXT)), times=MESSAGES, best_of=3)
    opened: list[bytes] = []
    waiting = iter(made)
    costs[DECRYPT.name] = cpu_ms(lambda: opened.append(one.receive(next(waiting)).data), times=MESSAGES, best_of=3)
    turn.expect("opened", opened.count(TEXT), 3 * MESSAGES)
    return costs


def catch_up(turn: Turn, missed: int) -> float:
    """CPU of taking so many commits one after the other, ms."""
    actors, welcome, _ = found(SMALL)
    actors[1].join(welcome)
    messages = [commit(actors[0]) for _ in range(missed)]

    def take() -> None:
        for message in messages:
            actors[1].receive(message)

    took = cpu_ms(take)
    turn.expect("epoch", actors[1].state().epoch, actors[0].state().epoch)
    return took


def play(turn: Turn, scale: float) -> Costs:
    """All rows of this file. The least of two runs, since each of a group's beginnings happens once."""
    play_size(turn, 8)
    costs: Costs = {row.name: [] for row in ROWS}
    for size in ADD.sizes(scale):
        runs = [play_size(turn, size) for _ in range(2)]
        for name in runs[0]:
            costs[name].append(min(run[name] for run in runs))
    costs[MISSED.name] = [min(catch_up(turn, missed) for _ in range(2)) for missed in MISSED.sizes(scale)]
    return costs


def family(scale: float) -> Family:
    """See the module."""
    return Family(ROWS, play, scale)
