"""How many answers are stored for one caller, who names a new key each time: as many as a limit lets through, a day."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

import aiohttp
import pytest
from msgspec.structs import replace
from tests.channels.world import Clock, fold
from tests.gateways import asked_gateway
from tests.moderators import choose_passphrase
from tests.server.people import Person
from tests.server.test_lost_answers import AS_WELL_TWICE, CASES, Call, Stage

from zajil.engine.limits import DEFAULTS
from zajil.protocol import control
from zajil.protocol.control import B16, Blob, Route, parse_json
from zajil.protocol.identity.objects import Kind, Login, sign_object
from zajil.protocol.ids import DeviceId
from zajil.protocol.public import routes
from zajil.protocol.public.routes import PublicRoute
from zajil.server.app import Server
from zajil.server.config import Settings
from zajil.server.http.dispatch import _SAME_AGAIN
from zajil.server.http.idempotency import LIFE_S

Make = Callable[[Stage], Awaitable[Call]]


async def take_refs(stage: Stage) -> Call:
    return Call(control.TAKE_REFS.url(), control.TakeRefs(1), "", await stage.http.register(Person()))


async def read_lists(stage: Stage) -> Call:
    person = Person()
    await stage.http.register(person)
    challenge = control.Challenge(B16(person.account_id), 0)
    nonce = parse_json(await stage.http.call(control.CHALLENGE, challenge), control.ChallengeAnswer).nonce
    claim = Login(person.server_name, bytes(nonce), person.account_id, DeviceId(0))
    return Call(
        control.LISTS_BY_KEY.url(), control.Login(Blob(sign_object(Kind.LOGIN, claim.encode(), person.seed))), ""
    )


STORED: Final[tuple[tuple[Route | PublicRoute, Make], ...]] = (
    *CASES,
    (control.TAKE_REFS, take_refs),
    (control.LISTS_BY_KEY, read_lists),
)
MODERATED: Final = {routes.REPORT: "report_trust0", routes.APPEAL: "appeal"}
"""Of people who have something to report, or to appeal against: by which limit."""
MOST: Final = 60
"""Of one caller at once: references to a mailbox. Of uploads there are more, each for a pass."""


def test_each_post_whose_answer_is_stored_is_here() -> None:
    told: Mapping[Route | PublicRoute, str] = AS_WELL_TWICE
    stored = {*(route for route, _ in STORED), *MODERATED}
    assert stored == ({route for route, _ in CASES} | told.keys()) - _SAME_AGAIN - {routes.CHALLENGE}
    assert all(DEFAULTS[limit].burst <= MOST for limit in MODERATED.values())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def stage(tmp_path: Path, clock: Clock, client: aiohttp.ClientSession) -> AsyncIterator[Stage]:
    data = tmp_path / "data"
    choose_passphrase(data)
    settings = Settings(port=0, registration="open", drain_s=0, public_space=True, bridge_token_age_days=0)
    server = await Server.start(data, replace(settings, gateway=asked_gateway()), clock=clock, fold=fold)
    yield Stage(server, client, data, clock)
    await server.stop()


@pytest.mark.parametrize("make", [make for _, make in STORED], ids=lambda make: make.__name__)
async def test_a_caller_who_names_new_keys_is_refused_and_the_answers_go_in_a_day(
    stage: Stage, clock: Clock, make: Make
) -> None:
    call = await make(stage)
    before = stage.count("http_idem")
    accepted = 0
    while (await stage.post(call, key=str(accepted)))[0] == 200:
        accepted += 1
        assert accepted <= MOST
    assert accepted
    for number in range(accepted, 2 * accepted):
        await stage.post(call, key=str(number))
    assert stage.count("http_idem") - before == accepted
    clock.advance(LIFE_S)
    await stage.server.run_retention()
    assert stage.count("http_idem") == 0
