"""Which connection carries a device's sessions and calls, from moment to moment.

`Race` runs the dialer; `Link` keeps one session attached; `RaceCaller` makes control calls on the way that was found.
"""

from zajil.transports.race.calling import RaceCaller
from zajil.transports.race.link import Link
from zajil.transports.race.race import Race

__all__ = ["Link", "Race", "RaceCaller"]
