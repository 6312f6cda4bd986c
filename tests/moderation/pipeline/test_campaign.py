"""Copies: one person's decision reaches all of them, earlier and later, and its reversal brings all of them back."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection
from tests.moderation.pipeline.square import BENIGN, OTHER_REVIEWER, REVIEWER, Clock, Square

from zajil.moderation.data.attacks import space_out, swap_homoglyphs, write_leet
from zajil.moderation.pipeline.matcher import Matcher
from zajil.moderation.pipeline.upkeep import forget
from zajil.moderation.store import matches
from zajil.protocol.errors import ZajilError, error

TEMPLATE = (
    "Dear friends of the river quarter, the {what} is handing out parcels to everybody who sends their card number and "
    "the three digits on its back to the desk {where}, and nobody has to queue or show any paper for it"
)
TEXT = TEMPLATE.format(what="committee", where="by tonight")


def copies(count: int) -> list[str]:
    """Near copies: a word or two of the template differ."""
    words = ("by tonight", "before noon", "by Sunday", "this evening", "tomorrow", "by Monday", "at once")
    return [TEMPLATE.format(what="committee", where=words[number % len(words)]) for number in range(count)]


async def test_many_copies_become_one_question_and_one_answer_takes_all_of_them_down(square: Square) -> None:
    posts = await square.crowd([*copies(7), BENIGN])
    await square.work()
    ((reach,),) = square.rows("SELECT reach FROM mod_item WHERE target_kind = 'cluster'")
    assert reach == 7
    await square.judge_cluster("remove_cluster")
    assert [square.state(post) for post in posts] == ["removed"] * 7 + ["visible"]
    # Each copy has its own decision, on the basis of the one.
    ((unit,),) = square.rows("SELECT hex(id) FROM mod_decision WHERE target_kind = 'cluster'")
    followed = square.rows(
        "SELECT hex(basis), hex(actor), automated FROM mod_decision WHERE target_kind = 'post' AND action = 'remove'"
    )
    assert followed == [(unit, REVIEWER.hex().upper(), "partially")] * 7
    assert square.rows("SELECT DISTINCT state FROM mod_item WHERE queue = 'main'") == [("done",)]
    # What comes later is known: to the letter, disguised, and nearly.
    known = (TEXT, copies(5)[4])
    later = [hide(text, "en") for text in known for hide in (swap_homoglyphs, space_out, write_leet)]
    nearly = TEMPLATE.format(what="committee", where="by Easter")
    posts = await square.crowd([*known, *later, nearly])
    await square.work()
    assert [square.state(post) for post in posts[:-1]] == ["removed"] * 8
    assert square.state(posts[-1]) in ("removed", "held")
    assert square.rows("SELECT DISTINCT source FROM mod_decision WHERE automated = 'fully'") == [("match",)]


async def test_a_cluster_found_harmless_is_no_campaign_any_more_and_its_copies_stay(square: Square) -> None:
    posts = await square.crowd(copies(7))
    await square.work()
    await square.judge_cluster("allow_cluster")
    assert {square.state(post) for post in posts} == {"visible"}
    posts = await square.crowd(copies(2))
    await square.work()
    assert {square.state(post) for post in posts} == {"visible"}
    assert square.rows("SELECT count(*) FROM mod_item WHERE state = 'open'") == [(0,)]


async def test_the_reversal_of_a_cluster_restores_every_copy_also_those_a_program_removed(square: Square) -> None:
    posts = await square.crowd(copies(7))
    await square.work()
    await square.judge_cluster("remove_cluster")
    later = await square.crowd([TEXT])
    await square.work()
    assert {square.state(post) for post in [*posts, *later]} == {"removed"}
    await square.judge_cluster("allow_cluster", by=OTHER_REVIEWER)
    assert {square.state(post) for post in [*posts, *later]} == {"visible"}
    # And the text is known for nothing now.
    fresh = await square.crowd([TEXT])
    await square.work()
    assert {square.state(post) for post in fresh} == {"visible"}
    assert square.rows("SELECT count(*) FROM mod_match_text") == [(0,)]


async def test_a_single_removal_has_earlier_copies_judged_anew(square: Square) -> None:
    author = square.persona()
    channel = square.channel(author)
    first, exact, near = [await square.post(author, channel, text) for text in (TEXT, TEXT, copies(2)[1])]
    await square.work()
    assert {square.state(post) for post in (first, exact, near)} == {"visible"}
    await square.judge(first, "remove")
    assert square.state(first) == "removed"
    assert await square.work() == 2
    assert square.state(exact) == "removed"
    assert square.state(near) in ("removed", "held")
    await square.judge(first, "restore", by=OTHER_REVIEWER)
    assert {square.state(post) for post in (first, exact, near)} == {"visible"}


async def test_a_restored_post_has_its_place_its_counters_and_its_words_in_search_back(square: Square) -> None:
    author = square.persona()
    channel = square.channel(author)
    post = await square.post(author, channel, TEXT)
    await square.work()
    counters = "SELECT c.posts, a.accepted FROM pub_channel c JOIN pub_persona a ON a.id = c.owner"
    before = square.rows(counters)
    assert await square.find("parcels") == [post]
    await square.judge(post, "remove")
    assert await square.find("parcels") == []
    assert square.rows(counters) != before
    await square.judge(post, "restore", by=OTHER_REVIEWER)
    assert square.state(post) == "visible"
    assert square.rows(counters) == before
    assert await square.find("parcels") == [post]
    ((current,),) = square.rows(
        "SELECT d.action FROM mod_decision d WHERE NOT EXISTS (SELECT 1 FROM mod_decision e WHERE e.supersedes = d.id)"
    )
    assert current == "restore"


async def test_memory_starts_again_from_the_database(square: Square, clock: Clock) -> None:
    """A worker that starts anew knows the copies of the last day, by the same clusters, and what was judged."""
    posts = await square.crowd(copies(3))
    await square.work()
    again = Square(square.data, clock, template=square.data)
    await again.start()
    try:
        posts += await again.crowd(copies(4))
        await again.work()
        ((reach,),) = again.rows("SELECT reach FROM mod_item WHERE target_kind = 'cluster'")
        assert reach == 7
        await again.judge_cluster("remove_cluster")
        assert {again.state(post) for post in posts} == {"removed"}
        assert again.rows("SELECT count(*) FROM mod_cluster") == [(1,)]
    finally:
        await again.close()
    # The first worker never saw that decision; it learns of it in the transaction that stores its next verdicts.
    (late,) = await square.crowd([TEXT])
    await square.work()
    assert square.state(late) == "removed"


async def test_what_was_judged_is_known_also_where_nothing_is_posted_for_days(
    square: Square, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trail of changes is kept for a day, and read with each batch."""
    first, other = await square.crowd(
        [TEXT, "Whoever sends the number of a card to this desk gets a ferry for nothing"]
    )
    await square.work()
    for post in (first, other):
        await square.judge(post, "remove")
    assert int(str(square.rows("SELECT count(*) FROM mod_change")[0][0])) > 2
    clock.advance(2 * 86_400)
    await forget(square.decisions)
    assert square.rows("SELECT count(*) FROM mod_change") == [(1,)]
    loaded: list[object] = []
    monkeypatch.setattr(square.worker.benches, "load", loaded.append)
    (late,) = await square.crowd([TEXT])
    await square.work()
    assert square.state(late) == "removed"
    assert len(loaded) == 1, "nor does it miss another policy"


async def test_what_is_rolled_back_with_a_batch_hides_no_later_judgement(
    square: Square, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several works are one transaction; the numbers that its changes had are given once more."""
    first, second = await square.crowd([TEXT, "A text that is on its way when the disk is full"])
    matcher, forget_jobs = square.worker.matcher, square.worker.source.forget

    def full(*_: object) -> int:
        raise error("busy")

    def refresh(db: Connection) -> bool:
        for number in range(20):
            matches.note_change(db, "text", bytes([number]).hex(), now=1)
        return Matcher.refresh(matcher, db)

    monkeypatch.setattr(matcher, "refresh", refresh)
    object.__setattr__(square.worker.source, "forget", full)
    with pytest.raises(ZajilError, match="busy"):
        await square.work()
    object.__setattr__(square.worker.source, "forget", forget_jobs)
    monkeypatch.undo()
    loaded: list[Connection] = []
    load = square.worker.benches.load

    def counted(db: Connection) -> None:
        loaded.append(db)
        load(db)

    monkeypatch.setattr(square.worker.benches, "load", counted)
    await square.decisions.db.write(lambda db: matches.put_suspension(db, "rule", "phrase-of-nobody", now=1))
    await square.worker._put_back()
    await square.work()
    assert len(loaded) == 1, "nor a rule that counts no more"
    assert (square.state(first), square.state(second)) == ("visible", "visible")
    await square.judge(first, "remove")
    (late,) = await square.crowd([TEXT])
    await square.work()
    assert square.state(late) == "removed"


async def test_a_decision_that_comes_while_a_batch_is_on_its_way_is_not_missed(square: Square) -> None:
    (first,) = await square.crowd([TEXT])
    await square.work()
    (second,) = await square.crowd([TEXT])
    jobs = list(await square.worker.source.claim(10, 30))
    readings = await square.worker.readers.read([job.post.text for job in jobs], square.worker.benches.bench.levels)
    await square.judge(first, "remove")
    await square.worker._decide(jobs, readings, square.worker.benches.bench)
    assert square.state(second) == "removed"


async def test_a_judgement_of_a_cluster_reaches_earlier_copies_that_no_index_of_near_copies_has(square: Square) -> None:
    """In Latin letters a Russian text shares no window with itself: it is known by what they spell, and judged anew."""
    russian = (
        "Дорогие соседи, комитет раздаёт посылки всем, кто сегодня пришлёт номер карты вместе с тремя цифрами оборота"
    )
    latin = (
        "Dorogie sosedi, komitet razdaet posylki vsem, kto segodnya prishlet nomer karty vmeste s tremya tsiframi "
        "oborota"
    )
    posts = await square.crowd([russian] * 6)
    (other,) = await square.crowd([latin])
    await square.work()
    assert square.rows("SELECT count(*) FROM mod_cluster_member") == [(6,)]
    await square.judge_cluster("remove_cluster")
    await square.work()
    assert {square.state(post) for post in [*posts, other]} == {"removed"}
    # It followed from that judgement, and with it comes back.
    await square.judge_cluster("allow_cluster")
    await square.work()
    assert {square.state(post) for post in [*posts, other]} == {"visible"}


async def test_a_copy_that_has_the_same_consonants_alone_is_held_for_a_person(square: Square) -> None:
    russian = "Дорогие соседи, комитет раздаёт посылки всем, кто сегодня пришлёт номер карты вместе с тремя цифрами"
    latin = "Daragie sasedi, kamitet razdaot pasylki vsem, kto segodnia prishlot nomir karty vmesti s tremia tsiframi"
    (first, other) = await square.crowd([russian, latin])
    await square.work()
    await square.judge(first, "remove")
    await square.work()
    assert square.state(other) == "held"
    await square.judge(first, "restore", by=OTHER_REVIEWER)
    assert {square.state(post) for post in (first, other)} == {"visible"}


async def test_what_copies_are_found_by_is_forgotten_after_a_day(square: Square, clock: Clock) -> None:
    kept = "SELECT (SELECT count(*) FROM mod_verdict WHERE digest IS NOT NULL), (SELECT count(*) FROM mod_reading)"
    await square.crowd([TEXT, "Dorogie sosedi, komitet razdaet posylki vsem, kto segodnya prishlet nomer karty"])
    await square.work()
    assert square.rows(kept) == [(2, 4)], "the second is also known as Arabic and as Russian, by letters and consonants"
    await forget(square.decisions)
    assert square.rows(kept) == [(2, 4)]
    clock.advance(86_401)
    await forget(square.decisions)
    assert square.rows(kept) == [(0, 0)]


NEWS = "The bridge is closed from Monday on, the ferry takes over, read more at {} or ask on board of it"


async def test_a_strangers_post_is_not_removed_with_its_copy_that_leads_elsewhere(square: Square) -> None:
    """Who copies a post to the letter with a link of his own gets nothing but his own post removed."""
    (original,) = await square.crowd([NEWS.format("https://news.example/ferry")])
    (copied, again) = await square.crowd([NEWS.format("https://phish.example/ferry")] * 2)
    await square.work()
    await square.judge(copied, "remove")
    await square.work()
    (shared, late) = await square.crowd([NEWS.format(f"https://{host}.example/ferry") for host in ("news", "phish")])
    await square.work()
    assert {square.state(post) for post in (again, late)} == {"removed"}
    assert {square.state(post) for post in (original, shared)} == {"held"}
    # A person is asked about each.
    ((asked,),) = square.rows("SELECT count(*) FROM mod_item WHERE state = 'open' AND target_kind = 'post'")
    assert asked == 2


async def test_short_copies_that_lead_elsewhere_are_held_too(square: Square) -> None:
    (original, copied) = await square.crowd(["Ask for it at @ferry_desk", "Ask for it at @phish_desk"])
    await square.work()
    await square.judge(copied, "remove")
    await square.work()
    assert square.state(original) == "held"


async def test_an_innocent_text_is_not_removed_for_what_stood_beside_it(square: Square) -> None:
    russian = (
        "Дорогие соседи, комитет раздаёт посылки всем, кто придёт сегодня на набережную к старому дому возле причала"
    )
    threat = "and we will burn down the houses of all those who dare to come there tonight, wait and see what happens"
    (innocent, harmful) = await square.crowd([russian, f"{russian} {threat}"])
    await square.work()
    await square.judge(harmful, "remove", category="violence_incitement")
    await square.work()
    (late,) = await square.crowd([russian])
    await square.work()
    assert {square.state(post) for post in (innocent, late)} == {"visible"}


CARD = "Dear friends of the river quarter, send {} to the card {} by noon and the parcel of the committee is yours"


async def test_nobody_has_a_strangers_post_removed_by_copying_it_with_a_card_of_their_own(square: Square) -> None:
    """And whoever takes another card for every copy is held, and a person is asked."""
    (original,) = await square.crowd([CARD.format("500", "4276 1234 5678 9010")])
    (copied, dearer) = await square.crowd(
        [CARD.format("500", "5100 9999 0000 1111"), CARD.format("700", "4276 1234 5678 9010")]
    )
    await square.work()
    await square.judge(copied, "remove")
    await square.work()
    (same, rotated) = await square.crowd([CARD.format("500", f"5100 9999 0000 {end}") for end in (1111, 2222)])
    await square.work()
    assert square.state(same) == "removed"
    assert {square.state(post) for post in (original, dearer, rotated)} == {"held"}
    ((asked,),) = square.rows("SELECT count(*) FROM mod_item WHERE state = 'open' AND target_kind = 'post'")
    assert asked == 3


async def test_a_campaign_that_changes_nothing_but_the_card_is_one_question(square: Square) -> None:
    await square.crowd([CARD.format("500", f"4276 1234 5678 {end}") for end in range(1000, 1006)])
    await square.work()
    ((reach,),) = square.rows("SELECT reach FROM mod_item WHERE target_kind = 'cluster'")
    assert reach == 6


async def test_short_copies_with_other_digits_are_held_too(square: Square) -> None:
    (original, copied) = await square.crowd(["Pay 50 at the ferry desk", "Pay 90 at the ferry desk"])
    await square.work()
    await square.judge(copied, "remove")
    await square.work()
    assert square.state(original) == "held"
