"""How fast a device dials in segments: connections that come in a row are counted by censors. Pure."""

from __future__ import annotations

from typing import Final

GAP_S: Final = 0.5
CLEAN_GAP_S: Final = 0.25
CLEAN_DIALS: Final = 20
GAP_MOST_S: Final = 4.0
CARRIERS: Final = 2
"""Most segmented carriers at one time, over all sessions of the device."""


class Pace:
    """One for all sessions of a device. Who dials in segments asks `may_dial`, and tells how it went."""

    def __init__(self) -> None:
        self.open = 0
        """Segmented carriers that are open or on their way."""
        self.ready_at = 0.0
        """When the next dial may begin."""
        self._gap_s = GAP_S
        self._clean = 0

    def may_dial(self, now: float) -> bool:
        """Whether a segmented carrier may be dialled now; with two open one must go first."""
        return now >= self.ready_at and self.open < CARRIERS

    def started(self, now: float) -> None:
        """A dial begins; `ended` follows when it failed or its carrier is gone."""
        self.open += 1
        self.ready_at = now + self._gap_s

    def usable(self) -> None:
        """The dial succeeded."""
        self._clean += 1
        self._gap_s = CLEAN_GAP_S if self._clean >= CLEAN_DIALS else GAP_S

    def failed(self, now: float) -> None:
        """The dial failed."""
        self._clean = 0
        self._gap_s = min(GAP_MOST_S, 2 * max(self._gap_s, GAP_S))
        self.ready_at = max(self.ready_at, now + self._gap_s)

    def ended(self) -> None:
        """The carrier, or the dial, is gone."""
        self.open -= 1
