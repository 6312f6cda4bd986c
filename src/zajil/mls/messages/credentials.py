"""Who a leaf says it is, what it is able to do, and for how long (RFC 9420 5.3, 7.2).

A credential is opaque to the engine: `Env.authenticate` turns it into a client id or refuses it.
"""

import enum
from dataclasses import dataclass

from zajil.mls.errors import DecodeError, Unsupported
from zajil.mls.primitives.codec import Reader, encode_opaque, encode_u16, encode_u64, encode_vector, read_u16

MLS10 = 1
"""ProtocolVersion mls10."""
MAX_LISTED = 1024
"""Values of one kind in a leaf's capabilities (design limit of the engine, the browser's too)."""


class CredentialType(enum.IntEnum):
    """IANA MLS Credential Types."""

    BASIC = 1
    X509 = 2


@dataclass(frozen=True)
class Credential:
    """A claim of identity. Raises Unsupported while parsing a type other than basic and x509.

    body: for basic the identity; for x509 the encoded certificates, which the engine never looks into.
    """

    type: int
    body: bytes

    @classmethod
    def parse(cls, reader: Reader) -> "Credential":
        """Source: RFC 9420 5.3."""
        kind = reader.u16()
        if kind not in (CredentialType.BASIC, CredentialType.X509):
            raise Unsupported("credential type")
        body = reader.opaque()
        if kind == CredentialType.X509:
            inner = Reader(body)
            while not inner.at_end():
                inner.opaque()
        return cls(kind, body)

    def encode(self) -> bytes:
        """Wire form."""
        return encode_u16(self.type) + encode_opaque(self.body)


def basic_credential(identity: bytes) -> Credential:
    """The credential whose identity is these bytes."""
    return Credential(CredentialType.BASIC, identity)


@dataclass(frozen=True)
class Capabilities:
    """What a client supports, by IANA id. Unknown and GREASE values are kept and mean nothing (RFC 9420 7.2, 13.5).

    Extensions and proposals that every client supports (ids 1 to 5, and 1 to 7) need no listing.
    """

    versions: tuple[int, ...] = (MLS10,)
    cipher_suites: tuple[int, ...] = ()
    extensions: tuple[int, ...] = ()
    proposals: tuple[int, ...] = ()
    credentials: tuple[int, ...] = (CredentialType.BASIC,)

    @classmethod
    def parse(cls, reader: Reader) -> "Capabilities":
        """Source: RFC 9420 7.2. Raises DecodeError above MAX_LISTED."""
        lists = [reader.vector(read_u16) for _ in range(5)]
        if max(map(len, lists)) > MAX_LISTED:
            raise DecodeError("too many capabilities")
        return cls(*lists)

    def encode(self) -> bytes:
        """Wire form."""
        lists = (self.versions, self.cipher_suites, self.extensions, self.proposals, self.credentials)
        return b"".join(encode_vector(map(encode_u16, values)) for values in lists)


@dataclass(frozen=True)
class Lifetime:
    """Both ends inclusive, Unix seconds (RFC 9420 7.2)."""

    not_before: int
    not_after: int

    @classmethod
    def parse(cls, reader: Reader) -> "Lifetime":
        """Two uint64."""
        return cls(reader.u64(), reader.u64())

    def encode(self) -> bytes:
        """Wire form."""
        return encode_u64(self.not_before) + encode_u64(self.not_after)
