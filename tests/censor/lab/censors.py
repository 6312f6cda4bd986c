"""What the censor in the router does. A scenario is a list of these steps; `lift` undoes all of them.

Each imitates published behaviour and is shown by `test_censors.py` to block what it should and to pass the rest.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.censor.lab.network import NAMES, ROUTER_OF_CLIENT, Network, wait_until
from tests.censor.lab.scenarios import Scenario

_TABLE: Final = "censor"
_QUEUE: Final = "7"
_SURICATA = """%YAML 1.1
---
vars: {address-groups: {HOME_NET: "any", EXTERNAL_NET: "any"}, port-groups: {}}
default-log-dir: LOGS
outputs:
  - fast: {enabled: yes, filename: fast.log}
app-layer: {protocols: {tls: {enabled: yes, detection-ports: {dp: 443}, ja3-fingerprints: yes, ja4-fingerprints: yes}}}
nfq: {mode: accept, batchcount: 20, fail-open: yes}
stream: {inline: yes, midstream: false, checksum-validation: no, reassembly: {depth: 1mb}}
detect: {profile: low, sgh-mpm-context: single}
"""


class Censor:
    """The middle of the line: `prepare`, `switch_on`, and `lift` to make it open again."""

    def __init__(
        self,
        network: Network,
        folder: Path,
        *,
        facts: Mapping[str, Callable[[], str]] | None = None,
        references: Sequence[str] = (),
    ) -> None:
        """facts: makes what scenarios name as `{ja4}` and so on, when it is needed. references: of the prober."""
        self._network = network
        self._router = network.router
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._facts = dict(facts or {})
        self._touched: list[Path] = []
        self._running: list[subprocess.Popen[str]] = []
        self._dnsmasq: subprocess.Popen[str] | None = None
        self._queued = False
        self._references = tuple(references)
        self.verdicts = folder / "verdicts.json"
        self.resolve()

    # --- names

    def resolve(self, **poisoned: str) -> None:
        """The router's resolver answers for all names; poisoned ones with the address given."""
        if self._dnsmasq is not None:
            self._router.end(self._dnsmasq)
        records = {**NAMES, **{name.replace("_", "."): address for name, address in poisoned.items()}}
        lines = ["no-resolv", "no-hosts", "bind-interfaces", f"listen-address={ROUTER_OF_CLIENT}", "local-ttl=1"]
        lines += ["user=root", f"pid-file={self._folder}/dnsmasq.pid", "keep-in-foreground", "local=/test/"]
        lines += [f"host-record={host},{address}" for host, address in records.items()]
        config = self._folder / "dnsmasq.conf"
        config.write_text("\n".join(lines) + "\n")
        self._dnsmasq = self._router.start("dnsmasq", "-C", str(config))
        wait_until("dnsmasq listens", lambda: f"{ROUTER_OF_CLIENT}:53 " in self._router.run("ss", "-Huln"))

    # --- steps

    def prepare(self, scenario: Scenario) -> None:
        """What needs time: starts programs that no packet is shown to yet."""
        self._take(scenario.setup)
        self._take(step for step in scenario.switch_on if step[0] in _SLOW)

    def switch_on(self, scenario: Scenario) -> None:
        """The block of a prepared scenario begins; in force when this returns."""
        self._take(step for step in scenario.switch_on if step[0] not in _SLOW)
        if self._running and any(step[0] in _SLOW for step in scenario.switch_on):
            self._send_to_queue()

    def _take(self, steps: Iterable[Sequence[str]]) -> None:
        for name, *arguments in steps:
            STEPS[name](self, *map(self._fill, arguments))

    def _fill(self, argument: str) -> str:
        """The argument with facts in place of their names; braces that name no fact stay."""
        for name, make in self._facts.items():
            if f"{{{name}}}" in argument:
                argument = argument.replace(f"{{{name}}}", make())
        return argument

    def _poison(self, host: str, address: str) -> None:
        self._nft("chain names { type nat hook prerouting priority -100; udp dport 53 redirect to :53; }")
        self.resolve(**{host.replace(".", "_"): address})

    def _drop(self, match: str) -> None:
        """Everything that crosses the router and matches, both ways."""
        self._nft(f"chain blocks {{ type filter hook forward priority 0; {match} drop; }}")

    def _rules(self, body: str) -> None:
        self._nft(body)

    def _nft(self, body: str) -> None:
        self._router.run("nft", "-f", "-", stdin=f"table ip {_TABLE} {{\n{body}\n}}\n")

    def _queue(self, kind: str, *arguments: str) -> None:
        """A censor of `programs` on the packet queue."""
        self._program("tests.censor.programs.nfq", kind, _QUEUE, *arguments)

    def _line(self, delay_ms: str, jitter_ms: str, loss: str) -> None:
        self._program("tests.censor.programs.netem", _QUEUE, delay_ms, jitter_ms, loss)

    def _prober(self) -> None:
        """Watches, probes and burns; what an earlier prober of this run judged is burned at once."""
        self._nft(
            "set burned { type ipv4_addr; }\n"
            "chain burning { type filter hook forward priority 0; ip daddr @burned drop; ip saddr @burned drop; }"
        )
        self._program("tests.censor.programs.prober", "client0", str(self.verdicts), *self._references)

    def _program(self, module: str, *arguments: str) -> None:
        process = self._router.start(sys.executable, "-m", module, *arguments, stdout=subprocess.PIPE, stderr=None)
        self._running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", f"{module} did not start"

    def _send_to_queue(self) -> None:
        if not self._queued:
            self._queued = True
            queue = ("-j", "NFQUEUE", "--queue-num", _QUEUE, "--queue-bypass")
            self._router.run("iptables", "-t", "mangle", "-A", "FORWARD", "-p", "tcp", *queue)

    def _suricata(self, rule: str) -> None:
        """Suricata between client and servers, with this one rule."""
        logs = self._folder / "suricata"
        logs.mkdir(exist_ok=True)
        (logs / "suricata.yaml").write_text(_SURICATA.replace("LOGS", str(logs)))
        (logs / "rules").write_text(rule + "\n")
        output = (logs / "output").open("w", encoding="utf-8")
        with output:
            process = self._router.start(
                *("suricata", "-c", str(logs / "suricata.yaml"), "-q", _QUEUE, "-S", str(logs / "rules")),
                *("-k", "none", "-l", str(logs), "--pidfile", str(logs / "pid")),
                stdout=output,
                stderr=output,
            )
        self._running.append(process)
        told = logs / "output"
        wait_until(
            "Suricata runs", lambda: "Engine started" in told.read_text() or process.poll() is not None, timeout_s=60
        )
        assert process.poll() is None, told.read_text()[-2000:]
        assert "1 rules successfully loaded, 0 rules failed" in told.read_text(), told.read_text()[-2000:]

    def _throttle(self, rate: str, burst: str, latency: str) -> None:
        for device in ("client0", "servers0"):
            shape = ("root", "tbf", "rate", rate, "burst", burst, "latency", latency)
            self._router.run("tc", "qdisc", "add", "dev", device, *shape)

    def _touch(self, path: str) -> None:
        Path(path).touch()
        self._touched.append(Path(path))

    def drop(self, match: str) -> None:
        """Everything that crosses the router and matches, until `lift`."""
        self._drop(match)

    # --- both ends

    def cut(self, how: str) -> None:
        """What becomes of the connections that live now: `drop` swallows their packets, `reset` ends them."""
        flows = [f"{port} . {server} . {server_port}" for port, server, server_port in self._network.connections()]
        if how == "no" or not flows:
            return
        verdict = "drop" if how == "drop" else "reject with tcp reset"
        elements = ", ".join(flows)
        self._nft(
            "set cut { type inet_service . ipv4_addr . inet_service; elements = { " + elements + " } }\n"
            "chain cuts { type filter hook forward priority -5; "
            f"tcp sport . ip daddr . tcp dport @cut {verdict}; tcp dport . ip saddr . tcp sport @cut {verdict}; }}"
        )

    def lift(self) -> None:
        """An open line again, with honest names."""
        for process in self._running:
            self._router.end(process)
        self._running.clear()
        if self._queued:
            self._router.run("iptables", "-t", "mangle", "-F", "FORWARD")
            self._queued = False
        self._router.run("nft", "-f", "-", stdin=f"add table ip {_TABLE}\ndelete table ip {_TABLE}\n")
        for device in ("client0", "servers0"):
            if "tbf" in self._router.run("tc", "qdisc", "show", "dev", device):
                self._router.run("tc", "qdisc", "del", "dev", device, "root")
        for path in self._touched:
            path.unlink(missing_ok=True)
        self._touched.clear()
        self.resolve()

    def read_verdicts(self) -> dict[str, list[str]]:
        """What the prober found so far: differences by address, none for a server that looks like any other."""
        found: dict[str, list[str]] = json.loads(self.verdicts.read_text()) if self.verdicts.exists() else {}
        return found

    def dropped(self) -> int:
        """Packets that `nft` rules with a counter dropped so far."""
        listed = json.loads(self._router.run("nft", "-j", "list", "table", "ip", _TABLE))["nftables"]
        counters = [part["counter"]["packets"] for entry in listed for part in entry.get("rule", {}).get("expr", [])
                    if "counter" in part]  # fmt: skip
        return sum(counters)


_SLOW: Final = ("queue", "line", "suricata")
STEPS: Final[dict[str, Callable[..., None]]] = {
    "poison": Censor._poison,
    "drop": Censor._drop,
    "rules": Censor._rules,
    "prober": Censor._prober,
    "queue": Censor._queue,
    "line": Censor._line,
    "suricata": Censor._suricata,
    "throttle": Censor._throttle,
    "touch": Censor._touch,
}
