"""What mailbox engines take and give: operations, their outcomes, and the limits of both.

Operations are plain values, so they can be queued, batched and replayed. They are made by `zajil.delivery`, which has
checked everything that needs no stored state; the engine (`mailboxes.MailboxEngine`) trusts it in that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import msgspec

from zajil.protocol.ids import GroupId, MailboxId
from zajil.protocol.roster import RosterEntry

KIND_COMMIT: Final = 1
KIND_APPLICATION: Final = 2
KIND_WELCOME: Final = 3
KIND_NOTICE: Final = 4
PASS_GROUP: Final = 1
PASS_PERSONA: Final = 2
PASS_UPLOAD: Final = 3

SEQ_SHIFT: Final = 20
SEQ_STEP: Final = 1 << SEQ_SHIFT
"""What is added to numbers that clients remember, where some of them may be lost and these are above the clock's.

It has to pass what the lost commits gave to one mailbox: messages of the seconds by which a standby lags, each stored
by one writer. A million of them, at a thousand a second to one mailbox, are a quarter of an hour. More would do harm:
it is one second of the clock's numbers, so that those that are renumbered twice in a second are ahead by a second, and
a restore of any archive soon after still begins above all that devices have seen.
"""
BATCH_MAX: Final = 512
QUEUE_MAX = 20_000  # without `Final`: tests give it another, and a module that is compiled would keep its own
MAILBOX_ENTRIES_MAX: Final = 10_000
MAILBOX_BYTES_MAX: Final = 64 * 1024 * 1024
MESSAGE_TTL_S: Final = 30 * 86_400
IDEM_TTL_S: Final = 86_400
GROUP_TTL_DAYS: Final = 90
PASS_TTL_DAYS: Final = 30
UPLOAD_PASS_TTL_DAYS: Final = 2
"""A pass for uploads is good today and tomorrow: whoever saves them up gets no further than that."""
DENY_TTL_DAYS: Final = 365
REF_USE_TTL_DAYS: Final = 90
"""As long as a group without use lives: until then its roster may hold the reference."""
READ_BYTES_MAX: Final = 1024 * 1024


def number_at(at: int) -> int:
    """A number above all that were given out before `at` (Unix second), far below what a browser counts to.

    After a restore the numbers that clients remember go on from it; so a second restore begins above all that came
    after the first one, whatever archive each of them takes.
    """
    return at << SEQ_SHIFT


def renumbering(at: int) -> str:
    """The statement by which every mailbox goes on above all numbers that it may have given out before `at`.

    For a database that lacks its last commits: a copy, a backup, a standby that took over. As `renumber`.
    """
    step, floor = SEQ_STEP, number_at(at)
    above = f"CASE WHEN next_seq < {floor:d} THEN {floor:d} ELSE next_seq + {step:d} END"
    return f"UPDATE mailbox SET next_seq = {above}"  # noqa: S608  # numbers


class OpenRef(NamedTuple):
    """Where a delivery reference leads: mailbox 16 B, and the 8-byte serial that names the reference itself.

    stranger: little passes through it (`protocol/contacts/requests.py`).
    """

    mailbox_id: MailboxId
    serial: bytes
    stranger: bool = False


RefOpener = Callable[[bytes], OpenRef]
"""Opens a `deliver_to`; raises Refused `bad-delivery-ref`."""


class Create(msgspec.Struct, frozen=True, kw_only=True):
    """Make a group at epoch 0, for one unspent pass. Raises pass-spent, group-exists, bad-delivery-ref, idem-conflict.

    key: H(gid || mid) 32 B, body_hash: H(request) 32 B, pass_hash and token_hash 32 B, roster_key 32 B.
    """

    key: bytes
    body_hash: bytes
    gid: GroupId
    pass_hash: bytes
    roster_key: bytes
    token_hash: bytes
    roster: tuple[RosterEntry, ...]


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """Move a group from `epoch` to `epoch + 1` and fan out the commit, then the Welcome.

    The commit goes to the whole roster before it, the Welcome to every entry of `add`. token: of `epoch`, 32 B.
    new_roster_key: None = unchanged. add, rm: checked against the commit's authenticated data already.
    Raises idem-conflict, bad-group-token, stale-epoch (detail `epoch`), slow-down, bad-roster-key, bad-delivery-ref,
    malformed (a leaf removed that is not there, or added where one is), too-big (roster full).
    """

    key: bytes
    body_hash: bytes
    gid: GroupId
    epoch: int
    token: bytes
    roster_key: bytes
    new_roster_key: bytes | None
    next_token_hash: bytes
    add: tuple[RosterEntry, ...]
    rm: tuple[int, ...]
    commit: bytes
    welcome: bytes | None


class Send(msgspec.Struct, frozen=True, kw_only=True):
    """Fan out one application message to the roster of `epoch`, the epoch of its header. tag: 32 B of its AAD, to mark.

    ttl_s: how long it waits for a device, at most SIGNAL_TTL_S or else MESSAGE_TTL_S. wake: the devices that asked for
    pushes are to be woken for it; one of a ttl like a signal's rings.
    Raises idem-conflict, bad-group-token, stale-epoch (detail `epoch`), slow-down, bad-roster-key.
    """

    key: bytes
    body_hash: bytes
    gid: GroupId
    epoch: int
    token: bytes
    roster_key: bytes
    body: bytes
    tag: bytes
    ttl_s: int = MESSAGE_TTL_S
    wake: bool = False


class SendEphemeral(msgspec.Struct, frozen=True, kw_only=True):
    """Pass one application message to whoever of the roster is connected. Nothing is stored. Raises as Send does."""

    gid: GroupId
    epoch: int
    token: bytes
    roster_key: bytes
    body: bytes


class Notify(msgspec.Struct, frozen=True, kw_only=True):
    """Put a notice of the server (CBOR `[name, map]`) into these mailboxes; those that are gone are skipped."""

    mailbox_ids: tuple[MailboxId, ...]
    body: bytes


class Ack(msgspec.Struct, frozen=True, kw_only=True):
    """Delete all entries up to and including `upto`; again: no effect. Raises malformed (future), gone.

    of_window: of a session, so that hardly more than its window goes; else it may be the whole mailbox.
    """

    mailbox_id: MailboxId
    upto: int
    of_window: bool = False


class AddMailbox(msgspec.Struct, frozen=True, kw_only=True):
    """An empty mailbox. first: number of its first entry. No effect when it exists."""

    mailbox_id: MailboxId
    first: int = 1


class LiftMailbox(msgspec.Struct, frozen=True, kw_only=True):
    """Its device has seen `seen`, and this database lost that number: what waits and what comes is numbered above it.

    In order, and a gap that was not told yet stays to be told. No effect where a higher number was given out, or this
    one. Raises gone.
    """

    mailbox_id: MailboxId
    seen: int


class DropMailbox(msgspec.Struct, frozen=True, kw_only=True):
    """A mailbox and all its entries end. No effect when it is gone."""

    mailbox_id: MailboxId


class AddPasses(msgspec.Struct, frozen=True, kw_only=True):
    """One-time passes by their hashes (32 B each). kind: PASS_GROUP, PASS_PERSONA or PASS_UPLOAD."""

    hashes: tuple[bytes, ...]
    kind: int


class DenyRef(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing comes through this reference to this mailbox any more; senders cannot tell."""

    mailbox_id: MailboxId
    serial: bytes


class AllowRef(msgspec.Struct, frozen=True, kw_only=True):
    """A denied reference leads to this mailbox again. No effect on one that was not denied."""

    mailbox_id: MailboxId
    serial: bytes


class Expire(msgspec.Struct, frozen=True, kw_only=True):
    """Delete what has outlived its retention, at most `rows` rows per table."""

    rows: int = 1000


Operation = (
    Create
    | Commit
    | Send
    | SendEphemeral
    | Notify
    | Ack
    | AddMailbox
    | LiftMailbox
    | DropMailbox
    | AddPasses
    | DenyRef
    | AllowRef
    | Expire
)


class Accepted(msgspec.Struct, frozen=True):
    """Epoch of the group after it, server time in Unix ms; dup: it had been accepted before and nothing changed now.

    frank: the mark on a message that `Send` stored, the same for a repeat.
    """

    epoch: int
    ts: int
    dup: bool = False
    frank: bytes | None = None


class Done(msgspec.Struct, frozen=True):
    """Rows an operation without another answer has changed."""

    rows: int


Outcome = Accepted | Done
Told = Callable[[Outcome | Exception], None]
"""Called once, on the event loop, with what became of an operation: its outcome, or what it raised. Must not block."""


class MailboxState(msgspec.Struct, frozen=True, kw_only=True):
    """head: highest number given out, 0 = none yet. queued: entries waiting. acked: highest acknowledged number.

    dropped: entries lost to the cap since the last acknowledgement of `before_seq` or later, all numbered below it.
    """

    head: int
    queued: int
    acked: int
    dropped: int
    before_seq: int


class StoredRow(NamedTuple):
    """A row as it rests: table, and value by column. Sealed values stay sealed."""

    table: str
    values: Mapping[str, int | bytes | None]
