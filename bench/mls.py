"""What MLS costs a client, beside mls-rs and ts-mls: adding everybody at once, joining, updating, messages.

Run: `make bench B=mls`, or .venv/bin/python bench/mls.py [--rounds N] [--only NAME,...] [--sizes 2,64,256]. All members
are added in one commit, so every inner node of the tree is blank: the worst tree. Suite 1, and X-Wing up to 64 members
where a library has it. `process` is the commit that `update` made, at the member who joined; messages have 200 bytes.
CPU of this process for ours and mls-rs, which is bound by `agentvault-mls-rs-uniffi` and frames its handshakes as
PublicMessages; of ts-mls that of the Node process, all its threads, which is asked by a line of JSON for each step.
`ts-mls` is the library as published, `web` the same as the browser client has it, with its rules and corrections.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
# ruff: noqa: E402  # the tree has to be on the path first
from bench.measure import NOISE_SHARE, Stretch, read_cpu
from bench.peers.starting import ask_version
from bench.record import Subject
from bench.rounds import Entry, MissingError, Turn
from hatch_build import NoNode, find_npm
from tests.interop.node import WEB, build_peer
from tests.interop.ts_mls import Client, Peer
from tests.mls.actors import Actor, Directory

from bench import rounds
from zajil.protocol.limits import SUITE_RFC1, SUITE_XWING, XWING_LEAVES

SIZES: Final = (2, 50, 64, 256)
MESSAGES: Final = 50
TEXT: Final = b"m" * 200
MS: Final = 1000
Make = Callable[[int], Any]  # Any: an actor of either engine; they share methods and no base


class Clock:
    """Milliseconds of CPU by step. spent: seconds so far, of this process if not said."""

    def __init__(self, turn: Turn, spent: Callable[[], float] = time.process_time) -> None:
        self._turn, self._spent = turn, spent

    @contextmanager
    def step(self, name: str, *, times: int = 1) -> Iterator[None]:
        """Time what is done inside, divided by how often."""
        began = self._spent()
        yield
        self._turn.metrics[f"{name}_ms"] = (self._spent() - began) * MS / times


def play_size(
    turn: Turn, clock: Clock, make: Make, join: Callable[[Any, bytes], None], size: int, *, prefix: str = ""
) -> None:
    """A group of so many, from its first commit on. Any: see Make."""
    founder, joiner = make(0), make(1)
    packages = [joiner.key_package(), *(make(number).key_package() for number in range(2, size))]
    founder.create(b"bench %s%d" % (prefix.encode(), size))
    with clock.step(f"{prefix}bulk_add_{size}"):
        commit, welcome = founder.commit(adds=packages)
        founder.apply()
    with clock.step(f"{prefix}join_{size}"):
        join(joiner, welcome)
    with clock.step(f"{prefix}update_{size}"):
        update, _ = founder.commit()
        founder.apply()
    with clock.step(f"{prefix}process_{size}"):
        joiner.receive(update)
    turn.expect(f"{prefix}agree_{size}", int(founder.export("b", b"", 32) == joiner.export("b", b"", 32)), 1)
    steps = ("bulk_add", "join", "update", "process")
    turn.metrics[f"{prefix}all_{size}_ms"] = sum(turn.metrics[f"{prefix}{step}_{size}_ms"] for step in steps)
    turn.metrics[f"{prefix}welcome_{size}_kb"] = len(welcome) / 1000
    turn.metrics[f"{prefix}commit_{size}_kb"] = len(commit) / 1000
    if prefix or size != 2:
        return
    with clock.step("encrypt_200", times=MESSAGES):
        sealed = [founder.encrypt(TEXT) for _ in range(MESSAGES)]
    with clock.step("decrypt_200", times=MESSAGES):
        opened = [joiner.receive(message).data for message in sealed]
    turn.expect("opened", opened.count(TEXT), MESSAGES)


def play_ours(sizes: Sequence[int]) -> Turn:
    """One turn of `zajil.mls`."""
    turn, stretch = Turn(), Stretch.begin()
    clock = Clock(turn)

    def make(suite: int, directory: Directory, number: int) -> Actor:
        return Actor(directory, suite=suite, identity=b"member %d" % number)

    for size in sizes:
        play_size(turn, clock, partial(make, SUITE_RFC1, Directory()), _join, size)
    for size in _xwing_sizes(sizes):
        own = partial(make, SUITE_XWING, Directory())
        play_size(turn, clock, own, _join, size, prefix="xwing_")
    _flag(turn, stretch)
    return turn


def play_mls_rs(sizes: Sequence[int]) -> Turn:
    """One turn of mls-rs."""
    from tests.interop.mls_rs import RsClient

    turn, stretch = Turn(), Stretch.begin()
    for size in sizes:
        play_size(
            turn,
            Clock(turn),
            lambda number: RsClient(b"member %d" % number),
            lambda client, welcome: client.join(welcome, epoch=1),
            size,
        )
    _flag(turn, stretch)
    return turn


def play_ts_mls(sizes: Sequence[int], *, raw: bool) -> Turn:
    """One turn of ts-mls in a Node of its own. raw: as published. It is bundled before, where it is not yet."""
    bundle = build_peer(raw=raw)
    turn, stretch = Turn(), Stretch.begin()
    numbers = count()

    with Peer(bundle) as peer:

        def make(suite: int, number: int) -> Client:
            identity = b"member %d %d" % (number, next(numbers))
            client = peer.client(identity.decode(), suite=suite, identity=identity)
            peer.trust(identity, client.signature_key)
            return client

        clock = Clock(turn, lambda: read_cpu([peer.pid]).ns / 1e9)
        for size in sizes:
            play_size(turn, clock, partial(make, SUITE_RFC1), _join, size)
        for size in _xwing_sizes(sizes):
            play_size(turn, clock, partial(make, SUITE_XWING), _join, size, prefix="xwing_")
    _flag(turn, stretch)
    return turn


def _join(client: Any, welcome: bytes) -> None:  # Any: see Make
    client.join(welcome)


def _xwing_sizes(sizes: Sequence[int]) -> list[int]:
    return [size for size in sizes if size <= min(64, XWING_LEAVES)]


def _flag(turn: Turn, stretch: Stretch) -> None:
    if stretch.others_share() > NOISE_SHARE:
        turn.flags.append("noisy")


def describe_mls_rs() -> Subject:
    """Raises MissingError."""
    if find_spec("mls_rs_uniffi") is None:
        raise MissingError("make setup (the wheel agentvault-mls-rs-uniffi)")
    return Subject(name="mls-rs", version=version("agentvault-mls-rs-uniffi"), settings="through uniffi")


def describe_ts_mls(name: str, words: str) -> Subject:
    """Raises MissingError."""
    try:
        node, _ = find_npm()
    except NoNode as missing:
        raise MissingError(f"make setup ({missing})") from missing
    lock = json.loads((WEB / "package-lock.json").read_text(encoding="utf-8"))
    library = lock["packages"]["node_modules/ts-mls"]["version"]
    return Subject(name=name, version=library, settings=f"{words}, Node {ask_version([node, '--version'])}")


def make_ts_mls_entry(name: str, words: str, sizes: Sequence[int], *, raw: bool) -> Entry:
    """ts-mls as a subject."""
    return Entry(name, partial(describe_ts_mls, name, words), partial(play_ts_mls, sizes, raw=raw))


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
        make_ts_mls_entry("ts-mls", "as published", sizes, raw=True),
        make_ts_mls_entry("web", "as the browser client has it", sizes, raw=False),
    ]
    rounds.run("mls", entries, params={"sizes": options.sizes, "messages": MESSAGES}, options=options)


if __name__ == "__main__":
    main()
