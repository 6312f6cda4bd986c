"""One reviewer's decision about a planted text, from a terminal, and how long until which of its copies are gone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from tests.flows.moderation.books import is_quiet
from tests.flows.moderation.programs import Home, Programs, until
from tests.flows.moderation.texts import CATEGORY, FAMILIES, LATIN, SUB
from tests.flows.moderation.town import Posted, Town

from zajil.moderation.categories import Language
from zajil.moderation.match.spelling import Targets, spell_batch
from zajil.moderation.normalise.text import normalise
from zajil.protocol.ids import parse_b64

WITHIN_S = 5.0
GONE = frozenset({"removed"})


class Takedown(NamedTuple):
    """What became of the copies of one text.

    seconds: from when the decision was stored until the last copy in the text's own letters was gone, or held where
    its handle is in disguise too: that is another handle, which may be somebody else's. caught: how many are gone of
    how many, by disguise, once nothing waits any more. held: those that people are asked about instead.
    """

    family: tuple[str, Language]
    seconds: float
    caught: dict[str, tuple[int, int]]
    held: int


async def list_campaigns(home: Home) -> list[Any]:  # Any: items as the command prints them
    """What the queue asks about many copies at once."""
    return [item for item in await home.json("moderation", "queue", "main") if item["kind"] == "cluster"]


def find_item(items: Sequence[Any], copies: Sequence[Posted]) -> Any:  # Any: as above
    """The campaign that one of these copies is the first of."""
    posts = {each.post for each in copies if each.line.disguise not in LATIN}
    for item in items:
        if parse_b64(item["target"]) in posts:
            return item
    raise AssertionError(f"no question about {copies[0].line.family}")


def count_caught(town: Town, copies: Sequence[Posted]) -> dict[str, tuple[int, int]]:
    """By disguise, how many are gone of how many."""
    found: dict[str, tuple[int, int]] = {}
    for each in copies:
        gone, n = found.get(each.line.disguise, (0, 0))
        found[each.line.disguise] = (gone + (town.state(each.post) in GONE), n + 1)
    return found


async def take_down(
    programs: Programs, town: Town, home: Home, copies: Sequence[Posted], item: Any
) -> Takedown:  # Any: as above
    """Remove a campaign and wait for its copies."""
    family = family_of(copies)
    before = count_judgements(programs)
    deciding = asyncio.create_task(home.ok(*order_of(item, family)))
    await until(lambda: count_judgements(programs) > before or deciding.done(), "the decision")
    seconds = await until(
        lambda: are_out_of_sight(town, copies) or deciding_failed(deciding), f"the copies of {family}"
    )
    await deciding
    await until(lambda: is_quiet(programs), "what follows from the decision")
    return Takedown(family, seconds, count_caught(town, copies), count_asked(programs, town, copies))


def are_out_of_sight(town: Town, copies: Sequence[Posted]) -> bool:
    """Whether every copy in the text's own letters is gone, or held where it leads elsewhere."""
    text = FAMILIES[family_of(copies)]
    own = [each for each in copies if each.line.disguise not in LATIN]
    same = [each for each in own if find_targets(each.line.text) == find_targets(text)]
    return town.states(same) <= GONE and town.states(own) <= GONE | {"held"}


@cache
def find_targets(text: str) -> Targets:
    """What a text sends its readers to."""
    return spell_batch([text], [normalise(text)])[0].targets


def count_asked(programs: Programs, town: Town, copies: Sequence[Posted]) -> int:
    """How many copies in the text's own letters are held; people are asked about each."""
    held = [each for each in copies if each.line.disguise not in LATIN and town.state(each.post) == "held"]
    asked = {
        bytes(post) for (post,) in programs.ask("SELECT target FROM mod_item WHERE state = 'open' AND queue <> 'audit'")
    }
    assert {each.post for each in held} <= asked
    return len(held)


def deciding_failed(deciding: asyncio.Task[str]) -> bool:
    """Whether the command ended with an error, which awaiting it raises."""
    return deciding.done() and deciding.exception() is not None


def count_judgements(programs: Programs) -> int:
    """How many decisions about clusters are stored."""
    return programs.count("SELECT count(*) FROM mod_decision WHERE target_kind = 'cluster'")


def order_of(item: Any, family: tuple[str, Language]) -> list[str]:  # Any: as above
    """The words of the command that removes a campaign."""
    words = ["moderation", "decide", item["item_id"], "remove", "--cluster", "--category", CATEGORY[family[0]]]
    return [*words, "--sub", SUB[family[0]]] if SUB[family[0]] else words


def family_of(copies: Sequence[Posted]) -> tuple[str, Language]:
    """Whose copies these are."""
    family = copies[0].line.family
    assert family is not None
    return family


async def take_down_through_a_kill(
    programs: Programs, town: Town, home: Home, copies: Sequence[Posted], item: Any
) -> Takedown:  # Any: as above
    """The same, with both programs killed as soon as the decision is stored; seconds from their return to the end."""
    family, before = family_of(copies), count_judgements(programs)
    deciding = asyncio.create_task(home.run(*order_of(item, family)))
    await programs.kill_at(lambda: count_judgements(programs) > before)
    await deciding
    await programs.start()
    seconds = await until(lambda: are_out_of_sight(town, copies), f"the copies of {family}, after a kill")
    await until(lambda: is_quiet(programs), "what follows from the decision")
    assert count_judgements(programs) == before + 1
    return Takedown(family, seconds, count_caught(town, copies), count_asked(programs, town, copies))
