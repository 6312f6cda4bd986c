"""ts-mls alone: the corrections are needed, do what they say, and fail loudly when an anchor moves."""

from __future__ import annotations

import re

import pytest
from tests.interop.node import WEB
from tests.interop.ts_mls import Client, Peer, PeerRefused

pytestmark = pytest.mark.interop
SUITES = (1, 0x53)


def add(committer: Client, others: list[Client], newcomer: Client) -> None:
    commit, welcome = committer.commit(adds=[newcomer.key_package()])
    assert welcome is not None
    spread(committer, others, commit)
    newcomer.join(welcome)


def spread(committer: Client, others: list[Client], commit: bytes) -> None:
    committer.apply()
    for other in others:
        other.receive(commit)


def five(peer: Peer, suite: int, name: str) -> list[Client]:
    clients = [
        peer.client(f"{name}-{suite}-{i}", suite=suite, identity=b"%s-%d-%d" % (name.encode(), suite, i))
        for i in range(6)
    ]
    clients[0].create(b"group-" + name.encode())
    for i in range(1, 5):
        add(clients[0], clients[1:i], clients[i])
    return clients


def grow_partly_merged(peer: Peer, suite: int) -> Client:
    """Five members, one removed, its gap filled, an update from the other half, one more Add: an ordinary tree."""
    clients = five(peer, suite, "merged")
    commit, _ = clients[0].commit(removes=[1])
    spread(clients[0], clients[2:5], commit)
    gap = peer.client(f"gap-{suite}", suite=suite, identity=b"gap-%d" % suite)
    add(clients[0], clients[2:5], gap)
    commit, _ = clients[4].commit()
    spread(clients[4], [clients[0], clients[2], clients[3], gap], commit)
    add(clients[0], [*clients[2:5], gap], clients[5])
    return clients[5]


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES)
def test_corrected_ts_mls_joins_a_partly_merged_tree(ts_mls: Peer, suite: int) -> None:
    newcomer = grow_partly_merged(ts_mls, suite)
    assert newcomer.state().active == "active"


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES)
def test_published_ts_mls_refuses_it(raw_ts_mls: Peer, suite: int) -> None:
    with pytest.raises(PeerRefused, match="unmerged_leaves"):
        grow_partly_merged(raw_ts_mls, suite)


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES)
def test_corrected_remove_with_extensions_opens_for_everyone(ts_mls: Peer, suite: int) -> None:
    clients = five(ts_mls, suite, "both")
    commit, _ = clients[0].commit(removes=[4], extensions=[(0xF0A0, b"title")])
    spread(clients[0], clients[1:4], commit)
    assert {client.state().epoch_authenticator for client in clients[:4]} == {clients[0].state().epoch_authenticator}
    assert clients[1].state().extensions == [(0xF0A0, b"title")]


def test_published_ts_mls_cannot_open_its_own_remove_with_extensions(raw_ts_mls: Peer) -> None:
    clients = five(raw_ts_mls, 1, "both")
    commit, _ = clients[0].commit(removes=[4], extensions=[(0xF0A0, b"title")])
    with pytest.raises(PeerRefused, match=r"CryptoError|OperationError"):
        clients[1].receive(commit)


def test_two_commits_of_one_epoch_use_two_generations(ts_mls: Peer) -> None:
    clients = five(ts_mls, 1, "lost-race")
    lost, _ = clients[0].commit(aad=b"lost")
    won, _ = clients[0].commit(aad=b"won")
    spread(clients[0], [], won)
    clients[1].receive(won)
    assert clients[0].state().epoch_authenticator == clients[1].state().epoch_authenticator
    # Both generations were spent, so the loser is another message under another key, never the same nonce twice.
    clients[2].receive(lost)
    assert clients[2].state().epoch_authenticator != clients[1].state().epoch_authenticator


def test_unknown_signature_key_is_refused(ts_mls: Peer) -> None:
    clients = five(ts_mls, 1, "unknown")
    package = clients[5].key_package()
    ts_mls.trust(clients[5].identity, bytes(32))
    with pytest.raises(PeerRefused, match="L1"):
        clients[0].commit(adds=[package])


def test_each_anchor_occurs_once_in_the_installed_source(ts_mls: Peer) -> None:
    text = (WEB / "build" / "ts-mls-corrections.ts").read_text(encoding="utf-8")
    anchors = re.findall(r"file: \"(\w+\.js)\",\s+anchor: (?:\"([^\"]+)\"|'([^']+)')", text)
    assert len(anchors) == 9
    for file, double, single in anchors:
        source = (WEB / "node_modules" / "ts-mls" / "dist" / "src" / file).read_text(encoding="utf-8")
        assert source.count(double or single) == 1
