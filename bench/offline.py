"""Messages to people who are away: how fast they are stored, and how fast a device that comes back has them all.

Run: `make bench B=offline`, or .venv/bin/python bench/offline.py [--rounds N] [--only NAME,...] [--messages N]. Ten
senders with 20 messages under way each write 5,000 to ten receivers who are away; then each receiver comes, one after
the other, takes what waits in order and acknowledges it. Ours stores before it answers, with fsync. XMPP answers no
message: a sender asks the server for its features after every 20, which it answers behind them; neither ejabberd's
mnesia nor prosody's files are known to fsync for each message.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final, Protocol

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
# ruff: noqa: E402  # the tree has to be on the path first
from bench.adapters import xmpp, zajil
from bench.generate import Load, make_stamp
from bench.measure import Meter
from bench.peers import ejabberd, prosody
from bench.peers import zajil as servers
from bench.peers.starting import Server
from bench.provision import Pair, Template, template
from bench.rounds import Entry, Turn, WrongResultError

from bench import relay, rounds

SENDERS: Final = 10
FLYING: Final = 20
MESSAGES: Final = 5000
DRAIN_S: Final = 60.0


class Party(Protocol):
    """Senders who are there and receivers who are not."""

    async def open(self, load: Load) -> None:
        """Make both."""

    async def store(self, each: int) -> None:
        """Every sender sends so many, at most FLYING at once; all are stored at the end."""

    async def fetch(self, number: int, each: int) -> None:
        """This receiver comes, and has all that waited at the end."""

    async def close(self) -> None:
        """Wait for what is still owed, and end all connections."""


class ZajilParty:
    """S and R of each sender; R of a receiver only once it comes."""

    def __init__(self, port: int, pairs: Sequence[Pair]) -> None:
        self._port, self._pairs = port, pairs
        self._echoes: list[zajil.Receiving] = []
        self._open: list[zajil.Session] = []
        self._load = Load(0)
        self._sent = 0

    async def open(self, load: Load) -> None:
        """See Party."""
        self._load = load
        self._echoes = [await zajil.open_receiver(self._port, pair.sender) for pair in self._pairs]
        self._open = [*self._echoes]

    async def store(self, each: int) -> None:
        """See Party."""
        await asyncio.gather(*(self._store_one(pair, each) for pair in self._pairs))

    async def _store_one(self, pair: Pair, each: int) -> None:
        envelope, done = zajil.Envelope(pair.group), asyncio.get_running_loop().create_future()
        left, answered = each, 0

        def send() -> None:
            nonlocal left
            left -= 1
            self._sent += 1
            session.put(envelope.make(make_stamp()))

        def accepted() -> None:
            nonlocal answered
            answered += 1
            if left:
                send()
            elif answered == each:
                done.set_result(None)

        session = await zajil.open_session(lambda: zajil.Sending(accepted), self._port)
        self._open.append(session)
        for _ in range(min(FLYING, each)):
            send()
        await done

    async def fetch(self, number: int, each: int) -> None:
        """See Party."""
        session = await zajil.open_receiver(
            self._port, self._pairs[number].receiver, partial(self._load.arrived, number), patience_s=DRAIN_S
        )
        self._open.append(session)
        if session.drained_messages != each:
            raise WrongResultError(f"{session.drained_messages} of {each} waited")

    async def close(self) -> None:
        """See Party."""
        await zajil.until(lambda: sum(echo.messages for echo in self._echoes) == self._sent)

    def hang_up(self) -> None:
        """End all connections."""
        for session in self._open:
            session.close()


class XmppParty:
    """Accounts of which the receivers have logged in once and left."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._senders: list[xmpp.Client] = []
        self._receivers: list[xmpp.Client] = []
        self._load = Load(0)

    async def open(self, load: Load) -> None:
        """See Party."""
        self._load = load
        self._senders = await xmpp.open_clients(self._port, _names("a"), lambda _, __: None)
        await xmpp.make_accounts(self._port, _names("b"))

    async def store(self, each: int) -> None:
        """See Party."""
        await asyncio.gather(*(self._store_one(number, each) for number in range(SENDERS)))

    async def _store_one(self, number: int, each: int) -> None:
        client, make = self._senders[number], xmpp.make_message(f"b{number}@localhost")
        for start in range(0, each, FLYING):
            client.write(b"".join(make(make_stamp()) for _ in range(min(FLYING, each - start))))
            await client.ask("get", xmpp.FEATURES, to="localhost")

    async def fetch(self, number: int, each: int) -> None:
        """See Party."""
        loop = asyncio.get_running_loop()
        done, came = loop.create_future(), 0

        def arrived(stamped: int) -> None:
            nonlocal came
            came += 1
            self._load.arrived(number, stamped)
            if came == each:
                done.set_result(None)

        client = await xmpp.open_client(self._port, f"b{number}", arrived, new=False)
        self._receivers.append(client)
        client.go_live()
        client.write(b"<presence/>")
        try:
            async with asyncio.timeout(DRAIN_S):
                await done
        except TimeoutError:
            raise WrongResultError(f"{came} of {each} waited for b{number}") from None

    async def close(self) -> None:
        """See Party."""
        for client in [*self._senders, *self._receivers]:
            client.close()


def _names(letter: str) -> list[str]:
    return [f"{letter}{number}" for number in range(SENDERS)]


async def play(turn: Turn, party: Party, pid: int, messages: int) -> None:
    """Store all, then drain all."""
    load, meter, each = Load(SENDERS), Meter([pid]), messages // SENDERS
    await party.open(load)
    meter.start()
    await party.store(each)
    stored = meter.stop()
    turn.take(stored)
    meter.start()
    began = time.perf_counter()
    for number in range(SENDERS):
        await party.fetch(number, each)
    took, drained = time.perf_counter() - began, meter.stop()
    turn.take(drained)
    turn.checks["sent"] = each * SENDERS
    turn.expect("received", load.received, each * SENDERS)
    turn.expect("disordered", load.disordered, 0)
    turn.metrics |= {
        "store_per_s": each * SENDERS / stored.wall_s,
        "store_cpu_us": stored.cpu_us(each * SENDERS),
        "drain_per_s": each * SENDERS / took,
        "drain_cpu_us": drained.cpu_us(each * SENDERS),
    }
    await party.close()


def play_peer(server: Server, messages: int) -> Turn:
    """One turn of a peer."""
    turn = Turn()
    with server.run() as running:
        relay.run_load(lambda: play(turn, XmppParty(running.port), running.pid, messages))
    return turn


def play_zajil(server: servers.Zajil, made: Template, messages: int) -> Turn:
    """One turn of ours, whose mailboxes have to be empty after it."""
    turn = Turn()
    relay.add_fsync(turn)
    with server.run(made.folder) as running:
        party, emptied = ZajilParty(running.port, made.pairs), servers.emptied(running.folder, turn)

        async def whole() -> None:
            await play(turn, party, running.pid, messages)
            await emptied()
            party.hang_up()

        relay.run_load(whole)
    return turn


def make_entries(made: Template, messages: int) -> list[Entry]:
    """Every subject."""
    ours = [Entry(s.name, s.describe, partial(play_zajil, s, made, messages)) for s in servers.VARIANTS]
    peers = (*ejabberd.VARIANTS, prosody.Prosody())
    return ours + [Entry(peer.name, peer.describe, partial(play_peer, peer, messages)) for peer in peers]


def main() -> None:
    """Prints every turn, the medians, and the goals."""
    parser = rounds.make_parser(__doc__)
    parser.add_argument("--messages", type=int, default=MESSAGES)
    options = parser.parse_args()
    params = {"senders": SENDERS, "flying": FLYING, "messages": options.messages, "body_bytes": 256}
    with template(pairs=SENDERS) as made:
        rounds.run("offline", make_entries(made, options.messages), params=params, options=options)


if __name__ == "__main__":
    main()
