"""Contact requests, block, links and usernames by the SDK, against a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from tests.client.people import befriend, link, register, texts
from tests.client.serving import Served

from zajil.client import Client, Contact
from zajil.client.core.kept import backup
from zajil.client.state import rows
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import parse_b64

HELLO = "It is me from the library, https://evil.example/x"


class People:
    def __init__(self, stack: AsyncExitStack, home: Path, url: str) -> None:
        self.stack, self.home, self.url = stack, home, url

    async def join(self, name: str) -> Client:
        return await self.stack.enter_async_context(await register(self.home, name, self.url))

    async def link(self, name: str, client: Client) -> Client:
        return await self.stack.enter_async_context(await link(self.home, name, client, self.url))


@pytest.fixture
async def people(tmp_path: Path, server: Served) -> AsyncIterator[People]:
    async with AsyncExitStack() as stack:
        yield People(stack, tmp_path, server.url)


async def sync(*clients: Client) -> None:
    for client in clients:
        await client.sync()


async def refuses(code: str, awaitable: object) -> None:
    with pytest.raises(ZajilError) as caught:
        await awaitable  # type: ignore[misc]  # a coroutine
    assert caught.value.code == code


def contact(client: Client, name: str) -> Contact:
    return client.find_contact(name)


def said(client: Client) -> list[str]:
    """Every text this device has, wherever it stands."""
    with client._device.core.look() as step:  # nothing shows what must not be there
        return [rows.parse_row(data, rows.StoredMessage).text for _, data in step.tx.rows("message")]


async def ask(one: Client, other: Client, text: str = HELLO) -> str:
    chat = await one.request_contact(other.account_id, text)
    await other.sync()
    assert chat.pending
    return chat.id


async def test_a_request_is_accepted_and_then_a_chat_like_any_other(people: People) -> None:
    ann, bob = await people.join("ann"), await people.join("bob")
    await ask(ann, bob)
    (waiting,) = bob.requests()
    assert (waiting.name, waiting.text, waiting.account) == ("ann", HELLO, ann.account_id)
    assert [chat.kind for chat in bob.chats()] == ["self"]
    assert bob.contacts() == []
    await sync(ann)
    (chat,) = [chat for chat in ann.chats() if chat.kind == "dm"]
    assert [message.state for message in ann.read(chat)] == ["sent"]  # no receipt
    await ann.send(chat, "still there?", wait=False)
    await sync(ann, bob)
    assert said(bob) == [HELLO]
    accepted = await bob.accept_request(waiting.id)
    await sync(ann, bob, ann, bob)
    assert texts(bob, accepted) == [HELLO, "still there?"]
    assert (contact(ann, "bob").id, contact(bob, "ann").id) == (bob.account_id, ann.account_id)
    assert not ann.find_chat("bob").pending
    assert bob.requests() == []
    await bob.send(accepted, "yes")
    await ann.sync()
    assert texts(ann, "bob")[-1] == "yes"
    # Both know how the other is reached: a group needs no request.
    await ann.create_group("both", [contact(ann, "bob")])
    await bob.sync()
    assert bob.find_chat("both").status == "active"


async def test_a_declined_request_is_gone_and_its_sender_learns_nothing(people: People) -> None:
    ann, bob = await people.join("ann"), await people.join("bob")
    gid = await ask(ann, bob)
    bob.decline_request(bob.requests()[0].id)
    await sync(bob, ann, bob)
    assert (bob.requests(), said(bob)) == ([], [])
    assert ann.find_chat(gid).pending
    assert (await ann.request_contact(bob.account_id, "again")).id == gid  # waits behind the first
    await sync(ann, bob)
    assert bob.requests() == []
    await refuses("gone", bob.accept_request(gid))


async def test_everything_but_one_text_stays_out_of_a_request(people: People) -> None:
    """An attacker's client says what it likes: ours shows one text, answers nothing and rings nothing."""
    ann, bob = await people.join("ann"), await people.join("bob")
    await ask(ann, bob)
    heard: list[object] = []
    bob._device.core.hear_calls(heard.append)
    with ann._device.core.step("cheat") as step:
        (chat,) = [chat for chat in rows.all_chats(step.tx) if chat.request == "outgoing"]
        step.change_chat(chat.gid, request="")
    shown = next(one for one in ann.chats() if one.kind == "dm")
    for text in ("two", "three"):
        await ann.send(shown, text)
    await ann.react(shown, ann.read(shown)[0].id, "\N{THUMBS UP SIGN}")
    await sync(bob, ann, bob)
    assert said(bob) == [HELLO]
    assert heard == []
    assert [message.state for message in ann.read(shown)] == ["sent"] * 3


async def test_what_follows_a_request_waits_also_where_its_text_was_deleted_or_another_device_sent_it(
    people: People,
) -> None:
    ann, bob = await people.join("ann"), await people.join("bob")
    laptop = await people.link("ann2", ann)
    await sync(ann, laptop)
    await ask(ann, bob)
    await laptop.sync()
    one, other = (next(chat for chat in device.chats() if chat.kind == "dm") for device in (ann, laptop))
    for device, chat in ((ann, one), (laptop, other)):
        device.delete_here(chat, device.read(chat)[0].id)
    await ann.send(one, "two", wait=False)
    await laptop.send(other, "three", wait=False)
    await sync(ann, laptop, bob)
    assert [device.read(chat)[0].state for device, chat in ((ann, one), (laptop, other))] == ["queued"] * 2
    assert said(bob) == [HELLO]
    accepted = await bob.accept_request(bob.requests()[0].id)
    await sync(ann, laptop, bob)
    assert sorted(texts(bob, accepted)) == sorted([HELLO, "two", "three"])


async def test_a_long_text_is_refused_before_it_is_sent(people: People) -> None:
    ann, bob = await people.join("ann"), await people.join("bob")
    await refuses("text-too-long", ann.request_contact(bob.account_id, "x" * 2049))
    await ask(ann, bob, "\N{CYRILLIC SMALL LETTER ZHE}" * 1024)
    assert bob.requests()[0].text == "\N{CYRILLIC SMALL LETTER ZHE}" * 1024


async def test_nobody_there_leaves_nothing_behind(people: People) -> None:
    ann = await people.join("ann")
    await refuses("not-allowed", ann.request_contact("A" * 22, "hello?"))
    assert [chat.kind for chat in ann.chats()] == ["self"]


async def test_a_blocked_one_reaches_nothing_and_cannot_tell(people: People) -> None:
    ann, bob, eve = [await people.join(name) for name in ("ann", "bob", "eve")]
    await befriend(ann, eve)
    await befriend(ann, bob)
    group = await ann.create_group("common", [contact(ann, "bob"), contact(ann, "eve")])
    await sync(bob, eve, ann, bob, eve, ann)
    link_of_ann = await ann.contact_link()
    ann.block(contact(ann, "eve"))
    await ann.sync()
    assert contact(ann, "eve").blocked
    before = said(ann)
    await eve.send(eve.find_chat("ann"), "why?")
    await eve.send(eve.find_chat("common"), "everybody hears this")
    await sync(ann, bob, eve)
    assert said(ann) == before
    assert texts(bob, "common") == ["everybody hears this"]
    assert eve.read(eve.find_chat("ann"))[-1].state == "sent"
    await refuses("contact-blocked", ann.send(ann.find_chat("eve"), "no"))
    # By a group, by a link that works, by a new chat of two: nothing comes of it.
    await eve.create_group("trap", [contact(eve, "bob")] if "bob" in [c.name for c in eve.contacts()] else [])
    await eve.add_contact(link_of_ann)
    await sync(ann, eve, ann)
    assert {chat.title for chat in ann.chats()} == {"Note to self", "eve", "bob", "common"}
    assert said(ann) == before
    # Bob has the new token, Eve has none that works.
    await sync(ann, bob, eve)
    await bob.create_group("second", [contact(bob, "ann")])
    await ann.sync()
    assert ann.find_chat("second").status == "active"
    await refuses("not-allowed", eve.create_group("third", [contact(eve, "ann")]))
    # Bob still reads what Ann says in the common group, and so does Eve.
    await ann.send(group, "to all")
    await sync(eve)
    assert texts(eve, "common")[-1] == "to all"


async def test_at_a_block_nothing_goes_out_where_the_blocked_one_would_see_it(people: People) -> None:
    """Alone with us in a group, or with others: a profile at that moment would tell them."""
    ann, bob, eve = [await people.join(name) for name in ("ann", "bob", "eve")]
    await befriend(ann, eve)
    await befriend(ann, bob)
    await ann.create_group("two", [contact(ann, "eve")])
    await ann.create_group("three", [contact(ann, "bob"), contact(ann, "eve")])
    await sync(bob, eve, ann, bob, eve, ann)
    ann.block(contact(ann, "eve"))
    with ann._device.core.look() as step:
        titles = {chat.title for chat in rows.all_chats(step.tx) if rows.items(step.tx, chat.gid) and chat.title}
        peers = {chat.peer for chat in rows.all_chats(step.tx) if rows.items(step.tx, chat.gid) and chat.peer}
    assert (titles, peers) == (set(), {parse_b64(bob.account_id, size=16)})


async def test_after_unblocking_what_is_written_from_then_on_comes(people: People) -> None:
    ann, eve = await people.join("ann"), await people.join("eve")
    await befriend(ann, eve)
    ann.block(contact(ann, "eve"))
    await ann.sync()
    await eve.send(eve.find_chat("ann"), "lost")
    await ann.sync()
    ann.unblock(contact(ann, "eve"))
    await ann.sync()
    await eve.send(eve.find_chat("ann"), "found")
    await sync(ann, eve)
    assert texts(ann, "eve") == ["found"]
    await ann.send(ann.find_chat("eve"), "hello again")
    await eve.sync()
    assert texts(eve, "ann")[-1] == "hello again"
    await eve.create_group("again", [contact(eve, "ann")])
    await ann.sync()
    assert ann.find_chat("again").status == "active"


async def test_a_blocked_one_may_ask_no_more(people: People) -> None:
    ann, eve = await people.join("ann"), await people.join("eve")
    await ask(eve, ann)
    ann.block_request(ann.requests()[0].id)
    await sync(ann, eve, ann)
    assert (ann.requests(), said(ann)) == ([], [])
    assert contact(ann, "eve").blocked
    await eve.add_contact(await ann.contact_link())
    await ann.sync()
    assert [chat.kind for chat in ann.chats()] == ["self"]
    await refuses("contact-blocked", ann.request_contact(eve.account_id, "hm"))


async def test_own_devices_agree(
    people: People,
) -> None:
    ann, bob, eve = [await people.join(name) for name in ("ann", "bob", "eve")]
    laptop = await people.link("laptop", ann)
    await sync(ann, laptop, ann, laptop)
    await ask(bob, ann)
    await ask(eve, ann)
    await laptop.sync()
    assert {one.name for one in laptop.requests()} == {"bob", "eve"}
    by_name = {one.name: one.id for one in ann.requests()}
    await ann.accept_request(by_name["bob"])
    ann.block_request(by_name["eve"])
    await sync(ann, laptop, bob, ann, laptop, bob)
    assert laptop.requests() == []
    assert contact(laptop, "eve").blocked
    await bob.send(bob.find_chat("ann"), "to both")
    await sync(laptop, ann)
    assert texts(laptop, "bob")[-1] == texts(ann, "bob")[-1] == "to both"
    await laptop.send(laptop.find_chat("bob"), "from the laptop")
    await bob.sync()
    assert texts(bob, "ann")[-1] == "from the laptop"


async def test_a_device_linked_while_a_request_waits_shows_nothing_until_it_is_accepted(people: People) -> None:
    ann, bob = await people.join("ann"), await people.join("bob")
    await ask(bob, ann)
    laptop = await people.link("laptop", ann)
    await sync(ann, laptop, ann, laptop)
    assert [chat.kind for chat in laptop.chats()] == ["self"]
    assert said(laptop) == []
    (waiting,) = ann.requests()
    await ann.accept_request(waiting.id)
    await sync(ann, laptop, bob, ann, laptop)
    await bob.send(bob.find_chat("ann"), "to both")
    await sync(laptop, ann)
    assert texts(laptop, "bob")[-1] == texts(ann, "bob")[-1] == "to both"
    await laptop.send(laptop.find_chat("bob"), "from the laptop")
    await bob.sync()
    assert texts(bob, "ann")[-1] == "from the laptop"


async def test_a_device_linked_later_knows_who_is_blocked(people: People) -> None:
    ann, eve = await people.join("ann"), await people.join("eve")
    await befriend(ann, eve)
    ann.block(contact(ann, "eve"))
    await ann.sync()
    laptop = await people.link("laptop", ann)
    await sync(ann, laptop, ann, laptop)
    assert contact(laptop, "eve").blocked
    await eve.send(eve.find_chat("ann"), "hello?")
    await sync(laptop, ann, laptop)
    assert said(laptop) == []


async def test_somebody_whose_name_looks_like_a_contacts_is_told_apart(people: People) -> None:
    ann, boris = await people.join("ann"), await people.join("boris")
    await befriend(ann, boris)
    false = await people.join("b\N{CYRILLIC SMALL LETTER O}ris")
    await ask(false, ann)
    (waiting,) = ann.requests()
    assert waiting.resembles == "boris"


async def test_links_are_used_up_listed_and_withdrawn(people: People) -> None:
    ann, bob, eve = [await people.join(name) for name in ("ann", "bob", "eve")]
    once = await ann.contact_link(uses=1)
    many = await ann.contact_link()
    told = await ann.contact_links()
    assert sorted(one.uses_left for one in told) == [1, 20]
    await bob.add_contact(once)
    await refuses("not-allowed", eve.add_contact(once))
    (left,) = await ann.contact_links()
    assert (await bob.contact_links(), left.uses_left) == ([], 20)
    assert await ann.revoke_link(left.id[:8]) == left
    await refuses("not-allowed", eve.add_contact(many))
    await refuses("gone", ann.revoke_link(left.id))
    another = await ann.contact_link()
    await ann.revoke_link(another)
    assert await ann.contact_links() == []
    for wrong in (0, 101):
        await refuses("malformed", ann.contact_link(uses=wrong))


async def test_a_link_without_a_token_asks(people: People) -> None:
    ann, bob = await people.join("ann"), await people.join("bob")
    chat = await ann.add_contact(await bob.request_link(), text="hello")
    assert (chat.title, chat.pending) == ("bob", True)
    await bob.sync()
    assert [one.text for one in bob.requests()] == ["hello"]


async def test_own_devices_know_the_username(people: People) -> None:
    """Also one that is linked later; the latest word counts."""
    ann = await people.join("ann")
    await ann.set_username("ann_1")
    laptop = await people.link("laptop", ann)
    await sync(ann, laptop, ann, laptop)
    assert laptop.username() == "ann_1"
    await laptop.set_username("ann_2")
    await sync(laptop, ann)
    assert ann.username() == "ann_2"
    await ann.release_username()
    await sync(ann, laptop)
    assert laptop.username() is None
    await refuses("gone", laptop.release_username())


async def test_people_find_each_other_by_username(people: People) -> None:
    ann, bob = await people.join("ann"), await people.join("bob")
    assert await bob.set_username("@Bobl_42") == "bobl_42"
    assert bob.username() == "bobl_42"
    await refuses("handle-taken", ann.set_username("bob1_42"))  # looks like it
    await refuses("bad-handle", ann.set_username("b\N{CYRILLIC SMALL LETTER O}bl_42"))
    chat = await ann.add_username("@BOBL_42", "found you")
    assert chat.pending
    await bob.sync()
    assert [one.text for one in bob.requests()] == ["found you"]
    await refuses("gone", ann.find_username("nobody"))
    assert await bob.release_username() == "bobl_42"
    await refuses("gone", ann.find_username("bobl_42"))
    await refuses("handle-taken", ann.set_username("bobl_42"))
    assert bob.username() is None


async def test_no_search_finds_a_request_and_no_backup_holds_it_or_a_chat_with_who_is_blocked(people: People) -> None:
    amal, boris, vera = [await people.join(name) for name in ("Amal", "Boris", "Vera")]
    await befriend(amal, vera)
    await ask(boris, amal)
    assert said(amal)[-1] == HELLO
    assert [hit async for hit in amal.search("library")] == []

    def kept() -> tuple[int, list[str]]:
        with amal._device.core.look() as step:  # what would be sealed
            held = backup.collect(step)
        return len(held.chats), [person.name for person in held.people]

    assert kept() == (2, ["Vera"])
    amal.block(contact(amal, "Vera"))
    assert kept() == (1, ["Vera"])


async def test_who_is_blocked_stays_so_after_a_restore(people: People) -> None:
    ann, eve, mia = [await people.join(name) for name in ("ann", "eve", "mia")]
    await befriend(ann, eve)
    await befriend(ann, mia)
    key = ann.show_recovery_key()
    ann.block(contact(ann, "eve"))
    ann.block(contact(ann, "mia"))
    await ann.sync()
    ann.unblock(contact(ann, "mia"))
    await ann.sync()
    await ann.close()
    back = await people.stack.enter_async_context(
        await Client.restore(people.home / "back", server=people.url, key=key)
    )
    await sync(back, eve, mia, back)
    assert (contact(back, "eve").blocked, contact(back, "mia").blocked) == (True, False)
    await eve.send(eve.find_chat("ann"), "hello?")
    await sync(eve, back)
    assert said(back) == []
    assert "eve" not in [chat.title for chat in back.chats()]
    laptop = await people.link("laptop", back)
    await sync(back, laptop, back, laptop)
    assert contact(laptop, "eve").blocked
