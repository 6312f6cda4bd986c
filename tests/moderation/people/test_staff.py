"""Staff: invites, keys, sessions, step-up, revocation; passkeys against an authenticator made of real keys."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from tests.moderation.people.desk import Desk, Member, code_of

from zajil.moderation.audit.entries import hash_record, parse_entry
from zajil.moderation.staff import passkeys
from zajil.moderation.store import log
from zajil.moderation.store.transparency.changes import read_changes
from zajil.protocol.control import B16, B32
from zajil.protocol.errors import AuthError
from zajil.protocol.ids import encode_b64, parse_b64
from zajil.protocol.public.api import Signature
from zajil.protocol.review import api, routes
from zajil.protocol.review.staff import enrol_bytes, key_id_of, login_bytes
from zajil.server.config import ModerationSettings, Settings


async def test_an_invite_admits_one_key_once_and_for_a_quarter_of_an_hour(desk: Desk) -> None:
    code = desk.invite("senior", languages=("ar", "ru"), categories=("fraud",))
    member = Member("senior")
    await desk.enrol(member, code)
    me = await desk.ask(routes.ME, api.Me, by=member)
    assert (me.role, me.languages, me.categories, me.keys) == ("senior", ("ar", "ru"), ("fraud",), 1)

    async def try_code(code: str, *, signed: str | None = None) -> str:
        late = Member("x")
        proof = Signature(late.key.sign(enrol_bytes("localhost", signed or code, late.public)))
        return await desk.refused(routes.ENROL, api.Enrol(code, B32(late.public), proof, "late"))

    assert await try_code(code) == "invite-spent"
    assert await try_code(encode_b64(os.urandom(18))) == "invite-spent"
    fresh = desk.invite()
    assert await try_code(fresh, signed=code) == "bad-challenge"
    desk.clock.advance(901)
    assert await try_code(fresh) == "invite-spent"


async def test_a_session_ends_by_age_by_idleness_and_by_logging_out(desk: Desk) -> None:
    member = await desk.member()
    for _ in range(18):
        desk.clock.advance(1700)
        if await desk.refused(routes.ME, by=member) != "ok":
            break
    assert await desk.refused(routes.ME, by=member) == "token-expired"
    assert 8 * 3600 - 1700 <= desk.clock() - 1_800_000_000 <= 8 * 3600 + 1700
    await desk.log_staff_in(member)
    desk.clock.advance(1801)
    assert await desk.refused(routes.ME, by=member) == "token-expired"
    await desk.log_staff_in(member)
    assert await desk.refused(routes.DROP_TOKEN, by=member) == "ok"
    assert await desk.refused(routes.ME, by=member) == "token-expired"


async def test_a_login_takes_the_right_key_a_fresh_nonce_and_that_once(desk: Desk) -> None:
    member = await desk.member()
    key_id = key_id_of(member.public)

    async def nonce() -> B32:
        return (await desk.ask(routes.CHALLENGE, api.Challenge, api.NewChallenge(B16(key_id)))).nonce

    async def log_in(nonce: B32, *, by: Member = member, name: bytes = key_id) -> str:
        signature = Signature(by.key.sign(login_bytes("localhost", nonce, name)))
        return await desk.refused(routes.TAKE_TOKEN, api.KeyLogin(B16(name), nonce, signature))

    good = await nonce()
    assert await log_in(good, by=Member("x")) == "bad-challenge"
    assert await log_in(good) == "ok"
    assert await log_in(good) == "bad-challenge"
    assert await log_in(await nonce(), name=b"n" * 16) == "bad-challenge"
    old = await nonce()
    desk.clock.advance(61)
    assert await log_in(old) == "bad-challenge"
    assert await log_in(B32(os.urandom(32))) == "bad-challenge"


async def test_what_is_severe_asks_the_key_again_and_a_revoked_member_is_out(desk: Desk) -> None:
    admin, other = await desk.member("admin"), await desk.member("senior")
    assert (await desk.ask(routes.ME, api.Me, by=admin)).needs_key
    made = await desk.ask(routes.INVITE, api.Invite, api.NewInvite("reviewer"), by=admin)
    await desk.enrol(Member("reviewer"), made.code)
    desk.clock.advance(301)
    assert await desk.refused(routes.INVITE, api.NewInvite("reviewer"), by=admin) == "step-up-needed"
    member = encode_b64(other.staff_id)
    assert await desk.refused(routes.REVOKE, by=admin, staff=member) == "step-up-needed"
    await desk.step_up(admin)
    assert await desk.refused(routes.ME, by=other) == "ok"
    await desk.ask(routes.REVOKE, api.Empty, by=admin, staff=member)
    assert await desk.refused(routes.ME, by=other) == "token-expired"
    with pytest.raises(Exception, match="bad-challenge"):
        await desk.log_staff_in(other)
    assert await desk.refused(routes.REVOKE, by=admin, staff=encode_b64(admin.staff_id)) == "not-allowed"
    listed = {bytes(each.staff_id): each for each in (await desk.ask(routes.STAFF, api.Staff, by=admin)).members}
    assert listed[other.staff_id].revoked_at is not None
    more = await desk.ask(routes.INVITE, api.Invite, api.NewInvite(staff=B16(admin.staff_id)), by=admin)
    second = Member("admin")
    await desk.enrol(second, more.code)
    assert second.staff_id == admin.staff_id
    assert not (await desk.ask(routes.ME, api.Me, by=second)).needs_key
    kinds = [row[0] for row in desk.rows("SELECT count(*) FROM mod_audit_entry")]
    assert int(str(kinds[0])) >= 6


async def test_a_revoked_admin_does_not_come_back_by_an_invite_of_their_own(desk: Desk) -> None:
    admin, other = await desk.member("admin"), await desk.member("admin")
    made = await desk.ask(routes.INVITE, api.Invite, api.NewInvite("admin"), by=other)
    kept = await desk.ask(routes.INVITE, api.Invite, api.NewInvite("reviewer"), by=admin)
    await desk.ask(routes.REVOKE, api.Empty, by=admin, staff=encode_b64(other.staff_id))
    assert await code_of(desk.enrol(Member("admin"), made.code)) == "invite-spent"
    await desk.enrol(Member("reviewer"), kept.code)


async def test_nobody_makes_a_key_for_somebody_else_or_opens_private_reports_by_a_session(desk: Desk) -> None:
    admin, other = await desk.member("admin"), await desk.member("senior", private=True)
    for request in (
        api.NewInvite(staff=B16(other.staff_id)),
        api.NewInvite("reviewer", private=True),
        api.NewInvite(staff=B16(admin.staff_id), private=True),
        api.NewInvite(staff=B16(bytes(16))),
    ):
        assert await desk.refused(routes.INVITE, request, by=admin) == "not-allowed"
    more = await desk.ask(routes.INVITE, api.Invite, api.NewInvite(staff=B16(admin.staff_id)), by=admin)
    second = Member("admin")
    await desk.enrol(second, more.code)
    assert second.staff_id == admin.staff_id
    # Whoever runs the server can, and the log says for whom.
    third = Member("senior")
    await desk.enrol(third, desk.invite(staff=B16(other.staff_id)))
    assert third.staff_id == other.staff_id
    await desk.ask(routes.REVOKE, api.Empty, by=admin, staff=encode_b64(other.staff_id))
    entries = desk.server._db.read_sync(lambda db: [parse_entry(data) for data in log.read_entries(db)])
    known = {entry.n: entry.decision_hash for entry in entries if entry.kind == "staff"}
    changes = desk.server._db.read_sync(lambda db: {row.record: row for row in read_changes(db)})
    own, theirs = encode_b64(admin.staff_id), encode_b64(other.staff_id)
    for said in (f"invite admin {own}", f"key ed25519 admin {own}", f"key ed25519 senior {theirs}", f"revoke {theirs}"):
        assert hash_record(changes[said].salt, said.encode()) == known[changes[said].n], said


class Authenticator:
    """A passkey: ES256, made for one site, that says its holder was verified."""

    def __init__(self, *, rp_id: str = "localhost", verified: bool = True) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = os.urandom(20)
        self.rp_id = rp_id
        self.flags = 0x01 | (0x04 if verified else 0)
        self.uses = 0

    def create(self, options: str, origin: str, *, cose: bytes = b"") -> str:
        numbers = self.key.public_key().public_numbers()
        own = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        credential = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + (cose or cbor2.dumps(own))
        data = self._data(self.flags | 0x40) + credential
        client = self._client("webauthn.create", options, origin)
        answer = {
            "clientDataJSON": encode_b64(client),
            "attestationObject": encode_b64(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})),
        }
        return self._credential(answer)

    def get(self, options: str, origin: str) -> str:
        self.uses += 1
        data, client = self._data(self.flags), self._client("webauthn.get", options, origin)
        signed = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        answer = {
            "clientDataJSON": encode_b64(client),
            "authenticatorData": encode_b64(data),
            "signature": encode_b64(signed),
        }
        return self._credential(answer)

    def _data(self, flags: int) -> bytes:
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.uses.to_bytes(4, "big")

    def _client(self, kind: str, options: str, origin: str) -> bytes:
        challenge = json.loads(options)["challenge"]
        return json.dumps({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False}).encode()

    def _credential(self, answer: dict[str, Any]) -> str:  # Any: WebAuthn's JSON
        name = encode_b64(self.id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": answer})


async def test_a_passkey_comes_in_by_an_invite_logs_in_and_steps_up(desk: Desk) -> None:
    origin = f"http://localhost:{desk.server.port}"
    code, passkey = desk.invite("senior"), Authenticator()
    asked = await desk.ask(routes.REGISTER_OPTIONS, api.PasskeyOptions, api.RegisterOptions(code, "Nadia"))
    options = json.loads(asked.options)
    assert options["rp"]["id"] == "localhost"
    assert options["authenticatorSelection"]["userVerification"] == "required"

    async def register(passkey: Authenticator, origin: str) -> str:
        body = api.RegisterKey(code, "Nadia", "laptop", passkey.create(asked.options, origin))
        return await desk.refused(routes.REGISTER_VERIFY, body)

    assert await register(Authenticator(rp_id="evil.example"), origin) == "bad-challenge"
    assert await register(Authenticator(verified=False), origin) == "bad-challenge"
    assert await register(passkey, "https://evil.example") == "bad-challenge"
    site = passkeys.Site("localhost", (origin,))
    deep = passkey.create(asked.options, origin, cose=b"\x81" * 200 + b"\x01")
    with pytest.raises(AuthError, match="bad-challenge"):
        passkeys.check_creation(site, deep, challenge=parse_b64(options["challenge"]))
    for text in ('{"rawId":' + "[" * 5000, "[" * 5000):
        with pytest.raises(AuthError, match="bad-challenge"):
            passkeys.parse_challenge(text)
    body = api.RegisterKey(code, "Nadia", "laptop", passkey.create(asked.options, origin))
    first = await desk.ask(routes.REGISTER_VERIFY, api.StaffSession, body)
    assert parse_b64(json.loads(asked.options)["user"]["id"]) == bytes(first.staff_id)
    assert await register(Authenticator(), origin) == "bad-challenge"

    login = (await desk.ask(routes.LOGIN_OPTIONS, api.PasskeyOptions)).options
    answer = api.PasskeyLogin(passkey.get(login, origin))
    session = await desk.ask(routes.LOGIN_VERIFY, api.StaffSession, answer)
    assert session.staff_id == first.staff_id
    assert await desk.refused(routes.LOGIN_VERIFY, answer) == "bad-challenge"
    assert await desk.refused(routes.LOGIN_VERIFY, api.PasskeyLogin(Authenticator().get(login, origin))) == (
        "bad-challenge"
    )

    member = Member("senior", bytes(session.staff_id), token=bytes(session.token))
    desk.clock.advance(400)
    again = (await desk.ask(routes.STEP_UP_OPTIONS, api.PasskeyOptions, by=member)).options
    assert [each["id"] for each in json.loads(again)["allowCredentials"]] == [encode_b64(passkey.id)]
    stale = (await desk.ask(routes.LOGIN_OPTIONS, api.PasskeyOptions)).options
    wrong = api.PasskeyLogin(passkey.get(stale, origin))
    assert await desk.refused(routes.STEP_UP_VERIFY, wrong, by=member) == "bad-challenge"
    me = await desk.ask(routes.STEP_UP_VERIFY, api.Me, api.PasskeyLogin(passkey.get(again, origin)), by=member)
    assert me.stepped_up_until == int(desk.clock()) + 300


class TestTurnedOff:
    """`moderation.staff_cli = false`: keys of the command line count nothing, invites for passkeys do."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        import msgspec

        off = ModerationSettings(enabled=True, worker="apart", processes=0, staff_cli=False)
        return msgspec.structs.replace(settings, moderation=off)

    async def test_command_line_keys_are_refused(self, desk: Desk) -> None:
        code, member = desk.invite(), Member("reviewer")
        proof = Signature(member.key.sign(enrol_bytes("localhost", code, member.public)))
        assert await desk.refused(routes.ENROL, api.Enrol(code, B32(member.public), proof, "n")) == "not-allowed"
        asked = api.RegisterOptions(code, "Nadia")
        assert await desk.refused(routes.REGISTER_OPTIONS, asked) == "ok"
