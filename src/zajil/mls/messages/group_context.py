"""GroupContext: what all members agree on, bound into every signature and secret of an epoch (RFC 9420 8.1)."""

from dataclasses import dataclass
from functools import cached_property

from zajil.mls.errors import Unsupported
from zajil.mls.messages.credentials import MLS10
from zajil.mls.messages.extensions import Extensions, encode_extensions, parse_extensions
from zajil.mls.primitives.codec import Reader, encode_opaque, encode_u16, encode_u64
from zajil.mls.primitives.suites import Suite, suite_of

MAX_EPOCH = (1 << 64) - 1


@dataclass(frozen=True)
class GroupContext:
    """tree_hash, confirmed_transcript_hash: suite.nh bytes, the latter empty at epoch 0."""

    suite: Suite
    group_id: bytes
    epoch: int
    tree_hash: bytes
    confirmed_transcript_hash: bytes
    extensions: Extensions

    @classmethod
    def parse(cls, reader: Reader) -> "GroupContext":
        """Raises Unsupported for another protocol version or an unknown suite. Source: RFC 9420 8.1."""
        if reader.u16() != MLS10:
            raise Unsupported("protocol version")
        return cls(
            suite_of(reader.u16()),
            reader.opaque(),
            reader.u64(),
            reader.opaque(),
            reader.opaque(),
            parse_extensions(reader),
        )

    @cached_property
    def _encoded(self) -> bytes:
        return b"".join(
            (
                encode_u16(MLS10),
                encode_u16(self.suite.id),
                encode_opaque(self.group_id),
                encode_u64(self.epoch),
                encode_opaque(self.tree_hash),
                encode_opaque(self.confirmed_transcript_hash),
                encode_extensions(self.extensions),
            )
        )

    def encode(self) -> bytes:
        """Wire form."""
        return self._encoded
