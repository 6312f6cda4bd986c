"""Where the rosters of groups lead that somebody sends to right now: opened once, and known for a minute at most.

A member shows the key with each request, and whoever shows another one opens nothing. Nothing of this reaches a disk.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from zajil.engine.sql.interface import OpenRef
from zajil.protocol.ids import GroupId, MailboxId

LIFE_S: Final = 60.0
REFS_MAX: Final = 1 << 17
"""Of all together: some 30 MB."""


class Targets(NamedTuple):
    """Where references lead. refs: by the name under which each may be denied. strangers: such names.

    boxes: mailbox -> serial, one per mailbox: a device that two references lead to gets a message once.
    """

    refs: Mapping[bytes, OpenRef]
    boxes: Mapping[MailboxId, bytes | None]
    strangers: tuple[bytes, ...]


NOWHERE: Final = Targets({}, {}, ())


def lead(refs: Mapping[bytes, OpenRef]) -> Targets:
    """Where all of these lead."""
    boxes: dict[MailboxId, bytes | None] = {}
    for ref in refs.values():
        boxes.setdefault(ref.mailbox_id, ref.serial)
    return Targets(refs, boxes, tuple(name for name, ref in refs.items() if ref.stranger))


class _Opened(NamedTuple):
    """until: Unix seconds."""

    sealed: bytes
    key_hash: bytes
    targets: Targets
    until: float


class Rosters:
    """Of one writer: one batch at a time uses it, in whatever thread."""

    def __init__(self) -> None:
        self._opened: OrderedDict[GroupId, _Opened] = OrderedDict()
        self._refs = 0

    def find(
        self, gid: GroupId, sealed: bytes, key: bytes, *, now_s: float, open_: Callable[[], Mapping[bytes, OpenRef]]
    ) -> Targets:
        """Where this roster leads under this key. sealed: as it rests. open_: what is in it. Raises as `open_` does."""
        key_hash = hashlib.sha256(key).digest()
        found = self._opened.get(gid)
        is_known = found is not None and found.sealed == sealed and now_s < found.until
        if found is not None and is_known and hmac.compare_digest(found.key_hash, key_hash):
            return found.targets
        targets = lead(open_())
        if found is not None:
            self._drop(gid)
        self._opened[gid] = _Opened(sealed, key_hash, targets, now_s + LIFE_S)
        self._refs += len(targets.refs)
        while self._refs > REFS_MAX:
            self._drop(next(iter(self._opened)))
        return targets

    def drop_old(self, now_s: float) -> None:
        """Forget what is over, the oldest first."""
        while self._opened:
            gid, oldest = next(iter(self._opened.items()))
            if now_s < oldest.until:
                return
            self._drop(gid)

    def _drop(self, gid: GroupId) -> None:
        self._refs -= len(self._opened.pop(gid).targets.refs)
