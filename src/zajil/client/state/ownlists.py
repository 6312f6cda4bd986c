"""The signed lists of our own account, all of them: whatever a server that came back from a backup lost, it gets again.

The server checks each list against the one before, so the newest alone would not do.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from zajil.client.state import rows
from zajil.client.state.step import Step
from zajil.protocol.identity.objects import DeviceList, hash_object, parse_object
from zajil.protocol.ids import DeviceId

_KEY = b"own-lists"


def keep(step: Step, lists: Sequence[bytes]) -> None:
    """These are the account's lists from the first to the newest, verified."""
    step.tx.put("meta", _KEY, msgspec.msgpack.encode(list(lists)))


def append(step: Step, data: bytes, *, seq: int) -> None:
    """A further list, verified; one that does not stand right behind those kept is not kept."""
    held = load(step)
    if len(held) == seq - 1:
        keep(step, [*held, data])


def load(step: Step) -> list[bytes]:
    """Those kept, from the first on; fewer than there are where an earlier version kept none."""
    data = step.tx.find("meta", _KEY)
    return [] if data is None else msgspec.msgpack.decode(data, type=list[bytes])


def is_whole(step: Step) -> bool:
    """Whether all are kept up to the newest one known."""
    own = rows.find_account(step.tx, step.profile.account_id)
    return own is None or len(load(step)) >= own.list_seq


def agrees(held: Sequence[bytes], lists: Sequence[bytes]) -> bool:
    """Whether the kept lists and those of another chain are the same as far as both go."""
    return all(ours == theirs for ours, theirs in zip(held, lists, strict=False))


def lost(step: Step, lists: Sequence[bytes]) -> list[bytes]:
    """Those that follow on `lists`, the server's chain; none where that is not how ours begins."""
    held = load(step)
    if not agrees(held, lists):
        return []
    follow = held[len(lists) :]
    own = rows.find_account(step.tx, step.profile.account_id)
    if own is not None and own.list_seq == len(lists) + len(follow) + 1:
        # An earlier version, or one that missed a list, kept the newest alone.
        before = [*lists, *follow][-1]
        if DeviceList.parse(parse_object(own.list_object).payload).prev == hash_object(before):
            follow.append(own.list_object)
    return follow


def lists_us(step: Step, data: bytes) -> bool:
    """Whether this device stands on a list."""
    entry = DeviceList.parse(parse_object(data).payload).find_device(DeviceId(step.profile.device_id))
    return entry is not None and entry.sig_pub == step.profile.device_pub
