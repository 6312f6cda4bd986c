"""The dialer as a whole under one scenario: cold, remembered, and with the block beginning in mid-session."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from tests.censor.lab.laboratory import Laboratory
from tests.censor.lab.remote import Remote, VerbFailed
from tests.censor.lab.report import DialerRow
from tests.censor.lab.scenarios import Scenario

PATIENCE_S: Final = 60.0
MESSAGES: Final = 20
EVERY_S: Final = 0.25
STRIKE_AFTER_S: Final = 2.0
_BIG, _BIG_CHARS = 20, 2_048
_numbers = itertools.count(1)


@dataclass
class Pair:
    """Amina, behind the censor, and Boris, in the open; friends since before. Her device is opened for each trial."""

    lab: Laboratory
    home: Path
    chat: str
    boris: Remote

    def amina(self) -> Remote:
        """Her device's process, nothing opened yet."""
        return self.lab.person(self.lab.network.client)


def introduce(lab: Laboratory) -> Pair:
    """Registers both over the open line, gives her private bridges, and makes them friends."""
    home = lab.folder / "amina"
    amina, boris = lab.person(lab.network.client), lab.person(lab.network.servers)
    server = "https://origin.test"
    amina.call("register", home=str(home), server=server, name="Amina", invite=lab.origin.invite())
    boris.call("register", home=str(lab.folder / "boris"), server=server, name="Boris", invite=lab.origin.invite())
    amina.call("add_bridges", link=lab.bridges.link())
    boris.call("follow")
    chat = amina.call("befriend", link=boris.call("link"))
    amina.call("say", chat=chat, text="salam", seconds=PATIENCE_S)
    boris.call("await_texts", texts=["salam"], seconds=PATIENCE_S)
    amina.leave()
    return Pair(lab, home, chat, boris)


def measure(pair: Pair, scenario: Scenario) -> DialerRow:
    """Both trials of a scenario; the line is open again afterwards."""
    censor = pair.lab.censor
    row = DialerRow(
        scenario=scenario.name, about=scenario.about, possible=scenario.expect == "reachable", reachable=False
    )
    try:
        censor.prepare(scenario)
        censor.switch_on(scenario)
        row = _from_the_start(pair, row)
    finally:
        censor.lift()
    if not row.reachable:
        return row
    try:
        censor.prepare(scenario)
        return _in_mid_session(pair, scenario, row)
    finally:
        censor.lift()


def _from_the_start(pair: Pair, row: DialerRow) -> DialerRow:
    """Cold, then remembered. Not reachable when the first message does not come out in a minute."""
    number = next(_numbers)
    first, warm = f"first {number}", f"remembered {number}"
    amina = pair.amina()
    try:
        try:
            t_first = open_and_say(pair, amina, first, cold=True)
        except (VerbFailed, TimeoutError):
            return row
        route = amina.call("route")
        row = msgspec.structs.replace(row, reachable=True, t_first=t_first, **route)
        row = msgspec.structs.replace(row, t_40k=receive_40k(pair, amina, number))
    finally:
        amina.leave()
    amina = pair.amina()
    try:
        row = msgspec.structs.replace(row, t_warm=open_and_say(pair, amina, warm, cold=False))
    finally:
        amina.leave()
    arrived = pair.boris.call("await_texts", texts=[first, warm], seconds=PATIENCE_S)
    return _count(row, pair.boris, pair.chat, [first, warm], arrived)


def open_and_say(pair: Pair, amina: Remote, text: str, *, cold: bool) -> float:
    """Seconds from opening the device to its first message at the server."""
    amina.call("open", home=str(pair.home))
    if cold:
        amina.call("forget")
    begun = time.monotonic()
    amina.call("follow")
    said = amina.call("say", chat=pair.chat, text=text, seconds=PATIENCE_S, timeout_s=PATIENCE_S + 5)
    return float(said["held"]) - begun


def receive_40k(pair: Pair, amina: Remote, number: int) -> float | None:
    texts = [f"{number}-{n} ".ljust(_BIG_CHARS, "x") for n in range(_BIG)]
    (begun, *_) = pair.boris.call("write", chat=pair.chat, texts=texts, every_s=0.0)
    arrived: Mapping[str, Sequence[float]] = amina.call(
        "await_texts", texts=texts, seconds=PATIENCE_S, timeout_s=PATIENCE_S + 5
    )
    if len(arrived) < len(texts):
        return None
    return max(times[0] for times in arrived.values()) - float(begun)


def _in_mid_session(pair: Pair, scenario: Scenario, row: DialerRow) -> DialerRow:
    """Both write twenty messages; after two seconds the block begins."""
    number = next(_numbers)
    mine = [f"amina {number}-{n}" for n in range(MESSAGES)]
    his = [f"boris {number}-{n}" for n in range(MESSAGES)]
    amina = pair.amina()
    try:
        open_and_say(pair, amina, f"before {number}", cold=True)
        amina.call("await_proof", seconds=20.0)
        writing = (
            amina.begin("write", chat=pair.chat, texts=mine, every_s=EVERY_S),
            pair.boris.begin("write", chat=pair.chat, texts=his, every_s=EVERY_S),
        )
        time.sleep(STRIKE_AFTER_S)
        pair.lab.censor.switch_on(scenario)
        pair.lab.censor.cut(scenario.cut_established)
        struck = time.monotonic()
        written = amina.result(writing[0]), pair.boris.result(writing[1])
        at_boris = pair.boris.call("await_texts", texts=mine, seconds=PATIENCE_S, timeout_s=PATIENCE_S + 5)
        at_amina = amina.call("await_texts", texts=his, seconds=PATIENCE_S, timeout_s=PATIENCE_S + 5)
        silences = (_silence(at_boris, written[0], struck), _silence(at_amina, written[1], struck))
        row = msgspec.structs.replace(row, handover=max(silences))
        row = _count(row, pair.boris, pair.chat, mine, at_boris)
        return _count(row, amina, pair.chat, his, at_amina)
    finally:
        amina.leave()


def _silence(arrived: Mapping[str, Sequence[float]], written: Sequence[float], struck: float) -> float:
    """The longest time without an arrival, from the block on and while there was something to arrive."""
    times = sorted(one for each in arrived.values() for one in each)
    last_written = max(written)
    marks = [struck, *(one for one in times if one > struck)]
    gaps = [
        after - before for before, after in itertools.pairwise(marks) if before < last_written or after - before > 1
    ]
    return max(gaps, default=0.0)


def _count(
    row: DialerRow, reader: Remote, chat: str, texts: Sequence[str], arrived: Mapping[str, Sequence[float]]
) -> DialerRow:
    """Adds what is missing, was told or stands twice, or stands in another order than it was written."""
    wanted = set(texts)
    shown = [one["text"] for one in reader.call("read", chat=chat, limit=200) if one["text"] in wanted]
    lost = len(wanted - set(arrived)) + len(wanted - set(shown) - (wanted - set(arrived)))
    doubled = sum(max(len(arrived.get(text, ())), shown.count(text)) > 1 for text in texts)
    order = list(dict.fromkeys(shown))
    disordered = sum(texts.index(after) < texts.index(before) for before, after in itertools.pairwise(order))
    return msgspec.structs.replace(
        row, lost=row.lost + lost, doubled=row.doubled + doubled, disordered=row.disordered + disordered
    )
