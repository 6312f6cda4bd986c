"""What a device remembers of the networks it was on: winners, proofs, freeze marks, private bridges tried, calls.

32 networks of 8 candidates each, for 30 days; the least recently used goes. Times are Unix seconds. The client keeps
the encoded form encrypted; what does not parse counts as nothing remembered. Failures live in the dialer, in RAM only.
"""

from __future__ import annotations

from typing import Final

import msgspec

from zajil.protocol.calls.ladder import KINDS, Kind

NETWORKS: Final = 32
CANDIDATES: Final = 8
KEPT_S: Final = 30 * 86_400.0
PROOF_S: Final = 86_400.0
"""A proof this young on this network needs no echo."""
SEGMENTED_S: Final = 86_400.0
MARK_S: Final = 600.0
"""Two marks within this time: segmented for a day."""
PRIVATE_A_DAY: Final = 3


class Known(msgspec.Struct, omit_defaults=True):
    """One candidate on one network.

    won_at, proved_at: the last win and the last whole echo. last_ok: when it last carried. marks, marked_at: signs that
    connections freeze after some kilobytes. segmented_until: until then it is used in segments.
    """

    won_at: float = 0.0
    proved_at: float = 0.0
    last_ok: float = 0.0
    marks: int = 0
    marked_at: float = 0.0
    segmented_until: float = 0.0

    @property
    def used_at(self) -> float:
        """The newest thing known of it."""
        return max(self.won_at, self.last_ok, self.marked_at)

    def proved(self, now: float) -> bool:
        """Whether its last echo still counts."""
        return not self.marks and self.proved_at > 0 and now < self.proved_at + PROOF_S

    def segmented(self, now: float) -> bool:
        """Whether it is to be used in segments."""
        return now < self.segmented_until

    def mark(self, weight: int, now: float) -> None:
        """A sign of freezing: 1 for a stall, 2 for an echo that stopped. Two in 10 minutes: segments for a day."""
        self.marks = weight + (self.marks if now < self.marked_at + MARK_S else 0)
        self.marked_at = now
        self.proved_at = 0.0
        if self.marks >= 2:
            self.segmented_until = now + SEGMENTED_S

    def prove(self, now: float) -> None:
        """A whole echo came back: whatever was suspected is over."""
        self.proved_at, self.marks, self.segmented_until = now, 0, 0.0


class Network(msgspec.Struct, omit_defaults=True):
    """One network. private: ids of the private endpoints tried on `private_day` (days since 1970).

    rung, rung_at: the kind of attempt that carried a call last (see `zajil.protocol.calls.ladder`), and when.
    """

    used_at: float = 0.0
    private_day: int = 0
    private: list[str] = []
    known: dict[str, Known] = {}
    rung: str = ""
    rung_at: float = 0.0

    def find(self, candidate: str) -> Known:
        """What is known of a candidate; a blank that is not kept where nothing is."""
        return self.known.get(candidate) or Known()

    def keep(self, candidate: str) -> Known:
        """What is known of a candidate, kept from now on; the least recently used makes room."""
        if candidate not in self.known and len(self.known) >= CANDIDATES:
            del self.known[min(self.known, key=lambda one: (self.known[one].used_at, one))]
        return self.known.setdefault(candidate, Known())

    def winners(self) -> list[str]:
        """Candidates that won here, the last winner first."""
        won = [one for one, known in self.known.items() if known.won_at]
        return sorted(won, key=lambda one: -self.known[one].won_at)

    def private_tried(self, now: float) -> list[str]:
        """The private endpoints that were tried today."""
        return self.private if self.private_day == int(now // 86_400) else []

    def note_private(self, endpoint: str, now: float) -> None:
        """It is being tried."""
        if self.private_day != int(now // 86_400):
            self.private_day, self.private = int(now // 86_400), []
        if endpoint not in self.private:
            self.private.append(endpoint)

    def find_rung(self, now: float) -> Kind | None:
        """What carried a call here last, if that is not too long ago."""
        return next((kind for kind in KINDS if kind == self.rung and now < self.rung_at + KEPT_S), None)

    def keep_rung(self, kind: Kind, now: float) -> None:
        """It carries a call."""
        self.rung, self.rung_at = kind, now

    def forget(self) -> None:
        """Nothing is known of it any more; which private bridges were tried today still counts."""
        self.known.clear()
        self.rung, self.rung_at = "", 0.0

    def doubt(self) -> None:
        """Proofs of this network count no more."""
        for known in self.known.values():
            known.proved_at = 0.0


class Memory(msgspec.Struct):
    """All networks by key."""

    networks: dict[str, Network] = {}

    def network(self, key: str, now: float) -> Network:
        """The network of this key, used now. What is too old or one too many is forgotten."""
        for other, network in list(self.networks.items()):
            network.known = {one: known for one, known in network.known.items() if now < known.used_at + KEPT_S}
            if now >= network.used_at + KEPT_S:
                del self.networks[other]
        found = self.networks.setdefault(key, Network())
        found.used_at = now
        if len(self.networks) > NETWORKS:
            others = [one for one in self.networks if one != key]
            del self.networks[min(others, key=lambda one: (self.networks[one].used_at, one))]
        return found


def encode_memory(memory: Memory) -> bytes:
    """The form to store: JSON, the same in both languages."""
    return msgspec.json.encode(memory)


def parse_memory(data: bytes) -> Memory:
    """What was stored; an empty memory where it cannot be read."""
    try:
        return msgspec.json.decode(data, type=Memory)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Memory()
