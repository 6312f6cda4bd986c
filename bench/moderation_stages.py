"""Posts a second and core of moderation: stages 0 to 3 as the pipeline runs them, in batches of 512; or of each alone.

Run: `make bench B=moderation_stages`, or .venv/bin/python bench/moderation_stages.py [--rounds N] [--only real,made]
[--stages]. By processor time of one thread, the best of several tries within each round. Two sets of texts of about
100 characters (`moderation_texts.py`): `real`, which people wrote and which the claim rests on, and `made`, of which
many times as many hold addresses, numbers and signs. Without the folder of public data sets there is `made` alone.
`--stages` prints instead, one JSON line for each figure, what share of each set asks for a second opinion on its
language, holds addresses, or leads to a decision, by which the time goes, and each stage at each batch size. Without
`linear.safetensors` the heads score with random weights of the same size, which takes as long.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
# ruff: noqa: E402  # the tree has to be on the path first
from bench.measure import NOISE_SHARE, Stretch
from bench.moderation_texts import WORST, make_made, read_real
from bench.record import NOISY, Subject
from bench.rounds import Entry, MissingError, Turn

from bench import rounds
from zajil.moderation.categories import HEADS, LANGUAGES
from zajil.moderation.classify.features import BUCKETS, hash_features
from zajil.moderation.classify.heads import LinearModel, load_model
from zajil.moderation.classify.modelfile import ModelMetadata
from zajil.moderation.data.folder import DataMissing, find_data
from zajil.moderation.match.clusters import ClusterIndex, Copy
from zajil.moderation.match.minhash import Signatures, sign_batch
from zajil.moderation.match.spelling import spell_batch
from zajil.moderation.normalise.text import VERSION, Normalised, normalise, normalise_batch
from zajil.moderation.pipeline.benches import packaged_policy
from zajil.moderation.pipeline.judging import Judged, judge_batch, set_bench
from zajil.moderation.pipeline.matcher import Matcher
from zajil.moderation.pipeline.reading import find_levels, read_texts, settle_memory
from zajil.moderation.policy.schema import Policy
from zajil.moderation.rules.flood import FloodCounters
from zajil.protocol.public.posts import PublicPost

T = TypeVar("T")
POSTS = 4_096
BATCHES = (1, 8, 64, 512)
ROUNDS = 5
SEED = 1
# Design: stages 0 to 3 at batch 512; the text side alone must leave room for rules, lists and records.
MUST, AIM = 8_000, 20_000


def split(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The items in batches."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def find_model() -> LinearModel:
    """The shipped model, or one of random weights."""
    path = Path(str(files("zajil.moderation").joinpath("model", "linear.safetensors")))
    if path.exists():
        return load_model(path, sha256=None)
    rng = np.random.default_rng(SEED)
    size = (len(HEADS), len(LANGUAGES))
    arrays: dict[str, npt.NDArray[Any]] = {  # Any: as the file's
        "W": rng.normal(0, 0.1, (BUCKETS, len(HEADS))).astype(np.float16),
        "b": np.zeros(len(HEADS), np.float32),
        "platt_a": np.ones(size, np.float32),
        "platt_b": np.zeros(size, np.float32),
    }
    return LinearModel(arrays, ModelMetadata(heads=HEADS, languages=LANGUAGES, normaliser=VERSION), "")


def measure(run: Callable[[], object], posts: int) -> float:
    """Posts a second of processor time, the best of the rounds: what else the machine does only takes away."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return posts / best


def say(texts: str, stage: str, batch: int, per_s: float, *, aim: int | None = None) -> None:
    """Print one figure."""
    figure: dict[str, object] = {"bench": "moderation_stages", "texts": texts, "stage": stage, "batch": batch}
    figure["per_s_per_core"] = round(per_s)
    if aim is not None:
        figure |= {"must": MUST, "aim": aim, "met": "aim" if per_s >= aim else "must" if per_s >= MUST else "no"}
    sys.stdout.write(json.dumps(figure) + "\n")


def run_worker(batch: Sequence[str], model: LinearModel) -> None:
    """The part of stages 0, 1 and 3 that needs the text alone."""
    texts = normalise_batch(batch)
    sign_batch([each.packed for each in spell_batch(batch, texts)])
    model.score_batch(texts)


def make_stages(posts: Sequence[str], policy: Policy) -> Callable[[int], Iterator[list[Judged]]]:
    """Stages 0 to 3 as the pipeline runs them, on these texts, for a batch size: read, match, rules and policy.

    Every post is of another persona in one of a thousand channels. Records are not part of it: they are SQL. Batch by
    batch, for the pipeline keeps none either.
    """
    levels = find_levels(policy)
    made = [
        PublicPost(
            post_id=number.to_bytes(16, "big"),
            version=1,
            channel_id=(number % 1000).to_bytes(16, "big"),
            author=number.to_bytes(16, "little"),
            text=text,
            lang="",
            created_at=1_800_000_000,
            thread_root=None,
            reply_to=None,
            trust=1,
            role="member",
            first=False,
            channel_kind="group",
            channel_lang="en",
            subscribers=10,
        )
        for number, text in enumerate(posts)
    ]

    settle_memory()

    def run(size: int) -> Iterator[list[Judged]]:
        matcher = Matcher()
        bench = set_bench(policy, "", suspended=frozenset(), counters=FloodCounters())
        for start in range(0, len(made), size):
            some = made[start : start + size]
            readings = read_texts([post.text for post in some], levels)
            joined = matcher.add_batch(some, readings, now=1e9)
            yield judge_batch(bench, matcher, some, readings, joined=joined, copies={}, now=1e9)

    return run


def say_shares(name: str, posts: Sequence[str], texts: Sequence[Normalised], policy: Policy) -> None:
    """Print what share of a set does what costs time. asked: by a score, whether its language is right."""
    levels = find_levels(policy)
    judged = [each for batch in make_stages(posts, policy)(512) for each in batch]
    asked = sum(
        any(map(float.__ge__, each.reading.scores, levels.get(text.lang, ())))
        for each, text in zip(judged, texts, strict=True)
    )
    counts: Counter[str] = Counter({"asked": asked})
    for text, each in zip(texts, judged, strict=True):
        joined = each.matched.joined is not None
        counts += Counter({text.lang: 1, "views": bool(text.views), "entities": bool(text.entities), "copies": joined})
        counts[each.action.effect] += 1
    shares = {key: round(count / len(posts), 4) for key, count in sorted(counts.items())}
    characters = round(sum(map(len, posts)) / len(posts))
    sys.stdout.write(
        json.dumps({"texts": name, "posts": len(posts), "characters": characters, "shares": shares}) + "\n"
    )


def run_stages(whole: Callable[[int], Iterator[object]], size: int) -> None:
    """All batches of `make_stages`; nothing is kept."""
    deque(whole(size), maxlen=0)


def run_matcher(signatures: Signatures, size: int) -> None:
    """A new index that takes posts in batches, every one compared with all before it."""
    index = ClusterIndex()
    for start in range(0, len(signatures), size):
        rows = signatures[start : start + size]
        numbers = range(start, start + len(rows))
        index.add_batch([Copy(f"{number}", f"p{number}", "c", 1e9 + number / 100) for number in numbers], rows)


def run_set(name: str, posts: Sequence[str], model: LinearModel, policy: Policy) -> None:
    """Each stage alone at each batch size, then together."""
    texts: list[Normalised] = normalise_batch(posts)
    bases = [text.base for text in texts]
    signatures, _ = sign_batch(bases)
    say_shares(name, posts, texts, policy)
    for size in BATCHES:
        many = posts[: len(posts) if size > 1 else 1024]
        some = texts[: len(many)]
        stages: dict[str, Callable[[], object]] = {
            "normalise": partial(_each, normalise_batch, many, size),
            "features": partial(_each, hash_features, bases[: len(many)], size),
            "heads": partial(_each, model.score_batch, some, size),
            "minhash": partial(_each, sign_batch, bases[: len(many)], size),
            "spelling": partial(_spell, many, some, size),
        }
        for stage, run in stages.items():
            say(name, stage, size, measure(run, len(many)))

        def run_three(many: Sequence[str] = many, size: int = size) -> None:
            for batch in split(many, size):
                read = [text.base for text in normalise_batch(batch)]
                hash_features(read)
                sign_batch(read)

        say(name, "normalise+features+minhash", size, measure(run_three, len(many)), aim=AIM)

        def run_all(many: Sequence[str] = many, size: int = size) -> None:
            for batch in split(many, size):
                run_worker(batch, model)

        say(name, "worker: stages 0, 1 and 3", size, measure(run_all, len(many)), aim=AIM)
        per_s = measure(partial(run_stages, make_stages(many, policy), size), len(many))
        say(name, "stages 0 to 3, as the pipeline runs them", size, per_s, aim=AIM)
        per_s = measure(partial(run_matcher, signatures[: len(many)], size), len(many))
        say(name, "matcher index", size, per_s, aim=AIM)


def _each(act: Callable[[Sequence[T]], object], items: Sequence[T], size: int) -> None:
    for batch in split(items, size):
        act(batch)


def _spell(posts: Sequence[str], texts: Sequence[Normalised], size: int) -> None:
    for batch, read in zip(split(posts, size), split(texts, size), strict=True):
        spell_batch(batch, read)


def print_stages() -> None:
    """Both sets of texts, then the worst texts of 8 KiB."""
    model, policy = find_model(), packaged_policy()
    try:
        run_set("real", read_real(find_real(), POSTS), model, policy)
    except MissingError as missing:
        sys.stdout.write(json.dumps({"texts": "real", "skipped": str(missing)}) + "\n")
    run_set("made", make_made(POSTS), model, policy)
    for name, text in WORST.items():
        per_s = measure(partial(normalise, text), 1)
        sys.stdout.write(json.dumps({"stage": "normalise 8 KiB", "text": name, "ms": round(1000 / per_s, 2), "aim": 5}))
        sys.stdout.write("\n")


def find_real() -> Path:
    """The folder of public data sets. Raises MissingError."""
    try:
        data = find_data()
    except DataMissing:
        data = None
    if data is None:
        raise MissingError("no folder of public data sets (docs/develop says where it is looked for)")
    return data


def describe(name: str) -> Subject:
    """Raises MissingError."""
    if name == "real":
        find_real()
    return Subject(name=name, version=f"normaliser {VERSION}", settings=f"{POSTS} texts")


def play(name: str) -> Turn:
    """The pipeline over one set of texts, as fast as its best try."""
    posts = read_real(find_real(), POSTS) if name == "real" else make_made(POSTS)
    turn, stretch = Turn(), Stretch.begin()
    threshold = gc.get_threshold()
    whole, judged = make_stages(posts, packaged_policy()), 0

    def run() -> None:
        nonlocal judged
        judged = sum(map(len, whole(BATCHES[-1])))

    turn.metrics["posts_per_s_per_core"] = measure(run, len(posts))
    turn.expect("judged", judged, len(posts))
    # `make_stages` settled what this process holds, as the pipeline does; the next turn holds something else.
    gc.set_threshold(*threshold)
    gc.unfreeze()
    if stretch.others_share() > NOISE_SHARE:
        turn.flags.append(NOISY)
    return turn


def main() -> None:
    """Prints every turn, the medians, and the goals."""
    parser = rounds.make_parser(__doc__)
    parser.add_argument("--stages", action="store_true", help="each stage at each batch size, as lines of JSON")
    options = parser.parse_args()
    if options.stages:
        print_stages()
        return
    entries = [Entry(name, partial(describe, name), partial(play, name)) for name in ("real", "made")]
    rounds.run("moderation_stages", entries, params={"posts": POSTS, "batch": BATCHES[-1]}, options=options)


if __name__ == "__main__":
    main()
