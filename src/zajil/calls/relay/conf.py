"""The configuration of coturn 4.6 that calls need, as text. What it must not do is said outright, not left to defaults.

Anybody with a call may use a relay, so it reaches no private network, no loopback and not itself, but for its own
addresses: two people on one relay meet there. It writes no log. Source: turnserver.conf(5), RFC 6890.
"""

from __future__ import annotations

from typing import Final, NamedTuple

PORT: Final = 3478
TLS_PORT: Final = 5349
FIRST_PORT: Final = 49160
ALLOCATIONS: Final = 1200
LAST_PORT: Final = 50559
"""1,400 of them, a port for each allocation and some that are let go."""
BYTES_A_SECOND: Final = 250_000
"""Of one allocation, each way; coturn sets as much of the capacity aside for it."""
DENIED: Final = (
    *("0.0.0.0-0.255.255.255", "10.0.0.0-10.255.255.255", "100.64.0.0-100.127.255.255"),
    *("127.0.0.0-127.255.255.255", "169.254.0.0-169.254.255.255", "172.16.0.0-172.31.255.255"),
    "168.63.129.16-168.63.129.16",
    *("192.0.0.0-192.0.0.255", "192.0.2.0-192.0.2.255", "192.88.99.0-192.88.99.255"),
    *("192.168.0.0-192.168.255.255", "198.18.0.0-198.19.255.255", "198.51.100.0-198.51.100.255"),
    *("203.0.113.0-203.0.113.255", "224.0.0.0-255.255.255.255"),
    *("::-::1", "::ffff:0:0-::ffff:ffff:ffff", "64:ff9b::-64:ff9b::ffff:ffff"),
    *("64:ff9b:1::-64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "100::-100::ffff:ffff:ffff:ffff"),
    *("2001::-2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
    *("2002::-2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fc00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    "fe80::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
)
"""Private, loopback, link-local, CGNAT, documentation, translation, multicast and reserved, and the one public address
at which Azure answers its machines about themselves."""


class RelayPlan(NamedTuple):
    """What differs from relay to relay.

    realm: its name. secret: shared with the server. public_ip: "" for one that serves this machine alone, on loopback.
    private_ip: what the machine has behind NAT, "" without. cert, key: PEM files, "" without TLS. pidfile: where it
    writes its number, "" for coturn's own place. userdb: coturn's database, made if missing and then left empty. Where
    it cannot be one, coturn 4.6 refuses every credential, also those that it reckons. capacity: bytes a second of all
    allocations together, 0 without a limit.
    """

    realm: str
    secret: str
    public_ip: str
    private_ip: str = ""
    port: int = PORT
    tls_port: int = TLS_PORT
    cert: str = ""
    key: str = ""
    pidfile: str = ""
    userdb: str = "/var/lib/turn/turndb"
    capacity: int = 0


def render_conf(plan: RelayPlan) -> str:
    """The file. It holds the secret: mode 0600, and readable for coturn's user where that is another.

    Raises ValueError for a value that would not stay on its line.
    """
    lines = [
        "# coturn for calls of Zajil. It holds a secret: keep it readable for coturn alone.",
        "use-auth-secret",
        f"static-auth-secret={plan.secret}",
        f"realm={plan.realm}",
        "fingerprint",
        "stale-nonce=600",
        "",
        *_addresses(plan),
        f"listening-port={plan.port}",
        *_tls(plan),
        f"min-port={FIRST_PORT}",
        f"max-port={LAST_PORT}",
        "no-dtls",
        "no-tcp-relay",
        "",
        "no-multicast-peers",
        *(f"denied-peer-ip={each}" for each in DENIED),
        *(f"allowed-peer-ip={each}" for each in _own(plan)),
        "user-quota=24",
        f"total-quota={ALLOCATIONS}",
        f"max-bps={BYTES_A_SECOND}",
        *([f"bps-capacity={plan.capacity}"] if plan.capacity else []),
        "",
        "# No log: who calls whom is nobody's business. simple-log, or the name gets a date and is a file after all.",
        "log-file=/dev/null",
        "simple-log",
        "no-stdout-log",
        f"userdb={plan.userdb}",
        "no-software-attribute",
        "no-cli",
        *([f"pidfile={plan.pidfile}"] if plan.pidfile else []),
    ]
    if not all(line.isprintable() for line in lines):
        raise ValueError("unprintable value for turnserver.conf")
    return "\n".join(lines) + "\n"


def _addresses(plan: RelayPlan) -> list[str]:
    if not plan.public_ip:
        return ["listening-ip=127.0.0.1", "relay-ip=127.0.0.1", "allow-loopback-peers"]
    return [f"external-ip={plan.public_ip}/{plan.private_ip}" if plan.private_ip else f"external-ip={plan.public_ip}"]


def _own(plan: RelayPlan) -> list[str]:
    return [each for each in (plan.public_ip, plan.private_ip) if each] or ["127.0.0.1"]


def _tls(plan: RelayPlan) -> list[str]:
    if not plan.cert:
        return ["no-tls"]
    return [
        f"tls-listening-port={plan.tls_port}",
        f"cert={plan.cert}",
        f"pkey={plan.key}",
        "no-tlsv1",
        "no-tlsv1_1",
    ]
