"""Official vectors: messages, message-protection, welcome."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from tests.mls import vectors
from tests.mls.vectors import unhex

from zajil.mls.errors import MlsError
from zajil.mls.messages import framing, group_info, key_package, proposals, protect, reinit
from zajil.mls.messages.envelope import WireFormat, wrap
from zajil.mls.messages.extensions import encode_extensions, parse_extensions
from zajil.mls.messages.framing import ApplicationData, AuthenticatedContent, Content, ContentType, FramedContent
from zajil.mls.messages.group_context import GroupContext
from zajil.mls.primitives import crypto, hpke
from zajil.mls.primitives.codec import Reader, parse_all, read_u32
from zajil.mls.primitives.suites import Suite, suite_of
from zajil.mls.schedule import key_schedule, transcript
from zajil.mls.schedule.psk import PreSharedKeyId, psk_secret
from zajil.mls.schedule.secret_tree import SecretTree
from zajil.mls.tree.nodes import LeafNode
from zajil.mls.tree.tree import Tree

pytestmark = pytest.mark.vectors

BODIES: dict[str, Callable[[Reader], Any]] = {  # Any: whatever the field holds
    "group_secrets": group_info.GroupSecrets.parse,
    "add_proposal": key_package.KeyPackage.parse,
    "update_proposal": LeafNode.parse,
    "pre_shared_key_proposal": PreSharedKeyId.parse,
    "re_init_proposal": reinit.ReInit.parse,
    "commit": proposals.Commit.parse,
}
FRAMED = {
    "public_message_application": (WireFormat.PUBLIC_MESSAGE, ContentType.APPLICATION),
    "public_message_proposal": (WireFormat.PUBLIC_MESSAGE, ContentType.PROPOSAL),
    "public_message_commit": (WireFormat.PUBLIC_MESSAGE, ContentType.COMMIT),
    "private_message": (WireFormat.PRIVATE_MESSAGE, None),
}


@vectors.cases("messages")
def test_messages(index: int) -> None:
    """Every structure parses and encodes to the same bytes."""
    vector = {name: unhex(text) for name, text in vectors.load("messages")[index].items()}
    for name, parse in BODIES.items():
        assert parse_all(vector[name], parse).encode() == vector[name], name
    extensions = parse_all(vector["group_context_extensions_proposal"], parse_extensions)
    assert encode_extensions(extensions) == vector["group_context_extensions_proposal"]
    assert proposals.Remove(parse_all(vector["remove_proposal"], read_u32)).encode() == vector["remove_proposal"]
    kem_output = parse_all(vector["external_init_proposal"], Reader.opaque)
    assert proposals.ExternalInit(kem_output).encode() == vector["external_init_proposal"]
    tree = parse_all(vector["ratchet_tree"], lambda reader: Tree.parse(suite_of(1), reader))
    assert tree.encode() == vector["ratchet_tree"]

    welcome = group_info.parse_welcome(vector["mls_welcome"])
    assert group_info.encode_welcome(welcome) == vector["mls_welcome"]
    info = group_info.parse_group_info(vector["mls_group_info"])
    assert group_info.encode_group_info(info) == vector["mls_group_info"]
    package = key_package.parse_key_package(vector["mls_key_package"])
    assert key_package.encode_key_package(package) == vector["mls_key_package"]
    for name, (wire_format, content_type) in FRAMED.items():
        message = framing.parse_framed(vector[name])
        assert wrap(wire_format, message.encode()) == vector[name], name
        header = framing.peek(vector[name])
        assert header.wire_format is wire_format
        assert content_type in (None, header.content_type)


class Keys(NamedTuple):
    suite: Suite
    context: bytes
    signature_key: bytes
    signer: crypto.Signer
    membership: bytes
    sender_data: bytes
    secret_tree: SecretTree


def keys_of(vector: dict[str, Any]) -> Keys:
    suite = suite_of(vector["cipher_suite"])
    context = GroupContext(
        suite=suite,
        group_id=unhex(vector["group_id"]),
        epoch=vector["epoch"],
        tree_hash=unhex(vector["tree_hash"]),
        confirmed_transcript_hash=unhex(vector["confirmed_transcript_hash"]),
        extensions=(),
    )
    signer, public = crypto.make_signer(suite, unhex(vector["signature_priv"]))
    assert public == unhex(vector["signature_pub"])
    return Keys(
        suite,
        context.encode(),
        public,
        signer,
        unhex(vector["membership_key"]),
        unhex(vector["sender_data_secret"]),
        SecretTree.new(suite, unhex(vector["encryption_secret"]), leaves=2),
    )


def open_message(keys: Keys, message: bytes) -> AuthenticatedContent:
    parsed = framing.parse_framed(message)
    if isinstance(parsed, framing.PrivateMessage):
        sender_data = protect.open_sender_data(keys.suite, parsed, sender_data_secret=keys.sender_data)
        signed = protect.open_private(keys.suite, parsed, sender_data=sender_data, secret_tree=keys.secret_tree).content
    else:
        signed = protect.open_public(keys.suite, parsed, membership_key=keys.membership, group_context=keys.context)
    protect.check_signature(keys.suite, signed, signature_key=keys.signature_key, group_context=keys.context)
    return signed


def seal_message(keys: Keys, wire_format: WireFormat, content: FramedContent) -> bytes:
    signed = protect.sign(keys.signer, wire_format=wire_format, content=content, group_context=keys.context)
    if content.content_type is ContentType.COMMIT:
        signed = replace(signed, auth=replace(signed.auth, confirmation_tag=bytes(keys.suite.nh)))
    if wire_format is WireFormat.PUBLIC_MESSAGE:
        public = protect.seal_public(keys.suite, signed, membership_key=keys.membership, group_context=keys.context)
        return wrap(wire_format, public.encode())
    numbers = itertools.count()
    private, _ = protect.seal_private(
        keys.suite,
        signed,
        sender_data_secret=keys.sender_data,
        secret_tree=keys.secret_tree,
        rng=lambda size: next(numbers).to_bytes(size, "big"),
        pad_to=256,
    )
    return wrap(wire_format, private.encode())


@vectors.cases("message-protection")
def test_message_protection(index: int) -> None:
    vector = vectors.load("message-protection")[index]
    keys = keys_of(vector)
    contents: list[tuple[str, Content]] = [
        ("proposal", parse_all(unhex(vector["proposal"]), proposals.parse_proposal)),
        ("commit", parse_all(unhex(vector["commit"]), proposals.Commit.parse)),
        ("application", ApplicationData(unhex(vector["application"]))),
    ]
    formats = (("priv", WireFormat.PRIVATE_MESSAGE), ("pub", WireFormat.PUBLIC_MESSAGE))
    for (name, content), (suffix, wire_format) in itertools.product(contents, formats):
        if f"{name}_{suffix}" not in vector:
            continue
        message = unhex(vector[f"{name}_{suffix}"])
        opened = open_message(keys, message)
        assert opened.content.content == content
        assert opened.content.sender == framing.member(1)
        again = open_message(keys, seal_message(keys, wire_format, opened.content))
        assert again.content == opened.content
        with pytest.raises(MlsError):
            open_message(keys, message[:-1] + bytes([message[-1] ^ 1]))


@vectors.cases("welcome")
def test_welcome(index: int) -> None:
    """The GroupInfo opens, is signed by signer_pub, and its confirmation tag fits its transcript."""
    vector = vectors.load("welcome")[index]
    suite = suite_of(vector["cipher_suite"])
    package = key_package.parse_key_package(unhex(vector["key_package"]))
    welcome = group_info.parse_welcome(unhex(vector["welcome"]))
    assert welcome.suite == suite.id
    (entry,) = [secret for secret in welcome.secrets if secret.new_member == package.reference(suite)]
    assert hpke.public_key_of(suite, unhex(vector["init_priv"])) == package.init_key
    secrets = group_info.parse_group_secrets(
        crypto.decrypt_with_label(
            suite,
            unhex(vector["init_priv"]),
            label=b"Welcome",
            context=welcome.encrypted_group_info,
            sealed=entry.sealed,
        )
    )
    assert secrets.psks == ()
    psk = psk_secret(suite, [])
    key = key_schedule.welcome_key(suite, key_schedule.welcome_secret(suite, secrets.joiner_secret, psk))
    encoded = crypto.aead_open(suite, key.key, nonce=key.nonce, aad=b"", ciphertext=welcome.encrypted_group_info)
    info = parse_all(encoded, group_info.GroupInfo.parse)
    crypto.verify_with_label(
        suite,
        unhex(vector["signer_pub"]),
        label=b"GroupInfoTBS",
        content=info.tbs(),
        signature=info.signature,
    )
    epoch = key_schedule.epoch_secrets(
        suite, secrets.joiner_secret, psk_secret=psk, group_context=info.context.encode()
    )
    tag = key_schedule.confirmation_tag(suite, epoch.confirmation, info.context.confirmed_transcript_hash)
    assert tag == info.confirmation_tag
    interim = transcript.interim_transcript_hash(suite, info.context.confirmed_transcript_hash, tag)
    assert len(interim) == suite.nh
