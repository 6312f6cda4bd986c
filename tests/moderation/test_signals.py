"""The registry of signals is closed, and nothing in it comes from the network."""

from __future__ import annotations

import re
from typing import get_args

import msgspec
import pytest

from zajil.moderation import signals
from zajil.moderation.authors import Author
from zajil.moderation.categories import CATEGORIES, HEADS, SUBS
from zajil.moderation.signals import (
    SIGNALS,
    MatchDetail,
    RuleDetail,
    Signal,
    SignalName,
    Verdict,
    encode_verdict,
    parse_verdict,
    signal,
)
from zajil.protocol.errors import LocalProtocolError, Malformed

NETWORK = re.compile(
    r"\bip\b|addr|bridge|proxy|exit|tor\b|asn|geo|country|agent|device|session|transport|port\b|account"
)


def test_no_field_of_a_signal_a_verdict_or_an_author_derives_from_the_network() -> None:
    """Section 2, row 4: whoever adds such a field meets this test."""
    structs: list[type[msgspec.Struct]] = [Author]
    structs += [s for s in vars(signals).values() if isinstance(s, type) and issubclass(s, msgspec.Struct)]
    names = {name for struct in structs for name in struct.__struct_fields__}
    assert {"trust", "signals", "cluster", "same_entities"} <= names
    for name in names | set(SIGNALS):
        assert not NETWORK.search(name.replace("_", " ").replace(".", " ")), name


def test_the_registry_and_the_type_name_the_same_signals() -> None:
    assert set(get_args(SignalName)) == set(SIGNALS)
    for name in SIGNALS:
        assert f"    {name} " in (signals.__doc__ or ""), f"{name} is not in the module's table"


def test_the_heads_stand_in_the_models_order() -> None:
    assert HEADS == ("fraud", "violence_incitement", "hate", "harassment", "sexual", "self_harm", "spam", "any")
    assert set(SUBS) <= set(CATEGORIES)


@pytest.mark.parametrize(
    ("name", "value", "category"),
    [
        ("address", 1.0, ""),
        ("head", "high", "fraud"),
        ("head", 0.5, ""),
        ("head", 0.5, "politics"),
        ("entity", 1.0, ""),
        ("copies", 2, "fraud"),
    ],
)
def test_a_signal_fits_its_row(name: SignalName, value: float | str, category: str) -> None:
    with pytest.raises(LocalProtocolError):
        signal(name, value, category)


def test_a_stored_verdict_reads_back_equal() -> None:
    verdict = Verdict(
        target=bytes(16),
        version=3,
        policy="1-abc",
        model="m",
        normaliser=1,
        lang="ar",
        stage=3,
        signals=(
            signal("head", 1, "fraud"),
            signal("entity", "wallet"),
            signal("rule", "fraud-advance-fee", "fraud", RuleDetail(digest="00", phrases=("تحويل",))),
            signal("match.near", 0.96, "spam", MatchDetail(cluster="c", length=300, confirmed_length=301)),
        ),
    )
    assert parse_verdict(encode_verdict(verdict)) == verdict


@pytest.mark.parametrize("data", [b"", b"\xc0", msgspec.msgpack.encode({"target": b"", "ip": "::1"})])
def test_other_bytes_are_no_verdict(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_verdict(data)


def test_signals_are_frozen() -> None:
    one = Signal("copies", 2.0)
    with pytest.raises(AttributeError):
        one.value = 3.0  # type: ignore[misc]  # that is the test
