"""Three network namespaces in a row: client - router - servers. Nothing in them reaches the machine or the internet.

The router is where the censors of this laboratory sit; addresses 10.78.x.x exist in these namespaces alone. Names
carry the process id, so that two runs never meet and what a killed run left behind can be told and swept.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final

ROUTER_OF_CLIENT: Final = "10.78.1.1"
CLIENT: Final = "10.78.1.2"
ROUTER_OF_SERVERS: Final = "10.78.2.1"
ORIGIN: Final = "10.78.2.2"
BRIDGE_A: Final = "10.78.2.3"
FRONT: Final = "10.78.2.4"
TOOLS: Final = "10.78.2.5"
VANILLA: Final = "10.78.2.6"
CADDY_BRIDGE: Final = "10.78.2.7"
CADDY_VANILLA: Final = "10.78.2.8"
PLAIN: Final = "10.78.2.9"
NOWHERE: Final = "10.78.2.99"
NAMES: Final = {
    "origin.test": ORIGIN,
    "bridge-a.test": BRIDGE_A,
    "front.test": FRONT,
    "tools.test": TOOLS,
    "vanilla.test": VANILLA,
    "caddy.test": CADDY_BRIDGE,
    "plain.test": PLAIN,
}
_COUNTED: Final = "add table ip watch; add chain ip watch flows { type filter hook forward priority -10; }"
_PREFIX = "zjlab"
_ETC = Path("/etc/netns")
_TRUST = Path("/etc/ssl/certs/ca-certificates.crt")


class CommandFailed(Exception):
    """A command of the laboratory ended with an error; the text holds the command and what it said."""


def run(*command: str, stdin: str | None = None, timeout_s: float = 30.0) -> str:
    """Standard output of a command on this machine. Raises CommandFailed."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout_s, check=False)
    if done.returncode:
        raise CommandFailed(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


class Namespace:
    """One network namespace with the processes started in it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._processes: list[subprocess.Popen[str]] = []
        run("ip", "netns", "add", name)
        run("ip", "-n", name, "link", "set", "lo", "up")

    def inside(self, *command: str) -> list[str]:
        """The command line that runs `command` in this namespace."""
        return ["ip", "netns", "exec", self.name, *command]

    def run(self, *command: str, stdin: str | None = None, timeout_s: float = 30.0) -> str:
        """Standard output of a command in here. Raises CommandFailed."""
        return run(*self.inside(*command), stdin=stdin, timeout_s=timeout_s)

    def start(
        self,
        *command: str,
        env: Mapping[str, str] | None = None,
        stdin: int | None = subprocess.DEVNULL,
        stdout: int | IO[str] | None = subprocess.DEVNULL,
        stderr: int | IO[str] | None = subprocess.DEVNULL,
    ) -> subprocess.Popen[str]:
        """A process in here, ended with the laboratory at the latest."""
        process = subprocess.Popen(
            self.inside(*command),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            text=True,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
        self._processes.append(process)
        return process

    def end(self, process: subprocess.Popen[str], *, with_signal: signal.Signals = signal.SIGTERM) -> int:
        """Ends a process started here, by force after five seconds; its exit code."""
        if process.poll() is None:
            process.send_signal(with_signal)
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        if process in self._processes:
            self._processes.remove(process)
        return process.returncode

    def delete(self) -> None:
        """Ends what runs in here and removes the namespace."""
        for process in list(self._processes):
            self.end(process)
        for _ in range(2):  # a process may have started a child meanwhile
            for pid in subprocess.run(
                ["ip", "netns", "pids", self.name], capture_output=True, text=True
            ).stdout.split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, check=False)
        shutil.rmtree(_ETC / self.name, ignore_errors=True)


class Network:
    """The three namespaces, wired, with names resolved. Make it, use it, and `delete` it whatever happens."""

    def __init__(self, *, authority: bytes) -> None:
        """authority: the test CA's certificate (PEM); inside the namespaces it is in the system's trust store."""
        sweep()
        stem = f"{_PREFIX}-{os.getpid()}"
        for name in ("client", "router", "servers"):
            write_etc(f"{stem}-{name}", authority, resolver=ROUTER_OF_CLIENT if name == "client" else None)
        self.client = Namespace(f"{stem}-client")
        self.router = Namespace(f"{stem}-router")
        self.servers = Namespace(f"{stem}-servers")
        try:
            self._wire()
        except BaseException:
            self.delete()
            raise

    def _wire(self) -> None:
        client, router, servers = self.client.name, self.router.name, self.servers.name
        for outer, device, side in ((client, "out", "client0"), (servers, "lan", "servers0")):
            run("ip", "-n", outer, "link", "add", "dev", device, "type", "veth", "peer", "name", side, "netns", router)
        addresses = [(client, "out", [CLIENT]), (router, "client0", [ROUTER_OF_CLIENT])]
        addresses += [(router, "servers0", [ROUTER_OF_SERVERS])]
        addresses += [(servers, "lan", [f"10.78.2.{last}" for last in range(2, 10)])]
        for namespace, device, held in addresses:
            for address in held:
                run("ip", "-n", namespace, "address", "add", f"{address}/24", "dev", device)
            # Offloads would let packets of 64 KiB cross, which no censor on a real line ever sees.
            run("ip", "netns", "exec", namespace, "ethtool", "-K", device, "tso", "off", "gso", "off", "gro", "off")
            run("ip", "-n", namespace, "link", "set", device, "up")
        run("ip", "-n", client, "route", "add", "default", "via", ROUTER_OF_CLIENT)
        run("ip", "-n", servers, "route", "add", "default", "via", ROUTER_OF_SERVERS)
        # Without the second, rules on bytes of a connection load and never fire.
        self.router.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.netfilter.nf_conntrack_acct=1")
        # Connections are counted from their beginning, also those that are older than a censor's rules.
        self.router.run("nft", _COUNTED)
        self.router.run("nft", "add rule ip watch flows ct state new counter")

    def delete(self) -> None:
        """Ends every process in the three namespaces and removes them. Harmless the second time."""
        for name in ("client", "servers", "router"):
            if (namespace := getattr(self, name, None)) is not None:
                namespace.delete()

    def connections(self) -> list[tuple[int, str, int]]:
        """TCP connections of the client that live: local port, server, its port."""
        found = []
        for line in self.client.run("ss", "-Htn", "state", "established").splitlines():
            _, _, local, peer = line.split()[:4]
            server, _, port = peer.rpartition(":")
            if server.startswith("10.78.2."):
                found.append((int(local.rpartition(":")[2]), server, int(port)))
        return found


def write_etc(name: str, authority: bytes, *, resolver: str | None, names: Mapping[str, str] = NAMES) -> None:
    """What `ip netns exec` puts in place of files of /etc. names: addresses of hosts, where there is no resolver."""
    folder = _ETC / name
    (folder / "ssl" / "certs").mkdir(parents=True)
    (folder / "resolv.conf").write_text(f"nameserver {resolver}\noptions timeout:2 attempts:2\n" if resolver else "")
    (folder / "nsswitch.conf").write_text("hosts: files dns\n")
    known = "" if resolver else "".join(f"{address} {host}\n" for host, address in names.items())
    (folder / "hosts").write_text(f"127.0.0.1 localhost\n{known}")
    system = _TRUST.read_bytes() if _TRUST.exists() else b""
    (folder / "ssl" / "certs" / "ca-certificates.crt").write_bytes(system + authority)
    with contextlib.suppress(FileNotFoundError):
        shutil.copy("/etc/ssl/openssl.cnf", folder / "ssl" / "openssl.cnf")


def sweep() -> None:
    """Remove namespaces of runs whose process is gone."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=False).stdout
    for name in {*re.findall(rf"^({_PREFIX}-\d+-\w+)", listed, re.MULTILINE), *_leftovers()}:
        owner = int(name.split("-")[1])
        if owner != os.getpid() and not Path(f"/proc/{owner}").exists():
            for pid in subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True).stdout.split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
            shutil.rmtree(_ETC / name, ignore_errors=True)


def _leftovers() -> Sequence[str]:
    return [path.name for path in _ETC.glob(f"{_PREFIX}-*-*")] if _ETC.is_dir() else []


def wait_until(what: str, check: object, *, timeout_s: float = 10.0) -> None:
    """Calls `check` until it is true, every 20 ms. Raises AssertionError naming what was waited for."""
    assert callable(check)
    deadline = time.monotonic() + timeout_s
    while not check():
        assert time.monotonic() < deadline, f"not in {timeout_s:g} s: {what}"
        time.sleep(0.02)
