"""The safety number two people compare: Signal's numeric fingerprint, version 0, with the account id as identifier.

Source: libsignal, rust/protocol/src/fingerprint.rs (5,200 rounds of SHA-512, 30 digits a side, both sides sorted).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, Literal

from zajil.protocol import cbor
from zajil.protocol.errors import error
from zajil.protocol.fields import Fields
from zajil.protocol.ids import AccountId, encode_b64, parse_b64

ROUNDS: Final = 5200
QR_VERSION: Final = 1
SafetyResult = Literal["same", "different", "other-epoch"]
_HALF_DIGITS: Final = 30
_CODE_CHARACTERS: Final = 400


def half(account_pub: bytes, identifier: bytes) -> str:
    """30 digits for one side: six groups of a 40-bit number modulo 100,000."""
    digest = hashlib.sha512(b"\x00\x00" + account_pub + identifier + account_pub).digest()
    for _ in range(ROUNDS - 1):
        digest = hashlib.sha512(digest + account_pub).digest()
    chunks = (int.from_bytes(digest[at : at + 5], "big") % 100_000 for at in range(0, 30, 5))
    return "".join(f"{chunk:05d}" for chunk in chunks)


def safety_number(own: tuple[AccountId, bytes], other: tuple[AccountId, bytes]) -> str:
    """60 digits, the same for both sides. own, other: account id and current 32-byte account key."""
    halves = []
    for account, key in (own, other):
        if len(account) != 16 or len(key) != 32:
            raise error("wrong-call", "account id of 16 and key of 32 bytes")
        halves.append(half(key, account))
    return "".join(sorted(halves))


@dataclass(frozen=True, slots=True)
class SafetyCode:
    """What the QR code of a safety number holds, as its shower sees it.

    own, other: the 30 digits of both sides. epoch, epoch_authenticator: of the chat of two (mls.md); the authenticator
    has 0 to 64 bytes, and differs at equal epochs where the server keeps both sides apart.
    """

    own: str
    other: str
    epoch: int
    epoch_authenticator: bytes

    def encode(self) -> str:
        """The text of the QR code: base64url of CBOR `[1, own, other, epoch, epoch_authenticator]`."""
        return encode_b64(cbor.encode([QR_VERSION, self.own, self.other, self.epoch, self.epoch_authenticator]))

    @classmethod
    def parse(cls, text: str) -> SafetyCode:
        """The code behind a scanned or pasted text. Raises Malformed."""
        if len(text) > _CODE_CHARACTERS:
            raise error("malformed", "safety code")
        fields = Fields.of_array(cbor.parse(parse_b64(text.strip())), 5)
        if fields.number(0) != QR_VERSION:
            raise error("unsupported-version", "safety code")
        own, other = (fields.text(at, most=_HALF_DIGITS) for at in (1, 2))
        if any(
            len(digits) != _HALF_DIGITS or not digits.isascii() or not digits.isdecimal() for digits in (own, other)
        ):
            raise error("malformed", "safety code")
        return cls(own, other, fields.number(3), fields.blob(4, most=64))


def compare_codes(mine: SafetyCode, theirs: SafetyCode) -> SafetyResult:
    """Whether the code of the other side fits ours.

    different: another account key, or one epoch with two authenticators. other-epoch: the keys agree, but one side is
    an epoch behind, so that nothing is known of the server yet.
    """
    if (mine.own, mine.other) != (theirs.other, theirs.own):
        return "different"
    if mine.epoch != theirs.epoch:
        return "other-epoch"
    return "same" if mine.epoch_authenticator == theirs.epoch_authenticator else "different"
