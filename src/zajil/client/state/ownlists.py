"""The signed lists of our own account, all of them: whatever a server that came back from a backup lost, it gets again.

The server checks each list against the one before, so the newest alone would not do.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from zajil.client.state import rows
from zajil.client.state.step import Step
from zajil.protocol.identity.objects import DeviceList, parse_object
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


def lost(step: Step, lists: Sequence[bytes]) -> list[bytes]:
    """Those that follow on `lists`, the server's chain; none where that is not how ours begins."""
    held = load(step)
    if held[: len(lists)] == list(lists):
        return held[len(lists) :]
    own = rows.find_account(step.tx, step.profile.account_id)
    if held or own is None or own.list_seq != len(lists) + 1:
        return []
    return [own.list_object]  # an earlier version kept the newest alone


def lists_us(step: Step, data: bytes) -> bool:
    """Whether this device stands on a list."""
    entry = DeviceList.parse(parse_object(data).payload).find_device(DeviceId(step.profile.device_id))
    return entry is not None and entry.sig_pub == step.profile.device_pub
