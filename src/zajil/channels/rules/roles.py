"""Who may do what in a channel, in one table. Pure.

owner       everything; hands out admin
admin       edits the channel, posts, hands out moderator and member, removes and mutes
moderator   removes posts, mutes and removes members below itself
member      posts in a group, comments everywhere
subscriber  reads; waits for an admin's approval
"""

from __future__ import annotations

from typing import Final

from zajil.protocol.public.posts import ChannelKind, Role

RANK: Final[dict[Role, int]] = {"subscriber": 0, "member": 1, "moderator": 2, "admin": 3, "owner": 4}


def may_post(role: Role | None, kind: ChannelKind) -> bool:
    """Whether it may begin a post: admins in a broadcast, members in a group."""
    return role is not None and RANK[role] >= RANK["admin" if kind == "broadcast" else "member"]


def may_comment(role: Role | None) -> bool:
    """Whether it may comment where comments are on."""
    return role is not None and RANK[role] >= RANK["member"]


def may_edit_channel(role: Role | None) -> bool:
    """Whether it may change the channel's title, description and rules."""
    return role is not None and RANK[role] >= RANK["admin"]


def may_moderate(role: Role | None) -> bool:
    """Whether it may remove posts of others."""
    return role is not None and RANK[role] >= RANK["moderator"]


def may_act_on(role: Role | None, other: Role) -> bool:
    """Whether it may mute this member or end the membership."""
    return role is not None and may_moderate(role) and RANK[role] > RANK[other]


def may_appoint(role: Role | None, other: Role, wanted: Role) -> bool:
    """Whether it may give this member another role: only below its own, before and after."""
    return may_edit_channel(role) and role is not None and RANK[role] > max(RANK[other], RANK[wanted])
