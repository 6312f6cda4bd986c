"""A valid Ed25519 key whose secret nobody can know: who is not there costs a login the same check as who is."""

from __future__ import annotations

from typing import Final

NOBODY: Final = bytes.fromhex("d9f166c0112abf7c519eb5345e615dc6b263f1b425277e3b606b32096603eb10")
"""A hash that happened to be a point: nobody chose a secret for it, and to find one is to break Ed25519.

SHA-256("zajil nobody v1" || n) for the first byte n, from 0 on, that gives the encoding of a point of the curve: n = 2.
That point eight times, which lies in the group of prime order. `tests/engine/test_nobody.py` derives it again.

Never the base point or another point that somebody can name a multiple of: its signatures can be made by anybody.
A caller asks after the check, all the same, whether whom it stood for is there.
"""
