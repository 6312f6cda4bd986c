"""Bridge against twin, from where it runs: `python -m tests.censor.programs.differ`, with a JSON object on its input.

`{"plain", "suspect", "name", "dir", "token": base64, "silence_s", "measure", "only"}`: addresses, the site's name, what
the bridge's own guest knows, so that expired and replayed paths are among the probes, and names of probes, or none for
all. Answers `{"probes", "differences", "timings"}`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import time
from typing import Any

from zajil.bridges.edge.probes import Target, compare, list_probes, make_places, measure, spend
from zajil.protocol.reach.bridgepath import NONCE_BYTES, bridge_path

EXPIRED_S = 3 * 3600


async def differ(order: dict[str, Any]) -> dict[str, Any]:
    """What tells the two apart."""
    name, folder, token = order["name"], order["dir"], base64.b64decode(order["token"])
    plain, suspect = Target(order["plain"], 443, name), Target(order["suspect"], 443, name)

    def path(late_s: float) -> str:
        return bridge_path(token, name, folder, now_s=time.time() - late_s, nonce=os.urandom(NONCE_BYTES))

    replayed = path(0)
    await spend(suspect, replayed)
    places = make_places(name, folder, random=os.urandom, expired=path(EXPIRED_S), replayed=replayed)
    wanted = order["only"]
    probes = [one for one in list_probes(places, silence_s=order["silence_s"]) if not wanted or one.name in wanted]
    # nginx ends "h2 FIN behind a request" in two ways, by chance (3 to 7): five looks at each once saw one way alone.
    found = await compare(plain, suspect, probes, patience_s=2.0, tries=10)
    timings = await measure(plain, suspect, probes) if order["measure"] else []
    return {
        "probes": len(probes),
        "differences": [f"{one.probe}, {one.part}: {one.plain} / {one.suspect}" for one in found],
        "timings": {one.probe: [one.plain_ms, one.suspect_ms] for one in timings},
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(differ(json.load(sys.stdin)))))
