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
    """The group that took the place of this one. leaf: of its maker's device in our tree."""

    leaf: int
    gid: bytes
