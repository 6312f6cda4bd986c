"""Linking a second device: what the new one offers, what an old one answers, and the emoji both show.

The new device puts its offer at a random address and shows a code (`links.LinkCode`). The old one checks the offer
against the code's hash and seals the answer to the offer's HPKE key with `hpke_info`. The answer repeats the code's
secret, or the server, which sees the HPKE key, could enrol the device into another account.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from zajil.protocol import cbor
from zajil.protocol.chat.parts import (
    SyncContact,
    SyncGroup,
    contact_value,
    group_value,
    parse_contact,
    parse_group,
)
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.fields import Fields
from zajil.protocol.history.archive import PARTS_MAX
from zajil.protocol.limits import NAME_BYTES

XWING_KEY_BYTES: Final = 1216
EMOJI: Final = (
    *("🐶", "🐱", "🦁", "🐴", "🦄", "🐷", "🐘", "🐰"),
    *("🐼", "🐓", "🐧", "🐢", "🐟", "🐙", "🦋", "🌷"),
    *("🌳", "🌵", "🍄", "🌍", "🌙", "☁️", "🔥", "🍌"),
    *("🍎", "🍓", "🌽", "🍕", "🎂", "❤️", "😀", "🤖"),
    *("🎩", "👓", "🔧", "🎅", "👍", "☂️", "⌛", "⏰"),
    *("🎁", "💡", "📕", "✏️", "📎", "✂️", "🔒", "🔑"),
    *("🔨", "☎️", "🏁", "🚂", "🚲", "✈️", "🚀", "🏆"),
    *("⚽", "🎸", "🎺", "🔔", "⚓", "🎧", "📁", "📌"),
)
"""The 64 emoji of the short check, those of the Matrix SAS table, chosen to be told apart at a glance."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a new device says of itself. hpke_pub: X-Wing, 1,216 bytes. sig_pub: its future leaf key, 32 bytes."""

    hpke_pub: bytes
    sig_pub: bytes
    name: str
    platform: str

    def encode(self) -> bytes:
        """The bytes put at the link address; the code holds their hash."""
        return cbor.encode({1: self.hpke_pub, 2: self.sig_pub, 3: self.name, 4: self.platform})

    @classmethod
    def parse(cls, data: bytes) -> Offer:
        """The offer of its bytes. Raises Malformed."""
        fields = Fields.of_map(cbor.parse(data), range(1, 5))
        return cls(
            fields.blob(1, size=XWING_KEY_BYTES),
            fields.blob(2, size=32),
            fields.text(3, most=NAME_BYTES),
            fields.text(4, most=NAME_BYTES),
        )


def hash_offer(data: bytes) -> bytes:
    """32 bytes: SHA-256 of the offer's bytes."""
    return hashlib.sha256(data).digest()


def open_offer(data: bytes, *, offer_hash: bytes) -> Offer:
    """The offer the code speaks of. Raises HomeError `link-mismatch` for any other."""
    if not hmac.compare_digest(hash_offer(data), offer_hash):
        raise error("link-mismatch")
    return Offer.parse(data)


def emoji_of(offer: bytes) -> tuple[str, str, str]:
    """Three emoji both devices show: the first 18 bits of SHA-256("zajil sas" || hash of the offer).

    Against mix-ups only: matching 18 bits takes an attacker under a second.
    """
    digest = hashlib.sha256(b"zajil sas" + hash_offer(offer)).digest()
    bits = int.from_bytes(digest[:3], "big") >> 6
    return EMOJI[bits >> 12], EMOJI[bits >> 6 & 63], EMOJI[bits & 63]


def hpke_info(addr: bytes) -> bytes:
    """The `info` of the HPKE seal of an answer. addr: 16 bytes."""
    return b"zajil link v1" + addr


@dataclass(frozen=True, slots=True)
class ArchivePart:
    """Where a part of the history lies and what opens it: as a file of a message, without a name.

    attachment_id: 16 bytes; size: of the part; key: 32, nonce: 12; sha256: of the ciphertext.
    """

    attachment_id: bytes
    size: int
    key: bytes
    nonce: bytes
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What an old device tells the new one, HPKE-sealed, at most 256 KiB.

    certificate: signed object. lists: all signed device lists, oldest first. seed: 32 bytes, None for a limited device.
    secret: the code's. archive: the parts of the history, which may still be on their way.
    name: the account's own profile name; contact_token: its profile token.
    """

    certificate: bytes
    lists: tuple[bytes, ...]
    seed: bytes | None
    contacts: tuple[SyncContact, ...]
    groups: tuple[SyncGroup, ...]
    secret: bytes
    name: str
    contact_token: bytes | None = None
    archive: tuple[ArchivePart, ...] = ()

    def encode(self) -> bytes:
        """The plaintext to seal."""
        contacts: cbor.Value = [contact_value(contact) for contact in self.contacts]
        groups: cbor.Value = [group_value(group) for group in self.groups]
        values: dict[cbor.Key, cbor.Value] = {1: self.certificate, 2: self.lists, 3: self.seed, 4: contacts}
        archive: cbor.Value = [[p.attachment_id, p.size, p.key, p.nonce, p.sha256] for p in self.archive] or None
        return cbor.encode(values | {5: groups, 6: archive, 7: self.secret, 8: [self.name, self.contact_token]})

    @classmethod
    def parse(cls, data: bytes, *, secret: bytes) -> Answer:
        """The answer of an opened plaintext, its secret being our own.

        Raises HomeError `link-mismatch` for another secret, Malformed. Certificate and lists are not yet verified.
        """
        fields = Fields.of_open_map(cbor.parse(data), range(1, 9))
        if not hmac.compare_digest(fields.blob(7, size=16), secret):
            raise error("link-mismatch")
        lists = Fields(dict(enumerate(fields.items(2, most=4096))))
        profile = Fields.of_array(fields.raw(8), 2)
        return cls(
            certificate=fields.blob(1, most=4096),
            lists=tuple(lists.blob(at, most=4096) for at in range(len(fields.items(2, most=4096)))),
            seed=fields.blob_or_none(3, size=32),
            contacts=tuple(parse_contact(item) for item in fields.items(4, most=4096)),
            groups=tuple(parse_group(item) for item in fields.items(5, most=4096)),
            secret=secret,
            name=profile.text(0, most=NAME_BYTES),
            contact_token=profile.blob_or_none(1, size=32),
            archive=_parse_archive(fields),
        )


def _parse_archive(fields: Fields) -> tuple[ArchivePart, ...]:
    """The parts of field 6; none where they are not as they should be: a device is linked without its history too."""
    try:
        parts = [Fields.of_array(item, 5) for item in (fields.items(6, most=PARTS_MAX) if 6 in fields else [])]
        return tuple(
            ArchivePart(
                one.blob(0, size=16), one.number(1), one.blob(2, size=32), one.blob(3, size=12), one.blob(4, size=32)
            )
            for one in parts
        )
    except ZajilError:
        return ()
