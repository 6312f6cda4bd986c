"""Delivery references: where a leaf's messages go, sealed by the server, unlinkable, and stored by nobody.

`deliver_to = key_id u8 || nonce 12 || AES-256-GCM(K_ref, mailbox_id 16 || flags u8 || serial 8)`, 54 bytes, other bytes
each time. The serial names the reference to its owner (`MSG.via`), who can block it. Source: service.md 3.

A reference for a stranger has bit 0 of the flags, which the engine obeys, and the first bit of the serial, by which its
owner knows a contact request when it comes (`protocol/contacts/requests.py`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InvalidTag

from zajil.engine.keys import Keys
from zajil.engine.sql.interface import OpenRef
from zajil.protocol.contacts.requests import mark_serial
from zajil.protocol.errors import error
from zajil.protocol.ids import MailboxId
from zajil.protocol.limits import DELIVERY_REF_BYTES

SERIAL_BYTES: Final = 8
_NONCE_BYTES: Final = 12
_ID_BYTES: Final = 16
_STRANGER: Final = 1


class RefBook:
    """Makes and opens delivery references under the server's K_ref."""

    def __init__(self, keys: Keys, *, random: Callable[[int], bytes] = os.urandom) -> None:
        self._keys = keys
        self._random = random

    def make_ref(self, mailbox_id: MailboxId) -> bytes:
        """A fresh reference to this mailbox, 54 bytes."""
        return self._make(mailbox_id, 0)

    def make_stranger_ref(self, mailbox_id: MailboxId) -> bytes:
        """A fresh reference through which little passes: a request of somebody its owner does not know."""
        return self._make(mailbox_id, _STRANGER)

    def _make(self, mailbox_id: MailboxId, flags: int) -> bytes:
        number = self._keys.newest_ref
        nonce = self._random(_NONCE_BYTES)
        serial = mark_serial(self._random(SERIAL_BYTES), stranger=bool(flags))
        plain = mailbox_id + bytes([flags]) + serial
        return bytes([number]) + nonce + self._keys.ref[number].encrypt(nonce, plain, None)

    def open_ref(self, deliver_to: bytes) -> OpenRef:
        """Mailbox and serial. Raises Refused `bad-delivery-ref` for anything this server did not make."""
        if len(deliver_to) != DELIVERY_REF_BYTES or deliver_to[0] not in self._keys.ref:
            raise error("bad-delivery-ref")
        nonce, sealed = deliver_to[1 : 1 + _NONCE_BYTES], deliver_to[1 + _NONCE_BYTES :]
        try:
            plain = self._keys.ref[deliver_to[0]].decrypt(nonce, sealed, None)
        except InvalidTag:
            raise error("bad-delivery-ref") from None
        if plain[_ID_BYTES] & ~_STRANGER:
            raise error("bad-delivery-ref", "unknown flags")
        return OpenRef(MailboxId(plain[:_ID_BYTES]), plain[_ID_BYTES + 1 :], plain[_ID_BYTES] == _STRANGER)
