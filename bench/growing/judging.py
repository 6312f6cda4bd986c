"""Growth of moderation: posts judged, what is judged and listed already, and the log of decisions.

Posts are judged three times, each through all sizes, and the least counts: every text is new to an index only once, so
no window can be repeated by itself, and what others use of the machine moves one window by a tenth.
"""

from __future__ import annotations

import gc
from functools import partial
from itertools import count
from typing import Final

import numpy as np
from bench.growing.family import Costs, Family, Row, cpu_ms
from bench.moderation_stages import make_stages, run_stages
from bench.moderation_texts import make_made
from bench.rounds import Turn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zajil.moderation.audit.log import Draft, LogHead, append, sign
from zajil.moderation.audit.verify import check_log
from zajil.moderation.match.clusters import ClusterIndex, Confirmed, ConfirmedIndex, Copy
from zajil.moderation.match.entries import Entry
from zajil.moderation.match.minhash import VALUES, Signatures, find_grams, sign_batch
from zajil.moderation.match.spelling import NO_TARGETS
from zajil.moderation.match.urls import AddressLists
from zajil.moderation.normalise.text import normalise_batch
from zajil.moderation.pipeline.benches import packaged_policy
from zajil.protocol.tlog.checkpoint import NoteKey

BATCH: Final = 512
JUDGING: Final = 3
ORIGIN: Final = "bench.example/moderation"
ASKED: Final = make_made(BATCH)
POSTS = Row("posts judged", "l", 5000, "stages 0 to 3 in batches of 512, each compared with all before it")
SEEN = Row("posts of the day", "c", 50_000, "posts that a batch of 512 is compared with")
JUDGED = Row("judged texts", "c", 25_000, "texts that people judged; 512 posts looked up, one confirmed and revoked")
LISTED = Row("listed addresses", "c", 25_000, "domains on the list; addresses of 512 posts looked up")
APPENDED = Row("audit log append", "c", 10_000, "entries that it has")
VERIFIED = Row("audit log verify", "l", 10_000, "entries that it has")
ROWS: Final = (POSTS, SEEN, JUDGED, LISTED, APPENDED, VERIFIED)


def make_signatures(rng: np.random.Generator, size: int) -> Signatures:
    """Of so many texts that have nothing in common."""
    return rng.integers(0, 1 << 32, (size, VALUES), dtype=np.uint32)


def see(sizes: list[int]) -> list[float]:
    """CPU of adding a batch to an index of so many posts, ms."""
    rng, index, costs, numbers = np.random.default_rng(1), ClusterIndex(), [], count()

    def add(size: int) -> None:
        copies = [Copy(f"t{number}", f"p{number}", "c", 1e9) for number in (next(numbers) for _ in range(size))]
        index.add_batch(copies, make_signatures(rng, size))

    for size in sizes:
        while len(index) < size:
            add(min(4096, size - len(index)))
        costs.append(cpu_ms(lambda: add(BATCH), best_of=5))
    return costs


def look_up(sizes: list[int]) -> list[float]:
    """CPU of looking a batch up among so many judged texts, and of one judgement that comes and goes, ms."""
    rng, index, costs = np.random.default_rng(2), ConfirmedIndex(), []
    bases = [text.base for text in normalise_batch(ASKED)]
    rows, _ = sign_batch(bases)
    grams = find_grams("a text that somebody judged")

    def confirm(number: int, signature: Signatures) -> None:
        index.confirm(Confirmed(f"c{number}", "fraud", grams, 27, NO_TARGETS), signature)

    def ask() -> None:
        for base, row in zip(bases, rows, strict=True):
            index.find(base, row, NO_TARGETS)
        confirm(-1, rows[0])
        index.revoke("c-1")

    for size in sizes:
        for number in range(len(index), size):
            confirm(number, make_signatures(rng, 1)[0])
        costs.append(cpu_ms(ask, best_of=5))
    return costs


def list_addresses(turn: Turn, sizes: list[int]) -> list[float]:
    """CPU of looking the addresses of a batch up on a list of so many domains, ms."""
    lists, costs, entry = AddressLists(), [], Entry("fraud", "bench")
    entities = [text.entities for text in normalise_batch(ASKED)]
    found = 0

    def ask() -> None:
        nonlocal found
        found = sum(len(lists.find(each, now=1e9)) for each in entities)

    lists.add("domain", "example.com", entry)
    number = 0
    for size in sizes:
        while number < size:
            lists.add("domain", f"host{number}.example", entry)
            number += 1
        costs.append(cpu_ms(ask, times=10, best_of=5))
    turn.checks["listed"] = found
    return costs


def keep_log(turn: Turn, sizes: list[int]) -> tuple[list[float], list[float]]:
    """CPU of an entry more on a log of so many, and of verifying it whole, ms."""
    key = Ed25519PrivateKey.generate()
    keys = [NoteKey(ORIGIN, key.public_key().public_bytes_raw())]
    head, entries, appended, verified = LogHead(), list[bytes](), list[float](), list[float]()
    draft = Draft("decision", b"d" * 32, policy="p", model="m")

    for size in sizes:
        while head.size < size:
            head, entry = append(head, draft, now=1e9)
            entries.append(entry.data)
        _, note = sign(head, key, origin=ORIGIN)
        verified.append(cpu_ms(partial(check_log, entries, [note], keys=keys, origin=ORIGIN)))
        appended.append(cpu_ms(partial(append, head, draft, now=1e9), times=500, best_of=5))
    turn.checks["entries"] = head.size
    return appended, verified


def play(turn: Turn, scale: float) -> Costs:
    """All rows of this file."""
    policy, posts = packaged_policy(), POSTS.sizes(scale)
    texts = make_made(posts[-1])
    threshold = gc.get_threshold()
    runs: list[list[float]] = []
    for sizes in ([posts[0]], *[posts] * JUDGING):
        stages = [make_stages(texts[:size], policy) for size in sizes]
        runs.append([cpu_ms(partial(run_stages, run, BATCH)) for run in stages])
    # As the pipeline does, these settled what the process holds; the rows that follow are of another kind.
    gc.set_threshold(*threshold)
    gc.unfreeze()
    appended, verified = keep_log(turn, APPENDED.sizes(scale))
    return {
        POSTS.name: [min(costs) for costs in zip(*runs[1:], strict=True)],
        SEEN.name: see(SEEN.sizes(scale)),
        JUDGED.name: look_up(JUDGED.sizes(scale)),
        LISTED.name: list_addresses(turn, LISTED.sizes(scale)),
        APPENDED.name: appended,
        VERIFIED.name: verified,
    }


def family(scale: float) -> Family:
    """See the module."""
    return Family(ROWS, play, scale)
