"""A group under Hypothesis: up to twelve clients, one server that orders, everything else in any order.

Model: the server appends a Commit only if it is of the newest epoch, and an application message of the newest epoch
or, unless the last Commit removed somebody, of the one before. Clients read the log at their own pace, save and load
at each step, lose races, veto, are removed and come back.

Held at each step: equal epochs mean equal secrets and trees; each message opens exactly once for everyone who was a
member; nobody outside opens any; no key is used twice, by the books and by an AEAD that remembers; what is loaded
equals what was saved; trees stay valid. `ZAJIL_MACHINE_EXAMPLES=2000` lives so many lives, at random.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TypeVar
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.mls.actors import Actor, Directory

from zajil import mls
from zajil.mls.primitives import crypto
from zajil.mls.schedule.secret_tree import RatchetKind
from zajil.mls.tree.parent_hash import check_tree

pytestmark = pytest.mark.slow

CLIENTS = 12
EXAMPLES = int(os.environ.get("ZAJIL_MACHINE_EXAMPLES", "0"))
SEAL = crypto.aead_seal
GROUP_ID = b"machine"
PICK = st.integers(0, 1_000)
T = TypeVar("T")
Key = tuple[bytes, int, RatchetKind, int]


@dataclass(frozen=True)
class Entry:
    """One message in the order of the server. sender: client number. data: of an application message."""

    kind: str
    epoch: int
    sender: int
    message: bytes
    data: bytes = b""


@dataclass
class Client:
    """One device: its group, where it is in the log, and its Commit that is not yet decided."""

    number: int
    actor: Actor
    position: int = 0
    staged: bytes | None = None
    invited: bool = False
    ahead: set[int] = field(default_factory=set)
    welcome: tuple[bytes, int] | None = None

    @property
    def inside(self) -> bool:
        return self.actor._group is not None and self.actor.group.state is mls.State.ACTIVE

    def keep(self, group: mls.Group) -> None:
        """Stores and loads: every step of a client survives the end of its process."""
        loaded = mls.load(mls.save(group))
        assert loaded == group
        self.actor.group = loaded


class GroupMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        directory = Directory()
        self.clients = [
            Client(number, Actor(directory, suite=1, identity=b"client %d" % number)) for number in range(CLIENTS)
        ]
        self.log: list[Entry] = []
        self.epoch = 0
        self.grace = False
        self.used: set[Key] = set()
        self.outsiders: list[tuple[mls.Env, mls.Group]] = []
        self.texts = 0
        self.sealed: dict[bytes, bytes] = {}
        self.valid: set[bytes] = set()
        self.recorder = mock.patch.object(crypto, "aead_seal", self.seal)
        self.recorder.start()

    def seal(self, suite: mls.Suite, key: bytes, *, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
        """The engine's AEAD, which remembers: no key of a message or of its sender's data seals anything else."""
        assert self.sealed.setdefault(key, plaintext) == plaintext, "a key for two plaintexts"
        return SEAL(suite, key, nonce=nonce, aad=aad, plaintext=plaintext)

    @initialize(size=st.integers(2, 6))
    def create(self, size: int) -> None:
        first = self.clients[0]
        first.actor.create(GROUP_ID)
        for _ in range(size - 1):
            self.add(len(self.idle()) - 1, 0, at_once=True)
            self.join(0)
            for client in self.inside():
                self.read_all(client)

    # Who may act.

    def inside(self) -> list[Client]:
        return [client for client in self.clients if client.inside]

    def idle(self) -> list[Client]:
        return [client for client in self.inside() if client.staged is None]

    def behind(self) -> list[Client]:
        return [client for client in self.inside() if client.position < len(self.log)]

    def outside(self) -> list[Client]:
        return [client for client in self.clients if not client.inside and not client.invited]

    # Commits.

    def spend(self, client: Client, kind: RatchetKind) -> None:
        """Notes the key the next message of this kind will use; a second use of one is the end."""
        group = client.actor.group
        generation = group.ratchets.secret_tree.generation(group.own_leaf, kind)
        key = (group.epoch_authenticator, group.own_leaf, kind, generation)
        assert key not in self.used, "a key for two messages"
        self.used.add(key)

    def stage(self, client: Client, proposals: list[mls.Proposal], *, at_once: bool) -> None:
        self.spend(client, RatchetKind.HANDSHAKE)
        group, staged = client.actor.group.commit(client.actor.env, proposals)
        client.keep(group)
        client.staged = staged.save()
        assert mls.Staged.load(client.staged) == staged
        if at_once:
            self.submit_of(client)

    @precondition(lambda self: self.idle() and self.outside())
    @rule(pick=PICK, whom=PICK, at_once=st.booleans())
    def add(self, pick: int, whom: int, at_once: bool) -> None:
        """Adds a newcomer, or somebody who is out: then the old leaf goes in the same Commit."""
        client, guest = pick_of(self.idle(), pick), pick_of(self.outside(), whom)
        package = mls.parse_key_package(guest.actor.key_package())
        old = [m.leaf for m in client.actor.group.members() if m.client == guest.actor.identity]
        guest.invited = True
        self.stage(client, [*map(mls.Remove, old), mls.Add(package)], at_once=at_once)

    @precondition(lambda self: len(self.idle()) > 1)
    @rule(pick=PICK, whom=PICK, at_once=st.booleans())
    def remove(self, pick: int, whom: int, at_once: bool) -> None:
        client = pick_of(self.idle(), pick)
        group = client.actor.group
        others = [member.leaf for member in group.members() if member.leaf != group.own_leaf]
        if others:
            self.stage(client, [mls.Remove(pick_of(others, whom))], at_once=at_once)

    @precondition(lambda self: self.idle())
    @rule(pick=PICK, at_once=st.booleans())
    def update(self, pick: int, at_once: bool) -> None:
        self.stage(pick_of(self.idle(), pick), [], at_once=at_once)

    @precondition(lambda self: self.idle())
    @rule(pick=PICK, title=st.binary(max_size=4), at_once=st.booleans())
    def rename(self, pick: int, title: bytes, at_once: bool) -> None:
        settings_extension = mls.Extension(0xF0A0, title)
        self.stage(pick_of(self.idle(), pick), [mls.SetExtensions((settings_extension,))], at_once=at_once)

    @precondition(lambda self: any(client.staged for client in self.inside()))
    @rule(pick=PICK)
    def submit(self, pick: int) -> None:
        """Sends a stored Commit, perhaps again. The server takes the first of the newest epoch."""
        self.submit_of(pick_of([client for client in self.inside() if client.staged], pick))

    def submit_of(self, client: Client) -> None:
        staged = mls.Staged.load(client.staged or b"")
        message = staged.message or b""
        if staged.epoch != self.epoch + 1 or any(entry.message == message for entry in self.log):
            return
        self.append(Entry("commit", self.epoch, client.number, message))
        self.epoch, self.grace = self.epoch + 1, not staged.removed
        for member in staged.added:
            guest = next(client for client in self.clients if client.actor.identity == member.client)
            assert staged.welcome is not None
            guest.welcome = (staged.welcome, len(self.log))

    def append(self, entry: Entry) -> None:
        """The server takes a message; whoever is outside tries to read it first."""
        for env, group in self.outsiders:
            # One who vetoed was a member until then: texts of that epoch, sent late, are still for it.
            if group.epoch == entry.epoch and group.state is mls.State.ACTIVE and self.grace:
                continue
            with pytest.raises(mls.MlsError):
                group.receive(env, entry.message)
        self.log.append(entry)

    # Messages.

    @precondition(lambda self: any(not client.actor.group.pending for client in self.inside()))
    @rule(pick=PICK, count=st.integers(1, 5))
    def send(self, pick: int, count: int) -> None:
        for number in range(count):
            self.send_one(pick + number)

    def send_one(self, pick: int) -> None:
        client = pick_of([client for client in self.inside() if not client.actor.group.pending], pick)
        self.texts += 1
        data, epoch = b"text %d" % self.texts, client.actor.group.epoch
        self.spend(client, RatchetKind.APPLICATION)
        group, message = client.actor.group.encrypt(client.actor.env, data)
        client.keep(group)
        if epoch == self.epoch or (epoch == self.epoch - 1 and self.grace):
            self.append(Entry("text", epoch, client.number, message, data))

    @precondition(lambda self: self.inside() and not any(client.actor.group.pending for client in self.inside()))
    @rule(pick=PICK, chance=st.integers(0, 5))
    def propose(self, pick: int, chance: int) -> None:
        """Now and then a standalone Update; whoever commits next takes it along if it has seen it."""
        client = pick_of(self.inside(), pick)
        if chance or client.actor.group.epoch != self.epoch or client.staged is not None:
            return
        self.spend(client, RatchetKind.HANDSHAKE)
        group, message = client.actor.group.propose_update(client.actor.env)
        client.keep(group)
        self.append(Entry("proposal", self.epoch, client.number, message))

    # Reading.

    @precondition(lambda self: self.behind())
    @rule(pick=PICK, count=st.integers(1, 6), doubled=st.booleans())
    def read(self, pick: int, count: int, doubled: bool) -> None:
        client = pick_of(self.behind(), pick)
        for _ in range(count):
            if client.inside and client.position < len(self.log):
                self.take(client, doubled=doubled)

    def read_all(self, client: Client) -> None:
        while client.inside and client.position < len(self.log):
            self.take(client)

    @precondition(lambda self: self.behind())
    @rule()
    def everybody_reads(self) -> None:
        for client in self.behind():
            self.read_all(client)

    @precondition(lambda self: self.behind())
    @rule(pick=PICK, skip=st.integers(1, 4))
    def read_ahead(self, pick: int, skip: int) -> None:
        """A text overtakes others of the same stretch between two handshakes."""
        client = pick_of(self.behind(), pick)
        place = client.position + skip
        stretch = self.log[client.position : place + 1]
        if len(stretch) == skip + 1 and all(entry.kind == "text" for entry in stretch) and place not in client.ahead:
            self.take_text(client, self.log[place])
            client.ahead.add(place)

    def take(self, client: Client, *, doubled: bool = False) -> None:
        place, entry = client.position, self.log[client.position]
        client.position += 1
        if place in client.ahead:
            return
        {"text": self.take_text, "commit": self.take_commit, "proposal": self.take_proposal}[entry.kind](client, entry)
        if doubled and client.inside:
            with pytest.raises(mls.MlsError):
                client.actor.group.receive(client.actor.env, entry.message)

    def take_text(self, client: Client, entry: Entry) -> None:
        actor, before = client.actor, client.actor.group
        if entry.sender == client.number:
            with pytest.raises((mls.OwnMessage, mls.PastEpoch)):
                before.receive(actor.env, entry.message)
            return
        joined_later = entry.epoch < before.epoch and not before.current.past
        if joined_later:
            with pytest.raises(mls.PastEpoch):
                before.receive(actor.env, entry.message)
            return
        group, event = before.receive(actor.env, entry.message)
        assert isinstance(event, mls.Application)
        assert (event.data, event.epoch) == (entry.data, entry.epoch)
        assert event.leaf_node.credential.body == self.clients[entry.sender].actor.identity
        client.keep(group)
        with pytest.raises(mls.Replayed):
            client.actor.group.receive(actor.env, entry.message)

    def take_proposal(self, client: Client, entry: Entry) -> None:
        if entry.sender != client.number:
            group, event = client.actor.group.receive(client.actor.env, entry.message)
            assert isinstance(event, mls.Proposed)
            client.keep(group)

    def take_commit(self, client: Client, entry: Entry) -> None:
        """Our own at its echo, anybody else's once verified; a Commit of ours that lost is dropped."""
        staged = None if client.staged is None else mls.Staged.load(client.staged)
        client.staged = None
        if staged is not None and staged.message == entry.message:
            client.keep(staged.apply(client.actor.group))
            return
        before = client.actor.group
        group, event = before.receive(client.actor.env, entry.message)
        assert isinstance(event, mls.Staged)
        assert mls.Staged.load(event.save()) == event
        if staged is not None:
            self.forget(staged)
        client.keep(event.apply(group))
        if not client.inside:
            self.outsiders += [(client.actor.env, before), (client.actor.env, client.actor.group)]

    def forget(self, lost: mls.Staged) -> None:
        """Whoever a lost Commit would have added may be added by another."""
        for member in lost.added:
            guest = next(client for client in self.clients if client.actor.identity == member.client)
            guest.invited = guest.welcome is not None

    @precondition(lambda self: any(self.next_is_foreign_commit(client) for client in self.behind()))
    @rule(pick=PICK)
    def veto(self, pick: int) -> None:
        """Drops a Commit the server took: the group has ended for this client until it is added again."""
        client = pick_of([client for client in self.behind() if self.next_is_foreign_commit(client)], pick)
        if len(self.inside()) < 3:
            return
        before = client.actor.group
        _, event = before.receive(client.actor.env, self.log[client.position].message)
        assert isinstance(event, mls.Staged)
        assert client.actor.group == before
        if client.staged is not None:
            self.forget(mls.Staged.load(client.staged))
        self.outsiders.append((client.actor.env, before))
        client.actor._group, client.staged, client.invited = None, None, False

    def next_is_foreign_commit(self, client: Client) -> bool:
        entry = self.log[client.position]
        return entry.kind == "commit" and entry.sender != client.number

    @precondition(lambda self: any(client.welcome for client in self.clients))
    @rule(pick=PICK)
    def join(self, pick: int) -> None:
        client = pick_of([client for client in self.clients if client.welcome], pick)
        assert client.welcome is not None
        welcome, client.position = client.welcome
        client.actor.join(welcome)
        client.actor.packages.clear()
        client.keep(client.actor.group)
        client.welcome, client.invited, client.staged, client.ahead = None, False, None, set()
        # What it could read as it left, it must not read by those old keys; by its new ones it may.
        self.outsiders = [(env, group) for env, group in self.outsiders if env is not client.actor.env]

    # What always holds.

    @invariant()
    def equal_epochs_agree(self) -> None:
        seen: dict[int, tuple[object, ...]] = {}
        for client in self.inside():
            group = client.actor.group
            view = (group.context, group.epoch_authenticator, group.export("test", b"", 16), group.members())
            assert seen.setdefault(group.epoch, view) == view

    @invariant()
    def trees_are_valid(self) -> None:
        for client in self.inside():
            current = client.actor.group.current
            current.private.check(current.tree, "test")
            if current.context.tree_hash not in self.valid:
                check_tree(current.tree, current.context.tree_hash)
                self.valid.add(current.context.tree_hash)

    def teardown(self) -> None:
        """Everybody reads to the end: whoever is still inside is in the newest epoch."""
        self.recorder.stop()
        while any(client.welcome for client in self.clients):
            self.join(0)
        for client in self.inside():
            self.read_all(client)
            assert not client.inside or client.actor.group.epoch == self.epoch
        self.equal_epochs_agree()


def pick_of(items: list[T], pick: int) -> T:
    return items[pick % len(items)]


TestGroupMachine = GroupMachine.TestCase
TestGroupMachine.settings = settings(
    max_examples=EXAMPLES or (80 if os.environ.get("ZAJIL_LONG") == "1" else 25),
    stateful_step_count=60,
    deadline=None,
    derandomize=not EXAMPLES,
    suppress_health_check=list(HealthCheck),
)
