"""Control calls about who reaches this device, and their answers; derived from the store, so a crash loses none."""

from __future__ import annotations

import hashlib
from typing import TypeAlias

import msgspec

from zajil.client.core import outbox
from zajil.client.state import doors, rows
from zajil.client.state.joins import OwnLink, change_joins, load_joins
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


class WantDrop(msgspec.Struct, frozen=True):
    """The token of a link of ours into a group, that the group does not know any more, is to lead to nobody."""

    token: bytes


class WantLink(msgspec.Struct, frozen=True):
    """The token of this hash, of a link of ours, admits so many until then. uses 0: nobody. expires: Unix seconds."""

    hash: bytes
    uses: int
    expires: int


class WantRef(msgspec.Struct, frozen=True):
    """A fresh reference to our own mailbox, for item n."""

    n: int


WantMind: TypeAlias = WantDeny | WantAllow | WantToken | WantDrop | WantLink
WantDoor: TypeAlias = WantMind | WantRef


def wants(step: Step) -> list[WantDoor]:
    """What is needed now."""
    due = doors.load_doors(step.tx)
    found: list[WantDoor] = [WantDeny(serial) for serial in due.deny]
    found += [WantAllow(serial) for serial in due.allow]
    if due.token_due:
        found.append(WantToken(step.profile.profile_token))
    found += [WantLink(link.hash, link.uses, link.expires) for link in due.links if link.due]
    found += [WantDrop(link.token) for link in _ended_links(step)]
    for n, item in rows.items(step.tx):
        accepts = item.intent is not None and item.intent.op == "accept"
        if accepts and item.state == "queued" and not item.own_ref:
            found.append(WantRef(n))
    return found


def _ended_links(step: Step) -> list[OwnLink]:
    """Links of ours that somebody revoked, or into groups where we are no more; not those that are still to be told."""
    links = load_joins(step.tx).links
    if not links:
        return []
    queued = {item.intent.invite[0] for _, item in rows.items(step.tx) if item.intent and item.intent.invite}
    return [link for link in links if link.invite_id not in queued and _is_ended(step, link)]


def _is_ended(step: Step, link: OwnLink) -> bool:
    chat = rows.find_chat(step.tx, link.gid)
    if chat is None or chat.status in ("removed", "left"):
        return True
    return chat.status == "active" and all(invite_id != link.invite_id for invite_id, _, _ in chat.invites)


def take_done(step: Step, want: WantMind) -> None:
    """The server did it, or refuses it for good."""
    due = doors.load_doors(step.tx)
    match want:
        case WantDeny():
            doors.change_doors(step.tx, deny=tuple(one for one in due.deny if one != want.serial))
        case WantAllow():
            doors.change_doors(step.tx, allow=tuple(one for one in due.allow if one != want.serial))
        case WantDrop():
            ended = [one for one in load_joins(step.tx).links if one.token == want.token]
            change_joins(step.tx, links=tuple(one for one in load_joins(step.tx).links if one.token != want.token))
            for one in ended:
                note_link(step, one.token, uses=0, expires=one.expires)
        case WantLink():
            told = doors.Link(want.hash, want.uses, want.expires, due=True)
            links = tuple(msgspec.structs.replace(one, due=False) if one == told else one for one in due.links)
            doors.change_doors(step.tx, links=links)
        case WantToken():
            if want.token == step.profile.profile_token:
                doors.change_doors(step.tx, token_due=False)


def note_link(step: Step, token: bytes, *, uses: int, expires: int) -> None:
    """Keep what a server is told of a link of ours, should it come back from a backup. uses 0: it is over."""
    token_hash = hashlib.sha256(token).digest()
    doors.note_links(step.tx, [doors.Link(token_hash, uses, expires)], now_s=step.now // 1000)


def take_ref(step: Step, n: int, own_ref: bytes) -> None:
    """A reference of ours for item n. Raises Malformed."""
    if len(own_ref) != DELIVERY_REF_BYTES:
        raise error("malformed", "delivery reference")
    item = outbox.find_item(step, n)
    if item is not None and item.state == "queued":
        outbox.change_item(step, n, item, own_ref=own_ref)
