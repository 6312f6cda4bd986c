"""Reports from private chats: what a member sends in is proven here, then handed over without group and other members.

The check needs the server's marks, which the Delivery Service makes, so it stands here; what it hands over is a
`VerifiedReport`, and without a proof a `Complaint`, which is another type. Neither is stored here. Nothing that no
member sent in himself ever comes this way. Source: service.md 9, moderation.md 12.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from zajil.delivery.context import Delivery, DeviceCaller
from zajil.delivery.mailboxes import send_notice
from zajil.engine.keys import SealBroken
from zajil.protocol import control
from zajil.protocol.chat import content
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.identity.objects import DeviceList, parse_object
from zajil.protocol.ids import AccountId, GroupId, parse_b64
from zajil.protocol.report import proofs
from zajil.protocol.report.complaint import ClaimedMessage, Complaint
from zajil.protocol.report.measures import OUTCOME_NOTICE, notice_id
from zajil.protocol.report.proofs import Claim, Proof, Proven
from zajil.protocol.report.reasons import Outcome
from zajil.protocol.report.verified import VerifiedReport

REPORTER: Final = "report"
"""What a reporter's keyed name and return address are derived and sealed for."""


@dataclass(frozen=True, kw_only=True)
class Reporting:
    """What reports work with.

    lists_of: all signed device lists of an account, oldest first; empty where there is none. take_report,
    take_complaint: store it durably before they return what its reporter is told.
    """

    delivery: Delivery
    server_name: str
    lists_of: Callable[[AccountId], Awaitable[Sequence[bytes]]]
    take_report: Callable[[VerifiedReport], Awaitable[control.ReportTaken]]
    take_complaint: Callable[[Complaint], Awaitable[control.ReportTaken]]


async def make_report(reporting: Reporting, caller: DeviceCaller, request: control.MakeReport) -> control.ReportTaken:
    """The report is with the moderators, durably.

    Raises Malformed `report-unverified` with detail `{item, check}`, Limited `slow-down`, `quota` (open complaints).
    """
    delivery = reporting.delivery
    delivery.limits.take("report", caller.account_id, now=delivery.clock())
    report_id = delivery.random(16)
    if request.complaint:
        complaint = await asyncio.to_thread(_complain, reporting, caller, report_id, request)
        return await reporting.take_complaint(complaint)
    items = [_proof(item) for item in request.items]
    claims = await asyncio.to_thread(proofs.read_claims, items, server_name=reporting.server_name)
    lists = await reporting.lists_of(claims[0].certificate.account_id)
    proven = await asyncio.to_thread(_prove, delivery, claims, lists)
    report = VerifiedReport(
        report_id=report_id,
        reporter_ref=_reporter_ref(delivery, caller),
        return_to=_return_address(delivery, caller, report_id),
        sender_account=proven[0].account,
        items=tuple(each.message for each in proven),
        accepted_at=delivery.now(),
        reason=request.reason,
        note=request.note,
        proof_hash=proofs.hash_proofs(items),
    )
    return await reporting.take_report(report)


async def tell_outcome(delivery: Delivery, report_id: bytes, return_to: bytes, outcome: Outcome) -> None:
    """The reporter's devices get the notice `report-outcome`; nothing happens where the account is gone, or
    the key that sealed who it was.

    report_id, return_to: of the report.
    """
    try:
        account = AccountId(delivery.keys.unseal(REPORTER, return_to, aad=report_id))
    except SealBroken:
        return
    found = await delivery.find_devices(account)
    boxes = () if found is None else tuple(mailbox_id for _, mailbox_id in found.devices)
    identity = notice_id(OUTCOME_NOTICE, outcome, report_id, account)
    await send_notice(delivery, boxes, OUTCOME_NOTICE, {"id": identity, "report": report_id, "outcome": outcome})


def _prove(delivery: Delivery, claims: Sequence[Claim], lists: Sequence[bytes]) -> tuple[Proven, ...]:
    # Only verified lists are stored, so that no signature of theirs is checked again here.
    parsed = [DeviceList.parse(parse_object(data).payload) for data in lists]
    now_ms = int(delivery.clock() * 1000)
    keys_of = delivery.keys.frank_keys
    return tuple(proofs.prove_claim(claim, keys_of=keys_of, lists=parsed, now_ms=now_ms) for claim in claims)


def _complain(reporting: Reporting, caller: DeviceCaller, report_id: bytes, request: control.MakeReport) -> Complaint:
    claimed = (_read_claimed(at, item.content, reporting.server_name) for at, item in enumerate(request.items))
    return Complaint(
        report_id=report_id,
        reporter_ref=_reporter_ref(reporting.delivery, caller),
        return_to=_return_address(reporting.delivery, caller, report_id),
        items=tuple(claimed),
        accepted_at=reporting.delivery.now(),
        reason=request.reason,
        note=request.note,
    )


def _read_claimed(item: int, data: bytes, server_name: str) -> ClaimedMessage:
    try:
        body = content.parse_content(data)
        _, text, sent = proofs.read_message(body, server_name=server_name)
        uri = body.extensions.get(content.SENDER_URI)
        account = AccountId(parse_b64(uri.rpartition("/")[2] if isinstance(uri, str) else "", size=16))
        if uri != content.sender_uri(server_name, account):
            raise error("malformed", "sender")
    except ZajilError:
        raise proofs.refusal(item, "content") from None
    return ClaimedMessage(text=text, account=account, sent_ms=sent)


def _proof(item: control.ReportItem) -> Proof:
    frank = None if item.frank is None else bytes(item.frank)
    head = bytes(item.content), bytes(item.sig), item.epoch, GroupId(bytes(item.gid))
    return Proof(*head, item.ts, frank, bytes(item.cert))


def _reporter_ref(delivery: Delivery, caller: DeviceCaller) -> bytes:
    return delivery.keys.pseudonym(REPORTER, caller.account_id)


def _return_address(delivery: Delivery, caller: DeviceCaller, report_id: bytes) -> bytes:
    return delivery.keys.seal(REPORTER, caller.account_id, aad=report_id, now_s=delivery.clock())
