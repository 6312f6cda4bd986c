"""The calls of one device: a machine for each chat, one call at a time, and who is told what.

    signals of the core -> the machine of their chat -> signals out, links opened and closed, the record, the view
    reports of the media -> signals out, and the machine

A signal is judged by the roster of its epoch: at rest the chat is asked for first, and in a call an epoch's members and
keys come before any signal that followed it. Pure but for its ports, which is where keys, time and chance come from.
Source: docs/protocol/calls.md; the machine is `zajil.protocol.calls.machine`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from zajil.client.calls.current import CurrentCall
from zajil.client.calls.ports import ChatFacts, EpochKeys, LinkSignal, Ports
from zajil.client.calls.record import Kept, UsedNumbers, parse_kept
from zajil.client.calls.showing import CallView, Scene, make_view
from zajil.protocol import cbor
from zajil.protocol.calls import actions as ac
from zajil.protocol.calls import events as ev
from zajil.protocol.calls import limits
from zajil.protocol.calls import signals as sg
from zajil.protocol.calls.machine import step
from zajil.protocol.calls.sdp import hide_addresses, hide_candidate
from zajil.protocol.calls.state import CallState, next_deadline
from zajil.protocol.errors import Malformed, error

Work: TypeAlias = Callable[[], None]
WAITING_MOST = 64


@dataclass(slots=True)
class Chat:
    """A chat and its machine. ready: its roster is that of now. waiting: what needs it."""

    gid: bytes
    state: CallState | None = None
    heard: bool = False
    trusted: bool = False
    ready: bool = False
    asked: bool = False
    waiting: list[Work] = field(default_factory=list)
    began_at: int = 0
    outgoing: bool = False
    view: CallView | None = None

    @property
    def rests(self) -> bool:
        """Whether it has no call on this device."""
        return self.state is None or self.state.phase in ("idle", "ended")


class CallSession:
    """One for a device. hide_address: use relays alone, whoever calls."""

    def __init__(self, ports: Ports, *, hide_address: bool = False) -> None:
        self.hide_address = hide_address
        self._ports = ports
        self._chats: dict[bytes, Chat] = {}
        self._current: CurrentCall | None = None
        self._returning: Kept | None = None
        self._used = UsedNumbers()
        self._events: deque[tuple[Chat, ev.Event]] = deque()
        self._after: deque[Work] = deque()
        self._telling = False
        self._wakes_at: int | None = None

    # -- what the person does
    def dial(self, gid: bytes, kind: sg.Kind) -> None:
        """Call the members of a chat, or join their call. Raises LocalProtocolError while there is another call.

        A call that comes before this one began stays, and is shown again.
        """
        if self.busy:
            raise error("wrong-call", "one call at a time")
        call, secret = self._ports.random(limits.CALL_BYTES), self._ports.random(limits.SECRET_BYTES)
        chat = self._chat(gid)

        def begin() -> None:
            live = self._live
            if live is None:
                self._tell(chat, ev.Dial(kind, call, secret))
            elif live.view is not None:
                self._ports.show(live.view)

        self._when_ready(chat, begin)

    @property
    def busy(self) -> bool:
        """Whether there is a call, or one rings."""
        return self._live is not None

    def accept(self, kind: sg.Kind) -> None:
        """Answer the call that rings."""
        for chat in self._chats.values():
            # The person may have chosen since it began to ring; a link that is open stays as it was opened.
            if chat.state is not None and chat.state.phase == "incoming":
                self._apply_policy(chat)
        self._tell_live(ev.AcceptCall(kind))

    def decline(self) -> None:
        """Do not answer it."""
        self._tell_live(ev.DeclineCall())

    def hang_up(self) -> None:
        """End the own part of the call."""
        self._tell_live(ev.Hangup())

    def set_media(self, *, mic: bool, cam: bool) -> None:
        """What this device sends from now on."""
        self._tell_live(ev.SetMedia(mic, cam))

    def fail(self, gid: bytes, why: str) -> None:
        """The device cannot take part: `permission-denied`, `unsupported`. Ends the call, or shows why none began."""
        chat = self._chat(gid)
        self._when_ready(chat, lambda: self._tell(chat, ev.Fail(why)))

    # -- a reload
    def restore(self, record: bytes | None) -> bool:
        """Whether there is a call to return to, in what an earlier session kept. Otherwise it is forgotten."""
        self._returning = None if record is None else parse_kept(record)
        if self._returning is not None:
            self._used.note(self._returning.record.call, self._returning.next_ctx)
        if self._returning is not None and self._age(self._returning) <= limits.RECONNECT_MS:
            return True
        self._returning = None
        if record is not None:
            self._ports.keep(None, lambda: None)
        return False

    def return_to_call(self) -> None:
        """Go on with the call that `restore` found."""
        kept = self._returning
        if kept is None:
            return
        chat = self._chat(kept.gid)
        self._when_ready(chat, lambda: self._return(chat, kept))

    def _return(self, chat: Chat, kept: Kept) -> None:
        if chat.rests:
            self._apply_policy(chat)
        self._tell(chat, ev.Restored(kept.record, self._age(kept)))
        self._returning = None
        if chat.rests:
            self._ports.keep(None, lambda: None)
            return
        for leaf in kept.record.leaves:
            # Nothing of what this device received before the reload reaches it any more.
            self._send(chat, sg.Lost(kept.record.call, leaf, 0))

    def _age(self, kept: Kept) -> int:
        return self._ports.now_ms() - kept.last_seen

    # -- what the core tells
    def hear(self, gid: bytes, leaf: int, account: bytes, *, age_ms: int, fields: Mapping[str, cbor.Parsed]) -> None:
        """A signal of another device. age_ms: by the server's clock."""
        signal = sg.parse_signal(fields)
        if signal is None:
            self._ports.count_bad()
            return
        at, chat = self._ports.now_ms(), self._chat(gid)

        def take() -> None:
            waited = self._ports.now_ms() - at
            self._take(chat, ev.Received(signal, leaf, account, age_ms + waited, chat.heard, self._is_busy(chat)))

        self._when_ready(chat, take)

    def use_chat(self, gid: bytes, facts: ChatFacts | None) -> None:
        """The answer to `ask_chat`; None: there is no such chat, or this device is not in it."""
        chat = self._chat(gid)
        chat.asked = False
        if facts is None:
            chat.waiting.clear()
            self._tell_removed(chat)
            return
        chat.heard, chat.trusted = facts.heard, facts.trusted
        if chat.state is None:
            chat.state = CallState(facts.me, facts.members, facts.group)
        if chat.rests:
            self._apply_policy(chat)
        self._tell(chat, ev.Roster(facts.epoch, facts.members, facts.me))
        self._be_ready(chat)

    def epoch(self, gid: bytes, *, removed: bool) -> None:
        """A commit of the group. Its roster is asked for, and what follows it waits."""
        chat = self._chats.get(gid)
        if chat is None or chat.rests:
            return
        chat.ready = False
        current = self._current
        if current is not None and current.gid == gid:
            self._ports.ask_keys(gid, _context_of(current.record), removed=removed)
        else:
            self._ask(chat)

    def use_keys(self, gid: bytes, keys: EpochKeys | None, *, removed: bool, context: bytes) -> None:
        """The answer to `ask_keys`, with its context; None: this device is not in the group any more."""
        chat, current = self._chat(gid), self._current
        if keys is None or chat.state is None:
            self._tell_removed(chat)
            return
        if current is not None and current.gid == gid and _context_of(current.record) != context:
            # Asked for by the call before this one, whose own answer is on its way.
            return
        me = ev.Member(keys.leaf, chat.state.me.account)
        # Who was removed is out before the new key is used.
        self._tell(chat, ev.Roster(keys.epoch, keys.members, me))
        if current is not None and current is self._current and current.gid == gid:
            current.use_key(keys, removed=removed)
        self._be_ready(chat)

    def note_moved(self) -> None:
        """This device is in another network; the media hears of it itself."""
        if self._current is not None:
            self._current.note_moved()

    def tick(self) -> None:
        """Time passed; called at `wake_at`."""
        self._wakes_at = None
        for chat in list(self._chats.values()):
            self._tell(chat, ev.Tick())
        if self._current is not None:
            self._current.touch(self._ports.now_ms())
        self._plan()

    # -- chats
    def _chat(self, gid: bytes) -> Chat:
        return self._chats.setdefault(gid, Chat(gid))

    def _when_ready(self, chat: Chat, work: Work) -> None:
        """With the roster of now: at once in a call, whose group is watched; else the chat is asked for."""
        if chat.ready:
            work()
        elif len(chat.waiting) < WAITING_MOST:
            chat.waiting.append(work)
            if chat.rests:
                self._ask(chat)
        else:
            self._ports.count_bad()

    def _ask(self, chat: Chat) -> None:
        if not chat.asked:
            chat.asked = True
            self._ports.ask_chat(chat.gid)

    def _be_ready(self, chat: Chat) -> None:
        """What waited for the roster happens, in its order."""
        chat.ready = True
        while chat.waiting and chat.ready:
            chat.waiting.pop(0)()
        # At rest nobody tells of new epochs: the next signal asks again.
        chat.ready = chat.ready and not chat.rests
        if chat.waiting and not chat.ready and chat.rests:
            self._ask(chat)

    def _apply_policy(self, chat: Chat) -> None:
        """Relays alone in groups, with strangers, and for who hides the address."""
        if chat.state is not None:
            relay_only = chat.state.group or self.hide_address or not chat.trusted
            chat.state = replace(chat.state, relay_only=relay_only)

    def _is_busy(self, chat: Chat) -> bool:
        return any(not one.rests for one in self._chats.values() if one is not chat)

    @property
    def _live(self) -> Chat | None:
        """The chat that has a call."""
        return next((chat for chat in self._chats.values() if not chat.rests), None)

    def _tell_live(self, event: ev.Event) -> None:
        chat = self._live
        if chat is not None:
            self._tell(chat, event)

    def _tell_removed(self, chat: Chat) -> None:
        if chat.state is not None:
            self._tell(chat, ev.Roster(0, (), None))

    # -- the machine
    def _take(self, chat: Chat, event: ev.Received) -> None:
        current, signal = self._current, event.signal
        ours = current is not None and current.gid == chat.gid and current.record.call == signal.call
        if ours and current is not None and not current.admits(event.leaf, signal):
            self._ports.count_bad()
            return
        self._tell(chat, event)
        state, current = chat.state, self._current
        if current is None or state is None or current.record.call != signal.call:
            return
        known = state.find_peer(event.leaf)
        if isinstance(signal, LinkSignal) and signal.to == state.me.leaf and known and known.account == event.account:
            current.hear(event.leaf, signal)

    def _tell(self, chat: Chat, event: ev.Event) -> None:
        """One event after the other, also where one of them makes the media report at once."""
        self._events.append((chat, event))
        if self._telling:
            return
        self._telling = True
        try:
            while self._events:
                self._step(*self._events.popleft())
        finally:
            self._telling = False
        # What may be answered at once is asked when nothing is half done.
        while self._after:
            self._after.popleft()()
        self._plan()

    def _step(self, chat: Chat, event: ev.Event) -> None:
        before = chat.state
        if before is None:
            return
        rested = chat.rests
        chat.state, actions = step(before, event, self._ports.now_ms())
        if rested and not chat.rests:
            chat.began_at = self._ports.now_ms()
            chat.outgoing = chat.state.caller or chat.state.phase == "connecting"
            self._ports.watch(chat.gid)
        for action in actions:
            self._carry_out(chat, action)
        if chat.rests and not rested:
            chat.ready = False
            self._ports.watch(None)
        if self._current is not None and self._current.gid == chat.gid:
            self._current.set_media(chat.state.mic, chat.state.cam)
        self._show(chat)

    def _carry_out(self, chat: Chat, action: ac.Action) -> None:
        match action:
            case ac.Persist():
                self._persist(chat, action.record)
            case ac.Send():
                self._send(chat, action.signal)
            case ac.SendLog():
                self._ports.log(chat.gid, action)
            case ac.OpenLink() if self._current is not None:
                self._current.open_link(action.leaf)
            case ac.CloseLink() if self._current is not None:
                self._current.close_link(action.leaf)

    def _persist(self, chat: Chat, record: ev.Record | None) -> None:
        current = self._current
        if current is not None and (record is None or record.call != current.record.call):
            self._used.note(current.record.call, current.numbers.reserved)
            current.close()
            self._current = None
        if record is None:
            self._ports.keep(None, lambda: None)
            return
        if self._current is None:
            self._current = self._begin(chat, record)
            context = _context_of(record)
            self._after.append(lambda: self._ports.ask_keys(chat.gid, context, removed=False))
        self._current.record = record
        self._current.keep()

    def _begin(self, chat: Chat, record: ev.Record) -> CurrentCall:
        numbers = self._used.begin(record.call, self._ports.random)
        numbers.reserve()
        if chat.state is None:
            raise error("wrong-call", "a call without a chat")
        return CurrentCall(
            self._ports,
            chat.gid,
            record=record,
            state=chat.state,
            numbers=numbers,
            tell=lambda event: self._tell(chat, event),
            send=lambda signal: self._send(chat, signal),
        )

    # -- what goes out
    def _send(self, chat: Chat, signal: sg.Signal) -> None:
        current = self._current
        if current is not None and current.record.call == signal.call and not current.may_send(signal):
            self._ports.count_bad()
            return
        hidden = chat.state is not None and chat.state.relay_only
        try:
            fields = sg.encode_signal(_without_addresses(signal) if hidden else signal)
        except Malformed:
            # Media of ours made what no peer would take, or what the policy hides.
            self._ports.count_bad()
            return
        self._ports.seal(chat.gid, fields, ttl_s=sg.ttl_of(signal), wake=sg.wakes(signal))

    def _show(self, chat: Chat) -> None:
        state, current = chat.state, self._current
        if state is None or (state.phase == "idle" and chat.view is None):
            return
        ours = current is not None and current.gid == chat.gid
        scene = Scene(chat.gid, chat.began_at, chat.outgoing, links={}, shut=frozenset(), moved=False)
        if current is not None and ours:
            shut = frozenset(current.shut)
            scene = replace(scene, links=current.links, shut=shut, moved=current.moved)
        view = make_view(state, scene)
        if view == chat.view:
            return
        # The end of a call is told once: what changes about its chat later is no news of it.
        before, chat.view = chat.view, view
        if before is not None and before.phase == view.phase == "ended" and before.call == view.call:
            return
        # What another chat refused meanwhile is not what the person looks at, nor the end of the call there is.
        if not (chat.rests and self._is_busy(chat)):
            self._ports.show(view)

    def _plan(self) -> None:
        """When time alone has something to do."""
        times = [next_deadline(chat.state) for chat in self._chats.values() if chat.state is not None]
        if self._current is not None:
            times.append(self._current.due_at)
        at = min((time for time in times if time is not None), default=None)
        if at != self._wakes_at:
            self._wakes_at = at
            self._ports.wake_at(at)


def _context_of(record: ev.Record) -> bytes:
    """What the keys of a call are derived for: 48 bytes."""
    return record.call + record.secret


def _without_addresses(signal: sg.Signal) -> sg.Signal:
    """Under the relay policy. Raises Malformed for an address that is no relay's."""
    match signal:
        case sg.Desc():
            return replace(signal, sdp=hide_addresses(signal.sdp))
        case sg.Cand():
            return replace(signal, cands=tuple(hide_candidate(one) for one in signal.cands))
    return signal
