"""Extensions of leaves, KeyPackages, GroupContexts and GroupInfos (RFC 9420 13, 11.1).

Data is kept as bytes; the types the engine acts on have a parser here. Everything else belongs to the application.
"""

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from zajil.mls.errors import DecodeError
from zajil.mls.primitives.codec import (
    Reader,
    encode_opaque,
    encode_u16,
    encode_vector,
    parse_all,
    read_opaque,
    read_u16,
)

MAX_EXTENSIONS = 32
"""Extensions in one list (design limit of the engine)."""


class ExtensionType(enum.IntEnum):
    """IANA MLS Extension Types the engine acts on."""

    APPLICATION_ID = 1
    RATCHET_TREE = 2
    REQUIRED_CAPABILITIES = 3
    EXTERNAL_PUB = 4
    EXTERNAL_SENDERS = 5
    LAST_RESORT = 10


DEFAULT_EXTENSIONS = frozenset(range(1, 6))
"""Types every client supports, so they need no listing in capabilities (RFC 9420 13.3)."""
DEFAULT_PROPOSALS = frozenset(range(1, 8))
"""Proposal types every client supports (RFC 9420 12.1)."""


@dataclass(frozen=True)
class Extension:
    """One extension: IANA or private type (0xF000 up), and its data as it came."""

    type: int
    data: bytes

    @classmethod
    def parse(cls, reader: Reader) -> "Extension":
        """Source: RFC 9420 13."""
        return cls(reader.u16(), reader.opaque())

    def encode(self) -> bytes:
        """Wire form."""
        return encode_u16(self.type) + encode_opaque(self.data)


Extensions = tuple[Extension, ...]


def parse_extensions(reader: Reader) -> Extensions:
    """Extension<V>; raises DecodeError above MAX_EXTENSIONS. Doubled types are a rule (G2), not a matter of syntax."""
    extensions = reader.vector(Extension.parse)
    if len(extensions) > MAX_EXTENSIONS:
        raise DecodeError("too many extensions")
    return extensions


def encode_extensions(extensions: Iterable[Extension]) -> bytes:
    """Extension<V>."""
    return encode_vector(extension.encode() for extension in extensions)


def find_extension(extensions: Sequence[Extension], kind: int) -> bytes | None:
    """Data of the first extension of that type, or None."""
    return next((extension.data for extension in extensions if extension.type == kind), None)


@dataclass(frozen=True)
class RequiredCapabilities:
    """What every member of a group must support (RFC 9420 11.1)."""

    extensions: tuple[int, ...] = ()
    proposals: tuple[int, ...] = ()
    credentials: tuple[int, ...] = ()

    @classmethod
    def parse(cls, reader: Reader) -> "RequiredCapabilities":
        """Source: RFC 9420 11.1."""
        return cls(*(reader.vector(read_u16) for _ in range(3)))

    def encode(self) -> bytes:
        """Data of the extension."""
        lists = (self.extensions, self.proposals, self.credentials)
        return b"".join(encode_vector(map(encode_u16, values)) for values in lists)

    def extension(self) -> Extension:
        """As a GroupContext extension."""
        return Extension(ExtensionType.REQUIRED_CAPABILITIES, self.encode())


def required_capabilities(extensions: Sequence[Extension]) -> RequiredCapabilities:
    """The group's required_capabilities, empty if it has none. Raises DecodeError."""
    data = find_extension(extensions, ExtensionType.REQUIRED_CAPABILITIES)
    return RequiredCapabilities() if data is None else parse_all(data, RequiredCapabilities.parse)


def external_pub(extensions: Sequence[Extension]) -> bytes | None:
    """HPKE public key for external commits, out of GroupInfo extensions, or None. Raises DecodeError."""
    data = find_extension(extensions, ExtensionType.EXTERNAL_PUB)
    return None if data is None else parse_all(data, read_opaque)


def external_pub_extension(public_key: bytes) -> Extension:
    """As a GroupInfo extension (RFC 9420 12.4.3.2)."""
    return Extension(ExtensionType.EXTERNAL_PUB, encode_opaque(public_key))


LAST_RESORT = Extension(ExtensionType.LAST_RESORT, b"")
"""KeyPackage extension: this package may be used more than once (mls-extensions; RFC 9420 16.8)."""
