"""Writes vectors/mls/refused.json: what the rule tests of the engine put before a member, and what it answered.

Run by hand: `python -m tests.interop.make_refused`. It runs tests/mls/test_rules_*.py and records each call of
`Group.receive` and `Group.join`, so that the browser's wrapper is shown the same forged messages in the same state.
Randomness makes every run another file; what may be refused for which reason does not change.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.mls.actors import NOW, Directory

from zajil import mls
from zajil.mls.epochs.epoch import Epoch, Ratchets
from zajil.mls.errors import Invalid, MlsError
from zajil.mls.messages.proposals import encode_proposal
from zajil.mls.schedule.secret_tree import RatchetKind, SecretTree

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "vectors" / "mls" / "refused.json"
PER_TEST = 3
"""Calls kept of one test: parametrised ones each count anew."""
Row = dict[str, Any]  # JSON


def refusal_of(problem: MlsError) -> str:
    """The rule, or the class of the error."""
    return problem.rule if isinstance(problem, Invalid) else type(problem).__name__


class Recorder:
    """A pytest plugin: wraps the two entry points while the tests run."""

    def __init__(self) -> None:
        self.states: dict[str, Row] = {}
        self.directories: dict[str, Row] = {}
        self.received: list[Row] = []
        self.joined: list[Row] = []
        self.test = ""
        self.kept = 0
        self.seen: set[str] = set()

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self.test, self.kept = item.name, 0

    def wrap(self) -> None:
        receive, join = mls.Group.receive, mls.Group.join.__func__  # type: ignore[attr-defined]  # a classmethod
        mls.Group.receive = self._receive(receive)  # type: ignore[method-assign]
        mls.Group.join = classmethod(self._join(join))  # type: ignore[assignment,method-assign]

    def _receive(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def receive(group: mls.Group, env: mls.Env, message: bytes) -> Any:
            try:
                after, event = real(group, env, message)
            except MlsError as problem:
                self._note_receive(group, env, message, refusal_of(problem))
                raise
            self._note_receive(group, env, message, type(event).__name__)
            return after, event

        return receive

    def _join(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def join(cls: type[mls.Group], env: mls.Env, welcome: bytes, package: Any, secrets: Any, **rest: Any) -> Any:
            try:
                reached = real(cls, env, welcome, package, secrets, **rest)
            except MlsError as problem:
                self._note_join(env, welcome, package, secrets, rest, refusal_of(problem))
                raise
            self._note_join(env, welcome, package, secrets, rest, "joined")
            return reached

        return join

    def _note_receive(self, group: mls.Group, env: mls.Env, message: bytes, outcome: str) -> None:
        directory = self._directory(env)
        state = state_of(group.current, group.ratchets)
        if directory is None or state is None or len(message) > 1 << 16:
            return
        if outcome != "PastEpoch" and is_past(group, message):
            return
        row = {"state": self._name(self.states, state), "directory": directory, "message": message.hex()}
        self._keep(self.received, row, outcome)

    def _note_join(
        self, env: mls.Env, welcome: bytes, package: mls.KeyPackage, secrets: Any, rest: Row, outcome: str
    ) -> None:
        directory = self._directory(env)
        if directory is None or rest.get("tree") is not None:
            return
        row = {
            "directory": directory,
            "welcome": welcome.hex(),
            "key_package": mls.encode_key_package(package).hex(),
            "init_key": secrets.init_key.hex(),
            "encryption_key": secrets.encryption_key.hex(),
            "known_groups": sorted(gid.hex() for gid in rest.get("known_groups", ())),
        }
        self._keep(self.joined, row, outcome)

    def _keep(self, rows: list[Row], row: Row, outcome: str) -> None:
        name = hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()
        if self.kept >= PER_TEST or name in self.seen or not self.test:
            return
        self.seen.add(name)
        self.kept += 1
        rows.append({"test": self.test, "outcome": outcome, **row})

    def _directory(self, env: mls.Env) -> str | None:
        """Only members under the product's policy, who judge credentials by a directory, have twins in the browser."""
        owner = getattr(env.authenticate, "__self__", None)
        if not isinstance(owner, Directory) or env.policy != mls.Policy() or env.psks or env.now != NOW:
            return None
        keys = {identity.hex(): key.hex() for identity, key in owner.keys.items()}
        aliases = {identity.hex(): other.hex() for identity, other in owner.aliases.items()}
        return self._name(self.directories, {"keys": keys, "aliases": aliases})

    def _name(self, table: dict[str, Row], value: Row) -> str:
        name = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]
        table[name] = value
        return name


def is_past(group: mls.Group, message: bytes) -> bool:
    """Whether a message is of an ended epoch, of which the rows hold nothing."""
    try:
        return mls.peek(message).epoch < group.epoch
    except MlsError:
        return False


def state_of(epoch: Epoch, ratchets: Ratchets) -> Row | None:
    """A group in the open: everything a client in another language needs to stand where this one stands.

    None where it cannot be told: skipped keys are kept in another form there, and a group that ended is not asked.
    """
    leaves = [leaf_ratchets(ratchets.secret_tree, leaf) for leaf in range(epoch.tree.leaves)]
    if epoch.state is not mls.State.ACTIVE or any(leaf is not None and leaf.get("skipped") for leaf in leaves):
        return None
    secrets = epoch.secrets
    return {
        "context": epoch.context.encode().hex(),
        "tree": epoch.tree.encode().hex(),
        "leaf": epoch.own_leaf,
        "private": {str(node): key.hex() for node, key in sorted(epoch.private.keys.items())},
        "secrets": {
            name: getattr(secrets, name).hex()
            for name in ("sender_data", "exporter", "external", "confirmation", "membership", "authenticator", "init")
        },
        "confirmation_tag": epoch.confirmation_tag.hex(),
        "clients": [None if client is None else client.hex() for client in epoch.clients],
        "ratchets": leaves,
        "proposals": [[p.ref.hex(), p.sender, encode_proposal(p.proposal).hex()] for p in ratchets.proposals],
    }


def leaf_ratchets(tree: SecretTree, leaf: int) -> Row | None:
    """Secret and generation of a leaf's two ratchets."""
    try:
        opened = tree._with_ratchets(leaf, RatchetKind.APPLICATION)
    except Invalid:
        return None
    pair = [opened.ratchets[leaf, kind] for kind in (RatchetKind.HANDSHAKE, RatchetKind.APPLICATION)]
    row: Row = {
        name: [ratchet.secret.hex(), ratchet.generation]
        for name, ratchet in zip(("handshake", "application"), pair, strict=True)
    }
    if any(ratchet.skipped for ratchet in pair):
        row["skipped"] = True
    return row


def used(table: dict[str, Row], field: str, rows: list[Row]) -> dict[str, Row]:
    """The entries that a kept row names."""
    names = {row[field] for row in rows}
    return {name: value for name, value in table.items() if name in names}


def main() -> int:
    recorder = Recorder()
    recorder.wrap()
    tests = sorted(str(path) for path in (ROOT / "tests" / "mls").glob("test_rules_*.py"))
    code = pytest.main(["-q", "-p", "no:cacheprovider", *tests], plugins=[recorder])
    document = {
        "source": "tests/interop/make_refused.py: recorded from tests/mls/test_rules_*.py",
        "about": "what members and joiners are shown, in which state; outcome: the rule or the error they refuse it "
        "with, or what it is where it passes (Application, Proposed, Staged, joined)",
        "now": NOW,
        "states": used(recorder.states, "state", recorder.received),
        "directories": used(recorder.directories, "directory", [*recorder.received, *recorder.joined]),
        "received": recorder.received,
        "joined": recorder.joined,
    }
    OUT.write_text(json.dumps(document, indent=0, separators=(",", ":")) + "\n", encoding="utf-8")
    sys.stdout.write(f"{OUT}: {len(recorder.received)} received, {len(recorder.joined)} joined\n")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
