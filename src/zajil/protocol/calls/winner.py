"""Which kind of attempt a network is remembered by: one that has carried for 3 s on end. Pure."""

from __future__ import annotations

from zajil.protocol.calls.ladder import STEADY_MS, Kind, Ladder


class Winner:
    """Watches the ladder of one link."""

    def __init__(self) -> None:
        self._number = 0
        self._since_ms = 0
        self._told = False

    def watch(self, ladder: Ladder, now_ms: int) -> Kind | None:
        """What to remember now: once for each time that an attempt carries so long. Called again and again."""
        carrying = next((one for one in ladder.attempts if one.stage == "carrying"), None)
        number = 0 if carrying is None else carrying.number
        if number != self._number:
            self._number, self._since_ms, self._told = number, now_ms, False
        if carrying is None or self._told or now_ms - self._since_ms < STEADY_MS:
            return None
        self._told = True
        return carrying.kind

    def move(self) -> None:
        """This device is in another network: what carries has to show itself anew."""
        self._number = 0
