"""Pre-shared keys: their ids on the wire and the secret a list of them adds to an epoch.

Source: RFC 9420 8.4.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from zajil.mls.errors import DecodeError
from zajil.mls.primitives.codec import Reader, encode_opaque, encode_u8, encode_u16, encode_u64
from zajil.mls.primitives.crypto import expand_with_label, extract
from zajil.mls.primitives.suites import Suite


class ResumptionUsage(enum.IntEnum):
    """ResumptionPSKUsage."""

    APPLICATION = 1
    REINIT = 2
    BRANCH = 3


@dataclass(frozen=True)
class ExternalPsk:
    """An id of a secret both sides know from elsewhere."""

    psk_id: bytes

    def encode(self) -> bytes:
        """PSKType and the fields of its case."""
        return encode_u8(1) + encode_opaque(self.psk_id)


@dataclass(frozen=True)
class ResumptionPsk:
    """The resumption secret of an epoch of a group."""

    usage: ResumptionUsage
    group_id: bytes
    epoch: int

    def encode(self) -> bytes:
        """PSKType and the fields of its case."""
        return encode_u8(2) + encode_u8(self.usage) + encode_opaque(self.group_id) + encode_u64(self.epoch)


@dataclass(frozen=True)
class PreSharedKeyId:
    """PreSharedKeyID; nonce: suite.nh bytes, fresh for each use (checked by rule P4)."""

    psk: ExternalPsk | ResumptionPsk
    nonce: bytes

    def encode(self) -> bytes:
        """TLS bytes."""
        return self.psk.encode() + encode_opaque(self.nonce)

    @staticmethod
    def parse(reader: Reader) -> "PreSharedKeyId":
        """The next PreSharedKeyID; raises DecodeError."""
        kind = reader.u8()
        psk: ExternalPsk | ResumptionPsk
        if kind == 1:
            psk = ExternalPsk(reader.opaque())
        elif kind == 2:
            psk = ResumptionPsk(_parse_usage(reader), reader.opaque(), reader.u64())
        else:
            raise DecodeError("psk type")
        return PreSharedKeyId(psk, reader.opaque())


def _parse_usage(reader: Reader) -> ResumptionUsage:
    try:
        return ResumptionUsage(reader.u8())
    except ValueError as error:
        raise DecodeError("psk usage") from error


def psk_secret(suite: Suite, psks: Sequence[tuple[PreSharedKeyId, bytes]]) -> bytes:
    """The PSK secret of (id, secret) pairs in the order of the Commit; suite.nh zeros if there are none."""
    secret = bytes(suite.nh)
    for index, (psk_id, psk) in enumerate(psks):
        extracted = extract(suite, bytes(suite.nh), psk)
        label = psk_id.encode() + encode_u16(index) + encode_u16(len(psks))
        secret = extract(suite, expand_with_label(suite, extracted, b"derived psk", label, suite.nh), secret)
    return secret
