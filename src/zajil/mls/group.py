"""The public face of the engine: groups and staged Commits as values (mls.md 4).

Every method is pure: it returns new values, and on any error the caller still holds the old ones.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from zajil.mls import commit, propose, receive, state, welcome
from zajil.mls.env import DEFAULT_POLICY, Env, Policy
from zajil.mls.epochs.changes import plan_leaves
from zajil.mls.epochs.epoch import Member, Outcome, State
from zajil.mls.epochs.following import carry_over, unexpired
from zajil.mls.epochs.view import View
from zajil.mls.errors import PendingProposals, Suspended
from zajil.mls.messages.credentials import Capabilities, Credential
from zajil.mls.messages.extensions import Extension, Extensions
from zajil.mls.messages.framing import ApplicationData
from zajil.mls.messages.group_context import GroupContext
from zajil.mls.messages.group_info import encode_group_info
from zajil.mls.messages.key_package import KeyPackage, KeyPackageSecrets
from zajil.mls.messages.proposals import Add, Proposal, Remove
from zajil.mls.new_group import create_group
from zajil.mls.primitives.suites import Suite
from zajil.mls.receive import Application, Proposed
from zajil.mls.welcome import JoinInfo


class Plan(NamedTuple):
    """Leaf indices a list of proposals will touch: added in the order of the Adds, removed ascending."""

    added: tuple[int, ...]
    removed: tuple[int, ...]


@dataclass(frozen=True, repr=False)
class Group(View):
    """One group as one client sees it."""

    def __repr__(self) -> str:
        return f"Group({self.state}, epoch {self.epoch}, leaf {self.own_leaf})"

    @classmethod
    def create(
        cls,
        env: Env,
        group_id: bytes,
        suite: Suite,
        credential: Credential,
        signature_key: bytes,
        capabilities: Capabilities,
        *,
        extensions: Sequence[Extension] = (),
    ) -> "Group":
        """A new group with us at leaf 0, at epoch 0. signature_key: public half of `env.signer`.

        Raises Invalid if our own leaf or the extensions break a rule.
        """
        return cls.of(
            create_group(
                env,
                group_id,
                suite=suite,
                credential=credential,
                signature_key=signature_key,
                capabilities=capabilities,
                extensions=tuple(extensions),
            )
        )

    @classmethod
    def join(
        cls,
        env: Env,
        message: bytes,
        key_package: KeyPackage,
        secrets: KeyPackageSecrets,
        *,
        tree: bytes | None = None,
        known_groups: Collection[bytes] = frozenset(),
    ) -> tuple["Group", JoinInfo]:
        """The group a Welcome invites us into, and what came along. tree: where it was sent apart.

        known_groups: ids of groups we are active in. Raises Invalid W, G, T, L rules, DecodeError, Unsupported.
        Once the group is stored, delete the KeyPackage's secrets unless `JoinInfo.last_resort`.
        """
        snapshot, info = welcome.join(env, message, key_package, secrets, tree=tree, known_groups=known_groups)
        return cls.of(snapshot), info

    @property
    def pending(self) -> tuple[Proposed, ...]:
        """Standalone proposals waiting for a Commit."""
        return tuple(Proposed(entry.sender, entry.proposal, entry.ref, b"") for entry in self.ratchets.proposals)

    def plan(self, proposals: Sequence[Proposal]) -> Plan:
        """The leaf positions a Commit of these proposals will take and free, for its AAD; raises Invalid P7."""
        removed = sorted(proposal.leaf for proposal in proposals if isinstance(proposal, Remove))
        adds = sum(isinstance(proposal, Add) for proposal in proposals)
        return Plan(plan_leaves(self.current, adds, removed), tuple(removed))

    def commit(
        self,
        env: Env,
        proposals: Sequence[Proposal] = (),
        *,
        aad: bytes = b"",
        welcome_extensions: Sequence[Extension] = (),
        force_path: bool = False,
        with_tree: bool = True,
    ) -> tuple["Group", "Staged"]:
        """This group with its handshake ratchet moved on, and our verified Commit of these and all pending proposals.

        Store both before a byte leaves; apply the Staged at the Commit's echo. aad: readable by the server.
        welcome_extensions: for the GroupInfo in the Welcome. force_path: also where a path is not required.
        Raises Invalid, TooManyLeaves, GenerationLimit, Removed, Suspended.
        """
        self._check_active()
        intent = commit.Intent(tuple(proposals), aad, tuple(welcome_extensions), force_path, with_tree)
        after, outcome = commit.make_commit(env, self, intent)
        return Group.of(after), Staged.of(outcome)

    def encrypt(self, env: Env, data: bytes, *, aad: bytes = b"", pad_to: int = 256) -> tuple["Group", bytes]:
        """This group with its ratchet moved on, and the MLSMessage of an application message.

        Store the group before the bytes leave. pad_to: bytes of content, signature and zeros together; longer
        content is not padded. Raises PendingProposals, GenerationLimit, Removed, Suspended.
        """
        self._check_active()
        if self.ratchets.proposals:
            raise PendingProposals("commit them first")
        signed = commit.signed_content(env, self.current, ApplicationData(data), aad=aad, private=True)
        message, moved = commit.sealed_message(
            env, self.current, signed, secret_tree=self.ratchets.secret_tree, pad_to=pad_to
        )
        return replace(self, ratchets=replace(self.ratchets, secret_tree=moved)), message

    def receive(self, env: Env, message: bytes) -> tuple["Group", "Application | Proposed | Staged"]:
        """This group with its ratchets moved on, and what the message is.

        A Commit comes as a Staged, verified to the end and not yet applied. Raises OwnMessage, FutureEpoch, PastEpoch,
        Replayed, TooOld, TooFar, Invalid, DecodeError, Unsupported, Removed, Suspended, PendingProposals.
        """
        after, event = receive.receive(env, self, message)
        return Group.of(after), Staged.of(event) if isinstance(event, Outcome) else event

    def propose(self, env: Env, proposal: Proposal, *, aad: bytes = b"") -> tuple["Group", bytes]:
        """This group with a standalone proposal of ours pending, and its MLSMessage; an Update: `propose_update`."""
        self._check_active()
        after, message = propose.make_proposal(env, self, proposal, aad=aad)
        return Group.of(after), message

    def propose_update(self, env: Env, *, aad: bytes = b"") -> tuple["Group", bytes]:
        """This group with an Update of our own leaf pending, and its MLSMessage."""
        self._check_active()
        after, message = propose.make_update(env, self, aad=aad)
        return Group.of(after), message

    def group_info(self, env: Env, extensions: Sequence[Extension] = (), *, with_tree: bool = True) -> bytes:
        """A signed GroupInfo of this epoch as MLSMessage. Raises Removed, Suspended."""
        self._check_active()
        info = welcome.signed_group_info(
            env, self.current, extensions=tuple(extensions), with_tree=with_tree, signer_leaf=self.own_leaf
        )
        return encode_group_info(info)

    def expire(self, now: int, *, policy: Policy = DEFAULT_POLICY) -> "Group":
        """This group without the past epochs that the policy no longer keeps; the same value if there are none."""
        pairs = zip(self.current.past, self.ratchets.past, strict=True)
        past, trees = unexpired(pairs, now=now, policy=policy)
        if len(past) == len(self.current.past):
            return self
        return Group(replace(self.current, past=past), replace(self.ratchets, past=trees))

    def _check_active(self) -> None:
        self._check_here()
        if self.state is State.SUSPENDED:
            raise Suspended("ReInit")


@dataclass(frozen=True, repr=False)
class Staged(Outcome):
    """A verified Commit that changes nothing until `apply`; dropping it is the veto.

    Everything the next epoch will be can be read here first: who committed, what changes, its exporter.
    """

    def __repr__(self) -> str:
        return f"Staged(epoch {self.epoch}, committer {self.committer}, own={self.own})"

    @classmethod
    def of(cls, outcome: Outcome) -> "Staged":
        """The same value with its methods."""
        return cls(**{name: getattr(outcome, name) for name in Outcome.__dataclass_fields__})

    def apply(self, group: Group | None = None) -> Group:
        """The group in the next epoch.

        group: for a Commit of our own, the group as it is now, so that messages received since the Commit was made
        do not open a second time in its past epoch. A foreign Commit is applied at once and needs none.
        Raises PastEpoch if that group has left the epoch of the Commit.
        """
        return Group.of(self.following if group is None else carry_over(group, self.following))

    @property
    def next_epoch(self) -> View:
        """Everything readable of the next epoch."""
        return View.of(self.following)

    @property
    def epoch(self) -> int:
        """Number of the next epoch."""
        return self.next_epoch.epoch

    @property
    def state(self) -> State:
        """State of the group once applied: removed if this Commit removes us."""
        return self.next_epoch.state

    @property
    def context(self) -> GroupContext:
        """GroupContext of the next epoch."""
        return self.next_epoch.context

    @property
    def extensions(self) -> Extensions:
        """GroupContext extensions of the next epoch."""
        return self.next_epoch.extensions

    @property
    def epoch_authenticator(self) -> bytes:
        """That of the next epoch. Raises Removed."""
        return self.next_epoch.epoch_authenticator

    def members(self) -> tuple[Member, ...]:
        """Members of the next epoch in leaf order."""
        return self.next_epoch.members()

    def export(self, label: str, context: bytes, length: int) -> bytes:
        """MLS-Exporter of the next epoch. Raises Removed."""
        return self.next_epoch.export(label, context, length)

    def save(self) -> bytes:
        """As bytes, to be sealed and stored beside the outbox row."""
        return state.encode_outcome(self)

    @classmethod
    def load(cls, data: bytes) -> "Staged":
        """What `save` returned; raises Unsupported for another state version, DecodeError."""
        return cls.of(state.parse_outcome(data))


def load(saved: state.Saved) -> Group:
    """The group that `save` was given. Raises Unsupported for another version, DecodeError for parts of two epochs."""
    return Group.of(state.parse_snapshot(saved))
