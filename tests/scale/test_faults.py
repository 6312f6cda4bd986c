"""Three gateways over one PostgreSQL and one NATS, each of which is killed in the middle of traffic.

Every message arrives exactly once at everybody, in one order for each group. `bench/gateway_faults.py` is the same with
more of everything, and says how long each fault is felt.
"""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest
from tests.scale.crowd import Crowd
from tests.scale.gateways import gateways

pytestmark = pytest.mark.scale


@pytest.mark.slow
async def test_a_killed_gateway_bus_or_database_loses_doubles_and_reorders_nothing(tmp_path: Path) -> None:
    count = 300
    with gateways(tmp_path, 3) as running:
        async with aiohttp.ClientSession() as client:
            crowd = Crowd([server.url for server in running.servers], client)
            await crowd.gather(4, size=3)
            faults = {60: running.restart_server, 130: running.restart_nats, 200: running.restart_database}
            await crowd.pour(count, per_s=100, at=faults)
            await crowd.settle(count)
            await crowd.leave()
            crowd.check(count)
        assert crowd.again["ClientConnectorError"] + crowd.again["cut"] > 0, "the gateway that died was missed"
