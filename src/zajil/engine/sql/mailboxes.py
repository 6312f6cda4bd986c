"""The mailbox engine: groups, the queues of devices, and the transactions between them.

Guarantees of every implementation (one test suite, `tests/engine`):

- Durable before acknowledged: an operation answers after its transaction is on the disk. A crash before the answer
  leaves it done or not done, and the same operation again (same `key`, same `body_hash`) then gives `dup`.
- All or nothing, in isolation: an operation that raises has changed nothing, and hurts no other of its batch.
- Epochs are compared and set: of all commits of one epoch, at most one is accepted, and the Welcome of any other never
  exists.
- Each mailbox numbers its entries 1, 2, 3 ... (or on from another first number) without gaps when they are written, in
  one order for all mailboxes of a group. Delivery is at least once: an entry stays until it is acknowledged, expires or
  is evicted. What has expired is read no more from that second on, and deleted by the next `expire`; its number is
  skipped and tells nothing, while what is evicted is told as `dropped`, unless it would have expired within minutes
  anyway (`Send.ttl_s`).
- At rest no row joins a group with a mailbox or a person, save entries waiting for the same message.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from zajil.engine.sql import interface as op
from zajil.protocol.frames import Msg
from zajil.protocol.ids import GroupId, MailboxId


class MailboxEngine(ABC):
    """See the module text for what holds. Errors are ZajilErrors of the codes each operation names, and `busy`."""

    @abstractmethod
    async def create(self, operation: op.Create) -> op.Accepted:
        """The group exists."""

    @abstractmethod
    async def commit(self, operation: op.Commit) -> op.Accepted:
        """This commit is the one of its epoch, and stands in every mailbox."""

    @abstractmethod
    async def send(self, operation: op.Send | op.SendEphemeral) -> op.Accepted:
        """The message stands in every mailbox (or, ephemeral, was passed to whoever listens)."""

    @abstractmethod
    def begin_send(self, operation: op.Send | op.SendEphemeral, told: op.Told) -> None:
        """`send`, begun: `told` of its outcome once it is durable. Raises Unavailable `busy`, `restarting`.

        What is not stored may be told of before this returns; it overtakes nothing of its group.
        """

    @abstractmethod
    async def notify(self, operation: op.Notify) -> op.Done:
        """The notice stands in every mailbox."""

    @abstractmethod
    async def ack(self, mailbox_id: MailboxId, upto: int) -> op.Done:
        """Entries up to `upto` are gone."""

    @abstractmethod
    def begin_ack(self, mailbox_id: MailboxId, upto: int, told: op.Told) -> None:
        """`ack` as `begin_send`: there is one for each message that a device has. Raises Unavailable at once."""

    @abstractmethod
    def fresh(self, mailbox_id: MailboxId, after: int, *, n: int, max_bytes: int) -> tuple[Msg, ...] | None:
        """What came into this mailbox with the batch that the bus is waking for right now, if that follows on `after`.

        None where it does not, or is more than that: then `read` has to look. Of other gateways' messages it knows
        nothing; for those they wake by themselves.
        """

    @abstractmethod
    async def add_mailbox(self, mailbox_id: MailboxId, first: int = 1) -> None:
        """The mailbox exists. first: number of its first entry, if it is new."""

    @abstractmethod
    async def lift_mailbox(self, operation: op.LiftMailbox) -> op.Done:
        """All numbers of the mailbox are above what its device has seen."""

    @abstractmethod
    async def drop_mailbox(self, mailbox_id: MailboxId) -> None:
        """The mailbox does not exist."""

    @abstractmethod
    async def add_passes(self, operation: op.AddPasses) -> None:
        """The passes can be spent."""

    @abstractmethod
    async def deny_ref(self, operation: op.DenyRef) -> None:
        """The reference leads nowhere."""

    @abstractmethod
    async def allow_ref(self, operation: op.AllowRef) -> None:
        """The reference leads to its mailbox again."""

    @abstractmethod
    async def check_member(self, gid: GroupId, epoch: int, token: bytes) -> bool:
        """A member asks: token is that of `epoch`; true: the group's, false: the one before, so that he may be none
        any more. Raises `bad-group-token`."""

    @abstractmethod
    async def expire(self, *, rows: int = 1000) -> op.Done:
        """One transaction of retention is done; call again while it reports `rows` or more."""

    @abstractmethod
    async def read(
        self, mailbox_id: MailboxId, after: int, *, n: int, max_bytes: int = op.READ_BYTES_MAX
    ) -> tuple[Msg, ...]:
        """The next entries after number `after`, ascending: at most n, and at least one however large it is.

        What has expired is left out.
        """

    @abstractmethod
    async def mailbox_state(self, mailbox_id: MailboxId) -> op.MailboxState:
        """Numbers of the mailbox. Raises Refused `gone`."""

    @abstractmethod
    async def find_rows(self, message_id: bytes, mailbox_ids: Sequence[MailboxId]) -> tuple[op.StoredRow, ...]:
        """The row of this message and the entries of these mailboxes that point to it; empty if none of them does."""

    @abstractmethod
    async def count_rows(self, mailbox_ids: Sequence[MailboxId]) -> Mapping[str, int]:
        """By table: rows that belong to these mailboxes or that they point to."""

    @abstractmethod
    def apply(self, operations: Sequence[op.Operation], *, now_ms: int) -> list[op.Outcome | Exception]:
        """One batch, in the calling thread, durable on return: results in order, an exception where one was raised.

        For deterministic tests and machines. The bus is called before it returns. Not to be mixed with `start`.
        """

    @abstractmethod
    def read_now(
        self, mailbox_id: MailboxId, after: int, *, n: int, max_bytes: int = op.READ_BYTES_MAX
    ) -> tuple[Msg, ...]:
        """`read` in the calling thread, by the engine's clock."""

    @abstractmethod
    def state_now(self, mailbox_id: MailboxId) -> op.MailboxState:
        """`mailbox_state` in the calling thread."""

    @abstractmethod
    def abandon(self) -> None:
        """Let go of the files at once, as a crash would: what is committed stays, the rest is gone."""

    @abstractmethod
    def start(self) -> None:
        """Begin to take operations from the running event loop."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what is queued, refuse what comes later with `restarting`, and let go of the files."""
