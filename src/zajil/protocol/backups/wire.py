"""What the calls of /backup/{locator} carry. Nothing in it names an account; see docs/protocol/recovery.md."""

from __future__ import annotations

import msgspec

from zajil.protocol.frames import U64
from zajil.protocol.ids import B32, B64, Blob


class StoredBackup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """PUT and answer of GET /backup/{locator}. sig: as `identity.recovery` makes it. version: above the one stored."""

    auth_pub: B32
    version: U64
    blob: Blob
    sig: B64


class DeleteBackup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """DELETE /backup/{locator}. sig: as there. version: above the one stored."""

    auth_pub: B32
    version: U64
    sig: B64
