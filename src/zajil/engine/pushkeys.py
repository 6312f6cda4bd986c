"""The key by which push services know this server (VAPID, RFC 8292), in its own file with mode 0600.

Browsers bind a subscription to its public half. Whoever has it and the sealed endpoints could wake our devices, and no
more: nothing is encrypted with it.

File: JSON `{"version": 1, "vapid": "<64 hex digits>"}`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from zajil.engine.files import write_once
from zajil.engine.keys import KeyFileError

FILE_NAME: Final = "push.key"


class _KeyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    vapid: str


def load_push_key(path: Path, *, create: bool = False) -> ec.EllipticCurvePrivateKey:
    """The key in this file; with `create`, a missing file is written first. Raises KeyFileError."""
    if create:
        write_once(path, _fresh_file)
    try:
        if path.stat().st_mode & 0o077:
            raise KeyFileError(f"{path.name} can be read by others; it must have mode 0600")
        content = msgspec.json.decode(path.read_bytes(), type=_KeyFile)
        return ec.derive_private_key(int.from_bytes(bytes.fromhex(content.vapid), "big"), ec.SECP256R1())
    except FileNotFoundError:
        raise KeyFileError(
            f"{path.name} is missing: push services know this server by it; put back a copy, or begin anew with"
            " `zajil admin push-forget`"
        ) from None
    except (msgspec.MsgspecError, ValueError):
        raise KeyFileError(f"{path.name} is not a key file") from None


def _fresh_file() -> bytes:
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    content = _KeyFile(version=1, vapid=number.to_bytes(32, "big").hex())
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
