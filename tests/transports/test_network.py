"""Which network the machine is on, told from the kernel's own tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from zajil.transports import network

HEAD = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
LOCAL = "eth0\t000013AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
DEFAULT = "eth0\t00000000\t010013AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
ARP_HEAD = "IP address       HW type     Flags       HW address            Mask     Device\n"


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, file in (("ROUTES", "route"), ("ROUTES_V6", "route6"), ("NEIGHBOURS", "arp")):
        (tmp_path / file).write_text("")
        monkeypatch.setattr(network, name, tmp_path / file)
    return tmp_path


def arp(tables: Path, mac: str) -> None:
    line = f"172.19.0.1       0x1         0x2         {mac}     *        eth0\n"
    (tables / "arp").write_text(ARP_HEAD + line)


def test_a_network_is_its_gateway(tables: Path) -> None:
    (tables / "route").write_text(HEAD + LOCAL + DEFAULT)
    arp(tables, "02:42:AC:13:00:01")
    here = network.network_key(b"salt")
    assert network.network_key(b"salt") == here
    assert len(here) == 32
    assert network.network_key(b"pepper") != here, "nobody can look a gateway up in it"
    arp(tables, "02:42:ac:13:00:99")
    assert network.network_key(b"salt") != here


def test_a_gateway_that_has_not_answered_yet_leaves_the_prefix(tables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tables / "route").write_text(HEAD + DEFAULT)
    arp(tables, "00:00:00:00:00:00")
    prefix = network.network_key(b"salt")
    (tables / "route").unlink()
    assert network.network_key(b"salt") == prefix, "no such table: another system"


def test_a_default_route_is_being_online(tables: Path) -> None:
    (tables / "route").write_text(HEAD + LOCAL)
    assert network.is_online() is False
    (tables / "route").write_text(HEAD + LOCAL + DEFAULT)
    assert network.is_online() is True
    (tables / "route").write_text(HEAD)
    zeros = "0" * 32
    unreachable = f"{zeros} 00 {zeros} 00 {zeros} ffffffff 00000001 00000000 00200200       lo\n"
    (tables / "route6").write_text(unreachable)
    assert network.is_online() is False
    (tables / "route6").write_text(unreachable.replace("lo", "eth0"))
    assert network.is_online() is True
    (tables / "route").unlink()
    assert network.is_online() is None


def test_tables_of_this_machine_are_read_without_a_word() -> None:
    assert network.is_online() in (True, False, None)
    assert network.network_key(b"salt") == network.network_key(b"salt")
