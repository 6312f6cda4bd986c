"""The worked example: 100 million people, with the figures of the design, to 3 %."""

from __future__ import annotations

import pytest
from bench.capacity import Estimate
from bench.record import Round, Subject

from bench import capacity, record

WORKED = {
    "connections": (31.6e6, 31.6e6),
    "memory_tib": (1.83, 1.83),
    "memory_boxes": (78, 78),
    "login_cores": (65, 65),
    "relay_cores": (3.2, 8),
    "store_cores": (3.2, 4.6),
    "primaries": (9.2, 13.9),
    "wal_bytes_s": (153_000 * 500, 153_000 * 500),
    "linear_cores": (1.75, 1.75),
    "embedding_cores": (17.2, 50),
    "judge_per_s": (5.8, 5.8),
}


def test_the_worked_example_comes_out() -> None:
    low, high = capacity.estimate_range(capacity.with_results(capacity.read_inputs(), {}), outside=False)
    found = {name: (getattr(low, name), getattr(high, name)) for name in WORKED}
    for name, ends in WORKED.items():
        assert found[name] == pytest.approx(ends, rel=0.03), name
    outside, _ = capacity.estimate_range(capacity.read_inputs(), outside=True)
    assert outside.memory_tib == pytest.approx(0.62, rel=0.03)
    assert outside.memory_boxes == pytest.approx(26.5, rel=0.03)
    assert outside.login_cores == pytest.approx(37, rel=0.03)
    assert set(Estimate._fields) - set(WORKED) == {"core_boxes"}


def test_a_result_takes_the_place_of_an_assumption_and_says_so() -> None:
    inputs = capacity.read_inputs()
    taken = [
        Round(round=0, subject="zajil", flags=[], checks={}, metrics={"sat_cpu_us": 100.0, "rate_cpu_us": 300.0}),
        Round(round=0, subject="nats", flags=[], checks={}, metrics={"sat_cpu_us": 1.0, "rate_cpu_us": 1.0}),
    ]
    result = record.make_result(
        "relay_ephemeral", params={}, subjects=[Subject(name="zajil", version="1")], rounds=taken
    )
    found = capacity.with_results(inputs, {"relay_ephemeral": result})
    assert (found["relay_us"].range, found["relay_us"].source) == ((100.0, 300.0), "measured")
    assert (found["app_kib"].value, found["app_kib"].source) == (inputs["app_kib"].value, "assumed")
    low, high = capacity.estimate_range(found, outside=True)
    assert low.relay_cores == pytest.approx(153_118 * 106.6e-6, rel=0.001)
    assert high.relay_cores == pytest.approx(153_118 * 306.6e-6, rel=0.001)


def test_memory_decides_the_size_and_what_does_not_matter_is_left_out() -> None:
    inputs = capacity.with_results(capacity.read_inputs(), {})
    half, more = capacity.find_sensitivity(inputs)["app_kib"]
    assert half < 78 < more
    text = capacity.render(inputs)
    assert "Beyond one machine this is extrapolation." in text
    assert "gateways, without spares | 79 | 27 and the tier that ends TLS" in text
    assert "\nhop_us: " not in text
