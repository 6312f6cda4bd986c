"""Posts from writing to removal: who sees what in each state, edits, comments, and the channel's own moderators."""

from __future__ import annotations

import pytest
from tests.channels.world import World

from zajil.channels import gate, posts, reviewing
from zajil.protocol.control import parse_json
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import encode_b64, parse_b64
from zajil.protocol.public import api, routes
from zajil.protocol.public.posts import Effect


async def test_a_post_is_its_authors_alone_until_it_is_judged(world: World) -> None:
    author, reader = await world.author(), await world.author()
    channel = await world.channel(author)
    post = await world.post(author, channel)
    assert (await world.read(post, author)).state == "pending"
    for other in (None, reader):
        with pytest.raises(ZajilError, match="gone"):
            await world.read(post, other)
        assert not (await world.page(channel, other)).posts
    assert [each.state for each in (await world.page(channel, author)).posts] == ["pending"]
    assert await world.found("hello") == []
    assert await world.judge() == ["applied"]
    for anybody in (None, reader, author):
        assert (await world.read(post, anybody)).text == "hello world"
        assert len((await world.page(channel, anybody)).posts) == 1
    assert await world.found("hello") == [post]
    assert (await world.show(channel)).posts == 1


@pytest.mark.parametrize(
    ("effect", "own", "others", "listed", "found"),
    [
        ("allow", "visible", "visible", 1, 1),
        ("review", "visible", "visible", 1, 1),
        ("label", "visible", "visible", 1, 1),
        ("limit", "limited", "limited", 0, 0),
        ("hold", "held", "gone", 0, 0),
        ("remove", "removed", "removed", 1, 0),
    ],
)
@pytest.mark.parametrize("first", ["fresh", "visible"])
async def test_each_decision_shows_and_hides_as_the_table_says(
    world: World, effect: Effect, own: str, others: str, listed: int, found: int, first: str
) -> None:
    author = await world.author()
    channel = await world.channel(author)
    post = await world.post(author, channel)
    if first == "visible":
        await world.judge()
    assert await world.decide(post, effect) == "applied"
    assert (await world.read(post, author)).state == own
    assert (await world.read(post, author)).text == "hello world"
    if others == "gone":
        assert await world.code(routes.READ_POST, post=post) == "gone"
    else:
        seen = await world.read(post)
        assert seen.state == others
        assert (seen.text == "") == (others == "removed")
        assert (seen.author is None) == (others == "removed")
        assert seen.category == ("spam" if others in ("limited", "removed") else "")
        assert seen.label == ("spam" if effect == "label" else "")
    assert len((await world.page(channel)).posts) == listed
    assert len(await world.found("hello")) == found
    assert (await world.show(channel)).posts == found
    if effect == "hold":
        assert (await world.read(post, author)).held_until == int(world.clock()) + 1800
        with pytest.raises(ZajilError, match="gone"):
            await world.call(routes.VERSIONS, post=post)
    assert await world.decide(post, "restore", human=True) == "applied"
    assert (await world.read(post)).state == "visible"
    assert await world.found("hello") == [post]
    assert (await world.show(channel)).posts == 1


async def test_an_edit_waits_while_others_see_what_they_saw(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author)
    post = await world.post(author, channel, "first words")
    await world.judge()
    edit = api.EditPost("second words", 1)
    made = parse_json(await world.call(routes.EDIT_POST, edit, auth=author.auth, post=post), api.Post)
    assert (made.version, made.state, made.text) == (2, "pending", "second words")
    assert (await world.read(post)).text == "first words"
    assert (await world.read(post)).edited_at is None
    assert await world.found("first") == [post]
    assert await world.code(routes.EDIT_POST, edit, auth=author.auth, post=post) == "version-conflict"
    await world.judge()
    assert (await world.read(post)).text == "second words"
    assert (await world.read(post)).edited_at == int(world.clock())
    assert (await world.found("first"), await world.found("second")) == ([], [post])
    versions = parse_json(await world.call(routes.VERSIONS, post=post), api.PostVersions)
    assert [each.text for each in versions.versions] == ["first words", "second words"]
    assert (await world.show(channel)).posts == 1


async def test_a_removed_version_leaves_the_history_and_a_removed_post_cannot_be_edited(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author)
    post = await world.post(author, channel, "bad words")
    await world.judge()
    await world.call(routes.EDIT_POST, api.EditPost("good words", 1), auth=author.auth, post=post)
    await world.judge()
    assert await world.decide(post, "remove", version=1, human=True) == "outdated"
    versions = parse_json(await world.call(routes.VERSIONS, post=post), api.PostVersions)
    assert [each.text for each in versions.versions] == ["good words"]
    assert await world.decide(post, "remove", version=2, human=True) == "applied"
    assert await world.code(routes.VERSIONS, post=post) == "gone"
    assert await world.code(routes.EDIT_POST, api.EditPost("x", 2), auth=author.auth, post=post) == "not-allowed"
    own = parse_json(await world.call(routes.VERSIONS, auth=author.auth, post=post), api.PostVersions)
    assert len(own.versions) == 2


async def test_a_post_has_so_many_edits_and_shows_its_newest_versions(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posts, "EDITS_MAX", 24)
    author = await world.author()
    post = await world.post(author, await world.channel(author))
    for number in range(1, 25):
        await world.judge()
        await world.call(routes.EDIT_POST, api.EditPost(f"text {number}", number), auth=author.auth, post=post)
    assert await world.code(routes.EDIT_POST, api.EditPost("once more", 25), auth=author.auth, post=post) == "quota"
    for reader, newest in ((author, 25), (None, 24)):
        auth = reader.auth if reader else ""
        found = parse_json(await world.call(routes.VERSIONS, auth=auth, post=post), api.PostVersions).versions
        assert [each.version for each in found] == list(range(newest - 19, newest + 1))
    seen = world.server._db.read_sync(lambda db: reviewing.read_versions(db, parse_b64(post)))
    assert [each.version for each in seen] == list(range(6, 26))


async def test_editing_does_not_keep_a_bad_version_up(world: World) -> None:
    """A decision about the version others see takes it down, also while a newer one waits."""
    author = await world.author()
    channel = await world.channel(author)
    post = await world.post(author, channel, "bad words")
    await world.judge()
    await world.call(routes.EDIT_POST, api.EditPost("good words", 1), auth=author.auth, post=post)
    assert await world.decide(post, "remove", version=1, human=True) == "applied"
    assert (await world.read(post)).state == "removed"
    assert await world.found("words") == []
    await world.judge()
    assert (await world.read(post)).text == "good words"
    assert (await world.show(channel)).posts == 1


async def test_comments_are_one_level_and_counted_where_they_are_seen(world: World) -> None:
    author, guest = await world.author(), await world.author()
    channel = await world.channel(author)
    post = await world.post(author, channel)
    assert await world.code(routes.CREATE_COMMENT, api.NewPost("x"), auth=guest.auth, post=post) == "gone"
    await world.judge()
    assert await world.code(routes.CREATE_COMMENT, api.NewPost("x"), auth=guest.auth, post=post) == "not-allowed"
    await world.call(routes.SUBSCRIBE, auth=guest.auth, channel=channel)
    comment = await world.comment(guest, post)
    assert (await world.read(post)).comments == 0
    await world.judge()
    assert (await world.read(post)).comments == 1
    assert (await world.show(channel)).posts == 1
    assert await world.code(routes.CREATE_COMMENT, api.NewPost("x"), auth=guest.auth, post=comment) == "not-allowed"
    listed = parse_json(await world.call(routes.LIST_COMMENTS, post=post), api.Posts)
    assert [encode_b64(each.post_id) for each in listed.posts] == [comment]
    await world.decide(comment, "remove")
    assert (await world.read(post)).comments == 0
    off = api.EditChannel(comments="off")
    await world.call(routes.EDIT_CHANNEL, off, auth=author.auth, channel=channel)
    assert await world.code(routes.CREATE_COMMENT, api.NewPost("x"), auth=guest.auth, post=post) == "not-allowed"


async def test_replies_stay_in_their_list(world: World) -> None:
    author = await world.author()
    channel, other = await world.channel(author), await world.channel(author)
    post, foreign, pending = await world.post(author, channel), await world.post(author, other), ""
    await world.judge()
    pending = await world.post(author, channel)
    for target, code in ((post, "ok"), (foreign, "malformed"), (pending, "malformed"), ("A" * 22, "malformed")):
        body = b'{"text": "re", "reply_to": "' + target.encode() + b'"}'
        assert await world.code(routes.CREATE_POST, body, auth=author.auth, channel=channel) == code


async def test_pages_of_posts_miss_none(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author)
    made = [await world.post(author, channel, f"post {number}") for number in range(120)]
    await world.judge()
    seen: list[str] = []
    cursor = ""
    for _ in range(3):
        page = await world.page(channel, query=cursor)
        seen += [encode_b64(each.post_id) for each in page.posts]
        cursor = f"?before={page.next}"
    assert page.next is None
    assert seen == made[::-1]


async def test_the_authors_deletion_is_final(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author)
    post = await world.post(author, channel)
    await world.judge()
    await world.call(routes.DELETE_POST, auth=author.auth, post=post)
    for reader in (None, author):
        with pytest.raises(ZajilError, match="gone"):
            await world.read(post, reader)
        assert not (await world.page(channel, reader)).posts
    assert await world.found("hello") == []
    assert (await world.show(channel)).posts == 0
    assert await world.decide(post, "restore", human=True) == "gone"


async def test_the_same_post_again_is_made_once(world: World) -> None:
    author = await world.author()
    channel, other = await world.channel(author), await world.channel(author)
    first, second = [
        await world.call(routes.CREATE_POST, api.NewPost("once"), auth=author.auth, key="k1", channel=channel)
        for _ in range(2)
    ]
    assert first == second
    assert (
        await world.code(routes.CREATE_POST, api.NewPost("twice"), auth=author.auth, key="k1", channel=channel)
        == "idem-conflict"
    )
    assert await world.code(routes.CREATE_POST, api.NewPost("once"), auth=author.auth, key="k1", channel=other) == "ok"
    await world.judge()
    assert ((await world.show(channel)).posts, (await world.show(other)).posts) == (1, 1)


async def test_posts_of_established_authors_do_not_wait_for_ever(world: World) -> None:
    author, young = await world.author(), await world.author()
    await world.establish(author)
    await world.log_in(young)
    channel = await world.channel(author, kind="group")
    await world.call(routes.SUBSCRIBE, auth=young.auth, channel=channel)
    old, new = await world.post(author, channel, "old hand"), await world.post(young, channel, "new here")
    world.clock.advance(1.9)
    assert await gate.release_due(world.public.space) == 0
    world.clock.advance(0.2)
    await gate.release_due(world.public.space)
    seen = await world.read(old)
    assert (seen.state, seen.unchecked) == ("visible", True)
    assert (await world.read(new, young)).state == "pending"
    world.clock.advance(60)
    await gate.release_due(world.public.space)
    assert (await world.read(new, young)).state == "held"
    # Nothing is dropped: the work is still there, and its verdict counts.
    assert sorted(await world.judge()) == ["applied", "applied"]
    assert (await world.read(old)).unchecked is False
    assert (await world.read(new)).state == "visible"


async def test_what_was_shown_unchecked_earns_no_trust(world: World) -> None:
    author = await world.author()
    await world.establish(author)
    channel = await world.channel(author)
    me = parse_json(await world.call(routes.READ_PERSONA, auth=author.auth, persona=f"@{author.handle}"), api.Persona)
    assert me.trust == 2
    await world.post(author, channel)
    world.clock.advance(3)
    await gate.release_due(world.public.space)
    rows = world.rows("SELECT accepted, unchecked FROM pub_post ORDER BY seq DESC LIMIT 1")
    assert rows == [(0, 1)]


async def test_a_channels_moderator_removes_with_a_reason_and_is_held_to_it(world: World) -> None:
    owner, mod, member = await world.author(), await world.author(), await world.author()
    channel = await world.channel(owner, kind="group")
    for each in (mod, member):
        await world.call(routes.SUBSCRIBE, auth=each.auth, channel=channel)
    await world.call(
        routes.PUT_MEMBER,
        api.PutMember(role="moderator"),
        auth=owner.auth,
        channel=channel,
        persona=encode_b64(mod.persona_id),
    )
    theirs, owners = await world.post(member, channel, "rude"), await world.post(owner, channel, "mine")
    await world.judge()
    reason = api.RemovePost("rude")
    assert await world.code(routes.DELETE_POST, reason, auth=member.auth, post=owners) == "not-allowed"
    assert await world.code(routes.DELETE_POST, reason, auth=mod.auth, post=owners) == "not-allowed"
    assert await world.code(routes.DELETE_POST, auth=mod.auth, post=theirs) == "malformed"
    assert await world.code(routes.DELETE_POST, reason, auth=mod.auth, post=theirs) == "ok"
    stub = await world.read(theirs)
    assert (stub.state, stub.category, stub.text) == ("removed", "channel_rules", "")
    assert await world.decide(theirs, "allow") == "outranked"
    assert await world.decide(theirs, "restore", human=True) == "applied"


async def test_mutes_and_roles(world: World) -> None:
    owner, admin, member = await world.author(), await world.author(), await world.author()
    channel = await world.channel(owner, kind="group")
    names = {each.handle: encode_b64(each.persona_id) for each in (owner, admin, member)}
    for each in (admin, member):
        await world.call(routes.SUBSCRIBE, auth=each.auth, channel=channel)

    async def put(who: str, whom: str, **change: object) -> str:
        body = api.PutMember(**change)  # type: ignore[arg-type]  # fields by name
        return await world.code(routes.PUT_MEMBER, body, auth=who, channel=channel, persona=names[whom])

    assert await put(member.auth, admin.handle, role="admin") == "not-allowed"
    assert await put(owner.auth, admin.handle, role="admin") == "ok"
    assert await put(admin.auth, member.handle, role="admin") == "not-allowed"
    assert await put(admin.auth, owner.handle, role="member") == "not-allowed"
    assert await put(admin.auth, member.handle, role="moderator") == "ok"
    until = int(world.clock()) + 100
    assert await put(admin.auth, member.handle, muted_until=until) == "malformed"
    assert await put(admin.auth, member.handle, muted_until=until, reason="loud") == "ok"
    assert await put(member.auth, owner.handle, muted_until=until, reason="loud") == "not-allowed"
    # Leaving and coming back ends no mute.
    await world.call(routes.UNSUBSCRIBE, auth=member.auth, channel=channel)
    await world.call(routes.SUBSCRIBE, auth=member.auth, channel=channel)
    assert await world.code(routes.CREATE_POST, api.NewPost("x"), auth=member.auth, channel=channel) == "muted"
    world.clock.advance(101)
    assert await world.code(routes.CREATE_POST, api.NewPost("x"), auth=member.auth, channel=channel) == "ok"
    assert (
        await world.code(routes.DROP_MEMBER, auth=member.auth, channel=channel, persona=names[admin.handle])
        == "not-allowed"
    )
    assert await world.code(routes.DROP_MEMBER, auth=admin.auth, channel=channel, persona=names[member.handle]) == "ok"
    assert await world.code(routes.CREATE_POST, api.NewPost("x"), auth=member.auth, channel=channel) == "not-allowed"


async def test_where_members_are_approved_a_subscriber_only_reads(world: World) -> None:
    owner, guest = await world.author(), await world.author()
    channel = await world.channel(owner, kind="group", join="approval")
    view = parse_json(await world.call(routes.SUBSCRIBE, auth=guest.auth, channel=channel), api.Channel)
    assert (view.role, view.subscribers) == ("subscriber", 2)
    assert await world.code(routes.CREATE_POST, api.NewPost("x"), auth=guest.auth, channel=channel) == "not-allowed"
    approve = api.PutMember(role="member")
    guest_id = encode_b64(guest.persona_id)
    await world.call(routes.PUT_MEMBER, approve, auth=owner.auth, channel=channel, persona=guest_id)
    assert await world.code(routes.CREATE_POST, api.NewPost("x"), auth=guest.auth, channel=channel) == "ok"
    await world.call(routes.UNSUBSCRIBE, auth=guest.auth, channel=channel)
    assert (await world.show(channel)).subscribers == 1


async def test_in_a_broadcast_members_only_comment(world: World) -> None:
    owner, guest = await world.author(), await world.author()
    channel = await world.channel(owner)
    await world.call(routes.SUBSCRIBE, auth=guest.auth, channel=channel)
    assert await world.code(routes.CREATE_POST, api.NewPost("x"), auth=guest.auth, channel=channel) == "not-allowed"
    assert await world.code(routes.CREATE_POST, api.NewPost("x"), auth=owner.auth, channel=channel) == "ok"
