"""The state of one group as plain values: what is fixed for an epoch, and what each message moves."""

import enum
from dataclasses import dataclass
from functools import cached_property

from zajil.mls.env import Policy
from zajil.mls.errors import Removed
from zajil.mls.messages.credentials import Credential
from zajil.mls.messages.group_context import GroupContext
from zajil.mls.messages.proposals import Proposal
from zajil.mls.primitives.suites import Suite
from zajil.mls.schedule.key_schedule import EpochSecrets
from zajil.mls.schedule.secret_tree import SecretTree, Window
from zajil.mls.tree.nodes import LeafNode
from zajil.mls.tree.tree import Tree
from zajil.mls.tree.treekem import PrivateKeys


class State(enum.StrEnum):
    """What the group still does for us."""

    ACTIVE = "active"
    REMOVED = "removed"
    """Our leaf is gone, and with it every secret; the secrets of the next epoch were never derivable."""
    SUSPENDED = "suspended"
    """A ReInit was committed: receiving goes on, sending does not."""


@dataclass(frozen=True)
class Member:
    """A member at a leaf index. client: the id `Env.authenticate` gave when the leaf came in."""

    leaf: int
    client: bytes
    leaf_node: LeafNode

    @property
    def credential(self) -> Credential:
        """Claimed identity, as authenticated."""
        return self.leaf_node.credential

    @property
    def signature_key(self) -> bytes:
        """Public key its messages are signed with."""
        return self.leaf_node.signature_key


@dataclass(frozen=True, repr=False)
class PastEpoch:
    """What is left of an ended epoch, to open late application messages with.

    leaves: the leaf list of that epoch, so that signatures stay checkable. ended_at: Unix seconds.
    """

    context: GroupContext
    sender_data_secret: bytes
    resumption: bytes
    leaves: tuple[LeafNode | None, ...]
    own_leaf: int
    ended_at: int


@dataclass(frozen=True, repr=False)
class Epoch:
    """What does not change within an epoch.

    private: our HPKE private keys and our leaf index. clients: client id by leaf index, None where blank.
    past: ended epochs, newest first.
    """

    context: GroupContext
    tree: Tree
    private: PrivateKeys
    secrets: EpochSecrets
    confirmation_tag: bytes
    interim_transcript_hash: bytes
    clients: tuple[bytes | None, ...]
    past: tuple[PastEpoch, ...] = ()
    state: State = State.ACTIVE

    @property
    def suite(self) -> Suite:
        """Cipher suite, for life."""
        return self.context.suite

    @property
    def own_leaf(self) -> int:
        """Our leaf index."""
        return self.private.leaf

    @property
    def own_leaf_node(self) -> LeafNode:
        """Our leaf; raises Removed where it is gone."""
        found = self.tree.find_leaf(self.own_leaf)
        if found is None:
            raise Removed("own leaf")
        return found

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """Members in leaf order."""
        return tuple(Member(leaf, self.clients[leaf] or b"", leaf_node) for leaf, leaf_node in self.tree.members())


@dataclass(frozen=True)
class Stored:
    """A standalone proposal of this epoch. sender: leaf index. ref: ProposalRef."""

    ref: bytes
    proposal: Proposal
    sender: int


@dataclass(frozen=True, repr=False)
class Ratchets:
    """What messages move. past: secret trees of `Epoch.past`, in its order.

    proposals: standalone proposals of this epoch, as received. own_updates: (public, private) leaf keys of
    Updates we proposed ourselves.
    """

    secret_tree: SecretTree
    past: tuple[SecretTree, ...] = ()
    proposals: tuple[Stored, ...] = ()
    own_updates: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, repr=False)
class Snapshot:
    """A group at one moment. Functions take one and return another; nothing is ever changed in place."""

    current: Epoch
    ratchets: Ratchets


@dataclass(frozen=True, repr=False)
class Outcome:
    """A fully verified Commit, ours or not, and the group as it will be.

    message, welcome: MLSMessages to send, None where not ours or not needed. epoch: number of the next epoch.
    committer: leaf index. aad: authenticated data of the Commit. added: in the order of the Adds. removed: as they
    were before. updated: as they are now, a committer with a path included. own: whether we made it.
    """

    message: bytes | None
    welcome: bytes | None
    following: Snapshot
    committer: int
    aad: bytes
    added: tuple[Member, ...]
    removed: tuple[Member, ...]
    updated: tuple[Member, ...]
    own: bool


def window_of(policy: Policy) -> Window:
    """The ratchet limits of that policy."""
    return Window(policy.skipped, policy.forward)


NO_SECRETS = EpochSecrets(*[b""] * 9)
"""For an epoch we are not part of."""
