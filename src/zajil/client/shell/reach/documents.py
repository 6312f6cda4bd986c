"""Root, list and private bridges, asked of the server: right after registration, daily, and after a bad round."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from zajil.protocol import control
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import encode_b64
from zajil.protocol.reach.endpoints import PrivateBridges

if TYPE_CHECKING:
    from zajil.client.shell.reach.reach import Reach

TIMEOUT_S: Final = 30.0
DAY_MS: Final = 86_400_000
AGAIN_S: Final = 600.0
"""After an answer that could not be had or was not good."""
LOOK_S: Final = 60.0


async def keep_fresh(reach: Reach) -> None:
    """Ask when it is due and there is a route; never dial for it."""
    loop = asyncio.get_running_loop()
    not_before = 0.0
    bad_round = False
    while True:
        news = reach.race.news
        bad_round = bad_round or reach.race.problem is not None
        due = bad_round or now_ms() - reach.knowledge.state.fetched_at >= DAY_MS
        if due and _has_route(reach) and loop.time() >= not_before:
            try:
                await fetch(reach)
                bad_round = False
            except ZajilError:
                not_before = loop.time() + AGAIN_S
            continue
        try:
            async with asyncio.timeout(LOOK_S):
                await news.wait()
        except TimeoutError:
            pass


def _has_route(reach: Reach) -> bool:
    route = reach.race.route
    return route is not None and route.proved


async def fetch(reach: Reach) -> None:
    """Ask once, verify, keep, and race with what is new. Raises ZajilError; what was held stays."""
    held = reach.knowledge
    headers = {"If-None-Match": held.state.tag} if held.state.tag else {}
    path = f"{control.REACH_DOCS.url()}?root={held.root_version}"
    answer = await reach.caller.call("GET", path, headers=headers, timeout_s=TIMEOUT_S)
    if answer.status == 200:
        found = control.parse_json(answer.body, control.ReachDocs)
        if found.roots:
            held.take_own_roots([bytes(item) for item in found.roots])
        held.take_list(bytes(found.list))
        held.keep(tag=answer.headers.get("etag", ""), fetched_at=now_ms())
    elif answer.status == 304:
        held.keep(fetched_at=now_ms())
    else:
        raise control.parse_problem(answer.status, answer.body)
    for bundle in held.private_bundles():
        await _renew(reach, bundle)
    reach.refresh()


async def _renew(reach: Reach, bundle: PrivateBridges) -> None:
    """A token opens other bridges when some have gone. One that the server does not know any more is left as it is."""
    try:
        found = await reach.calls.call(
            control.BRIDGE_BUNDLE,
            control.BridgeBundle,
            auth=f"{control.Auth.TOKEN.value} {encode_b64(bundle.token)}",
        )
        bridges = tuple((each.host, each.port, each.dir) for each in found.bridges)
        if bridges:
            reach.knowledge.add_private(
                PrivateBridges(bytes(found.root_hash), bundle.token_id, bundle.token, bridges[:3])
            )
    except ZajilError:
        return


def now_ms() -> int:
    """Unix milliseconds of this machine's clock."""
    return time.time_ns() // 1_000_000
