"""An mls-rs client with the methods of the tests' actors. It runs in this process, by the machine's clock.

What this peer cannot do, by its binding: authenticated data, extensions, pre-shared keys, other suites than 1. Its
handshakes are PublicMessages, and a Commit that adds and removes at once goes by standalone proposals. It opens what
has authenticated data, without telling it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mls_rs_uniffi as rs
from tests.mls.actors import Received

from zajil import mls
from zajil.mls.primitives.codec import Reader
from zajil.mls.tree.tree import Tree

SUITE = 1
Refused = rs.Error
"""What mls-rs raises. Its kinds are subclasses, their text is the error of mls-rs."""


def identity_of(identity: bytes, signature_key: bytes) -> Any:  # Any: the binding has no types
    """The SigningIdentity by which mls-rs removes a member, of whichever engine."""
    pair = rs.SignatureKeypair(
        cipher_suite=rs.CipherSuite.CURVE25519_AES128,
        public_key=rs.SignaturePublicKey(bytes=signature_key),
        secret_key=rs.SignatureSecretKey(bytes=bytes(64)),
    )
    return rs.Client(identity, pair, rs.client_config_default()).signing_identity()


class RsClient:
    """One client of mls-rs and its group."""

    def __init__(self, identity: bytes) -> None:
        pair = rs.generate_signature_keypair(rs.CipherSuite.CURVE25519_AES128)
        self.identity, self.signature_key = identity, bytes(pair.public_key.bytes)
        self._config = rs.client_config_default()
        self._client = rs.Client(identity, pair, self._config)
        self._group: Any = None
        self._made: Any = None
        self.epoch = 0
        self.is_removed = False

    def key_package(self) -> bytes:
        """MLSMessage bytes (wire format mls_key_package)."""
        return bytes(self._client.generate_key_package_message().to_bytes())

    def create(self, group_id: bytes) -> None:
        self._group = self._client.create_group(group_id)

    def join(self, welcome: bytes, *, epoch: int) -> None:
        """epoch: that of the group, which the binding does not tell."""
        self._group = self._client.join_group(None, rs.Message.from_bytes(welcome)).group
        self.epoch = epoch

    def propose(self, *, adds: Sequence[bytes] = (), removes: Sequence[tuple[bytes, bytes]] = ()) -> list[bytes]:
        """Standalone proposals, which the next `commit` takes in. removes: identities with their signature keys."""
        made = self._group.propose_add_members([rs.Message.from_bytes(add) for add in adds]) if adds else []
        if removes:
            made = [*made, *self._group.propose_remove_members([identity_of(*removed) for removed in removes])]
        return [bytes(message.to_bytes()) for message in made]

    def commit(
        self, *, adds: Sequence[bytes] = (), removes: Sequence[tuple[bytes, bytes]] = ()
    ) -> tuple[bytes, bytes | None]:
        """(Commit, Welcome or None) as MLSMessage bytes: of Adds or of Removes, else of all that was proposed."""
        assert not (adds and removes)
        if adds:
            made = self._group.add_members([rs.Message.from_bytes(add) for add in adds])
        elif removes:
            made = self._group.remove_members([identity_of(*removed) for removed in removes])
        else:
            made = self._group.commit()
        self._made = made.commit_message
        welcome = made.welcome_message
        return bytes(made.commit_message.to_bytes()), None if welcome is None else bytes(welcome.to_bytes())

    def apply(self) -> None:
        """The own Commit comes back, as mls-rs wants it."""
        self._group.process_incoming_message(self._made)
        self._made = None
        self.epoch += 1

    def encrypt(self, data: bytes) -> bytes:
        return bytes(self._group.encrypt_application_message(data).to_bytes())

    def receive(self, message: bytes) -> Received:
        """Sender: -1, since the binding's identities tell nothing."""
        event = self._group.process_incoming_message(rs.Message.from_bytes(message))
        if event.is_application_message():
            return Received("application", -1, bytes(event.data), b"")
        if event.is_received_proposal():
            return Received("proposal", -1, b"", b"")
        assert event.is_commit(), event
        self.is_removed = event.effect.is_removed()
        self.epoch += 1
        return Received("commit", -1, b"", b"")

    def export(self, label: str, context: bytes, length: int) -> bytes:
        return bytes(self._group.export_secret(label.encode(), context, length))

    def tree(self) -> Tree:
        """Its ratchet tree, read by our parser."""
        reader = Reader(bytes(self._group.export_tree().bytes))
        tree = Tree.parse(mls.suite_of(SUITE), reader)
        reader.check_end()
        return tree

    def members(self) -> list[tuple[int, bytes]]:
        return [(index, leaf.credential.body) for index, leaf in self.tree().members()]

    def stored_state(self, group_id: bytes) -> bytes:
        """What mls-rs keeps of its group: bytes of its own kind, in which the secrets of the epoch can be found."""
        self._group.write_to_storage()
        stored = self._config.group_state_storage.state(group_id)
        assert stored is not None
        return bytes(stored)
