"""Where bytes are frozen or lost: 200 messages of a group of 20, and a device that joins it, complete and once."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pytest
from tests.censor.lab.capabilities import find_missing
from tests.censor.lab.laboratory import Laboratory
from tests.censor.lab.remote import Remote
from tests.censor.lab.report import Report
from tests.censor.lab.scenarios import Scenario, load_scenarios
from tests.censor.lab.trials import Pair

pytestmark = [pytest.mark.censor, pytest.mark.timeout(600)]

SERVER: Final = "https://origin.test"
CROWD: Final = 18
"""With Amina and Boris a group of twenty."""
MESSAGES: Final = 200
OF_AMINA: Final = 40
PATIENCE_S: Final = 240.0
_numbers = itertools.count(1)
SCENARIOS = [one for one in load_scenarios() if one.name in ("freeze", "loss-5", "loss-15")]


@dataclass
class Twenty:
    """A group on the open side, with Amina in it."""

    chat: str


@pytest.fixture(scope="module")
def twenty(lab: Laboratory, pair: Pair) -> Iterator[Twenty]:
    members = pair.boris.call(
        "crowd", folder=str(lab.folder), server=SERVER, invite=lab.origin.invite(CROWD), count=CROWD, timeout_s=120.0
    )
    amina = pair.amina()
    me = amina.call("open", home=str(pair.home))
    amina.call("follow")
    chat = pair.boris.call("group", title="Twenty", people=[*members, me], timeout_s=120.0)
    assert pair.boris.call("crowd_in", chat=chat, seconds=60.0, timeout_s=70.0) == CROWD
    assert amina.call("await_chat", chat=chat, devices=20, seconds=60.0, timeout_s=70.0)
    amina.leave()
    yield Twenty(chat)
    pair.boris.call("dismiss")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_200_messages_and_a_joining_device_arrive_complete_and_once(
    lab: Laboratory, pair: Pair, twenty: Twenty, report: Report, scenario: Scenario
) -> None:
    missing = find_missing(scenario.needs)
    if missing is not None:
        pytest.skip(missing)
    number = next(_numbers)
    theirs = [f"{number} theirs {n}" for n in range(MESSAGES - OF_AMINA)]
    mine = [f"{number} mine {n}" for n in range(OF_AMINA)]
    amina, phone = pair.amina(), pair.amina()
    try:
        amina.call("open", home=str(pair.home))
        amina.call("forget")  # a network of its own: what froze elsewhere is no reason for segments here
        lab.censor.prepare(scenario)
        lab.censor.switch_on(scenario)
        amina.call("follow")
        _link(lab, amina, phone, number)
        assert phone.call("await_chat", chat=twenty.chat, devices=20 + number, seconds=120.0, timeout_s=130.0)
        phone.call("follow")
        writing = pair.boris.begin("crowd_write", chat=twenty.chat, texts=theirs)
        amina.call("write", chat=twenty.chat, texts=mine, every_s=0.1, timeout_s=PATIENCE_S)
        pair.boris.result(writing, timeout_s=PATIENCE_S)
        for reader, texts in ((amina, theirs), (phone, [*theirs, *mine]), (pair.boris, [*theirs, *mine])):
            _check(reader, twenty.chat, texts)
    finally:
        lab.censor.lift()
        phone.leave()
        amina.leave()
    report.judges[f"200 messages, group of 20, new device: {scenario.name}"] = "complete, once, in each writer's order"


def _link(lab: Laboratory, amina: Remote, phone: Remote, number: int) -> None:
    """A further device of Amina's, let in behind the censor."""
    code = phone.call("link_new", home=str(lab.folder / f"phone-{number}"), server=SERVER, timeout_s=120.0)
    amina.call("approve", code=code, timeout_s=120.0)
    phone.call("linked", timeout_s=120.0)


def _check(reader: Remote, chat: str, texts: Sequence[str]) -> None:
    reader.call("await_texts", texts=texts, seconds=PATIENCE_S, timeout_s=PATIENCE_S + 10)
    shown = [one["text"] for one in reader.call("read", chat=chat, limit=3000)]
    counts: Mapping[str, int] = Counter(shown)
    assert not [text for text in texts if not counts[text]], "lost"
    assert not [text for text in texts if counts[text] > 1], "doubled"
    own = [text for text in shown if text in set(texts) and "mine" in text]
    assert own == sorted(own, key=lambda text: int(text.rpartition(" ")[2])), "in the order they were written"
