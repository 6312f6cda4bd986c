"""A bridge is no open proxy, learns neither account nor content, and shrugs off 10,000 wrong tokens."""

from __future__ import annotations

import base64
import json
import socket
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from tests.censor.judges.capture import Capture
from tests.censor.judges.streams import read_streams, unmask
from tests.censor.lab.bridges import secret_path
from tests.censor.lab.laboratory import Laboratory
from tests.censor.lab.matrix import dial_all, list_strategies
from tests.censor.lab.network import FRONT, ORIGIN, PLAIN, TOOLS
from tests.censor.lab.report import Report
from tests.censor.lab.sites import ORIGIN_PORT
from tests.censor.lab.trials import PATIENCE_S, Pair

from zajil.bridges.edge.config import EdgeKind

pytestmark = [pytest.mark.censor, pytest.mark.timeout(300)]

GUESSES = 10_000
HELD_KIB = 20_000
"""More than this after the guesses would be a table of them."""


@pytest.mark.parametrize("kind", ["nginx", "caddy"])
def test_ten_thousand_wrong_tokens_change_nothing(lab: Laboratory, report: Report, kind: EdgeKind) -> None:
    endpoint, bridge = lab.bridges.endpoint(kind), lab.bridges.all[kind]
    ways = {"bridge": list_strategies(endpoint, None)["bridge"]}
    before_kib = bridge.memory_kib()
    (before,) = dial_all(lab, ways, lab.session_key())
    guess = ("-m", "tests.censor.programs.guess", endpoint.host, endpoint.dir, str(GUESSES))
    told = lab.network.client.run("env", *_pairs(lab), sys.executable, *guess, timeout_s=240)
    (after,) = dial_all(lab, ways, lab.session_key())
    report.judges[f"10,000 wrong tokens, {kind}"] = (
        f"all 404; a guest connects in {before['t_first']:.1f} s before, {after['t_first']:.1f} s after; "
        f"the daemon holds {(bridge.memory_kib() - before_kib) / 1024:.1f} MiB more"
    )
    assert json.loads(told) == {"404": GUESSES}
    assert before["reachable"]
    assert after["reachable"]
    assert bridge.memory_kib() - before_kib < HELD_KIB


def _pairs(lab: Laboratory) -> list[str]:
    return [f"{key}={value}" for key, value in lab.python_environment().items()]


_TALK = """
import json, socket, ssl, sys
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
address, name, request = json.loads(sys.stdin.read())
got = b""
try:
    with socket.create_connection((address, 443), timeout=5) as raw:
        with context.wrap_socket(raw, server_hostname=name) as tls:
            tls.sendall(bytes.fromhex(request))
            tls.settimeout(2)
            while part := tls.recv(65536):
                got += part
except OSError as failure:
    got = got or str(getattr(failure, "reason", failure)).encode()
print(got.hex())
"""


def talk(lab: Laboratory, address: str, name: str, request: bytes) -> bytes:
    """What a server answers to these bytes within TLS, until two seconds of silence."""
    command = ("env", *_pairs(lab), sys.executable, "-c", _TALK)
    told = lab.network.client.run(*command, stdin=json.dumps([address, name, request.hex()]))
    return bytes.fromhex(told.strip())


def requests(host: str, wrong: str, right: Sequence[str]) -> dict[str, tuple[str, bytes]]:
    """Attempts to be carried elsewhere, each with the name in SNI. right: secret paths, each good once."""

    def ask(line: str, named: str = host, *more: str) -> bytes:
        return "\r\n".join([f"{line} HTTP/1.1", f"Host: {named}", *more, "", ""]).encode()

    upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")  # fmt: skip
    # A whole request in one masked frame, where a sealed record is due.
    record = b"GET http://plain.test/big.png HTTP/1.1\r\nHost: plain.test\r\n\r\n"
    frame = b"\x82" + bytes([0x80 | len(record)]) + bytes(4) + record
    socks = b"\x05\x01\x00\x05\x01\x00\x01" + socket.inet_aton(PLAIN) + (443).to_bytes(2)
    return {
        "absolute form": (host, ask("GET http://plain.test/", "plain.test")),
        "absolute form, TLS": (host, ask("GET https://plain.test/big.png")),
        "CONNECT by name": (host, ask("CONNECT plain.test:443", "plain.test:443")),
        "CONNECT by address": (host, ask(f"CONNECT {PLAIN}:443", f"{PLAIN}:443")),
        "another Host": (host, ask("GET /big.png", "plain.test")),
        "another name in SNI": ("plain.test", ask("GET /big.png", "plain.test")),
        "target in the path": (host, ask(f"GET {wrong}/https://plain.test/big.png")),
        "target in the query": (host, ask(f"GET {wrong}?url=https://plain.test/big.png")),
        "forwarding headers": (host, ask("GET /x", host, "X-Forwarded-Host: plain.test", f"X-Real-IP: {PLAIN}")),
        "SOCKS": (host, socks),
        "a guest, target in the query": (host, ask(f"GET {right[0]}?url=https://plain.test/big.png", host, *upgrade)),
        "a guest, target in r": (host, ask(f"GET {right[1]}?r=plain.test:443", host, *upgrade)),
        "a guest, another Host": (host, ask(f"GET {right[2]}", "plain.test", *upgrade)),
        "a guest, a request for a record": (host, ask(f"GET {right[3]}", host, *upgrade) + frame),
        "a guest, POST": (host, ask(f"POST {right[4]}", "plain.test", f"Content-Length: {len(record)}") + record),
    }


@pytest.mark.parametrize("kind", ["nginx", "caddy"])
def test_nothing_that_a_client_sends_makes_a_bridge_connect_elsewhere(
    lab: Laboratory, report: Report, kind: EdgeKind
) -> None:
    endpoint, bridge, twin = lab.bridges.endpoint(kind), lab.bridges.all[kind], lab.bridges.twins[kind]
    elsewhere = f"tcp and (host {PLAIN} or host {TOOLS})"
    file = lab.folder / f"elsewhere-{kind}.pcapng"
    attempts = requests(endpoint.host, f"/{endpoint.dir}/{'A' * 38}", [secret_path(endpoint) for _ in range(5)])
    with Capture(lab.network.servers, "lo", file, expression=elsewhere):
        answers = {name: talk(lab, bridge.place.address, *attempt) for name, attempt in attempts.items()}
        lab.network.servers.run("curl", "-sS", "-o", "/dev/null", "https://plain.test/")
    for name, attempt in attempts.items():
        assert b"Orchard notes" not in answers[name], name
        if not name.startswith("a guest"):
            plain = talk(lab, twin.address, *attempt)
            assert _without_date(answers[name]) == _without_date(plain), name
    assert len(read_streams(file, port=443)) == 1, "our own request, to show that the capture sees one"
    report.judges[f"open proxy, {kind}"] = f"{len(attempts)} attempts, no connection elsewhere"


def _without_date(answer: bytes) -> bytes:
    return b"\r\n".join(line for line in answer.split(b"\r\n") if not line.startswith(b"Date: "))


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def forms(identifier: bytes) -> list[bytes]:
    """How an id could be written down: raw, base64url and hex."""
    return [identifier, base64.urlsafe_b64encode(identifier).rstrip(b"="), identifier.hex().encode()]


def test_behind_a_bridge_no_token_account_group_or_text_is_seen(lab: Laboratory, pair: Pair, report: Report) -> None:
    """The capture is taken behind the TLS of the origin, so it shows what bridges sent there, unmasked."""
    file = lab.folder / "upstream.pcapng"
    secrets: dict[str, Any] = {}
    with Capture(lab.network.servers, "lo", file, expression=f"tcp port {ORIGIN_PORT}"):
        for text, blocked in (("over the open line", ""), ("over a bridge", f"ip daddr {{ {ORIGIN}, {FRONT} }}")):
            amina = pair.amina()
            amina.call("open", home=str(pair.home))
            amina.call("forget")
            if blocked:
                lab.censor.drop(blocked)
            amina.call("follow")
            amina.call("say", chat=pair.chat, text=text, seconds=PATIENCE_S)
            secrets = amina.call("secrets")
            if blocked:
                assert amina.call("route")["strategy"].split()[0] in ("bridge-a.test", "caddy.test")
            amina.leave()
        lab.censor.lift()
    streams = read_streams(file, port=ORIGIN_PORT)
    sealed = [unmask(up) + unmask(down) + up + down for up, down in streams if b"/v1/sealed" in up[:200]]
    plain = b"".join(unmask(up) + unmask(down) + up + down for up, down in streams if b"/v1/sealed" not in up[:200])
    assert len(sealed) >= 2, "both sessions went over the bridge"
    hidden = [*forms(raw(pair.chat)), *forms(raw(secrets["account"])), secrets["token"].encode(), b"over a bridge"]
    hidden += [*forms(raw(secrets["token"]))]
    assert any(form in plain for form in forms(raw(pair.chat))), "the open line shows what there is to see"
    assert secrets["token"].encode() in plain or raw(secrets["token"]) in plain
    for stream in sealed:
        assert not [secret for secret in hidden if secret in stream]
    report.judges["what a bridge passes on"] = "no token, account, group or text"
