"""Rules F1 to F4: is this message for us, may it travel this way, may its sender say this (RFC 9420 6).

F5 to F8 stand in `messages.protect`, where the keys are.
"""

from zajil.mls.env import Policy
from zajil.mls.errors import FutureEpoch, Invalid, PastEpoch
from zajil.mls.messages.envelope import WireFormat
from zajil.mls.messages.framing import ContentType, PublicMessage, Sender, SenderType
from zajil.mls.messages.group_context import GroupContext
from zajil.mls.tree.tree import Tree


def check_group(context: GroupContext, group_id: bytes) -> None:
    """F1: raises Invalid unless the message is of this group."""
    if context.group_id != group_id:
        raise Invalid("F1", "group id")


def check_epoch(context: GroupContext, epoch: int) -> None:
    """F1: raises FutureEpoch or PastEpoch unless the message is of the current epoch."""
    if epoch > context.epoch:
        raise FutureEpoch(f"{epoch - context.epoch} ahead")
    if epoch < context.epoch:
        raise PastEpoch("handshake or keys of a past epoch")


def check_wire_format(policy: Policy, wire_format: WireFormat, content_type: ContentType, sender: SenderType) -> None:
    """F2: raises Invalid for public application data, and for public handshakes the policy does not allow."""
    if wire_format is WireFormat.PRIVATE_MESSAGE:
        return
    if content_type is ContentType.APPLICATION:
        raise Invalid("F2", "application data in the clear")
    external = sender is SenderType.NEW_MEMBER_COMMIT and policy.external_commits
    if not policy.public_handshakes and not external:
        raise Invalid("F2", "handshake in the clear")


def check_sender_type(sender: Sender, content_type: ContentType) -> None:
    """F3: raises Invalid unless a member sends, or a joiner sends the Commit that brings it in."""
    if sender.type is SenderType.MEMBER:
        return
    if sender.type is not SenderType.NEW_MEMBER_COMMIT or content_type is not ContentType.COMMIT:
        raise Invalid("F3")


def check_sender_leaf(tree: Tree, leaf: int) -> None:
    """F4: raises Invalid unless the sender's leaf exists and is not blank."""
    if tree.find_leaf(leaf) is None:
        raise Invalid("F4", "blank leaf")


def check_membership_tag_place(message: PublicMessage) -> None:
    """F6, the other half: raises Invalid unless exactly members' messages carry a membership tag."""
    if (message.membership_tag is not None) != (message.content.sender.type is SenderType.MEMBER):
        raise Invalid("F6")
