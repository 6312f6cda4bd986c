"""Sessions of several devices in one chat, over a network in memory: signals pass as CBOR, media by plain bookkeeping.

The media here follows the rules that real media follows: an attempt has a number of its own, is offered, answered, and
proved by `got`; a link is up when both directions are. It sends no sound.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from tests.protocol.calls_signals import ANSWER, OFFER

from zajil.client.calls.ports import ChatFacts, EpochKeys, LinkSignal, MediaStart, Reports
from zajil.client.calls.session import CallSession
from zajil.client.calls.showing import CallView
from zajil.protocol import cbor
from zajil.protocol.calls import signals as sg
from zajil.protocol.calls.actions import SendLog
from zajil.protocol.calls.events import Member
from zajil.protocol.calls.quality import Step

START = 1_790_000_000_000
GID = bytes(range(100, 116))
OTHER = bytes(range(200, 216))
"""A second chat of the same members."""
Work: TypeAlias = Callable[[], None]


@dataclass
class FakeMedia:
    """The media of one device in one call. told: what was asked of it, in order. sent: our attempts, by leaf."""

    device: Device
    start: MediaStart
    reports: Reports
    told: list[str] = field(default_factory=list)
    sent: dict[int, int] = field(default_factory=dict)
    proved: set[int] = field(default_factory=set)
    hears: set[int] = field(default_factory=set)
    up: set[int] = field(default_factory=set)
    closed: bool = False

    def open_link(self, leaf: int, *, relay_only: bool) -> None:
        self.told.append(f"open {leaf}{' relay' if relay_only else ''}")
        self.offer(leaf)

    def offer(self, leaf: int) -> None:
        """An attempt of our link."""
        self.sent[leaf] = pc = self.start.next_pc()
        self.device.used.append((self.start.call, pc))
        self.reports.local_signal(sg.Desc(self.start.call, leaf, pc, "offer", self.device.world.offer))

    def close_link(self, leaf: int) -> None:
        self.told.append(f"close {leaf}")
        self.sent.pop(leaf, None)
        for one in (self.proved, self.hears, self.up):
            one.discard(leaf)

    def hear(self, leaf: int, signal: LinkSignal) -> None:
        match signal:
            case sg.Desc(role="offer"):
                self.reports.local_signal(sg.Desc(self.start.call, leaf, signal.pc, "answer", ANSWER))
                self.reports.local_signal(sg.Got(self.start.call, leaf, signal.pc))
                self.hears.add(leaf)
            case sg.Got() if self.sent.get(leaf) == signal.pc:
                self.proved.add(leaf)
            case sg.Lost():
                self.proved.discard(leaf)
                self._tell(leaf)
                self.offer(leaf)
        self._tell(leaf)

    def lose(self, leaf: int) -> None:
        """We hear nothing any more."""
        self.hears.discard(leaf)
        self.reports.local_signal(sg.Lost(self.start.call, leaf, 0))
        self._tell(leaf)

    def refuse(self, leaf: int) -> None:
        """Nothing of what that device sends opens."""
        self.close_link(leaf)
        self.reports.unopened(leaf)

    def _tell(self, leaf: int) -> None:
        both = leaf in self.hears and leaf in self.proved
        if both and leaf not in self.up:
            self.up.add(leaf)
            self.reports.link_up(leaf)
        elif not both and leaf in self.up:
            self.up.discard(leaf)
            self.reports.link_down(leaf)

    def use_key(self, epoch: int, base_key: bytes, *, removed: bool) -> None:
        self.told.append(f"key {epoch} {base_key.hex()[:4]}{' removed' if removed else ''}")

    def set_media(self, mic: bool, cam: bool) -> None:
        self.told.append(f"media {mic} {cam}")

    def set_step(self, step: Step) -> None:
        self.told.append(f"step {step}")

    def close(self) -> None:
        self.told.append("close")
        self.closed = True


@dataclass
class Device:
    """One device: its session, and the core, clock and screen that it has. used: the number of each attempt ever."""

    world: World
    name: str
    me: Member
    views: list[CallView] = field(default_factory=list)
    logs: list[SendLog] = field(default_factory=list)
    media: list[FakeMedia] = field(default_factory=list)
    used: list[tuple[bytes, int]] = field(default_factory=list)
    kept: bytes | None = None
    watched: bytes | None = None
    bad: int = 0
    wakes_at: int | None = None
    waiting: list[Work] = field(default_factory=list)
    slow_disk: bool = False
    slow_keys: bool = False
    slow_chats: bool = False

    def __post_init__(self) -> None:
        self.session = CallSession(self)

    @property
    def view(self) -> CallView:
        return self.views[-1]

    @property
    def shown(self) -> str:
        """Phase, and what ended it."""
        return f"{self.view.phase} {self.view.ended}".strip() if self.views else ""

    # -- ports
    def now_ms(self) -> int:
        return self.world.now

    def random(self, size: int) -> bytes:
        self.world.drawn += 1
        return hashlib.shake_128(f"{self.name} {self.world.drawn}".encode()).digest(size)

    def wake_at(self, at_ms: int | None) -> None:
        self.wakes_at = at_ms

    def seal(self, gid: bytes, fields: Mapping[str, cbor.Value], *, ttl_s: int, wake: bool) -> None:
        assert ttl_s == 60 or not wake
        self.world.deliver(self, gid, cbor.encode(dict(fields.items())))

    def ask_chat(self, gid: bytes) -> None:
        world = self.world
        member = self.me in world.members and gid in (GID, OTHER)
        facts = ChatFacts(world.epoch, self.me, world.members, world.group, self.name not in world.strangers, True)

        def answer() -> None:
            self.session.use_chat(gid, facts if member else None)

        self.waiting.append(answer) if self.slow_chats else answer()

    def ask_keys(self, gid: bytes, context: bytes, *, removed: bool) -> None:
        world = self.world
        keys = EpochKeys(world.epoch, derive(context, world.epoch), self.me.leaf, world.members)
        found = keys if self.me in world.members else None

        def answer() -> None:
            self.session.use_keys(gid, found, removed=removed, context=context)

        self.waiting.append(answer) if self.slow_keys else answer()

    def watch(self, gid: bytes | None) -> None:
        self.watched = gid

    def keep(self, record: bytes | None, done: Work) -> None:
        def write() -> None:
            self.kept = record
            done()

        self.waiting.append(write) if self.slow_disk else write()

    def log(self, gid: bytes, log: SendLog) -> None:
        assert gid in (GID, OTHER)
        self.logs.append(log)

    def show(self, view: CallView) -> None:
        self.views.append(view)

    def open_media(self, start: MediaStart, reports: Reports) -> FakeMedia:
        self.media.append(FakeMedia(self, start, reports))
        return self.media[-1]

    def count_bad(self) -> None:
        self.bad += 1

    # -- what happens to it
    def settle(self) -> None:
        """What was slow is done."""
        while self.waiting:
            self.waiting.pop(0)()

    def crash(self) -> None:
        """The process is gone, with all that was not written; another one begins."""
        self.waiting.clear()
        self.session, self.watched, self.wakes_at = CallSession(self), None, None


def derive(context: bytes, epoch: int) -> bytes:
    return hashlib.sha256(context + epoch.to_bytes(8, "big")).digest()[:16]


class World:
    """names: such as `a1 a2 b1`: account a with two devices, account b with one; leaves are counted from 0."""

    def __init__(self, names: str, *, group: bool = False) -> None:
        self.now, self.drawn, self.epoch = START, 0, 1
        self.group, self.offer = group, OFFER
        self.strangers: set[str] = set()
        self.deaf: set[str] = set()
        self._order = itertools.count()
        self._due: list[tuple[int, int, Work]] = []
        self.members = tuple(Member(leaf, name[0].encode() * 16) for leaf, name in enumerate(names.split()))
        self.devices = {name: Device(self, name, me) for name, me in zip(names.split(), self.members, strict=True)}

    def __getitem__(self, name: str) -> Device:
        return self.devices[name]

    def deliver(self, sender: Device, gid: bytes, data: bytes) -> None:
        for device in self.devices.values():
            if device is not sender and device.me in self.members and device.name not in self.deaf:
                self.after(50, self._delivery(device, sender.me, gid, data))

    def _delivery(self, device: Device, sender: Member, gid: bytes, data: bytes) -> Work:
        def hear() -> None:
            values = cbor.parse(data)
            assert isinstance(values, dict)
            fields = {str(key): value for key, value in values.items()}
            device.session.hear(gid, sender.leaf, sender.account, age_ms=50, fields=fields)

        return hear

    def after(self, ms: int, work: Work) -> None:
        heapq.heappush(self._due, (self.now + ms, next(self._order), work))

    def remove(self, name: str) -> None:
        """A commit takes a device out."""
        self.members = tuple(one for one in self.members if one is not self[name].me)
        self.commit(removed=True)

    def commit(self, *, removed: bool = False) -> None:
        self.epoch += 1
        for device in self.devices.values():
            if device.watched is not None:
                device.session.epoch(device.watched, removed=removed)

    def wait(self, ms: int) -> None:
        until = self.now + ms
        while True:
            wakes = [(one.wakes_at, one.name) for one in self.devices.values() if one.wakes_at is not None]
            wake_at, name = min(wakes, default=(until + 1, ""))
            work_at = self._due[0][0] if self._due else until + 1
            if min(wake_at, work_at) > until:
                break
            self.now = max(self.now, min(wake_at, work_at))
            if work_at <= wake_at:
                heapq.heappop(self._due)[2]()
            else:
                self[name].wakes_at = None
                self[name].session.tick()
        self.now = until
