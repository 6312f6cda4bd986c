"""The links of one call: what we send to each peer, what we hear of it, and the way up and down the rungs.

    open_link    -> the ladder of `zajil.protocol.calls.ladder` starts attempts of kind A (direct or a relay over UDP)
                    and B (a relay over TLS or TCP), by WebRTC, and of kind C (the media room), see `rooming`
    Got(pc)      -> that attempt carries: it gets the real sound, the others are closed
    Lost(pc)     -> a new round; the old attempt stays for a while, it may come back
    a first frame of an attempt opens -> Got(pc) to its sender; none for 600 ms -> Lost(pc), up to
                    three times; again one -> Got(pc)

A link is up while the peer has told us `got` and we have told it. Real sound flows after `got` alone, so nothing of a
person leaves before both ends have proved that they seal. Whatever left unsealed closes every connection at once and
raises the alarm. 25 frames in a row that nobody we know sealed close the link to who sent them, and no other.
Source: docs/protocol/call-media.md (fail-closed rules, routes).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from zajil.client.calls.keys import KeyRing
from zajil.client.calls.media.attempts import UNPROVEN_MS, WRONG_IN_A_ROW, Hears, Incoming, Outgoing, batches
from zajil.client.calls.media.peers import Counts, Peer, decide_kinds, decide_route
from zajil.client.calls.media.rooming import RoomHears, Rooming, RoomMeans, RoomSends, find_awaited
from zajil.client.calls.media.rtc import BadDescription, HearingPeer, Relay, SendingPeer
from zajil.client.calls.media.sound import LOUD, Sink, Source, Switch, find_level
from zajil.client.calls.media.steps import Steps
from zajil.client.calls.media.voice import BIT_RATE, BIT_RATE_TCP, LOSS_PCT, HeardVoice, SealedVoice
from zajil.client.calls.ports import LinkSignal, Reports
from zajil.client.calls.way import Network, OpenMedia
from zajil.protocol.calls import ladder
from zajil.protocol.calls.limits import ATTEMPTS, OFFER_AGAIN_MS, OFFERS_AGAIN
from zajil.protocol.calls.sdp import hide_addresses, hide_candidate
from zajil.protocol.calls.signals import Cand, Desc, Got, Lost, Room
from zajil.protocol.errors import Malformed

TICK_S: Final = 0.1
_WATCH_TICKS = 5
_MEASURE_TICKS = 10
_LOSSES = 3
"""So often one is told, 2 s apart."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Means:
    """What the links of a call work with.

    call: 16 bytes. leaf: our own. next_pc: the number of a new attempt, never given twice in this call, with the one
    after it free (the record of the call is written before it is used). relays: the servers there are, best first,
    fresh credentials. sound: what a peer gets to hear, and what hears it. now_ms: the ring's clock. open_media: a
    connection to the call's room; None: there is none. carries_media: whether the way to the server can carry one.
    network: what is remembered of it; None: nothing is.
    """

    call: bytes
    leaf: int
    ring: KeyRing
    next_pc: Callable[[], int]
    relays: Callable[[], Awaitable[Sequence[Relay]]]
    sound: Callable[[int], tuple[Source, Sink]]
    now_ms: Callable[[], int]
    open_media: OpenMedia | None = None
    carries_media: Callable[[], bool] = lambda: True
    network: Network | None = None


class Links:
    """The media of one call. Make it in the loop that it lives in; `close` it."""

    def __init__(self, means: Means, reports: Reports) -> None:
        self._means, self._reports = means, reports
        self._peers: dict[int, Peer] = {}
        self._steps = Steps()
        self._ticks = 0
        self._watch: asyncio.Task[None] | None = None
        self._over = False
        self._mic = True
        self._bit_rate = BIT_RATE
        self._rooming = None if means.open_media is None else self._make_rooming(means.open_media)
        self.bad_input = 0
        """Signals and descriptions that were dropped."""
        self.alarms = 0
        """Links that were closed for what came over them, and one where anything left unsealed."""

    def _make_rooming(self, open_media: OpenMedia) -> Rooming:
        means = self._means
        return Rooming(
            RoomMeans(
                leaf=means.leaf,
                ring=means.ring,
                next_pc=means.next_pc,
                open_media=open_media,
                now_ms=means.now_ms,
                peers=self._peers,
                tell=lambda leaf, pc: self._reports.local_signal(Room(means.call, leaf, pc)),
                heard=self._note_heard,
                play=self._play,
                alarm=lambda: self._alarm(means.leaf),
                close=lambda room: self._steps.spawn_closing(room.close()),
            )
        )

    # -- what the session asks for

    def open_link(self, leaf: int, *, relay_only: bool) -> None:
        """Bring up a link to this leaf, and take its own. A second call changes nothing."""
        if self._over or leaf in self._peers:
            return
        source, sink = self._means.sound(leaf)
        self._peers[leaf] = peer = Peer(leaf, relay_only, Switch(source), sink, self._means.now_ms())
        peer.source.on = self._mic
        self._steps.spawn(self._begin(peer))
        if self._watch is None:
            self._watch = asyncio.get_running_loop().create_task(self._keep_watch())
            self._watch.add_done_callback(self._note_watch_end)

    def close_link(self, leaf: int) -> None:
        """Nothing more to or from this leaf."""
        peer = self._peers.pop(leaf, None)
        if peer is not None:
            self._close_all(peer)
            if self._rooming is not None and not self._over:
                self._rooming.watch()

    def hear(self, leaf: int, signal: LinkSignal) -> None:
        """A signal of that leaf, which is meant for us. Of one without a link it is dropped and counted."""
        peer = self._peers.get(leaf)
        if peer is None:
            self.bad_input += 1
            return
        match signal:
            case Desc(role="offer"):
                self._take_offer(peer, signal)
            case Desc():
                self._take_answer(peer, signal)
            case Cand():
                self._take_candidates(peer, signal)
            case Room():
                heard = self._rooming is not None and self._rooming.listen(peer, signal.pc)
                self.bad_input += not heard
            case Got():
                self._take_got(peer, signal.pc)
            case Lost():
                self._take_lost(peer, signal.pc)

    def set_mic(self, *, on: bool) -> None:
        """Whether peers hear our sound, or silence."""
        self._mic = on
        for peer in self._peers.values():
            peer.source.on = on

    def limit_bit_rate(self, bit_rate: int) -> None:
        """Send sound at no more than this."""
        self._bit_rate = bit_rate
        for peer in self._peers.values():
            for attempt in peer.outgoing.values():
                attempt.set_bit_rate(min(bit_rate, attempt.bit_rate))

    def shut(self) -> None:
        """Nothing is sent or heard from now on; what has to be said to the network is said in the background."""
        self._over = True
        if self._rooming is not None:
            self._rooming.leave()
        for leaf in list(self._peers):
            self.close_link(leaf)

    async def close(self) -> None:
        """`shut`, and wait until every connection is closed."""
        self.shut()
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait({self._watch})
        await self._steps.end()

    def counts(self) -> dict[str, Counts]:
        """What went and came, per link, without a name or an address."""
        links: list[Counts] = [peer.counts() for _, peer in sorted(self._peers.items())]
        return {"links": links, "bad_input": self.bad_input, "alarms": self.alarms}

    # -- sending

    async def _begin(self, peer: Peer) -> None:
        relays = await self._means.relays()
        if self._peers.get(peer.leaf) is peer:
            peer.begun = True
            self._climb(peer, ladder.Open(self._find_kinds(peer, relays), self._find_remembered()))

    def network_changed(self) -> None:
        """This device is in another network: every link begins a round there."""
        if self._rooming is not None:
            self._rooming.renew()
        for peer in self._peers.values():
            peer.winner.move()
            self._steps.spawn(self._move(peer))

    async def _move(self, peer: Peer) -> None:
        relays = await self._means.relays()
        if self._peers.get(peer.leaf) is peer and peer.begun:
            self._climb(peer, ladder.Moved(self._find_kinds(peer, relays), self._find_remembered()))

    def _find_kinds(self, peer: Peer, relays: Sequence[Relay]) -> tuple[ladder.Kind, ...]:
        room = self._rooming is not None and self._means.carries_media()
        return decide_kinds(relays, relay_only=peer.relay_only, room=room)

    def _find_remembered(self) -> ladder.Kind | None:
        return None if self._means.network is None else self._means.network.remembered()

    def _climb(self, peer: Peer, event: ladder.Event) -> None:
        """Tell the ladder, and do what it says."""
        peer.ladder, actions = ladder.step(peer.ladder, event, self._means.now_ms())
        for action in actions:
            match action:
                case ladder.Start() if action.kind == "C" and self._rooming is not None:
                    self._rooming.start(peer, action.attempt, bit_rate=min(BIT_RATE_TCP, self._bit_rate))
                case ladder.Start():
                    self._steps.spawn(self._start(peer, action))
                case ladder.Stop():
                    self._drop_outgoing(peer, action.attempt)
                case ladder.Carry():
                    for one in peer.outgoing.values():
                        one.open_to(peer.source if one.number == action.attempt else None)
                case ladder.NoRoute():
                    self._reports.no_route(peer.leaf)
        self._tell_state(peer)

    async def _start(self, peer: Peer, start: ladder.Start) -> None:
        relays = await self._means.relays()
        if self._peers.get(peer.leaf) is not peer or not peer.wants(start.attempt):
            return
        route = decide_route(start.kind, relays, relay_only=peer.relay_only)
        if route is None:
            self._climb(peer, ladder.Failed(start.attempt))
            return
        bit_rate, loss_pct = (BIT_RATE, LOSS_PCT) if start.kind == "A" else (BIT_RATE_TCP, 0)
        voice = SealedVoice(
            self._means.ring.sender(pc := self._means.next_pc(), self._means.leaf),
            now_ms=self._means.now_ms,
            bit_rate=min(bit_rate, self._bit_rate),
            loss_pct=loss_pct,
        )
        sending = SendingPeer(
            voice,
            route,
            alarm=lambda: self._alarm(peer.leaf),
            spent=lambda: self._climb(peer, ladder.Failed(start.attempt)),
        )
        attempt = peer.outgoing[pc] = Outgoing(pc, sending, number=start.attempt, now_ms=self._means.now_ms())
        attempt.relayed = route.relay_only
        attempt.bit_rate = bit_rate
        await self._offer(peer, attempt)
        if start.kind == "A" and attempt.has_candidates(" typ relay"):
            peer.udp_answers.set()

    async def _offer(self, peer: Peer, attempt: Outgoing) -> None:
        await attempt.offer()
        if attempt.offered is None or attempt.closed:
            return
        if not attempt.has_candidates():
            # The relay did not answer: the next one has its turn at once.
            self._climb(peer, ladder.Failed(attempt.number))
        else:
            self._describe(peer, attempt.pc, "offer", attempt.offered)
            attempt.offers, attempt.offered_ms = 1, self._means.now_ms()

    def _describe(self, peer: Peer, pc: int, role: str, description: tuple[str, list[str]]) -> None:
        """Send our description. Under the relay policy one that would show an address is not sent at all."""
        text, rest = description
        try:
            if peer.relay_only:
                text, rest = hide_addresses(text), [hide_candidate(one) for one in rest]
        except Malformed:
            self.bad_input += 1
            return
        call, leaf = self._means.call, peer.leaf
        self._reports.local_signal(Desc(call, leaf, pc, "offer" if role == "offer" else "answer", text))
        for candidates, done in batches(rest):
            self._reports.local_signal(Cand(call, leaf, pc, candidates, done))

    def _take_answer(self, peer: Peer, signal: Desc) -> None:
        attempt = peer.outgoing.get(signal.pc)
        if not isinstance(attempt, Outgoing):
            self.bad_input += 1
            return
        self._steps.spawn(self._bounded(attempt.take_answer(signal.sdp)))

    def _take_got(self, peer: Peer, pc: int) -> None:
        """It must have sealed something itself: a `got` out of nowhere opens no microphone."""
        attempt = peer.outgoing.get(pc)
        if attempt is None or attempt.is_dead() or attempt.sealed == 0:
            self.bad_input += 1
            return
        if isinstance(attempt, RoomSends):
            attempt.answered = True
        self._climb(peer, ladder.Got(attempt.number))

    def _take_lost(self, peer: Peer, pc: int) -> None:
        """pc 0: the peer begins anew, and nothing of before reaches it."""
        if pc == 0:
            for one in sorted(peer.outgoing.values(), key=lambda one: one is not peer.carrying):
                self._climb(peer, ladder.Failed(one.number))
        elif (attempt := peer.outgoing.get(pc)) is not None:
            self._climb(peer, ladder.Lost(attempt.number))

    def _drop_outgoing(self, peer: Peer, number: int) -> None:
        for one in list(peer.outgoing.values()):
            if one.number == number:
                del peer.outgoing[one.pc]
                self._steps.spawn_closing(one.close())

    # -- hearing

    def _take_offer(self, peer: Peer, signal: Desc) -> None:
        attempt = peer.incoming.get(signal.pc)
        if attempt is None and len(peer.incoming) < ATTEMPTS:
            attempt = peer.incoming[signal.pc] = self._listen(peer, signal.pc)
        if not isinstance(attempt, Incoming):
            self.bad_input += 1
            return
        self._steps.spawn(self._answer(peer, attempt, signal.sdp))

    def _listen(self, peer: Peer, pc: int) -> Incoming:
        loop = asyncio.get_running_loop()

        def hand_over(pcm: bytes, at: int) -> None:
            # In the decoder's thread, which may outlive the loop by a frame.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._take_sound, peer, pc, pcm, at)

        voice = HeardVoice(self._means.ring.receiver(peer.leaf, pc), now_ms=self._means.now_ms, hear=hand_over)
        return Incoming(pc, HearingPeer(voice), now_ms=self._means.now_ms())

    def _take_sound(self, peer: Peer, pc: int, pcm: bytes, at: int) -> None:
        """A frame of this attempt opened, and is due."""
        attempt = peer.incoming.get(pc)
        if attempt is None or self._peers.get(peer.leaf) is not peer:
            return
        if not attempt.proved:
            self._note_heard(peer, attempt)
        self._play(peer, attempt, pcm, at)

    def _play(self, peer: Peer, attempt: Hears, pcm: bytes, at: int) -> None:
        """One attempt is played; where its sender moved on, the next takes over."""
        if self._peers.get(peer.leaf) is not peer or peer.incoming.get(attempt.pc) is not attempt or not pcm:
            return
        now, loud = self._means.now_ms(), find_level(pcm) > LOUD
        if peer.takes_over(attempt, loud=loud, now_ms=now):
            peer.playing = attempt.pc
            peer.loud_ms = now if loud else peer.loud_ms
            peer.sink.write(pcm, at)

    async def _answer(self, peer: Peer, attempt: Incoming, offer: str) -> None:
        relays = await self._means.relays()
        await peer.wait_for_udp(relays)
        route = peer.decide_answering_route(relays)
        if route is None:
            self._drop_incoming(peer, attempt)
            return
        try:
            answer = await attempt.answer(offer, route)
        except BadDescription:
            self.bad_input += 1
            self._drop_incoming(peer, attempt)
            return
        if answer is not None:
            self._describe(peer, attempt.pc, "answer", answer)

    def _note_heard(self, peer: Peer, attempt: Hears) -> None:
        """Frames of this attempt open, for the first time or again."""
        attempt.proved, attempt.lost_ms, attempt.losses = True, None, 0
        self._reports.local_signal(Got(self._means.call, peer.leaf, attempt.pc))
        self._tell_state(peer)

    def _note_stalled(self, peer: Peer, attempt: Hears) -> None:
        """No frame of this attempt opened for 600 ms."""
        if isinstance(attempt, RoomHears) and self._rooming is not None and peer.playing == attempt.pc:
            self._rooming.doubt()
        attempt.proved, attempt.lost_ms = False, self._means.now_ms()
        self._say_lost(peer, attempt)
        peer.choose_playing()
        self._tell_state(peer)

    def _say_lost(self, peer: Peer, attempt: Hears) -> None:
        attempt.losses += 1
        self._reports.local_signal(Lost(self._means.call, peer.leaf, attempt.pc))

    def _say_lost_again(self, peer: Peer, now: int) -> None:
        """While nothing of the peer is heard: what we said of it may not have arrived."""
        if any(attempt.proved for attempt in peer.incoming.values()):
            return
        for attempt in peer.incoming.values():
            due = attempt.lost_ms is not None and now - attempt.lost_ms >= OFFER_AGAIN_MS * attempt.losses
            if due and 0 < attempt.losses < _LOSSES:
                self._say_lost(peer, attempt)

    def _drop_incoming(self, peer: Peer, attempt: Hears) -> None:
        peer.incoming.pop(attempt.pc, None)
        peer.choose_playing()
        self._steps.spawn_closing(attempt.close())

    # -- both

    def _take_candidates(self, peer: Peer, signal: Cand) -> None:
        attempt = peer.outgoing.get(signal.pc) or peer.incoming.get(signal.pc)
        if not isinstance(attempt, Outgoing | Incoming) or not attempt.room_for(signal.cands):
            self.bad_input += 1
            return
        self._steps.spawn(self._bounded(attempt.add_candidates(attempt.peer, signal.cands, done=signal.done)))

    async def _bounded(self, step: Awaitable[None]) -> None:
        """A step on what a peer wrote: what is bad in it is counted, and nothing else comes of it."""
        try:
            await step
        except BadDescription:
            self.bad_input += 1

    def _tell_state(self, peer: Peer) -> None:
        up = peer.is_proved()
        if up == peer.up:
            return
        peer.up = up
        if up:
            if peer.up_after_ms is None:
                peer.up_after_ms = self._means.now_ms() - peer.opened_ms
            self._reports.link_up(peer.leaf)
        else:
            peer.downs += 1
            self._reports.link_down(peer.leaf)

    def _alarm(self, leaf: int) -> None:
        """Close everything, then say why."""
        if self._over:
            return
        self.alarms += 1
        self.shut()
        self._reports.alarm(leaf)

    def _shut(self, leaf: int) -> None:
        """The fault of one device, which must not end what the others say to each other."""
        self.alarms += 1
        self.close_link(leaf)
        self._reports.unopened(leaf)

    def _close_all(self, peer: Peer) -> None:
        for outgoing in list(peer.outgoing.values()):
            self._drop_outgoing(peer, outgoing.number)
        for incoming in list(peer.incoming.values()):
            self._drop_incoming(peer, incoming)

    # -- the watch

    def _note_watch_end(self, watch: asyncio.Task[None]) -> None:
        """Where it failed nobody sees any more what leaves: then nothing does."""
        if not watch.cancelled() and (failure := watch.exception()) is not None:
            _log.error("the watch of a call failed: %s", type(failure).__name__)
            self._alarm(self._means.leaf)

    async def _keep_watch(self) -> None:
        while not self._over:
            await asyncio.sleep(TICK_S)
            self._ticks += 1
            if self._rooming is not None:
                self._rooming.watch()
            for peer in list(self._peers.values()):
                if self._peers.get(peer.leaf) is not peer:
                    # Closed meanwhile, with all others or alone: its ladder must not climb again.
                    continue
                self._watch_sending(peer)
                self._watch_hearing(peer)
                if self._ticks % _WATCH_TICKS == 0:
                    await self._compare_counts(peer)
                if self._ticks % _MEASURE_TICKS == 0 and self._peers.get(peer.leaf) is peer:
                    self._reports.measured(peer.leaf, peer.measure())

    def _watch_sending(self, peer: Peer) -> None:
        now = self._means.now_ms()
        for attempt in list(peer.outgoing.values()):
            if attempt.is_dead():
                self._climb(peer, ladder.Failed(attempt.number))
            elif isinstance(attempt, Outgoing):
                self._offer_again(peer, attempt, now)
                if attempt.is_barren(now):
                    self._climb(peer, ladder.Barren(attempt.number))
        due = ladder.next_deadline(peer.ladder)
        if due is not None and now >= due:
            self._climb(peer, ladder.Tick())
        if self._rooming is not None and ladder.is_room_near(peer.ladder, now):
            self._rooming.prepare()
        won = peer.winner.watch(peer.ladder, now)
        if won is not None and self._means.network is not None:
            self._means.network.remember(won)

    def _offer_again(self, peer: Peer, attempt: Outgoing, now: int) -> None:
        waited = now - attempt.offered_ms >= OFFER_AGAIN_MS
        if attempt.offered is not None and not attempt.described and waited and 0 < attempt.offers <= OFFERS_AGAIN:
            self._describe(peer, attempt.pc, "offer", attempt.offered)
            attempt.offers, attempt.offered_ms = attempt.offers + 1, now

    def _watch_hearing(self, peer: Peer) -> None:
        now = self._means.now_ms()
        awaited = find_awaited(peer)
        for attempt in list(peer.incoming.values()):
            if attempt.wrong_in_a_row >= WRONG_IN_A_ROW:
                self._shut(peer.leaf)
                return
            if attempt.proved and not attempt.hears(now):
                self._note_stalled(peer, attempt)
            elif attempt.is_deaf(now):
                self._note_stalled(peer, attempt)
                self._drop_incoming(peer, attempt)
            elif not attempt.proved and attempt is not awaited and now - attempt.quiet_since_ms >= UNPROVEN_MS:
                self._drop_incoming(peer, attempt)
        self._say_lost_again(peer, now)

    async def _compare_counts(self, peer: Peer) -> None:
        for attempt in list(peer.outgoing.values()):
            if await attempt.sends_in_clear():
                self._alarm(peer.leaf)
                return
