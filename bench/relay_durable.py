"""Messages of one to one that are stored before they are acknowledged, delivered, acknowledged and deleted.

Run: `make bench B=relay_durable`, or .venv/bin/python bench/relay_durable.py [--rounds N] [--only NAME,...]. Saturated:
200 pairs, each sends again when its last message arrived. Rate: 2,000 a second, whatever arrives. ejabberd and prosody
pass messages to those who are there on without storing them: the goals compare with that. `ejabberd-mam` stores them
in mnesia, which is not known to fsync for each. Peers parse XML and do more for a stanza than a relay. Synapse, which
orders events and keeps rooms, has ten pairs and is not asked for 2,000 a second.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
# ruff: noqa: E402  # the tree has to be on the path first
from bench.adapters import matrix, xmpp, zajil
from bench.peers import bare, ejabberd, postgres, prosody, synapse
from bench.peers import zajil as servers
from bench.peers.starting import Server
from bench.provision import Template, template
from bench.rounds import Entry, MissingError, Turn

from bench import relay, rounds

SYNAPSE_PAIRS: Final = 10


def play_peer(server: Server, open_pairs: Callable[[int], relay.Pairs]) -> Turn:
    """One turn of a peer."""
    turn = Turn()
    with server.run() as running:
        relay.run_load(lambda: relay.play(turn, open_pairs(running.port), running.pid))
    return turn


def play_zajil(server: servers.Zajil, made: Template, *, flags: int = 0) -> Turn:
    """One turn of ours, whose mailboxes have to be empty after it."""
    turn = Turn()
    relay.add_fsync(turn)
    with server.run(made.folder) as running:
        pairs = zajil.Pairs(running.port, made.pairs, flags=flags)
        emptied = servers.emptied(running.folder, turn)
        relay.run_load(lambda: relay.play(turn, pairs, running.pid, settle=pairs.settle, emptied=emptied))
    return turn


def play_postgres(cluster: postgres.Cluster, made: Template) -> Turn:
    """One turn of ours on PostgreSQL, in a database like the template's."""
    turn, database = Turn(), cluster.make_turn()
    relay.add_fsync(turn)
    with cluster.server(database).run(made.folder) as running:
        pairs, emptied = zajil.Pairs(running.port, made.pairs), cluster.emptied(database, turn)
        engines = cluster.engines
        relay.run_load(
            lambda: relay.play(turn, pairs, running.pid, engines=engines, settle=pairs.settle, emptied=emptied)
        )
    return turn


def play_synapse() -> Turn:
    """One turn of Synapse, saturated alone: it is far from 2,000 a second."""
    turn = Turn()
    with synapse.Synapse().run() as running:
        pairs = matrix.Pairs(running.port)
        relay.run_load(lambda: relay.play_saturated(turn, pairs, running.pid, count=SYNAPSE_PAIRS))
    return turn


def make_bare_entry(server: bare.Bare, made: Template, *, flags: int = 0) -> Entry:
    """The floor of our own wire as a subject."""

    def play_bare() -> Turn:
        turn = Turn()
        with server.run(made) as running:
            pairs, emptied = zajil.Pairs(running.port, made.pairs, flags=flags), None
            if server.stores:
                emptied = servers.emptied(running.folder, turn, file=bare.FILE_NAME, entries=bare.ENTRIES)
            relay.run_load(lambda: relay.play(turn, pairs, running.pid, settle=pairs.settle, emptied=emptied))
        return turn

    return Entry(server.name, server.describe, play_bare)


@contextmanager
def postgres_entries() -> Iterator[list[Entry]]:
    """Ours on PostgreSQL as a subject, whose cluster runs until the end of the block; where it can run."""
    try:
        postgres.describe()
    except MissingError as missing:
        print(f"zajil-pg: not on this machine; {missing}")
        yield []
        return
    with (
        postgres.run_cluster() as cluster,
        template(pairs=relay.PAIRS, server=cluster.server(postgres.TEMPLATE)) as made,
    ):
        yield [Entry("zajil-pg", postgres.describe, partial(play_postgres, cluster, made))]


def make_peer_entry(server: Server, open_pairs: Callable[[int], relay.Pairs]) -> Entry:
    """A peer as a subject."""
    return Entry(server.name, server.describe, lambda: play_peer(server, open_pairs))


def make_zajil_entry(server: servers.Zajil, made: Template, *, flags: int = 0) -> Entry:
    """A variant of ours as a subject."""
    return Entry(server.name, server.describe, lambda: play_zajil(server, made, flags=flags))


def main() -> None:
    """Prints every turn, the medians, and the goals."""
    options = rounds.make_parser(__doc__).parse_args()
    with ExitStack() as stack:
        made = stack.enter_context(template(pairs=relay.PAIRS))
        entries = [make_zajil_entry(server, made) for server in (*servers.VARIANTS, servers.NATIVE)]
        entries.append(make_bare_entry(bare.STORING, made))
        if not options.only or "zajil-pg" in options.only.split(","):
            entries += stack.enter_context(postgres_entries())
        entries += [make_peer_entry(server, xmpp.Pairs) for server in (*ejabberd.VARIANTS, ejabberd.ARCHIVING)]
        entries.append(make_peer_entry(prosody.Prosody(), xmpp.Pairs))
        entries.append(Entry("synapse", synapse.Synapse().describe, play_synapse))
        rounds.run("relay_durable", entries, params=relay.PARAMS, options=options)


if __name__ == "__main__":
    main()
