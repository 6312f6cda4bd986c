"""Token buckets: burst, refill, costs, separate keys, settings, and a table that does not grow without end."""

from __future__ import annotations

import pytest

from zajil.engine import limits
from zajil.engine.limits import DEFAULTS, Limit, Limits
from zajil.protocol.calls.limits import PEOPLE
from zajil.protocol.errors import Limited


def test_a_bucket_gives_its_burst_and_then_one_back_at_a_time() -> None:
    table = Limits()
    for _ in range(20):
        table.take("login", b"a", now=1000)
    with pytest.raises(Limited) as caught:
        table.take("login", b"a", now=1000)
    assert (caught.value.code, caught.value.retry_ms) == ("slow-down", 30_000)
    table.take("login", b"b", now=1000)
    with pytest.raises(Limited) as again:
        table.take("login", b"a", now=1029)
    assert again.value.retry_ms == 1000
    table.take("login", b"a", now=1030)


def test_a_meter_counts_for_itself_as_the_table_does() -> None:
    table = Limits({"inbound_bytes": Limit(100, 0.5)})
    one, other = table.meter("inbound_bytes"), table.meter("inbound_bytes")
    one.take(7.0, 100)
    with pytest.raises(Limited) as caught:
        one.take(7.0, 3)
    assert (caught.value.code, caught.value.retry_ms) == ("slow-down", 1500)
    one.take(8.5, 3)
    other.take(7.0, 100)


def test_a_refused_cost_spends_nothing() -> None:
    table = Limits({"pass_group": Limit(10, 60)})
    table.take("pass_group", b"a", now=0, cost=8)
    with pytest.raises(Limited):
        table.take("pass_group", b"a", now=0, cost=3)
    table.take("pass_group", b"a", now=0, cost=2)


def test_settings_change_a_known_limit_only() -> None:
    with pytest.raises(KeyError):
        Limits({"no such limit": Limit(1, 1)})
    table = Limits({"send": Limit(1, 1)})
    table.take("send", b"", now=0)
    with pytest.raises(Limited):
        table.take("send", b"", now=0)


def test_every_default_is_a_usable_bucket() -> None:
    for name, limit in DEFAULTS.items():
        assert limit.burst > 0 < limit.every_s, name
        Limits().take(name, b"k", now=0)


def test_a_call_of_four_without_udp_is_set_up_at_once() -> None:
    """A refused signal is not sent again: an attempt without its candidates, or a loss not told, costs ten seconds."""
    links, attempts = PEOPLE * (PEOPLE - 1), 2
    signals = len(["offer", "answer", "got"]) + 2 * len(["own address", "relay by TCP", "relay by TLS"])
    table = Limits()
    for _ in range(links * attempts * signals):
        table.take("ephemeral", b"group", now=0)


def test_full_buckets_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_SWEEP_AT", 10)
    table = Limits()
    for number in range(50):
        table.take("send", bytes([number]), now=number * 10)
    assert len(table._full_at) <= 11


def test_buckets_that_are_not_full_are_seldom_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_SWEEP_AT", 10)
    table = Limits()
    held, sweeps = table._full_at, 0
    for number in range(1000):
        table.take("pass_group", number.to_bytes(2), now=1)
        sweeps += table._full_at is not held
        held = table._full_at
    assert len(held) == 1000
    assert 0 < sweeps <= 8


def test_a_bucket_may_be_asked_without_refusing_anybody() -> None:
    table = Limits({"claim_prefix": Limit(2, 60)})
    assert [table.try_take("claim_prefix", b"k", now=1) for _ in range(3)] == [True, True, False]
    assert table.try_take("claim_prefix", b"k", now=61)


def test_no_key_is_kept_in_clear_and_a_new_day_starts_with_full_buckets() -> None:
    table = Limits({"login": Limit(1, 1e6)})
    table.take("login", b"192.0.2.1", now=10)
    assert b"192.0.2.1" not in b"".join(table._full_at)
    with pytest.raises(Limited):
        table.take("login", b"192.0.2.1", now=86_399)
    table.take("login", b"192.0.2.1", now=86_400)
