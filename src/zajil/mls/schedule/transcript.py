"""Transcript hashes: what every Commit chains onto.

Source: RFC 9420 8.2.
"""

from zajil.mls.primitives.codec import encode_opaque
from zajil.mls.primitives.crypto import hash_bytes
from zajil.mls.primitives.suites import Suite

FIRST_INTERIM = b""
"""The interim transcript hash a new group starts with."""


def confirmed_transcript_hash(suite: Suite, interim_before: bytes, commit_input: bytes) -> bytes:
    """The confirmed hash of the next epoch.

    commit_input: ConfirmedTranscriptHashInput = wire_format, FramedContent, signature<V>, encoded.
    """
    return hash_bytes(suite, interim_before + commit_input)


def interim_transcript_hash(suite: Suite, confirmed: bytes, confirmation_tag: bytes) -> bytes:
    """The interim hash that the next Commit chains onto."""
    return hash_bytes(suite, confirmed + encode_opaque(confirmation_tag))
