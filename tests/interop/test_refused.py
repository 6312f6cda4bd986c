"""vectors/mls/refused.json says what this engine says: vitest replays the same rows on the browser's wrapper."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.interop.make_refused import OUT, refusal_of
from tests.mls.actors import NOW

from zajil import mls
from zajil.mls.env import DEFAULT_POLICY
from zajil.mls.epochs.epoch import Epoch, Ratchets, Stored
from zajil.mls.messages.group_context import GroupContext
from zajil.mls.messages.proposals import parse_proposal
from zajil.mls.primitives.codec import parse_all
from zajil.mls.schedule import transcript
from zajil.mls.schedule.key_schedule import EpochSecrets
from zajil.mls.schedule.secret_tree import Ratchet, RatchetKind, SecretTree
from zajil.mls.tree.tree import Tree
from zajil.mls.tree.treekem import PrivateKeys
from zajil.mls.validate import RULES

Row = dict[str, Any]  # JSON
# C8 is the state after a removal, K4 binds who adds, P4 needs PSKs; F3, F6 and X stand on public messages, which the
# product never takes.
NOT_IN_ROWS = {"C8", "F3", "F6", "K4", "P4", "X1", "X2"}


RECEIVED, JOINED = 192, 79


@cache
def document() -> Row:
    found: Row = json.loads(Path(OUT).read_text(encoding="utf-8"))
    return found


def env_of(name: str) -> mls.Env:
    directory = document()["directories"][name]
    keys, aliases = directory["keys"], directory["aliases"]

    def authenticate(credential: mls.Credential, signature_key: bytes, use: mls.Use) -> bytes:
        identity = credential.body.hex()
        if keys.get(identity) != signature_key.hex():
            raise mls.Rejected("unknown key")
        return bytes.fromhex(aliases.get(identity, identity))

    return mls.Env(authenticate=authenticate, signer=bytes, rng=bytes, now=NOW)


@cache
def group_of(name: str) -> mls.Group:
    row = document()["states"][name]
    context = parse_all(bytes.fromhex(row["context"]), GroupContext.parse)
    suite, tag = context.suite, bytes.fromhex(row["confirmation_tag"])
    tree = parse_all(bytes.fromhex(row["tree"]), lambda reader: Tree.parse(suite, reader))
    secrets = {part: bytes.fromhex(value) for part, value in row["secrets"].items()}
    epoch = Epoch(
        context=context,
        tree=tree,
        private=PrivateKeys(row["leaf"], {int(node): bytes.fromhex(key) for node, key in row["private"].items()}),
        secrets=EpochSecrets(encryption=b"", resumption=b"", **secrets),
        confirmation_tag=tag,
        interim_transcript_hash=transcript.interim_transcript_hash(suite, context.confirmed_transcript_hash, tag),
        clients=tuple(None if client is None else bytes.fromhex(client) for client in row["clients"]),
    )
    ratchets = {
        (leaf, kind): Ratchet(bytes.fromhex(pair[kind.name.lower()][0]), pair[kind.name.lower()][1])
        for leaf, pair in enumerate(row["ratchets"])
        if pair is not None
        for kind in RatchetKind
    }
    proposals = tuple(
        Stored(bytes.fromhex(ref), parse_all(bytes.fromhex(proposal), parse_proposal), sender)
        for ref, sender, proposal in row["proposals"]
    )
    return mls.Group(epoch, Ratchets(SecretTree(suite, tree.leaves, {}, ratchets), proposals=proposals))


def outcome(work: Any) -> str:  # Any: a call without arguments
    try:
        return str(work())
    except mls.MlsError as problem:
        return refusal_of(problem)


@pytest.mark.parametrize("index", range(RECEIVED))
def test_what_members_are_shown(index: int) -> None:
    row = document()["received"][index]
    group, env = group_of(row["state"]), env_of(row["directory"])
    found = outcome(lambda: type(group.receive(env, bytes.fromhex(row["message"]))[1]).__name__)
    assert found == row["outcome"], row["test"]


@pytest.mark.parametrize("index", range(JOINED))
def test_what_joiners_are_shown(index: int) -> None:
    row = document()["joined"][index]
    package = mls.parse_key_package(bytes.fromhex(row["key_package"]))
    secrets = mls.KeyPackageSecrets(bytes.fromhex(row["init_key"]), bytes.fromhex(row["encryption_key"]))
    known = frozenset(map(bytes.fromhex, row["known_groups"]))

    def join() -> str:
        env = env_of(row["directory"])
        mls.Group.join(env, bytes.fromhex(row["welcome"]), package, secrets, known_groups=known)
        return "joined"

    assert outcome(join) == row["outcome"], row["test"]


def test_the_rows_are_all_there_and_name_every_rule() -> None:
    rows = [*document()["received"], *document()["joined"]]
    assert (len(document()["received"]), len(document()["joined"])) == (RECEIVED, JOINED)
    named = {row["outcome"] for row in rows}
    assert set(RULES) - {"D1"} - named <= NOT_IN_ROWS
    assert {"DecodeError", "FutureEpoch", "PastEpoch", "Staged", "Application", "joined"} <= named
    assert mls.Policy() == DEFAULT_POLICY
