"""coturn's configuration as text, the commands of the operator, and a machine without coturn."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import sys
from pathlib import Path

import pytest

from zajil.calls.relay.check import RelayAddress, parse_relay_url
from zajil.calls.relay.conf import DENIED, RelayPlan, render_conf
from zajil.calls.relay.turnserver import Turnserver
from zajil.cli.main import run_command
from zajil.engine.keys import Keys
from zajil.protocol.ids import encode_b64
from zajil.server.calls.wiring import find_relays, plan_relay
from zajil.server.config import CallSettings, ConfigError, Settings, load_settings

PUBLIC = RelayPlan("relay.example", "north", "198.51.100.7", "10.1.2.3", cert="/c.pem", key="/k.pem")


def lines(plan: RelayPlan) -> list[str]:
    return [line for line in render_conf(plan).splitlines() if line and not line.startswith("#")]


def test_every_setting_that_calls_need_is_there() -> None:
    said = set(lines(PUBLIC))
    assert said >= {
        *("use-auth-secret", "static-auth-secret=north", "realm=relay.example", "fingerprint", "stale-nonce=600"),
        *("listening-port=3478", "tls-listening-port=5349", "min-port=49160", "max-port=50559"),
        *("external-ip=198.51.100.7/10.1.2.3", "no-dtls", "no-tcp-relay", "no-multicast-peers"),
        *("user-quota=24", "total-quota=1200", "max-bps=250000"),
        *("allowed-peer-ip=198.51.100.7", "allowed-peer-ip=10.1.2.3", "cert=/c.pem", "pkey=/k.pem"),
        *("log-file=/dev/null", "simple-log", "no-stdout-log", "no-software-attribute", "no-cli"),
        *("no-tlsv1", "no-tlsv1_1"),
    }
    assert "no-tls" not in said
    assert not any("loopback" in line for line in said)
    assert not any(line.startswith("bps-capacity") for line in said)
    assert "bps-capacity=1000000" in lines(PUBLIC._replace(capacity=1_000_000))
    alone = set(lines(RelayPlan("home.example", "north", "")))
    assert alone >= {"listening-ip=127.0.0.1", "relay-ip=127.0.0.1", "allow-loopback-peers", "no-tls"}
    assert "allowed-peer-ip=127.0.0.1" in alone


def test_every_allocation_finds_a_port() -> None:
    values = dict(line.split("=", 1) for line in lines(PUBLIC) if "=" in line)
    assert int(values["max-port"]) - int(values["min-port"]) >= int(values["total-quota"])


@pytest.mark.parametrize(
    "address",
    [
        *("10.0.0.1", "100.127.255.255", "127.0.0.1", "169.254.1.1", "172.31.255.255", "192.168.255.1", "198.19.0.1"),
        *("224.0.0.1", "255.255.255.255", "0.0.0.0", "::1", "::", "fe80::1", "fc00::1", "fdff::1", "ff02::1"),
        *("::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "2001:db8::1", "2001::1"),
        "168.63.129.16",
    ],
)
def test_no_address_of_a_private_network_is_reached(address: str) -> None:
    assert denies(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "172.32.0.1", "100.128.0.1", "168.63.129.15", "203.0.114.1", "2a00::1", "2400::1"]
)
def test_a_public_address_is_reached(address: str) -> None:
    assert not denies(address)


def denies(text: str) -> bool:
    address = ipaddress.ip_address(text)
    for first, last in (each.split("-") for each in DENIED):
        low, high = ipaddress.ip_address(first), ipaddress.ip_address(last)
        assert low.version == high.version
        if low.version == address.version and int(low) <= int(address) <= int(high):
            return True
    return False


@pytest.mark.parametrize("field", [name for name in RelayPlan._fields if isinstance(getattr(PUBLIC, name), str)])
@pytest.mark.parametrize("end", ["\n", "\r", "\x00", "\u2028"])
def test_no_value_begins_a_line_of_its_own(field: str, end: str) -> None:
    with pytest.raises(ValueError, match="unprintable"):
        render_conf(PUBLIC._replace(**{field: f"x{end}no-auth"}))  # type: ignore[arg-type]  # of text, see above


def test_addresses_are_read_back() -> None:
    assert parse_relay_url("turns:[2001:db8::1]:443?transport=tcp") == RelayAddress("2001:db8::1", 443, "tcp", True)
    assert parse_relay_url("turn:r.example:3478?transport=udp") == RelayAddress("r.example", 3478, "udp", False)
    for wrong in ("http://r.example", "turn:r.example:x?transport=udp", "turn:r:1?transport=sctp"):
        with pytest.raises(ValueError):
            parse_relay_url(wrong)


async def test_without_coturn_the_server_goes_on_and_says_what_to_install(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = Turnserver(tmp_path / "relay", RelayPlan("home.example", "north", ""), find=lambda _: None)
    assert not server.start()
    assert "apt-get install coturn" in caplog.text
    assert not (tmp_path / "relay").exists()
    await server.stop()


async def test_one_that_cannot_run_is_tried_again_and_leaves_a_file_for_its_owner_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = Turnserver(tmp_path / "relay", RelayPlan("home.example", "north", ""), find=lambda _: "/bin/false")
    assert server.start()
    while "ended with 1" not in caplog.text:
        assert server._task is not None
        await asyncio.sleep(0)
    assert (tmp_path / "relay" / "turnserver.conf").stat().st_mode & 0o777 == 0o600
    await server.stop()


async def test_a_machine_that_has_no_process_to_spare_is_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zajil.calls.relay.turnserver._FIRST_PAUSE_S", 0.0)
    server = Turnserver(
        tmp_path / "relay",
        RelayPlan("home.example", "north", ""),
        find=lambda _: "/bin/false",
        python="/no/such/python",
    )
    assert server.start()
    assert server._task is not None
    while caplog.text.count("did not start") < 3:
        assert not server._task.done()
        await asyncio.sleep(0)
    assert server.starts == 0
    server._python = sys.executable
    while not server.starts:
        assert not server._task.done()
        await asyncio.sleep(0)
    await server.stop()


async def test_a_relay_whose_keeper_failed_lets_the_server_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_program: list[str]) -> int:
        raise ArithmeticError

    server = Turnserver(tmp_path / "relay", RelayPlan("home.example", "north", ""), find=lambda _: "/bin/false")
    monkeypatch.setattr(server, "_run", fail)
    assert server.start()
    assert server._task is not None
    await asyncio.wait([server._task])
    await server.stop()


# Settings


def settings_of(tmp_path: Path, **calls: object) -> Settings:
    return Settings(calls=CallSettings(**calls))  # type: ignore[arg-type]  # as the test names them


def test_relays_are_those_that_the_settings_name(tmp_path: Path) -> None:
    keys = Keys.create()
    secret = encode_b64(keys.calls_key("relay"))
    assert find_relays(tmp_path, Settings(), keys) is None
    named = find_relays(tmp_path, settings_of(tmp_path, relay_hosts=("r.example",)), keys)
    assert named is not None
    assert (named.hosts, named.port, named.tls_port, named.secret) == (("r.example",), 3478, 0, secret)
    alone = find_relays(tmp_path, settings_of(tmp_path, relay="auto"), keys)
    assert alone is not None
    assert alone.hosts == ("127.0.0.1",)
    auto = Settings(front="https://chat.example", calls=CallSettings(relay="auto", relay_ip="198.51.100.7"))
    public = find_relays(tmp_path, auto, keys)
    assert public is not None
    assert public.hosts == ("chat.example",)
    assert plan_relay(auto, public).public_ip == "198.51.100.7"
    assert plan_relay(settings_of(tmp_path, relay="auto", relay_capacity=10**6), alone).capacity == 10**6
    (tmp_path / "shared").write_text("of-the-operator\n")
    own = find_relays(tmp_path, settings_of(tmp_path, relay="auto", relay_secret_file="shared"), keys)
    assert own is not None
    assert own.secret == "of-the-operator"
    for name, content in (
        ("missing", None),
        ("empty", " \n"),
        ("lines", "one\nno-auth\n"),
        ("words", "one two"),
        ("del", "x\x7f"),
    ):
        if content is not None:
            (tmp_path / name).write_text(content)
        with pytest.raises(ConfigError, match=name):
            find_relays(tmp_path, settings_of(tmp_path, relay="auto", relay_secret_file=name), keys)


@pytest.mark.parametrize(
    ("host", "front", "dev", "told"),
    [
        ("127.0.0.1", "", False, True),
        ("::1", "http://localhost:8000", False, True),
        ("127.0.0.1", "http://zajil.localhost", False, True),
        ("0.0.0.0", "", True, True),  # what an operator writes
        ("0.0.0.0", "", False, False),
        ("198.51.100.7", "", False, False),
        ("127.0.0.1", "https://chat.example", False, False),
    ],
)
def test_a_relay_on_loopback_is_told_of_on_this_machine_alone(
    tmp_path: Path, host: str, front: str, dev: bool, told: bool
) -> None:
    keys = Keys.create()
    own = Settings(host=host, front=front, dev=dev, calls=CallSettings(relay="auto"))
    found = find_relays(tmp_path, own, keys)
    assert (found.hosts if found else None) == (("127.0.0.1",) if told else None)
    named = Settings(host=host, front=front, dev=dev, calls=CallSettings(relay="auto", relay_hosts=("r.example",)))
    public = find_relays(tmp_path, named, keys)
    assert public is not None
    assert public.hosts == ("r.example",)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('relay = "on"', "relay"),
        ('relay_ip = "home"', "relay_ip"),
        ('relay_private_ip = "10.0.0.1"', "relay_private_ip"),
        ('relay_hosts = ["a b"]', "relay_hosts"),
        ('relay_cert = "c.pem"', "relay_cert"),
        ('relay_cert = "c.pem\\nno-auth"\nrelay_key = "k.pem"', "relay_cert"),
        ('relay_cert = "c.pem"\nrelay_key = "k.pem\\nno-auth"', "relay_key"),
        ('relay_ip = "fe80::1%x\\nno-auth"', "relay_ip"),
        ('relay_hosts = ["fe80::1%x\\nno-auth"]', "relay_hosts"),
        ("relay_port = 0", "relay_port"),
        ("relay_capacity = -1", "relay_capacity"),
        ("media_connections_max = -1", "media_connections_max"),
    ],
)
def test_settings_that_cannot_be_are_named(tmp_path: Path, text: str, wrong: str) -> None:
    (tmp_path / "zajil.toml").write_text(f"[calls]\n{text}\n")
    with pytest.raises(ConfigError, match=wrong):
        load_settings(tmp_path)


# Commands


@pytest.fixture
def data(tmp_path: Path) -> Path:
    Keys.load(tmp_path / "zajil.key", create=True)
    return tmp_path


def test_the_command_prints_the_file_alone(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "zajil.toml").write_text("[calls]\nrelay_capacity = 25_000_000\n")
    arguments = ["calls", "relay-config", "--domain", "relay.example", "--ip", "198.51.100.7", "--data", str(data)]
    assert run_command([*arguments, "--cert", "/c.pem", "--key", "/k.pem"]) == 0
    out, hint = capsys.readouterr()
    secret = encode_b64(Keys.load(data / "zajil.key").calls_key("relay"))
    assert f"static-auth-secret={secret}\n" in out
    assert "bps-capacity=25000000\n" in out
    assert all(re.fullmatch(r"#.*|[a-z0-9_-]+(=\S+)?|", line) for line in out.splitlines())
    assert secret not in hint
    assert 'relay_hosts = ["relay.example"]' in hint
    assert "relay_tls_port = 5349" in hint


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--domain", "no domain", "--ip", "198.51.100.7"], "bad-domain"),
        (["--domain", "r.example", "--ip", "home"], "bad-relay-ip"),
        (["--domain", "r.example", "--ip", ""], "bad-relay-ip"),
        (["--domain", "r.example", "--ip", "fe80::1%x\nno-auth"], "bad-relay-ip"),
        (["--domain", "r.example", "--ip", "198.51.100.7", "--cert", "c\rx", "--key", "k"], "half-certificate"),
        (["--domain", "r.example", "--ip", "198.51.100.7", "--private-ip", "x"], "bad-relay-ip"),
        (["--domain", "r.example", "--ip", "198.51.100.7", "--cert", "/c.pem"], "half-certificate"),
    ],
)
def test_what_it_cannot_use_is_named(
    data: Path, capsys: pytest.CaptureFixture[str], options: list[str], code: str
) -> None:
    assert run_command(["calls", "relay-config", *options, "--data", str(data)]) == 2
    assert capsys.readouterr().err.startswith(f"error: {code}: ")


def test_without_the_extra_the_check_says_what_to_install(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "aioice", None)
    monkeypatch.setitem(sys.modules, "aioice.stun", None)
    (data / "zajil.toml").write_text('[calls]\nrelay_hosts = ["127.0.0.1"]\n')
    assert run_command(["calls", "relay-check", "--data", str(data)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: no-calls: ")
    assert "'.[calls]'" in said


def test_a_server_without_a_relay_says_how_to_get_one(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["calls", "relay-check", "--data", str(data)]) == 1
    assert capsys.readouterr().err.startswith("error: no-relay: ")
