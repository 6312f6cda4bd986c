"""Links and codes people pass on: the contact link (also a server invite), and the code that links a new device.

All live in the fragment of a URL, which never reaches a server; readers take the fragment alone too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from zajil.protocol import cbor
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.fields import Fields
from zajil.protocol.ids import AccountId, parse_b64
from zajil.protocol.limits import NAME_BYTES, SERVER_NAME_BYTES
from zajil.protocol.linktext import join_link, split_link
from zajil.protocol.reach.endpoints import (
    PRIVATE_BRIDGES_BYTES,
    PrivateBridges,
    encode_private_bridges,
    parse_private_bridges,
)

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class ContactLink:
    """An invitation. server_name: the permanent name, not the address. expires: Unix seconds.

    account_id, contact_token (32 bytes): whom to write to; both None in an operator's invite to the server. Without a
    token it names whom to ask (`contacts/requests.py`).
    code: registers the guest. front: the address the link was given out with, "" for a bare fragment.
    bridges: private ways to the server for a guest whom it cannot be reached by directly.
    """

    server_name: str
    expires: int
    account_id: AccountId | None = None
    contact_token: bytes | None = None
    name: str | None = None
    code: str | None = None
    front: str = ""
    bridges: PrivateBridges | None = None


def encode_contact_link(link: ContactLink) -> str:
    """`<front>/i#<fragment>`, or the fragment alone where front is empty."""
    values: dict[cbor.Key, cbor.Value] = {1: VERSION, 2: link.server_name, 3: link.account_id, 4: link.contact_token}
    values |= {5: link.expires, 6: link.name, 8: link.code}
    values[7] = None if link.bridges is None else encode_private_bridges(link.bridges)
    data = cbor.encode({key: value for key, value in values.items() if value is not None})
    return join_link(link.front, "/i", data)


def parse_contact_link(text: str) -> ContactLink:
    """The link of a text a person pasted. Raises HomeError `bad-link`; whether it expired is for the caller."""
    front, fragment = split_link(text, "/i")
    try:
        fields = Fields.of_open_map(cbor.parse(parse_b64(fragment)), (1, 2, 5))
        if fields.number(1) != VERSION:
            raise error("unsupported-version", "contact link")
        account = fields.blob_or_none(3, size=16)
        if account is None and 4 in fields:
            raise error("malformed", "token without account")
        bridges = fields.blob_or_none(7, most=PRIVATE_BRIDGES_BYTES)
        return ContactLink(
            server_name=fields.text(2, most=SERVER_NAME_BYTES),
            expires=fields.number(5),
            account_id=None if account is None else AccountId(account),
            contact_token=fields.blob_or_none(4, size=32),
            name=fields.text_or_none(6, most=NAME_BYTES),
            code=fields.text_or_none(8, most=64),
            front=front,
            bridges=None if bridges is None else parse_private_bridges(bridges),
        )
    except ZajilError:
        raise error("bad-link") from None


@dataclass(frozen=True, slots=True)
class LinkCode:
    """What a new device shows and an old one takes. addr: 16 bytes; offer_hash: 32; secret: 16, never to the server."""

    server_name: str
    addr: bytes
    offer_hash: bytes
    secret: bytes
    front: str = ""


def encode_link_code(code: LinkCode) -> str:
    """`<front>/l#<fragment>`, or the fragment alone where front is empty."""
    return join_link(
        code.front, "/l", cbor.encode([VERSION, code.server_name, code.addr, code.offer_hash, code.secret])
    )


def parse_link_code(text: str) -> LinkCode:
    """The code of a text a person pasted or scanned. Raises HomeError `bad-link`."""
    front, fragment = split_link(text, "/l")
    try:
        fields = Fields.of_array(cbor.parse(parse_b64(fragment)), 5)
        if fields.number(0) != VERSION:
            raise error("unsupported-version", "link code")
        return LinkCode(
            server_name=fields.text(1, most=SERVER_NAME_BYTES),
            addr=fields.blob(2, size=16),
            offer_hash=fields.blob(3, size=32),
            secret=fields.blob(4, size=16),
            front=front,
        )
    except ZajilError:
        raise error("bad-link") from None
