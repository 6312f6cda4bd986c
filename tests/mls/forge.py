"""A dishonest member with the right keys: builds messages whose signatures and MACs all hold, so that only the
rule under test is broken. Nothing here asks `zajil.mls.validate`; with no fault asked for, the result is valid.

Faults are functions from the honest value to the one to send, or values to send instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tests.mls.actors import Actor

from zajil import mls
from zajil.mls.errors import CryptoError
from zajil.mls.messages import protect
from zajil.mls.messages.envelope import WireFormat, wrap
from zajil.mls.messages.extensions import Extensions, external_pub, find_extension
from zajil.mls.messages.framing import (
    AuthenticatedContent,
    Content,
    ContentAuth,
    ContentType,
    FramedContent,
    PrivateMessage,
    PublicMessage,
    Sender,
    SenderType,
    encode_content,
    encode_tbs,
    member,
    parse_framed,
)
from zajil.mls.messages.group_context import GroupContext
from zajil.mls.messages.group_info import EncryptedGroupSecrets, GroupInfo, GroupSecrets, Welcome, encode_welcome
from zajil.mls.messages.key_package import KeyPackage
from zajil.mls.messages.proposals import (
    Add,
    Commit,
    ExternalInit,
    Proposal,
    ProposalRef,
    Remove,
    SetExtensions,
    Update,
)
from zajil.mls.primitives import crypto, hpke
from zajil.mls.primitives.codec import encode_opaque, encode_u16, parse_all
from zajil.mls.primitives.crypto import HpkeCiphertext, Signer
from zajil.mls.primitives.suites import Suite
from zajil.mls.schedule import key_schedule, transcript
from zajil.mls.schedule.key_schedule import EpochSecrets
from zajil.mls.schedule.psk import PreSharedKeyId, psk_secret
from zajil.mls.schedule.secret_tree import RatchetKind, SecretTree
from zajil.mls.tree import tree_math
from zajil.mls.tree.nodes import LeafNode, LeafSource
from zajil.mls.tree.parent_hash import path_parent_hashes
from zajil.mls.tree.tree import Tree
from zajil.mls.tree.treekem import UpdatePath, UpdatePathNode


@dataclass(frozen=True)
class Inside:
    """What a group knows about its epoch, out of the engine's own values."""

    context: GroupContext
    tree: Tree
    leaf: int
    keys: Mapping[int, bytes]
    secrets: EpochSecrets
    interim: bytes
    secret_tree: SecretTree

    @property
    def suite(self) -> Suite:
        return self.context.suite


def inside(group: mls.Group) -> Inside:
    epoch, ratchets = group.current, group.ratchets
    return Inside(
        epoch.context,
        epoch.tree,
        epoch.own_leaf,
        epoch.private.keys,
        epoch.secrets,
        epoch.interim_transcript_hash,
        ratchets.secret_tree,
    )


def with_context(group: mls.Group, context: GroupContext) -> mls.Group:
    """The same group and secrets under another GroupContext."""
    return replace(group, current=replace(group.current, context=context))


def flipped(data: bytes, *, place: int = -1) -> bytes:
    """The bytes with one bit changed."""
    changed = bytearray(data)
    changed[place] ^= 1
    return bytes(changed)


@dataclass(frozen=True)
class Framing:
    """Faults of one framed message.

    signer, signature: who signs, and what becomes of the signature. context: the GroupContext signed.
    sender_leaf: leaf in the sender data. generation: in the sender data, the key stays that of the next one.
    header: the PrivateMessage after sealing. membership: the tag of a PublicMessage.
    """

    group_id: bytes | None = None
    epoch: int | None = None
    aad: bytes = b""
    sender: Sender | None = None
    wire_format: WireFormat = WireFormat.PRIVATE_MESSAGE
    signer: Signer | None = None
    signature: Callable[[bytes], bytes] = lambda signature: signature
    context: Callable[[GroupContext], GroupContext] = lambda context: context
    tag: Callable[[bytes | None], bytes | None] = lambda tag: tag
    padding: bytes = b""
    sender_leaf: int | None = None
    generation: int | None = None
    header: Callable[[PrivateMessage], PrivateMessage] = lambda message: message
    membership: Callable[[bytes], bytes | None] = lambda tag: tag


HONEST = Framing()


def sign(actor: Actor, content: Content, how: Framing = HONEST) -> AuthenticatedContent:
    """The content, framed and signed as the actor's, still without confirmation tag."""
    return _sign(actor, inside(actor.group), content, how)


def _sign(actor: Actor, group: Inside, content: Content, how: Framing) -> AuthenticatedContent:
    framed = FramedContent(
        group.context.group_id if how.group_id is None else how.group_id,
        group.context.epoch if how.epoch is None else how.epoch,
        how.sender or member(group.leaf),
        how.aad,
        content,
    )
    signed = protect.sign(
        how.signer or actor.env.signer,
        wire_format=how.wire_format,
        content=framed,
        group_context=how.context(group.context).encode(),
    )
    return replace(signed, auth=ContentAuth(how.signature(signed.auth.signature)))


def seal(actor: Actor, signed: AuthenticatedContent, how: Framing = HONEST) -> bytes:
    """The MLSMessage that carries signed content."""
    return _seal(actor, inside(actor.group), signed, how)


def _seal(actor: Actor, group: Inside, signed: AuthenticatedContent, how: Framing) -> bytes:
    signed = replace(signed, auth=replace(signed.auth, confirmation_tag=how.tag(signed.auth.confirmation_tag)))
    if signed.wire_format is WireFormat.PUBLIC_MESSAGE:
        tbs = encode_tbs(signed.wire_format, signed.content, group.context.encode())
        tag = how.membership(crypto.mac(group.suite, group.secrets.membership, tbs + signed.auth.encode()))
        return wrap(WireFormat.PUBLIC_MESSAGE, PublicMessage(signed.content, signed.auth, tag).encode())
    return wrap(WireFormat.PRIVATE_MESSAGE, _seal_private(actor, group, signed, how).encode())


def _seal_private(actor: Actor, group: Inside, signed: AuthenticatedContent, how: Framing) -> PrivateMessage:
    suite, content = group.suite, signed.content
    kind = protect.ratchet_kind(content.content_type)
    generation, key, _ = group.secret_tree.next_key(group.leaf, kind)
    data = protect.SenderData(
        group.leaf if how.sender_leaf is None else how.sender_leaf,
        generation if how.generation is None else how.generation,
        actor.env.rng(4),
    )
    nonce = bytes(a ^ b for a, b in zip(key.nonce, data.reuse_guard.ljust(len(key.nonce), b"\0"), strict=True))
    sealed = PrivateMessage(content.group_id, content.epoch, content.content_type, content.authenticated_data, b"", b"")
    inner = encode_content(content.content) + signed.auth.encode() + how.padding
    ciphertext = crypto.aead_seal(suite, key.key, nonce=nonce, aad=sealed.header(), plaintext=inner)
    data_key = key_schedule.sender_data_key(suite, group.secrets.sender_data, ciphertext)
    sender_data = crypto.aead_seal(
        suite, data_key.key, nonce=data_key.nonce, aad=sealed.sender_data_aad(), plaintext=data.encode()
    )
    return how.header(replace(sealed, encrypted_sender_data=sender_data, ciphertext=ciphertext))


def message(actor: Actor, content: Content, how: Framing = HONEST) -> bytes:
    """Application data or a proposal as an MLSMessage."""
    return seal(actor, sign(actor, content, how), how)


def read(group: mls.Group, sealed: bytes) -> AuthenticatedContent:
    """The content of a message of the group's epoch, opened with what the group holds and judged by nobody."""
    seen, private = inside(group), parse_framed(sealed)
    if isinstance(private, PublicMessage):
        return AuthenticatedContent(WireFormat.PUBLIC_MESSAGE, private.content, private.auth)
    data = protect.open_sender_data(seen.suite, private, sender_data_secret=seen.secrets.sender_data)
    return protect.open_private(seen.suite, private, sender_data=data, secret_tree=seen.secret_tree).content


@dataclass(frozen=True)
class Faults:
    """Faults of one Commit.

    path: whether there is one; None sends it where RFC 9420 12.4 requires it. tree: after the proposals.
    leaf: before it is signed, leaf_signature: after. leaf_place: the (group id, leaf index) it is signed for.
    path_keys: node index -> public key, parent hashes follow. secrets: path secret to seal, per node.
    update_path: as sent, after everything else. next_context: of the next epoch, whose number base_epoch may replace.
    path_context: that path secrets are sealed under. confirmation: the tag.
    """

    path: bool | None = None
    tree: Callable[[Tree], Tree] = lambda tree: tree
    leaf: Callable[[LeafNode], LeafNode] = lambda leaf: leaf
    leaf_signature: Callable[[LeafNode], LeafNode] = lambda leaf: leaf
    leaf_place: tuple[bytes, int] | None = None
    path_keys: Callable[[dict[int, bytes]], dict[int, bytes]] = lambda keys: keys
    secrets: Callable[[int, bytes], bytes] = lambda _node, secret: secret
    update_path: Callable[[UpdatePath], UpdatePath] = lambda path: path
    next_context: Callable[[GroupContext], GroupContext] = lambda context: context
    path_context: Callable[[GroupContext], GroupContext] = lambda context: context
    base_epoch: int | None = None
    confirmation: Callable[[bytes], bytes] = lambda tag: tag
    framing: Framing = field(default_factory=Framing)


FAULTLESS = Faults()


@dataclass(frozen=True)
class Forged:
    """A Commit, and what its Welcome would be made of."""

    message: bytes
    signed: AuthenticatedContent
    context: GroupContext
    tree: Tree
    joiner: bytes
    psk_secret: bytes
    psks: tuple[PreSharedKeyId, ...]
    confirmation_tag: bytes
    path_secrets: Mapping[int, bytes]


def commit(
    actor: Actor,
    proposals: Sequence[Proposal | ProposalRef] = (),
    faults: Faults = FAULTLESS,
    *,
    known: Mapping[bytes, tuple[Proposal, int]] | None = None,
    psks: Sequence[tuple[PreSharedKeyId, bytes]] = (),
) -> Forged:
    """A Commit of the actor. known: ProposalRef -> (proposal, sender leaf) of the proposals referred to."""
    group = inside(actor.group)
    resolved = [(known or {})[p.value] if isinstance(p, ProposalRef) else (p, group.leaf) for p in proposals]
    template = group.tree.find_leaf(group.leaf)
    assert template is not None
    return _build(actor, group, template, proposals, resolved, faults, psks)


def _build(
    actor: Actor,
    group: Inside,
    template: LeafNode,
    proposals: Sequence[Proposal | ProposalRef],
    resolved: Sequence[tuple[Proposal, int]],
    faults: Faults,
    psks: Sequence[tuple[PreSharedKeyId, bytes]] = (),
) -> Forged:
    extensions = next((p.extensions for p, _ in resolved if isinstance(p, SetExtensions)), group.context.extensions)
    tree, added = _apply(group.tree, resolved)
    tree = faults.tree(tree)
    wants_path = not resolved or any(isinstance(p, Update | Remove | SetExtensions) for p, _ in resolved)
    next_number = group.context.epoch + 1 if faults.base_epoch is None else faults.base_epoch
    base = replace(group.context, epoch=next_number, extensions=extensions)
    drawn = None
    if wants_path if faults.path is None else faults.path:
        drawn = _draw(actor, group, tree, template, faults)
        tree = drawn.tree
    base = replace(base, tree_hash=tree.tree_hash())
    path = (
        None
        if drawn is None
        else _seal_path(actor, group, drawn, faults, context=faults.path_context(base), added=added)
    )
    signed = _sign(actor, group, Commit(tuple(proposals), path), faults.framing)
    confirmed_input = encode_u16(signed.wire_format) + signed.content.encode() + encode_opaque(signed.auth.signature)
    confirmed = transcript.confirmed_transcript_hash(group.suite, group.interim, confirmed_input)
    context = faults.next_context(replace(base, confirmed_transcript_hash=confirmed))
    commit_secret = bytes(group.suite.nh) if drawn is None else drawn.commit_secret
    joiner = key_schedule.joiner_secret(
        group.suite, init_secret=group.secrets.init, commit_secret=commit_secret, group_context=context.encode()
    )
    secret = psk_secret(group.suite, psks)
    secrets = key_schedule.epoch_secrets(group.suite, joiner, psk_secret=secret, group_context=context.encode())
    tag = key_schedule.confirmation_tag(group.suite, secrets.confirmation, context.confirmed_transcript_hash)
    tag = faults.confirmation(tag)
    signed = replace(signed, auth=replace(signed.auth, confirmation_tag=tag))
    return Forged(
        _seal(actor, group, signed, faults.framing),
        signed,
        context,
        tree,
        joiner,
        secret,
        tuple(psk_id for psk_id, _ in psks),
        tag,
        {} if drawn is None else drawn.secrets,
    )


def _apply(tree: Tree, resolved: Sequence[tuple[Proposal, int]]) -> tuple[Tree, frozenset[int]]:
    for proposal, sender in resolved:
        if isinstance(proposal, Update):
            tree = tree.update(sender, proposal.leaf_node)
    for proposal, _ in resolved:
        if isinstance(proposal, Remove) and tree.find_leaf(proposal.leaf) is not None:
            tree = tree.remove(proposal.leaf)
    adds = [proposal.key_package.leaf_node for proposal, _ in resolved if isinstance(proposal, Add)]
    tree, indices = tree.add_all(adds)
    return tree, frozenset(indices)


@dataclass(frozen=True)
class _Drawn:
    tree: Tree
    leaf: LeafNode
    secrets: Mapping[int, bytes]
    commit_secret: bytes


def _draw(actor: Actor, group: Inside, tree: Tree, template: LeafNode, faults: Faults) -> _Drawn:
    suite = group.suite
    secret, secrets, keys = actor.env.rng(suite.nh), {}, {}
    for node, _ in tree.filtered_direct_path(group.leaf):
        secrets[node] = secret
        _, keys[node] = hpke.derive_key_pair(suite, crypto.derive_secret(suite, secret, b"node"))
        secret = crypto.derive_secret(suite, secret, b"path")
    parents, leaf_hash = path_parent_hashes(tree, group.leaf, faults.path_keys(keys))
    _, public = hpke.generate_key_pair(suite, actor.env.rng)
    leaf = replace(
        template, encryption_key=public, source=LeafSource.COMMIT, lifetime=None, parent_hash=leaf_hash, signature=b""
    )
    group_id, index = faults.leaf_place or (group.context.group_id, group.leaf)
    leaf = faults.leaf(leaf).signed(actor.env.signer, group_id=group_id, leaf=index)
    leaf = faults.leaf_signature(leaf)
    blanked = dict.fromkeys(above for above in tree_math.direct_path(2 * group.leaf, tree.leaves))
    return _Drawn(tree.changed({**blanked, **parents, 2 * group.leaf: leaf}.items()), leaf, secrets, secret)


def _seal_path(
    actor: Actor, group: Inside, drawn: _Drawn, faults: Faults, *, context: GroupContext, added: frozenset[int]
) -> UpdatePath:
    nodes = []
    for node, beside in drawn.tree.filtered_direct_path(group.leaf):
        targets = [t for t in drawn.tree.resolution(beside) if t % 2 or t // 2 not in added]
        sealed = tuple(
            crypto.encrypt_with_label(
                group.suite,
                _key(drawn.tree, target),
                label=b"UpdatePathNode",
                context=context.encode(),
                plaintext=faults.secrets(node, drawn.secrets[node]),
                rng=actor.env.rng,
            )
            for target in targets
        )
        nodes.append(UpdatePathNode(_key(drawn.tree, node), sealed))
    return faults.update_path(UpdatePath(drawn.leaf, tuple(nodes)))


def _key(tree: Tree, node: int) -> bytes:
    found = tree.node(node)
    assert found is not None
    return found.encryption_key


@dataclass(frozen=True)
class Invitation:
    """Faults of one Welcome.

    tree: the Tree the joiner gets, encoded: its bytes. The GroupContext has its tree hash unless context says else.
    secrets: GroupSecrets to seal. group_info: before it is signed; signature: after. suite: of the Welcome itself.
    sealed_info: the encrypted GroupInfo. new_member: the KeyPackageRef. confirmation: the tag.
    """

    tree: Callable[[Tree], Tree] = lambda tree: tree
    encoded: Callable[[Tree], bytes] = Tree.encode
    context: Callable[[GroupContext], GroupContext] = lambda context: context
    secrets: Callable[[GroupSecrets], GroupSecrets] = lambda secrets: secrets
    sealed_secrets: Callable[[HpkeCiphertext], HpkeCiphertext] = lambda sealed: sealed
    group_info: Callable[[GroupInfo], GroupInfo] = lambda info: info
    signer: Signer | None = None
    signature: Callable[[bytes], bytes] = lambda signature: signature
    suite: Callable[[int], int] = lambda suite: suite
    sealed_info: Callable[[bytes], bytes] = lambda sealed: sealed
    new_member: Callable[[bytes], bytes] = lambda reference: reference
    confirmation: Callable[[bytes], bytes] = lambda tag: tag
    extensions: Extensions = ()


INVITATION = Invitation()


def welcome(actor: Actor, forged: Forged, key_package: KeyPackage, how: Invitation = INVITATION) -> bytes:
    """The Welcome of a forged Commit for one of the KeyPackages it added; its secrets follow tree and context."""
    suite, leaf = forged.context.suite, inside(actor.group).leaf
    tree = how.tree(forged.tree)
    context = how.context(replace(forged.context, tree_hash=tree.tree_hash()))
    secrets = key_schedule.epoch_secrets(
        suite, forged.joiner, psk_secret=forged.psk_secret, group_context=context.encode()
    )
    tag = key_schedule.confirmation_tag(suite, secrets.confirmation, context.confirmed_transcript_hash)
    tree_extension = mls.Extension(2, how.encoded(tree))
    info = how.group_info(GroupInfo(context, (tree_extension, *how.extensions), how.confirmation(tag), leaf))
    signature = crypto.sign_with_label(how.signer or actor.env.signer, b"GroupInfoTBS", info.tbs())
    info = replace(info, signature=how.signature(signature))
    key = key_schedule.welcome_key(suite, key_schedule.welcome_secret(suite, forged.joiner, forged.psk_secret))
    sealed_info = how.sealed_info(crypto.aead_seal(suite, key.key, nonce=key.nonce, aad=b"", plaintext=info.encode()))
    group_secrets = how.secrets(
        GroupSecrets(forged.joiner, _path_secret(tree, leaf, key_package, forged.path_secrets), forged.psks)
    )
    sealed = crypto.encrypt_with_label(
        suite,
        key_package.init_key,
        label=b"Welcome",
        context=sealed_info,
        plaintext=group_secrets.encode(),
        rng=actor.env.rng,
    )
    reference = how.new_member(key_package.reference(suite))
    entry = EncryptedGroupSecrets(reference, how.sealed_secrets(sealed))
    return encode_welcome(Welcome(how.suite(suite.id), (entry,), sealed_info))


def _path_secret(tree: Tree, sender: int, key_package: KeyPackage, secrets: Mapping[int, bytes]) -> bytes | None:
    if not secrets:
        return None
    joiner = next((leaf for leaf, node in tree.members() if node == key_package.leaf_node), None)
    if joiner is None:
        return None
    above = tree_math.direct_path(2 * joiner, tree.leaves)
    return next((secrets[node] for node, _ in tree.filtered_direct_path(sender) if node in above), None)


def opened_path_secrets(group: mls.Group, sealed: bytes, *, new_context: GroupContext) -> int:
    """How many path secrets of a Commit this group's private keys open, under the true GroupContext of the path.

    new_context: the epoch after the Commit, as an honest member sees it.
    """
    content = read(group, sealed).content.content
    assert isinstance(content, Commit)
    assert content.path is not None, "the Commit has no path"
    seen = inside(group)
    provisional = replace(new_context, confirmed_transcript_hash=seen.context.confirmed_transcript_hash).encode()
    return sum(
        _opens(seen.suite, key, sealed=ciphertext, context=provisional)
        for node in content.path.nodes
        for ciphertext in node.encrypted_path_secret
        for key in seen.keys.values()
    )


def _opens(suite: Suite, key: bytes, *, sealed: HpkeCiphertext, context: bytes) -> bool:
    try:
        crypto.decrypt_with_label(suite, key, label=b"UpdatePathNode", context=context, sealed=sealed)
    except CryptoError:
        return False
    return True


def content_type(kind: ContentType) -> Callable[[PrivateMessage], PrivateMessage]:
    """A header fault: another content type than the one sealed."""
    return lambda sent: replace(sent, content_type=kind)


def after_handshake(actor: Actor) -> Actor:
    """The actor once it has sent one more handshake message."""
    group, twin = inside(actor.group), actor.copy()
    _, _, moved = group.secret_tree.next_key(group.leaf, RatchetKind.HANDSHAKE)
    twin.group = replace(actor.group, ratchets=replace(actor.group.ratchets, secret_tree=moved))
    return twin


def key_package(
    actor: Actor,
    *,
    leaf: Callable[[LeafNode], LeafNode] = lambda leaf: leaf,
    leaf_signature: Callable[[LeafNode], LeafNode] = lambda leaf: leaf,
    package: Callable[[KeyPackage], KeyPackage] = lambda package: package,
    signature: Callable[[bytes], bytes] = lambda signature: signature,
) -> KeyPackage:
    """A KeyPackage of the actor, changed before each of its two signatures or in them."""
    honest = mls.parse_key_package(actor.key_package())
    node = leaf(replace(honest.leaf_node, signature=b"")).signed(actor.env.signer)
    changed = package(replace(honest, leaf_node=leaf_signature(node), signature=b""))
    signed = crypto.sign_with_label(actor.env.signer, b"KeyPackageTBS", changed.tbs())
    return replace(changed, signature=signature(signed))


def update(
    actor: Actor,
    *,
    leaf: Callable[[LeafNode], LeafNode] = lambda leaf: leaf,
    place: tuple[bytes, int] | None = None,
) -> Update:
    """An Update of the actor's leaf with a fresh key."""
    group = inside(actor.group)
    old = group.tree.find_leaf(group.leaf)
    assert old is not None
    _, public = hpke.generate_key_pair(group.suite, actor.env.rng)
    fresh = replace(
        old, encryption_key=public, source=LeafSource.UPDATE, lifetime=None, parent_hash=None, signature=b""
    )
    group_id, index = place or (group.context.group_id, group.leaf)
    return Update(leaf(fresh).signed(actor.env.signer, group_id=group_id, leaf=index))


def proposal(actor: Actor, content: Proposal, how: Framing = HONEST) -> tuple[bytes, bytes]:
    """(message, ProposalRef) of a standalone proposal."""
    signed = sign(actor, content, how)
    return seal(actor, signed, how), crypto.proposal_ref(inside(actor.group).suite, signed.encode())


OUTSIDE = Faults(framing=Framing(membership=lambda _: None))
NO_SECRETS = EpochSecrets(*[b""] * 9)


def external_commit(
    actor: Actor,
    group_info: GroupInfo,
    faults: Faults = OUTSIDE,
    *,
    removes: Sequence[int] = (),
    proposals: Callable[[list[Proposal | ProposalRef]], list[Proposal | ProposalRef]] = lambda listed: listed,
    leaf: int | None = None,
) -> Forged:
    """The actor lets itself in through a GroupInfo with tree and external_pub. leaf: instead of the right place."""
    context, suite = group_info.context, group_info.context.suite
    encoded, key = find_extension(group_info.extensions, 2), external_pub(group_info.extensions)
    assert encoded is not None
    assert key is not None
    tree = parse_all(encoded, lambda reader: Tree.parse(suite, reader))
    kem_output, init = key_schedule.external_init_sender(suite, key, actor.env.rng)
    template = mls.parse_key_package(actor.key_package()).leaf_node
    kept = tree
    for removed in removes:
        kept = kept.remove(removed)
    place = next(kept.free_leaves()) if leaf is None else leaf
    interim = transcript.interim_transcript_hash(suite, context.confirmed_transcript_hash, group_info.confirmation_tag)
    group = Inside(context, tree, place, {}, replace(NO_SECRETS, init=init), interim, SecretTree(suite, 1, {}))
    listed = proposals([ExternalInit(kem_output), *(Remove(removed) for removed in removes)])
    resolved = [(item, place) for item in listed if not isinstance(item, ProposalRef)]

    def joined(provisional: Tree) -> Tree:
        while provisional.leaves <= place:
            blank: list[None] = [None] * (2 * provisional.leaves)
            provisional = Tree(suite, [*(provisional.node(i) for i in range(2 * provisional.leaves - 1)), *blank])
        return faults.tree(provisional)

    framing = replace(
        faults.framing,
        wire_format=WireFormat.PUBLIC_MESSAGE,
        sender=faults.framing.sender or Sender(SenderType.NEW_MEMBER_COMMIT),
        membership=faults.framing.membership,
    )
    wanted = True if faults.path is None else faults.path
    return _build(actor, group, template, listed, resolved, replace(faults, tree=joined, framing=framing, path=wanted))
