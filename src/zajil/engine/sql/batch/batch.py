"""A batch as one transaction of few statements: lock what it names, decide in memory and in order, write it all.

It needs no savepoints: a request that is refused has changed nothing in memory, so nothing of it is written. Locks are
taken in one order by all gateways: requests, passes, groups, mailboxes, messages, each by their keys; where PostgreSQL
finds a deadlock all the same, with an `Expire` for instance, it ends one transaction, which is tried again. On SQLite
the transaction has the whole file.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from zajil.engine.sql import interface as op
from zajil.engine.sql.batch.boxes import Boxes
from zajil.engine.sql.batch.known import Known
from zajil.engine.sql.batch.ledger import KEYED, Groups, Keyed, Ledger, Passes
from zajil.engine.sql.batch.rosters import NOWHERE, Targets, lead
from zajil.engine.sql.queues import Outgoing, Sql
from zajil.engine.sql.transactions import (
    DAY_S,
    Effects,
    GroupRow,
    Tools,
    change_roster,
    check_token,
    open_refs,
    seal_new_roster,
)
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.frames import Eph
from zajil.protocol.ids import GroupId, MailboxId
from zajil.protocol.roster import open_roster

_LOG = logging.getLogger(__name__)
_IDS: Final = 64
_RANDOM_BYTES: Final = 10
Batched = Keyed | op.SendEphemeral | op.Notify | op.Ack
BATCHED = (op.Create, op.Commit, op.Send, op.SendEphemeral, op.Notify, op.Ack)


class _Planned(NamedTuple):
    """A body on its way to these targets, or to `direct` mailboxes. place: of its operation in the batch."""

    place: int
    body: Outgoing | Eph
    targets: Targets
    direct: tuple[MailboxId, ...] = ()


class Batch:
    """One try of one batch. charged: places whose request has paid its rate limit in an earlier try; filled here.

    known: of the database; what is written changes it, and where that does not reach the disk it is to be forgotten.
    """

    def __init__(self, sql: Sql, tools: Tools, now_ms: int, charged: set[int], known: Known) -> None:
        self._known = known
        self._sql, self._tools, self._now_ms, self._charged = sql, tools, now_ms, charged
        self._day = now_ms // 1000 // DAY_S
        self._planned: list[_Planned] = []
        self._ids: list[bytes] = []

    def run(self, operations: Sequence[Batched]) -> tuple[Effects, list[op.Outcome | Exception]]:
        """What it leaves for after COMMIT, and every outcome. Roll back on TryAgain and on what the driver raises."""
        self._ledger = Ledger(self._sql, [each for each in operations if isinstance(each, KEYED)], self._now_ms)
        self._passes = Passes(self._sql, [each for each in operations if isinstance(each, op.Create)])
        self._groups = Groups(self._sql, operations, self._day, self._known)
        self._tools.rosters.drop_old(self._now_ms / 1000)
        outcomes = [self._decide(place, each) for place, each in enumerate(operations)]
        effects = Effects()
        boxes = self._lock_boxes(operations)
        left = iter(self._planned)
        planned = next(left, None)
        for place, each in enumerate(operations):
            if isinstance(each, op.Ack):
                outcomes[place] = _acknowledge(boxes, place, each)
            while planned is not None and planned.place == place:
                reached = self._carry(boxes, planned, effects)
                if isinstance(each, op.Notify):
                    outcomes[place] = op.Done(reached)
                planned = next(left, None)
        for place, rows in boxes.settle().items():
            outcomes[place] = op.Done(rows)
        self._groups.settle()
        self._passes.settle()
        self._ledger.settle()
        return effects, outcomes

    def _lock_boxes(self, operations: Sequence[Batched]) -> Boxes:
        refs: dict[bytes, op.OpenRef] = {}
        wanted = {each.mailbox_id for each in operations if isinstance(each, op.Ack)}
        for planned in self._planned:
            refs.update(planned.targets.refs)
            if isinstance(planned.body, Outgoing):
                wanted.update(planned.targets.boxes, planned.direct)
        return Boxes(self._sql, self._tools, wanted, refs, self._now_ms, self._known)

    def _carry(self, boxes: Boxes, planned: _Planned, effects: Effects) -> int:
        """Mailboxes reached."""
        body = planned.body
        if isinstance(body, Eph):
            targets = boxes.admit(planned.targets, None, 0)
            effects.volatile.append((tuple(targets), body))
            return 0
        targets = boxes.admit(planned.targets, body.kind, len(body.body))
        if planned.direct:
            targets = {**targets, **dict.fromkeys(planned.direct)}
        reached = boxes.deliver(body, targets)
        effects.wakes |= body.wake
        effects.entries += reached
        return len(reached)

    # Deciding

    def _decide(self, place: int, request: Batched) -> op.Outcome | Exception:
        """What is answered, where that hangs on no mailbox. Raising, it has changed nothing."""
        try:
            match request:
                case op.Send():
                    return self._send(place, request)
                case op.Ack():
                    return op.Done(0)
                case op.SendEphemeral():
                    return self._send_ephemeral(place, request)
                case op.Commit():
                    return self._commit(place, request)
                case op.Create():
                    return self._create(request)
                case op.Notify():
                    body = Outgoing(self._new_id(), op.KIND_NOTICE, None, 0, request.body)
                    self._planned.append(_Planned(place, body, NOWHERE, request.mailbox_ids))
                    return op.Done(0)
        except ZajilError as refusal:
            return refusal
        except Exception:  # noqa: BLE001  # a bug in one operation must not take its neighbours along
            _LOG.exception("a mailbox operation failed")
            return error("internal")

    def _new_id(self) -> bytes:
        """Of a message: the time that is told with it, Unix ms in 6 bytes, and 10 random bytes.

        So what is stored together lies together in every index, and a batch changes a page of it instead of one for
        each message. Many are drawn at once: each call lets go of the interpreter, and waits for it again.
        """
        if not self._ids:
            drawn, time = self._tools.random(_RANDOM_BYTES * _IDS), self._now_ms.to_bytes(16 - _RANDOM_BYTES)
            self._ids = [time + drawn[at : at + _RANDOM_BYTES] for at in range(0, len(drawn), _RANDOM_BYTES)]
        return self._ids.pop()

    def _charge(self, place: int, limit: str, gid: bytes) -> None:
        """Raises Limited `slow-down`. Once, however often the transaction is tried."""
        if place not in self._charged:
            self._tools.limits.take(limit, gid, now=self._now_ms / 1000)
            self._charged.add(place)

    def _send(self, place: int, request: op.Send) -> op.Accepted:
        if known := self._ledger.find(request):
            # The mark is of the time at which it was first taken.
            return msgspec.structs.replace(known, frank=self._tools.keys.frank(request.tag, request.gid, known.ts))
        group = check_token(self._groups.find(request.gid), request.epoch, request.token)
        self._charge(place, "send", request.gid)
        targets = self._find_targets(request.gid, group, request.roster_key)
        frank = self._tools.keys.frank(request.tag, request.gid, self._now_ms)
        kind, gid, ttl_s, wake = op.KIND_APPLICATION, request.gid, request.ttl_s, request.wake
        body = Outgoing(self._new_id(), kind, gid, group.epoch, request.body, frank, ttl_s, wake)
        self._planned.append(_Planned(place, body, targets))
        self._groups.touch(request.gid)
        return msgspec.structs.replace(self._ledger.accept(request), frank=frank)

    def _find_targets(self, gid: GroupId, group: GroupRow, key: bytes) -> Targets:
        def open_() -> Mapping[bytes, op.OpenRef]:
            return open_refs(self._tools, open_roster(key, gid, group.epoch, group.roster))

        return self._tools.rosters.find(gid, group.roster, key, now_s=self._now_ms / 1000, open_=open_)

    def _send_ephemeral(self, place: int, request: op.SendEphemeral) -> op.Accepted:
        group = check_token(self._groups.find(request.gid), request.epoch, request.token)
        self._charge(place, "ephemeral", request.gid)
        targets = self._find_targets(request.gid, group, request.roster_key)
        self._planned.append(_Planned(place, Eph(request.gid, group.epoch, self._now_ms, request.body), targets))
        return op.Accepted(group.epoch, self._now_ms)

    def _commit(self, place: int, request: op.Commit) -> op.Accepted:
        if known := self._ledger.find(request):
            return known
        group = check_token(self._groups.find(request.gid), request.epoch, request.token)
        self._charge(place, "commit", request.gid)
        gid, epoch = request.gid, group.epoch + 1
        old = open_roster(request.roster_key, gid, group.epoch, group.roster)
        added = open_refs(self._tools, request.add)
        entries = change_roster(old, request.add, request.rm)
        roster = seal_new_roster(self._tools, request.new_roster_key or request.roster_key, gid, epoch, entries)
        commit = Outgoing(self._new_id(), op.KIND_COMMIT, gid, group.epoch, request.commit)
        planned = [_Planned(place, commit, lead(open_refs(self._tools, old)))]
        if request.welcome is not None:
            welcome = Outgoing(self._new_id(), op.KIND_WELCOME, gid, epoch, request.welcome)
            planned.append(_Planned(place, welcome, lead(added)))
        self._groups.move(gid, GroupRow(epoch, request.next_token_hash, group.token_hash, roster, self._day))
        self._planned += planned
        return self._ledger.accept(request)

    def _create(self, request: op.Create) -> op.Accepted:
        if known := self._ledger.find(request):
            return known
        open_refs(self._tools, request.roster)
        if not self._passes.is_good(request.pass_hash, self._day):
            raise error("pass-spent")
        if self._groups.find(request.gid):
            raise error("group-exists")
        roster = seal_new_roster(self._tools, request.roster_key, request.gid, 0, request.roster)
        self._passes.spend(request.pass_hash)
        self._groups.make(request.gid, GroupRow(0, request.token_hash, None, roster, self._day))
        return self._ledger.accept(request)


def _acknowledge(boxes: Boxes, place: int, request: op.Ack) -> op.Outcome | Exception:
    try:
        boxes.acknowledge(place, request.mailbox_id, request.upto)
    except ZajilError as refusal:
        return refusal
    return op.Done(0)
