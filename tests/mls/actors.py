"""People of the MLS tests: one actor is one client of one suite, with its own key, directory and group.

`Actor` has the methods of the ts-mls peer's `Client` (tests/interop/ts_mls.py), so that a story can be told with
either in any role.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from copy import copy
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zajil import mls

NOW = 1_800_000_000
EXTENSION_TYPES = (0xF0A0, 0xF0A1)
SUITES = (1, 0x53)
Row = tuple[int, bytes]


class Received(NamedTuple):
    kind: str
    sender: int
    data: bytes
    aad: bytes


class State(NamedTuple):
    active: str
    epoch: int
    leaf: int
    epoch_authenticator: bytes
    tree_hash: bytes
    confirmed_transcript_hash: bytes
    extensions: list[Row]
    members: list[tuple[int, bytes]]


class Directory:
    """Which signature key each identity may use, and whose second identity it is: the tests' Authentication Service."""

    def __init__(self) -> None:
        self.keys: dict[bytes, bytes] = {}
        self.aliases: dict[bytes, bytes] = {}

    def trust(self, identity: bytes, signature_key: bytes) -> None:
        self.keys[identity] = signature_key

    def authenticate(self, credential: mls.Credential, signature_key: bytes, use: mls.Use) -> bytes:
        if self.keys.get(credential.body) != signature_key:
            raise mls.Rejected("unknown key")
        return self.aliases.get(credential.body, credential.body)


class Actor:
    """One client on our own engine."""

    def __init__(
        self, directory: Directory, *, suite: int, identity: bytes, policy: mls.Policy | None = None, now: int = NOW
    ) -> None:
        chance = random.Random(identity)
        private = Ed25519PrivateKey.from_private_bytes(chance.randbytes(32))
        self.identity, self.suite = identity, mls.suite_of(suite)
        self.signature_key = private.public_key().public_bytes_raw()
        self.credential = mls.basic_credential(identity)
        directory.trust(identity, self.signature_key)
        self.env = mls.Env(
            authenticate=directory.authenticate,
            signer=private.sign,
            rng=chance.randbytes,
            now=now,
            policy=policy or mls.Policy(),
        )
        self.packages: list[tuple[mls.KeyPackage, mls.KeyPackageSecrets]] = []
        self._group: mls.Group | None = None
        self.staged: mls.Staged | None = None

    @property
    def group(self) -> mls.Group:
        assert self._group is not None
        return self._group

    @group.setter
    def group(self, group: mls.Group) -> None:
        self._group = group

    def copy(self) -> Actor:
        """The same client, to go on from here without moving this one."""
        twin = copy(self)
        twin.packages = list(self.packages)
        return twin

    @property
    def capabilities(self) -> mls.Capabilities:
        return mls.Capabilities(cipher_suites=SUITES, extensions=EXTENSION_TYPES)

    def key_package(self) -> bytes:
        """MLSMessage bytes; the secrets stay here until a Welcome uses them."""
        lifetime = mls.Lifetime(self.env.now - 3600, self.env.now + 89 * 86400 - 3600)
        made = mls.make_key_package(
            self.env, self.suite, self.credential, self.signature_key, self.capabilities, lifetime
        )
        self.packages.append(made)
        return mls.encode_key_package(made[0])

    def create(self, group_id: bytes, extensions: Sequence[Row] = ()) -> None:
        self.group = mls.Group.create(
            self.env,
            group_id,
            self.suite,
            self.credential,
            self.signature_key,
            self.capabilities,
            extensions=tuple(mls.Extension(kind, data) for kind, data in extensions),
        )

    def join(self, welcome: bytes) -> list[Row]:
        refusal: mls.MlsError | None = None
        for key_package, secrets in self.packages:
            try:
                self.group, info = mls.Group.join(self.env, welcome, key_package, secrets)
            except mls.Invalid as error:
                refusal = error
                continue
            return [(extension.type, extension.data) for extension in info.extensions]
        raise refusal or AssertionError("no KeyPackage was made")

    def commit(
        self,
        *,
        adds: Sequence[bytes] = (),
        removes: Sequence[int] = (),
        extensions: Sequence[Row] | None = None,
        aad: bytes = b"",
    ) -> tuple[bytes, bytes | None]:
        proposals: list[mls.Proposal] = [mls.Remove(leaf) for leaf in removes]
        proposals += [mls.Add(mls.parse_key_package(add)) for add in adds]
        if extensions is not None:
            proposals.append(mls.SetExtensions(tuple(mls.Extension(kind, data) for kind, data in extensions)))
        self.group, self.staged = self.group.commit(self.env, proposals, aad=aad)
        assert self.staged.message is not None
        return self.staged.message, self.staged.welcome

    def apply(self) -> None:
        assert self.staged is not None
        self.group, self.staged = self.staged.apply(self.group), None

    def encrypt(self, data: bytes, *, aad: bytes = b"", pad_to: int = 256) -> bytes:
        self.group, message = self.group.encrypt(self.env, data, aad=aad, pad_to=pad_to)
        return message

    def receive(self, message: bytes) -> Received:
        """A foreign Commit is applied at once, our own staged one dropped."""
        self.group, event = self.group.receive(self.env, message)
        if isinstance(event, mls.Staged):
            self.group, self.staged = event.apply(), None
            return Received("commit", event.committer, b"", event.aad)
        assert isinstance(event, mls.Application)
        return Received("application", event.sender, event.data, event.aad)

    def export(self, label: str, context: bytes, length: int) -> bytes:
        return self.group.export(label, context, length)

    def state(self) -> State:
        group = self.group
        return State(
            active=group.state,
            epoch=group.context.epoch,
            leaf=group.own_leaf,
            epoch_authenticator=b"" if group.state is mls.State.REMOVED else group.epoch_authenticator,
            tree_hash=group.context.tree_hash,
            confirmed_transcript_hash=group.context.confirmed_transcript_hash,
            extensions=[(extension.type, extension.data) for extension in group.context.extensions],
            members=[(member.leaf, member.leaf_node.credential.body) for member in group.members()],
        )
