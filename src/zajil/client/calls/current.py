"""The one call a device is in: its media, the numbers of its attempts, what its peers may send, and how its links are.

Links are opened once two things are there: a key to seal with, and numbers that are durably reserved. What a peer
signals for its link before that waits, a little.
"""

from __future__ import annotations

from collections.abc import Callable

from zajil.client.calls.budget import SignalBudget
from zajil.client.calls.ports import CallMedia, EpochKeys, LinkSignal, MediaStart, Ports
from zajil.client.calls.record import CtxNumbers, Kept
from zajil.client.calls.showing import LinkFacts, Measure
from zajil.protocol.calls import events as ev
from zajil.protocol.calls import signals as sg
from zajil.protocol.calls.quality import STEPS, Quality, Step, note_sample, on_new_way, plan_step
from zajil.protocol.calls.state import CallState

TOUCH_MS = 10_000
"""How often the record says that the call is alive."""
WAITING_MOST = 32
MOVED_MS = 30_000


class CurrentCall:
    """Media and its reports. tell: the machine's ears. send: to seal a signal."""

    def __init__(
        self,
        ports: Ports,
        gid: bytes,
        *,
        record: ev.Record,
        state: CallState,
        numbers: CtxNumbers,
        tell: Callable[[ev.Event], None],
        send: Callable[[sg.Signal], None],
    ) -> None:
        self.gid, self.record, self.numbers = gid, record, numbers
        self.links: dict[int, LinkFacts] = {}
        self.shut: set[int] = set()
        """Devices of which nothing opened: no link to them is made again in this epoch."""
        self.over = False
        self._ports, self._tell, self._send = ports, tell, send
        self._state = state
        self._open: set[int] = set()
        self._wanted: dict[int, list[LinkSignal]] = {}
        self._keyed = False
        self._epoch: int | None = None
        self._budget = SignalBudget()
        self._step: Step = STEPS[0]
        self._media_sent = (True, record.kind == "video")
        self._moved_at: int | None = None
        self.touched_at = ports.now_ms()
        start = MediaStart(
            gid=gid,
            call=record.call,
            secret=record.secret,
            leaf=state.me.leaf,
            kind=record.kind,
            relay_only=state.relay_only,
            next_pc=self._next_pc,
        )
        self._media: CallMedia = ports.open_media(start, self)

    # -- the record
    def keep(self) -> None:
        """Write the record; what it reserves may be used once it is durable."""
        self.touched_at = self._ports.now_ms()
        reserved = self.numbers.reserved
        kept = Kept(self.gid, self.record, reserved, self.touched_at)

        def done() -> None:
            self.numbers.durable = max(self.numbers.durable, reserved)
            self._open_wanted()

        self._ports.keep(kept.encode(), done)

    @property
    def due_at(self) -> int:
        """When `touch` has something to do."""
        return self.touched_at + TOUCH_MS

    def touch(self, now: int) -> None:
        """Now and then the record says that the call is alive."""
        if now >= self.due_at:
            self.keep()

    def _next_pc(self) -> int:
        number = self.numbers.take()
        if self.numbers.low:
            self.numbers.reserve()
            self.keep()
        return number

    # -- what the machine asks for
    def open_link(self, leaf: int) -> None:
        self._wanted[leaf] = []
        self._open_wanted()

    def close_link(self, leaf: int) -> None:
        self._wanted.pop(leaf, None)
        self.links.pop(leaf, None)
        if leaf in self._open:
            self._open.discard(leaf)
            self._media.close_link(leaf)

    def _open_wanted(self) -> None:
        if self.over or not self._keyed or not self.numbers.usable:
            return
        for leaf in [leaf for leaf in self._wanted if leaf not in self.shut]:
            signals = self._wanted.pop(leaf)
            self._open.add(leaf)
            self._media.open_link(leaf, relay_only=self._state.relay_only)
            for signal in signals:
                self._media.hear(leaf, signal)

    def use_key(self, keys: EpochKeys, *, removed: bool) -> None:
        """The key of a new epoch. Its roster was told before."""
        self._media.use_key(keys.epoch, keys.base_key, removed=removed)
        self._keyed = True
        if keys.epoch != self._epoch:
            # What did not open may now, and the leaf may be somebody else's.
            self.shut.clear()
        self._epoch = keys.epoch
        self._open_wanted()

    def set_media(self, mic: bool, cam: bool) -> None:  # what the person switched
        if (mic, cam) != self._media_sent:
            self._media_sent = (mic, cam)
            self._media.set_media(mic, cam)

    def close(self) -> None:
        """All media ends; reports that come later are nothing."""
        if not self.over:
            self.over = True
            self._media.close()

    # -- signals
    def admits(self, leaf: int, signal: sg.Signal | sg.Unsupported) -> bool:
        """Whether one device said no more in this call than it may."""
        return self._budget.admits(leaf, signal, self._ports.now_ms())

    def may_send(self, signal: sg.Signal) -> bool:
        """What passes by itself is not sent above the limit; what begins or ends a call always is."""
        return self._budget.may_send(signal, self._ports.now_ms())

    def hear(self, leaf: int, signal: LinkSignal) -> None:
        """A signal for the links with a device in the call."""
        if leaf in self._open:
            self._media.hear(leaf, signal)
        elif leaf in self._wanted and leaf not in self.shut and len(self._wanted[leaf]) < WAITING_MOST:
            self._wanted[leaf].append(signal)

    def note_moved(self) -> None:
        """This device is in another network."""
        self._moved_at = self._ports.now_ms()

    @property
    def moved(self) -> bool:
        """Whether the network changed lately."""
        return self._moved_at is not None and self._ports.now_ms() < self._moved_at + MOVED_MS

    # -- reports of the media
    def local_signal(self, signal: LinkSignal) -> None:
        if not self.over and signal.to in self._open:
            self._send(signal)

    def link_up(self, leaf: int) -> None:
        if not self.over:
            self._tell(ev.LinkUp(leaf))

    def link_down(self, leaf: int) -> None:
        if not self.over:
            self._tell(ev.LinkDown(leaf))

    def no_route(self, leaf: int) -> None:
        """Without a way to its only peer a call cannot be; a group's goes on with the others."""
        if self.over:
            return
        if len(self._open) > 1:
            self._tell(ev.LinkDown(leaf))
        else:
            self._tell(ev.Fail("no-route"))

    def alarm(self, leaf: int) -> None:
        if not self.over:
            self._tell(ev.Alarm(leaf))

    def unopened(self, leaf: int) -> None:
        """In a chat of two that ends the call. In a group the others go on, without this device until a commit."""
        if self.over or leaf not in self._open:
            return
        self._open.discard(leaf)
        self.links.pop(leaf, None)
        if self._state.group:
            self.shut.add(leaf)
            self._wanted[leaf] = []
            self._tell(ev.LinkDown(leaf))
        else:
            self._media.close()
            self.alarm(leaf)

    def measured(self, leaf: int, measure: Measure) -> None:
        if self.over or leaf not in self._open:
            return
        now, before = self._ports.now_ms(), self.links.get(leaf)
        quality, step = (Quality(), STEPS[0]) if before is None else (before.quality, before.step)
        if before is not None and before.measure.rung != measure.rung:
            quality = on_new_way(quality)
        if measure.sample is not None:
            quality = note_sample(quality, measure.sample, now)
            quality, step = plan_step(quality, step, now_ms=now)
        self.links[leaf] = LinkFacts(measure, quality, step)
        worst = max((link.step for link in self.links.values()), key=STEPS.index)
        if worst != self._step:
            self._step = worst
            self._media.set_step(worst)
        self._tell(ev.Tick())
