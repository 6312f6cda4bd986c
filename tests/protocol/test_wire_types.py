"""Ids, records, frames, control calls, rosters, AAD, settings and errors: what they refuse."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from zajil.protocol import cbor, control, errors, frames, ids, records, roster
from zajil.protocol.chat import aad, content, extensions, parts
from zajil.protocol.errors import LocalProtocolError, Malformed, Refused, ZajilError, error, error_from_wire
from zajil.protocol.identity.safety import safety_number
from zajil.protocol.ids import AccountId, ClientId, DeviceId, GroupId


def test_base64url_has_one_form() -> None:
    for size in range(40):
        data = bytes(range(size))
        assert ids.parse_b64(ids.encode_b64(data), size=size) == data


@pytest.mark.parametrize("text", ["A", "AB", "AA==", "A+", "A/", "AAé", "AA\n", "٠٠", "AAAAA", "AAB"])
def test_other_base64_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        ids.parse_b64(text)


def test_sizes_of_ids_are_checked() -> None:
    with pytest.raises(Malformed):
        ids.parse_b64("AAAA", size=4)
    client = ids.client_id(AccountId(bytes(16)), DeviceId(7))
    assert ids.split_client_id(client) == (bytes(16), 7)
    with pytest.raises(Malformed):
        ids.split_client_id(ClientId(bytes(19)))
    for account, device in ((bytes(15), 1), (bytes(16), 1 << 32), (bytes(16), -1)):
        with pytest.raises(LocalProtocolError):
            ids.client_id(AccountId(account), DeviceId(device))


@pytest.mark.parametrize("size", [0, 1, 252, 253, 1020, 1021, 65_532])
def test_a_record_holds_its_frame(size: int) -> None:
    record = records.pad(b"\x01" * size)
    assert len(record) in (256, 1024, 4096, 16384, 65536)
    assert records.unpad(record) == b"\x01" * size


def test_a_record_has_a_largest_frame() -> None:
    for arguments in ((bytes(65_533), 0), (b"", 65_537)):
        with pytest.raises(LocalProtocolError):
            records.pad(arguments[0], at_least=arguments[1])


MID, GID, B32 = bytes(16), bytes(16), bytes(32)
BAD_SENDS = {
    "short mid": [30, 1, bytes(15), GID, B32, B32, 0, 0, b""],
    "mid as text": [30, 1, "m" * 16, GID, B32, B32, 0, 0, b""],
    "unknown flag": [30, 1, MID, GID, B32, B32, 4, 0, b""],
    "rid beyond u32": [30, 1 << 32, MID, GID, B32, B32, 0, 0, b""],
    "negative ttl": [30, 1, MID, GID, B32, B32, 0, -1, b""],
    "body too big": [30, 1, MID, GID, B32, B32, 0, 0, bytes(98_305)],
    "missing field": [30, 1, MID, GID, B32, B32, 0, 0],
    "tag as text": ["30", 1, MID, GID, B32, B32, 0, 0, b""],
    "unknown tag": [99],
    "no tag": [],
    "a map": {"tag": 30},
    "nothing": None,
    "too many leaves": [31, 1, MID, GID, B32, 0, B32, None, B32, [[n, b"r"] for n in range(251)], [], b"", None],
    "leaf without ref": [31, 1, MID, GID, B32, 0, B32, None, B32, [[1]], [], b"", None],
    "empty ref": [31, 1, MID, GID, B32, 0, B32, None, B32, [[1, b""]], [], b"", None],
    "commit too big": [31, 1, MID, GID, B32, 0, B32, None, B32, [], [], bytes(393_217), None],
    "create without ref": [32, 1, MID, GID, B32, B32, B32, []],
}


@pytest.mark.parametrize("value", BAD_SENDS.values(), ids=list(BAD_SENDS))
def test_a_send_of_another_shape_is_refused(value: object) -> None:
    with pytest.raises(Malformed):
        frames.parse_s_client(msgspec.msgpack.encode(value))


def test_trailing_bytes_and_deep_nesting_are_no_frame() -> None:
    good = frames.encode_frame(frames.Mack(1))
    for data in (good + b"\x00", b"\x91" * 5000 + b"\x01", b"\xdd\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff"):
        with pytest.raises(Malformed):
            frames.parse_r_client(data)


def test_fields_of_later_versions_are_ignored() -> None:
    assert frames.parse_r_client(msgspec.msgpack.encode([11, 5, "later"])) == frames.Mack(5)


def test_a_request_hash_leaves_out_rid_and_mid_alone() -> None:
    send = frames.parse_s_client(msgspec.msgpack.encode([30, 1, MID, GID, B32, B32, 0, 0, b"x"]))
    assert isinstance(send, frames.Send)
    other = msgspec.structs.replace(send, rid=2, mid=b"m" * 16)
    assert frames.request_hash(other) == frames.request_hash(send)
    for changed in ({"gid": b"g" * 16}, {"flags": 1}, {"ttl": 1}, {"body": b"y"}, {"token": b"t" * 32}):
        assert frames.request_hash(msgspec.structs.replace(send, **changed)) != frames.request_hash(send)


def test_a_role_has_its_path() -> None:
    assert (frames.Role.R.path, frames.Role.S.path) == ("/v1/ws", "/v1/send")


BAD_JSON = {
    "unknown field": b'{"account_id":"AAAAAAAAAAAAAAAAAAAAAA","device_id":1,"x":1}',
    "missing field": b'{"device_id":1}',
    "short id": b'{"account_id":"AAAA","device_id":1}',
    "padded": b'{"account_id":"AAAAAAAAAAAAAAAAAAAAAA==","device_id":1}',
    "number as text": b'{"account_id":"AAAAAAAAAAAAAAAAAAAAAA","device_id":"1"}',
    "id as number": b'{"account_id":1,"device_id":1}',
    "u32": b'{"account_id":"AAAAAAAAAAAAAAAAAAAAAA","device_id":4294967296}',
    "fraction": b'{"account_id":"AAAAAAAAAAAAAAAAAAAAAA","device_id":1.5}',
    "array": b"[]",
    "two documents": b"{}{}",
    "nothing": b"",
    "not UTF-8": b'{"account_id":"\xff","device_id":1}',
    "deep": b'{"x":' * 5000 + b"1" + b"}" * 5000,
}


@pytest.mark.parametrize("data", BAD_JSON.values(), ids=list(BAD_JSON))
def test_json_of_another_shape_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        control.parse_json(data, control.Challenge)


def test_answers_ignore_later_fields() -> None:
    data = b'{"nonce":"' + ids.encode_b64(B32).encode() + b'","later":1}'
    assert control.parse_json(data, control.ChallengeAnswer).nonce == B32


def test_requests_travel_and_come_back() -> None:
    gate = control.Gate("code")
    request = control.CreateAccount(control.Blob(b"l"), control.Blob(b"s"), gate)
    assert control.parse_json(control.encode_json(request), control.CreateAccount) == request
    claim = control.ClaimKeyPackages(control.B16(MID), (0x53,), control.B16(MID), (1, 2))
    assert control.parse_json(control.encode_json(claim), control.ClaimKeyPackages) == claim
    for bad in (b'{"kind":"other","n":1}', b'{"kind":"group","n":0}', b'{"kind":"group","n":65}'):
        with pytest.raises(Malformed):
            control.parse_json(bad, control.TakePasses)


def test_every_route_is_found_once_and_others_are_not() -> None:
    for route in control.ROUTES:
        names = {part[1:-1]: "x1" for part in route.path.split("/") if part.startswith("{")}
        found = control.find_route(route.method, route.url(**names))
        assert found is not None
        assert found.route is route
        assert found.parameters == names
    assert len({(r.method, r.path) for r in control.ROUTES}) == len(control.ROUTES)
    for method, path in (
        *(("GET", "/v1"), ("GET", "/v1/"), ("GET", "/v2/health"), ("GET", "/accounts"), ("PATCH", "/v1/passes")),
        *(("GET", "/v1/accounts//devices"), ("GET", "/v1/accounts/a/b/devices"), ("get", "/v1/health"), ("GET", "")),
    ):
        assert control.find_route(method, path) is None
    assert control.find_route("GET", "/health") is not None
    with pytest.raises(LocalProtocolError):
        control.DENY_REF.url()


def test_a_problem_keeps_its_code_and_class() -> None:
    for row in errors.CODES.values():
        problem = error(row.code, retry_ms=5, detail={"epoch": 8})
        read = control.parse_problem(row.status or 500, control.encode_problem(problem))
        assert type(read) is (row.cls if row.status else errors.Unavailable)
        assert read.code == (row.code if row.status else "internal")
        if row.status:
            assert (read.retry_ms, dict(read.detail)) == (5, {"epoch": 8})


@pytest.mark.parametrize(
    ("status", "code", "cls"),
    [(429, "slow-down", errors.Limited), (404, "gone", Refused), (502, "internal", errors.Unavailable)],
)
def test_an_answer_that_is_no_problem_of_ours_has_its_status(status: int, code: str, cls: type[ZajilError]) -> None:
    read = control.parse_problem(status, b"<html>nginx</html>")
    assert (read.code, type(read)) == (code, cls)


def test_an_unknown_code_has_the_class_of_its_status() -> None:
    assert type(error_from_wire("later", status=409)) is errors.Conflict
    assert type(error_from_wire("later", status=503)) is errors.Unavailable
    assert type(error_from_wire("later")) is Refused
    assert type(error_from_wire("state-rolled-back")) is Refused, "no server may claim a state of this machine"
    assert error_from_wire("later").title
    assert type(error("no-such-code")) is LocalProtocolError


def test_every_class_and_code_is_in_the_table_that_is_printed() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "zajil.protocol.errors"], check=True, capture_output=True, text=True
    ).stdout
    assert printed == errors.render_table()
    for code, row in errors.CODES.items():
        assert f"| `{code}` | {row.cls.__name__} |" in printed


KEY = bytes(range(32))
ENTRIES = [roster.RosterEntry(leaf, bytes((leaf,)) * 54) for leaf in (2, 0, 1)]


def test_a_roster_opens_with_its_own_key_group_and_epoch_alone() -> None:
    sealed = roster.seal_roster(KEY, GroupId(GID), 3, ENTRIES, nonce=bytes(12))
    assert roster.open_roster(KEY, GroupId(GID), 3, sealed) == tuple(sorted(ENTRIES))
    cases = [
        *((bytes(32), GID, 3, sealed), (KEY, bytes(15) + b"\x01", 3, sealed), (KEY, GID, 4, sealed)),
        *((KEY, GID, 3, sealed[:-1]), (KEY, GID, 3, b""), (b"short", GID, 3, sealed)),
    ]
    for key, gid, epoch, data in cases:
        with pytest.raises(Refused, match="bad-roster-key"):
            roster.open_roster(key, GroupId(gid), epoch, data)


def test_a_roster_tells_its_size_in_powers_of_two() -> None:
    sizes = {len(roster.seal_roster(KEY, GroupId(GID), 0, ENTRIES[:count], nonce=bytes(12))) - 28 for count in range(4)}
    assert sizes == {1024}
    many = [roster.RosterEntry(leaf, bytes(54)) for leaf in range(128)]
    assert len(roster.seal_roster(KEY, GroupId(GID), 0, many, nonce=bytes(12))) - 28 == 8192


def test_a_roster_of_wrong_parts_is_our_own_mistake() -> None:
    for key, entries, nonce in (
        *((b"k", ENTRIES, bytes(12)), (KEY, ENTRIES, bytes(11)), (KEY, [ENTRIES[0]] * 2, bytes(12))),
        (KEY, [roster.RosterEntry(1, bytes(55))], bytes(12)),
    ):
        with pytest.raises(LocalProtocolError):
            roster.seal_roster(key, GroupId(GID), 0, entries, nonce=nonce)
    with pytest.raises(LocalProtocolError):
        roster.roster_key(b"short")


@pytest.mark.parametrize(
    "value",
    [
        *([], [1], [2, 1, B32], [True, 1, B32], [1, 3, B32], [1, 1, bytes(31)], [1, 1, B32, 0], {}, None),
        *([1, 2, [2, 1], [], True, B32], [1, 2, [1, 1], [], True, B32], [1, 2, [1], [1 << 32], True, B32]),
        *([1, 2, [1], [], 1, B32], [1, 2, [1], [], True, b""], [1, 2, 1, [], True, B32], [1, 2, [True], [], True, B32]),
    ],
)
def test_an_aad_of_another_shape_is_refused(value: cbor.Value) -> None:
    with pytest.raises(Malformed):
        aad.parse_aad(cbor.encode(value))


SETTINGS: dict[cbor.Key, cbor.Value] = {1: 1, 2: 2, 3: "n", 4: "", 6: 0, 7: {}}
BAD_SETTINGS: list[dict[cbor.Key, cbor.Value]] = [
    {1: 2},
    {2: 3},
    {3: "x" * 257},
    {3: b"n"},
    {6: 1 << 32},
    {7: {b"short": 1}},
    {7: {bytes(16): 3}},
    {7: {bytes(16): True}},
    {7: []},
    {8: {}},
    {8: {"send": 2, "add": 0, "info": 0, "timer": 0}},
]


@pytest.mark.parametrize("change", BAD_SETTINGS)
def test_chat_settings_of_another_shape_are_refused(change: dict[cbor.Key, cbor.Value]) -> None:
    with pytest.raises(Malformed):
        extensions.ChatSettings.parse(cbor.encode({**SETTINGS, **change}))


def test_chat_settings_keep_room_for_later_keys() -> None:
    assert extensions.ChatSettings.parse(cbor.encode({**SETTINGS, 11: [], 12: []})).name == "n"
    for missing in (1, 2):
        with pytest.raises(Malformed):
            extensions.ChatSettings.parse(cbor.encode({k: v for k, v in SETTINGS.items() if k != missing}))


@pytest.mark.parametrize(
    "value", [[None, [], {b"short": ["n", None]}], [b"short", [], {}], [None, [1], {}], [None, []]]
)
def test_a_share_of_another_shape_is_refused(value: cbor.Value) -> None:
    with pytest.raises(Malformed):
        extensions.GroupInfoShare.parse(cbor.encode(value))


BAD_PARTS: list[cbor.Value] = [
    [],
    ["profile"],
    ["profile", {}],
    ["profile", {"name": 1}],
    ["profile", {"name": "n", "contact_token": b"s"}],
    ["lists", {}],
    ["lists", {"lists": [1]}],
    ["readd", {"gid": b"", "reason": ""}],
    ["readd", {"gid": GID, "reason": "x" * 65}],
    [1, {}],
    ["sync", {}],
    ["sync", {"contacts": [], "groups": [[GID, 9, "", 0]], "read": []}],
    ["sync", {"contacts": [], "groups": [], "read": [[GID]]}],
]


@pytest.mark.parametrize("value", BAD_PARTS)
def test_a_control_part_of_another_shape_is_refused(value: cbor.Value) -> None:
    part = content.SinglePart(parts.CONTROL_TYPE, cbor.encode(value))
    assert parts.is_control(part)
    with pytest.raises(Malformed):
        parts.parse_part(part)


@pytest.mark.parametrize("value", [1.5, "\udc80", 1 << 64, -(1 << 64) - 1, object()])
def test_cbor_writes_only_what_it_reads(value: object) -> None:
    with pytest.raises(LocalProtocolError):
        cbor.encode(value)  # type: ignore[arg-type]  # what callers must not pass
    deep: list[object] = []
    for _ in range(17):
        deep = [deep]
    with pytest.raises(LocalProtocolError):
        cbor.encode(deep)  # type: ignore[arg-type]


def test_a_safety_number_needs_whole_keys() -> None:
    with pytest.raises(LocalProtocolError):
        safety_number((AccountId(bytes(16)), bytes(31)), (AccountId(bytes(16)), bytes(32)))
