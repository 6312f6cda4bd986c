"""Writes vectors/{hpke,mls} and seal.json: `python -m tests.interop.make_vectors` from the project root, with Node.

vectors/mls: what one passive member of a group is sent, in both suites, with every other member on one engine. The
member keeps to itself what a reader needs (its private keys); what it must come to is taken from another member.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.interop.cast import OURS, THEIRS, Cast, Member
from tests.interop.node import ROOT, build_peer
from tests.interop.ts_mls import NOW, Peer
from tests.mls.actors import Actor
from tests.protocol import reach_vectors
from tests.protocol.service_vectors import seeded

from zajil.mls.primitives import hpke
from zajil.mls.primitives.suites import XWING

IKMS = (b"\x11" * 64, bytes(range(64)), b"\x00" * 32, b"zajil" * 20)
LABEL, CONTEXT, LENGTH = "zajil vector", b"context", 40
PLAINTEXTS = (b"", b"one path secret".ljust(64, b"."), bytes(300))


def write(path: Path, document: dict[str, Any]) -> None:  # Any: JSON
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def xwing(peer: Peer) -> dict[str, Any]:  # Any: JSON
    """Key derivation by both sides, and what each side sealed."""
    derived, sealed = [], []
    for ikm in IKMS:
        theirs = peer.call("xwing_derive", data=ikm)
        secret, public = hpke.derive_key_pair(XWING, ikm)
        assert (secret.hex(), public.hex()) == (theirs["secret"], theirs["key"])
        derived.append({"ikm": ikm.hex(), "secret": secret.hex(), "public": public.hex()})
    for ikm, plaintext in zip(IKMS, PLAINTEXTS, strict=False):
        secret, public = hpke.derive_key_pair(XWING, ikm)
        info = b"MLS 1.0 UpdatePathNode" + ikm[:4]
        enc, ciphertext = hpke.seal(XWING, public, info=info, plaintext=plaintext, rng=bytes)
        theirs = peer.call("xwing_seal", key=public, info=info, data=plaintext)
        row = {"secret": secret.hex(), "info": info.hex(), "plaintext": plaintext.hex()}
        sealed.append({"by": "zajil.mls over pyca", **row, "enc": enc.hex(), "ciphertext": ciphertext.hex()})
        row |= {"enc": theirs["enc"], "ciphertext": theirs["data"]}
        sealed.append({"by": "@hpke/hybridkem-x-wing 0.7.0", **row})
    return {
        "source": "tests/interop/make_vectors.py: zajil.mls over pyca 50 and @hpke/hybridkem-x-wing 0.7.0",
        "about": "HPKE base mode, KEM X-Wing 0x647A, HKDF-SHA512, AES-256-GCM, empty AAD; bytes are hex",
        "derive": derived,
        "sealed": sealed,
    }


class Recorder:
    """The transcript of one passive member while a `Cast` goes on."""

    def __init__(self, cast: Cast, kind: str) -> None:
        self.cast, self.kind = cast, kind
        self.steps: list[dict[str, Any]] = []  # JSON
        self.start: dict[str, Any] = {}  # JSON
        self.passive = cast.member(OURS)

    def reached(self) -> dict[str, Any]:  # Any: JSON
        """What every member of this epoch has, as one of the others sees it."""
        other = self.cast.live[0]
        state = other.state()
        return {
            "epoch": state.epoch,
            "epoch_authenticator": state.epoch_authenticator.hex(),
            "tree_hash": state.tree_hash.hex(),
            "exported": other.export(LABEL, CONTEXT, LENGTH).hex(),
        }

    def join(self, inviter: Member) -> None:
        """The passive member is invited; it stands last among the live ones."""
        package = self.passive.key_package()
        assert isinstance(self.passive, Actor)
        _, secrets = self.passive.packages[-1]
        commit, welcome = inviter.commit(adds=[package])
        assert welcome is not None
        inviter.apply()
        for member in self.cast.live:
            if member is not inviter:
                member.receive(commit)
        self.passive.join(welcome)
        self.cast.live.append(self.passive)
        self.start = {
            "key_package": package.hex(),
            "init_key": secrets.init_key.hex(),
            "encryption_key": secrets.encryption_key.hex(),
            "welcome": welcome.hex(),
            "joined": self.reached(),
        }

    def commit(self, committer: Member, **what: Any) -> None:  # Any: the arguments of Cast.commit
        leaf = committer.state().leaf
        message = self.cast.commit(committer, **what)
        aad = b"commit %d" % (committer.state().epoch - 1)
        step = {"kind": "commit", "sender": leaf, "aad": aad.hex(), "message": message.hex()}
        self.steps.append(step | self.reached())

    def send(self, sender: Member, text: str) -> dict[str, Any]:  # Any: JSON
        """A message that everybody live takes now; `steps` gets it when the caller puts it there."""
        data, aad = text.encode(), b"aad of " + text.encode()
        message = sender.encrypt(data, aad=aad)
        for member in self.cast.live:
            if member is not sender and member is not self.passive:
                member.receive(message)
        leaf = sender.state().leaf
        return {"kind": "application", "sender": leaf, "aad": aad.hex(), "message": message.hex(), "data": data.hex()}


def transcript(peer: Peer, suite: int, kind: str) -> dict[str, Any]:  # Any: JSON
    """A partly merged tree, then messages, updates, extensions, removals and adds by every kind of member."""
    cast = Cast(peer, suite)
    story = Recorder(cast, kind)
    founder = cast.found(kind, [(0xF0A0, b"a title")])
    second, third, fifth, gap, late = (cast.member(kind) for _ in range(5))
    cast.commit(founder, joiners=[second], ghosts=1)
    cast.commit(founder, joiners=[third, fifth])
    cast.commit(founder, removes=[2])
    cast.commit(founder, joiners=[gap])
    cast.commit(fifth)
    story.join(founder)
    story.steps.append(story.send(founder, "first"))
    story.commit(second)
    late_words = [story.send(gap, f"word {number}") for number in range(3)]
    story.steps += [late_words[2], late_words[0]]
    story.commit(fifth, extensions=[(0xF0A0, b"another title"), (0xF0A1, b"")])
    story.steps.append(late_words[1])
    story.commit(gap, joiners=[late])
    story.commit(third, removed=[second], extensions=[(0xF0A1, b"both")])
    story.steps.append(story.send(late, "after the removal"))
    story.commit(late, removed=[gap], ghosts=1)
    story.commit(founder)
    story.steps.append(story.send(founder, "last"))
    maker = "zajil.mls" if kind == OURS else "ts-mls 1.6.4 with web/build/ts-mls-corrections.ts"
    return {
        "source": f"tests/interop/make_vectors.py: every member but the reader on {maker}",
        "about": "what one member is sent from its Welcome on; bytes are hex; commits reach the values beside them",
        "suite": suite,
        "now": NOW,
        "exporter": {"label": LABEL, "context": CONTEXT.hex(), "length": LENGTH},
        **story.start,
        "steps": story.steps,
    }


def seals(peer: Peer) -> dict[str, Any]:  # Any: JSON
    """A NEW by each language, and what this side makes of it."""
    by = "typescript"
    tape = b"".join(seeded(f"{by} {part}", size) for part, size in (("key", 32), ("sid", 16), ("s_c", 32)))
    origin, channel = reach_vectors.ORIGIN, int(reach_vectors.CHANNELS[by])
    at = {"channel": channel, "now_ms": reach_vectors.CLIENT_MS}
    made = peer.call("seal_new", client=by, key=origin.public, info=origin.kid, data=tape, **at)
    ours = reach_vectors.client_of("python").new_record
    built: dict[str, Any] = reach_vectors.build_seal({"python": ours, by: bytes.fromhex(made["data"])})  # JSON
    return built


def main() -> None:
    with Peer(build_peer(raw=False)) as peer:
        write(ROOT / "vectors" / "seal.json", seals(peer))
        write(ROOT / "vectors" / "hpke" / "xwing.json", xwing(peer))
        for kind, maker in ((OURS, "zajil"), (THEIRS, "ts-mls")):
            for suite, name in ((1, "x25519"), (0x53, "xwing")):
                write(ROOT / "vectors" / "mls" / f"{maker}-{name}.json", transcript(peer, suite, kind))


if __name__ == "__main__":
    main()
