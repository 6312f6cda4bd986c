"""A hostile member against edits, deletions, reactions, receipts and group settings: ignored, bounded or refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.client import talk
from tests.client.audit import audit
from tests.client.phone import Phone
from tests.client.talk import forge, meet, reactions, row_of, say, seen, take, texts
from tests.client.test_attacks_member import rotated_list
from tests.client.world import World, begin, build_trio

from zajil import mls
from zajil.client import listing
from zajil.client.core import chats, commits, groups, judge, messages, outbox
from zajil.client.core.talk import acts, receipts
from zajil.client.core.talk.actions import EARLY_MAX, VERSIONS_MAX
from zajil.client.state import accounts, rows
from zajil.client.state.rows import Intent, Item
from zajil.client.state.step import Step
from zajil.protocol.chat import content, forms
from zajil.protocol.chat import mentions as links
from zajil.protocol.chat.extensions import CHAT_SETTINGS, ChatRole, change_settings
from zajil.protocol.chat.receipts import Status
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import AccountId, MessageId


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Amal owns a group with Boris and Mallory; all know each other."""
    made = begin(build_trio, tmp_path, seed=6)
    yield made
    made.close()


def send_raw(phone: Phone, body: content.MimiContent) -> None:
    """Send content as it is."""
    data = content.encode_content(body)

    def submit(step: Step) -> None:
        named = content.message_id_of(body, data)
        outbox.submit(step, Item(phone.world.main, "message", "queued", step.now, content=data, message_id=named))

    talk.act(phone, submit)


def blank(phone: Phone, **fields: object) -> content.MimiContent:
    """Content with the marks of this device. fields: of MimiContent."""
    marks = talk.act(phone, lambda step: messages.extensions(step, phone.world.main))
    made = {"body": content.NullPart(), "extensions": marks} | fields
    return content.MimiContent(phone.world.rng.randbytes(16), **made)  # type: ignore[arg-type]


def test_nobody_edits_or_deletes_what_another_wrote(world: World) -> None:
    amal, boris, mallory = meet(world, "amal", "boris", "mallory")
    identity = MessageId(say(boris, "as I said"))
    world.settle()
    with pytest.raises(ZajilError, match="not-permitted"):
        talk.edit(mallory, identity, "as she said")
    forge(mallory, forms.Edit(identity, "as she said"))
    forge(mallory, forms.Deletion(identity))
    forge(mallory, forms.Deletion(identity, as_admin=True))
    forge(amal, forms.Edit(identity, "by an owner"))
    world.settle()
    for phone in (amal, boris):
        assert (texts(phone), seen(phone)[0].edited) == (["as I said"], False)
    forge(amal, forms.Deletion(identity))
    world.settle()
    assert texts(boris) == ["as I said"], "without the admin's mark it is not his to delete"


def test_what_comes_early_is_judged_as_it_came(world: World) -> None:
    """Mallory knows an id before the message arrives; her edit and deletion must not wait for it as Boris's."""
    amal, boris, mallory = meet(world, "amal", "boris", "mallory")
    coming = talk.opened(boris, forms.Text("as I said"))
    identity = MessageId(coming.message_id)
    for form in (forms.Edit(identity, "as she said"), forms.Deletion(identity, as_admin=True)):
        take(amal, talk.opened(mallory, form))
    take(amal, talk.opened(mallory, forms.Reaction(identity, "👎")))
    take(amal, coming)
    row = row_of(amal, identity)
    assert (row.text, row.versions, row.deleted_by) == ("as I said", (), b"")
    assert reactions(amal, identity) == {mallory.device[0]: "👎"}


def test_what_came_early_from_another_chat_does_not_count(world: World) -> None:
    amal, boris, mallory = meet(world, "amal", "boris", "mallory")
    coming = talk.opened(boris, forms.Text("as I said"))
    identity = MessageId(coming.message_id)
    dm = talk.act(mallory, lambda step: chats.open_dm(step, amal.device[0]))
    world.settle()
    forge(mallory, forms.Reaction(identity, "👎"), gid=dm)
    world.settle()
    assert len(talk.see(amal, lambda step: rows.load_early(step.tx, identity))) == 1
    take(amal, coming)
    assert reactions(amal, identity) == {}


def test_a_flood_of_early_actions_is_bounded(world: World) -> None:
    amal, _, mallory = meet(world, "amal", "boris", "mallory")
    target = MessageId(world.rng.randbytes(32))
    for _ in range(EARLY_MAX + 20):
        take(amal, talk.opened(mallory, forms.Reaction(target, "👎")))
    assert len(talk.see(amal, lambda step: rows.load_early(step.tx, target))) == EARLY_MAX


def test_a_flood_of_reactions_and_edits_leaves_one_and_a_few(world: World) -> None:
    amal, boris, mallory = meet(world, "amal", "boris", "mallory")
    identity = MessageId(say(mallory, "hello"))
    world.settle()
    for at in range(VERSIONS_MAX + 30):
        now = world.now_ms + at
        take(boris, talk.opened(mallory, forms.Reaction(identity, "👍" if at % 2 else "👎"), at=now))
        take(boris, talk.opened(mallory, forms.Edit(identity, f"hello {at}"), at=now))
    row = row_of(boris, identity)
    assert (len(row.reactions), len(row.versions)) == (1, VERSIONS_MAX)
    assert (row.versions[0].text, row.text) == ("hello", f"hello {VERSIONS_MAX + 29}")
    assert amal.device != boris.device


@pytest.mark.parametrize("emoji", ["🕊" * 4000, "ok", "<img src=x>", "\u202e", "👍\n12:00 Boris"])
def test_a_reaction_that_is_no_emoji_is_dropped(world: World, emoji: str) -> None:
    boris, mallory = meet(world, "boris", "mallory")
    identity = MessageId(say(boris, "hello"))
    world.settle()
    part = content.SinglePart(forms.PLAIN, emoji.encode(), content.REACTION)
    send_raw(mallory, blank(mallory, body=part, in_reply_to=identity))
    world.settle()
    assert row_of(boris, identity).reactions == ()
    assert [event.code for event in talk.events(boris, "bad-message")] == ["bad-message"]


def test_a_reaction_from_the_end_of_time_binds_its_author_alone(world: World) -> None:
    boris, mallory = meet(world, "boris", "mallory")
    identity = MessageId(say(boris, "hello"))
    world.settle()
    forge(mallory, forms.Reaction(identity, "👎"), at=messages.SENT_MAX_MS)
    world.settle()
    talk.react(boris, identity, "🕊️")
    world.settle()
    assert reactions(boris, identity) == {mallory.device[0]: "👎", boris.device[0]: "🕊️"}


def test_messages_of_one_chat_are_not_touched_or_quoted_from_another(world: World) -> None:
    amal, boris, mallory = meet(world, "amal", "boris", "mallory")
    dm = talk.act(amal, lambda step: chats.open_dm(step, boris.device[0]))
    world.settle()
    private = MessageId(talk.say(boris, "between us", gid=dm))
    world.settle()
    forge(mallory, forms.Reaction(private, "👎"))
    forge(mallory, forms.Text("see?", private))
    forge(boris, forms.Edit(private, "edited elsewhere"))
    forge(boris, forms.Deletion(private))
    forge(boris, forms.Receipts(((private, Status.READ),)))
    world.settle()
    assert (texts(amal, dm), row_of(amal, private).reactions) == (["between us"], ())
    with pytest.raises(ZajilError, match="gone"):
        talk.act(amal, lambda step: acts.react(step, world.main, private, "👍"))
    with pytest.raises(ZajilError, match="gone"):
        talk.act(boris, lambda step: acts.delete_for_all(step, world.main, private))
    assert amal.device[0] != mallory.device[0]


def test_forged_receipts_change_nothing(world: World) -> None:
    """For others' messages, for unknown ones, in a chat of other people, and by who is not in it."""
    amal, boris, mallory = meet(world, "amal", "boris", "mallory")
    of_boris = MessageId(say(boris, "mine"))
    world.settle()
    before = row_of(amal, of_boris)
    forge(mallory, forms.Receipts(((of_boris, Status.READ), (MessageId(bytes(32)), Status.READ))))
    world.settle()
    assert row_of(amal, of_boris) == before
    assert talk.chat_of(amal).unread == 1, "what Mallory read is not read here"
    told = {one.account: one.read > 0 for one in row_of(boris, of_boris).receipts}
    assert told == {amal.device[0]: False, mallory.device[0]: True}
    dm = talk.act(amal, lambda step: chats.open_dm(step, boris.device[0]))
    world.settle()
    private = MessageId(talk.say(amal, "between us", gid=dm))
    world.settle()
    forge(mallory, forms.Receipts(((private, Status.READ),)))
    world.settle()
    assert mallory.device[0] not in {one.account for one in row_of(amal, private).receipts}


def test_receipts_are_not_answered_and_not_shown(world: World) -> None:
    amal, boris = meet(world, "amal", "boris")
    say(boris, "hello")
    world.settle()
    before = len(world.books.accepted)
    world.settle()
    assert len(world.books.accepted) == before
    assert len(seen(amal)) == 1
    assert receipts.due_at(talk.chat_of(boris)) is None


def test_a_mention_of_who_is_unknown_or_elsewhere_stays_text(world: World) -> None:
    boris, mallory = meet(world, "boris", "mallory")
    nobody = links.encode_mention("test.example", AccountId(world.rng.randbytes(16)), "Boris")
    elsewhere = links.encode_mention("evil.example", AccountId(boris.device[0]), "Boris")
    say(mallory, f"{nobody} {elsewhere}")
    world.settle()
    (message,) = seen(boris)
    assert (message.text, message.mentions) == (f"{nobody} {elsewhere}", ())
    assert not talk.chat_of(boris).mentioned


def test_sending_waits_when_the_key_of_a_verified_person_changes(world: World) -> None:
    """A rotated key may be Boris after a theft, or the thief: Amal decides before another word goes there."""
    amal, boris = meet(world, "amal", "boris")
    dm = talk.act(amal, lambda step: chats.open_dm(step, boris.device[0]))
    world.settle()
    talk.act(amal, lambda step: accounts.set_verified(step, boris.device[0], verified=True))
    talk.say(amal, "before", gid=dm)
    world.settle()
    newest = rotated_list(boris)
    talk.act(amal, lambda step: accounts.learn_list(step, boris.device[0], newest))
    assert [event.name for event in talk.events(amal, "key-changed")] == ["boris"]
    contact = next(one for one in talk.see(amal, listing.contacts) if one.name == "boris")
    assert (contact.verified, contact.key_changed) == (False, True)
    talk.say(amal, "after", gid=dm)
    say(amal, "to all")
    world.settle()
    assert texts(boris, dm) == ["before"]
    assert texts(boris) == ["to all"]
    assert amal.core.is_settled(0), "nothing that waits for a person keeps `sync` waiting"
    talk.act(amal, lambda step: accounts.set_verified(step, boris.device[0], verified=False))
    world.settle()
    assert texts(boris, dm) == ["before", "after"]


# -- settings
def commit_settings(phone: Phone, extensions: tuple[mls.Extension, ...]) -> None:
    """Commit other extensions than the product would, with a name to hang the plan on."""
    original = commits._with_settings

    def forged(group: mls.Group, settings: bytes) -> tuple[mls.Extension, ...]:
        del group, settings
        return extensions

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commits, "_with_settings", forged)
        patch.setattr(judge, "check_new_settings", lambda *_: None)
        phone.intend(phone.world.main, Intent("settings", title="forged"))
        phone.call()
        phone.post()
    assert commits._with_settings is original


def held_extensions(phone: Phone) -> tuple[mls.Extension, ...]:
    return talk.see(phone, lambda step: step.load_group(phone.world.main).extensions)


def with_settings(phone: Phone, **changes: object) -> tuple[mls.Extension, ...]:
    data = next(one.data for one in held_extensions(phone) if one.type == CHAT_SETTINGS)
    changed = mls.Extension(CHAT_SETTINGS, change_settings(data, **changes))  # type: ignore[arg-type]
    return tuple(changed if one.type == CHAT_SETTINGS else one for one in held_extensions(phone))


@pytest.mark.parametrize("what", ["title", "owner", "extra", "required"])
def test_a_change_of_settings_that_is_not_allowed_is_refused(world: World, what: str) -> None:
    """By a member any; by the owner one that touches another extension than the settings."""
    amal, boris, mallory = meet(world, "amal", "boris", "mallory")
    by = mallory if what in ("title", "owner") else amal
    if what == "title":
        made = with_settings(by, name="Hawks")
    elif what == "owner":
        made = with_settings(by, roles={AccountId(mallory.device[0]): ChatRole.OWNER})
    elif what == "extra":
        made = (*with_settings(by, name="Hawks"), mls.Extension(0xF0A1, b"x"))
    else:
        made = tuple(one for one in with_settings(by, name="Hawks") if one.type == CHAT_SETTINGS)
    commit_settings(by, made)
    world.serve(by)
    honest = boris if by is amal else amal
    while honest.receive(64) or honest.greet():
        pass
    assert talk.chat_of(honest).title == "Doves"
    assert talk.events(honest, "refused-change")


def test_a_new_title_and_roles_stand_at_all_members(world: World) -> None:
    amal, boris, mallory = meet(world, "amal", "boris", "mallory")
    talk.act(amal, lambda step: chats.rename(step, world.main, "Pigeons"))
    talk.act(amal, lambda step: chats.rename(step, world.main, "Homing pigeons"))
    talk.act(amal, lambda step: chats.set_role(step, world.main, boris.device[0], int(ChatRole.ADMIN)))
    world.settle()
    audit(world)
    for phone in (amal, boris, mallory):
        chat = talk.chat_of(phone)
        assert (chat.title, groups.role_of(chat, boris.device[0])) == ("Homing pigeons", int(ChatRole.ADMIN))
        assert [event.code for event in talk.events(phone, "renamed")] == ["renamed"]
        assert [event.code for event in talk.events(phone, "roles")] == ["roles"]
    talk.act(boris, lambda step: chats.rename(step, world.main, "Doves of Boris"))
    with pytest.raises(ZajilError, match="not-permitted"):
        talk.act(boris, lambda step: chats.set_role(step, world.main, mallory.device[0], int(ChatRole.ADMIN)))
    with pytest.raises(ZajilError, match="not-permitted"):
        talk.act(mallory, lambda step: chats.rename(step, world.main, "Hawks"))
    with pytest.raises(ZajilError, match="malformed"):
        talk.act(amal, lambda step: chats.rename(step, world.main, " "))
    world.settle()
    assert talk.chat_of(amal).title == "Doves of Boris"


def test_a_change_whose_right_was_lost_meanwhile_is_dropped(world: World) -> None:
    """Boris is an admin and renames; Amal demotes him first. His intent is judged anew and fails."""
    amal, boris = meet(world, "amal", "boris")
    talk.act(amal, lambda step: chats.set_role(step, world.main, boris.device[0], int(ChatRole.ADMIN)))
    world.settle()
    (n,) = talk.act(boris, lambda step: chats.rename(step, world.main, "Hawks"))
    talk.act(amal, lambda step: chats.set_role(step, world.main, boris.device[0], 0))
    amal.call()
    amal.post()
    world.serve(amal)
    world.settle()
    item = talk.see(boris, lambda step: outbox.find_item(step, n))
    assert item is not None
    assert (item.state, item.reason) == ("failed", "not-permitted")
    assert talk.chat_of(amal).title == talk.chat_of(boris).title == "Doves"
