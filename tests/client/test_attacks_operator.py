"""A hostile operator answers control calls with lies: the client neither spins nor breaks, and signs no lie."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.client.phone import Phone
from tests.client.world import World, small_world

from zajil.client.core import chats
from zajil.client.shell.calls import Calls
from zajil.client.shell.errands import Errands
from zajil.client.shell.login import Tokens
from zajil.protocol import control
from zajil.protocol.errors import ZajilError, error
from zajil.transports.base import Answer

TOKEN = control.encode_json(control.Session(control.B32(bytes(32)), 1 << 40))
NONCE = control.encode_json(control.ChallengeAnswer(control.B32(bytes(32))))


class Operator:
    """Answers logins rightly and every other call with one answer, or one by path; counts what comes."""

    def __init__(self, status: int, body: bytes, **by_name: bytes) -> None:
        self.answer = Answer(status, {}, body)
        self.by_name = by_name
        self.calls: list[str] = []

    async def call(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes = b"", timeout_s: float
    ) -> Answer:
        del headers, body, timeout_s
        self.calls.append(f"{method} {path}")
        if path.startswith("/v1/auth/"):
            return Answer(200, {}, NONCE if path.endswith("challenge") else TOKEN)
        found = self.by_name.get(path.rpartition("/")[2])
        return self.answer if found is None else Answer(200, {}, found)

    async def close(self) -> None:
        """Nothing to free."""


def refusal(code: str) -> tuple[int, bytes]:
    problem = error(code)
    return problem.status, control.encode_problem(problem)


@pytest.fixture
def amal(tmp_path: Path) -> Iterator[Phone]:
    """A device that has not published packages and has not made its self group."""
    world = World(tmp_path, seed=5)
    yield world.enrol("amal")
    world.close()


SHAPES = [
    b"",
    b"{}",
    b"[]",
    b"null",
    b"\xff",
    b"[" * 100_000,
    b'{"counts": [], "passes": [], "refs": []}',
    b'{"counts":7}',
]
EVERYTHING = [
    *((200, body) for body in SHAPES),
    *((599, body) for body in SHAPES),
    *(
        refusal(code)
        for code in ("token-expired", "not-allowed", "malformed", "gone", "idem-conflict", "account-exists")
    ),
    (418, b'{"type":"x","title":"x","status":418,"code":"teapot"}'),
    (401, b""),
]


@pytest.mark.parametrize("answer", EVERYTHING, ids=lambda answer: f"{answer[0]} {answer[1][:40]!r}")
async def test_one_answer_to_everything_makes_no_client_spin(amal: Phone, answer: tuple[int, bytes]) -> None:
    operator, told = Operator(*answer), list[ZajilError]()
    calls = Calls(operator)
    errands = Errands(amal.core, calls, Tokens(amal.core, calls), backups=lambda: calls, down=told.append)
    for _ in range(50):
        await errands.run()
    assert len(operator.calls) <= 12
    with amal.core.look() as step:
        assert step.tx.count("key_package") <= 2 * 31


async def test_claims_that_come_back_empty_are_made_more_and_more_seldom(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However many chats wait for a device that has published nothing yet, the allowance of its account lasts."""
    world = small_world()
    b, c = world.phones["b"], world.phones["c"]
    with b.core.step("open") as step:
        for number in range(3):
            chats.open_group(step, f"Doves {number}", [c.device[0]])
    operator = Operator(
        200,
        control.encode_json(control.ClaimedKeyPackages(1, ())),
        passes=control.encode_json(control.Passes((control.B32(bytes(32)),))),
        refs=control.encode_json(control.Refs((control.Blob(bytes(54)),))),
    )
    calls = Calls(operator)
    errands = Errands(b.core, calls, Tokens(b.core, calls), backups=lambda: calls, down=lambda problem: None)
    seconds = itertools.count(1000)
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: next(seconds) / 20)
    for _ in range(300):
        await errands.run()
    minutes = next(seconds) / 20 / 60
    claims = sum(call.endswith("/claim") for call in operator.calls)
    world.close()
    shutil.rmtree(world.folder)
    assert 6 <= claims <= 6 + 4 * minutes


async def test_an_empty_pool_that_never_empties_ends(amal: Phone) -> None:
    with amal.core.step("stale") as step:
        step.change_session(pool_stale=True)
    client = control.ClaimedClient(1, 0x53, control.Blob(b"x"), control.Blob(b"x"), last_resort=False)
    operator = Operator(200, control.encode_json(control.ClaimedKeyPackages(1, (client,))))
    calls = Calls(operator)
    errands = Errands(amal.core, calls, Tokens(amal.core, calls), backups=lambda: calls, down=lambda problem: None)
    for _ in range(5):
        await errands.run()
    assert len(operator.calls) < 50
