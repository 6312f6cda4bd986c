"""Each censor is shown to block what it should and to pass what it should, with plain traffic, before it judges us."""

from __future__ import annotations

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from secrets import token_bytes

import pytest
from tests.censor.lab.capabilities import find_missing
from tests.censor.lab.censors import Censor
from tests.censor.lab.laboratory import BIG_BYTES, Laboratory
from tests.censor.lab.network import CommandFailed
from tests.censor.lab.scenarios import load_scenarios

pytestmark = [pytest.mark.censor]

SCENARIOS = load_scenarios()
PATIENCE_S = "3"


def switch_on(lab: Laboratory, censor: Censor, name: str) -> None:
    (scenario,) = [scenario for scenario in SCENARIOS if scenario.name == name]
    missing = find_missing(scenario.needs)
    if missing is not None:
        pytest.skip(missing)
    censor.prepare(scenario)
    censor.switch_on(scenario)


def fetched(lab: Laboratory, url: str, *options: str) -> int:
    """Bytes of the body that a plain client gets within three seconds; -1 when the connection failed."""
    shown = "%{size_download} %{exitcode} %{http_code}"
    command = ("curl", "-sS", "-m", PATIENCE_S, "-o", "/dev/null", "-w", shown, *options, url)
    try:
        size, _, status = lab.network.client.run(*command).split()
    except CommandFailed:
        return -1
    return int(size) if status == "200" else -1


def passes(lab: Laboratory, host: str) -> bool:
    return fetched(lab, f"https://{host}/{'health' if host in ('origin.test', 'front.test') else ''}") > 0


def check(lab: Laboratory, *, blocked: tuple[str, ...], open_: tuple[str, ...]) -> None:
    with ThreadPoolExecutor() as pool:
        passed = dict(zip((*open_, *blocked), pool.map(partial(passes, lab), (*open_, *blocked)), strict=True))
    assert {host for host, through in passed.items() if through} == set(open_)


@pytest.mark.censor_smoke
def test_the_open_line_passes_everything(lab: Laboratory, censor: Censor) -> None:
    check(lab, blocked=(), open_=("origin.test", "front.test", "vanilla.test", "plain.test"))
    assert fetched(lab, "https://plain.test/big.png") == BIG_BYTES


@pytest.mark.parametrize(
    ("name", "blocked", "open_"),
    [
        ("dns-poison", ("origin.test",), ("front.test", "vanilla.test")),
        ("ip-block", ("origin.test",), ("front.test", "vanilla.test")),
        ("sni-packet", ("origin.test",), ("front.test", "vanilla.test")),
        ("sni-reassembled", ("origin.test",), ("front.test", "vanilla.test")),
        ("rst-inject", ("origin.test",), ("front.test", "vanilla.test")),
        ("allow-list", ("origin.test", "vanilla.test"), ("front.test",)),
        ("no-upgrade", ("origin.test", "vanilla.test"), ("front.test",)),
        ("total-cut", ("origin.test", "front.test", "vanilla.test"), ()),
    ],
)
def test_a_block_of_names_or_addresses_hits_these_and_no_others(
    lab: Laboratory, censor: Censor, name: str, blocked: tuple[str, ...], open_: tuple[str, ...]
) -> None:
    switch_on(lab, censor, name)
    check(lab, blocked=blocked, open_=open_)
    censor.lift()
    check(lab, blocked=(), open_=blocked)


def test_a_reset_comes_at_once_and_not_as_silence(lab: Laboratory, censor: Censor) -> None:
    switch_on(lab, censor, "rst-inject")
    started = time.monotonic()
    with pytest.raises(CommandFailed, match=r"reset by peer|errno 104"):
        lab.network.client.run("curl", "-sS", "-m", "10", "https://origin.test/health")
    assert time.monotonic() - started < 2


_ASK = """
import socket, ssl
with socket.create_connection(("plain.test", 443), timeout=3) as raw:
    with ssl.create_default_context().wrap_socket(raw, server_hostname="plain.test") as tls:
        print(tls.version())
"""


def test_a_fingerprint_block_hits_our_plain_client_and_neither_curl_nor_python_without_protocol_names(
    lab: Laboratory, censor: Censor
) -> None:
    lab.call_plainly()
    switch_on(lab, censor, "ja4-block")
    with pytest.raises(CommandFailed, match=r"Unreachable|DialError"):
        lab.call_plainly()
    assert lab.run_python(_ASK).strip() == "TLSv1.3"
    assert passes(lab, "plain.test")


_SEND = """
import socket, sys
with socket.create_connection(("tools.test", 443), timeout=3) as raw:
    raw.settimeout(2)
    raw.sendall(bytes.fromhex(sys.argv[1]))
    print(len(raw.recv(65536)))
"""
_ECHO = "TCP-LISTEN:443,bind=10.78.2.5,reuseaddr,fork"


def test_fully_encrypted_first_bytes_are_dropped_and_texts_and_tls_pass(lab: Laboratory, censor: Censor) -> None:
    switch_on(lab, censor, "fet")
    echo = lab.network.servers.start("socat", _ECHO, "EXEC:cat")
    lab.network.servers.run("sh", "-c", "until ss -Htln | grep -q '10.78.2.5:443 '; do sleep 0.02; done")
    noise = bytes(range(0x80, 0x100)) + bytes(range(0x20))
    try:
        assert int(lab.run_python(_SEND, b"EHLO orchard.example and good morning".hex())) > 0
        assert int(lab.run_python(_SEND, (bytes(64) + token_bytes(64)).hex())) == 128, "few bits set"
        with pytest.raises(CommandFailed, match=r"timed out|timeout"):
            lab.run_python(_SEND, bytes(noise[i * 37 % len(noise)] for i in range(160)).hex())
    finally:
        lab.network.servers.end(echo)
    check(lab, blocked=(), open_=("origin.test", "plain.test"))


@pytest.mark.censor_smoke
def test_a_freeze_stops_one_connection_after_16_kib_and_not_the_next(lab: Laboratory, censor: Censor) -> None:
    switch_on(lab, censor, "freeze")
    got = fetched(lab, "https://plain.test/big.png")
    assert 0 < got < 16_384 or got == -1
    assert censor.dropped() > 0, "bytes of connections are counted"
    check(lab, blocked=(), open_=("origin.test", "front.test", "plain.test"))
    censor.lift()
    assert fetched(lab, "https://plain.test/big.png") == BIG_BYTES


def test_a_connection_rate_lets_ten_through_and_swallows_a_burst(lab: Laboratory, censor: Censor) -> None:
    switch_on(lab, censor, "conn-rate")
    with ThreadPoolExecutor(8) as pool:
        passed = list(pool.map(lambda _: passes(lab, "plain.test"), range(24)))
    assert 10 <= sum(passed) < 20, "SYNs repeated after a second take up some of what comes back"
    assert passes(lab, "vanilla.test"), "the rate is one of each address"


def test_a_throttled_line_is_slow_and_whole(lab: Laboratory, censor: Censor) -> None:
    switch_on(lab, censor, "throttle")
    started = time.monotonic()
    assert fetched(lab, "https://plain.test/big.png", "-m", "30") == BIG_BYTES
    assert 10 < time.monotonic() - started < 20, "200 kB at 16 kB/s"


@pytest.mark.parametrize(("name", "least", "most"), [("loss-5", 0.02, 0.09), ("loss-15", 0.09, 0.22)])
def test_a_lossy_line_loses_its_share_and_delays_the_rest(
    lab: Laboratory, censor: Censor, name: str, least: float, most: float
) -> None:
    switch_on(lab, censor, name)
    times = [connect_s(lab) for _ in range(8)]
    assert 0.069 < min(times) < 0.2, "two ways of 40 ms, give or take 5"
    before = retransmitted(lab)
    fetched(lab, "https://plain.test/big.png", "-m", "60")
    sent, again = (now - then for now, then in zip(retransmitted(lab), before, strict=True))
    assert least < again / sent < most * 2, f"{again} of {sent} segments sent again"


_CONNECT = """
import socket, time
started = time.monotonic()
socket.create_connection(("10.78.2.9", 443))
print(time.monotonic() - started)
"""


def connect_s(lab: Laboratory) -> float:
    return float(lab.run_python(_CONNECT))


def retransmitted(lab: Laboratory) -> tuple[int, int]:
    """Segments that the servers sent so far, and those sent again."""
    lines = lab.network.servers.run("cat", "/proc/net/snmp").splitlines()
    names, values = (line.split() for line in lines if line.startswith("Tcp:"))
    found = dict(zip(names, values, strict=True))
    return int(found["OutSegs"]), int(found["RetransSegs"])


@pytest.mark.parametrize("how", ["drop", "reset"])
def test_connections_that_live_when_a_block_begins_are_cut_and_new_ones_pass(
    lab: Laboratory, censor: Censor, how: str
) -> None:
    held = lab.network.client.start(
        *("openssl", "s_client", "-quiet", "-connect", "plain.test:443", "-servername", "plain.test"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert held.stdin is not None
    assert held.stdout is not None
    held.stdin.write("GET /pear.svg HTTP/1.1\r\nHost: plain.test\r\n\r\n")
    held.stdin.flush()
    assert held.stdout.readline().startswith("HTTP/1.1 200")
    censor.cut(how)
    held.stdin.write("GET /pear.svg HTTP/1.1\r\nHost: plain.test\r\n\r\n")
    held.stdin.flush()
    if how == "reset":
        assert held.wait(timeout=5) != 0
    else:
        with pytest.raises(subprocess.TimeoutExpired):
            held.wait(timeout=2)
        assert len(lab.network.connections()) == 1, "swallowed packets end nothing"
    lab.network.client.end(held)
    assert passes(lab, "plain.test")
