"""Signing, tagging, sealing and opening of framed content (RFC 9420 6.1 to 6.3).

Opening goes through types, so that no step can be skipped: PrivateMessage -> SenderData -> Opened, whose
signature `check_signature` verifies. Nothing moves until the caller keeps the SecretTree that came with it.
"""

from dataclasses import dataclass

from zajil.mls.errors import CryptoError, DecodeError, Invalid
from zajil.mls.messages.envelope import WireFormat
from zajil.mls.messages.framing import (
    AuthenticatedContent,
    ContentAuth,
    ContentType,
    FramedContent,
    PrivateMessage,
    PublicMessage,
    encode_content,
    encode_tbs,
    member,
    parse_content,
)
from zajil.mls.primitives import crypto
from zajil.mls.primitives.codec import Reader, encode_u32, parse_all
from zajil.mls.primitives.crypto import Signer
from zajil.mls.primitives.hpke import Rng
from zajil.mls.primitives.suites import Suite
from zajil.mls.schedule.key_schedule import sender_data_key
from zajil.mls.schedule.secret_tree import RatchetKind, SecretTree

REUSE_GUARD_BYTES = 4


@dataclass(frozen=True)
class SenderData:
    """Who sealed a PrivateMessage, and with which key (RFC 9420 6.3.2). leaf: leaf index, not yet authenticated."""

    leaf: int
    generation: int
    reuse_guard: bytes

    @classmethod
    def parse(cls, reader: Reader) -> "SenderData":
        """Source: RFC 9420 6.3.2."""
        return cls(reader.u32(), reader.u32(), reader.fixed(REUSE_GUARD_BYTES))

    def encode(self) -> bytes:
        """Wire form, 12 bytes."""
        return encode_u32(self.leaf) + encode_u32(self.generation) + self.reuse_guard


@dataclass(frozen=True)
class Opened:
    """Decrypted content whose signature is not checked yet, and the secret tree to keep once it is.

    pushed_out: taking this message's key drops an unused older key of the same sender from the window.
    """

    content: AuthenticatedContent
    generation: int
    secret_tree: SecretTree
    pushed_out: bool


def sign(
    signer: Signer, *, wire_format: WireFormat, content: FramedContent, group_context: bytes
) -> AuthenticatedContent:
    """The content with its signature, without confirmation tag. group_context: encoded."""
    signature = crypto.sign_with_label(signer, b"FramedContentTBS", encode_tbs(wire_format, content, group_context))
    return AuthenticatedContent(wire_format, content, ContentAuth(signature))


def check_signature(suite: Suite, signed: AuthenticatedContent, *, signature_key: bytes, group_context: bytes) -> None:
    """Rule F5: raises Invalid unless the holder of signature_key signed this content for this group and epoch."""
    tbs = encode_tbs(signed.wire_format, signed.content, group_context)
    try:
        crypto.verify_with_label(
            suite, signature_key, label=b"FramedContentTBS", content=tbs, signature=signed.auth.signature
        )
    except CryptoError as error:
        raise Invalid("F5") from error


def _membership_input(signed: AuthenticatedContent, group_context: bytes) -> bytes:
    return encode_tbs(signed.wire_format, signed.content, group_context) + signed.auth.encode()


def seal_public(
    suite: Suite, signed: AuthenticatedContent, *, membership_key: bytes, group_context: bytes
) -> PublicMessage:
    """A member's PublicMessage with its membership tag (RFC 9420 6.2)."""
    tag = crypto.mac(suite, membership_key, _membership_input(signed, group_context))
    return PublicMessage(signed.content, signed.auth, tag)


def open_public(
    suite: Suite, message: PublicMessage, *, membership_key: bytes, group_context: bytes
) -> AuthenticatedContent:
    """The content of a member's PublicMessage; rule F6: raises Invalid without the right membership tag."""
    signed = AuthenticatedContent(WireFormat.PUBLIC_MESSAGE, message.content, message.auth)
    data = _membership_input(signed, group_context)
    try:
        crypto.check_mac(suite, membership_key, data=data, tag=message.membership_tag or b"")
    except CryptoError as error:
        raise Invalid("F6") from error
    return signed


def ratchet_kind(content_type: ContentType) -> RatchetKind:
    """Which ratchet keys that content (RFC 9420 9.1)."""
    return RatchetKind.APPLICATION if content_type is ContentType.APPLICATION else RatchetKind.HANDSHAKE


def _guarded(nonce: bytes, reuse_guard: bytes) -> bytes:
    head = bytes(a ^ b for a, b in zip(nonce, reuse_guard, strict=False))
    return head + nonce[REUSE_GUARD_BYTES:]


def seal_private(
    suite: Suite,
    signed: AuthenticatedContent,
    *,
    sender_data_secret: bytes,
    secret_tree: SecretTree,
    rng: Rng,
    pad_to: int = 0,
) -> tuple[PrivateMessage, SecretTree]:
    """The PrivateMessage and the secret tree without the key it used; raises GenerationLimit.

    pad_to: length of PrivateMessageContent with its zeros; longer content is not padded (RFC 9420 6.3.1).
    """
    content = signed.content
    leaf, kind = content.sender.index, content.content_type
    generation, key, moved = secret_tree.next_key(leaf, ratchet_kind(kind))
    sender_data = SenderData(leaf, generation, rng(REUSE_GUARD_BYTES))
    header = PrivateMessage(content.group_id, content.epoch, kind, content.authenticated_data, b"", b"")
    inner = (encode_content(content.content) + signed.auth.encode()).ljust(pad_to, b"\0")
    nonce = _guarded(key.nonce, sender_data.reuse_guard)
    ciphertext = crypto.aead_seal(suite, key.key, nonce=nonce, aad=header.header(), plaintext=inner)
    data_key = sender_data_key(suite, sender_data_secret, ciphertext)
    encrypted_sender_data = crypto.aead_seal(
        suite, data_key.key, nonce=data_key.nonce, aad=header.sender_data_aad(), plaintext=sender_data.encode()
    )
    sealed = PrivateMessage(
        content.group_id, content.epoch, kind, content.authenticated_data, encrypted_sender_data, ciphertext
    )
    return sealed, moved


def open_sender_data(suite: Suite, message: PrivateMessage, *, sender_data_secret: bytes) -> SenderData:
    """Rule F4, first half: raises Invalid if the sender data does not open."""
    key = sender_data_key(suite, sender_data_secret, message.ciphertext)
    try:
        plain = crypto.aead_open(
            suite, key.key, nonce=key.nonce, aad=message.sender_data_aad(), ciphertext=message.encrypted_sender_data
        )
        return parse_all(plain, SenderData.parse)
    except (CryptoError, DecodeError) as error:
        raise Invalid("F4", "sender data") from error


def open_private(suite: Suite, message: PrivateMessage, *, sender_data: SenderData, secret_tree: SecretTree) -> Opened:
    """The content of a PrivateMessage. Raises Replayed, TooOld, TooFar, DecodeError and Invalid F7, F8."""
    leaf, kind = sender_data.leaf, ratchet_kind(message.content_type)
    key, moved = secret_tree.open_key(leaf, kind, sender_data.generation)
    nonce = _guarded(key.nonce, sender_data.reuse_guard)
    try:
        plain = crypto.aead_open(suite, key.key, nonce=nonce, aad=message.header(), ciphertext=message.ciphertext)
    except CryptoError as error:
        raise Invalid("F7", "does not open") from error
    reader = Reader(plain)
    content = parse_content(reader, message.content_type)
    auth = ContentAuth.parse(reader, message.content_type)
    check_padding(reader.rest())
    framed = FramedContent(message.group_id, message.epoch, member(leaf), message.authenticated_data, content)
    signed = AuthenticatedContent(WireFormat.PRIVATE_MESSAGE, framed, auth)
    check_confirmation_tag_place(signed)
    pushed_out = moved.floor(leaf, kind) > secret_tree.floor(leaf, kind)
    return Opened(signed, sender_data.generation, moved, pushed_out)


def check_padding(padding: bytes) -> None:
    """Rule F7: raises Invalid unless all zero."""
    if padding.count(0) != len(padding):
        raise Invalid("F7", "padding")


def check_confirmation_tag_place(signed: AuthenticatedContent) -> None:
    """Rule F8: raises Invalid unless a Commit, and nothing else, carries a confirmation tag."""
    if (signed.auth.confirmation_tag is not None) != (signed.content.content_type is ContentType.COMMIT):
        raise Invalid("F8")
