"""Four network namespaces: Anna and Boris, each on a network of their own, a server, and the router between them.

As in `tests.censor.lab.network` nothing in them reaches the machine or the internet, and the router is where blocks
sit. Loss is made where packets come in: one dropped on its way out is an error to its sender, and measures nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

from tests.censor.lab.network import Namespace, run, sweep, write_etc

ANNA: Final = "10.79.1.2"
BORIS: Final = "10.79.3.2"
SERVER: Final = "10.79.2.2"
NAMES: Final = {"origin.test": SERVER, "relay.test": SERVER, "relay.test.": SERVER}
"""One address: who blocks the relay by address blocks the site. For UDP Chromium asks with a dot at the end."""
_SIDES: Final = {"anna": (1, ANNA), "hosts": (2, SERVER), "boris": (3, BORIS)}
_TABLE: Final = "blocks"
_QUEUE: Final = "7"


class CallNetwork:
    """The namespaces, wired. Make it, use it, and `delete` it whatever happens."""

    def __init__(self, *, authority: bytes) -> None:
        """authority: the test CA's certificate (PEM), trusted inside."""
        sweep()
        stem = f"zjlab-{os.getpid()}"
        for name in (*_SIDES, "middle"):
            write_etc(f"{stem}-{name}", authority, resolver=None, names=NAMES)
        self.middle = Namespace(f"{stem}-middle")
        self.anna, self.hosts, self.boris = (Namespace(f"{stem}-{name}") for name in _SIDES)
        self._slow: subprocess.Popen[str] | None = None
        try:
            self._wire()
        except BaseException:
            self.delete()
            raise

    def _wire(self) -> None:
        middle = self.middle.name
        for (side, (number, address)), namespace in zip(
            _SIDES.items(), (self.anna, self.hosts, self.boris), strict=True
        ):
            name, router = namespace.name, f"10.79.{number}.1"
            run("ip", "-n", name, "link", "add", "dev", "out", "type", "veth", "peer", "name", side, "netns", middle)
            for inside, device, held in ((name, "out", address), (middle, side, router)):
                run("ip", "-n", inside, "address", "add", f"{held}/24", "dev", device)
                # Offloads would let packets of 64 KiB cross, and one loss take all of it.
                run("ip", "netns", "exec", inside, "ethtool", "-K", device, "tso", "off", "gso", "off", "gro", "off")
                run("ip", "-n", inside, "link", "set", device, "up")
            run("ip", "-n", name, "route", "add", "default", "via", router)
        self.middle.run("sysctl", "-qw", "net.ipv4.ip_forward=1")

    # --- what the router does

    def block(self, rules: Sequence[str] = (), names: Sequence[str] = ()) -> None:
        """What crosses the router is dropped from now on where a rule matches; what was blocked before is open again.

        rules: of nft. names: hosts, whose TLS handshakes are dropped, as a censor does who may not drop the address.
        """
        chain = "\n".join(f"{rule} counter drop;" for rule in rules)
        body = f"chain crossing {{ type filter hook forward priority 0;\n{chain}\n}}"
        head = f"add table ip {_TABLE}\ndelete table ip {_TABLE}\n"
        self.middle.run("nft", "-f", "-", stdin=f"{head}table ip {_TABLE} {{\n{body}\n}}\n")
        self.middle.run("iptables", "-F", "FORWARD")
        for name in names:
            naming = ("-m", "string", "--algo", "bm", "--string", name)
            self.middle.run("iptables", "-A", "FORWARD", "-p", "tcp", "--dport", "443", *naming, "-j", "DROP")

    def lose(self, percent: int) -> None:
        """Each of the three loses so many of the packets that reach it, whatever they carry."""
        drop = f"iifname out numgen random mod 100 < {percent} drop"
        table = f"table ip loss {{\nchain coming {{\ntype filter hook input priority 0\n{drop}\n}}\n}}\n"
        rules = f"add table ip loss\ndelete table ip loss\n{table if percent else ''}"
        for namespace in (self.anna, self.boris, self.hosts):
            namespace.run("nft", "-f", "-", stdin=rules)

    def slow_down(self, delay_ms: int) -> None:
        """Every packet waits so long at the router, each way. Needs the Python package netfilterqueue."""
        command = (sys.executable, "-m", "tests.censor.programs.netem", _QUEUE, str(delay_ms), "0", "0")
        self._slow = self.middle.start(*command, stdout=subprocess.PIPE, stderr=None)
        assert self._slow.stdout is not None
        assert self._slow.stdout.readline() == "ready\n", "the packet queue did not start"
        queue = ("-j", "NFQUEUE", "--queue-num", _QUEUE, "--queue-bypass")
        self.middle.run("iptables", "-t", "mangle", "-A", "FORWARD", *queue)

    def open(self) -> None:
        """No block, no loss, no delay."""
        self.block()
        self.middle.run("iptables", "-t", "mangle", "-F", "FORWARD")
        self.lose(0)
        if self._slow is not None:
            self.middle.end(self._slow)
            self._slow = None

    def delete(self) -> None:
        """Ends every process in here and removes the namespaces. Harmless the second time."""
        for name in ("anna", "boris", "hosts", "middle"):
            if (namespace := getattr(self, name, None)) is not None:
                namespace.delete()
