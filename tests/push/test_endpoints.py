"""Endpoints as an attacker would choose them: none leads a server into its own network."""

from __future__ import annotations

import pytest

from zajil.protocol.errors import Malformed, Refused, ZajilError
from zajil.protocol.push.wire import PushRules, check_endpoint, check_patterns, is_public
from zajil.server.config import PushSettings

KNOWN = PushRules(PushSettings().hosts)
ANY = PushRules(("*",))

INSIDE = [
    *("127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *(
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
    ),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "fec0::1", "2001:db8::1", "2001::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1"),
    *("64:ff9b::a00:1", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1", "100::1", "192.88.99.1"),
]
OUTSIDE = [
    "1.1.1.1",
    "142.250.74.10",
    "2606:4700::1111",
    "2a00:1450:4001:82a::200a",
    "::ffff:1.1.1.1",
    "64:ff9b::808:808",
]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_an_address_outside_is(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", [each for each in INSIDE if "%" not in each])
def test_a_literal_address_inside_is_refused_whatever_hosts_are_allowed(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(ZajilError):
        check_endpoint(f"https://{host}/push", ANY)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/x",
        "ftp://fcm.googleapis.com/x",
        "file:///etc/passwd",
        "gopher://127.0.0.1:25/x",
        "https://user@fcm.googleapis.com/x",
        "https://user:secret@fcm.googleapis.com/x",
        "https://fcm.googleapis.com@127.0.0.1/x",
        "https://fcm.googleapis.com\\@127.0.0.1/x",
        "https://fcm.googleapis.com#@127.0.0.1/",
        "https://fcm.googleapis.com./x",
        "https://fcm.googleapis.com:99999/x",
        "https://fcm.googleapis.com:-1/x",
        "https://[::1/x",
        "https://[fe80::1%25eth0]/x",
        "https:///x",
        "https:/fcm.googleapis.com/x",
        "https://fcm.googleapis.com/x y",
        "https://fcm.googleapis.com/x\r\nhost: inside",
        "https://fcm.googleapis.com/\u0000",
        "https://fcm。googleapis。com/x",
        "https://fсm.googleapis.com/x",
        "https://%31%32%37.0.0.1/x",
        "https://.googleapis.com/x",
        "https://a..b/x",
    ],
)
def test_what_is_no_plain_https_url_is_malformed(endpoint: str) -> None:
    for rules in (KNOWN, ANY):
        with pytest.raises(Malformed):
            check_endpoint(endpoint, rules)


@pytest.mark.parametrize(
    "endpoint",
    [
        *("https://example.org/x", "https://evil-fcm.googleapis.com/x", "https://fcm.googleapis.com.evil.example/x"),
        *("https://push.services.mozilla.com/x", "https://xpush.services.mozilla.com/x", "https://1.1.1.1/x"),
        *("https://fcm.googleapis.com:8443/x", "https://fcm.googleapis.com:22/x", "https://web.push.apple.com:80/x"),
    ],
)
def test_another_service_or_port_is_refused(endpoint: str) -> None:
    with pytest.raises(Refused, match="push-refused"):
        check_endpoint(endpoint, KNOWN)


def test_known_services_pass() -> None:
    for endpoint in (
        "https://fcm.googleapis.com/fcm/send/abc:def",
        "https://updates.push.services.mozilla.com/wpush/v2/gAAA",
        "https://wns2-par02p.notify.windows.com/w/?token=BQY%2b",
        "https://web.push.apple.com/QO8n",
        "https://fcm.googleapis.com:443/x",
    ):
        target = check_endpoint(endpoint, KNOWN)
        assert target.port == 443
        assert target.origin == f"https://{target.host}"


def test_numbers_that_resolvers_take_for_addresses_are_left_to_the_address_check() -> None:
    for host in ("2130706433", "0x7f000001", "127.1", "0177.0.0.1"):
        with pytest.raises(ZajilError):
            check_endpoint(f"https://{host}/x", KNOWN)


def test_loopback_is_for_those_who_set_it() -> None:
    private = PushRules(("127.0.0.1", "ntfy.lan"), private=True)
    assert check_endpoint("http://127.0.0.1:9000/x", private).origin == "http://127.0.0.1:9000"
    assert check_endpoint("https://ntfy.lan/x", private).host == "ntfy.lan"
    for endpoint in ("http://ntfy.lan/x", "http://10.0.0.1/x", "https://ntfy.lan:9000/x", "http://localhost/x"):
        with pytest.raises(ZajilError):
            check_endpoint(endpoint, private)


@pytest.mark.parametrize("pattern", ["", "*.", "a b", "https://x", "*x.example", "x.*", "ex_ample..org", "*.*.x"])
def test_a_pattern_that_is_none_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        check_patterns([pattern])
