"""What the calls of /usernames and GET /contact-tokens carry; see docs/protocol/contacts.md."""

from __future__ import annotations

import msgspec

from zajil.protocol.frames import U32, U64
from zajil.protocol.ids import B16, B32


class FoundUsername(msgspec.Struct, frozen=True):
    """GET /usernames/{key}: the account that has the username of this key."""

    account_id: B16


class OwnContactToken(msgspec.Struct, frozen=True):
    """A contact token in links of the caller, by its SHA-256. expires: Unix seconds."""

    hash: B32
    uses_left: U32
    expires: U64


class OwnContactTokens(msgspec.Struct, frozen=True):
    """GET /contact-tokens: those that still admit somebody, the next to expire first."""

    tokens: tuple[OwnContactToken, ...]
