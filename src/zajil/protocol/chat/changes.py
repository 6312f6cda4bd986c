"""Who may change what of a chat's settings (service.md 6): one table that every member's client judges by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from zajil.protocol import cbor
from zajil.protocol.chat.expiry import SPAN_MAX_S
from zajil.protocol.chat.extensions import PREDECESSOR, TIMER, ChatKind, ChatRole, ChatSettings, find_changes
from zajil.protocol.errors import error

# Key of the extension -> the permission that opens it to members. What stands in neither table is for admins.
_BY_PERMISSION: Final[Mapping[cbor.Key, str]] = {3: "info", 4: "info", 5: "info", TIMER: "timer", 10: "link"}
_NOBODYS: Final[Mapping[cbor.Key, str]] = {1: "version", 2: "kind", PREDECESSOR: "predecessor"}
_NAMES: Final[Mapping[cbor.Key, str]] = {**_NOBODYS, 7: "roles", 8: "perms", **_BY_PERMISSION}


def check_change(before: bytes, after: bytes, role: int) -> None:
    """Passes when a member of this role may turn these settings into those.

    before, after: data of extension 0xF0A0. role: 0 member, 1 admin, 2 owner, by the rules for groups that lost their
    owners. Raises `not-permitted`, Malformed.
    """
    held, new = ChatSettings.parse(before), ChatSettings.parse(after)
    changes = find_changes(before, after)
    if TIMER in changes and new.timer > SPAN_MAX_S:
        raise error("malformed", "timer")
    for key in changes:
        if role < _needed(held, key):
            raise error("not-permitted", _NAMES.get(key, "later"))


def _needed(held: ChatSettings, key: cbor.Key) -> int:
    """The lowest role that may change a key; above every role where nobody may."""
    if key in _NOBODYS or (held.kind == ChatKind.SELF and key != TIMER):
        return ChatRole.OWNER + 1
    if key == 7:
        return ChatRole.OWNER
    permission = _BY_PERMISSION.get(key)
    return ChatRole.ADMIN if permission is None else held.perms.numbers()[permission]
