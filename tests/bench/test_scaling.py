"""Several gateways on one port: what is read off them, and a few messages from one to another."""

from __future__ import annotations

import pytest
from bench.peers import gateways, postgres
from bench.provision import template
from bench.rounds import MissingError, Turn

from bench import relay, scaling

TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0 100 0 0 10 0
   2: 0100007F:1F90 0100007F:C000 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0 20 4 30 10 -1
   3: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4 1 0 100 0 0 10 0
"""
PAGE = """\
# HELP zajil_connections Open connections.
zajil_connections{role="R"} 30.0
zajil_connections{role="S"} 10.0
zajil_batch_operations_bucket{le="1.0"} 2.0
zajil_batch_operations_bucket{le="8.0"} 5.0
zajil_batch_operations_bucket{le="+Inf"} 6.0
"""


def test_figures_of_several_gateways() -> None:
    assert gateways.count_listeners(0x1F90, TCP) == 2
    figures = gateways.parse_figures(PAGE)
    assert figures['zajil_connections{role="R"}'] == 30
    assert scaling.hop_share([figures]) == 0
    assert scaling.hop_share([figures, figures]) == 0.5
    assert scaling.hop_share([]) == 0
    before = gateways.parse_figures(PAGE.replace("} 2.0", "} 1.0").replace("} 5.0", "} 1.0").replace("} 6.0", "} 1.0"))
    assert scaling.median_batch([before], [figures]) == 8
    assert scaling.median_batch([figures], [figures]) == 0


@pytest.mark.parametrize(("count", "there", "cores"), [(1, 4, [0]), (2, 4, [None, None]), (2, 6, [0, 1])])
def test_gateways_have_cores_of_their_own_where_there_are_enough(
    count: int, there: int, cores: list[int | None]
) -> None:
    assert scaling.find_cores(count, there) == cores


@pytest.mark.slow
def test_two_gateways_pass_messages_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "WARM_S", 0.1)
    monkeypatch.setattr(relay, "WINDOW_S", 0.3)
    try:
        postgres.describe()
    except MissingError as missing:
        pytest.skip(f"a peer of the benchmarks is not here: {missing}")
    with postgres.run_cluster() as cluster, template(pairs=3, server=cluster.server(postgres.TEMPLATE)) as made:
        turn: Turn = scaling.play(cluster, made, 2)
    sent = turn.checks.pop("sent")
    assert sent > 0
    assert turn.checks == {
        **dict.fromkeys(("received", "accepted", "echoed", "delivered"), sent),
        "disordered": 0,
        "rows": 0,
    }
    assert min(turn.metrics[f"{part}_cpu_us"] for part in scaling.Spent._fields) > 0
