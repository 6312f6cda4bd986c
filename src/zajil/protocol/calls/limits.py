"""Every limit and time of a call, in one place. Times are milliseconds unless the name says otherwise."""

from __future__ import annotations

from typing import Final

# -- signals
VERSION: Final = 1
SUITE: Final = 4
"""SFrame cipher suite AES_128_GCM_SHA256_128 (RFC 9605 section 8.1)."""
CALL_BYTES: Final = 16
SECRET_BYTES: Final = 32
LEAF_BITS: Final = 16
"""The leaf fills 16 bits of an SFrame KID."""
DURABLE_S: Final = 60
"""How long the server keeps a signal that a device may fetch later."""
SDP_BYTES: Final = 3_500
"""With these a padded signal stays within the step of 4,096 bytes."""
CANDIDATE_BYTES: Final = 300
CANDIDATES_A_SIGNAL: Final = 10
CANDIDATES: Final = 20
"""Of one attempt."""
ATTEMPTS: Final = 6
"""Open at one time, from one peer."""
SIGNALS: Final = 300
"""From one device in one call at once; one a second comes back."""
LOSSES: Final = 8
"""Of `lost` from one device at once, one a second comes back: each may make this device try anew."""
ANSWERS_AGAIN: Final = 4
"""Repeats of the answer to one attempt."""
WORD_BYTES: Final = 32

# -- the life of a call
PEOPLE: Final = 4
RING_MS: Final = 45_000
CONNECT_MS: Final = 20_000
RECONNECT_MS: Final = 30_000
TAKEN_MS: Final = 5_000
KNOWN_MS: Final = 60_000
"""A call counts as live so long after its last ring or beacon."""
BEACON_MS: Final = 30_000
ALONE_MS: Final = 60_000
QUIET_ACCOUNTS: Final = 8
"""A ring makes no sound in a chat of more accounts."""
OFFER_AGAIN_MS: Final = 2_000
OFFERS_AGAIN: Final = 3
