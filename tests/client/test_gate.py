"""What the SDK brings to a gate: no work in vain, again where the server asks for more, and not without an end."""

from __future__ import annotations

import os
from typing import Any

import pytest

from zajil.client.shell.enrol import _Gate, _pass_gate
from zajil.protocol import control
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.gate.work import LIFE_S, check_proof, make_challenge

KEY = bytes(32)


class Server:
    """Answers as a server does that refuses so many registrations; keeps what it was sent."""

    def __init__(self, registration: str, *, refuses: int = 0) -> None:
        self.registration = registration
        self.refuses = refuses
        self.gates: list[control.Gate] = []

    def config(self) -> control.Config:
        seeds = {"nonce": os.urandom(16), "salt": os.urandom(16)}
        challenge = make_challenge(KEY, most=64, counter=20, expires=LIFE_S, **seeds)
        asks = self.registration in {"work", "both"}
        return control.Config("x", self.registration, 0, (), {}, altcha=challenge if asks else None)

    async def call(self, route: object, _kind: object, *, request: Any = None) -> Any:  # a request of either route
        if route is control.CONFIG:
            return self.config()
        self.gates.append(request.gate)
        if len(self.gates) <= self.refuses:
            raise error("work-required")
        return control.Session(control.B32(bytes(32)), 1)

    async def register(self, invite: str | None) -> None:
        request = control.CreateAccount(control.Blob(b""), control.Blob(b""), control.Gate(invite))
        gate = _Gate(self.config(), invite, lambda _: None)
        await _pass_gate(self, request, gate)  # type: ignore[arg-type]  # the part of Calls that is used


@pytest.mark.parametrize(
    ("registration", "invite", "works"),
    [
        ("open", None, False),
        ("invite", "code", False),
        ("invite", None, False),
        ("work", None, True),
        ("work", "code", False),
        ("both", "code", True),
        ("both", None, False),
    ],
)
async def test_nobody_works_in_vain(registration: str, invite: str | None, works: bool) -> None:
    server = Server(registration)
    await server.register(invite)
    (gate,) = server.gates
    assert (gate.invite, gate.altcha is not None) == (invite, works)
    if gate.altcha is not None:
        assert check_proof(KEY, gate.altcha, now=0).data.most == 64


async def test_a_code_that_does_not_do_is_followed_by_work() -> None:
    server = Server("work", refuses=1)
    await server.register("used up")
    assert [gate.altcha is not None for gate in server.gates] == [False, True]


async def test_each_further_attempt_solves_a_fresh_challenge_and_the_fourth_is_the_last() -> None:
    server = Server("work", refuses=3)
    await server.register(None)
    assert len({gate.altcha.challenge.signature for gate in server.gates if gate.altcha}) == 4
    with pytest.raises(ZajilError, match="work-required"):
        await Server("work", refuses=4).register(None)
