"""Mixed groups for the interop stories: our actors and ts-mls clients who trust each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from tests.interop.ts_mls import Client, Peer
from tests.mls.actors import Actor, Directory, Row

OURS, THEIRS = "ours", "theirs"
Member = Actor | Client
_groups = count()


class Cast:
    """Makes members of either kind and keeps the group they form; every live member processes every Commit."""

    def __init__(self, peer: Peer, suite: int) -> None:
        self.peer, self.suite = peer, suite
        self.directory = Directory()
        self.number = next(_groups)
        self.made = 0
        self.live: list[Member] = []

    def member(self, kind: str) -> Member:
        """A new client that everybody trusts, in no group yet."""
        self.made += 1
        identity = f"{kind}-{self.suite}-{self.number}-{self.made}".encode()
        if kind == OURS:
            actor = Actor(self.directory, suite=self.suite, identity=identity)
            self.peer.trust(identity, actor.signature_key)
            return actor
        client = self.peer.client(identity.decode(), suite=self.suite, identity=identity)
        self.directory.trust(identity, client.signature_key)
        return client

    def found(self, kind: str, extensions: Sequence[Row] = ()) -> Member:
        """A founder of that kind, alone in its group."""
        founder = self.member(kind)
        founder.create(b"interop-%d-%d" % (self.suite, self.number), extensions)
        self.live = [founder]
        return founder

    def commit(
        self,
        committer: Member,
        *,
        joiners: Sequence[Member] = (),
        ghosts: int = 0,
        removed: Sequence[Member] = (),
        removes: Sequence[int] = (),
        extensions: Sequence[Row] | None = None,
    ) -> bytes:
        """One accepted Commit. ghosts: leaves of clients that never come online. removed: live members to remove."""
        adds = [member.key_package() for member in joiners] + [self.member(OURS).key_package() for _ in range(ghosts)]
        leaves = [member.state().leaf for member in removed] + list(removes)
        aad = b"commit %d" % committer.state().epoch
        message, welcome = committer.commit(adds=adds, removes=leaves, extensions=extensions, aad=aad)
        for member in self.live:
            if member is committer:
                member.apply()
                continue
            received = member.receive(message)
            assert (received.kind, received.sender, received.aad) == ("commit", committer.state().leaf, aad)
        self.live = [member for member in self.live if member not in removed]
        assert (welcome is None) == (not adds)
        for joiner in joiners:
            assert welcome is not None
            joiner.join(welcome)
            self.live.append(joiner)
        return message

    def check_agreement(self) -> None:
        """Everybody sees the same group, epoch and secrets."""
        states = [member.state()._replace(leaf=0) for member in self.live]
        assert all(state == states[0] for state in states), states
        assert states[0].active == "active"
        exported = {member.export("zajil test", b"context", 40) for member in self.live}
        assert len(exported) == 1

    def check_talk(self) -> None:
        """Everybody's message, with AAD, opens for everybody else, once."""
        for sender in self.live:
            data, aad = b"from %d" % sender.state().leaf, b"aad of %d" % sender.state().leaf
            message = sender.encrypt(data, aad=aad, pad_to=300)
            for member in self.live:
                if member is not sender:
                    assert member.receive(message) == ("application", sender.state().leaf, data, aad)
