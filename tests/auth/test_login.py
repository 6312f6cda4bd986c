"""Logins: the nonce's rules, what looks alike, and when a token ends."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Executable
from tests.auth.conftest import PREFIX, World, caller_of, register
from tests.engine.edwards import BaseKey
from tests.server.people import Person

from zajil.auth import lists, login, store
from zajil.auth.context import Auth
from zajil.engine.limits import Limits
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.identity.objects import Kind, Login, sign_object
from zajil.protocol.ids import DeviceId


async def code_of(auth: Auth, signed: bytes) -> str:
    try:
        await login.log_in(auth, signed, prefix=PREFIX)
    except ZajilError as reason:
        return reason.code
    return "ok"


def nonce_for(auth: Auth, person: Person, device: int = 1) -> bytes:
    return login.challenge(auth, account_id=person.account_id, device_id=DeviceId(device))


async def test_a_signed_challenge_buys_a_token_once(auth: Auth) -> None:
    person = Person()
    await register(auth, person)
    signed = person.login(nonce_for(auth, person))
    issued = await login.log_in(auth, signed, prefix=PREFIX)
    assert issued.expires == auth.now() + 3600
    assert (await login.check_device(auth, issued.token)).account_id == person.account_id
    assert await code_of(auth, signed) == "bad-challenge"


async def test_a_hello_costs_one_question_and_tells_the_newest_list(
    auth: Auth, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Person()
    token = await register(auth, person)
    caller = await login.check_device(auth, token)
    await lists.put_list(auth, caller, person.next_list())
    asked, peek_all = [], auth.db.peek_all

    async def peek(*words: Any) -> list[tuple[Any, ...]]:  # Any: handed on
        asked.append(words)
        return await peek_all(*words)

    monkeypatch.setattr(auth.db, "peek_all", peek)
    assert await login.check_hello(auth, token) == (caller, 2)
    assert len(asked) == 1


async def test_a_nonce_is_good_for_sixty_seconds_one_device_and_one_server(auth: Auth, world: World) -> None:
    person, other = Person(), Person()
    await register(auth, person)
    await register(auth, other)
    nonce = nonce_for(auth, person)
    world.now += 60
    assert await code_of(auth, person.login(nonce)) == "bad-challenge"
    assert await code_of(auth, person.login(nonce_for(auth, other))) == "bad-challenge"
    assert await code_of(auth, person.login(nonce_for(auth, person, 2))) == "bad-challenge"
    assert await code_of(auth, person.login(bytes(32))) == "bad-challenge"
    assert await code_of(auth, person.login(nonce_for(auth, person), server_name="other.example")) == "bad-challenge"
    nonce = nonce_for(auth, person)
    now_ms = int(world.now * 1000)
    # Of a gateway whose clock is ahead; one from the future is nobody's.
    auth.challenges.check(nonce, person.account_id, DeviceId(1), now_ms=now_ms - 5000)
    with pytest.raises(ZajilError, match="bad-challenge"):
        auth.challenges.check(nonce, person.account_id, DeviceId(1), now_ms=now_ms - 5001)


async def test_unknown_account_unknown_device_and_wrong_key_look_alike(auth: Auth) -> None:
    person, stranger = Person(), Person()
    await register(auth, person)
    person.devices[2] = Ed25519PrivateKey.generate()
    forged = Person(seed=person.seed)
    codes = {
        await code_of(auth, stranger.login(nonce_for(auth, stranger))),
        await code_of(auth, person.login(nonce_for(auth, person, 2), device=2)),
        await code_of(auth, forged.login(nonce_for(auth, person))),
    }
    assert codes == {"bad-challenge"}


async def test_unknown_account_and_unknown_device_cost_the_same_work(
    auth: Auth, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, stranger = Person(), Person()
    await register(auth, person)
    person.devices[2] = Ed25519PrivateKey.generate()
    logins = [
        stranger.login(nonce_for(auth, stranger)),
        person.login(nonce_for(auth, person, 2), device=2),
    ]
    statements: list[str] = []
    read = auth.db.read

    async def counted(work: Callable[[Connection], object]) -> object:
        def traced(db: Connection) -> object:
            run = db.execute

            def noted(statement: Executable) -> object:
                statements.append(str(statement))
                return run(statement)

            with monkeypatch.context() as patch:
                patch.setattr(db, "execute", noted)
                return work(db)

        return await read(traced)

    monkeypatch.setattr(auth.db, "read", counted)
    seen = []
    for signed in logins:
        statements.clear()
        assert await code_of(auth, signed) == "bad-challenge"
        seen.append(list(statements))
    assert seen[0] == seen[1]
    assert len(seen[0]) == 3


async def test_only_a_revoked_device_itself_learns_that_it_is_revoked(auth: Auth) -> None:
    person = Person(devices={1: Ed25519PrivateKey.generate(), 2: Ed25519PrivateKey.generate()})
    token = await register(auth, person, device=2)
    caller = await caller_of(auth, person, token)
    await lists.put_list(auth, caller, person.next_list(devices=[1]))
    with pytest.raises(ZajilError) as caught:
        await login.check_device(auth, token)
    assert caught.value.code == "token-expired"
    assert await code_of(auth, person.login(nonce_for(auth, person, 2), device=2)) == "device-revoked"
    forged = Person(seed=person.seed, devices={2: Ed25519PrivateKey.generate()})
    assert await code_of(auth, forged.login(nonce_for(auth, person, 2), device=2)) == "bad-challenge"


async def test_only_who_was_listed_is_told_that_it_was_revoked_when_its_session_is_looked_at(auth: Auth) -> None:
    """A standby that took over may lack the list that linked a device: it would lock itself, and never bring it."""

    async def standing(account: Person, device: int) -> str:
        try:
            await login.check_standing(auth, account.account_id, DeviceId(device))
        except ZajilError as reason:
            return reason.code
        return "ok"

    person = Person(devices={1: Ed25519PrivateKey.generate(), 2: Ed25519PrivateKey.generate()})
    caller = await caller_of(auth, person, await register(auth, person))
    assert [await standing(person, device) for device in (1, 2, 3)] == ["ok", "ok", "token-expired"]
    assert await standing(Person(), 1) == "token-expired"
    await lists.put_list(auth, caller, person.next_list(devices=[1]))
    assert [await standing(person, device) for device in (1, 2, 3)] == ["ok", "device-revoked", "token-expired"]
    await lists.put_list(auth, caller, person.next_list(devices=[]))
    assert await standing(person, 1) == "device-revoked"


async def test_a_token_ends_after_an_hour_or_a_log_out(auth: Auth, world: World) -> None:
    person = Person()
    token = await register(auth, person)
    world.now += 3599
    await login.check_device(auth, token)
    world.now += 1
    with pytest.raises(ZajilError, match="token-expired"):
        await login.check_device(auth, token)
    issued = await login.log_in(auth, person.login(nonce_for(auth, person)), prefix=PREFIX)
    await login.log_out(auth, issued.token)
    for token in (issued.token, b"", bytes(32), issued.token[:31]):
        with pytest.raises(ZajilError, match="token-expired"):
            await login.check_device(auth, token)


async def test_a_suspended_account_neither_logs_in_nor_acts(auth: Auth) -> None:
    person = Person()
    token = await register(auth, person)
    auth.db.write_sync(lambda db: store.set_state(db, person.account_id, store.SUSPENDED))
    with pytest.raises(ZajilError, match="suspended"):
        await login.check_device(auth, token)
    assert await code_of(auth, person.login(nonce_for(auth, person))) == "suspended"
    assert await lists.find_devices(auth, person.account_id) is None


async def test_failures_are_counted_by_prefix_and_never_lock_the_account(auth: Auth) -> None:
    limited = dataclasses.replace(auth, limits=Limits())
    person = Person()
    await register(limited, person)
    codes = [await code_of(limited, person.login(bytes(32))) for _ in range(21)]
    assert codes == ["bad-challenge"] * 20 + ["slow-down"]
    assert await code_of(limited, person.login(nonce_for(limited, person))) == "ok"


async def test_an_outage_is_no_failed_login_and_costs_nobody_a_try(auth: Auth, monkeypatch: pytest.MonkeyPatch) -> None:
    limited = dataclasses.replace(auth, limits=Limits())
    person = Person()
    await register(limited, person)
    with monkeypatch.context() as away:
        away.setattr(store, "is_spent", _say_busy)
        codes = {await code_of(limited, person.login(nonce_for(limited, person))) for _ in range(30)}
    assert codes == {"busy"}
    assert await code_of(limited, person.login(bytes(32))) == "bad-challenge"


def _say_busy(*_asked: object) -> None:
    raise error("busy")


async def test_no_signature_logs_in_a_device_that_is_not_there(auth: Auth) -> None:
    """The key that stands in for an unknown device's was the base point, whose secret is 1: anybody could sign for it.

    They emptied somebody's logins without paying for one failure, and were told why the account is suspended.
    """
    limited = dataclasses.replace(auth, limits=Limits())
    person, held = Person(), Person()
    await register(limited, person)
    await register(limited, held)
    await limited.db.write(lambda db: login.suspend(db, held.account_id, until=0, statement=b""))

    def forge(victim: Person) -> bytes:
        claim = Login(limited.server_name, nonce_for(limited, victim, 9), victim.account_id, DeviceId(9))
        return sign_object(Kind.LOGIN, claim.encode(), BaseKey())

    forged = [await code_of(limited, forge(victim)) for victim in [held, Person()] + [person] * 18]
    assert forged == ["bad-challenge"] * 20
    assert await code_of(limited, forge(person)) == "slow-down", "each of them cost the caller a failure"
    assert await code_of(limited, person.login(nonce_for(limited, person))) == "ok"


async def test_what_is_no_login_is_malformed(auth: Auth) -> None:
    person = Person()
    assert await code_of(auth, b"") == "bad-signature"
    assert await code_of(auth, person.lists[0]) == "malformed"
