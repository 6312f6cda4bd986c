"""ReInit: the proposal that ends a group in favour of a new one (RFC 9420 11.2, 12.1.5).

Parsed and validated only: a ReInit suspends the group, and making its successor is left to a later version.
"""

from dataclasses import dataclass

from zajil.mls.messages.extensions import Extensions, encode_extensions, parse_extensions
from zajil.mls.primitives.codec import Reader, encode_opaque, encode_u16


@dataclass(frozen=True)
class ReInit:
    """Parameters of the successor. suite: cipher suite id, not looked up."""

    group_id: bytes
    version: int
    suite: int
    extensions: Extensions
    type = 5

    @classmethod
    def parse(cls, reader: Reader) -> "ReInit":
        """Source: RFC 9420 12.1.5."""
        return cls(reader.opaque(), reader.u16(), reader.u16(), parse_extensions(reader))

    def encode(self) -> bytes:
        """Body."""
        return b"".join(
            (
                encode_opaque(self.group_id),
                encode_u16(self.version),
                encode_u16(self.suite),
                encode_extensions(self.extensions),
            )
        )
