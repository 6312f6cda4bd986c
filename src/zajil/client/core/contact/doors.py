"""Control calls about who reaches this device, and their answers; derived from the store, so a crash loses none."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from zajil.client.core import outbox
from zajil.client.state import doors, rows
from zajil.client.state.step import Step
from zajil.protocol.errors import error
from zajil.protocol.limits import DELIVERY_REF_BYTES


class WantDeny(msgspec.Struct, frozen=True):
    """Nothing is to come through the reference of this serial."""

    serial: bytes


class WantAllow(msgspec.Struct, frozen=True):
    """The reference of this serial is to lead here again."""

    serial: bytes


class WantToken(msgspec.Struct, frozen=True):
    """This is the account's profile token from now on."""

    token: bytes


class WantRef(msgspec.Struct, frozen=True):
    """A fresh reference to our own mailbox, for item n."""

    n: int


WantDoor: TypeAlias = WantDeny | WantAllow | WantToken | WantRef


def wants(step: Step) -> list[WantDoor]:
    """What is needed now."""
    due = doors.load_doors(step.tx)
    found: list[WantDoor] = [WantDeny(serial) for serial in due.deny]
    found += [WantAllow(serial) for serial in due.allow]
    if due.token_due:
        found.append(WantToken(step.profile.profile_token))
    for n, item in rows.items(step.tx):
        accepts = item.intent is not None and item.intent.op == "accept"
        if accepts and item.state == "queued" and not item.own_ref:
            found.append(WantRef(n))
    return found


def take_done(step: Step, want: WantDeny | WantAllow | WantToken) -> None:
    """The server did it, or refuses it for good."""
    due = doors.load_doors(step.tx)
    match want:
        case WantDeny():
            doors.change_doors(step.tx, deny=tuple(one for one in due.deny if one != want.serial))
        case WantAllow():
            doors.change_doors(step.tx, allow=tuple(one for one in due.allow if one != want.serial))
        case WantToken():
            if want.token == step.profile.profile_token:
                doors.change_doors(step.tx, token_due=False)


def take_ref(step: Step, n: int, own_ref: bytes) -> None:
    """A reference of ours for item n. Raises Malformed."""
    if len(own_ref) != DELIVERY_REF_BYTES:
        raise error("malformed", "delivery reference")
    item = outbox.find_item(step, n)
    if item is not None and item.state == "queued":
        outbox.change_item(step, n, item, own_ref=own_ref)
