"""What a group of 256 devices costs in suite 0x0001, beside one of 128 in X-Wing (0x0053): times and sizes.

Run: `make bench B=group_size`, or .venv/bin/python bench/group_size.py [--members N] [--xwing N] [--listeners N]
[--messages N]. With --grow N it measures something else instead: making room in the group in X-Wing, which is full,
and adding people one by one until there are N. One real server in its own process; every member is an account of one
device that registered through the product's own door and published its KeyPackages. **Only the owner and the listeners
(12) are whole running clients**, all in this one process and its event loop; the others are real accounts and leaves
whose device is switched off. Listeners are added last, so they join a group of nearly its full size. One more account
is removed at the end.

A listener's time is one verb of the client in its own store, with the checks of the chat, without the flush. `arrives`
goes from the call of `send` to the message being durable at a listener, and holds the work of the other clients in
this process too. With few samples p99 is their worst. Figures are of this machine in this run; none passes or fails.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
# ruff: noqa: E402  # the tree has to be on the path first
from tests.client.serving import Served, serve

from zajil.client import Client
from zajil.client.core import commits, joining, sync
from zajil.client.core.core import Core
from zajil.client.core.talk import contents
from zajil.client.shell.calls import contact_auth
from zajil.client.shell.chains import fetch_chain
from zajil.client.state import accounts
from zajil.client.state.step import Step
from zajil.client.views import Chat, Contact
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import AccountId, parse_b64
from zajil.protocol.limits import SUITE_RFC1, SUITE_XWING, XWING_LEAVES

WAIT_S: Final = 600.0
AT_ONCE: Final = 4
"""Accounts that register at the same time."""
MIB: Final = 1024 * 1024
MS: Final = 1000


class Note(NamedTuple):
    """One verb that a client of this process carried out: when it ended, how long it took, bytes of the message."""

    what: str
    account: bytes
    gid: bytes
    at: float
    took_s: float
    size: int


class Notes:
    """What happened in this process. The product knows nothing of it: its functions are wrapped here."""

    def __init__(self) -> None:
        self.rows: list[Note] = []
        self._opened: list[tuple[bytes, bytes]] = []
        self._changed = asyncio.Event()

    def find(self, what: str, gid: bytes, since: float) -> list[Note]:
        """Notes of one kind in one group that ended after a time of `perf_counter`."""
        return [note for note in self.rows if (note.what, note.gid) == (what, gid) and note.at >= since]

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for something that the clients of this process do."""
        async with asyncio.timeout(WAIT_S):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    def wrap(self) -> None:
        """Note Welcomes, commits and messages from now on."""
        self._time(joining, "take_welcome", lambda args: (args[0], len(args[2])))
        self._time(sync, "_take_commit", lambda args: (args[0].gid, len(args[1])))
        self._time(commits, "apply_echo", lambda args: (args[1].gid, 0))
        show, take = contents.take_content, Core.take_messages

        def shown(step: Step, chat: Any, opened: Any) -> Any:  # Any: the wrapped function's own
            self._opened.append((step.profile.account_id, chat.gid))
            return show(step, chat, opened)

        def taken(core: Core, batch: Any) -> int:  # Any: the wrapped function's own
            began = time.perf_counter()
            last = take(core, batch)
            now = time.perf_counter()
            self.rows += [Note("message", account, gid, now, now - began, 0) for account, gid in self._opened]
            self._opened.clear()
            self._changed.set()
            return last

        contents.take_content = shown
        Core.take_messages = taken  # type: ignore[method-assign,assignment]  # wrapped for this process alone

    def _time(self, module: Any, name: str, about: Callable[[Any], tuple[bytes, int]]) -> None:  # Any: a module
        act = getattr(module, name)

        def timed(step: Step, *args: Any, **named: Any) -> Any:  # Any: the wrapped function's own
            began = time.perf_counter()
            result = act(step, *args, **named)
            now = time.perf_counter()
            gid, size = about(args)
            self.rows.append(Note(name, step.profile.account_id, gid, now, now - began, size))
            self._changed.set()
            return result

        setattr(module, name, timed)


class Person(NamedTuple):
    """A registered account and how the owner reaches it."""

    account: bytes
    token: bytes
    home: Path


class Row(NamedTuple):
    """One line of the table: what, its unit, and the figure."""

    what: str
    unit: str
    value: float


def share(values: Sequence[float], part: float) -> float:
    """The smallest value that such a part of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def percentiles(what: str, values: Sequence[float]) -> list[Row]:
    """p50 and p99 of seconds, in ms."""
    return [Row(f"{what}, p50", "ms", share(values, 0.5) * MS), Row(f"{what}, p99", "ms", share(values, 0.99) * MS)]


def forget_peak(pid: int | str) -> None:
    """Let the kernel count the most memory of a process from now on."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def peak_mib(pid: int | str) -> float:
    """The most memory of a process since then, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


async def enrol(homes: Path, url: str, number: int) -> tuple[Client, Person]:
    """Register one account; its client is open and has published."""
    home = homes / f"m{number}"
    client = await Client.register(home, server=url, name=f"Member {number}")
    profile = client._device.profile  # noqa: SLF001  # a bench looks into a client
    return client, Person(profile.account_id, profile.profile_token, home)


async def enrol_all(homes: Path, url: str, count: int) -> list[Person]:
    """Register so many accounts and switch their devices off."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> Person:
        async with slots:
            client, person = await enrol(homes, url, number)
            await client.close()
            return person

    return list(await asyncio.gather(*(one(number) for number in range(count))))


async def learn(owner: Client, person: Person) -> None:
    """What `add_contact` learns by a link, without the DM."""
    device = owner._device  # noqa: SLF001  # as above
    lists = await fetch_chain(device.calls, AccountId(person.account), auth=contact_auth(person.token))
    with device.core.step("learn") as step:
        accounts.learn_chain(step, person.account, lists)
        accounts.learn_link(step, person.account, "", person.token)


async def settle(clients: Sequence[Client]) -> None:
    """Until nobody has anything to fetch or to send."""
    for _ in range(2):
        for client in clients:
            await client.sync()


class Party(NamedTuple):
    """Who runs: the owner, the listeners, and what they do is noted."""

    owner: Client
    listeners: list[Client]
    notes: Notes

    async def all_heard(self, what: str, gid: bytes, since: float) -> list[Note]:
        """The first note of each listener, once all have one."""
        await self.notes.until(lambda: len(self.heard(what, gid, since)) == len(self.listeners))
        return self.heard(what, gid, since)

    def heard(self, what: str, gid: bytes, since: float) -> list[Note]:
        """The first note of each listener."""
        own = {parse_b64(client.account_id) for client in self.listeners}
        first: dict[bytes, Note] = {}
        for note in self.notes.find(what, gid, since):
            if note.account in own:
                first.setdefault(note.account, note)
        return list(first.values())


async def make_group(party: Party, people: Sequence[Contact], *, large: bool) -> tuple[Chat, list[Row]]:
    """The group with all of these people, by the product's own commits, and its joins."""
    began = time.perf_counter()
    chat = await party.owner.create_group("Doves", people, large=large)
    took = time.perf_counter() - began
    gid = parse_b64(chat.id)
    joins = await party.all_heard("take_welcome", gid, began)
    made = len(party.notes.find("apply_echo", gid, began))
    await settle([party.owner, *party.listeners])
    return chat, [
        Row("adding all others, claims included", "s", took),
        Row("commits for that", "", made),
        Row("one of these commits", "s", took / max(1, made)),
        *percentiles("join: Welcome processed", [note.took_s for note in joins]),
        Row("largest Welcome", "KiB", max(note.size for note in joins) / 1024),
    ]


async def send_messages(party: Party, chat: Chat, count: int) -> list[Row]:
    """Messages one after the other, each awaited at all listeners."""
    gid = parse_b64(chat.id)
    accepted: list[float] = []
    arrived: list[float] = []
    for number in range(count):
        began = time.perf_counter()
        await party.owner.send(chat, f"message {number}")
        accepted.append(time.perf_counter() - began)
        arrived += [note.at - began for note in await party.all_heard("message", gid, began)]
        await asyncio.sleep(0.2)
    return [*percentiles("message: sent and accepted", accepted), *percentiles("message: arrives", arrived)]


async def remove_one(party: Party, chat: Chat, who: Contact) -> list[Row]:
    """Remove a member whose device is switched off."""
    gid, began = parse_b64(chat.id), time.perf_counter()
    await party.owner.remove_member(chat, who)
    took = time.perf_counter() - began
    notes = await party.all_heard("_take_commit", gid, began)
    return [
        Row("removing one: until it stands", "ms", took * MS),
        *percentiles("removing one: processed by another", [note.took_s for note in notes]),
        Row("removing one: commit", "KiB", notes[0].size / 1024),
    ]


async def fill(party: Party, members: int, *, large: bool) -> tuple[Chat, list[Contact], list[Row]]:
    """A group of so many members, listeners among them; it, who is in it, and what that took."""
    listeners = {client.account_id for client in party.listeners}
    others = [contact for contact in party.owner.contacts() if contact.id not in listeners]
    last = [contact for contact in party.owner.contacts() if contact.id in listeners]
    people = [*others[: members - 1 - len(last)], *last]
    chat, rows = await make_group(party, people, large=large)
    with party.owner._device.core.look() as step:  # noqa: SLF001  # as above
        held, suite = step.chat(parse_b64(chat.id)), SUITE_RFC1 if large else SUITE_XWING
    if (held.suite, len(held.members)) != (suite, members):
        raise SystemExit(f"a group of {len(held.members)} in suite {held.suite:#06x}, not of {members}")
    return chat, people, rows


async def measure_growing(party: Party, xwing: int, members: int) -> list[Row]:
    """Making room in a group that is full, for more members; the rest of them come in one by one."""
    chat, people, rows = await fill(party, xwing, large=False)
    inside = {contact.id for contact in people}
    more = [contact for contact in party.owner.contacts() if contact.id not in inside][: members - xwing]
    if xwing == XWING_LEAVES:
        try:
            await party.owner.add_member(chat, more[0])
        except ZajilError as refusal:
            print(f"the {xwing + 1}th device before: {refusal.code}")
    began = time.perf_counter()
    chat = await party.owner.grow(chat)
    took, gid = time.perf_counter() - began, parse_b64(chat.id)
    joins = await party.all_heard("take_welcome", gid, began)
    await settle([party.owner, *party.listeners])
    rows = [
        Row("the group before", "s", rows[0].value),
        Row("making room, claims included", "s", took),
        Row("until all listeners go on", "s", max(note.at for note in joins) - began),
        *percentiles("join: Welcome processed", [note.took_s for note in joins]),
        Row("Welcome", "KiB", max(note.size for note in joins) / 1024),
    ]
    added: list[float] = []
    for contact in more:
        began = time.perf_counter()
        await party.owner.add_member(chat, contact)
        added.append(time.perf_counter() - began)
    await settle([party.owner, *party.listeners])
    seen = {client.find_chat(chat.id).devices for client in (party.owner, *party.listeners)}
    if seen != {members}:
        raise SystemExit(f"groups of {seen} devices, not of {members}")
    rows += percentiles(f"adding one more, up to {members}", added)
    return [*rows, *await send_messages(party, chat, 3)]


async def measure(party: Party, served: Served, members: int, *, suite: int, messages: int) -> list[Row]:
    """The table of one group of so many members, owner included."""
    server = served.process.pid
    for pid in ("self", server):
        forget_peak(pid)
    chat, people, rows = await fill(party, members, large=suite == SUITE_RFC1)
    rows += await send_messages(party, chat, messages)
    rows += await remove_one(party, chat, people[0])
    await settle([party.owner, *party.listeners])
    rows.append(Row("peak memory: this process, all its clients", "MiB", peak_mib("self")))
    return [*rows, Row("peak memory: server", "MiB", peak_mib(server))]


def show(first: Sequence[Row], second: Sequence[Row], *, titles: tuple[str, str]) -> None:
    """Both tables side by side, and the first as a ratio to the second."""
    print(f"{'':52}{titles[0]:>16}{titles[1]:>16}{'ratio':>8}")
    for left, right in zip(first, second, strict=True):
        name = f"{left.what} ({left.unit})" if left.unit else left.what
        print(f"{name:52}{left.value:16.1f}{right.value:16.1f}{left.value / right.value:8.2f}")


async def run(options: argparse.Namespace) -> None:
    """Register everybody, then one group after the other."""
    notes = Notes()
    notes.wrap()
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder) / "server", forked=False) as served:
        homes, began = Path(folder) / "homes", time.perf_counter()
        homes.mkdir()
        most = options.grow or max(options.members, options.xwing)
        people = await enrol_all(homes, served.url, most - 1)
        print(
            f"{most} accounts registered in {time.perf_counter() - began:.0f} s; whole running clients: the owner and"
        )
        print(f"{options.listeners} listeners, in one process. The devices of the other members are switched off.")
        owner, _ = await enrol(homes, served.url, most)
        listeners = [await Client.open(person.home) for person in people[: options.listeners]]
        try:
            for person in people:
                await learn(owner, person)
            party = Party(owner, listeners, notes)
            await settle([owner, *listeners])
            if options.grow:
                for row in await measure_growing(party, options.xwing, options.grow):
                    print(f"{row.what} ({row.unit}){row.value:12.1f}")
                return
            small = await measure(party, served, options.xwing, suite=SUITE_XWING, messages=options.messages)
            large = await measure(party, served, options.members, suite=SUITE_RFC1, messages=options.messages)
        finally:
            for client in (owner, *listeners):
                await client.close()
    show(large, small, titles=(f"{options.members} in 0x0001", f"{options.xwing} in 0x0053"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Options of the command line, `sys.argv` where none are given."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--members", type=int, default=256, help="of the group in suite 0x0001")
    parser.add_argument("--xwing", type=int, default=XWING_LEAVES, help="members of the group in X-Wing")
    parser.add_argument("--grow", type=int, default=0, help="make room in that group for so many members instead")
    parser.add_argument("--listeners", type=int, default=12, help="members that are whole running clients")
    parser.add_argument("--messages", type=int, default=20, help="messages sent to each group")
    options = parser.parse_args(arguments)
    if not 1 <= options.listeners <= min(options.members, options.xwing) - 2 or options.messages < 1:
        parser.error("there must be a listener, the owner and one more in each group, and a message")
    if options.grow and options.grow <= options.xwing:
        parser.error("a group grows to more than it has")
    if options.xwing > XWING_LEAVES:
        parser.error(f"a group in X-Wing has at most {XWING_LEAVES} leaves")
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
