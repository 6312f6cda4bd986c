"""Receipts: which of your messages came in or were read.

SinglePart `application/mimi-message-status` = CBOR `[[message id, 1 delivered | 2 read]]`, disposition unspecified.
Source: draft-mahy-mimi-message-status, reduced to what is used here.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Final

from zajil.protocol import cbor
from zajil.protocol.chat.content import UNSPECIFIED, SinglePart
from zajil.protocol.errors import error
from zajil.protocol.fields import Fields
from zajil.protocol.ids import MessageId

STATUS_TYPE: Final = "application/mimi-message-status"
RECEIPTS: Final = 256
"""Most receipts of one message."""
RECEIPT_LEAVES: Final = 32
"""In groups of more leaves nobody sends receipts."""
BATCH_MS: Final = 2_000
"""How long the first receipt of a batch waits for others of its chat."""


class Status(IntEnum):
    """What became of a message at its reader."""

    DELIVERED = 1
    READ = 2


Receipt = tuple[MessageId, Status]


def encode_receipts(receipts: Sequence[Receipt]) -> SinglePart:
    """The message body of 1 to 256 receipts."""
    if not 1 <= len(receipts) <= RECEIPTS:
        raise error("wrong-call", "1 to 256 receipts")
    return SinglePart(STATUS_TYPE, cbor.encode([[identity, int(status)] for identity, status in receipts]), UNSPECIFIED)


def parse_receipts(part: SinglePart) -> tuple[Receipt, ...]:
    """The receipts of a body; a status of a later version is left out. Raises Malformed."""
    items = Fields({0: cbor.parse(part.content)}).items(0, most=RECEIPTS)
    found: list[Receipt] = []
    for item in items:
        fields = Fields.of_array(item, 2)
        identity, status = MessageId(fields.blob(0, size=32)), fields.number(1, bits=8)
        if status in tuple(Status):
            found.append((identity, Status(status)))
    return tuple(found)
