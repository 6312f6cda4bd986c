"""MLS: what members, inviters and the server send, and what a client stored."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from tests.fuzz.targets import Parser, Target
from tests.mls.forge import Faults, Invitation
from tests.mls.scenes import TITLE, invite, scene
from tests.mls.test_fuzz import messages

from zajil import mls
from zajil.mls.messages.extensions import RequiredCapabilities
from zajil.mls.messages.framing import parse_framed
from zajil.mls.messages.group_info import GroupSecrets, parse_group_info, parse_group_secrets, parse_welcome
from zajil.mls.messages.proposals import (
    ExternalInit,
    ProposalRef,
    Psk,
    encode_proposal_or_ref,
    parse_proposal_or_ref,
)
from zajil.mls.messages.protect import SenderData
from zajil.mls.primitives.codec import Reader, parse_all, read_opaque, read_u16, read_u32
from zajil.mls.schedule.psk import ExternalPsk, PreSharedKeyId, ResumptionPsk, ResumptionUsage
from zajil.mls.tree.tree import Tree

SCENE = scene()
OPEN = mls.Policy(public_handshakes=True, external_commits=True)
SAVED = mls.save(SCENE.bob.group)


def whole(parse: Callable[[Reader], object]) -> Parser:
    return lambda data: parse_all(data, parse)


def receive(data: bytes) -> object:
    return SCENE.bob.group.receive(replace(SCENE.bob.env, policy=OPEN), data)


def join(data: bytes) -> object:
    return mls.Group.join(SCENE.erin.env, data, *PACKAGE)


def check_package(data: bytes) -> None:
    mls.check_key_package(SCENE.alice.env, mls.parse_key_package(data), SCENE.alice.suite)


def load_epoch(data: bytes) -> object:
    return mls.load(replace(SAVED, epoch=data))


def load_ratchet(data: bytes) -> object:
    return mls.load(replace(SAVED, ratchet=data))


def _seeds() -> dict[str, list[bytes]]:
    bob, erin = SCENE.bob, SCENE.erin
    package = erin.key_package()
    welcome = invite(Invitation(), Faults(path=True))
    staged, waiting = bob.copy(), bob.copy()
    staged.commit(extensions=[(TITLE.type, TITLE.data)])
    assert staged.staged is not None
    waiting.group, proposed = waiting.group.propose_update(waiting.env)
    return {
        "ratchet": [mls.save(bob.group).ratchet, mls.save(waiting.group).ratchet],
        "message": [*messages().values(), proposed],
        "welcome": [welcome],
        "key package": [package],
        "group info": [bob.group.group_info(bob.env)],
        "outcome": [staged.staged.save()],
        "key package secrets": [erin.packages[-1][1].encode()],
    }


def _proposals() -> list[bytes]:
    epoch = PreSharedKeyId(ResumptionPsk(ResumptionUsage.APPLICATION, b"group", 3), bytes(32))
    return [
        encode_proposal_or_ref(item)
        for item in (
            *(mls.Add(mls.parse_key_package(MADE["key package"][0])), mls.Remove(3), mls.SetExtensions((TITLE,))),
            *(mls.ReInit(b"group", 1, 0x53, (TITLE,)), Psk(epoch), Psk(PreSharedKeyId(ExternalPsk(b"id"), bytes(32)))),
            *(ExternalInit(bytes(32)), ProposalRef(bytes(32))),
        )
    ]


MADE = _seeds()
PACKAGE = SCENE.erin.packages[-1]  # tests beside may have her make more
_REQUIRED = RequiredCapabilities(extensions=(0xF0A0,), proposals=(), credentials=(1,))

TARGETS: dict[str, Target] = {
    "mls message": Target(receive, MADE["message"]),
    "mls framing": Target(parse_framed, MADE["message"]),
    "mls header": Target(mls.peek, MADE["message"]),
    "mls welcome": Target(join, MADE["welcome"]),
    "mls welcome's frame": Target(parse_welcome, MADE["welcome"]),
    "mls group info": Target(parse_group_info, MADE["group info"]),
    "mls group secrets": Target(parse_group_secrets, [GroupSecrets(bytes(32), bytes(32), ()).encode()]),
    "mls key package": Target(check_package, MADE["key package"]),
    "mls key package secrets": Target(mls.parse_secrets, MADE["key package secrets"]),
    "mls proposal": Target(whole(parse_proposal_or_ref), _proposals()),
    "mls tree": Target(
        whole(lambda reader: Tree.parse(SCENE.bob.suite, reader)), [SCENE.bob.group.current.tree.encode()]
    ),
    "mls sender data": Target(whole(SenderData.parse), [SenderData(3, 7, bytes(4)).encode()]),
    "mls required capabilities": Target(whole(RequiredCapabilities.parse), [_REQUIRED.encode()]),
    "mls saved epoch": Target(load_epoch, [SAVED.epoch]),
    "mls saved ratchet": Target(load_ratchet, MADE["ratchet"]),
    "mls saved commit": Target(mls.Staged.load, MADE["outcome"]),
    "mls sealed": Target(
        lambda data: mls.unseal(bytes(32), b"group", "epoch", data),
        [mls.seal(bytes(32), b"group", "epoch", b"state", random.Random(6).randbytes)],
    ),
    "mls numbers": Target(
        whole(lambda reader: (read_u16(reader), read_u32(reader), read_opaque(reader))), [bytes(6) + b"\1a"]
    ),
}
