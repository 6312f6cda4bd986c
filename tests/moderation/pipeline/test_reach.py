"""A judgement of a cluster is one of the text that a person saw: what drifted away from it is not judged by it."""

from __future__ import annotations

import random

from tests.moderation.pipeline.square import Square

from zajil.protocol.ids import parse_b64

STEPS = 13
NEAR_STEPS = 4
"""Three steps take 36 of 356 windows: .816; four take 48: .763."""
WELCOME = (
    "Welcome to the allotment gardens by the river. The gate is open from seven in the morning until nine at night, "
    "the tools hang in the green shed and go back there, and whoever waters in the afternoon waters for nothing. Seeds "
    "are exchanged on the first Saturday of the month under the big lime tree, cake is welcome and dogs stay on the "
    "lead. Questions are answered by whoever is there, and there is always somebody there"
)
OFFER = " Guaranteed profit every day, write to @quick_money_desk and double what you send"


def drift() -> list[str]:
    """Texts of sixty words, each with two words other than the one before."""
    rng = random.Random(3)
    words = ["".join(rng.choices("abcdefghijklmnop", k=6)) for _ in range(60)]
    texts = []
    for step in range(STEPS):
        texts.append(" ".join(words))
        words[2 * step : 2 * step + 2] = ["".join(rng.choices("abcdefghijklmnop", k=6)) for _ in range(2)]
    return texts


def judged_by_people(square: Square, post: str) -> list[object]:
    """What people decided about a post, a judgement of its cluster included."""
    target = parse_b64(post).hex()
    theirs = f"target = x'{target}' AND actor != x'' AND basis IS NOT NULL"
    return [action for (action,) in square.rows(f"SELECT action FROM mod_decision WHERE {theirs}")]


def asked_about(square: Square, post: str) -> bool:
    """Whether a question about this post alone is open."""
    target = parse_b64(post).hex()
    alone = f"target = x'{target}' AND target_kind = 'post'"
    return bool(square.rows(f"SELECT 1 FROM mod_item WHERE {alone} AND state = 'open'"))


async def test_a_removal_does_not_reach_what_drifted_away_from_the_text_that_was_judged(square: Square) -> None:
    posts = []
    for text in drift():
        posts += await square.crowd([text])
        await square.work()
    ((reach,),) = square.rows("SELECT reach FROM mod_item WHERE target_kind = 'cluster'")
    assert reach == STEPS, "each is near the one before, so all are one cluster"
    await square.judge_cluster("remove_cluster")
    await square.work()
    assert {square.state(post) for post in posts[:NEAR_STEPS]} == {"removed"}
    assert "removed" not in {square.state(post) for post in posts[NEAR_STEPS:]}
    assert all(asked_about(square, post) for post in posts[NEAR_STEPS:])
    assert not any(asked_about(square, post) for post in posts[:NEAR_STEPS])
    # Its text is not known either, so another post of it is not removed by a program.
    (late,) = await square.crowd([drift()[-1]])
    await square.work()
    assert square.state(late) != "removed"


async def test_an_allowance_does_not_launder_a_member_that_says_more(square: Square) -> None:
    harmless = await square.crowd([WELCOME] * 5)
    (harmful,) = await square.crowd([WELCOME + OFFER])
    await square.work()
    assert square.state(harmful) == "held"
    ((reach,),) = square.rows("SELECT reach FROM mod_item WHERE target_kind = 'cluster'")
    assert reach == 6
    await square.judge_cluster("allow_cluster")
    await square.work()
    assert all(judged_by_people(square, post) == ["allow"] for post in harmless)
    assert judged_by_people(square, harmful) == []
    assert square.state(harmful) == "held"
    assert asked_about(square, harmful)


async def test_an_allowance_does_not_reach_the_same_letters_with_another_address(square: Square) -> None:
    harmless = await square.crowd([f"{WELCOME}, and more is written at https://garden.example/plan"] * 5)
    (other,) = await square.crowd([f"{WELCOME}, and more is written at https://phish.example/plan"])
    await square.work()
    await square.judge_cluster("allow_cluster")
    assert all(judged_by_people(square, post) == ["allow"] for post in harmless)
    assert judged_by_people(square, other) == []


async def test_a_removal_leaves_those_that_lead_elsewhere_to_people(square: Square) -> None:
    text = f"{WELCOME}, and more is written at https://{{}}.example/plan"
    harmful = await square.crowd([text.format("phish")] * 5)
    others = await square.crowd([text.format("garden"), f"{text.format('phish')} or call +7 900 555 01 02"])
    await square.work()
    await square.judge_cluster("remove_cluster")
    await square.work()
    assert {square.state(post) for post in harmful} == {"removed"}
    # Held by the program as any near copy of fraud is, until a person looks.
    assert {square.state(post) for post in others} == {"held"}
    assert all(asked_about(square, post) for post in others)
    assert all(judged_by_people(square, post) == [] for post in others)


async def test_a_campaign_that_goes_on_after_its_decision_is_met_by_the_same_rules(square: Square) -> None:
    text = f"{WELCOME}, and more is written at https://{{}}.example/plan"
    await square.crowd([text.format("phish")] * 5)
    await square.work()
    # Those were posted before the decision, and are judged after it.
    meanwhile = await square.crowd([text.format("phish"), text.format("garden")])
    await square.judge_cluster("remove_cluster")
    await square.work()
    assert [square.state(post) for post in meanwhile] == ["removed", "held"]


async def test_a_judgement_is_about_what_most_copies_are_and_not_about_a_first_one_in_disguise(square: Square) -> None:
    text = f"{WELCOME}, and whoever wants more writes to @{{}}"
    (stranger,) = await square.crowd([text.format("garden_desk")])
    harmful = await square.crowd([text.format("quick_desk")] * 4)
    await square.work()
    await square.judge_cluster("remove_cluster")
    await square.work()
    assert {square.state(post) for post in harmful} == {"removed"}
    assert square.state(stranger) == "held"
