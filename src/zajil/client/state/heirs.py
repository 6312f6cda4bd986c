"""What a chat keeps of a group that cannot go on, and of the one that took its place."""

from __future__ import annotations

import msgspec


class Ended(msgspec.Struct, frozen=True):
    """The last epoch held of a group whose MLS state is gone: what a successor is judged by.

    settings: data of extension 0xF0A0. offender: account that signed the commit we refused; empty where none is proven.
    """

    epoch: int
    authenticator: bytes
    settings: bytes
    offender: bytes = b""


class Growing(msgspec.Struct, frozen=True, array_like=True):
    """This device makes room in the group. attempt: from 1. failed: the code that ended the last one."""

    attempt: int
    failed: str = ""


class Heir(msgspec.Struct, frozen=True, array_like=True):
    """The group that took the place of this one. leaf: of its maker's device in our tree.

    ahead: epoch that it names, where a server that came back from a backup kept us from holding that; or else 0. Below
    0 where we saw that epoch end: so many epochs ago.
    """

    leaf: int
    gid: bytes
    ahead: int = 0

    def rank(self) -> tuple[int, int, bytes]:
        """Of two that followed one group the lower one stays: nothing that was left later is undone."""
        return -self.ahead, self.leaf, self.gid


class Lower(msgspec.Struct, frozen=True, array_like=True):
    """A group that follows an epoch which we saw end. by, leaf: of its maker. ahead: see `Heir`."""

    gid: bytes
    by: bytes
    leaf: int
    ahead: int


class Back(msgspec.Struct, frozen=True, array_like=True):
    """The server came back from a backup while we held a group.

    epoch: that we held of it. since: Unix ms of when we noticed, or of what we had written and not sent yet. until: up
    to when others may come who hold a later epoch. asked: whether this device tried since if it holds the server's.
    replaced: (epoch, authenticator) of those that a Welcome took the place of since, newest first. lower: those of who
    saw less of this group, which are chats of their own until a later one follows it. held: the epoch that we held at
    the last return; `epoch` is the lowest one of all returns.
    """

    epoch: int
    since: int
    until: int
    asked: bool = False
    replaced: tuple[tuple[int, bytes], ...] = ()
    lower: tuple[Lower, ...] = ()
    held: int = 0
