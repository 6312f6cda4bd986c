"""Figures of packages that others made, measured apart and stored: `model/peers.json`, by package, set and language.

Their dependencies would bend ours, so `bench/moderation_peers.py` installs each in an environment of its own.
"""

from __future__ import annotations

from importlib.resources import files

import msgspec

from zajil.moderation.evaluate.measures import Estimate


class PeerFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One package on one language of one set, at its own operating point."""

    cases: int
    auprc: Estimate
    balanced: Estimate


def load_peers() -> dict[str, dict[str, PeerFigures]]:
    """What was measured, by `package version`, then `set language`. Raises OSError, msgspec.MsgspecError."""
    data = files("zajil.moderation").joinpath("model", "peers.json").read_bytes()
    return msgspec.json.decode(data, type=dict[str, dict[str, PeerFigures]])
