"""Devices of one chat, each with the machine of its calls, and what lies between them: signals and media.

A signal reaches every other device of the chat after 50 ms unless the world loses it; media between two devices that
both opened the link flows 300 ms later. Each device writes down all that happens to it, for the vectors.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from zajil.protocol.calls import actions as ac
from zajil.protocol.calls import events as ev
from zajil.protocol.calls import signals as sg
from zajil.protocol.calls.machine import step
from zajil.protocol.calls.state import IN_CALL, CallState, next_deadline

START = 1_790_000_000_000
SIGNAL_MS = 50
MEDIA_MS = 300
SECRET = bytes(range(32))
Work: TypeAlias = Callable[[], None]


def call_id(number: int) -> bytes:
    return bytes([number]) * 16


def account_id(letter: str) -> bytes:
    return letter.encode() * 16


@dataclass
class Device:
    """One device. rung: the sound of each ring shown. lived: [ms, event, actions] of all that happened."""

    name: str
    state: CallState
    first: CallState
    lived: list[list[object]] = field(default_factory=list)
    done: list[ac.Action] = field(default_factory=list)
    ringing: int = 0
    links: list[int] = field(default_factory=list)
    record: ev.Record | None = None
    persisted_at: int = START

    @property
    def leaf(self) -> int:
        return self.state.me.leaf

    @property
    def phase(self) -> str:
        return self.state.phase

    @property
    def reason(self) -> str:
        return self.state.reason

    @property
    def logs(self) -> list[str]:
        return [f"{one.outcome} {one.seconds}" for one in self.done if isinstance(one, ac.SendLog)]

    def sent(self, kind: type[sg.Signal]) -> list[sg.Signal]:
        return [one.signal for one in self.done if isinstance(one, ac.Send) and isinstance(one.signal, kind)]


class World:
    """names: such as `a1 a2 b1`: account a with two devices, account b with one; leaves are counted from 0."""

    def __init__(self, names: str, *, group: bool = False) -> None:
        self.now = START
        self.calls = 0
        self.lost: Callable[[Device, Device, sg.Signal], bool] = lambda *_: False
        self.cut: set[frozenset[str]] = set()
        self.media = True
        self.delay_ms: Callable[[], int] = lambda: SIGNAL_MS
        self.unheard: set[str] = set()
        self.busy: set[str] = set()
        self._order = itertools.count()
        self._due: list[tuple[int, int, Work]] = []
        self._coming: set[tuple[str, str]] = set()
        members = tuple(ev.Member(leaf, account_id(name[0])) for leaf, name in enumerate(names.split()))
        self.members, self.epoch = members, 1
        self.devices: dict[str, Device] = {}
        for member, name in zip(members, names.split(), strict=True):
            state = CallState(member, members, group)
            self.devices[name] = Device(name, state, state)

    def __getitem__(self, name: str) -> Device:
        return self.devices[name]

    # -- what people and the network do
    def dial(self, name: str, *, call: int = 0, kind: sg.Kind = "audio") -> None:
        self.calls += 1
        self.tell(name, ev.Dial(kind, call_id(call or self.calls), SECRET))

    def tell(self, name: str, event: ev.Event) -> None:
        """Something happens to a device."""
        device = self[name]
        device.state, actions = step(device.state, event, self.now)
        device.lived.append([self.now - START, event, actions])
        device.done += actions
        for action in actions:
            self._carry_out(device, action)
        self._connect()

    def receive(self, name: str, sender: str, signal: sg.Signal | sg.Unsupported, *, age_ms: int = SIGNAL_MS) -> None:
        me = self[sender].first.me
        heard, busy = name not in self.unheard, name in self.busy
        self.tell(name, ev.Received(signal, me.leaf, me.account, age_ms, heard, busy))

    def remove(self, *names: str) -> None:
        """A commit takes devices out of the chat; all hear of it at once."""
        gone = {self[name].leaf for name in names}
        self.members = tuple(member for member in self.members if member.leaf not in gone)
        self.epoch += 1
        for device in list(self.devices.values()):
            self.tell(device.name, ev.Roster(self.epoch, self.members, self._own(device)))

    def _own(self, device: Device) -> ev.Member | None:
        return device.first.me if device.first.me in self.members else None

    def break_media(self, one: str, other: str) -> None:
        """No media passes between two devices any more, and both notice."""
        self.cut.add(frozenset((one, other)))
        for name, leaf in ((one, self[other].leaf), (other, self[one].leaf)):
            self.tell(name, ev.LinkDown(leaf))

    def mend_media(self, one: str, other: str) -> None:
        self.cut.discard(frozenset((one, other)))
        self._connect()

    def reload(self, name: str) -> None:
        """The device starts anew with what it kept, and the person returns to the call."""
        device = self[name]
        record, device.record = device.record, None
        device.state, device.ringing, device.links = device.first, 0, []
        device.lived.append([self.now - START, None, ()])
        self.tell(name, ev.Roster(self.epoch, self.members, self._own(device)))
        if record is not None:
            self.tell(name, ev.Restored(record, self.now - device.persisted_at))

    # -- time
    def wait(self, ms: int) -> None:
        """Time passes: signals arrive, media begins, machines wake when they asked for it."""
        until = self.now + ms
        while True:
            wakes = [(due, one.name) for one in self.devices.values() if (due := next_deadline(one.state)) is not None]
            tick = min(wakes, default=(until + 1, ""))
            work = self._due[0][0] if self._due else until + 1
            if min(tick[0], work) > until:
                break
            if work <= tick[0]:
                self.now = max(self.now, work)
                heapq.heappop(self._due)[2]()
            else:
                self.now = max(self.now, tick[0])
                self.tell(tick[1], ev.Tick())
        self.now = until

    def after(self, ms: int, work: Work) -> None:
        heapq.heappush(self._due, (self.now + ms, next(self._order), work))

    # -- what lies between
    def _carry_out(self, device: Device, action: ac.Action) -> None:
        match action:
            case ac.Send():
                self._send(device, action.signal)
            case ac.CloseLink():
                device.links.remove(action.leaf)
            case ac.OpenLink():
                device.links.append(action.leaf)
                # The first offer of the link; `room` is the shortest.
                self._send(device, sg.Room(device.state.call, action.leaf, 2))
            case ac.RingOn():
                device.ringing += 1
            case ac.RingOff():
                device.ringing -= 1
            case ac.Persist():
                device.record, device.persisted_at = action.record, self.now

    def _send(self, device: Device, signal: sg.Signal) -> None:
        for other in self.devices.values():
            meant = signal.to in (None, other.leaf) and other is not device
            if meant and not self.lost(device, other, signal):
                self.after(self.delay_ms(), self._delivery(device.name, other.name, signal))

    def _delivery(self, sender: str, name: str, signal: sg.Signal) -> Work:
        return lambda: self.receive(name, sender, signal)

    def _connect(self) -> None:
        if not self.media:
            return
        for one, other in itertools.combinations(self.devices.values(), 2):
            pair = (one.name, other.name)
            if pair not in self._coming and self._may_flow(one, other):
                self._coming.add(pair)
                self.after(MEDIA_MS, self._arrival(one, other))

    def _may_flow(self, one: Device, other: Device) -> bool:
        if frozenset((one.name, other.name)) in self.cut or one.state.call != other.state.call:
            return False
        if one.phase not in IN_CALL or other.phase not in IN_CALL:
            return False
        ends = one.state.find_peer(other.leaf), other.state.find_peer(one.leaf)
        return None not in ends and not all(end is not None and end.up for end in ends)

    def _arrival(self, one: Device, other: Device) -> Work:
        def arrive() -> None:
            self._coming.discard((one.name, other.name))
            if self._may_flow(one, other):
                self.tell(one.name, ev.LinkUp(other.leaf))
                self.tell(other.name, ev.LinkUp(one.leaf))

        return arrive

    def lives(self) -> list[dict[str, object]]:
        """For the vectors: how each device began, and what happened to it."""
        return [
            {
                "device": device.name,
                "me": device.first.me,
                "members": device.first.members,
                "group": device.first.group,
                "steps": device.lived,
            }
            for device in self.devices.values()
        ]
