"""The keys by which clients know this server however they reach it: root, list and session keys, in their own file.

The root key signs which host names and session keys are ours, the list key where bridges are, and the session keys
open what clients seal to us through bridges. Whoever loses the file can never again tell clients anything new; whoever
steals it can pose as the server to people behind bridges. Mode 0600, beside the database; a copy belongs elsewhere.

File: JSON `{"version": 1, "root": "<64 hex digits>", "list": "<64>", "session": {"<n>": "<192>"}}`, highest n newest.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zajil.engine.files import write_once
from zajil.engine.keys import KeyFileError
from zajil.protocol.reach.seal import ORIGIN_SEED_BYTES, OriginKey

FILE_NAME: Final = "reach.key"
_SIGNING_BYTES: Final = 32


class _KeyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    root: str
    list: str
    session: dict[int, str]


class ReachKeys:
    """root, list: what signs those documents. sessions: what opens seals, newest first."""

    def __init__(self, *, root: bytes, list: bytes, sessions: Mapping[int, bytes]) -> None:  # noqa: A002 (its name in documents)
        """root, list: 32-byte Ed25519 seeds. sessions: 96-byte seeds by number."""
        self.root = Ed25519PrivateKey.from_private_bytes(root)
        self.list = Ed25519PrivateKey.from_private_bytes(list)
        self.sessions = tuple(OriginKey.from_seed(sessions[number]) for number in sorted(sessions, reverse=True))

    @classmethod
    def load(cls, path: Path, *, create: bool = False) -> ReachKeys:
        """The keys in this file; with `create`, a missing file is written first. Raises KeyFileError."""
        if create:
            write_once(path, _fresh_file)
        try:
            if path.stat().st_mode & 0o077:
                raise KeyFileError(f"{path.name} can be read by others; it must have mode 0600")
            content = msgspec.json.decode(path.read_bytes(), type=_KeyFile)
            sessions = {number: bytes.fromhex(text) for number, text in content.session.items()}
            root, list_ = bytes.fromhex(content.root), bytes.fromhex(content.list)
        except FileNotFoundError:
            raise KeyFileError(
                f"{path.name} is missing: clients trust this server by it and would take no other; put back a copy"
            ) from None
        except (msgspec.MsgspecError, ValueError):
            raise KeyFileError(f"{path.name} is not a key file") from None
        sizes = {len(root), len(list_)}
        if sizes != {_SIGNING_BYTES} or not sessions or {*map(len, sessions.values())} != {ORIGIN_SEED_BYTES}:
            raise KeyFileError(f"{path.name} is not a key file")
        return cls(root=root, list=list_, sessions=sessions)


def _fresh_file() -> bytes:
    content = _KeyFile(
        version=1,
        root=os.urandom(_SIGNING_BYTES).hex(),
        list=os.urandom(_SIGNING_BYTES).hex(),
        session={1: os.urandom(ORIGIN_SEED_BYTES).hex()},
    )
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
