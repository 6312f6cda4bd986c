"""Every size that both ends must agree on, in bytes unless the name says otherwise."""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

TEXT_BYTES: Final = 64 * KIB
"""Longest text of a message, UTF-8."""
BODY_BYTES: Final = 96 * KIB
"""Longest MLS PrivateMessage of an application message."""
EPHEMERAL_BYTES: Final = 8 * KIB
SIGNAL_TTL_S: Final = 120
"""Longest time that a signal of a call may wait for a device, in seconds."""
COMMIT_BYTES: Final = 384 * KIB
WELCOME_BYTES: Final = 600 * KIB
MESSAGE_BYTES: Final = 1 * MIB
"""Longest session message, so the longest data frame."""
HTTP_BODY_BYTES: Final = 256 * KIB
"""Longest body of a control call, JSON or not."""
LINK_OFFER_BYTES: Final = 4 * KIB
LINK_ANSWER_BYTES: Final = 256 * KIB
LINK_WAIT_S: Final = 25
"""Longest `wait` of GET /link/{addr}/answer, in seconds."""
LISTS_PER_ANSWER: Final = 100
"""Device lists in one answer; whoever gets so many asks for those behind them."""
LISTS_BETWEEN: Final = 15
"""Device lists that a device brings to a restored server besides the newest one."""
HEAD_JUMP: Final = 1 << 19
"""Numbers of a mailbox that no device misses between two READYs: who renumbers a server leaves out twice as many."""
BACKUP_LEAST_BYTES: Final = 4 * KIB
BACKUP_BYTES: Final = 160 * KIB
"""Longest blob of an encrypted backup: as base64url in JSON it fits into one control call on every way."""
CBOR_DEPTH: Final = 16
CONTENT_DEPTH: Final = 4
"""Nested parts of one message body."""

ACCOUNT_DEVICES: Final = 8
OWN_LINKS: Final = 1_000
"""Most tokens of links that one account has at a server, and a device remembers; those that ended count."""
GROUP_LEAVES: Final = 1_000
XWING_LEAVES: Final = 128
"""Most leaves of a group in SUITE_XWING; a larger one is made in SUITE_RFC1, for life."""
GROUP_INVITES: Final = 16
"""Most links to join by that one group has at a time."""
ADDED_LEAVES: Final = 250
"""Most leaves one commit may add."""
ROSTER_ENTRIES: Final = 1024
DELIVERY_REF_BYTES: Final = 54
"""key id 1, nonce 12, AES-256-GCM of mailbox 16, flags 1, serial 8."""
REFS_PER_CALL: Final = 64
PASSES_PER_CALL: Final = 64
KEY_PACKAGE_BYTES: Final = 16 * KIB
KEY_PACKAGES_PER_CALL: Final = 64
NAME_BYTES: Final = 256
"""Longest name or title, UTF-8."""
ABOUT_BYTES: Final = 4 * KIB
SERVER_NAME_BYTES: Final = 253

RECORD_SIZES: Final = (256, 1024, 4096, 16384, 65536)
"""The only sizes of a record on the wire."""
FRAME_BYTES: Final = RECORD_SIZES[-1] - 4
DATA_BODY_BYTES: Final = 65_472
WINDOW_FRAMES: Final = 64
WINDOW_BYTES: Final = 256 * KIB
"""Unacknowledged DATA per direction."""
R_WINDOW_MESSAGES: Final = 64
R_WINDOW_BYTES: Final = 1 * MIB
"""MSG beyond the last MACK."""
CONTENT_SIZES: Final = (704, 3776, 16064, 69120)
"""Sizes of a padded MLS PrivateMessageContent; each fills a session record."""
GROUP_CONTENT_BYTES: Final = CONTENT_SIZES[-1]
SUITE_XWING: Final = 0x0053
SUITE_RFC1: Final = 0x0001
