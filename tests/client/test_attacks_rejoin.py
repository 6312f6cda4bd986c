"""A member hands out a fresh group under the id of a known one: nobody gets more by it than by a commit.

The forger signs a real Welcome. Its victims asked it to bring them back, or it may add members.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import pytest
from tests.client.phone import Phone
from tests.client.successors import lines, open_world
from tests.client.talk import act, chat_of, events, say, texts
from tests.client.test_attacks_member import deliver
from tests.client.world import World

from zajil import mls
from zajil.client.core import chats, groups, readd
from zajil.client.state import rows
from zajil.client.state.rows import Chat, Intent, OwnKeyPackage
from zajil.client.state.step import Step
from zajil.protocol import frames
from zajil.protocol.chat.extensions import (
    GROUP_INFO_SHARE,
    ChatKind,
    ChatRole,
    ChatSettings,
    GroupInfoShare,
    Predecessor,
    Reason,
    change_settings,
    with_predecessor,
)
from zajil.protocol.ids import AccountId
from zajil.protocol.limits import SUITE_RFC1

pytestmark = pytest.mark.slow
RNG = random.Random(31).randbytes
VICTIMS = [pair for size in (1, 2, 3) for pair in combinations(("amal", "boris", "cleo"), size)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Amal owns a group, Boris is an admin, Cleo and Mallory are members; Ghost is a contact of all of them."""
    made = open_world(tmp_path)
    made.enrol("ghost")
    made.befriend()
    made.settle()
    yield made
    made.close()


def package_of(phone: Phone, suite: mls.Suite) -> mls.KeyPackage:
    """A key package that this device published."""
    with phone.core.look() as step:
        packages = [rows.parse_row(data, OwnKeyPackage) for data in step.tx.scan("key_package")]
    return mls.parse_key_package(next(one.package for one in packages if one.suite == suite.id and not one.last_resort))


def forge(
    forger: Phone,
    victims: Sequence[str],
    *,
    settings: bytes | None = None,
    people: Sequence[str] = ("amal", "boris", "cleo", "mallory"),
    suite: mls.Suite = mls.XWING,
) -> tuple[bytes, int]:
    """(Welcome, epoch) of a group of these people that the forger made under the id of the main one.

    settings: of the group; None: those of the forger's real group.
    """
    world = forger.world
    others = [name for name in people if name not in victims and world.phones[name] is not forger]
    packages = {name: package_of(world.phones[name], suite) for name in (*others, *victims)}
    top = max(chat_of(world.phones[name]).top for name in (*victims, forger.name))
    with forger.core.step("forge") as step:
        group = groups.create(step, world.main, held_settings(forger) if settings is None else settings, suite)
        for n in range(top + 2):
            adds = [mls.Add(packages[name]) for name in others] if n == 0 else []
            group, staged = group.commit(step.env(), adds)
            group = staged.apply(group)
        share = GroupInfoShare(group_secret=RNG(32), lists=(), accounts={})
        _, staged = group.commit(
            step.env(),
            [mls.Add(packages[name]) for name in victims],
            welcome_extensions=(mls.Extension(GROUP_INFO_SHARE, share.encode()),),
            with_tree=True,
        )
    assert staged.welcome is not None
    return staged.welcome, staged.epoch


def held_settings(phone: Phone) -> bytes:
    """The settings of the main group."""
    return chat_of(phone).settings


def account_of(world: World, name: str) -> AccountId:
    return AccountId(world.phones[name].device[0])


def with_roles(world: World, roles: Mapping[str, ChatRole]) -> bytes:
    """The settings of the main group with other roles."""
    told = {account_of(world, name): role for name, role in roles.items()}
    return change_settings(held_settings(world.phones["amal"]), roles=told)


def lose(world: World, victims: Sequence[str], asked: str) -> None:
    """The victims lost their state of the group, and asked this member to bring them back."""
    for name in victims:

        def lost(step: Step) -> None:
            readd.lose(step, world.main, "gap")
            asking = step.chat(world.main).asking
            assert asking is not None
            far = step.now + 10 * readd.ROUND_MS
            changed = rows.changed(asking, asked=(world.phones[asked].device[0],), next_at=far)
            step.change_chat(world.main, asking=changed)

        act(world.phones[name], lost)


def offer(world: World, forger: str, victims: Sequence[str], welcome: bytes, epoch: int) -> None:
    """The Welcome comes into the mailboxes of the victims."""
    for name in victims:
        if name != forger:
            deliver(world.phones[name], frames.Kind.WELCOME, welcome, epoch=epoch)


def rights(chat: Chat) -> tuple[object, ...]:
    """What an attacker wants to change."""
    return (chat.kind, chat.title, chat.roles, chat.perms, chat.timer, chat.suite, chat.forebear, chat.accounts())


ATTACKS = {
    "admin becomes owner": ("boris", {"boris": ChatRole.OWNER, "amal": ChatRole.OWNER}, ()),
    "admin drops the owner": ("boris", {"boris": ChatRole.ADMIN}, ("amal",)),
    "admin lowers the owner": ("boris", {"boris": ChatRole.OWNER}, ()),
    "member becomes owner": ("mallory", {"mallory": ChatRole.OWNER, "amal": ChatRole.OWNER}, ()),
    "member becomes admin": (
        "mallory",
        {"amal": ChatRole.OWNER, "boris": ChatRole.ADMIN, "mallory": ChatRole.ADMIN},
        (),
    ),
    "member drops owner and admin": ("mallory", {}, ("amal", "boris")),
    "member drops the admin": ("mallory", {"amal": ChatRole.OWNER, "boris": ChatRole.ADMIN}, ("boris",)),
}


@pytest.mark.parametrize("victims", VICTIMS, ids="-".join)
@pytest.mark.parametrize("attack", ATTACKS)
def test_no_welcome_gives_a_role_that_its_signer_may_not_give(
    world: World, attack: str, victims: tuple[str, ...]
) -> None:
    forger, roles, without = ATTACKS[attack]
    victims = tuple(name for name in victims if name != forger and name not in without)
    if not victims:
        victims = ("cleo",)
    people = [name for name in ("amal", "boris", "cleo", "mallory") if name not in without]
    before = {name: rights(chat_of(world.phones[name])) for name in victims}
    welcome = forge(world.phones[forger], victims, settings=with_roles(world, roles), people=people)
    lose(world, victims, forger)
    offer(world, forger, victims, *welcome)
    for name in victims:
        phone = world.phones[name]
        assert rights(chat_of(phone)) == before[name]
        assert chat_of(phone).status == "lost"
        assert lines(phone)[-1] == "refused-welcome"
        assert [event.code for event in events(phone, "refused-welcome")] == ["refused-welcome"]


def test_a_restored_owner_is_brought_back_as_owner_by_a_member(world: World) -> None:
    """Its backup names the roles of others alone."""
    amal = world.phones["amal"]
    lose(world, ["amal"], "mallory")
    known: dict[bytes, int] = {account_of(world, "boris"): groups.ADMIN}
    act(amal, lambda step: step.change_chat(world.main, settings=b"", roles=known))
    offer(world, "mallory", ["amal"], *forge(world.phones["mallory"], ["amal"]))
    assert chat_of(amal).status == "active"
    assert groups.role_of(chat_of(amal), account_of(world, "amal")) == groups.OWNER


@pytest.mark.parametrize("status", ["active", "lost"])
@pytest.mark.parametrize(
    "what", ["kind", "suite", "predecessor", "title", "timer", "permissions", "ghost", "later key"]
)
def test_a_member_who_was_only_asked_changes_nothing(world: World, what: str, status: str) -> None:
    cleo, mallory = world.phones["cleo"], world.phones["mallory"]
    held = held_settings(mallory)
    people, suite, settings = ["amal", "boris", "cleo", "mallory"], mls.XWING, held
    match what:
        case "kind":
            settings, people = ChatSettings(ChatKind.DM).encode(), ["cleo", "mallory"]
        case "suite":
            suite = mls.suite_of(SUITE_RFC1)
        case "predecessor":
            settings = with_predecessor(held, Predecessor(RNG(16), 3, RNG(32), Reason.STUCK))
        case "title":
            settings = change_settings(held, name="Mallory's")
        case "timer":
            settings = change_settings(held, timer=3_600)
        case "permissions":
            settings = change_settings(held, perms={"add": 0})
        case "ghost":
            people.append("ghost")
        case "later key":
            roles = {account_of(world, "amal"): ChatRole.OWNER}
            settings = ChatSettings(ChatKind.GROUP, "Doves", about="Mallory's", roles=roles).encode()
    before = rights(chat_of(cleo))
    welcome = forge(mallory, ["cleo"], settings=settings, people=people, suite=suite)
    if status == "lost":
        lose(world, ["cleo"], "mallory")
    else:
        asked = rows.Asking(chat_of(cleo).top, "gap", (mallory.device[0],), 1 << 60)
        act(cleo, lambda step: step.change_chat(world.main, asking=asked))
    offer(world, "mallory", ["cleo"], *welcome)
    assert rights(chat_of(cleo)) == before
    assert (chat_of(cleo).status, lines(cleo)[-1]) == (status, "refused-welcome")
    if status == "active":
        say(cleo, "her state is whole")
        act(cleo, lambda step: step.change_chat(world.main, asking=None))
        world.settle()
        assert texts(world.phones["amal"])[-1] == "her state is whole"


@pytest.mark.parametrize("forger", ["amal", "boris"])
def test_a_member_seen_to_be_removed_does_not_come_back_with_a_welcome(world: World, forger: str) -> None:
    """Also by an owner, whose device may be the one that the removal never reached: no server came back here."""
    mallory, cleo = world.phones["mallory"], world.phones["cleo"]
    world.phones["amal"].intend(world.main, Intent("remove", account=mallory.device[0]))
    world.settle()
    assert chat_of(cleo).put_out == (mallory.device[0],)
    welcome = forge(world.phones[forger], ["cleo"])
    lose(world, ["cleo"], forger)
    offer(world, forger, ["cleo"], *welcome)
    assert mallory.device[0] not in chat_of(cleo).accounts()
    assert (chat_of(cleo).status, lines(cleo)[-1]) == ("lost", "refused-welcome")


def test_a_chat_of_two_does_not_become_a_group(world: World) -> None:
    cleo, mallory = world.phones["cleo"], world.phones["mallory"]
    world.settle()
    gid = act(cleo, lambda step: chats.open_new_dm(step, mallory.device[0]))
    world.settle()
    world.main = gid
    settings = ChatSettings(ChatKind.GROUP, "Two", roles={account_of(world, "mallory"): ChatRole.OWNER}).encode()
    welcome = forge(mallory, ["cleo"], settings=settings, people=("cleo", "mallory", "ghost"))
    lose(world, ["cleo"], "mallory")
    offer(world, "mallory", ["cleo"], *welcome)
    chat = chat_of(cleo)
    assert (chat.kind, chat.title, len(chat.accounts()), chat.status) == (groups.DM, "", 2, "lost")


def test_an_owner_brings_back_with_changes_and_each_of_them_is_a_line(world: World) -> None:
    """What a commit would have said: who came, who went, roles, title, timer and permissions."""
    amal, cleo = world.phones["amal"], world.phones["cleo"]
    roles = {"amal": ChatRole.OWNER, "cleo": ChatRole.ADMIN}
    told = {account_of(world, name): role for name, role in roles.items()}
    settings = change_settings(held_settings(amal), name="Swifts", roles=told, timer=3_600, perms={"send": 1, "add": 0})
    welcome = forge(amal, ["cleo"], settings=settings, people=("amal", "boris", "cleo", "ghost"))
    lose(world, ["cleo"], "amal")
    offer(world, "amal", ["cleo"], *welcome)
    chat = chat_of(cleo)
    assert (chat.status, chat.title, chat.timer) == ("active", "Swifts", 3_600)
    said = lines(cleo)
    for code in ("added", "removed", "renamed", "role-admin", "role-member", "timer", "write-admins", "rules"):
        assert code in said, code


@pytest.mark.parametrize("victims", VICTIMS, ids="-".join)
def test_after_the_attack_the_rest_of_the_group_brings_the_victims_back(world: World, victims: tuple[str, ...]) -> None:
    """Mallory answers first, with a group of her own; the others are asked next, however often she answers."""
    roles = {"mallory": ChatRole.OWNER}
    before = {name: rights(chat_of(world.phones[name])) for name in victims}
    welcome = forge(world.phones["mallory"], victims, settings=with_roles(world, roles))
    lose(world, victims, "mallory")
    offer(world, "mallory", victims, *welcome)
    offer(world, "mallory", victims, *welcome)
    for name in victims:
        assert chat_of(world.phones[name]).status == "lost"
        asking = chat_of(world.phones[name]).asking
        assert asking is not None
        assert asking.asked == (world.phones["mallory"].device[0],)
    world.settle()
    if len(victims) < 3:
        for name in victims:
            assert chat_of(world.phones[name]).status == "active"
            assert rights(chat_of(world.phones[name])) == before[name]
        say(world.phones[victims[0]], "back again")
        world.settle()
        assert texts(world.phones["mallory"])[-1] == "back again"
