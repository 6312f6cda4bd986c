"""`zajil net` and `zajil doctor` in a person's terminal, beside a server that runs and one that is stopped."""

from __future__ import annotations

import io
import shlex
import socket
from pathlib import Path

import pytest
from tests.flows.server import ServerProcess
from tests.flows.terminal import Terminal

from zajil.cli.commands.reach.net import route_host, route_row
from zajil.protocol.path import Candidate, PathView, Strategy, Try
from zajil.protocol.reach.endpoints import PrivateBridges, encode_bridge_link

pytestmark = [pytest.mark.reach, pytest.mark.flows, pytest.mark.slow]
HOST = "secret-bridge.example"
NOBODY = PrivateBridges(bytes(32), bytes(8), bytes(32), (("localhost", 9, "as"),))
BRIDGES = PrivateBridges(bytes(32), bytes(8), bytes(32), ((HOST, 443, "as"),))


@pytest.fixture
def amina(server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    terminal = Terminal(tmp_path / "amina", capsys)
    terminal.register(server, "Amina")
    return terminal


def test_a_probe_measures_each_route(amina: Terminal, server: ServerProcess) -> None:
    found = amina.json("net", "probe")
    assert (found["state"], found["via"]) == ("direct", "")
    (route,) = found["routes"]
    assert (route["kind"], route["private"], route["chosen"], route["result"]) == ("origin", False, True, "proved")
    assert route["echo_bytes"] >= 24 * 1024
    assert route["usable_ms"] >= route["connect_ms"] >= 0
    assert "127.0.0.1" in amina.ok("net", "probe")


def test_a_probe_of_a_server_that_is_off_says_so(amina: Terminal, server: ServerProcess) -> None:
    server.stop()
    try:
        out = amina.run("net", "probe")
        assert amina.code == 3
        assert amina.err.startswith("error: no-route: ")
        assert "127.0.0.1" in out
        wrong = {check["name"]: check["code"] for check in amina.failed_json("doctor") if not check["ok"]}
        assert wrong.keys() >= {"server"}
    finally:
        server.start()
    assert amina.json("net", "probe")["state"] == "direct"


def test_a_way_to_probe_is_one_that_there_is(amina: Terminal) -> None:
    amina.run("net", "probe", "--only", "tor")
    assert amina.code == 2
    assert "--only has a value that does not fit. It is one of: wss, wss-browser, poll, socks, pt." in amina.err
    assert "--only wss|wss-browser|poll|socks|pt" in amina.ok("net", "probe", "--help")
    assert amina.run("net", "probe", "--only", "socks") == ""
    assert amina.code == 3
    assert amina.err.startswith("error: no-route-so: No route is of this kind: socks.")
    assert amina.run("net", "probe", "--only", "pt", "--json").startswith("{")
    assert amina.code == 3


def test_a_private_bridge_has_the_same_name_everywhere(amina: Terminal, server: ServerProcess) -> None:
    amina.ok("net", "add", encode_bridge_link(NOBODY))
    server.stop()
    try:
        assert "private 1" in amina.run("net", "probe")
        said = amina.run("doctor")
    finally:
        server.start()
    assert "Tried: 127.0.0.1, private 1." in said
    assert "*" not in said


def test_usage_shows_what_may_be_left_out_once(amina: Terminal) -> None:
    assert "net proxy [ADDRESS|off]\n" in amina.ok("net", "proxy", "--help")
    assert "net prefer [speed|privacy|only]\n" in amina.ok("net", "prefer", "--help")


def test_settings_are_shown_kept_and_refused(amina: Terminal) -> None:
    amina.refused("no-tool", "net", "prefer", "only")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        said = amina.ok("net", "proxy", address)
        assert address in said
        assert "Nothing answers there" in said
        assert "net prefer only" in said
        assert address in amina.ok("net", "proxy")
        assert "only" in amina.ok("net", "prefer", "only")
        assert "prefer" not in amina.ok("net", "proxy", address), "nothing else is used any more"
        amina.run("net", "probe", "--json")
        assert amina.code == 3, "nothing beside the proxy, and nobody is there"
        amina.refused("no-tool", "net", "proxy", "off")
        assert "speed" in amina.ok("net", "prefer", "speed")
        closed.listen()
        assert "answers" not in amina.ok("net", "proxy", f"socks5h://{address}")
    amina.ok("net", "proxy", "off")
    assert amina.json("net", "probe")["state"] == "direct"
    for wrong in ("http://a", "socks5://[::1", "socks5://a:99999", "foo", "of"):
        amina.run("net", "proxy", wrong)
        assert amina.code == 2
        assert amina.err.startswith("error: bad-proxy: ")


def test_links_that_are_none_and_bridges_that_are_not_there(amina: Terminal) -> None:
    for link in ("", "zajil:", "https://chat.example/b#AAAA", "hello"):
        amina.refused("bad-link", "net", "add", link)
    person = amina.ok("contact-link").strip()
    amina.refused("person-link", "net", "add", person)
    assert f" add {shlex.quote(person)}" in amina.err, "the command to copy"
    for link in (encode_bridge_link(BRIDGES), encode_bridge_link(BRIDGES, front="https://chat.example")):
        amina.refused("bridge-link", "add", link)
        assert f"net add {shlex.quote(link)}" in amina.err
    amina.refused("too-young", "net", "share")
    assert "from their eighth day on" in amina.err
    amina.ok("net", "forget")


class Typed(io.StringIO):
    """Somebody at the keyboard."""

    def isatty(self) -> bool:
        return True


def test_an_invite_is_no_link_of_bridges(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    link = encode_bridge_link(BRIDGES, front="https://chat.example")
    Terminal(tmp_path / "new", capsys).refused("bridge-link", "register", "--name", "X", "--invite", link)


def test_bridges_are_removed_when_that_is_meant(amina: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Nothing to remove" in amina.ok("net", "remove")
    amina.ok("net", "add", encode_bridge_link(BRIDGES))
    amina.run("net", "remove")
    assert amina.code == 2
    assert amina.err.startswith("error: remove-unasked: ")
    for answer in ("n\n", ""):
        monkeypatch.setattr("sys.stdin", Typed(answer))
        out = amina.ok("net", "remove")
        assert "1. Remove them?" in out
        assert "Nothing was changed" in out
    monkeypatch.setattr("sys.stdin", Typed("y\n"))
    assert "removed: 1" in amina.ok("net", "remove")
    amina.ok("net", "add", encode_bridge_link(BRIDGES))
    monkeypatch.undo()
    assert "removed: 1" in amina.ok("net", "remove", "--yes")
    assert "Nothing to remove" in amina.ok("net", "remove", "--yes")


def test_what_a_machine_reads_names_no_private_bridge() -> None:
    """Somebody pastes it into a report."""
    (endpoint,) = BRIDGES.endpoints()
    chosen = Try(Candidate("x", endpoint, Strategy.WSS), chosen=True)
    view = PathView("via", 0.0, HOST, 0, (chosen,))
    assert route_host(view) == ""
    assert HOST not in str(route_row(chosen))
