"""Opening accounts: what proves them, what gates them, and what a refused attempt leaves behind."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.auth.conftest import PREFIX, START, World, register
from tests.server.people import Person

from zajil.auth import login, registration
from zajil.auth.context import Auth
from zajil.auth.invites import create_invite
from zajil.engine.limits import Limits
from zajil.protocol.errors import ZajilError
from zajil.protocol.identity.objects import NO_LIST, hash_object


async def refusal(auth: Auth, device_list: bytes, signed_login: bytes, invite: str | None = None) -> str:
    with pytest.raises(ZajilError) as caught:
        newcomer = registration.Newcomer(invite=invite, prefix=PREFIX)
        await registration.register(auth, newcomer, device_list=device_list, login=signed_login)
    return caught.value.code


async def test_a_first_list_opens_an_account_with_a_mailbox_for_each_device(auth: Auth, world: World) -> None:
    person = Person(devices={1: Ed25519PrivateKey.generate(), 2: Ed25519PrivateKey.generate()})
    device = await login.check_device(auth, await register(auth, person, device=2))
    assert (device.account_id, device.device_id) == (person.account_id, 2)
    assert device.mailbox_id in world.mailboxes
    assert len(world.mailboxes) == 2


async def test_an_account_that_exists_gets_no_token_from_its_list(auth: Auth, world: World) -> None:
    """Contacts can read lists, so a list alone must not buy a token; the mailboxes made in vain go again."""
    person = Person()
    await register(auth, person)
    code = await refusal(auth, person.lists[0], person.login(hash_object(person.lists[0])))
    assert code == "account-exists"
    assert len(world.mailboxes) == 1


async def test_what_is_no_first_list_of_its_account_is_refused(auth: Auth, world: World) -> None:
    person, other = Person(), Person()
    first = person.lists[0]
    good = person.login(hash_object(first))
    assert await refusal(auth, person.make_list(seq=2, prev=hash_object(first)), good) == "bad-signature"
    assert await refusal(auth, person.make_list(seq=1, prev=bytes(range(32))), good) == "bad-signature"
    assert await refusal(auth, person.make_list(seq=1, prev=NO_LIST, signer=other.seed), good) == "bad-signature"
    assert await refusal(auth, person.make_list(seq=1, prev=NO_LIST, devices=[]), good) == "bad-signature"
    assert await refusal(auth, first[:-1], good) == "bad-signature"
    assert await refusal(auth, b"", good) == "bad-signature"
    assert not world.mailboxes


async def test_the_login_inside_must_be_of_a_listed_device_for_this_list_and_server(auth: Auth) -> None:
    person, other = Person(), Person()
    first = person.lists[0]
    assert await refusal(auth, first, other.login(hash_object(first))) == "bad-signature"
    assert await refusal(auth, first, person.login(bytes(32))) == "bad-challenge"
    elsewhere = person.login(hash_object(first), server_name="elsewhere.example")
    assert await refusal(auth, first, elsewhere) == "bad-challenge"
    assert await refusal(auth, first, first) in {"bad-signature", "malformed"}


async def test_an_invite_opens_as_many_accounts_as_it_has_uses(auth: Auth) -> None:
    gated = dataclasses.replace(auth, registration="invite")
    code = create_invite(auth.db, uses=2, now=START)
    assert await refusal(gated, *_first(Person()), None) == "gate-required"
    assert await refusal(gated, *_first(Person()), "ABCDE-ABCDE-ABCDE-ABCDE") == "gate-required"
    someone = Person()
    await register(gated, someone, invite=code.lower().replace("-", " "))
    assert await refusal(gated, *_first(someone), code) == "account-exists"
    await register(gated, Person(), invite=code)
    assert await refusal(gated, *_first(Person()), code) == "gate-required"


async def test_one_use_admits_one_of_two_who_come_at_once(auth: Auth) -> None:
    gated = dataclasses.replace(auth, registration="invite")
    code = create_invite(auth.db, uses=1, now=START)
    results = await asyncio.gather(*(register(gated, Person(), invite=code) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(result, bytes) for result in results) == 1


async def test_an_invite_ends_after_thirty_days(auth: Auth, world: World) -> None:
    gated = dataclasses.replace(auth, registration="invite")
    code = create_invite(auth.db, uses=1, now=START)
    world.now += 30 * 86_400
    assert await refusal(gated, *_first(Person()), code) == "gate-required"


async def test_open_registration_is_counted_per_prefix_and_an_invite_is_not(auth: Auth) -> None:
    limited = dataclasses.replace(auth, limits=Limits())
    for _ in range(6):
        await register(limited, Person())
    with pytest.raises(ZajilError) as caught:
        await register(limited, Person())
    assert caught.value.code == "slow-down"
    assert caught.value.retry_ms
    await register(limited, Person(), invite=create_invite(auth.db, uses=1, now=START))


def test_codes_are_typed_by_people() -> None:
    from zajil.auth.secrets import digest_of_code, new_invite_code

    code = new_invite_code()
    assert len(code) == 23
    assert digest_of_code(code) == digest_of_code(code.lower().replace("0", "o").replace("1", "l"))
    assert digest_of_code(code) != digest_of_code(new_invite_code())


def _first(person: Person) -> tuple[bytes, bytes]:
    return person.lists[0], person.login(hash_object(person.lists[0]))
