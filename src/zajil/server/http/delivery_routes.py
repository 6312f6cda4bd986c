"""The routes of the Delivery Service, and those of nobody: /config and /health."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import msgspec
from sqlalchemy import Connection

from zajil.auth.context import CallingDevice
from zajil.delivery import mailboxes, packages
from zajil.delivery.attachments import Attachments, OpenPiece
from zajil.delivery.context import ContactCaller, Delivery, DeviceCaller
from zajil.delivery.reports import Reporting, make_report
from zajil.engine.limits import Limits
from zajil.protocol import attachments as files
from zajil.protocol import control, limits
from zajil.protocol.control import Empty, Route
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.gate.wire import WorkChallenge
from zajil.protocol.ids import parse_b64
from zajil.server.http.auth_routes import body_of, device_of
from zajil.server.http.calls import BoundRoute, Request

_Answer = TypeVar("_Answer")
MakeInvites = Callable[[CallingDevice, int], Awaitable[control.Passes]]
_DIGITS = 10
CountPersonas = Callable[[Connection, CallingDevice, int], None]


def bind_delivery(
    delivery: Delivery, *, make_invites: MakeInvites, count_personas: CountPersonas | None
) -> Mapping[Route, BoundRoute]:
    """Every route of mailboxes, passes and key packages. make_invites: registration codes of a member.

    count_personas: lets an account have so many passes for personas or refuses, in the transaction that makes them;
    None without a public space.
    """

    async def take_refs(request: Request) -> msgspec.Struct:
        return await mailboxes.take_refs(delivery, _device(request), body_of(request, control.TakeRefs))

    async def deny_ref(request: Request) -> msgspec.Struct:
        await mailboxes.deny_ref(delivery, _device(request), parse_b64(request.parameters["serial"], size=8))
        return Empty()

    async def allow_ref(request: Request) -> msgspec.Struct:
        await mailboxes.allow_ref(delivery, _device(request), parse_b64(request.parameters["serial"], size=8))
        return Empty()

    async def take_passes(request: Request) -> msgspec.Struct:
        wanted = body_of(request, control.TakePasses)
        if wanted.kind == "invite":
            return await make_invites(device_of(request), wanted.n)
        if wanted.kind == "persona":
            if count_personas is None:
                raise error("not-allowed", "no public space")
            count, caller = count_personas, device_of(request)
            return await mailboxes.make_persona_passes(delivery, wanted.n, count=lambda db: count(db, caller, wanted.n))
        return await mailboxes.take_passes(delivery, _device(request), wanted)

    async def put_packages(request: Request) -> msgspec.Struct:
        return await packages.put(delivery, _device(request), body_of(request, control.PutKeyPackages))

    async def count_packages(request: Request) -> msgspec.Struct:
        return await packages.count(delivery, _device(request))

    async def claim(request: Request) -> msgspec.Struct:
        caller = _device(request) if request.contact is None else ContactCaller(request.contact)
        return await packages.claim(delivery, caller, body_of(request, control.ClaimKeyPackages))

    return {
        control.TAKE_REFS: take_refs,
        control.ALLOW_REF: allow_ref,
        control.DENY_REF: deny_ref,
        control.TAKE_PASSES: take_passes,
        control.PUT_KEY_PACKAGES: put_packages,
        control.COUNT_KEY_PACKAGES: count_packages,
        control.CLAIM_KEY_PACKAGES: claim,
    }


def bind_reports(reporting: Reporting) -> Mapping[Route, BoundRoute]:
    """The route of reports from private chats."""

    async def report(request: Request) -> msgspec.Struct:
        return await make_report(reporting, _device(request), body_of(request, control.MakeReport))

    return {control.MAKE_REPORT: report}


def bind_attachments(
    kept: Attachments, limits_of_all: Limits, clock: Callable[[], float]
) -> Mapping[Route, BoundRoute]:
    """Every route of attachments. What is guessed wrong counts as a failed token of its address prefix."""

    def take(bucket: str, request: Request, cost: float = 1) -> None:
        limits_of_all.take(bucket, request.peer.prefix, now=clock(), cost=cost)

    async def guarded(request: Request, work: Awaitable[_Answer]) -> _Answer:
        try:
            return await work
        except ZajilError as reason:
            if reason.code in ("gone", "pass-spent"):
                take("failed_token", request)
            raise

    async def add(request: Request) -> msgspec.Struct:
        wanted = body_of(request, files.AddAttachment)
        # Whoever has no passes must not use up what others behind the same address may announce.
        await guarded(request, kept.check(wanted))
        take("upload_prefix", request, max(1, wanted.size / limits.MIB))
        return await guarded(request, kept.add(wanted))

    async def put(request: Request) -> msgspec.Struct:
        take("piece_prefix", request)
        offset = request.query.get("offset", "")
        if not (offset.isascii() and offset.isdecimal() and len(offset) <= _DIGITS):
            raise error("malformed", "offset")
        data = request.body if isinstance(request.body, bytes) else b""
        piece = kept.put(_id(request), _token(request), offset=int(offset), data=data, prefix=_share_of(request))
        return await guarded(request, piece)

    async def offset(request: Request) -> msgspec.Struct:
        take("piece_prefix", request)
        return await guarded(request, kept.offset(_id(request), _token(request), prefix=_share_of(request)))

    async def read(request: Request) -> OpenPiece | files.Piece:
        take("piece_prefix", request)
        start, length = files.parse_range(request.range)
        bring = kept.open if request.takes_parts else kept.read
        return await bring(_id(request), start=start, length=length, prefix=_share_of(request))

    return {
        control.ADD_ATTACHMENT: add,
        control.PUT_ATTACHMENT: put,
        control.ATTACHMENT_OFFSET: offset,
        control.ATTACHMENT: read,
    }


def bind_public(
    *,
    server_name: str,
    registration: str,
    min_client: int,
    public_space: bool,
    push_key: str = "",
    challenge: Callable[[bytes], WorkChallenge] | None = None,
) -> Mapping[Route, BoundRoute]:
    """/config and /health. push_key: as /config tells it. challenge: of work, for an address prefix."""
    about = control.Config(
        server_name=server_name,
        registration=registration,
        min_client=min_client,
        suites=(limits.SUITE_XWING, limits.SUITE_RFC1),
        public_space=public_space,
        push_key=push_key,
        limits={
            "text_bytes": limits.TEXT_BYTES,
            "body_bytes": limits.BODY_BYTES,
            "commit_bytes": limits.COMMIT_BYTES,
            "welcome_bytes": limits.WELCOME_BYTES,
            "group_leaves": limits.GROUP_LEAVES,
            "account_devices": limits.ACCOUNT_DEVICES,
            "attachment_bytes": files.ATTACHMENT_BYTES,
        },
    )

    async def config(request: Request) -> msgspec.Struct:
        if challenge is None:
            return about
        return msgspec.structs.replace(about, altcha=challenge(request.peer.prefix))

    async def health(_request: Request) -> msgspec.Struct:
        return control.Health("ok")

    return {control.CONFIG: config, control.HEALTH: health}


def _device(request: Request) -> DeviceCaller:
    return DeviceCaller(*device_of(request))


def _share_of(request: Request) -> bytes:
    """Whose share of the threads this call takes: of seals that came through a bridge, which are cheap, the bridge."""
    return b"bridge" + request.peer.bridge if request.peer.bridge else request.peer.prefix


def _id(request: Request) -> bytes:
    return parse_b64(request.parameters["id"], size=16)


def _token(request: Request) -> bytes:
    if request.token is None:
        raise error("token-expired")
    return request.token
