"""Who is of the staff: invited for one role, known by name, gone when an admin says so. Every change is logged."""

from __future__ import annotations

from typing import Final, NamedTuple

from sqlalchemy import Connection

from zajil.moderation.private import store as private_reports
from zajil.moderation.review.context import INVITE_S, Review, Reviewer
from zajil.moderation.review.lists import note
from zajil.moderation.store import appeals, claims, staff
from zajil.moderation.store.staff import InviteRow, StaffRow
from zajil.protocol.control import B16
from zajil.protocol.errors import error
from zajil.protocol.ids import encode_b64, parse_b64
from zajil.protocol.review import api
from zajil.protocol.review.routes import JUDGES
from zajil.protocol.review.staff import digest_of

CODE_BYTES: Final = 18
ADMIN_KEYS: Final = 2
_ROLES: Final[tuple[api.StaffRole, ...]] = ("reviewer", "senior", "policy", "admin", "auditor")


class Made(NamedTuple):
    """An invite: its code, which is stored nowhere, and the Unix second it ends."""

    code: str
    expires: int


async def invite(review: Review, reviewer: Reviewer, request: api.NewInvite) -> api.Invite:
    """A code that one person, or one more key of the caller, comes in by.

    A key of somebody else would be a way to act as them, and an admin could open private reports to anybody: both are
    for whoever runs the server, at its own command line. Raises not-allowed.
    """
    if request.private or (request.staff is not None and bytes(request.staff) != reviewer.staff_id):
        raise error("not-allowed", "for the command line of whoever runs the server")

    def write(db: Connection) -> Made:
        made = make_invite(db, request, made_by=reviewer.staff_id, code=new_code(review.random(CODE_BYTES)), now=now)
        member = find(db, bytes(request.staff)) if request.staff is not None else None
        note(review, db, reviewer.staff_id, "staff", name_invite(request, member))
        return made

    now = review.now()
    made = await review.db.write(write)
    return api.Invite(made.code, made.expires)


def new_code(secret: bytes) -> str:
    """An invite's code of 18 random bytes."""
    return encode_b64(secret)


def make_invite(db: Connection, request: api.NewInvite, *, made_by: bytes, code: str, now: int) -> Made:
    """The invite of this code, stored by its hash. made_by: empty for whoever runs the server.

    Raises gone, malformed.
    """
    member = find(db, bytes(request.staff)) if request.staff is not None else None
    if member is None and request.private and request.role not in JUDGES:
        raise error("malformed", "private reports are for those who judge")
    row = InviteRow(
        hash=digest_of(code.encode()),
        staff_id=member.id if member is not None else None,
        role=member.role if member is not None else request.role,
        languages=" ".join(request.languages) if member is None else member.languages,
        categories=" ".join(request.categories) if member is None else member.categories,
        private=int(request.private) if member is None else member.private,
        made_by=made_by,
        expires_at=now + INVITE_S,
    )
    staff.insert_invite(db, row)
    return Made(code, row.expires_at)


def name_invite(request: api.NewInvite, member: StaffRow | None = None) -> str:
    """An invite as the log's record names it: its role, and whether it opens private reports. member: of a key's."""
    if member is not None:
        return f"invite {member.role} {encode_b64(member.id)}"
    return f"invite {request.role}{' private' if request.private else ''}"


async def list_staff(review: Review) -> api.Staff:
    """Everybody, by when they came."""

    def read(db: Connection) -> api.Staff:
        return view_staff(db)

    return await review.db.read(read)


def view_staff(db: Connection) -> api.Staff:
    """Everybody with how many keys they have."""
    keys = staff.count_keys(db)
    return api.Staff(
        tuple(
            api.Member(
                staff_id=B16(row.id),
                name=row.name,
                role=parse_role(row.role),
                languages=tuple(row.languages.split()),
                categories=tuple(row.categories.split()),
                private=bool(row.private),
                keys=keys.get(row.id, 0),
                created_at=row.created_at,
                revoked_at=row.revoked_at,
            )
            for row in staff.all_members(db)
        )
    )


async def revoke(review: Review, reviewer: Reviewer, member: str) -> api.Empty:
    """That member is of the staff no more; what they claimed is anybody's. Raises gone, not-allowed (last admin)."""
    staff_id = parse_b64(member, size=16)

    def write(db: Connection) -> None:
        revoke_in(db, staff_id, now=review.now())
        note(review, db, reviewer.staff_id, "staff", f"revoke {encode_b64(staff_id)}")

    await review.db.write(write)
    return api.Empty()


def revoke_in(db: Connection, staff_id: bytes, *, now: int) -> None:
    """`revoke` inside the caller's transaction."""
    row = find(db, staff_id)
    if row.role == "admin" and staff.count_admins(db) <= 1:
        raise error("not-allowed", "the last admin")
    staff.revoke_member(db, staff_id, now=now)
    claims.release_all(db, staff_id)
    appeals.give_back(db, staff_id)
    private_reports.release_all(db, staff_id)


def find(db: Connection, staff_id: bytes) -> StaffRow:
    """A member who is still of the staff. Raises Refused `gone`."""
    row = staff.find_member(db, staff_id)
    if row is None or row.revoked_at is not None:
        raise error("gone")
    return row


def parse_role(role: str) -> api.StaffRole:
    """A stored role."""
    for known in _ROLES:
        if known == role:
            return known
    raise error("internal", "role")
