"""The link that leads into a group: `<front>/g#<fragment>`. It never joins by itself: whoever opens it may ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from zajil.protocol import cbor
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.fields import Fields
from zajil.protocol.ids import AccountId, GroupId, parse_b64
from zajil.protocol.limits import NAME_BYTES, SERVER_NAME_BYTES
from zajil.protocol.linktext import join_link, split_link

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class GroupLink:
    """Where to ask. invite_id: 16 bytes, of extension 0xF0A0 key 10. expires: Unix seconds.

    approver, contact_token (32 bytes): whom to ask. name: of the group, by the word of who made the link.
    """

    server_name: str
    gid: GroupId
    invite_id: bytes
    approver: AccountId
    contact_token: bytes
    expires: int
    name: str | None = None
    front: str = ""


def encode_group_link(link: GroupLink) -> str:
    """`<front>/g#<fragment>`, or the fragment alone where front is empty."""
    values: dict[cbor.Key, cbor.Value] = {1: VERSION, 2: link.server_name, 3: link.gid, 4: link.invite_id}
    values |= {5: link.approver, 6: link.contact_token, 7: link.expires}
    return join_link(link.front, "/g", cbor.encode(values | ({} if link.name is None else {8: link.name})))


def parse_group_link(text: str) -> GroupLink:
    """The link of a text a person pasted. Raises HomeError `bad-link`; whether it expired is for the caller."""
    front, fragment = split_link(text, "/g")
    try:
        fields = Fields.of_open_map(cbor.parse(parse_b64(fragment)), range(1, 8))
        if fields.number(1) != VERSION:
            raise error("unsupported-version", "group link")
        return GroupLink(
            server_name=fields.text(2, most=SERVER_NAME_BYTES),
            gid=GroupId(fields.blob(3, size=16)),
            invite_id=fields.blob(4, size=16),
            approver=AccountId(fields.blob(5, size=16)),
            contact_token=fields.blob(6, size=32),
            expires=fields.number(7),
            name=fields.text_or_none(8, most=NAME_BYTES),
            front=front,
        )
    except ZajilError:
        raise error("bad-link") from None
