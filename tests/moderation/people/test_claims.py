"""Queues: exclusive leases, order, filters, skipping, clusters on their preview, the blind sample."""

from __future__ import annotations

import os

import pytest
from sqlalchemy import Connection
from tests.channels.world import Author
from tests.moderation.people.desk import Desk, Member

from zajil.moderation.store import matches, people, queue
from zajil.moderation.store.matches import ClusterRow, MemberRow
from zajil.moderation.store.queue import Item, item_id
from zajil.protocol.control import B16
from zajil.protocol.ids import encode_b64, parse_b64
from zajil.protocol.public import routes as public
from zajil.protocol.review import api, routes


async def reported(desk: Desk, *texts: str) -> tuple[Author, list[str]]:
    """Posts in one channel, each reported once; and their author."""
    author, reporter = await desk.author(), await desk.author()
    channel = await desk.channel(author)
    posts = [await desk.visible_post(author, channel, text) for text in texts]
    for post in posts:
        await desk.report(reporter, post)
    return author, posts


async def claim(desk: Desk, member: Member, **wanted: object) -> list[api.ItemBrief]:
    import msgspec

    body = msgspec.convert(wanted, api.NewClaim)
    return list((await desk.ask(routes.CLAIM, api.Items, body, by=member, queue="main")).items)


async def test_an_item_is_one_persons_for_ten_minutes(desk: Desk) -> None:
    one, other = await desk.member(), await desk.member()
    _, posts = await reported(desk, "one text about a thing", "another text about that")
    mine, theirs = await claim(desk, one, n=1), await claim(desk, other, n=20)
    assert len(mine) == len(theirs) == 1
    assert mine[0].item_id != theirs[0].item_id
    name = encode_b64(mine[0].item_id)
    wanted = api.NewClaim(item=mine[0].item_id)
    assert await desk.refused(routes.CLAIM, wanted, by=other, queue="main") == "item-claimed"
    for route, body in ((routes.RELEASE, None), (routes.SKIP, None), (routes.DECIDE, api.Decide("allow"))):
        assert await desk.refused(route, body, by=other, item=name) == "item-claimed"
    listed = (await desk.ask(routes.LIST_ITEMS, api.Items, by=other, queue="main")).items
    assert {each.item_id: each.claim for each in listed} == {mine[0].item_id: "other", theirs[0].item_id: "mine"}
    counted = (await desk.ask(routes.QUEUES, api.Queues, by=other)).queues
    assert {each.queue: (each.open, each.claimed) for each in counted}["main"] == (2, 2)

    desk.clock.advance(601)
    assert [each.item_id for each in await claim(desk, other, item=mine[0].item_id)] == [mine[0].item_id]
    assert await desk.refused(routes.DECIDE, api.Decide("allow"), by=one, item=name) == "item-claimed"
    await desk.ask(routes.RELEASE, api.Empty, by=other, item=name)
    await desk.decide_item(one, mine[0].item_id, "allow")
    assert await desk.refused(routes.CLAIM, wanted, by=other, queue="main") == "item-closed"
    assert await desk.refused(routes.DECIDE, api.Decide("allow"), by=other, item=name) == "item-closed"
    assert len(posts) == 2


async def test_two_who_claim_at_once_never_get_the_same(desk: Desk) -> None:
    import asyncio

    staff = [await desk.member() for _ in range(4)]
    await reported(desk, *(f"text number {number} of some" for number in range(6)))
    taken = await asyncio.gather(*(claim(desk, member, n=2) for member in staff))
    names = [each.item_id for some in taken for each in some]
    assert len(names) == len(set(names)) == 6


async def test_a_skipped_item_waits_for_others_and_a_repeated_decision_is_made_once(desk: Desk) -> None:
    member = await desk.member()
    await reported(desk, "the first of two texts", "the second of two texts")
    (item,) = await claim(desk, member)
    other = (await desk.ask(routes.SKIP, api.Items, by=member, item=encode_b64(item.item_id))).items[0]
    assert other.item_id != item.item_id
    nonce = B16(os.urandom(16))
    body = api.Decide("allow", nonce=nonce)
    once = await desk.ask(routes.DECIDE, api.Decided, body, by=member, item=encode_b64(other.item_id))
    again = await desk.ask(routes.DECIDE, api.Decided, body, by=member, item=encode_b64(other.item_id))
    assert once.decision_id == again.decision_id
    assert desk.rows("SELECT count(*) FROM mod_decision") == [(1,)]


async def test_order_is_harm_reach_and_age_and_filters_narrow_it(desk: Desk) -> None:
    senior = await desk.member("senior")
    now = int(desk.clock())

    def item(number: int, **more: object) -> Item:
        fields = {
            "id": item_id("main", "post", bytes([number] * 16), 1),
            "queue": "main",
            "target_kind": "post",
            "target": bytes([number] * 16),
            "version": 1,
            "category": "spam",
            "lang": "en",
            "source": "score",
            "harm": 300,
            "reach": 10,
            "opened_at": now,
        }
        return Item(**{**fields, **more})  # type: ignore[arg-type]  # a table of fields

    rows = [
        item(1),
        item(2, harm=900, category="violence_incitement"),
        item(3, reach=50_000),
        item(4, opened_at=now - 10 * 3600, lang="ar"),
        item(5),
    ]
    for each in rows:
        desk.server._db.write_sync(lambda db, each=each: queue.open_item(db, each))  # type: ignore[misc]
    listed = [each.item_id for each in (await desk.ask(routes.LIST_ITEMS, api.Items, by=senior, queue="main")).items]
    names = {bytes(each.id): number for number, each in enumerate(rows, 1)}
    ties = sorted((1, 5), key=lambda number: rows[number - 1].id)
    assert [names[bytes(each)] for each in listed] == [4, 3, 2, *ties]
    arabic = await desk.ask(routes.LIST_ITEMS, api.Items, by=senior, queue="main", query="?lang=ar&source=model")
    assert [names[bytes(each.item_id)] for each in arabic.items] == [4]
    reader = await desk.member("reviewer", languages=("ar",), categories=("spam",))
    assert [names[bytes(each.item_id)] for each in await claim(desk, reader, n=20)] == [4]
    foreign = encode_b64(rows[1].id)
    assert await desk.refused(routes.READ_ITEM, by=reader, item=foreign) == "gone"
    assert await desk.refused(routes.DECIDE, api.Decide("allow"), by=reader, item=foreign) == "gone"


def add_cluster(desk: Desk, posts: list[str], author: Author) -> str:
    """A campaign of these posts, as the pipeline's matcher notes one."""
    first = parse_b64(posts[0])
    name = f"{first.hex()}:1"
    now = int(desk.clock())

    def write(db: object) -> None:
        matches.note_clusters(
            db,  # type: ignore[arg-type]  # the transaction
            [ClusterRow(name, "open", 1, "", "", None, len(posts), 0, None, None, None, now)],
        )
        matches.add_members(
            db,  # type: ignore[arg-type]  # the transaction
            [MemberRow(name, parse_b64(each), 1, author.persona_id, b"c" * 16, "en", 0, now) for each in posts],
        )
        queue.open_item(
            db,  # type: ignore[arg-type]  # the transaction
            Item(
                id=item_id("main", "cluster", first, 1),
                queue="main",
                target_kind="cluster",
                target=first,
                version=1,
                cluster_id=name,
                source="campaign",
                lang="en",
                harm=700,
                reach=len(posts),
                opened_at=now,
            ),
        )

    desk.server._db.write_sync(write)
    return name


async def test_a_cluster_is_decided_on_its_preview_and_each_copy_is_told_apart(desk: Desk) -> None:
    author, member = await desk.author(), await desk.member()
    channel = await desk.channel(author)
    text = "Send two coins today and four come back tomorrow, this offer is for you alone my friend"
    posts = [await desk.visible_post(author, channel, text) for _ in range(3)]
    name = add_cluster(desk, posts, author)
    (item,) = await claim(desk, member)
    assert (item.kind, item.copies) == ("cluster", 3)
    assert (
        await desk.refused(routes.DECIDE, api.Decide("remove", "fraud"), by=member, item=encode_b64(item.item_id))
        == "malformed"
    )
    preview = await desk.ask(routes.READ_CLUSTER, api.Cluster, by=member, cluster=name)
    assert (preview.copies, preview.allowed, preview.others) == (3, 3, 0)
    assert (preview.personas, len(preview.examples)) == (1, 3)
    # What joins between preview and decision does not hold it up, and is met by it.
    posts.append(await desk.visible_post(author, channel, text))
    add_cluster(desk, posts, author)
    body = api.DecideCluster("remove_cluster", preview.preview_hash, "fraud")
    made = await desk.ask(routes.DECIDE_CLUSTER, api.Decided, body, by=member, cluster=name)
    assert made.copies == 4
    # What was judged since is looked at anew.
    late = api.DecideCluster("allow_cluster", preview.preview_hash)
    assert await desk.refused(routes.DECIDE_CLUSTER, late, by=member, cluster=name) == "preview-changed"
    assert [(await desk.read(post)).state for post in posts] == ["removed"] * 4
    # One judgement is one strike, however many copies one persona wrote; and each copy has its own notice.
    assert (await desk.standing(author)).points == 1
    assert len([each for each in await desk.notices(author) if each.action == "remove"]) == 4
    assert not (await desk.ask(routes.LIST_ITEMS, api.Items, by=member, queue="main")).items
    await desk.ask(routes.UNDO, api.Decided, by=member, item=encode_b64(item.item_id))
    assert [(await desk.read(post)).state for post in posts] == ["visible"] * 4
    assert (await desk.standing(author)).points == 0


async def test_a_campaign_that_adds_and_deletes_copies_does_not_outrun_its_decision(desk: Desk) -> None:
    """However fast the first copies go, the decision is about the text that was shown."""
    author, member = await desk.author(), await desk.member()
    channel = await desk.channel(author)
    offer = "Send two coins today and {} come back tomorrow, this offer is for you alone my friend, ask @the_desk_{}"
    posts = [await desk.visible_post(author, channel, offer.format("four", 1)) for _ in range(3)]
    name = add_cluster(desk, posts, author)
    preview = await desk.ask(routes.READ_CLUSTER, api.Cluster, by=member, cluster=name)
    more = [offer.format("four" * (1 + number % 2), 1) for number in range(30)]
    posts += [await desk.visible_post(author, channel, text) for text in more]
    add_cluster(desk, posts, author)
    for gone in posts[:25]:
        await desk.call(public.DELETE_POST, auth=author.auth, post=gone)
    body = api.DecideCluster("remove_cluster", preview.preview_hash, "fraud")
    made = await desk.ask(routes.DECIDE_CLUSTER, api.Decided, body, by=member, cluster=name)
    assert made.copies == 8
    assert {(await desk.read(post)).state for post in posts[25:]} == {"removed"}


async def test_the_text_that_was_shown_is_judged_also_where_none_has_it_any_more(desk: Desk) -> None:
    author, member = await desk.author(), await desk.member()
    channel = await desk.channel(author)
    shown = "Send two coins today and four come back tomorrow, this offer is for you alone my friend"
    posts = [await desk.visible_post(author, channel, text) for text in (shown, f"{shown} Jo", f"{shown} Al")]
    name = add_cluster(desk, posts, author)
    preview = await desk.ask(routes.READ_CLUSTER, api.Cluster, by=member, cluster=name)
    await desk.call(public.DELETE_POST, auth=author.auth, post=posts[0])
    body = api.DecideCluster("remove_cluster", preview.preview_hash, "fraud")
    made = await desk.ask(routes.DECIDE_CLUSTER, api.Decided, body, by=member, cluster=name)
    assert made.copies == 2
    assert {(await desk.read(post)).state for post in posts[1:]} == {"removed"}
    rows = desk.server._db.read_sync(lambda db: matches.judged_clusters(db))
    assert [(each.state, each.category) for each in rows] == [("confirmed", "fraud")]


async def test_a_preview_counts_whom_the_decision_reaches_and_no_others(desk: Desk) -> None:
    """Whoever copies a text with a link, handle or card of their own is asked about and not removed with it."""
    author, other, member = await desk.author(), await desk.author(), await desk.member()
    channel, elsewhere = await desk.channel(author), await desk.channel(other)
    text = "The bridge is closed from Monday on, the ferry takes over, ask {} or bring {} to the man on board of it"
    same = [await desk.visible_post(author, channel, text.format("@quick_desk", "500")) for _ in range(3)]
    others = [
        await desk.visible_post(other, elsewhere, text.format(*targets))
        for targets in (("@ferry_desk", "500"), ("@quick_desk", "700"), ("https://ferry.example/x", "500"))
    ]
    name = add_cluster(desk, [*same, *others], author)
    preview = await desk.ask(routes.READ_CLUSTER, api.Cluster, by=member, cluster=name)
    assert (preview.copies, preview.allowed, preview.others) == (3, 3, 3)
    assert {encode_b64(each.post_id) for each in preview.examples} == set(same)
    body = api.DecideCluster("remove_cluster", preview.preview_hash, "fraud")
    made = await desk.ask(routes.DECIDE_CLUSTER, api.Decided, body, by=member, cluster=name)
    assert made.copies == preview.copies
    assert {(await desk.read(post)).state for post in same} == {"removed"}
    assert "removed" not in {(await desk.read(post)).state for post in others}
    asked = (await desk.ask(routes.LIST_ITEMS, api.Items, by=member, queue="main")).items
    assert {encode_b64(each.target) for each in asked} == set(others)


async def test_a_cluster_is_theirs_whose_category_it_is_and_asks_the_key(desk: Desk) -> None:
    author = await desk.author()
    channel = await desk.channel(author)
    posts = [await desk.visible_post(author, channel, f"one offer of many, number {number}") for number in range(2)]
    name = add_cluster(desk, posts, author)
    asked = Item(
        id=item_id("main", "post", parse_b64(posts[1]), 1),
        queue="main",
        target_kind="post",
        target=parse_b64(posts[1]),
        version=1,
        category="spam",
        lang="en",
        source="score",
        opened_at=int(desk.clock()),
    )

    def write(db: Connection) -> None:
        db.exec_driver_sql("DELETE FROM mod_item")
        queue.open_item(db, asked)

    desk.server._db.write_sync(write)
    stranger, member = await desk.member(categories=("hate",)), await desk.member(categories=("spam",))
    assert await desk.refused(routes.READ_CLUSTER, by=stranger, cluster=name) == "gone"
    preview = await desk.ask(routes.READ_CLUSTER, api.Cluster, by=member, cluster=name)
    body = api.DecideCluster("remove_cluster", preview.preview_hash, "spam")
    assert await desk.refused(routes.DECIDE_CLUSTER, body, by=stranger, cluster=name) == "gone"
    assert [(await desk.read(post)).state for post in posts] == ["visible", "visible"]
    desk.clock.advance(301)
    assert await desk.refused(routes.DECIDE_CLUSTER, body, by=member, cluster=name) == "step-up-needed"
    await desk.step_up(member)
    assert await desk.refused(routes.DECIDE_CLUSTER, body, by=member, cluster=name) == "ok"


async def test_who_escalates_hands_it_to_seniors(desk: Desk) -> None:
    member, senior = await desk.member(), await desk.member("senior")
    _, (post,) = await reported(desk, "words that may be worse than they look")
    (item,) = await claim(desk, member)
    await desk.decide_item(member, item.item_id, "escalate", "violence_incitement")
    assert (await desk.read(post)).state == "visible"
    assert await desk.refused(routes.CLAIM, api.NewClaim(), by=member, queue="escalate") == "gone"
    grave = await desk.take(senior, "escalate")
    assert (grave.category, grave.harm) == ("violence_incitement", 1000)
    await desk.decide_item(senior, grave.item_id, "remove", "violence_incitement", sub="threat")
    assert (await desk.read(post)).category == "violence_incitement"


@pytest.mark.parametrize(("action", "judgement"), [("allow", "none"), ("remove", "spam")])
async def test_the_blind_sample_tells_nothing_and_changes_nothing(
    desk: Desk, action: api.ItemAction, judgement: str
) -> None:
    author, member = await desk.author(), await desk.member()
    post = await desk.visible_post(author, await desk.channel(author), "a post of the blind sample")
    now, which = int(desk.clock()), add_sample(desk, author, post)
    item = await desk.take(member, "audit")
    assert (item.category, item.effect) == ("", "")
    seen = await desk.ask(routes.READ_ITEM, api.Item, by=member, item=encode_b64(which))
    assert [*seen.evidence, *seen.about, *seen.history, *seen.highlights] == []
    await desk.decide_item(member, item.item_id, action, "spam" if action == "remove" else None)
    assert desk.rows("SELECT judgement, judged_at FROM mod_audit_sample") == [(judgement, now)]
    assert (await desk.read(post)).state == "visible"
    assert desk.rows("SELECT count(*) FROM mod_decision") == [(0,)]


async def test_the_blind_sample_tells_neither_what_became_of_the_post_nor_of_its_author(desk: Desk) -> None:
    author, reporter = await desk.author(), await desk.author()
    first, member = await desk.member(), await desk.member()
    post, _ = await desk.removed(author, reporter, first, "words that somebody found worth a strike")
    assert (await desk.standing(author)).points == 1
    seen = await desk.ask(routes.READ_ITEM, api.Item, by=member, item=encode_b64(add_sample(desk, author, post)))
    assert seen.subject is not None
    assert seen.author is not None
    assert (seen.subject.state, seen.subject.text) == ("", "words that somebody found worth a strike")
    assert (seen.author.points, seen.author.limited_until, seen.author.suspended_until) == (0, None, None)


def add_sample(desk: Desk, author: Author, post: str) -> bytes:
    """The post's first version in the blind sample; its item."""
    target, now = parse_b64(post), int(desk.clock())
    which = item_id("audit", "post", target, 1)

    def write(db: object) -> None:
        values = {"target": target, "version": 1, "kind": "allowed", "decision_id": None, "category": "", "lang": "en"}
        more = {"at": now, "judged_by": None, "judgement": "", "judged_at": None}
        db.execute(people.sample.insert(), {**values, **more})  # type: ignore[attr-defined]  # the transaction
        queue.open_item(
            db,  # type: ignore[arg-type]  # the transaction
            Item(
                id=which,
                queue="audit",
                target_kind="post",
                target=target,
                version=1,
                category="spam",
                effect="limit",
                author=author.persona_id,
                lang="en",
                source="sample",
                opened_at=now,
            ),
        )

    desk.server._db.write_sync(write)
    return which
