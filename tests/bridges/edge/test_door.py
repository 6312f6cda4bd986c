"""Who is let in, on a clock that the test turns; what a bridge gives away at most, and what it writes down."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from zajil.bridges.edge.caps import DAY_S, Month, Pace
from zajil.bridges.edge.counters import COUNTERS_FILE, Counters
from zajil.bridges.edge.door import PASS_S, Door, Knock
from zajil.protocol.errors import Refused
from zajil.protocol.reach.bridgepath import BUCKET_S, bridge_path

HOST, DIR = "bridge.test", "assets"
TOKEN_ID, TOKEN = b"12345678", bytes(range(32))
OTHER = bytes(32)
PAGE = "https://app.example"
KEY = base64.b64encode(bytes(16)).decode()


class Doorway:
    """A door, its clock, and whether there is room."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0
        self.room = True
        self.door = Door(HOST, DIR, clock=lambda: self.now, has_room=lambda: self.room)
        self.door.set_tokens({TOKEN_ID: TOKEN}, [PAGE])
        assert not self.door.prepare()

    def path(self, token: bytes = TOKEN, *, at: float = 0.0) -> str:
        return bridge_path(token, HOST, DIR, now_s=self.now + at, nonce=os.urandom(8))


@pytest.fixture
def here() -> Doorway:
    return Doorway()


def socket(target: str, **more: str) -> Knock:
    return Knock(**({"method": "GET", "target": target, "upgrade": "websocket", "key": KEY, "version": "13"} | more))


def post(target: str) -> Knock:
    return Knock("POST", target)


def test_a_proved_path_opens_once_whether_it_was_asked_about_or_not(here: Doorway) -> None:
    direct, asked = here.path(), here.path()
    assert here.door.enter(socket(direct)).proof.token_id == TOKEN_ID
    here.door.check(socket(asked))
    assert here.door.enter(socket(asked)).proof.token_id == TOKEN_ID
    for target in (direct, asked):
        for attempt in (here.door.check, here.door.enter):
            with pytest.raises(Refused):
                attempt(socket(target))
            with pytest.raises(Refused):
                attempt(post(target))


def test_a_request_must_follow_its_question_soon(here: Doorway) -> None:
    path = here.path()
    here.door.check(socket(path))
    here.now += PASS_S
    with pytest.raises(Refused):
        here.door.enter(socket(path))


def test_r_is_copied_and_every_other_query_refused(here: Doorway) -> None:
    assert here.door.enter(socket(f"{here.path()}?r=0a1f")).affinity == "0a1f"
    assert here.door.enter(socket(here.path())).affinity == ""
    for query in (
        "",
        "r=",
        "r=0A1F",
        "r=0a1",
        "r=0a1f0",
        "r=0a1f&r=0a1f",
        "url=https://e.example",
        "r=0a1f&x=1",
        "r=٠١٢٣",
    ):
        with pytest.raises(Refused):
            here.door.enter(socket(f"{here.path()}?{query}"))


def test_pages_of_other_origins_are_refused(here: Doorway) -> None:
    assert here.door.enter(socket(here.path(), origin=PAGE))
    for origin in ("https://evil.example", "null", "", f"{PAGE}/", "https://bridge.test", PAGE.upper()):
        with pytest.raises(Refused):
            here.door.enter(socket(here.path(), origin=origin))


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "HEAD"},
        {"method": "PUT"},
        {"method": "get"},
        {"upgrade": ""},
        {"upgrade": "h2c"},
        {"key": ""},
        {"key": "AAAA"},
        {"key": "!" * 24},
        {"version": "8"},
        {"version": ""},
    ],
)
def test_only_a_request_that_can_be_carried_uses_up_its_path(here: Doorway, wrong: dict[str, str]) -> None:
    path = here.path()
    with pytest.raises(Refused):
        here.door.enter(socket(path, **wrong))
    assert here.door.enter(socket(path))


@pytest.mark.parametrize("at", [-3 * BUCKET_S, 3 * BUCKET_S])
def test_paths_of_another_time_host_folder_or_token_are_refused(here: Doorway, at: float) -> None:
    for path in (
        here.path(at=at),
        here.path(OTHER),
        here.path().replace(DIR, "static"),
        here.path().replace(f"/{DIR}/", f"/{DIR}//"),
        bridge_path(TOKEN, "other.test", DIR, now_s=here.now, nonce=bytes(8)),
        here.path() + "/",
        here.path().upper(),
        "https://bridge.test" + here.path(),
        "/",
        "",
    ):
        for knock in (socket(path), post(path)):
            with pytest.raises(Refused):
                here.door.enter(knock)


def test_a_carrier_of_posts_keeps_its_path_while_it_lives(here: Doorway) -> None:
    path = here.path()
    first = here.door.enter(post(path)).proof
    assert here.door.enter(post(path)).proof is first, "the first two are under way at once"
    with pytest.raises(Refused):
        here.door.enter(socket(path))
    here.door.keep(first)
    here.now += 20 * BUCKET_S
    here.room = False
    assert here.door.enter(post(path)).proof is first
    here.door.forget(first)
    with pytest.raises(Refused):
        here.door.enter(post(path))


def test_a_post_that_never_brought_a_carrier_is_forgotten(here: Doorway) -> None:
    path = here.path()
    here.door.check(post(path))
    here.now += PASS_S
    with pytest.raises(Refused):
        here.door.enter(post(path))


def test_a_full_bridge_is_a_plain_server(here: Doorway) -> None:
    here.room = False
    for knock in (socket(here.path()), post(here.path())):
        with pytest.raises(Refused):
            here.door.check(knock)


def test_a_bridge_that_was_removed_opens_for_nobody(here: Doorway) -> None:
    here.door.set_tokens({}, ())
    with pytest.raises(Refused):
        here.door.enter(socket(here.path()))


def test_a_pace_lets_a_second_through_at_once_and_then_the_rate() -> None:
    pace = Pace(1000, 5.0)
    assert pace.wait_s(1000, 5.0) == 0
    assert pace.wait_s(500, 5.0) == pytest.approx(0.5)
    assert pace.wait_s(500, 5.5) == pytest.approx(0.5)
    assert pace.wait_s(1000, 100.0) == 0, "what was not used is not saved up beyond a second"
    assert pace.wait_s(1000, 100.0) == pytest.approx(1.0)


def test_a_month_is_thirty_days_and_its_last_part_is_for_those_inside() -> None:
    month = Month(1000)
    month.spend(900, 0.0)
    assert month.takes_more(0.0)
    month.spend(50, DAY_S)
    assert not month.takes_more(DAY_S)
    assert not month.is_over(DAY_S)
    month.spend(50, 2 * DAY_S)
    assert month.is_over(2 * DAY_S)
    assert month.spent(30 * DAY_S) == 100
    assert month.takes_more(30 * DAY_S)
    month.spend(7, 29 * DAY_S)
    month.spend(1, 5 * DAY_S)
    assert month.spent(30 * DAY_S) == 108, "a clock that went back counts under the newest day"


def test_what_is_written_down_is_rounded_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    now = 1_790_000_000.0
    month = Month(10**12)
    counters = Counters(tmp_path, month)
    for _ in range(13):
        counters.carrier(TOKEN_ID, now)
    counters.forwarded(3_000_000, now)
    counters.failure(now)
    counters.write(now)
    file = tmp_path / COUNTERS_FILE
    assert file.stat().st_mode & 0o777 == 0o600
    hour, day = str(int(now // 3600)), int(now // DAY_S)
    assert json.loads(file.read_text()) == {
        "hours": {hour: {"carriers": 20, "bytes": 3 << 20, "failures": 10}},
        "tokens": {f"{day} {TOKEN_ID.hex()}": 20},
    }
    later = Month(10**12)
    again = Counters(tmp_path, later)
    assert later.spent(now) == 3 << 20
    again.write(now)
    assert json.loads(file.read_text())["hours"][hour]["bytes"] == 3 << 20
    again.write(now + 31 * DAY_S)
    assert json.loads(file.read_text()) == {"hours": {}, "tokens": {}}


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"hours": {"x": 1}, "tokens": {}}', '{"hours": {}, "tokens": {"a b": 1}}']
)
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, damage: str) -> None:
    (tmp_path / COUNTERS_FILE).write_text(damage)
    month = Month(10**12)
    Counters(tmp_path, month).write(0.0)
    assert month.spent(0.0) == 0
