"""The ts-mls peers, built once a session; without Node these tests skip with the reason."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hatch_build import NoNode
from tests.interop.node import build_peer
from tests.interop.ts_mls import Peer


def start_peer(*, raw: bool) -> Peer:
    try:
        return Peer(build_peer(raw=raw))
    except NoNode as reason:
        pytest.skip(f"ts-mls peer: {reason}")


@pytest.fixture(scope="session")
def ts_mls() -> Iterator[Peer]:
    """The browser's wrapper on ts-mls with our corrections."""
    with start_peer(raw=False) as peer:
        yield peer


@pytest.fixture(scope="session")
def raw_ts_mls() -> Iterator[Peer]:
    """ts-mls as published, to pin what wrapper and corrections are for."""
    with start_peer(raw=True) as peer:
        yield peer
