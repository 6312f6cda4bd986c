"""What MLS costs a client, beside mls-rs: adding everybody at once, joining, updating, taking a commit, messages.

Run: `make bench B=mls`, or .venv/bin/python bench/mls.py [--rounds N] [--only NAME,...] [--sizes 2,64,256]. All members
are added in one commit, so every inner node of the tree is blank: the worst tree. Suite 1, and for ours X-Wing up to 64
members. `process` is the commit that `update` made, at the member who joined; messages have 200 bytes. CPU of this
process, in which both run; mls-rs is bound by `agentvault-mls-rs-uniffi` and frames its handshakes as PublicMessages.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
# ruff: noqa: E402  # the tree has to be on the path first
from bench.measure import NOISE_SHARE, Stretch
from bench.record import Subject
from bench.rounds import Entry, MissingError, Turn
from tests.mls.actors import Actor, Directory

from bench import rounds
from zajil.protocol.limits import SUITE_RFC1, SUITE_XWING, XWING_LEAVES

SIZES: Final = (2, 50, 64, 256)
MESSAGES: Final = 50
TEXT: Final = b"m" * 200
MS: Final = 1000
Make = Callable[[int], Any]  # Any: an actor of either engine; they share methods and no base


class Clock:
    """Milliseconds of this process's CPU by step."""

    def __init__(self, turn: Turn, ending: str) -> None:
        self._turn, self._ending = turn, ending

    @contextmanager
    def step(self, name: str, *, times: int = 1) -> Iterator[None]:
        """Time what is done inside, divided by how often."""
        began = time.process_time()
        yield
        self._turn.metrics[f"{name}{self._ending}"] = (time.process_time() - began) * MS / times


def play_size(turn: Turn, make: Make, join: Callable[[Any, bytes], None], size: int, *, prefix: str = "") -> None:
    """A group of so many, from its first commit on. Any: see Make."""
    ending = f"_{size}_ms"
    clock = Clock(turn, ending)
    founder, joiner = make(0), make(1)
    packages = [joiner.key_package(), *(make(number).key_package() for number in range(2, size))]
    founder.create(b"bench %s%d" % (prefix.encode(), size))
    with clock.step(f"{prefix}bulk_add"):
        commit, welcome = founder.commit(adds=packages)
        founder.apply()
    with clock.step(f"{prefix}join"):
        join(joiner, welcome)
    with clock.step(f"{prefix}update"):
        update, _ = founder.commit()
        founder.apply()
    with clock.step(f"{prefix}process"):
        joiner.receive(update)
    turn.expect(f"{prefix}agree_{size}", int(founder.export("b", b"", 32) == joiner.export("b", b"", 32)), 1)
    steps = ("bulk_add", "join", "update", "process")
    turn.metrics[f"{prefix}all{ending}"] = sum(turn.metrics[f"{prefix}{step}{ending}"] for step in steps)
    turn.metrics[f"{prefix}welcome_{size}_kb"] = len(welcome) / 1000
    turn.metrics[f"{prefix}commit_{size}_kb"] = len(commit) / 1000
    if prefix or size != 2:
        return
    clock = Clock(turn, "_200_ms")
    with clock.step("encrypt", times=MESSAGES):
        sealed = [founder.encrypt(TEXT) for _ in range(MESSAGES)]
    with clock.step("decrypt", times=MESSAGES):
        opened = [joiner.receive(message).data for message in sealed]
    turn.expect("opened", opened.count(TEXT), MESSAGES)


def play_ours(sizes: Sequence[int]) -> Turn:
    """One turn of `zajil.mls`."""
    turn, stretch = Turn(), Stretch.begin()

    def make(suite: int, directory: Directory, number: int) -> Actor:
        return Actor(directory, suite=suite, identity=b"member %d" % number)

    for size in sizes:
        play_size(turn, partial(make, SUITE_RFC1, Directory()), lambda actor, welcome: actor.join(welcome), size)
    for size in (size for size in sizes if size <= min(64, XWING_LEAVES)):
        own = partial(make, SUITE_XWING, Directory())
        play_size(turn, own, lambda actor, welcome: actor.join(welcome), size, prefix="xwing_")
    _flag(turn, stretch)
    return turn


def play_mls_rs(sizes: Sequence[int]) -> Turn:
    """One turn of mls-rs."""
    from tests.interop.mls_rs import RsClient

    turn, stretch = Turn(), Stretch.begin()
    for size in sizes:
        play_size(
            turn,
            lambda number: RsClient(b"member %d" % number),
            lambda client, welcome: client.join(welcome, epoch=1),
            size,
        )
    _flag(turn, stretch)
    return turn


def _flag(turn: Turn, stretch: Stretch) -> None:
    if stretch.others_share() > NOISE_SHARE:
        turn.flags.append("noisy")


def describe_mls_rs() -> Subject:
    """Raises MissingError."""
    if find_spec("mls_rs_uniffi") is None:
        raise MissingError("make setup (the wheel agentvault-mls-rs-uniffi)")
    return Subject(name="mls-rs", version=version("agentvault-mls-rs-uniffi"), settings="through uniffi")


def main() -> None:
    """Prints every turn, the medians, and the goals."""
    parser = rounds.make_parser(__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    ours = Subject(name="zajil.mls", version=version("zajil"))
    entries = [
        Entry("zajil.mls", lambda: ours, partial(play_ours, sizes)),
        Entry("mls-rs", describe_mls_rs, partial(play_mls_rs, sizes)),
    ]
    rounds.run("mls", entries, params={"sizes": options.sizes, "messages": MESSAGES}, options=options)


if __name__ == "__main__":
    main()
