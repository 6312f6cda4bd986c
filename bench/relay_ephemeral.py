"""Messages of one to one that nobody stores: hints such as typing, beside brokers that do nothing else.

Run: `make bench B=relay_ephemeral`, or .venv/bin/python bench/relay_ephemeral.py [--rounds N] [--only NAME,...]. The
shape is that of `relay_durable`. Zajil checks the epoch token of each and answers the sender; the brokers check and
answer nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
# ruff: noqa: E402  # the tree has to be on the path first
from bench.adapters import brokers as loads
from bench.adapters import xmpp
from bench.peers import bare, brokers, ejabberd, prosody
from bench.peers import zajil as servers
from bench.provision import template
from bench.relay_durable import make_bare_entry, make_peer_entry, make_zajil_entry

from bench import relay, rounds
from zajil.protocol.frames import EPHEMERAL


def main() -> None:
    """Prints every turn, the medians, and the goals."""
    options = rounds.make_parser(__doc__).parse_args()
    with template(pairs=relay.PAIRS) as made:
        entries = [make_zajil_entry(server, made, flags=EPHEMERAL) for server in (*servers.VARIANTS, servers.NATIVE)]
        entries.append(make_bare_entry(bare.PASSING, made, flags=EPHEMERAL))
        entries += [make_peer_entry(server, xmpp.Pairs) for server in ejabberd.VARIANTS]
        entries.append(make_peer_entry(prosody.Prosody(), xmpp.Pairs))
        entries.append(make_peer_entry(brokers.Mosquitto(), loads.open_mqtt))
        entries.append(make_peer_entry(brokers.Nats(), loads.open_nats))
        rounds.run("relay_ephemeral", entries, params=relay.PARAMS, options=options)


if __name__ == "__main__":
    main()
