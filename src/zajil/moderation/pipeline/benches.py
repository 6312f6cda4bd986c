"""Which policy is in force: the packaged one until another is activated, rules that people suspended left out."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from sqlalchemy import Connection

from zajil.moderation.classify.packaged import load_linear, read_thresholds
from zajil.moderation.normalise.text import normalise
from zajil.moderation.pipeline.judging import Bench, set_bench
from zajil.moderation.policy.load import check_policy
from zajil.moderation.policy.packaged import load_packaged
from zajil.moderation.policy.schema import Policy
from zajil.moderation.policy.thresholds import ModelThresholds
from zajil.moderation.rules.flood import FloodCounters
from zajil.moderation.store import matches, policies
from zajil.protocol.errors import error

ACTIVE: Final = "active"


@lru_cache(maxsize=16_384)
def fold_phrase(text: str) -> str:
    """A phrase as lists hold it: its base view. Kept, since one policy's phrases are mostly those of the next."""
    return normalise(text).base


def shipped_thresholds() -> ModelThresholds:
    """What the shipped model has been shown to be safe at."""
    return read_thresholds(load_linear().metadata)


def packaged_policy(model: ModelThresholds | None = None) -> Policy:
    """The shipped policy. model: None for the shipped model's thresholds."""
    return load_packaged(fold_phrase, model=shipped_thresholds() if model is None else model)


def read_policy(files: dict[str, bytes], name: str, model: ModelThresholds | None = None) -> Policy:
    """The policy of stored files. Raises Malformed for one with faults, as a newer model may make of an old one."""
    checked = check_policy(
        files[name].decode("utf-8"),
        read_list=lambda path: files[path],
        normalise=fold_phrase,
        model=shipped_thresholds() if model is None else model,
        name=name,
    )
    if checked.policy is None:
        raise error("malformed", f"policy, {checked.faults[0]}")
    return checked.policy


class Benches:
    """The bench of this process, kept up to date by the trail of changes. Made by `load`, then `refresh`ed.

    packaged: the policy that ships; model: what scores may do under others, None for what the shipped model is safe at.
    """

    def __init__(self, *, packaged: Callable[[], Policy] | None = None, model: ModelThresholds | None = None) -> None:
        self._packaged = packaged or packaged_policy
        self._model = model
        self._change = 0
        self._counters = FloodCounters()
        self._bench: Bench | None = None

    @property
    def bench(self) -> Bench:
        """What posts are judged with now."""
        if self._bench is None:
            raise error("wrong-call", "no policy was loaded")
        return self._bench

    @property
    def change(self) -> int:
        """Up to which change this was read, below 0 where that is in doubt."""
        return self._change

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self.bench.policy

    def load(self, db: Connection) -> None:
        """Take the policy in force from the store, the packaged one where none was ever activated."""
        self._change = matches.newest_change(db)
        stored = policies.find_active(db)
        policy = (
            self._packaged() if stored is None else read_policy(policies.files_of(stored), stored.name, self._model)
        )
        suspended = matches.suspended(db, "rule")
        # The counters go on: a new policy does not forgive a flood.
        self._bench = set_bench(policy, load_linear().sha256, suspended=suspended, counters=self._counters)

    def refresh(self, db: Connection) -> None:
        """Take over another policy, or a rule that was suspended, if there is any."""
        changes = matches.changes_after(db, self._change)
        if (
            self._change < 0
            or any(change.what in ("policy", "rule") for change in changes)
            or (changes and matches.is_cut(db, self._change))
        ):
            self.load(db)
        elif changes:
            self._change = changes[-1].seq

    def doubt(self) -> None:
        """The transaction of a `refresh` was rolled back, and others in it with it: the next one loads anew."""
        self._change = -1
