"""Sessions of staff: opened by a key, 8 hours, 30 minutes without a call; what is severe asks the key once more.

An unknown key, a wrong signature and an old nonce answer alike and cost the same work. A token is 32 random bytes,
stored as its hash. Ed25519 keys are for the command line and can be turned off; then neither they nor what they had
opened counts.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from zajil.engine.nobody import NOBODY
from zajil.moderation.review.context import IDLE_S, SESSION_S, TOKEN_BYTES, Review, Reviewer
from zajil.moderation.review.lists import note
from zajil.moderation.staff import passkeys
from zajil.moderation.staff.challenges import Purpose
from zajil.moderation.staff.members import ADMIN_KEYS, parse_role
from zajil.moderation.store import staff
from zajil.moderation.store.staff import InviteRow, KeyRow, SessionRow, StaffRow
from zajil.protocol.control import B16, B32
from zajil.protocol.errors import Unavailable, ZajilError, error
from zajil.protocol.ids import encode_b64
from zajil.protocol.public.redress import Category
from zajil.protocol.review import api
from zajil.protocol.review import staff as signed
from zajil.protocol.review.routes import STEP_UP_S

TOUCH_S: Final = 60
"""A session's last call is written down at most once a minute."""
PASSKEY, ED25519 = "passkey", "ed25519"


def challenge(review: Review, request: api.NewChallenge) -> api.Challenge:
    """A nonce for a key, for login or step-up, whether or not the key is known."""
    nonce = review.challenges.issue("key login", bytes(request.key_id), now_ms=_now_ms(review))
    return api.Challenge(B32(nonce), review.origin)


async def enrol(review: Review, request: api.Enrol, *, prefix: bytes) -> api.StaffSession:
    """A session by a new Ed25519 key, admitted by an invite.

    Raises not-allowed (turned off), bad-challenge, invite-spent, slow-down.
    """
    _check_cli(review)
    try:
        signed.check_signature(
            request.key, request.proof, signed.enrol_bytes(review.origin, request.invite, request.key)
        )
        key = KeyRow(
            id=signed.key_id_of(request.key),
            staff_id=b"",
            kind=ED25519,
            public=bytes(request.key),
            label=_clean(request.label),
            uses=0,
            created_at=review.now(),
        )
        return await _admit(review, request.invite, _clean(request.name), key)
    except Unavailable:
        raise  # nobody failed at anything
    except ZajilError:
        review.limits.take("failed_token", prefix, now=review.decisions.clock())
        raise


async def log_in(review: Review, request: api.KeyLogin, *, prefix: bytes) -> api.StaffSession:
    """A session by a known Ed25519 key. Raises not-allowed (turned off), bad-challenge, slow-down."""
    _check_cli(review)
    key_id = bytes(request.key_id)
    key = await review.db.read(lambda db: staff.find_key(db, key_id))
    known = key is not None and key.kind == ED25519
    try:
        public = key.public if key is not None and known else NOBODY
        signed.check_signature(public, request.signature, signed.login_bytes(review.origin, request.nonce, key_id))
        review.challenges.redeem(request.nonce, "key login", key_id, now_ms=_now_ms(review))
        if key is None or not known:
            raise error("bad-challenge")
    except Unavailable:
        raise  # nobody failed at anything
    except ZajilError:
        review.limits.take("failed_token", prefix, now=review.decisions.clock())
        raise
    return await _open(review, key)


async def step_up(review: Review, reviewer: Reviewer, request: api.KeyStepUp) -> api.Me:
    """The holder of the session's own Ed25519 key is there. Raises bad-challenge."""
    key = await review.db.read(lambda db: staff.find_key(db, reviewer.key_id))
    if key is None or key.kind != ED25519:
        raise error("bad-challenge")
    text = signed.step_up_bytes(review.origin, request.nonce, reviewer.token)
    signed.check_signature(key.public, request.signature, text)
    review.challenges.redeem(request.nonce, "key login", key.id, now_ms=_now_ms(review))
    return await _stepped_up(review, reviewer)


async def register_options(review: Review, request: api.RegisterOptions) -> api.PasskeyOptions:
    """What the browser makes a passkey by. Raises invite-spent."""
    hashed = signed.digest_of(request.invite.encode())

    def read(db: Connection) -> tuple[InviteRow, list[KeyRow]]:
        row = _find_invite(review, db, hashed)
        return row, staff.keys_of(db, _staff_id(row), kind=PASSKEY)

    row, known = await review.db.read(read)
    nonce = review.challenges.issue("passkey registration", hashed, now_ms=_now_ms(review))
    name = _clean(request.name)
    options = passkeys.creation_options(
        review.find_site(), staff_id=_staff_id(row), name=name, challenge=nonce, known=known
    )
    return api.PasskeyOptions(options)


async def register(review: Review, request: api.RegisterKey, *, prefix: bytes) -> api.StaffSession:
    """A session by a new passkey, admitted by an invite. Raises bad-challenge, invite-spent, slow-down."""
    hashed = signed.digest_of(request.invite.encode())
    try:
        nonce, _ = passkeys.parse_challenge(request.credential)
        made = passkeys.check_creation(review.find_site(), request.credential, challenge=nonce)
        review.challenges.redeem(nonce, "passkey registration", hashed, now_ms=_now_ms(review))
        key = KeyRow(made.key_id, b"", PASSKEY, made.public, _clean(request.label), made.uses, review.now())
        return await _admit(review, request.invite, _clean(request.name), key)
    except Unavailable:
        raise  # nobody failed at anything
    except ZajilError:
        review.limits.take("failed_token", prefix, now=review.decisions.clock())
        raise


def login_options(review: Review) -> api.PasskeyOptions:
    """What the browser finds a passkey by: any that it has for this site."""
    nonce = review.challenges.issue("passkey login", b"", now_ms=_now_ms(review))
    return api.PasskeyOptions(passkeys.request_options(review.find_site(), challenge=nonce))


async def log_in_by_passkey(review: Review, request: api.PasskeyLogin, *, prefix: bytes) -> api.StaffSession:
    """A session by a known passkey. Raises bad-challenge, slow-down."""
    try:
        key = await _check_passkey(review, request.credential, "passkey login", b"")
    except Unavailable:
        raise  # nobody failed at anything
    except ZajilError:
        review.limits.take("failed_token", prefix, now=review.decisions.clock())
        raise
    return await _open(review, key)


async def step_up_options(review: Review, reviewer: Reviewer) -> api.PasskeyOptions:
    """What the browser asks the caller's own passkeys by."""
    known = await review.db.read(lambda db: staff.keys_of(db, reviewer.staff_id, kind=PASSKEY))
    holder = signed.digest_of(reviewer.token)
    nonce = review.challenges.issue("passkey step-up", holder, now_ms=_now_ms(review))
    return api.PasskeyOptions(passkeys.request_options(review.find_site(), challenge=nonce, allowed=known))


async def step_up_by_passkey(review: Review, reviewer: Reviewer, request: api.PasskeyLogin) -> api.Me:
    """The holder of one of the caller's passkeys is there. Raises bad-challenge."""
    key = await _check_passkey(review, request.credential, "passkey step-up", signed.digest_of(reviewer.token))
    if key.staff_id != reviewer.staff_id:
        raise error("bad-challenge")
    return await _stepped_up(review, reviewer)


async def log_out(review: Review, reviewer: Reviewer) -> api.Empty:
    """The session is over."""
    await review.db.write(lambda db: staff.delete_session(db, signed.digest_of(reviewer.token)))
    return api.Empty()


async def check_token(review: Review, token: bytes) -> Reviewer:
    """Whom a token stands for. Raises AuthError `token-expired` for an unknown, old or idle one."""
    hashed, now = signed.digest_of(token), review.now()

    def read(db: Connection) -> tuple[SessionRow, StaffRow, KeyRow] | None:
        session = staff.find_session(db, hashed)
        if session is None:
            return None
        member, key = staff.find_member(db, session.staff_id), staff.find_key(db, session.key_id)
        return (session, member, key) if member is not None and key is not None else None

    found = await review.db.read(read)
    if found is None:
        raise error("token-expired")
    session, member, key = found
    over = session.expires_at <= now or session.used_at <= now - IDLE_S or member.revoked_at is not None
    if over or (key.kind == ED25519 and not review.staff_cli):
        raise error("token-expired")
    if now - session.used_at >= TOUCH_S:
        await review.db.write(lambda db: staff.touch_session(db, hashed, now=now))
    return Reviewer(
        staff_id=member.id,
        name=member.name,
        role=parse_role(member.role),
        languages=tuple(member.languages.split()),
        categories=tuple(member.categories.split()),
        private=bool(member.private),
        key_id=key.id,
        token=token,
        expires=session.expires_at,
        stepped_up_at=session.stepped_up_at,
    )


async def read_me(review: Review, reviewer: Reviewer) -> api.Me:
    """Who the caller is here."""
    keys = await review.db.read(lambda db: len(staff.keys_of(db, reviewer.staff_id)))
    return api.Me(
        staff_id=B16(reviewer.staff_id),
        name=reviewer.name,
        role=reviewer.role,
        languages=tuple(each for each in _LANGUAGES if each in reviewer.languages),
        categories=tuple(each for each in _CATEGORIES if each in reviewer.categories),
        keys=keys,
        expires=reviewer.expires,
        stepped_up_until=reviewer.stepped_up_at + STEP_UP_S,
        needs_key=reviewer.role == "admin" and keys < ADMIN_KEYS,
        private=reviewer.private,
    )


_LANGUAGES: Final[tuple[api.Lang, ...]] = ("ar", "en", "ru", "und")
_CATEGORIES: Final[tuple[Category, ...]] = (
    "fraud",
    "violence_incitement",
    "hate",
    "harassment",
    "sexual",
    "self_harm",
    "spam",
)


async def _check_passkey(review: Review, credential: str, purpose: Purpose, holder: bytes) -> KeyRow:
    nonce, key_id = passkeys.parse_challenge(credential)
    key = await review.db.read(lambda db: staff.find_key(db, key_id))
    if key is None or key.kind != PASSKEY:
        raise error("bad-challenge")
    uses = passkeys.check_answer(review.find_site(), credential, challenge=nonce, key=key)
    review.challenges.redeem(nonce, purpose, holder, now_ms=_now_ms(review))
    await review.db.write(lambda db: staff.set_uses(db, key.id, uses))
    return key


async def _admit(review: Review, code: str, name: str, key: KeyRow) -> api.StaffSession:
    """The invite is spent, its member known, the key theirs, and a session open; all of it or nothing."""
    hashed = signed.digest_of(code.encode())
    token = review.random(TOKEN_BYTES)

    def write(db: Connection) -> SessionRow:
        row = _find_invite(review, db, hashed)
        if not staff.spend_invite(db, hashed):
            raise error("invite-spent")
        staff_id, now = _staff_id(row), review.now()
        member = staff.find_member(db, staff_id)
        if member is None:
            made = StaffRow(staff_id, name, row.role, row.languages, row.categories, row.private, now, None)
            staff.insert_member(db, made)
        elif member.revoked_at is not None:
            raise error("invite-spent")
        if staff.find_key(db, key.id) is not None:
            raise error("bad-challenge")
        staff.insert_key(db, key._replace(staff_id=staff_id))
        note(review, db, staff_id, "staff", f"key {key.kind} {row.role} {encode_b64(staff_id)}")
        return _insert_session(review, db, staff_id, key.id, token)

    session = await review.db.write(write)
    return _view(token, session)


async def _open(review: Review, key: KeyRow) -> api.StaffSession:
    token = review.random(TOKEN_BYTES)

    def write(db: Connection) -> SessionRow:
        member = staff.find_member(db, key.staff_id)
        if member is None or member.revoked_at is not None:
            raise error("bad-challenge")
        return _insert_session(review, db, member.id, key.id, token)

    return _view(token, await review.db.write(write))


def _insert_session(review: Review, db: Connection, staff_id: bytes, key_id: bytes, token: bytes) -> SessionRow:
    now = review.now()
    row = SessionRow(signed.digest_of(token), staff_id, key_id, now, now, now, now + SESSION_S)
    staff.insert_session(db, row)
    return row


async def _stepped_up(review: Review, reviewer: Reviewer) -> api.Me:
    now = review.now()
    await review.db.write(lambda db: staff.step_up_session(db, signed.digest_of(reviewer.token), now=now))
    return await read_me(review, reviewer._replace(stepped_up_at=now))


def _find_invite(review: Review, db: Connection, hashed: bytes) -> InviteRow:
    row = staff.find_invite(db, hashed, now=review.now())
    if row is None:
        raise error("invite-spent")
    return row


def _staff_id(row: InviteRow) -> bytes:
    """The member an invite is for; of a new one, known before they come: a passkey carries it."""
    return row.staff_id if row.staff_id is not None else signed.digest_of(b"zajil staff id v1" + row.hash)[:16]


def _view(token: bytes, session: SessionRow) -> api.StaffSession:
    return api.StaffSession(B32(token), session.expires_at, B16(session.staff_id), encode_b64(session.key_id))


def _check_cli(review: Review) -> None:
    if not review.staff_cli:
        raise error("not-allowed", "the command line is turned off for staff")


def _clean(text: str) -> str:
    name = " ".join(text.split())
    if not name or any(ord(each) < 32 or 0x7F <= ord(each) < 0xA0 or 0xD800 <= ord(each) < 0xE000 for each in name):
        raise error("malformed", "name")
    return name


def _now_ms(review: Review) -> int:
    return int(review.decisions.clock() * 1000)
