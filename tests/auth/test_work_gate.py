"""Registration by proof of work, attacked: replayed, forged, cheap, stockpiled, flooded; and what people pay."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import Callable

import msgspec
import pytest
from sqlalchemy import func, select
from tests.auth.conftest import PREFIX, START, World, register
from tests.server.people import Person

from zajil.auth import retention
from zajil.auth.context import Auth
from zajil.auth.gate.work import WorkGate
from zajil.auth.invites import create_invite
from zajil.auth.tables import spent
from zajil.engine.limits import Limits
from zajil.protocol.errors import ZajilError
from zajil.protocol.gate.wire import WorkChallenge, WorkParameters, WorkProof, WorkSolution
from zajil.protocol.gate.work import (
    BASE_MOST,
    COST,
    DOUBLINGS,
    LIFE_S,
    ROUNDS_MAX,
    check_challenge,
    make_challenge,
    solve,
)

OTHER = b"\x7f\x00\x01"
Change = Callable[[WorkProof], WorkProof]


def solved(challenge: WorkChallenge) -> WorkProof:
    return solve(challenge, stopped=lambda: False)


@pytest.fixture
def key() -> bytes:
    return os.urandom(32)


@pytest.fixture
def gated(auth: Auth, world: World, key: bytes) -> Auth:
    """Limits as they are shipped; the drawn counters are low, so that tests solve fast."""
    limits = Limits()
    gate = WorkGate(key, limits, clock=lambda: world.now, random=lambda n: os.urandom(n) if n > 8 else bytes(8))
    return dataclasses.replace(auth, registration="work", limits=limits, work=gate)


async def refusal(auth: Auth, proof: WorkProof | None, invite: str | None = None, prefix: bytes = PREFIX) -> str:
    with pytest.raises(ZajilError) as caught:
        await register(auth, Person(), work=proof, invite=invite, prefix=prefix)
    return caught.value.code


def most(auth: Auth, prefix: bytes = PREFIX) -> int:
    return auth.work.challenge(prefix).parameters.data.most


async def test_work_opens_one_account(gated: Auth) -> None:
    assert await refusal(gated, None) == "work-required"
    proof = solved(gated.work.challenge(PREFIX))
    await register(gated, Person(), work=proof)
    assert await refusal(gated, proof) == "work-required"


async def test_one_proof_admits_one_of_two_who_come_at_once(gated: Auth) -> None:
    proof = solved(gated.work.challenge(PREFIX))
    made = await asyncio.gather(*(register(gated, Person(), work=proof) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(one, bytes) for one in made) == 1


async def test_the_same_solution_said_otherwise_is_the_same_solution(gated: Auth) -> None:
    proof = solved(gated.work.challenge(PREFIX))
    await register(gated, Person(), work=proof)
    again = msgspec.structs.replace(proof, solution=msgspec.structs.replace(proof.solution, counter=7))
    assert await refusal(gated, again) == "work-required"
    upper = msgspec.structs.replace(
        proof, challenge=msgspec.structs.replace(proof.challenge, signature=proof.challenge.signature.upper())
    )
    assert await refusal(gated, upper) == "work-required"


async def test_a_challenge_ends(gated: Auth, world: World) -> None:
    proof = solved(gated.work.challenge(PREFIX))
    world.now += LIFE_S
    assert await refusal(gated, proof) == "work-required"


async def test_an_account_that_exists_costs_no_work(gated: Auth) -> None:
    person = Person()
    await register(gated, person, work=solved(gated.work.challenge(PREFIX)))
    proof = solved(gated.work.challenge(PREFIX))
    with pytest.raises(ZajilError, match="account-exists"):
        await register(gated, person, work=proof)
    await register(gated, Person(), work=proof)


def _asked(proof: WorkProof, **changes: object) -> WorkProof:
    parameters = msgspec.structs.replace(proof.challenge.parameters, **changes)
    return msgspec.structs.replace(proof, challenge=msgspec.structs.replace(proof.challenge, parameters=parameters))


def _answered(proof: WorkProof, counter: int, key: str) -> WorkProof:
    return msgspec.structs.replace(proof, solution=WorkSolution(counter, key))


@pytest.mark.parametrize(
    "change",
    [
        lambda proof: _asked(proof, cost=1),
        lambda proof: _asked(proof, cost=2**32 - 1),
        lambda proof: _asked(proof, algorithm="SHA-256"),
        lambda proof: _asked(proof, algorithm="ARGON2ID"),
        lambda proof: _asked(proof, expires_at=2**64 - 1),
        lambda proof: _asked(proof, key_signature="00" * 32),
        lambda proof: _asked(proof, key_prefix=""),
        lambda proof: _asked(proof, nonce="\ud800"),
        lambda proof: _asked(proof, data=msgspec.structs.replace(proof.challenge.parameters.data, most=2**32 - 1)),
        lambda proof: msgspec.structs.replace(
            proof, challenge=msgspec.structs.replace(proof.challenge, signature="é" * 64)
        ),
        lambda proof: _answered(proof, proof.solution.counter, "00" * 32),
        lambda proof: _answered(proof, proof.solution.counter, proof.solution.derived_key[:32]),
        lambda proof: _answered(proof, proof.solution.counter, proof.solution.derived_key.upper() + "\n"),
        lambda proof: _answered(proof, 2**32 - 1, ""),
        lambda proof: _answered(proof, 0, proof.challenge.parameters.key_prefix + "00" * 16),
    ],
)
async def test_what_the_server_did_not_ask_is_refused(gated: Auth, change: Change) -> None:
    assert await refusal(gated, change(solved(gated.work.challenge(PREFIX)))) == "work-required"


async def test_a_challenge_of_another_server_is_refused(gated: Auth, world: World) -> None:
    other = WorkGate(os.urandom(32), Limits(), clock=lambda: world.now, random=lambda n: bytes(n))
    assert await refusal(gated, solved(other.challenge(PREFIX))) == "work-required"


async def test_work_doubles_with_what_a_prefix_opens_and_refuses_nobody(gated: Auth, world: World) -> None:
    asked = []
    for _ in range(6 * (DOUBLINGS + 3)):
        asked.append(most(gated))
        await register(gated, Person(), work=solved(gated.work.challenge(PREFIX)))
    steps = [BASE_MOST] * 6 + [BASE_MOST * 2] * 6 + [BASE_MOST * 4] * 6 + [BASE_MOST * 8] * 18
    assert asked == steps
    assert most(gated, OTHER) == BASE_MOST
    # CGNAT is slowed and forgotten: an hour later the neighbours pay what everybody pays.
    world.now += 3600
    assert most(gated) == BASE_MOST


async def test_hopping_prefixes_makes_it_dearer_for_all(gated: Auth, world: World) -> None:
    for n in range(121):
        prefix = n.to_bytes(7, "big")
        await register(gated, Person(), work=solved(gated.work.challenge(prefix)), prefix=prefix)
    assert most(gated, OTHER) == BASE_MOST * 2
    world.now += 60
    assert most(gated, OTHER) == BASE_MOST


async def test_cheap_challenges_are_no_stock_for_dear_days(gated: Auth) -> None:
    stock = [solved(gated.work.challenge(OTHER)) for _ in range(20)]
    # One doubling is forgiven, from the seventh on: neighbours may have come while somebody's device worked.
    for proof in stock[:12]:
        await register(gated, Person(), work=proof)
    assert most(gated) == BASE_MOST * 4
    assert await refusal(gated, stock[12]) == "work-required"
    await register(gated, Person(), work=stock[13], prefix=OTHER)


async def test_asking_for_challenges_makes_nothing_dearer(gated: Auth) -> None:
    for _ in range(50):
        gated.work.challenge(PREFIX)
    assert most(gated) == BASE_MOST


async def test_a_proof_spent_at_one_gateway_is_spent_at_every_other_and_forgotten_when_it_ends(
    gated: Auth, world: World, key: bytes
) -> None:
    other = dataclasses.replace(gated, work=WorkGate(key, Limits(), clock=lambda: world.now, random=os.urandom))
    proof = solved(gated.work.challenge(PREFIX))
    await register(other, Person(), work=proof)
    assert await refusal(gated, proof) == "work-required"
    world.now += LIFE_S
    await retention.run(gated)
    assert await gated.db.read(lambda db: db.execute(select(func.count()).select_from(spent)).scalar_one()) == 0


async def test_an_invite_replaces_the_work_where_work_alone_is_asked(gated: Auth) -> None:
    await register(gated, Person(), invite=create_invite(gated.db, uses=1, now=START))
    assert await refusal(gated, None, invite="ABCDE-ABCDE-ABCDE-ABCDE") == "work-required"
    await register(gated, Person(), invite="ABCDE-ABCDE-ABCDE-ABCDE", work=solved(gated.work.challenge(PREFIX)))


async def test_both_wants_both_and_spends_neither_in_vain(gated: Auth) -> None:
    both = dataclasses.replace(gated, registration="both")
    code = create_invite(gated.db, uses=1, now=START)
    proof = solved(gated.work.challenge(PREFIX))
    assert await refusal(both, proof) == "gate-required"
    assert await refusal(both, None, invite=code) == "work-required"
    assert await refusal(both, proof, invite="ABCDE-ABCDE-ABCDE-ABCDE") == "gate-required"
    await register(both, Person(), work=proof, invite=code)
    assert await refusal(both, solved(gated.work.challenge(PREFIX)), invite=code) == "gate-required"


def test_nobody_waits_longer_than_the_dearest_challenge(key: bytes) -> None:
    """A phone does 500,000 rounds a second: 40 s at the very worst. No client does more than twice that."""
    dearest = (BASE_MOST << DOUBLINGS) * COST
    assert dearest / 500_000 < 60
    assert dearest * 2 == ROUNDS_MAX
    challenge = make_challenge(key, most=2 * BASE_MOST, counter=9, nonce=bytes(16), salt=bytes(16), expires=1)
    assert check_challenge(challenge) is challenge.parameters


@pytest.mark.parametrize(
    "changes",
    [
        {"cost": 2**32 - 1},
        {"cost": 0},
        {"algorithm": "SCRYPT"},
        {"key_length": 64},
        {"key_prefix": "00"},
        {"key_prefix": "zz" * 16},
        {"nonce": ""},
        {"salt": "00"},
    ],
)
def test_a_client_does_no_work_that_it_does_not_know(key: bytes, changes: dict[str, object]) -> None:
    good = make_challenge(key, most=BASE_MOST, counter=1, nonce=bytes(16), salt=bytes(16), expires=1)
    parameters: WorkParameters = msgspec.structs.replace(good.parameters, **changes)
    with pytest.raises(ZajilError, match="work-unfinished"):
        solved(msgspec.structs.replace(good, parameters=parameters))


def test_work_can_be_stopped_and_tells_how_far_it_is(key: bytes) -> None:
    challenge = make_challenge(key, most=64, counter=60, nonce=bytes(16), salt=bytes(16), expires=1)
    told: list[float] = []
    assert solve(challenge, tell=told.append, stopped=lambda: False).solution.counter == 60
    assert told == [0, 0.25, 0.5, 0.75]
    with pytest.raises(ZajilError, match="work-unfinished"):
        solve(challenge, stopped=lambda: True)
