"""What can be read of a group at one moment, alike for the current epoch and for a staged one."""

from dataclasses import dataclass
from typing import TypeVar

from zajil.mls.epochs.epoch import Member, Snapshot, State
from zajil.mls.errors import Removed
from zajil.mls.messages.extensions import Extensions
from zajil.mls.messages.group_context import GroupContext
from zajil.mls.primitives.suites import Suite
from zajil.mls.schedule.key_schedule import export_secret

V = TypeVar("V", bound="View")


@dataclass(frozen=True, repr=False)
class View(Snapshot):
    """A snapshot with its readable side."""

    @classmethod
    def of(cls: type[V], snapshot: Snapshot) -> V:
        """The same value with these methods."""
        return cls(snapshot.current, snapshot.ratchets)

    @property
    def state(self) -> State:
        """active, removed or suspended."""
        return self.current.state

    @property
    def context(self) -> GroupContext:
        """The GroupContext all members agree on."""
        return self.current.context

    @property
    def group_id(self) -> bytes:
        """Group id."""
        return self.current.context.group_id

    @property
    def epoch(self) -> int:
        """Epoch number."""
        return self.current.context.epoch

    @property
    def suite(self) -> Suite:
        """Cipher suite, for life."""
        return self.current.suite

    @property
    def extensions(self) -> Extensions:
        """Extensions of the GroupContext."""
        return self.current.context.extensions

    @property
    def own_leaf(self) -> int:
        """Our leaf index; where we are removed, the one we had."""
        return self.current.own_leaf

    @property
    def epoch_authenticator(self) -> bytes:
        """Equal for all members of an epoch and for nobody else; suite.nh bytes. Raises Removed."""
        self._check_here()
        return self.current.secrets.authenticator

    def members(self) -> tuple[Member, ...]:
        """Members in leaf order."""
        return self.current.members

    def find_member(self, leaf: int) -> Member | None:
        """The member at a leaf index, or None where it is blank or outside of the tree."""
        leaf_node = self.current.tree.find_leaf(leaf)
        return None if leaf_node is None else Member(leaf, self.current.clients[leaf] or b"", leaf_node)

    def export(self, label: str, context: bytes, length: int) -> bytes:
        """MLS-Exporter: length bytes that all members of this epoch derive alike (RFC 9420 8.5). Raises Removed."""
        self._check_here()
        exporter = self.current.secrets.exporter
        return export_secret(self.suite, exporter, label=label.encode(), context=context, length=length)

    def _check_here(self) -> None:
        if self.state is State.REMOVED:
            raise Removed("own leaf")
