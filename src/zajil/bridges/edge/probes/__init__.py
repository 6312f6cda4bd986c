"""What a prober sees: the same probes to two servers, and every difference between their answers.

    places = make_places("bridge.example", "assets", random=os.urandom)
    probes = list_probes(places, silence_s=10.0)
    found = await compare(Target("192.0.2.7", 443, places.name), Target("192.0.2.8", 443, places.name), probes)

Used by `zajil bridge check`, by the tests of the edges, and by the censor lab.
"""

from zajil.bridges.edge.probes.catalogue import Places, Probe, list_probes
from zajil.bridges.edge.probes.compare import (
    TIMED,
    Difference,
    Observation,
    Timing,
    compare,
    differences,
    make_places,
    measure,
    observe,
    spend,
)
from zajil.bridges.edge.probes.wire import Close, Ending, Target, Tls

__all__ = [
    "TIMED",
    "Close",
    "Difference",
    "Ending",
    "Observation",
    "Places",
    "Probe",
    "Target",
    "Timing",
    "Tls",
    "compare",
    "differences",
    "list_probes",
    "make_places",
    "measure",
    "observe",
    "spend",
]
