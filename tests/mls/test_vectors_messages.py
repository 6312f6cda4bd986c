"""Official vectors: message-protection, messages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.mls import vectors
from tests.mls.vectors import unhex

from zajil.mls.messages import protect
from zajil.mls.messages.envelope import WireFormat, unwrap, wrap
from zajil.mls.messages.framing import (
    AuthenticatedContent,
    Content,
    ContentAuth,
    ContentType,
    FramedContent,
    PrivateMessage,
    PublicMessage,
    content_type_of,
    encode_content,
    member,
    parse_content,
    parse_framed,
)
from zajil.mls.messages.group_context import GroupContext
from zajil.mls.messages.group_info import GroupInfo, GroupSecrets, Welcome
from zajil.mls.messages.key_package import KeyPackage
from zajil.mls.messages.proposals import (
    Add,
    Commit,
    ExternalInit,
    Psk,
    Remove,
    SetExtensions,
    Update,
    encode_proposal,
    parse_proposal,
)
from zajil.mls.messages.reinit import ReInit
from zajil.mls.primitives import crypto
from zajil.mls.primitives.codec import Reader, encode_opaque, encode_u16, parse_all
from zajil.mls.primitives.suites import X25519_AES128, suite_of
from zajil.mls.schedule.secret_tree import SecretTree
from zajil.mls.tree.tree import Tree

pytestmark = pytest.mark.vectors

SENDER = 1


class Protection:
    """The keys of one message-protection vector: two leaves, leaf 1 sends."""

    def __init__(self, vector: vectors.Vector) -> None:
        self.suite = suite_of(vector["cipher_suite"])
        self.context = GroupContext(
            self.suite,
            unhex(vector["group_id"]),
            vector["epoch"],
            unhex(vector["tree_hash"]),
            unhex(vector["confirmed_transcript_hash"]),
            (),
        )
        self.signer, public = crypto.make_signer(self.suite, unhex(vector["signature_priv"]))
        self.signature_key = unhex(vector["signature_pub"])
        assert public == self.signature_key
        self.sender_data = unhex(vector["sender_data_secret"])
        self.membership = unhex(vector["membership_key"])
        self.secret_tree = SecretTree.new(self.suite, unhex(vector["encryption_secret"]), leaves=2)

    def open_private(self, message: bytes) -> AuthenticatedContent:
        parsed = parse_framed(message)
        assert isinstance(parsed, PrivateMessage)
        sender = protect.open_sender_data(self.suite, parsed, sender_data_secret=self.sender_data)
        assert sender.leaf == SENDER
        opened = protect.open_private(self.suite, parsed, sender_data=sender, secret_tree=self.secret_tree)
        self.check_signature(opened.content)
        return opened.content

    def open_public(self, message: bytes) -> AuthenticatedContent:
        parsed = parse_framed(message)
        assert isinstance(parsed, PublicMessage)
        signed = protect.open_public(
            self.suite, parsed, membership_key=self.membership, group_context=self.context.encode()
        )
        self.check_signature(signed)
        return signed

    def check_signature(self, signed: AuthenticatedContent) -> None:
        protect.check_signature(
            self.suite, signed, signature_key=self.signature_key, group_context=self.context.encode()
        )

    def sign(self, content: Content, wire_format: WireFormat) -> AuthenticatedContent:
        framed = FramedContent(self.context.group_id, self.context.epoch, member(SENDER), b"aad", content)
        signed = protect.sign(self.signer, wire_format=wire_format, content=framed, group_context=self.context.encode())
        tag = bytes(self.suite.nh) if isinstance(content, Commit) else None
        return AuthenticatedContent(wire_format, framed, ContentAuth(signed.auth.signature, tag))

    def seal_private(self, content: Content) -> bytes:
        message, _ = protect.seal_private(
            self.suite,
            self.sign(content, WireFormat.PRIVATE_MESSAGE),
            sender_data_secret=self.sender_data,
            secret_tree=self.secret_tree,
            rng=bytes,
            pad_to=300,
        )
        return wrap(WireFormat.PRIVATE_MESSAGE, message.encode())

    def seal_public(self, content: Content) -> bytes:
        message = protect.seal_public(
            self.suite,
            self.sign(content, WireFormat.PUBLIC_MESSAGE),
            membership_key=self.membership,
            group_context=self.context.encode(),
        )
        return wrap(WireFormat.PUBLIC_MESSAGE, message.encode())


@vectors.cases("message-protection")
def test_message_protection(index: int) -> None:
    vector = vectors.load("message-protection")[index]
    keys = Protection(vector)
    for name, kind in (("proposal", ContentType.PROPOSAL), ("commit", ContentType.COMMIT)):
        content = parse_content(Reader(unhex(vector[name])), kind)
        assert encode_content(content) == unhex(vector[name])
        assert content_type_of(content) is kind
        assert keys.open_private(unhex(vector[f"{name}_priv"])).content.content == content
        assert keys.open_public(unhex(vector[f"{name}_pub"])).content.content == content
        assert keys.open_private(keys.seal_private(content)).content.content == content
        assert keys.open_public(keys.seal_public(content)).content.content == content
    application = parse_content(Reader(encode_opaque(unhex(vector["application"]))), ContentType.APPLICATION)
    assert keys.open_private(unhex(vector["application_priv"])).content.content == application
    assert keys.open_private(keys.seal_private(application)).content.content == application


def round_trip_message(data: bytes) -> bytes:
    kind, reader = unwrap(data)
    parsers: dict[WireFormat, Callable[[Reader], GroupInfo | KeyPackage | PrivateMessage | PublicMessage | Welcome]] = {
        WireFormat.PUBLIC_MESSAGE: PublicMessage.parse,
        WireFormat.PRIVATE_MESSAGE: PrivateMessage.parse,
        WireFormat.WELCOME: Welcome.parse,
        WireFormat.GROUP_INFO: GroupInfo.parse,
        WireFormat.KEY_PACKAGE: KeyPackage.parse,
    }
    body = parsers[kind](reader)
    reader.check_end()
    return wrap(kind, body.encode())


def round_trip_proposal(data: bytes, kind: type[object], type_id: int) -> bytes:
    """Proposals stand in the file as bare bodies."""
    proposal = parse_all(encode_u16(type_id) + data, parse_proposal)
    assert isinstance(proposal, kind)
    return encode_proposal(proposal)[2:]


PROPOSALS = {
    "add_proposal": (Add, 1),
    "update_proposal": (Update, 2),
    "remove_proposal": (Remove, 3),
    "pre_shared_key_proposal": (Psk, 4),
    "re_init_proposal": (ReInit, 5),
    "external_init_proposal": (ExternalInit, 6),
    "group_context_extensions_proposal": (SetExtensions, 7),
}
MESSAGES = (
    "mls_welcome",
    "mls_group_info",
    "mls_key_package",
    "public_message_application",
    "public_message_proposal",
    "public_message_commit",
    "private_message",
)


@vectors.cases("messages")
def test_messages(index: int) -> None:
    vector = {name: unhex(value) for name, value in vectors.load("messages")[index].items()}
    for name in MESSAGES:
        assert round_trip_message(vector.pop(name)) == unhex(vectors.load("messages")[index][name]), name
    for name, (kind, type_id) in PROPOSALS.items():
        data = vector.pop(name)
        assert round_trip_proposal(data, kind, type_id) == data, name
    tree = vector.pop("ratchet_tree")
    assert parse_all(tree, lambda reader: Tree.parse(X25519_AES128, reader)).encode() == tree
    secrets = vector.pop("group_secrets")
    assert parse_all(secrets, GroupSecrets.parse).encode() == secrets
    commit = vector.pop("commit")
    assert parse_all(commit, Commit.parse).encode() == commit
    assert not vector
