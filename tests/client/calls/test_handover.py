"""Which of a peer's attempts is listened to, and which kinds of attempts there are."""

from __future__ import annotations

import pytest
from tests.client.calls.pair import KEYS, now_ms

from zajil.client.calls.keys import KeyRing
from zajil.client.calls.media.peers import HANDOVER_MS, Peer, decide_kinds
from zajil.client.calls.media.rooming import RoomHears
from zajil.client.calls.media.roomvoice import Ear
from zajil.client.calls.media.rtc import Relay
from zajil.client.calls.media.sound import Nowhere, Silence, Switch
from zajil.protocol.calls.ladder import Kind

UDP = Relay("turn:h.example:3478?transport=udp", "u", "c")
TLS = Relay("turns:h.example:443?transport=tcp", "u", "c")


def heard(pc: int, *, at: int | None) -> RoomHears:
    ring = KeyRing()
    ring.add(1, KEYS[1], removed=False, now_ms=0)
    ear = Ear(ring.receiver(1), now_ms=now_ms, opened=lambda: None, hear=lambda pcm, place: None)
    ear.opened_at_ms = at
    return RoomHears(pc, ear, now_ms=0)


@pytest.mark.parametrize(
    ("last_heard", "last_loud", "loud", "expected"),
    [
        (None, 0, False, True),
        (1_000 - HANDOVER_MS, 1_000, False, True),
        (1_000 - HANDOVER_MS + 1, 1_000, True, False),
        (1_000, 1_000 - HANDOVER_MS, True, True),
        (1_000, 1_000 - HANDOVER_MS, False, False),
    ],
    ids=["it never spoke", "it stopped", "it speaks", "it is the silence of an attempt that does not carry", "both"],
)
def test_another_attempt_takes_over(last_heard: int | None, last_loud: int, loud: bool, expected: bool) -> None:
    peer = Peer(1, False, Switch(Silence()), Nowhere(), 0)
    one, other = heard(2, at=last_heard), heard(4, at=1_000)
    peer.incoming = {2: one, 4: other}
    assert peer.takes_over(one, loud=False, now_ms=1_000), "the first one"
    peer.playing, peer.loud_ms = 2, last_loud
    assert peer.takes_over(one, loud=False, now_ms=1_000)
    assert peer.takes_over(other, loud=loud, now_ms=1_000) is expected


@pytest.mark.parametrize(
    ("relays", "relay_only", "room", "kinds"),
    [
        ([UDP, TLS], False, True, ("A", "B", "C")),
        ([], True, True, ("C",)),
        ([], True, False, ()),
        ([TLS], True, True, ("B", "C")),
        ([], False, True, ("A", "C")),
    ],
)
def test_the_room_is_the_last_kind_and_needs_no_relay(
    relays: list[Relay], relay_only: bool, room: bool, kinds: tuple[Kind, ...]
) -> None:
    assert decide_kinds(relays, relay_only=relay_only, room=room) == kinds
