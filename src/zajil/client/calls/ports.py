"""What a call's session stands between: the core that seals and keeps, and the media that sends and hears.

Nothing here waits. Whoever is asked (`ask_chat`, `ask_keys`, `keep`) answers by a call into the session, at once or
later; between asking and the answer the session holds back what depends on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from zajil.client.calls.showing import CallView, Measure
from zajil.protocol import cbor
from zajil.protocol.calls.actions import SendLog
from zajil.protocol.calls.events import Member
from zajil.protocol.calls.quality import Step
from zajil.protocol.calls.signals import Cand, Desc, Got, Kind, Lost, Room

LinkSignal: TypeAlias = Desc | Cand | Room | Got | Lost


@dataclass(frozen=True, slots=True)
class ChatFacts:
    """A chat as a call sees it now. me: this device. heard: accepted and not blocked. trusted: a DM with a contact."""

    epoch: int
    me: Member
    members: tuple[Member, ...]
    group: bool
    heard: bool
    trusted: bool


@dataclass(frozen=True, slots=True)
class EpochKeys:
    """What an epoch of the group gives a call. base_key: 16 bytes. leaf: our own. members: all devices."""

    epoch: int
    base_key: bytes
    leaf: int
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class MediaStart:
    """A call for which media is prepared; nothing is opened before `open_link`.

    next_pc: the number of a new attempt, never given twice in this call, with the one after it free: the record that
    says so is durable. Raises LocalProtocolError when none is left, which asking for more than 32 at once takes.
    """

    gid: bytes
    call: bytes
    secret: bytes
    leaf: int
    kind: Kind
    relay_only: bool
    next_pc: Callable[[], int]


class CallMedia(Protocol):
    """The media of one call: links with its devices, one each way."""

    def open_link(self, leaf: int, *, relay_only: bool) -> None:
        """Send to a device, and take its offers."""

    def close_link(self, leaf: int) -> None:
        """End both directions with a device, before this returns."""

    def hear(self, leaf: int, signal: LinkSignal) -> None:
        """A signal of a device with which a link is open; its SDP and candidates were checked."""

    def use_key(self, epoch: int, base_key: bytes, *, removed: bool) -> None:
        """A new epoch. removed: somebody left the group by it, so senders switch at once."""

    def set_media(self, mic: bool, cam: bool) -> None:  # what the person switched
        """What is sent from now on."""

    def set_step(self, step: Step) -> None:
        """What the links give up."""

    def close(self) -> None:
        """All of it ends, before this returns."""


class Reports(Protocol):
    """Whom media tells. It may be told after the call ended; then nothing happens."""

    def local_signal(self, signal: LinkSignal) -> None:
        """Send this to `signal.to`."""

    def link_up(self, leaf: int) -> None:
        """Both directions with this device are proved."""

    def link_down(self, leaf: int) -> None:
        """One of them is lost."""

    def no_route(self, leaf: int) -> None:
        """The policy leaves no way to this device."""

    def alarm(self, leaf: int) -> None:
        """Media was not encrypted. Everything is closed already."""

    def unopened(self, leaf: int) -> None:
        """What this device sends opens to nobody. Its link is closed already, both ways."""

    def measured(self, leaf: int, measure: Measure) -> None:
        """How a link is, every second."""


class Ports(Protocol):
    """The core, the clock and the screen."""

    def now_ms(self) -> int:
        """A clock that never goes back, Unix ms where it can be."""

    def random(self, size: int) -> bytes:
        """That many random bytes."""

    def wake_at(self, at_ms: int | None) -> None:
        """Call `tick` then; a later call replaces this one."""

    def seal(self, gid: bytes, fields: Mapping[str, cbor.Value], *, ttl_s: int, wake: bool) -> None:
        """Seal a signal and send it once."""

    def ask_chat(self, gid: bytes) -> None:
        """Answered by `use_chat`."""

    def ask_keys(self, gid: bytes, context: bytes, *, removed: bool) -> None:
        """Answered by `use_keys`. context: call and secret, 48 bytes."""

    def watch(self, gid: bytes | None) -> None:
        """Tell `epoch` of this group's commits, and of no other's."""

    def keep(self, record: bytes | None, done: Callable[[], None]) -> None:
        """Keep the record of the call; `done` once it is durable. None forgets it."""

    def log(self, gid: bytes, log: SendLog) -> None:
        """Write the call into its chat."""

    def show(self, view: CallView) -> None:
        """The call looks so now."""

    def open_media(self, start: MediaStart, reports: Reports) -> CallMedia:
        """Prepare the media of a call."""

    def count_bad(self) -> None:
        """Something malformed or beyond a limit was dropped: counter `calls.bad_input`."""
